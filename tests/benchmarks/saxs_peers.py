"""One task of `compare_saxs.py` done by another program; run by the Python of its environment.

Reads one JSON job, {"program", "set", "count"}, from standard input; writes a JSON line: numbers of
each curve by name, ``values`` and ``sigmas`` (sizes in nm), ``chi2`` (reduced) and ``cpu``, CPU
seconds a fit. Each program is used as its documentation shows, with the grid, the contrast and the
background that the curves were made with; what cannot be done raises, and the page says so.
"""

import json
import os
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "saxs"))

import synthetic_sets as sets

#: Perturbed curves for an error by the scheme of pyirena, which itself gives errors of bins alone.
PERTURBED = 6
#: Fit windows of the two-step background, 1/nm: q⁻⁴ where it is strongest, flat where it is alone.
STEEP, FLAT = (0.04, 0.045), (4.0, 5.0)


class Clock:
    """CPU seconds of this process within the block."""

    def __enter__(self):
        self.begin = time.process_time()
        return self

    def __exit__(self, *_):
        self.cpu = time.process_time() - self.begin


def moments(radius, density):
    """Mean radius, width (nm) and volume fraction of a density over radius."""
    total = np.trapezoid(density, radius)
    mean = np.trapezoid(density * radius, radius) / total
    width = np.sqrt(np.trapezoid(density * (radius - mean) ** 2, radius) / total)
    return {"mean_radius_volume": mean, "width_volume": width, "volume_fraction": total}


def pyirena(job):
    """Inversion of each curve; errors as its own uncertainty runs make them, but of moments."""
    from pyirena.core.sizes import SizesDistribution

    def fit(curve):
        sizes = SizesDistribution()
        sizes.r_min, sizes.r_max, sizes.n_bins = 8.0, 300.0, 100
        sizes.contrast = sets.CONTRAST**2
        sizes.method = job["method"]
        sizes.montecarlo_n_repetitions = 1
        if job["set"] == "E":
            sizes.fit_power_law(
                sets.Q / 10, curve, STEEP[0] / 10, STEEP[1] / 10, fit_B=True, fit_P=False
            )
            sizes.fit_background_term(sets.Q / 10, curve, FLAT[0] / 10, FLAT[1] / 10)
        found = sizes.fit(sets.Q / 10, curve, sigma)
        if not found["success"]:
            raise ValueError(found["message"])
        return found, moments(found["r_grid"] / 10, found["distribution"] * 10)

    sigma, curves = sets.noisy(job["set"], job["count"])
    noise = np.random.default_rng(1)
    out = Answer()
    for curve in curves:
        with Clock() as clock:
            found, numbers = fit(curve)
        spread = {}
        if job["errors"]:
            copies = [
                fit(curve + sigma * noise.standard_normal(curve.size))[1] for _ in range(PERTURBED)
            ]
            spread = {n: float(np.std([c[n] for c in copies], ddof=1)) for n in numbers}
        out.add(numbers, spread, found["chi_squared"] / found["n_data"], clock.cpu)
    return out


def sasmodels(job):
    """Polydisperse particles of sasmodels, fitted by lmfit, settings raised to 60 and 5."""
    import lmfit
    from sasmodels.core import load_model
    from sasmodels.direct_model import call_kernel

    model, fixed, guesses = PARTICLES.get(job["set"], PARTICLES["A"])
    kernel = load_model(model, dtype="double").make_kernel([sets.Q / 10])
    settings = {"radius_pd_type": "lognormal", "radius_pd_n": 60, "radius_pd_nsigma": 5}
    sigma, curves = sets.noisy(job["set"], job["count"])
    background = job["set"] == "E"

    def intensity(p):
        p = dict(p)
        flat, porod = p.pop("flat"), p.pop("porod")
        shape = call_kernel(kernel, {"background": 0.0, **settings, **fixed, **p})
        return shape + flat + porod * sets.Q**-4.0

    out = Answer()
    for curve in curves:
        start = lmfit.create_params(
            **{name: {"value": value, "min": 1e-6} for name, value in guesses.items()},
            scale={"value": 0.008, "min": 0},
            radius_pd={"value": 0.25, "min": 0.01, "max": 1},
            flat={"value": 0.08 if background else 0.0, "vary": background},
            porod={"value": 1e-4 if background else 0.0, "vary": background},
        )
        with Clock() as clock:
            found = lmfit.minimize(
                lambda p, curve=curve: (intensity(p.valuesdict()) - curve) / sigma, start
            )
        values = np.array([found.params[n].value for n in found.var_names])
        numbers = _lognormal(dict(zip(found.var_names, values, strict=True)))
        slopes = {n: np.zeros(values.size) for n in numbers}
        for k, value in enumerate(values):
            moved = values.copy()
            moved[k] += 1e-6 * value
            after = _lognormal(dict(zip(found.var_names, moved, strict=True)))
            for name, number in numbers.items():
                slopes[name][k] = (after[name] - number) / (1e-6 * value)
        spread = {n: float(np.sqrt(s @ found.covar @ s)) for n, s in slopes.items()}
        out.add(numbers, spread, found.redchi, clock.cpu)
    return out


