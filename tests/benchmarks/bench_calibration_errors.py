"""Errors that calibrations predict against the scatter of repeats, geometry by geometry.

python tests/benchmarks/bench_calibration_errors.py [number of repeats] [case ...]
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from repeated_calibrations import CASES, NAMES, case, repeated


def main(number: int, names: list[str]) -> None:
    """Print, per case: scatter over prediction and mean over prediction of parameters and of q."""
    print(f"scatter/prediction (mean/prediction) of {number} repeats; {', '.join(NAMES)}; q")
    for name in names:
        clock = time.process_time()
        repeats = repeated(case(name), number)
        seconds = (time.process_time() - clock) / number
        words = [
            f"{ratio:.2f} ({bias:+.2f})" if np.isfinite(ratio) else "held"
            for ratio, bias in zip(repeats.ratio, repeats.bias, strict=True)
        ]
        q, sigma = repeats.q_ratio, np.sqrt(np.mean(repeats.q_sigma**2))
        print(
            f"{name}: {'  '.join(words)}; q {np.median(q):.2f}, {q.min():.2f} to {q.max():.2f},"
            f" mean {np.median(repeats.q_error.mean(axis=0)) / sigma:+.2f},"
            f" sigma {sigma:.1e} of the largest; tilt refined {repeats.tilted:.0%},"
            f" refused {repeats.refused}, {seconds:.2f} s of CPU each",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, sys.argv[2:] or list(CASES))
