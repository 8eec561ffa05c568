"""What anisotropic strain says in numbers: its S_HKL, a mean strain, and where they are none."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.cell import inverse_d_squared
from xrdkit.phase.effects import phase_key
from xrdkit.phase.effects.anisotropic import STRAIN_FWHM
from xrdkit.phase.fit import FrameFit
from xrdkit.phase.fractions import UNKNOWN, Derived
from xrdkit.phase.parameters import cell_of
from xrdkit.phase.positions import bragg_angle
from xrdkit.phase.strain_terms import strain_terms

Array = NDArray[np.float64]

#: Standard errors below 0 from which a variance is none.
_CERTAIN = 2.0


def is_anisotropic(fit: FrameFit, phase: int) -> bool:
    """Whether a phase has anisotropic strain."""
    structure = fit.model.structures[phase]
    return fit.model.spec.of(structure.name).strain_anisotropy is not None


def strain_numbers(fit: FrameFit, phase: int) -> dict[str, tuple[float, float]]:
    """Return each S_HKL (1/nm⁴) of a phase with its standard error; empty where it has none."""
    if not is_anisotropic(fit, phase):
        return {}
    names = strain_terms(fit.model.structures[phase].operators).names
    keys = {name: phase_key(phase, name) for name in names}
    return {name: (fit.values[key], fit.sigma(key)) for name, key in keys.items()}


def mean_strain(fit: FrameFit, phase: int) -> Derived:
    """Return the root mean square of e over the reflections seen, and its derivatives by the S."""
    relative, multiplicity = _of_lines(fit, phase)
    if multiplicity.size == 0:
        return UNKNOWN
    mean = relative @ multiplicity / multiplicity.sum()
    terms = strain_terms(fit.model.structures[phase].operators)
    keys = [phase_key(phase, name) for name in terms.names]
    squared = float(sum(m * fit.values[k] for m, k in zip(mean, keys, strict=True)))
    if not squared > 0:
        return UNKNOWN
    e = float(np.sqrt(squared))
    free = fit.outcome.names
    return e, {k: float(m) / (2.0 * e) for m, k in zip(mean, keys, strict=True) if k in free}


def impossible(fit: FrameFit, phase: int) -> tuple[list[str], int]:
    """Return the reflections whose σ²(M) is below 0 by over 2 errors, and how many are seen."""
    if not is_anisotropic(fit, phase):
        return [], 0
    relative, multiplicity = _of_lines(fit, phase)
    terms = strain_terms(fit.model.structures[phase].operators)
    keys = [phase_key(phase, name) for name in terms.names]
    values = np.array([fit.values[key] for key in keys])
    hkl = fit.model.lines[phase].hkl[_seen(fit, phase)]
    free = [k for k, key in enumerate(keys) if key in fit.outcome.names]
    bad = []
    for line in np.flatnonzero(values @ relative < 0):
        error = fit.sigma_of({keys[k]: float(relative[k, line]) for k in free}) if free else 0.0
        if not values @ relative[:, line] > -_CERTAIN * error:
            bad.append(" ".join(str(i) for i in hkl[line]))
    return bad, multiplicity.size


def _seen(fit: FrameFit, phase: int) -> NDArray[np.bool_]:
    model = fit.model
    cell = cell_of(fit.values, phase, model.structures[phase])
    angle = bragg_angle(inverse_d_squared(model.lines[phase].hkl, cell), model.wavelength)
    return np.asarray((angle >= model.x[0]) & (angle <= model.x[-1]))


def _of_lines(fit: FrameFit, phase: int) -> tuple[Array, Array]:
    """Return e² per unit of each S (k, n) at the lines seen, and their multiplicities (n,)."""
    structure, lines = fit.model.structures[phase], fit.model.lines[phase]
    seen = _seen(fit, phase)
    squared = inverse_d_squared(lines.hkl[seen], structure.cell)
    values = strain_terms(structure.operators).values(lines.hkl[seen])
    return values / (STRAIN_FWHM * squared) ** 2, lines.multiplicity[seen].astype(float)


def put_strain_terms(
    data: dict[str, Any],
    coords: dict[str, Any],
    put: Any,
    rows: Sequence[Sequence[dict[str, tuple[float, float]]]],
) -> None:
    """Put ``anisotropic_strain`` (phase, strain_term) and its error, where a phase has any.

    `rows` are those of `strain_numbers` for each frame and phase.
    """
    names = list(dict.fromkeys(name for row in rows for numbers in row for name in numbers))
    if not names:
        return
    nothing = (np.nan, np.nan)
    pairs = np.array([[[n.get(name, nothing) for name in names] for n in row] for row in rows])
    dims, sigma = ("phase", "strain_term"), "anisotropic_strain_sigma"
    data["anisotropic_strain"] = put(
        pairs[..., 0],
        dims,
        units="1/nm^4",
        long_name="S_HKL of the variance of 1/d² (Stephens 1999), NaN: no term of this phase",
        ancillary_variables=sigma,
    )
    data[sigma] = put(
        pairs[..., 1],
        dims,
        units="1/nm^4",
        long_name="standard error of anisotropic_strain, scaled by the GoF",
    )
    coords["strain_term"] = ("strain_term", names, {"long_name": "term S_HKL"})
