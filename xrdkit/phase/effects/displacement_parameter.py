"""One displacement parameter for all atoms of a phase, beside those of its sites.

Amplitudes are multiplied by exp(-2 ΔB s²), s = sin θ/λ.
"""

from collections.abc import Sequence

import numpy as np

from xrdkit.phase.cell import inverse_d_squared
from xrdkit.phase.effects.effect import (
    Change,
    Effect,
    LineState,
    Parameter,
    Situation,
    Values,
    phase_key,
)

#: s² in 1/Å² of 1/d² in 1/nm².
_S_SQUARED = 2.5e-3


class OverallB(Effect):
    """What is added to the B of every atom."""

    def __init__(self, situation: Situation) -> None:
        """Take s of the lines from the cell at the start."""
        spec = situation.spec
        self._free = spec.b_iso and spec.mode_of(situation.structure.name) == "rietveld"
        self._key = phase_key(situation.phase, "b_iso")
        squared = inverse_d_squared(situation.hkl, situation.structure.cell)
        self._damping = -2.0 * _S_SQUARED * squared

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return ΔB, Å²."""
        return (
            Parameter(
                key=self._key,
                units="angstrom^2",
                start=0.0,
                neutral=0.0,
                unit=1.0,
                free=self._free,
                low=-5.0,
                high=10.0,
                late=True,
            ),
        )

    def apply(self, lines: LineState, values: Values) -> None:
        """Damp the amplitudes."""
        b_iso = values[self._key]
        if b_iso != 0.0:
            lines.amplitude *= np.exp(self._damping * b_iso)

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return -2 s²."""
        return Change(amplitude=self._damping)
