"""The factor by which each correction changed each bin of a frame.

In the order in which corrections act, each factor is the intensity after over the intensity before,
so that their product is the result over the mean raw counts per pixel, Σ a n/Σ a:

    dead time  Σ a n_true/Σ a n          pixel factors  Σ a f1..f(j-1)/Σ a f1..fj
    dark       S/Σ a n_true              dose 1/g_j,  absolute scale K,  background (I - I_b)/I

Where nothing was counted the factor of a dark is not defined: NaN.
"""

import numpy as np

from xrdkit.integration.assignment import Array
from xrdkit.integration.dose import DoseFactor
from xrdkit.integration.frame_sums import FrameSums
from xrdkit.integration.level import Level


def ledger(
    names: tuple[str, ...],
    sums: FrameSums,
    doses: tuple[DoseFactor, ...],
    frame: int,
    scale: float,
    sample: Level,
    net: Array,
) -> Array:
    """Return the factors of the corrections `names` for one frame, shape (names, K).

    `doses` are those of all frames, `scale` the absolute scale K, `sample` the level before and
    `net` the intensity after the background.
    """
    norms = sums.weights.norms
    steps: dict[str, Array] = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        steps["dead_time"] = sums.true / sums.counts
        steps["dark"] = sums.signal / sums.true
        steps["background"] = net / sample.intensity
        pixel = norms[:-1] / norms[1:]
    steps["absolute_scale"] = np.full(net.size, scale)
    for dose in doses:
        steps[dose.name] = np.full(net.size, 1.0 / dose.values[frame])
    rows = []
    row = 0
    for name in names:
        if name in steps:
            rows.append(steps[name])
        else:
            rows.append(pixel[row])
            row += 1
    table = np.stack(rows) if rows else np.zeros((0, net.size))
    table[~np.isfinite(table)] = np.nan
    table[:, sums.weights.pixels == 0] = np.nan
    return table
