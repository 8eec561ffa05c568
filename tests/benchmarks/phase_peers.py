"""One task of `compare_phases.py` done by another program; run by the Python of its environment.

Reads one JSON job from standard input: {"program", "task", ...}, writes one JSON line: numbers of
the result and ``cpu``, the CPU seconds of the call itself. Each program is used as its
documentation shows for such data; what cannot be done raises, and the page says so.
"""

import json
import os
import sys
import time
from importlib.metadata import version

os.environ.setdefault("OMP_NUM_THREADS", "1")

#: Structures of the round robin: symbol, cell in Å, sites (label, element, x, y, z, B in Å²);
#: B as others published it, since where it is refined it is a start.
CRYSTALS = {
    "Al2O3": (
        "R -3 c",
        (4.7593, 4.7593, 12.9917, 90, 90, 120),
        [("Al", "Al", 0, 0, 0.35216, 0.3), ("O", "O", 0.30624, 0, 0.25, 0.3)],
    ),
    "ZnO": (
        "P 63 m c",
        (3.2499, 3.2499, 5.2066, 90, 90, 120),
        [("Zn", "Zn", 1 / 3, 2 / 3, 0, 0.55), ("O", "O", 1 / 3, 2 / 3, 0.3826, 0.55)],
    ),
    "CaF2": (
        "F m -3 m",
        (5.4631, 5.4631, 5.4631, 90, 90, 90),
        [("Ca", "Ca", 0, 0, 0, 0.55), ("F", "F", 0.25, 0.25, 0.25, 0.75)],
    ),
    "LaB6": (
        "P m -3 m",
        (4.1568, 4.1568, 4.1568, 90, 90, 90),
        [("La", "La", 0, 0, 0, 0.355), ("B", "B", 0.198, 0.5, 0.5, 0.276)],
    ),
}


class Clock:
    """CPU seconds of this process within the block."""

    def __enter__(self):
        self.begin = time.process_time()
        return self

    def __exit__(self, *_):
        self.cpu = time.process_time() - self.begin


def rietx_phase(rx, name, *, broadened):
    symbol, cell, sites = CRYSTALS[name]
    names = ("a", "b", "c", "alpha", "beta", "gamma")
    edges = {
        k: rx.Parameter(value=v, **({"min": 1.0} if k in "abc" else {}))
        for k, v in zip(names, cell, strict=True)
    }
    atoms = [
        rx.Atom(
            label=label,
            species=element,
            x=rx.Parameter(value=x),
            y=rx.Parameter(value=y),
            z=rx.Parameter(value=z),
            biso=rx.Parameter(value=b, min=0.0, max=25.0),
        )
        for label, element, x, y, z, b in sites
    ]
    start = 1e-3 if broadened else 1e-4
    more = {}
    if broadened:
        more["lor_size"] = rx.Parameter(value=0.02, min=0.0, transform="softplus")
        more["lor_strain"] = rx.Parameter(value=0.0, min=0.0, transform="softplus")
    return rx.Phase(
        name=name,
        space_group=symbol,
        cell=rx.Cell(**edges),
        atoms=atoms,
        scale=rx.Parameter(value=start, min=0.0, transform="softplus"),
        **more,
    )


def rietx_scaled(structure, instrument, data):
    """Set the scales so that the sum of the calculated pattern is that of the data."""
    from rietx.model.forward import compile_model
    from rietx.params.vector import ParameterTable

    model = compile_model(structure, instrument, data, mode="rietveld")
    table = ParameterTable(structure, instrument)
    total = float(model.evaluate(table.decode(table.x0())).sum())
    seen = sum(data.intensity) - min(data.intensity) * len(data.intensity)
    for phase in structure.phases:
        phase.scale.value *= seen / max(total, 1e-9) / len(structure.phases)


def rietx_mixture(rx):
    """Structure, instrument and plan of rietx's own test on the round robin."""
    structure = rx.Structure(
        phases=[rietx_phase(rx, n, broadened=True) for n in ("Al2O3", "ZnO", "CaF2")]
    )
    instrument = rx.Instrument.bragg_brentano(
        radiation="CuKa", goniometer_radius_mm=173.0, monochromator_two_theta=26.6
    )
    instrument.background = rx.BackgroundChebyshev.with_terms(6)
    return structure, instrument


def rietx_plan(rx, *, series=False):
    stages = [
        rx.Stage("scale_bkg", ["phases.*.scale", "instrument.background.*"]),
        rx.Stage("zero_disp", ["instrument.zero_shift", "instrument.geometry.sample_displacement"]),
        rx.Stage("cell", ["phases.*.cell.*"]),
        rx.Stage("profile_w", ["instrument.profile.w"]),
        rx.Stage("profile", [f"instrument.profile.{k}" for k in "uvxy"]),
        rx.Stage(
            "sample_broadening",
            [f"phases.*.{s}_{k}" for s in ("lor", "gauss") for k in ("size", "strain")],
            seed=1e-4,
        ),
        rx.Stage(
            "lines_axial", ["instrument.source.lines.*.weight", "instrument.geometry.axial_sl"]
        ),
        rx.Stage("biso", ["phases.*.atoms.*.biso"]),
    ]
    if series:  # what the series of xrdkit frees: the instrument is known, atoms are not moved
        kept = ("scale_bkg", "zero_disp", "cell", "sample_broadening")
        stages = [s for s in stages if s.name in kept]
        stages[1] = rx.Stage("disp", ["instrument.geometry.sample_displacement"])
        stages[3] = rx.Stage(
            "sample_broadening", ["phases.*.lor_size", "phases.*.lor_strain"], seed=1e-4
        )
    return rx.RefinementPlan(stages=stages)


