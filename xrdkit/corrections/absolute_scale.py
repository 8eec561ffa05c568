"""Absolute scale: the factor K from normalised counts to dΣ/dΩ in 1/cm, from a standard.

With the curve s_k of a standard and its measured intensity I_k = s_k/K,

    1/K = Σ w_k s_k I_k / Σ w_k s_k²,    w_k = 1/σ_k²

over the bins of the range, after those further than four (robust) standard deviations from a
straight line of I/s over log q were left out. It is I that is fitted, not s/I, whose mean is wrong
where I is noisy; for the same reason σ_k is smoothed over neighbouring bins before it weights them.
The error of K has four parts:

* statistical: what scatters from bin to bin, propagated with its covariance;
* measured: the sources common to all bins of the measured profile (its transmission, thickness,
  monitor ...), which no number of bins shrinks;
* standard: the certificate, common too;
* drift: where s/I is not constant over q, the standard deviation of its straight line over log q.
"""

import math
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from xrdkit import schema
from xrdkit.corrections.standards import Standard, measured_standard, srm3600, water_standard
from xrdkit.errors import EmptyResult, SpecError
from xrdkit.uncertainty import ErrorModel, error_model

Array = NDArray[np.float64]

#: Bins further from the line than this many robust standard deviations do not count.
_OUTLIER = 4.0
#: A drift is one where it is this many standard errors away from none, and larger than the limit.
_DRIFT_SIGMAS, _DRIFT_LIMIT = 3.0, 0.02
_MISFIT_SIGMAS = 4.0
#: A standard that is not this many standard errors above nothing gives no scale.
_SEEN_SIGMAS = 3.0
_FEWEST = 3
_SMOOTHING = 11
_MAD = 1.4826  # standard deviation over median absolute deviation of normal errors


class ScaleVerdict(StrEnum):
    """What a scale is worth."""

    OK = "ok"
    DRIFT = "drift"
    MISFIT = "misfit"


@dataclass(frozen=True, kw_only=True)
class AbsoluteScale:
    """Factor K with its error, and how well the measured curve follows the standard."""

    value: float
    """K: dΣ/dΩ in 1/cm over the measured, normalised intensity."""
    sigma: float
    """Standard error of K from all four parts below."""
    sigma_statistical: float
    """Part from errors that are independent between bins, scaled up where they do not fit."""
    sigma_measured: float
    """Part from errors common to all bins of the measured profile."""
    sigma_standard: float
    """Part from the certificate of the standard."""
    sigma_drift: float
    """Part from a ratio that is not constant; 0 where no drift was found."""
    measured_sources: tuple[tuple[str, float], ...]
    """Each common source of the measured profile with the error of K that it makes."""
    standard: str
    """Name of the standard."""
    citation: str
    """Where its values come from."""
    range: tuple[float, float]
    """Smallest and largest q of the bins that count, 1/nm."""
    points: int
    """Number of bins that count."""
    rejected: int
    """Number of bins in the range that were left out as outliers."""
    chi2: float
    """Σ (I - s/K)²/σ² over the bins that count, with the errors independent between bins."""
    dof: int
    """Bins that count, less 1."""
    scatter: float
    """Standard deviation of s/(I K) over the bins, from its median absolute deviation."""
    drift: float
    """Relative change of s/I from the smallest to the largest q, along a straight line over
    log q."""
    drift_sigma: float
    """Its standard error, from the errors independent between bins."""
    verdict: ScaleVerdict
    """``ok``; ``drift``: s/I changes by more than 2 % and more than three standard errors;
    ``misfit``: it scatters more than the errors allow."""

    @property
    def gof(self) -> float:
        """Goodness of fit √(χ²/dof)."""
        return math.sqrt(self.chi2 / self.dof) if self.dof > 0 else math.nan

    def to_dict(self) -> dict[str, object]:
        """Return all fields and ``gof`` as plain values, ready for JSON."""
        plain = asdict(self)
        plain |= {
            "measured_sources": dict(self.measured_sources),
            "range": list(self.range),
            "verdict": str(self.verdict),
            "gof": self.gof,
        }
        return plain


