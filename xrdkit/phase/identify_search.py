"""The search in one frame: which structures are there, one after another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.baseline import snip
from xrdkit.phase.identify_evidence import LINED, farthest, is_even, is_there
from xrdkit.phase.identify_match import (
    Match,
    Sticks,
    Taken,
    Windows,
    decoys_of,
    match,
    measured,
    sticks_of,
    windows_of,
)
from xrdkit.phase.identify_pattern import Index, NetPattern
from xrdkit.phase.identify_place import Expected, Place, place
from xrdkit.phase.observation import Observation, usable
from xrdkit.phase.peak_width import typical_width
from xrdkit.phase.positions import bragg_angle
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.structure import Structure

Array = NDArray[np.float64]
_Number = TypeVar("_Number", float, Array)

#: Windows of the baseline, in FWHM of the lines.
_BASELINE = 8.0
#: And this share of what is not explained yet: weak lines beside unknown strong ones are theirs.
_OF_REST = 0.06
#: Cells and samples differ from those given by this share of the room, standard deviation.
_USUAL = 0.4
#: Larger differences are rarer, but not as rare as Gauss says: degrees of freedom (Student).
_FREEDOM = 3.0
#: What explains more, and more evenly, is likelier there: this power of both.
_POWER = 3.0
#: A place where a phase explains less than this part of what it does nearby is that of others.
_DRAWN = 0.9
#: Once the shift of the first phase is known, those of others are like it within (degree).
_SAME_SHIFT = 0.01
#: A shift of less than this part of a FWHM leaves the windows as they are.
_ASIDE = 0.1
#: Shifts are tried in steps of so many FWHM, one of which is no shift, and so many at most.
_SHIFT_STEP, _MOST_SHIFTS = 0.8, 9
#: So many structures, from this share of the best of them, are placed before one is chosen.
_CONTENDERS, _CONTENDS = 6, 0.3
#: Lines of phases found are felt this many FWHM away, where they have this share of the intensity.
_REACH, _FELT = 2.5, 3e-4
_LORENTZIAN = 0.5
#: The points that belong to the lines of one phase, FWHM.
_LINE_REACH = 1.5
_MOST_FOUND = 12


@dataclass(frozen=True, kw_only=True)
class Room:
    """How far a pattern may be from what the structures say."""

    cell: float
    """Largest relative change of the cells."""
    shift: float
    """Largest shift of the lines by a displaced sample, degree."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A structure that is there."""

    number: int
    match: Match


@dataclass(frozen=True, kw_only=True)
class Row:
    """What is found in one frame."""

    found: list[Found]
    matches: list[Match]
    """The last match of every candidate."""
    total: float
    """The net intensity."""

    @property
    def left(self) -> float:
        """Share of the net intensity that no phase has."""
        return 1.0 - sum(f.match.explained for f in self.found) / np.maximum(self.total, 1e-300)

    @property
    def shift(self) -> float:
        """Shift of the lines of the first phase, degree; NaN without any."""
        return self.found[0].match.shift if self.found else np.nan


def unknown(count: int) -> Row:
    """Return the row of a frame without data, for so many candidates."""
    return Row(found=[], matches=[_UNKNOWN] * count, total=np.nan)


def search(
    observed: Observation,
    frame: int,
    structures: Sequence[Structure],
    spec: RefinementSpec,
    room: Room,
) -> Row:
    """Return what is found in one frame. Raises EmptyResult where it has hardly a point."""
    pattern = _net_pattern(observed, frame, spec)
    polarization = None if observed.integrated else spec.polarization
    limits = (float(pattern.x[0]), float(pattern.x[-1]))
    sticks = [
        measured(pattern, sticks_of(s, pattern.wavelength, limits, polarization))
        for s in structures
    ]
    centre = 0.0
    if spec.goniometer_radius is not None:
        centre = float(np.degrees(2.0 * spec.displacement / spec.goniometer_radius))
    task = _Task(pattern, sticks, room, centre)
    task.run()
    return Row(found=task.found, matches=task.matches, total=pattern.total)


def _net_pattern(observed: Observation, frame: int, spec: RefinementSpec) -> NetPattern:
    good = usable(observed, frame)
    x = observed.positions[frame][good] - spec.zero
    y, sigma = observed.intensity[frame][good], observed.sigma[frame][good]
    fwhm = typical_width(x, y, sigma)
    even = np.linspace(x[0], x[-1], x.size)
    window = max(4, round(_BASELINE * fwhm / (even[1] - even[0])))
    base = np.interp(x, even, snip(np.interp(even, x, y), window))
    return NetPattern(
        x,
        y - base,
        sigma,
        wavelengths=observed.wavelengths,
        weights=observed.weights,
        fwhm=fwhm,
    )


