"""The calculated pattern and its derivatives with respect to every parameter.

y(x) = b(x) + Σ_p S_p P(x) E_p(x) Σ_h A_ph exp(-2 ΔB_p s²) Σ_l w_l Ω(x - x_hl; H_hl, η_hl)

with E and A of `pattern` (dΣ/dΩ in 1/cm), so that a scale S is the intensity that a unit
cross-section gives times the volume fraction of the phase.
"""

import copy
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.background import chebyshev_rows
from xrdkit.phase.cell import (
    CELL_NAMES,
    Cell,
    inverse_d_squared,
    inverse_d_squared_slope,
)
from xrdkit.phase.intensity import Lines, powder_lines
from xrdkit.phase.parameters import GAUSS_NODES, SAMPLE, SHARED, background_key, cell_of, phase_key
from xrdkit.phase.pattern import D_SMALLEST, d_min_of, line_amplitudes, radial_envelope
from xrdkit.phase.polarization import polarization_factor
from xrdkit.phase.positions import bragg_angle, bragg_angle_slope, displacement_slope
from xrdkit.phase.profile_function import (
    combined_width,
    combined_width_slope,
    sum_lines,
    sum_lines_and_slopes,
)
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.structure import Structure
from xrdkit.phase.widths import (
    InstrumentWidths,
    gaussian_size_width,
    size_width,
    strain_width,
)

Array = NDArray[np.float64]
Values = Mapping[str, float]

