"""Bias, coverage and time of model fits on synthetic curves with known truth.

python tests/benchmarks/bench_models.py [number of seeds, default 100] [case ...]

Curves are written out by hand (plain sums over 2001 radii), noise is 1 % and a floor; no start
value, window or bound is given to any fit.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

sys.path.insert(0, str(Path(__file__).parents[1] / "saxs" / "models"))

import model_curves as curves

import xrdkit as xk
from xrdkit.saxs.models import (
    Choice,
    Flat,
    Model,
    Particles,
    emulsion,
    fit_model,
    lamellar_gel,
    supported_catalyst,
    unified,
)
from xrdkit.saxs.shapes import CoreShell
from xrdkit.saxs.structure_factors import (
    HardSphere,
    StickyHardSphere,
    hard_sphere,
    sticky_hard_sphere,
)

Q = curves.Q
Array = np.ndarray


def volume_shares(median: float, s: float) -> tuple[Array, Array]:
    """Radii and shares of volume of a lognormal distribution."""
    radius = median * np.exp(np.linspace(-8 * s, 8 * s, 2001))
    share = np.exp(-0.5 * (np.log(radius / median) / s) ** 2)
    return radius, share / share.sum()


def spheres(median: float, s: float, factor: Callable[[float], Array] | None = None) -> Array:
    radius, share = volume_shares(median, s)
    total = np.zeros_like(Q)
    for r, w in zip(radius, share, strict=True):
        one = 0.1 * 4 / 3 * np.pi * r**3 * curves.sphere_amplitude(Q * r) ** 2
        total += w * one * (1.0 if factor is None else factor(r))
    return total


def core_shells(median: float, s: float, shell: float, eta: float) -> Array:
    """Core-shell particles: contrast 30 and 5, sizes of the core by its volume."""
    radius, share = volume_shares(median, s)
    total = np.zeros_like(Q)
    for r, w in zip(radius, share, strict=True):
        core, whole = 4 / 3 * np.pi * r**3, 4 / 3 * np.pi * (r + shell) ** 3
        amplitude = 25 * core * curves.sphere_amplitude(Q * r)
        amplitude += 5 * whole * curves.sphere_amplitude(Q * (r + shell))
        s_q = hard_sphere(Q, radius=r + shell, effective_volume_fraction=eta)
        total += w * 0.1 * amplitude**2 / core * s_q
    return total


def catalyst() -> Array:
    support = 60.0 / (1 + (Q * 6.0) ** 2) ** 2 + 2e-4 * Q**-4
    return 0.05 * spheres(1.6, 0.25) + support + 0.01


def gel() -> Array:
    def peak(height: float, place: float, width: float) -> Array:
        return height * np.exp(-4 * np.log(2) * ((Q - place) / width) ** 2)

    return peak(5.0, 0.6, 0.06) + peak(1.2, 1.2, 0.09) + 0.003 * Q**-3.2 + 0.1


def schulz_droplets() -> Array:
    # Volume-weighted mean 8 nm, relative width 0.15.
    k = 1 / 0.15**2
    radius = 8.0 * np.exp(np.linspace(-1.5, 1.2, 2001))
    share = np.exp(k * (np.log(radius / 8.0) - radius / 8.0))
    share /= share.sum()
    total = np.zeros_like(Q)
    for r, w in zip(radius, share, strict=True):
        one = 0.1 * 4 / 3 * np.pi * r**3 * curves.sphere_amplitude(Q * r) ** 2
        total += w * one * hard_sphere(Q, radius=r, effective_volume_fraction=0.2)
    return total


CASES: dict[str, tuple[Callable[[], Array], Model | Choice, dict[str, float]]] = {
    "unified, two levels": (
        curves.two_levels,
        unified(2, power_law=False, packing=False),
        curves.TWO_LEVELS,
    ),
    "hard spheres": (
        lambda: (
            2.0
            * spheres(6.0, 0.15, lambda r: hard_sphere(Q, radius=r, effective_volume_fraction=0.25))
            + 0.05
        ),
        Model(components=(Particles(structure=HardSphere()), Flat())),
        {
            "particles.amount": 2.0,
            "particles.radius": 6.0,
            "particles.width": 0.15,
            "particles.effective_volume_fraction": 0.25,
            "flat.level": 0.05,
        },
    ),
    "sticky hard spheres": (
        lambda: (
            2.0
            * spheres(
                6.0,
                0.12,
                lambda r: sticky_hard_sphere(
                    Q, radius=r, effective_volume_fraction=0.15, stickiness=0.2
                ),
            )
            + 0.05
        ),
        Model(components=(Particles(structure=StickyHardSphere()), Flat())),
        {
            "particles.amount": 2.0,
            "particles.radius": 6.0,
            "particles.width": 0.12,
            "particles.effective_volume_fraction": 0.15,
            "particles.stickiness": 0.2,
        },
    ),
    "core-shell, hard spheres": (
        lambda: 0.005 * core_shells(5.0, 0.15, 2.0, 0.2) + 0.05,
        Model(
            components=(
                Particles(
                    shape=CoreShell(core_contrast=30.0, shell_contrast=5.0),
                    structure=HardSphere(),
                ),
                Flat(),
            )
        ),
        {
            "particles.amount": 0.005,
            "particles.radius": 5.0,
            "particles.width": 0.15,
            "particles.shell_thickness": 2.0,
            "particles.effective_volume_fraction": 0.2,
        },
    ),
    "catalyst": (
        catalyst,
        supported_catalyst(),
        {
            "metal.amount": 0.05,
            "metal.radius": 1.6,
            "metal.width": 0.25,
            "support.intensity_zero": 60.0,
            "support.correlation_length": 6.0,
            "grains.prefactor": 2e-4,
        },
    ),
    "emulsion": (
        lambda: schulz_droplets() + 0.05,
        emulsion(),
        {
            "droplets.amount": 1.0,
            "droplets.radius": 8.0,
            "droplets.width": 0.15,
            "droplets.effective_volume_fraction": 0.2,
        },
    ),
    "lamellar gel": (
        gel,
        lamellar_gel(orders=2),
        {
            "order_1.position": 0.6,
            "order_1.height": 5.0,
            "order_1.width": 0.06,
            "order_2.height": 1.2,
            "slope.power": 3.2,
        },
    ),
    "unified, levels found": (curves.two_levels, unified("auto"), curves.TWO_LEVELS),
}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    wanted = sys.argv[2:] or list(CASES)
    for case in wanted:
        build, model, truth = CASES[case]
        clean = build()
        sigma = np.hypot(0.01 * clean, 2e-3)
        noise = np.random.default_rng(100).standard_normal((200, Q.size))[:count]
        rows = [xk.profile(Q, clean + sigma * row, sigma, unit="1/nm") for row in noise]
        profile = xr.concat(rows, dim="frame", join="exact", combine_attrs="drop_conflicts")
        fit_model(rows[0], model)
        start = time.process_time()
        result = fit_model(profile, model)
        spent = (time.process_time() - start) / count
        good = np.mean(result.verdict.values == "ok")
        print(
            f"{case}, n = {count}: {1e3 * spent:.0f} ms per fit,"
            f" χ²r {np.nanmean(result.gof.values**2):.3f}, ok {good:.3f}"
        )
        if "chosen" in result:
            names = result.candidate_components.values
            found, how = np.unique(result.chosen.values, return_counts=True)
            for k, n in zip(found, how, strict=True):
                print(f"  {names[k]:40s} {n}")
        for name, true in truth.items():
            value = result.parameter_value.sel(parameter=name).values
            error = result.parameter_sigma.sel(parameter=name).values
            known = np.isfinite(value) & np.isfinite(error)
            wrong = np.abs(value - true)[known]
            print(
                f"  {name:38s} bias {100 * (value[known].mean() / true - 1):+8.4f} %"
                f"  scatter {100 * value[known].std(ddof=1) / abs(true):7.4f} %"
                f"  cov68 {np.mean(wrong < error[known]):.3f}"
                f"  cov95 {np.mean(wrong < 2 * error[known]):.3f}  n {known.sum()}"
            )


if __name__ == "__main__":
    main()
