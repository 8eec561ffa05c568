"""Smooth trends of fitted numbers along a series: an option, beside the single fits."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import EmptyResult, SchemaError, SpecError
from xrdkit.fitting import Verdict
from xrdkit.provenance import append, content_sha256
from xrdkit.saxs.smoothing_spline import smooth
from xrdkit.schema import FRAME
from xrdkit.uncertainty import BETWEEN_FRAMES, COMMON, SOURCE

Array = NDArray[np.float64]

DEFAULT = (
    "mean_radius_volume",
    "mean_radius_number",
    "width_volume",
    "width_number",
    "volume_fraction",
)
_FEWEST = 5
#: Neighbours whose mean deviation from the trend is looked at, and its standard deviations from
#: which the course is not smooth there.
_NEIGHBOURS = (1, 2, 3, 5)
_JUMP = 4.2
#: Excess of χ² over its expectation, in standard deviations, from which it is not either.
_SCATTER = 5.0


def smooth_trend(
    sizes: xr.Dataset,
    *,
    along: str = "time",
    names: Sequence[str] | None = None,
    verdicts: Sequence[str] = ("ok",),
) -> xr.Dataset:
    """Return `sizes` with a smooth trend of its numbers along a series added, nothing replaced.

    `sizes` is a Dataset of fits along ``frame`` (SIZES, or any other with ``<name>`` and
    ``<name>_sigma``); `along` is a numeric coordinate on ``frame`` (``"time"``, ``"temperature"``,
    ``"frame"`` itself); `names` are the variables, over frame or over frame and one more dimension
    (None: radii, widths and volume fraction as far as they are known); `verdicts` are those of the
    fits that count. Added are, for each name,

    * ``<name>_trend`` and ``<name>_trend_sigma``: the penalised cubic spline through the estimates,
      weighted by their errors, its smoothness found by cross-validation. NaN at frames outside the
      range of those that count: nothing is extrapolated;
    * ``<name>_trend_freedom``: its effective number of parameters, 2 for a straight line;
    * ``<name>_trend_gof``: √χ²r of the estimates about it. Where that is above 1, the estimates
      scatter more than their errors say, and ``<name>_trend_sigma`` is larger by that factor;
    * ``<name>_trend_verdict``: ``misfit`` where some estimates, alone or with up to four
      neighbours, lie 4.2 standard deviations off it, or all scatter more than their errors say:
      something changed at once, and the trend blurs it, or the errors are too small;
      ``unidentifiable`` without a trend.

    Errors common to all frames (a coordinate ``source_frames`` that says ``common``, such as that
    of an absolute scale) neither weigh nor average out: they go into the error of the trend as they
    are. A trend is an assumption: what changes at once, such as at a transition, it blurs. Never
    use it in place of the single fits.

    Fewer than 5 usable frames give NaN. The argument is not changed. Raises SchemaError without
    frames, SpecError for a coordinate or name that is not there, is not numeric or has no errors,
    EmptyResult where the coordinate has fewer than 5 different values. See
    `xrdkit.saxs.smoothing_spline` for formula and sources.
    """
    if not isinstance(sizes, xr.Dataset):
        raise SchemaError(f"a {type(sizes).__name__} is no Dataset of fits")
    if FRAME not in sizes.dims:
        raise SchemaError("a trend needs a series: there is no dimension 'frame'")
    place = _axis(sizes, along)
    allowed = {str(Verdict(v)) for v in _checked(verdicts)}
    good = np.isfinite(place)
    if "verdict" in sizes:
        good &= np.isin(sizes["verdict"].values.astype(str), sorted(allowed))
    found = [n for n in DEFAULT if n in sizes] if names is None else list(names)
    added: dict[str, Any] = {}
    for name in found:
        added |= _trend(sizes, name, place, good)
    result = sizes.assign({n: xr.Variable(*v) for n, v in added.items()})
    settings = {"along": along, "names": found, "verdicts": sorted(allowed)}
    inputs = [content_sha256(sizes)]
    return append(result, "smooth_trend", settings, inputs=inputs, software=["numpy", "scipy"])


def _checked(verdicts: Sequence[str]) -> list[str]:
    known = [str(v) for v in Verdict]
    wrong = [v for v in verdicts if str(v) not in known]
    if isinstance(verdicts, str) or wrong or not len(verdicts):
        raise SpecError(f"verdicts {verdicts!r} are not some of {', '.join(known)}")
    return [str(v) for v in verdicts]


def _axis(sizes: xr.Dataset, along: str) -> Array:
    known = [str(n) for n, c in sizes.coords.items() if c.dims == (FRAME,)]
    if along == FRAME and FRAME not in sizes.coords:
        return np.arange(sizes.sizes[FRAME], dtype=np.float64)
    if along not in known:
        raise SpecError(f"along {along!r} is no coordinate on frame", hint=f"there are {known}")
    values = sizes[along].values
    if values.dtype.kind not in "iuf":
        raise SpecError(f"the coordinate {along!r} is not numeric")
    place = values.astype(np.float64)
    if np.unique(place[np.isfinite(place)]).size < _FEWEST:
        raise EmptyResult(f"{along!r} has fewer than {_FEWEST} different values: no trend")
    return place


def _trend(
    sizes: xr.Dataset, name: str, place: Array, good: NDArray[np.bool_]
) -> dict[str, tuple[Any, NDArray[Any], dict[str, str]]]:
    error = f"{name}_sigma"
    if name not in sizes or error not in sizes:
        raise SpecError(f"there is no {name!r} with a standard error {error!r}")
    one = sizes[name]
    if one.dims[:1] != (FRAME,) or one.ndim > 2:
        raise SpecError(f"{name!r} has dimensions {one.dims}, not frame and at most one more")
    shape = (one.shape[0], -1)
    value = np.asarray(one.values, dtype=np.float64).reshape(shape)
    sigma = np.asarray(sizes[error].values, dtype=np.float64).reshape(shape)
    common = _common(sizes, name) if one.ndim == 1 else np.zeros((value.shape[0], 0))
    columns = [
        _column(place, value[:, k], sigma[:, k], common, good) for k in range(value.shape[1])
    ]
    trend, spread, freedom, gof = (
        np.stack(part, axis=-1) for part in zip(*(c[:4] for c in columns), strict=True)
    )
    verdict = np.array([str(c[4]) for c in columns])
    units = {"units": str(one.attrs.get("units", ""))}
    what = str(one.attrs.get("long_name", name))
    rest = one.dims[1:]
    attrs = {
        "long_name": f"smooth trend of the {what}",
        "ancillary_variables": f"{name}_trend_sigma",
    }
    ratio = {"units": "1"}
    return {
        f"{name}_trend": (one.dims, trend.reshape(one.shape), {**units, **attrs}),
        f"{name}_trend_sigma": (
            one.dims,
            spread.reshape(one.shape),
            {**units, "long_name": f"standard error: smooth trend of the {what}"},
        ),
        f"{name}_trend_freedom": (
            rest,
            freedom.reshape(one.shape[1:]),
            {**ratio, "long_name": "effective number of parameters of the trend"},
        ),
        f"{name}_trend_gof": (
            rest,
            gof.reshape(one.shape[1:]),
            {**ratio, "long_name": "goodness of fit √χ²r of the estimates about the trend"},
        ),
        f"{name}_trend_verdict": (
            rest,
            verdict.reshape(one.shape[1:]),
            {"long_name": "whether the estimates follow a smooth course"},
        ),
    }


def _common(sizes: xr.Dataset, name: str) -> Array:
    """Return the errors that all frames share, one column for each source, signed."""
    errors = f"{name}_errors"
    if errors not in sizes or BETWEEN_FRAMES not in sizes.coords:
        return np.zeros((sizes.sizes[FRAME], 0))
    shared = sizes[BETWEEN_FRAMES].values.astype(str) == COMMON
    table = sizes[errors].transpose(FRAME, SOURCE).values[:, shared]
    return np.nan_to_num(np.asarray(table, dtype=np.float64))


def _column(
    place: Array, value: Array, sigma: Array, common: Array, good: NDArray[np.bool_]
) -> tuple[Array, Array, Array, Array, Verdict]:
    empty = np.full(value.size, np.nan)
    own = sigma**2 - np.sum(common**2, axis=1)
    # What all frames share can hardly be all of an error; rounding must not make it so.
    own = np.maximum(own, 1e-4 * sigma**2)
    used = good & np.isfinite(value) & (sigma > 0) & np.isfinite(sigma)
    none = np.array(np.nan)
    nothing = (empty, empty.copy(), none, none, Verdict.UNIDENTIFIABLE)
    if np.unique(place[used]).size < _FEWEST:
        return nothing
    inside = np.isfinite(place)
    inside &= (place >= place[used].min()) & (place <= place[used].max())
    course = smooth(place[used], value[used], np.sqrt(own[used]), place[inside])
    scale = max(1.0, course.gof)
    through = course.weights @ common[used]
    trend, spread = empty.copy(), empty.copy()
    trend[inside] = course.value
    spread[inside] = np.sqrt(scale**2 * np.diag(course.covariance) + np.sum(through**2, axis=1))
    residual = (value - trend)[used] / np.sqrt(own[used])
    smooth_there = _follows(residual[np.argsort(place[used], kind="stable")])
    freedom = max(int(used.sum()) - course.freedom, 1.0)
    quiet = course.gof**2 < 1.0 + _SCATTER * np.sqrt(2.0 / freedom)
    verdict = Verdict.OK if smooth_there and quiet else Verdict.MISFIT
    return trend, spread, np.array(course.freedom), np.array(course.gof), verdict


def _follows(residual: Array) -> bool:
    """Return whether residuals in order, in units of their errors, are nowhere off together.

    In units of what most of them scatter, where that is more: errors may be stated too small.
    """
    scatter = max(1.0, float(np.median(np.abs(residual))) / 0.6745)
    # Means of neighbours, and differences of such means on both sides of a place: jumps.
    kernels = [np.ones(k) for k in _NEIGHBOURS]
    kernels += [np.concatenate([np.ones(k), -np.ones(k)]) for k in _NEIGHBOURS]
    sums = [
        np.abs(np.convolve(residual, kernel, "valid")).max() / np.sqrt(kernel.size)
        for kernel in kernels
        if kernel.size <= residual.size
    ]
    return bool(max(sums) < _JUMP * scatter)
