"""Bias, coverage and time of form-free size fits on synthetic curves with known truth.

python tests/benchmarks/bench_formfree.py [number of seeds] [methods ...]

Default are 200 seeds of method tikhonov, 60 of maxent, 20 of montecarlo: less than three minutes.
"""

import sys
import time
from pathlib import Path

import numpy as np
import xarray as xr

sys.path.insert(0, str(Path(__file__).parents[1] / "saxs"))

import synthetic_sets as sets

import xrdkit as xk

_DEFAULTS = {"tikhonov": 200, "maxent": 60, "montecarlo": 20}
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


def compare() -> None:
    profile = series("A", 1).isel(frame=0)
    spec = xk.SizeSpec(contrast=sets.CONTRAST)
    xk.compare_size_methods(profile, spec)
    start = time.process_time()
    result = xk.compare_size_methods(profile, spec)
    spent = time.process_time() - start
    mean = result.mean_radius_volume.values
    print(
        f"A, four methods: {spent:.2f} s, mean radius {np.round(mean, 4)} nm, largest less smallest"
        f" {100 * np.ptp(mean) / mean.mean():.4f} %, standard deviation"
        f" {100 * float(result.mean_radius_volume_method_spread) / mean.mean():.4f} %"
    )


def searches() -> None:
    spec = xk.SizeSpec(contrast=sets.CONTRAST, method="montecarlo")
    start = time.process_time()
    result = xk.fit_sizes(series("A", 1).isel(frame=0), spec)
    spent = time.process_time() - start
    steps, reached = result.parameter_value.sel(parameter=["steps", "reduced_chi2_reached"]).values
    print(
        f"A, montecarlo: {spec.repetitions} x {spec.contributions} contributions and 60 replicates"
        f" of them in {spent:.2f} s, {steps:.0f} steps to χ²r {reached:.3f} (errors stated), "
        f"{reached / float(result.sigma_scale) ** 2:.3f} (noise found)"
    )


def main(counts: dict[str, int]) -> None:
    compare()
    searches()
    for method, count in counts.items():
        for name in ("A", "E"):
            single(fit(name, count, method), name)
        double(fit("B", count, method))
        for factor in (0.5, 2.0):
            single(fit("A", count, method, factor), "A")
    for rule in ("l_curve", "evidence") if "tikhonov" in counts else ():
        count = counts["tikhonov"] // 2
        single(fit("A", count, "tikhonov", regularisation=rule), "A")
        double(fit("B", count, "tikhonov", regularisation=rule))


if __name__ == "__main__":
    chosen = sys.argv[2:] or list(_DEFAULTS)
    main({m: int(sys.argv[1]) if len(sys.argv) > 1 else _DEFAULTS[m] for m in chosen})
