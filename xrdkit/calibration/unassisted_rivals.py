"""Whether another geometry, or another pair of rings, explains a calibrant frame as well."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.angle import on_detector, two_theta_and_slopes, values_of
from xrdkit.calibration.contrast import RadialProfile
from xrdkit.calibration.fit import fit_geometry
from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.calibration.refinement import Refinement
from xrdkit.calibration.ring_points import RingPoints
from xrdkit.calibration.rings import CalibrantRings, calibrant_rings
from xrdkit.errors import CalibrationImplausible, CalibrationRejected, SpecError
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]

#: standards that powder and small-angle cameras are calibrated with
STANDARDS = ("AgBh", "LaB6", "CeO2", "Si", "alpha_Al2O3", "Cr2O3", "ZnO", "TiO2")
#: two geometries are one where their q differs by less, rms over the frame, share of the largest
_SAME_Q = 1e-3
_GRID = 24
#: χ² by which the other has to be worse, in units of the better one's scatter
_WORSE = 25.0
#: no point speaks louder than this, in standard errors
_LOUDEST = 4.0
#: ratios of radii that tilt and centre may make up for, and how far rings then are elsewhere
_COMPENSATED, _ELSEWHERE = 0.05, (0.02, 2.0)
#: a ring is not there below this share of the lower of those found, with two standard errors;
#: a single one may be weak, several are not
_NOTHING, _LITTLE, _SEVERAL = 0.05, 0.2, 2
_ENOUGH = 2
_NEAREST, _FARTHEST = 0.01, 30.0
_STEEPEST, _STEEPEST_TILT = 1.4, 25.0


def apart(
    one: Calibration, other: Calibration, shape: tuple[int, int], least: float = _SAME_Q
) -> bool:
    """Return whether q of two geometries differs by more than `least` of the largest, rms."""
    y, x = (part.ravel() for part in np.meshgrid(*(np.linspace(0, n, _GRID) for n in shape)))
    p1, p2 = on_detector(y, x, shape, one.detector)
    first, second = (
        c.q_of_two_theta(two_theta_and_slopes(p1, p2, values_of(c))[0]) for c in (one, other)
    )
    return bool(np.sqrt(np.mean((first - second) ** 2)) > least * first.max())


def chi2(found: Refinement) -> float:
    """Return the mean square distance of points from their rings in standard errors, each ≤ 4²."""
    z = np.abs(found.fit.residual) / found.points.sigma
    return float(np.mean(np.minimum(z, _LOUDEST) ** 2))


def much_worse(other: Refinement, best: Refinement) -> bool:
    """Return whether chance does not let `other`, refined by itself, fit so much worse.

    n/2 ln(χ²/χ²_best) over the inflation of the variance of the best, n the smaller number of
    points, is the logarithm of the ratio of likelihoods for Gaussian scatter of unknown size.
    """
    number = min(len(other.points), len(best.points))
    gain = 0.5 * number * math.log(max(chi2(other), 1e-12) / max(chi2(best), 1e-12))
    return gain / best.fit.inflation > 0.5 * _WORSE


@dataclass(frozen=True)
class _Pair:
    """Two rings found, and what else the frame shows."""

    radius: tuple[float, float]
    least: float
    profile: RadialProfile
    pixel: float


def other_pairs(
    found: Refinement, exposure: CalibrantFrame, rings: CalibrantRings, wavelength: float
) -> tuple[str, ...]:
    """Return which other pairs of rings of any usual standard the two rings found may be.

    Any two rings of which the ratio of radii is within 5 % are candidates, tilt and centre being
    able to make up for so much. Refuted are those of which another ring would be where the frame is
    seen to show nothing (less than 0.05 of the lower ring found, or 0.2 at two places), and those
    to which the points, fitted with everything free, fit worse by Δχ² > 25. No more than two are
    named. `wavelength` is in ångström.
    """
    best = found.fit.calibration
    used = found.fit.used
    numbers = np.unique(found.points.ring[used])
    if numbers.size != 2:
        return ()
    profile = RadialProfile(exposure, best, float(np.median(found.points.width[used])))
    own = profile.radius(rings.two_theta[numbers])
    pixel = best.direct_distance * math.tan(float(rings.two_theta[numbers[0]])) / float(own[0])
    height = profile.height(own)[0]
    least = float(np.nanmin(height)) if np.isfinite(height).any() else 0.0
    pair = _Pair((float(own[0]), float(own[1])), least, profile, pixel)
    shape = (exposure.counts.shape[0], exposure.counts.shape[1])
    inner = float(rings.two_theta[numbers[0]])
    texts = []
    for name in dict.fromkeys((rings.name, *STANDARDS)):
        try:
            angle = calibrant_rings(name, wavelength).two_theta
        except SpecError:
            continue
        angle = angle[angle < _STEEPEST]
        for i, j in _candidates(pair, angle):
            if name == rings.name and (i, j) == tuple(numbers):
                continue
            if _fits(found, numbers, inner, angle[[i, j]], shape):
                texts.append(f"rings {i + 1} and {j + 1} of {name}")
            if len(texts) == _ENOUGH:
                return tuple(texts)
    return tuple(texts)


def _candidates(pair: _Pair, two_theta: Array) -> list[tuple[int, int]]:
    """Return pairs of rings that may be at the radii found without others where nothing is."""
    place = np.tan(two_theta)
    found = []
    for i in range(place.size - 1):
        distance = pair.radius[0] / place[i]
        if not _NEAREST < distance * pair.pixel < _FARTHEST:
            continue
        ratio = place[i + 1 :] / place[i] / (pair.radius[1] / pair.radius[0])
        for j in i + 1 + np.flatnonzero(np.abs(ratio - 1.0) < _COMPENSATED):
            # Middle way between both rings, where the ratio is not quite theirs.
            scale = math.sqrt(pair.radius[0] * pair.radius[1] / (place[i] * place[j]))
            others = np.delete(place, np.array([i, j], dtype=np.intp)) * scale
            if not _dark(pair, others):
                found.append((i, int(j)))
    return found


def _dark(pair: _Pair, radius: Array) -> bool:
    """Return whether nothing is where rings of `radius` (pixel) should be, and around there."""
    steps = np.linspace(-1.0, 1.0, 9)
    around = radius[:, None] + steps * (_ELSEWHERE[0] * radius[:, None] + _ELSEWHERE[1])
    height, error = pair.profile.height(around)
    # NaN compares false: what is not on the frame is not seen to be dark.
    with np.errstate(invalid="ignore"):
        share = (height + 2.0 * error) / pair.least
        nothing, little = (np.all(share < limit, axis=1) for limit in (_NOTHING, _LITTLE))
    return bool(nothing.any() or np.count_nonzero(little) >= _SEVERAL)


def _fits(
    found: Refinement,
    numbers: NDArray[np.intp],
    found_angle: float,
    two_theta: Array,
    shape: tuple[int, int],
) -> bool:
    """Return whether the points lie as well on two other rings, everything free."""
    best, points = found.fit, found.points
    keep = np.isin(points.ring, numbers)
    moved = RingPoints(
        ring=np.searchsorted(numbers, points.ring[keep]),
        y=points.y[keep],
        x=points.x[keep],
        sigma=points.sigma[keep],
        azimuth=points.azimuth[keep],
        width=points.width[keep],
    )
    stretch = math.tan(found_angle) / math.tan(float(two_theta[0]))
    try:
        start = at_distance(best.calibration, best.calibration.direct_distance * stretch)
        other = fit_geometry(moved, two_theta, start, start, shape)
    except (CalibrationRejected, CalibrationImplausible):
        return False
    if other.calibration.tilt > _STEEPEST_TILT:
        return False
    error = best.error[keep]
    mine, theirs = (
        float(np.sum(np.minimum(np.abs(residual) / error, _LOUDEST) ** 2))
        for residual in (best.residual[keep], other.residual)
    )
    scatter = max(mine / max(len(moved) - 5, 1), 1e-12)
    return (theirs - mine) / scatter / best.inflation < _WORSE


def at_distance(calibration: Calibration, direct: float) -> Calibration:
    """Return the geometry of the same beam centre and rotations at a direct distance in m."""
    x, y = calibration.beam_center
    detector = calibration.detector
    turn1, turn2 = calibration.rot1, calibration.rot2
    return replace(
        calibration,
        distance=direct * math.cos(turn1) * math.cos(turn2),
        poni1=y * detector.pixel_size_y - direct * math.sin(turn2),
        poni2=x * detector.pixel_size_x + direct * math.cos(turn2) * math.sin(turn1),
        covariance=None,
    )
