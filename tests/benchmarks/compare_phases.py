"""Phase fits of xrdkit beside rietx, easydiffraction and pymatgen, on the same patterns.

    python tests/benchmarks/compare_phases.py [FOLDER] [--peers PATH] [--runs N] [--markdown PATH]

FOLDER holds the measured data (default: ``XRDKIT_DATA``). PATH is an environment with rietx,
easydiffraction, pymatgen and xrayutilities; without it one is made from PyPI for this run. A peer
that is not there or cannot do a task is said so in the table.

Every fit has a process of its own. Times are CPU seconds of the call without imports (reading, fit,
errors), as the first of the process and once more, and of the whole child by its resources; each
the least of N runs with the programs taking turns.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from bench_series import FWHM, PHASES, simulate
from bench_structure_factors import CU, LIMIT, write_cif
from phase_own import RANGE, certification_scan

from xrdkit.phase import embedded_structure
from xrdkit.provenance import package_version

WEIGHED = {
    "1a": (1.15, 4.04, 94.81),
    "1c": (5.04, 93.59, 1.36),
    "1e": (55.12, 15.25, 29.62),
    "1g": (31.37, 34.21, 34.42),
}
CERTIFIED = 4.156780  # Å at the temperature of the scan, 20.85 °C
PEERS = ("rietx", "easydiffraction", "pymatgen", "xrayutilities")
FRAMES = 50
HERE = Path(__file__)
LONGEST = 900  # s


def ask(python, job):
    """The answer to one job of a process of its own, with CPU seconds; or ``reason``."""
    own = job["program"] == "xrdkit"
    command = [sys.executable, "phase_own.py"] if own else [str(python), "phase_peers.py"]
    with tempfile.TemporaryFile("w+") as told, tempfile.TemporaryFile("w+") as wrong:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=told, stderr=wrong, text=True, cwd=HERE.parent
        )
        child.stdin.write(json.dumps(job))
        child.stdin.close()
        end = time.monotonic() + LONGEST
        while True:
            pid, status, used = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > end:
                child.kill()
            time.sleep(0.02)
        child.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        wrong.seek(0)
        lines, error = told.read().strip().splitlines(), wrong.read().strip().splitlines()
    if status != 0 or not lines:
        name = error[-1].split(":")[0] if error else f"ended with {child.returncode}"
        return {"reason": name}
    answer = {"again": None} | json.loads(lines[-1])
    # Start and imports, with the first call: what a command line that makes one fit takes.
    answer["first"] = used.ru_utime + used.ru_stime - (answer["again"] or 0.0)
    return answer


def repeated(python, jobs, runs):
    """Answers by key, with the least times of `runs` rounds."""
    best = {}
    for k in range(runs):
        for key, job in jobs.items():
            if k >= job.get("runs", runs):
                continue
            found = ask(python, job)
            if "reason" in found or key not in best:
                best[key] = found
            elif "reason" not in best[key]:
                for name in ("cpu", "again", "first"):
                    if found[name] is not None:
                        best[key][name] = min(best[key][name], found[name])
            print(key, {k: v for k, v in found.items() if k in ("cpu", "again", "rwp", "reason")})
    return best


def mixtures(folder, python, runs):
    """Cold fits of the mixtures: one table of accuracy and time, one of single errors."""
    programs = {
        "xrdkit": {"program": "xrdkit"},
        "rietx": {"program": "rietx", "limits": RANGE},
        "rietx, 5 to 150°": {"program": "rietx", "runs": 1},
    }
    jobs = {
        (label, sample): job
        | {"task": "cpd", "again": "runs" not in job, "path": str(folder / f"cpd-{sample}.prn")}
        for sample in WEIGHED
        for label, job in programs.items()
    }
    best = repeated(python, jobs, runs)
    rows = [
        ["program", "RMS, wt%", "worst, wt%", "Rwp, %", "free", "CPU s a fit", "ratio",
         "CPU s again", "ratio", "process", "ratio"],
    ]  # fmt: skip
    single = [["program", "sample", *PHASES, "Rwp, %", "GoF", "status"]]
    first = None
    for label in programs:
        found = {s: best[label, s] for s in WEIGHED}
        if reason := next((f["reason"] for f in found.values() if "reason" in f), ""):
            rows.append([label, f"not run: {reason}", *[""] * 9])
            continue
        wrong = np.array([np.array(f["share"]) - WEIGHED[s] for s, f in found.items()])
        times = [mean_of([f[k] for f in found.values()]) for k in ("cpu", "again", "first")]
        first = first or times
        rows.append(
            [
                label,
                f"{np.sqrt(np.mean(wrong**2)):.2f}",
                f"{np.abs(wrong).max():.2f}",
                " ".join(f"{f['rwp']:.1f}" for f in found.values()),
                str(max(f["free"] for f in found.values())),
                *with_ratios(times, first),
            ]
        )
        for (sample, f), errors in zip(found.items(), wrong, strict=True):
            cells = [f"{e:+.2f}" for e in errors]
            single.append(
                [label, sample, *cells, f"{f['rwp']:.2f}", f"{f['gof']:.2f}", f["status"]]
            )
    rows.append(["easydiffraction", "no fit: one wavelength, no weight fractions", *[""] * 9])
    rows.append(["pymatgen", "no fit of patterns", *[""] * 9])
    return rows, single


def mean_of(values):
    return None if None in values else float(np.mean(values))


def with_ratios(times, first):
    cells = []
    for value, ours in zip(times, first, strict=True):
        cells += ["–", "–"] if value is None else [f"{value:.2f}", f"{value / ours:.1f}"]
    return cells


def standard(path, python, runs):
    angle, rate, sigma = certification_scan(path)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "scan.xye"
        np.savetxt(plain, np.column_stack([angle, rate, sigma]), fmt="%.6f")
        jobs = {
            "xrdkit": {"program": "xrdkit", "task": "srm", "again": True, "path": str(path)},
            "rietx": {"program": "rietx", "task": "srm", "again": True, "path": str(path)},
            "easydiffraction": {
                "program": "easydiffraction",
                "task": "srm",
                "runs": 1,
                "path": str(plain),
                "scale": 0.5,
                "background": [[20, 20], [60, 10], [100, 8], [150, 8]],
            },
        }
        best = repeated(python, jobs, runs)
    rows = [["program", "a, Å", "a off, ppm", "Rwp, %", "GoF", "free", "CPU s", "ratio",
             "CPU s again", "ratio", "process", "ratio"]]  # fmt: skip
    first = None
    for label, found in best.items():
        if "reason" in found:
            rows.append([label, f"not run: {found['reason']}", *[""] * 10])
            continue
        times = [found[k] for k in ("cpu", "again", "first")]
        first = first or times
        rows.append(
            [
                label,
                f"{found['a']:.6f}",
                f"{1e6 * (found['a'] / CERTIFIED - 1):+.1f}",
                f"{found['rwp']:.2f}",
                f"{found['gof']:.2f}",
                str(found["free"]),
                *with_ratios(times, first),
            ]
        )
    rows.append(["pymatgen", "no fit of patterns", *[""] * 10])
    return rows


def lines_of_lfp(python, runs):
    structure = embedded_structure("LiFePO4")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "LiFePO4.cif"
        write_cif(structure, path)
        job = {"task": "lines", "path": str(path), "wavelength": CU, "times": 20}
        factors = {}
        for site in structure.sites:
            factors.setdefault(site.element, []).append(site.b_iso)
        debye = {element: float(np.mean(b)) for element, b in factors.items()}
        jobs = {
            "xrdkit": job | {"program": "xrdkit", "times": 100},
            "pymatgen": job | {"program": "pymatgen"},
            "pymatgen with Debye-Waller factors": job
            | {"program": "pymatgen", "debye_waller": debye},
        }
        best = repeated(python, jobs, runs)
        edges = [10 * v for v in structure.cell[:3]]
        other = ask(python, job | {"program": "xrayutilities", "limit": LIMIT, "edges": edges})
    rows = [["program", "R to xrayutilities, %", "ms a pattern", "ratio"]]
    for label, found in best.items():
        if "reason" in found:
            rows.append([label, f"not run: {found['reason']}", "", ""])
            continue
        r = "–" if "reason" in other else f"{stick_misfit(found, other):.2f}"
        ratio = found["cpu"] / best["xrdkit"]["cpu"]
        rows.append([label, r, f"{1e3 * found['cpu']:.2f}", f"{ratio:.1f}"])
    if "reason" not in other:
        ratio = other["cpu"] / best["xrdkit"]["cpu"]
        rows.append(["xrayutilities, every hkl", "0", f"{1e3 * other['cpu']:.0f}", f"{ratio:.0f}"])
    return rows


def stick_misfit(found, other):
    """R in percent of lines from 5 to 120 degree, one scale; lines within .002 degree are one."""
    x = np.concatenate([found["x"], other["x"]])
    y = np.concatenate([found["y"], other["y"]])
    own = np.arange(x.size) < len(found["x"])
    inside = (x > 5.0) & (x < 119.99)
    order = np.flatnonzero(inside)[np.argsort(x[inside], kind="stable")]
    line = np.cumsum(np.diff(x[order], prepend=0.0) > 2e-3)
    ours, theirs = (np.bincount(line, weights=np.where(k, y, 0.0)[order]) for k in (own, ~own))
    return 100 * np.abs(ours / ours.sum() - theirs / theirs.sum()).sum()


def series(python):
    """One series, once: the fits are many enough."""
    data, truth = simulate(FRAMES, events=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "series.npz"
        np.savez(path, two_theta=data.two_theta, intensity=data.intensity, fwhm=FWHM)
        job = {"task": "series", "path": str(path), "frames": FRAMES}
        b_iso = [[s.b_iso for s in embedded_structure(p).sites] for p in PHASES]
        jobs = {
            "xrdkit": job | {"program": "xrdkit"},
            "rietx": job | {"program": "rietx", "b_iso": b_iso},
        }
        best = repeated(python, jobs, 1)
    rows = [["program", "ms CPU a frame", "ratio", "free", "lost", "cells rms, ppm",
             "cells worst, ppm", "rms, wt%", "worst, wt%"]]  # fmt: skip
    cells = 10 * truth.lattice.values[..., ::2]
    for label, found in best.items():
        if "reason" in found:
            rows.append([label, f"not run: {found['reason']}", *[""] * 7])
            continue
        off = 1e6 * (np.array(found["cells"], dtype=float) / cells - 1)
        wrong = 100 * (np.array(found["shares"], dtype=float) - truth.share.values)
        rows.append(
            [
                label,
                f"{1e3 * found['cpu'] / FRAMES:.0f}",
                f"{found['cpu'] / best['xrdkit']['cpu']:.1f}",
                str(found["free"]),
                str(found["lost"]),
                f"{np.sqrt(np.nanmean(off**2)):.1f}",
                f"{np.nanmax(np.abs(off)):.1f}",
                f"{np.sqrt(np.nanmean(wrong**2)):.3f}",
                f"{np.nanmax(np.abs(wrong)):.3f}",
            ]
        )
    rows.append(["easydiffraction", "not run: no emission doublet", *[""] * 7])
    return rows


HEAD = (
    "# Phase fits of xrdkit beside its peers\n\n"
    "Written by `python tests/benchmarks/compare_phases.py --markdown docs/benchmarks/phases.md`: "
    "{versions}. Each fit in a process of its own on one thread. CPU seconds, the least of {runs} "
    'runs with the programs in turn: "CPU s" is the first call in the process, from reading the '
    'pattern to errors and verdict, without imports; "again" a second call; "process" the whole '
    "process with one call, imports included; slow ones (whole patterns, easydiffraction, the "
    "series, xrayutilities) ran once. Ratios are to xrdkit. The machine had two cores in use by "
    "others: ratios say more than seconds.\n\n"
    "Every program got the settings that its own documentation or tests give for such data; they "
    "are named below each table.\n"
)

TEXTS = {
    "Mixtures": (
        "Samples 1a, 1c, 1e and 1g of the IUCr CPD round robin on quantitative phase analysis: "
        "corundum, zincite, fluorite; Cu Kα, graphite monochromator. Fit minus weighed (Madsen et "
        "al., J. Appl. Cryst. 34 (2001) 409), RMS and worst of the twelve fractions; the four Rwp "
        "in the order of the samples.",
        "xrdkit: 20 to 130°, axial divergence and B of every site refined, all else default. "
        "rietx: the protocol of its own test on these data (scale and background, zero and "
        "displacement, cells, U V W X Y, sizes and strains, Kα2 share and axial divergence, B), "
        "Chebyshev background of 6 terms; once in the same range, once in the whole pattern as "
        "its test does. Rwp of different ranges do not compare.",
    ),
    "Single errors": ("Fit minus weighed in wt%.", ""),
    "Line standard": (
        "Certification scan of NIST SRM 660c (LaB6) at 20.85 °C, a = 4.156780 Å.",
        "xrdkit: five Cu Kα lines with their widths, axial divergence, tails of the tube, "
        "divergence 1.05° from the file, displacement free, zero fixed. rietx: its own example "
        "for this scan (zero fixed, displacement, cell, widths, Kα2 share, axial divergence, B). "
        "easydiffraction: cell, scale, zero, then W, Y and four background points with lmfit; "
        "version 0.11 knows one wavelength, so the Kα2 lines stay unexplained.",
    ),
    "Calculated pattern": (
        "LiFePO4, lines from 5 to 120° at Cu Kα1 with Lorentz-polarisation factor. R = Σ|I - "
        "I_ref| / Σ I_ref under one scale against xrayutilities, which read the same CIF.",
        "xrdkit: every time another cell, so that no kept answer is timed. pymatgen: "
        "`XRDCalculator.get_pattern`, by default (no displacement) and with one B for each "
        "element (the mean of its sites); it has no dispersion. xrayutilities: a loop over all "
        "hkl, which is not what it is made for.",
    ),
    "Series": (
        f"{FRAMES} simulated patterns of 5500 points (`tests/benchmarks/bench_series.py`): three "
        "phases, cells that drift by 2000 ppm, fractions and sizes that change, Poisson noise; "
        "the truth is known. One run. The simulation uses xrdkit's structure factors.",
        "Both know the instrument, B is fixed at its true value; free are scales, cells, sizes, "
        "strains, displacement and background. rietx: `SequentialRefinement`, later patterns in "
        "one stage.",
    ),
}


def page(tables, versions, runs):
    parts = [HEAD.format(versions=versions, runs=runs)]
    for title, rows in tables.items():
        before, after = TEXTS[title]
        head, *body = rows
        lines = ["| " + " | ".join(row) + " |" for row in body]
        table = "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *lines])
        parts.append(f"## {title}\n\n{before}\n\n{table}\n" + (f"\n{after}\n" if after else ""))
    return "\n".join(parts)


def environment(path, folder):
    """The Python of the peers: of `path`, or of an environment made in `folder`."""
    if path is None:
        path = Path(folder) / "peers"
        subprocess.run([sys.executable, "-m", "venv", str(path)], check=True)
        for name in PEERS:
            command = [str(path / "bin" / "pip"), "install", "--quiet", name]
            subprocess.run(command, check=False)  # one that cannot be installed is a row
    path = Path(path)
    return path if path.is_file() else path / "bin" / "python"


def versions_of(python):
    code = (
        "import importlib.metadata as m, json, sys\n"
        "def v(n):\n"
        "    try: return m.version(n)\n"
        "    except m.PackageNotFoundError: return 'not installed'\n"
        "print(json.dumps({n: v(n) for n in sys.argv[1:]}))"
    )
    done = subprocess.run(
        [str(python), "-c", code, *PEERS], capture_output=True, text=True, check=True
    )
    found = {"xrdkit": package_version(), **json.loads(done.stdout)}
    listed = ", ".join(f"{name} {version}" for name, version in found.items())
    return f"{listed}, Python {platform.python_version()}"


def main():
    default = os.environ.get("XRDKIT_DATA", HERE.parents[3] / "shared" / "data")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(default))
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--markdown", type=Path)
    chosen = parser.parse_args()
    powder = chosen.folder.resolve() / "powder"
    with tempfile.TemporaryDirectory() as folder:
        python = environment(chosen.peers, folder)
        versions = versions_of(python)
        single_fits, errors = mixtures(powder / "cpd_round_robin", python, chosen.runs)
        scan = powder / "srm660c" / "nist_srm660c_100a.cif"
        tables = {
            "Mixtures": single_fits,
            "Single errors": errors,
            "Line standard": standard(scan, python, chosen.runs),
            "Calculated pattern": lines_of_lfp(python, chosen.runs),
            "Series": series(python),
        }
    print(text := page(tables, versions, chosen.runs))
    if chosen.markdown:
        chosen.markdown.write_text(text)


if __name__ == "__main__":
    main()
