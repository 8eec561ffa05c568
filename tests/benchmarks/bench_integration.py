"""Integration against pyFAI's loops: same frames, mask, corrections and error bars, one process.

Prints the time of each per frame (median of interleaved rounds) and the ratio to xrdkit. Run it
alone on the machine: ``python tests/benchmarks/bench_integration.py``.
"""

import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from pyFAI.detectors import Detector as PyFaiDetector
from pyFAI.integrator.azimuthal import AzimuthalIntegrator

from xrdkit import Calibration, Detector, IntegrationSpec, OutlierSpec, integrate
from xrdkit.integration.reduction import forget_plans

sys.path.insert(0, str(Path(__file__).parents[1]))
from frames_in_memory import make_frames

SHAPE, PIXEL, FRAMES, ROUNDS, BINS = (2167, 2070), 75e-6, 30, 5, 1000


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    stack = rng.poisson(8.0, (FRAMES, *SHAPE)).astype(np.uint32)
    stack[:, ::500] = 2**32 - 1
    frames = make_frames(stack)
    mask = stack[0] == 2**32 - 1
    calibration = Calibration(
        distance=0.2, poni1=0.08, poni2=0.078, wavelength=1.0,
        detector=Detector(pixel_size_y=PIXEL, pixel_size_x=PIXEL, shape=SHAPE),
    )  # fmt: skip
    peer = AzimuthalIntegrator(
        0.2, 0.08, 0.078, 0, 0, 0, wavelength=1e-10,
        detector=PyFaiDetector(PIXEL, PIXEL, max_shape=SHAPE),
    )  # fmt: skip
    spec = IntegrationSpec(unit="q", bins=BINS, range=(1.0, 40.0), mask=mask, polarization=0.99)

    def ours(**changes: Any) -> None:
        integrate(frames, calibration, replace(spec, **changes))

    def remember(**changes: Any) -> None:
        integrate(frames.isel(frame=[0]), calibration, replace(spec, **changes))

    def anew(**changes: Any) -> None:
        forget_plans()
        ours(**changes)

    def theirs(split: str) -> None:
        for frame in stack:
            peer.integrate1d(
                frame, BINS, unit="q_nm^-1", radial_range=(1.0, 40.0), mask=mask,
                polarization_factor=0.99, error_model="poisson", method=(split, "csr", "cython"),
            )  # fmt: skip

    modes = {
        "xrdkit, no splitting": ours,
        "xrdkit, no splitting, plan made anew": anew,
        "xrdkit, full splitting and covariance": lambda: ours(splitting="full"),
        "xrdkit, the same, plan made anew": lambda: anew(splitting="full"),
        "xrdkit, no splitting, zingers looked for": lambda: ours(outliers=OutlierSpec()),
        "pyFAI loop, default (bbox csr cython)": lambda: theirs("bbox"),
        "pyFAI loop, full splitting (csr cython)": lambda: theirs("full"),
        "pyFAI loop, no splitting (csr cython)": lambda: theirs("no"),
    }
    times: dict[str, list[float]] = {name: [] for name in modes}
    for run in modes.values():
        run()  # compile, build engines
    for _ in range(ROUNDS):
        for name, run in modes.items():
            if "anew" not in name:
                remember(splitting="full" if name.startswith("xrdkit, full") else "none")
            start = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - start) / FRAMES * 1e3)
    reference = statistics.median(times["xrdkit, no splitting"])
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:42s} {median:7.1f} ms/frame   {median / reference:5.2f} x")


if __name__ == "__main__":
    main()
