"""How far two results are apart, variable by variable, and what a correction does to one."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.provenance import ATTRIBUTE


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What leaving out a correction does to one variable: ratios of new to stored values."""

    median: float
    """Median of the ratios."""
    low: float
    """Smallest ratio."""
    high: float
    """Largest ratio."""

    @property
    def largest(self) -> float:
        """The ratio that is farthest from 1."""
        return max(self.low, self.high, key=lambda ratio: abs(ratio - 1.0))


def differences(stored: xr.Dataset, again: xr.Dataset) -> dict[str, float]:
    """Return the largest relative difference |a - b|/max(|a|, |b|) of each variable.

    It is 0 where all values are equal (NaN equals NaN) and infinite where dimensions, units, texts,
    or the places of NaN differ, or where a variable is in one of the two only. Attributes of the
    Datasets other than the provenance are compared too and listed as ``attribute <name>`` where
    they differ.
    """
    out: dict[str, float] = {}
    for name in sorted({str(n) for n in (*stored.variables, *again.variables)}):
        both = name in stored.variables and name in again.variables
        out[name] = _difference(stored[name], again[name]) if both else math.inf
    for name in sorted({str(n) for n in (*stored.attrs, *again.attrs)} - {ATTRIBUTE}):
        if not _equal_attribute(stored.attrs.get(name), again.attrs.get(name)):
            out[f"attribute {name}"] = math.inf
    return out


def effects(stored: xr.Dataset, again: xr.Dataset) -> dict[str, Effect]:
    """Return the effect on every variable of floating point that changed; NaN and 0 are left out.

    Bounds, masks and coordinates are not looked at.
    """
    out = {}
    for name, variable in stored.data_vars.items():
        if name not in again or again[name].shape != variable.shape or variable.dtype.kind != "f":
            continue
        before, after = np.asarray(variable.values), np.asarray(again[name].values)
        good = np.isfinite(before) & np.isfinite(after) & (before != 0)
        ratio = after[good] / before[good]
        if ratio.size and np.any(ratio != 1.0):
            out[str(name)] = Effect(
                median=float(np.median(ratio)), low=float(ratio.min()), high=float(ratio.max())
            )
    return out


def _difference(stored: xr.DataArray, again: xr.DataArray) -> float:
    if stored.dims != again.dims or stored.shape != again.shape:
        return math.inf
    if stored.attrs.get("units") != again.attrs.get("units"):
        return math.inf
    a, b = np.asarray(stored.values), np.asarray(again.values)
    if a.dtype.kind not in "iufb" or b.dtype.kind not in "iufb":
        same = a.dtype.kind in "mM" or b.dtype.kind in "mM"
        equal = np.array_equal(a, b) if same else a.astype(str).tolist() == b.astype(str).tolist()
        return 0.0 if equal else math.inf
    x, y = a.astype(np.float64), b.astype(np.float64)
    odd = ~(np.isfinite(x) & np.isfinite(y))
    if not np.array_equal(x[odd], y[odd], equal_nan=True):
        return math.inf
    gap = np.abs(x[~odd] - y[~odd])
    scale = np.maximum(np.abs(x[~odd]), np.abs(y[~odd]))
    return float(np.max(gap[gap > 0] / scale[gap > 0], initial=0.0))


def _equal_attribute(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(np.atleast_1d(a), np.atleast_1d(b))
    return bool(a == b or (a != a and b != b))
