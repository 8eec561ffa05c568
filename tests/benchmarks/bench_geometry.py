"""Errors of the geometry in q: 200 calibrations of repeated frames against what each predicts.

Simulated silver behenate frames are calibrated anew with every noise; the shift of the mean q of
each bin against the truth is compared with ``q_sigma`` of a profile integrated with one of the
calibrations. Run: ``python tests/benchmarks/bench_geometry.py [NUMBER]``.
"""

import sys
import time
from pathlib import Path

import numpy as np

import xrdkit as xk
from xrdkit.simulate import virtual_laboratory

sys.path.insert(0, str(Path(__file__).parents[1]))
from calibrant_frames import behenate, beside
from frames_in_memory import make_frames

EDGES = np.linspace(0.5, 4.0, 71)


def main(number: int) -> None:
    """Print scatter over prediction: median over the bins, and its extremes."""
    instrument = virtual_laboratory("corner")
    truth = instrument.calibration
    shape = truth.detector.shape
    true_q = truth.radial(shape, "q").ravel()
    place = np.searchsorted(EDGES, true_q, side="right") - 1
    inside = (place >= 0) & (place < EDGES.size - 1)
    pixels = np.maximum(np.bincount(place[inside], minlength=EDGES.size - 1), 1)
    shifts, predicted = [], []
    start = time.process_time()
    for seed in range(number):
        frames = make_frames(behenate(instrument, seed=1000 + seed))
        found = xk.calibrate(frames, calibrant="AgBh", start=beside(truth)).calibration
        change = (found.radial(shape, "q").ravel() - true_q)[inside]
        shifts.append(np.bincount(place[inside], change, EDGES.size - 1) / pixels)
        if seed < 10:
            profile = xk.integrate(frames, found, xk.IntegrationSpec(edges=EDGES))
            predicted.append(profile["q_sigma"].values[0])
    ratio = np.sqrt(np.mean(np.square(shifts), axis=0)) / np.mean(predicted, axis=0)
    sigma = np.mean(predicted, axis=0)
    low, high = np.nanmin(ratio), np.nanmax(ratio)
    print(f"{number} calibrations, {(time.process_time() - start) / number:.2f} s of CPU each")
    print(f"predicted error of q: {np.nanmin(sigma):.2e} to {np.nanmax(sigma):.2e} 1/nm")
    print(f"scatter over prediction: median {np.nanmedian(ratio):.3f}, {low:.3f} to {high:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
