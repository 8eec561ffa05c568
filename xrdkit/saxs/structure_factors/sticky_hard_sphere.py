"""Sticky hard spheres: a thin attractive well around a hard core, Percus-Yevick closure.

Baxter's adhesive limit with a well of finite width (C. Regnaut, J. C. Ravey, J. Chem. Phys. 91
(1989) 1211; S. V. G. Menon, C. Manohar, K. S. Rao, J. Chem. Phys. 95 (1991) 9186). σ is the
diameter of the hard core, Δ the width of the well, ε = Δ/(σ + Δ); the well's outer diameter is d =
σ/(1 - ε), its volume fraction η = η_core/(1 - ε)³. The stickiness τ = (1/12ε) exp(u/kT), u < 0 the
depth of the well: small τ attracts. λ is the smaller root of (η/12) λ² - (τ + η/(1 - η)) λ
+ (1 + η/2)/(1 - η)² = 0, μ = λη(1 - η), α = (1 + 2η - μ)/(1 - η)², β = (μ - 3η)/2(1 - η)².
For τ → ∞ they are hard spheres of diameter d. There is no solution where the root is not real or
μ > 1 + 2η: S is NaN there.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from xrdkit.errors import SpecError
from xrdkit.saxs.quantity import Given, Quantity
from xrdkit.saxs.structure_factors.baxter import baxter
from xrdkit.saxs.structure_factors.hard_sphere import EFFECTIVE_VOLUME_FRACTION, RADIUS_RATIO
from xrdkit.saxs.structure_factors.structure_factor import Array, Factor, StructureFactor


def sticky_hard_sphere(
    q: ArrayLike,
    *,
    radius: float,
    effective_volume_fraction: float,
    stickiness: float,
    well_width: float = 0.05,
) -> Array:
    """Return S(q) of sticky hard spheres, shape of `q`.

    `q` in 1/nm; `radius` of the hard core in nm; `effective_volume_fraction` of the cores;
    `stickiness` τ; `well_width` ε, the width of the well over the outer diameter. Raises SpecError
    where there is no solution: the spheres would have condensed.
    """
    if not (min(radius, effective_volume_fraction, stickiness) > 0 <= well_width < 0.5):
        raise SpecError("radius, volume fraction and stickiness must be positive, well_width < 0.5")
    axis = np.atleast_1d(np.asarray(q, dtype=np.float64))
    s = _factor(2.0 * radius * axis, effective_volume_fraction, stickiness, well_width)[0]
    if np.isnan(s).any():
        raise SpecError(
            f"no fluid of stickiness {stickiness:g} at volume fraction"
            f" {effective_volume_fraction:g}: these spheres condense",
            hint="a larger stickiness attracts less",
        )
    return s.reshape(np.shape(q))


def _factor(
    diameter_q: Array, core: float, tau: float, width: float
) -> tuple[Array, Array, Array, Array, Array]:
    """Return S, dS/d ln k, and dS by the core fraction, ln τ and ε."""
    room_width = 1.0 - width
    eta = core / room_width**3
    room = 1.0 - eta
    k = diameter_q / room_width
    a, b, c = eta / 12.0, tau + eta / room, (1.0 + 0.5 * eta) / room**2
    inside = b * b - 4.0 * a * c
    if not (inside > 0 and room > 0):
        return (np.full_like(k, math.nan),) * 5
    root = math.sqrt(inside)
    # The smaller root without cancellation; c/b where a vanishes.
    lam = 2.0 * c / (b + root)
    mu = lam * eta * room
    if mu > 1.0 + 2.0 * eta:
        return (np.full_like(k, math.nan),) * 5
    alpha, beta = (1.0 + 2.0 * eta - mu) / room**2, 0.5 * (mu - 3.0 * eta) / room**2
    s, by_log_k, (by_eta, by_alpha, by_beta, by_lam) = baxter(k, eta, alpha, beta, lam)
    # aλ² - bλ + c = 0: dλ = -(da λ² - db λ + dc)/(2aλ - b), and 2aλ - b = -root.
    c_slope = 0.5 / room**2 + 2.0 * c / room
    lam_eta = (lam * lam / 12.0 - lam / room**2 + c_slope) / root
    lam_tau = -lam / root

    def through(lam_slope: float, direct: bool) -> Array:
        one = 1.0 if direct else 0.0
        mu_slope = lam_slope * eta * room + one * lam * (1.0 - 2.0 * eta)
        alpha_slope = (2.0 * one - mu_slope) / room**2 + one * 2.0 * alpha / room
        beta_slope = 0.5 * (mu_slope - 3.0 * one) / room**2 + one * 2.0 * beta / room
        result: Array = (
            one * by_eta + by_alpha * alpha_slope + by_beta * beta_slope + by_lam * lam_slope
        )
        return result

    total_eta = through(lam_eta, True)
    by_width = total_eta * 3.0 * eta / room_width + by_log_k / room_width
    return s, by_log_k, total_eta / room_width**3, tau * through(lam_tau, False), by_width


@dataclass(frozen=True, kw_only=True)
class StickyHardSphere(StructureFactor):
    """Hard spheres with a thin attractive well."""

    kind = "sticky_hard_sphere"

    effective_volume_fraction: Given = None
    """η of the hard cores, not tied to the volume fraction φ of the particles."""
    stickiness: Given = None
    """τ, no unit; small ones attract, below about 0.1 spheres condense."""
    well_width: Given = None
    """ε, width of the well over its outer diameter; 0.05 and fixed unless stated."""
    radius_ratio: Given = None
    """Radius of the hard core over radius of the particle; 1 and fixed unless stated."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """η, τ, ε and the ratio of radii."""
        return (EFFECTIVE_VOLUME_FRACTION, STICKINESS, WELL_WIDTH, RADIUS_RATIO)

    def factor(self, q: Array, radius: Array, values: Mapping[str, float]) -> Factor:
        """Return S and its derivatives; see `StructureFactor.factor`."""
        ratio, tau = values["radius_ratio"], values["stickiness"]
        s, by_log_k, by_eta, by_log_tau, by_width = _factor(
            2.0 * ratio * q * radius,
            values["effective_volume_fraction"],
            tau,
            values["well_width"],
        )
        slopes = {
            "effective_volume_fraction": by_eta,
            "stickiness": by_log_tau / tau,
            "well_width": by_width,
            "radius_ratio": by_log_k / ratio,
        }
        return Factor(s, slopes, by_log_k)


STICKINESS = Quantity(
    name="stickiness",
    unit="1",
    what="stickiness τ: small ones attract",
    low=0.02,
    high=1e4,
    scale="log",
)
WELL_WIDTH = Quantity(
    name="well_width",
    unit="1",
    what="width of the attractive well over its outer diameter",
    low=1e-4,
    high=0.3,
    start=0.05,
    vary=False,
)
