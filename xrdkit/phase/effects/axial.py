"""Axial divergence: the asymmetry of lines at low and at high angles.

A cone of diffraction cut by a receiving slit of finite height reaches it at lower angles (above 90
degree at higher ones) than in the plane of the diffractometer. For sample and slit of the same half
height and A = (S + H)/L their sum over the radius, the line at 2θ is the mean over t of lines at

2φ(t) = acos(cos 2θ √(1 + A² t²)),  0 < t < 1,  with the weight (1 - t) / ((1 + A² t²) sin 2φ)

(Finger, Cox & Jephcoat, J. Appl. Cryst. 27 (1994) 892, their equations with the height at the slit
as the variable, in which the integrand has no singularity). The mean is a Gauss-Jacobi sum.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_jacobi

from xrdkit.phase.effects.effect import HALF_DEGREE, Array

AXIAL = "axial"
#: Largest (S + H)/L.
AXIAL_MOST = 0.3
_MOST_NODES = 16
#: Nodes are closer than this share of the FWHM.
_SPACING = 0.4
#: A line that spreads over less than this share of its FWHM is symmetric.
_SYMMETRIC = 0.02
#: cos 2φ stays below 1: the cone cannot pass through the beam.
_NEAREST = 0.999


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
    """Derivatives (4, m): of `shift` and `weight` by A, of both by 2θ in degree."""


def node_numbers(angle: Array, width: Array, axial: float) -> NDArray[np.int64]:
    """Return how many nodes lines at `angle` need, `width` their FWHM (both in degree)."""
    if axial <= 0:
        return np.ones(angle.size, dtype=np.int64)
    spread = np.abs(np.degrees(_spread(angle * 2.0 * HALF_DEGREE, axial, np.ones(1))[:, 0]) - angle)
    number = np.ceil(spread / (_SPACING * width)) + 2.0
    number = np.where(spread < _SYMMETRIC * width, 1.0, number)
    return np.clip(number, 1, _MOST_NODES).astype(np.int64)


def axial_nodes(angle: Array, axial: float, numbers: NDArray[np.int64]) -> Nodes:
    """Return the nodes of lines at 2θ = `angle` (n,), degree, `numbers` (n,) of them for each."""
    first = np.concatenate([[0], np.cumsum(numbers)]).astype(np.int64)
    total = int(first[-1])
    shift, weight = np.zeros(total), np.ones(total)
    slopes = np.zeros((4, total))
    if axial > 0:
        for number in np.unique(numbers):
            lines = np.flatnonzero(numbers == number)
            place = first[lines][:, np.newaxis] + np.arange(number)
            found = _nodes_of(angle[lines] * 2.0 * HALF_DEGREE, axial, int(number))
            shift[place], weight[place] = found[0], found[1]
            for row, values in enumerate(found[2:]):
                slopes[row, place] = values
    return Nodes(first=first, shift=shift, weight=weight, slopes=slopes)


@lru_cache(maxsize=_MOST_NODES)
def _rule(number: int) -> tuple[Array, Array]:
    """Return nodes on (0, 1) and weights for the weight function 1 - t."""
    roots, weights = roots_jacobi(number, 1.0, 0.0)
    return 0.5 * (roots + 1.0), weights / weights.sum()


def _spread(angle: Array, axial: float, t: Array) -> Array:
    """Return 2φ (n, m) in rad for `angle` in rad."""
    cosine = np.cos(angle)[:, np.newaxis] * np.sqrt(1.0 + (axial * t) ** 2)
    return np.arccos(np.clip(cosine, -_NEAREST, _NEAREST))


def _nodes_of(angle: Array, axial: float, number: int) -> tuple[Array, ...]:
    """Return shift, weight and their slopes, each (lines, number), for angles in rad."""
    t, rule = _rule(number)
    height = axial * t
    stretch = np.sqrt(1.0 + height**2)
    along = np.arccos(np.clip(np.cos(angle)[:, np.newaxis] * stretch, -_NEAREST, _NEAREST))
    sine, cotangent = np.sin(along), 1.0 / np.tan(along)
    raw = rule / (stretch**2 * sine)
    weight = raw / raw.sum(axis=1, keepdims=True)
    by_axial = -np.cos(angle)[:, np.newaxis] * axial * t**2 / (stretch * sine)
    by_angle = np.sin(angle)[:, np.newaxis] * stretch / sine
    log_by_axial = -2.0 * height * t / stretch**2 - cotangent * by_axial
    log_by_angle = -cotangent * by_angle
    weight_by_axial, weight_by_angle = (
        weight * (slope - np.sum(weight * slope, axis=1, keepdims=True))
        for slope in (log_by_axial, log_by_angle)
    )
    return (
        np.degrees(along - angle[:, np.newaxis]),
        weight,
        np.degrees(by_axial),
        weight_by_axial,
        by_angle - 1.0,
        weight_by_angle * 2.0 * HALF_DEGREE,
    )
