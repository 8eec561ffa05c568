"""Where there are peaks: filters of several widths, in units of their noise.

At each point and for each width the height of a Gaussian on a parabola is fitted to the points
within 2.5 FWHM, all weighted alike: a fixed filter f of the intensities, z = (f * y)/√(f² * σ²),
with the covariance of neighbours where there is one. On a smooth background z is noise of
variance 1. The highest of many such numbers exceeds T by chance with a probability of at most

    Σ over widths [ n √λ₂/(2π) exp(-T²/2) + Q(T) ],   λ₂ = Σ f'²/Σ f²

(Rice, Bell Syst. Tech. J. 24 (1945) 46: how often noise crosses a level upwards; Q: the tail of the
normal distribution, at the start of the range), which fixes T for a stated rate of false alarms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.optimize import brentq
from scipy.signal import oaconvolve
from scipy.special import ndtr

Array = NDArray[np.float64]

#: Narrowest filter, points of FWHM; ratio of one width to the next; reach in FWHM.
_NARROWEST, _RATIO, _REACH = 2.5, 1.4, 2.5
#: Steps longer than this many times the median one end a stretch; so do this many points missing.
_GAP, _MISSING = 5.0, 3
_FEWEST = 12
#: A candidate must keep this part of its height when the higher ones around it are taken away, and
#: have this part of theirs.
_OWN_PART = 0.5
#: How far a Gaussian is felt, in FWHM.
_FELT = 1.5


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A place where a filter saw a peak."""

    position: float
    """Radial coordinate."""
    fwhm: float
    """FWHM of the filter that saw it best, in the unit of the radial coordinate."""
    height: float
    """Height over the background, in the unit of the intensity."""
    significance: float
    """Height over its standard error."""


@lru_cache(maxsize=256)
def height_filter(fwhm: float) -> Array:
    """Return the filter, odd in length, that fits the height of a Gaussian on a parabola.

    `fwhm` in points. Applied to intensities by correlation it returns the height.
    """
    reach = int(np.ceil(_REACH * fwhm))
    u = np.arange(-reach, reach + 1) / reach
    bell = np.exp(-4.0 * np.log(2.0) * (u * reach / fwhm) ** 2)
    columns = np.stack([bell, np.ones_like(u), u**2], axis=1)
    return np.asarray(np.linalg.pinv(columns)[0])


def threshold(filters: Sequence[Array], points: Sequence[int], false_alarm: float) -> float:
    """Return the significance that noise exceeds somewhere with the probability `false_alarm`.

    `points` are those that each filter is run over; formula and source: the module. Filters see
    much the same, so that the true rate is below the one asked for.
    """
    rates = [np.sqrt(np.sum(np.diff(f, prepend=0, append=0) ** 2) / np.sum(f**2)) for f in filters]
    crossings = float(np.dot(rates, points)) / (2.0 * np.pi)

    def excess(t: float) -> float:
        return float(crossings * np.exp(-0.5 * t * t) + len(filters) * ndtr(-t)) - false_alarm

    return float(brentq(excess, 0.0, 40.0)) if excess(0.0) > 0 else 0.0


def stretches(x: Array, known: NDArray[np.bool_]) -> list[slice]:
    """Return the parts of the data without gaps, of at least 12 points each."""
    use = np.flatnonzero(known)
    if use.size < _FEWEST:
        return []
    step = float(np.median(np.diff(x[use])))
    breaks = (np.diff(x[use]) > _GAP * step) | (np.diff(use) > _MISSING + 1)
    edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), use.size]
    parts = [slice(int(use[a]), int(use[b - 1]) + 1) for a, b in pairwise(edges)]
    return [part for part in parts if part.stop - part.start >= _FEWEST]


def widths_in_points(low: float, high: float, step: float, points: int) -> list[float]:
    """Return the FWHM of the filters for a stretch, in points, narrowest first."""
    first = max(low / step, _NARROWEST)
    last = min(high / step, (points - 1) / (2.0 * _REACH) - 1.0)
    count = int(np.floor(np.log(max(last / first, 1.0)) / np.log(_RATIO) + 1e-9)) + 1
    return [first * _RATIO**k for k in range(count)] if last >= first else []


def probe(
    x: Array, intensity: Array, band: Array, positions: Sequence[float], widths: tuple[float, float]
) -> list[Candidate]:
    """Return the most significant filter at each of `positions`, whatever its significance.

    Arguments as those of `search`. Where no filter fits (ends, gaps) height and significance are 0.
    """
    known = np.isfinite(intensity) & np.isfinite(band[0])
    best = [Candidate(position=p, fwhm=widths[0], height=0.0, significance=0.0) for p in positions]
    for part in stretches(x, known):
        step = float(np.median(np.diff(x[part])))
        y, local = _filled(x[part], intensity[part], band[:, part], known[part])
        for width in widths_in_points(*widths, step, part.stop - part.start):
            height, z, reach = _filtered(y, local, width)
            for number, position in enumerate(positions):
                k = int(np.searchsorted(x[part], position)) - reach
                if 0 <= k < z.size and z[k] > best[number].significance:
                    best[number] = Candidate(
                        position=position,
                        fwhm=width * step,
                        height=float(height[k]),
                        significance=float(z[k]),
                    )
    return best


