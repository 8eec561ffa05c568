"""Fits of all frames of a series, each from the one before, and checked from fresh starts.

A fit that starts from the frame before is fast, and it inherits what went wrong there: a phase that
collapsed, a minimum that is none. Every twentieth frame, the last one, and each frame after which
something jumps are therefore fitted from a searched start too. Where that ends in a better fit it
replaces the other, and the frames around are fitted again from it, backwards and forwards, for as
long as that improves them.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import ComputeError
from xrdkit.fitting import Verdict
from xrdkit.phase.effects import GAUSS_NODES
from xrdkit.phase.fit import Frame, FrameFit, cold_fit, warm_fit
from xrdkit.phase.judgement import is_blank, judge
from xrdkit.phase.observation import Observation, usable
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.structure import Structure

_LOG = logging.getLogger(__name__)
Array = NDArray[np.float64]

#: Frames between fits from a fresh start.
CHECK_EVERY = 20
#: A frame that fits this much worse than the one before it is fitted from a fresh start too.
_WORSE = 1.1
#: Of two fits of a frame, one is better where its criterion is lower by this much: very strong
#: evidence (Kass & Raftery, J. Am. Stat. Assoc. 90 (1995) 773). Else the series goes on as it was.
_BETTER = 10.0
#: Fits that are less than this many standard errors apart are the same.
_SAME = 0.02
#: Where a fit without any Gaussian width starts again: the share of the widths of its lines that is
#: Gaussian then, or squares of widths in natural units, and the share that is left of other widths.
_OF_LINES, _WIDER, _NARROWER = 0.8, 0.3, 0.2
#: Verdicts after which a mixture is tried again, strongest phase first.
_LOST = (Verdict.NOT_CONVERGED, Verdict.UNIDENTIFIABLE, Verdict.AT_BOUND)


class StartCheck(StrEnum):
    """What a fit from a fresh start said of a frame."""

    NONE = ""
    AGREES = "agrees"
    """Both fits are the same."""
    KEPT = "kept"
    """The fresh start led to a worse fit."""
    AMBIGUOUS = "ambiguous"
    """Two fits are about as good; the one nearer to the frames around was kept."""
    REPLACED = "replaced"
    """The fresh start led to a better fit."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What is known of one frame."""

    fit: FrameFit | None
    """The fit; None where there is none."""
    verdict: Verdict
    """What it is worth."""
    reason: str
    """What the verdict rests on."""
    blank: bool = False
    """Whether the phases explain no more than a background does."""
    check: StartCheck = StartCheck.NONE
    """Whether the frame was fitted from a fresh start too, and which fit was kept."""
    disagreement: float = float("nan")
    """Largest difference between both fits, in standard errors; infinite for other phases."""

    @property
    def leads(self) -> bool:
        """Whether the next frame may start from this fit."""
        return (
            self.fit is not None
            and self.verdict in (Verdict.OK, Verdict.MISFIT)
            and any(self.fit.found)
            and not self.blank
        )