_HALF_DEGREE = np.pi / 360.0
#: The Gaussian width never falls below this share of the step, where a line would vanish between
#: two points.
_NARROWEST = 0.3
_MARGIN = 3.0
_MARGIN_WIDTHS = 10.0


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
        limits: tuple[float, float] | None = None,
        width: float = 0.0,
    ) -> None:
        """`two_theta` (n,) ascending, degree; `limits` are those of the background (its ends).

        Lines up to 3 degree and 10 times `width` (expected FWHM, degree) beyond the end are kept.
        """
        self.structures = tuple(structures)
        self.x = np.ascontiguousarray(two_theta, dtype=float)
        self.spec = spec
        self.integrated = integrated
        self.wavelengths = tuple(wavelengths)
        self.weights = tuple(weights)
        self.wavelength = float(np.dot(wavelengths, weights))
        self.limits = limits or (float(self.x[0]), float(self.x[-1]))
        self.background_rows = chebyshev_rows(self.x, *self.limits, spec.background)
        self.step = float(np.median(np.diff(self.x)))
        self.width = width
        end = self.limits[1] + _MARGIN + _MARGIN_WIDTHS * width
        d_min = max(d_min_of(end, self.wavelength), D_SMALLEST)
        self.lines = [powder_lines(s, self.wavelength, d_min) for s in self.structures]
        polarization = (
            np.ones(self.x.size) if integrated else polarization_factor(self.x, spec.polarization)
        )
        self.envelope = np.array(
            [polarization * radial_envelope(s, self.x, self.wavelength) for s in self.structures]
        )
        self.amplitudes = [
            _amplitudes(s, lines, self.wavelength)
            for s, lines in zip(self.structures, self.lines, strict=True)
        ]
        # Caglioti's quadratic in tan θ through three values, which stay positive and uncorrelated.
        self.nodes = np.tan(
            np.array([self.limits[0], sum(self.limits) / 2, self.limits[1]]) * _HALF_DEGREE
        )
        self.gauss_matrix = np.linalg.inv(np.vander(self.nodes, 3))

    def with_spec(self, spec: RefinementSpec) -> "PatternModel":
        """Return the same model under other settings of lines, not of background or radiation."""
        other = copy.copy(self)
        other.spec = spec
        return other

    def neutral_values(self) -> dict[str, float]:
        """Return values of all but the background with no broadening, no shift and no phase."""
        values = dict.fromkeys(SHARED, 0.0)
        if self.spec.instrument is not None:
            values["instrument_x"] = self.spec.instrument.x
            values["instrument_y"] = self.spec.instrument.y
        values["zero"], values["displacement"] = self.spec.zero, self.spec.displacement
        for p, structure in enumerate(self.structures):
            values |= {phase_key(p, name): 0.0 for name in SAMPLE}
            values |= {phase_key(p, CELL_NAMES[k]): structure.cell[k] for k in range(6)}
        return values

    def caglioti(self, values: Values) -> Array:
        """Return U, V, W in degree² at `values`: those of the spec, or of the three nodes."""
        held = self.spec.instrument
        if held is not None and not self.spec.refine_instrument:
            return np.array([held.u, held.v, held.w])
        return np.asarray(self.gauss_matrix @ np.array([values[n] for n in GAUSS_NODES]))

    def node_values(self, widths: InstrumentWidths) -> dict[str, float]:
        """Return the Gaussian nodes (degree²) that stand for U, V, W."""
        squared = np.vander(self.nodes, 3) @ np.array([widths.u, widths.v, widths.w])
        return dict(zip(GAUSS_NODES, (max(float(v), 0.0) for v in squared), strict=True))

    def background(self, values: Values) -> Array:
        """Return b(x) (n,)."""
        rows = self.background_rows
        return np.asarray(sum(values[background_key(k)] * row for k, row in enumerate(rows)))

    def phases(self, values: Values, only: Sequence[int] | None = None) -> Array:
        """Return the contribution of each phase (phase, n); rows of phases not in `only` are 0."""
        total = np.zeros((len(self.structures), self.x.size))
        for p in range(len(self.structures)) if only is None else only:
            scale = values[phase_key(p, "scale")]
            for shape in self._shapes(values, p):
                sum_lines(self.x, self.envelope, *shape.kernel(self, p, scale), total)
        return total

    def pattern(self, values: Values) -> Array:
        """Return y(x) (n,)."""
        return np.asarray(self.background(values) + self.phases(values).sum(axis=0))

    def slopes(self, values: Values, names: Sequence[str]) -> Array:
        """Return ∂y/∂p (len(names), n) for the parameters `names`."""
        place = {name: k for k, name in enumerate(names)}
        slopes = np.zeros((len(names), self.x.size))
        total = np.zeros((len(self.structures), self.x.size))
        for p, structure in enumerate(self.structures):
            own = [
                *SHARED,
                *(phase_key(p, n) for n in ("scale", "inverse_size", "inverse_gauss_size_squared")),
                *(phase_key(p, n) for n in ("strain", "b_iso")),
                *(phase_key(p, CELL_NAMES[k]) for k in structure.ties.free),
            ]
            mine = [n for n in own if n in place]
            columns = np.full((len(self.structures), len(mine)), -1, dtype=np.int64)
            columns[p] = [place[n] for n in mine]
            scale = values[phase_key(p, "scale")]
            for shape in self._shapes(values, p):
                chain = shape.chain(self, p, values, mine)
                sum_lines_and_slopes(
                    self.x,
                    self.envelope,
                    *shape.kernel(self, p, scale),
                    columns,
                    chain,
                    total,
                    slopes,
                )
        for k, row in enumerate(self.background_rows):
            name = background_key(k)
            if name in place:
                slopes[place[name]] += row
        return slopes

    def line_centres(self, values: Values, phase: int) -> Array:
        """Return where the lines of a phase lie (n,), degree, for the strongest emission line.

        NaN for lines beyond 180 degree.
        """
        strongest = int(np.argmax(self.weights))
        shape = self._shapes(values, phase)[strongest]
        centres = np.full(len(shape.seen), np.nan)
        centres[shape.seen] = shape.position
        return centres

    def typical_width(self, values: Values, phase: int) -> float:
        """Return the median FWHM in degree of the lines of a phase within the pattern."""
        shape = self._shapes(values, phase)[0]
        inside = (shape.position >= self.x[0]) & (shape.position <= self.x[-1])
        return float(np.median(shape.width[inside])) if inside.any() else float(self.step)

    def at(self, two_theta: Array) -> "PatternModel":
        """Return the same model on other angles (n,), degree; itself where they are its own."""
        if np.array_equal(two_theta, self.x):
            return self
        return PatternModel(
            self.structures,
            two_theta,
            self.spec,
            wavelengths=self.wavelengths,
            weights=self.weights,
            integrated=self.integrated,
            limits=self.limits,
            width=self.width,
        )

    def _shapes(self, values: Values, phase: int) -> list["_Shapes"]:
        cell = cell_of(values, phase, self.structures[phase])
        return [
            _Shapes(self, phase, values, cell, wavelength, weight)
            for wavelength, weight in zip(self.wavelengths, self.weights, strict=True)
        ]


def _amplitudes(structure: Structure, lines: Lines, wavelength: float) -> Array:
    if len(lines.hkl) == 0:
        return np.zeros(0)
    centre = bragg_angle(inverse_d_squared(lines.hkl, structure.cell), wavelength)
    return line_amplitudes(structure, lines.strength, centre, wavelength)


