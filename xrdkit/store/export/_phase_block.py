"""The block of one phase in a powder CIF: its cell, symmetry, atoms and what was refined."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import gemmi
import numpy as np
import xarray as xr

from xrdkit.store.export._cif import item, loop, quoted
from xrdkit.store.export._result import pair, structures
from xrdkit.store.export.uncertain import with_uncertainty

_LENGTHS, _ANGLES = ("a", "b", "c"), ("alpha", "beta", "gamma")
#: Fractional coordinates closer than this are one position.
_SAME = 1e-3
_NM_TO_ANGSTROM = 10.0
#: Quantities that CIF has no item for: variable -> item.
_OWN = {
    "crystallite_size": "xrdkit_crystallite_size_nm",
    "strain": "xrdkit_strain",
    "absolute_fraction": "xrdkit_absolute_mass_fraction",
    "march": "xrdkit_march_dollase_r",
    "density": "exptl_crystal_density_diffrn",
}


def phase_block(
    data: xr.Dataset, number: int, name: str, block: str, diffractogram: str
) -> list[str]:
    """Return the lines of the block of phase `number` of one frame.

    Cell lengths in Å. Operators and atoms are those of the structure that the refinement started
    from, displacement parameters shifted where one was refined; no atoms where they are not known.
    """
    structure = structures(data).get(name, {})
    rows = [
        f"data_{block}",
        item("pd_block_id", quoted(f"{block}|xrdkit")),
        item("pd_block_diffractogram_id", quoted(diffractogram)),
        item("pd_phase_name", quoted(name)),
    ]
    rows += _cell(data, number)
    if structure.get("space_group"):
        symbol = str(structure["space_group"]).replace(":H", " :H").replace(":R", " :R")
        rows.append(item("space_group_name_H-M_alt", quoted(symbol)))
    if structure.get("citation"):
        rows.append(item("xrdkit_structure_source", quoted(str(structure["citation"]))))
    for variable, tag in _OWN.items():
        value, sigma = pair(data, variable, phase=number)
        if math.isfinite(value):
            rows.append(item(tag, with_uncertainty(value, sigma)))
    operators = [str(op) for op in structure.get("operators", [])]
    rows += loop(["space_group_symop_operation_xyz"], [[quoted(op)] for op in operators])
    rows += _atoms(structure, operators, pair(data, "b_iso", phase=number))
    return rows


def _cell(data: xr.Dataset, number: int) -> list[str]:
    rows, cell = [], []
    for names, variable, dim, scale in (
        (_LENGTHS, "lattice", "lattice_parameter", _NM_TO_ANGSTROM),
        (_ANGLES, "lattice_angle", "lattice_angle_name", 1.0),
    ):
        for k, name in enumerate(names):
            value, sigma = pair(data, variable, scale, **{"phase": number, dim: k})
            cell.append(value)
            if math.isfinite(value):
                kind = "length" if scale > 1 else "angle"
                rows.append(item(f"cell_{kind}_{name}", with_uncertainty(value, sigma)))
    if all(math.isfinite(v) for v in cell):
        rows.append(item("cell_volume", f"{gemmi.UnitCell(*cell).volume:.6g}"))
    return rows


def _atoms(
    structure: Mapping[str, Any], operators: Sequence[str], b_iso: tuple[float, float]
) -> list[str]:
    sites = [s for s in structure.get("sites", []) if isinstance(s, Mapping)]
    if not sites or not operators:
        return []
    shift = 0.0
    if all(math.isfinite(v) for v in b_iso):
        counts = np.array([_multiplicity(s, operators) * float(s["occupancy"]) for s in sites])
        mean = float(counts @ [float(s["b_iso"]) for s in sites] / counts.sum())
        shift = b_iso[0] - mean
    rows = []
    for site in sites:
        u = (float(site["b_iso"]) + shift) / (8.0 * math.pi**2)
        error = b_iso[1] / (8.0 * math.pi**2) if shift else None
        place = [f"{float(x):.6g}" for x in site["position"]]
        words = [quoted(str(site["label"])), quoted(str(site["element"])), *place]
        words += [f"{float(site['occupancy']):.6g}", with_uncertainty(u, error), "Uiso"]
        rows.append([*words, str(_multiplicity(site, operators))])
    names = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy"]
    names += ["U_iso_or_equiv", "adp_type", "site_symmetry_multiplicity"]
    return loop([f"atom_site_{n}" for n in names], rows)


def _multiplicity(site: Mapping[str, Any], operators: Sequence[str]) -> int:
    images = np.array([gemmi.Op(op).apply_to_xyz(list(site["position"])) for op in operators])
    found: list[np.ndarray] = []
    for image in images:
        apart = [np.abs(image - other - np.round(image - other)).max() for other in found]
        if not apart or min(apart) > _SAME:
            found.append(image)
    return len(found)
