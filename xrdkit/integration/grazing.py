"""Grazing incidence: frames on the components of q in the plane of a sample and out of it."""

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from xrdkit import provenance, schema
from xrdkit.errors import SpecError
from xrdkit.geometry import Calibration
from xrdkit.integration.assignment import Array, Shape
from xrdkit.integration.attachments import PARALLAX
from xrdkit.integration.grazing_spec import GrazingSpec
from xrdkit.integration.labels import labelled
from xrdkit.integration.reduction import Reduction, reduce_frames
from xrdkit.integration.sample_error import of_cut, with_geometry
from xrdkit.integration.sample_frame import AXES, Axis, Component, cells, component
from xrdkit.integration.spec import IntegrationSpec

#: Names of a reduction over azimuth and q -> what follows the name of a component.
_PARTS = ("", "_mean", "_spread", "_sigma", "_edges", "_edge")

#: Rows into which a cut is divided to see how the intensity changes across it.
_ROWS = 8


def grazing_map(frames: xr.Dataset, calibration: Calibration, spec: GrazingSpec) -> xr.Dataset:
    """Return every frame on cells of q_in_plane and q_out_of_plane, with standard errors.

    `frames` is a FRAMES Dataset, ``counts`` (frame, y, x); `calibration` the geometry of the
    detector; `spec` says how the sample lies, the bins and the corrections. The result is a GRAZING
    Dataset over (frame, q_out_of_plane, q_in_plane), both in 1/nm, with the variables of a profile:
    ``intensity`` (count, 1/cm or 1 as `integrate` gives it), ``sigma``, ``errors`` by source,
    ``n_pixels``, ``counts``, ``signal``, ``normalization``, ``ledger``, ``q_in_plane_mean`` and
    ``_spread``. Every pixel counts in the cell of its centre; bins are half-open, and cells without
    a pixel (the missing wedge among them) are NaN. Formulas: `xrdkit.integration.sample_frame`.

    Refraction, footprint and surface transmission are not corrected for. Raises what `integrate`
    raises.
    """
    made = _made(frames, calibration, spec, "q_in_plane", is_map=True)
    return _recorded(
        schema.validate(made, schema.GRAZING), "grazing_map", frames, calibration, spec
    )


def grazing_cut(
    frames: xr.Dataset, calibration: Calibration, spec: GrazingSpec, *, along: Axis
) -> xr.Dataset:
    """Return the profile of every frame along one component of q, over the range of the other.

    `along` is ``"q_in_plane"`` or ``"q_out_of_plane"``; the range and number of bins of that
    component and the range of the other are those of `spec`. The result is a PROFILE Dataset over
    (frame, `along`), 1/nm, whose sums are those of the cells of `grazing_map` over that range.
    Other arguments and errors as `grazing_map`; raises SpecError for another `along`.
    """
    if along not in AXES:
        raise SpecError(f"along {along!r} is not {' or '.join(AXES)}")
    made = _made(frames, calibration, spec, along, is_map=False)
    return _recorded(
        schema.validate(made, schema.PROFILE), "grazing_cut", frames, calibration, spec, along=along
    )


#: Lowest and highest edge, and number of bins between them.
_Bins = tuple[float, float, int]


def _made(
    frames: xr.Dataset, calibration: Calibration, spec: GrazingSpec, along: Axis, *, is_map: bool
) -> xr.Dataset:
    if not isinstance(calibration, Calibration):
        raise SpecError(
            f"calibration is a {type(calibration).__name__}, not a Calibration",
            hint="load_calibration reads geometry files",
        )
    if not isinstance(spec, GrazingSpec):
        raise SpecError(f"spec is a {type(spec).__name__}, not a GrazingSpec")
    schema.validate(frames, schema.FRAMES)
    shape: Shape = (frames.sizes["y"], frames.sizes["x"])
    across = AXES[1] if along == AXES[0] else AXES[0]
    shift = _shift(frames, spec.corrections)
    seen = component(calibration, spec.frame, along), component(calibration, spec.frame, across)
    own, other = _bins(seen[0], spec, shape, shift)
    low, high, number = other
    rows = number if is_map else 0
    view = cells(seen[0], (low, high), number if is_map else 1)
    wanted = replace(spec.corrections, edges=np.linspace(own[0], own[1], own[2] + 1))
    reduction = reduce_frames(frames, view, wanted, azimuth_bins=rows)
    error = None
    if is_map:
        reduction, error = with_geometry(reduction, seen, wanted, shift)
    elif calibration.covariance is not None:
        divided = cells(seen[0], (low, high), _ROWS)
        parts = reduce_frames(frames, divided, wanted, azimuth_bins=_ROWS)
        reduction = of_cut(reduction, with_geometry(parts, seen, wanted, shift)[0])
    data = _named(labelled(frames, view, wanted, reduction), along, across)
    if is_map:
        data = _with_rows(data, across, view.edges, reduction, error)
    return data


