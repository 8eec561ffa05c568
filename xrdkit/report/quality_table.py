"""The frames of a series that differ from the others, by the test of their quality."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from xrdkit.report.budget_table import percent, table
from xrdkit.report.label import superscript
from xrdkit.report.markup import Markup, element
from xrdkit.report.measured import plain_number, value_with_error
from xrdkit.schema import FRAME

_MOST = 60


def quality_table(quality: xr.Dataset) -> Iterator[Markup]:
    """Yield what the quality test said of the frames of a series: in words, then those flagged."""
    flag = np.asarray(quality["flag"].values)
    attrs = quality["flag"].attrs
    names = str(attrs.get("flag_meanings", "")).split()
    bits = np.atleast_1d(attrs.get("flag_masks", [])).tolist()
    bad = np.flatnonzero(flag)
    trend = _trend(quality)
    if not bad.size:
        text = f"None of {flag.size:,} frames is flagged.{trend}"
        yield element("p", element("span", "OK", class_="badge good"), f" {text}")
        return
    word = element("span", f"{bad.size:,} flagged", class_="badge doubtful")
    yield element("p", word, f" of {flag.size:,} frames; all of them are in the results.{trend}")
    rows = []
    for k in bad[:_MOST].tolist():
        said = [n.replace("_", " ") for n, b in zip(names, bits, strict=True) if int(flag[k]) & b]
        rows.append(
            (
                str(quality[FRAME].values[k]) if FRAME in quality.coords else str(k),
                ", ".join(said),
                value_with_error(_number(quality, "scale", k), _number(quality, "scale_sigma", k)),
                percent(_number(quality, "shape_change", k)),
                _chance(_number(quality, "p_value", k)),
            )
        )
    heads = ("frame", "flags", "scale", "change of shape", "chance of that")
    yield table(heads, rows, scroll="scroll long")
    if bad.size > _MOST:
        text = f"{_MOST} of {bad.size:,} flagged frames; the result file has all of them."
        yield element("p", text, class_="note")


def _trend(quality: xr.Dataset) -> str:
    p = [_scalar(quality, f"drift_p_{name}") for name in ("scale", "shape")]
    if not all(np.isfinite(p)):
        return ""
    return (
        f" Chance of such a trend along the series: {_chance(p[0])} for the scale, "
        f"{_chance(p[1])} for the shape."
    )


def _scalar(quality: xr.Dataset, name: str) -> float:
    found = quality.get(name)
    return float(found.values) if found is not None and found.ndim == 0 else float("nan")


def _number(quality: xr.Dataset, name: str, k: int) -> float:
    return float(quality[name].values[k])


def _chance(p: float) -> str:
    return f"below 10{superscript(-6)}" if p < 1e-6 else plain_number(p, 2)
