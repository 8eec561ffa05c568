"""What integration and caking share: intensities, errors and ledger of every frame on one plan."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.averaging import AveragedFrame
from xrdkit.canonical import sha256_array, sha256_value
from xrdkit.dead_time import true_counts
from xrdkit.errors import CorrectionFailed, EmptyResult, IntegrationFailed, SpecError
from xrdkit.geometry import Calibration
from xrdkit.integration.assignment import Array, Shape, assignment, forget_assignments
from xrdkit.integration.attachments import (
    PARALLAX,
    PixelMaps,
    acting,
    average,
    check_background,
    check_names,
    pixel_maps,
)
from xrdkit.integration.cache import PlanCache
from xrdkit.integration.dose import dose_factors
from xrdkit.integration.frame_sums import FrameSummer, FrameSums, Noise, native
from xrdkit.integration.geometry_error import GeometryError, geometry_error
from xrdkit.integration.ledger import ledger
from xrdkit.integration.level import frame_level, mean_level
from xrdkit.integration.sources import BackgroundShare, ErrorBudget, error_budget
from xrdkit.integration.spec import IntegrationSpec
from xrdkit.integration.spots import Spots, look_for_spots
from xrdkit.integration.weights import Plan, make_plan
from xrdkit.masks import declared_sentinels, no_data_reasons

_PLANS: PlanCache[Plan] = PlanCache(768 * 2**20)

NO_PIXEL = "no valid pixel is left in any bin"


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """Sums, intensities and errors of all frames; arrays have one row per frame."""

    plan: Plan
    """Bins and weights of the pixels."""
    sums: tuple[FrameSums, ...]
    """Accumulators of each frame."""
    intensity: Array
    """Intensity of every bin, shape (frame, bins)."""
    budgets: tuple[ErrorBudget, ...]
    """Its errors."""
    corrections: tuple[str, ...]
    """Names of the corrections that acted, in order."""
    ledger: Array
    """Factor of each correction, shape (frame, correction, bins)."""
    doses: Array
    """g of each frame, the absolute scale included, shape (frame,)."""
    is_undivided: bool
    """Whether no factor of a dose divides the frames."""
    geometry: GeometryError | None
    """Effect of the errors of the calibration, where they are known."""
    spots: tuple[Spots, ...]
    """What was left out for its counts in each frame; empty where none was looked for."""
    shape: Shape
    """Rows and columns of the frames."""


def reduce_frames(
    frames: xr.Dataset, calibration: Calibration, spec: IntegrationSpec, *, azimuth_bins: int = 0
) -> Reduction:
    """Return the sums of every frame on radial bins, or on `azimuth_bins` times as many.

    Arguments and errors as `xrdkit.integrate`.
    """
    shape = _checked(frames, calibration, spec)
    number = frames.sizes[schema.FRAME]
    names = tuple(n for n in acting(frames, spec) if n != PARALLAX)
    maps = pixel_maps(frames, calibration, spec, shape)
    below = None
    if spec.background is not None and "background" in names:
        check_background(frames, spec.background)
        below = average("background", spec.background, shape)
    plan = _plan(calibration, shape, spec, maps, below, azimuth_bins)
    factors = dose_factors(frames, spec.normalization, number, spec.without)
    check_names(names)
    scale, scale_relative = _absolute_scale(spec)
    doses = np.prod([f.values for f in factors], axis=0) / scale * np.ones(number)
    dead_time = frames["dead_time"] if "dead_time" in names else None
    summer = FrameSummer(plan, _noise(spec))
    background = _background(spec, plan, below, maps.dark, scale, dead_time)
    errors = geometry_error(calibration, shape, spec, plan, maps.shift)
    dark_scales = _dark_scales(frames, maps.dark, number)
    sums, budgets, tables, intensities = [], [], [], []
    spots: list[Spots] = []
    for k in range(number):
        total, found = _frame(frames, k, summer, spec, float(dark_scales[k]), dead_time)
        level = frame_level(total, float(doses[k]))
        net = level.intensity
        if background is not None:
            net = net - background.level.intensity
        budget = error_budget(
            level,
            total.weights,
            factors,
            k,
            background=background,
            dark_frames=0 if maps.dark is None else maps.dark.frames,
            scale_relative=scale_relative,
            geometry={}
            if errors is None
            else errors.on_intensity(plan.centres, net, level.counting[0]),
        )
        sums.append(total)
        if found is not None:
            spots.append(found)
        budgets.append(budget)
        intensities.append(net)
        tables.append(ledger(names, total, factors, k, scale, level, net))
    if all(total.is_blank for total in sums):
        raise EmptyResult(
            NO_PIXEL if number == 1 else f"{NO_PIXEL} of all {number} frames",
            frame=0 if number == 1 else None,
            hint="is the frame blank or masked?",
        )
    return Reduction(
        plan=plan,
        sums=tuple(sums),
        intensity=np.stack(intensities),
        budgets=tuple(budgets),
        corrections=names,
        ledger=np.stack(tables),
        doses=doses,
        is_undivided=not factors,
        geometry=errors,
        spots=tuple(spots),
        shape=shape,
    )


def forget_plans() -> None:
    """Forget the plans of earlier calls, which are kept up to 1.1 GiB while the process lives."""
    _PLANS.clear()
    forget_assignments()


def _checked(frames: xr.Dataset, calibration: Calibration, spec: IntegrationSpec) -> Shape:
    if not isinstance(calibration, Calibration):
        raise SpecError(
            f"calibration is a {type(calibration).__name__}, not a Calibration",
            hint="load_calibration reads geometry files",
        )
    if not isinstance(spec, IntegrationSpec):
        raise SpecError(f"spec is a {type(spec).__name__}, not an IntegrationSpec")
    schema.validate(frames, schema.FRAMES)
    number, *size = frames["counts"].shape
    if number == 0:
        raise EmptyResult("there is no frame to integrate")
    return size[0], size[1]


def _plan(
    calibration: Calibration,
    shape: Shape,
    spec: IntegrationSpec,
    maps: PixelMaps,
    background: AveragedFrame | None,
    azimuth_bins: int,
) -> Plan:
    usable = maps.usable
    if background is not None:
        usable = usable & np.isfinite(background.mean)
    bins = assignment(calibration, shape, spec, usable, azimuth_bins=azimuth_bins, shift=maps.shift)
    dark = maps.dark
    key = sha256_value(
        {
            "bins": [sha256_array(bins.edges), spec.sector, azimuth_bins, spec.splitting],
            "calibration": [calibration.digest(), spec.unit],
            "shape": shape,
            "shift": None if maps.shift is None else sha256_array(maps.shift),
            "usable": sha256_array(np.packbits(usable)),
            "factors": [[n, f.digest] for n, f in maps.factors.items()],
            "errors": [[n, sha256_array(e)] for n, e in maps.errors.items()],
            "dark": None if dark is None else dark.digest(),
        }
    )
    plan = _PLANS.get(
        key,
        lambda: make_plan(
            bins,
            usable=usable,
            factors={name: factor.make() for name, factor in maps.factors.items()},
            errors=maps.errors,
            dark=None if dark is None else dark.mean,
            dark_variance=None if dark is None else dark.variance,
        ),
    )
    if plan.usable.size == 0:
        low, high = plan.edges[0], plan.edges[-1]
        raise EmptyResult(
            f"no usable pixel lies between {low:g} and {high:g} ({spec.unit})",
            hint="compare range, azimuth_range, mask and flat with the reach of the detector",
        )
    return plan


def _frame(
    frames: xr.Dataset,
    k: int,
    summer: FrameSummer,
    spec: IntegrationSpec,
    dark_scale: float,
    dead_time: xr.DataArray | None,
) -> tuple[FrameSums, Spots | None]:
    counts = frames["counts"]
    raw = np.asarray(counts[k].values)
    if raw.dtype.kind not in "iufb":
        raise IntegrationFailed(f"frames of dtype {raw.dtype} are not numbers", frame=k)
    bad = no_data_reasons(raw, declared_sentinels(counts.attrs)) != 0
    if "saturation" in counts.attrs:
        bad |= raw >= float(counts.attrs["saturation"])
    spots = None
    if spec.outliers is not None:
        bad, spots = look_for_spots(raw, bad, summer.plan, spec.outliers, dark_scale, summer.noise)
    flat = native(raw)
    if dead_time is None:
        return summer.frame(flat, bad.ravel(), dark_scale=dark_scale), spots
    true, variance = _true_counts(frames, flat, k, dead_time)
    lost = bad.ravel() | ~np.isfinite(true)
    kept = np.where(lost, 0.0, true), np.where(lost, 0.0, variance)
    return summer.frame(flat, lost, dark_scale=dark_scale, true=kept), spots


def _true_counts(
    frames: xr.Dataset, raw: NDArray[Any], k: int, dead_time: xr.DataArray
) -> tuple[Array, Array]:
    if "exposure_time" not in frames.coords:
        raise CorrectionFailed(
            "dead time needs the exposure of the frames (and of the background), which they do not "
            "state",
            hint="open_frames(..., stated={'exposure_time': seconds})",
        )
    exposures = np.broadcast_to(frames["exposure_time"].values, (frames.sizes[schema.FRAME],))
    model = dead_time.attrs.get("model", "")
    return true_counts(raw, float(dead_time.values), float(exposures[k]), model)


def _dark_scales(data: xr.Dataset, dark: AveragedFrame | None, number: int) -> Array:
    """Return τ of each frame: its exposure over that of the dark, 1 where either is unknown."""
    scales = np.ones(number)
    if dark is not None and dark.exposure_time is not None and "exposure_time" in data.coords:
        scales = np.broadcast_to(data["exposure_time"].values / dark.exposure_time, (number,))
        if not np.all(np.isfinite(scales) & (scales > 0)):
            raise IntegrationFailed("exposure_time of the frames is not positive")
    return np.asarray(scales, dtype=float)


def _background(
    spec: IntegrationSpec,
    plan: Plan,
    averaged: AveragedFrame | None,
    dark: AveragedFrame | None,
    scale: float,
    dead_time: xr.DataArray | None,
) -> BackgroundShare | None:
    """Return β times the level of the background frames, each with its own dose.

    What belongs to the detector (factors, dark, dead time) is that of the sample.
    """
    if averaged is None or spec.background is None:
        return None
    data = _as_frames(spec.background)
    number = data.sizes[schema.FRAME]
    wanted = spec.background_normalization or spec.normalization
    factors = dose_factors(data, wanted, number, spec.without)
    doses = np.prod([f.values for f in factors], axis=0) / scale * np.ones(number)
    dark_scales = _dark_scales(data, dark, number)
    summer = FrameSummer(plan, _noise(spec))
    sums = []
    for k in range(number):
        total, _ = _frame(data, k, summer, spec, float(dark_scales[k]), dead_time)
        sums.append((total, float(doses[k])))
    return BackgroundShare(
        level=mean_level(sums, spec.background_scale),
        doses=factors,
        scale=spec.background_scale,
        scale_sigma=spec.background_scale_sigma,
    )


def _as_frames(data: Any) -> xr.Dataset:
    """Return a FRAMES Dataset of frames that were handed in as one, or as an array of counts."""
    if isinstance(data, xr.Dataset):
        return data
    attrs = dict(data.attrs) if isinstance(data, xr.DataArray) else {}
    stack = np.asarray(data)
    stack = stack[None] if stack.ndim == 2 else stack
    return xr.Dataset({"counts": ((schema.FRAME, "y", "x"), stack, {"units": "count"} | attrs)})


def _noise(spec: IntegrationSpec) -> Noise:
    return Noise(gain=spec.gain, readout=spec.readout_noise)


def _absolute_scale(spec: IntegrationSpec) -> tuple[float, float]:
    """Return K and its relative standard error; 1 and 0 where none is asked for."""
    wanted = spec.normalization
    if wanted is None or wanted.absolute_scale is None or "absolute_scale" in spec.without:
        return 1.0, 0.0
    return wanted.absolute_scale, (wanted.absolute_scale_sigma or 0.0) / wanted.absolute_scale