class Series:
    """The fits of the frames of one profile."""

    def __init__(
        self, observed: Observation, structures: Sequence[Structure], spec: RefinementSpec
    ) -> None:
        """Nothing is fitted yet."""
        self._observed, self._structures, self._spec = observed, structures, spec
        self.entries: list[Entry] = []
        self.failure: ComputeError | None = None
        """Why the last frame without a fit has none."""

    def run(self) -> None:
        """Fit all frames, forward, with a check of every twentieth."""
        frames = len(self._observed.intensity)
        leader: Entry | None = None
        unchecked = 0
        for number in range(frames):
            entry = self._first(number, leader)
            self.entries.append(entry)
            from_before = leader is not None and entry.check is StartCheck.NONE
            unchecked = unchecked + 1 if from_before else 0
            if entry.leads and frames > 1 and (unchecked >= CHECK_EVERY or number == frames - 1):
                if self.check(number):
                    self._spread(number, -1)
                entry = self.entries[number]
                unchecked = 0
            self.entries[number] = _slim(entry)
            leader = entry if entry.leads else leader
            if entry.verdict is not Verdict.OK:
                _LOG.warning("frame %d: %s: %s", number, entry.verdict, entry.reason)

    def check(self, number: int) -> bool:
        """Fit a frame from a fresh start too; whether that fit took the place of the other."""
        entry = self.entries[number]
        if entry.fit is None or entry.check is not StartCheck.NONE:
            return False
        try:
            frame = frame_of(self._observed, number)
            other = self._cold(frame, entry)
        except ComputeError as exc:
            _LOG.info("frame %d: no fit from a fresh start: %s", number, exc)
            return False
        around = [e for e in self.entries[max(number - 1, 0) : number + 2] if e is not entry]
        self.entries[number] = _settled(entry, other, around)
        return self.entries[number].fit is not entry.fit

    def review(self, numbers: Sequence[int]) -> bool:
        """Check frames and pass on what is better on both sides; whether anything changed."""
        changed = False
        for number in numbers:
            if self.check(number):
                changed = True
                self._spread(number, -1)
                self._spread(number, 1)
            self.entries[number] = _slim(self.entries[number])
        return changed

    def _spread(self, number: int, direction: int) -> None:
        """Fit the neighbours on one side again for as long as that improves them."""
        leader = self.entries[number]
        at = number + direction
        while 0 <= at < len(self.entries) and leader.leads:
            old = self.entries[at]
            if old.fit is not None and not old.blank:
                new = self._warm(frame_of(self._observed, at), leader)
                if new is None or not _is_better(new, old):
                    return
                moved = _disagreement(old, new)
                leader = replace(new, check=StartCheck.REPLACED, disagreement=moved)
                self.entries[at] = _slim(leader)
            at += direction

    def _first(self, number: int, leader: Entry | None) -> Entry:
        """Return the fit of a frame from the one before or, where that is no good, a fresh one."""
        try:
            frame = frame_of(self._observed, number)
            warm = None if leader is None else self._warm(frame, leader)
            if warm is not None and leader is not None and _goes_on(warm, leader):
                return warm
            cold = self._cold(frame)
        except ComputeError as exc:
            self.failure = exc
            return Entry(fit=None, verdict=Verdict.NOT_CONVERGED, reason=exc.message)
        if warm is None:
            return cold
        return _settled(warm, cold, [] if leader is None else [leader])

    def _warm(self, frame: Frame, leader: Entry) -> Entry | None:
        if leader.fit is None:
            return None
        try:
            return _judged(frame, warm_fit(frame, leader.fit, self._observed))
        except ComputeError as exc:
            _LOG.info("no fit from the frame before: %s", exc)
            return None

    def _cold(self, frame: Frame, known: Entry | None = None) -> Entry:
        """Return the better one of two fresh starts; of one, where that leads to a `known` fit."""
        arguments = (frame, self._structures, self._spec, self._observed)
        cold = self._with_gaussian(frame, _judged(frame, cold_fit(*arguments)))
        if len(self._structures) == 1 or cold.fit is None or cold.blank:
            return cold
        if known is not None and _disagreement(known, cold) < _SAME:
            return cold
        if cold.verdict in _LOST or not all(cold.fit.found):
            again = _judged(frame, cold_fit(*arguments, strongest_first=True))
            again = self._with_gaussian(frame, again)
            return again if _is_better(again, cold) else cold
        return cold

    def _with_gaussian(self, frame: Frame, cold: Entry) -> Entry:
        """Return a fit whose instrument has a width, where one without is worse.

        At a Gaussian width of 0 χ² has no slope by it: a fit that once came there stays.
        """
        fit = cold.fit
        if fit is None:
            return cold
        nodes = [n for n in GAUSS_NODES if n in fit.origin.free]
        if not nodes or any(fit.values[n] > 0 for n in nodes):
            return cold
        values = fit.values | {
            n: _NARROWER * fit.values[n] for n in fit.origin.broadening if fit.values[n] > 0
        }
        # What a fit started from may be far wider than its lines.
        here = [p for p, found in enumerate(fit.found) if found] or [0]
        width = float(np.median([fit.model.typical_width(fit.values, p) for p in here]))
        best = cold
        for wider in (
            dict.fromkeys(nodes, (_OF_LINES * width) ** 2),
            {n: _WIDER * fit.origin.units[n] for n in nodes},
        ):
            begin = replace(fit, values=values | wider, chord=None)
            try:
                again = _judged(frame, warm_fit(frame, begin, self._observed))
            except ComputeError as exc:
                _LOG.info("no fit from wider lines: %s", exc)
                continue
            best = again if _is_better(again, best) else best
        return best