def _shift(frames: xr.Dataset, spec: IntegrationSpec) -> Array | None:
    if "radial_shift" not in frames or PARALLAX in spec.without:
        return None
    return np.asarray(frames["radial_shift"].values, dtype=np.float64)


def _bins(
    seen: Component, spec: GrazingSpec, shape: Shape, shift: Array | None
) -> tuple[_Bins, _Bins]:
    """Return the bins of the component seen and of the other one."""
    ranges = [spec.in_plane_range, spec.out_of_plane_range]
    numbers = list(spec.bins)
    if seen.along != AXES[0]:
        ranges, numbers = ranges[::-1], numbers[::-1]
    if any(pair is None for pair in ranges):
        values = seen.components(shape, shift=shift)
        spans = [(float(v.min()), float(np.nextafter(v.max(), np.inf))) for v in values]
        ranges = [given or span for given, span in zip(ranges, spans, strict=True)]
    own, other = (
        (pair[0], pair[1], number)
        for pair, number in zip(ranges, numbers, strict=True)
        if pair is not None
    )
    return own, other


def _named(data: xr.Dataset, along: Axis, across: Axis) -> xr.Dataset:
    """Return a profile or cake over q with the names of the component `along` in place of q."""
    names = {f"q{part}": f"{along}{part}" for part in _PARTS}
    found = {old: new for old, new in names.items() if old in {*data.variables, *data.dims}}
    data = data.rename({**found, **({"azimuth": across} if "azimuth" in data.dims else {})})
    for name in found.values():
        if name in data.variables:
            text = str(data[name].attrs["long_name"])
            plain, special = schema.RADIAL_NAMES["q"], schema.RADIAL_NAMES[along]
            data[name].attrs["long_name"] = text.replace(plain, special)
    return data


def _with_rows(
    data: xr.Dataset, across: Axis, edges: Array, reduction: Reduction, error: Array | None
) -> xr.Dataset:
    """Return a map with the coordinate of its rows."""
    unit, name = schema.RADIAL[across], schema.RADIAL_NAMES[across]
    centres, text = 0.5 * (edges[:-1] + edges[1:]), f"bin edges of the {name}"
    data = data.assign_coords(
        {
            across: (across, centres, {"units": unit, "long_name": name}),
            f"{across}_edges": (f"{across}_edge", edges, {"units": unit, "long_name": text}),
        }
    ).assign_attrs(schema=schema.GRAZING.name)
    if error is None:
        return data
    dims = data["intensity"].dims
    values = np.broadcast_to(error, reduction.intensity.shape).reshape(data["intensity"].shape)
    label = {"units": unit, "long_name": f"standard error of the {name} from the calibration"}
    return data.assign({f"{across}_sigma": (dims, values.copy(), label)})


def _recorded(
    data: xr.Dataset,
    step: str,
    frames: xr.Dataset,
    calibration: Calibration,
    spec: GrazingSpec,
    **more: Any,
) -> xr.Dataset:
    """Return `data` with this step recorded in place of the reduction that it was made by."""
    shape = (frames.sizes["y"], frames.sizes["x"])
    settings = {"spec": spec.record(), "calibration": calibration, "shape": shape, **more}
    return provenance.append(
        data,
        step,
        settings,
        inputs=[calibration.digest()],
        software=("numpy", "numba"),
        history=frames,
    )
