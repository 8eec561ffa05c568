"""How well sizes and cells of small crystals come back: run as a script.

python tests/benchmarks/bench_nanoparticles.py [spheres | platinum | bare]
"""

import logging
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from nanoparticles import SETTINGS, carbon_humps, catalyst
from powder_patterns import integrated
from sphere_patterns import sphere_pattern

import xrdkit as xk
from xrdkit.phase import InstrumentWidths
from xrdkit.phase.sphere_profile import column_lengths

CELL = 0.39237
DOUBLET = [(1.5405929, 2 / 3), (1.5444274, 1 / 3)]
LABORATORY = InstrumentWidths(u=0.003, v=-0.002, w=0.005, x=0.01, y=0.02)
SHARP = InstrumentWidths(w=4e-4)


def spheres(mean: float, sigma: float, draws: int, top: float = 1e4) -> None:
    x = np.arange(20, 140, 0.03)
    y = sphere_pattern(
        "CeO2", x, mean_diameter=mean, sigma=sigma, emission=DOUBLET, instrument=LABORATORY
    )
    expected = y / y.max() * top + 0.03 * top
    spec = xk.RefinementSpec(
        instrument=LABORATORY, strain=False, size_profile="lognormal", refine_zero=False
    )
    names = ("crystallite_size", "column_length_area", "size_sigma", "mean_diameter")
    truth = np.array([*column_lengths(mean, sigma), sigma, mean])
    values, errors, fine = [], [], 0
    begin = time.process_time()
    for seed in range(draws):
        counts = np.random.default_rng(seed).poisson(expected).astype(float)
        result = xk.refine_phases(xk.pattern(x, counts, wavelength="CuKa"), ["CeO2"], spec)
        values.append([result[n].values[0] for n in names])
        errors.append([result[f"{n}_sigma"].values[0] for n in names])
        fine += result.verdict.item() == "ok"
    seconds = (time.process_time() - begin) / draws
    print(f"CeO2, <D> {mean:.2f} nm, sigma {sigma}, {top:g} counts: {fine} of {draws} ok,", end="")
    print(f" {seconds:.2f} s each")
    off = np.array(values) / truth - 1
    pull = (np.array(values) - truth) / np.array(errors)
    for k, name in enumerate(names):
        print(
            f"  {name:19s} mean {100 * off[:, k].mean():+6.2f} %, scatter"
            f" {100 * off[:, k].std():5.2f} %, worst {100 * np.abs(off[:, k]).max():5.2f} %;"
            f" pulls {pull[:, k].mean():+5.2f} +- {pull[:, k].std():.2f}"
        )


def platinum(carbon_share: float, sigma: float, seeds: int) -> None:
    for setting, (wavelength, angles) in SETTINGS.items():
        humps = carbon_humps(angles, wavelength) if carbon_share else ()
        for diameter in (2.0, 3.0, 4.0, 6.0):
            x, mean, particles = catalyst(setting, diameter, sigma, carbon_share)
            text = f"{setting:3s} carbon {carbon_share} sigma {sigma} {diameter:.0f} nm"
            for shape in ("lorentzian", "voigt", "lognormal"):
                spec = xk.RefinementSpec(
                    instrument=SHARP,
                    strain=False,
                    size_profile=shape,
                    background=8,
                    humps=humps,
                )
                rows, verdicts = [], set()
                for seed in range(seeds):
                    counts = np.random.default_rng(seed).poisson(mean).astype(float)
                    profile = integrated(
                        xk.pattern(x, counts, np.sqrt(mean), wavelength=wavelength)
                    )
                    result = xk.refine_phases(profile, ["Pt"], spec)
                    size = 4 / 3 * result.crystallite_size.values[0]
                    width = result.size_sigma.values[0] if "size_sigma" in result else np.nan
                    cell = result.lattice.values[0, 0]
                    rows.append(
                        [
                            100 * (size / particles.diameter_volume - 1),
                            1e6 * (cell / CELL - 1),
                            result.gof.item(),
                            width,
                        ]
                    )
                    verdicts.add(result.verdict.item())
                d, a, gof, width = np.mean(rows, axis=0)
                spread = np.std(rows, axis=0)
                text += (
                    f" | {shape[:5]} D {d:+5.1f}({spread[0]:.1f}) % a {a:+5.0f}({spread[1]:.0f})"
                )
                text += f" ppm gof {gof:.2f}"
                text += f" sigma {width:.2f}" if width == width else ""
                text += "" if verdicts == {"ok"} else f" {'/'.join(sorted(verdicts))}"
            print(text, flush=True)


def main() -> None:
    logging.disable(logging.WARNING)
    chosen = sys.argv[1:] or ["spheres", "platinum", "bare"]
    if "spheres" in chosen:
        spheres(19.1, 0.2, 40)
        spheres(19.1, 0.2, 8, top=1e6)
        for sigma in (0.05, 0.35, 0.5, 0.7):
            spheres(19.1 * np.exp(0.12 - 3 * sigma**2), sigma, 8)
    if "bare" in chosen:
        platinum(0.0, 0.0, 1)
        platinum(0.0, 0.2, 1)
    if "platinum" in chosen:
        for share in (0.3, 0.5):
            platinum(share, 0.2, 4)
        platinum(0.3, 0.0, 2)


if __name__ == "__main__":
    main()
