"""The symmetry of a CIF: its operators, its Hall symbol, or a symbol that names one setting."""

import logging
import re

import gemmi

from xrdkit.errors import StructureError
from xrdkit.phase.cell import Cell
from xrdkit.phase.cif_values import column, text
from xrdkit.phase.symmetry import find_group, setting_of, triplets_of

_LOG = logging.getLogger(__name__)
_SYMBOL_TAGS = (
    "_space_group_name_H-M_alt",
    "_symmetry_space_group_name_H-M",
    "_space_group_name_H-M_full",
)
_HALL_TAGS = ("_space_group_name_Hall", "_symmetry_space_group_name_Hall")
_NUMBER_TAGS = ("_space_group_IT_number", "_symmetry_Int_Tables_number")
_CODE_TAGS = ("_space_group_IT_coordinate_system_code",)
_OPERATOR_TAGS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
#: What files write after a symbol for the two origins; S and Z are those of the ICSD.
_ORIGIN = re.compile(r"[\s(:,]*(?:(S|Z)|origin\s*(?:choice)?\s*([12])|o\s*([12]))\s*\)?$", re.I)


def symmetry(block: gemmi.cif.Block, cell: Cell) -> tuple[tuple[str, ...], str]:
    """Return every operator as a triplet, and the symbol of the setting.

    Raises StructureError where the file names no setting or contradicts itself.
    """
    symbol = _symbol(block)
    listed = column(block, *_OPERATOR_TAGS)
    if listed:
        return _from_operators(listed, symbol)
    if column(
        block, "_space_group_symop_magn_operation.xyz", "_space_group_symop.magn_operation_xyz"
    ):
        raise StructureError(
            "only magnetic symmetry operators",
            hint="give a CIF of the nuclear structure with its space group",
        )
    hall = text(block, *_HALL_TAGS)
    if hall:
        return _from_hall(hall, symbol)
    if symbol:
        group = find_group(symbol, cell[3:])
        return triplets_of(group), group.xhm()
    number = text(block, *_NUMBER_TAGS)
    if number:
        return _from_number(number)
    raise StructureError("neither symmetry operators nor a space group")


def _symbol(block: gemmi.cif.Block) -> str:
    """Return the Hermann-Mauguin symbol with the origin in our spelling (``:1`` or ``:2``)."""
    symbol = text(block, *_SYMBOL_TAGS)
    origin = _ORIGIN.search(symbol)
    if origin is not None and gemmi.find_spacegroup_by_name(symbol) is None:
        letter, choice = origin.group(1), origin.group(2) or origin.group(3)
        choice = choice or {"S": "1", "Z": "2"}[letter.upper()]
        symbol = f"{symbol[: origin.start()]}:{choice}"
    code = text(block, *_CODE_TAGS)
    if symbol and ":" not in symbol and code in ("1", "2"):
        found = gemmi.find_spacegroup_by_name(symbol)
        if found is not None and found.ext in ("1", "2"):
            symbol = f"{symbol}:{code}"
    return symbol


def _from_operators(listed: list[str], symbol: str) -> tuple[tuple[str, ...], str]:
    try:
        parsed = [gemmi.Op(t.strip("'\"")).wrap() for t in listed]
    except (ValueError, RuntimeError) as exc:
        raise StructureError(f"a symmetry operator cannot be read: {exc}") from exc
    for op, written in zip(parsed, listed, strict=True):
        if abs(op.det_rot()) != gemmi.Op.DEN**3:
            raise StructureError(f"{written!r} is no symmetry operator")
    triplets = tuple(dict.fromkeys(op.triplet() for op in parsed))
    own = setting_of(triplets)
    named = gemmi.find_spacegroup_by_name(symbol) if symbol else None
    if named is not None and set(triplets_of(named)) == set(triplets):
        return triplets, named.xhm()
    if symbol and named is None:
        _LOG.warning("space group %r is not known: the operators of the file are used", symbol)
    if named is not None:
        order = len(named.operations())
        if order != len(triplets) and (own is None or own.number != named.number):
            raise StructureError(
                f"the file lists {len(triplets)} operators, {symbol} has {order}",
                hint="list every operator, centring included, or correct the symbol",
            )
        if own is not None and own.number != named.number:
            raise StructureError(
                f"the listed operators are those of {own.xhm()}, not of {symbol}",
                hint="correct the symbol or the operators",
            )
        if own is not None and ":" in symbol and own.xhm() != named.xhm():
            _LOG.warning("the operators are those of %s, not of %s", own.xhm(), symbol)
    return triplets, symbol if own is None else own.xhm()


def _from_hall(hall: str, symbol: str) -> tuple[tuple[str, ...], str]:
    try:
        operations = gemmi.symops_from_hall(hall.replace("_", " "))
    except (ValueError, RuntimeError) as exc:
        raise StructureError(f"Hall symbol {hall!r} cannot be read: {exc}") from exc
    triplets = tuple(op.wrap().triplet() for op in operations)
    own = setting_of(triplets)
    named = gemmi.find_spacegroup_by_name(symbol) if symbol else None
    if own is not None and named is not None and own.number != named.number:
        raise StructureError(
            f"Hall symbol {hall!r} is {own.xhm()}, the other symbol is {symbol}",
            hint="correct one of them or list the operators",
        )
    return triplets, hall if own is None else own.xhm()


def _from_number(number: str) -> tuple[tuple[str, ...], str]:
    settings = [g for g in gemmi.spacegroup_table() if str(g.number) == number]
    if not settings:
        raise StructureError(f"space group number {number!r} is not 1 to 230")
    if len(settings) > 1:
        names = ", ".join(g.xhm() for g in settings[:4])
        raise StructureError(
            f"space group number {number} alone does not say which setting ({names} ...)",
            hint="write the symbol or list the operators",
        )
    return triplets_of(settings[0]), settings[0].xhm()
