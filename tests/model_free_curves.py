"""Curves of bodies of known size, and how well numbers with errors hit a truth."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import sici

import xrdkit as xk

Array = NDArray[np.float64]
_X, _W = np.polynomial.legendre.leggauss(300)
_MU, _W = 0.5 * (_X + 1.0), 0.5 * _W


def sphere(x: Array) -> Array:
    return (3.0 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2


def spheroid(u: Array, axis: float) -> Array:
    """Form factor over q Rg; `axis` is the length of the axis of rotation over the other two."""
    equatorial = u / np.sqrt((2.0 + axis**2) / 5.0)
    return sphere(np.outer(equatorial, np.sqrt(1.0 + (axis**2 - 1.0) * _MU**2))) @ _W


def thin_rod(u: Array) -> Array:
    x = u * np.sqrt(12.0)
    return 2.0 * sici(x)[0] / x - np.sinc(x / 2.0 / np.pi) ** 2


def chain(u: Array) -> Array:
    return 2.0 * (np.exp(-(u**2)) + u**2 - 1.0) / u**4


#: Form factors over q Rg.
BODIES = {
    "sphere": lambda u: sphere(u * np.sqrt(5.0 / 3.0)),
    "shell": lambda u: np.sinc(u / np.pi) ** 2,
    "prolate": lambda u: spheroid(u, 2.0),
    "needle": lambda u: spheroid(u, 4.0),
    "oblate": lambda u: spheroid(u, 0.3),
    "rod": thin_rod,
    "chain": chain,
}


def hard_spheres(q: Array, radius: float, fraction: float) -> Array:
    """Structure factor of Percus and Yevick."""
    eta, a = fraction, 2.0 * q * radius
    alpha = (1 + 2 * eta) ** 2 / (1 - eta) ** 4
    beta = -6 * eta * (1 + eta / 2) ** 2 / (1 - eta) ** 4
    gamma = eta * alpha / 2
    g = (
        alpha * (np.sin(a) - a * np.cos(a)) / a**2
        + beta * (2 * a * np.sin(a) + (2 - a**2) * np.cos(a) - 2) / a**3
        + gamma
        * (-(a**4) * np.cos(a) + 4 * ((3 * a**2 - 6) * np.cos(a) + (a**3 - 6 * a) * np.sin(a) + 6))
        / a**5
    )
    return 1.0 / (1.0 + 24.0 * eta * g / a)


def lamellae(q: Array, thin: float, thick: float, spread: tuple[float, float]) -> Array:
    """Stack of two phases whose thicknesses vary independently (Hosemann), Porod constant 1."""
    h = [
        np.exp(-0.5 * (q * s) ** 2 + 1j * q * d) for d, s in zip((thin, thick), spread, strict=True)
    ]
    return np.real((1 - h[0]) * (1 - h[1]) / (1 - h[0] * h[1])) / q**4


def lamellar_correlation(
    thin: float, thick: float, spread: tuple[float, float], distance: Array
) -> Array:
    """γ1 of the curve without end, by plain trapezoids."""
    q = np.linspace(1e-4, 40.0, 100_001)
    weighted = q**2 * lamellae(q, thin, thick, spread)
    table = np.array([np.trapezoid(weighted * np.cos(q * z), q) for z in distance])
    return table / np.trapezoid(weighted, q)


def series(q: Array, curves: Array, sigma: Array) -> xr.Dataset:
    profiles = [xk.profile(q, row, sigma, unit="1/nm") for row in curves]
    return xr.concat(profiles, dim="frame", join="exact", combine_attrs="drop_conflicts")


def noisy(clean: Array, sigma: Array, count: int, seed: int) -> Array:
    return clean + sigma * np.random.default_rng(seed).standard_normal((count, clean.size))


def score(result: xr.Dataset, name: str, true: float) -> dict[str, float]:
    """Relative bias and scatter, and how often the truth is within one and two errors."""
    values, errors = result[name].values, result[f"{name}_sigma"].values
    good = np.isfinite(values)
    off = values[good] - true
    return {
        "count": int(good.sum()),
        "bias": float(off.mean() / true),
        "scatter": float(off.std(ddof=1) / true),
        "error": float(errors[good].mean() / true),
        "cov68": float(np.mean(np.abs(off) < errors[good])),
        "cov95": float(np.mean(np.abs(off) < 2.0 * errors[good])),
    }
