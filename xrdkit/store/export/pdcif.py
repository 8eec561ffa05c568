"""Powder CIF: observed and calculated pattern, phases with their cells, quantities and atoms.

The block of the pattern has the radiation, the R factors, a loop of phases with _pd_phase_mass_%,
and the points with _pd_proc_ls_weight = 1/σ² (exactly, where an uncertainty in parentheses would be
rounded). Angles are _pd_meas_2theta_scan of a diffractometer, _pd_proc_2theta_corrected after
integration. Each phase has a block of its own with the cell in Å, the operators and atoms that
went into the refinement, U = B/8π², shifted where a displacement parameter was refined. What
cif_core and cif_pow have no item for (crystallite size, strain) is under _xrdkit_.

Source: International Tables for Crystallography G (2005), 3.3, 4.1, 4.2 (cif_core, cif_pow).
"""

import math
from pathlib import Path

import numpy as np
import xarray as xr

from xrdkit.errors import EmptyResult, SchemaError
from xrdkit.provenance import package_version
from xrdkit.schema import radial_dim
from xrdkit.store.export._cif import block_name, item, loop, quoted
from xrdkit.store.export._phase_block import phase_block
from xrdkit.store.export._result import (
    number,
    pair,
    phase_names,
    settings,
    wavelengths,
    write_frames,
)
from xrdkit.store.export.uncertain import with_uncertainty

_TEXTS = {
    "sample_name": "pd_spec_description",
    "start_time": "pd_meas_datetime_initiated",
    "monochromator": "diffrn_radiation_monochromator",
}
_NUMBERS = {
    "temperature": "diffrn_ambient_temperature",
    "exposure_time": "pd_meas_step_count_time",
    "goniometer_radius": "pd_instr_dist_spec/detc",
    "tube_voltage": "diffrn_source_voltage",
    "tube_current": "diffrn_source_current",
}
_QUALITY = {
    "rwp": "pd_proc_ls_prof_wR_factor",
    "rexp": "pd_proc_ls_prof_wR_expected",
    "gof": "refine_ls_goodness_of_fit_all",
}


def write_pdcif(data: xr.Dataset, path: str | Path, *, overwrite: bool = False) -> list[Path]:
    """Write a profile, or the result of a refinement, as powder CIF and return the files.

    data: ``intensity`` over two_theta (degree) or q (1/nm), with ``sigma``, ``wavelength`` and what
    a refinement adds where it is there; several frames become ``a-000007.cif``. Cells are in Å and
    mass fractions in percent, with standard uncertainties as 5.4115(2). Points without data are
    left out, as is a frame of a series that has none. `xrdkit.read_profile` reads the pattern back.

    Raises SchemaError where there is no intensity over 2θ or q, EmptyResult where a pattern has no
    point, ResultExists, StoreError.
    """
    target = Path(path)
    axis = radial_dim(data)
    if "intensity" not in data or axis not in ("two_theta", "q"):
        raise SchemaError("powder CIF holds intensities over 2θ or q", source=target)
    return write_frames(
        data,
        target,
        lambda one, file: _text(one, axis, file).encode("ascii"),
        overwrite=overwrite,
    )


def _text(data: xr.Dataset, axis: str, path: Path) -> str:
    stem = block_name(path.stem)
    names = phase_names(data)
    blocks = [f"{stem}_phase_{k + 1}" for k in range(len(names))]
    rows = [
        f"data_{stem}",
        item("pd_block_id", quoted(f"{stem}|xrdkit")),
        item("computing_structure_refinement", quoted(f"xrdkit {package_version()}")),
        item("diffrn_radiation_probe", "x-ray"),
        *_measurement(data),
        *_radiation(data),
        *_quality(data),
        *_phases(data, names, blocks),
        *_points(data, axis, path),
    ]
    for k, name in enumerate(names):
        rows += ["", *phase_block(data, k, name, blocks[k], f"{stem}|xrdkit")]
    return "\n".join([*rows, ""])


