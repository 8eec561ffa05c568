"""Dead time: the counts that arrived, from those that a counter registered.

With n registered counts in T seconds, dead time τ after each and x = n τ/T:

* non-paralyzable (an event within τ is lost): m = n/(1 - x), with var(n) = n (1 - x)²;
* paralyzable (an event within τ also prolongs it): n = m exp(-m τ/T), so that
  m = -(T/τ) W(-x), W the principal branch of Lambert's function, with var(n) = n (1 - 2x).

The lost events make n less scattered than Poisson counts, and the correction inflates what is left:
var(m) = (dm/dn)² var(n), always above m. Sources: G. F. Knoll, Radiation Detection and Measurement,
4th ed. (2010), ch. 4.VII; variances: D. F. Yu & J. A. Fessler, Phys. Med. Biol. 45 (2000) 2043.
The estimate is biased by about τ/T of its value: exposures should be much longer than τ.
"""

import math
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import lambertw

from xrdkit.errors import SpecError

Array = NDArray[np.float64]
DeadTimeModel = Literal["non_paralyzable", "paralyzable"]


def check_dead_time(dead_time: float, model: str) -> None:
    """Raise SpecError for a dead time that is not within 0 to 1 ms, or an unknown `model`."""
    if not (math.isfinite(dead_time) and 0 < dead_time <= 1e-3):
        raise SpecError(
            f"dead time {dead_time} s is not above 0 and at most 1 ms",
            hint="it is given in seconds; photon-counting pixels have 1e-8 to 1e-6 s",
        )
    if model not in get_args(DeadTimeModel):
        raise SpecError(f"dead time model {model!r} is not {' or '.join(get_args(DeadTimeModel))}")


def true_counts(
    counts: ArrayLike, dead_time: float, exposure: float, model: DeadTimeModel
) -> tuple[Array, Array]:
    """Return the counts that arrived and their variance, each of the shape of `counts`.

    `counts` are registered counts of single counters (pixels, not bins) in `exposure` seconds,
    `dead_time` is τ in s. Both results are NaN where so many counts are impossible: x ≥ 1
    (non-paralyzable), x > 1/e (paralyzable: past its maximum the rate cannot be told). Formulas
    are in the head of the module. Raises SpecError for a dead time, exposure or model out of range.
    """
    check_dead_time(dead_time, model)
    if not (math.isfinite(exposure) and exposure > 0):
        raise SpecError(f"exposure {exposure} s is not positive: dead time cannot be corrected")
    n = np.asarray(counts, dtype=np.float64)
    share = n * (dead_time / exposure)
    limit = 1.0 if model == "non_paralyzable" else math.exp(-1.0)
    x: Array = np.where(share < limit, share, np.nan)
    if model == "non_paralyzable":
        return n / (1.0 - x), n / (1.0 - x) ** 2
    # y = m τ/T solves y exp(-y) = x; dm/dn = exp(y)/(1 - y).
    minus: Any = -x  # scipy's stubs know no array of real numbers here
    y = -np.real(lambertw(minus))
    ratio = np.exp(y)
    return n * ratio, n * (1.0 - 2.0 * x) * (ratio / (1.0 - y)) ** 2
