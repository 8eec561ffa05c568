"""What every structure factor is: its parameters, S(q) and derivatives.

With polydisperse particles S is used in one of two approximations. *Local monodisperse*: each
particle sits among others of its own size, I = Σ_j n_j F_j² S(q, R_j) (J. S. Pedersen, J. Appl.
Cryst. 27 (1994) 595). *Decoupling*: sizes and places are independent, I = n <F²> [1 + β (S(q, R) -
1)] with β = <F>²/<F²> and R the radius of the mean volume (M. Kotlarchyk, S.-H. Chen, J. Chem.
Phys. 79 (1983) 2461).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import SpecError
from xrdkit.saxs.quantity import Part

Array = NDArray[np.float64]
Approximation = Literal["local_monodisperse", "decoupling"]
APPROXIMATIONS: tuple[Approximation, ...] = get_args(Approximation)


@dataclass(frozen=True)
class Factor:
    """S at some q and radii."""

    value: Array
    """S(q), no unit."""
    slopes: dict[str, Array]
    """dS by each parameter of the structure factor."""
    by_log_radius: Array
    """dS/d ln R."""


@dataclass(frozen=True, kw_only=True)
class StructureFactor(Part):
    """Base of the structure factors."""

    approximation: Approximation = "local_monodisperse"
    """How particles of different size are treated."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.approximation not in APPROXIMATIONS:
            raise SpecError(
                f"approximation is {self.approximation!r}, not one of {', '.join(APPROXIMATIONS)}"
            )

    def factor(self, q: Array, radius: Array, values: Mapping[str, float]) -> Factor:
        """Return S and its derivatives at `q` (1/nm) for particles of `radius` (nm).

        The two broadcast. `values` has every parameter of `quantities` by name.
        """
        raise NotImplementedError
