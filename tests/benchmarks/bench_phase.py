"""Seconds per refinement of round-robin patterns and of a series, warm: run as a script.

python tests/benchmarks/bench_phase.py [folder of measured data]
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import xrdkit as xk
from xrdkit.phase import InstrumentWidths, powder_intensity

PHASES = ["Al2O3", "ZnO", "CaF2"]
WEIGHED = {
    "1a": (1.15, 4.04, 94.81),
    "1c": (5.04, 93.59, 1.36),
    "1e": (55.12, 15.25, 29.62),
    "1g": (31.37, 34.21, 34.42),
}


def round_robin(folder: Path) -> None:
    spec = xk.RefinementSpec(
        range=(20, 130),
        monochromator_two_theta=26.6,
        goniometer_radius=173.0,
        refine_axial=True,
        of_phase=tuple(xk.PhaseSpec(name=n, atoms=("*.b",)) for n in PHASES),
    )
    errors = []
    for name, weighed in WEIGHED.items():
        text = (folder / f"cpd-{name}.prn").read_text()
        rows = np.array(
            [[float(v) for v in row.split()] for row in text.splitlines() if row.strip()]
        )
        profile = xk.pattern(rows[:, 0], rows[:, 1], wavelength="CuKa")
        xk.refine_phases(profile, PHASES, spec)
        wall, cpu = time.perf_counter(), time.process_time()
        result = xk.refine_phases(profile, PHASES, spec)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        wrong = 100 * result.weight_fraction.values - weighed
        errors.append(wrong)
        print(
            f"cpd-{name}: {wall:.2f} s, {cpu:.2f} s CPU; fit minus weighed "
            f"{wrong.round(2)} wt%; Rwp {100 * result.rwp.item():.2f} %, {result.verdict.item()}"
        )
    table = np.array(errors)
    print(f"rms {np.sqrt(np.mean(table**2)):.2f}, worst {np.abs(table).max():.2f} wt%")


def series(frames: int = 100) -> None:
    x = np.linspace(8, 60, 1500)
    rng = np.random.default_rng(0)
    rows = []
    for size in np.linspace(2.5, 5.0, frames):
        total = 0.02 * powder_intensity("Pt", x, wavelength=0.7, size=float(size), fwhm=0.05)
        total += 0.6 * powder_intensity("C", x, wavelength=0.7, size=1.5, fwhm=0.05)
        rows.append(rng.poisson(total / total.max() * 1e4 + 200).astype(float))
    one = xk.pattern(x, rows[0], wavelength=0.7)
    profile = one.drop_vars("intensity").assign(
        intensity=(("frame", "two_theta"), np.array(rows), one.intensity.attrs)
    )
    profile.attrs.update(solid_angle_corrected=1, polarization_factor=0.99)
    spec = xk.RefinementSpec(instrument=InstrumentWidths(w=0.0025), strain=False)
    wall, cpu = time.perf_counter(), time.process_time()
    result = xk.refine_phases(profile, ["Pt", "C"], spec)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    ratio = result.crystallite_size.values[:, 0] / np.linspace(2.5, 5.0, frames)
    print(
        f"series of {frames}: {1e3 * wall / frames:.0f} ms per frame, "
        f"{1e3 * cpu / frames:.1f} ms CPU, "
        f"{int((result.verdict == 'ok').sum())} ok, size rms {100 * np.std(ratio):.2f} %"
    )


if __name__ == "__main__":
    default = Path(__file__).parents[3] / "shared" / "data"
    where = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("XRDKIT_DATA", default))
    if (where / "powder").is_dir():
        round_robin(where / "powder" / "cpd_round_robin")
    series()
