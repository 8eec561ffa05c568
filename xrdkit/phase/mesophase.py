"""The verb: the lattice of a mesophase from the positions of its peaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance, schema
from xrdkit.errors import CurveError, SpecError
from xrdkit.fitting import Verdict
from xrdkit.phase.mesophase_lattices import LATTICES, reflections
from xrdkit.phase.mesophase_score import FOREIGN, SEEN, SEEN_FIRST, Indexing, best_indexing
from xrdkit.phase.phase_spec import is_number

Array = NDArray[np.float64]

_TOLERANCE = 0.003
#: Odds over chance (100 to 1) and over the next lattice (10 to 1) from which a lattice is found.
_OVER_CHANCE, _OVER_NEXT = float(np.log(100.0)), float(np.log(10.0))
#: More than this share of peaks that belong to something else is too many.
_FOREIGN_SHARE = 1.0 / 3.0
#: A lattice that is this probable is named beside the best.
_NAMED = 0.02


@dataclass(frozen=True, kw_only=True)
class _Frame:
    used: NDArray[np.bool_]
    found: list[Indexing | None]
    probability: Array
    verdict: Verdict
    reason: str

    @property
    def best(self) -> int:
        return int(np.argmax(self.probability)) if np.any(self.probability > 0) else -1


def index_mesophase(
    peaks: xr.Dataset, *, lattices: Sequence[str] = LATTICES, tolerance: float = _TOLERANCE
) -> xr.Dataset:
    """Return which lattices explain the peaks of a mesophase, how well, and with what cell.

    peaks: the result of `fit_peaks` on a small-angle profile (over q, or two_theta with a
    wavelength), with or without ``frame``. lattices: of lamellar, p6mm, Im3m, Pn3m, Ia3d, Fd3m,
    Fm3m, Pm3n. tolerance: relative error of positions beyond their standard errors (asymmetry,
    curvature of the background under a peak), 0 to 0.05; added in quadrature.

    The result has, along ``lattice`` (and ``frame``), ``cell`` (nm; the repeat of a lamellar phase)
    with ``cell_sigma``, ``evidence`` (logarithm of the odds over chance, `mesophase_score`),
    ``probability`` among the lattices asked for and chance, ``matched``, ``foreign`` and
    ``absent`` (reflections not seen up to the last peak); along ``peak``, the ``indices`` of the
    best lattice (empty: foreign, or no peak) and ``position_residual`` (observed less calculated,
    1/nm). ``best_lattice``, ``verdict`` and ``verdict_reason`` are per frame. The verdict is ok
    where the best lattice is 100 times as probable as chance and 10 times as any other; one peak,
    or lattices that cannot be told apart, are unidentifiable, and the reason names all that are
    possible. Where more than a third of the peaks (and more than one), or the strongest of them,
    do not belong to the best lattice, it is a misfit: there is another phase too, or another
    lattice.

    Raises SchemaError for a Dataset that is none of peaks, SpecError for unknown lattices or a
    tolerance outside its range, CurveError where peaks have no q.
    """
    schema.validate(peaks, schema.PEAKS)
    if not isinstance(lattices, list | tuple):
        raise SpecError(f"lattices = {lattices!r} is no list of: {', '.join(LATTICES)}")
    unknown = [name for name in lattices if name not in LATTICES]
    if unknown or not lattices:
        raise SpecError(f"lattices {unknown or lattices} are not of: {', '.join(LATTICES)}")
    if not is_number(tolerance) or not 0 <= tolerance <= 0.05:
        raise SpecError(f"tolerance {tolerance!r} is outside 0 to 0.05")
    if "position_q" not in peaks:
        raise CurveError("the peaks have no q: the profile had no wavelength")
    framed = schema.FRAME in peaks.dims
    rows = [peaks.isel(frame=f) for f in range(peaks.sizes["frame"])] if framed else [peaks]
    frames = [_index(row, lattices, tolerance) for row in rows]
    result = _assemble(peaks, rows, lattices, frames, framed=framed)
    result = provenance.append(
        result,
        "index_mesophase",
        {
            "lattices": list(lattices),
            "tolerance": tolerance,
            "seen": [SEEN_FIRST, SEEN],
            "foreign": FOREIGN,
        },
        inputs=[provenance.content_sha256(peaks)],
        software=("numpy", "gemmi"),
        history=peaks,
    )
    return schema.validate(result, schema.MESOPHASE)


def _index(row: xr.Dataset, lattices: Sequence[str], tolerance: float) -> _Frame:
    q, error = row["position_q"].values, row["position_q_sigma"].values
    used = np.isfinite(q) & np.isfinite(error) & (error > 0)
    nothing: list[Indexing | None] = [None] * len(lattices)
    none = np.zeros(len(lattices))
    if used.sum() < 2:
        text = "no peak" if not used.any() else "one peak fits every lattice"
        return _Frame(
            used=used, found=nothing, probability=none, verdict=Verdict.UNIDENTIFIABLE, reason=text
        )
    used_q = q[used]
    order = np.argsort(used_q)
    sigma = np.hypot(error[used], tolerance * used_q)[order]
    span = _span(row)
    found = [best_indexing(used_q[order], sigma, reflections(name), span) for name in lattices]
    evidence = np.array([f.evidence for f in found])
    # Chance, at ln B = 0, is one of the hypotheses.
    top = max(float(evidence.max()), 0.0)
    weight = np.exp(evidence - top)
    probability = weight / (weight.sum() + np.exp(-top))
    area = np.where(np.isfinite(row["area"].values[used]), row["area"].values[used], 0.0)
    verdict, reason = _judge(lattices, found, evidence, probability, area[order])
    back = np.empty_like(order)
    back[order] = np.arange(order.size)
    restored: list[Indexing | None] = [
        Indexing(**{**f.__dict__, "assigned": f.assigned[back]}) for f in found
    ]
    return _Frame(
        used=used, found=restored, probability=probability, verdict=verdict, reason=reason
    )


def _span(row: xr.Dataset) -> tuple[float, float]:
    """Return the range of q in which peaks were looked for."""
    radial = schema.radial_dim(row)
    x = row[radial].values
    if radial == "q":
        return float(x[0]), float(x[-1])
    wavelength = float(np.max(np.atleast_1d(row["wavelength"].values)))
    ends = 40.0 * np.pi / wavelength * np.sin(np.radians(x[[0, -1]]) / 2.0)
    return float(ends[0]), float(ends[1])


def _judge(
    lattices: Sequence[str],
    found: Sequence[Indexing],
    evidence: Array,
    probability: Array,
    area: Array,
) -> tuple[Verdict, str]:
    """Return the verdict on a frame; `area` (n,) are those of its peaks, ascending in position."""
    order, count = np.argsort(-evidence), area.size
    best = int(order[0])
    if not evidence[best] > _OVER_CHANCE:
        return (
            Verdict.UNIDENTIFIABLE,
            f"no lattice explains {count} peaks better than chance does (the best, "
            f"{lattices[best]}, by odds of {np.exp(min(evidence[best], 50.0)):.2g})",
        )
    others = [int(k) for k in order[1:] if probability[k] > _NAMED]
    strange = found[best].assigned < 0
    foreign = int(strange.sum())
    notes = [f"{foreign} of {count} peaks belong to something else"] if foreign else []
    if found[best].absent:
        notes.append(f"{found[best].absent} reflections of {lattices[best]} are not seen")
    if others:
        names = ", ".join(
            f"{lattices[k]} ({probability[k]:.0%}, cell {found[k].cell:.4g} nm)" for k in others
        )
        notes.insert(0, f"{lattices[best]} ({probability[best]:.0%}) is not the only one: {names}")
    if len(order) > 1 and not evidence[best] - evidence[order[1]] > _OVER_NEXT:
        return Verdict.UNIDENTIFIABLE, "; ".join(notes)
    strongest = bool(strange[int(np.argmax(area))])
    if strongest or foreign > max(_FOREIGN_SHARE * count, 1):
        whose = "the strongest peak belongs" if strongest else "they belong"
        notes.append(f"{whose} to another phase, or this is not the lattice")
        return Verdict.MISFIT, "; ".join(notes)
    return Verdict.OK, "; ".join(notes)


def _assemble(
    peaks: xr.Dataset,
    rows: Sequence[xr.Dataset],
    lattices: Sequence[str],
    frames: Sequence[_Frame],
    *,
    framed: bool,
) -> xr.Dataset:
    lead = (schema.FRAME,) if framed else ()

    def put(values: Any, dims: tuple[str, ...], **attrs: Any) -> tuple[Any, Any, dict[str, Any]]:
        stack = np.asarray(values)
        return (lead + dims, stack if framed else stack[0], attrs)

    def table(of: Any) -> Array:
        return np.array(
            [[np.nan if f is None else float(of(f)) for f in frame.found] for frame in frames]
        )

    each = ("lattice",)
    data: dict[str, Any] = {
        "cell": put(
            table(lambda f: f.cell),
            each,
            units="nm",
            long_name="cell length, or repeat of a lamellar phase",
            ancillary_variables="cell_sigma",
        ),
        "cell_sigma": put(
            table(lambda f: f.cell_sigma), each, units="nm", long_name="standard error of cell"
        ),
        "evidence": put(
            table(lambda f: f.evidence),
            each,
            units="1",
            long_name="logarithm of the odds of the lattice over chance",
        ),
        "probability": put(
            [frame.probability for frame in frames],
            each,
            units="1",
            long_name="probability among these lattices and chance",
        ),
    }
    for name, of, text in (
        ("matched", lambda f: (f.assigned >= 0).sum(), "peaks that the lattice explains"),
        ("foreign", lambda f: (f.assigned < 0).sum(), "peaks that it does not"),
        ("absent", lambda f: f.absent, "reflections not seen, up to its last peak"),
    ):
        data[name] = put(table(of), each, units="1", long_name=text)
    indices = np.full((len(frames), peaks.sizes["peak"]), "", dtype="<U8")
    residual = np.full(indices.shape, np.nan)
    names = []
    for f, (frame, row) in enumerate(zip(frames, rows, strict=True)):
        best = frame.found[frame.best] if frame.best >= 0 else None
        names.append("" if best is None else lattices[frame.best])
        if best is None:
            continue
        known = reflections(lattices[frame.best])
        for peak, number in zip(np.flatnonzero(frame.used), best.assigned, strict=True):
            if number >= 0:
                indices[f, peak] = known.label[number]
                place = 2.0 * np.pi / best.cell * known.ratio[number]
                residual[f, peak] = float(row["position_q"].values[peak]) - place
    data["indices"] = put(indices, ("peak",), long_name="indices in the best lattice")
    data["position_residual"] = put(
        residual, ("peak",), units="1/nm", long_name="observed less calculated position"
    )
    data["best_lattice"] = put(np.array(names, dtype=str), (), long_name="most probable lattice")
    data["verdict"] = put([str(f.verdict) for f in frames], (), long_name="what it is worth")
    data["verdict_reason"] = put(
        [f.reason for f in frames], (), long_name="what the verdict rests on"
    )
    coords: dict[str, Any] = {"lattice": ("lattice", list(lattices), {"long_name": "lattice"})}
    for key, coordinate in peaks.coords.items():
        if set(coordinate.dims) <= {"peak", schema.FRAME}:
            coords[str(key)] = coordinate.variable
    return xr.Dataset(data, coords=coords, attrs={"schema": schema.MESOPHASE.name})
