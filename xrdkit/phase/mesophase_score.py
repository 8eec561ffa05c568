"""How well a lattice explains positions, against chance.

Of a lattice with cell a, each allowed reflection between the first that could be seen and the last
peak is seen with the probability π (of its order), and each peak is foreign with the probability ε,
anywhere in the range R seen. Over the hypothesis that all n peaks lie anywhere, in logarithms:

ln B = Σ_matched [ln((1 - ε) R N(q_i; q_hkl, σ_i)) + ln π] + Σ_foreign ln ε + Σ_absent ln(1 - π)
       + ln(√(2π) σ_a/(a ln(a_max/a_min)))

with N the normal density and the last term the price of a free cell (Bayes factor by Laplace's
method, as in Kass & Raftery, J. Am. Stat. Assoc. 90 (1995) 773).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.mesophase_lattices import Reflections

Array = NDArray[np.float64]

#: π of the first three allowed reflections and of the others, and ε: form factors and texture take
#: away some, rather high orders, and impurities add one peak of twenty. Kept with the result.
SEEN_FIRST, SEEN, FOREIGN = 0.85, 0.7, 0.05
_FIRST_ORDERS = 3
#: A match must be within this many σ.
_WITHIN = 4.0
#: Cells that are thought of span this factor.
_CELLS = 30.0
_FIRST_PEAKS, _FIRST_REFLECTIONS, _STEPS = 4, 8, 4


@dataclass(frozen=True, kw_only=True)
class Indexing:
    """One lattice with its best cell."""

    cell: float
    """a, or the repeat d, nm."""
    cell_sigma: float
    """Standard error, scaled by the goodness of fit where that is above 1; NaN without a match."""
    assigned: NDArray[np.intp]
    """Number of the reflection of each peak (n,), -1 foreign."""
    absent: int
    """Reflections not seen, from the start of the range to the last peak of the lattice."""
    evidence: float
    """ln B of the module."""
    gof: float
    """√(Σ z²/(matched - 1)); NaN for one match."""


def best_indexing(
    q: Array, sigma: Array, reflections: Reflections, span: tuple[float, float]
) -> Indexing:
    """Return the best indexing of peaks at `q` (n,) 1/nm, ascending, with errors `sigma`.

    `span` is the range of q in which peaks would have been seen.
    """
    best = Indexing(
        cell=np.nan,
        cell_sigma=np.nan,
        assigned=np.full(q.size, -1, dtype=np.intp),
        absent=0,
        evidence=-np.inf,
        gof=np.nan,
    )
    for place in q[:_FIRST_PEAKS]:
        for ratio in reflections.ratio[:_FIRST_REFLECTIONS]:
            found = _settle(q, sigma, reflections, span, 2.0 * np.pi * float(ratio) / float(place))
            if found is not None and found.evidence > best.evidence:
                best = found
    return best


def _settle(
    q: Array, sigma: Array, reflections: Reflections, span: tuple[float, float], cell: float
) -> Indexing | None:
    """Return the indexing that a start cell leads to; None where it holds no peak."""
    assigned = _assign(q, sigma, reflections, cell)
    for _ in range(_STEPS):
        use = assigned >= 0
        if not use.any():
            return None
        # q = ratio · g: the weighted slope through the origin.
        ratio, weight = reflections.ratio[assigned[use]], sigma[use] ** -2.0
        g = float(np.sum(weight * ratio * q[use]) / np.sum(weight * ratio**2))
        cell = 2.0 * np.pi / g
        again = _assign(q, sigma, reflections, cell)
        if np.array_equal(again, assigned):
            break
        assigned = again
    use = assigned >= 0
    if not use.any():
        return None
    ratio = reflections.ratio[assigned[use]]
    z = (q[use] - 2.0 * np.pi / cell * ratio) / sigma[use]
    precision = float(np.sum((ratio / sigma[use]) ** 2)) ** -0.5 * cell / (2.0 * np.pi)
    reach = span[1] - span[0]
    predicted = 2.0 * np.pi / cell * reflections.ratio
    within = (predicted > span[0]) & (predicted <= q[use].max() + 1e-12)
    within[assigned[use]] = False
    absent = int(within.sum())
    matched, foreign = int(use.sum()), int((~use).sum())
    density = -0.5 * z**2 - np.log(np.sqrt(2.0 * np.pi) * sigma[use])
    seen = np.where(np.arange(predicted.size) < _FIRST_ORDERS, SEEN_FIRST, SEEN)
    evidence = float(np.sum(density)) + matched * np.log((1.0 - FOREIGN) * reach)
    evidence += float(np.sum(np.log(seen[assigned[use]])) + np.sum(np.log(1.0 - seen[within])))
    evidence += foreign * np.log(FOREIGN)
    evidence += np.log(np.sqrt(2.0 * np.pi) * precision / np.log(_CELLS))
    gof = float(np.sqrt(z @ z / (matched - 1))) if matched > 1 else float("nan")
    return Indexing(
        cell=cell,
        cell_sigma=precision * cell * max(gof, 1.0) if matched > 1 else precision * cell,
        assigned=assigned,
        absent=absent,
        evidence=float(evidence),
        gof=gof,
    )


def _assign(q: Array, sigma: Array, reflections: Reflections, cell: float) -> NDArray[np.intp]:
    """Return the reflection of each peak, -1 where none is near; the nearest peak has it."""
    z = np.abs(q[:, None] - 2.0 * np.pi / cell * reflections.ratio[None, :]) / sigma[:, None]
    assigned = np.full(q.size, -1, dtype=np.intp)
    taken: set[int] = set()
    nearest = np.argmin(z, axis=1)
    for peak in np.argsort(z[np.arange(q.size), nearest]):
        reflection = int(nearest[peak])
        if z[peak, reflection] < _WITHIN and reflection not in taken:
            assigned[peak] = reflection
            taken.add(reflection)
    return assigned
