"""Quality of the frames of a series: which of them show the same sample in the same beam."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance, schema
from xrdkit.errors import EmptyResult, SchemaError, SpecError
from xrdkit.profiles.contrast import (
    Series,
    contrast,
    level_of,
    pooled,
    series_of,
    shape_of,
    two_sided,
)
from xrdkit.profiles.drift import Drift, drift_of, sidak
from xrdkit.profiles.stack import read_stack

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

SCHEMA = "xrdkit/frame_quality/1"
#: Bits of ``flag``.
FLAGS = {"blank": 1, "dropped_beam": 2, "scale_changed": 4, "shape_changed": 8, "drift": 16}
#: A frame whose counts are not this many standard errors above nothing is blank.
_SIGNIFICANT = 3.0


@dataclass
class _Outcome:
    """Numbers of each frame, shape (F,), and which of them is the reference."""

    scale: Array
    scale_sigma: Array
    p_scale: Array
    shape_chi2: Array
    shape_dof: Array
    p_shape: Array
    shape_change: Array
    reference: int = field(default=-1)


def frame_quality(
    profile: xr.Dataset,
    *,
    alpha: float = 0.01,
    reference: Literal["first", "median"] | int = "first",
    family: Literal["frame", "series"] = "frame",
    tolerance: float = 0.0,
    dropped_below: float = 0.5,
) -> xr.Dataset:
    """Test every frame of a PROFILE Dataset against a reference; return what differs, and where.

    `profile` has intensity and sigma over (frame, radial). `reference` is ``"first"`` (the first
    frame with beam), a frame number, or ``"median"``: the sum of the frames whose level is in the
    middle half, less the frame itself (at least 4 frames). Per frame:

    * ``scale``: factor to the reference, Σ w I / Σ w I_ref, with ``scale_sigma`` from all sources,
      the monitor and other factors of the dose among them; ``p_scale`` tests whether it is 1;
    * ``p_shape``: whether the frame, less that factor, has the shape of the reference, from the
      errors independent between bins (``shape_chi2``, ``shape_dof``), and ``shape_change``, the
      root mean square of the relative change beyond noise;
    * ``p_value``: of both tests together.

    p-values are uniform where nothing changed. Variances are those of the common mean of both
    curves, never of each one's own counts, and carry the exact fourth moment of counts of a given
    sum: they hold from one count per bin on, for some thirty bins or more. Correlations of pixels
    split over bins enter by ``covariance``. Without ``counts`` and ``normalization`` the stated
    ``sigma`` is used (attribute ``statistics``: ``"counts"`` or ``"sigma"``), which is right from
    about a hundred counts per bin on.

    Over the series (4 usable frames or more) the trend with the frame number is tested in the scale
    and, bin by bin, in the shape: ``drift_scale`` per frame with its error, and p-values. It
    finds what no single frame shows.

    ``flag`` holds the bits ``blank`` (no counts above noise), ``dropped_beam`` (monitor rate, or
    where there is no monitor intensity, below `dropped_below` of the median), ``scale_changed``,
    ``shape_changed`` and ``drift`` (in frames where the trend has grown beyond the error of one
    frame). ``keep`` is True where no bit is set, for `average`. The tests of a frame share `alpha`
    by Šidák's rule: of good frames the part `alpha` is flagged; with ``family="series"`` good
    series are flagged anywhere in the part `alpha`. Changes below `tolerance` (relative) are not
    flagged, for series so precise that they show what does not matter.

    Raises SchemaError for a profile without frames or errors, SpecError for settings outside their
    range, EmptyResult where no frame has beam.
    """
    schema.validate(profile, schema.PROFILE)
    if schema.FRAME not in profile.dims:
        raise SchemaError("the profile has no frames to compare")
    _check(alpha, family, tolerance, dropped_below, reference, profile.sizes[schema.FRAME])
    stack = read_stack(profile)
    series = series_of(stack)
    blank = _blank(series)
    dropped = _dropped(profile, stack.intensity, blank, dropped_below)
    usable = np.flatnonzero(~blank & ~dropped)
    if usable.size == 0:
        raise EmptyResult("no frame has beam", hint="all are blank, or far below the median")
    outcome = _tested(series, usable, ~blank, reference)
    drift = drift_of(series, usable)
    tests = 2 if drift is None else 3
    level = alpha if family == "frame" else sidak(alpha, 1 / max(int(np.sum(~blank)) - 1, 1))
    limit = sidak(level, 1 / tests)
    flag = np.where(blank, FLAGS["blank"], 0) | np.where(dropped, FLAGS["dropped_beam"], 0)
    with np.errstate(invalid="ignore"):
        moved = (outcome.p_scale < limit) & (np.abs(outcome.scale - 1) > tolerance)
        bent = (outcome.p_shape < limit) & (outcome.shape_change > tolerance)
    flag = flag | np.where(moved, FLAGS["scale_changed"], 0)
    flag = flag | np.where(bent, FLAGS["shape_changed"], 0)
    drifting = np.zeros(blank.size, dtype=bool)
    if drift is not None:
        drifting = drift.grown(outcome.reference, sidak(alpha, 1 / tests), tolerance) & ~blank
    flag = flag | np.where(drifting, FLAGS["drift"], 0)
    data = _labelled(profile, outcome, flag.astype(np.int64), drift)
    data.attrs["statistics"] = "counts" if series.counting.known else "sigma"
    settings = {
        "alpha": alpha,
        "reference": reference,
        "family": family,
        "tolerance": tolerance,
        "dropped_below": dropped_below,
    }
    inputs = [provenance.content_sha256(profile)]
    return provenance.append(data, "frame_quality", settings, inputs=inputs, history=profile)


def _check(
    alpha: float, family: str, tolerance: float, dropped: float, reference: str | int, frames: int
) -> None:
    if not 0 < alpha < 0.5:
        raise SpecError(f"alpha {alpha} is not between 0 and 0.5")
    if family not in ("frame", "series"):
        raise SpecError(f"family {family!r} is not 'frame' or 'series'")
    if not (tolerance >= 0 and 0 <= dropped < 1):
        raise SpecError(f"tolerance {tolerance} or dropped_below {dropped} is outside its range")
    known = reference in ("first", "median") if isinstance(reference, str) else (
        0 <= reference < frames
    )  # fmt: skip
    if not known:
        raise SpecError(f"reference {reference!r} is not 'first', 'median' or a frame number")


def _blank(series: Series) -> Flags:
    """Return which frames are not above nothing: Σ N g I against its error."""
    stack = series.stack
    weight = np.where(series.exposure > 0, series.exposure, 0.0)
    total = np.sum(weight * np.nan_to_num(stack.intensity), axis=1)
    variance = np.sum(weight**2 * np.nan_to_num(stack.variance), axis=1)
    return np.asarray(~(total > _SIGNIFICANT * np.sqrt(variance)))


def _dropped(profile: xr.Dataset, intensity: Array, blank: Flags, limit: float) -> Flags:
    """Return which frames had less than the part `limit` of the median beam."""
    if "monitor" in profile.coords and profile["monitor"].dims == (schema.FRAME,):
        beam = np.asarray(profile["monitor"].values, dtype=float)
        time = profile.coords.get("exposure_time")
        if time is not None and time.dims == (schema.FRAME,):
            seconds = np.asarray(time.values, dtype=float)
            beam = beam / np.where(seconds > 0, seconds, np.nan)
    else:
        everywhere = np.all(np.isfinite(intensity[~blank]), axis=0)
        beam = np.sum(np.where(everywhere, np.nan_to_num(intensity), 0.0), axis=1)
    known = np.isfinite(beam) & ~blank
    if not known.any():
        return np.zeros(blank.size, dtype=bool)
    with np.errstate(invalid="ignore"):
        return np.asarray((beam < limit * float(np.median(beam[known]))) & ~blank)


def _tested(
    series: Series, usable: NDArray[np.intp], there: Flags, reference: str | int
) -> _Outcome:
    frames = there.size
    out = _Outcome(*np.full((7, frames), np.nan))
    middle = usable
    if reference == "median":
        if usable.size < 4:
            raise SpecError(f"the median of {usable.size} frames is no reference", hint="'first'")
        sums = np.nansum(series.exposure * series.stack.intensity, axis=1)[usable]
        sums = sums / np.sum(series.exposure, axis=1)[usable]
        inner = np.argsort(sums, kind="stable")[usable.size // 4 : -(usable.size // 4)]
        middle = usable[np.sort(inner)]
        out.reference = int(usable[np.argsort(sums, kind="stable")[usable.size // 2]])
    else:
        out.reference = int(usable[0]) if reference == "first" else int(reference)
        if not there[out.reference]:
            raise EmptyResult(f"the reference, frame {out.reference}, is blank")
        middle = np.array([out.reference])
    for f in np.flatnonzero(there).tolist():
        others = middle[middle != f]
        if others.size:
            _compare(series, f, others, out)
        else:
            out.scale[f], out.scale_sigma[f] = 1.0, 0.0
    return out


def _compare(series: Series, f: int, others: NDArray[np.intp], out: _Outcome) -> None:
    """Test frame `f` against the sum of `others`."""
    frames = np.array([f, *others.tolist()])
    weight = series.exposure[others]
    total = np.sum(weight, axis=0)
    share = weight / np.where(total > 0, total, np.nan)
    both = np.isfinite(series.stack.intensity[frames]) | (series.exposure[frames] == 0)
    factors = np.concatenate([np.ones((1, total.size)), -share])
    factors = np.where(both & ~np.isnan(factors), factors, 0.0)
    factors[:, (total == 0) | (series.exposure[f] == 0)] = np.nan
    levels = np.ones(frames.size)
    mean = pooled(series, frames, levels)
    alike = contrast(series, frames, factors, np.broadcast_to(mean, factors.shape))
    known = alike.band[0] > 0
    weights = np.where(known, mean / np.where(known, alike.band[0], 1.0), 0.0)
    value, sigma = level_of(alike, weights, mean)
    good = np.isfinite(alike.difference)
    top = float(np.sum(np.where(good, weights * np.nan_to_num(series.stack.intensity[f]), 0.0)))
    own = top / max(float(np.sum(np.where(good, weights * mean, 0.0))), np.finfo(float).tiny)
    below = own - value
    scale = own / below if below > 0 else np.nan
    out.scale[f], out.scale_sigma[f] = scale, sigma / below if below > 0 else np.nan
    out.p_scale[f] = two_sided(value, sigma)
    if not (np.isfinite(scale) and scale > 0):
        return
    levels[0] = scale
    mean = pooled(series, frames, levels)
    expected = np.broadcast_to(mean, factors.shape) * levels[:, None]
    scaled = factors * np.concatenate([[1.0], np.full(others.size, scale)])[:, None]
    test = shape_of(contrast(series, frames, scaled, expected), mean * scale)
    out.shape_chi2[f], out.shape_dof[f] = test.chi2, test.mean
    out.p_shape[f], out.shape_change[f] = test.p_value, test.change


def _labelled(
    profile: xr.Dataset, outcome: _Outcome, flag: NDArray[np.int64], drift: Drift | None
) -> xr.Dataset:
    with np.errstate(invalid="ignore"):
        smallest = np.fmin(outcome.p_scale, outcome.p_shape)
    numbers = {
        "scale": (outcome.scale, "intensity relative to the reference"),
        "scale_sigma": (outcome.scale_sigma, "standard error of scale"),
        "p_scale": (outcome.p_scale, "probability of such a scale by chance"),
        "shape_chi2": (outcome.shape_chi2, "chi-square of the shape against the reference"),
        "shape_dof": (outcome.shape_dof, "expectation of shape_chi2 by chance"),
        "p_shape": (outcome.p_shape, "probability of such a shape by chance"),
        "shape_change": (outcome.shape_change, "relative change of the shape beyond noise"),
        "p_value": (1 - (1 - smallest) ** 2, "probability of such scale and shape by chance"),
    }
    variables: dict[str, Any] = {
        name: (schema.FRAME, values, {"units": "1", "long_name": text})
        for name, (values, text) in numbers.items()
    }
    nothing = Drift.nothing(flag.size) if drift is None else drift
    for name, value, text in (
        ("drift_scale", nothing.scale, "relative change of the scale per frame"),
        ("drift_scale_sigma", nothing.scale_sigma, "standard error of drift_scale"),
        ("drift_p_scale", nothing.p_scale, "probability of such a trend of the scale by chance"),
        ("drift_p_shape", nothing.p_shape, "probability of such a trend of the shape by chance"),
    ):
        variables[name] = ((), value, {"units": "1", "long_name": text})
    variables["flag"] = (
        schema.FRAME,
        flag,
        {
            "long_name": "what is wrong with the frame",
            "units": "1",
            "flag_masks": np.array(list(FLAGS.values())),
            "flag_meanings": " ".join(FLAGS),
        },
    )
    variables["keep"] = (schema.FRAME, flag == 0, {"units": "1", "long_name": "nothing is wrong"})
    coords = {
        name: coord for name, coord in profile.coords.items() if coord.dims in ((schema.FRAME,), ())
    }
    attrs = {"schema": SCHEMA, "reference_frame": outcome.reference}
    return xr.Dataset(variables, coords=coords, attrs=attrs)
