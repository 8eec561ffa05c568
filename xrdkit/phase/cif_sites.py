"""The sites of a CIF: element, place, occupancy and displacement of every atom."""

import logging
import math
import re

import gemmi
import numpy as np

from xrdkit.errors import StructureError
from xrdkit.phase.cell import Cell, metric
from xrdkit.phase.cif_values import number, rows, text
from xrdkit.phase.structure import Site

_LOG = logging.getLogger(__name__)
_U_TO_B = 8.0 * math.pi**2
#: B in Å² of a site for which the file gives no displacement parameter.
B_UNKNOWN = 0.5
_PLACE = ("_atom_site_fract_x", "_atom_site_fract_y", "_atom_site_fract_z")
_TAGS = (
    *_PLACE,
    "_atom_site_label",
    "_atom_site_type_symbol",
    "_atom_site_occupancy",
    "_atom_site_U_iso_or_equiv",
    "_atom_site_B_iso_or_equiv",
    "_atom_site_symmetry_multiplicity",
    "_atom_site_site_symmetry_multiplicity",
    "_atom_site_calc_flag",
)
_TENSOR = ("11", "22", "33", "12", "13", "23")
#: One element and its count in a formula, and a bracket and its count.
FORMULA_PART = re.compile(r"([A-Z][a-z]?)\s*(\d*\.?\d*)")
FORMULA_GROUP = re.compile(r"\(([^()]*)\)(\d*)")


def sites(block: gemmi.cif.Block, cell: Cell) -> tuple[tuple[Site, ...], dict[str, int]]:
    """Return the sites, and the multiplicities that the file states for some, by label.

    Dummy atoms, empty sites and atoms without coordinates are left out and named in the log.
    """
    formula = formula_of(block)
    tensors = _equivalents(block, cell)
    found: list[Site] = []
    stated: dict[str, int] = {}
    for place, row in enumerate(rows(block, _TAGS, len(_PLACE)), start=1):
        name = row.get("_atom_site_label") or row.get("_atom_site_type_symbol") or f"number {place}"
        if row.get("_atom_site_calc_flag") == "dum" or name.lower().startswith("vac"):
            _LOG.warning("site %s is no atom (dummy or vacancy) and is left out", name)
            continue
        if not any(axis in row for axis in _PLACE):
            _LOG.warning("site %s has no coordinates and is left out", name)
            continue
        occupancy = _occupancy(row.get("_atom_site_occupancy"), name)
        if occupancy == 0.0:
            _LOG.warning("site %s is empty (occupancy 0) and is left out", name)
            continue
        x, y, z = (number(row.get(axis, "?"), f"site {name}: {axis[11:]}") for axis in _PLACE)
        found.append(
            Site(
                label=name,
                element=_element(row, name, formula),
                position=(x, y, z),
                occupancy=occupancy,
                b_iso=_displacement(row, name, tensors),
            )
        )
        multiplicity = row.get(_TAGS[8]) or row.get(_TAGS[9])
        if multiplicity is not None and multiplicity.isdigit():
            stated[name] = int(multiplicity)
    return tuple(found), stated


def formula_of(block: gemmi.cif.Block) -> dict[str, float]:
    """Return the atoms of ``_chemical_formula_sum`` by element; empty where it cannot be read."""
    written = text(block, "_chemical_formula_sum")
    if not written or re.sub(FORMULA_PART, "", written).strip(" ,"):
        return {}
    counts: dict[str, float] = {}
    for symbol, count in FORMULA_PART.findall(written):
        element = "H" if symbol == "D" else symbol
        counts[element] = counts.get(element, 0.0) + float(count or 1.0)
    return counts


def _occupancy(value: str | None, name: str) -> float:
    if value is None:
        return 1.0
    occupancy = number(value, f"site {name}: the occupancy")
    if 1.0001 < occupancy <= 1.1:
        _LOG.warning("site %s has an occupancy of %.4f, above 1", name, occupancy)
    return occupancy


def _element(row: dict[str, str], name: str, formula: dict[str, float]) -> str:
    """Return the element of a site: of its type where that is given, else of its label."""
    written = row.get("_atom_site_type_symbol") or row.get("_atom_site_label") or ""
    letters = re.match(r"[0-9]*([A-Za-z]+)", written)
    run = letters.group(1) if letters else ""
    if run.lower().startswith("wat"):
        _LOG.warning("site %s is water: the oxygen is used, its hydrogen is not in the file", name)
        return "O"
    candidates = [
        part
        for part in (run[:2].capitalize(), run[:1].upper())
        if part and gemmi.Element(part).atomic_number > 0
    ]
    if not candidates:
        raise StructureError(
            f"site {name!r}: no element can be told from {written!r}",
            hint="add _atom_site_type_symbol to the file",
        )
    exact = "_atom_site_type_symbol" in row and len(run) <= 2
    if len(candidates) == 2 and not exact and formula:
        longer, shorter = candidates
        if longer not in formula and shorter in formula:
            return shorter
    return candidates[0]


def _displacement(row: dict[str, str], name: str, tensors: dict[str, float]) -> float:
    """Return B in Å² of a site."""
    for tag, factor in (
        ("_atom_site_U_iso_or_equiv", _U_TO_B),
        ("_atom_site_B_iso_or_equiv", 1.0),
    ):
        if tag in row:
            b_iso = factor * number(row[tag], f"site {name}: {tag[11:]}")
            if b_iso < 0:
                _LOG.warning(
                    "site %s has a negative displacement parameter: B = %.3f Å²", name, b_iso
                )
            return b_iso
    if name in tensors:
        b_iso = tensors[name]
        _LOG.info("site %s: B = %.3f Å² is the equivalent of its anisotropic one", name, b_iso)
        return b_iso
    _LOG.warning("site %s has no displacement parameter: B = %s Å²", name, B_UNKNOWN)
    return B_UNKNOWN


def _equivalents(block: gemmi.cif.Block, cell: Cell) -> dict[str, float]:
    """Return, by label, B = 8π² U with U = ⅓ Σᵢⱼ Uᵢⱼ a*ᵢ a*ⱼ aᵢ·aⱼ of anisotropic sites, in Å²."""
    direct = metric(cell)
    star = np.sqrt(np.diag(np.linalg.inv(direct)))
    weights = direct * np.outer(star, star) / 3.0
    found: dict[str, float] = {}
    for kind, factor in (("U", _U_TO_B), ("B", 1.0)):
        parts = tuple(f"_atom_site_aniso_{kind}_{ij}" for ij in _TENSOR)
        for row in rows(block, ("_atom_site_aniso_label", *parts), 7):
            if not all(part in row for part in parts):
                continue
            label = row.get("_atom_site_aniso_label", "")
            a, b, c, ab, ac, bc = (number(row[part], f"site {label}: {part}") for part in parts)
            tensor = np.array([[a, ab, ac], [ab, b, bc], [ac, bc, c]])
            found[label] = factor * float(np.sum(tensor * weights))
    return found
