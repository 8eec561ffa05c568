"""One task of `compare_phases.py` done by xrdkit, in a process of its own; see `phase_peers.py`."""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import gemmi
import numpy as np
from bench_series import FWHM, PHASES
from bench_structure_factors import CU, LIMIT, lorentz_polarization
from phase_peers import Clock

import xrdkit as xk
from xrdkit.phase import InstrumentWidths, embedded_structure
from xrdkit.phase.cell import inverse_d_squared
from xrdkit.phase.intensity import powder_lines

RANGE = (20, 130)


def own_cpd(job):
    with Clock() as clock:
        text = Path(job["path"]).read_text()
        rows = np.array([[float(v) for v in r.split()] for r in text.splitlines() if r.strip()])
        spec = xk.RefinementSpec(
            range=RANGE,
            monochromator_two_theta=26.6,
            goniometer_radius=173.0,
            refine_axial=True,
            of_phase=tuple(xk.PhaseSpec(name=n, atoms=("*.b",)) for n in PHASES),
        )
        result = xk.refine_phases(
            xk.pattern(rows[:, 0], rows[:, 1], wavelength="CuKa"), list(PHASES), spec
        )
    return numbers(result, clock) | {"share": (100 * result.weight_fraction.values).tolist()}


def own_srm(job):
    with Clock() as clock:
        angle, rate, sigma = certification_scan(job["path"])
        spec = xk.RefinementSpec(
            monochromator_two_theta=26.6,
            goniometer_radius=217.5,
            divergence=1.05,
            refine_zero=False,
            refine_displacement=True,
            refine_axial=True,
            refine_tails=True,
        )
        profile = xk.pattern(angle, rate, sigma, wavelength="CuKa5")
        result = xk.refine_phases(profile, ["LaB6"], spec)
    return numbers(result, clock) | {
        "a": 10 * result.lattice.values[0, 0],
        "a_sigma": 10 * result.lattice_sigma.values[0, 0],
    }


def own_series(job):
    held = np.load(job["path"])
    one = xk.pattern(held["two_theta"], held["intensity"][0], wavelength="CuKa")
    profile = one.drop_vars("intensity").assign(
        intensity=(("frame", "two_theta"), held["intensity"], one.intensity.attrs)
    )
    spec = xk.RefinementSpec(
        monochromator_two_theta=26.6,
        goniometer_radius=173.0,
        instrument=InstrumentWidths(w=FWHM**2),
        refine_zero=False,
    )
    with Clock() as clock:
        result = xk.refine_phases(profile, list(PHASES), spec)
    return {
        "cpu": clock.cpu,
        "cells": (10 * result.lattice.values[..., ::2]).tolist(),
        "shares": result.weight_fraction.values.tolist(),
        "free": result.sizes["parameter"],
        "lost": int((result.verdict == "not_converged").sum()),
    }


def own_lines(job):
    """Lines of LiFePO4, each time with another cell, so that no kept answer is timed."""
    first = embedded_structure("LiFePO4")
    a, b, c, *angles = first.cell

    def lines(factor):
        structure = first.with_cell((a * factor, b * factor, c * factor, *angles))
        found = powder_lines(structure, CU, 0.1 * LIMIT)
        inverse = inverse_d_squared(found.hkl, structure.cell) / 100
        return inverse, lorentz_polarization(inverse, CU) * found.strength

    lines(1 + 1e-9)
    with Clock() as clock:
        for k in range(job["times"]):
            inverse, intensity = lines(1 + 1e-9 * (k + 2))
    angle = np.degrees(2 * np.arcsin(0.5 * CU * np.sqrt(inverse)))
    return {"cpu": clock.cpu / job["times"], "x": angle.tolist(), "y": intensity.tolist()}


OWN = {"cpd": own_cpd, "srm": own_srm, "series": own_series, "lines": own_lines}


def numbers(result, clock):
    return {
        "cpu": clock.cpu,
        "rwp": 100 * result.rwp.item(),
        "gof": result.gof.item(),
        "status": str(result.verdict.item()),
        "free": result.sizes["parameter"],
    }


def certification_scan(path):
    """Angle, rate and standard error of the pdCIF of SRM 660c, each angle once."""
    block = next(b for b in gemmi.cif.read(str(path)) if b.name.endswith("_meas"))
    tags = ("2theta_corrected", "intensity_total", "ls_weight")
    rows = block.find([f"_pd_proc_{t}" for t in tags])
    table = np.array([[float(v) for v in row] for row in rows])
    _, first = np.unique(table[:, 0], return_index=True)
    angle, rate, weight = table[first].T
    return angle, rate, 1 / np.sqrt(weight)


def main():
    job = json.load(sys.stdin)
    task = OWN[job["task"]]
    answer = task(job)
    if job.get("again"):
        answer["again"] = task(job)["cpu"]
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
