"""Powder patterns of lognormal spheres from their exact line, for the tests of sizes."""

import numpy as np

from xrdkit.phase import InstrumentWidths, embedded_structure
from xrdkit.phase.cell import inverse_d_squared
from xrdkit.phase.intensity import powder_lines
from xrdkit.phase.pattern import d_min_of, line_amplitudes, radial_envelope
from xrdkit.phase.polarization import polarization_factor
from xrdkit.phase.positions import bragg_angle
from xrdkit.phase.profile_function import combined_width, one_node, sum_lines
from xrdkit.phase.sphere_profile import sphere_line

#: Points of the grid on which instrument and sample are folded, degree, and how far it reaches.
_STEP, _BEYOND = 0.01, 12.0


def sphere_pattern(
    name: str,
    two_theta: np.ndarray,
    *,
    mean_diameter: float,
    sigma: float,
    emission: list[tuple[float, float]],
    instrument: InstrumentWidths,
) -> np.ndarray:
    """Return the pattern of spheres of an embedded structure on a diffractometer without filter.

    Each line of `sphere_profile` lies at its place in sin θ and is folded with the pseudo-Voigt of
    the instrument there. `emission`: wavelength (Å) and weight of each line; diameters in nm.
    """
    structure = embedded_structure(name)
    line = sphere_line(sigma)
    mean = sum(w * weight for w, weight in emission)
    low, high = max(two_theta[0] - _BEYOND, 1.0), min(two_theta[-1] + _BEYOND, 175.0)
    x = np.arange(low, high, _STEP)
    kernel_axis = (np.arange(2 * len(x) - 1) - len(x) + 1) * _STEP
    total = np.zeros(x.size)
    lines = powder_lines(structure, mean, d_min_of(high, mean))
    centres = bragg_angle(inverse_d_squared(lines.hkl, structure.cell), mean)
    amplitude = line_amplitudes(structure, lines.strength, centres, mean)
    reciprocal = np.sqrt(inverse_d_squared(lines.hkl, structure.cell))
    for s_hkl, amp, centre in zip(reciprocal, amplitude, centres, strict=True):
        ideal = np.zeros(x.size)
        for wavelength, weight in emission:
            s = 20 * np.sin(np.radians(x / 2)) / wavelength
            per_degree = np.cos(np.radians(x / 2)) * np.pi / 18 / wavelength
            ideal += weight * line.density(s - s_hkl, mean_diameter) * per_degree
        tan = np.tan(np.radians(centre / 2))
        gauss = np.sqrt(instrument.u * tan**2 + instrument.v * tan + instrument.w)
        lorentz = instrument.x * np.sqrt(1 + tan**2) + instrument.y * tan
        width, mixing = combined_width(np.array([gauss]), np.array([lorentz]))
        kernel = np.zeros(kernel_axis.size)
        whole = np.array([0]), np.array([kernel_axis.size])
        flat, middle = np.ones(kernel_axis.size), np.zeros(1)
        shape = middle, width, mixing, np.ones(1)
        sum_lines(kernel_axis, flat, *whole, *shape, *one_node(1), kernel)
        size = 3 * len(x)
        folded = np.fft.irfft(np.fft.rfft(ideal, size) * np.fft.rfft(kernel, size), size)
        total += amp * _STEP * folded[len(x) - 1 : 2 * len(x) - 1]
    total *= radial_envelope(structure, x, mean) * polarization_factor(x, 1.0)
    return np.interp(two_theta, x, total)
