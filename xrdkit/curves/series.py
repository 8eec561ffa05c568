"""Several scans of one file: choosing one, or all of them along ``frame``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.curves.facts import FACTS
from xrdkit.curves.raw import RawCurve
from xrdkit.errors import CurveError
from xrdkit.schema import FRAME, radial_dim

#: Angles of repeated scans differ by the resolution of encoders; degree, or 1/nm.
_SAME_POSITION = 1e-4


def choose(scans: Sequence[RawCurve], scan: int | str | None, file: Path) -> list[RawCurve]:
    """Return the scans to read: the one of the number or name `scan`, or all.

    Raises CurveError for a number or name that there is none of, for several curves with names of
    their own and none chosen, and for a scan that is no pattern.
    """
    names = [one.name for one in scans]
    number = names.index(scan) if isinstance(scan, str) and scan in names else scan
    if number is None and len(scans) > 1 and any(names):
        raise CurveError(
            f"holds {len(scans)} curves of different names",
            source=file,
            hint=f"choose one: scan= one of {names[:20]}, or its number from 0",
        )
    if number is not None:
        if not isinstance(number, int) or not 0 <= number < len(scans):
            named = f" or named {', '.join(names[:20])}" if any(names) else ""
            raise CurveError(
                f"holds {len(scans)} scans, numbered from 0{named}; there is no scan {scan!r}",
                source=file,
            )
        chosen = [scans[number]]
    else:
        chosen = list(scans)
    for place, one in enumerate(chosen):
        if one.refused is not None:
            which = place if number is None else number
            others = [k for k, s in enumerate(scans) if s.refused is None]
            raise CurveError(
                f"scan {which}: {one.refused}",
                source=file,
                hint=f"choose another: scan= one of {others[:20]}" if others else None,
            )
    return chosen


def together(curves: Sequence[xr.Dataset], file: Path) -> xr.Dataset:
    """Return the profiles of several scans as one along ``frame``.

    Raises CurveError where positions, units, errors or wavelengths of the scans differ.
    """
    first = curves[0]
    axis = radial_dim(first)
    for number, one in enumerate(curves):
        why = _difference(first, one, axis)
        if why:
            listed = "; ".join(
                f"{k}: {c[radial_dim(c)].values[0]:g} to {c[radial_dim(c)].values[-1]:g},"
                f" {c[radial_dim(c)].size} points"
                for k, c in enumerate(curves[:6])
            )
            more = f" and {len(curves) - 6} more" if len(curves) > 6 else ""
            raise CurveError(
                f"holds {len(curves)} scans, and {why} of scans 0 and {number} differ"
                f" ({listed}{more})",
                source=file,
                hint="choose one: scan=0",
            )
    shared = [name for name in map(str, first.coords) if name not in FACTS]
    names = [name for name in FACTS if any(name in c.coords for c in curves)]
    stacked = xr.concat(
        [c[list(c.data_vars)].reset_coords(drop=True).assign_coords({axis: first[axis]})
         for c in curves],
        dim=FRAME,
        combine_attrs="drop_conflicts",
    )  # fmt: skip
    if "q_resolution" in stacked and np.ptp(stacked["q_resolution"].values, axis=0).max() == 0:
        stacked["q_resolution"] = first["q_resolution"].variable
    coords: dict[str, Any] = {name: first.coords[name] for name in shared}
    coords[FRAME] = (FRAME, np.arange(len(curves)), {"long_name": "frame number"})
    for name in names:
        unit = FACTS[name].unit
        empty: float | str = np.nan if unit else ""
        values = [c.coords[name].item() if name in c.coords else empty for c in curves]
        coords[name] = (
            FRAME,
            np.array(values, dtype=float if unit else str),
            coordinate_attrs(name),
        )
    return stacked.assign_coords(coords).assign_attrs(_common(curves))


def fact_coordinates(raw: RawCurve) -> dict[str, Any]:
    """Return the facts of a scan as coordinates without a dimension."""
    return {name: ((), value, coordinate_attrs(name)) for name, value in raw.facts.items()}


def coordinate_attrs(name: str) -> dict[str, str]:
    """Return ``long_name`` and, of numbers, ``units`` of a fact."""
    what = FACTS[name]
    units = {"units": what.unit} if what.unit else {}
    return {**units, "long_name": what.long_name}


def _difference(first: xr.Dataset, one: xr.Dataset, axis: str) -> str | None:
    if axis not in one.dims:
        return "the axes"
    a, b = first[axis].values, one[axis].values
    if a.size != b.size or not np.allclose(a, b, rtol=0, atol=_SAME_POSITION):
        return "the positions"
    if first["intensity"].attrs["units"] != one["intensity"].attrs["units"]:
        return "the units"
    if ("sigma" in first) != ("sigma" in one):
        return "the standard errors (one has none)"
    for name in ("wavelength", "emission_weight"):
        if name in first.coords and not np.array_equal(first[name].values, one[name].values):
            return "the wavelengths"
    return None


def _common(curves: Sequence[xr.Dataset]) -> Mapping[str, Any]:
    attrs = {str(k): v for k, v in curves[0].attrs.items()}
    kept = {k: v for k, v in attrs.items() if all(c.attrs.get(k) == v for c in curves)}
    return {**kept, "dropped_points": int(sum(c.attrs.get("dropped_points", 0) for c in curves))}
