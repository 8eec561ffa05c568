"""The labelled Dataset of an azimuthal integration or a cake."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance, schema
from xrdkit.geometry import Calibration
from xrdkit.integration.reduction import Reduction
from xrdkit.integration.spec import IntegrationSpec, Normalization
from xrdkit.integration.weights import azimuth_span

Array = NDArray[np.float64]

_AXIS = {"q": "q", "two_theta": "two_theta", "d": "d_spacing", "radius": "detector_radius"}


def labelled(
    frames: xr.Dataset, calibration: Calibration, spec: IntegrationSpec, reduction: Reduction
) -> xr.Dataset:
    """Return the PROFILE Dataset of a reduction, or the CAKE where azimuth was divided.

    Coordinates on the ``frame`` of `frames` are carried along, and the step is recorded.
    """
    axis, plan = _AXIS[spec.unit], reduction.plan
    step, kind = ("cake", schema.CAKE) if plan.azimuth_bins else ("integrate", schema.PROFILE)
    lead = (schema.FRAME, "azimuth") if plan.azimuth_bins else (schema.FRAME,)
    attrs: dict[str, Any] = {
        "schema": kind.name,
        "radiation": "monochromatic",
        "solid_angle_corrected": int(spec.solid_angle),
    }
    if spec.polarization is not None:
        attrs["polarization_factor"] = float(spec.polarization)
    data = xr.Dataset(
        _variables(frames, spec, reduction, (*lead, axis)),
        coords=_coordinates(calibration, spec, reduction, axis),
        attrs=attrs,
    )
    carried = {
        name: coord
        for name, coord in frames.coords.items()
        if coord.dims in ((schema.FRAME,), ()) and name not in data.variables
    }
    return provenance.append(
        schema.validate(data.assign_coords(carried), kind),
        step,
        {"spec": spec.record(), "calibration": calibration, "shape": reduction.shape},
        inputs=[calibration.digest()],
        software=("numpy", "numba"),
        history=frames,
    )


def _variables(
    frames: xr.Dataset, spec: IntegrationSpec, reduction: Reduction, dims: tuple[str, ...]
) -> dict[str, Any]:
    axis, plan, sums = dims[-1], reduction.plan, reduction.sums
    shape = (len(sums), *([plan.azimuth_bins] if plan.azimuth_bins else []), plan.edges.size - 1)
    unit = _unit(frames, spec)
    norm = np.stack([s.norm for s in sums])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.stack([s.moment for s in sums]) / norm

    def put(values: NDArray[Any], units: str, text: str, **more: str) -> tuple[Any, Any, Any]:
        return dims, values.reshape(shape), {"units": units, "long_name": text, **more}

    return {
        "intensity": put(
            reduction.intensity, unit, "scattered intensity", ancillary_variables="sigma"
        ),
        "sigma": put(reduction.sigma, unit, "standard error of intensity"),
        "n_pixels": put(
            np.stack([s.pixels for s in sums]).astype(np.int64), "1", "number of pixels in the bin"
        ),
        "signal": put(
            np.stack([s.signal for s in sums]), "count", "sum of the counts, dark subtracted"
        ),
        "normalization": put(
            norm * reduction.doses[:, None], "1", "sum of the pixel weights times the dose"
        ),
        f"{axis}_mean": put(
            mean, schema.RADIAL[axis], f"mean {schema.RADIAL_NAMES[axis]} of the pixels"
        ),
    }


def _coordinates(
    calibration: Calibration, spec: IntegrationSpec, reduction: Reduction, axis: str
) -> dict[str, Any]:
    edges, name, unit = reduction.plan.edges, schema.RADIAL_NAMES[axis], schema.RADIAL[axis]
    coords: dict[str, Any] = {
        axis: (axis, _centres(edges, spec), {"units": unit, "long_name": name}),
        f"{axis}_edges": (
            f"{axis}_edge",
            edges,
            {"units": unit, "long_name": f"bin edges of the {name}"},
        ),
        "wavelength": (
            "emission_line",
            [calibration.wavelength],
            {"units": "angstrom", "long_name": "wavelength"},
        ),
        "emission_weight": (
            "emission_line",
            [1.0],
            {"units": "1", "long_name": "share of the emission line in the intensity"},
        ),
    }
    if reduction.plan.azimuth_bins:
        centres = azimuth_centres(spec.azimuth_range, reduction.plan.azimuth_bins)
        attrs = {"units": "degree", "long_name": "azimuth, 0 along +x, 90 along +y"}
        coords["azimuth"] = ("azimuth", centres, attrs)
    return coords


def azimuth_centres(sector: tuple[float, float] | None, bins: int) -> Array:
    """Return the centres of the azimuth bins of a sector (None: all), degree in (-180, 180]."""
    low, width = azimuth_span(sector)
    centres = low + width * (np.arange(bins) + 0.5) / bins
    return 180.0 - np.mod(180.0 - centres, 360.0)


def _unit(frames: xr.Dataset, spec: IntegrationSpec) -> str:
    """Return count, 1/cm on the absolute scale, 1 for counts over a dose (arbitrary)."""
    wanted = spec.normalization
    if wanted is not None and wanted.absolute_scale is not None:
        return "1/cm"
    undivided = (wanted is None or wanted == Normalization()) and "dose" not in frames
    return "count" if undivided else "1"


def _centres(edges: Array, spec: IntegrationSpec) -> Array:
    if spec.spacing == "log" and spec.edges is None:
        return np.sqrt(edges[:-1] * edges[1:])
    return 0.5 * (edges[:-1] + edges[1:])
