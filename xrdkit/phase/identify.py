"""The verb: which of many structures are in a pattern."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance, schema
from xrdkit.errors import EmptyResult, SpecError
from xrdkit.phase.embedded import embedded_names
from xrdkit.phase.identify_search import Room, Row, search, unknown
from xrdkit.phase.observation import Observation, observe
from xrdkit.phase.phase_spec import is_number
from xrdkit.phase.refine import resolve
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.structure import Structure
from xrdkit.phase.unit_cell import require_atoms

Array = NDArray[np.float64]

_SOFTWARE = ("numpy", "scipy", "gemmi")


def identify_phases(
    profile: xr.Dataset,
    candidates: Sequence[str | Path | Structure] | None = None,
    *,
    elements: Sequence[str] | None = None,
    cell_room: float = 0.01,
    shift_room: float = 0.2,
    spec: RefinementSpec | None = None,
) -> xr.Dataset:
    """Return which of `candidates` are in a powder pattern (`schema.PHASE_MATCHES`).

    profile: as for `refine_phases`; a leading ``frame`` dimension is identified frame by frame, NaN
    where a frame has hardly a point with data.
    candidates: names of embedded structures, CIF paths, Structures; None: all embedded ones.
    elements: symbols of the elements that may be there; structures with others are left out.
    cell_room: largest relative change of the cells, 0 to 0.05, in all lengths alike.
    shift_room: largest shift of the lines, degree, 0 to 0.5, by a flat sample that lies too high or
    too low, as cos θ; none in integrated frames and geometries other than Bragg-Brentano.
    spec: `range`, geometry, polarisation, zero and displacement as in a refinement.

    The result has, over ``candidate``: ``found``; ``explained``, the share of the net intensity
    that its lines have where there are data (a lower bound, no weight fraction); ``significance``,
    the amount in standard errors; ``stretch`` of the cell; ``rank``, 1 for the first one found, 0
    for what is not. And ``unexplained``, the share that none of the phases found has, and
    ``line_shift``, how much lower the lines of the first one lie at 2θ = 0, degree. Method:
    `identify_match`, forward selection, each phase at lines that those found before leave free;
    among those that may be there, `identify_place` decides. A phase with strong preferred
    orientation is not found.

    Raises what `refine_phases` raises for its profile and phases, SpecError for settings outside
    their range or no candidate that is left.
    """
    settings = RefinementSpec() if spec is None else spec
    if not (is_number(cell_room) and 0.0 <= cell_room <= 0.05):
        raise SpecError(f"cell_room {cell_room} is outside 0 to 0.05")
    if not (is_number(shift_room) and 0.0 <= shift_room <= 0.5):
        raise SpecError(f"shift_room {shift_room} is outside 0 to 0.5 degree")
    structures = resolve(list(embedded_names()) if candidates is None else candidates)
    for one in structures:
        require_atoms(one, "identification")
    structures = _of_elements(structures, elements)
    observed = observe(profile, settings)
    flat = not observed.integrated and settings.geometry == "bragg_brentano"
    room = Room(cell=float(cell_room), shift=float(shift_room) if flat else 0.0)
    rows = _rows(observed, structures, settings, room)
    result = _assemble(profile, structures, rows)
    result = provenance.append(
        result,
        "identify_phases",
        {
            "candidates": list(structures),
            "cell_room": cell_room,
            "shift_room": shift_room,
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
    observed: Observation, structures: Sequence[Structure], spec: RefinementSpec, room: Room
) -> list[Row]:
    rows, failure = [], None
    for frame in range(len(observed.intensity)):
        try:
            rows.append(search(observed, frame, structures, spec, room))
        except EmptyResult as exc:
            failure = exc
            rows.append(unknown(len(structures)))
    if failure is not None and all(np.isnan(row.total) for row in rows):
        raise failure
    return rows


def _assemble(
    profile: xr.Dataset,
    structures: Sequence[Structure],
    rows: Sequence[Row],
) -> xr.Dataset:
    framed = schema.FRAME in profile.dims
    lead = (schema.FRAME,) if framed else ()

    def put(
        values: Array, dims: tuple[str, ...], text: str, unit: str = "1"
    ) -> tuple[tuple[str, ...], NDArray[Any], dict[str, str]]:
        kept = values if framed else values[0]
        return (lead + dims, kept, {"units": unit, "long_name": text})

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
        "line_shift": put(
            np.array([row.shift for row in rows]),
            (),
            "shift of the lines to lower angles at two_theta = 0",
            "degree",
        ),
    }
    coords = {"candidate": ("candidate", [s.name for s in structures], {"long_name": "structure"})}
    coords |= {
        str(k): v.variable for k, v in profile.coords.items() if set(v.dims) <= {schema.FRAME}
    }
    return xr.Dataset(data, coords=coords, attrs={"schema": schema.PHASE_MATCHES.name})
