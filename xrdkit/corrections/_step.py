"""What a correction is, and the verb that applies a chain of them."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol, cast

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance, schema
from xrdkit.errors import CorrectionFailed, FrameShapeMismatch, SpecError
from xrdkit.registry import Registry


class Correction(Protocol):
    """One correction: a frozen record of its settings that can be applied to a Dataset.

    It corrects frames, unless its class has the attribute ``acts_on = "profile"``.
    """

    def apply(self, data: xr.Dataset) -> xr.Dataset:
        """Return a corrected copy of `data`; `data` itself is not changed."""
        ...

    def record(self) -> dict[str, object]:
        """Return the settings as plain values; arrays as their SHA-256."""
        ...


#: Corrections by name. An outside package adds its own in the group "xrdkit.corrections".
CORRECTIONS: Registry[type[Correction]] = Registry("correction", "xrdkit.corrections")


def correct(data: xr.Dataset, steps: Sequence[Correction]) -> xr.Dataset:
    """Apply corrections in order to a FRAMES or PROFILE Dataset and return the result.

    Corrections of frames leave the counts as they were measured, so that the counting statistics
    stay right: they attach what integration needs. That is ``factor_<name>`` (y, x), a factor of
    the weight of a pixel; ``dose_<name>`` (frame), by which a frame is divided; ``dark`` and
    ``dark_variance``; ``dead_time``; ``radial_shift`` (y, x), in m. ``factor_<name>_sigma`` and
    ``dose_<name>_sigma`` are standard errors. Each step is recorded in the provenance. Raises
    CorrectionFailed for a Dataset that a step cannot work on, or that holds its correction already;
    `data` is not changed.
    """
    _check(data, steps)
    result = data
    for step in steps:
        corrected = step.apply(result)
        result = provenance.append(
            corrected, f"correct:{type(step).__name__}", step.record(), history=result
        )
    return result


def _check(data: object, steps: object) -> None:
    if not isinstance(data, xr.Dataset):
        raise CorrectionFailed(
            f"a {type(data).__name__} cannot be corrected: it is no Dataset of frames or profiles",
            hint="open files first: open_frames, load or read_profile",
        )
    if not isinstance(steps, Sequence) or isinstance(steps, str):
        raise SpecError(
            f"the steps are a {type(steps).__name__}, not a list of corrections",
            hint="correct(data, [step])",
        )
    for step in steps:
        if isinstance(step, type) or not callable(getattr(step, "apply", None)):
            raise SpecError(
                f"{step!r} is no correction",
                hint="such as Dose(name='monitor', values=(2.0,)), with its settings",
            )


def acts_on(kind: type[Correction]) -> Literal["frames", "profile"]:
    """Return what Dataset a correction works on."""
    return cast(Literal["frames", "profile"], getattr(kind, "acts_on", "frames"))


def frame_shape(data: xr.Dataset, name: str) -> tuple[int, int]:
    """Return (rows, columns) of a FRAMES Dataset; raise CorrectionFailed for another kind."""
    if data.attrs.get("schema") != schema.FRAMES.name:
        raise CorrectionFailed(
            f"{name} corrects detector frames, not {data.attrs.get('schema', 'this Dataset')}"
        )
    _, rows, columns = data["counts"].shape
    return rows, columns


def attached(data: xr.Dataset, **variables: Any) -> xr.Dataset:
    """Return `data` with `variables`; raise CorrectionFailed where the first is there already."""
    name = next(iter(variables))
    if name in data.variables:
        raise CorrectionFailed(
            f"{name!r} is attached to these frames already: it would act twice",
            hint="apply each correction once, to frames as they were opened",
        )
    return data.assign(variables)


def with_factor(
    data: xr.Dataset,
    name: str,
    factor: NDArray[Any],
    long_name: str,
    sigma: NDArray[Any] | None = None,
) -> xr.Dataset:
    """Return `data` with ``factor_<name>`` (y, x), and its standard error where `sigma` is given.

    The factor is the response of each pixel relative to an ideal one; pixels at 0, below or NaN
    are left out by the integration. Raises CorrectionFailed where the frames have one already.
    """
    label = {"units": "1", "long_name": long_name}
    variables: dict[str, Any] = {
        f"factor_{name}": (("y", "x"), np.asarray(factor, dtype=np.float64), label)
    }
    if sigma is not None:
        label = {"units": "1", "long_name": f"standard error of: {long_name}"}
        variables[f"factor_{name}_sigma"] = (("y", "x"), np.asarray(sigma, np.float64), label)
    return attached(data, **variables)


def check_map(name: str, found: tuple[int, ...], wanted: tuple[int, int]) -> None:
    """Raise FrameShapeMismatch where a map does not have the shape of the frames."""
    if tuple(found) != wanted:
        raise FrameShapeMismatch(f"{name} of {tuple(found)} pixels, frames of {wanted}")
