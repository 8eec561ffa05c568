"""A series of 1000 patterns of three phases with known truth, in one call: run as a script.

python tests/benchmarks/bench_series.py [frames] [events]

Corundum, zincite and fluorite with Cu Kα, 20 to 130 degree, 5500 points; cells drift by 2000 ppm
and fractions change over the series; Poisson noise. With ``events`` a blank frame, a jump of a
cell, a phase that appears and disappears, and a stranger are planted.
"""

import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import xarray as xr

import xrdkit as xk
from xrdkit.phase import InstrumentWidths, embedded_structure, powder_intensity

PHASES = ("Al2O3", "ZnO", "CaF2")
EMISSION = ((1.5405929, 2 / 3), (1.5444274, 1 / 3))
FWHM = 0.08
DRIFT = 2000e-6
TOP = 40_000.0
X = np.linspace(20.0, 130.0, 5500)


def lines(phase: str, factor: float = 1.0, size: float = 50.0, strain: float = 5e-4) -> np.ndarray:
    structure = embedded_structure(phase)
    a, b, c, *angles = structure.cell
    moved = structure.with_cell((a * factor, b * factor, c * factor, *angles))
    ratio = np.cos(np.radians(26.6)) ** 2
    # Shares of emission lines are those of the intensity scattered: λ³ is in them.
    total = sum(
        (weight / wavelength**3)
        * powder_intensity(moved, X, wavelength=wavelength, size=size, strain=strain, fwhm=FWHM)
        for wavelength, weight in EMISSION
    )
    return np.asarray(total * (1 + ratio * np.cos(np.radians(X)) ** 2) / (1 + ratio))


def volumes(t: float) -> np.ndarray:
    return np.array([0.5 - 0.25 * t, 0.25 + 0.15 * t, 0.25 + 0.1 * t])


def simulate(frames: int, events: bool, seed: int = 0) -> tuple[xr.Dataset, xr.Dataset]:
    """Return the series and its truth: cells (nm) and weight fractions."""
    rng = np.random.default_rng(seed)
    unit = TOP / sum(v * lines(p) for v, p in zip(volumes(0.0), PHASES, strict=True)).max()
    rows, cells, shares = [], [], []
    where = planted(frames)
    for k in range(frames):
        t = k / max(frames - 1, 1)
        part = volumes(t)
        factors = np.full(3, 1.0 + DRIFT * t)
        if events:
            part[1] *= where["appears"] <= k < where["disappears"]
            factors[2] *= 1.0 + 200e-6 * (k >= where["step"])
        sizes = 60.0 - 20.0 * t
        total = sum(
            v * lines(p, f, sizes) for v, p, f in zip(part, PHASES, factors, strict=True) if v > 0
        )
        mean = unit * total + 100.0 + 200.0 * np.exp(-(X - 20.0) / 30.0)
        if events and k == where["blank"]:
            mean = 100.0 + 200.0 * np.exp(-(X - 20.0) / 30.0)
        if events and k >= where["stranger"]:
            foreign = lines("NaCl")
            mean = mean + 0.15 * TOP * foreign / foreign.max()
        rows.append(rng.poisson(mean).astype(float))
        structures = [embedded_structure(p) for p in PHASES]
        cells.append(
            [[f * x for x in s.cell[:3]] for s, f in zip(structures, factors, strict=True)]
        )
        mass = [
            v * s.mass / s.volume / f**3 for v, s, f in zip(part, structures, factors, strict=True)
        ]
        shares.append(np.array(mass) / sum(mass))
    one = xk.pattern(X, rows[0], wavelength="CuKa")
    series = one.drop_vars("intensity").assign(
        intensity=(("frame", "two_theta"), np.array(rows), one.intensity.attrs)
    )
    series = series.assign_coords(
        time=("frame", 60.0 * np.arange(frames), {"units": "s", "long_name": "time"})
    )
    truth = {"lattice": (("frame", "phase", "axis"), cells), "share": (("frame", "phase"), shares)}
    return series, xr.Dataset(truth)


def planted(frames: int) -> dict[str, int]:
    """Return the frames at which something happens."""
    shares = {"appears": 0.2, "blank": 0.35, "step": 0.5, "disappears": 0.7, "stranger": 0.85}
    return {name: int(share * frames) for name, share in shares.items()}


def main(frames: int, events: bool) -> None:
    spec = xk.RefinementSpec(
        monochromator_two_theta=26.6,
        goniometer_radius=173.0,
        instrument=InstrumentWidths(w=FWHM**2),
        refine_zero=False,
    )
    series, truth = simulate(frames, events)
    xk.refine_phases(series.isel(frame=slice(0, 2)), list(PHASES), spec)
    wall, cpu = time.perf_counter(), time.process_time()
    result = xk.refine_phases(series, list(PHASES), spec)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{frames} frames: {wall:.1f} s, {cpu:.1f} s CPU, {1e3 * cpu / frames:.1f} ms per frame")
    print({str(v): int((result.verdict == v).sum()) for v in np.unique(result.verdict)})
    off = 1e6 * (result.lattice.values / truth.lattice.values - 1.0)
    sigma = 1e6 * result.lattice_sigma.values / truth.lattice.values
    print("a, c rms ppm", np.sqrt(np.nanmean(off[..., ::2] ** 2, axis=0)).round(2).tolist())
    print("in standard errors", np.sqrt(np.nanmean((off / sigma)[..., ::2] ** 2, axis=0)).round(2))
    print(f"all cells rms {np.sqrt(np.nanmean(off[..., ::2] ** 2)):.2f} ppm")
    wrong = 100 * (result.weight_fraction.values - truth.share.values)
    pull = wrong / result.weight_fraction_sigma.values / 100
    print(
        "wt% rms",
        np.sqrt(np.nanmean(wrong**2, axis=0)).round(3),
        "worst",
        np.abs(wrong).max().round(3),
    )
    print("in standard errors", np.sqrt(np.nanmean(pull**2, axis=0)).round(2))
    print(f"mean GoF {result.gof.mean().item():.4f}; free parameters are 20")
    checks = result.start_check.values
    print(
        {str(v): int((checks == v).sum()) for v in np.unique(checks)},
        "largest disagreement",
        float(np.nanmax(result.start_disagreement.where(np.isfinite(result.start_disagreement)))),
    )
    flagged = np.flatnonzero(result.frame_flag.values != "")
    if events:
        print("planted", planted(frames))
    print("largest step significance", float(result.step_significance.max()))
    print(f"{flagged.size} frames flagged")
    for k in flagged[:40]:
        print("  ", k, result.frame_flag.values[k])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, "events" in sys.argv[2:])
