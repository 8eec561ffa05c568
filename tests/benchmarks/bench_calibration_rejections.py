"""Frames that no calibrant explains, calibrated all the same: how many are refused.

python tests/benchmarks/bench_calibration_rejections.py [number of seeds] [first seed] [start]

Every seed is tried with each disturbance of a calibrant frame, with each pattern that is no
calibrant at all, and with the name of another calibrant. With the word "start" the true geometry
of the frame before it was disturbed is the start.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from calibrant_frames import random_instrument
from disturbed_frames import DISTURBANCES, PATTERNS, WRONG
from frames_in_memory import make_frames

import xrdkit as xk
from xrdkit.calibration.rings import calibrant_rings
from xrdkit.errors import CalibrationRejected
from xrdkit.simulate import expose_calibrant


def main(seeds: int, first: int, assisted: bool) -> None:
    """Print a line per frame that is not refused, and the table of all."""
    table: dict[str, dict[str, int]] = {}
    seconds = []
    for seed in range(first, first + seeds):
        instrument, calibrant, settings = random_instrument(seed)
        settings["counts"] = max(settings["counts"], 30.0)
        truth = instrument.calibration
        rings = calibrant_rings(calibrant, truth.wavelength).two_theta
        counts = expose_calibrant(instrument, calibrant, seed=seed, **settings)
        counts = np.where(instrument.marked() > 0, 0, counts).astype(float)
        for k, kind in enumerate((*DISTURBANCES, *PATTERNS, "wrong calibrant")):
            random = np.random.default_rng([7, seed, k])
            asked, image = calibrant, counts
            if kind in DISTURBANCES:
                image = DISTURBANCES[kind](counts, truth, rings, random)
            elif kind in PATTERNS:
                image = PATTERNS[kind](instrument.shape, random)
            else:
                asked = str(random.choice([name for name in WRONG if name != calibrant]))
            clock = time.process_time()
            try:
                result = xk.calibrate(
                    make_frames(image.astype(np.int32)),
                    calibrant=asked,
                    detector=truth.detector,
                    wavelength=truth.wavelength,
                    start=truth if assisted else None,
                )
            except CalibrationRejected:
                verdict = "rejected"
            else:
                verdict = result.verdict.value
                print(
                    f"{seed} {kind}: {calibrant} as {asked}, {len(result.rings)} rings: {verdict};"
                    f" {'; '.join(result.reasons)[:200]}",
                    flush=True,
                )
            seconds.append(time.process_time() - clock)
            row = table.setdefault(kind, {"rejected": 0, "doubtful": 0, "accepted": 0})
            row[verdict] += 1
    for kind, row in table.items():
        print(f"{kind:22s} " + ", ".join(f"{name} {number}" for name, number in row.items()))
    total = {name: sum(row[name] for row in table.values()) for name in next(iter(table.values()))}
    print(f"{'all':22s} " + ", ".join(f"{name} {number}" for name, number in total.items()))
    print(f"CPU {np.median(seconds):.1f} s median, {max(seconds):.1f} s longest")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "start"]
    numbers = [int(word) for word in words]
    main(*(numbers + [15, 0][len(numbers) :]), assisted="start" in sys.argv[1:])
