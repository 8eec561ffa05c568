"""Bias, coverage and time of size fits on synthetic curves with known truth.

python tests/benchmarks/bench_saxs.py [number of seeds, default 200]
"""

import sys
import time
from pathlib import Path

import numpy as np
import xarray as xr

sys.path.insert(0, str(Path(__file__).parents[1] / "saxs"))

import synthetic_sets as sets

import xrdkit as xk
from xrdkit.saxs import sphere_intensity
from xrdkit.saxs.distribution import lattice_weights
from xrdkit.saxs.kernel import sphere_kernel
from xrdkit.saxs.lognormal import Lognormal
from xrdkit.saxs.shapes import CoreShell

_SHELLS = CoreShell(core_contrast=sets.CORE_D, shell_contrast=sets.SHELL_D)
_A = sets.lognormal_moments(5.0, 0.2) | {"volume_fraction": 0.01}


def series(curves: np.ndarray, sigma: np.ndarray) -> xr.Dataset:
    profiles = [xk.profile(sets.Q, row, sigma, unit="1/nm") for row in curves]
    return xr.concat(profiles, dim="frame", join="exact", combine_attrs="drop_conflicts")


def score(label: str, values: np.ndarray, errors: np.ndarray, true: float) -> None:
    wrong = values - true
    inside = np.abs(wrong)
    print(
        f"  {label:28s} bias {100 * (values.mean() / true - 1):+8.4f} %"
        f"  scatter {100 * values.std(ddof=1) / true:7.4f} %"
        f"  cov68 {np.mean(inside < errors):.3f}  cov95 {np.mean(inside < 2 * errors):.3f}"
    )


def fit(
    name: str,
    count: int,
    *,
    populations: int = 1,
    sigma_factor: float = 1.0,
    method: str = "lognormal",
    shape: str | CoreShell = "sphere",
) -> xr.Dataset:
    sigma, curves = sets.noisy(name, count)
    profile = series(curves, sigma * sigma_factor)
    contrast = None if isinstance(shape, CoreShell) else sets.CONTRAST
    spec = xk.SizeSpec(contrast=contrast, populations=populations, method=method, shape=shape)
    xk.fit_sizes(profile.isel(frame=0), spec)
    start = time.process_time()
    result = xk.fit_sizes(profile, spec)
    spent = (time.process_time() - start) / count
    good = np.mean(result.verdict.values == "ok")
    print(
        f"{name} {method}, sigma x {sigma_factor:g}, n = {count}: {1e3 * spent:.1f} ms per fit,"
        f" χ²r {np.mean(result.gof.values**2):.3f}, sigma_scale"
        f" {np.mean(result.sigma_scale.values):.3f}, verdict ok {good:.1%}, shape"
        f" {result.attrs['shape']}"
    )
    return result


def single(result: xr.Dataset, true: dict[str, float]) -> None:
    for name, value in true.items():
        score(name, result[name].values, result[name + "_sigma"].values, value)


def main(count: int) -> None:
    single(fit("A", count), _A)
    flat, porod = sets.BACKGROUND_E
    single(fit("E", count), _A | {"background_flat": flat, "background_porod": porod})
    result = fit("B", count, populations=2)
    for k, median in enumerate((3.0, 10.0)):
        true = sets.lognormal_moments(median, 0.15) | {"volume_fraction": 0.005}
        for name in ("mean_radius_volume", "width_volume", "volume_fraction"):
            both = [result[f"population_{name}{s}"].values[:, k] for s in ("", "_sigma")]
            score(f"population {k} {name}", *both, true[name])
    for factor in (0.5, 2.0):
        single(fit("A", count, sigma_factor=factor), _A)
    for name, shape, median, s, extra in (
        ("D", _SHELLS, 5.0, 0.15, {"shell_thickness": sets.THICKNESS_D}),
        ("C", "cylinder", 4.0, 0.1, {"length": sets.LENGTH_C}),
    ):
        number = {k: v for k, v in sets.lognormal_moments(median, s).items() if "number" in k}
        single(fit(name, count, shape=shape), number | extra | {"volume_fraction": 0.01})
    free = {k: v for k, v in _A.items() if "number" not in k}
    for name in ("A", "E"):
        single(fit(name, min(count, 100), method="tikhonov"), free)
    product()
    batch(5 * count)


def product() -> None:
    kernel = sphere_kernel(sets.Q)
    weights = lattice_weights(Lognormal(), np.log(5.6), 0.2, lowest_power=-1)
    kernel.apply(weights.level, weights.first, weights.table)
    start = time.perf_counter()
    for _ in range(1000):
        kernel.apply(weights.level, weights.first, weights.table)
    spent = (time.perf_counter() - start) / 1000
    nodes = len(weights.table)
    print(f"curve and two derivatives, 200 q x {nodes} nodes: {1e6 * spent:.0f} µs")
    found = sphere_intensity(
        sets.Q, median_number=5.0, width=0.2, volume_fraction=0.01, contrast=sets.CONTRAST
    )
    wrong = np.max(np.abs(found / sets.truth("A") - 1))
    print(f"largest deviation from a sum over 3001 nodes: {wrong:.1e}")


def batch(count: int) -> None:
    sigma, curves = sets.noisy("A", 200)
    profile = series(np.resize(curves, (count, 200)), sigma)
    start = time.perf_counter()
    many = xk.fit_sizes(profile, xk.SizeSpec(contrast=sets.CONTRAST))
    print(f"{count} profiles in one Dataset: {time.perf_counter() - start:.1f} s")
    alone = xk.fit_sizes(profile.isel(frame=7), xk.SizeSpec(contrast=sets.CONTRAST))
    names = [n for n in alone.data_vars if "frame" in many[n].dims]
    same = all(np.array_equal(many[n].isel(frame=7), alone[n]) for n in names)
    print(f"the same bits as a fit of one of them alone: {same}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