def absolute_scale(
    profile: xr.Dataset,
    *,
    standard: str | Standard | xr.Dataset = "SRM3600",
    temperature: float | None = None,
    range: tuple[float, float] | None = None,  # noqa: A002 - the word that integration uses
) -> AbsoluteScale:
    """Return the factor K that brings intensities onto the absolute scale of a standard.

    `profile` is the measured standard, a PROFILE Dataset over q with one frame and ``sigma``, the
    background subtracted, divided by dose, transmission and thickness (cm) exactly as the samples
    will be. `standard` is ``"SRM3600"`` (glassy carbon), ``"water"`` at `temperature` in K, a
    `Standard`, or a curve in 1/cm with its errors. `range` in 1/nm narrows the bins that count; by
    default all within the range of the standard do. Neither argument is changed.

    Raises SpecError for a standard that is not known or not usable and where `range` reaches
    beyond it (nothing is extrapolated); EmptyResult where fewer than three bins are left or the
    measured intensity is not above zero by three standard errors.
    """
    known = _standard(standard, temperature)
    q, intensity, model = _measured(profile)
    inside = _inside(q, known, range)
    usable = np.isfinite(intensity) & np.isfinite(model.independent) & (model.independent > 0)
    where = inside & usable
    if np.count_nonzero(where) < _FEWEST:
        low, high = known.range
        raise EmptyResult(
            f"{np.count_nonzero(where)} bins of the profile lie within the range of {known.name}, "
            f"{low:.4g} to {high:.4g} 1/nm, and {_FEWEST} are needed",
            hint="is q in 1/nm? a standard is never extrapolated",
        )
    level = known.at(q[where])
    kept = _inliers(q[where], intensity[where], level, model.independent[where])
    where[np.flatnonzero(where)[~kept]] = False
    bins = _Bins(q=q[where], intensity=intensity[where], level=level[kept], where=where)
    return _judged(bins, known, model, rejected=int(np.count_nonzero(~kept)))


@dataclass(frozen=True, kw_only=True)
class _Bins:
    """The bins that count."""

    q: Array
    intensity: Array
    level: Array
    where: NDArray[np.bool_]


def _standard(standard: str | Standard | xr.Dataset, temperature: float | None) -> Standard:
    if isinstance(standard, str) and standard.lower() == "water":
        if temperature is None:
            raise SpecError("the scattering of water depends on temperature: give it in K")
        return water_standard(temperature)
    if temperature is not None:
        raise SpecError("temperature is used with standard='water' only")
    if isinstance(standard, Standard):
        return standard
    if isinstance(standard, xr.Dataset):
        return measured_standard(standard)
    if isinstance(standard, str) and standard.upper().replace(" ", "") == "SRM3600":
        return srm3600()
    raise SpecError(
        f"standard {standard!r} is not known",
        hint="'SRM3600', 'water', a Standard, or a curve in 1/cm",
    )


def _measured(profile: xr.Dataset) -> tuple[Array, Array, ErrorModel]:
    """Return q, intensity and errors of the measured standard, each over its bins."""
    schema.validate(profile, schema.PROFILE)
    if schema.radial_dim(profile) != "q":
        raise SpecError("the measured standard is a profile over q", hint="integrate with unit='q'")
    if profile.attrs.get("slit_smeared"):
        raise SpecError(
            "the measured standard is smeared by a slit, the standard's curve is not",
            hint="desmear it first: xrdkit.desmear",
        )
    frames = profile.sizes.get(schema.FRAME, 1)
    if frames != 1:
        raise SpecError(
            f"the measured standard is one curve, not {frames} frames",
            hint="average the frames, or choose one: profile.isel(frame=[0])",
        )
    model = error_model(profile)
    if model is None:
        raise SpecError(
            "the measured standard has no 'sigma'", hint="without it K has no error either"
        )
    intensity = np.asarray(profile["intensity"].values, dtype=np.float64).ravel()
    return schema.mean_positions(profile)[0], intensity, model


def _inside(q: Array, known: Standard, wanted: tuple[float, float] | None) -> NDArray[np.bool_]:
    low, high = known.range
    if wanted is not None:
        if len(wanted) != 2 or not wanted[0] < wanted[1]:
            raise SpecError(f"range {wanted} is not (low, high) in 1/nm with low < high")
        if wanted[0] < low or wanted[1] > high:
            raise SpecError(
                f"range {wanted[0]:g} to {wanted[1]:g} 1/nm reaches beyond {low:.6g} to "
                f"{high:.6g} 1/nm, where {known.name} is known ({low / 10:.6g} to "
                f"{high / 10:.6g} 1/angstrom)",
                hint="a standard is never extrapolated: narrow the range",
            )
        low, high = wanted
    return np.asarray((q >= low) & (q <= high) & (q > 0))


