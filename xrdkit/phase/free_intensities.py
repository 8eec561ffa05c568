"""Patterns of phases whose line intensities follow from the data: Pawley and Le Bail.

At every set of positions and widths the intensities I of these phases are those that suit the data
best, so that a fit sees positions, widths and background alone (variable projection: Golub &
Pereyra, SIAM J. Numer. Anal. 10 (1973) 413; slopes after Kaufman, BIT 15 (1975) 49).

Pawley (J. Appl. Cryst. 14 (1981) 357): I minimise χ², none below 0. Lines that coincide share.
Le Bail (Le Bail, Duroy & Fourquet, Mater. Res. Bull. 23 (1988) 447): each point is shared out as
the lines of before say, I_h <- Σ_i y_i I_h Ω_ih / Σ_k I_k Ω_ik, until they stay.

Errors are those at fixed shapes: (Ω W Ωᵀ)⁻¹ of least squares. Sharing out is the maximum of the
likelihood of counts without background (Shepp & Vardi, IEEE Trans. Med. Imaging 1 (1982) 113), to
which every point in reach of a line counts the same: with S_hi = I_h Ω_ih / y_i, y = Σ I_k Ω_k, and
M = S diag(y) Sᵀ, ln I has the covariance M⁻¹ S diag(σ²) Sᵀ M⁻¹, of which the rounds that are done
leave what they reach. They are larger.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from xrdkit.compiled import compiled
from xrdkit.errors import FitFailed
from xrdkit.phase.cell import inverse_d_squared
from xrdkit.phase.effects import phase_key
from xrdkit.phase.line_shapes import LineShapes
from xrdkit.phase.model import PatternModel, Values
from xrdkit.phase.parameters import Plan
from xrdkit.phase.positions import bragg_angle
from xrdkit.phase.profile_function import sum_lines
from xrdkit.phase.shared_lines import shared_errors, shared_out

Array = NDArray[np.float64]
Index = NDArray[np.int64]

#: Share of its square that is added to each line: lines that coincide get equal parts.
_RIDGE = 1e-8
_ROUNDS = 40
#: Le Bail intensities start at this share of the largest at least: from 0 none returns.
_FAINT = 1e-4


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """Which lines are free and how they are found."""

    phases: tuple[int, ...]
    """Numbers of the phases."""
    pawley: tuple[bool, ...]
    """Whether each is found by least squares, else by sharing out."""


class ExtractingModel(PatternModel):
    """The pattern of some structures, line intensities of some of them from measured points."""

    _intensity: Array
    _sigma: Array
    _extraction: Extraction
    _areas: list[Array]
    _last: tuple[dict[str, float], list[Array]] | None

    @classmethod
    def of(
        cls, model: PatternModel, intensity: Array, sigma: Array, extraction: Extraction
    ) -> "ExtractingModel":
        """Return `model` with free lines, for `intensity` and `sigma` (n,) at its angles."""
        other = cls.__new__(cls)
        other.__dict__.update(copy.copy(model).__dict__)
        other._intensity, other._sigma, other._extraction = intensity, sigma, extraction
        other._areas = [k.area.reshape(len(k.copies), -1).sum(axis=0) for k in other.known]
        other.known = list(model.known)
        for p in extraction.phases:
            unit = np.repeat(other.known[p].copies, other._areas[p].size)
            other.known[p] = replace(model.known[p], area=unit)
        other._last = None
        return other

    def plan(self, *, width: float, scales: Sequence[float], background: Sequence[float]) -> Plan:
        """Return the parameters, without scales of phases whose lines are free."""
        begin = super().plan(width=width, scales=scales, background=background)
        keys = [phase_key(p, "scale") for p in self._extraction.phases]
        plan = begin.changed(values=dict.fromkeys(keys, 1.0), fixed=keys)
        return replace(plan, units={**plan.units, **dict.fromkeys(keys, 1.0)})

    def frozen(self, values: Values) -> PatternModel:
        """Return the model with the lines as they are at `values` and their errors."""
        return self._with_errors(self._found(values), self._area_errors(values))

    def by_squares(self, values: Values) -> PatternModel:
        """Return the model with all lines by least squares at the shapes of `values`, and errors.

        They tell best whether anything is there, however the lines are found in the fit.
        """
        if all(self._extraction.pawley):
            return self.frozen(values)
        designs = [self._columns(self.shapes(values, p)) for p in self._extraction.phases]
        area = self._least_squares(sparse.vstack(designs).tocsr(), self._net(values))
        areas = np.split(area, np.cumsum([d.shape[0] for d in designs])[:-1])
        return self._with_errors(
            self._plain(areas), self._spread(areas, self._square_errors(self._rows(designs, areas)))
        )

    @property
    def free(self) -> tuple[int, ...]:
        """Numbers of the phases whose lines are free."""
        return self._extraction.phases

    def seen(self, values: Values, phase: int) -> int:
        """Return how many lines of a phase are above 0."""
        return int(np.count_nonzero(self._solved(values)[self.free.index(phase)] > 0))

    def without(self, phase: int) -> PatternModel:
        """Return the model without the lines of a phase whose lines are free."""
        free, kinds = self._extraction.phases, self._extraction.pawley
        bare = self._plain([self._areas[p] * (p != phase) for p in free])
        rest = [(p, kind) for p, kind in zip(free, kinds, strict=True) if p != phase]
        if not rest:
            return bare
        left = Extraction(phases=tuple(p for p, _ in rest), pawley=tuple(k for _, k in rest))
        return ExtractingModel.of(bare, self._intensity, self._sigma, left)

    def _found(self, values: Values) -> PatternModel:
        return self._plain(self._solved(values))

    def _plain(self, areas: Sequence[Array]) -> PatternModel:
        """Return the model with free lines of these areas."""
        plain = PatternModel.__new__(PatternModel)
        state = dict(self.__dict__)
        for name in ("_intensity", "_sigma", "_extraction", "_areas", "_last"):
            state.pop(name)
        plain.__dict__.update(state)
        plain.known = list(self.known)
        for p, area in zip(self._extraction.phases, areas, strict=True):
            known = self.known[p]
            plain.known[p] = replace(known, area=np.outer(known.copies, area).ravel())
        return plain

    def _with_errors(self, plain: PatternModel, errors: Sequence[Array]) -> PatternModel:
        for p, error in zip(self._extraction.phases, errors, strict=True):
            plain.known[p] = replace(plain.known[p], area_sigma=error)
        return plain

    def _area_errors(self, values: Values) -> list[Array]:
        """Return the standard errors of the areas of each free phase; NaN for lines of none."""
        areas = self._solved(values)
        designs = [self._columns(self.shapes(values, p)) for p in self._extraction.phases]
        errors = self._spread(areas, self._square_errors(self._rows(designs, areas)))
        kinds = self._extraction.pawley
        shared = [k for k, by_squares in enumerate(kinds) if not by_squares]
        if shared:
            parts, some = [designs[k] for k in shared], [areas[k] for k in shared]
            design = self._rows(parts, some)
            area = np.concatenate([a[a > 0] for a in some])
            for k, error in zip(
                shared, self._spread(some, shared_errors(design, area, self._sigma)), strict=True
            ):
                errors[k] = error
        return errors

    @staticmethod
    def _rows(designs: Sequence[sparse.csr_matrix], areas: Sequence[Array]) -> sparse.csr_matrix:
        """Return the lines of area 1 (lines, n) that are not 0."""
        seen = [d[np.flatnonzero(a > 0)] for d, a in zip(designs, areas, strict=True)]
        return sparse.vstack(seen).tocsr()

    def _square_errors(self, design: sparse.csr_matrix) -> Array:
        weighted = sparse.csr_matrix(design.multiply(1.0 / self._sigma))
        gram = _with_ridge((weighted @ weighted.T).toarray())
        return np.asarray(np.sqrt(np.diag(np.linalg.inv(gram))))

    @staticmethod
    def _spread(areas: Sequence[Array], errors: Array) -> list[Array]:
        """Return errors of the lines that are not 0 as errors of all lines of each phase."""
        result, taken = [], 0
        for area in areas:
            seen = np.flatnonzero(area > 0)
            result.append(np.full(area.size, np.nan))
            result[-1][seen] = errors[taken : taken + seen.size]
            taken += seen.size
        return result

    def phases(self, values: Values, only: Sequence[int] | None = None) -> Array:
        """Return the contribution of each phase (phase, n); rows of phases not in `only` are 0."""
        return self._found(values).phases(values, only)

    def pattern_and_slopes(self, values: Values, names: Sequence[str]) -> tuple[Array, Array]:
        """Return y(x) (n,) and ∂y/∂p (len(names), n), the lines following."""
        total, slopes = self._found(values).pattern_and_slopes(values, names)
        design = self._design(values)
        weighted = sparse.csr_matrix(design.multiply(1.0 / self._sigma))
        gram = _with_ridge((weighted @ weighted.T).toarray())
        right = weighted @ (slopes / self._sigma).T
        follow = np.linalg.solve(gram, right)
        return total, np.asarray(slopes - design.T.dot(follow).T)

    def _solved(self, values: Values) -> list[Array]:
        """Return the areas of the lines of each free phase."""
        now = dict(values)
        if self._last is not None and self._last[0] == now:
            return self._last[1]
        free = self._extraction.phases
        net = self._net(values)
        designs = [self._columns(self.shapes(values, p)) for p in free]
        areas = [np.maximum(self._areas[p], _FAINT * self._areas[p].max()) for p in free]
        if all(self._extraction.pawley):
            found = self._least_squares(sparse.vstack(designs).tocsr(), net)
            ends = np.cumsum([d.shape[0] for d in designs])[:-1]
            areas = np.split(found, ends)
        else:
            areas = shared_out(designs, areas, net)
            for k, by_squares in enumerate(self._extraction.pawley):
                if by_squares:
                    others = sum(
                        d.T.dot(a)
                        for j, (d, a) in enumerate(zip(designs, areas, strict=True))
                        if j != k
                    )
                    areas[k] = self._least_squares(designs[k], net - others)
        for p, area in zip(free, areas, strict=True):
            self._areas[p] = area
        self._last = now, areas
        return areas

    def _net(self, values: Values) -> Array:
        """Return what background and other phases leave (n,)."""
        rest = [p for p in range(len(self.structures)) if p not in self._extraction.phases]
        held = PatternModel.phases(self, values, rest).sum(axis=0) + self.background(values)
        return np.asarray(self._intensity - held)

    def _least_squares(self, design: sparse.csr_matrix, net: Array) -> Array:
        """Return areas, none below 0, that suit `net` best."""
        weighted = sparse.csr_matrix(design.multiply(1.0 / self._sigma))
        gram = _with_ridge((weighted @ weighted.T).toarray())
        right = weighted @ (net / self._sigma)
        free = np.ones(right.size, dtype=bool)
        area = np.zeros(right.size)
        for _ in range(_ROUNDS):
            area[:] = 0.0
            area[free] = np.linalg.solve(gram[np.ix_(free, free)], right[free])
            slope = gram @ area - right
            below, wanted = free & (area < 0), ~free & (slope < -1e-9 * np.abs(right).max())
            if not (below.any() or wanted.any()):
                break
            free = (free & ~below) | wanted
        return np.maximum(area, 0.0)

    def _design(self, values: Values) -> sparse.csr_matrix:
        """Return lines of area 1 (lines, n) that are not 0."""
        areas = self._solved(values)
        designs = [self._columns(self.shapes(values, p)) for p in self._extraction.phases]
        return self._rows(designs, areas)

    def _columns(self, shapes: LineShapes) -> sparse.csr_matrix:
        """Return the lines of a phase for area 1 at all emission lines together (lines, n)."""
        phase = shapes.known.phase
        x = self.axes[phase]
        first, last = shapes.window(x, self.reach(phase))
        count = len(shapes.known.copies)
        rows = len(first) // count
        low = first.reshape(count, rows).min(axis=0)
        high = np.maximum(last.reshape(count, rows).max(axis=0), low)
        start = np.concatenate([[0], np.cumsum(high - low)]).astype(np.int64)
        data = np.zeros(int(start[-1]))
        _fill(
            x,
            self.envelope[phase],
            first,
            last,
            shapes.place,
            shapes.spread,
            shapes.mixing,
            shapes.lines.amplitude,
            shapes.nodes.first,
            shapes.nodes.shift,
            shapes.nodes.weight,
            low,
            start,
            data,
            self.edge(phase),
        )
        column = np.repeat(low - start[:-1], high - low) + np.arange(start[-1])
        return sparse.csr_matrix((data, column, start), shape=(rows, x.size))


def measuring(model: PatternModel, intensity: Array, sigma: Array) -> PatternModel:
    """Return `model` with its free lines found from `intensity` and `sigma` (n,) at its angles.

    The same model where no phase has free lines. Raises FitFailed for more lines than points.
    """
    modes = [model.spec.mode_of(s.name) for s in model.structures]
    free = tuple(p for p, mode in enumerate(modes) if mode != "rietveld")
    if not free:
        return model
    count = sum(_lines_within(model, p) for p in free)
    if count > model.x.size:
        raise FitFailed(
            f"{count} free lines on {model.x.size} points: any pattern fits",
            hint="narrow the range, or give the structure of the phase with the largest cell",
        )
    by_squares = tuple(modes[p] == "pawley" for p in free)
    return ExtractingModel.of(model, intensity, sigma, Extraction(phases=free, pawley=by_squares))


def _lines_within(model: PatternModel, phase: int) -> int:
    cell = model.structures[phase].cell
    angles = bragg_angle(inverse_d_squared(model.lines[phase].hkl, cell), model.wavelength)
    return int(np.count_nonzero((angles > model.x[0]) & (angles < model.x[-1])))


def _with_ridge(gram: Array) -> Array:
    diagonal = np.diag(gram)
    least = 1e-12 * diagonal.max(initial=1e-300)
    return np.asarray(gram + np.diag(np.maximum(_RIDGE * diagonal, least)))


@compiled(fastmath=True)
def _fill(
    x: Array,
    envelope: Array,
    first: Index,
    last: Index,
    position: Array,
    width: Array,
    mixing: Array,
    amplitude: Array,
    node_first: Index,
    node_shift: Array,
    node_weight: Array,
    low: Index,
    start: Index,
    data: Array,
    edge: float,
) -> None:
    """Write each row's lines, one for each emission line, to its part of `data`."""
    rows = low.size
    scratch = np.zeros(x.size)
    for k in range(position.size):
        row = k % rows
        a, b = first[k], last[k]
        if b <= a:
            continue
        scratch[a:b] = 0.0
        sum_lines(
            x,
            envelope,
            first[k : k + 1],
            last[k : k + 1],
            position[k : k + 1],
            width[k : k + 1],
            mixing[k : k + 1],
            amplitude[k : k + 1],
            node_first[k : k + 2],
            node_shift,
            node_weight,
            scratch,
            edge,
        )
        shift = start[row] - low[row]
        for i in range(a, b):
            data[shift + i] += scratch[i]