def rietx_cpd(job):
    import rietx as rx

    with Clock() as clock:
        data = rx.read_pattern(job["path"])
        structure, instrument = rietx_mixture(rx)
        rietx_scaled(structure, instrument, data)
        refinement = rx.Refinement(structure, instrument, history=False)
        limits = job.get("limits")
        result = refinement.fit(
            data,
            plan=rietx_plan(rx),
            telemetry=False,
            two_theta_limits=tuple(limits) if limits else None,
        )
    share = {p.name: 100 * p.weight_fraction for p in result.qpa.phases}
    return {
        "cpu": clock.cpu,
        "rwp": 100 * result.statistics.rwp,
        "gof": result.statistics.gof,
        "status": str(result.status),
        "share": [share[n] for n in ("Al2O3", "ZnO", "CaF2")],
        "free": len(result.parameters),
    }


def rietx_srm(job):
    import rietx as rx
    from rietx.background import auto_background

    with Clock() as clock:
        data = rx.read_pdcif(job["path"], block="_meas")
        structure = rx.Structure(phases=[rietx_phase(rx, "LaB6", broadened=False)])
        instrument = rx.Instrument.bragg_brentano(radiation="CuKa", monochromator_two_theta=26.6)
        instrument.profile.w.value = 2e-3
        instrument.profile.x.value = 5e-3
        instrument.geometry.axial_sl.value = 0.025
        instrument.geometry.axial_hl.value = 0.025
        instrument.background = auto_background(data, kind="chebyshev").background
        stages = [
            rx.Stage("scale_bkg", ["phases.*.scale", "instrument.background.*"]),
            rx.Stage("disp", ["instrument.geometry.sample_displacement"]),
            rx.Stage("cell", ["phases.*.cell.*"]),
            rx.Stage("profile_w", ["instrument.profile.w"]),
            rx.Stage("profile", [f"instrument.profile.{k}" for k in "uvxy"]),
            rx.Stage(
                "lines_axial",
                [
                    "instrument.source.lines.*.weight",
                    "instrument.geometry.axial_sl",
                    "instrument.geometry.axial_hl",
                ],
            ),
            rx.Stage("biso", ["phases.*.atoms.*.biso"]),
        ]
        refinement = rx.Refinement(structure, instrument, history=False)
        result = refinement.fit(data, plan=rx.RefinementPlan(stages=stages), telemetry=False)
    cell = result.parameter("phases.0.cell.a")
    return {
        "cpu": clock.cpu,
        "rwp": 100 * result.statistics.rwp,
        "gof": result.statistics.gof,
        "status": str(result.status),
        "a": refinement.fitted_structure.phases[0].cell.a.value,
        "a_sigma": cell.stderr,
        "free": len(result.parameters),
    }


def rietx_series(job):
    import numpy as np
    import rietx as rx

    held = np.load(job["path"])
    rows = held["intensity"][: job["frames"]]
    patterns = [
        rx.PatternData(two_theta=held["two_theta"].tolist(), intensity=r.tolist()) for r in rows
    ]
    structure, instrument = rietx_mixture(rx)
    width = float(held["fwhm"])
    instrument.profile.w.value = width**2
    for name in ("u", "v", "x", "y"):
        getattr(instrument.profile, name).value = 0.0
    instrument.geometry.axial_sl.value = instrument.geometry.axial_hl.value = 0.0
    # Displacement parameters are those of the simulation: neither program refines them here.
    for phase, values in zip(structure.phases, job["b_iso"], strict=True):
        for atom, value in zip(phase.atoms, values, strict=True):
            atom.biso.value = value
    rietx_scaled(structure, instrument, patterns[0])
    with Clock() as clock:
        result = rx.SequentialRefinement(structure, instrument).fit(
            patterns, plan=rietx_plan(rx, series=True), telemetry=False
        )
    names = ("Al2O3", "ZnO", "CaF2")
    cells, shares, free = [], [], 0
    for entry in result.entries:
        found = {p.path: p.value for p in entry.parameters}
        free = len(found)
        cells.append([[found.get(f"phases.{k}.cell.{e}") for e in "ac"] for k in range(3)])
        weights = {p.name: p.weight_fraction for p in entry.qpa.phases}
        shares.append([weights[n] for n in names])
    return {
        "cpu": clock.cpu,
        "cells": cells,
        "shares": shares,
        "free": free,
        "lost": sum(str(e.status) != "converged" for e in result.entries) + result.n_failed,
    }


