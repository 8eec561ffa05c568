"""Calibration without a start on random simulated poses: how many accepted, how many of them wrong.

python tests/benchmarks/bench_calibration.py [number of poses] [first seed]
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from calibrant_frames import random_instrument, rings_in_view
from frames_in_memory import make_frames

import xrdkit as xk
from xrdkit.errors import CalibrationRejected
from xrdkit.simulate import expose_calibrant


def main(poses: int, first: int) -> None:
    """Print a line per pose and the figures of all."""
    errors, seconds, wrong, seen, verdicts = [], [], 0, 0, {"accepted": 0}
    for seed in range(first, first + poses):
        instrument, calibrant, settings = random_instrument(seed)
        truth = instrument.calibration
        view = rings_in_view(instrument, calibrant)
        frames = make_frames(expose_calibrant(instrument, calibrant, seed=seed, **settings))
        clock = time.process_time()
        reasons: tuple[str, ...] = ()
        error = np.nan
        try:
            result = xk.calibrate(
                frames,
                calibrant=calibrant,
                detector=truth.detector,
                wavelength=truth.wavelength,
            )
        except CalibrationRejected as refusal:
            verdict, reasons = "rejected", (refusal.message,)
        else:
            verdict, reasons = result.verdict.value, result.reasons
            q, found = (g.radial(instrument.shape, "q") for g in (truth, result.calibration))
            error = float(np.sqrt(np.mean((q - found) ** 2)) / q.max())
        clock = time.process_time() - clock
        seconds.append(clock)
        seen += view >= 2
        if verdict == "accepted":
            errors.append(error)
            wrong += error > 1e-3
        verdicts[verdict] = verdicts.get(verdict, 0) + (view >= 2)
        x, y = truth.beam_center
        print(
            f"{seed} {calibrant} {instrument.name} {truth.direct_distance:.3f} m ({x:.0f}, {y:.0f})"
            f" tilt {truth.tilt:.1f} counts {settings['counts']:.1f} rings {view}: {verdict}"
            f" dq {error:.1e} {clock:.1f} s {'; '.join(reasons)[:150]}",
            flush=True,
        )
    print(
        f"{seen} of {poses} poses with at least two rings: {verdicts}; {wrong} accepted and wrong;"
        f" median dq {np.median(errors) if errors else np.nan:.1e} of the largest q;"
        f" CPU {np.median(seconds):.1f} s median, {max(seconds):.1f} s longest"
    )


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [200, 0][len(numbers) :]))
