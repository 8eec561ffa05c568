"""Fit of a geometry to ring points: robust against false points, honest about its errors."""

import math
from dataclasses import dataclass, replace

import lmfit
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from xrdkit.calibration.angle import PARAMETERS, on_detector, two_theta_and_slopes, values_of
from xrdkit.calibration.ring_points import RingPoints
from xrdkit.calibration.robust import robust_sigma
from xrdkit.calibration.scatter import Scatter, groups_of, scatter_of, whole_errors
from xrdkit.errors import CalibrationImplausible, CalibrationRejected, FitFailed
from xrdkit.fitting import Values, Verdict, least_squares
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]
Bool = NDArray[np.bool_]

_WITHOUT_TILT = PARAMETERS[:3]
_CLIP = 4.0
_ROUNDS = 12
#: no ring is taken to scatter less than this when outliers are weighed, pixel
_LEAST_SCALE = 0.02
#: the tilt is freed only where chance would improve the fit as much in one of so many cases
_CHANCE = 1e-3
_TILT_KNOWN = math.radians(0.1)
_ENOUGH_FOR_TILT = 12


@dataclass(frozen=True, kw_only=True)
class GeometryFit:
    """A geometry fitted to ring points."""

    calibration: Calibration
    """The geometry."""
    residual: Array
    """Radial distance of every point from its ring, pixel, positive outside; shape (n,)."""
    used: Bool
    """Points that were not clipped, shape (n,)."""
    covariance: Array
    """Covariance of (distance, poni1, poni2, rot1, rot2), m and rad, (5, 5); 0 where fixed."""
    tilt_free: bool
    """Whether the rotations were fitted or kept."""
    error: Array
    """Standard error given to every point, counting and scatter of its ring, pixel; shape (n,)."""
    scatter: Scatter
    """Which of the points used err together, in units of `error`."""
    inflation: float
    """Factor by which the variance exceeds that of independent points, contained in it."""

    @property
    def knows_tilt(self) -> bool:
        """Whether both rotations were fitted to better than 0.1°, which no start is."""
        variance = np.diag(self.covariance)[3:]
        return self.tilt_free and bool(np.all(variance < _TILT_KNOWN**2))


def fit_geometry(
    points: RingPoints,
    two_theta: Array,
    current: Calibration,
    start: Calibration,
    shape: tuple[int, int],
) -> GeometryFit:
    """Return the geometry that puts `points` on rings of `two_theta` (rad), from `current` on.

    Minimised is Σ (δ/s)², δ = (2θ(point) - 2θ(ring))/|∇2θ| the distance from the ring in pixels and
    s the standard error of the point, as large as the scatter along its ring shows (counting,
    grains). Points beyond 4 robust standard deviations are clipped. The rotations are fitted where
    the points give both to better than 0.1° or an F test at 0.1 % asks for them; else they stay at
    `start`.
    The covariance (JᵀJ)⁻¹ s² is enlarged where points that err together, along rings or ring by
    ring, show that they are not independent.

    Raises CalibrationRejected where the points do not determine a geometry.
    """
    problem = _Problem(points, two_theta, current, shape)
    plain = problem.robust(_WITHOUT_TILT, _with_tilt_of(start, current))
    if len(points) > _ENOUGH_FOR_TILT:
        tilted = problem.robust(PARAMETERS, values_of(current))
        try:
            fit = problem.finish(PARAMETERS, tilted)
        except CalibrationRejected:
            fit = None
        if fit is not None and (fit.knows_tilt or problem.tilt_is_seen(plain, tilted)):
            return fit
    return problem.finish(_WITHOUT_TILT, plain)


def covariance_with_tilt(
    points: RingPoints, two_theta: Array, current: Calibration, shape: tuple[int, int]
) -> Array | None:
    """Return the covariance (5, 5) with both rotations free; None where points do not give it."""
    try:
        problem = _Problem(points, two_theta, current, shape)
        return problem.finish(PARAMETERS, values_of(current)).covariance
    except CalibrationRejected:
        return None


