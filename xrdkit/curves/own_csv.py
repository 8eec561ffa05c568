"""Profiles that this package wrote as .csv: one line of names with units, one row for each bin.

The head has ``two_theta (degree)`` or ``q (1/nm)``, ``intensity (count)``, where there are any
``sigma (...)``, ``frame``, ``wavelength[0] (angstrom)`` ... and ``emission_weight[0]`` ...; other
columns are left. An intensity without a unit is in arbitrary ones.
"""

import csv
import re
from collections.abc import Sequence

import numpy as np

from xrdkit.curves.beam import tube_lines
from xrdkit.curves.columns import Array, Columns
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.source import Source
from xrdkit.errors import CurveError
from xrdkit.radiation import WAVELENGTH_RANGE, Radiation, radiation

_HEAD = re.compile(rb"^(?:frame,)?(?:two_theta \(degree\)|q \(1/nm\)),")
_AXES = {"two_theta (degree)": "degree", "q (1/nm)": "1/nm"}


def matches(source: Source) -> bool:
    """Return whether the first line is the head of such a table, with an intensity."""
    first = source.head.split(b"\n", 1)[0]
    return _HEAD.match(source.head) is not None and b",intensity" in first


def read(source: Source) -> list[RawCurve]:
    """Return the profiles, one for each frame; empty cells are NaN.

    Raises CurveError where a row has another number of cells than the head, or no numbers.
    """
    rows = list(csv.reader(source.lines))
    head, body = rows[0], rows[1:]
    for number, row in enumerate(body, start=2):
        if len(row) != len(head):
            raise CurveError(
                f"line {number}: {len(row)} cells below {len(head)} names",
                source=source.file,
                hint="the file is truncated; export it again",
            )
    axis = next(name for name in head if name in _AXES)
    intensity = next(name for name in head if name.startswith("intensity"))
    sigma = next((name for name in head if re.match(r"sigma(?: \(|$)", name)), None)
    spread = next((name for name in head if name.startswith("q_resolution (")), None)
    table = {
        name: _numbers(head.index(name), name, body, source)
        for name in head
        if name in (axis, intensity, sigma, spread, "frame")
        or name.startswith(("wavelength[", "emission_weight["))
    }
    unit = re.search(r"\((.*)\)", intensity)
    frames = table.get("frame", np.zeros(len(body)))
    found = []
    for frame in dict.fromkeys(frames.tolist()):
        at = np.flatnonzero(frames == frame)
        found.append(
            RawCurve(
                columns=Columns(
                    abscissa=table[axis][at],
                    intensity=table[intensity][at],
                    sigma=None if sigma is None else table[sigma][at],
                    resolution=None if spread is None else table[spread][at],
                    lines=at + 2,
                    source=str(source.file),
                ),
                unit=_AXES[axis],
                intensity_unit=unit[1] if unit else "1",
                beam=_beam(table, at),
            )
        )
    if not found:
        raise CurveError("has a head and no rows", source=source.file)
    return found


def _numbers(at: int, name: str, body: Sequence[Sequence[str]], source: Source) -> Array:
    values = np.full(len(body), np.nan)
    for k, row in enumerate(body):
        try:
            values[k] = float(row[at] or "nan")
        except ValueError as exc:
            raise CurveError(
                f"line {k + 2}: {name} is {row[at][:40]!r}", source=source.file
            ) from exc
    return values


def _beam(table: dict[str, Array], at: np.ndarray) -> Radiation | None:
    waves = [float(v[at[0]]) for n, v in table.items() if n.startswith("wavelength[")]
    weights = [float(v[at[0]]) for n, v in table.items() if n.startswith("emission_weight[")]
    low, high = WAVELENGTH_RANGE
    if not waves or not all(low <= w <= high for w in waves):
        return None
    if len(waves) == 1:
        return radiation(waves[0])
    if len(waves) != 2 or len(weights) != 2 or not all(w > 0 for w in weights):
        return None
    return tube_lines(None, waves[0], waves[1], weights[1] / weights[0])
