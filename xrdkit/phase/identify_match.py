"""How well the lines of one structure are found in a pattern, at any size of its cell.

A phase that is there has all its strong lines. The net intensity in a window at each of them, over
the intensity that the structure gives it, is an amount of the phase; lines of other phases make it
larger, never smaller. The amount is therefore read low among the lines, weighted by strength: a
structure that is not there finds lines missing, and gets nothing. In a pattern full of lines
anything finds some: a structure must explain much more than it does with its cell made so much
larger or smaller that it cannot be there.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.cell import inverse_d_squared
from xrdkit.phase.intensity import powder_lines
from xrdkit.phase.pattern import D_SMALLEST, d_min_of, line_amplitudes, radial_envelope
from xrdkit.phase.polarization import polarization_factor
from xrdkit.phase.positions import bragg_angle
from xrdkit.phase.structure import Structure

Array = NDArray[np.float64]
Index = NDArray[np.int64]

#: Share of the strength below which the amounts of the lines must lie to count (weighted quantile).
_QUANTILE = 0.25
_HEAVIEST = 0.25
#: Lines weaker than this share of the strongest are not asked for.
_WEAKEST = 0.03
#: Most lines that are asked for.
_MOST = 30
#: A line says nothing where lines of other phases cover more than this share of its window.
_SHARED = 0.3
#: A step so many times those beside it is a gap in the data.
_GAP = 5.0
#: Cells that no phase has, relative to those given: what chance explains.
_DECOYS: Array = np.concatenate([1.0 + s * np.linspace(0.03, 0.15, 25) for s in (-1.0, 1.0)])


@dataclass(frozen=True, kw_only=True)
class Sticks:
    """The stronger lines of a structure within a pattern, n of them."""

    name: str
    """Name of the structure."""
    inverse: Array
    """1/d² (n,), 1/nm², of the cell as given."""
    area: Array
    """Areas (n,), those of all emission lines together, in any unit."""
    all_inverse: Array
    """1/d² (m,) of all lines, weak ones too."""
    all_area: Array
    """Their areas (m,)."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """A structure at the size of its cell that suits a pattern best."""

    amount: float
    """Intensity over that of the sticks."""
    sigma: float
    """Standard error of the amount from counting."""
    stretch: float
    """Cell lengths over those given."""
    lines: int
    """Lines that say something: within the pattern and not those of others."""
    told: float
    """Share of the strength of all lines asked for that those have."""
    explained: float
    """Intensity that the structure explains."""
    even: float
    """The amount over that which is as high among the lines: 1 where all agree."""
    by_chance: float
    """Largest intensity that it explains with cells it cannot have."""


def sticks_of(
    structure: Structure, wavelength: float, limits: tuple[float, float], polarization: float | None
) -> Sticks:
    """Return the stronger lines between `limits` (degree); `polarization` None: corrected."""
    d_min = max(d_min_of(limits[1], wavelength), D_SMALLEST)
    lines = powder_lines(structure, wavelength, d_min)
    inverse = inverse_d_squared(lines.hkl, structure.cell)
    angle = bragg_angle(inverse, wavelength)
    inside = (angle > limits[0]) & (angle < limits[1])
    inverse, angle = inverse[inside], angle[inside]
    if angle.size == 0:
        return Sticks(
            name=structure.name, inverse=inverse, area=angle, all_inverse=inverse, all_area=angle
        )
    area = line_amplitudes(structure, lines.strength[inside], angle, wavelength)
    area = area * radial_envelope(structure, angle, wavelength)
    if polarization is not None:
        area = area * polarization_factor(angle, polarization)
    strong = np.argsort(-area)[:_MOST]
    strong = np.sort(strong[area[strong] > _WEAKEST * area.max()])
    return Sticks(
        name=structure.name,
        inverse=inverse[strong],
        area=area[strong],
        all_inverse=inverse,
        all_area=area,
    )


class NetPattern:
    """A pattern without its background, from which areas of windows are read at once."""

    def __init__(
        self,
        two_theta: Array,
        net: Array,
        sigma: Array,
        *,
        wavelengths: tuple[float, ...],
        weights: tuple[float, ...],
        fwhm: float,
    ) -> None:
        """`net` intensity and `sigma` (n,) at `two_theta`; lines of FWHM `fwhm`, degree."""
        self.x, self.fwhm = two_theta, fwhm
        self.wavelength = float(np.dot(wavelengths, weights))
        major = [w for w, s in zip(wavelengths, weights, strict=True) if s > 0.1]
        self._first, self._last = min(major), max(major)
        self._gap = _gaps(two_theta)
        step = _steps(two_theta, self._gap)
        self._area = np.concatenate([[0.0], np.cumsum(net * step)])
        self._variance = np.concatenate([[0.0], np.cumsum((sigma * step) ** 2)])
        self.total = float(np.sum(np.maximum(net, 0.0) * step))

    def measured(self, sticks: Sticks) -> Sticks:
        """Return the sticks without the lines that lie in gaps of the data."""
        behind = np.searchsorted(self.x, bragg_angle(sticks.inverse, self.wavelength))
        there = ~self._gap[np.clip(behind - 1, 0, self._gap.size - 1)]
        if there.all():
            return sticks
        return replace(sticks, inverse=sticks.inverse[there], area=sticks.area[there])

    def windows(self, inverse: Array, reach: float = 1.0) -> tuple[Index, Index]:
        """Return first and last point of the windows of lines (any shape); empty beyond the ends.

        They reach `reach` FWHM beyond the outer emission lines.
        """
        low = bragg_angle(inverse, self._first) - reach * self.fwhm
        high = bragg_angle(inverse, self._last) + reach * self.fwhm
        outside = ~((low > self.x[0]) & (high < self.x[-1]))
        first = np.searchsorted(self.x, np.where(outside, self.x[0], low))
        last = np.searchsorted(self.x, np.where(outside, self.x[0], high))
        return first.astype(np.int64), np.maximum(last, first).astype(np.int64)

    def areas(self, first: Index, last: Index) -> tuple[Array, Array]:
        """Return net areas in windows and their standard errors."""
        return (
            self._area[last] - self._area[first],
            np.sqrt(self._variance[last] - self._variance[first]),
        )


def _gaps(x: Array) -> NDArray[np.bool_]:
    """Return which steps (n - 1,) are gaps: much longer than those on both sides."""
    step = np.diff(x)
    around = np.maximum(np.append(step[1:], 0.0), np.insert(step[:-1], 0, 0.0))
    return np.asarray(step > _GAP * around)


def _steps(x: Array, gap: NDArray[np.bool_]) -> Array:
    """Return the width of each point (n,), which does not reach into gaps."""
    if not gap.any():
        return np.gradient(x)
    half = 0.5 * np.where(gap, 0.0, np.diff(x))
    before, behind = np.insert(half, 0, 0.0), np.append(half, 0.0)
    # A point beside a gap or at an end is as wide as it is on its other side.
    return np.where(before == 0, behind, before) + np.where(behind == 0, before, behind)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What phases found already have, cumulated like the pattern: (points + 1,) each."""

    covered: Array
    """Number of points before each that their lines cover."""
    tails: Array
    """Area before each that the tails of their lines have, at most."""


