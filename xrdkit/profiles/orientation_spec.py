"""Settings of `xrdkit.orientation`."""

import math
from dataclasses import dataclass
from typing import Literal

from xrdkit.errors import SpecError
from xrdkit.profiles.orientation_shapes import SHAPES

#: What the scattering of the band stands at right angles to, or lies along.
AXES = ("scattering", "perpendicular")


@dataclass(frozen=True, kw_only=True)
class OrientationSpec:
    """How a preferred orientation is fitted to the azimuthal intensity of a radial band."""

    range: tuple[float, float]
    """Ends of the band, in the unit of the radial axis of the cake (1/nm, degree)."""
    axis: Literal["scattering", "perpendicular"] = "scattering"
    """Which axis of the structure is told. ``"scattering"``: the direction in which it scatters
    most, such as the normals of lamellae or of lattice planes. ``"perpendicular"``: the direction
    across it, such as the axis of fibres, rods or fibrils, which scatter at right angles to
    themselves."""
    shape: Literal["maier_saupe", "gaussian", "lorentzian"] = "maier_saupe"
    """Form of the maximum over azimuth χ, with period 180°: exp(m cos²χ) (Maier-Saupe, which is
    the von Mises distribution of 2χ), a wrapped Gaussian or a wrapped Lorentzian."""
    isotropic: bool = True
    """Whether part of the intensity may be the same in all directions."""
    director: float | None = None
    """Azimuth, degree, of the axis of symmetry of the sample (fibre axis, direction of drawing),
    from which Hermans' factor counts. None: the fitted direction itself."""

    def __post_init__(self) -> None:
        ends = tuple(self.range) if isinstance(self.range, list | tuple) else ()
        if len(ends) != 2 or not (all(map(_is_number, ends)) and 0 <= ends[0] < ends[1]):
            raise SpecError(f"range {self.range!r} is not 0 <= low < high")
        if self.axis not in AXES:
            raise SpecError(f"axis is {self.axis!r}, not one of {', '.join(AXES)}")
        if self.shape not in SHAPES:
            raise SpecError(f"shape is {self.shape!r}, not one of {', '.join(SHAPES)}")
        if not isinstance(self.isotropic, bool):
            raise SpecError(f"isotropic is {self.isotropic!r}, not true or false")
        if self.director is not None and not _is_number(self.director):
            raise SpecError(f"director must be an azimuth in degree, not {self.director!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
