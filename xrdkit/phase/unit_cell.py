"""A cell and a space group without atoms: enough for lines of free intensity."""

import gemmi

from xrdkit.errors import StructureError
from xrdkit.phase.cell import CELL_NAMES, Cell, cell_ties
from xrdkit.phase.phase_spec import is_number
from xrdkit.phase.structure import Structure
from xrdkit.phase.symmetry import find_group, operators, triplets_of


def unit_cell(
    group: str,
    *,
    name: str,
    a: float,
    b: float | None = None,
    c: float | None = None,
    alpha: float | None = None,
    beta: float | None = None,
    gamma: float | None = None,
) -> Structure:
    """Return a structure without atoms, for ``mode="pawley"`` or ``"lebail"``.

    group: Hermann-Mauguin symbol, such as ``"F m -3 m"``; of groups with two origins either will
    do. name: of the phase. a, b, c in nm, α, β, γ in degree: those that symmetry leaves free;
    others may be left out, or must agree with it. Rhombohedral groups without a suffix have
    hexagonal axes, or rhombohedral ones where `alpha` is given and `c` is not.

    Raises StructureError for an unknown group, and for lengths and angles that are missing, outside
    0.1 to 20 nm or 20 to 160 degree, or against the symmetry.
    """
    given = dict(zip(CELL_NAMES, (a, b, c, alpha, beta, gamma), strict=True))
    for key, value in given.items():
        if value is not None and not is_number(value):
            raise StructureError(f"{name}: {key} = {value!r} is no number")
    setting = _setting(group, rhombohedral=alpha is not None and c is None)
    triplets = triplets_of(setting)
    ties = cell_ties(operators(triplets)[0])
    missing = [CELL_NAMES[k] for k in ties.free if given[CELL_NAMES[k]] is None]
    if missing:
        raise StructureError(f"{name}: {setting.xhm()} needs {', '.join(missing)} too")
    values = [0.0 if value is None else float(value) for value in given.values()]
    cell: Cell = ties.complete((values[0], values[1], values[2], values[3], values[4], values[5]))
    for key, whole in zip(CELL_NAMES, cell, strict=True):
        told = given[key]
        if told is not None and abs(told - whole) > 1e-6 * whole:
            raise StructureError(
                f"{name}: {key} = {told} is not {whole:g}, as {setting.xhm()} demands",
                hint="check the setting: hexagonal or rhombohedral axes, the unique axis",
            )
    return Structure(name=name, cell=cell, operators=triplets, sites=(), space_group=setting.xhm())


def require_atoms(structure: Structure, purpose: str) -> None:
    """Raise StructureError where `structure` has no atoms, which `purpose` needs."""
    if not structure.sites:
        raise StructureError(
            f"{structure.name} has a cell and no atoms: {purpose} needs them",
            hint='give a structure, or free lines: PhaseSpec(name=..., mode="pawley")',
        )


def _setting(group: str, *, rhombohedral: bool) -> gemmi.SpaceGroup:
    if not isinstance(group, str):
        raise StructureError(f"a space group is a symbol such as 'F m -3 m', not {group!r}")
    found = gemmi.find_spacegroup_by_name(group)
    # Without atoms the origin means nothing.
    if found is not None and found.ext in ("1", "2"):
        return found
    return find_group(group, (0.0, 0.0, 0.0) if rhombohedral else (90.0, 90.0, 120.0))
