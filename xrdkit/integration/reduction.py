"""What integration and caking share: the sums of every frame on one plan."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.averaging import AveragedFrame, average_frames
from xrdkit.errors import EmptyResult, FrameShapeMismatch, IntegrationFailed, SpecError
from xrdkit.geometry import Calibration
from xrdkit.integration.accumulators import Sums, intensity_and_sigma, sum_frame
from xrdkit.integration.dose import dose
from xrdkit.integration.spec import FrameLike, IntegrationSpec
from xrdkit.integration.weights import Plan, make_plan
from xrdkit.masks import declared_sentinels, no_data_reasons

Array = NDArray[np.float64]
Shape = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Reduction:
    """Sums, intensities and errors of all frames; arrays have one row per frame."""

    plan: Plan
    """Bins and weights of the pixels."""
    sums: tuple[Sums, ...]
    """Accumulators of each frame."""
    intensity: Array
    """Intensity of every bin, shape (frame, bins)."""
    sigma: Array
    """Its standard error, shape (frame, bins)."""
    doses: Array
    """g of each frame, shape (frame,)."""
    shape: Shape
    """Rows and columns of the frames."""


def reduce_frames(
    frames: xr.Dataset, calibration: Calibration, spec: IntegrationSpec, *, azimuth_bins: int = 0
) -> Reduction:
    """Return the sums of every frame on radial bins, or on `azimuth_bins` times as many.

    Arguments and errors as `xrdkit.integrate`.
    """
    if not isinstance(calibration, Calibration):
        raise SpecError(
            f"calibration is a {type(calibration).__name__}, not a Calibration",
            hint="load_calibration reads a PONI file",
        )
    if not isinstance(spec, IntegrationSpec):
        raise SpecError(f"spec is a {type(spec).__name__}, not an IntegrationSpec")
    schema.validate(frames, schema.FRAMES)
    number, *size = frames["counts"].shape
    shape: Shape = (size[0], size[1])
    if number == 0:
        raise EmptyResult("there is no frame to integrate")
    dark = _dark(frames, spec, shape)
    background = None if spec.background is None else _average("background", spec.background, shape)
    usable, pixel_weight = _pixel_maps(frames, spec, shape, dark, background)
    plan = make_plan(
        calibration,
        shape,
        spec,
        usable=usable,
        pixel_weight=pixel_weight,
        azimuth_bins=azimuth_bins,
    )
    doses = dose(frames, spec.normalization, number)
    below, below_dose = _background_sums(spec, plan, shape, background, dark)
    dark_scales = _dark_scales(frames, dark, number)
    sums: list[Sums] = []
    curves: list[tuple[Array, Array]] = []
    for k in range(number):
        raw = _read(frames, k)
        bad = no_data_reasons(raw, declared_sentinels(frames["counts"].attrs)) != 0
        total = sum_frame(
            raw.astype(np.float64), bad, plan, dark=dark, dark_scale=float(dark_scales[k])
        )
        if not total.pixels.any():
            raise EmptyResult(
                "no valid pixel is left in any bin", frame=k, hint="is the frame blank or masked?"
            )
        sums.append(total)
        curves.append(intensity_and_sigma(total, float(doses[k]), below, below_dose))
    return Reduction(
        plan=plan,
        sums=tuple(sums),
        intensity=np.stack([c[0] for c in curves]),
        sigma=np.stack([c[1] for c in curves]),
        doses=doses,
        shape=shape,
    )


def _read(frames: xr.Dataset, k: int) -> NDArray[Any]:
    raw = np.asarray(frames["counts"][k].values)
    if raw.dtype.kind not in "iufb":
        raise IntegrationFailed(f"frames of dtype {raw.dtype} are not numbers", frame=k)
    return raw


def _average(name: str, data: FrameLike, shape: Shape) -> AveragedFrame:
    averaged = average_frames(data)
    if averaged.mean.shape != shape:
        raise FrameShapeMismatch(f"{name} of {averaged.mean.shape} pixels, frames of {shape}")
    return averaged


def _dark(frames: xr.Dataset, spec: IntegrationSpec, shape: Shape) -> AveragedFrame | None:
    """Return the dark of the spec, or the one that a correction attached to the frames."""
    if spec.dark is not None:
        return _average("dark", spec.dark, shape)
    if "dark" not in frames:
        return None
    exposure = frames["dark"].attrs.get("exposure_time")
    return AveragedFrame(
        mean=np.asarray(frames["dark"].values, dtype=float),
        variance=np.asarray(frames["dark_variance"].values, dtype=float),
        exposure_time=None if exposure is None else float(exposure),
        frames=int(frames["dark"].attrs.get("frames", 1)),
    )


def _pixel_maps(
    frames: xr.Dataset,
    spec: IntegrationSpec,
    shape: Shape,
    dark: AveragedFrame | None,
    background: AveragedFrame | None,
) -> tuple[NDArray[np.bool_], Array]:
    """Return which pixels may count at all, and their weight from flat and earlier corrections."""
    usable = np.ones(shape, dtype=bool)
    weight = np.ones(shape)
    if "mask" in frames:
        usable &= np.asarray(frames["mask"].values) == 0
    if spec.mask is not None:
        usable &= _map("mask", spec.mask, shape) == 0
    if "pixel_weight" in frames:
        weight *= np.asarray(frames["pixel_weight"].values, dtype=float)
    if spec.flat is not None:
        weight *= _map("flat", spec.flat, shape).astype(float)
    for averaged in (dark, background):
        if averaged is not None:
            usable &= np.isfinite(averaged.mean)
    return usable, weight


def _map(name: str, data: FrameLike, shape: Shape) -> NDArray[Any]:
    values = average_frames(data).mean if isinstance(data, xr.Dataset) else np.asarray(data)
    if values.shape != shape:
        raise FrameShapeMismatch(
            f"{name} of {values.shape} pixels, frames of {shape}",
            hint="was it made for another detector, or transposed?",
        )
    return values


def _dark_scales(data: xr.Dataset, dark: AveragedFrame | None, number: int) -> Array:
    """Return τ of each frame: its exposure over that of the dark, 1 where either is unknown."""
    scales = np.ones(number)
    if dark is not None and dark.exposure_time is not None and "exposure_time" in data.coords:
        scales = np.broadcast_to(data["exposure_time"].values / dark.exposure_time, (number,))
        if not np.all(np.isfinite(scales) & (scales > 0)):
            raise IntegrationFailed("exposure_time of the frames is not positive")
    return np.asarray(scales, dtype=float)


def _background_sums(
    spec: IntegrationSpec,
    plan: Plan,
    shape: Shape,
    background: AveragedFrame | None,
    dark: AveragedFrame | None,
) -> tuple[Sums | None, float]:
    """Return the sums of the background on the same plan, and g_b/β."""
    if background is None:
        return None, 1.0
    data = spec.background if isinstance(spec.background, xr.Dataset) else xr.Dataset()
    scale = 1.0
    if dark is not None and dark.exposure_time and background.exposure_time:
        scale = background.exposure_time / dark.exposure_time
    sums = sum_frame(
        background.mean,
        ~np.isfinite(background.mean),
        plan,
        dark=dark,
        dark_scale=scale,
        averaged=background,
    )
    wanted = spec.background_normalization or spec.normalization
    doses = dose(data, wanted, background.frames)
    if np.ptp(doses) > 1e-9 * doses[0]:
        raise IntegrationFailed(
            "the background frames have unequal doses",
            hint="average frames of one dose, or normalise them one by one",
        )
    return sums, float(doses[0]) / spec.background_scale
