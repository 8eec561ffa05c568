"""Position, width and mixing of all lines of one phase at given values, and their derivatives."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.cell import CELL_NAMES, Cell, inverse_d_squared, inverse_d_squared_slope
from xrdkit.phase.effects import Effect, LineState
from xrdkit.phase.effects.axial import Beam
from xrdkit.phase.effects.effect import HALF_DEGREE, Values, phase_key
from xrdkit.phase.effects.nodes import NODE_PARAMETERS, NodeNumbers, Nodes, nodes_of
from xrdkit.phase.positions import bragg_angle, bragg_angle_slope
from xrdkit.phase.profile_function import CHANNELS, combined_width, combined_width_slope
from xrdkit.phase.sine_axis import sine_curvature, sine_of, sine_slope
from xrdkit.phase.structure import Structure

Array = NDArray[np.float64]

#: Where lines lie that no angle fulfils.
_NOWHERE = 1e4


@dataclass(frozen=True, kw_only=True)
class PhaseLines:
    """What is known of the lines of a phase before a fit; n lines, by emission line."""

    structure: Structure
    """The phase at its start."""
    phase: int
    """Its number."""
    hkl: NDArray[np.int64]
    """One reflection of each line (n, 3)."""
    wavelength: Array
    """(n,), ångström."""
    copies: Array
    """Share of the lines of each set of all reflections, in their order: emission weights, for each
    component of a line."""
    area: Array
    """Area of each line per unit scale (n,), times its share of `copies`."""
    area_sigma: Array | None = None
    """Standard error of the area of each line of all emission lines together, where the lines were
    free; they are then as many as reflections."""
    effects: tuple[Effect, ...]
    """What moves, widens and scales the lines."""
    owner: dict[str, Effect]
    """Effect of each parameter."""
    numbers: NodeNumbers
    """Number of nodes of each line for its asymmetry."""
    beam: Beam
    """How the beam reaches the sample."""
    bent: bool = False
    """Whether lines are symmetric over sin θ (`sine_axis`) rather than over 2θ."""


class LineShapes:
    """The lines of one phase at some values."""

    def __init__(self, known: PhaseLines, values: Values, cell: Cell, narrowest: float) -> None:
        """`narrowest`: least Gaussian FWHM, degree."""
        self.known, self.cell, self._values = known, cell, values
        self.inverse = inverse_d_squared(known.hkl, cell)
        bragg = bragg_angle(self.inverse, known.wavelength)
        seen = np.isfinite(bragg)
        angle = np.where(seen, bragg, 90.0)
        tan = np.tan(angle * HALF_DEGREE)
        zero = np.zeros(angle.size)
        lines = LineState(
            angle=angle,
            tan=tan,
            secant_squared=1.0 + tan**2,
            amplitude=known.area * seen,
            position=np.where(seen, angle, _NOWHERE),
            gauss_squared=zero.copy(),
            lorentz=zero.copy(),
            position_by_angle=zero.copy(),
            gauss_squared_by_angle=zero.copy(),
            lorentz_by_angle=zero.copy(),
        )
        for effect in known.effects:
            effect.apply(lines, values)
        self.lines, self.seen = lines, seen
        lowest = narrowest**2
        self._above_floor = lines.gauss_squared > lowest
        self._gauss = np.sqrt(np.maximum(lines.gauss_squared, lowest))
        self.width, self.mixing = combined_width(self._gauss, np.maximum(lines.lorentz, 0.0))
        self.nodes: Nodes = nodes_of(angle, values, known.numbers, known.beam)
        self.place, self.spread = lines.position, self.width
        """Positions and widths on the axis of the phase (n,)."""
        if known.bent:
            self.place, self.spread = sine_of(lines.position), self.width * sine_slope(angle)
            self.nodes = _bent_nodes(self.nodes, angle)

    @property
    def position(self) -> Array:
        """Where each line lies (n,), degree; far away where no angle fulfils it."""
        return self.lines.position

    def window(self, x: Array, reach: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the first point of each line and the one after its last, `reach` in FWHM.

        `x` (n,) are points on the axis of the phase.
        """
        half = reach * self.spread
        first = self.nodes.first
        low = np.minimum.reduceat(self.nodes.shift, first[:-1]) if len(half) else half
        high = np.maximum.reduceat(self.nodes.shift, first[:-1]) if len(half) else half
        return (
            np.searchsorted(x, self.place - half + np.minimum(low, 0.0)),
            np.searchsorted(x, self.place + half + np.maximum(high, 0.0)),
        )

    def chain(self, scale: float, names: Sequence[str]) -> Array:
        """Return derivatives (line, parameter, channel) for `sum_lines_and_slopes`."""
        lines, known = self.lines, self.known
        h_g, h_l, eta_g, eta_l = combined_width_slope(self._gauss, lines.lorentz, self.width)
        to_gauss = np.where(self._above_floor, 0.5 / self._gauss, 0.0)
        chain = np.zeros((len(self.position), len(names), CHANNELS))
        scale_key = phase_key(known.phase, "scale")
        prefix = phase_key(known.phase, "")
        for m, name in enumerate(names):
            if name == scale_key:
                chain[:, m, 0] = lines.amplitude
                continue
            if name in NODE_PARAMETERS:
                chain[:, m, 5 + NODE_PARAMETERS.index(name)] = 1.0
                continue
            squared: Array | float | None
            lorentz: Array | float | None
            if name in known.owner:
                change = known.owner[name].change(lines, self._values, name)
                squared, lorentz = change.gauss_squared, change.lorentz
                if change.amplitude is not None:
                    chain[:, m, 0] = scale * lines.amplitude * change.amplitude
                if change.position is not None:
                    chain[:, m, 1] = change.position
            else:
                moved = self._moved_by_cell(CELL_NAMES.index(name.removeprefix(prefix)))
                chain[:, m, 1] = moved * (1.0 + lines.position_by_angle)
                chain[:, m, 4] = moved
                squared = moved * lines.gauss_squared_by_angle
                lorentz = moved * lines.lorentz_by_angle
            if squared is not None or lorentz is not None:
                gauss = 0.0 if squared is None else to_gauss * squared
                broader = 0.0 if lorentz is None else lorentz
                chain[:, m, 2] = h_g * gauss + h_l * broader
                chain[:, m, 3] = eta_g * gauss + eta_l * broader
        if known.bent:
            curved = self.width * sine_curvature(lines.angle)
            chain[:, :, 1] *= sine_slope(lines.position)[:, np.newaxis]
            chain[:, :, 2] *= sine_slope(lines.angle)[:, np.newaxis]
            chain[:, :, 2] += curved[:, np.newaxis] * chain[:, :, 4]
        return chain

    def _moved_by_cell(self, index: int) -> Array:
        """Return ∂2θ/∂(cell parameter) with all that follow it, degree per nm or per degree."""
        ties = self.known.structure.ties
        total = np.zeros(len(self.known.hkl))
        for k in range(6):
            if ties.fixed[k] is None and ties.master[k] == index:
                total += inverse_d_squared_slope(self.known.hkl, self.cell, k)
        slope = bragg_angle_slope(self.inverse, self.lines.angle)
        return np.asarray(np.where(self.seen, total * slope, 0.0))


def _bent_nodes(nodes: Nodes, angle: Array) -> Nodes:
    """Return nodes of lines at 2θ = `angle` with their shifts on the axis of sin θ."""
    count = np.diff(nodes.first)
    to, change = np.repeat(sine_slope(angle), count), np.repeat(sine_curvature(angle), count)
    slopes = nodes.slopes.copy()
    slopes[::2] *= to
    slopes[0] += nodes.shift * change
    return replace(nodes, shift=nodes.shift * to, slopes=slopes)
