"""Curves of models with known truth, written out by hand, with counting noise."""

import numpy as np
import xarray as xr
from scipy.special import erf

import xrdkit as xk

Q = np.geomspace(0.01, 5.0, 200)


def level(g, rg, b, p, cutoff=0.0, q=Q):
    k = 1.06 if p < 3 else 1.0
    tail = np.exp(-((q * cutoff) ** 2) / 3) * (erf(k * q * rg / 6**0.5) ** 3 / q) ** p
    return g * np.exp(-((q * rg) ** 2) / 3) + b * tail


#: Primary particles of 4 nm in aggregates of 60 nm, mass fractal of dimension 1.9.
TWO_LEVELS = {
    "level_1.guinier": 20.0,
    "level_1.radius_of_gyration": 4.0,
    "level_1.prefactor": 0.3,
    "level_1.power": 4.0,
    "level_2.guinier": 5000.0,
    "level_2.radius_of_gyration": 60.0,
    "level_2.prefactor": 2.0,
    "level_2.power": 1.9,
    "flat.level": 0.02,
}


def two_levels():
    return level(20.0, 4.0, 0.3, 4.0) + level(5000.0, 60.0, 2.0, 1.9, cutoff=4.0) + 0.02


def sphere_amplitude(x):
    return 3.0 * (np.sin(x) - x * np.cos(x)) / x**3


def noisy(clean, seed=0, *, relative=0.01, floor=2e-3, q=Q, **options) -> xr.Dataset:
    sigma = np.hypot(relative * clean, floor)
    noise = np.random.default_rng(seed).standard_normal(clean.size)
    return xk.profile(q, clean + sigma * noise, sigma, unit="1/nm", **options)


def exact(clean, *, relative=0.01, floor=2e-3, q=Q, **options) -> xr.Dataset:
    return xk.profile(q, clean, np.hypot(relative * clean, floor), unit="1/nm", **options)


def value(result, name, what="value"):
    return float(result[f"parameter_{what}"].sel(parameter=name))