class _Shapes:
    """Position, width and mixing of the lines of one phase and one emission line."""

    def __init__(
        self,
        model: PatternModel,
        phase: int,
        values: Values,
        cell: Cell,
        wavelength: float,
        weight: float,
    ) -> None:
        structure, spec = model.structures[phase], model.spec
        lines = model.lines[phase]
        inverse = inverse_d_squared(lines.hkl, cell)
        bragg = bragg_angle(inverse, wavelength)
        self.seen = seen = np.isfinite(bragg)
        self.hkl, self.inverse, self.bragg = lines.hkl[seen], inverse[seen], bragg[seen]
        self.cell, self.structure, self.weight = cell, structure, weight
        s_squared = 2.5e-3 * inverse_d_squared(self.hkl, structure.cell)
        self.damping = -2.0 * s_squared
        b_iso = values[phase_key(phase, "b_iso")]
        self.relative = weight * model.amplitudes[phase][seen] * np.exp(self.damping * b_iso)
        self.tan = np.tan(self.bragg * _HALF_DEGREE)
        self.secant_squared = 1.0 + self.tan**2
        self.secant = np.sqrt(self.secant_squared)
        self.displaced = (
            displacement_slope(self.bragg, spec.goniometer_radius)
            if spec.goniometer_radius is not None
            else np.zeros_like(self.bragg)
        )
        self.position = self.bragg + values["zero"] + values["displacement"] * self.displaced
        self._widths(model, phase, values)

    def _widths(self, model: PatternModel, phase: int, values: Values) -> None:
        u, v, w = model.caglioti(values)
        self.size_width = size_width(model.wavelength)
        self.gauss_size_width = gaussian_size_width(model.wavelength)
        size_term = self.gauss_size_width**2
        size_term *= values[phase_key(phase, "inverse_gauss_size_squared")]
        size = values["instrument_x"]
        size += self.size_width * values[phase_key(phase, "inverse_size")]
        strain = values["instrument_y"]
        strain += strain_width() * values[phase_key(phase, "strain")]
        squared = u * self.tan**2 + v * self.tan + w + size_term * self.secant_squared
        lowest = (_NARROWEST * model.step) ** 2
        self.above_floor = squared > lowest
        self.gauss = np.sqrt(np.maximum(squared, lowest))
        self.lorentz = size * self.secant + strain * self.tan
        self.width, self.mixing = combined_width(self.gauss, self.lorentz)
        # Derivatives of the squared Gaussian and of the Lorentzian width per radian of θ.
        per_tan = 2 * u * self.tan + v + 2 * size_term * self.tan
        self.squared_slope = per_tan * self.secant_squared
        self.lorentz_slope = size * self.secant * self.tan + strain * self.secant_squared

    def kernel(
        self, model: PatternModel, phase: int, scale: float
    ) -> tuple[
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.int64],
        Array,
        Array,
        Array,
        Array,
    ]:
        """Return phase, first, last, position, width, mixing and amplitude of each line."""
        reach = model.spec.profile_reach * self.width
        first = np.searchsorted(model.x, self.position - reach)
        last = np.searchsorted(model.x, self.position + reach)
        number = np.full(len(first), phase, dtype=np.int64)
        amplitude = scale * self.relative
        return number, first, last, self.position, self.width, self.mixing, amplitude

    def chain(self, model: PatternModel, phase: int, values: Values, names: Sequence[str]) -> Array:
        """Return ∂(amplitude, position, width, mixing)/∂p (line, parameter, 4)."""
        h_g, h_l, eta_g, eta_l = combined_width_slope(self.gauss, self.lorentz, self.width)
        scale = values[phase_key(phase, "scale")]
        to_gauss = np.where(self.above_floor, 0.5 / self.gauss, 0.0)
        chain = np.zeros((len(self.position), len(names), 4))

        def widths(m: int, squared: Array | float, lorentz: Array | float) -> None:
            gauss = to_gauss * squared
            chain[:, m, 2] = h_g * gauss + h_l * lorentz
            chain[:, m, 3] = eta_g * gauss + eta_l * lorentz

        powers = np.stack([self.tan**2, self.tan, np.ones_like(self.tan)], axis=1)
        nodes = powers @ model.gauss_matrix
        prefix = phase_key(phase, "")
        for m, name in enumerate(names):
            kind = name.removeprefix(prefix)
            if kind == "scale":
                chain[:, m, 0] = self.relative
            elif kind == "b_iso":
                chain[:, m, 0] = scale * self.relative * self.damping
            elif kind == "zero":
                chain[:, m, 1] = 1.0
            elif kind == "displacement":
                chain[:, m, 1] = self.displaced
            elif kind in GAUSS_NODES:
                widths(m, nodes[:, GAUSS_NODES.index(kind)], 0.0)
            elif kind == "inverse_gauss_size_squared":
                widths(m, self.gauss_size_width**2 * self.secant_squared, 0.0)
            elif kind in ("inverse_size", "instrument_x"):
                factor = self.size_width if kind == "inverse_size" else 1.0
                widths(m, 0.0, factor * self.secant)
            elif kind in ("strain", "instrument_y"):
                factor = strain_width() if kind == "strain" else 1.0
                widths(m, 0.0, factor * self.tan)
            else:
                shift = self._cell_shift(CELL_NAMES.index(kind))
                radius = model.spec.goniometer_radius
                bend = 0.0 if radius is None else values["displacement"] / radius
                chain[:, m, 1] = shift * (1.0 + bend * np.sin(self.bragg * _HALF_DEGREE))
                theta = shift * _HALF_DEGREE
                widths(m, self.squared_slope * theta, self.lorentz_slope * theta)
        return chain

    def _cell_shift(self, index: int) -> Array:
        """Return ∂2θ/∂(cell parameter) with all that follow it, degree per nm or per degree."""
        ties = self.structure.ties
        total = np.zeros(len(self.hkl))
        for k in range(6):
            if ties.fixed[k] is None and ties.master[k] == index:
                total += inverse_d_squared_slope(self.hkl, self.cell, k)
        return np.asarray(total * bragg_angle_slope(self.inverse, self.bragg))
