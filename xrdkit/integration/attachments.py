"""What corrections attached to frames, together with what the spec itself asks for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.averaging import AveragedFrame, average_frames
from xrdkit.canonical import sha256_array
from xrdkit.errors import CorrectionFailed, FrameShapeMismatch, SpecError
from xrdkit.geometry import Calibration
from xrdkit.integration.assignment import Array, Shape
from xrdkit.integration.dose import attached_names
from xrdkit.integration.normalization import COORDINATES
from xrdkit.integration.spec import FrameLike, IntegrationSpec
from xrdkit.integration.weights import Mask

#: Variables of frames with a factor of the pixel weight that a correction attached.
FACTOR = "factor_"
#: The correction that moves pixels instead of weighing them.
PARALLAX = "parallax"
_SIGMA = "_sigma"


@dataclass(frozen=True, kw_only=True)
class Factor:
    """A map of the pixel weight, made only where no plan remembers it."""

    digest: str
    """What tells it from other maps."""
    make: Callable[[], Array]
    """Return the map (y, x)."""


@dataclass(frozen=True, kw_only=True)
class PixelMaps:
    """Maps (y, x) that all frames of a reduction share."""

    usable: Mask
    """False where a pixel is masked in every frame."""
    factors: dict[str, Factor]
    """Factors of the pixel weight by name, in the order in which they act."""
    errors: dict[str, Array]
    """Standard error of those factors that have one."""
    dark: AveragedFrame | None
    """The dark, or None."""
    shift: Array | None
    """Outward shift by parallax, m, or None."""


def pixel_maps(
    frames: xr.Dataset, calibration: Calibration, spec: IntegrationSpec, shape: Shape
) -> PixelMaps:
    """Return the maps of masks, factors and dark: those attached to `frames`, then those of `spec`.

    Corrections named in ``spec.without`` are left out. Raises FrameShapeMismatch for a map of
    another shape and CorrectionFailed where one correction is to act twice.
    """
    usable = np.ones(shape, dtype=bool)
    if "mask" in frames:
        usable &= np.asarray(frames["mask"].values) == 0
    if spec.mask is not None:
        usable &= _map("mask", spec.mask, shape) == 0
    factors, errors = _attached(frames, shape)
    own: dict[str, Factor] = {}
    geometry = calibration.digest()
    if spec.flat is not None:
        own["flat"] = _known(_numbers("flat", _map("flat", spec.flat, shape)))
    if spec.solid_angle:
        own["solid_angle"] = Factor(digest=geometry, make=lambda: calibration.solid_angle(shape))
    if spec.polarization is not None:
        f = spec.polarization
        own["polarization"] = Factor(
            digest=f"{geometry} {f}", make=lambda: calibration.polarization(shape, f)
        )
    for name in own:
        check_once(name, name in factors)
    check_once("dark", spec.dark is not None and "dark" in frames)
    factors |= own
    return PixelMaps(
        usable=usable,
        factors={n: f for n, f in factors.items() if n not in spec.without},
        errors={n: e for n, e in errors.items() if n not in spec.without},
        dark=None if "dark" in spec.without else _dark(frames, spec, shape),
        shift=_shift(frames, spec, shape),
    )


def check_background(frames: xr.Dataset, background: FrameLike) -> None:
    """Raise CorrectionFailed where `background` holds corrections that `frames` do not hold.

    Those of the frames act on both, so that others would be left out without a word.
    """
    if not isinstance(background, xr.Dataset):
        return
    single = ("dark", "dark_variance", "dead_time", "radial_shift")
    for name in (str(n) for n in background.data_vars):
        if name not in single and not name.startswith(FACTOR):
            continue
        if name not in frames or not background[name].identical(frames[name]):
            raise CorrectionFailed(
                f"the background frames carry {name!r}, and the frames do not carry the same",
                hint="correct both alike, or the frames alone: it acts on the background as well",
            )


def check_names(names: Sequence[str]) -> None:
    """Raise CorrectionFailed where two corrections have one name: the ledger would mix them up."""
    twice = [n for n in names if names.count(n) > 1]
    if twice:
        raise CorrectionFailed(
            f"two corrections are called {twice[0]!r}",
            hint="give the dose or the factor that was attached another name",
        )


def check_once(name: str, twice: bool) -> None:
    """Raise CorrectionFailed where a correction is attached and asked for as well."""
    if twice:
        raise CorrectionFailed(
            f"{name} was corrected already, and the integration is to correct it again",
            hint="leave it out of the spec, or out of the corrections",
        )


def _numbers(name: str, values: NDArray[Any]) -> Array:
    """Return a copy of `values` as float64; raise SpecError where they are not real numbers."""
    if values.dtype.kind not in "biufO":
        raise SpecError(f"{name} of {values.dtype} holds no real numbers")
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SpecError(f"{name} holds no real numbers: {error}") from None


def _known(values: Array) -> Factor:
    return Factor(digest=sha256_array(values), make=lambda: values)


def _attached(frames: xr.Dataset, shape: Shape) -> tuple[dict[str, Factor], dict[str, Array]]:
    factors: dict[str, Factor] = {}
    errors: dict[str, Array] = {}
    for label in _labels(frames):
        values = _numbers(FACTOR + label, frames[FACTOR + label].values)
        if values.shape != shape:
            raise FrameShapeMismatch(f"{FACTOR}{label} of {values.shape} pixels, frames of {shape}")
        if label.endswith(_SIGMA):
            name = label.removesuffix(_SIGMA)
            if FACTOR + name not in frames:
                raise CorrectionFailed(f"the frames carry {FACTOR}{label} without {FACTOR}{name}")
            errors[name] = values
        else:
            factors[label] = _known(values)
    return factors, errors


def _labels(frames: xr.Dataset) -> list[str]:
    names = [str(n) for n in frames.data_vars if str(n).startswith(FACTOR)]
    return [n.removeprefix(FACTOR) for n in names]


def average(name: str, data: FrameLike, shape: Shape) -> AveragedFrame:
    """Return the mean of frames; raise FrameShapeMismatch naming them for another shape."""
    averaged = average_frames(data)
    if averaged.mean.shape != shape:
        raise FrameShapeMismatch(f"{name} of {averaged.mean.shape} pixels, frames of {shape}")
    return averaged


def _dark(frames: xr.Dataset, spec: IntegrationSpec, shape: Shape) -> AveragedFrame | None:
    if spec.dark is not None:
        return average("dark", spec.dark, shape)
    if "dark" not in frames:
        return None
    if "dark_variance" not in frames:
        raise CorrectionFailed(
            "the frames carry a dark without dark_variance",
            hint="attach it with correct(frames, [Dark(dark=average_frames(...))])",
        )
    exposure = frames["dark"].attrs.get("exposure_time")
    return AveragedFrame(
        mean=np.asarray(frames["dark"].values, dtype=float),
        variance=np.asarray(frames["dark_variance"].values, dtype=float),
        exposure_time=None if exposure is None else float(exposure),
        frames=int(frames["dark"].attrs.get("frames", 1)),
    )


def _shift(frames: xr.Dataset, spec: IntegrationSpec, shape: Shape) -> Array | None:
    if "radial_shift" not in frames or PARALLAX in spec.without:
        return None
    shift = np.asarray(frames["radial_shift"].values, dtype=np.float64)
    if shift.shape != shape:
        raise FrameShapeMismatch(f"radial_shift of {shift.shape} pixels, frames of {shape}")
    return shift


def _map(name: str, data: FrameLike, shape: Shape) -> NDArray[Any]:
    values = average_frames(data).mean if isinstance(data, xr.Dataset) else np.asarray(data)
    if values.ndim == 0:
        raise SpecError(
            f"{name} is a {type(data).__name__}, not an array (y, x)",
            hint="files are read by load_mask and open_frames",
        )
    if values.dtype.kind not in "biufO":
        raise SpecError(f"{name} of {values.dtype} holds no real numbers")
    if values.shape != shape:
        raise FrameShapeMismatch(
            f"{name} of {values.shape} pixels, frames of {shape}",
            hint="was it made for another detector, or transposed?",
        )
    return values


def acting(frames: xr.Dataset, spec: IntegrationSpec) -> list[str]:
    """Return the names of all corrections that act on `frames`, in the order of the ledger.

    Those in ``spec.without`` are not among them. Parallax, which moves pixels and multiplies
    nothing, comes last. Raises SpecError for a name there that would not act anyhow.
    """
    names = ["dead_time"] if "dead_time" in frames else []
    names += ["dark"] if spec.dark is not None or "dark" in frames else []
    names += [n for n in _labels(frames) if not n.endswith(_SIGMA)]
    names += ["flat"] if spec.flat is not None else []
    names += ["solid_angle"] if spec.solid_angle else []
    names += ["polarization"] if spec.polarization is not None else []
    names += attached_names(frames)
    wanted = spec.normalization
    if wanted is not None:
        every = (*COORDINATES, "absolute_scale")
        names += [n for n in every if getattr(wanted, n) is not None]
    names += ["background"] if spec.background is not None else []
    names += [PARALLAX] if "radial_shift" in frames else []
    unknown = [n for n in spec.without if n not in names]
    if unknown:
        raise SpecError(
            f"without names {unknown[0]!r}, which is not corrected for",
            hint=f"what is: {', '.join(names) or 'nothing'}",
        )
    return [n for n in names if n not in spec.without]
