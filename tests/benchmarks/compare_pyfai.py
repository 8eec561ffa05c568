"""xrdkit beside pyFAI on the same synthetic frames: edges, sectors, errors, correlations.

Prints one page of tables with the versions and the seed; the truth of every table follows from the
frame itself. ``python tests/benchmarks/compare_pyfai.py`` (a minute or two), with ``--markdown
PATH`` to write the page, ``--quick`` for fewer frames.

pyFAI is called in this process only and nothing is forked: a process forked after an integration
can hang. Its engines are named, so that a machine with OpenCL gives the same tables.
"""

import argparse
import logging
import platform
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xrdkit import IntegrationSpec, integrate
from xrdkit.provenance import package_version
from xrdkit.uncertainty import error_model
from xrdkit.workflow.upstream import (
    SHAPE,
    calibration,
    dark_variance,
    frames_of,
    mask_by_dtype,
    mask_by_name,
    pyfai_integrate,
    pyfai_integrator,
)

SEED = 2026
LOT = 25
Array = NDArray[np.float64]
Table = list[list[str]]
GEOMETRY = calibration()
Q = GEOMETRY.radial(SHAPE, "q")
AZIMUTH = GEOMETRY.azimuth(SHAPE)
METHODS = (
    ("no", "histogram", "python"), ("no", "histogram", "cython"), ("no", "csr", "cython"),
    ("no", "csc", "cython"), ("no", "lut", "cython"), ("bbox", "histogram", "cython"),
    ("bbox", "csr", "cython"), ("bbox", "csc", "cython"), ("bbox", "lut", "cython"),
    ("full", "histogram", "cython"), ("full", "csr", "cython"), ("full", "csc", "cython"),
    ("full", "lut", "cython"),
)  # fmt: skip


def ours(counts: NDArray[np.integer], bins: int = 20, low: float = 2.0, high: float = 10.0,
         **settings: object):  # fmt: skip
    """Return xrdkit's profile of one frame or a stack, without solid angle."""
    spec = IntegrationSpec(bins=bins, range=(low, high), solid_angle=False, **settings)
    return integrate(frames_of(counts), GEOMETRY, spec)


def lower_edge() -> Table:
    """First bin of the step image, with the pixels in it."""
    step = np.where(Q < 2.0, 1000, 1).astype(np.uint32)
    rows = [["integration", "first bin", "pixels"]]
    for splitting in ("none", "full"):
        found = ours(step, splitting=splitting)
        value, pixels = found["intensity"].values[0, 0], found["normalization"].values[0, 0]
        rows.append([f"xrdkit, splitting {splitting}", f"{value:.4g}", f"{pixels:.1f}"])
    value, pixels = sub_pixels(step)
    rows.append(["truth with full splitting", f"{value:.4g}", f"{pixels:.1f}"])
    for method in METHODS:
        theirs = pyfai_integrate(pyfai_integrator(), step, radial_range=(2.0, 10.0), method=method)
        name = f"pyFAI {'/'.join(method)}" + (" (default)" if method[:2] == ("bbox", "csr") else "")
        rows.append([name, f"{theirs.intensity[0]:.4g}", f"{theirs.count[0]:.1f}"])
    return rows


def sub_pixels(image: NDArray[np.integer], parts: int = 16) -> tuple[float, float]:
    """Return mean and number of pixels for q from 2 to 2.4, each pixel cut into parts x parts."""
    offsets = (np.arange(parts) + 0.5) / parts - 0.5
    share = np.zeros(SHAPE)
    for dy in offsets:
        for dx in offsets:
            pixel = GEOMETRY.detector.pixel_size_y
            moved = replace(
                GEOMETRY, poni1=GEOMETRY.poni1 - dy * pixel, poni2=GEOMETRY.poni2 - dx * pixel
            )
            q = moved.radial(SHAPE, "q")
            share += ((q >= 2.0) & (q < 2.4)) / parts**2
    return float((share * image).sum() / share.sum()), float(share.sum())


def sectors() -> Table:
    """Pixels kept of sectors without the outer bins; pyFAI with the cut at 180 and at 0 degree."""
    flat = np.ones(SHAPE, dtype=np.uint32)
    inner = (Q >= 4.2) & (Q < 7.8)
    rows = [["sector, degree", "true", "xrdkit", "pyFAI, cut at 180", "pyFAI, cut at 0"]]
    for low, high in (
        (170, 190), (-190, -170), (-10, 10), (350, 370), (80, 100), (0, 360), (-180, 180),
    ):  # fmt: skip
        true = int((inner & (np.mod(AZIMUTH - low, 360.0) < high - low)).sum())
        if high - low == 360:
            true = int(inner.sum())
        kept = ours(flat, low=4.0, high=8.0, azimuth_range=(float(low), float(high)))
        cells = [f"({low}, {high})", str(true), str(int(kept["n_pixels"].values[0, 1:-1].sum()))]
        for at_zero in (False, True):
            integrator = pyfai_integrator()
            if at_zero:
                integrator.setChiDiscAtZero()
            theirs = pyfai_integrate(
                integrator, flat, radial_range=(4.0, 8.0), azimuth_range=(low, high)
            )
            cells.append(f"{theirs.count[1:-1].sum():.0f}")
        rows.append(cells)
    return rows


