"""Structures from CIF files: the operators of the file come before its space-group symbol."""

import logging
import math
from pathlib import Path

import gemmi
import numpy as np

from xrdkit.errors import LimitExceeded, StructureError
from xrdkit.phase.cell import CELL_NAMES, Cell, cell_ties, metric, volume
from xrdkit.phase.cif_sites import formula_of, sites
from xrdkit.phase.cif_symmetry import symmetry
from xrdkit.phase.cif_values import column, number, text
from xrdkit.phase.places import check_places
from xrdkit.phase.structure import Site, Structure
from xrdkit.phase.symmetry import operators, project

_LOG = logging.getLogger(__name__)
_SIZE_LIMIT = 20 * 2**20
_NAME_TAGS = ("_pd_phase_name", "_chemical_name_mineral", "_chemical_name_common")
#: A cell that symmetry changes by less than this was rounded, not wrong.
_ROUNDED = 1e-5
#: Sites that are put on a special position from further away (nm) are named in the log.
_MOVED = 0.002
#: Relative misfit of the atoms to the formula of the file that is worth a word.
_FORMULA_SLACK = 0.03


def load_structure(path: str | Path, *, block: str | None = None) -> Structure:
    """Return the crystal structure in a CIF file.

    The operators that the file lists come first, then its Hall symbol, then its Hermann-Mauguin
    symbol where that names one setting (``"F d -3 m"`` does not: two origins). `block` names the
    data block where several hold a structure. Form factors are those of neutral atoms: charges as
    in ``Fe3+`` are read over. Sites without a displacement parameter get B = 0.5 Å²; that,
    negative ones, occupancies above 1, atoms that do not add up to the formula of the file and the
    like are reported through logging. Raises StructureError for anything that cannot be understood.
    """
    if not isinstance(path, str | Path):
        raise StructureError(f"a CIF is given by its path, not by {path!r}")
    source = Path(path)
    try:
        if not source.is_file():
            raise StructureError("no such file, or not a regular one", source=source)
        if source.stat().st_size > _SIZE_LIMIT:
            raise LimitExceeded("a CIF of more than 20 MiB", source=source)
        # Compressed files are not unpacked: their size says nothing about what comes out.
        document = gemmi.cif.read_file(str(source))
    except (OSError, ValueError, RuntimeError) as exc:
        raise StructureError(f"cannot be read as a CIF: {exc}", source=source) from exc
    try:
        return _from_block(_choose(document, block), source.stem)
    except StructureError as exc:
        raise StructureError(exc.message, source=source, hint=exc.hint) from exc
    except UnicodeDecodeError as exc:
        raise StructureError("is not UTF-8 text", source=source, hint="convert the file") from exc


def _choose(document: gemmi.cif.Document, name: str | None) -> gemmi.cif.Block:
    if any(column(b, "_atom_site.Cartn_x") for b in document):
        raise StructureError(
            "a macromolecular CIF (mmCIF, Cartesian coordinates)",
            hint="export the structure as a CIF with fractional coordinates",
        )
    found = [b for b in document if column(b, "_cell_length_a") and column(b, "_atom_site_fract_x")]
    if name is not None:
        chosen = [b for b in found if b.name.lower() == name.lower()]
        if len(chosen) == 1:
            return chosen[0]
        names = ", ".join(b.name for b in found) or "none"
        raise StructureError(f"no data block {name!r} holds a cell and atoms; there are: {names}")
    if len(found) != 1:
        names = ", ".join(b.name for b in found) or "none"
        raise StructureError(
            f"{len(found)} data blocks hold a cell and atoms ({names})",
            hint="name one with block="
            if found
            else "the file needs a cell and fractional x, y, z",
        )
    return found[0]


def _from_block(block: gemmi.cif.Block, stem: str) -> Structure:
    if text(block, "_cell_modulation_dimension").strip("0"):
        raise StructureError(
            "a modulated structure", hint="give its average structure or a superstructure"
        )
    cell = _cell(block)
    triplets, symbol = symmetry(block, cell)
    cell = _symmetric(cell, triplets, symbol)
    atoms, stated = sites(block, cell)
    if not atoms:
        raise StructureError("no atom", hint="a cell alone is made by xrdkit.unit_cell")
    structure = Structure(
        name=text(block, *_NAME_TAGS) or stem,
        cell=cell,
        operators=triplets,
        sites=atoms,
        space_group=symbol,
        citation=f"CIF data block {block.name}",
    )
    _check_formula(structure, formula_of(block), text(block, "_cell_formula_units_Z"))
    _check_places(structure, stated)
    _check_density(structure, text(block, "_exptl_crystal_density_diffrn"))
    return structure


