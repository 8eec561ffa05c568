"""The verb `desmear`: a curve smeared by slit or resolution to the curve before smearing."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import CurveError, FitFailed
from xrdkit.fitting import Verdict
from xrdkit.provenance import append, content_sha256
from xrdkit.saxs.checks import check_range
from xrdkit.saxs.desmear_curve import Desmeared, desmear_curve
from xrdkit.saxs.plausible import not_measured
from xrdkit.saxs.relative_error import relative_error
from xrdkit.saxs.selection import select
from xrdkit.saxs.smearing import Smearing, SmearingSpec, smearing_of
from xrdkit.schema import FRAME, PROFILE, validate
from xrdkit.uncertainty import (
    BETWEEN_BINS,
    BETWEEN_FRAMES,
    COMMON,
    COVARIANCE,
    ERRORS,
    INDEPENDENT,
    OFFSET,
    SOURCE,
    ErrorModel,
    error_model,
)

Array = NDArray[np.float64]

#: Name of the source of error that noise and smoothing become.
NAME = "desmearing"
MIN_POINTS = 20
#: Points whose covariance is kept, and the correlation from which it is.
_MOST_OFFSETS = 128
_NOTABLE = 0.01
_GROSS = 5.0
_SQUARED = {"count": "count2", "1/cm": "1/cm2"}
#: What tells of the smearing, and no longer holds.
_GONE = (
    "slit_smeared",
    "slit_length",
    "slit_length_stated",
    "slit_flat",
    "slit_width",
    "q_resolution_across",
    "q_resolution_cut",
)


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One frame."""

    intensity: Array
    smeared: Array
    covariance: Array
    common: Array
    gof: float = math.nan
    scale: float = math.nan
    parameters: float = math.nan
    verdict: Verdict = Verdict.NOT_CONVERGED
    reason: str = ""


def desmear(
    profile: xr.Dataset,
    *,
    smearing: SmearingSpec | Literal["auto"] = "auto",
    range: tuple[float, float] | None = None,  # noqa: A002 - the name that specs use too
    scale_errors: bool = True,
) -> xr.Dataset:
    """Return a profile as it was before slit or resolution smeared it (PROFILE).

    `profile` is a curve over q; `smearing` is what smeared it, by default what the profile says
    (`smearing_of`). `range`, 1/nm, leaves points out that no sample scattered, such as those behind
    a beam stop: what remains of the beam there would be desmeared too. Fits need none of this: they
    smear their model, which loses nothing (`fit_sizes`, `fit_model`). Desmear for what looks at the
    curve itself: figures, Guinier, Porod, distance distributions.

    The result has ``intensity`` and ``sigma`` at the same q, with all of its errors in ``errors``
    (source ``desmearing``; sources common to all points keep their names) and ``covariance``:
    neighbours are correlated over as many points as it was smoothed. Noise that is desmeared grows;
    features finer than the smearing are not brought back. ``intensity_smeared`` is the result
    smeared again, to be held against the measured curve; ``gof`` = √χ²r of that, ``sigma_scale``
    what errors were multiplied by (√χ²r where `scale_errors`), ``parameters_effective`` how many
    parameters the points determined, ``verdict`` and ``verdict_reason``. Intensities come out
    positive. Method and sources: `xrdkit.saxs.desmear_curve`.

    Raises SchemaError for what is no profile over q, CurveError where nothing smears it or a slit
    has no known length, EmptyResult where fewer than 20 points lie in `range`, SpecError for q that
    is not positive. A frame that cannot be desmeared gets NaN and a verdict with the reason.
    """
    check_range(range)
    data = select(profile, range, "desmearing is", fewest=MIN_POINTS)
    places = profile.indexes["q"].get_indexer(data["q"].values)
    rows = np.asarray(data["intensity"].values, dtype=np.float64).reshape(-1, data.sizes["q"])
    errors = (
        np.asarray(data["sigma"].values, dtype=np.float64).reshape(rows.shape)
        if "sigma" in data
        else None
    )
    frames, labels = [], set()
    for i, intensity in enumerate(rows):
        found = smearing_of(data, given=smearing, frame=i)
        if found is None:
            raise CurveError(
                "nothing is known to smear the curve",
                source=profile.attrs.get("source_file"),
                hint="say what does: smearing=SmearingSpec(slit_length=...), in 1/nm",
            )
        labels.add(found.label)
        with np.errstate(over="ignore"):  # of a curve that is refused below
            model = error_model(profile, i)
        model = None if model is None else model.select(places)
        why = _refused(intensity, None if errors is None else errors[i])
        frames.append(_frame(found, intensity, model, scale_errors, why))
    result = _collected(data, frames, profile)
    result.attrs["desmeared"] = "; ".join(sorted(labels))
    settings = {"smearing": smearing, "range": range, "scale_errors": scale_errors}
    result = append(
        result,
        "desmear",
        settings,
        inputs=[content_sha256(profile)],
        software=["numpy", "scipy"],
        history=profile,
    )
    return validate(result, PROFILE)


