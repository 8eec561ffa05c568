"""The verb: crystallite size and strain from single peaks, by several methods side by side."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance, schema
from xrdkit.errors import SpecError
from xrdkit.fitting import Verdict
from xrdkit.phase.size_strain_breadths import Breadths, sample_breadths
from xrdkit.phase.size_strain_methods import METHODS, MethodNumbers, apply
from xrdkit.phase.widths import InstrumentWidths, check_instrument

Array = NDArray[np.float64]

_TEXTS = {
    "size": ("volume-weighted mean column length L_vol (Scherrer constant 1)", "nm"),
    "strain": ("apparent maximum strain Δd/d", "1"),
    "area_size": ("area-weighted mean column length L_area", "nm"),
}


def size_strain(
    peaks: xr.Dataset,
    *,
    instrument: InstrumentWidths | None = None,
    methods: Sequence[str] = METHODS,
) -> xr.Dataset:
    """Return size and strain by several methods, and how far these agree (`schema.SIZE_STRAIN`).

    peaks: the result of `fit_peaks` (pseudo-Voigt, split, Gaussian or Lorentzian), with or without
    ``frame``, of one phase; over two_theta, or over q. instrument: its widths, from a line standard
    (`refine_phases(..., refine_instrument=True)` and `instrument_widths`); None: not removed, sizes
    are then too small. methods: some of those that `xrdkit.phase.size_strain_methods` lists with
    their equations and sources.

    All sizes are L_vol from integral breadths with K = 1 (spheres of one diameter: D = 4/3 L_vol).
    The result has, along ``size_method`` (and ``frame``), ``size``, ``strain``, ``area_size``
    (L_area of the two methods that tell it), each with ``_sigma``, ``method_gof`` and
    ``method_verdict``; along ``peak``, ``breadth`` of the sample's line in 1/nm and
    ``scherrer_size``; and ``size_spread``, (largest - smallest)/mean of the sizes of all methods:
    what the choice of the method is worth, which no standard error holds. Peaks that are not ok, or
    no wider than the instrument, are left out. ``verdict`` and ``verdict_reason`` are per frame.

    Raises SchemaError for a Dataset that is none of peaks, SpecError for an unknown method,
    CurveError for Pearson VII peaks or where a wavelength is needed and missing.
    """
    schema.validate(peaks, schema.PEAKS)
    check_instrument(instrument)
    if not isinstance(methods, list | tuple):
        raise SpecError(f"methods = {methods!r} is no list of: {', '.join(METHODS)}")
    unknown = [m for m in methods if m not in METHODS]
    if unknown or not methods:
        raise SpecError(f"methods {unknown or methods} are not of: {', '.join(METHODS)}")
    framed = schema.FRAME in peaks.dims
    count = peaks.sizes.get(schema.FRAME, 1)
    lines = [sample_breadths(peaks, f, instrument) for f in range(count)]
    numbers = [[apply(method, own) for method in methods] for own in lines]
    result = _assemble(peaks, methods, lines, numbers, framed=framed)
    result = provenance.append(
        result,
        "size_strain",
        {"instrument": instrument, "methods": list(methods)},
        inputs=[provenance.content_sha256(peaks)],
        software=("numpy", "scipy", "lmfit"),
        history=peaks,
    )
    return schema.validate(result, schema.SIZE_STRAIN)


def _assemble(
    peaks: xr.Dataset,
    methods: Sequence[str],
    lines: Sequence[Breadths],
    numbers: Sequence[Sequence[MethodNumbers]],
    *,
    framed: bool,
) -> xr.Dataset:
    lead = (schema.FRAME,) if framed else ()

    def put(values: Any, dims: tuple[str, ...], **attrs: Any) -> tuple[Any, Any, dict[str, Any]]:
        stack = np.asarray(values)
        return (lead + dims, stack if framed else stack[0], attrs)

    data: dict[str, Any] = {}
    for name, (text, unit) in _TEXTS.items():
        rows = [[getattr(n, name) for n in row] for row in numbers]
        errors = [[getattr(n, f"{name}_sigma") for n in row] for row in numbers]
        data[name] = put(
            rows, ("size_method",), units=unit, long_name=text, ancillary_variables=f"{name}_sigma"
        )
        data[f"{name}_sigma"] = put(
            errors, ("size_method",), units=unit, long_name=f"standard error of {name}"
        )
    gofs = [[n.gof for n in row] for row in numbers]
    data["method_gof"] = put(
        gofs, ("size_method",), units="1", long_name="goodness of fit of the method"
    )
    flags = [[str(n.verdict) for n in row] for row in numbers]
    data["method_verdict"] = put(flags, ("size_method",), long_name="what the numbers are worth")
    _per_peak(data, put, peaks, lines)
    sizes = np.array([[n.size for n in row] for row in numbers])
    data["size_spread"] = put(
        [_spread(row) for row in sizes],
        (),
        units="1",
        long_name="range of the sizes by all methods over their mean",
    )
    judged = [_judge(own, row) for own, row in zip(lines, numbers, strict=True)]
    data["verdict"] = put([str(v) for v, _ in judged], (), long_name="what the sizes are worth")
    data["verdict_reason"] = put([r for _, r in judged], (), long_name="what the verdict rests on")
    coords: dict[str, Any] = {
        "size_method": ("size_method", list(methods), {"long_name": "method"})
    }
    for key, coordinate in peaks.coords.items():
        if set(coordinate.dims) <= {"peak", schema.FRAME}:
            coords[str(key)] = coordinate.variable
    attrs = {"schema": schema.SIZE_STRAIN.name, "scherrer_constant": 1.0, "breadth": "integral"}
    return xr.Dataset(data, coords=coords, attrs=attrs)


def _per_peak(data: dict[str, Any], put: Any, peaks: xr.Dataset, lines: Sequence[Breadths]) -> None:
    shape = (len(lines), peaks.sizes["peak"])
    breadth, sigma = np.full((2, *shape), np.nan)
    for f, own in enumerate(lines):
        breadth[f, own.usable], sigma[f, own.usable] = own.integral, own.integral_sigma
    dims = ("peak",)
    text = "integral breadth of the line of the sample in 1/d"
    data["breadth"] = put(
        breadth, dims, units="1/nm", long_name=text, ancillary_variables="breadth_sigma"
    )
    data["breadth_sigma"] = put(sigma, dims, units="1/nm", long_name="standard error of breadth")
    text = "column length of one line, strain taken for size (K = 1, integral breadth)"
    data["scherrer_size"] = put(
        1.0 / breadth, dims, units="nm", long_name=text, ancillary_variables="scherrer_size_sigma"
    )
    data["scherrer_size_sigma"] = put(
        sigma / breadth**2, dims, units="nm", long_name="standard error of scherrer_size"
    )


def _spread(sizes: Array) -> float:
    known = sizes[np.isfinite(sizes)]
    return float(np.ptp(known) / known.mean()) if known.size > 1 else float("nan")


def _judge(lines: Breadths, numbers: Sequence[MethodNumbers]) -> tuple[Verdict, str]:
    left = f"{lines.narrower} peaks are no wider than the instrument" if lines.narrower else ""
    if lines.position.size == 0:
        return Verdict.UNIDENTIFIABLE, left or "no peak that is ok"
    if lines.narrower > lines.position.size:
        return Verdict.UNIDENTIFIABLE, left
    bad = [n for n in numbers if n.verdict is not Verdict.OK]
    if len(bad) == len(numbers):
        return Verdict.UNIDENTIFIABLE, "; ".join(filter(None, ["no method gives a size", left]))
    few = f"only {lines.position.size} peaks" if lines.position.size <= 3 else ""
    return Verdict.OK, "; ".join(filter(None, [few, left]))
