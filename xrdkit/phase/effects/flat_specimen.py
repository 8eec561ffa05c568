"""A flat sample under a divergent beam: its ends lie off the focusing circle.

For the full divergence α (rad) lines spread over ε from -(α²/2) cot θ to 0 with the density
1/√|ε| (Cheary & Coelho, J. Appl. Cryst. 25 (1992) 109): a shift of the mean by -(α²/6) cot θ
(Wilson 1963) and the variance (4/45) (α²/2)² cot² θ, which is taken as Gaussian.
"""

import numpy as np

from xrdkit.phase.effects.effect import HALF_DEGREE, Effect, LineState, Situation, Values

_SHIFT = 1.0 / 6.0
#: Squared FWHM of a Gaussian over (α²/2 cot θ)².
_WIDTH = 8.0 * np.log(2.0) * 4.0 / 45.0


class FlatSpecimen(Effect):
    """Shift and width by the equatorial divergence, which is known."""

    def __init__(self, situation: Situation) -> None:
        """Read the divergence from the settings."""
        self._squared = np.radians(situation.spec.divergence) ** 2

    def apply(self, lines: LineState, values: Values) -> None:
        """Move and widen lines."""
        if self._squared == 0.0:
            return
        cotangent = 1.0 / lines.tan
        rise = -(1.0 + cotangent**2)  # of cot θ per rad of θ
        lines.position -= np.degrees(_SHIFT * self._squared) * cotangent
        lines.position_by_angle -= np.degrees(_SHIFT * self._squared) * rise * HALF_DEGREE
        spread = _WIDTH * np.degrees(0.5 * self._squared) ** 2
        lines.gauss_squared += spread * cotangent**2
        lines.gauss_squared_by_angle += 2.0 * spread * cotangent * rise * HALF_DEGREE
