"""Calibration without a start on detectors and under conditions of many kinds.

python tests/benchmarks/bench_calibration_hostile.py [seeds] [first seed] [make,...] [condition,...]

Wrong is an acceptance with an rms error of q over the frame above 0.001 of the largest, or of a
frame that no geometry explains as told.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from frames_in_memory import make_frames
from hostile_frames import CONDITIONS, MAKES, Offered, scene

import xrdkit as xk
from xrdkit.errors import XrdkitError
from xrdkit.geometry import Detector

_WRONG = 1e-3


def calibrated(offered: Offered) -> tuple[str, float, str]:
    """Return the verdict, the error of q as a share of the largest (NaN), and the reasons."""
    pixel = Detector(pixel_size_y=offered.pixel, pixel_size_x=offered.pixel)
    try:
        result = xk.calibrate(
            make_frames(offered.frame),
            calibrant=offered.calibrant,
            detector=pixel,
            wavelength=offered.wavelength,
            **offered.settings,
        )
    except XrdkitError as refusal:
        return "rejected", np.nan, str(refusal)
    reasons = "; ".join(result.reasons)
    if offered.truth is None:
        return result.verdict.value, np.inf, reasons
    q, found = (g.radial(offered.frame.shape, "q") for g in (offered.truth, result.calibration))
    return result.verdict.value, float(np.sqrt(np.mean((q - found) ** 2)) / q.max()), reasons


def main(seeds: int, first: int, makes: list[str], conditions: list[str]) -> None:
    """Print a line per frame and the table of conditions and of makes."""
    table: dict[str, list[int]] = {}
    for seed in range(first, first + seeds):
        for make in makes:
            setting = scene(make, seed)
            for condition in conditions:
                random = np.random.default_rng([78, seed, list(CONDITIONS).index(condition)])
                offered = CONDITIONS[condition](setting, random)
                clock = time.process_time()
                verdict, error, reasons = calibrated(offered)
                wrong = verdict == "accepted" and not error < _WRONG
                print(
                    f"{'WRONG ' if wrong else ''}{seed} {make}, {condition}: {setting.calibrant}"
                    f" as {offered.calibrant}, {verdict}, dq {error:.1e},"
                    f" {time.process_time() - clock:.1f} s; {reasons[:220]}",
                    flush=True,
                )
                for key in (condition, make, "all"):
                    row = table.setdefault(key, [0, 0, 0, 0])
                    row[["accepted", "doubtful", "rejected"].index(verdict)] += 1
                    row[3] += wrong
    for key, row in table.items():
        words = zip(("accepted", "doubtful", "rejected", "accepted and wrong"), row, strict=True)
        print(f"{key:20s} " + ", ".join(f"{word} {number}" for word, number in words))


if __name__ == "__main__":
    words = sys.argv[1:]
    main(
        int(words[0]) if words else 3,
        int(words[1]) if len(words) > 1 else 0,
        words[2].split(",") if len(words) > 2 and words[2] else list(MAKES),
        words[3].split(",") if len(words) > 3 else list(CONDITIONS),
    )
