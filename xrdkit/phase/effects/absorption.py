"""Absorption of the sample by angle.

Amplitudes are multiplied by A relative to the forward direction, as the transmission that frames
are divided by is (`plate_reflection`: relative to a thick plate):

* capillary:        A(2θ)/A(0) of `xrdkit.phase.cylinder`
* plate_symmetric:  exp(-µt (1/cos θ - 1))/cos θ, the volume in the beam included
* plate_normal:     (1 - exp(-x))/x, x = µt (1/cos 2θ - 1)
* plate_reflection: 1 - exp(-2 µt/sin θ)

International Tables for Crystallography C (2004), section 6.3.3. Angles are those of the cell at
the start.
"""

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import CubicSpline

from xrdkit.errors import SpecError
from xrdkit.phase.absorption_spec import Absorption
from xrdkit.phase.cell import inverse_d_squared
from xrdkit.phase.cylinder import cylinder_transmission
from xrdkit.phase.effects.effect import (
    Array,
    Change,
    Effect,
    LineState,
    Parameter,
    Situation,
    Values,
)
from xrdkit.phase.positions import bragg_angle

ABSORPTION = "absorption"
#: Angles at which a cylinder is integrated, and largest angle for a plate across the beam, degree.
_GRID = tuple(float(v) for v in np.linspace(0.0, 180.0, 46))
_STEEPEST = 85.0
_SMALL = 1e-4


class SampleAbsorption(Effect):
    """Capillary or plate; one parameter for all phases."""

    def __init__(self, situation: Situation) -> None:
        """Take the angles of the lines from the cell at the start."""
        spec = situation.spec.absorption
        self._spec = spec
        if spec is None:
            return
        if spec.kind == "plate_normal" and situation.limits[1] > _STEEPEST:
            raise SpecError(
                f"a plate across the beam lets nothing out at {situation.limits[1]:.4g} degree",
                hint=f"absorption 'plate_normal' holds for 2θ up to {_STEEPEST:g} degree",
            )
        angle = bragg_angle(
            inverse_d_squared(situation.hkl, situation.structure.cell), situation.wavelength
        )
        angle = np.where(np.isfinite(angle), angle, 179.0)
        self._angle = np.minimum(angle, _STEEPEST) if spec.kind == "plate_normal" else angle
        if spec.kind == "capillary":
            self._from_grid = CubicSpline(_GRID, np.eye(len(_GRID)))(self._angle)

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return ``absorption``: µR or µt."""
        spec = self._spec
        if spec is None:
            return ()
        return (
            Parameter(
                key=ABSORPTION,
                start=spec.amount,
                neutral=spec.amount,
                unit=0.1,
                free=spec.refine,
                low=0.0,
                high=spec.most,
                late=True,
            ),
        )

    def _logarithm(self, spec: Absorption, amount: float) -> tuple[Array, Array]:
        """Return ln A and its derivative by µR or µt (n,)."""
        theta = np.radians(0.5 * self._angle)
        if spec.kind == "capillary":
            value, slope = cylinder_transmission(amount, _GRID)
            logarithm, relative = np.log(value), slope / value
            return (
                self._from_grid @ (logarithm - logarithm[0]),
                self._from_grid @ (relative - relative[0]),
            )
        if spec.kind == "plate_symmetric":
            longer = 1.0 / np.cos(theta) - 1.0
            return np.log1p(longer) - amount * longer, -longer
        if spec.kind == "plate_normal":
            longer = 1.0 / np.cos(2.0 * theta) - 1.0
            x = amount * longer
            small = x < _SMALL
            safe = np.where(small, 1.0, x)
            value = np.where(small, 1.0 - 0.5 * x, -np.expm1(-safe) / safe)
            slope = np.where(small, -0.5 + x / 12.0, 1.0 / np.expm1(safe) - 1.0 / safe)
            return np.log(value), longer * slope
        way = 2.0 / np.sin(theta)
        x = np.maximum(amount * way, 1e-12)
        return np.log(-np.expm1(-x)), way / np.expm1(np.minimum(x, 700.0))

    def apply(self, lines: LineState, values: Values) -> None:
        """Multiply the amplitudes."""
        if self._spec is not None:
            lines.amplitude *= np.exp(self._logarithm(self._spec, values[ABSORPTION])[0])

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return the derivative of ln A."""
        if self._spec is None:
            return Change()
        return Change(amplitude=self._logarithm(self._spec, values[key])[1])
