"""Names, units and starting freedom of the parameters of a whole-pattern fit.

Every parameter is held as a multiple of a natural unit (`Plan.units`), so that all are of order 1
in the minimiser whatever the counts, the wavelength or the sharpness of the lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import lmfit
import numpy as np

from xrdkit.phase.cell import CELL_NAMES, Cell
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.structure import Structure
from xrdkit.phase.widths import size_width, strain_width

Values = Mapping[str, float]

GAUSS_NODES = ("gauss_low", "gauss_mid", "gauss_high")
SHARED = ("zero", "displacement", *GAUSS_NODES, "instrument_x", "instrument_y")
#: Of one phase, beside its free cell parameters.
SAMPLE = ("scale", "inverse_size", "inverse_gauss_size_squared", "strain", "b_iso")
#: Cells may move by this fraction (lengths) or degrees (angles) from the start.
_CELL_ROOM = 0.03
_ANGLE_ROOM = 3.0


def phase_key(phase: int, name: str) -> str:
    """Return the name of a parameter of phase number `phase`."""
    return f"phase{phase}_{name}"


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

    def changed(self, *, values: Values | None = None, fixed: Sequence[str] = ()) -> "Plan":
        """Return the plan with other start values, or with `fixed` parameters no longer free."""
        return Plan(
            values={**self.values, **(values or {})},
            units=self.units,
            free=self.free - set(fixed),
            bounds=self.bounds,
        )


def plan(
    spec: RefinementSpec,
    structures: Sequence[Structure],
    *,
    wavelength: float,
    integrated: bool,
    width: float,
    scales: Sequence[float],
    background: Sequence[float],
) -> Plan:
    """Return the parameters for a start with lines of FWHM `width` (degree).

    `scales` are per phase, `background` are Chebyshev coefficients; both in the unit of intensity.
    """
    values: dict[str, float] = {"zero": spec.zero, "displacement": spec.displacement}
    units: dict[str, float] = {"zero": width, "displacement": 0.1}
    free: set[str] = set()
    bounds: dict[str, tuple[float, float]] = {}
    refine_zero = spec.refine_zero if spec.refine_zero is not None else not integrated
    free |= {"zero"} if refine_zero else set()
    free |= {"displacement"} if spec.refine_displacement else set()
    gaussian_free = spec.instrument is None or spec.refine_instrument
    for name in GAUSS_NODES:
        values[name], units[name], bounds[name] = width**2, width**2, (0.0, np.inf)
    for name in ("instrument_x", "instrument_y"):
        held = 0.0 if spec.instrument is None else getattr(spec.instrument, name[-1])
        values[name] = max(held, 0.1 * width) if spec.refine_instrument else held
        units[name], bounds[name] = width, (0.0, np.inf)
    if gaussian_free:
        free |= set(GAUSS_NODES)
    if spec.refine_instrument:
        free |= {"instrument_x", "instrument_y"}
    size_unit, strain_unit = width / size_width(wavelength), width / strain_width()
    for p, structure in enumerate(structures):
        start = {
            "scale": (scales[p], max(abs(scales[p]), 1e-300)),
            "inverse_size": (0.2 * size_unit if spec.size else 0.0, size_unit),
            "inverse_gauss_size_squared": (0.0, size_unit**2),
            "strain": (0.1 * strain_unit if spec.strain else 0.0, strain_unit),
            "b_iso": (0.0, 1.0),
        }
        if spec.size_profile == "voigt":
            start["inverse_gauss_size_squared"] = (0.2 * size_unit**2, size_unit**2)
        for name, (value, unit) in start.items():
            key = phase_key(p, name)
            values[key], units[key] = value, unit
            if name != "b_iso":
                bounds[key] = (0.0, np.inf)
        bounds[phase_key(p, "b_iso")] = (-5.0, 10.0)
        wanted = {
            "scale": True,
            "inverse_size": spec.size,
            "inverse_gauss_size_squared": spec.size_profile == "voigt",
            "strain": spec.strain,
            "b_iso": spec.b_iso,
        }
        free |= {phase_key(p, name) for name, on in wanted.items() if on}
        for k in structure.ties.free:
            key, value = phase_key(p, CELL_NAMES[k]), structure.cell[k]
            room = _CELL_ROOM * value if k < 3 else _ANGLE_ROOM
            values[key], units[key] = value, 1e-3 * value
            bounds[key] = (value - room, value + room)
            if spec.lattice:
                free.add(key)
    level = max(float(np.max(np.abs(background))), 1e-300)
    for term, value in enumerate(background):
        key = background_key(term)
        values[key], units[key] = float(value), level
        free.add(key)
    return Plan(values=values, units=units, free=frozenset(free), bounds=bounds)
