"""Sizes of lognormal spheres from the parameters of a fit.

With L = L_vol and v = σ² (Popa & Balzar, J. Appl. Cryst. 35 (2002) 338, section 2):
⟨D⟩ = 4/3 L exp(-3v), D_vol = ⟨D⁴⟩/⟨D³⟩ = 4/3 L, L_area = 2/3 ⟨D³⟩/⟨D²⟩ = 8/9 L exp(-v).
"""

import numpy as np

from xrdkit.phase.effects import phase_key
from xrdkit.phase.fit import FrameFit
from xrdkit.phase.fractions import UNKNOWN, Derived

#: What `sphere_sizes` tells, unit and meaning.
SPHERE_SIZES = (
    ("mean_diameter", "nm", "number mean of the diameter of lognormal spheres"),
    ("diameter_volume", "nm", "volume-weighted mean diameter <D^4>/<D^3> of lognormal spheres"),
    ("column_length_area", "nm", "area-weighted mean column length L_area of lognormal spheres"),
    ("size_sigma", "1", "standard deviation of ln D of lognormal spheres, D the diameter"),
)


def sphere_sizes(fit: FrameFit, phase: int) -> dict[str, Derived]:
    """Return each of `SPHERE_SIZES` with its derivatives by the free parameters.

    NaN for phases that are not refined as lognormal spheres, or whose broadening is not seen.
    """
    size, variance = (phase_key(phase, n) for n in ("inverse_size", "size_variance"))
    if variance not in fit.values or not fit.values[size] > 0:
        return {name: UNKNOWN for name, _, _ in SPHERE_SIZES}
    length, v = 1.0 / fit.values[size], fit.values[variance]
    free = fit.outcome.names

    def scaled(factor: float, power: float) -> Derived:
        value = factor * length * float(np.exp(-power * v))
        slopes = {size: -value * length, variance: -power * value}
        return value, {key: slope for key, slope in slopes.items() if key in free and slope}

    sigma = float(np.sqrt(v))
    spread = {variance: 0.5 / sigma} if variance in free and sigma > 0 else {}
    return {
        "mean_diameter": scaled(4.0 / 3.0, 3.0),
        "diameter_volume": scaled(4.0 / 3.0, 0.0),
        "column_length_area": scaled(8.0 / 9.0, 1.0),
        "size_sigma": (sigma, spread),
    }
