"""Widths of the instrument: Caglioti's Gaussian, a Lorentzian, the natural width of the radiation.

H_G² = U tan² + V tan + W        H_L = X/cos + Y tan + (360/π) (γ/λ) tan      of θ

Caglioti, Paoletti & Ricci, Nucl. Instrum. 3 (1958) 223; γ is the natural full width of an emission
line of wavelength λ. Free U, V, W are held as the squared widths at three angles, which stay
positive and uncorrelated.
"""

from collections.abc import Sequence

import numpy as np

from xrdkit.phase.effects.effect import (
    HALF_DEGREE,
    Array,
    Change,
    Effect,
    LineState,
    Parameter,
    Situation,
    Values,
)
from xrdkit.phase.widths import InstrumentWidths

GAUSS_NODES = ("gauss_low", "gauss_mid", "gauss_high")


class Caglioti(Effect):
    """The Gaussian width of the instrument."""

    def __init__(self, situation: Situation) -> None:
        """Read held widths and the limits of the pattern."""
        spec = situation.spec
        self._free = spec.instrument is None or spec.refine_instrument
        self._held = None if self._free else spec.instrument
        low, high = situation.limits
        self.nodes = np.tan(np.array([low, 0.5 * (low + high), high]) * HALF_DEGREE)
        self.matrix = np.linalg.inv(np.vander(self.nodes, 3))

    def uvw(self, values: Values) -> Array:
        """Return U, V, W in degree²: those that are held, or of the three nodes."""
        if self._held is not None:
            return np.array([self._held.u, self._held.v, self._held.w])
        return np.asarray(self.matrix @ np.array([values[n] for n in GAUSS_NODES]))

    def node_values(self, widths: InstrumentWidths) -> dict[str, float]:
        """Return the nodes (degree²) that stand for U, V, W."""
        squared = np.vander(self.nodes, 3) @ np.array([widths.u, widths.v, widths.w])
        return dict(zip(GAUSS_NODES, (max(float(v), 0.0) for v in squared), strict=True))

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return the squared widths at three angles, degree²."""
        return tuple(
            Parameter(
                key=name,
                units="degree^2",
                start=width**2,
                neutral=0.0,
                unit=width**2,
                free=self._free,
                low=0.0,
                broadening=True,
                late=True,
            )
            for name in GAUSS_NODES
        )

    def apply(self, lines: LineState, values: Values) -> None:
        """Add to the squared Gaussian width."""
        u, v, w = self.uvw(values)
        lines.gauss_squared += (u * lines.tan + v) * lines.tan + w
        slope = (2.0 * u * lines.tan + v) * lines.secant_squared
        lines.gauss_squared_by_angle += HALF_DEGREE * slope

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return the quadratic that is 1 at one node and 0 at the others."""
        a, b, c = self.matrix[:, GAUSS_NODES.index(key)]
        return Change(gauss_squared=(a * lines.tan + b) * lines.tan + c)


class LorentzInstrument(Effect):
    """The Lorentzian width of the instrument, natural widths of emission lines included."""

    def __init__(self, situation: Situation) -> None:
        """Read held widths."""
        self._spec = situation.spec
        self._natural = np.degrees(2.0 * situation.emission_width)

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return ``instrument_x`` and ``instrument_y``, degree."""
        spec = self._spec
        result = []
        for name in "xy":
            held = 0.0 if spec.instrument is None else float(getattr(spec.instrument, name))
            start = max(held, 0.1 * width) if spec.refine_instrument else held
            result.append(
                Parameter(
                    key=f"instrument_{name}",
                    units="degree",
                    start=start,
                    neutral=held,
                    unit=width,
                    free=spec.refine_instrument,
                    low=0.0,
                    broadening=True,
                    late=True,
                )
            )
        return result

    def apply(self, lines: LineState, values: Values) -> None:
        """Add to the Lorentzian width."""
        x = values["instrument_x"]
        y = values["instrument_y"] + self._natural
        secant = np.sqrt(lines.secant_squared)
        lines.lorentz += x * secant + y * lines.tan
        lines.lorentz_by_angle += HALF_DEGREE * (x * secant * lines.tan + y * lines.secant_squared)

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return 1/cos θ for X, tan θ for Y."""
        if key == "instrument_x":
            return Change(lorentz=np.sqrt(lines.secant_squared))
        return Change(lorentz=lines.tan)
