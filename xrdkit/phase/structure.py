"""A crystal structure: cell, operators, sites; frozen and checked."""

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import gemmi
import numpy as np

from xrdkit.constants import AVOGADRO
from xrdkit.errors import StructureError
from xrdkit.phase.cell import Cell, CellTies, cell_ties, metric, volume
from xrdkit.phase.symmetry import Array, operators, orbit

#: g per mol and nm³ -> g/cm³.
_DENSITY = 1e21 / AVOGADRO
#: Relative misfit of a cell to its own symmetry that rounding in a file may cause.
_CELL_SLACK = 2e-3


@dataclass(frozen=True, kw_only=True)
class Site:
    """One atom of the asymmetric unit."""

    label: str
    """Name of the site, such as ``"O1"``."""
    element: str
    """Chemical symbol."""
    position: tuple[float, float, float]
    """Fractional coordinates."""
    occupancy: float = 1.0
    """Share of the site that is filled, without the site multiplicity: up to 1, or up to 1.1 where
    a refinement came out above 1."""
    b_iso: float = 0.5
    """Isotropic displacement parameter B in Å², B = 8π²U."""

    def __post_init__(self) -> None:
        if gemmi.Element(self.element).atomic_number == 0:
            raise StructureError(f"site {self.label!r}: unknown element {self.element!r}")
        if len(self.position) != 3 or not all(math.isfinite(x) for x in self.position):
            raise StructureError(f"site {self.label!r}: position {self.position} is not finite")
        if not 0.0 < self.occupancy <= 1.1:
            raise StructureError(
                f"site {self.label!r}: occupancy {self.occupancy} is not above 0 and up to 1"
            )
        if not -1.0 <= self.b_iso <= 20.0:
            raise StructureError(f"site {self.label!r}: B = {self.b_iso} Å² is outside -1 to 20 Å²")


@dataclass(frozen=True, kw_only=True)
class Structure:
    """A crystal structure in one named setting.

    Raises StructureError where cell, operators and sites contradict each other.
    """

    name: str
    """Name of the phase, the label along ``phase`` in results."""
    cell: Cell
    """a, b, c in nm and α, β, γ in degree."""
    operators: tuple[str, ...]
    """Every symmetry operator of the cell as a triplet, centring included."""
    sites: tuple[Site, ...]
    """Atoms of the asymmetric unit; none where only the cell is known (`unit_cell`)."""
    space_group: str = ""
    """Symbol of the space group, for people; the operators decide."""
    citation: str = ""
    """Where the structure comes from."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise StructureError(f"a structure needs a name, not {self.name!r}")
        if len(self.cell) != 6 or not all(math.isfinite(x) for x in self.cell):
            raise StructureError(f"{self.name}: the cell {self.cell} needs six finite numbers")
        if not all(0.1 <= x <= 20.0 for x in self.cell[:3]):
            raise StructureError(
                f"{self.name}: cell lengths {self.cell[:3]} nm are outside 0.1 to 20 nm",
                hint="cells of a Structure are in nm",
            )
        if not all(20.0 <= x <= 160.0 for x in self.cell[3:]) or volume(self.cell) < 1e-4:
            raise StructureError(f"{self.name}: the angles {self.cell[3:]} degree close no cell")
        rotations, _ = operators(self.operators)
        tensor = metric(self.cell)
        mean = np.mean([r.T @ tensor @ r for r in rotations], axis=0)
        if np.max(np.abs(mean - tensor)) > _CELL_SLACK * np.max(np.diag(tensor)):
            raise StructureError(
                f"{self.name}: the cell {self.cell} does not have the symmetry {self.space_group}",
                hint="check the setting: hexagonal or rhombohedral axes, choice of the unique axis",
            )

    @property
    def ties(self) -> CellTies:
        """Which cell parameters symmetry leaves free."""
        return _ties(self.operators)

    def with_cell(self, cell: Cell) -> "Structure":
        """Return the same structure with another cell (nm, degree)."""
        return replace(self, cell=cell)

    def orbits(self) -> tuple[Array, ...]:
        """Return, for each site, the fractional positions (n, 3) of its atoms in one cell."""
        return self._orbits

    @cached_property
    def _orbits(self) -> tuple[Array, ...]:
        rotations, translations = operators(self.operators)
        tensor = metric(self.cell)
        found = tuple(orbit(s.position, rotations, translations, tensor) for s in self.sites)
        for images in found:
            images.flags.writeable = False
        return found

    def atoms_per_cell(self) -> tuple[float, ...]:
        """Return the number of atoms of each site in one cell, occupancy included."""
        return self._atoms

    @cached_property
    def _atoms(self) -> tuple[float, ...]:
        return tuple(
            len(images) * site.occupancy
            for images, site in zip(self.orbits(), self.sites, strict=True)
        )

    @property
    def mass(self) -> float:
        """Mass of the cell content in g/mol (Z times the formula mass); 0 without atoms."""
        return float(
            sum(
                count * gemmi.Element(site.element).weight
                for count, site in zip(self.atoms_per_cell(), self.sites, strict=True)
            )
        )

    @property
    def volume(self) -> float:
        """Cell volume in nm³."""
        return volume(self.cell)

    @property
    def density(self) -> float:
        """X-ray density in g/cm³."""
        return self.mass * _DENSITY / self.volume


@lru_cache(maxsize=64)
def _ties(operations: tuple[str, ...]) -> CellTies:
    """Return the ties of a cell under symmetry operations; fits ask at every evaluation."""
    return cell_ties(operators(operations)[0])
