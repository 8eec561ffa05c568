"""Hard spheres in the Percus-Yevick approximation.

J. K. Percus, G. J. Yevick, Phys. Rev. 110 (1958) 1; M. S. Wertheim, Phys. Rev. Lett. 10 (1963) 321;
in Baxter's form: α = (1 + 2η)/(1 - η)², β = -3η/2(1 - η)², λ = 0. S(0) = (1 - η)⁴/(1 + 2η)².
Golden numbers: S(0) at η = 0.3 is 0.0937890625; η below about 0.49 is a fluid.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xrdkit.errors import SpecError
from xrdkit.saxs.quantity import Given, Quantity
from xrdkit.saxs.structure_factors.baxter import baxter
from xrdkit.saxs.structure_factors.structure_factor import Array, Factor, StructureFactor

HIGHEST_ETA = 0.6


def hard_sphere(q: ArrayLike, *, radius: float, effective_volume_fraction: float) -> Array:
    """Return S(q) of hard spheres, shape of `q`.

    `q` in 1/nm, `radius` of interaction in nm, `effective_volume_fraction` η from 0 to 0.6. Raises
    SpecError outside.
    """
    if not 0 <= effective_volume_fraction <= HIGHEST_ETA:
        raise SpecError(
            f"effective_volume_fraction {effective_volume_fraction} is outside 0 to {HIGHEST_ETA}"
        )
    if not radius > 0:
        raise SpecError(f"radius {radius} nm is not positive")
    k = 2.0 * radius * np.atleast_1d(np.asarray(q, dtype=np.float64))
    return _factor(k, effective_volume_fraction)[0].reshape(np.shape(q))


def _factor(k: Array, eta: float) -> tuple[Array, Array, Array]:
    """Return S, dS/d ln k and dS/dη."""
    room = 1.0 - eta
    alpha, beta = (1.0 + 2.0 * eta) / room**2, -1.5 * eta / room**2
    s, by_log_k, (by_eta, by_alpha, by_beta, _) = baxter(k, eta, alpha, beta, 0.0)
    alpha_slope = 2.0 / room**2 + 2.0 * alpha / room
    beta_slope = -1.5 / room**2 + 2.0 * beta / room
    return s, by_log_k, by_eta + by_alpha * alpha_slope + by_beta * beta_slope


@dataclass(frozen=True, kw_only=True)
class HardSphere(StructureFactor):
    """Hard spheres that keep a distance of `radius_ratio` times their diameter."""

    kind = "hard_sphere"

    effective_volume_fraction: Given = None
    """η, the share of the volume that the spheres of interaction take; not tied to the volume
    fraction φ of the particles, which follows from the scattering power."""
    radius_ratio: Given = None
    """Radius of interaction over radius of the particle; 1 and fixed unless stated."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """η and the ratio of radii."""
        return (EFFECTIVE_VOLUME_FRACTION, RADIUS_RATIO)

    def factor(self, q: Array, radius: Array, values: Mapping[str, float]) -> Factor:
        """Return S and its derivatives; see `StructureFactor.factor`."""
        ratio = values["radius_ratio"]
        k = 2.0 * ratio * q * radius
        s, by_log_k, by_eta = _factor(k, values["effective_volume_fraction"])
        return Factor(
            s,
            {"effective_volume_fraction": by_eta, "radius_ratio": by_log_k / ratio},
            by_log_k,
        )


EFFECTIVE_VOLUME_FRACTION = Quantity(
    name="effective_volume_fraction",
    unit="1",
    what="share of the volume that the spheres of interaction take",
    low=0.0,
    high=HIGHEST_ETA,
)
RADIUS_RATIO = Quantity(
    name="radius_ratio",
    unit="1",
    what="radius of interaction over radius of the particle",
    low=0.2,
    high=10.0,
    start=1.0,
    vary=False,
)
