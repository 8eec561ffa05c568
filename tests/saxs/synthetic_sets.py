"""Synthetic curves with known truth, by plain trapezoid sums independent of the package.

Spheres of number-weighted lognormal radii, contrast 10 (1e10 1/cm²), q = 200 log points from 0.04
to 5 1/nm. A: median 5 nm, s 0.2, volume fraction 0.01. B: medians 3 and 10 nm, s 0.15, 0.005 each.
C: cylinders of length 40 nm, radii of median 4 nm, s 0.1. D: cores of median 5 nm, s 0.15, contrast
30, in shells of 2 nm, contrast 5, 0.01 of whole particles. E: A with a background 0.1 + 2e-4 q⁻⁴.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import j1

Array = NDArray[np.float64]

Q: Array = np.geomspace(0.04, 5.0, 200)
CONTRAST = 10.0
BACKGROUND_E = (0.10, 2e-4)
#: Index in the seeds of the noise.
SEEDS = {"A": 100, "B": 101, "C": 102, "D": 103, "E": 104}
LENGTH_C = 40.0
CORE_D, SHELL_D, THICKNESS_D = 30.0, 5.0, 2.0


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


def cylinders(q: Array = Q) -> Array:
    radius = 4.0 * np.exp(np.linspace(-5 * 0.1, 5 * 0.1, 81))
    number = lognormal(radius, 4.0, 0.1)
    volume = np.pi * radius**2 * LENGTH_C
    x, w = np.polynomial.legendre.leggauss(300)
    mu, w = 0.5 * (x + 1.0), 0.5 * w
    along = np.sinc(np.outer(q, mu) * LENGTH_C / (2 * np.pi)) ** 2
    squares = np.empty((q.size, radius.size))
    for j, r in enumerate(radius):
        c = np.outer(q, np.sqrt(1.0 - mu**2)) * r
        squares[:, j] = (along * (2.0 * j1(c) / c) ** 2) @ w
    total = np.trapezoid(number * volume**2 * squares, radius, axis=1)
    return 0.01 * 1e-21 * (CONTRAST * 1e10) ** 2 * total / np.trapezoid(number * volume, radius)


def core_shells(q: Array = Q) -> Array:
    radius = 5.0 * np.exp(np.linspace(-7 * 0.15, 7 * 0.15, 801))
    number = lognormal(radius, 5.0, 0.15)
    core, whole = (4 / 3 * np.pi * r**3 for r in (radius, radius + THICKNESS_D))
    f = (CORE_D - SHELL_D) * core * amplitude(np.outer(q, radius))
    f += SHELL_D * whole * amplitude(np.outer(q, radius + THICKNESS_D))
    total = np.trapezoid(number * f**2, radius, axis=1)
    return 0.01 * 1e-21 * 1e20 * total / np.trapezoid(number * whole, radius)


def truth(name: str) -> Array:
    if name == "C":
        return cylinders()
    if name == "D":
        return core_shells()
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
