"""Bias, coverage and time of form-free size fits on synthetic curves with known truth.

python tests/benchmarks/bench_formfree.py [number of seeds, default 200] [methods ...]
"""

import sys
import time
from pathlib import Path

import numpy as np
import xarray as xr

sys.path.insert(0, str(Path(__file__).parents[1] / "saxs"))

import synthetic_sets as sets

import xrdkit as xk

_METHODS = ("tikhonov", "maxent", "montecarlo")
_NAMES = ("mean_radius_volume", "width_volume", "volume_fraction")


def series(name: str, count: int, factor: float = 1.0) -> xr.Dataset:
    sigma, curves = sets.noisy(name, count)
    profiles = [xk.profile(sets.Q, row, sigma * factor, unit="1/nm") for row in curves]
    return xr.concat(profiles, dim="frame", join="exact", combine_attrs="drop_conflicts")


def score(label: str, values: np.ndarray, errors: np.ndarray, true: float) -> None:
    wrong = np.abs(values - true)
    print(
        f"  {label:32s} bias {100 * (values.mean() / true - 1):+8.4f} %"
        f"  scatter {100 * values.std(ddof=1) / true:7.4f} %"
        f"  cov68 {np.mean(wrong < errors):.3f}  cov95 {np.mean(wrong < 2 * errors):.3f}"
    )


def fit(name: str, count: int, method: str, factor: float = 1.0, **options: str) -> xr.Dataset:
    profile = series(name, count, factor)
    spec = xk.SizeSpec(contrast=sets.CONTRAST, method=method, **options)
    xk.fit_sizes(profile.isel(frame=0), spec)
    start = time.process_time()
    result = xk.fit_sizes(profile, spec)
    spent = (time.process_time() - start) / count
    modes, times = np.unique(result.modes.values, return_counts=True)
    print(
        f"{name} {method} {options or ''}, sigma x {factor:g}, n = {count}:"
        f" {1e3 * spent:.1f} ms per fit, sigma_scale {np.mean(result.sigma_scale.values):.3f},"
        f" verdict ok {np.mean(result.verdict.values == 'ok'):.1%}, modes"
        f" {dict(zip(modes.tolist(), times.tolist(), strict=True))}, more not resolved in"
        f" {np.mean(result.modes_unresolved.values > 0):.1%}"
    )
    return result


def single(result: xr.Dataset, name: str) -> None:
    true = sets.lognormal_moments(5.0, 0.2) | {"volume_fraction": 0.01}
    median = 5.0 * np.exp(3 * 0.2**2)
    true["median_radius_volume"] = median
    true["mode_radius_volume"] = median * np.exp(-(0.2**2))
    true["specific_surface"] = 3.0 * np.exp(0.5 * 0.2**2) / median
    if name == "E":
        true["background_flat"], true["background_porod"] = sets.BACKGROUND_E
    for key, value in true.items():
        if key in result and "number" not in key:
            score(key, result[key].values, result[key + "_sigma"].values, value)


def double(result: xr.Dataset) -> None:
    for k, median in enumerate((3.0, 10.0)):
        true = sets.lognormal_moments(median, 0.15) | {"volume_fraction": 0.005}
        print(
            f"  population {k}: resolution {result.population_resolution.values[:, k].mean():.4f}"
        )
        for key in _NAMES:
            both = [result[f"population_{key}{s}"].values[:, k] for s in ("", "_sigma")]
            score(f"population {k} {key}", *both, true[key])


def main(count: int, methods: list[str]) -> None:
    for method in methods:
        for name in ("A", "E"):
            single(fit(name, count, method), name)
        double(fit("B", count, method))
        for factor in (0.5, 2.0):
            single(fit("A", count, method, factor), "A")
    if "tikhonov" in methods:
        for rule in ("l_curve", "evidence"):
            single(fit("A", count, "tikhonov", regularisation=rule), "A")
            double(fit("B", count, "tikhonov", regularisation=rule))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, sys.argv[2:] or list(_METHODS))
