"""What a correction is, and the verb that applies a chain of them."""

from collections.abc import Sequence
from typing import Protocol

import xarray as xr

from xrdkit import provenance, schema
from xrdkit.errors import CorrectionFailed, FrameShapeMismatch
from xrdkit.registry import Registry


class Correction(Protocol):
    """One correction: a frozen record of its settings that can be applied to a Dataset."""

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

    Corrections of frames leave the counts as they were measured: they attach what integration
    needs (``pixel_weight``, ``dark``, ``dark_variance``, ``dose``), so that the counting statistics
    stay right. Each is recorded in the provenance. Raises CorrectionFailed for a Dataset that a
    step cannot work on; `data` is not changed.
    """
    result = data
    for step in steps:
        corrected = step.apply(result)
        result = provenance.append(
            corrected, f"correct:{type(step).__name__}", step.record(), history=result
        )
    return result


def frame_shape(data: xr.Dataset, name: str) -> tuple[int, int]:
    """Return (rows, columns) of a FRAMES Dataset; raise CorrectionFailed for another kind."""
    if data.attrs.get("schema") != schema.FRAMES.name:
        raise CorrectionFailed(
            f"{name} corrects detector frames, not {data.attrs.get('schema', 'this Dataset')}"
        )
    _, rows, columns = data["counts"].shape
    return rows, columns


def weighted(data: xr.Dataset, factor: xr.DataArray) -> xr.Dataset:
    """Return `data` with `factor` (y, x) multiplied to its ``pixel_weight``."""
    if "pixel_weight" in data:
        factor = factor * data["pixel_weight"]
    label = {"units": "1", "long_name": "relative response of the pixels"}
    return data.assign(pixel_weight=factor.assign_attrs(label))


def check_map(name: str, found: tuple[int, ...], wanted: tuple[int, int]) -> None:
    """Raise FrameShapeMismatch where a map does not have the shape of the frames."""
    if tuple(found) != wanted:
        raise FrameShapeMismatch(f"{name} of {tuple(found)} pixels, frames of {wanted}")