def search(
    x: Array,
    intensity: Array,
    band: Array,
    *,
    widths: tuple[float, float],
    false_alarm: float,
    known_peaks: Array | None = None,
    tolerance: float = 0.0,
) -> tuple[list[Candidate], float]:
    """Return the candidates, most significant first, and the significance that they exceed.

    x, intensity: (n,), NaN where there are no data; band: (b, n) covariance of point k and k + b
    from errors that scatter, row 0 the variance; widths: smallest and largest FWHM in the unit of
    x. Where `known_peaks` (n,) were subtracted, a candidate must be higher than `tolerance` times
    their highest within half the reach of its filter.
    """
    known = np.isfinite(intensity) & np.isfinite(band[0])
    parts = stretches(x, known)
    plans = []
    for part in parts:
        step = float(np.median(np.diff(x[part])))
        found = widths_in_points(*widths, step, part.stop - part.start)
        plans.append((part, step, found))
    every = [height_filter(w) for _, _, found in plans for w in found]
    if not every:
        return [], np.inf
    points = [part.stop - part.start for part, _, found in plans for _ in found]
    level = threshold(every, points, false_alarm)
    candidates: list[Candidate] = []
    for part, step, found in plans:
        y, local = _filled(x[part], intensity[part], band[:, part], known[part])
        beside = None if known_peaks is None else known_peaks[part]
        for width in found:
            candidates += _at_width(
                x[part], y, local, width, step, level, beside, tolerance, known[part]
            )
    return _apart(candidates, level), level


def _filled(x: Array, y: Array, band: Array, known: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Return intensities and covariance with the few missing points interpolated."""
    if known.all():
        return y, band
    filled = np.interp(x, x[known], y[known])
    return filled, np.stack([np.interp(x, x[known], row[known]) for row in band])


def _at_width(
    x: Array,
    y: Array,
    band: Array,
    width: float,
    step: float,
    level: float,
    beside: Array | None,
    tolerance: float,
    known: NDArray[np.bool_],
) -> list[Candidate]:
    height, z, reach = _filtered(y, band, width)
    if z.size < 3:
        return []
    top = (z >= maximum_filter1d(z, 3, mode="nearest")) & (z > level)
    centre = np.arange(z.size) + reach
    top &= known[centre]
    if beside is not None:
        highest = maximum_filter1d(beside, reach + 1, mode="nearest")[centre]
        top &= height > tolerance * highest
    return [
        Candidate(
            position=float(x[k + reach]),
            fwhm=width * step,
            height=float(height[k]),
            significance=float(z[k]),
        )
        for k in np.flatnonzero(top)
    ]


def _filtered(y: Array, band: Array, width: float) -> tuple[Array, Array, int]:
    """Return heights and their significance where the filter fits, and how far that is inside."""
    kernel = height_filter(width)
    reach = kernel.size // 2
    if y.size < kernel.size + 2:
        return np.zeros(0), np.zeros(0), reach
    height = oaconvolve(y - y.mean(), kernel, mode="valid")
    # Errors are those of the smooth background: an upward fluctuation must not excuse itself.
    smooth = uniform_filter1d(band, kernel.size, axis=1, mode="nearest")
    variance = oaconvolve(smooth[0], kernel**2, mode="valid")
    for offset in range(1, min(len(band), kernel.size)):
        pairs = kernel[offset:] * kernel[:-offset]
        shared = 2.0 * oaconvolve(smooth[offset], pairs, mode="valid")
        variance = variance + shared[: variance.size]
    return height, height / np.sqrt(np.maximum(variance, 1e-300)), reach


def _apart(candidates: list[Candidate], level: float) -> list[Candidate]:
    """Return the candidates that those before them do not explain, most significant first.

    A filter answers to peaks beside it and to parts of wider ones, and a wide one to a cluster of
    sharp ones. The height that it gives is largest where its width is that of the peak: narrower
    ones take the peak for a parabola in part, wider ones spread it out. So candidates are taken in
    the order of their heights, and what the Gaussians found so far do in the filter of the next is
    taken off its height. A candidate with one in reach that is twice as high, or narrower and
    higher, is left for a search in the residual of the fit, which knows shapes and emission lines.
    """
    order = sorted(candidates, key=lambda c: -c.height)
    positions = np.array([c.position for c in order])
    widths = np.array([c.fwhm for c in order])
    heights = np.array([c.height for c in order])
    kept: list[Candidate] = []
    for number, new in enumerate(order):
        away = np.abs(positions[:number] - new.position)
        felt = away < _REACH * new.fwhm + _FELT * widths[:number]
        felt &= heights[:number] * _OWN_PART > new.height
        sharper = (away < _REACH * new.fwhm) & (widths[:number] < 0.99 * new.fwhm)
        if np.any(felt | sharper):
            continue
        own = new.height - _answer(new, kept)
        if own > _OWN_PART * new.height and own / new.height * new.significance > level:
            kept.append(new)
    return sorted(kept, key=lambda c: -c.significance)


def _felt(new: Candidate, other: Candidate) -> bool:
    return abs(other.position - new.position) < _REACH * new.fwhm + _FELT * other.fwhm


def _answer(new: Candidate, others: Sequence[Candidate]) -> float:
    """Return the height that the filter of a candidate gives to the Gaussians of others."""
    near = [o for o in others if _felt(new, o)]
    if not near:
        return 0.0
    # In units of the FWHM of the filter, on a grid fine enough for the narrowest of the others.
    narrowest = min(min(o.fwhm for o in near) / new.fwhm, 1.0)
    points = min(max(4.0 / narrowest, 6.0), 200.0)
    kernel = height_filter(points)
    reach = kernel.size // 2
    u = np.arange(-reach, reach + 1) / points * new.fwhm + new.position
    total = np.zeros(u.size)
    for o in near:
        total += o.height * np.exp(-4.0 * np.log(2.0) * ((u - o.position) / o.fwhm) ** 2)
    return float(kernel @ total)