def stacks(rate: float, frames: int, rng: np.random.Generator) -> Iterator[NDArray[np.uint32]]:
    """Yield Poisson frames of `rate` counts per pixel, `LOT` at a time."""
    for start in range(0, frames, LOT):
        yield rng.poisson(rate, (min(LOT, frames - start), *SHAPE)).astype(np.uint32)


def pulls(frames: int) -> Table:
    """Standard deviation of (I - truth)/sigma by level; it must be 1."""
    rng = np.random.default_rng(SEED)
    integrator = pyfai_integrator()
    rows = [
        ["counts per pixel", "counts per bin", "xrdkit", "xrdkit, splitting full", "pyFAI poisson"]
    ]
    for rate in (0.01, 0.1, 1.0, 10.0, 1000.0):
        found: dict[str, list[Array]] = {"none": [], "full": [], "pyfai": []}
        per_bin = 0.0
        for stack in stacks(rate, frames, rng):
            for splitting in ("none", "full"):
                profile = ours(stack, 128, splitting=splitting)
                value, sigma = profile["intensity"].values, profile["sigma"].values
                found[splitting].append(((value - rate) / sigma)[np.isfinite(sigma)])
                per_bin = rate * float(np.nanmedian(profile["normalization"].values))
            used = profile["n_pixels"].values[0] > 0
            for frame in stack:
                theirs = pyfai_integrate(
                    integrator, frame.astype(float), bins=128, radial_range=(2.0, 10.0),
                    error_model="poisson",
                )  # fmt: skip
                # The first bin holds what leaks over the lower edge, which is another table.
                found["pyfai"].append(((theirs.intensity - rate) / theirs.sem)[used][1:])
        spread = [np.std(np.concatenate(found[name])) for name in ("none", "full", "pyfai")]
        rows.append([f"{rate:g}", f"{per_bin:.3g}", *(f"{value:.3f}" for value in spread)])
    return rows


