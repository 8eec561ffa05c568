"""Scattering of particles from all pairs of their atoms, for the tests of sizes.

Debye, Ann. Phys. 351 (1915) 809: I(q) = |f|² Σᵢⱼ sin(q rᵢⱼ)/(q rᵢⱼ). Independent vibrations damp
the pairs by exp(-2Bs²) and leave the atoms themselves: what the pairs lose is diffuse.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from xrdkit.phase import embedded_structure
from xrdkit.phase.scattering import dispersion, form_factor

#: Fractions of the points of fcc in the grid of half cells: x + y + z even.
_ATOMS_PER_CELL = 4


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Pairs of the atoms of some particles by their distance."""

    distance: np.ndarray
    """Distances (n,), nm, above 0."""
    pairs: np.ndarray
    """Ordered pairs at each distance, summed over the particles (n,)."""
    atoms: int
    """Atoms of all particles."""
    diameter_volume: float
    """⟨D⁴⟩/⟨D³⟩ in nm, D that of the sphere of equal volume."""


def fcc_spheres(cell: float, diameters: np.ndarray, seed: int) -> Ensemble:
    """Return the pairs of spheres cut out of an fcc crystal of `cell` (nm) about random centres."""
    rng = np.random.default_rng(seed)
    reach = float(np.max(diameters)) / cell
    counts = np.zeros(int(3 * (2 * reach + 4) ** 2))
    volumes = []
    for diameter in diameters:
        centre = rng.uniform(0, 2, 3)
        half = int(np.ceil(diameter / cell)) + 2
        axis = np.arange(-half, half + 1)
        x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
        squared = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2
        inside = (squared <= (diameter / cell) ** 2) & ((x + y + z) % 2 == 0)
        size = 2 * len(axis)
        wave = np.fft.rfftn(inside, s=(size,) * 3, axes=(0, 1, 2))
        lags = np.rint(np.fft.irfftn(np.abs(wave) ** 2, s=(size,) * 3, axes=(0, 1, 2)))
        lag = np.fft.fftfreq(size, 1 / size)
        n2 = lag[:, None, None] ** 2 + lag[:, None] ** 2 + lag**2
        pairs = np.bincount(n2.astype(int).ravel(), lags.ravel())
        last = int(np.flatnonzero(pairs)[-1])
        counts[: last + 1] += pairs[: last + 1]
        volumes.append(inside.sum() * cell**3 / _ATOMS_PER_CELL)
    equal = np.cbrt(6 * np.array(volumes) / np.pi)
    kept = np.flatnonzero(counts[1:]) + 1
    return Ensemble(
        distance=0.5 * cell * np.sqrt(kept),
        pairs=counts[kept],
        atoms=int(counts[0]),
        diameter_volume=float(np.sum(equal**4) / np.sum(equal**3)),
    )


