"""How well the lines of one structure are found in a pattern, at any size of its cell.

A phase that is there has all its strong lines. The net intensity in a window at each of them, over
the intensity that the structure gives it, is an amount of the phase; lines of other phases make it
larger, never smaller. The amount is therefore read low among the lines, weighted by strength: a
structure that is not there finds lines missing, and gets nothing. In a pattern full of lines
anything finds some: a structure must explain much more than it does with its cell made so much
larger or smaller that it cannot be there.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.cell import inverse_d_squared
from xrdkit.phase.identify_pattern import Index, NetPattern
from xrdkit.phase.intensity import powder_lines
from xrdkit.phase.pattern import D_SMALLEST, d_min_of, line_amplitudes, radial_envelope
from xrdkit.phase.polarization import polarization_factor
from xrdkit.phase.positions import bragg_angle
from xrdkit.phase.structure import Structure

Array = NDArray[np.float64]

#: Share of the strength below which the amounts of the lines must lie to count (weighted quantile).
_QUANTILE = 0.25
_HEAVIEST = 0.25
#: The lower quartile of numbers scatters so many times as much as their mean.
_OF_QUANTILE = 1.36
#: Lines weaker than this share of the strongest are not asked for.
_WEAKEST = 0.03
#: Most lines that are asked for.
_MOST = 30
#: A line says nothing where lines of other phases cover more than this share of its window.
_SHARED = 0.3
#: Cells that no phase has, relative to those given, tell what chance explains: so many, larger and
#: smaller ones, from so much away and so many line widths, over so much.
_DECOYS, _NEAREST, _CLEAR, _SPAN = 25, 0.03, 2.2, 0.12
#: None is smaller than this share of the cell given.
_SMALLEST = 0.4


@dataclass(frozen=True, kw_only=True)
class Sticks:
    """The stronger lines of a structure within a pattern, n of them."""

    name: str
    """Name of the structure."""
    inverse: Array
    """1/d² (n,), 1/nm², of the cell as given."""
    area: Array
    """Areas (n,), those of all emission lines together, in any unit."""
    together: Array
    """The same with what other lines of the structure have within the window of each (n,)."""
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
    shift: float
    """Shift of the lines at 2θ = 0 to lower angles, degree."""
    lines: int
    """Separate lines that say something: within the pattern and not those of others."""
    told: float
    """Share of the strength of all lines asked for that those have."""
    explained: float
    """Intensity that the structure explains."""
    even: float
    """The amount over that which is as high among the lines: 1 where all agree."""
    by_chance: float
    """Largest intensity that it explains with cells it cannot have."""


@lru_cache(maxsize=512)
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
            name=structure.name,
            inverse=inverse,
            area=angle,
            together=angle,
            all_inverse=inverse,
            all_area=angle,
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
        together=area[strong],
        all_inverse=inverse,
        all_area=area,
    )


def measured(pattern: NetPattern, sticks: Sticks) -> Sticks:
    """Return the sticks as a pattern shows them.

    Without the lines that lie in gaps of the data, and with the neighbours in their windows.
    """
    there = ~pattern.in_gap(sticks.inverse)
    own = bragg_angle(sticks.inverse[there], pattern.wavelength)[:, np.newaxis]
    away = np.abs(own - bragg_angle(sticks.all_inverse, pattern.wavelength)) / pattern.fwhm
    # Half of a line that lies at the end of a window is inside.
    return replace(
        sticks,
        inverse=sticks.inverse[there],
        area=sticks.area[there],
        together=np.clip(1.5 - away, 0.0, 1.0) @ sticks.all_area,
    )


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
    shifts: Array
    """Shift of the lines with each, degree (k,)."""
    usual: Array
    """How usual each is, by which what it explains counts (k,)."""
    tried: Array
    """These sizes and, behind them, those it cannot have (m,)."""
    first: Index
    """First point of each window (m, n)."""
    last: Index
    """Point after its last (m, n)."""
    area: Array
    """Net intensity (m, n)."""
    sigma: Array
    """Its standard error (m, n)."""


def decoys_of(pattern: NetPattern, sticks: Sticks) -> Array:
    """Return sizes that the cell cannot have, far enough that broad lines do not reach the own."""
    strong = sticks.area > 0.3 * sticks.area.max()
    half = np.radians(bragg_angle(sticks.inverse[strong], pattern.wavelength)) / 2.0
    widths = np.radians(pattern.fwhm) / (2.0 * np.tan(half))
    near = max(_NEAREST, _CLEAR * float(np.median(widths)))
    away = np.linspace(near, near + _SPAN, _DECOYS)
    return np.concatenate([np.maximum(1.0 - away, _SMALLEST), 1.0 + away])


def windows_of(
    pattern: NetPattern,
    sticks: Sticks,
    stretches: Array,
    shifts: Array | float = 0.0,
    *,
    usual: Array | float = 1.0,
    decoys: Array | None = None,
) -> Windows:
    """Return the windows of `sticks` in `pattern`, whatever other phases have of it.

    shifts: how much lower the lines lie at 2θ = 0, degree, as cos θ: the displacement of a sample;
    one, or one for each of `stretches` (k,), as `usual`. Those of `decoys` are the first.
    """
    moved = np.broadcast_to(np.asarray(shifts, dtype=float), stretches.shape)
    rows = stretches if decoys is None else np.concatenate([stretches, decoys])
    away = np.concatenate([moved, np.full(rows.size - stretches.size, moved[0])])
    first, last = pattern.windows(
        sticks.inverse[np.newaxis] / rows[:, np.newaxis] ** 2, shift=away[:, np.newaxis]
    )
    area, sigma = pattern.areas(first, last)
    return Windows(
        sticks=sticks,
        stretches=stretches,
        shifts=moved,
        usual=np.broadcast_to(np.asarray(usual, dtype=float), stretches.shape),
        tried=rows,
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
    ratio = np.where(seen, area / sticks.together, np.inf)
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
    best = int(np.argmax(own * windows.usual))
    high = ratio[best, order[best, above[best]]]
    return Match(
        amount=float(amount[best]),
        sigma=_error(sticks.together[seen[best]], sigma[best][seen[best]]),
        stretch=float(tried[best]),
        shift=float(windows.shifts[best]),
        lines=_separate(first[best][seen[best]], last[best][seen[best]]),
        told=float(told[best] / sticks.area.sum()),
        explained=float(amount[best] * sticks.area.sum()) if told[best] > 0 else 0.0,
        even=float(amount[best] / high) if 0 < high < np.inf else 0.0,
        by_chance=float(chance.max(initial=0.0) / max(told[best] / sticks.area.sum(), 1e-6)),
    )


def _error(together: Array, sigma: Array) -> float:
    """Return the standard error of an amount read from all lines, with that of a quantile."""
    said = np.sum((together / np.maximum(sigma, 1e-300)) ** 2)
    return float(_OF_QUANTILE / np.sqrt(said)) if said > 0 else np.inf


def _separate(first: Index, last: Index) -> int:
    """Return how many windows there are of which none reaches into another's middle."""
    middle = np.sort(0.5 * (first + last))
    if middle.size == 0:
        return 0
    reach = 0.5 * float(np.mean(last - first))
    count, place = 1, middle[0]
    for here in middle[1:]:
        if here > place + reach:
            count, place = count + 1, here
    return count
