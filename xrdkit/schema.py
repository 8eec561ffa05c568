"""Names of dimensions, coordinates and variables, and the schemas that Datasets are held to."""

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import SchemaError

FRAME = "frame"
#: radial dimension -> unit of its coordinate
RADIAL = {
    "q": "1/nm",
    "two_theta": "degree",
    "d_spacing": "nm",
    "detector_radius": "mm",
    "q_in_plane": "1/nm",
    "q_out_of_plane": "1/nm",
}
RADIAL_NAMES = {
    "q": "modulus of the scattering vector",
    "two_theta": "scattering angle",
    "d_spacing": "lattice spacing",
    "detector_radius": "distance of the pixel from the beam",
    "q_in_plane": "component of the scattering vector in the plane of the sample",
    "q_out_of_plane": "component of the scattering vector along the normal of the sample",
}
_ANY_RADIAL = "<radial>"
_OPTIONAL_FRAME = "frame?"


@dataclass(frozen=True, kw_only=True)
class Field:
    """What a schema asks of one variable or coordinate."""

    dims: tuple[str, ...]
    """Dimension names; ``"frame?"`` may be absent, ``"<radial>"`` is one of `RADIAL`."""
    units: tuple[str, ...]
    """Units of which the variable carries one; empty where it carries none (labels)."""
    required: bool = True
    """Whether the Dataset is refused without it."""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The promise that a Dataset of one kind keeps."""

    name: str
    """Kind and version, stored as the attribute ``schema``."""
    fields: dict[str, Field] = field(default_factory=dict)
    """Variables and coordinates by name. A Dataset may hold more."""


def _value(*dims: str, units: str | tuple[str, ...] = (), required: bool = True) -> Field:
    return Field(dims=dims, units=(units,) if isinstance(units, str) else units, required=required)


_RADIAL_FIELD = (_OPTIONAL_FRAME, _ANY_RADIAL)
_SIGNAL_UNITS = ("count", "1/cm", "1")
_SQUARED_UNITS = ("count2", "1/cm2", "1")

FRAMES = Schema(
    name="xrdkit/frames/1",
    fields={
        "counts": _value(FRAME, "y", "x", units=_SIGNAL_UNITS),
        "mask": _value("y", "x", required=False),
        "mask_reasons": _value(FRAME, "y", "x", required=False),
    },
)
PROFILE = Schema(
    name="xrdkit/profile/1",
    fields={
        "intensity": _value(*_RADIAL_FIELD, units=_SIGNAL_UNITS),
        "sigma": _value(*_RADIAL_FIELD, units=_SIGNAL_UNITS, required=False),
        "n_pixels": _value(*_RADIAL_FIELD, units="1", required=False),
        "errors": _value(
            _OPTIONAL_FRAME, "source", _ANY_RADIAL, units=_SIGNAL_UNITS, required=False
        ),
        "covariance": _value(
            _OPTIONAL_FRAME, "offset", _ANY_RADIAL, units=_SQUARED_UNITS, required=False
        ),
        "ledger": _value(_OPTIONAL_FRAME, "correction", _ANY_RADIAL, units="1", required=False),
        "wavelength": _value("emission_line", units="angstrom", required=False),
        "emission_weight": _value("emission_line", units="1", required=False),
        "emission_width": _value("emission_line", units="angstrom", required=False),
    },
)
CAKE = Schema(
    name="xrdkit/cake/1",
    fields={
        "intensity": _value(_OPTIONAL_FRAME, "azimuth", _ANY_RADIAL, units=_SIGNAL_UNITS),
        "sigma": _value(_OPTIONAL_FRAME, "azimuth", _ANY_RADIAL, units=_SIGNAL_UNITS),
        "n_pixels": _value(_OPTIONAL_FRAME, "azimuth", _ANY_RADIAL, units="1"),
        "azimuth": _value("azimuth", units="degree"),
    },
)
_ON_SAMPLE = (_OPTIONAL_FRAME, "q_out_of_plane", "q_in_plane")
GRAZING = Schema(
    name="xrdkit/grazing/1",
    fields={
        "intensity": _value(*_ON_SAMPLE, units=_SIGNAL_UNITS),
        "sigma": _value(*_ON_SAMPLE, units=_SIGNAL_UNITS),
        "n_pixels": _value(*_ON_SAMPLE, units="1"),
        "q_out_of_plane": _value("q_out_of_plane", units="1/nm"),
        "q_in_plane": _value("q_in_plane", units="1/nm"),
    },
)
_PHASE = (_OPTIONAL_FRAME, "phase")
PHASES = Schema(
    name="xrdkit/phases/1",
    fields={
        "weight_fraction": _value(*_PHASE, units="1"),
        "weight_fraction_sigma": _value(*_PHASE, units="1"),
        "lattice": _value(*_PHASE, "lattice_parameter", units="nm"),
        "lattice_sigma": _value(*_PHASE, "lattice_parameter", units="nm"),
        "crystallite_size": _value(*_PHASE, units="nm"),
        "crystallite_size_sigma": _value(*_PHASE, units="nm"),
        "strain": _value(*_PHASE, units="1", required=False),
        "strain_sigma": _value(*_PHASE, units="1", required=False),
        "intensity": _value(*_RADIAL_FIELD, units=_SIGNAL_UNITS),
        "intensity_calculated": _value(*_RADIAL_FIELD, units=_SIGNAL_UNITS),
        "background": _value(*_RADIAL_FIELD, units=_SIGNAL_UNITS),
        "rwp": _value(_OPTIONAL_FRAME, units="1"),
        "gof": _value(_OPTIONAL_FRAME, units="1"),
        "verdict": _value(_OPTIONAL_FRAME),
    },
)
_PEAK = (_OPTIONAL_FRAME, "peak")
PEAKS = Schema(
    name="xrdkit/peaks/1",
    fields={
        **{
            name + suffix: _value(*_PEAK, units=unit)
            for name, unit in (
                ("position", ("degree", "1/nm")),
                ("fwhm", ("degree", "1/nm")),
                ("integral_breadth", ("degree", "1/nm")),
                ("height", _SIGNAL_UNITS),
                ("area", tuple(f"{s} {r}" for s in _SIGNAL_UNITS for r in ("degree", "1/nm"))),
            )
            for suffix in ("", "_sigma")
        },
        "significance": _value(*_PEAK, units="1"),
        "peak_verdict": _value(*_PEAK),
        "intensity": _value(*_RADIAL_FIELD, units=_SIGNAL_UNITS),
        "intensity_calculated": _value(*_RADIAL_FIELD, units=_SIGNAL_UNITS),
        "background": _value(*_RADIAL_FIELD, units=_SIGNAL_UNITS),
        "gof": _value(_OPTIONAL_FRAME, units="1"),
        "verdict": _value(_OPTIONAL_FRAME),
    },
)
_METHOD = (_OPTIONAL_FRAME, "size_method")
SIZE_STRAIN = Schema(
    name="xrdkit/size_strain/1",
    fields={
        **{
            name + suffix: _value(*_METHOD, units=unit)
            for name, unit in (("size", "nm"), ("strain", "1"), ("area_size", "nm"))
            for suffix in ("", "_sigma")
        },
        "breadth": _value(*_PEAK, units="1/nm"),
        "size_spread": _value(_OPTIONAL_FRAME, units="1"),
        "verdict": _value(_OPTIONAL_FRAME),
    },
)
_LATTICE = (_OPTIONAL_FRAME, "lattice")
MESOPHASE = Schema(
    name="xrdkit/mesophase/1",
    fields={
        "cell": _value(*_LATTICE, units="nm"),
        "cell_sigma": _value(*_LATTICE, units="nm"),
        "evidence": _value(*_LATTICE, units="1"),
        "probability": _value(*_LATTICE, units="1"),
        "best_lattice": _value(_OPTIONAL_FRAME),
        "verdict": _value(_OPTIONAL_FRAME),
    },
)
_CANDIDATE = (_OPTIONAL_FRAME, "candidate")
PHASE_MATCHES = Schema(
    name="xrdkit/phase_matches/1",
    fields={
        "found": _value(*_CANDIDATE, units="1"),
        "rank": _value(*_CANDIDATE, units="1"),
        "explained": _value(*_CANDIDATE, units="1"),
        "significance": _value(*_CANDIDATE, units="1"),
        "stretch": _value(*_CANDIDATE, units="1"),
        "unexplained": _value(_OPTIONAL_FRAME, units="1"),
    },
)
_SCALAR = (_OPTIONAL_FRAME,)
SIZES = Schema(
    name="xrdkit/sizes/1",
    fields={
        **{
            name + suffix: _value(*_SCALAR, units=unit)
            for name, unit in (
                ("mean_radius_volume", "nm"),
                ("mean_radius_number", "nm"),
                ("width_volume", "nm"),
                ("width_number", "nm"),
                ("volume_fraction", "1"),
            )
            for suffix in ("", "_sigma")
        },
        "distribution_volume": _value(_OPTIONAL_FRAME, "radius", units="1/nm"),
        "radius": _value("radius", units="nm"),
        "intensity": _value(*_RADIAL_FIELD, units=_SIGNAL_UNITS),
        "intensity_calculated": _value(*_RADIAL_FIELD, units=_SIGNAL_UNITS),
        "background": _value(*_RADIAL_FIELD, units=_SIGNAL_UNITS),
        "gof": _value(_OPTIONAL_FRAME, units="1"),
        "verdict": _value(_OPTIONAL_FRAME),
    },
)
TEXTURE = Schema(
    name="xrdkit/texture/1",
    fields={
        "intensity": _value(*_RADIAL_FIELD, units=_SIGNAL_UNITS),
        **{
            name + suffix: _value(*_RADIAL_FIELD, units=unit)
            for name, unit in (
                ("amplitude", "1"),
                ("phase", "degree"),
                ("cos2_amplitude", "1"),
                ("hermans", "1"),
            )
            for suffix in ("", "_sigma")
        },
        "p_isotropic": _value(*_RADIAL_FIELD, units="1"),
    },
)
QUALITY = Schema(
    name="xrdkit/frame_quality/1",
    fields={
        name: _value(FRAME, units="1")
        for name in (
            *("scale", "scale_sigma", "p_scale", "p_shape", "p_value"),
            *("shape_chi2", "shape_dof", "shape_change", "flag", "keep"),
        )
    },
)
SCHEMAS = {
    s.name: s
    for s in (
        FRAMES,
        PROFILE,
        CAKE,
        GRAZING,
        PHASES,
        PEAKS,
        SIZE_STRAIN,
        MESOPHASE,
        PHASE_MATCHES,
        SIZES,
        TEXTURE,
        QUALITY,
    )
}
#: Labels and flags that explain themselves by other attributes.
_FREE_FIELDS = {"mask", "mask_reasons", "verdict"}


def radial_dim(data: xr.Dataset) -> str:
    """Return the radial dimension of `data` (one of `RADIAL`); raise SchemaError if not one."""
    found = [name for name in RADIAL if name in data.dims]
    if len(found) != 1:
        raise SchemaError(
            f"needs one radial dimension of {', '.join(RADIAL)}, has {found or 'none'}"
        )
    return found[0]


def mean_positions(profile: xr.Dataset) -> NDArray[np.float64]:
    """Return where the points of each row of a profile lie, shape (rows, n), in stored units.

    After integration that is the mean position of the pixels of each bin (``<axis>_mean``), which
    differs from the centre of the bin where the bin is wide or its pixels few; elsewhere, and in
    bins without a pixel, the radial coordinate. A profile without ``frame`` is one row.
    """
    radial = radial_dim(profile)
    centre = np.asarray(profile[radial].values, dtype=np.float64)
    rows = profile.sizes.get(FRAME, 1)
    name = f"{radial}_mean"
    if name not in profile:
        return np.broadcast_to(centre, (rows, centre.size))
    mean = np.asarray(profile[name].values, dtype=np.float64).reshape(rows, centre.size)
    return np.where(np.isfinite(mean), mean, centre)


def position_spreads(profile: xr.Dataset) -> NDArray[np.float64]:
    """Return how far the pixels of each point lie apart, shape (rows, n), in stored units.

    It is the standard deviation within each bin (``<axis>_spread``), 0 where it is not known. A
    curve f seen through such bins is (f(x + s) + f(x - s))/2 at mean x and spread s, to second
    order: f(x) alone is too low by s² f''/2, which on steep slopes and wide bins is percents.
    """
    radial = radial_dim(profile)
    rows, size = profile.sizes.get(FRAME, 1), profile.sizes[radial]
    name = f"{radial}_spread"
    if name not in profile:
        return np.zeros((rows, size))
    spread = np.asarray(profile[name].values, dtype=np.float64).reshape(rows, size)
    return np.where(np.isfinite(spread), spread, 0.0)


def validate(data: xr.Dataset, schema: Schema) -> xr.Dataset:
    """Return `data` itself after checking it against `schema`.

    Checked are presence, dimensions, units and ``long_name`` of every field, that the radial
    coordinate is finite and strictly monotonic, and that sigma is never negative. Nothing is
    loaded that is not in memory. Raises SchemaError naming the variable and the fault.
    """
    if not isinstance(data, xr.Dataset):
        raise SchemaError(
            f"{schema.name}: a {type(data).__name__} is no Dataset",
            hint="open files first: open_frames, load or read_profile",
        )
    needs_radial = any(_ANY_RADIAL in f.dims for f in schema.fields.values())
    radial = radial_dim(data) if needs_radial else ""
    if radial:
        _check_radial(data, radial)
    for name, wanted in schema.fields.items():
        if name not in data.variables:
            if wanted.required:
                raise SchemaError(f"{schema.name}: variable {name!r} is missing")
            continue
        _check_field(data, name, wanted, radial, schema.name)
    for key in data.data_vars:
        is_error = key == "sigma" or str(key).endswith("_sigma")
        if is_error and bool((data[key] < 0).any()):
            raise SchemaError(f"{schema.name}: {key!r} holds a negative standard error")
    return data


def validate_profile_or_cake(data: xr.Dataset) -> xr.Dataset:
    """Return `data` itself after checking it against `CAKE` if it says it is one, else `PROFILE`.

    Raises SchemaError as `validate`.
    """
    is_cake = isinstance(data, xr.Dataset) and data.attrs.get("schema") == CAKE.name
    return validate(data, CAKE if is_cake else PROFILE)


def _check_radial(data: xr.Dataset, radial: str) -> None:
    values = np.asarray(data[radial].values, dtype=float)
    if values.size == 0 or not np.all(np.isfinite(values)):
        raise SchemaError(f"coordinate {radial!r} is empty or not finite")
    if values.size > 1 and not (np.all(np.diff(values) > 0) or np.all(np.diff(values) < 0)):
        raise SchemaError(f"coordinate {radial!r} is not strictly monotonic")
    unit = data[radial].attrs.get("units")
    if unit != RADIAL[radial]:
        raise SchemaError(f"coordinate {radial!r} is in {unit!r}, stored unit is {RADIAL[radial]}")


def _check_field(data: xr.Dataset, name: str, wanted: Field, radial: str, schema: str) -> None:
    variable = data.variables[name]
    dims: list[Hashable] = [radial if d == _ANY_RADIAL else d for d in wanted.dims]
    if _OPTIONAL_FRAME in dims:
        at = dims.index(_OPTIONAL_FRAME)
        dims[at : at + 1] = [FRAME] if FRAME in data.dims else []
    if list(variable.dims) != dims:
        raise SchemaError(f"{schema}: {name!r} has dimensions {variable.dims}, not {tuple(dims)}")
    unit = variable.attrs.get("units")
    if wanted.units and unit not in wanted.units:
        raise SchemaError(
            f"{schema}: {name!r} has units {unit!r}, not one of {', '.join(wanted.units)}"
        )
    if "long_name" not in variable.attrs and name not in _FREE_FIELDS:
        raise SchemaError(f"{schema}: {name!r} has no long_name")
