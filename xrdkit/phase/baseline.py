"""What lies under the peaks, by clipping (SNIP) or by reweighted smoothing (arPLS).

A baseline is an opinion, no measurement: it depends on what one calls a peak. Both methods here
take that from one number, the width of the widest peak, foot to foot.

SNIP: Ryan, Clayton, Griffin, Sie & Cousens, Nucl. Instrum. Methods B 34 (1988) 396, with the window
decreasing as in Morháč et al., Nucl. Instrum. Methods A 401 (1997) 113:
    v = ln(ln(√(y + 1) + 1) + 1);   v_i <- min(v_i, (v_(i-p) + v_(i+p))/2),  p = m, m - 1, ..., 1
arPLS: Baek, Park, Ahn & Choo, Analyst 140 (2015) 250:
    z = argmin Σ w_i (y_i - z_i)² + λ Σ (z_(i-1) - 2 z_i + z_(i+1))²
    w_i = 1 for d_i = y_i - z_i < 0, else 1/(1 + exp(2 (d_i - (2s - m))/s)), m and s of the d_i < 0
"""

import logging
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.linalg import solveh_banded
from scipy.special import expit

from xrdkit import provenance, schema
from xrdkit.errors import CurveError, SpecError
from xrdkit.fitting import Verdict
from xrdkit.phase.phase_spec import is_number, is_one_of
from xrdkit.uncertainty import (
    BETWEEN_BINS,
    BETWEEN_FRAMES,
    COMMON,
    ERRORS,
    INDEPENDENT,
    SOURCE,
    independent_sigma,
)

Array = NDArray[np.float64]

_METHODS = ("snip", "arpls")
#: Part of the range that is taken for a peak's width where none is given.
_WIDTH_SHARE = 20.0
#: How much wider and narrower the width is made to see what the baseline depends on.
_OTHER_WIDTHS = (2.0**-0.5, 2.0**0.5)
#: Passes of SNIP: it is run on means over so many to half a peak, which noise does not pull down.
#: Ryan et al. make 24 passes; every further one bends a curved background down a little more.
_PASSES = 12
_RATIO, _MOST_STEPS = 1e-3, 100
#: A smoother with this many widths to the period that it passes by half leaves peaks alone.
_PERIOD_WIDTHS = 2.0
#: Steps longer than this many times the median one are gaps, over which no peak reaches.
_GAP = 5.0
_FEWEST_POINTS = 10
#: Larger intensities have no squares.
_LARGEST = 1e100
_LOG = logging.getLogger(__name__)


def baseline(
    profile: xr.Dataset,
    *,
    method: Literal["snip", "arpls"] = "snip",
    width: float | None = None,
) -> xr.Dataset:
    """Return the profile less its baseline, with the baseline and what it depends on.

    profile: `schema.PROFILE`, with or without frames. method: see the module; ``"snip"`` follows
    bends of the background more closely, ``"arpls"`` runs through the middle of the noise. width:
    of the widest peak from foot to foot, in the unit of the radial coordinate; wider structure is
    baseline. None: a twentieth of the range.

    The result is a profile with ``intensity`` (net, may be negative), ``baseline`` and
    ``baseline_spread``: half the range of the baselines by both methods with 0.71 and 1.41 times
    the width. That is a systematic error, alike in neighbouring points, and no standard error of
    anything: it says how far the choice of method and width matters, not whether a hump is a peak.
    Where the profile has ``sigma``, it is entered as the source ``baseline``, common to all points,
    in ``errors``; ``sigma`` holds it too. NaN where the profile has no data. A frame with fewer
    than 10 points with data, or with intensities above 1e100, is NaN throughout;
    ``baseline_verdict`` and ``baseline_reason`` say so per frame.

    Raises SpecError for an unknown method or a width below four points or above the range,
    CurveError where no frame can be used.
    """
    schema.validate(profile, schema.PROFILE)
    if not is_one_of(method, _METHODS):
        raise SpecError(f"method {method!r} is not one of: {', '.join(_METHODS)}")
    radial = schema.radial_dim(profile)
    data = profile.sortby(radial)
    x = np.asarray(data[radial].values, dtype=float)
    reach = float(x[-1] - x[0])
    if width is not None and not is_number(width):
        raise SpecError(f"width = {width!r} is no number")
    wide = reach / _WIDTH_SHARE if width is None else float(width)
    step = float(np.median(np.diff(x))) if x.size > 1 else np.inf
    if not 4.0 * step <= wide <= reach:
        raise SpecError(
            f"width {wide:.4g} {schema.RADIAL[radial]} is outside {4.0 * step:.4g} (four points) "
            f"to {reach:.4g} (the range)"
        )
    rows = data["intensity"].transpose(..., radial).values.astype(float)
    flat = rows.reshape(-1, x.size)
    reasons = [_trouble(row) for row in flat]
    if all(reasons):
        raise CurveError(reasons[0], frame=0)
    for k, reason in enumerate(reasons):
        if reason:
            _LOG.warning("frame %d: %s", k, reason)
    good = np.array([not reason for reason in reasons])
    found, spread = np.full((2, *flat.shape), np.nan)
    found[good] = [_row(row, x, step, method, wide) for row in flat[good]]
    others = [
        np.stack([_row(row, x, step, other, wide * f) for row in flat[good]])
        for f in _OTHER_WIDTHS
        for other in _METHODS
    ]
    spread[good] = 0.5 * np.ptp(np.stack([found[good], *others]), axis=0)
    result = _assemble(data, radial, found.reshape(rows.shape), spread.reshape(rows.shape))
    if schema.FRAME in profile.dims:
        result = _judged(result, reasons)
    result = provenance.append(
        result,
        "baseline",
        {"method": method, "width": wide},
        inputs=[provenance.content_sha256(profile)],
        software=("numpy", "scipy"),
        history=profile,
    )
    return schema.validate(result, schema.PROFILE)


