"""Synthetic curves with known truth, by plain trapezoid sums independent of the package.

Spheres of number-weighted lognormal radii, contrast 10 (1e10 1/cm²), q = 200 log points from 0.04
to 5 1/nm. A: median 5 nm, s 0.2, volume fraction 0.01. B: medians 3 and 10 nm, s 0.15, 0.005 each.
E: A with a background 0.1 + 2e-4 q⁻⁴.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Q: Array = np.geomspace(0.04, 5.0, 200)
CONTRAST = 10.0
BACKGROUND_E = (0.10, 2e-4)
#: Index in the seeds of the noise.
SEEDS = {"A": 100, "B": 101, "E": 104}


def amplitude(x: Array) -> Array:
    return 3.0 * (np.sin(x) - x * np.cos(x)) / x**3


def lognormal(radius: Array, median: float, s: float) -> Array:
    z = np.log(radius / median) / s
    return np.exp(-0.5 * z**2) / (radius * s * np.sqrt(2 * np.pi))


def spheres(median_number: float, s: float, fraction: float, q: Array = Q) -> Array:
    median = median_number * np.exp(3 * s**2)
    radius = median * np.exp(np.linspace(-7 * s, 7 * s, 3001))
    volume = 4 / 3 * np.pi * radius**3
    integrand = lognormal(radius, median, s) * volume * amplitude(np.outer(q, radius)) ** 2
    return 1e-21 * (CONTRAST * 1e10) ** 2 * fraction * np.trapezoid(integrand, radius, axis=1)


def truth(name: str) -> Array:
    if name == "B":
        return spheres(3.0, 0.15, 0.005) + spheres(10.0, 0.15, 0.005)
    flat, porod = BACKGROUND_E if name == "E" else (0.0, 0.0)
    return spheres(5.0, 0.2, 0.01) + flat + porod * Q**-4


def lognormal_moments(median_number: float, s: float) -> dict[str, float]:
    """Volume- and number-weighted mean and standard deviation, nm, in closed form."""
    mean = median_number * np.exp(3 * s**2 + s**2 / 2)
    mean_number = median_number * np.exp(s**2 / 2)
    spread = np.sqrt(np.exp(s**2) - 1)
    return {
        "mean_radius_volume": float(mean),
        "width_volume": float(mean * spread),
        "mean_radius_number": float(mean_number),
        "width_number": float(mean_number * spread),
        "radius_of_gyration": float(np.sqrt(0.6 * median_number**2 * np.exp(14 * s**2))),
    }


def noisy(name: str, count: int) -> tuple[Array, Array]:
    """Standard error (200,) and `count` noisy curves (count, 200); counting noise and 0.5 %."""
    clean = truth(name)
    w = Q * np.gradient(Q)
    k = 2e7 / np.sum((clean + 0.05) * w)
    counts = k * (clean + 0.05) * w
    sigma = np.sqrt((counts + 0.05 * k * w) / (k * w) ** 2 + (0.005 * clean) ** 2)
    draws = np.random.default_rng(SEEDS[name]).standard_normal((200, 200))
    return sigma, clean + sigma * draws[:count]
