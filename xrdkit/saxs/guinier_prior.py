"""What is known of the curvature k of Guinier's law before the curve is seen.

k = 0.3 ρ - 1/2 with ρ = <r⁴>/<r²>² of the distances in the particles, weighted as they scatter. For
densities of one sign ρ is at least 4/3, in two dimensions 3/2, in one 2 (<(a·b)²> of positions a, b
about the centre of mass is at least <a²>²/3, /2, /1), so that k is no lower than -1/10, -1/8, -1/6
for bodies, rods and sheets, of any shape and any mixture: a thin shell, a tube, two parallel
sheets. Solid ones have -0.071 (sphere), -0.083, -0.1; long ones and chains up to +0.25, and there
is no end for sizes that spread. The prior is two halves of normal distributions, a narrow one below
its mode and a wide one above; the fit takes from it the normal distribution that has, together with
the data, the same mean and variance (T. P. Minka, Proc. UAI 17 (2001) 362).
"""

import math

import numpy as np

#: Lowest k of particles of one sign of contrast that do not see each other, by the power of q.
LOWEST_K = {0: -1.0 / 10.0, 1: -1.0 / 8.0, 2: -1.0 / 6.0}
#: Mode of the prior of k by the power of q, and its width below the mode.
_MODE = {0: (-0.06, 0.03), 1: (-0.07, 0.035), 2: (-0.085, 0.05)}
#: Its width above the mode.
_ABOVE = 0.2
#: Largest standard error of k by the data that is told apart from any larger one.
_WIDEST = 10.0
_REACH, _PLACES = 8.0, 401


def curvature_prior(k: float, sigma: float, power: int) -> tuple[float, float]:
    """Return mean and variance of the normal distribution that stands for the prior of k.

    `k` ± `sigma` is what the data alone say. The variance is infinite where they say it all.
    """
    sigma = min(sigma, _WIDEST)
    mode, below = _MODE[power]
    k = min(max(k, mode - 10.0 * _WIDEST), mode + 10.0 * _WIDEST)
    side = below if k < mode else _ABOVE
    # The highest place of data and prior, and as far on both sides as either allows.
    share = sigma**2 / (sigma**2 + side**2)
    top = k + share * (mode - k)
    wide = sigma * _ABOVE / math.hypot(sigma, _ABOVE)
    at = top + wide * np.linspace(-_REACH, _REACH, _PLACES)
    width = np.where(at < mode, below, _ABOVE)
    log = -0.5 * ((at - mode) / width) ** 2 - 0.5 * ((at - k) / sigma) ** 2
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    mean = float(weight @ at)
    variance = float(weight @ (at - mean) ** 2)
    precision = 1.0 / variance - sigma**-2.0
    if not precision > 1e-6 * sigma**-2.0:
        return mean, math.inf
    return (mean / variance - k / sigma**2) / precision, 1.0 / precision