@dataclass(frozen=True, kw_only=True)
class Windows:
    """What a pattern has at the lines of a structure, for every size tried of its cell."""

    sticks: Sticks
    """The lines (n,)."""
    stretches: Array
    """Sizes of the cell that it may have (k,)."""
    tried: Array
    """These and, behind them, those it cannot have (m,)."""
    first: Index
    """First point of each window (m, n)."""
    last: Index
    """Point after its last (m, n)."""
    area: Array
    """Net intensity (m, n)."""
    sigma: Array
    """Its standard error (m, n)."""


def windows_of(pattern: NetPattern, sticks: Sticks, stretches: Array) -> Windows:
    """Return the windows of `sticks` in `pattern`, whatever other phases have of it."""
    tried = np.concatenate([stretches, _DECOYS])
    first, last = pattern.windows(sticks.inverse[np.newaxis] / tried[:, np.newaxis] ** 2)
    area, sigma = pattern.areas(first, last)
    return Windows(
        sticks=sticks,
        stretches=stretches,
        tried=tried,
        first=first,
        last=last,
        area=area,
        sigma=sigma,
    )


def match(windows: Windows, taken: Taken) -> Match:
    """Return how the lines of a structure suit a pattern at the best size of its cell."""
    sticks, stretches, tried = windows.sticks, windows.stretches, windows.tried
    first, last, sigma = windows.first, windows.last, windows.sigma
    area = windows.area - (taken.tails[last] - taken.tails[first])
    covered = taken.covered[last] - taken.covered[first]
    seen = (last > first) & (covered <= _SHARED * (last - first))
    ratio = np.where(seen, area / sticks.area, np.inf)
    weight = np.where(seen, sticks.area, 0.0)
    strength = weight.sum(axis=1)
    # A single line is no agreement: none counts for more than a quarter.
    weight = np.minimum(weight, _HEAVIEST * strength[:, np.newaxis])
    order = np.argsort(ratio, axis=1)
    reached = np.cumsum(np.take_along_axis(weight, order, axis=1), axis=1)
    said = reached[:, -1]
    above = np.argmax(
        reached >= (1.0 - _QUANTILE) * np.maximum(said, 1e-300)[:, np.newaxis], axis=1
    )
    place = np.argmax(reached >= _QUANTILE * np.maximum(said, 1e-300)[:, np.newaxis], axis=1)
    rows = np.arange(len(tried))
    chosen = order[rows, place]
    told = strength
    amount = np.where(told > 0, ratio[rows, chosen], 0.0)
    explained = np.where(np.isfinite(amount), amount, 0.0) * told
    own, chance = explained[: len(stretches)], explained[len(stretches) :]
    best = int(np.argmax(own))
    k = chosen[best]
    high = ratio[best, order[best, above[best]]]
    return Match(
        amount=float(amount[best]),
        sigma=float(sigma[best, k] / sticks.area[k]),
        stretch=float(tried[best]),
        lines=int(seen[best].sum()),
        told=float(told[best] / sticks.area.sum()),
        explained=float(amount[best] * sticks.area.sum()) if told[best] > 0 else 0.0,
        even=float(amount[best] / high) if 0 < high < np.inf else 0.0,
        by_chance=float(chance.max() / max(told[best] / sticks.area.sum(), 1e-6)),
    )
