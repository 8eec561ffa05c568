"""Calibration without a start on random simulated poses: how many accepted, how many of them wrong.

python tests/benchmarks/bench_calibration.py [number of poses] [first seed]

Counted are poses with at least two rings, in two ways: rings that cross the detector, however faint
(geometric), and rings that stand out by 5 standard errors when summed up under the true geometry
(seen). Wrong is an rms error of q over the frame above 0.001 of the largest. Seeds below 200 were
looked at while the search was made; judge by others.
"""

import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from calibrant_frames import random_instrument, rings_in_view, rings_seen
from frames_in_memory import make_frames

import xrdkit as xk
from xrdkit.errors import CalibrationRejected
from xrdkit.simulate import expose_calibrant

_WRONG = 1e-3
#: upper ends of the classes of the table
_TILTS, _COUNTS, _RINGS = (0.01, 5, 10, 15.1), (3, 30, 300, 1e9), (2, 3, 6, 1e9)


@dataclass
class Pose:
    """What came of one pose."""

    tilt: float
    counts: float
    view: int
    seen: int
    verdict: str
    error: float
    seconds: float


def calibrated(seed: int) -> Pose:
    """Calibrate one pose and print a line about it."""
    instrument, calibrant, settings = random_instrument(seed)
    truth = instrument.calibration
    counts = expose_calibrant(instrument, calibrant, seed=seed, **settings)
    reasons: tuple[str, ...] = ()
    error = np.nan
    clock = time.process_time()
    try:
        result = xk.calibrate(
            make_frames(counts),
            calibrant=calibrant,
            detector=truth.detector,
            wavelength=truth.wavelength,
            force=True,
        )
    except CalibrationRejected as refusal:
        verdict, reasons = "rejected", (refusal.message,)
    else:
        verdict, reasons = result.verdict.value, result.reasons
        q, found = (g.radial(instrument.shape, "q") for g in (truth, result.calibration))
        error = float(np.sqrt(np.mean((q - found) ** 2)) / q.max())
    pose = Pose(
        tilt=truth.tilt,
        counts=settings["counts"],
        view=rings_in_view(instrument, calibrant),
        seen=rings_seen(instrument, calibrant, counts),
        verdict=verdict,
        error=error,
        seconds=time.process_time() - clock,
    )
    x, y = truth.beam_center
    print(
        f"{seed} {calibrant} {instrument.name} {truth.direct_distance:.3f} m ({x:.0f}, {y:.0f})"
        f" tilt {pose.tilt:.1f} counts {pose.counts:.1f} rings {pose.view} seen {pose.seen}:"
        f" {verdict} dq {error:.1e} {pose.seconds:.1f} s {'; '.join(reasons)[:200]}",
        flush=True,
    )
    return pose


def main(poses: int, first: int) -> None:
    """Print a line per pose and the figures of all."""
    outcomes = [calibrated(seed) for seed in range(first, first + poses)]
    for name, number in (("geometric", "view"), ("seen", "seen")):
        counted = [p for p in outcomes if getattr(p, number) >= 2]
        kinds = Counter(p.verdict for p in counted)
        print(
            f"{len(counted)} of {poses} poses with at least two rings ({name}): {dict(kinds)},"
            f" {kinds['accepted'] / max(len(counted), 1):.1%} accepted"
        )
    for name, ends in (("tilt", _TILTS), ("counts", _COUNTS), ("seen", _RINGS)):
        low = -1.0
        for end in ends:
            here = [p for p in outcomes if p.seen >= 2 and low < getattr(p, name) <= end]
            good = sum(p.verdict == "accepted" for p in here)
            print(f"  {name} up to {end:g}: {good} of {len(here)} accepted")
            low = end
    accepted = [p.error for p in outcomes if p.verdict == "accepted"]
    seconds = [p.seconds for p in outcomes]
    print(
        f"{sum(e > _WRONG for e in accepted)} accepted and wrong; median dq"
        f" {np.median(accepted) if accepted else np.nan:.1e}, largest"
        f" {max(accepted, default=np.nan):.1e} of the largest q;"
        f" CPU {np.median(seconds):.1f} s median, {max(seconds):.1f} s longest"
    )


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers + [200, 1000][len(numbers) :]))
