"""The labelled result of a refinement."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.fitting import Verdict
from xrdkit.phase.anisotropic_numbers import put_strain_terms
from xrdkit.phase.blank import BLANK
from xrdkit.phase.cell import ANGLES, LENGTHS
from xrdkit.phase.effects import phase_key
from xrdkit.phase.fit import FrameFit
from xrdkit.phase.mass_numbers import put_mass_scales
from xrdkit.phase.observation import Observation
from xrdkit.phase.positions import q_of_two_theta
from xrdkit.phase.quantify import (
    PhaseNumbers,
    amorphous_number,
    instrument_numbers,
    phase_numbers,
)
from xrdkit.phase.source_errors import errors_by_source
from xrdkit.phase.sphere_sizes import SPHERE_SIZES
from xrdkit.uncertainty import OFFSET

Array = NDArray[np.float64]

_PAIRED = (
    ("weight_fraction", "mass of the phase over that of all phases in the model", "1"),
    ("absolute_fraction", "mass of the phase over that of the sample without the standard", "1"),
    ("march", "parameter r of March and Dollase's preferred orientation", "1"),
    ("crystallite_size", "volume-weighted mean column length L_vol (Scherrer constant 1)", "nm"),
    ("size_ratio", "column length along size_axis over that across it", "1"),
    ("strain", "apparent maximum strain Δd/d", "1"),
    ("scale", "intensity per unit cross-section times volume fraction", ""),
    ("b_iso", "isotropic displacement parameter B, mean over the atoms", "angstrom^2"),
)
#: What standard errors are multiplied by, in words.
_ERROR_NOTES = {
    "none": "",
    "gof": ", scaled by the GoF",
    "berar_lelann": ", scaled by the GoF and the factor of Bérar & Lelann",
    "lines": ", by the GoF and the scatter of whole lines",
}
#: Not in the result where no phase has them.
_WHERE_ASKED = ("absolute_fraction", "march", "size_ratio")
#: Labels of variables of the profile that a refinement does not repeat.
_OF_PROFILE = (OFFSET, "correction")
#: Variable -> field of `PhaseNumbers`, where it has another name.
_FIELD = {"crystallite_size": "size"}
#: Number of the instrument, variable, unit, what it is.
INSTRUMENT = (
    ("u", "caglioti_u", "degree^2", "line width of the instrument, U"),
    ("v", "caglioti_v", "degree^2", "line width of the instrument, V"),
    ("w", "caglioti_w", "degree^2", "line width of the instrument, W"),
    ("x", "lorentzian_x", "degree", "line width of the instrument, X"),
    ("y", "lorentzian_y", "degree", "line width of the instrument, Y"),
    ("axial", "axial_divergence", "1", "half heights of sample and slit over the radius"),
    ("tail_fraction", "tail_fraction", "1", "share of each line that lies evenly about it"),
    ("tail_width", "tail_width", "degree", "how far the tails of lines reach on each side"),
)


def assemble(
    profile: xr.Dataset,
    observed: Observation,
    names: Sequence[str],
    frames: Sequence[FrameFit | None],
    verdicts: Sequence[tuple[Verdict, str]],
) -> xr.Dataset:
    """Return the fits of all frames as one Dataset that passes `schema.PHASES`.

    Rows of frames without a fit (None) are NaN. At least one frame has a fit.
    """
    framed = schema.FRAME in profile.dims
    lead = (schema.FRAME,) if framed else ()
    radial = observed.radial
    fits = [f for f in frames if f is not None]
    fitted = np.array([f is not None for f in frames])

    def put(values: Any, dims: tuple[str, ...], **attrs: Any) -> tuple[Any, Any, dict[str, Any]]:
        stack = np.asarray(values)
        if len(stack) < len(frames):
            empty = np.nan if stack.dtype.kind == "f" else 0
            whole = np.full((len(frames), *stack.shape[1:]), empty, dtype=stack.dtype)
            whole[fitted] = stack
            stack = whole
        return (lead + dims, stack if framed else stack[0], attrs)

    data: dict[str, Any] = {}
    numbers = [phase_numbers(f) for f in fits]
    for name, text, unit in _PAIRED:
        pairs = np.array([[getattr(n, _FIELD.get(name, name)) for n in row] for row in numbers])
        note = _size_note(fits[0]) if name == "crystallite_size" else ""
        if name in _WHERE_ASKED and np.isnan(pairs).all():
            continue
        unit = unit or f"{observed.unit} cm"
        _pair(data, put, name, pairs[..., 0], pairs[..., 1], ("phase",), text + note, unit)
    for name, unit, text in SPHERE_SIZES:
        pairs = np.array([[n.spheres[name] for n in row] for row in numbers])
        if not np.isnan(pairs).all():
            _pair(data, put, name, pairs[..., 0], pairs[..., 1], ("phase",), text, unit)
    amorphous = [amorphous_number(f) for f in fits]
    if amorphous[0] is not None:
        pairs = np.array(amorphous, dtype=float)
        text = "mass of what is none of the phases over that of the sample without the standard"
        _pair(data, put, "amorphous_fraction", pairs[:, 0], pairs[:, 1], (), text, "1")
    put_mass_scales(data, put, fits, observed.unit)
    _cells(data, put, numbers)
    errors_by_source(data, put, profile, observed.unit, fits, numbers)
    _instrument(data, put, fits)
    labels, kinds = _parameters(data, put, observed, names, fits)
    _curves(data, put, observed, fits, observed.positions[fitted])
    _quality(data, put, observed, fitted, fits, verdicts)
    _ticks(data, put, observed, fits)
    coords: dict[str, Any] = {
        "phase": ("phase", list(names), {"long_name": "phase"}),
        "lattice_parameter": ("lattice_parameter", list(LENGTHS), {"long_name": "cell length"}),
        "lattice_angle_name": ("lattice_angle_name", list(ANGLES), {"long_name": "cell angle"}),
        "parameter": ("parameter", labels, {"long_name": "refined parameter"}),
        "parameter_unit": ("parameter", kinds, {"long_name": "unit of the parameter"}),
        radial: (radial, observed.radial_values, dict(profile[radial].attrs)),
    }
    put_strain_terms(data, coords, put, [[n.strain_terms for n in row] for row in numbers])
    for key, coordinate in profile.coords.items():
        belongs = not {radial, *_OF_PROFILE} & set(coordinate.dims)
        if key not in coords and belongs:
            coords[str(key)] = coordinate.variable
    note = _ERROR_NOTES[fits[0].model.spec.esd_correction]
    for _, _, attrs in data.values():
        attrs["long_name"] = str(attrs["long_name"]).replace(", scaled by the GoF", note)
    return xr.Dataset(data, coords=coords, attrs={"schema": schema.PHASES.name})


def _size_note(fit: FrameFit) -> str:
    spec = fit.model.spec
    names = [s.name for s in fit.model.structures]
    shapes = [spec.size_profile_of(name) for name in names]
    told = [f"{shape} ({name})" for shape, name in zip(shapes, names, strict=True)]
    shape = shapes[0] if len(set(shapes)) == 1 else ", ".join(told)
    across = [name for name in names if spec.of(name).size_axis is not None]
    if across:
        shape += f", across size_axis ({', '.join(across)})"
    if spec.instrument is not None:
        return f", {shape}, instrument removed"
    return f", {shape}, Lorentzian part of the instrument not removed"


def _pair(
    data: dict[str, Any],
    put: Any,
    name: str,
    values: Array,
    errors: Array,
    dims: tuple[str, ...],
    text: str,
    unit: str,
) -> None:
    sigma = f"{name}_sigma"
    data[name] = put(values, dims, units=unit, long_name=text, ancillary_variables=sigma)
    data[sigma] = put(
        errors, dims, units=unit, long_name=f"standard error of {name}, scaled by the GoF"
    )


def _cells(data: dict[str, Any], put: Any, numbers: list[list[PhaseNumbers]]) -> None:
    cells = np.array([[n.cell for n in row] for row in numbers])
    errors = np.array([[n.cell_sigma for n in row] for row in numbers])
    dims = ("phase", "lattice_parameter")
    _pair(data, put, "lattice", cells[..., :3], errors[..., :3], dims, "cell length", "nm")
    dims = ("phase", "lattice_angle_name")
    _pair(data, put, "lattice_angle", cells[..., 3:], errors[..., 3:], dims, "cell angle", "degree")


def _instrument(data: dict[str, Any], put: Any, fits: Sequence[FrameFit]) -> None:
    rows = [instrument_numbers(f) for f in fits]
    for key, name, unit, text in INSTRUMENT:
        pairs = np.array([row[key] for row in rows])
        _pair(data, put, name, pairs[:, 0], pairs[:, 1], (), text, unit)
    shifts = [
        ("zero_shift", "zero", "observed minus true 2θ", "degree"),
        ("displacement", "displacement", "height of the sample behind the axis", "mm"),
        ("blank_scale", BLANK, "share of the blank in the background", "1"),
        ("absorption", "absorption", "attenuation times radius or thickness of the sample", "1"),
        ("roughness_a", "roughness_a", "first parameter of the surface roughness", "1"),
        ("roughness_b", "roughness_b", "second parameter of the surface roughness", "1"),
    ]
    for name, key, text, unit in shifts:
        if name == "displacement" and fits[0].model.spec.goniometer_radius is None:
            continue
        if key not in fits[0].values:
            continue
        values = np.array([f.values[key] for f in fits])
        errors = np.array([f.sigma(key) for f in fits])
        _pair(data, put, name, values, errors, (), text, unit)


def _parameters(
    data: dict[str, Any],
    put: Any,
    observed: Observation,
    names: Sequence[str],
    fits: Sequence[FrameFit],
) -> tuple[list[str], list[str]]:
    """Put a table of all that was refined in any frame; return labels and units."""
    free = list(dict.fromkeys(n for f in fits for n in f.outcome.names))
    place = {n: k for k, n in enumerate(free)}
    values, errors = (np.full((len(fits), len(free)), np.nan) for _ in range(2))
    for row, fit in enumerate(fits):
        mine = [place[n] for n in fit.outcome.names]
        size = np.array([fit.plan.units[n] for n in fit.outcome.names])
        values[row, mine] = [fit.values[n] for n in fit.outcome.names]
        with np.errstate(invalid="ignore"):
            errors[row, mine] = size * np.sqrt(np.diagonal(fit.outcome.full_covariance()))
    for name, table, text in (
        ("parameter_value", values, "value, NaN where it was not refined"),
        ("parameter_sigma", errors, "standard error, scaled by the GoF"),
    ):
        data[name] = put(table, ("parameter",), units="1", long_name=f"{text}; parameter_unit")
    labels = []
    for key in free:
        phase = next((p for p in range(len(names)) if key.startswith(phase_key(p, ""))), None)
        own = key if phase is None else f"{names[phase]} {key.removeprefix(phase_key(phase, ''))}"
        labels.append(own)
    units = fits[0].plan.unit_names
    kinds = [
        units[n] or (f"{observed.unit} cm" if n.endswith("_scale") else observed.unit) for n in free
    ]
    return labels, kinds


def _curves(
    data: dict[str, Any],
    put: Any,
    observed: Observation,
    fits: Sequence[FrameFit],
    positions: Array,
) -> None:
    full = [f.model.at(x) for f, x in zip(fits, positions, strict=True)]
    pairs = list(zip(full, fits, strict=True))
    parts = np.array([f.phases if m is f.model else m.phases(f.values) for m, f in pairs])
    base = np.array([f.background if m is f.model else m.background(f.values) for m, f in pairs])
    dims, unit = (observed.radial,), observed.unit
    data["intensity"] = put(
        observed.intensity,
        dims,
        units=unit,
        long_name="observed intensity",
        ancillary_variables="sigma",
    )
    sigma = np.where(np.isfinite(observed.intensity), observed.sigma, np.nan)
    text = "standard error of intensity"
    if observed.named is not None:
        text += " from the sources that scatter from point to point, which weights the fit"
    data["sigma"] = put(sigma, dims, units=unit, long_name=text, rule=observed.sigma_rule)
    text = "calculated intensity, background included"
    data["intensity_calculated"] = put(base + parts.sum(axis=1), dims, units=unit, long_name=text)
    data["background"] = put(base, dims, units=unit, long_name="refined background")
    text = "calculated intensity of one phase"
    data["intensity_phase"] = put(parts, ("phase", *dims), units=unit, long_name=text)


def _quality(
    data: dict[str, Any],
    put: Any,
    observed: Observation,
    fitted: NDArray[np.bool_],
    fits: Sequence[FrameFit],
    verdicts: Sequence[tuple[Verdict, str]],
) -> None:
    weight = np.nansum((observed.intensity / observed.sigma) ** 2, axis=1)[fitted]
    weight[weight == 0] = np.nan
    chi2 = np.array([f.outcome.chi2 for f in fits])
    dof = np.array([f.outcome.dof for f in fits])
    data["rwp"] = put(np.sqrt(chi2 / weight), (), units="1", long_name="weighted profile R factor")
    data["rexp"] = put(np.sqrt(dof / weight), (), units="1", long_name="expected R factor")
    data["gof"] = put(np.sqrt(chi2 / dof), (), units="1", long_name="goodness of fit √(χ²/dof)")
    data["berar_lelann_factor"] = put(
        np.array([f.serial_factor for f in fits]),
        (),
        units="1",
        long_name="factor of Bérar & Lelann for errors where residuals hang together",
        applied=int(fits[0].model.spec.esd_correction == "berar_lelann"),
    )
    text = "whether the phase is significant (3 standard errors of its scale)"
    found = np.array([[int(x) for x in f.found] for f in fits], dtype=np.int8)
    data["phase_found"] = put(found, ("phase",), units="1", long_name=text)
    flags = np.array([str(v) for v, _ in verdicts], dtype=object)
    reasons = np.array([reason for _, reason in verdicts], dtype=object)
    data["verdict"] = put(flags.astype(str), (), long_name="what the fit is worth")
    data["verdict_reason"] = put(reasons.astype(str), (), long_name="what the verdict rests on")


def _ticks(data: dict[str, Any], put: Any, observed: Observation, fits: Sequence[FrameFit]) -> None:
    first = fits[0].model
    counts = [len(ls.hkl) for ls in first.lines]
    owner = np.repeat(np.arange(len(counts)), counts)
    labels = [" ".join(str(i) for i in hkl) for ls in first.lines for hkl in ls.hkl]
    low, high = observed.two_theta[0], observed.two_theta[-1]
    rows, areas = [], []
    for fit in fits:
        found = [np.stack(fit.model.line_areas(fit.values, p)) for p in range(len(counts))]
        area = np.concatenate([_padded(a, n) for a, n in zip(found, counts, strict=True)], axis=1)
        areas.append(area * np.array([[1.0], [fit.outcome.scale]]))
        angle = np.concatenate([first.line_centres(fit.values, p) for p in range(len(counts))])
        inside = (angle >= low) & (angle <= high)
        angle = np.where(inside & np.repeat(fit.found, counts), angle, np.nan)
        rows.append(angle)
    table = np.array(rows)
    kept = np.isfinite(table).any(axis=0)
    areas_kept = np.where(np.isfinite(table)[:, np.newaxis], np.array(areas), np.nan)[:, :, kept]
    table = table[:, kept]
    unit = schema.RADIAL[observed.radial]
    if observed.radial == "q":
        table = q_of_two_theta(table, observed.wavelengths[0])
    text = "position of the reflection"
    data["reflection_position"] = put(table, ("reflection",), units=unit, long_name=text)
    _pair(
        data,
        put,
        "reflection_intensity",
        areas_kept[:, 0],
        areas_kept[:, 1],
        ("reflection",),
        "area of the reflection, all emission lines together",
        f"{observed.unit} degree",
    )
    data["reflection_phase"] = (
        "reflection",
        owner[kept].astype(np.int32),
        {"units": "1", "long_name": "number of the phase of the reflection"},
    )
    data["reflection_hkl"] = (
        "reflection",
        np.array([label for label, k in zip(labels, kept, strict=True) if k], dtype=str),
        {"long_name": "Miller indices"},
    )


def _padded(areas: Array, count: int) -> Array:
    """Return areas (2, n) as (2, count): models of frames differ in lines beyond the pattern."""
    result = np.full((2, count), np.nan)
    n = min(count, areas.shape[1])
    result[:, :n] = areas[:, :n]
    return result
