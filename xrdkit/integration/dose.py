"""The factor g = monitor · time · transmission · thickness by which each frame is divided."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import CorrectionFailed
from xrdkit.integration.spec import Normalization

Array = NDArray[np.float64]

_COORDINATE = {
    "monitor": "monitor",
    "time": "exposure_time",
    "transmission": "transmission",
    "thickness": "thickness",
}


def dose(frames: xr.Dataset, normalization: Normalization | None, number: int) -> Array:
    """Return g of each of `number` frames, shape (number,); 1 where nothing is asked for.

    A variable ``dose`` (frame) that an earlier correction attached multiplies g. The absolute scale
    K divides it. Raises CorrectionFailed naming the factor, and the frame, where a value is asked
    for and absent, zero, negative or not finite.
    """
    g = np.ones(number)
    if "dose" in frames:
        g *= _checked("dose", np.asarray(frames["dose"].values, dtype=float), number)
    if normalization is None:
        return g
    for name, coordinate in _COORDINATE.items():
        wanted = getattr(normalization, name)
        if wanted is None:
            continue
        if isinstance(wanted, str):
            if coordinate not in frames.coords:
                raise CorrectionFailed(
                    f"normalization.{name} is to come from the frames, which carry no {coordinate}",
                    hint=f"state it: normalization.{name} = number, or a column of the coordinates",
                )
            wanted = frames[coordinate].values
        g *= _checked(name, np.asarray(wanted, dtype=float), number)
    if normalization.absolute_scale is not None:
        g /= normalization.absolute_scale
    return g


def _checked(name: str, values: Array, number: int) -> Array:
    if values.ndim == 0 or values.shape == (1,):
        values = np.full(number, float(values.ravel()[0]))
    if values.shape != (number,):
        raise CorrectionFailed(f"{name} has {values.size} values for {number} frames")
    wrong = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if wrong.size:
        raise CorrectionFailed(
            f"{name} is {values[wrong[0]]}, so that nothing can be divided by it",
            frame=int(wrong[0]),
            hint="was the beam off? leave the frame out, or state the value",
        )
    return values
