"""Sizes fitted to smeared curves: bias and coverage over many curves, and what smearing costs.

Run by hand: ``python tests/benchmarks/bench_smearing.py [number of curves]``. Spheres of set A (see
tests/saxs/synthetic_sets.py) and A on backgrounds, smeared by sums of this file's own, with
counting noise.
"""

import importlib.util
import sys
import time
from pathlib import Path

import numpy as np

import xrdkit as xk
from xrdkit.saxs import SmearingSpec

spec = importlib.util.spec_from_file_location(
    "synthetic_sets", Path(__file__).parents[1] / "saxs" / "synthetic_sets.py"
)
sets = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sets)

Q = sets.Q
LENGTH, RELATIVE = 0.3, 0.05


def model(name, q):
    flat, porod = sets.BACKGROUND_E if name == "E" else (0.0, 0.0)
    blocks = [sets.spheres(5.0, 0.2, 0.01, q=block) for block in np.array_split(q.ravel(), 60)]
    return np.concatenate(blocks).reshape(q.shape) + flat + porod * q**-4.0


def by_slit(name):
    t = np.linspace(0, 1, 601) * np.arcsinh(LENGTH / Q)[:, None]
    rays = Q[:, None] * np.cosh(t)
    return np.trapezoid(model(name, rays) * rays, t, axis=1) / np.trapezoid(rays, t, axis=1)


def by_pinhole(name):
    v = np.linspace(-3, 3, 301)
    weight = np.exp(-0.5 * v**2)
    rays = Q[:, None] * (1 + RELATIVE * v)
    return np.trapezoid(model(name, rays) * weight, v, axis=1) / np.trapezoid(weight, v)


def noisy(clean, count, seed):
    w = Q * np.gradient(Q)
    k = 2e7 / np.sum((clean + 0.05) * w)
    counts = k * (clean + 0.05) * w
    sigma = np.sqrt((counts + 0.05 * k * w) / (k * w) ** 2 + (0.005 * clean) ** 2)
    return sigma, clean + sigma * np.random.default_rng(seed).standard_normal((count, Q.size))


def main(count):
    truth = sets.lognormal_moments(5.0, 0.2) | {"volume_fraction": 0.01}
    names = ("mean_radius_volume", "width_volume", "volume_fraction")
    print(f"{count} curves of each; bias %, share within 1 and 2 standard errors, ms a fit")
    for curve in ("A", "E"):
        for smear, call, given in (
            ("slit", by_slit, SmearingSpec(slit_length=LENGTH)),
            ("pinhole", by_pinhole, SmearingSpec(relative_width=RELATIVE)),
        ):
            sigma, rows = noisy(call(curve), count, 100 if curve == "A" else 104)
            for label, smearing in ((smear, given), ("ignored", "none")):
                settings = xk.SizeSpec(contrast=10.0, smearing=smearing)
                some = rows if label != "ignored" else rows[:10]
                fits = []
                for number, row in enumerate(some):
                    if number == 1:
                        start = time.perf_counter()
                    fits.append(xk.fit_sizes(xk.profile(Q, row, sigma, unit="1/nm"), settings))
                wall = 1e3 * (time.perf_counter() - start) / max(len(fits) - 1, 1)
                text = f"{curve} {smear:8s} {label:8s}"
                for name in names:
                    values = np.array([float(f[name]) for f in fits])
                    pulls = (values - truth[name]) / np.array(
                        [float(f[name + "_sigma"]) for f in fits]
                    )
                    bias = 100 * (values.mean() / truth[name] - 1)
                    inside = [np.mean(np.abs(pulls) < n) for n in (1, 2)]
                    text += f"  {bias:+.3f} ({inside[0]:.3f} {inside[1]:.3f})"
                gof = np.mean([float(f.gof) ** 2 for f in fits])
                print(f"{text}  chi2r {gof:.2f}  {wall:.0f} ms")


def desmeared(count):
    print(f"desmearing {count} curves of each: share of all points within 1 and 2 standard errors")
    for curve in ("A", "E"):
        truth = model(curve, Q)
        for smear, call, given in (
            ("slit", by_slit, SmearingSpec(slit_length=LENGTH)),
            ("pinhole", by_pinhole, SmearingSpec(relative_width=RELATIVE)),
        ):
            sigma, rows = noisy(call(curve), count, 7)
            start = time.perf_counter()
            found = [
                xk.desmear(xk.profile(Q, row, sigma, unit="1/nm"), smearing=given) for row in rows
            ]
            wall = 1e3 * (time.perf_counter() - start) / count
            pulls = np.array([((f.intensity - truth) / f.sigma).values for f in found])
            inside = [np.mean(np.abs(pulls) < n) for n in (1, 2)]
            wrong = np.mean([np.abs(f.intensity.values / truth - 1)[Q < 1] for f in found])
            gof = np.mean([float(f.gof) ** 2 for f in found])
            print(
                f"{curve} {smear:8s}  {inside[0]:.3f} {inside[1]:.3f}  mean deviation below"
                f" 1 1/nm {100 * wrong:.2f} %  chi2r {gof:.2f}  {wall:.0f} ms"
            )


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    main(number)
    desmeared(max(number // 8, 2))