def correlations(frames: int) -> tuple[Table, Table]:
    """Correlation of neighbouring bins, and the error of the mean over all bins, by splitting."""
    first = [["bins", "pyFAI no", "pyFAI bbox", "pyFAI full", "xrdkit none", "xrdkit full",
              "stated by xrdkit full"]]  # fmt: skip
    second = [["bins", "pyFAI no", "pyFAI bbox", "pyFAI full", "xrdkit none", "xrdkit full"]]
    for bins in (200, 400, 800):
        rng = np.random.default_rng(SEED)
        curves: dict[str, list[Array]] = {}
        errors: dict[str, list[Array]] = {}
        stated: dict[str, float] = {}
        predicted = np.nan
        integrator = pyfai_integrator()
        # The outermost bins hold few pixels, the first what leaks into it.
        inner = slice(bins // 20, bins - bins // 10)
        for stack in stacks(100.0, frames, rng):
            for splitting in ("none", "full"):
                profile = ours(stack, bins, high=9.0, splitting=splitting)
                curves.setdefault(f"xrdkit {splitting}", []).extend(
                    profile["intensity"].values[:, inner]
                )
                errors.setdefault(f"xrdkit {splitting}", []).extend(
                    profile["sigma"].values[:, inner]
                )
                model = error_model(profile, 0)
                if model is not None:
                    where = np.zeros(bins, dtype=bool)
                    where[inner] = True
                    weight = 1.0 / model.sigma[where] ** 2
                    estimator = (weight / weight.sum())[None]
                    variance = model.propagate(estimator, where)[0, 0]
                    stated[f"xrdkit {splitting}"] = float(np.sqrt(variance))
                    if splitting == "full":
                        matrix = model.matrix(where)
                        scale = np.sqrt(np.diag(matrix))
                        predicted = float(np.mean(np.diag(matrix, 1) / (scale[1:] * scale[:-1])))
            for split in ("no", "bbox", "full"):
                for frame in stack:
                    theirs = pyfai_integrate(
                        integrator, frame.astype(float), bins=bins, radial_range=(2.0, 9.0),
                        error_model="poisson", method=(split, "csr", "cython"),
                    )  # fmt: skip
                    curves.setdefault(f"pyFAI {split}", []).append(theirs.intensity[inner])
                    errors.setdefault(f"pyFAI {split}", []).append(theirs.sem[inner])
        row, means = [str(bins)], [str(bins)]
        for name in first[0][1:6]:
            table, sigma = np.array(curves[name]), np.array(errors[name])
            away = table - table.mean(axis=0)
            scale = np.sqrt(np.mean(away**2, axis=0))
            pairs = np.mean(away[:, 1:] * away[:, :-1], axis=0) / (scale[1:] * scale[:-1])
            row.append(f"{np.round(np.mean(pairs), 2) + 0.0:.2f}")
            # Fixed weights, so that counts that went down by chance do not weigh more.
            weight = 1.0 / np.mean(sigma, axis=0) ** 2
            mean = table @ weight / weight.sum()
            claimed = stated.get(name, float(np.sqrt(1.0 / weight.sum())))
            means.append(f"{np.std(mean, ddof=1) / claimed:.2f}")
        first.append([*row, f"{predicted:.2f}"])
        second.append(means)
    return first, second


def single_numbers() -> Table:
    """Masks and darks: one number each."""
    rows = [["quantity", "true", "xrdkit", "pyFAI"]]
    for check in (mask_by_dtype(), mask_by_name(), dark_variance()):
        rows.append(
            [check.quantity, f"{check.truth:g}", f"{check.xrdkit:.6g}", f"{check.pyfai:.4g}"]
        )
    return rows


def markdown(table: Table) -> str:
    """Return a table in Markdown."""
    head, *rows = table
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def page(*, quick: bool) -> str:
    """Return the whole page."""
    counts, frames = (LOT, 2 * LOT) if quick else (50, 400)
    first, second = correlations(frames)
    versions = ", ".join(f"{n} {package_version(n)}" for n in ("xrdkit", "pyFAI", "numpy", "numba"))
    command = "python tests/benchmarks/compare_pyfai.py --markdown docs/benchmarks/pyfai.md"
    parts = [
        "# xrdkit beside pyFAI",
        f"""Written by `{command}`: {versions}, Python {platform.python_version()}, seed {SEED}.
        Frames of {SHAPE[0]} x {SHAPE[1]} pixels of 172 µm at 0.3 m, wavelength 1 Å, beam in the
        middle; solid angle and polarisation off. pyFAI's engine is `no/csr/cython` where none is
        named.""",
        """pyFAI is the reference of the field for geometry, speed and breadth, and xrdkit uses its
        detectors and calibrants. These tables are about the points at which the two integrations
        differ; `xrdkit doctor` shows most of them for the versions installed on a machine, and
        `tests/upstream/test_pyfai_faults.py` says when one is mended.""",
        "## Lower edge of the range",
        """An image of 1000 for q < 2 and 1 above, integrated over q from 2 to 10 in 20 bins.
        Without splitting 4276 pixels lie in the first bin, and its value is 1. With full splitting
        pixels across the edge belong to it in part, with their 1000 counts; the truth is that of
        16 x 16 sub-pixels.""",
        markdown(lower_edge()),
        "## Sectors across the cut of the azimuth",
        "Pixels kept of q from 4 to 8 in 20 bins, the first and last bin left out.",
        markdown(sectors()),
        "## Errors at every count level",
        f"""Standard deviation of (I - truth)/sigma over {counts} frames and 128 bins of q from 2 to
        10; 1 is right. pyFAI gives each pixel a variance of max(1, counts), xrdkit takes the
        variance of the counts of the whole bin.""",
        markdown(pulls(counts)),
        "## Correlation of bins",
        f"""{frames} frames of Poisson(100), q from 2 to 9: mean correlation of neighbouring bins.
        Only xrdkit states it, in `covariance`.""",
        markdown(first),
        f"""Spread of the weighted mean over all bins, over the error that a user finds from what is
        stated: for pyFAI from `sem` alone, for xrdkit from sigma and covariance. 1 is right, 2
        means that the error is half of what it should be (each figure ±
        {1 / np.sqrt(2 * frames):.2f}, common to a row: the frames are the same).""",
        markdown(second),
        "## Masks and darks",
        markdown(single_numbers()),
    ]
    parts = [part if part.startswith("|") else " ".join(part.split()) for part in parts]
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Print the page, or write it."""
    logging.getLogger("pyFAI").setLevel(logging.CRITICAL)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--markdown", type=Path, help="file to write the page to")
    parser.add_argument("--quick", action="store_true", help="fewer frames")
    chosen = parser.parse_args()
    text = page(quick=chosen.quick)
    if chosen.markdown is None:
        print(text, end="")
    else:
        chosen.markdown.write_text(text)


if __name__ == "__main__":
    main()