def _slim(entry: Entry) -> Entry:
    return entry if entry.fit is None else replace(entry, fit=entry.fit.slim())


def _judged(frame: Frame, fit: FrameFit) -> Entry:
    verdict, reason = judge(frame, fit)
    return Entry(fit=fit, verdict=verdict, reason=reason, blank=is_blank(frame, fit))


def _goes_on(entry: Entry, before: Entry) -> bool:
    """Whether a fit is as good as the one that it started from."""
    if entry.fit is None or before.fit is None:
        return False
    known = entry.verdict in (Verdict.OK, before.verdict)
    return known and entry.fit.outcome.gof <= _WORSE * before.fit.outcome.gof


def _is_better(new: Entry, old: Entry) -> bool:
    """Whether a fit of a frame is better than another: first its verdict, then χ² + k ln n."""
    if new.fit is None or old.fit is None:
        return old.fit is None and new.fit is not None
    acceptable = (new.verdict is Verdict.OK, old.verdict is Verdict.OK)
    if acceptable[0] != acceptable[1]:
        return acceptable[0]
    outcomes = [entry.fit.outcome for entry in (new, old) if entry.fit is not None]
    unit = max(min(o.chi2 / max(o.dof, 1.0) for o in outcomes), 1e-300)
    price = np.log(max(new.fit.points_effective, 2.0))
    first, second = (o.chi2 / unit + price * len(o.names) for o in outcomes)
    return bool(first < second - _BETTER)


def _settled(warm: Entry, cold: Entry, around: Sequence[Entry]) -> Entry:
    """Return the better one of two fits of a frame, or that nearer to the frames `around`."""
    apart = _disagreement(warm, cold)
    if apart < _SAME:
        kept, check = warm, StartCheck.AGREES
    elif _is_better(cold, warm):
        kept, check = cold, StartCheck.REPLACED
    elif _is_better(warm, cold):
        kept, check = warm, StartCheck.KEPT
    else:
        near = _distance(cold, around) < _distance(warm, around)
        kept, check = (cold if near else warm), StartCheck.AMBIGUOUS
    return replace(kept, check=check, disagreement=apart)


def _distance(entry: Entry, around: Sequence[Entry]) -> float:
    """Return the sum of squared differences to other frames, in standard errors."""
    return float(sum(np.sum(_differences(entry, other) ** 2) for other in around))


def _disagreement(one: Entry, other: Entry) -> float:
    """Return the largest difference of free parameters in standard errors."""
    return float(np.abs(_differences(one, other)).max(initial=0.0))


def _differences(one: Entry, other: Entry) -> Array:
    """Return the differences of free parameters in standard errors; infinite for other phases."""
    if one.fit is None or other.fit is None or one.fit.found != other.fit.found:
        return np.array([np.inf])
    errors = one.fit.outcome.sigma(common=False)
    return np.array(
        [
            (one.fit.values[n] - other.fit.values[n]) / (errors[n] * one.fit.plan.units[n])
            for n in one.fit.outcome.names
            if n in other.fit.outcome.names and errors[n] > 0
        ]
    )


def frame_of(observed: Observation, number: int) -> Frame:
    """Return the data of a frame that are fitted; raise EmptyResult where there are too few."""
    good = usable(observed, number)
    return Frame(
        two_theta=observed.positions[number][good],
        intensity=observed.intensity[number][good],
        sigma=observed.sigma[number][good],
        errors=observed.errors(number, good),
        limits=(float(observed.two_theta[0]), float(observed.two_theta[-1])),
    )
