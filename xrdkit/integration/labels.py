"""The labelled Dataset of an azimuthal integration or a cake."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance, schema
from xrdkit.fitting import Verdict
from xrdkit.geometry import Calibration
from xrdkit.integration.assignment import azimuth_span
from xrdkit.integration.reduction import NO_PIXEL, Reduction
from xrdkit.integration.spec import IntegrationSpec
from xrdkit.uncertainty import BETWEEN_BINS, BETWEEN_FRAMES, COVARIANCE, ERRORS, OFFSET, SOURCE

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
        "solid_angle_corrected": int("solid_angle" in reduction.corrections),
    }
    if "polarization" in reduction.corrections:
        stated = spec.polarization
        if stated is None and "factor_polarization" in frames:
            stated = frames["factor_polarization"].attrs.get("polarization_factor")
        if stated is not None:
            attrs["polarization_factor"] = float(stated)
    data = xr.Dataset(
        _variables(reduction, (*lead, axis)),
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


def _variables(reduction: Reduction, dims: tuple[str, ...]) -> dict[str, Any]:
    axis, plan, sums = dims[-1], reduction.plan, reduction.sums
    bins = (*([plan.azimuth_bins] if plan.azimuth_bins else []), plan.edges.size - 1)
    unit, place = _unit(reduction), schema.RADIAL[axis]

    def put(values: NDArray[Any], units: str, text: str, **more: str) -> tuple[Any, Any, Any]:
        return dims, values.reshape(-1, *bins), {"units": units, "long_name": text, **more}

    def put_rows(label: str, values: NDArray[Any], units: str, text: str) -> tuple[Any, Any, Any]:
        shape = (len(sums), -1, *bins)
        return (
            (schema.FRAME, label, *dims[1:]),
            values.reshape(shape),
            {"units": units, "long_name": text},
        )

    mean, spread = _positions(reduction)
    budgets = reduction.budgets
    out = {
        "intensity": put(
            reduction.intensity, unit, "scattered intensity", ancillary_variables="sigma"
        ),
        "sigma": put(np.stack([b.sigma for b in budgets]), unit, "standard error of intensity"),
        "n_pixels": put(_pixels(reduction), "1", "number of pixels in the bin"),
        "counts": put(np.stack([s.counts for s in sums]), "count", "sum of the raw counts"),
        "signal": put(
            np.stack([s.signal for s in sums]), "count", "sum of the counts, dark subtracted"
        ),
        "normalization": put(
            np.stack([s.norm for s in sums]) * reduction.doses[:, None],
            "1",
            "sum of the pixel weights times the dose",
        ),
        f"{axis}_mean": put(mean, place, f"mean {schema.RADIAL_NAMES[axis]} of the pixels"),
        f"{axis}_spread": put(
            spread, place, f"standard deviation of the {schema.RADIAL_NAMES[axis]} of the pixels"
        ),
        ERRORS: put_rows(
            SOURCE,
            np.stack([[s.error for s in b.sources] for b in budgets]),
            unit,
            "standard error of intensity from each source, signed where common to all bins",
        ),
    }
    if plan.is_split:
        square = {"count": "count2", "1/cm": "1/cm2", "1": "1"}[unit]
        out[COVARIANCE] = put_rows(
            OFFSET,
            np.stack([b.band for b in budgets]),
            square,
            "covariance of bin k and k + offset from the sources independent between bins",
        )
    if reduction.corrections:
        out["ledger"] = put_rows(
            "correction", reduction.ledger, "1", "factor by which each correction changed the bin"
        )
    if reduction.spots:
        spots = reduction.spots
        text = "scatter between the pixels of the bin beyond counting, squared and relative"
        number = np.stack([s.per_bin for s in spots])
        out["n_outliers"] = put(number, "1", "number of pixels left out as outliers")
        out["spottiness"] = put(np.stack([s.spottiness for s in spots]), "1", text)
        out["spottiness_sigma"] = put(
            np.stack([s.sigma for s in spots]), "1", "standard error of spottiness"
        )
    if any(total.is_blank for total in sums):
        out |= _verdicts(reduction)
    if reduction.geometry is not None:
        sigma = np.broadcast_to(reduction.geometry.sigma, (len(sums), plan.bins)).copy()
        text = f"standard error of the {schema.RADIAL_NAMES[axis]} from the calibration"
        out[f"{axis}_sigma"] = put(sigma, place, text)
    return out


def _verdicts(reduction: Reduction) -> dict[str, Any]:
    """Return what tells the blank frames of a series from those that scatter nothing."""
    blank = [total.is_blank for total in reduction.sums]
    verdicts = [Verdict.UNIDENTIFIABLE.value if b else Verdict.OK.value for b in blank]
    reason = f"{NO_PIXEL}: the frame is blank or masked"
    return {
        "verdict": (schema.FRAME, np.array(verdicts), {"long_name": "whether the frame has data"}),
        "verdict_reason": (
            schema.FRAME,
            np.array([reason if b else "" for b in blank]),
            {"long_name": "why it has none"},
        ),
    }


def _pixels(reduction: Reduction) -> NDArray[Any]:
    """Return how many pixels each bin holds; with splitting the sum of their shares."""
    if reduction.plan.is_split:
        return np.stack([s.weights.norms[0] for s in reduction.sums])
    return np.stack([s.weights.pixels for s in reduction.sums])


def _positions(reduction: Reduction) -> tuple[Array, Array]:
    """Return mean and standard deviation of the radial coordinate of the pixels of each bin."""
    norm = np.stack([s.norm for s in reduction.sums])
    first, second = (np.stack([s.weights.moments[k] for s in reduction.sums]) for k in (0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = np.where(norm > 0, first / norm, np.nan)
        square = np.where(norm > 0, second / norm, np.nan) - shift**2
    return reduction.plan.centres + shift, np.sqrt(np.maximum(square, 0.0))


def _coordinates(
    calibration: Calibration, spec: IntegrationSpec, reduction: Reduction, axis: str
) -> dict[str, Any]:
    edges, name, unit = reduction.plan.edges, schema.RADIAL_NAMES[axis], schema.RADIAL[axis]
    coords: dict[str, Any] = {
        axis: (axis, _centres(edges, spec), {"units": unit, "long_name": name}),
        f"{axis}_edges": (
            f"{axis}_edge",
            edges.copy(),
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
    sources = reduction.budgets[0].sources
    coords[SOURCE] = (SOURCE, [s.name for s in sources], {"long_name": "source of the error"})
    coords[BETWEEN_BINS] = (
        SOURCE,
        [s.between_bins for s in sources],
        {"long_name": "how the errors of a source hang together between bins"},
    )
    coords[BETWEEN_FRAMES] = (
        SOURCE,
        [s.between_frames for s in sources],
        {"long_name": "how the errors of a source hang together between frames"},
    )
    if reduction.plan.is_split:
        offsets = np.arange(reduction.plan.widest)
        coords[OFFSET] = (OFFSET, offsets, {"units": "1", "long_name": "distance between two bins"})
    if reduction.corrections:
        names = list(reduction.corrections)
        coords["correction"] = ("correction", names, {"long_name": "correction, in order"})
    if reduction.plan.azimuth_bins:
        centres = azimuth_centres(spec.sector, reduction.plan.azimuth_bins)
        attrs = {"units": "degree", "long_name": "azimuth, 0 along +x, 90 along +y"}
        coords["azimuth"] = ("azimuth", centres, attrs)
    return coords


def azimuth_centres(sector: tuple[float, float] | None, bins: int) -> Array:
    """Return the centres of the azimuth bins of a sector (None: all), degree in (-180, 180]."""
    low, width = azimuth_span(sector)
    centres = low + width * (np.arange(bins) + 0.5) / bins
    return 180.0 - np.mod(180.0 - centres, 360.0)


def _unit(reduction: Reduction) -> str:
    """Return count, 1/cm on the absolute scale, 1 for counts over a dose (arbitrary)."""
    acting = set(reduction.corrections)
    if "absolute_scale" in acting:
        return "1/cm"
    return "count" if reduction.is_undivided else "1"


def _centres(edges: Array, spec: IntegrationSpec) -> Array:
    if spec.spacing == "log" and spec.edges is None:
        return np.sqrt(edges[:-1] * edges[1:])
    return 0.5 * (edges[:-1] + edges[1:])
