"""The powder pattern of one ideal structure on an absolute scale."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xrdkit.constants import ELECTRON_RADIUS_CM
from xrdkit.errors import SpecError, StructureError
from xrdkit.phase.cell import inverse_d_squared
from xrdkit.phase.embedded import embedded_structure
from xrdkit.phase.intensity import powder_lines, scattering_envelope
from xrdkit.phase.phase_spec import is_number
from xrdkit.phase.positions import bragg_angle
from xrdkit.phase.profile_function import combined_width, one_node, sum_lines
from xrdkit.phase.structure import Structure
from xrdkit.phase.unit_cell import require_atoms
from xrdkit.phase.widths import size_width, strain_width
from xrdkit.radiation import WAVELENGTH_RANGE

Array = NDArray[np.float64]

#: Smallest spacing, nm, whose sinθ/λ is still within the tables of the form factors.
D_SMALLEST = 0.0251
#: 2θ in degree beyond which no line is looked for: at 180 its intensity would be infinite.
_LAST_ANGLE = 179.9
#: Gaussian lines farther than this beyond the last angle, degree, are not felt there.
_MARGIN = 5.0


def powder_constant(volume: float, wavelength: float) -> float:
    """Return rₑ² λ³ / (16π V²) · 180/π in 1/cm degree per electron², V in nm³ and λ in ångström.

    A powder line of Σ m|F|² fills its ring so that the intensity per solid angle and per sample
    volume is this constant times Σ m|F|² / (sin²θ cos θ) times a profile of area 1 per degree:
    the integrated cross-section rₑ² λ³ m|F|² / (4 V² sin θ) of Warren, X-ray Diffraction (1969)
    chapter 4, spread over 2π sin 2θ.
    """
    per_cubic_cm = wavelength**3 / (1e3 * volume) ** 2 * 1e24
    return ELECTRON_RADIUS_CM**2 * per_cubic_cm / (16.0 * math.pi) * 180.0 / math.pi


def radial_envelope(structure: Structure, two_theta: Array, wavelength: float) -> Array:
    """Return ⟨f²⟩(s) / (sin θ cos θ) at each 2θ: what varies across one broad line.

    The fall-off of the atomic scattering and the spread over the sphere act where the intensity is
    measured, not where the line has its centre; for a line of 1° this moves the top by some 0.01°.
    For one kind of atom it reproduces the 1/(qG) and f²(q) of the Debye sum.
    """
    theta = np.radians(two_theta) / 2.0
    sine = np.sin(theta)
    return scattering_envelope(structure, sine / wavelength, wavelength) / (sine * np.cos(theta))


def line_amplitudes(
    structure: Structure, strength: Array, two_theta: Array, wavelength: float
) -> Array:
    """Return Σ m|F|² times `powder_constant` over ⟨f²⟩ sin θ of lines at `two_theta`.

    Times `radial_envelope` this is the intensity per solid angle of the line, in 1/cm degree.
    """
    sine = np.sin(np.radians(two_theta) / 2.0)
    smooth = scattering_envelope(structure, sine / wavelength, wavelength)
    return np.asarray(powder_constant(structure.volume, wavelength) * strength / (smooth * sine))


def d_min_of(two_theta: float, wavelength: float) -> float:
    """Return the spacing in nm that diffracts at `two_theta` (degree; beyond 179.9 as there)."""
    return 0.05 * wavelength / math.sin(math.radians(min(two_theta, _LAST_ANGLE) / 2.0))


def powder_intensity(
    structure: Structure | str,
    two_theta: ArrayLike,
    *,
    wavelength: float,
    size: float | None = None,
    strain: float = 0.0,
    fwhm: float = 0.02,
) -> Array:
    """Return the scattering of an ideal powder per solid angle and per volume of crystal, 1/cm.

    structure: a Structure or the name of an embedded one. two_theta: any shape, degree, within
    (0, 180). wavelength: ångström. size: L_vol in nm (None: no broadening), Lorentzian.
    strain: e = Δd/d. fwhm: Gaussian width of the instrument, degree.

    The result has the shape of `two_theta` and is the differential cross-section dΣ/dΩ without
    polarisation: multiply by the volume fraction of the phase, by P, and by flux, sample thickness
    and solid angle for counts. Formula: `powder_constant`, `radial_envelope`; every line is taken
    over the full range. Raises StructureError for an unknown name or a cell without atoms,
    SpecError for values outside their range.
    """
    phase: object = embedded_structure(structure) if isinstance(structure, str) else structure
    if not isinstance(phase, Structure):
        raise StructureError(f"structure is a name or a Structure, not {structure!r}")
    require_atoms(phase, "a calculated pattern")
    low, high = WAVELENGTH_RANGE
    if not (is_number(wavelength) and low <= wavelength <= high):
        raise SpecError(f"wavelength {wavelength} Å is outside {low} to {high} Å")
    if size is not None and not (is_number(size) and size > 0):
        raise SpecError(f"size must be above 0 nm, not {size}")
    if not (is_number(strain) and 0 <= strain < 0.2):
        raise SpecError(f"strain must be 0 to 0.2, not {strain}")
    if not (is_number(fwhm) and 1e-6 <= fwhm < 10):
        raise SpecError(f"fwhm must be at least 1e-6 and below 10 degree, not {fwhm}")
    angles = _angles(two_theta)
    x = angles.ravel()
    if x.size == 0:
        return np.zeros(angles.shape)
    if not (np.all(np.isfinite(x)) and x.min() > 0 and x.max() < 180):
        raise SpecError("two_theta must be finite and within 0 to 180 degree")
    order = np.argsort(x, kind="stable")
    x = x[order]
    # Lorentzian tails reach everywhere: then no line may depend on where the angles end.
    end = _LAST_ANGLE if size is not None or strain > 0 else float(x[-1]) + _MARGIN
    d_min = d_min_of(end, wavelength)
    lines = powder_lines(phase, wavelength, max(d_min, D_SMALLEST))
    position = bragg_angle(inverse_d_squared(lines.hkl, phase.cell), wavelength)
    theta = np.radians(position) / 2.0
    lorentz = strain_width() * strain * np.tan(theta)
    if size is not None:
        lorentz = lorentz + size_width(wavelength) / size / np.cos(theta)
    width, mixing = combined_width(np.full(len(theta), fwhm), lorentz)
    count = len(position)
    total = np.zeros(x.size)
    sum_lines(
        x,
        radial_envelope(phase, x, wavelength),
        np.zeros(count, dtype=np.int64),
        np.full(count, x.size, dtype=np.int64),
        position,
        width,
        mixing,
        line_amplitudes(phase, lines.strength, position, wavelength),
        *one_node(count),
        total,
    )
    result = np.empty(x.size)
    result[order] = total
    return result.reshape(angles.shape)


def _angles(two_theta: ArrayLike) -> Array:
    """Return angles as numbers; raise SpecError for what is none."""
    try:
        return np.asarray(two_theta, dtype=float)
    except (TypeError, ValueError) as exc:
        raise SpecError(f"two_theta = {two_theta!r} are no angles in degree") from exc
