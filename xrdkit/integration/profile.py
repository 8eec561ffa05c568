"""The labelled Dataset of an azimuthal integration."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.geometry import Calibration
from xrdkit.integration.accumulators import Sums
from xrdkit.integration.spec import IntegrationSpec, Normalization
from xrdkit.integration.weights import Plan

Array = NDArray[np.float64]

_AXIS = {"q": "q", "two_theta": "two_theta", "d": "d_spacing", "radius": "detector_radius"}


def profile_dataset(
    frames: xr.Dataset,
    calibration: Calibration,
    spec: IntegrationSpec,
    plan: Plan,
    sums: Sequence[Sums],
    curves: Sequence[tuple[Array, Array]],
    doses: Array,
) -> xr.Dataset:
    """Return the PROFILE Dataset of the frames, whose coordinates on ``frame`` it carries."""
    axis = _AXIS[spec.unit]
    dims = (schema.FRAME, axis)
    unit = _unit(frames, spec)
    norm = np.stack([s.norm for s in sums])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.stack([s.moment for s in sums]) / norm
    label = schema.RADIAL_NAMES[axis]
    data = xr.Dataset(
        {
            "intensity": (
                dims,
                np.stack([c[0] for c in curves]),
                {
                    "units": unit,
                    "long_name": "scattered intensity",
                    "ancillary_variables": "sigma",
                },
            ),
            "sigma": (
                dims,
                np.stack([c[1] for c in curves]),
                {"units": unit, "long_name": "standard error of intensity"},
            ),
            "n_pixels": (
                dims,
                np.stack([s.pixels for s in sums]).astype(np.int64),
                {"units": "1", "long_name": "number of pixels in the bin"},
            ),
            "signal": (
                dims,
                np.stack([s.signal for s in sums]),
                {"units": "count", "long_name": "sum of the counts, dark subtracted"},
            ),
            "normalization": (
                dims,
                norm * doses[:, None],
                {"units": "1", "long_name": "sum of the pixel weights times the dose"},
            ),
            f"{axis}_mean": (
                dims,
                mean,
                {"units": schema.RADIAL[axis], "long_name": f"mean {label} of the pixels"},
            ),
        },
        coords={
            axis: (axis, _centres(plan.edges, spec), _attrs(axis, label)),
            f"{axis}_edges": (
                f"{axis}_edge",
                plan.edges,
                _attrs(axis, f"bin edges of the {label}"),
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
        },
        attrs={
            "schema": schema.PROFILE.name,
            "radiation": "monochromatic",
            "solid_angle_corrected": int(spec.solid_angle),
        },
    )
    if spec.polarization is not None:
        data = data.assign_attrs(polarization_factor=float(spec.polarization))
    carried = {
        name: coord
        for name, coord in frames.coords.items()
        if coord.dims in ((schema.FRAME,), ()) and name not in data.variables
    }
    return data.assign_coords(carried)


def _unit(frames: xr.Dataset, spec: IntegrationSpec) -> str:
    """Return count, 1/cm on the absolute scale, 1 for counts over a dose (arbitrary)."""
    wanted = spec.normalization
    if wanted is not None and wanted.absolute_scale is not None:
        return "1/cm"
    return (
        "count" if (wanted is None or wanted == Normalization()) and "dose" not in frames else "1"
    )


def _centres(edges: Array, spec: IntegrationSpec) -> Array:
    if spec.spacing == "log" and spec.edges is None:
        return np.sqrt(edges[:-1] * edges[1:])
    return 0.5 * (edges[:-1] + edges[1:])


def _attrs(axis: str, label: str) -> dict[str, str]:
    return {"units": schema.RADIAL[axis], "long_name": label}
