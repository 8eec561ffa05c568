"""Scattering vectors in the frame of a flat sample: components in its plane and along its normal.

A beam of wavelength λ meets a sample surface at the angle α; the surface is turned about the beam
by the tilt χ. With k = 2π/λ and the direction (x, y, z)/r from the sample to a pixel, x sideways,
y up, z along the beam, after the orientation of the sample was applied,

    q_b = k (z/r - 1),  q_h = k x/r,  q_v = k y/r
    q_beam = q_b cos α + q_v sin α
    q_side = q_h cos χ + (q_v cos α - q_b sin α) sin χ
    q_out_of_plane = (q_v cos α - q_b sin α) cos χ - q_h sin χ
    q_in_plane = ±√(q_beam² + q_side²), the sign that of q_side.

Conventions are pyFAI's (`qip_nm^-1`, `qoop_nm^-1`; Gutiérrez Fernández & Kieffer, ESRF).
"""

import math
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from xrdkit.geometry import Calibration, RadialUnit
from xrdkit.integration.assignment import Array, Shape

Axis = Literal["q_in_plane", "q_out_of_plane"]
AXES: tuple[Axis, Axis] = ("q_in_plane", "q_out_of_plane")
#: Orientation 1 to 8 -> (x, y) of the sample as signed multiples of (sideways, up).
_ORIENTATIONS = {
    1: ((1, 0), (0, 1)),
    2: ((-1, 0), (0, 1)),
    3: ((-1, 0), (0, -1)),
    4: ((1, 0), (0, -1)),
    5: ((0, -1), (-1, 0)),
    6: ((0, -1), (1, 0)),
    7: ((0, 1), (1, 0)),
    8: ((0, 1), (-1, 0)),
}


@dataclass(frozen=True, kw_only=True)
class SampleFrame:
    """How a flat sample lies in the beam."""

    incident_angle: float
    """Angle α between beam and surface, degree."""
    tilt_angle: float
    """Angle χ by which the surface is turned about the beam, degree."""
    orientation: int
    """1 to 8: how the normal of the sample lies on the frame, as in pyFAI and EXIF."""

    def axes(
        self,
        calibration: Calibration,
        shape: Shape,
        offset: tuple[float, float] = (0.0, 0.0),
        shift: Array | None = None,
    ) -> tuple[Array, Array]:
        """Return q_in_plane and q_out_of_plane of all pixels in 1/nm, each of `shape`.

        `offset` and `shift` as in `Calibration.positions`. Where q_side is 0, q_in_plane is not
        positive, as in pyFAI.
        """
        up, side, along = calibration.positions(shape, offset, shift)
        across, rise = _ORIENTATIONS[self.orientation]
        x = across[0] * side + across[1] * up
        y = rise[0] * side + rise[1] * up
        length = np.sqrt(x**2 + y**2 + along**2)
        k = 20.0 * math.pi / calibration.wavelength
        # z/r - 1 without the difference of two numbers near 1.
        back = -k * (x**2 + y**2) / (length * (length + along))
        level, high = k * x / length, k * y / length
        si, ci = _turn(self.incident_angle)
        st, ct = _turn(self.tilt_angle)
        beam = ci * back + si * high
        normal = ci * high - si * back
        sideways = ct * level + st * normal
        in_plane = np.hypot(beam, sideways) * np.where(sideways > 0, 1.0, -1.0)
        return in_plane, ct * normal - st * level


@dataclass(frozen=True, kw_only=True)
class Component(Calibration):
    """A calibration whose radial coordinate is one component of q in the frame of a sample."""

    frame: SampleFrame
    """How the sample lies."""
    along: Axis
    """The component, 1/nm, whatever unit is asked for."""

    def radial(
        self,
        shape: Shape,
        unit: RadialUnit,
        offset: tuple[float, float] = (0.0, 0.0),
        shift: Array | None = None,
    ) -> Array:
        """Return the component of every pixel, 1/nm, of `shape`."""
        return self.components(shape, offset, shift)[0]

    def components(
        self,
        shape: Shape,
        offset: tuple[float, float] = (0.0, 0.0),
        shift: Array | None = None,
    ) -> tuple[Array, Array]:
        """Return the component and the other one of every pixel, 1/nm, each of `shape`."""
        in_plane, out_of_plane = self.frame.axes(self, shape, offset, shift)
        return (in_plane, out_of_plane) if self.along == AXES[0] else (out_of_plane, in_plane)


@dataclass(frozen=True, kw_only=True)
class Cells(Component):
    """A `Component` whose azimuth stands for the bins of the other one.

    The sums of a reduction run over a radial and an azimuthal bin of every pixel. Here the azimuth
    of a pixel is the middle of the sector that bears the number of its bin on the other component.
    """

    low: float
    """Lowest edge on the other component, 1/nm."""
    high: float
    """Highest edge, 1/nm."""
    number: int
    """Number of bins between them."""

    @property
    def edges(self) -> Array:
        """Edges of the bins on the other component, 1/nm, shape (number + 1,)."""
        return np.linspace(self.low, self.high, self.number + 1)

    def radial(
        self,
        shape: Shape,
        unit: RadialUnit,
        offset: tuple[float, float] = (0.0, 0.0),
        shift: Array | None = None,
    ) -> Array:
        """Return the component of every pixel, 1/nm; NaN where the other one has no bin."""
        value, other = self.components(shape, offset, shift)
        return np.where((other >= self.low) & (other < self.high), value, np.nan)

    def azimuth(self, shape: Shape, shift: Array | None = None) -> Array:
        """Return the middle of the sector of the bin of the other component, degree."""
        _, other = self.components(shape, shift=shift)
        place = np.searchsorted(self.edges, other, side="right") - 1
        return -180.0 + 360.0 * (np.clip(place, 0, self.number - 1) + 0.5) / self.number


def component(calibration: Calibration, frame: SampleFrame, along: Axis) -> Component:
    """Return `calibration` as one that sees the component `along` of q."""
    own = {f.name: getattr(calibration, f.name) for f in fields(Calibration)}
    return Component(**own, frame=frame, along=along)


def cells(seen: Component, other: tuple[float, float], number: int) -> Cells:
    """Return `seen` with the range `other` of the other component in `number` bins.

    Its errors are left out: those of two components are not those of one (`sample_error`).
    """
    own = {f.name: getattr(seen, f.name) for f in fields(Component)}
    return Cells(**{**own, "covariance": None}, low=other[0], high=other[1], number=number)


def _turn(angle: float) -> tuple[float, float]:
    """Return sine and cosine of an angle in degree."""
    return math.sin(math.radians(angle)), math.cos(math.radians(angle))
