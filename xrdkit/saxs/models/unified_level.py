"""One level of the unified equation: Guinier's law and the power law of the same structure.

I(q) = {G exp(-q²Rg²/3) + B exp(-q²Rc²/3) [erf(k q Rg/√6)³/q]^P} / {1 + p θ(qξ)}: k = 1 for P > 3
and 1.06 below (smooth over about 0.2, as a step would make minima of its own), Rc the radius of
gyration of the next smaller level (G. Beaucage, J. Appl. Cryst. 28 (1995) 717; 29 (1996) 134);
θ(x) = 3(sin x - x cos x)/x³ and packing p weaken small angles where structures of distance ξ keep
apart (G. Beaucage, D. A. Schaefer, J. Non-Cryst. Solids 172-174 (1994) 797), p = 0 unless stated.
For spheres of any size distribution PDI = B Rg⁴/1.62 G; of a lognormal one s = √(ln(PDI)/12) is the
width and √(5/3) Rg exp(-7 s²) the number median (G. Beaucage, H. K. Kammler, S. E. Pratsinis, J.
Appl. Cryst. 37 (2004) 523). Golden number: G = 100, Rg = 5, B = 0.01, P = 4, q = 1: 0.0335797.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import erf

from xrdkit.saxs.kernel import sphere_amplitude
from xrdkit.saxs.models.component import Array, Component, Curve, Derived, Values, length_grid
from xrdkit.saxs.models.power_law import CUTOFF, POWER, PREFACTOR
from xrdkit.saxs.quantity import Given, Quantity

#: B Rg⁴/G of spheres of one size, (9/2)(3/5)².
_SPHERE = 1.62
_SURFACE = 0.2
#: A level starts at so many times the size of the one below.
_LARGER = 1.4
_TINY = 1e-300
#: k - 1 of mass fractals, and over which P it goes to 0.
_MASS_FRACTAL, _STEP_WIDTH = 0.06, 0.1


@dataclass(frozen=True, kw_only=True)
class UnifiedLevel(Component):
    """A structural level; list levels from the smallest to the largest."""

    kind = "unified_level"
    numbered = True
    ordered_by = "radius_of_gyration"

    guinier: Given = None
    """G, unit of the intensity."""
    radius_of_gyration: Given = None
    """Rg, nm."""
    prefactor: Given = None
    """B, unit of the intensity / nm^P."""
    power: Given = None
    """P, no unit, 0.5 to 6."""
    cutoff: Given = None
    """Rc, nm; tied to Rg of the level listed before unless stated, 0 for the first."""
    packing: Given = None
    """p, no unit, 0 to 8; 0 and fixed unless stated."""
    correlation_distance: Given = None
    """ξ, nm; only with `packing`."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """G, Rg, B, P, Rc, and where there is packing p and ξ."""
        packed = self.packing is not None
        return (GUINIER, RG, PREFACTOR, POWER, CUTOFF, *((PACKING, DISTANCE) if packed else ()))

    @property
    def label(self) -> str:
        """``level``."""
        return "level"

    def curve(self, q: Array, values: Values) -> Curve:
        """Return the intensity of the level and its derivatives."""
        rg, power, cutoff = values["radius_of_gyration"], values["power"], values["cutoff"]
        weight = 1.0 / (1.0 + math.exp(min((power - 3.0) / _STEP_WIDTH, 700.0)))
        k = 1.0 + _MASS_FRACTAL * weight
        guinier = np.exp(-((q * rg) ** 2) / 3.0)
        x = k * q * rg / math.sqrt(6.0)
        root = np.maximum(erf(x), _TINY)
        log = 3.0 * np.log(root) - np.log(q)
        tail = np.exp(power * log - (q * cutoff) ** 2 / 3.0)
        by_power = -_MASS_FRACTAL * weight * (1.0 - weight) / _STEP_WIDTH
        slope = 2.0 / math.sqrt(math.pi) * np.exp(-x * x) / root
        g, b = values["guinier"], values["prefactor"]
        value = g * guinier + b * tail
        slopes = {
            "guinier": guinier,
            "radius_of_gyration": -2.0 / 3.0 * q * q * rg * g * guinier
            + b * tail * power * 3.0 * slope * x / rg,
            "prefactor": tail,
            "power": b * tail * (log + power * 3.0 * slope * x / k * by_power),
            "cutoff": -2.0 / 3.0 * q * q * cutoff * b * tail,
        }
        if self.packing is None:
            return Curve(value, slopes)
        return _packed(q, values, value, slopes)

    def candidates(self, q: Array) -> list[dict[str, float]]:
        """Return radii of gyration and powers."""
        found = [
            {"radius_of_gyration": float(rg), "power": power}
            for rg in length_grid(q)
            for power in (1.8, 2.6, 4.0)
        ]
        if self.packing is None:
            return found
        return [
            c | {"packing": p, "correlation_distance": ratio * c["radius_of_gyration"]}
            for c in found
            for p, ratio in ((1.0, 2.5), (3.0, 3.5), (2.0, 6.0))
        ]

    def possible(self, values: Values) -> bool:
        """Return whether the level is larger than what it is made of."""
        return values["radius_of_gyration"] > _LARGER * values["cutoff"]

    def doubt(self, values: Values) -> str:
        """Return what no structural level does: lack a Guinier range, or be made of larger ones."""
        if values["prefactor"] > 0 and not values["guinier"] > 0:
            return "has a power law and no Guinier range: a hump of structures that keep apart?"
        if values["radius_of_gyration"] < values["cutoff"]:
            return "is smaller than the level it is made of"
        return ""

    def derived(self, values: Values) -> dict[str, Derived]:
        """Return PDI, and what it says of lognormal spheres, where the power is that of a surface.

        NaN where it is not, or where PDI < 1.
        """
        g, rg, b = values["guinier"], values["radius_of_gyration"], values["prefactor"]
        there = abs(values["power"] - 4.0) <= _SURFACE and g > 0 and b > 0
        index = b * rg**4 / (_SPHERE * g) if there else math.nan
        logs = (
            {"prefactor": 1.0 / b, "radius_of_gyration": 4.0 / rg, "guinier": -1.0 / g}
            if (there)
            else {}
        )
        wide = there and index > 1.0
        width = math.sqrt(math.log(index) / 12.0) if wide else math.nan
        by_index = {name: slope / (24.0 * width) for name, slope in logs.items()} if wide else {}
        median = math.sqrt(5.0 / 3.0) * rg * math.exp(-7.0 * width**2) if wide else math.nan
        by_median = {n: -14.0 * width * median * slope for n, slope in by_index.items()}
        if wide:
            by_median["radius_of_gyration"] += median / rg
        return {
            "polydispersity_index": Derived(
                index,
                {name: index * slope for name, slope in logs.items()},
                "1",
                "polydispersity index B Rg⁴/1.62 G, 1 for equal spheres",
            ),
            "lognormal_width": Derived(
                width, by_index, "1", "standard deviation of ln R of lognormal spheres"
            ),
            "median_radius_number": Derived(
                median, by_median, "nm", "number-weighted median radius of lognormal spheres"
            ),
        }

    def default_ties(self, before: Sequence[tuple[str, Component]]) -> dict[str, str]:
        """Return the tie of the cut-off to the radius of gyration of the level before."""
        levels = [name for name, other in before if isinstance(other, UnifiedLevel)]
        return {"cutoff": f"{levels[-1]}.radius_of_gyration"} if levels else {}


def _packed(q: Array, values: Values, value: Array, slopes: dict[str, Array]) -> Curve:
    packing, distance = values["packing"], values["correlation_distance"]
    x = q * distance
    theta = sphere_amplitude(x)
    # x dθ/dx = 3 (sin x/x - θ).
    by_distance = 3.0 * (np.sinc(x / np.pi) - theta) / distance
    under = 1.0 + packing * theta
    weak = value / under
    found = {name: slope / under for name, slope in slopes.items()}
    found["packing"] = -weak * theta / under
    found["correlation_distance"] = -weak * packing * by_distance / under
    return Curve(weak, found)


GUINIER = Quantity(
    name="guinier", unit="intensity", what="Guinier prefactor G", low=0.0, amplitude=True
)
RG = Quantity(name="radius_of_gyration", unit="nm", what="radius of gyration", low=0.0, scale="log")
PACKING = Quantity(name="packing", unit="1", what="packing factor", low=0.0, high=8.0)
DISTANCE = Quantity(
    name="correlation_distance",
    unit="nm",
    what="distance that structures keep",
    low=0.0,
    scale="log",
)