def easydiffraction_project(job, names, points):
    """A project with the pattern, its phases and a background through `points`."""
    import easydiffraction as ed

    project = ed.Project(name="benchmark")
    for name in names:
        symbol, cell, sites = CRYSTALS[name]
        project.structures.create(name=name.lower())  # cryspy looks for lower case
        one = project.structures[name.lower()]
        one.space_group.name_h_m = symbol
        one.space_group.it_coordinate_system_code = "h" if symbol.startswith("R") else "1"
        one.cell.length_a, one.cell.length_b, one.cell.length_c = cell[:3]
        one.cell.angle_gamma = cell[5]
        for label, element, x, y, z, b in sites:
            one.atom_sites.create(
                label=label, type_symbol=element, fract_x=x, fract_y=y, fract_z=z, b_iso=b
            )
    project.experiments.add_from_data_path(
        name="scan",
        data_path=job["path"],
        sample_form="powder",
        beam_mode="constant wavelength",
        radiation_probe="xray",
    )
    scan = project.experiments["scan"]
    scan.instrument.setup_wavelength = 1.5405929
    scan.peak.broad_gauss_u, scan.peak.broad_gauss_v = 0.0, 0.0
    scan.peak.broad_gauss_w, scan.peak.broad_lorentz_y = 0.003, 0.05
    for k, (x, y) in enumerate(points):
        scan.background.create(id=str(k), x=x, y=y)
    for name in names:
        scan.linked_phases.create(id=name.lower(), scale=job["scale"])
    return project, scan


def easydiffraction_srm(job):
    points = job["background"]
    with Clock() as clock:
        project, scan = easydiffraction_project(job, ("LaB6",), points)
        project.structures["lab6"].cell.length_a.free = True
        scan.linked_phases["lab6"].scale.free = True
        scan.instrument.calib_twotheta_offset.free = True
        project.analysis.fit()
        scan.peak.broad_gauss_w.free = True
        scan.peak.broad_lorentz_y.free = True
        for k in range(len(points)):
            scan.background[str(k)].y.free = True
        project.analysis.fit()
    import numpy as np

    observed = np.asarray(scan.data.intensity_meas, dtype=float)
    sigma = np.asarray(scan.data.intensity_meas_su, dtype=float)
    calculated = np.asarray(scan.data.intensity_calc, dtype=float)
    chi2 = float((((observed - calculated) / sigma) ** 2).sum())
    free = 5 + len(points)
    return {
        "cpu": clock.cpu,
        "rwp": 100 * float(np.sqrt(chi2 / ((observed / sigma) ** 2).sum())),
        "gof": float(np.sqrt(chi2 / (observed.size - free))),
        "a": project.structures["lab6"].cell.length_a.value,
        "free": free,
    }


def pymatgen_lines(job):
    from pymatgen.analysis.diffraction.xrd import XRDCalculator
    from pymatgen.core import Structure

    structure = Structure.from_file(job["path"])
    factors = job.get("debye_waller")
    calculator = XRDCalculator(
        wavelength=job["wavelength"], **({"debye_waller_factors": factors} if factors else {})
    )
    calculator.get_pattern(structure, two_theta_range=(5, 120), scaled=False)
    with Clock() as clock:
        for _ in range(job["times"]):
            found = calculator.get_pattern(structure, two_theta_range=(5, 120), scaled=False)
    return {"cpu": clock.cpu / job["times"], "x": found.x.tolist(), "y": found.y.tolist()}


def xrayutilities_lines(job):
    """Lorentz-polarisation times Σ|F|² of all reflections, by angle."""
    import itertools

    import numpy as np
    import xrayutilities as xu

    crystal = xu.materials.Crystal.fromCIF(job["path"])
    wavelength, limit = job["wavelength"], job["limit"]
    energy = xu.lam2en(wavelength)
    reach = [int(edge / limit) + 1 for edge in job["edges"]]
    hkl = np.array([h for h in itertools.product(*(range(-n, n + 1) for n in reach)) if any(h)])
    with Clock() as clock:
        q = crystal.Q(hkl)
        sine = wavelength * np.linalg.norm(q, axis=1) / (4 * np.pi)
        inside = sine < 1
        squared = [abs(crystal.StructureFactor(v, energy)) ** 2 for v in q[inside]]
    angle = 2 * np.arcsin(sine[inside])
    factor = (1 + np.cos(angle) ** 2) / (np.sin(angle / 2) ** 2 * np.cos(angle / 2))
    return {
        "cpu": clock.cpu,
        "x": np.degrees(angle).tolist(),
        "y": (factor * np.array(squared)).tolist(),
    }


TASKS = {
    ("rietx", "cpd"): rietx_cpd,
    ("rietx", "srm"): rietx_srm,
    ("rietx", "series"): rietx_series,
    ("easydiffraction", "srm"): easydiffraction_srm,
    ("pymatgen", "lines"): pymatgen_lines,
    ("xrayutilities", "lines"): xrayutilities_lines,
}


def main():
    job = json.load(sys.stdin)
    task = TASKS[job["program"], job["task"]]
    answer = task(job)
    if job.get("again"):
        answer["again"] = task(job)["cpu"]
    answer["version"] = version(job["program"])
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
