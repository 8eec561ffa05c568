"""The points of one curve, and what they see of a model: bins and beams average it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.saxs.smearing import Smearing

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Points:
    """Where the points of a curve lie, and where the model is wanted for them."""

    q: Array
    """q of the points, 1/nm, shape (n,)."""
    q_model: Array
    """q at which the model is computed, 1/nm."""
    smearing: Smearing | None = None
    """What the instrument makes of the model, bins included."""

    @classmethod
    def of(cls, q: Array, spread: Array, smearing: Smearing | None) -> "Points":
        """Return points at `q` that stand for pixels at q ± `spread` (1/nm), or are smeared."""
        if smearing is not None:
            return cls(q, smearing.q_model, smearing)
        if spread.any():
            return cls(q, np.concatenate([q + spread, q - spread]))
        return cls(q, q)

    def see(self, model: Array) -> Array:
        """Return what the points see of a model at `q_model`, shape (m,) or (m, k)."""
        if self.smearing is not None:
            return self.smearing.apply(model)
        if self.q_model.size == self.q.size:
            return model
        half = self.q.size
        result: Array = 0.5 * (model[:half] + model[half:])
        return result
