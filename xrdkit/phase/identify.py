"""The verb: which of many structures are in a pattern."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance, schema
from xrdkit.errors import EmptyResult, SpecError
from xrdkit.phase.baseline import snip
from xrdkit.phase.embedded import embedded_names
from xrdkit.phase.identify_match import (
    Match,
    NetPattern,
    Sticks,
    Taken,
    Windows,
    match,
    sticks_of,
    windows_of,
)
from xrdkit.phase.observation import Observation, observe, usable
from xrdkit.phase.peak_width import typical_width
from xrdkit.phase.phase_spec import is_number
from xrdkit.phase.positions import bragg_angle
from xrdkit.phase.refine import resolve
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.structure import Structure
from xrdkit.phase.unit_cell import require_atoms

Array = NDArray[np.float64]

#: Windows of the baseline, in FWHM of the lines.
_BASELINE = 8.0
#: An amount is evidence from so many standard errors and this share of the net intensity.
_SIGNIFICANT, _LEAST = 6.0, 0.008
#: And from so many times what chance explains.
_CHANCE = 4.0
#: And this share of what is not explained yet: weak lines beside unknown strong ones are theirs.
_OF_REST = 0.06
#: Lines agree on the amount within this factor, a quarter of the strength below and above it; less
#: is asked of what explains much of the pattern: real intensities differ from those of structures.
_EVEN, _LESS = 0.6, 0.4
#: Cells differ from those of the structures by this share of the room, standard deviation.
_USUAL = 0.4
#: A cell at the end of the room given it is none that suits.
_END = 0.97
#: Lines that must say something of a structure that is found, and the share of its strength they
#: must have.
_FEWEST, _TOLD = 3, 0.3
_TOLD_BY_TWO, _EVEN_OF_TWO, _CHANCE_OF_TWO = 0.4, 0.9, 20.0
#: Lines of phases found are felt this many FWHM away, where they have this share of the intensity.
_REACH, _FELT = 2.5, 3e-4
_LORENTZIAN = 0.5
_MOST_FOUND = 12
_SOFTWARE = ("numpy", "scipy", "gemmi")


@dataclass(frozen=True, kw_only=True)
class _Found:
    number: int
    match: Match


@dataclass(frozen=True, kw_only=True)
class _Row:
    found: list[_Found]
    matches: list[Match]
    total: float

    @property
    def left(self) -> float:
        """Share of the net intensity that no phase has."""
        return 1.0 - sum(f.match.explained for f in self.found) / np.maximum(self.total, 1e-300)


def identify_phases(
    profile: xr.Dataset,
    candidates: Sequence[str | Path | Structure] | None = None,
    *,
    elements: Sequence[str] | None = None,
    cell_room: float = 0.01,
    spec: RefinementSpec | None = None,
) -> xr.Dataset:
    """Return which of `candidates` are in a powder pattern (`schema.PHASE_MATCHES`).

    profile: as for `refine_phases`; a leading ``frame`` dimension is identified frame by frame, NaN
    where a frame has hardly a point with data.
    candidates: names of embedded structures, CIF paths, Structures; None: all embedded ones.
    elements: symbols of the elements that may be there; structures with others are left out.
    cell_room: largest relative change of the cells, 0 to 0.05, in all lengths alike.
    spec: `range`, polarisation and zero as in a refinement.

    The result has, over ``candidate``: ``found``; ``explained``, the share of the net intensity
    that its lines have where there are data (a lower bound, no weight fraction); ``significance``,
    the amount in standard errors; ``stretch`` of the cell; ``rank``, 1 for the first one found, 0
    for what is not. And ``unexplained``, the share that none of the phases found has. Method:
    `identify_match`, forward selection, each phase at lines that those found before leave free. A
    phase with strong preferred orientation is not found.

    Raises what `refine_phases` raises for its profile and phases, SpecError for settings outside
    their range or no candidate that is left.
    """
    settings = RefinementSpec() if spec is None else spec
    if not (is_number(cell_room) and 0.0 <= cell_room <= 0.05):
        raise SpecError(f"cell_room {cell_room} is outside 0 to 0.05")
    structures = resolve(list(embedded_names()) if candidates is None else candidates)
    for one in structures:
        require_atoms(one, "identification")
    structures = _of_elements(structures, elements)
    observed = observe(profile, settings)
    rows = _rows(observed, structures, settings, cell_room)
    result = _assemble(profile, structures, rows)
    result = provenance.append(
        result,
        "identify_phases",
        {
            "candidates": list(structures),
            "cell_room": cell_room,
            "spec": settings,
        },
        inputs=[provenance.content_sha256(profile)],
        software=_SOFTWARE,
        history=profile,
    )
    return schema.validate(result, schema.PHASE_MATCHES)


def _of_elements(
    structures: tuple[Structure, ...], elements: Sequence[str] | None
) -> tuple[Structure, ...]:
    if elements is None:
        return structures
    if isinstance(elements, str) or not isinstance(elements, Collection):
        raise SpecError(f"elements = {elements!r} is no list of symbols", hint='write ["La", "B"]')
    unknown = [e for e in elements if not isinstance(e, str) or not gemmi.Element(e).atomic_number]
    if unknown:
        raise SpecError(f"elements {unknown} are no chemical symbols")
    allowed = set(elements)
    kept = tuple(s for s in structures if {site.element for site in s.sites} <= allowed)
    if not kept:
        raise SpecError(f"no candidate is made of {', '.join(sorted(allowed))} alone")
    return kept


def _rows(
    observed: Observation, structures: Sequence[Structure], spec: RefinementSpec, room: float
) -> list[_Row]:
    rows, failure = [], None
    for frame in range(len(observed.intensity)):
        try:
            rows.append(_one(observed, frame, structures, spec, room))
        except EmptyResult as exc:
            failure = exc
            rows.append(_Row(found=[], matches=[_UNKNOWN] * len(structures), total=np.nan))
    if failure is not None and all(np.isnan(row.total) for row in rows):
        raise failure
    return rows


def _one(
    observed: Observation,
    frame: int,
    structures: Sequence[Structure],
    spec: RefinementSpec,
    room: float,
) -> _Row:
    """Return what is found in one frame, and the last match of every candidate."""
    good = usable(observed, frame)
    x = observed.positions[frame][good] - spec.zero
    y, sigma = observed.intensity[frame][good], observed.sigma[frame][good]
    fwhm = typical_width(x, y, sigma)
    even = np.linspace(x[0], x[-1], x.size)
    window = max(4, round(_BASELINE * fwhm / (even[1] - even[0])))
    base = np.interp(x, even, snip(np.interp(even, x, y), window))
    pattern = NetPattern(
        x,
        y - base,
        sigma,
        wavelengths=observed.wavelengths,
        weights=observed.weights,
        fwhm=fwhm,
    )
    polarization = None if observed.integrated else spec.polarization
    limits = (float(x[0]), float(x[-1]))
    sticks = [
        pattern.measured(sticks_of(s, pattern.wavelength, limits, polarization)) for s in structures
    ]
    # Half a line's width at the highest angles: Δd/d = cot θ Δθ.
    finest = np.radians(0.5 * fwhm) / (2.0 * np.tan(np.radians(min(x[-1], 160.0)) / 2.0))
    half = max(1, int(np.ceil(room / max(finest, 2e-4))))
    stretches = 1.0 + np.linspace(-room, room, 2 * half + 1)
    taken = _taken(pattern, sticks, [])
    found: list[_Found] = []
    windows = [windows_of(pattern, s, stretches) if s.area.size else None for s in sticks]
    matches = [_matched(w, taken) for w in windows]
    while len(found) < _MOST_FOUND:
        done = {f.number for f in found}
        left = pattern.total - sum(f.match.explained for f in found)
        there = [
            k
            for k, m in enumerate(matches)
            if k not in done and m.explained > _OF_REST * left and _is_there(m, pattern, room)
        ]
        if not there:
            break
        # Silver and gold, silicon and fluorite differ by little but their cells: the nearer cell.
        best = max(there, key=lambda k: matches[k].explained * _likely(matches[k], room))
        found.append(_Found(number=best, match=matches[best]))
        taken = _taken(pattern, sticks, found)
        matches = [
            m if k in done or k == best else _matched(w, taken)
            for k, (w, m) in enumerate(zip(windows, matches, strict=True))
        ]
    return _Row(found=found, matches=matches, total=pattern.total)


_NOTHING = Match(
    amount=0.0, sigma=1.0, stretch=1.0, lines=0, told=0.0, explained=0.0, even=0.0, by_chance=0.0
)

_UNKNOWN = replace(_NOTHING, amount=np.nan, sigma=np.nan, stretch=np.nan, explained=np.nan)


def _matched(windows: Windows | None, taken: Taken) -> Match:
    return _NOTHING if windows is None else match(windows, taken)


def _is_there(m: Match, pattern: NetPattern, room: float) -> bool:
    share = m.explained / max(pattern.total, 1e-300)
    sure = (
        m.amount > _SIGNIFICANT * m.sigma and share > _LEAST and abs(m.stretch - 1.0) <= _END * room
    )
    many = (
        m.lines >= _FEWEST
        and m.told >= _TOLD
        and m.even > _EVEN - _LESS * share
        and m.explained > _CHANCE * m.by_chance
    )
    # Of a phase with few lines, others may leave two: these must be far from chance.
    two = (
        m.lines == _FEWEST - 1
        and m.told >= _TOLD_BY_TWO
        and m.even > _EVEN_OF_TWO
        and m.explained > _CHANCE_OF_TWO * m.by_chance
    )
    return bool(sure and (many or two))


def _likely(m: Match, room: float) -> float:
    """Return how likely a cell as far from the one given is, 1 for that one."""
    away = (m.stretch - 1.0) / max(_USUAL * room, 1e-6)
    return float(np.exp(-0.5 * away**2))


def _taken(pattern: NetPattern, sticks: Sequence[Sticks], found: Sequence[_Found]) -> Taken:
    """Return what the phases found have of the pattern.

    Beyond the points that a line covers its tail is taken for that of a line half Lorentzian.
    """
    x = pattern.x
    edges, density = np.zeros(x.size + 1), np.zeros(x.size)
    half = 0.5 * pattern.fwhm
    for one in found:
        own = sticks[one.number]
        inverse = own.all_inverse / one.match.stretch**2
        first, last = pattern.windows(inverse, _REACH)
        area = one.match.amount * own.all_area
        strong = (last > first) & (area > _FELT * pattern.total)
        np.add.at(edges, first[strong], 1.0)
        np.add.at(edges, last[strong], -1.0)
        middle = bragg_angle(inverse[strong], pattern.wavelength)[:, np.newaxis]
        bell = half / np.pi / ((x - middle) ** 2 + half**2)
        density += _LORENTZIAN * (area[strong] @ bell)
    covered = np.cumsum(edges)[:-1] > 0
    tails = np.cumsum(density * np.gradient(x))
    return Taken(
        covered=np.concatenate([[0.0], np.cumsum(covered)]),
        tails=np.concatenate([[0.0], tails]),
    )


def _assemble(
    profile: xr.Dataset,
    structures: Sequence[Structure],
    rows: Sequence[_Row],
) -> xr.Dataset:
    framed = schema.FRAME in profile.dims
    lead = (schema.FRAME,) if framed else ()

    def put(
        values: Array, dims: tuple[str, ...], text: str
    ) -> tuple[tuple[str, ...], NDArray[Any], dict[str, str]]:
        kept = values if framed else values[0]
        return (lead + dims, kept, {"units": "1", "long_name": text})

    count = len(structures)
    rank: NDArray[Any] = np.zeros((len(rows), count), dtype=np.int32)
    for k, row in enumerate(rows):
        for place, one in enumerate(row.found):
            rank[k, one.number] = place + 1
    explained = np.array([[m.explained for m in row.matches] for row in rows])
    whole = explained / np.maximum([[row.total] for row in rows], 1e-300)
    data = {
        "found": put((rank > 0).astype(np.int8), ("candidate",), "whether the phase is found"),
        "rank": put(rank, ("candidate",), "place among the phases found, 0: not found"),
        "explained": put(
            np.maximum(whole, 0.0), ("candidate",), "share of the net intensity, at least"
        ),
        "significance": put(
            np.array(
                [[m.amount / np.maximum(m.sigma, 1e-300) for m in row.matches] for row in rows]
            ),
            ("candidate",),
            "amount in standard errors of counting",
        ),
        "stretch": put(
            np.array([[m.stretch for m in row.matches] for row in rows]),
            ("candidate",),
            "cell lengths over those of the structure",
        ),
        "unexplained": put(
            np.array([row.left for row in rows]), (), "share of the net intensity of no phase"
        ),
    }
    coords = {"candidate": ("candidate", [s.name for s in structures], {"long_name": "structure"})}
    coords |= {
        str(k): v.variable for k, v in profile.coords.items() if set(v.dims) <= {schema.FRAME}
    }
    return xr.Dataset(data, coords=coords, attrs={"schema": schema.PHASE_MATCHES.name})
