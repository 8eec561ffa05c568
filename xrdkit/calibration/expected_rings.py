"""What a frame would hold without a shadow: rings, a little stronger in some directions."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xrdkit.geometry import Calibration

Array = NDArray[np.float64]
_SECTORS = 72
#: counts that a sector of a ring should hold to speak for itself
_TELLING = 12.0
#: rings that are joined at most
_JOINED = 64
_ANNULI = 16
#: annuli with a wave from which it is carried on to those that are seen too little of
_CARRIED = 3
#: largest amplitude of the second harmonic that is taken for a property of the sample
_MOST = 0.6
#: The edge of a beamstop raises the curve at least by this factor ...
_STEP = 3.0
#: ... within this many pixels, and what follows stays this many times above what is within.
_WITHIN, _ABOVE, _FOLLOWS = 5, 2.0, 10
#: A powder ring stands out by this factor from a curve without what is narrower than this, pixel.
_STANDS_OUT, _NARROW = 1.2, 31


@dataclass(frozen=True)
class Expected:
    """A frame without shadows."""

    counts: Array
    """Expected counts, (y, x)."""
    edge: int
    """Radius in pixels within which whole rings are dark (a beamstop), 0 where none is."""
    peaks: NDArray[np.bool_]
    """Whether a ring belongs to a powder ring rather than to the smooth curve, (rings,)."""


@dataclass(frozen=True)
class Rings:
    """To which ring and sector each pixel belongs, all (y, x)."""

    ring: NDArray[np.int64]
    """Distance from the beam, whole pixels."""
    sector: NDArray[np.int64]
    """Sector of azimuth, 0 to 71."""
    azimuth: Array
    """Azimuth, rad."""
    weight: Array
    """Solid angle relative to the PONI."""

    @property
    def number(self) -> int:
        """Number of rings."""
        return int(self.ring.max()) + 1


def make_rings(calibration: Calibration, shape: tuple[int, int]) -> Rings:
    """Return the rings of a detector, of equal 2θ and about one pixel wide."""
    detector = calibration.detector
    pixel = min(detector.pixel_size_y, detector.pixel_size_x)
    # 2 L tan θ: finite for all angles, the distance from the beam for small ones.
    radius = 2 * calibration.direct_distance * np.tan(calibration.two_theta(shape) / 2)
    azimuth = calibration.azimuth(shape)
    sector = np.minimum((azimuth + 180) / (360 / _SECTORS), _SECTORS - 1).astype(np.int64)
    return Rings(
        ring=(radius / pixel).astype(np.int64),
        sector=sector,
        azimuth=np.radians(azimuth),
        weight=calibration.solid_angle(shape),
    )


def expected_counts(total: Array, usable: NDArray[np.bool_], rings: Rings) -> Expected:
    """Return what `total` (y, x) would be without a shadow.

    Only `usable` pixels are looked at. The level of a ring is the median over its sectors (so that
    neither a shadow nor a grain counts), rings being joined where they hold too few counts, times
    1 + a cos 2χ + b sin 2χ, fitted in 16 annuli. Within the edge of a beamstop the level is that
    outside.
    """
    cells = rings.ring * _SECTORS + rings.sector
    size = rings.number * _SECTORS
    counts = np.bincount(cells[usable], total[usable], size).astype(np.float64)
    weights = np.bincount(cells[usable], rings.weight[usable], size).astype(np.float64)
    counts, weights = counts.reshape(-1, _SECTORS), weights.reshape(-1, _SECTORS)
    level = _levels(counts, weights)
    a, b, scale = _anisotropy(counts, weights, level, _peaks(level))
    wave = a[rings.ring] * np.cos(2 * rings.azimuth) + b[rings.ring] * np.sin(2 * rings.azimuth)
    level = level * scale
    edge = _edge(level)
    if edge:
        level[:edge] = level[edge : edge + _FOLLOWS].max()
    return Expected(
        counts=level[rings.ring] * rings.weight * (1 + wave),
        edge=edge,
        peaks=_peaks(level),
    )


def _peaks(level: Array) -> NDArray[np.bool_]:
    """Return which rings stand out of the smooth curve."""
    return np.asarray(level > _STANDS_OUT * ndimage.grey_opening(level, (_NARROW,)))


def _levels(counts: Array, weights: Array) -> Array:
    """Return counts per weight of every ring: the median over the sectors of joined rings."""
    level = np.zeros(len(counts))
    occupied = np.count_nonzero(weights, axis=1)
    alone = counts.sum(axis=1) >= _TELLING * np.maximum(occupied, 1)
    start = 0
    while start < len(counts):
        stop = start + 1
        # A ring that tells by itself is never joined to dark ones before it.
        while not alone[start] and stop < len(counts) and not alone[stop]:
            most = max(int(occupied[start:stop].max()), 1)
            if counts[start:stop].sum() >= _TELLING * most or stop - start >= _JOINED:
                break
            stop += 1
        summed, weight = counts[start:stop].sum(axis=0), weights[start:stop].sum(axis=0)
        seen = weight > 0
        if seen.any():
            joined = float(np.median(summed[seen] / weight[seen]))
            level[start:stop] = joined if stop - start > 1 or joined > 0 else 0.0
        elif start:
            level[start:stop] = level[start - 1]
        start = stop
    return level


def _anisotropy(
    counts: Array, weights: Array, level: Array, peaks: NDArray[np.bool_]
) -> tuple[Array, Array, Array]:
    """Return the second harmonic and the factor of the level of every ring, each (rings,).

    Powder rings are left out where enough is between them: their grains have no smooth wave.
    """
    number = len(counts)
    angle = np.radians((np.arange(_SECTORS) + 0.5) * 360 / _SECTORS - 180)
    design = np.stack([np.ones(_SECTORS), np.cos(2 * angle), np.sin(2 * angle)], axis=1)
    edges = np.unique(np.linspace(0, number, _ANNULI + 1).astype(int))
    middle, found = [], []
    for low, high in itertools.pairwise(edges.tolist()):
        each = weights[low:high] * level[low:high, None]
        between = ~peaks[low:high]
        if np.count_nonzero(each[between].sum(axis=0) > _TELLING) < _SECTORS // 2:
            between[:] = True
        expected = each[between].sum(axis=0)
        seen = expected > _TELLING
        if np.count_nonzero(seen) < _SECTORS // 2:
            continue
        ratio = counts[low:high][between].sum(axis=0)[seen] / expected[seen]
        fit = _robust(design[seen], ratio, 1 / np.sqrt(expected[seen]))
        if fit[0] > 0.3 and np.hypot(fit[1], fit[2]) <= _MOST * fit[0]:
            middle.append(0.5 * (low + high))
            found.append((fit[1] / fit[0], fit[2] / fit[0], fit[0]))
    if not middle:
        return np.zeros(number), np.zeros(number), np.ones(number)
    at = np.arange(number) + 0.5
    a, b, scale = (np.interp(at, middle, column) for column in np.array(found).T)
    if len(middle) < _CARRIED:
        width = number / _ANNULI
        away = (at < middle[0] - width / 2) | (at > middle[-1] + width / 2)
        a[away], b[away], scale[away] = 0.0, 0.0, 1.0
    return a, b, scale


def _robust(design: Array, values: Array, sigma: Array) -> Array:
    """Return the coefficients that fit most of `values`: Tukey's biweight from the median on."""
    fit = np.zeros(design.shape[1])
    fit[0] = np.median(values)
    for step in range(30):
        off = values - design @ fit
        # Wide at first: an anisotropic pattern must not be taken for a shadow.
        width = max(4.7 * 1.4826 * float(np.median(np.abs(off))), 3 * float(np.median(sigma)))
        width = max(width, 0.5 - 0.04 * step)
        weight = np.maximum(1 - (off / width) ** 2, 0.0) ** 2
        root = np.sqrt(weight)
        if np.count_nonzero(root) < 2 * design.shape[1]:
            break
        fit = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0]
    return fit


def _edge(level: Array) -> int:
    """Return the ring at which the curve jumps up from the dark around the beam, 0 if none does."""
    top = len(level) - _WITHIN - _FOLLOWS
    for k in range(max(top // 2, 0)):
        dark = level[: k + 1].max()
        after = level[k + _WITHIN : k + _WITHIN + _FOLLOWS]
        if level[k + _WITHIN] > _STEP * dark and after.min() > _ABOVE * dark:
            height = level[k + 1 : k + 1 + _WITHIN + 3].max()
            rise = level[k + 1 : k + 1 + _WITHIN + 3] > 0.5 * height
            return k + 1 + int(np.argmax(rise))
    return 0
