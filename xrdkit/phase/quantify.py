"""Numbers with error bars from the parameters of a fit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.anisotropic_numbers import is_anisotropic, mean_strain, strain_numbers
from xrdkit.phase.cell import CELL_NAMES, Cell
from xrdkit.phase.effects import GAUSS_NODES, phase_key
from xrdkit.phase.effects.nodes import NODE_PARAMETERS
from xrdkit.phase.fit import FrameFit
from xrdkit.phase.fractions import UNKNOWN, Derived, fractions
from xrdkit.phase.parameters import cell_of
from xrdkit.phase.profile_function import combined_width, integral_breadth
from xrdkit.phase.sphere_sizes import SPHERE_SIZES, sphere_sizes
from xrdkit.phase.widths import gaussian_size_width, size_width

Array = NDArray[np.float64]

_NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class PhaseNumbers:
    """What a fit says of one phase; NaN where the phase is absent or the number not refined."""

    weight_fraction: tuple[float, float]
    """Share of the mass of all crystalline phases in the model, and standard error."""
    absolute_fraction: tuple[float, float]
    """Share of the mass of the sample before an internal standard was added; NaN without one."""
    march: tuple[float, float]
    """Parameter of March and Dollase; NaN where none is refined."""
    scale: tuple[float, float]
    """Intensity per unit cross-section (1/cm) times volume fraction."""
    cell: Cell
    """a, b, c in nm, α, β, γ in degree."""
    cell_sigma: tuple[float, ...]
    """Standard errors of the six."""
    size: tuple[float, float]
    """L_vol in nm, and standard error."""
    strain: tuple[float, float]
    """e = Δd/d, and standard error; of anisotropic strain the root mean square over the lines."""
    size_ratio: tuple[float, float]
    """Size along the axis of ellipsoids over that across; NaN without one."""
    strain_terms: dict[str, tuple[float, float]]
    """Each S_HKL in 1/nm⁴ and its standard error; empty where strain is isotropic."""
    b_iso: tuple[float, float]
    """Mean B of the atoms in Å², and standard error."""
    spheres: dict[str, tuple[float, float]]
    """Each of `SPHERE_SIZES` and its standard error; NaN where not refined as lognormal spheres."""
    gradients: dict[str, dict[str, float]]
    """Derivatives by the parameters of ``weight_fraction``, ``scale``, ``size`` and the cell
    lengths ``a``, ``b``, ``c``; a missing number has none."""


def phase_numbers(fit: FrameFit) -> list[PhaseNumbers]:
    """Return the numbers of each phase, in the order of the structures."""
    found = fractions(fit)
    nothing = (UNKNOWN,) * len(found.crystalline)
    pairs = zip(found.crystalline, found.absolute or nothing, strict=True)
    return [_numbers(fit, p, share, absolute) for p, (share, absolute) in enumerate(pairs)]


def amorphous_number(fit: FrameFit) -> tuple[float, float] | None:
    """Return the amorphous fraction and its standard error; None without an added standard."""
    derived = fractions(fit).amorphous
    return None if derived is None else _with_error(fit, derived)


def _with_error(fit: FrameFit, derived: Derived) -> tuple[float, float]:
    value, gradient = derived
    return value, fit.sigma_of(gradient) if gradient else _NAN


def instrument_numbers(fit: FrameFit) -> dict[str, tuple[float, float]]:
    """Return u, v, w (degree²), x, y (degree), axial, tail_fraction, tail_width (degree) of the
    instrument with standard errors.
    """
    u, v, w = fit.model.caglioti.uvw(fit.values)
    numbers: dict[str, tuple[float, float]] = {}
    for k, (name, value) in enumerate(zip("uvw", (u, v, w), strict=True)):
        gradient = dict(zip(GAUSS_NODES, fit.model.caglioti.matrix[k], strict=True))
        free = any(n in fit.outcome.names for n in GAUSS_NODES)
        numbers[name] = (float(value), fit.sigma_of(gradient) if free else _NAN)
    for name in "xy":
        key = f"instrument_{name}"
        numbers[name] = (fit.values[key], fit.sigma(key))
    numbers |= {name: (fit.values[name], fit.sigma(name)) for name in NODE_PARAMETERS}
    return numbers


def _numbers(fit: FrameFit, phase: int, share: Derived, absolute: Derived) -> PhaseNumbers:
    structure = fit.model.structures[phase]
    fraction = _with_error(fit, share)
    march = phase_key(phase, "march")
    oriented = (fit.values[march], fit.sigma(march)) if march in fit.values else (_NAN, _NAN)
    scale = fit.values[phase_key(phase, "scale")], fit.sigma(phase_key(phase, "scale"))
    gradients = {"weight_fraction": share[1], "scale": {phase_key(phase, "scale"): 1.0}}
    if not fit.found[phase]:
        missing = (_NAN, _NAN)
        nowhere = (_NAN,) * 6
        return PhaseNumbers(
            weight_fraction=fraction,
            absolute_fraction=_with_error(fit, absolute),
            march=missing,
            scale=scale,
            cell=nowhere,
            cell_sigma=nowhere,
            size=missing,
            strain=missing,
            size_ratio=missing,
            strain_terms=dict.fromkeys(strain_numbers(fit, phase), missing),
            b_iso=missing,
            spheres={name: missing for name, _, _ in SPHERE_SIZES},
            gradients=gradients,
        )
    ties = structure.ties
    errors = tuple(
        0.0
        if ties.fixed[k] is not None
        else fit.sigma(phase_key(phase, CELL_NAMES[ties.master[k]]))
        for k in range(6)
    )
    size, size_gradient = _size(fit, phase)
    gradients["size"] = size_gradient
    for k, name in enumerate("abc"):
        key = phase_key(phase, CELL_NAMES[ties.master[k]])
        gradients[name] = {key: 1.0} if key in fit.outcome.names else {}
    counts = np.array(structure.atoms_per_cell())
    own = [phase_key(phase, f"atom_{s.label}_b") for s in structure.sites]
    b_of_sites = [fit.values.get(k, s.b_iso) for k, s in zip(own, structure.sites, strict=True)]
    mean_b = float(counts @ b_of_sites / counts.sum()) if len(b_of_sites) else _NAN
    extra = phase_key(phase, "b_iso")
    ratio = phase_key(phase, "size_ratio")
    return PhaseNumbers(
        weight_fraction=fraction,
        absolute_fraction=_with_error(fit, absolute),
        march=oriented,
        scale=scale,
        cell=cell_of(fit.values, phase, structure),
        cell_sigma=errors,
        size=(size, _NAN if np.isnan(size) else fit.sigma_of(size_gradient)),
        strain=_strain(fit, phase),
        size_ratio=(fit.values[ratio], fit.sigma(ratio)) if ratio in fit.values else (_NAN, _NAN),
        strain_terms=strain_numbers(fit, phase),
        b_iso=(mean_b + fit.values[extra], fit.sigma(extra)),
        spheres={k: _with_error(fit, derived) for k, derived in sphere_sizes(fit, phase).items()},
        gradients=gradients,
    )


def _strain(fit: FrameFit, phase: int) -> tuple[float, float]:
    if is_anisotropic(fit, phase):
        return _with_error(fit, mean_strain(fit, phase))
    key = phase_key(phase, "strain")
    return (fit.values[key], fit.sigma(key)) if fit.model.spec.strain else (_NAN, _NAN)


def _size(fit: FrameFit, phase: int) -> tuple[float, dict[str, float]]:
    """L_vol = λ/β of the size part, β its integral breadth at cos θ = 1, and its derivatives.

    NaN if not visible.
    """
    keys = [phase_key(phase, n) for n in ("inverse_size", "inverse_gauss_size_squared")]
    if phase_key(phase, "size_variance") in fit.values:
        length = 1.0 / fit.values[keys[0]] if fit.values[keys[0]] > 0 else _NAN
        return length, {keys[0]: -(length**2)} if keys[0] in fit.outcome.names else {}
    inverse = [fit.values[k] for k in keys]
    if not fit.model.spec.size or not max(inverse) > 0:
        return _NAN, {}
    wavelength = fit.model.wavelength

    def column(lorentz: float, gauss_squared: float) -> float:
        gauss = np.sqrt(max(gauss_squared, 0.0)) * gaussian_size_width(wavelength)
        h, eta = combined_width(np.array([gauss]), np.array([lorentz * size_width(wavelength)]))
        return float(np.degrees(0.1 * wavelength)) / integral_breadth(float(h[0]), float(eta[0]))

    size = column(*inverse)
    # Only free parameters have an error; at a Gaussian part of 0 the slope would be infinite.
    gradient = {}
    for k, key in enumerate(keys):
        if key in fit.outcome.names:
            moved = list(inverse)
            step = 1e-6 * fit.plan.units[key]
            moved[k] += step
            gradient[key] = (column(*moved) - size) / step
    return size, gradient