class _Task:
    """The forward selection in one pattern."""

    def __init__(
        self, pattern: NetPattern, sticks: Sequence[Sticks], room: Room, centre: float
    ) -> None:
        """`sticks` of every candidate; `centre`: the shift that is known, degree."""
        self.pattern, self.sticks, self.room = pattern, sticks, room
        # Half a line's width at the highest angles: Δd/d = cot θ Δθ.
        top = np.radians(min(pattern.x[-1], 160.0)) / 2.0
        finest = np.radians(0.5 * pattern.fwhm) / (2.0 * np.tan(top))
        self.half = max(1, int(np.ceil(room.cell / max(finest, 2e-4))))
        self.expected = Expected(
            stretch_sigma=_USUAL * room.cell, shift=centre, shift_sigma=_USUAL * room.shift
        )
        self.found: list[Found] = []
        self.taken = _taken(pattern, sticks, [])
        self.decoys = [decoys_of(pattern, s) if s.area.size else None for s in sticks]
        self.windows = self._grid(centre)
        self.matches = [_matched(w, self.taken) for w in self.windows]

    def run(self) -> None:
        """Find phases until none is left."""
        while len(self.found) < _MOST_FOUND:
            matches = list(self.matches)
            if not self.found and self.room.shift > 0:
                matches = self._shifted(matches)
            best = self._best(matches)
            if best is None:
                break
            self._take(*best)

    def _grid(self, shift: float) -> list[Windows | None]:
        """Return the windows of all candidates at one shift."""
        room = self.room.cell
        stretches = 1.0 + np.linspace(-room, room, 2 * self.half + 1)
        return [
            windows_of(self.pattern, s, stretches, shift, decoys=d) if s.area.size else None
            for s, d in zip(self.sticks, self.decoys, strict=True)
        ]

    def _shifted(self, matches: list[Match]) -> list[Match]:
        """Return the best match of each candidate over all shifts, in coarser steps."""
        steps = int(np.ceil(self.room.shift / (_SHIFT_STEP * self.pattern.fwhm)))
        steps = min(max(1, steps), _MOST_SHIFTS // 2)
        room, centre = self.room.cell, self.expected.shift
        count = 2 * ((self.half + 1) // 2) + 1
        moved = np.delete(np.linspace(-self.room.shift, self.room.shift, 2 * steps + 1), steps)
        stretches = np.tile(1.0 + np.linspace(-room, room, count), moved.size)
        shifts = centre + np.repeat(moved, count)
        away = ((stretches - 1.0) / max(self.expected.stretch_sigma, 1e-6)) ** 2
        away += ((shifts - centre) / self.expected.shift_sigma) ** 2
        usual = _tailed(away) ** (1.0 / _POWER)
        best = list(matches)
        for k, s in enumerate(self.sticks):
            if s.area.size:
                one = match(windows_of(self.pattern, s, stretches, shifts, usual=usual), self.taken)
                here, there = (self._worth(m) * _tailed(self._away(m)) for m in (one, best[k]))
                if here > there:
                    best[k] = replace(one, by_chance=matches[k].by_chance)
        return best

    def _away(self, m: Match) -> float:
        """Return how unusual a cell and a shift are: squares of standard deviations."""
        away = (m.stretch - 1.0) / max(self.expected.stretch_sigma, 1e-6)
        moved = (m.shift - self.expected.shift) / max(self.expected.shift_sigma, 1e-6)
        return float(away**2 + moved**2)

    def _worth(self, m: Match) -> float:
        """Return what a match is worth beside others: the share explained, as even as it is."""
        share = m.explained / max(self.pattern.total, 1e-300)
        return float((share * min(m.even, 1.0)) ** _POWER)

    def _best(self, matches: Sequence[Match]) -> tuple[int, Match, Place] | None:
        """Return the structure to take next: number, match and place."""
        done, total = {f.number for f in self.found}, self.pattern.total
        left = total - sum(f.match.explained for f in self.found)
        there = {
            k: self._worth(m) * _tailed(self._away(m))
            for k, m in enumerate(matches)
            if k not in done
            and m.explained > _OF_REST * left
            and is_there(m, total, self.room.cell)
        }
        chosen: tuple[int, Match, Place] | None = None
        highest, tried, least = 0.0, 0, 0.0
        for k in sorted(there, key=lambda k: -there[k]):
            if tried == _CONTENDERS or there[k] < least:
                break
            m = matches[k]
            at = place(self.pattern, self.sticks[k], self.taken, m.stretch, m.shift, self.expected)
            if abs(at.stretch - 1.0) > self.room.cell or at.typical > farthest(m, total):
                continue
            if not is_even(m, total) and self._lined(k, at) < LINED:
                continue
            tried, least = tried + 1, max(least, _CONTENDS * there[k])
            one = windows_of(self.pattern, self.sticks[k], np.array([at.stretch]), at.shift)
            exact = replace(match(one, self.taken), by_chance=m.by_chance)
            if exact.explained < _DRAWN * m.explained:
                exact = m
            worth = self._worth(exact) * _tailed(at.away)
            if worth > highest:
                highest, chosen = worth, (k, exact, at)
        return chosen

    def _lined(self, number: int, at: Place) -> float:
        """Return the share of what no phase covers that lies at lines of a structure."""
        inverse = self.sticks[number].all_inverse / at.stretch**2
        first, last = self.pattern.windows(inverse, _LINE_REACH, at.shift)
        own = _points(first, last, self.pattern.x.size)
        net = np.where(np.diff(self.taken.covered) > 0, 0.0, np.diff(self.pattern.area))
        return float(net[own].sum() / max(np.maximum(net, 0.0).sum(), 1e-300))

    def _take(self, number: int, m: Match, at: Place) -> None:
        first, centre = not self.found, self.expected.shift
        self.found.append(Found(number=number, match=m))
        self.matches[number] = m
        if first and self.room.shift > 0:
            self.expected = Expected(
                stretch_sigma=self.expected.stretch_sigma,
                shift=at.shift,
                shift_sigma=_SAME_SHIFT,
            )
            if abs(at.shift - centre) > _ASIDE * self.pattern.fwhm:
                self.windows = self._grid(at.shift)
        self.taken = _taken(self.pattern, self.sticks, self.found)
        done = {f.number for f in self.found}
        self.matches = [
            m if k in done else _matched(w, self.taken)
            for k, (w, m) in enumerate(zip(self.windows, self.matches, strict=True))
        ]


_NOTHING = Match(
    amount=0.0,
    sigma=1.0,
    stretch=1.0,
    shift=0.0,
    lines=0,
    told=0.0,
    explained=0.0,
    even=0.0,
    by_chance=0.0,
)

_UNKNOWN = replace(_NOTHING, amount=np.nan, sigma=np.nan, stretch=np.nan, explained=np.nan)


def _tailed(away: _Number) -> _Number:
    """Return the density of Student's distribution at `away` squared deviations, 1 at none."""
    return (1.0 + away / _FREEDOM) ** (-0.5 * (_FREEDOM + 1.0))


def _matched(windows: Windows | None, taken: Taken) -> Match:
    return _NOTHING if windows is None else match(windows, taken)


def _taken(pattern: NetPattern, sticks: Sequence[Sticks], found: Sequence[Found]) -> Taken:
    """Return what the phases found have of the pattern.

    Beyond the points that a line covers its tail is taken for that of a line half Lorentzian.
    """
    x = pattern.x
    covered, density = np.zeros(x.size, dtype=bool), np.zeros(x.size)
    half = 0.5 * pattern.fwhm
    for one in found:
        own = sticks[one.number]
        inverse = own.all_inverse / one.match.stretch**2
        first, last = pattern.windows(inverse, _REACH, one.match.shift)
        area = one.match.amount * own.all_area
        strong = (last > first) & (area > _FELT * pattern.total)
        covered |= _points(first[strong], last[strong], x.size)
        angle = bragg_angle(inverse[strong], pattern.wavelength)
        middle = (angle - one.match.shift * np.cos(np.radians(angle) / 2.0))[:, np.newaxis]
        bell = half / np.pi / ((x - middle) ** 2 + half**2)
        density += _LORENTZIAN * (area[strong] @ bell)
    tails = np.cumsum(density * np.gradient(x))
    return Taken(
        covered=np.concatenate([[0.0], np.cumsum(covered)]),
        tails=np.concatenate([[0.0], tails]),
    )


def _points(first: Index, last: Index, count: int) -> NDArray[np.bool_]:
    """Return which of `count` points lie in windows."""
    edges = np.zeros(count + 1)
    np.add.at(edges, first, 1.0)
    np.add.at(edges, last, -1.0)
    return np.asarray(np.cumsum(edges)[:-1] > 0)