def snip(intensity: Array, window: int) -> Array:
    """Return the SNIP baseline of equally spaced points (n,), window m in points.

    Formula and source: the module. Windows of more than 12 points are made of means over several,
    interpolated in the end. Where there are negative ones, all intensities are shifted to be
    positive before the double logarithm.
    """
    together = max(1, round(window / _PASSES))
    starts = np.arange(0, intensity.size, together)
    counts = np.diff(np.append(starts, intensity.size))
    mean = np.add.reduceat(intensity, starts) / counts
    low = min(float(mean.min()), 0.0)
    v = np.log(np.log(np.sqrt(mean - low + 1.0) + 1.0) + 1.0)
    for p in range(min(max(2, round(window / together)), (v.size - 1) // 2), 0, -1):
        clipped = v.copy()
        clipped[p:-p] = np.minimum(v[p:-p], 0.5 * (v[: -2 * p] + v[2 * p :]))
        v = clipped
    found = (np.exp(np.exp(v) - 1.0) - 1.0) ** 2 - 1.0 + low
    middle = starts + 0.5 * (counts - 1)
    return np.asarray(np.interp(np.arange(intensity.size), middle, found))


def arpls(intensity: Array, smoothness: float, known: NDArray[np.bool_] | None = None) -> Array:
    """Return the arPLS baseline of equally spaced points (n,), `smoothness` the λ of the module.

    Points that are not `known` have no weight.
    """
    n = intensity.size
    use = np.ones(n, dtype=bool) if known is None else known
    y = np.where(use, intensity, 0.0)
    penalty = smoothness * _second_differences(n)
    weight = use.astype(float)
    z = y
    for _ in range(_MOST_STEPS):
        matrix = penalty.copy()
        # The least weight keeps the matrix positive where whole stretches are peaks.
        matrix[2] += np.maximum(weight, 1e-12)
        z = solveh_banded(matrix, weight * y)
        d = (y - z)[use]
        below = d[d < 0]
        if below.size < 3:
            return z
        m, s = float(below.mean()), float(below.std())
        if not s > 0:
            return z
        new = np.zeros(n)
        new[use] = np.where(d < 0, 1.0, expit(-2.0 * (d - (2.0 * s - m)) / s))
        change = float(np.linalg.norm(new - weight)) / max(float(np.linalg.norm(weight)), 1e-300)
        weight = new
        if change < _RATIO:
            break
    return z


def _trouble(row: Array) -> str:
    """Return why a frame has no baseline; empty where it has one."""
    known = row[np.isfinite(row)]
    if known.size < _FEWEST_POINTS:
        return f"only {known.size} points with data: a baseline needs {_FEWEST_POINTS}"
    if np.abs(known).max() > _LARGEST:
        return (
            f"intensities of {np.abs(known).max():.3g} are no numbers to calculate with: give them"
            " in another unit"
        )
    return ""


def _judged(result: xr.Dataset, reasons: Sequence[str]) -> xr.Dataset:
    verdicts = [str(Verdict.UNIDENTIFIABLE if reason else Verdict.OK) for reason in reasons]
    return result.assign(
        baseline_verdict=(schema.FRAME, verdicts, {"long_name": "whether there is a baseline"}),
        baseline_reason=(schema.FRAME, list(reasons), {"long_name": "why there is none"}),
    )


def _row(row: Array, x: Array, step: float, method: str, width: float) -> Array:
    """Return the baseline of one frame, stretch by stretch between gaps."""
    known = np.isfinite(row)
    out = np.full(row.size, np.nan)
    edges = [0, *(np.flatnonzero(np.diff(x) > _GAP * step) + 1).tolist(), x.size]
    for a, b in pairwise(edges):
        use = known[a:b]
        if use.sum() < 3:
            out[a:b] = row[a:b]
            continue
        own = float(np.median(np.diff(x[a:b])))
        filled = np.interp(x[a:b], x[a:b][use], row[a:b][use])
        if method == "snip":
            found = snip(filled, max(2, round(width / own / 2.0)))
        else:
            found = arpls(filled, (_PERIOD_WIDTHS * width / (2.0 * np.pi * own)) ** 4, use)
        out[a:b] = np.where(use, found, np.nan)
    return out


def _assemble(data: xr.Dataset, radial: str, found: Array, spread: Array) -> xr.Dataset:
    intensity = data["intensity"]
    dims = (*(str(d) for d in intensity.dims if d != radial), radial)
    unit = {"units": intensity.attrs["units"]}
    net = intensity.transpose(*dims) - found
    out = data.assign(
        intensity=(dims, net.values, {**intensity.attrs, "long_name": "intensity less baseline"}),
        baseline=(dims, found, {**unit, "long_name": "baseline, an estimate"}),
        baseline_spread=(
            dims,
            spread,
            {
                **unit,
                "long_name": "half the range of the baselines of both methods and other widths",
            },
        ),
    )
    if "sigma" not in data:
        return out
    shared = spread[..., None, :]
    if ERRORS in data and BETWEEN_BINS in data.coords:
        before = data[ERRORS].transpose(*dims[:-1], SOURCE, radial).values
        names = [str(s) for s in data[SOURCE].values]
        kinds = {
            key: [str(k) for k in data[key].values]
            for key in (BETWEEN_BINS, BETWEEN_FRAMES)
            if key in data.coords
        }
        # Several baselines taken one after the other keep one source each.
        name = "baseline" if "baseline" not in names else f"baseline_{len(names)}"
        out = out.drop_vars([ERRORS, SOURCE, *kinds])
    else:
        before = independent_sigma(data).transpose(*dims).values[..., None, :]
        names, name = ["profile"], "baseline"
        kinds = {key: [INDEPENDENT] for key in (BETWEEN_BINS, BETWEEN_FRAMES)}
    errors = np.concatenate([before, shared], axis=-2)
    total = np.hypot(data["sigma"].transpose(*dims).values, spread)
    return out.assign(
        {
            ERRORS: (
                (*dims[:-1], SOURCE, radial),
                errors,
                {**unit, "long_name": "error of the intensity from each source"},
            ),
            "sigma": (dims, total, data["sigma"].attrs),
        }
    ).assign_coords(
        {SOURCE: [*names, name], **{key: (SOURCE, [*k, COMMON]) for key, k in kinds.items()}}
    )


def _second_differences(n: int) -> Array:
    """Return DᵀD of second differences as the upper band that solveh_banded takes, (3, n)."""
    band = np.zeros((3, n))
    for offset, value in ((-1, 1.0), (0, -2.0), (1, 1.0)):
        for other, second in ((-1, 1.0), (0, -2.0), (1, 1.0)):
            if other >= offset:
                # Row k of D has its entries at k - 1, k, k + 1 for k = 1 .. n - 2.
                columns = np.arange(1, n - 1) + other
                band[2 - (other - offset), columns] += value * second
    return band
