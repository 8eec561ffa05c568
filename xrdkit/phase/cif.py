"""Structures from CIF files: the operators of the file come before its space-group symbol."""

import logging
import math
from pathlib import Path

import gemmi
import numpy as np

from xrdkit.errors import LimitExceeded, StructureError
from xrdkit.phase.cell import Cell, metric
from xrdkit.phase.structure import Site, Structure
from xrdkit.phase.symmetry import find_group, triplets_of

_LOG = logging.getLogger(__name__)
_SIZE_LIMIT = 20 * 2**20
_U_TO_B = 8.0 * math.pi**2
#: B in Å² of a site for which the file gives no displacement parameter.
_B_UNKNOWN = 0.5
_NAME_TAGS = ("_pd_phase_name", "_chemical_name_mineral", "_chemical_name_common")
_SYMBOL_TAGS = (
    "_space_group_name_H-M_alt",
    "_symmetry_space_group_name_H-M",
    "_space_group_name_H-M_full",
)


def load_structure(path: str | Path, *, block: str | None = None) -> Structure:
    """Return the crystal structure in a CIF file.

    The file's list of operators is used where it has one; a symbol alone is used where it names one
    setting (``"F d -3 m"`` does not: two origins). `block` names the data block where several hold
    a structure. Sites without a displacement parameter get B = 0.5 Å²; that and negative ones are
    reported through logging. Raises StructureError for anything that cannot be understood.
    """
    source = Path(path)
    try:
        if source.stat().st_size > _SIZE_LIMIT:
            raise LimitExceeded("a CIF of more than 20 MiB", source=source)
        document = gemmi.cif.read(str(source))
    except (OSError, ValueError, RuntimeError) as exc:
        raise StructureError(f"cannot be read as a CIF: {exc}", source=source) from exc
    try:
        return _from_block(_choose(document, block), source.stem)
    except StructureError as exc:
        raise StructureError(exc.message, source=source, hint=exc.hint) from exc


def _choose(document: gemmi.cif.Document, name: str | None) -> gemmi.cif.Block:
    found = [
        b
        for b in document
        if b.find_value("_cell_length_a") is not None and len(b.find_loop("_atom_site_fract_x")) > 0
    ]
    if name is not None:
        found = [b for b in found if b.name == name]
    if len(found) != 1:
        names = ", ".join(b.name for b in found) or "none"
        raise StructureError(
            f"{len(found)} data blocks hold a cell and atoms ({names})",
            hint="name one with block=" if found else None,
        )
    return found[0]


def _from_block(block: gemmi.cif.Block, stem: str) -> Structure:
    small = gemmi.make_small_structure_from_block(block)
    unit = small.cell
    cell: Cell = (unit.a / 10, unit.b / 10, unit.c / 10, unit.alpha, unit.beta, unit.gamma)
    if not all(math.isfinite(v) and v > 0 for v in cell):
        raise StructureError(f"the cell {cell} is not complete")
    symbol = _text(block, _SYMBOL_TAGS)
    triplets = _operators(small, symbol, cell)
    sites = tuple(_site(block, small, k, cell) for k in range(len(small.sites)))
    return Structure(
        name=_text(block, _NAME_TAGS) or stem,
        cell=cell,
        operators=triplets,
        sites=sites,
        space_group=symbol,
        citation=f"CIF data block {block.name}",
    )


def _text(block: gemmi.cif.Block, tags: tuple[str, ...]) -> str:
    for tag in tags:
        value = block.find_value(tag)
        if value is not None and gemmi.cif.as_string(value).strip(" ?."):
            return str(gemmi.cif.as_string(value)).strip()
    return ""


def _operators(small: gemmi.SmallStructure, symbol: str, cell: Cell) -> tuple[str, ...]:
    listed = list(small.symops)
    if not listed:
        if not symbol:
            raise StructureError("neither symmetry operators nor a space group")
        return triplets_of(find_group(symbol, cell[3:]))
    try:
        triplets = tuple(dict.fromkeys(gemmi.Op(t).wrap().triplet() for t in listed))
    except (ValueError, RuntimeError) as exc:
        raise StructureError(f"a symmetry operator cannot be read: {exc}") from exc
    named = gemmi.find_spacegroup_by_name(symbol, cell[3], cell[5]) if symbol else None
    if named is not None and len(named.operations()) != len(triplets):
        raise StructureError(
            f"the file lists {len(triplets)} operators, {symbol} has {len(named.operations())}",
            hint="list every operator, centring included, or correct the symbol",
        )
    return triplets


def _site(block: gemmi.cif.Block, small: gemmi.SmallStructure, k: int, cell: Cell) -> Site:
    site = small.sites[k]
    equivalent = site.u_iso
    aniso = site.aniso
    known = any(
        len(column) > k and gemmi.cif.as_string(column[k]).strip(" ?.")
        for column in (
            block.find_loop("_atom_site_U_iso_or_equiv"),
            block.find_loop("_atom_site_B_iso_or_equiv"),
        )
    )
    if not known and aniso.nonzero():
        tensor = np.array(
            [
                [aniso.u11, aniso.u12, aniso.u13],
                [aniso.u12, aniso.u22, aniso.u23],
                [aniso.u13, aniso.u23, aniso.u33],
            ]
        )
        direct = metric(cell)
        star = np.sqrt(np.diag(np.linalg.inv(direct)))
        equivalent = float(np.sum(tensor * direct * np.outer(star, star)) / 3.0)
        known = True
    b_iso = _U_TO_B * equivalent if known else _B_UNKNOWN
    if not known:
        _LOG.warning("site %s has no displacement parameter: B = %s Å²", site.label, _B_UNKNOWN)
    elif b_iso < 0:
        _LOG.warning(
            "site %s has a negative displacement parameter: B = %.3f Å²", site.label, b_iso
        )
    x, y, z = site.fract.tolist()
    return Site(
        label=site.label,
        element=site.element.name,
        position=(x, y, z),
        occupancy=site.occ,
        b_iso=b_iso,
    )
