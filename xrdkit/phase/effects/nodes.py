"""Asymmetric lines as sums of symmetric ones at nodes: axial divergence and tails of the source.

The tails of a tube's line focus, and what scatters beside it, lay a wide box below each line:
(1 - f) of the line, and f of it evenly over ±w (tube tails: Bergmann, Kleeberg, Haase &
Breidenstein, Mater. Sci. Forum 347 (2000) 303).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.effects.axial import (
    AXIAL_MOST,
    Array,
    Beam,
    axial_core,
    axial_numbers,
)
from xrdkit.phase.effects.effect import Parameter, Values
from xrdkit.phase.spec import RefinementSpec

AXIAL, TAIL_FRACTION, TAIL_WIDTH = "axial", "tail_fraction", "tail_width"
#: Parameters of the nodes in the order of their channels.
NODE_PARAMETERS = (AXIAL, TAIL_FRACTION, TAIL_WIDTH)
#: Slopes of shift and weight by: the Bragg angle, then each parameter.
_ROWS = 2 * (1 + len(NODE_PARAMETERS))
#: A free axial divergence starts here at least, and may grow by this factor before its nodes are
#: too few.
_AXIAL_START, _AXIAL_ROOM = 0.02, 1.5
_TAIL_START = 0.02
#: Nodes of a tail are this share of the FWHM apart, at most so many.
_TAIL_SPACING, _MOST_TAIL = 0.7, 32


@dataclass(frozen=True, kw_only=True)
class Nodes:
    """Where each line is repeated; arrays over all nodes (m,), those of line k from first[k]."""

    first: NDArray[np.int64]
    """(n + 1,)"""
    shift: Array
    """Added to the position, degree."""
    weight: Array
    """Share of the line; those of a line add up to 1."""
    slopes: Array
    """Derivatives (8, m) of shift and of weight by 2θ (degree) and by each of `NODE_PARAMETERS`."""


@dataclass(frozen=True, kw_only=True)
class NodeNumbers:
    """How many nodes each line has (n,)."""

    axial: NDArray[np.int64]
    """For the axial divergence."""
    tail: NDArray[np.int64]
    """For the tails; 0: none."""


def node_parameters(spec: RefinementSpec) -> tuple[Parameter, ...]:
    """Return what a fit may free of the nodes."""
    axial = spec.axial_start
    fraction, width = spec.tails_start
    return (
        Parameter(
            key=AXIAL,
            start=max(axial, _AXIAL_START) if spec.refine_axial else axial,
            neutral=axial,
            unit=0.01,
            free=spec.refine_axial,
            low=0.0,
            high=AXIAL_MOST,
            broadening=True,
            late=True,
        ),
        Parameter(
            key=TAIL_FRACTION,
            start=max(fraction, _TAIL_START) if spec.refine_tails else fraction,
            neutral=fraction,
            unit=0.01,
            free=spec.refine_tails,
            low=0.0,
            high=0.5,
            broadening=True,
            late=True,
        ),
        Parameter(
            key=TAIL_WIDTH,
            units="degree",
            start=width,
            neutral=width,
            unit=0.1,
            free=spec.refine_tails,
            low=0.02,
            high=2.0,
            late=True,
        ),
    )


def is_skewed(spec: RefinementSpec) -> bool:
    """Whether lines under `spec` are anything but symmetric at their position."""
    asymmetric = spec.refine_axial or spec.axial_start > 0
    return asymmetric or spec.refine_tails or spec.tails_start[0] > 0


def node_numbers(
    angle: Array, width: Array, values: Values | None, spec: RefinementSpec
) -> NodeNumbers:
    """Return how many nodes lines at `angle` of FWHM `width` (n,), degree, need.

    `values` are those of the fit so far; None: those of the start.
    """
    start = {p.key: p.start for p in node_parameters(spec)}
    now = start if values is None else {k: max(values[k], start[k]) for k in start}
    axial, half = now[AXIAL], now[TAIL_WIDTH]
    if spec.refine_axial:
        axial = min(_AXIAL_ROOM * axial, AXIAL_MOST)
    tail = np.zeros(angle.size, dtype=np.int64)
    if spec.refine_tails or now[TAIL_FRACTION] > 0:
        wanted = np.ceil(2.0 * half / (_TAIL_SPACING * width)) + 3.0
        tail = np.minimum(wanted, _MOST_TAIL).astype(np.int64)
    return NodeNumbers(axial=axial_numbers(angle, width, axial, beam_of(spec)), tail=tail)


def beam_of(spec: RefinementSpec) -> Beam:
    """Return how the beam reaches the sample."""
    return "divergent" if spec.geometry == "bragg_brentano" else "parallel"


def nodes_of(angle: Array, values: Values, numbers: NodeNumbers, beam: Beam) -> Nodes:
    """Return the nodes of lines at 2θ = `angle` (n,), degree."""
    first, shift, weight, slopes = axial_core(angle, values[AXIAL], numbers.axial, beam)
    rows = np.zeros((_ROWS, shift.size))
    rows[:4] = slopes
    if not numbers.tail.any():
        return Nodes(first=first, shift=shift, weight=weight, slopes=rows)
    return _with_tails(Nodes(first=first, shift=shift, weight=weight, slopes=rows), values, numbers)


def _with_tails(core: Nodes, values: Values, numbers: NodeNumbers) -> Nodes:
    """Return nodes with a box about the mean of each line."""
    fraction, half = values[TAIL_FRACTION], values[TAIL_WIDTH]
    own, extra = numbers.axial, numbers.tail
    first = np.concatenate([[0], np.cumsum(own + extra)]).astype(np.int64)
    total = int(first[-1])
    shift, weight, slopes = np.zeros(total), np.zeros(total), np.zeros((_ROWS, total))
    line = np.repeat(np.arange(own.size), own)
    place = first[line] + np.arange(line.size) - core.first[line]
    shift[place] = core.shift
    weight[place] = (1.0 - fraction) * core.weight
    slopes[:4, place] = core.slopes[:4]
    slopes[1:4:2, place] *= 1.0 - fraction
    slopes[5, place] = -core.weight
    mean = np.add.reduceat(core.shift * core.weight, core.first[:-1])
    moved = [
        np.add.reduceat(
            core.slopes[k] * core.weight + core.shift * core.slopes[k + 1], core.first[:-1]
        )
        for k in (0, 2)
    ]
    for number in np.unique(extra[extra > 0]):
        lines = np.flatnonzero(extra == number)
        u, share = np.polynomial.legendre.leggauss(int(number))
        place = (first[lines] + own[lines])[:, np.newaxis] + np.arange(number)
        shift[place] = mean[lines][:, np.newaxis] + half * u
        weight[place] = 0.5 * fraction * share
        slopes[0, place] = moved[0][lines][:, np.newaxis]
        slopes[2, place] = moved[1][lines][:, np.newaxis]
        slopes[5, place] = 0.5 * share
        slopes[6, place] = u
    return Nodes(first=first, shift=shift, weight=weight, slopes=slopes)
