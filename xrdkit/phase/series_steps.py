"""Where something jumps in a series of fits."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: A change this many standard errors off the drift of the frames around is a step.
STEP = 5.0
#: Changes on each side that tell the drift, and how many must be known.
_AROUND, _FEWEST = 4, 3
#: Standard error of the median of so many changes, in that of one.
_OF_MEDIAN = 0.45
_MAD = 1.4826


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The largest jump of each frame against the frame fitted before it."""

    significance: Array
    """In standard errors (frames,); NaN where it cannot be told."""
    of: tuple[str, ...]
    """What jumps; empty where nothing does."""

    @property
    def frames(self) -> list[int]:
        """Numbers of the frames with a step."""
        return [k for k, name in enumerate(self.of) if name]


def find_steps(result: xr.Dataset) -> Steps:
    """Return the steps of cells, weight fractions and the goodness of fit in a series `result`.

    Each change between frames, x_k - x_(k-1), is compared with the median m of the four changes on
    either side: (x_k - x_(k-1) - m)/s with s² = σ_k² + σ_(k-1)² (and the error of m), or the
    scatter of the changes around where that is larger. A steady drift is no step, however steep.
    Frames that were not fitted and phases that are absent are passed over.
    """
    frames = result.sizes["frame"]
    largest = np.full(frames, np.nan)
    names = np.full(frames, "", dtype=object)
    for name, values, errors in _tracked(result):
        at = np.flatnonzero(np.isfinite(values) & np.isfinite(errors) & (errors > 0))
        found = _significance(at, values[at], errors[at])
        for k, value in zip(at[1:], found, strict=True):
            if np.isfinite(value) and not value <= largest[k]:
                largest[k], names[k] = value, name if value > STEP else ""
    return Steps(significance=largest, of=tuple(str(n) for n in names))


def _tracked(result: xr.Dataset) -> list[tuple[str, Array, Array]]:
    """Return name, values (frames,) and standard errors (frames,) of what should not jump."""
    here = result["phase_found"].values.astype(bool)
    fitted = (result["verdict"].values != "not_converged") & here.any(axis=1)
    found = here & fitted[:, np.newaxis]
    rows = []
    for p, phase in enumerate(result["phase"].values):
        for k, length in enumerate(result["lattice_parameter"].values):
            values = result["lattice"].values[:, p, k]
            if k and np.array_equal(values, result["lattice"].values[:, p, 0], equal_nan=True):
                continue
            errors = result["lattice_sigma"].values[:, p, k]
            rows.append((f"{length} of {phase}", np.where(found[:, p], values, np.nan), errors))
        share = np.where(found[:, p], result["weight_fraction"].values[:, p], np.nan)
        rows.append((f"fraction of {phase}", share, result["weight_fraction_sigma"].values[:, p]))
    squared = np.where(fitted, result["gof"].values ** 2, np.nan)
    points = np.isfinite(result["intensity"].values).sum(axis=1)
    rows.append(("goodness of fit", squared, squared * np.sqrt(2.0 / np.maximum(points, 1))))
    return rows


def _significance(at: NDArray[np.intp], values: Array, errors: Array) -> Array:
    """Return how far each change (n - 1,) is off those around, in standard errors.

    `at` are the numbers of the frames: over a gap the drift is as many times larger.
    """
    gap = np.diff(at)
    change = np.diff(values) / gap
    error = np.hypot(errors[1:], errors[:-1]) / gap
    result = np.full(change.size, np.nan)
    # Rounding is no jump, however small the errors.
    least = 1e-12 * np.abs(values).max(initial=0.0)
    for k in range(change.size):
        around = np.concatenate([change[max(k - _AROUND, 0) : k], change[k + 1 : k + 1 + _AROUND]])
        if around.size < _FEWEST:
            continue
        middle = np.median(around)
        scatter = _MAD * np.median(np.abs(around - middle))
        spread = np.hypot(max(error[k], scatter, least), _OF_MEDIAN * error[k])
        result[k] = abs(change[k] - middle) / spread
    return result
