"""Size fits of xrdkit beside pyirena, lmfit with sasmodels, and freesas, on the same curves.

    python tests/benchmarks/compare_saxs.py [--count N] [--peers PATH] [--markdown PATH]

PATH is an environment with pyirena, lmfit, sasmodels and freesas; without it one is made from PyPI
for this run. A peer that is not there or cannot do a task is said so in the table.

Every task has a process of its own on one thread. Times are CPU, the median over the curves,
without imports and compilation. Bias is the mean over the curves against the truth, coverage the
share of curves whose error is below one standard error; slow programs get fewer curves, as said.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import numpy as np
from saxs_peers import PERTURBED, sets

from xrdkit.provenance import package_version

PEERS = ("pyirena", "lmfit", "sasmodels", "freesas")
HERE = Path(__file__).parent
LONGEST = 1800  # s
A = sets.lognormal_moments(5.0, 0.2) | {"volume_fraction": 0.01, "forward_intensity": 89.850}
C = sets.lognormal_moments(4.0, 0.1) | {"length": sets.LENGTH_C, "volume_fraction": 0.01}
D = sets.lognormal_moments(5.0, 0.15) | {
    "shell_thickness": sets.THICKNESS_D,
    "volume_fraction": 0.01,
}
LABELS = {
    "mean_radius_volume": "R",
    "width_volume": "width",
    "mean_radius_number": "R by number",
    "width_number": "width by number",
    "length": "length",
    "shell_thickness": "shell",
    "volume_fraction": "φ",
    "radius_of_gyration": "Rg",
    "forward_intensity": "I₀",
}


def truth(which):
    """True numbers of a set of curves by name."""
    if which != "B":
        return {"C": C, "D": D}.get(which, A)
    return {
        f"{name} {k}": value
        for k, median in enumerate((3.0, 10.0))
        for name, value in (
            sets.lognormal_moments(median, 0.15) | {"volume_fraction": 0.005}
        ).items()
    }


def sizes_jobs(count):
    """Jobs of the size fits by the label of their row."""
    own = {f"xrdkit {m}": {"program": "xrdkit", "method": m} for m in
           ("lognormal", "tikhonov", "maxent", "montecarlo")}  # fmt: skip
    peers = {
        "lmfit + sasmodels": {"program": "lmfit + sasmodels", "count": min(count, 100)},
        "pyirena Tikhonov": {"program": "pyirena", "method": "regularization"},
        "pyirena TNNLS": {"program": "pyirena", "method": "tnnls"},
        "pyirena MaxEnt": {"program": "pyirena", "method": "maxent"},
        "pyirena Monte Carlo": {"program": "pyirena", "method": "montecarlo", "errors": False},
    }
    jobs = {}
    for label, job in (own | peers).items():
        others = {"xrdkit lognormal": "BDC", "lmfit + sasmodels": "DC"}.get(
            label, "B" if job["program"] == "xrdkit" else ""
        )
        for which in "AE" + others:
            few = 20 if "Carlo" in label or "montecarlo" in label else count
            few = min(few, 20) if job["program"] == "pyirena" else few
            few = min(few, 10) if job["program"] == "lmfit + sasmodels" and which == "C" else few
            count_of = {"count": min(few, job.get("count", few))}
            jobs[label, which] = {"errors": True, "set": which} | job | count_of
    return jobs


def gyration_jobs(count):
    """Jobs of the model-free radius of gyration by the label of their row."""
    own = ("guinier", "pair_distances")
    others = ("autoRg", "auto_gpa", "auto_guinier", "auto_bift")
    slow = {"auto_bift": 20}
    return {(f"xrdkit {m}", "A"): {"program": "xrdkit", "method": m, "set": "A", "count": count}
            for m in own} | {
            (f"freesas {m}", "A"): {"program": "freesas", "method": m, "set": "A",
                                    "count": min(slow.get(m, count), count)}
            for m in others}  # fmt: skip


def ask(python, job):
    """The answer of a process of its own to one job, or ``reason``."""
    own = job["program"] == "xrdkit"
    command = [sys.executable, "saxs_own.py"] if own else [str(python), "saxs_peers.py"]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(job),
            capture_output=True,
            text=True,
            cwd=HERE,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"reason": f"not done in {LONGEST} s"}
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()
        return {"reason": last[-1] if last else f"ended with {done.returncode}"}
    return json.loads(done.stdout.strip().splitlines()[-1])


def row(label, job, found, first):
    """One row of a table: bias, coverage, χ²r, time."""
    if "reason" in found:
        return [label, job["set"], f"not run: {found['reason']}", "", "", "", "", ""]
    true = truth(job["set"])
    biases, inside = [], []
    for name, values in found["values"].items():
        values, sigmas = np.array(values), np.array(found["sigmas"][name])
        short = LABELS[name.split()[0]] + "".join(f" {k}" for k in name.split()[1:])
        biases.append(f"{short} {100 * (values.mean() / true[name] - 1):+.3f}")
        covered = np.abs(values - true[name]) < sigmas
        inside.append(f"{covered.mean():.2f}" if np.isfinite(sigmas).all() else "–")
    return [
        label,
        job["set"],
        str(job["count"]),
        ", ".join(biases),
        " ".join(inside),
        "–" if np.isnan(found["chi2"]) else f"{found['chi2']:.2f}",
        f"{1e3 * found['cpu']:.1f}",
        f"{found['cpu'] / first:.1f}",
    ]


def table(python, jobs):
    """Rows for all jobs; ratios of time are to the first job of the same set."""
    rows = [["program", "curves", "n", "bias, %", "coverage", "χ²r", "CPU ms", "ratio"]]
    first = {}
    for (label, which), job in jobs.items():
        found = ask(python, job)
        if "cpu" in found:
            first.setdefault(which, found["cpu"])
        rows.append(row(label, job, found, first.get(which, np.nan)))
        print(*rows[-1], sep=" | ", flush=True)
    return rows


def markdown(rows):
    """A table in Markdown."""
    lines = ["| " + " | ".join(r) + " |" for r in rows]
    return "\n".join([lines[0], "| " + " | ".join("---" for _ in rows[0]) + " |", *lines[1:]])


def versions(python):
    """Names and versions of the programs, read in the environment of the peers."""
    code = f"from importlib.metadata import version as v\nfor n in {PEERS!r}: print(n, v(n))"
    told = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    return ", ".join([f"xrdkit {package_version('xrdkit')}", *told.stdout.split("\n")[:-1]])


def environment(folder):
    """The Python of a new environment with the peers from PyPI."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = Path(folder) / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", *PEERS], check=True)
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--markdown", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        python = options.peers / "bin" / "python" if options.peers else environment(folder)
        names = versions(python)
        sizes = table(python, sizes_jobs(options.count))
        gyration = table(python, gyration_jobs(options.count))
    if options.markdown:
        options.markdown.write_text(
            PAGE.format(
                versions=f"{names}, Python {platform.python_version()}",
                perturbed=PERTURBED,
                sizes=markdown(sizes),
                gyration=markdown(gyration),
            )
        )


