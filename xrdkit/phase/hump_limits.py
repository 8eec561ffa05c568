"""What the humps of a background may be."""

from collections.abc import Sequence

from xrdkit.errors import SpecError

_MOST = 12


def check_humps(humps: Sequence[tuple[float, float]]) -> None:
    """Raise SpecError for humps that are none: (position, FWHM) in degree."""
    if len(humps) > _MOST:
        raise SpecError(f"{len(humps)} humps are too many: at most {_MOST}")
    for position, width in humps:
        if not (0.0 < position < 180.0 and 0.1 <= width <= 90.0):
            raise SpecError(
                f"hump ({position}, {width}) is outside 0 to 180 degree, or its width outside 0.1"
                " to 90 degree"
            )
    if len({(position, width) for position, width in humps}) < len(humps):
        raise SpecError("two humps start at the same place with the same width")