def _refused(intensity: Array, sigma: Array | None) -> str:
    valid = np.isfinite(intensity)
    if sigma is not None:
        valid &= np.isfinite(sigma) & (sigma > 0)
    if not valid.any():
        return ""
    return not_measured(intensity[valid], None if sigma is None else sigma[valid])


def _frame(
    smearing: Smearing,
    intensity: Array,
    model: ErrorModel | None,
    scale_errors: bool,
    why: str,
) -> _Row:
    n = intensity.size
    sources = 0 if model is None else len(model.common_sources)
    empty = _Row(
        intensity=np.full(n, np.nan),
        smeared=np.full(n, np.nan),
        covariance=np.full((n, n), np.nan),
        common=np.full((sources, n), np.nan),
    )
    if why:
        return replace(empty, verdict=Verdict.UNIDENTIFIABLE, reason=why)
    valid = np.isfinite(intensity)
    if model is not None:
        valid &= np.isfinite(model.independent) & (model.independent > 0)
    if valid.sum() < MIN_POINTS:
        reason = f"{int(valid.sum())} usable points, {MIN_POINTS} are needed"
        return replace(empty, verdict=Verdict.UNIDENTIFIABLE, reason=reason)
    sigma = relative_error(intensity[valid]) if model is None else model.independent[valid]
    try:
        found = desmear_curve(smearing, valid, intensity[valid], sigma)
    except FitFailed as exc:
        return replace(empty, verdict=Verdict.UNIDENTIFIABLE, reason=str(exc))
    scale = found.scale if scale_errors or model is None else 1.0
    covariance, common = _errors(found, model, valid, scale)
    verdict, reason = Verdict.OK, ""
    if model is not None and found.scale > _GROSS:
        verdict = Verdict.MISFIT
        reason = f"χ²r is {found.scale**2:.3g}: no smooth curve, smeared, is the measured one"
    return _Row(
        intensity=found.intensity,
        smeared=found.smeared,
        covariance=covariance,
        common=common,
        gof=math.nan if model is None else found.scale,
        scale=scale,
        parameters=found.effective_parameters,
        verdict=verdict,
        reason=reason,
    )


def _errors(
    found: Desmeared, model: ErrorModel | None, valid: NDArray[np.bool_], scale: float
) -> tuple[Array, Array]:
    """Return the covariance (n, n) of what scatters, and the common errors (m, n)."""
    if model is None:
        return scale**2 * found.covariance, np.zeros((0, found.intensity.size))
    known = model.select(np.flatnonzero(valid))
    covariance = found.covariance
    if known.correlated:
        # The posterior knows of the variances alone.
        rows = found.estimator.T
        covariance = covariance + found.estimator @ (
            known.times(rows) - known.band[0][:, None] * rows
        )
    return scale**2 * covariance, known.shifts(found.estimator)


