"""A curve as its file has it, before units are settled."""

from dataclasses import dataclass, field

from xrdkit.curves.columns import Columns


@dataclass(frozen=True, kw_only=True)
class RawCurve:
    """Numbers of a file with what the file says about them."""

    columns: Columns
    """The numbers."""
    unit: str | None = None
    """Unit of the abscissa that the file or its format states; None where it does not."""
    intensity_unit: str | None = None
    """Unit of the intensity that the file states; None where it does not."""
    wavelength: float | None = None
    """Wavelength that the file states, ångström; None where it does not."""
    attrs: dict[str, str | int | float] = field(default_factory=dict)
    """Further facts, kept as attributes of the Dataset."""