def _cell(block: gemmi.cif.Block) -> Cell:
    values = []
    for name in CELL_NAMES:
        kind = "length" if name in "abc" else "angle"
        written = column(block, f"_cell_{kind}_{name}")
        if kind == "angle" and written in ([], ["."]):
            written = ["90"]  # the value that the CIF dictionary gives an angle that is left out
        if len(written) != 1:
            raise StructureError(f"the cell is not complete: no {kind} {name}")
        values.append(number(written[0] or "?", f"the cell {kind} {name}"))
    a, b, c, alpha, beta, gamma = values
    cell = (a / 10, b / 10, c / 10, alpha, beta, gamma)
    if min(values) <= 0.0 or not volume(cell) > 1e-6:
        raise StructureError(f"the cell {values} (Å, degree) encloses no volume")
    return cell


def _symmetric(cell: Cell, triplets: tuple[str, ...], symbol: str) -> Cell:
    """Return the cell with the values that symmetry demands, where only rounding differs."""
    exact = cell_ties(operators(triplets)[0]).complete(cell)
    off = max(abs(x - y) / max(abs(y), 1e-9) for x, y in zip(cell, exact, strict=True))
    if off == 0.0 or off > 1e-3:
        return cell  # nothing to do, or for Structure to refuse
    if off > _ROUNDED:
        _LOG.warning("the cell %s is rounded to the symmetry of %s", cell, symbol)
    return exact


def _check_places(structure: Structure, stated: dict[str, int]) -> None:
    """Report sites that were moved, that do not repeat as stated, or that are filled a bit above 1.

    Raises StructureError for a place that is filled twice.
    """
    check_places(structure)
    rotations, translations = operators(structure.operators)
    tensor = metric(structure.cell)
    filled: list[tuple[Site, set[bytes], float]] = []
    for site, images in zip(structure.sites, structure.orbits(), strict=True):
        moved = project(site.position, rotations, translations, tensor)[2]
        if moved > _MOVED:
            _LOG.warning("site %s is moved by %.4f nm to a special position", site.label, moved)
        if stated.get(site.label, len(images)) != len(images):
            _LOG.warning(
                "site %s: the file states a multiplicity of %d, symmetry gives %d",
                site.label,
                stated[site.label],
                len(images),
            )
        places = {(np.round(x, 4) % 1.0).tobytes() for x in images}
        total = site.occupancy + sum(o for _, others, o in filled if places & others)
        if total > 1.005 and total > site.occupancy:
            _LOG.warning("the place of site %s is filled to %.3f in all", site.label, total)
        filled.append((site, places, site.occupancy))


def _check_formula(structure: Structure, formula: dict[str, float], stated: str) -> None:
    counts: dict[str, float] = {}
    for count, site in zip(structure.atoms_per_cell(), structure.sites, strict=True):
        element = "H" if site.element == "D" else site.element
        counts[element] = counts.get(element, 0.0) + count
    shared = [e for e in formula if e in counts and formula[e] > 0]
    if not formula or not shared:
        return
    units = sorted(counts[e] / formula[e] for e in shared)[len(shared) // 2]
    wrong = [
        f"{e} {counts.get(e, 0.0) / units:.3g} instead of {formula.get(e, 0.0):.3g}"
        for e in dict.fromkeys([*formula, *counts])
        if abs(counts.get(e, 0.0) / units - formula.get(e, 0.0))
        > _FORMULA_SLACK * max(formula.get(e, 0.0), 0.5)
    ]
    if wrong:
        _LOG.warning("the atoms do not add up to the formula of the file: %s", ", ".join(wrong))
    elif stated.isdigit() and abs(units / int(stated) - 1.0) > _FORMULA_SLACK:
        _LOG.warning("the atoms make %.3g formula units, the file says %s", units, stated)


def _check_density(structure: Structure, stated: str) -> None:
    density = float(gemmi.cif.as_number(stated)) if stated else math.nan
    if density > 0.0 and abs(structure.density / density - 1.0) > _FORMULA_SLACK:
        _LOG.warning(
            "the atoms make a density of %.3f g/cm³, the file says %s", structure.density, stated
        )
