"""The fit of one frame: a linear start, then least squares on everything that is free."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from xrdkit.fitting import Verdict, without
from xrdkit.phase.cell import CELL_NAMES
from xrdkit.phase.effects import phase_key
from xrdkit.phase.evidence import (
    NOTHING,
    free_phases,
    is_evident,
    is_linear,
    is_nothing,
    is_shape,
    scale_ratio,
    with_scales_alone,
)
from xrdkit.phase.frame_fit import Chord, Frame, FrameFit
from xrdkit.phase.free_evidence import with_free_lines
from xrdkit.phase.free_intensities import ExtractingModel, measuring
from xrdkit.phase.free_need import needed
from xrdkit.phase.line_errors import pieces, with_line_errors
from xrdkit.phase.minimise import ROUGHLY, minimise
from xrdkit.phase.model import PatternModel, Values
from xrdkit.phase.named_parameters import as_told
from xrdkit.phase.observation import Observation
from xrdkit.phase.parameters import Plan
from xrdkit.phase.serial_correlation import serial_factor, with_esd_correction
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.start import LinearPart, search, stretched
from xrdkit.phase.structure import Structure
from xrdkit.uncertainty import neighbour_correlation

__all__ = ["Frame", "FrameFit", "cold_fit", "warm_fit"]

_FIRST_EVALUATIONS = 40
#: Where a broadening that was none starts again.
_AGAIN = 0.01
#: A start that gains less over the background is noise, not worth many evaluations.
_HARDLY_ANY = 30.0
#: A phase whose scale, at shapes held, is this many standard errors is tried in full, and again
#: only where it is more by this factor.
_HINT, _MORE_HINT = 3.0, 1.3
#: Phases whose scale is less than this many standard errors at the start wait for the others.
_WEAK = 10.0
#: Size of crystallites, nm, at which the scale of an absent phase is measured, and evaluations
#: within which a phase that may not be there must show.
_ABSENT_SIZE, _SOON = 30.0, 60
#: Orientations of March and Dollase that are tried for a phase that seems absent.
_MARCH_STARTS = (0.2, 0.4, 0.7, 1.0, 1.5, 2.5, 5.0)


def cold_fit(
    frame: Frame,
    structures: Sequence[Structure],
    spec: RefinementSpec,
    observed: Observation,
    *,
    strongest_first: bool = False,
) -> FrameFit:
    """Return the fit of a frame from a searched start.

    With `strongest_first` only the strongest phase is given its line shapes before all are free.
    """
    first = _model(frame, structures, spec, observed)
    linear = LinearPart(first.background_rows, frame.intensity, frame.sigma)
    start = search(first, linear)
    # Lines keep the strengths of the cells as given, so that every start has the same minimum.
    model = _model(frame, structures, spec, observed, start.width)
    model = measuring(model, frame.intensity, frame.sigma)
    nominal = model.plan(width=start.width, scales=start.scales, background=start.background)
    if spec.refine_instrument and spec.instrument is not None:
        nominal = nominal.changed(values=model.node_values(spec.instrument))
    names = [s.name for s in structures]
    nominal = as_told(nominal, names, spec.parameters, spec.ties)
    begin = _moved(nominal, structures, start.stretch)
    begin = as_told(begin, names, spec.parameters, spec.ties)
    origin = replace(begin, values=nominal.values | _absent_shapes(model, nominal))
    shapes = begin.free & begin.late
    rough = minimise(model, frame, begin.changed(fixed=shapes), _FIRST_EVALUATIONS, ROUGHLY)
    begin = begin.changed(values=begin.physical(rough.values))
    model = model.with_nodes(begin.values)
    weak = _weaker(model, begin)
    if not strongest_first:
        weak = [p for p in weak if scale_ratio(rough, p) < _WEAK]
    found = [True] * len(structures)
    if weak:
        # Until the strong phase has its shape, what it leaves draws the lines of the others wide.
        held = [n for n in shapes if any(n.startswith(phase_key(p, "")) for p in weak)]
        shaped = minimise(
            model, frame, begin.changed(fixed=held, apart=held), _FIRST_EVALUATIONS, ROUGHLY
        )
        begin = begin.changed(values=begin.physical(shaped.values))
        for p in weak:
            found[p] = strongest_first or scale_ratio(shaped, p) > _HINT
    most = spec.max_evaluations if start.gain > _HARDLY_ANY else _FIRST_EVALUATIONS
    background = linear.chi2_background
    ended = _finish(model, frame, origin, begin, found, background, most, doubtful=weak)
    for _ in structures:
        before, ended = ended, _with_hinted(model, frame, ended, most, {})
        # A phase that was found lets others show.
        if sum(ended.found) <= sum(before.found):
            break
    return ended


def warm_fit(frame: Frame, before: FrameFit, observed: Observation) -> FrameFit:
    """Return the fit of a frame that starts from the result of another one."""
    old = before.model
    same = np.array_equal(old.x, frame.two_theta)
    model = old if same else old.at(frame.two_theta)
    model = measuring(model, frame.intensity, frame.sigma)
    linear = LinearPart(model.background_rows, frame.intensity, frame.sigma)
    origin, most = before.origin, old.spec.max_evaluations
    # Whatever an earlier frame fixed is free again: a size may become visible.
    again = {
        n: _AGAIN * origin.units[n]
        for n in origin.broadening & origin.free
        if before.values[n] <= NOTHING * origin.units[n]
    }
    begin = origin.changed(values=before.values | again)
    background = linear.chi2_background
    ended = _finish(model, frame, origin, begin, before.found, background, most, before.chord)
    return _with_hinted(model, frame, replace(ended, tried=before.tried), most, again)


def _with_hinted(
    model: PatternModel, frame: Frame, ended: FrameFit, most: int, again: Values
) -> FrameFit:
    """Return the fit with phases that its scales alone hint at, where they are worth it.

    `again` are values of broadenings that were none. An orientation far from where it started
    makes a phase look absent: others are tried first, at nothing but scales free.
    """
    ratios = [scale_ratio(ended.outcome, p) for p in range(len(ended.found))]
    tried = ended.tried or (0.0,) * len(ratios)
    origin = ended.origin
    hinted = [
        p
        for p, (ratio, last) in enumerate(zip(ratios, tried, strict=True))
        if not ended.found[p] and ratio > max(_HINT, _MORE_HINT * last)
    ]
    if not hinted:
        return replace(ended, tried=tried)
    begin = origin.changed(values={**ended.values, **again})
    begin = begin.changed(values=_orientations(model, frame, begin, ended, hinted))
    found = [here or p in hinted for p, here in enumerate(ended.found)]
    background = ended.chi2_background
    full = _finish(model, frame, origin, begin, found, background, most, doubtful=hinted)
    if any(full.found[p] for p in hinted):
        return full
    return replace(
        ended,
        tried=tuple(
            r if p in hinted else t for p, (r, t) in enumerate(zip(ratios, tried, strict=True))
        ),
    )


def _orientations(
    model: PatternModel, frame: Frame, begin: Plan, ended: FrameFit, phases: Sequence[int]
) -> dict[str, float]:
    """Return the best scale and March parameter of some phases that are not yet found."""
    absent = [p for p, here in enumerate(ended.found) if not here]
    values: dict[str, float] = {}
    for p in phases:
        march = phase_key(p, "march")
        if march not in begin.free:
            continue
        fits = []
        for factor in _MARCH_STARTS:
            low, high = begin.bounds[march]
            start = min(max(factor, low), high)
            held = with_scales_alone(begin, begin.changed(values={march: start}), absent)
            held = held.changed(fixed=[n for n in held.free if not is_linear(n)])
            outcome = minimise(model, frame, held, _FIRST_EVALUATIONS, ROUGHLY)
            scale = outcome.values[phase_key(p, "scale")]
            fits.append((outcome.chi2, start, scale * begin.units[phase_key(p, "scale")]))
        _, start, scale = min(fits)
        if scale > 0:
            values |= {march: start, phase_key(p, "scale"): scale}
    return values


def _moved(begin: Plan, structures: Sequence[Structure], stretch: Sequence[float]) -> Plan:
    """Return the start with cells times `stretch`, room on both sides of them as before."""
    values: dict[str, float] = {}
    bounds = dict(begin.bounds)
    for p, (structure, factor) in enumerate(zip(structures, stretch, strict=True)):
        cell = stretched(structure.cell, factor)
        for name, value in zip(CELL_NAMES[:3], cell, strict=False):
            key = phase_key(p, name)
            if key in begin.values:
                values[key] = value
                low, high = begin.bounds[key]
                bounds[key] = (low * factor, high * factor)
    return replace(begin.changed(values=values), bounds=bounds)


def _absent_shapes(model: PatternModel, nominal: Plan) -> dict[str, float]:
    """Return the line shapes that phases keep where they are not there, beside the cells as given.

    They are those of crystals of 30 nm or, where the instrument is not known, of no broadening
    beyond the width that all phases share: the best of a search for what is not there is the best
    of noise, and another in each frame.
    """
    neutral = model.neutral_values()
    shapes: dict[str, float] = {}
    for p in range(len(model.structures)):
        late = nominal.late & nominal.free
        shapes |= {name: neutral[name] for name in late if is_shape(name, p)}
        size = phase_key(p, "inverse_size")
        if size in nominal.free and model.spec.instrument is not None:
            shapes[size] = 1.0 / _ABSENT_SIZE
    return shapes


def _weaker(model: PatternModel, begin: Plan) -> list[int]:
    """Return the phases that are not the strongest one at the start."""
    areas = model.phases(begin.values).sum(axis=1)
    return [p for p in range(len(areas)) if p != int(np.argmax(areas))]


def _model(
    frame: Frame,
    structures: Sequence[Structure],
    spec: RefinementSpec,
    observed: Observation,
    width: float = 0.0,
) -> PatternModel:
    return PatternModel(
        structures,
        frame.two_theta,
        spec,
        wavelengths=observed.wavelengths,
        weights=observed.weights,
        emission_widths=observed.emission_widths,
        integrated=observed.integrated,
        limits=frame.limits,
        width=width,
        blank=observed.blank,
    )


def _finish(
    model: PatternModel,
    frame: Frame,
    origin: Plan,
    begin: Plan,
    found: Sequence[bool],
    chi2_background: float,
    most: int,
    chord: Chord | None = None,
    doubtful: Sequence[int] = (),
) -> FrameFit:
    """Fit, then fix what came out as nothing and fit again, so that errors mean something.

    Phases not `found` have only a scale free, of either sign; those that are `doubtful` must be
    evident soon.
    """
    found = [here or p in free_phases(model) for p, here in enumerate(found)]
    begin = with_scales_alone(begin, origin, [p for p, here in enumerate(found) if not here])
    soon = min(most, _SOON) if any(found[p] for p in doubtful) else most
    outcome = minimise(model, frame, begin, soon, chord=chord)
    hurried = soon < most and outcome.verdict is Verdict.NOT_CONVERGED
    if hurried and all(is_evident(outcome, p, frame.points) for p in doubtful if found[p]):
        begin = begin.changed(values=begin.physical(outcome.values))
        outcome = minimise(model, frame, begin, most)
    last = outcome
    for _ in range(3):
        faded = [
            p for p, here in enumerate(found) if here and not is_evident(outcome, p, frame.points)
        ]
        nothing = [
            n
            for n in outcome.names
            if n not in outcome.tied and is_nothing(begin, n, outcome.values[n])
        ]
        if not nothing and not faded:
            break
        exactly = not begin.ties and all(outcome.values[n] == 0.0 for n in nothing)
        begin = begin.changed(
            values={**begin.physical(outcome.values), **dict.fromkeys(nothing, 0.0)}, fixed=nothing
        )
        if exactly and not faded:
            outcome = without(outcome, nothing, errors=frame.errors)
            break
        for p in faded:
            found[p] = False
        begin = with_scales_alone(begin, origin, faded)
        last = outcome = minimise(model, frame, begin, most)
    errors = frame.errors
    slopes, values = last.slopes, begin.physical(outcome.values)
    settled = model.frozen(values)
    here = tuple(found)
    if isinstance(model, ExtractingModel):
        here = with_free_lines(found, model.by_squares(values), values, outcome, frame)
        here = needed(model, frame, origin, values, here, outcome)
    final = with_esd_correction(outcome, errors, model.spec.esd_correction)
    if model.spec.esd_correction == "lines":
        final = with_line_errors(final, pieces(settled.phases(values).sum(axis=0)))
    return FrameFit(
        model=settled,
        origin=origin,
        plan=begin,
        outcome=final,
        serial_factor=serial_factor(outcome, errors),
        values=values,
        found=here,
        chi2_background=chi2_background,
        sources=() if errors is None else errors.sources,
        neighbour_correlation=0.0 if errors is None else neighbour_correlation(errors),
        points_effective=frame.points,
        chord=None if slopes is None else Chord(names=last.seen, slopes=slopes, sigma=frame.sigma),
    )
