"""Intensities of embedded structures against two other programs, and the speed of our sums.

    python tests/benchmarks/bench_structure_factors.py
    python tests/benchmarks/bench_structure_factors.py --peers PYTHON [--golden]

PYTHON is the interpreter of an environment with xrayutilities and Dans_Diffraction. They read CIF
files that are written here, with their own symmetry, form factors and dispersion. R = Σ|I - I_ref|
/ Σ I_ref of the lines with d >= 0.889 Å (120 degree at Cu Kα1) under one scale, with the
unpolarized Lorentz-polarization factor. --golden writes what the tests compare with.
"""

import argparse
import json
import math
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from xrdkit.phase import embedded_names, embedded_structure
from xrdkit.phase.cell import inverse_d_squared
from xrdkit.phase.intensity import LineStrengths, powder_lines, structure_factors_squared
from xrdkit.phase.scattering import dispersion
from xrdkit.phase.strengths import StructureFactors, atoms_of

NINE = ("LaB6", "CeO2", "Al2O3", "LiFePO4", "Pt", "LiCoO2", "Si", "CaF2", "ZnO")
CU, MO = 1.5405929, 0.70931715
WAVELENGTHS = (CU, MO, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
LIMIT = 0.8894614  # Å: 120 degree at Cu Kα1
GOLDEN = Path(__file__).parents[1] / "phase" / "golden_intensities.json"
STRONGEST = Path(__file__).parents[1] / "phase" / "golden_strongest.json"
KEPT = (CU, MO, 0.2, 0.4, 1.0)


def write_cif(structure, path):
    """A CIF that every reader takes: symbol, operators, occupancies and U."""
    values = [*(10 * v for v in structure.cell[:3]), *structure.cell[3:]]
    tags = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lines = ["data_phase", *(f"_cell_{t} {v:.8f}" for t, v in zip(tags, values, strict=True))]
    lines += [f"_symmetry_space_group_name_H-M '{structure.space_group}'"]
    lines += ["loop_", "_symmetry_equiv_pos_as_xyz", *(f"'{t}'" for t in structure.operators)]
    names = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")
    lines += ["loop_", *(f"_atom_site_{n}" for n in names), "_atom_site_U_iso_or_equiv"]
    for site in structure.sites:
        place = " ".join(f"{v:.10f}" for v in site.position)
        u_iso = site.b_iso / (8 * math.pi**2)
        lines.append(f"{site.label} {site.element} {place} {site.occupancy:.6f} {u_iso:.10f}")
    path.write_text("\n".join(lines) + "\n")


def ask_peers(python, names, wavelengths, limit):
    """The sums of the peers for the embedded structures `names`."""
    with tempfile.TemporaryDirectory() as folder:
        crystals = {}
        for name in names:
            structure = embedded_structure(name)
            path = Path(folder) / f"{len(crystals)}.cif"
            write_cif(structure, path)
            edges = [10 * v for v in structure.cell[:3]]
            crystals[name] = {"cif": str(path), "edges": edges, "limit": limit}
        answer = subprocess.run(
            [python, str(Path(__file__).with_name("structure_factor_peers.py"))],
            input=json.dumps({"crystals": crystals, "wavelengths": wavelengths}),
            capture_output=True,
            text=True,
            check=True,
        )
    return json.loads(answer.stdout.strip().splitlines()[-1])


def own_sums(structure, wavelength, inverse, *, plain=False):
    """Our Σ m|F|² at each 1/d² (1/Å²) of `inverse`; lines of equal spacing together."""
    lines = powder_lines(structure, wavelength, 0.0999 * LIMIT, -1.0)
    squared = lines.set_strength
    if plain:
        factors = StructureFactors(structure, lines.sets, wavelength)
        real = np.array([dispersion(s.element, wavelength)[0] for s in structure.sites])
        factors.regular = factors.regular - real[:, None]
        factors.loss = np.zeros_like(factors.loss)
        squared = lines.set_multiplicity * factors.squared(atoms_of(structure))
    here = inverse_d_squared(lines.sets, structure.cell) / 100
    nearest = np.abs(here[:, None] - np.asarray(inverse)).argmin(axis=1)
    close = np.abs(here - np.asarray(inverse)[nearest]) < 1e-5
    return np.bincount(nearest[close], weights=squared[close], minlength=len(inverse))


def lorentz_polarization(inverse, wavelength):
    sine = 0.5 * wavelength * np.sqrt(inverse)
    double = np.cos(2 * np.arcsin(sine))
    return (1 + double**2) / (sine**2 * np.sqrt(1 - sine**2))


def misfit(structure, wavelength, inverse, reference, *, plain=False):
    """R in percent, one scale."""
    inverse, reference = np.asarray(inverse), np.asarray(reference)
    factor = lorentz_polarization(inverse, wavelength)
    here = factor * own_sums(structure, wavelength, inverse, plain=plain)
    there = factor * reference
    return 100 * np.abs(here * there.sum() / here.sum() - there).sum() / there.sum()


def compare(python, *, golden):
    answer = ask_peers(python, NINE, WAVELENGTHS, LIMIT)
    versions = ", ".join(f"{n} {v}" for n, v in answer["versions"].items())
    print(f"R in % against {versions}")
    print("| wavelength | " + " | ".join(NINE) + " |")
    print("|---" * (len(NINE) + 1) + "|")
    for wavelength in WAVELENGTHS:
        cells = []
        for name in NINE:
            kept = answer["crystals"][name]
            sums = kept["dispersion"][str(wavelength)]
            cells.append(misfit(embedded_structure(name), wavelength, kept["inverse"], sums))
        print(f"| {wavelength} | " + " | ".join(f"{v:.3f}" for v in cells) + " |")
    cells = []
    for name in NINE:
        kept = answer["crystals"][name]
        structure = embedded_structure(name)
        cells.append(misfit(structure, CU, kept["plain_inverse"], kept["plain"], plain=True))
    print("| Cu, no dispersion | " + " | ".join(f"{v:.3f}" for v in cells) + " |")
    if golden:
        write_golden(answer)
        write_strongest(python)


def short(values):
    return [float(f"{v:.6g}") for v in values]


def write_golden(answer):
    crystals = {}
    for name, kept in answer["crystals"].items():
        crystals[name] = {
            "inverse": [round(v, 7) for v in kept["inverse"]],
            "xrayutilities": {str(w): short(kept["dispersion"][str(w)]) for w in KEPT},
            "plain_inverse": [round(v, 7) for v in kept["plain_inverse"]],
            "Dans_Diffraction": short(kept["plain"]),
        }
    GOLDEN.write_text(json.dumps({"versions": answer["versions"], "crystals": crystals}) + "\n")


def write_strongest(python):
    """Angle (degree) and relative intensity of the five strongest lines at Cu Kα1."""
    answer = ask_peers(python, embedded_names(), (CU,), 1.0)
    found = {}
    for name, kept in answer["crystals"].items():
        inverse = np.array(kept["inverse"])
        seen = lorentz_polarization(inverse, CU) * np.array(kept["dispersion"][str(CU)])
        best = np.argsort(seen)[::-1][:5]
        angles = 2 * np.degrees(np.arcsin(0.5 * CU * np.sqrt(inverse[best])))
        found[name] = [
            [round(float(a), 4), round(float(v), 3)]
            for a, v in zip(angles, 100 * seen[best] / seen.max(), strict=True)
            if v > 0.001
        ]
    text = json.dumps({"versions": answer["versions"], "lines": found}, indent=0)
    STRONGEST.write_text(text + "\n")


def timed(function, repeats):
    function()
    start = time.process_time()
    for _ in range(repeats):
        function()
    return (time.process_time() - start) / repeats


def speed():
    structure = embedded_structure("LiFePO4")
    d_min = 0.1 * LIMIT
    lines = powder_lines(structure, CU, d_min)
    print(f"LiFePO4, {len(lines.hkl)} lines to 120 degree, CPU on one core:")
    whole = timed(lambda: powder_lines.__wrapped__(structure, CU, d_min), 100)
    print(f"  lines and strengths from nothing: {1e3 * whole:.2f} ms, {1 / whole:.0f} patterns/s")
    sums, atoms = LineStrengths(structure, lines, CU), atoms_of(structure)
    moved = timed(lambda: sums.strengths(atoms), 1000)
    print(f"  after moved atoms: {1e3 * moved:.3f} ms, {1 / moved:.0f} patterns/s")
    slopes = timed(lambda: sums.strengths_and_slopes(atoms), 1000)
    print(f"  with slopes to all atoms: {1e3 * slopes:.3f} ms")
    random = np.random.default_rng(1)
    hkl = random.integers(-6, 7, (30_000, 3))
    hkl = hkl[np.any(hkl != 0, axis=1)]
    every = timed(lambda: structure_factors_squared(structure, hkl, CU), 5)
    print(f"  structure factors: {len(hkl) / every:.2e} reflections/s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="Python with xrayutilities and Dans_Diffraction")
    parser.add_argument("--golden", action="store_true", help="write the golden numbers")
    options = parser.parse_args()
    speed()
    if options.peers:
        compare(options.peers, golden=options.golden)