class _Problem:
    """Points on rings and the distances from them under trial geometries."""

    def __init__(
        self, points: RingPoints, two_theta: Array, start: Calibration, shape: tuple[int, int]
    ) -> None:
        self.points = points
        self.start = start
        self.target = two_theta[points.ring]
        self.p1, self.p2 = on_detector(points.y, points.x, shape, start.detector)
        self.pixel = (start.detector.pixel_size_y, start.detector.pixel_size_x)

    def distances(self, values: tuple[float, ...]) -> tuple[Array, Array]:
        """Return distance from the ring in pixels and its slopes in all five parameters."""
        angle, slopes = two_theta_and_slopes(self.p1, self.p2, values)
        rise = np.hypot(slopes[:, 1] * self.pixel[0], slopes[:, 2] * self.pixel[1])
        return (angle - self.target) / rise, slopes / rise[:, None]

    def robust(self, names: tuple[str, ...], values: tuple[float, ...]) -> tuple[float, ...]:
        """Return values after Gauss-Newton steps with Cauchy weights, for a start with outliers."""
        free = [PARAMETERS.index(name) for name in names]
        now = np.array(values)
        for _ in range(_ROUNDS):
            delta, slopes = self.distances(tuple(now))
            scale = max(robust_sigma(delta - np.median(delta)), _LEAST_SCALE)
            weight = 1.0 / (1.0 + (delta / (2.0 * scale)) ** 2) / (self.points.sigma**2 + scale**2)
            jacobian = slopes[:, free]
            root = np.sqrt(weight)
            step = np.linalg.lstsq(jacobian * root[:, None], -delta * root, rcond=1e-12)[0]
            now[free] += step
            if not np.all(np.isfinite(now)) or now[0] <= 0:
                return tuple(values)
            if np.max(np.abs(jacobian @ step), initial=0.0) < 1e-4:
                break
        return tuple(now)

    def scaled(self, values: tuple[float, ...]) -> tuple[Array, Bool, Array, Array]:
        """Return distances, which points are believed, and the whole error of each point.

        Last is how unsure the squares of these errors are, as from `whole_errors`.
        """
        delta, _ = self.distances(values)
        total, unsure = self.points.sigma, np.zeros(delta.size)
        used = np.ones(delta.size, dtype=bool)
        for _ in range(6):
            z = delta / total
            limit = _CLIP * max(robust_sigma(z[used]), 1e-6)
            used = np.abs(z) <= limit
            total, unsure = whole_errors(delta, used, self.points.sigma, self.points.ring)
        return delta, used, total, unsure

    def tilt_is_seen(self, plain: tuple[float, ...], tilted: tuple[float, ...]) -> bool:
        """Whether freeing both rotations improves the fit by more than chance would."""
        free = list(range(len(PARAMETERS)))
        delta, used, total, unsure = self.scaled(tilted)
        if np.count_nonzero(used) < 10:
            return False
        without = self.distances(plain)[0]
        freedom = int(np.count_nonzero(used)) - len(PARAMETERS)
        best = float(np.sum((delta / total)[used] ** 2))
        gain = float(np.sum((without / total)[used] ** 2)) - best
        scatter, slopes, mean = self.scatter(tilted, free, used, total, unsure)
        ratio = gain / 2 / mean / scatter.inflation(slopes)
        return bool(stats.f.sf(ratio, 2, freedom) < _CHANCE)

    def finish(self, names: tuple[str, ...], values: tuple[float, ...]) -> GeometryFit:
        """Return the weighted least-squares fit over the believed points."""
        free = [PARAMETERS.index(name) for name in names]
        for _ in range(3):
            delta, used, whole, _ = self.scaled(values)
            total = whole[used]
            parameters = lmfit.Parameters()
            for name, value in zip(PARAMETERS, values, strict=True):
                parameters.add(name, value=value, vary=name in names)

            def residual(now: Values, used: Bool = used, total: Array = total) -> Array:
                return self.distances(_tuple(now))[0][used] / total

            def jacobian(now: Values, _: object, used: Bool = used, total: Array = total) -> Array:
                return self.distances(_tuple(now))[1][used][:, free] / total[:, None]

            try:
                outcome = least_squares(residual, parameters, jacobian=jacobian)
            except FitFailed as exc:
                raise CalibrationRejected(f"the rings do not determine a geometry: {exc}") from exc
            values = _tuple(outcome.values)
        if outcome.verdict is not Verdict.OK:
            raise CalibrationRejected(
                f"the rings do not determine a geometry: fit is {outcome.verdict.value}"
            )
        delta, used, total, unsure = self.scaled(values)
        scatter, slopes, mean = self.scatter(values, free, used, total, unsure)
        covariance = np.zeros((len(PARAMETERS), len(PARAMETERS)))
        covariance[np.ix_(free, free)] = scatter.covariance(slopes) * mean
        distance, poni1, poni2, rot1, rot2 = values
        try:
            calibration = replace(
                self.start, distance=distance, poni1=poni1, poni2=poni2, rot1=rot1, rot2=rot2
            )
        except CalibrationImplausible as exc:
            raise CalibrationRejected(f"the fit ran away: {exc.message}") from exc
        return GeometryFit(
            calibration=calibration,
            residual=delta,
            used=used,
            covariance=covariance,
            tilt_free=names == PARAMETERS,
            error=total * math.sqrt(mean),
            scatter=scatter,
            inflation=scatter.inflation(slopes),
        )

    def scatter(
        self,
        values: tuple[float, ...],
        free: list[int],
        used: Bool,
        total: Array,
        unsure: Array,
    ) -> tuple[Scatter, Array, float]:
        """Return who errs with whom, the weighted slopes, and the mean variance of a point."""
        delta, slopes = self.distances(values)
        error, at = total[used], self.points
        weighted = slopes[used][:, free] / error[:, None]
        groups = groups_of(at.ring[used], at.azimuth[used], at.y[used], at.x[used], error)
        found, mean = scatter_of(delta[used] / error, weighted, groups, unsure[used])
        return found, weighted, mean


def _with_tilt_of(start: Calibration, current: Calibration) -> tuple[float, ...]:
    """Return `current` turned to the rotations of `start`, beam centre and direct distance kept."""
    distance = current.direct_distance * math.cos(start.rot1) * math.cos(start.rot2)
    pixel = current.detector
    x = current.beam_center[0] * pixel.pixel_size_x
    y = current.beam_center[1] * pixel.pixel_size_y
    return (
        distance,
        y - distance * math.tan(start.rot2) / math.cos(start.rot1),
        x + distance * math.tan(start.rot1),
        start.rot1,
        start.rot2,
    )


def _tuple(values: Values) -> tuple[float, ...]:
    return tuple(float(values[name]) for name in PARAMETERS)