def _collected(data: xr.Dataset, frames: list[_Row], profile: xr.Dataset) -> xr.Dataset:
    series = FRAME in data.dims
    lead = (FRAME,) if series else ()
    unit = str(data["intensity"].attrs["units"])
    variables: dict[str, Any] = {}

    def put(
        name: str, rows: list[Any], dims: tuple[str, ...], units: str | None, what: str
    ) -> None:
        attrs = {"long_name": what} if units is None else {"units": units, "long_name": what}
        variables[name] = ((*lead, *dims), np.array(rows if series else rows[0]), attrs)

    single = [np.sqrt(np.diagonal(f.covariance)) for f in frames]
    total = [
        np.sqrt(s**2 + np.sum(f.common**2, axis=0)) for s, f in zip(single, frames, strict=True)
    ]
    put("intensity", [f.intensity for f in frames], ("q",), unit, "intensity before smearing")
    variables["intensity"][2]["ancillary_variables"] = "sigma"
    put("sigma", total, ("q",), unit, "standard error of the intensity")
    what = "error of intensity from each source, signed where common to all points"
    errors = [np.vstack([s[None], f.common]) for s, f in zip(single, frames, strict=True)]
    put(ERRORS, errors, (SOURCE, "q"), unit, what)
    bands = _bands([f.covariance for f in frames])
    put(
        COVARIANCE,
        bands,
        (OFFSET, "q"),
        _SQUARED.get(unit, "1"),
        "covariance between point k and point k + offset",
    )
    put("intensity_smeared", [f.smeared for f in frames], ("q",), unit, "the result smeared again")
    for name, values, what in (
        ("gof", [f.gof for f in frames], "goodness of fit √χ²r of the result smeared again"),
        ("sigma_scale", [f.scale for f in frames], "factor that errors were multiplied by"),
        ("parameters_effective", [f.parameters for f in frames], "parameters that were determined"),
    ):
        put(name, values, (), "1", what)
    put("verdict", [str(f.verdict) for f in frames], (), None, "verdict on the result")
    put("verdict_reason", [f.reason for f in frames], (), None, "reason of the verdict")
    if "q_mean" in data:
        variables["q_mean"] = data["q_mean"].variable
    coords: dict[str, Any] = {"q": data["q"].variable, **_labels(profile)}
    coords[OFFSET] = (OFFSET, np.arange(bands[0].shape[0]), {"long_name": "points apart"})
    for key, coordinate in data.coords.items():
        if coordinate.dims in ((), (FRAME,)):
            coords[str(key)] = coordinate.variable
    attrs = {k: v for k, v in data.attrs.items() if k not in (*_GONE, "provenance")}
    return xr.Dataset(variables, coords, attrs)


def _bands(covariances: list[Array]) -> list[Array]:
    """Return the bands (offset, n) of covariance matrices, as wide as any is correlated."""
    n = len(covariances[0])
    widest = 1
    for matrix in covariances:
        sigma = np.sqrt(np.diagonal(matrix))
        if np.all(np.isfinite(sigma)):
            correlation = matrix / np.outer(sigma, sigma)
            apart = [
                b
                for b in range(min(_MOST_OFFSETS, n))
                if np.max(np.abs(np.diagonal(correlation, b))) > _NOTABLE
            ]
            widest = max(widest, apart[-1] + 1)
    bands = []
    for matrix in covariances:
        band = np.zeros((widest, n))
        for b in range(widest):
            band[b, : n - b] = np.diagonal(matrix, b)
        bands.append(band)
    return bands


def _labels(profile: xr.Dataset) -> dict[str, Any]:
    names, bins, between = [NAME], [INDEPENDENT], [INDEPENDENT]
    if ERRORS in profile:
        shared = np.flatnonzero(profile[BETWEEN_BINS].values.astype(str) == COMMON)
        names += profile[SOURCE].values.astype(str)[shared].tolist()
        bins += [COMMON] * shared.size
        between += profile[BETWEEN_FRAMES].values.astype(str)[shared].tolist()
    return {
        SOURCE: (SOURCE, names, {"long_name": "source of the error"}),
        BETWEEN_BINS: (SOURCE, bins, {"long_name": "how its errors hang together between points"}),
        BETWEEN_FRAMES: (SOURCE, between, {"long_name": "how they hang together between frames"}),
    }
