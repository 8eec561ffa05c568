"""Numbers of a form-free distribution with standard errors, by name.

Each is found of the distribution itself, of that of its own curve (what smoothing changes), of the
replicates (how noise scatters it) and of the data moved by each common error.

The scatter is half of the range that holds the central 68 % of the replicates. Their standard
deviation would be larger: positive distributions have specks where there is nothing, few of them
large, and the numbers of the replicates have the long tail on one side that comes from that. Of a
random search it is the standard deviation: its outliers are those that the measured curve may have.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled
from xrdkit.saxs.inversion import Inversion
from xrdkit.saxs.modes import Mode
from xrdkit.saxs.quantities import PERCENTILES
from xrdkit.saxs.shapes.shape import Shape

Array = NDArray[np.float64]

#: Volume of the particles, and their surface, per volume of sample, times Δρ².
VOLUME_AMOUNT, SURFACE_AMOUNT = "volume_amount", "surface_amount"
#: Share of the largest density by which nodes are moved for the slope of a number.
_NUDGE = 1e-4
#: Largest factor by which a number is corrected for smoothing.
_MOST = 2.0
#: Shares of the replicates below the ends of the range that holds the central 68 %.
_CENTRAL = (0.158655, 0.841345)
_HALVINGS = 20


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One number with its errors, all in its unit."""

    value: float
    """The number, corrected for smoothing where the method needs that."""
    scatter: float
    """Standard error from the sources that scatter from point to point."""
    smoothing: float
    """Shift that smoothing may have left, signed."""
    border: float
    """Half of what a number of a mode found at random changes by with where it ends; else 0."""
    common: Array
    """Signed error from each source common to all points, shape (m,)."""

    @property
    def sigma(self) -> float:
        """Standard error from all sources.

        Smoothing and border are shifts, no scatter: together they may be as large as their sum.
        """
        shift = abs(self.smoothing) + abs(self.border)
        return math.hypot(self.scatter, shift, *self.common)


def percentile_name(percent: float) -> str:
    """Return the name of the radius below which `percent` of the volume lie."""
    return f"percentile {percent:g}"


def numbers(radius: Array, density: Array, step: float, shape: Shape) -> dict[str, float]:
    """Return the numbers of one density φΔρ² per ln R on nodes `step` apart; NaN of an empty one.

    The density counts reference volumes of the shape, numbers weigh by whole particles. Radii in
    nm; ``specific_surface`` in 1/nm; ``scattering_volume`` as the density.
    """
    total = float(density.sum())
    if not total > 0:
        names = ["mean_radius_volume", "width_volume", "radius_of_gyration", "mode_radius_volume"]
        percentiles = map(percentile_name, PERCENTILES)
        empty = dict.fromkeys([*names, "specific_surface", *percentiles], math.nan)
        return {**empty, "scattering_volume": 0.0, VOLUME_AMOUNT: 0.0, SURFACE_AMOUNT: 0.0}
    known = shape.stated
    forward = density * shape.forward(radius, known)
    gyration = float(forward @ shape.gyration(radius, known)) / float(forward.sum())
    surface = float(density @ shape.surface(radius, known))
    share = density * shape.volume(radius, known)
    volume = float(share.sum())
    share = share / volume
    mean = float(share @ radius)
    found = {
        "mean_radius_volume": mean,
        "width_volume": math.sqrt(max(float(share @ (radius - mean) ** 2), 0.0)),
        "radius_of_gyration": math.sqrt(gyration),
        "mode_radius_volume": _mode(radius, density, step),
        "specific_surface": surface / volume,
        "scattering_volume": float(density @ shape.square(radius, known)) * step,
        VOLUME_AMOUNT: volume * step,
        SURFACE_AMOUNT: surface * step,
    }
    for percent, at in zip(PERCENTILES, _quantiles(share, np.array(PERCENTILES)), strict=True):
        found[percentile_name(percent)] = float(radius[0]) * math.exp(float(at) * step)
    return found


@compiled()
def _quantiles(share: Array, percents: Array) -> Array:
    """Return the places, in steps from the first node, below which `percents` of `share` lie.

    Between nodes the sum is a cubic with the slopes of the density: at half steps it is that of the
    midpoint rule with its first correction (Euler and Maclaurin).
    """
    below = np.zeros(share.size + 1)
    slope = np.zeros(share.size + 1)
    total = 0.0
    for k in range(share.size + 1):
        left = share[k - 1] if k > 0 else 0.0
        right = share[k] if k < share.size else 0.0
        total += left
        slope[k] = 0.5 * (left + right)
        below[k] = min(max(total + (right - left) / 24.0, 0.0), 1.0)
        if k > 0:
            below[k] = max(below[k], below[k - 1])
    places = np.empty(percents.size)
    for i in range(percents.size):
        wanted = 0.01 * percents[i]
        k = 0
        while k < share.size - 1 and below[k + 1] < wanted:
            k += 1
        low, high = 0.0, 1.0
        rise = below[k + 1] - below[k]
        for _ in range(_HALVINGS):
            t = 0.5 * (low + high)
            level = below[k] + rise * t * t * (3.0 - 2.0 * t)
            level += t * (1.0 - t) * ((1.0 - t) * slope[k] - t * slope[k + 1])
            if level < wanted:
                low = t
            else:
                high = t
        places[i] = k - 0.5 + 0.5 * (low + high)
    return places