#: Model of sasmodels, what is held, what is free with its start (Å), by the curves.
PARTICLES = {
    "A": ("sphere", {"sld": sets.CONTRAST, "sld_solvent": 0.0}, {"radius": 45.0}),
    "C": (
        "cylinder",
        {"sld": sets.CONTRAST, "sld_solvent": 0.0},
        {"radius": 36.0, "length": 350.0},
    ),
    "D": (
        "core_shell_sphere",
        {"sld_core": sets.CORE_D, "sld_shell": sets.SHELL_D, "sld_solvent": 0.0},
        {"radius": 45.0, "thickness": 15.0},
    ),
}


def _lognormal(p):
    s = p["radius_pd"]
    number = p["radius"] / 10 * np.exp(0.5 * s**2)
    relative = np.sqrt(np.exp(s**2) - 1)
    for extra, name in (("length", "length"), ("thickness", "shell_thickness")):
        if extra in p:
            return {
                "mean_radius_number": number,
                "width_number": number * relative,
                name: p[extra] / 10,
                "volume_fraction": p["scale"],
            }
    mean = number * np.exp(3.0 * s**2)
    return {
        "mean_radius_volume": mean,
        "width_volume": mean * relative,
        "volume_fraction": p["scale"],
    }


def freesas(job):
    """Radius of gyration and forward scattering by one of the functions of freesas."""
    from freesas import autorg, bift

    sigma, curves = sets.noisy(job["set"], job["count"])
    out = Answer()
    for curve in curves:
        data = np.stack([sets.Q, curve, sigma], axis=1)
        with Clock() as clock:
            if job["method"] == "auto_bift":
                best = bift.auto_bift(data).calc_stats()
                found = (best.Rg_avg, best.I0_avg, best.Rg_std, best.I0_std)
            else:
                rg = getattr(autorg, job["method"])(data)
                found = (rg.Rg, rg.I0, rg.sigma_Rg, rg.sigma_I0)
        rg, forward, rg_sigma, forward_sigma = map(float, found)
        out.add(
            {"radius_of_gyration": rg, "forward_intensity": forward},
            {"radius_of_gyration": rg_sigma, "forward_intensity": forward_sigma},
            float("nan"),
            clock.cpu,
        )
    return out


class Answer:
    """Numbers of curve after curve."""

    def __init__(self):
        self.values, self.sigmas, self.chi2, self.cpu = {}, {}, [], []

    def add(self, values, sigmas, chi2, cpu):
        for name, value in values.items():
            self.values.setdefault(name, []).append(float(value))
            self.sigmas.setdefault(name, []).append(float(sigmas.get(name, np.nan)))
        self.chi2.append(float(chi2))
        self.cpu.append(float(cpu))

    def told(self):
        return {
            "values": self.values,
            "sigmas": self.sigmas,
            "chi2": float(np.mean(self.chi2)),
            "cpu": float(np.median(self.cpu)),
        }


PROGRAMS = {"pyirena": pyirena, "lmfit + sasmodels": sasmodels, "freesas": freesas}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    task = json.loads(sys.stdin.read())
    print(json.dumps(PROGRAMS[task["program"]](task).told()))
