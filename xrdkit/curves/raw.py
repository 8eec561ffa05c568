"""A curve as its file has it, before units are settled."""

from dataclasses import dataclass, field

from xrdkit.curves.columns import Columns
from xrdkit.radiation import Radiation


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Numbers, from 0, of the columns of a text file by what they hold; None where not known."""

    abscissa: int | None = None
    """Column of q."""
    intensity: int | None = None
    """Column of the intensity."""
    sigma: int | None = None
    """Column of its standard error."""
    resolution: int | None = None
    """Column of the standard deviation of q."""


@dataclass(frozen=True, kw_only=True)
class RawCurve:
    """Numbers of one scan of a file with what the file says about them."""

    columns: Columns
    """The numbers."""
    unit: str | None = None
    """Unit of the abscissa that the file or its format states; None where it does not."""
    intensity_unit: str | None = None
    """Unit of the intensity that the file states; None where it does not."""
    default_unit: str | None = None
    """Unit of the intensity where neither file nor user states one; None: by the abscissa."""
    wavelength: float | None = None
    """Wavelength that the file states, ångström; None where it does not."""
    beam: Radiation | None = None
    """Emission lines that the file states; None where it states at most one wavelength."""
    facts: dict[str, float | str] = field(default_factory=dict)
    """What the file says of the measurement, by the names of `xrdkit.curves.facts`."""
    attrs: dict[str, str | int | float] = field(default_factory=dict)
    """Further facts, kept as attributes of the Dataset."""
    name: str = ""
    """Name of the scan in the file, where it has one: named curves are no repetitions."""
    refused: str | None = None
    """Why this scan is no curve over q or the scattering angle; None where it is one."""
