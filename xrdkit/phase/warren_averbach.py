"""The verb: sizes and strains of columns from orders of one reflection (Warren & Averbach).

For the orders of one reflection, at s_o = 1/d_o, with the instrument folded out (Stokes, Proc.
Phys. Soc. 61 (1948) 382), a distance L along the columns and to second order in the strain,

    ln A(L, s_o) = ln A_S(L) - 2π² L² s_o² ⟨ε²(L)⟩

(Warren & Averbach, J. Appl. Phys. 21 (1950) 595): the intercept over s_o² is the size, the slope
the mean square of the strain between cells L apart. The columns have the mean length L_area =
-1/A_S'(0), the volume-weighted one L_vol = 2 ∫ A_S dL, and the distribution L_area A_S''(L) by
number (Bertaut, Acta Cryst. 3 (1950) 14).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance, schema
from xrdkit.errors import CurveError, SpecError
from xrdkit.fitting import Verdict
from xrdkit.phase.phase_spec import is_whole
from xrdkit.phase.size_strain_columns import Columns, columns_of
from xrdkit.phase.size_strain_fourier import (
    LineCoefficients,
    instrument_coefficients,
    integral_breadth,
    line_coefficients,
)
from xrdkit.phase.widths import InstrumentWidths, check_instrument

Array = NDArray[np.float64]

#: Lengths that are computed, and to how many times the breadth of the first order.
_LENGTHS, _FARTHEST = 120, 5.0
#: Coefficients below this, or known worse than this share, say nothing.
_FAINT, _UNSURE = 0.03, 0.25
_FEWEST = 8
#: Where the size coefficient ends above these, sizes are extrapolated, or not known at all.
_NOTABLE, _LONG = 0.1, 0.6
#: Spacings of orders are in ratios of whole numbers up to this, within this share.
_MOST_ORDER, _RATIO = 4, 0.005
#: A line of a standard must be as near as this share of its 1/d.
_NEAR = 0.02


@dataclass(frozen=True, kw_only=True)
class _Row:
    columns: Columns | None
    verdict: Verdict
    reason: str


def warren_averbach(
    peaks: xr.Dataset,
    orders: Sequence[int],
    *,
    instrument: InstrumentWidths | None = None,
    standard: xr.Dataset | None = None,
) -> xr.Dataset:
    """Return column lengths and strains from orders of one reflection.

    peaks: the result of `fit_peaks` (pseudo-Voigt, Gaussian or Lorentzian; over two_theta with a
    wavelength, or over q), with or without ``frame``. orders: numbers along ``peak`` of two or more
    orders of one reflection, such as 111 and 222. instrument: its widths; or standard: the peaks of
    a line standard, of which the nearest to each order (within 2 % of 1/d) is folded out as
    measured. With neither, only the emission lines are.

    The result has, over ``column_length`` L (nm): ``size_coefficient`` A_S(L),
    ``mean_square_strain`` ⟨ε²(L)⟩ and its root ``rms_strain`` (NaN where the square is negative),
    ``column_fraction`` (number of columns per nm, mean over ±20 % of L_area), each with
    ``_sigma``; ``area_size`` and ``volume_size`` (nm) with errors, ``rms_strain_half``: that at
    L = L_area/2; ``verdict`` and ``verdict_reason``. Errors are those of the points and of the
    background level under each line; what the background's curvature does under broad tails they do
    not know. NaN where coefficients are too faint to say anything (below 3 %, or unsure by more
    than a quarter).

    Raises SchemaError for Datasets that are none of peaks, SpecError for orders that are not of one
    reflection or both ways of instrument, CurveError for peaks of other shapes or without spacings.
    """
    schema.validate(peaks, schema.PEAKS)
    if standard is not None:
        schema.validate(standard, schema.PEAKS)
    check_instrument(instrument)
    if instrument is not None and standard is not None:
        raise SpecError("give instrument or standard, not both: the instrument is folded out once")
    if "position_d" not in peaks:
        raise CurveError("the peaks have no lattice spacing: the profile had no wavelength")
    if (
        not isinstance(orders, list | tuple)
        or len(orders) < 2
        or len(set(orders)) != len(orders)
        or not all(is_whole(o) and 0 <= o < peaks.sizes["peak"] for o in orders)
    ):
        raise SpecError(
            f"orders = {orders!r} are no two or more numbers of peaks, 0 to"
            f" {peaks.sizes['peak'] - 1}"
        )
    framed = schema.FRAME in peaks.dims
    rows = [peaks.isel(frame=f) for f in range(peaks.sizes[schema.FRAME])] if framed else [peaks]
    _check_ratios(rows, orders)
    lengths = _lengths(rows, orders)
    found = [_one(row, orders, lengths, instrument, standard) for row in rows]
    result = _assemble(peaks, lengths, found, framed=framed)
    result = provenance.append(
        result,
        "warren_averbach",
        {"orders": [int(o) for o in orders], "instrument": instrument},
        inputs=[provenance.content_sha256(d) for d in (peaks, standard) if d is not None],
        software=("numpy", "scipy"),
        history=peaks,
    )
    return schema.validate(result, schema.WARREN_AVERBACH)


def _check_ratios(rows: Sequence[xr.Dataset], orders: Sequence[int]) -> None:
    for row in rows:
        spacing = np.asarray(row["position_d"].values[list(orders)], dtype=float)
        if not np.all(np.isfinite(spacing)):
            continue
        for k in range(1, spacing.size):
            ratio = float(spacing[0] / spacing[k])
            near = Fraction(ratio).limit_denominator(_MOST_ORDER)
            if near == 1 or near.numerator > 2 * _MOST_ORDER or abs(ratio / near - 1) > _RATIO:
                raise SpecError(
                    f"peaks {orders[0]} and {orders[k]} have spacings of {spacing[0]:.5g} and"
                    f" {spacing[k]:.5g} nm: no orders of one reflection",
                    hint="such as 111 and 222, whose spacings are in the ratio 2",
                )


def _lengths(rows: Sequence[xr.Dataset], orders: Sequence[int]) -> Array:
    """Return L (m,) from 0 to 5 integral breadths of the first order, the same for all frames."""
    breadths = [integral_breadth(row, orders[0]) for row in rows]
    known = [b for b in breadths if np.isfinite(b) and b > 0]
    if not known:
        raise CurveError("the first of the orders is in no frame")
    return np.linspace(0.0, _FARTHEST / float(np.median(known)), _LENGTHS + 1)


def _one(
    row: xr.Dataset,
    orders: Sequence[int],
    lengths: Array,
    instrument: InstrumentWidths | None,
    standard: xr.Dataset | None,
) -> _Row:
    lines: list[LineCoefficients] = []
    for number in orders:
        if str(row["peak_verdict"].values[number]) != "ok":
            return _nothing(f"peak {number} is {row['peak_verdict'].values[number]}")
        line = line_coefficients(row, number, lengths)
        if line is None:
            return _nothing(f"peak {number} has too few points")
        if standard is None:
            lines.append(line.over(instrument_coefficients(row, number, lengths, instrument)))
            continue
        other = _of_standard(standard, line.place, lengths)
        if other is None:
            return _nothing(f"the standard has no line near that of peak {number}")
        lines.append(line.over(other))
    clear = np.all([_clear(line) & (lengths < line.farthest) for line in lines], axis=0)
    count = int(np.argmin(clear)) if not clear.all() else clear.size
    if count < _FEWEST:
        return _nothing("the coefficients are lost in noise")
    columns = columns_of(lengths[:count], [_first(line, count) for line in lines])
    if not columns.area[0] > 0:
        return _nothing("the lines are no broader than the instrument")
    if columns.end > _LONG:
        return _Row(
            columns=columns,
            verdict=Verdict.UNIDENTIFIABLE,
            reason=f"the size coefficient still is {columns.end:.2f} where noise or the spacing of"
            " the points ends what is known: columns are longer than these lines tell",
        )
    notes = []
    if columns.end > _NOTABLE:
        notes.append(f"coefficients end at {columns.end:.2f}: the volume size is extrapolated")
    if columns.negative > 0.5:
        notes.append("the mean square strain is negative at most lengths: none is seen")
    return _Row(columns=columns, verdict=Verdict.OK, reason="; ".join(notes))


def _nothing(reason: str) -> _Row:
    return _Row(columns=None, verdict=Verdict.UNIDENTIFIABLE, reason=reason)


def _clear(line: LineCoefficients) -> NDArray[np.bool_]:
    return np.asarray((line.logarithm > np.log(_FAINT)) & (line.sigma < _UNSURE))


def _first(line: LineCoefficients, count: int) -> LineCoefficients:
    return LineCoefficients(
        place=line.place, logarithm=line.logarithm[:count], errors=line.errors[:count]
    )


def _of_standard(standard: xr.Dataset, place: float, lengths: Array) -> LineCoefficients | None:
    row = standard.isel(frame=0) if schema.FRAME in standard.dims else standard
    there = 1.0 / row["position_d"].values
    usable = (row["peak_verdict"].values.astype(str) == "ok") & np.isfinite(there)
    away = np.where(usable, np.abs(there / place - 1.0), np.inf)
    nearest = int(np.argmin(away))
    return None if away[nearest] > _NEAR else line_coefficients(row, nearest, lengths)


def _assemble(
    peaks: xr.Dataset, lengths: Array, rows: Sequence[_Row], *, framed: bool
) -> xr.Dataset:
    lead = (schema.FRAME,) if framed else ()

    def put(values: Any, dims: tuple[str, ...], **attrs: Any) -> tuple[Any, Any, dict[str, Any]]:
        stack = np.asarray(values)
        return (lead + dims, stack if framed else stack[0], attrs)

    data: dict[str, Any] = {}
    for name, unit, text in _CURVES:
        table = np.full((2, len(rows), lengths.size), np.nan)
        for k, row in enumerate(rows):
            if row.columns is not None:
                value, sigma = row.columns.curves[name]
                table[:, k, : value.size] = value, sigma
        sigma_name = f"{name}_sigma"
        data[name] = put(
            table[0], ("column_length",), units=unit, long_name=text, ancillary_variables=sigma_name
        )
        data[sigma_name] = put(
            table[1], ("column_length",), units=unit, long_name=f"standard error of {name}"
        )
    for name, unit, text in _NUMBERS:
        pairs = np.array(
            [(np.nan,) * 2 if r.columns is None else r.columns.number(name) for r in rows]
        )
        sigma_name = f"{name}_sigma"
        data[name] = put(
            pairs[:, 0], (), units=unit, long_name=text, ancillary_variables=sigma_name
        )
        data[sigma_name] = put(pairs[:, 1], (), units=unit, long_name=f"standard error of {name}")
    data["verdict"] = put([str(r.verdict) for r in rows], (), long_name="what the sizes are worth")
    data["verdict_reason"] = put(
        [r.reason for r in rows], (), long_name="what the verdict rests on"
    )
    coords: dict[str, Any] = {
        "column_length": (
            "column_length",
            lengths,
            {"units": "nm", "long_name": "distance along the columns"},
        )
    }
    for key, coordinate in peaks.coords.items():
        if key not in coords and set(coordinate.dims) <= {schema.FRAME}:
            coords[str(key)] = coordinate.variable
    return xr.Dataset(data, coords=coords, attrs={"schema": schema.WARREN_AVERBACH.name})


_CURVES = (
    ("size_coefficient", "1", "Fourier coefficient of the size"),
    ("mean_square_strain", "1", "mean square of the strain between cells this far apart"),
    ("rms_strain", "1", "root mean square strain"),
    ("column_fraction", "1/nm", "number of columns of this length"),
)
_NUMBERS = (
    ("area_size", "nm", "area-weighted mean column length L_area"),
    ("volume_size", "nm", "volume-weighted mean column length L_vol"),
    ("rms_strain_half", "1", "root mean square strain at half of L_area"),
)