PAGE = """# Size fits of xrdkit beside its peers

Written by `python tests/benchmarks/compare_saxs.py --markdown docs/benchmarks/saxs.md`: \
{versions}. Every task in a process of its own on one thread; CPU milliseconds a fit are the \
median over the curves, without imports and compilation. Ratios are to xrdkit's lognormal fit \
(first table) and `guinier` (second). The machine had two cores in use by others: ratios say \
more than milliseconds.

Curves with known truth: 200 points from 0.04 to 5 1/nm, noise of counting and 0.5 %. A: \
spheres, number-lognormal with median 5 nm and s 0.2, φ = 0.01, Δρ = 10¹¹ 1/cm². E: A on a \
background 0.1 + 2·10⁻⁴ q⁻⁴. B: two such, medians 3 and 10 nm, s 0.15, φ = 0.005 each. R, width \
and φ are the volume-weighted mean and standard deviation of the radius and the volume fraction. \
Bias is the mean of n fits against the truth; coverage is the share of fits whose error is \
smaller than one stated standard error, in the order of the biases: 0.68 is right, ±0.03 at n = \
200 and ±0.10 at n = 20.

## Sizes

{sizes}

xrdkit: default settings, the contrast given; one call for each curve, with its backgrounds free \
in every case and no window. lmfit + sasmodels: polydisperse sphere with 60 radii over 5 widths \
(its defaults are worse), E with both backgrounds as free parameters. pyirena: 100 radii from \
0.8 to 30 nm; on E its two steps, power law from q 0.04 to 0.045 and flat from 4 to 5 1/nm; \
errors from its own scheme, {perturbed} perturbed copies of each curve, as standard deviations \
of the moments, whose time is not counted.

## Radius of gyration

{gyration}

freesas: the functions of that name with their defaults.
"""

if __name__ == "__main__":
    main()