def _inliers(q: Array, intensity: Array, level: Array, sigma: Array) -> NDArray[np.bool_]:
    """Return which bins lie on the line of I/s over log q; a drift makes no outliers."""
    weight = _weight(sigma)
    x = np.log(q)
    start = _weighted_median(intensity / level, level * np.sqrt(weight))
    expected = start * level
    kept = np.ones(level.size, dtype=bool)
    for _ in range(50):
        pull = (intensity - expected) / sigma
        spread = max(1.0, _MAD * float(np.median(np.abs(pull - np.median(pull)))))
        now = np.abs(pull) <= _OUTLIER * spread
        if np.count_nonzero(now) < _FEWEST:
            break
        slope, change, centre = _line(x[now], intensity[now], level[now], weight[now])
        expected = (slope + change * (x - centre)) * level
        if np.array_equal(now, kept):
            break
        kept = now
    return kept


def _line(x: Array, intensity: Array, level: Array, weight: Array) -> tuple[float, float, float]:
    """Return a, b and x_0 of I/s = a + b (x - x_0), x_0 where a and b are not correlated."""
    share = weight * level**2
    centre = float(np.sum(share * x) / np.sum(share))
    slope = float(np.sum(weight * level * intensity) / np.sum(share))
    away = x - centre
    change = float(np.sum(weight * level * away * intensity) / np.sum(share * away**2))
    return slope, change, centre


def _weight(sigma: Array) -> Array:
    return 1 / median_filter(sigma, size=min(_SMOOTHING, sigma.size), mode="nearest") ** 2


def _weighted_median(values: Array, weight: Array) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _judged(bins: _Bins, known: Standard, model: ErrorModel, *, rejected: int) -> AbsoluteScale:
    where, level = bins.where, bins.level
    sigma = model.independent[where]
    weight, x = _weight(sigma), np.log(bins.q)
    slope, change, centre = _line(x, bins.intensity, level, weight)
    if not slope > 0:
        raise EmptyResult(
            "the measured intensity of the standard is not positive",
            hint="was too much background subtracted?",
        )
    value = 1 / slope
    estimator = weight * level / np.sum(weight * level**2)
    away = x - centre
    tilt = weight * level * away / np.sum(weight * (level * away) ** 2)
    rest = (bins.intensity - (slope + change * away) * level) / sigma
    inflation = _inflation(float(rest @ rest), bins.q.size - 2)
    single = replace(model, common=np.zeros((0, where.size)), common_sources=())
    # s/I falls where I/s rises.
    reach = float(np.ptp(x))
    drift = -change * reach * value
    drift_sigma = reach * value * inflation * _error(single, tilt, where)
    drifts = abs(drift) > max(_DRIFT_SIGMAS * drift_sigma, _DRIFT_LIMIT)
    verdict = ScaleVerdict.MISFIT if inflation > 1 else ScaleVerdict.OK

    statistical = value**2 * inflation * _error(single, estimator, where)
    if statistical * _SEEN_SIGMAS > value:
        raise EmptyResult(
            f"the standard is not seen above the noise: K = {value:.3g} ± {statistical:.2g}",
            hint="expose longer, or choose a range where it scatters",
        )
    modes = value**2 * np.abs(model.common[:, where] @ estimator)
    measured = float(np.sqrt(np.sum(modes**2)))
    standard = value * known.relative_sigma
    if known.errors is not None:
        # dK/ds_k = K A_k, to first order in what I and s/K differ by.
        row = estimator @ known.weights(bins.q)
        standard = float(np.hypot(standard, value * _error(known.errors, row)))
    uneven = value * abs(drift) / math.sqrt(12) if drifts else 0.0
    ratio = bins.intensity / (slope * level)
    pull = (bins.intensity - slope * level) / sigma
    return AbsoluteScale(
        value=value,
        sigma=math.sqrt(statistical**2 + measured**2 + standard**2 + uneven**2),
        sigma_statistical=statistical,
        sigma_measured=measured,
        sigma_standard=standard,
        sigma_drift=uneven,
        measured_sources=tuple(zip(model.common_sources, modes.tolist(), strict=True)),
        standard=known.name,
        citation=known.citation,
        range=(float(bins.q.min()), float(bins.q.max())),
        points=int(bins.q.size),
        rejected=rejected,
        chi2=float(pull @ pull),
        dof=int(bins.q.size) - 1,
        scatter=float(_MAD * np.median(np.abs(ratio - np.median(ratio)))),
        drift=drift,
        drift_sigma=drift_sigma,
        verdict=ScaleVerdict.DRIFT if drifts else verdict,
    )


def _error(model: ErrorModel, row: Array, where: NDArray[np.bool_] | None = None) -> float:
    return float(np.sqrt(model.propagate(row[None], where)[0, 0]))


def _inflation(chi2: float, dof: int) -> float:
    """Return √(χ²/dof) where χ² is larger than chance explains, else 1."""
    if dof < 1 or chi2 <= dof + _MISFIT_SIGMAS * math.sqrt(2 * dof):
        return 1.0
    return math.sqrt(chi2 / dof)
