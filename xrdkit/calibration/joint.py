"""One least-squares fit to the ring points of several frames whose geometries depend on each other.

The geometries of all frames and the wavelength follow from one vector of parameters. A fit starts
from frames that were calibrated one by one, so that every point knows its ring.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import lmfit
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from xrdkit.calibration.angle import two_theta_and_slopes
from xrdkit.calibration.view import View
from xrdkit.errors import CalibrationRejected, FitFailed
from xrdkit.fitting import Values, Verdict, least_squares

Array = NDArray[np.float64]
#: singular values below this share of the largest belong to nothing the points can tell
_RANK = 1e-9
#: constraints that chance contradicts as much in fewer than one of so many cases are doubted
_CHANCE = 1e-3
#: ring positions are no truer than this, whatever the counts, pixel
_MATTERS = 0.02


@dataclass(frozen=True, kw_only=True)
class Model:
    """How the geometry at every place follows from the parameters θ: g = M θ + offset.

    g is (distance, poni1, poni2, rot1, rot2, wavelength); where `direct`, (direct distance, row and
    column of the beam centre in m) stand for the first three.
    """

    names: tuple[str, ...]
    """Names of the free parameters, (p,)."""
    start: Array
    """Values to start from, m, rad, ångström; (p,)."""
    matrix: Array
    """M of every place, (places, 6, p)."""
    offset: Array
    """What does not depend on the parameters, (places, 6)."""
    direct: bool
    """Whether g starts with direct distance and beam centre."""
    place: tuple[int, ...]
    """Place of every view."""
    own: tuple[tuple[int, ...], ...]
    """Which of the first five of g each place would have free if it stood alone."""
    prior: Array
    """Rows W of what is known beforehand, over its standard error, (m, p) ..."""
    known: Array
    """... and values t: residual W θ - t, (m,)."""

    def geometry(self, place: int, values: Array) -> tuple[Array, Array]:
        """Return (distance, poni1, poni2, rot1, rot2, wavelength) and the slopes in θ, (6, p)."""
        linear = self.matrix[place]
        g = linear @ values + self.offset[place]
        if not self.direct:
            return g, linear
        numbers, slopes = _from_direct(g)
        return numbers, slopes @ linear

    @property
    def refines_wavelength(self) -> bool:
        """Whether the wavelength, then the last parameter, is free."""
        return bool(self.names) and self.names[-1] == "wavelength"


@dataclass(frozen=True, kw_only=True)
class JointFit:
    """Outcome of `joint_fit`."""

    values: Array
    """Parameters at the minimum, (p,)."""
    covariance: Array
    """Their covariance, (p, p), as wide as the scatter of the points shows."""
    residual: tuple[Array, ...]
    """Radial distance of the points of every view from their rings, pixel."""
    chi2: float
    """What the constraints between the frames and the prior knowledge cost, as a χ² ..."""
    freedom: int
    """... of so many degrees of freedom."""
    strain: float
    """How far, root mean square, the constraints hold points from where frames by themselves would
    put their rings, pixel."""
    wavelength_correlation: float
    """Multiple correlation of the wavelength with all other parameters, 0 to 1; NaN where held."""

    @property
    def probability(self) -> float:
        """Chance of a `chi2` as large where the constraints hold; 1 where there are none."""
        return float(stats.chi2.sf(self.chi2, self.freedom)) if self.freedom > 0 else 1.0

    @property
    def contradicted(self) -> bool:
        """Whether the constraints are wrong by more than chance and more than matters."""
        return self.probability < _CHANCE and self.strain > _MATTERS


def joint_fit(views: Sequence[View], model: Model) -> JointFit:
    """Return the parameters for which all points lie on their rings.

    Minimised is Σ (δ/s)² + Σ (W θ - t)², δ = (2θ(point) - 2θ(ring, λ))/|∇2θ| in pixels, with
    analytic slopes; s is the error of a point, enlarged where points err together. The covariance
    is what the errors that each frame shows by itself make of the parameters, wider where
    constraints contradict the points more than chance does. Raises CalibrationRejected where
    the points do not determine the parameters.
    """
    keys = [f"p{k}" for k in range(len(model.names))]
    parameters = lmfit.Parameters()
    for key, value in zip(keys, model.start, strict=True):
        parameters.add(key, value=float(value))

    def vector(now: Values) -> Array:
        return np.array([now[key] for key in keys])

    def residual(now: Values) -> Array:
        return _weighted(views, model, vector(now))[0]

    def jacobian(now: Values, _: object) -> Array:
        return _weighted(views, model, vector(now))[1]

    try:
        outcome = least_squares(residual, parameters, jacobian=jacobian, tolerance=1e-12)
    except FitFailed as exc:
        raise CalibrationRejected(f"the rings do not determine the geometries: {exc}") from exc
    if outcome.verdict is not Verdict.OK:
        raise CalibrationRejected(
            f"the rings do not determine the geometries: fit is {outcome.verdict.value}",
            hint="fewer free parameters, or more frames",
        )
    values = vector(outcome.values)
    z, slopes = _weighted(views, model, values)
    points = sum(view.p1.size for view in views)
    expected = sum(view.p1.size / view.inflation for view in views)
    given = _given_up(views, model, values, z[:points])
    rank = given.rank
    alone = float(z[:points] @ z[:points]) - given.chi2
    # Points that err together are fewer: their weighted squares sum up to n/inflation.
    scale = alone / (expected * (points - rank) / points)
    chi2 = max(float(z @ z) / scale - alone / scale, 0.0)
    freedom = rank + model.known.size - len(model.names)
    fit = JointFit(
        values=values,
        covariance=_sandwich(outcome.covariance, slopes, views),
        residual=tuple(
            distances(view, model.geometry(at, values)[0])[0]
            for view, at in zip(views, model.place, strict=True)
        ),
        chi2=chi2,
        freedom=freedom,
        strain=given.strain,
        wavelength_correlation=_last_parameter(slopes)[0] if model.refines_wavelength else math.nan,
    )
    if fit.probability >= _CHANCE:
        return fit
    wider = fit.covariance * (chi2 / freedom)
    return JointFit(**{**vars(fit), "covariance": wider})


def _sandwich(inverse: Array, slopes: Array, views: Sequence[View]) -> Array:
    """Return (JᵀJ)⁻¹ Jᵀ V J (JᵀJ)⁻¹, V who errs with whom in every view.

    What was known beforehand has the errors stated.
    """
    points = sum(view.p1.size for view in views)
    middle = slopes[points:].T @ slopes[points:]
    row = 0
    for view in views:
        below = row + view.p1.size
        middle = middle + view.scatter.middle(slopes[row:below]) / view.inflation
        row = below
    matrix: Array = inverse @ middle @ inverse
    return 0.5 * (matrix + matrix.T)


def wavelength_at_start(views: Sequence[View], model: Model) -> tuple[float, float]:
    """Return the multiple correlation of the wavelength and its standard error in ångström.

    Both are those that the errors of the points give before any fit; an infinite error where the
    other parameters make up for the wavelength altogether.
    """
    return _last_parameter(_weighted(views, model, model.start)[1])


def _last_parameter(slopes: Array) -> tuple[float, float]:
    """Return R and σ of the last column: R² = 1 - |what others leave|²/|column|², σ = 1/|left|."""
    last = slopes[:, -1]
    scale = np.linalg.norm(slopes[:, :-1], axis=0)
    others = slopes[:, :-1] / np.where(scale > 0, scale, 1.0)
    rest = last - others @ np.linalg.lstsq(others, last, rcond=_RANK)[0]
    left = float(rest @ rest)
    correlation = math.sqrt(max(1.0 - left / float(last @ last), 0.0))
    return correlation, 1.0 / math.sqrt(left) if left > 0 else math.inf


def distances(view: View, geometry: Array) -> tuple[Array, Array]:
    """Return the radial distances from the rings in pixels, (n,), and their slopes, (n, 6)."""
    angle, by_geometry = two_theta_and_slopes(view.p1, view.p2, geometry[:5].tolist())
    wavelength = float(geometry[5])
    half = np.minimum(wavelength / (2.0 * view.d_spacing), 1.0)
    # d/dλ of 2 asin(λ/2d)
    by_wavelength = -1.0 / (view.d_spacing * np.sqrt(np.maximum(1.0 - half**2, 1e-12)))
    slopes = np.column_stack([by_geometry, by_wavelength]) / view.rise[:, None]
    return (angle - 2.0 * np.arcsin(half)) / view.rise, slopes


def _weighted(views: Sequence[View], model: Model, values: Array) -> tuple[Array, Array]:
    """Return the weighted residual of all points and of what was known, and its slopes in θ."""
    rows, slopes = [], []
    for view, place in zip(views, model.place, strict=True):
        geometry, by_theta = model.geometry(place, values)
        delta, by_geometry = distances(view, geometry)
        rows.append(delta / view.error)
        slopes.append((by_geometry / view.error[:, None]) @ by_theta)
    rows.append(model.prior @ values - model.known)
    slopes.append(model.prior)
    return np.concatenate(rows), np.concatenate(slopes)


@dataclass(frozen=True, kw_only=True)
class _GivenUp:
    chi2: float
    rank: int
    strain: float


def _given_up(views: Sequence[View], model: Model, values: Array, z: Array) -> _GivenUp:
    """Return what fits of every place by itself would gain: χ², their rank, and the move in pixels.

    One linear step from the joint minimum; the wavelength stays common.
    """
    first = np.concatenate([[0], np.cumsum([len(free) for free in model.own])])
    slopes = np.zeros((z.size, int(first[-1]) + model.refines_wavelength))
    row = 0
    for view, place in zip(views, model.place, strict=True):
        below = row + view.p1.size
        geometry, _ = model.geometry(place, values)
        by_geometry = distances(view, geometry)[1] / view.error[:, None]
        slopes[row:below, first[place] : first[place + 1]] = by_geometry[:, model.own[place]]
        if model.refines_wavelength:
            slopes[row:below, -1] = by_geometry[:, 5]
        row = below
    length = np.linalg.norm(slopes, axis=0)
    left, size, _ = np.linalg.svd(slopes / np.where(length > 0, length, 1.0), full_matrices=False)
    left = left[:, size > _RANK * size[0]]
    along = left.T @ z
    moved = (left @ along) * np.concatenate([view.error for view in views])
    return _GivenUp(
        chi2=float(along @ along),
        rank=left.shape[1],
        strain=float(np.sqrt(np.mean(moved**2))),
    )


def _from_direct(g: Array) -> tuple[Array, Array]:
    """Return PONI parameters from (D, y, x, rot1, rot2, λ), m and rad, and their slopes, (6, 6).

    L = D cos rot1 cos rot2, poni1 = y - D sin rot2, poni2 = x + D cos rot2 sin rot1.
    """
    direct, y, x, rot1, rot2, wavelength = (float(number) for number in g)
    s1, c1, s2, c2 = math.sin(rot1), math.cos(rot1), math.sin(rot2), math.cos(rot2)
    numbers = np.array(
        [direct * c1 * c2, y - direct * s2, x + direct * c2 * s1, rot1, rot2, wavelength]
    )
    slopes = np.eye(6)
    slopes[0, [0, 3, 4]] = c1 * c2, -direct * s1 * c2, -direct * c1 * s2
    slopes[1, [0, 4]] = -s2, -direct * c2
    slopes[2, [0, 3, 4]] = c2 * s1, direct * c2 * c1, -direct * s2 * s1
    return numbers, slopes
