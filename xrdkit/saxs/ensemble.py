"""Affine-invariant ensemble sampling: a posterior of any scale without settings.

Half of the walkers are moved along lines to walkers of the other half, then the reverse: the
stretch move z ~ 1/√z in [1/2, 2], accepted with probability min(1, z^(p-1) P(new)/P(old))
(Goodman & Weare, Comm. Appl. Math. Comp. Sci. 5 (2010) 65).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_STRETCH = 2.0
#: Multiples of the autocorrelation time after which its sum is cut off (Sokal's window).
_WINDOW = 5.0


def sample(
    log_probability: Callable[[Array], float],
    start: Array,
    steps: int,
    generator: np.random.Generator,
) -> tuple[Array, float]:
    """Return the walks, shape (steps, walkers, p), and the share of moves that were accepted.

    `log_probability` of parameters (p,) is known but for a constant, -inf where impossible; `start`
    has shape (walkers, p), an even number of walkers that is at least 2 p.
    """
    walkers, size = start.shape
    half = walkers // 2
    now = start.copy()
    level = np.array([log_probability(row) for row in now])
    chain = np.empty((steps, walkers, size))
    accepted = 0
    for step in range(steps):
        for side in (slice(0, half), slice(half, walkers)):
            others = np.delete(now, np.arange(walkers)[side], axis=0)
            moving = now[side]
            count = len(moving)
            z = ((_STRETCH - 1.0) * generator.random(count) + 1.0) ** 2 / _STRETCH
            partner = others[generator.integers(0, len(others), count)]
            trial = partner + z[:, None] * (moving - partner)
            reached = np.array([log_probability(row) for row in trial])
            ratio = (size - 1) * np.log(z) + reached - level[side]
            good = np.log(generator.random(count)) < ratio
            now[side] = np.where(good[:, None], trial, moving)
            level[side] = np.where(good, reached, level[side])
            accepted += int(good.sum())
        chain[step] = now
    return chain, accepted / (steps * walkers)


def autocorrelation_time(chain: Array) -> float:
    """Return the longest integrated autocorrelation time of the parameters, in steps.

    `chain` has shape (steps, walkers, p). The walkers' correlation functions are averaged and
    summed up to the first lag beyond 5 times the sum.
    """
    steps = len(chain)
    longest = 1.0
    centred = chain - chain.mean(axis=(0, 1))
    for values in np.moveaxis(centred, 2, 0):
        spectrum = np.fft.rfft(values, n=2 * steps, axis=0)
        function = np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[:steps].mean(axis=1)
        if not function[0] > 0:
            continue
        times = 2.0 * np.cumsum(function / function[0]) - 1.0
        inside = np.arange(steps) < _WINDOW * times
        cut = steps - 1 if inside.all() else int(np.argmin(inside))
        longest = max(longest, float(times[cut]))
    return longest