def _measurement(data: xr.Dataset) -> list[str]:
    rows = []
    for name, tag in _TEXTS.items():
        if name in data.coords and data[name].size == 1 and str(data[name].values):
            rows.append(item(tag, quoted(str(data[name].values))))
    for name, tag in _NUMBERS.items():
        value = number(data, name)
        if math.isfinite(value):
            rows.append(item(tag, f"{value:.8g}"))
    anode = str(data["anode"].values) if "anode" in data.coords and data["anode"].size == 1 else ""
    if anode:
        rows.append(item("diffrn_source_target", quoted(anode)))
    return rows


def _radiation(data: xr.Dataset) -> list[str]:
    lines, weights = wavelengths(data)
    kind = str(data.attrs.get("radiation", ""))
    rows = []
    if kind.endswith(("Ka", "Ka1")):
        rows.append(item("diffrn_radiation_type", quoted(f"{kind[:2]} K\\a{kind[4:]}")))
    if len(lines) == 1:
        rows.append(item("diffrn_radiation_wavelength", f"{lines[0]:.9g}"))
        return rows
    table = [
        [str(k + 1), f"{line:.9g}", f"{weight:.6g}"]
        for k, (line, weight) in enumerate(zip(lines, weights, strict=True))
    ]
    names = [f"diffrn_radiation_wavelength{part}" for part in ("_id", "", "_wt")]
    return [*rows, *loop(names, table), ""]


def _quality(data: xr.Dataset) -> list[str]:
    found = {tag: number(data, name) for name, tag in _QUALITY.items()}
    rows = [item(tag, f"{value:.6g}") for tag, value in found.items() if math.isfinite(value)]
    if "verdict" in data:
        rows.append(item("xrdkit_verdict", quoted(str(data["verdict"].values))))
    return rows


def _phases(data: xr.Dataset, names: list[str], blocks: list[str]) -> list[str]:
    rows = []
    for k, name in enumerate(names):
        value, sigma = pair(data, "weight_fraction", 100.0, phase=k)
        mass = with_uncertainty(value, sigma, missing="?")
        rows.append([str(k + 1), quoted(f"{blocks[k]}|xrdkit"), quoted(name), mass])
    return loop(["pd_phase_id", "pd_phase_block_id", "pd_phase_name", "pd_phase_mass_%"], rows)


def _axis(data: xr.Dataset, axis: str) -> str:
    if axis == "q":
        return "pd_proc_recip_len_Q"
    refined = settings(data)
    corrected = bool(refined) and refined.get("polarization_ratio") is None
    integrated = corrected or "n_pixels" in data or "solid_angle_corrected" in data.attrs
    return "pd_proc_2theta_corrected" if integrated else "pd_meas_2theta_scan"


def _points(data: xr.Dataset, axis: str, path: Path) -> list[str]:
    position = np.asarray(data[axis].values, dtype=float)
    columns = {
        # CIF has q in reciprocal ångström.
        _axis(data, axis): position / 10.0 if axis == "q" else position,
        "pd_proc_intensity_total": np.asarray(data["intensity"].values, dtype=float),
    }
    good = np.isfinite(columns["pd_proc_intensity_total"])
    if "sigma" in data:
        sigma = np.asarray(data["sigma"].values, dtype=float)
        known = np.isfinite(sigma) & (sigma > 0)
        good &= known
        with np.errstate(divide="ignore", invalid="ignore"):
            columns["pd_proc_ls_weight"] = np.where(known, sigma**-2.0, np.nan)
    elif data["intensity"].attrs.get("units") == "count":
        columns["pd_meas_counts_total"] = columns.pop("pd_proc_intensity_total")
    for tag, name in (
        ("pd_calc_intensity_total", "intensity_calculated"),
        ("pd_proc_intensity_bkg_calc", "background"),
    ):
        if name in data:
            columns[tag] = np.asarray(data[name].values, dtype=float)
    if not good.any():
        raise EmptyResult("the pattern has no point", source=path)
    table = np.stack(list(columns.values()), axis=1)[good]
    rows = [[f"{v:.10g}" if math.isfinite(v) else "." for v in row] for row in table.tolist()]
    counted = [item("pd_proc_number_of_points", str(len(rows)))]
    return [*counted, *loop(list(columns), rows)]
