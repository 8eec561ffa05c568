"""Free atoms of a phase: coordinates, displacement parameters, occupancies.

Amplitudes are multiplied by Σ m|F|² over that at the start. Coordinates of a site on a special
position move along what its symmetry leaves (`site_freedom`), named by the axis they are read on.
"""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import SpecError
from xrdkit.phase.effects.effect import (
    Change,
    Effect,
    LineState,
    Parameter,
    Situation,
    Values,
    phase_key,
)
from xrdkit.phase.intensity import LineStrengths
from xrdkit.phase.site_freedom import site_freedom
from xrdkit.phase.strengths import Atoms, atoms_of
from xrdkit.phase.structure import Structure

Array = NDArray[np.float64]

WHAT = ("x", "y", "z", "b", "occupancy")
_B, _OCCUPANCY = 3, 4
#: Lines that the atoms extinguish at the start have this share of the strongest one.
FAINTEST = 1e-10
#: How far coordinates may move.
_ROOM = 0.15


@dataclass(frozen=True, kw_only=True)
class _Freedom:
    site: int
    what: int
    direction: Array
    start: float


class FreeAtoms(Effect):
    """The atoms that `PhaseSpec.atoms` names."""

    def __init__(self, situation: Situation) -> None:
        """Find what is free. Raises SpecError for a name that means nothing, or nothing free."""
        structure = situation.structure
        self._strengths = LineStrengths(structure, situation.lines, situation.mean_wavelength)
        self._atoms = atoms_of(structure)
        self._free: dict[str, _Freedom] = {}
        for name in situation.spec.of(structure.name).atoms:
            for label, freedom in _named(structure, name, self._atoms):
                self._free[phase_key(situation.phase, f"atom_{label}")] = freedom
        start = situation.lines.strength
        self._start = np.maximum(start, FAINTEST * start.max(initial=0.0))
        self._times = len(situation.wavelength) // max(len(start), 1)
        self._known: tuple[tuple[float, ...], Array, Array] | None = None

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return coordinates, B (Å²) and occupancies."""
        result = []
        for key, free in self._free.items():
            low, high, unit = free.start - _ROOM, free.start + _ROOM, 0.01
            if free.what == _B:
                low, high, unit = -2.0, 20.0, 0.5
            elif free.what == _OCCUPANCY:
                low, high, unit = 0.0, 1.5, 0.1
            result.append(
                Parameter(
                    key=key,
                    units="angstrom^2" if free.what == _B else "1",
                    start=free.start,
                    neutral=free.start,
                    unit=unit,
                    free=True,
                    low=low,
                    high=high,
                    late=True,
                )
            )
        return result

    def _at(self, values: Values) -> tuple[Array, Array]:
        """Return strengths over those at the start (n,), and slopes (n, site, 5)."""
        now = tuple(values[key] for key in self._free)
        if self._known is None or self._known[0] != now:
            position, b_iso = self._atoms.positions.copy(), self._atoms.b_iso.copy()
            occupancy = self._atoms.occupancy.copy()
            for value, free in zip(now, self._free.values(), strict=True):
                if free.what == _B:
                    b_iso[free.site] = value
                elif free.what == _OCCUPANCY:
                    occupancy[free.site] = value
                else:
                    position[free.site] += (value - free.start) * free.direction
            moved = Atoms(positions=position, b_iso=b_iso, occupancy=occupancy)
            strength, slopes = self._strengths.strengths_and_slopes(moved)
            ratio = np.maximum(strength, FAINTEST * strength.max(initial=0.0)) / self._start
            self._known = now, ratio, slopes / self._start[:, np.newaxis, np.newaxis]
        return self._known[1], self._known[2]

    def apply(self, lines: LineState, values: Values) -> None:
        """Multiply the amplitudes."""
        lines.amplitude *= np.tile(self._at(values)[0], self._times)

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return the derivative of the logarithm of the strengths."""
        ratio, slopes = self._at(values)
        free = self._free[key]
        if free.what >= _B:
            slope = slopes[:, free.site, free.what]
        else:
            slope = slopes[:, free.site, :3] @ free.direction
        return Change(amplitude=np.tile(slope / ratio, self._times))


def _named(structure: Structure, name: str, atoms: Atoms) -> list[tuple[str, _Freedom]]:
    """Return what an entry such as "O1.x", "*.b" or "Li*.occupancy" frees."""
    label, dot, what = name.rpartition(".")
    labels = [site.label for site in structure.sites]
    chosen = [k for k, known in enumerate(labels) if fnmatch.fnmatchcase(known, label)]
    if not dot or what not in (*WHAT, "*") or not chosen:
        raise SpecError(
            f"{structure.name}: atoms has {name!r}",
            hint=f"a site of {', '.join(labels)} (or a pattern), a dot, one of {', '.join(WHAT)}",
        )
    for site in chosen:
        if labels.count(labels[site]) > 1:
            raise SpecError(
                f"{structure.name}: {labels.count(labels[site])} sites are called {labels[site]!r}",
                hint="give each a label of its own before atoms are refined",
            )
    result = []
    for site in chosen:
        freedom = site_freedom(structure, site)
        for axis, direction in zip(freedom.names, freedom.directions, strict=True):
            if what in (axis, "*"):
                start = float(atoms.positions[site]["xyz".index(axis)])
                free = _Freedom(site=site, what=0, direction=direction, start=start)
                result.append((f"{labels[site]}_{axis}", free))
        if what in ("b", "*"):
            start = float(atoms.b_iso[site])
            free = _Freedom(site=site, what=_B, direction=np.zeros(3), start=start)
            result.append((f"{labels[site]}_b", free))
        if what == "occupancy":
            start = float(atoms.occupancy[site])
            free = _Freedom(site=site, what=_OCCUPANCY, direction=np.zeros(3), start=start)
            result.append((f"{labels[site]}_occupancy", free))
    if not result:
        raise SpecError(
            f"{structure.name}: symmetry leaves nothing free of {name!r}",
            hint="leave it out; the site is on a special position",
        )
    return result