def debye(
    ensemble: Ensemble, two_theta: np.ndarray, *, element: str, wavelength: float, b: float
) -> np.ndarray:
    """Return the scattering per atom in electrons² at 2θ (degree), vibrations B = `b` in Å²."""
    s = np.sin(np.radians(two_theta) / 2) / wavelength
    q = 40 * np.pi * s
    total = np.zeros(q.size)
    for part in np.array_split(np.arange(q.size), 1 + q.size * ensemble.distance.size // 4_000_000):
        total[part] = np.sinc(np.outer(q[part], ensemble.distance) / np.pi) @ ensemble.pairs
    real, imaginary = dispersion(element, wavelength)
    f_squared = (form_factor(element, s) + real) ** 2 + imaginary**2
    return f_squared * (1 + np.exp(-2 * b * s**2) * total / ensemble.atoms)


def lognormal_diameters(volume_mean: float, sigma: float, number: int) -> np.ndarray:
    """Return diameters (number,) at even quantiles, ⟨D⁴⟩/⟨D³⟩ near `volume_mean` (nm)."""
    u = ndtri((np.arange(number) + 0.5) / number)
    diameters = np.exp(sigma * u)
    return volume_mean * diameters * np.sum(diameters**3) / np.sum(diameters**4)


def carbon(two_theta: np.ndarray, wavelength: float) -> np.ndarray:
    """Return the scattering of a carbon black; the top of its band 002 is about 1.

    Stacks of layers give the band 002 at 17.5 1/nm, layers of 3 nm without register those of 10 and
    11 (`_layers`); below are pores, above the layers' atoms and incoherent scattering.
    """
    q = 40 * np.pi * np.sin(np.radians(two_theta) / 2) / wavelength
    t = (q - 17.5) / np.where(q < 17.5, 5.0, 4.2)
    stacks = 1 / (1 + 4 * (np.sqrt(2) - 1) * t**2) ** 2
    form = 1 / (1 + (q / 55) ** 2) ** 2
    pores = 3 / (1 + (q / 4) ** 2)
    bands = stacks + 0.9 * form * (_layers(q, 29.5, 3.0) + 0.8 * _layers(q, 51.1, 3.0))
    return np.asarray(bands + 0.25 * form + pores + 0.12 * q**2 / (q**2 + 40**2))


def _layers(q: np.ndarray, start: float, length: float) -> np.ndarray:
    """Return the band of layers of `length` (nm): Warren, Phys. Rev. 59 (1941) 693, equation 6.

    q^(-3/2) F(a), a = L (q - q₀)/(2√π), F(a) = ∫₀^∞ exp(-(x² - a)²) dx; its top is about 1.
    """
    a = length * (q - start) / (2 * np.sqrt(np.pi))
    x = np.linspace(0, 12, 2401)
    integral = np.exp(-((x**2 - a[:, None]) ** 2)).sum(axis=1) * (x[1] - x[0])
    return np.asarray(integral * (q / start) ** -1.5)


def carbon_humps(two_theta: np.ndarray, wavelength: float) -> tuple[tuple[float, float], ...]:
    """Return position and width (degree) at which one would start the humps of carbon."""

    def angle(q: float) -> float:
        return float(2 * np.degrees(np.arcsin(q * wavelength / (40 * np.pi))))

    humps = [
        (angle(q), angle(q + width / 2) - angle(q - width / 2))
        for q, width in ((17.5, 4.5), (31.0, 5.0), (53.0, 8.0))
    ]
    return tuple(h for h in humps if two_theta[0] < h[0] < two_theta[-1])


#: Wavelength (ångström) and angles (degree) at which catalysts are looked at.
SETTINGS = {
    "Cu": (1.5405929, np.arange(20, 120, 0.05)),
    "Mo": (0.70931715, np.arange(9, 70, 0.03)),
    "0.4": (0.4, np.arange(5, 40, 0.02)),
}


@lru_cache(maxsize=16)
def platinum_spheres(diameter: float, sigma: float) -> Ensemble:
    """Return particles of platinum of one ⟨D⁴⟩/⟨D³⟩ (nm), lognormal where `sigma` is not 0."""
    diameters = lognormal_diameters(diameter, sigma, 100) if sigma else np.full(30, diameter)
    return fcc_spheres(embedded_structure("Pt").cell[0], diameters, seed=1)


def catalyst(
    setting: str, diameter: float, sigma: float, carbon_share: float
) -> tuple[np.ndarray, np.ndarray, Ensemble]:
    """Return angles, mean counts and the particles of platinum on carbon.

    Particles of 3.9237 Å fcc from all pairs of their atoms, 1e4 counts at the top, carbon with
    `carbon_share` of that at its band 002, and 100 counts.
    """
    platinum = embedded_structure("Pt")
    wavelength, x = SETTINGS[setting]
    particles = platinum_spheres(diameter, sigma)
    y = debye(particles, x, element="Pt", wavelength=wavelength, b=platinum.sites[0].b_iso)
    mean = 1e4 * (y / y.max() + carbon_share * carbon(x, wavelength)) + 100
    return x, mean, particles
