"""The parameters of a whole-pattern fit: names, units and starting freedom.

Every parameter is held as a multiple of a natural unit (`Plan.units`), so that all are of order 1
in the minimiser whatever the counts, the wavelength or the sharpness of the lines.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import lmfit
import numpy as np

from xrdkit.phase.cell import CELL_NAMES, Cell
from xrdkit.phase.effects import Parameter, phase_key
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.structure import Structure
from xrdkit.phase.ties import Equation

Values = Mapping[str, float]

#: Cells may move by this fraction (lengths) or degrees (angles) from the start.
_CELL_ROOM = 0.03
_ANGLE_ROOM = 3.0


def background_key(term: int) -> str:
    """Return the name of a background coefficient."""
    return f"background{term}"


def cell_of(values: Values, phase: int, structure: Structure) -> Cell:
    """Return the cell (nm, degree) of a phase at `values`, dependent parameters completed."""
    a, b, c, alpha, beta, gamma = (
        values.get(phase_key(phase, name), structure.cell[k]) for k, name in enumerate(CELL_NAMES)
    )
    return structure.ties.complete((a, b, c, alpha, beta, gamma))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which parameters there are, their start in natural units, and which are free."""

    values: dict[str, float]
    """Start values in physical units."""
    units: dict[str, float]
    """Physical size of one natural unit of each parameter."""
    free: frozenset[str]
    """Names of the free parameters."""
    bounds: dict[str, tuple[float, float]]
    """Physical lower and upper bounds; absent: none."""
    broadening: frozenset[str]
    """Names of widths, which at 0 have no error."""
    late: frozenset[str]
    """Names of those that a fit frees last."""
    unit_names: dict[str, str]
    """Physical unit of each parameter; empty: that of the intensity."""
    width: float
    """FWHM of the lines at the start, degree."""
    ties: tuple[Equation, ...] = ()
    """Equations between parameters, in physical units."""
    suspended: frozenset[str] = frozenset()
    """Parameters whose ties do not count: those of phases that are not there."""

    def lmfit(self) -> lmfit.Parameters:
        """Return the parameters in natural units, as the minimiser takes them."""
        table = lmfit.Parameters()
        for name, value in self.values.items():
            unit = self.units[name]
            low, high = self.bounds.get(name, (-np.inf, np.inf))
            inside = min(max(value, low), high)
            table.add(
                name, value=inside / unit, vary=name in self.free, min=low / unit, max=high / unit
            )
        return table

    def physical(self, values: Values) -> dict[str, float]:
        """Return values in natural units as physical ones."""
        return {name: value * self.units[name] for name, value in values.items()}

    def changed(
        self,
        *,
        values: Values | None = None,
        fixed: Iterable[str] = (),
        apart: Iterable[str] = (),
    ) -> "Plan":
        """Return the plan with other start values, with `fixed` parameters no longer free, or with
        those that are `apart` in no tie.
        """
        return replace(
            self,
            values={**self.values, **(values or {})},
            free=self.free - frozenset(fixed),
            suspended=self.suspended | frozenset(apart),
        )


def plan(
    parameters: Iterable[Parameter],
    structures: Sequence[Structure],
    spec: RefinementSpec,
    *,
    width: float,
    scales: Sequence[float],
    background: Sequence[float],
) -> Plan:
    """Return the parameters for a start with lines of FWHM `width` (degree).

    `parameters` are those of the effects; `scales` are per phase, `background` are Chebyshev
    coefficients; both in the unit of intensity.
    """
    table = {p.key: p for p in parameters}
    for p, (structure, scale) in enumerate(zip(structures, scales, strict=True)):
        key = phase_key(p, "scale")
        size = max(abs(scale), 1e-300)
        table[key] = Parameter(
            key=key, start=scale, neutral=0.0, unit=size, free=True, low=0.0, units=""
        )
        for k in structure.ties.free:
            key, value = phase_key(p, CELL_NAMES[k]), structure.cell[k]
            room = _CELL_ROOM * value if k < 3 else _ANGLE_ROOM
            table[key] = Parameter(
                key=key,
                units="nm" if k < 3 else "degree",
                start=value,
                neutral=value,
                unit=1e-3 * value,
                free=spec.lattice,
                low=value - room,
                high=value + room,
            )
    level = max(float(np.max(np.abs(background))), 1e-300)
    for term, value in enumerate(background):
        key = background_key(term)
        start = float(value)
        table[key] = Parameter(key=key, start=start, neutral=0.0, unit=level, free=True, units="")
    return Plan(
        values={key: p.start for key, p in table.items()},
        units={key: p.unit for key, p in table.items()},
        free=frozenset(key for key, p in table.items() if p.free),
        bounds={
            key: (p.low, p.high)
            for key, p in table.items()
            if np.isfinite(p.low) or np.isfinite(p.high)
        },
        broadening=frozenset(key for key, p in table.items() if p.broadening),
        late=frozenset(key for key, p in table.items() if p.late),
        unit_names={key: p.units for key, p in table.items()},
        width=width,
    )