def estimates(
    found: Inversion, shape: Shape, part: slice, unscale: float = 1.0
) -> dict[str, Estimate]:
    """Return the numbers of the nodes `part` of an inversion.

    `unscale` turns the scatter of the replicates into that of the stated errors.
    """
    nodes = found.problem.nodes
    radius = found.radius[part]

    def of(x: Array) -> dict[str, float]:
        return numbers(radius, x[:nodes][part], found.problem.step, shape)

    def corrected(x: Array, again: Array) -> dict[str, float]:
        plain = of(x)
        if not found.solver.corrects:
            return plain
        other = of(again)
        return {name: _corrected(value, other[name]) for name, value in plain.items()}

    plain, again = of(found.x), of(found.again)
    values = corrected(found.x, found.again)
    third = of(found.third)
    copies = [
        corrected(*pair) for pair in zip(found.replicates, found.replicates_again, strict=True)
    ]
    moved = [of(x) for x in found.moved]
    result = {}
    for name, value in values.items():
        smoothing = again[name] - plain[name]
        if found.solver.corrects:
            # What is left after one correction is what a second one would still take.
            smoothing -= third[name] - again[name]
        result[name] = Estimate(
            value=value,
            scatter=_scatter(found, np.array([c[name] for c in copies])) * unscale,
            smoothing=smoothing,
            border=0.0,
            common=np.array([m[name] - plain[name] for m in moved]),
        )
    return result


def _scatter(found: Inversion, copies: Array) -> float:
    """Return the standard error that the replicates of a number tell."""
    if found.solver.random:
        return float(np.std(copies, ddof=1))
    low, high = np.quantile(copies, _CENTRAL, method="normal_unbiased")
    return 0.5 * float(high - low)


def _corrected(plain: float, again: float) -> float:
    """Return a number less what a second inversion changes, as a ratio: it stays positive."""
    if not (plain > 0 and again > 0):
        return plain
    return plain * min(max(plain / again, 1.0 / _MOST), _MOST)


def mode_estimates(
    found: Inversion, shape: Shape, mode: Mode, unscale: float = 1.0
) -> dict[str, Estimate]:
    """Return the numbers of one mode.

    Of a random search where it ends is one of the sources of their errors: the sizes that it left
    in a valley are no noise of the data, which the replicates would have in the same place.
    """
    inside = estimates(found, shape, slice(mode.first, mode.last), unscale)
    if not found.solver.random:
        return inside
    nodes = found.problem.nodes

    def between(ends: tuple[int, int]) -> dict[str, float]:
        part = slice(*ends)
        return numbers(found.radius[part], found.x[:nodes][part], found.problem.step, shape)

    wide, narrow = between(mode.wide), between(mode.narrow)
    return {
        name: replace(item, border=0.5 * (wide[name] - narrow[name]))
        for name, item in inside.items()
    }


def background_estimates(found: Inversion, unscale: float) -> dict[str, Estimate]:
    """Return the backgrounds in the same way; smoothing counts for nothing there."""
    nodes = found.problem.nodes
    result = {}
    for place, name in enumerate(found.problem.background, start=nodes):
        result[name] = Estimate(
            value=float(found.x[place]),
            scatter=_scatter(found, found.replicates[:, place]) * unscale,
            smoothing=float(found.again[place] - found.x[place]),
            border=0.0,
            common=found.moved[:, place] - found.x[place],
        )
    return result


def slopes(found: Inversion, shape: Shape, names: list[str]) -> Array:
    """Return the derivatives of numbers by each density, shape (names, nodes)."""
    radius, density, step = found.radius, found.density, found.problem.step
    values = numbers(radius, density, step, shape)
    nudge = _NUDGE * float(density.max())
    out = np.zeros((len(names), density.size))
    for node in np.flatnonzero(density > 0):
        moved = density.copy()
        moved[node] += nudge
        changed = numbers(radius, moved, step, shape)
        out[:, node] = [(changed[n] - values[n]) / nudge for n in names]
    return out


def _mode(radius: Array, density: Array, step: float) -> float:
    """Return the radius of the maximum of the density per R, by a parabola through three nodes."""
    per_radius = density / radius
    top = int(np.argmax(per_radius))
    shift = 0.0
    if 0 < top < radius.size - 1:
        left, middle, right = per_radius[top - 1 : top + 2]
        bend = left - 2.0 * middle + right
        shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(radius[top] * math.exp(shift * step))
