"""Shares of the phases in the mass of a sample, with their derivatives by the scales."""

from collections.abc import Callable
from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.cell import volume
from xrdkit.phase.content import linear_absorption
from xrdkit.phase.effects import phase_key
from xrdkit.phase.fit import FrameFit
from xrdkit.phase.microabsorption import is_too_coarse, without_microabsorption
from xrdkit.phase.parameters import cell_of

Array = NDArray[np.float64]
#: A number and its derivatives by parameters.
Derived = tuple[float, dict[str, float]]

UNKNOWN: Derived = (float("nan"), {})
_STEP = 1e-6
#: Standard error of the mass of a phase that is not found, over what is found, beyond which
#: fractions say nothing.
_UNTOLD = 0.5
#: g/mol in a nm³ as g/cm³.
_TO_DENSITY = 1e21 / 6.02214076e23


@dataclass(frozen=True, kw_only=True)
class Fractions:
    """Shares of the mass."""

    crystalline: tuple[Derived, ...]
    """Of each phase in all phases of the model; NaN where none is there, or where lines of one are
    free."""
    absolute: tuple[Derived, ...] | None
    """Of each phase in the sample before the standard was added (NaN for the standard); None
    without a standard."""
    amorphous: Derived | None
    """What is none of the phases, in the sample before the standard was added."""


def fractions(fit: FrameFit) -> Fractions:
    """Return the fractions of a fit.

    W_p = S_p ρ_p / τ_p / Σ S ρ / τ, with scales S per volume of crystal; the same as S(ZMV) of Hill
    & Howard, J. Appl. Cryst. 20 (1987) 467, for scales per |F|², and τ of `microabsorption`. With
    w_s of an added standard s, A_p = W_p w_s / W_s in the mixture; the sample without the standard
    has A_p / (1 - w_s), and 1 - Σ of them is amorphous or not in the model.
    """
    spec, structures = fit.model.spec, fit.model.structures
    keys = [phase_key(p, "scale") for p in range(len(structures))]
    free = [spec.mode_of(s.name) != "rietveld" for s in structures]
    # Lines that are free tell nothing of how much there is of a phase.
    now = np.array([0.0 if f else max(fit.values[k], 0.0) for k, f in zip(keys, free, strict=True)])
    solid, density = _per_scale(fit)
    own = [spec.of(s.name) for s in structures]
    diameter = np.array([o.particle_diameter or 0.0 for o in own])
    absorption = np.zeros(len(own))
    if diameter.any():
        absorption = np.array([linear_absorption(s, fit.model.wavelength) for s in structures])

    def shares(scales: Array) -> Array:
        volumes = solid * scales
        if diameter.any():
            volumes = without_microabsorption(volumes, absorption, diameter)
        masses = density * volumes
        return np.asarray(masses / masses.sum())

    if not now.sum() > 0 or not any(fit.found) or untold(fit):
        return _nothing(fit, len(keys))
    if diameter.any():
        volumes = without_microabsorption(solid * now, absorption, diameter)
        if is_too_coarse(volumes, absorption, diameter):
            return _nothing(fit, len(keys))
    crystalline = (UNKNOWN,) * len(keys) if any(free) else _derived(shares, now, keys)
    standard = [p for p, o in enumerate(own) if o.added_fraction is not None]
    if not standard:
        return Fractions(crystalline=crystalline, absolute=None, amorphous=None)
    spike = standard[0]
    added = own[spike].added_fraction or 0.0

    def absolute(scales: Array) -> Array:
        parts = shares(scales)
        in_sample = parts * added / (parts[spike] * (1.0 - added))
        in_sample[spike] = 0.0
        return np.append(in_sample, 1.0 - in_sample.sum())

    if not now[spike] > 0:
        missing = (UNKNOWN,) * len(keys)
        return Fractions(crystalline=crystalline, absolute=missing, amorphous=UNKNOWN)
    *each, rest = _derived(absolute, now, keys)
    each = [UNKNOWN if f else value for f, value in zip(free, each, strict=True)]
    each[spike] = UNKNOWN
    return Fractions(crystalline=crystalline, absolute=tuple(each), amorphous=rest)


