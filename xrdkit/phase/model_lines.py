"""Which lines of a structure a pattern has, and how strong they are before a fit."""

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.cell import inverse_d_squared
from xrdkit.phase.effects.atoms import FAINTEST
from xrdkit.phase.intensity import Lines, powder_lines
from xrdkit.phase.pattern import line_amplitudes
from xrdkit.phase.positions import bragg_angle
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.structure import Structure

Array = NDArray[np.float64]


def lines_of(structure: Structure, spec: RefinementSpec, wavelength: float, d_min: float) -> Lines:
    """Return the lines of a structure with d >= `d_min` (nm) that a fit under `spec` needs.

    Where lines or atoms are free, those that are extinct now are lines too; where strain is
    anisotropic, lines of one spacing are apart, for they differ in width.
    """
    own = spec.of(structure.name)
    moved = spec.mode_of(structure.name) != "rietveld" or own.atoms
    return powder_lines(
        structure,
        wavelength,
        d_min,
        -1.0 if moved else 1e-9,
        apart=own.strain_anisotropy is not None,
    )


def start_amplitudes(structure: Structure, lines: Lines, wavelength: float) -> Array:
    """Return the area of each line (n,) per unit scale and per envelope, in 1/cm degree."""
    if len(lines.hkl) == 0:
        return np.zeros(0)
    centre = bragg_angle(inverse_d_squared(lines.hkl, structure.cell), wavelength)
    strength = np.maximum(lines.strength, FAINTEST * lines.strength.max())
    return line_amplitudes(structure, strength, centre, wavelength)
