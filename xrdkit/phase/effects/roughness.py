"""Roughness of a flat sample: lines at low angles are weaker.

Amplitudes are multiplied by

* Suortti (J. Appl. Cryst. 5 (1972) 325):  (a + (1 - a) exp(-b/sin θ))/(a + (1 - a) exp(-b))
* Pitschke, Hermann & Mattern (Powder Diffr. 8 (1993) 74):
  (1 - a (1/sin θ - b/sin² θ))/(1 - a + a b)

1 at θ = 90 degree. Angles are those of the cell at the start.
"""

from collections.abc import Sequence

import numpy as np

from xrdkit.phase.absorption_spec import Roughness
from xrdkit.phase.cell import inverse_d_squared
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

ROUGHNESS_A, ROUGHNESS_B = "roughness_a", "roughness_b"
#: No roughness makes a line weaker than this.
_WEAKEST = 1e-3


class SurfaceRoughness(Effect):
    """Two parameters for all phases."""

    def __init__(self, situation: Situation) -> None:
        """Take the angles of the lines from the cell at the start."""
        self._spec = situation.spec.roughness
        angle = bragg_angle(
            inverse_d_squared(situation.hkl, situation.structure.cell), situation.wavelength
        )
        self._way = 1.0 / np.sin(np.radians(0.5 * np.where(np.isfinite(angle), angle, 179.0)))

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return ``roughness_a`` and ``roughness_b``."""
        spec = self._spec
        if spec is None:
            return ()
        ranges = ((ROUGHNESS_A, spec.a, (0.0, 1.0)), (ROUGHNESS_B, spec.b, spec.range_of_b))
        return [
            Parameter(
                key=key,
                start=start,
                neutral=start,
                unit=0.1,
                free=spec.refine,
                low=low,
                high=high,
                late=True,
            )
            for key, start, (low, high) in ranges
        ]

    def _parts(self, spec: Roughness, values: Values) -> tuple[Array, Array, Array]:
        """Return the factor (n,) and the derivatives of its logarithm by a and b."""
        a, b = values[ROUGHNESS_A], values[ROUGHNESS_B]

        def bare(way: Array) -> tuple[Array, Array, Array]:
            if spec.model == "suortti":
                fall = np.exp(-b * way)
                return a + (1.0 - a) * fall, 1.0 - fall, -(1.0 - a) * way * fall
            hidden = way - b * way**2
            return 1.0 - a * hidden, -hidden, a * way**2

        (value, by_a, by_b), (top, top_a, top_b) = bare(self._way), bare(np.ones(1))
        weak = value < _WEAKEST
        inside = np.where(weak, _WEAKEST, value)
        above = np.maximum(top, _WEAKEST)
        return (
            inside / above,
            np.where(weak, 0.0, by_a / inside) - top_a / above,
            np.where(weak, 0.0, by_b / inside) - top_b / above,
        )

    def apply(self, lines: LineState, values: Values) -> None:
        """Multiply the amplitudes."""
        if self._spec is not None:
            lines.amplitude *= self._parts(self._spec, values)[0]

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return the derivative of the logarithm of the factor."""
        if self._spec is None:
            return Change()
        return Change(amplitude=self._parts(self._spec, values)[1 if key == ROUGHNESS_A else 2])