def untold(fit: FrameFit) -> tuple[str, ...]:
    """Return the names of phases that are not found and may be there in any amount.

    They have no line in the range, or the standard error of their mass is more than a half of what
    is found. Empty where nothing is found.
    """
    structures = fit.model.structures
    told = [fit.model.spec.mode_of(s.name) == "rietveld" for s in structures]
    solid, density = _per_scale(fit)
    keys = [phase_key(p, "scale") for p in range(len(structures))]
    there = sum(
        solid[p] * density[p] * max(fit.values[k], 0.0) for p, k in enumerate(keys) if fit.found[p]
    )
    names = []
    for p, key in enumerate(keys):
        if fit.found[p] or not told[p] or not there > 0:
            continue
        error = solid[p] * density[p] * fit.sigma(key)
        unseen = fit.values[key] > 0 and not fit.phases[p].any()
        told_badly = key in fit.outcome.names and not error <= _UNTOLD * there
        if unseen or told_badly:
            names.append(structures[p].name)
    return tuple(names)


def _per_scale(fit: FrameFit) -> tuple[Array, Array]:
    """Return volume over scale of each phase, up to one factor, and its density."""
    structures = fit.model.structures
    cells = [volume(cell_of(fit.values, p, s)) for p, s in enumerate(structures)]
    # Line strengths are those of the start cell, per its volume squared and the sine of the Bragg
    # angle there, which goes with the third root of the volume.
    solid = np.array([(v / s.volume) ** (5 / 3) for v, s in zip(cells, structures, strict=True)])
    mass = [_mass(fit, p) for p in range(len(structures))]
    return solid, np.array([m / v for v, m in zip(cells, mass, strict=True)])


def mass_scales(fit: FrameFit) -> tuple[Derived, ...]:
    """Return S ρ (V/V₀)^(5/3) of each phase, intensity times g/cm²: mass over µ up to one factor.

    A flat thick sample shows W/(ρ µ_m) of each phase in the volume that the beam sees, µ_m its mass
    attenuation. NaN where lines are free or the phase has no atoms. No microabsorption.
    """
    result = []
    for p, structure in enumerate(fit.model.structures):
        key = phase_key(p, "scale")
        if fit.model.spec.mode_of(structure.name) != "rietveld" or not structure.sites:
            result.append(UNKNOWN)
            continue
        now = volume(cell_of(fit.values, p, structure))
        unit = _mass(fit, p) / now * (now / structure.volume) ** (5 / 3) * _TO_DENSITY
        slope = {key: unit} if key in fit.outcome.names else {}
        result.append((fit.values[key] * unit, slope))
    return tuple(result)


def _nothing(fit: FrameFit, count: int) -> Fractions:
    own = [fit.model.spec.of(s.name) for s in fit.model.structures]
    nothing = (UNKNOWN,) * count
    if all(o.added_fraction is None for o in own):
        return Fractions(crystalline=nothing, absolute=None, amorphous=None)
    return Fractions(crystalline=nothing, absolute=nothing, amorphous=UNKNOWN)


def _mass(fit: FrameFit, phase: int) -> float:
    """Return the mass of the cell content with occupancies as refined, g/mol."""
    structure = fit.model.structures[phase]
    total = 0.0
    for count, site in zip(structure.atoms_per_cell(), structure.sites, strict=True):
        key = phase_key(phase, f"atom_{site.label}_occupancy")
        share = fit.values.get(key, site.occupancy) / site.occupancy
        total += count * share * gemmi.Element(site.element).weight
    return total


def _derived(
    function: Callable[[Array], Array], scales: Array, keys: list[str]
) -> tuple[Derived, ...]:
    """Return each value of a function of the scales with its derivatives (central differences)."""
    values = function(scales)
    slopes = []
    for k in range(len(keys)):
        step = _STEP * max(scales[k], 1e-3 * scales.max())
        up, down = scales.copy(), scales.copy()
        up[k] += step
        down[k] -= step if scales[k] > step else 0.0
        slopes.append((function(up) - function(down)) / (up[k] - down[k]))
    return tuple(
        (float(value), {key: float(s[p]) for key, s in zip(keys, slopes, strict=True)})
        for p, value in enumerate(values)
    )
