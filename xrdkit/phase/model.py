"""The calculated pattern and its derivatives with respect to every parameter.

y(x) = b(x) + Σ_p S_p P(x) E_p(x) Σ_h A_ph F_ph Σ_l w_l Ω(x - x_hl; H_hl, η_hl)

with E and A of `pattern` (dΣ/dΩ in 1/cm), so that a scale S is the intensity that a unit
cross-section gives times the volume fraction of the phase. Positions x, widths H, mixing η and the
factors F come from the effects (`xrdkit.phase.effects`), the asymmetry of Ω from its nodes.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import SpecError
from xrdkit.phase.background import chebyshev_rows
from xrdkit.phase.blank import BLANK, Blank, blank_parameters
from xrdkit.phase.cell import CELL_NAMES, inverse_d_squared
from xrdkit.phase.effects import (
    Caglioti,
    Parameter,
    Situation,
    component_count,
    effects_of,
    phase_key,
)
from xrdkit.phase.effects.nodes import (
    NODE_PARAMETERS,
    beam_of,
    is_skewed,
    node_numbers,
    node_parameters,
)
from xrdkit.phase.humps import hump_parameters, hump_rows, hump_slopes, humps_at
from xrdkit.phase.line_shapes import LineShapes, PhaseLines
from xrdkit.phase.model_lines import lines_of, start_amplitudes
from xrdkit.phase.parameters import Plan, background_key, cell_of, plan
from xrdkit.phase.pattern import D_SMALLEST, d_min_of, radial_envelope
from xrdkit.phase.polarization import polarization_factor
from xrdkit.phase.positions import bragg_angle
from xrdkit.phase.profile_function import sum_lines, sum_lines_and_slopes
from xrdkit.phase.sine_axis import sine_of, sine_slope
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.structure import Structure
from xrdkit.phase.widths import InstrumentWidths

Array = NDArray[np.float64]
Values = Mapping[str, float]

#: The Gaussian width never falls below this share of the step, where a line would vanish between
#: two points.
_NARROWEST = 0.3
_MARGIN = 3.0
_MARGIN_WIDTHS = 10.0
#: Reach of the components of a line over that of a line: where one ends its slope jumps, and its
#: width may be far less certain than that of the line.
_BENT_REACH = 5.0


class PatternModel:
    """The pattern of some structures on fixed angles; it holds no state beyond its inputs."""

    def __init__(
        self,
        structures: Sequence[Structure],
        two_theta: Array,
        spec: RefinementSpec,
        *,
        wavelengths: Sequence[float],
        weights: Sequence[float],
        integrated: bool,
        emission_widths: Sequence[float] = (),
        limits: tuple[float, float] | None = None,
        width: float = 0.0,
        blank: Blank | None = None,
    ) -> None:
        """`two_theta` (n,) ascending, degree; `limits` are those of the background (its ends).

        `emission_widths` are natural widths of the emission lines, ångström; empty: 0. Lines up to
        3 degree and 10 times `width` (expected FWHM, degree) beyond the end are kept.
        """
        self.structures = tuple(structures)
        self.spec = spec
        strangers = {own.name for own in spec.of_phase} - {s.name for s in self.structures}
        if strangers:
            raise SpecError(
                f"of_phase has settings for {', '.join(sorted(strangers))}, not in the model",
                hint=f"its phases are {', '.join(s.name for s in self.structures)}",
            )
        self.integrated = integrated
        self.wavelengths = tuple(wavelengths)
        self.weights = tuple(weights)
        self.wavelength = float(np.dot(wavelengths, weights))
        self.limits = limits or (float(two_theta[0]), float(two_theta[-1]))
        self.width = width
        self.blank = blank
        end = self.limits[1] + _MARGIN + _MARGIN_WIDTHS * width
        d_min = max(d_min_of(end, self.wavelength), D_SMALLEST)
        self.lines = [lines_of(s, spec, self.wavelength, d_min) for s in self.structures]
        self.amplitudes = [
            start_amplitudes(s, lines, self.wavelength)
            for s, lines in zip(self.structures, self.lines, strict=True)
        ]
        natural = tuple(emission_widths) or (0.0,) * len(self.wavelengths)
        self._shapes_at: dict[int, tuple[PhaseLines, float, dict[str, float], LineShapes]] = {}
        self._take(two_theta)
        self.known = [self._known(p, natural) for p in range(len(self.structures))]

    def _take(self, two_theta: Array) -> None:
        self.x = np.ascontiguousarray(two_theta, dtype=float)
        terms = chebyshev_rows(self.x, *self.limits, self.spec.background)
        empty = np.zeros((0, self.x.size)) if self.blank is None else self.blank.at(self.x)[None]
        self.background_rows = np.concatenate([terms, hump_rows(self.x, self.spec.humps), empty])
        self.step = float(np.median(np.diff(self.x)))
        polarization = (
            np.ones(self.x.size)
            if self.integrated
            else polarization_factor(self.x, self.spec.polarization)
        )
        self.envelope = [
            polarization * radial_envelope(s, self.x, self.wavelength) for s in self.structures
        ]
        self.axes = [self.x] * len(self.structures)
        for p in filter(self._is_bent, range(len(self.structures))):
            self.axes[p] = sine_of(self.x)
            self.envelope[p] *= sine_slope(self.x)

    def _is_bent(self, phase: int) -> bool:
        """Whether the lines of a phase are symmetric over sin θ."""
        return component_count(self.spec, self.structures[phase].name) > 1

    def _known(self, phase: int, natural: Sequence[float]) -> PhaseLines:
        hkl = self.lines[phase].hkl
        count = len(hkl)
        parts = component_count(self.spec, self.structures[phase].name)
        copies = np.tile(self.weights, parts) / parts
        wavelength = np.repeat(np.tile(self.wavelengths, parts), count)
        situation = Situation(
            spec=self.spec,
            structure=self.structures[phase],
            phase=phase,
            lines=self.lines[phase],
            hkl=np.tile(hkl, (len(copies), 1)),
            wavelength=wavelength,
            mean_wavelength=self.wavelength,
            emission_width=np.repeat(np.tile(natural, parts), count) / wavelength,
            integrated=self.integrated,
            limits=self.limits,
            width=self.width,
        )
        effects = effects_of(situation)
        angle = bragg_angle(
            inverse_d_squared(situation.hkl, self.structures[phase].cell), wavelength
        )
        angle = np.where(np.isfinite(angle), angle, 90.0)
        guess = np.full(angle.size, max(self.width, 2.0 * self.step))
        return PhaseLines(
            structure=self.structures[phase],
            phase=phase,
            hkl=situation.hkl,
            wavelength=wavelength,
            copies=copies,
            area=np.concatenate([w * self.amplitudes[phase] for w in copies]),
            effects=effects,
            owner={p.key: e for e in effects for p in e.parameters(width=1.0)},
            numbers=node_numbers(angle, guess, None, self.spec),
            beam=beam_of(self.spec),
            bent=self._is_bent(phase),
        )

    def with_nodes(self, values: Values) -> "PatternModel":
        """Return the model with asymmetric lines divided as the widths at `values` ask for."""
        if not is_skewed(self.spec):
            return self
        other = copy.copy(self)
        other.known = []
        for p, known in enumerate(self.known):
            shapes = self.shapes(values, p)
            numbers = node_numbers(shapes.lines.angle, shapes.width, values, self.spec)
            other.known.append(replace(known, numbers=numbers))
        return other

    def frozen(self, values: Values) -> "PatternModel":
        """Return the model with all intensities of lines as they are at `values`: itself."""
        return self

    def with_spec(self, spec: RefinementSpec) -> "PatternModel":
        """Return the same model under another reach of lines or limit of evaluations."""
        other = copy.copy(self)
        other.spec = spec
        return other

    def parameters(self, *, width: float) -> list[Parameter]:
        """Return the parameters of all effects for lines of FWHM `width`, degree."""
        table = {p.key: p for k in self.known for e in k.effects for p in e.parameters(width=width)}
        table |= {p.key: p for p in node_parameters(self.spec)}
        return list(table.values())

    def plan(self, *, width: float, scales: Sequence[float], background: Sequence[float]) -> Plan:
        """Return all parameters for a start with lines of FWHM `width`, degree (see `plan`)."""
        terms, humps = self.spec.background, self.spec.humps
        heights = (*background[terms:], *[0.0] * len(humps))[: len(humps)]
        level = max(float(np.max(np.abs(background))), 1e-300)
        empty = blank_parameters(self.blank, background[terms + len(humps) :])
        return plan(
            [*self.parameters(width=width), *hump_parameters(humps, heights, level), *empty],
            self.structures,
            self.spec,
            width=width,
            scales=scales,
            background=background[:terms],
        )

    def neutral_values(self) -> dict[str, float]:
        """Return values of all but the background with no broadening, no shift and no phase."""
        values = {p.key: p.neutral for p in self.parameters(width=1.0)}
        for p, structure in enumerate(self.structures):
            values[phase_key(p, "scale")] = 0.0
            values |= {phase_key(p, CELL_NAMES[k]): structure.cell[k] for k in range(6)}
        return values

    @property
    def caglioti(self) -> Caglioti:
        """The Gaussian width of the instrument, the same for all phases."""
        return next(e for e in self.known[0].effects if isinstance(e, Caglioti))

    def node_values(self, widths: InstrumentWidths) -> dict[str, float]:
        """Return the Gaussian nodes (degree²) that stand for U, V, W."""
        return self.caglioti.node_values(widths)

    def reach(self, phase: int) -> float:
        """Return to how many FWHM from their centres the lines of a phase are computed."""
        return (_BENT_REACH if self._is_bent(phase) else 1.0) * self.spec.profile_reach

    def edge(self, phase: int) -> float:
        """Return the height of a Lorentzian of height 1 where the lines of a phase end."""
        return 1.0 / (1.0 + 4.0 * self.reach(phase) ** 2)

    def background(self, values: Values) -> Array:
        """Return b(x) (n,)."""
        rows = self.background_rows[: self.spec.background]
        smooth = np.array([values[background_key(k)] for k in range(len(rows))]) @ rows
        if self.blank is not None:
            smooth = smooth + values[BLANK] * self.background_rows[-1]
        return np.asarray(smooth + humps_at(self.x, len(self.spec.humps), values))

    def phases(self, values: Values, only: Sequence[int] | None = None) -> Array:
        """Return the contribution of each phase (phase, n); rows of phases not in `only` are 0."""
        total = np.zeros((len(self.structures), self.x.size))
        for p in range(len(self.structures)) if only is None else only:
            shapes = self.shapes(values, p)
            nodes = shapes.nodes
            sum_lines(
                self.axes[p],
                self.envelope[p],
                *shapes.window(self.axes[p], self.reach(p)),
                shapes.place,
                shapes.spread,
                shapes.mixing,
                values[phase_key(p, "scale")] * shapes.lines.amplitude,
                nodes.first,
                nodes.shift,
                nodes.weight,
                total[p],
                self.edge(p),
            )
        return total

    def pattern(self, values: Values) -> Array:
        """Return y(x) (n,)."""
        return np.asarray(self.background(values) + self.phases(values).sum(axis=0))

    def slopes(self, values: Values, names: Sequence[str]) -> Array:
        """Return ∂y/∂p (len(names), n) for the parameters `names`."""
        return self.pattern_and_slopes(values, names)[1]

    def pattern_and_slopes(self, values: Values, names: Sequence[str]) -> tuple[Array, Array]:
        """Return y(x) (n,) and ∂y/∂p (len(names), n)."""
        place = {name: k for k, name in enumerate(names)}
        slopes = np.zeros((len(names), self.x.size))
        total = self.background(values)
        for p, known in enumerate(self.known):
            cell = (phase_key(p, CELL_NAMES[k]) for k in known.structure.ties.free)
            own = [phase_key(p, "scale"), *NODE_PARAMETERS, *known.owner, *cell]
            mine = [n for n in own if n in place]
            scale = values[phase_key(p, "scale")]
            shapes = self.shapes(values, p)
            nodes = shapes.nodes
            sum_lines_and_slopes(
                self.axes[p],
                self.envelope[p],
                *shapes.window(self.axes[p], self.reach(p)),
                shapes.place,
                shapes.spread,
                shapes.mixing,
                scale * shapes.lines.amplitude,
                nodes.first,
                nodes.shift,
                nodes.weight,
                nodes.slopes,
                np.array([place[n] for n in mine], dtype=np.int64),
                shapes.chain(scale, mine),
                total,
                slopes,
                self.edge(p),
            )
        rows = {background_key(k): self.background_rows[k] for k in range(self.spec.background)}
        if self.blank is not None:
            rows[BLANK] = self.background_rows[-1]
        rows |= hump_slopes(self.x, len(self.spec.humps), values)
        for name, row in rows.items():
            if name in place:
                slopes[place[name]] += row
        return total, slopes

    def line_centres(self, values: Values, phase: int) -> Array:
        """Return where the lines of a phase lie (n,), degree, for the strongest emission line.

        NaN for lines beyond 180 degree.
        """
        strongest = int(np.argmax(self.weights))
        count = len(self.lines[phase].hkl)
        part = slice(strongest * count, (strongest + 1) * count)
        shapes = self.shapes(values, phase)
        return np.where(shapes.seen, shapes.position, np.nan)[part]

    def line_areas(self, values: Values, phase: int) -> tuple[Array, Array]:
        """Return areas of the lines of a phase (n,), intensity times degree, and standard errors.

        All emission lines count together; errors are NaN where the structure gives the areas.
        """
        shapes = self.shapes(values, phase)
        count = len(self.known[phase].copies)
        where = np.interp(shapes.position, self.x, self.envelope[phase])
        where /= sine_slope(shapes.position) if shapes.known.bent else 1.0
        unit = (shapes.lines.amplitude * where).reshape(count, -1).sum(axis=0)
        area = values[phase_key(phase, "scale")] * unit
        errors = self.known[phase].area_sigma
        if errors is None:
            return area, np.full(area.size, np.nan)
        known = self.known[phase].area.reshape(count, -1).sum(axis=0)
        return area, np.divide(
            errors * area, known, out=np.full(area.size, np.nan), where=known > 0
        )

    def typical_width(self, values: Values, phase: int) -> float:
        """Return the median FWHM in degree of the lines of a phase within the pattern."""
        shapes = self.shapes(values, phase)
        inside = (shapes.position >= self.x[0]) & (shapes.position <= self.x[-1])
        return float(np.median(shapes.width[inside])) if inside.any() else float(self.step)

    def at(self, two_theta: Array) -> "PatternModel":
        """Return the same model on other angles (n,), degree; itself where they are its own."""
        if np.array_equal(two_theta, self.x):
            return self
        other = copy.copy(self)
        other._take(two_theta)
        return other

    def shapes(self, values: Values, phase: int) -> LineShapes:
        """Return the lines of a phase at `values`."""
        known = self.known[phase]
        last = self._shapes_at.get(phase)
        # A pattern and its slopes ask for the same lines one after the other.
        if last and last[0] is known and last[1] == self.step and last[2] == values:
            return last[3]
        cell = cell_of(values, phase, self.structures[phase])
        shapes = LineShapes(known, values, cell, _NARROWEST * self.step)
        self._shapes_at[phase] = (known, self.step, dict(values), shapes)
        return shapes
