"""Bias, coverage and time of the model-free analyses on curves with known truth.

python tests/benchmarks/bench_model_free.py [number of seeds, default 200]
python tests/benchmarks/bench_model_free.py --peers [number of seeds, default 200]

The second form needs no xrdkit: it runs in an environment that has freesas (2026.10 was measured)
and scipy, on the same curves.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "saxs"))
sys.path.insert(0, str(Path(__file__).parents[1]))

import synthetic_sets as sets

RADIUS, FORWARD, SURFACE = 5.12446, 89.850, 5.4290e-3
BODY_Q = np.linspace(0.1, 2.8, 474)
BODY_RADIUS, BODY_EXTENT = 3.2, 2 * 3.2 * np.sqrt(5 / 6) * 2


def prolate(q: np.ndarray) -> np.ndarray:
    """Spheroid of axes 1:1:2 with Rg = 3.2 nm."""
    x, w = np.polynomial.legendre.leggauss(300)
    mu, w = 0.5 * (x + 1), 0.5 * w
    equatorial = BODY_RADIUS / np.sqrt(6 / 5)
    return sets.amplitude(np.outer(q, equatorial * np.sqrt(1 + 3 * mu**2))) ** 2 @ w


def body(count: int) -> tuple[np.ndarray, np.ndarray]:
    """A curve like that of a protein in solution: sigma and noisy rows."""
    clean = prolate(BODY_Q)
    sigma = 0.01 * (0.5 * clean + 0.1 * (1 + BODY_Q**2) / 3)
    draws = np.random.default_rng(7).standard_normal((count, BODY_Q.size))
    return sigma, clean + sigma * draws


def score(label: str, values: np.ndarray, errors: np.ndarray, true: float) -> None:
    good = np.isfinite(values)
    off = values[good] - true
    inside = np.abs(off)
    print(
        f"  {label:26s} n {good.sum():3d}  bias {100 * off.mean() / true:+8.3f} %"
        f"  scatter {100 * off.std(ddof=1) / true:7.3f} %"
        f"  sigma {100 * errors[good].mean() / true:7.3f} %"
        f"  cov68 {np.mean(inside < errors[good]):.3f}"
        f"  cov95 {np.mean(inside < 2 * errors[good]):.3f}"
    )


def own(count: int) -> None:
    import model_free_curves as curves

    import xrdkit as xk

    def run(label: str, verb: Callable, spec: object, q, rows, sigma, true: dict) -> None:
        profile = curves.series(q, rows, sigma)
        verb(profile.isel(frame=0), spec)
        start = time.process_time()
        result = verb(profile, spec)
        spent = (time.process_time() - start) / len(rows)
        names, many = np.unique(result.verdict.values, return_counts=True)
        verdicts = ", ".join(f"{n} {m}" for n, m in zip(names, many, strict=True))
        print(f"{label}: {1e3 * spent:.1f} ms a curve; {verdicts}")
        for name, value in true.items():
            score(name, result[name].values, result[f"{name}_sigma"].values, value)

    size = {"radius_of_gyration": RADIUS, "forward_intensity": FORWARD}
    few = max(2, count // 2)
    for name in ("A", "E"):
        sigma, rows = sets.noisy(name, count)
        background = {"background_flat": sets.BACKGROUND_E[0]} if name == "E" else {}
        run(f"{name} guinier", xk.guinier, xk.GuinierSpec(), sets.Q, rows, sigma, size)
        spec = xk.PorodSpec(contrast=10.0)
        run(f"{name} porod", xk.porod, spec, sets.Q, rows, sigma, {"surface_per_volume": SURFACE})
        true = {
            "volume_fraction": 0.01,
            "surface_per_volume": SURFACE,
            "specific_surface": 100 * SURFACE,
        }
        spec = xk.InvariantSpec(contrast=10.0)
        run(f"{name} invariant", xk.invariant, spec, sets.Q, rows, sigma, true | background)
    sigma, rows = sets.noisy("A", few)
    run("A pair_distances", xk.pair_distances, xk.DistanceSpec(), sets.Q, rows, sigma, size)
    sigma, rows = body(count)
    true = {"radius_of_gyration": BODY_RADIUS, "forward_intensity": 1.0}
    run("spheroid 1:2 guinier", xk.guinier, xk.GuinierSpec(), BODY_Q, rows, sigma, true)
    plain = xk.GuinierSpec(curved=False)
    run("spheroid 1:2 guinier, law alone", xk.guinier, plain, BODY_Q, rows, sigma, true)
    true["largest_distance"] = BODY_EXTENT
    run(
        "spheroid 1:2 pair_distances",
        xk.pair_distances,
        xk.DistanceSpec(),
        BODY_Q,
        rows[:few],
        sigma,
        true,
    )
    bodies(curves, xk, few)
    stacks(curves, xk)


def bodies(curves, xk, count: int) -> None:
    print("guinier on bodies of other shapes, errors 0.3 % and more:")
    q = sets.Q
    for name, factor in curves.BODIES.items():
        clean = 90.0 * factor(5.0 * q)
        sigma = 0.003 * np.sqrt(0.3 * clean**2 + 0.2 * clean * clean[0])
        result = xk.guinier(curves.series(q, curves.noisy(clean, sigma, count, 3), sigma))
        found = [result["radius_of_gyration" + s].values for s in ("", "_sigma")]
        score(name, *found, 5.0)


def stacks(curves, xk) -> None:
    from xrdkit.saxs.correlation_read import readings

    print("correlation_function on stacks of lamellae, errors 1 % and more,")
    print("  against the same readings of the exact function:")
    q = np.geomspace(0.05, 4.0, 250)
    for thin, thick, spread in ((4.0, 8.0, (1.2, 2.4)), (5.0, 6.0, (0.5, 0.6))):
        clean = curves.lamellae(q, thin, thick, spread)
        clean /= clean.max()
        sigma = 0.01 * np.sqrt(clean**2 + 3e-4 * clean + 1e-8)
        profile = curves.series(q, curves.noisy(clean + 2e-5, sigma, 40, 1), sigma)
        result = xk.correlation_function(profile, xk.CorrelationSpec(largest=40.0))
        gamma = curves.lamellar_correlation(thin, thick, spread, result.distance.values)
        true = readings(result.distance.values, gamma)
        for name in ("long_period", "lamella_thickness", "volume_fraction_slope"):
            found = [result[name + s].values for s in ("", "_sigma")]
            score(f"{thin:g} + {thick:g} {name}", *found, true[name])


def peers(count: int) -> None:
    from freesas.autorg import auto_gpa, auto_guinier, autoRg
    from freesas.bift import auto_bift

    def run(label: str, curves: np.ndarray, q, sigma, true: tuple[float, float]) -> None:
        for tool in (autoRg, auto_gpa, auto_guinier):
            rows, spent = [], 0.0
            for row in curves:
                data = np.column_stack([q, row, sigma])
                start = time.process_time()
                found = tool(data)
                spent += time.process_time() - start
                rows.append((found.Rg, found.sigma_Rg, found.I0, found.sigma_I0))
            table = np.array(rows)
            print(f"{label} {tool.__name__}: {1e3 * spent / len(curves):.1f} ms a curve")
            score("Rg", table[:, 0], table[:, 1], true[0])
            score("I0", table[:, 2], table[:, 3], true[1])

    def transforms(label: str, curves: np.ndarray, q, sigma, true: tuple[float, float]) -> None:
        rows, spent = [], 0.0
        for row in curves:
            start = time.process_time()
            # As free_bift of freesas does, with its defaults.
            transform = auto_bift(np.column_stack([q, row, sigma]), npt=100, scan_size=27)
            found = transform.monte_carlo_sampling(100, 2.0, npt=100)
            spent += time.process_time() - start
            rows.append((found.Rg_avg, found.Rg_std, found.I0_avg, found.I0_std))
        table = np.array(rows)
        print(f"{label} BIFT: {1e3 * spent / len(curves):.0f} ms a curve")
        score("Rg", table[:, 0], table[:, 1], true[0])
        score("I0", table[:, 2], table[:, 3], true[1])

    few = max(2, count // 20)
    for name in ("A", "E"):
        sigma, rows = sets.noisy(name, count)
        run(name, rows, sets.Q, sigma, (RADIUS, FORWARD))
    sigma, rows = sets.noisy("A", few)
    transforms("A", rows, sets.Q, sigma, (RADIUS, FORWARD))
    sigma, rows = body(count)
    run("spheroid 1:2", rows, BODY_Q, sigma, (BODY_RADIUS, 1.0))
    transforms("spheroid 1:2", rows[:few], BODY_Q, sigma, (BODY_RADIUS, 1.0))


if __name__ == "__main__":
    numbers = [int(a) for a in sys.argv[1:] if a.isdigit()]
    (peers if "--peers" in sys.argv else own)(numbers[0] if numbers else 200)
