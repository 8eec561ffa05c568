"""Choice among models by evidence: the information criterion, among those that are determined."""

import math

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import Verdict
from xrdkit.saxs.models.fit import CurveFit, information
from xrdkit.saxs.models.flat import Flat
from xrdkit.saxs.models.judgement import Judgement
from xrdkit.saxs.models.power_law import PowerLaw

Array = NDArray[np.float64]

#: Difference of the criterion that decides: "very strong" evidence (R. E. Kass, A. E. Raftery,
#: J. Am. Stat. Assoc. 90 (1995) 773).
_AS_GOOD = 10.0
#: Difference that is "strong" evidence.
_STRONG = 6.0
#: Difference at which the better one is taken even if the curve does not determine all of it.
_FAR = 30.0


def independent_points(fit: CurveFit) -> float:
    """Return how many independent residuals tell as much as those of a fit.

    What a model leaves over may be smooth: with neighbours of correlation r, n points tell as much
    as n(1 - r)/(1 + r) (G. V. Bayley, J. M. Hammersley, J. R. Stat. Soc. 8 (1946) 184).
    """
    residual = fit.outcome.residual
    power = float(residual @ residual)
    r = float(residual[1:] @ residual[:-1]) / power if power > 0 else 0.0
    r = min(max(r, 0.0), 0.99)
    return max(residual.size * (1.0 - r) / (1.0 + r), 3.0)


def choose(fits: list[tuple[CurveFit, Judgement] | None]) -> tuple[int, list[float]]:
    """Return the number of the best of some fits to the same points, and the criterion of each.

    -1 where there is no fit. Lower is better, models that failed have NaN; of those within 10 of
    the least the simplest is taken. Models with components that are not there, or parameters that
    the curve does not determine, count only where they are better than all others by 30. Power laws
    alone, which have no size, are taken where they are better than any other by 6, or as good as
    one that has something against it.
    """
    known = [pair[0] for pair in fits if pair is not None]
    if not known:
        return -1, [math.nan] * len(fits)
    # The best fit is the measure of what no model of these explains.
    points = independent_points(min(known, key=lambda fit: fit.outcome.chi2))
    found = [math.nan if pair is None else information(pair[0], points) for pair in fits]

    usable = [k for k, pair in enumerate(fits) if pair is not None]
    bare = [k for k in usable if (pair := fits[k]) is not None and _bare(pair[0])]
    sized = [k for k in usable if k not in bare]
    if not bare or not sized:
        return _simplest(fits, found, usable), found
    one, other = _simplest(fits, found, sized), _simplest(fits, found, bare)
    pair = fits[one]
    sure = pair is not None and pair[1].sound and pair[1].verdict is Verdict.OK
    margin = -_STRONG if sure else _AS_GOOD
    return (other if found[other] < found[one] + margin else one), found


def _bare(fit: CurveFit) -> bool:
    """Return whether a model is of power laws and background alone."""
    return all(isinstance(part, PowerLaw | Flat) for part in fit.curve.model.components)


def _simplest(
    fits: list[tuple[CurveFit, Judgement] | None], found: list[float], usable: list[int]
) -> int:
    """Return the simplest of the `usable` models that is as good as any of them."""
    best = min(found[k] for k in usable)
    sound = [k for k in usable if (pair := fits[k]) is not None and pair[1].sound]
    sound = [k for k in sound if found[k] < best + _FAR]
    if sound:
        usable, best = sound, min(found[k] for k in sound)

    def rank(number: int) -> tuple[int, float]:
        pair = fits[number]
        return len(pair[0].curve.free) if pair is not None else 0, found[number]

    return min((k for k in usable if found[k] < best + _AS_GOOD), key=rank)
