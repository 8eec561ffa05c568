"""The factors g = monitor · time · transmission · thickness by which each frame is divided."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import CorrectionFailed
from xrdkit.integration.normalization import COORDINATES, Normalization
from xrdkit.uncertainty import COMMON

Array = NDArray[np.float64]

#: Variables of frames with a factor of the dose that an earlier correction attached.
ATTACHED = "dose_"
_SIGMA = "_sigma"


@dataclass(frozen=True, kw_only=True)
class DoseFactor:
    """One factor of the dose, of every frame."""

    name: str
    """What it is: monitor, time, transmission, thickness, or the name of a correction."""
    values: Array
    """The factor, positive, shape (frames,)."""
    sigma: Array | None
    """Its standard error, shape (frames,); None where it is not known."""
    is_common: bool
    """Whether the frames share one error, as they do where one number was measured for all."""

    @property
    def relative(self) -> Array:
        """Relative standard error of each frame; 0 where it is not known."""
        return np.zeros(self.values.size) if self.sigma is None else self.sigma / self.values


def dose_factors(
    frames: xr.Dataset,
    normalization: Normalization | None,
    number: int,
    without: Sequence[str] = (),
) -> tuple[DoseFactor, ...]:
    """Return the factors of the dose of each of `number` frames: attached ones, then those asked.

    Variables ``dose_<name>`` (frame) come from earlier corrections. Raises CorrectionFailed naming
    the factor, and the frame, where a value is asked for and absent, zero, negative or not finite,
    a transmission above 1, or a factor that is to act twice.
    """
    factors = [_attached(frames, name, number) for name in attached_names(frames)]
    taken = {f.name for f in factors}
    for name, coordinate in COORDINATES.items():
        wanted = None if normalization is None else getattr(normalization, name)
        if wanted is None or normalization is None:
            continue
        if name in taken:
            raise CorrectionFailed(
                f"the frames were divided by {name} already, and normalization.{name} is set too",
                hint="leave one of them out",
            )
        values = _per_frame(frames, name, wanted, coordinate, number)
        sigma = getattr(normalization, f"{name}{_SIGMA}")
        factors.append(
            DoseFactor(
                name=name,
                values=_checked(name, values, number),
                sigma=None
                if sigma is None
                else _checked_sigma(
                    name,
                    _per_frame(frames, name + _SIGMA, sigma, coordinate + _SIGMA, number),
                    number,
                ),
                # One number is one measurement for all frames, in a list or not.
                is_common=not isinstance(wanted, str)
                and (np.ndim(wanted) == 0 or np.size(wanted) < number),
            )
        )
    return tuple(f for f in factors if f.name not in without)


def attached_names(frames: xr.Dataset) -> list[str]:
    """Return the names of the dose factors that corrections attached to `frames`, in order."""
    names = [str(n) for n in frames.data_vars if str(n).startswith(ATTACHED)]
    return [n.removeprefix(ATTACHED) for n in names if not n.endswith(_SIGMA)]


def _attached(frames: xr.Dataset, name: str, number: int) -> DoseFactor:
    values = _numbers(name, frames[ATTACHED + name].values)
    error = f"{ATTACHED}{name}{_SIGMA}"
    sigma, common = None, False
    if error in frames:
        sigma = _checked_sigma(name, _numbers(name + _SIGMA, frames[error].values), number)
        common = frames[error].attrs.get("source_frames") == COMMON
    return DoseFactor(
        name=name, values=_checked(name, values, number), sigma=sigma, is_common=common
    )


def _per_frame(
    frames: xr.Dataset, name: str, wanted: object, coordinate: str, number: int
) -> Array:
    if isinstance(wanted, str):
        if coordinate not in frames.coords:
            raise CorrectionFailed(
                f"normalization.{name} is to come from the frames, which carry no {coordinate}",
                hint=f"state it: normalization.{name} = number, or a column of the coordinates",
            )
        wanted = frames[coordinate].values
    return _numbers(name, wanted)


def _numbers(name: str, values: object) -> Array:
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "iuf":
        raise CorrectionFailed(
            f"{name} is of {numbers.dtype}, not numbers",
            hint="times in seconds, thicknesses in cm",
        )
    return numbers.astype(np.float64)


def _spread(name: str, values: Array, number: int) -> Array:
    if values.ndim == 0 or values.shape == (1,):
        values = np.full(number, float(values.ravel()[0]))
    if values.shape != (number,):
        raise CorrectionFailed(f"{name} has {values.size} values for {number} frames")
    return values


def _checked(name: str, values: Array, number: int) -> Array:
    values = _spread(name, values, number)
    wrong = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if wrong.size:
        raise CorrectionFailed(
            f"{name} is {values[wrong[0]]}, so that nothing can be divided by it",
            frame=int(wrong[0]),
            hint="was the beam off? leave the frame out, or state the value",
        )
    above = np.flatnonzero(values > 1) if name == "transmission" else wrong
    if above.size:
        raise CorrectionFailed(
            f"transmission is {values[above[0]]}, more than the whole beam",
            frame=int(above[0]),
            hint="were the two monitors measured with the same gain?",
        )
    return values


def _checked_sigma(name: str, values: Array, number: int) -> Array:
    values = _spread(name + _SIGMA, values, number)
    wrong = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if wrong.size:
        raise CorrectionFailed(
            f"the standard error of {name} is {values[wrong[0]]}",
            frame=int(wrong[0]),
            hint="it must be finite and not negative",
        )
    return values
