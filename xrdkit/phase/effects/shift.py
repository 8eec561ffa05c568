"""Shifts of lines: zero of the scale, height of the sample, penetration of the beam.

x = 2θ + z - (180/π) (2 s/R) cos θ - (180/π) sin 2θ / (2 µ R)

s is the height of a flat sample behind the axis, R the radius of the goniometer, 1/µ the depth that
the beam reaches; both terms lower the angle. Wilson, Mathematical Theory of X-ray Powder
Diffractometry (1963).
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


class Zero(Effect):
    """The zero of the 2θ scale."""

    def __init__(self, situation: Situation) -> None:
        """Read the start from the settings."""
        spec = situation.spec
        free = spec.refine_zero
        self._free = not situation.integrated if free is None else free
        self._start = spec.zero

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return ``zero``, degree."""
        return (
            Parameter(
                key="zero",
                start=self._start,
                neutral=self._start,
                unit=width,
                free=self._free,
                units="degree",
            ),
        )

    def apply(self, lines: LineState, values: Values) -> None:
        """Move all lines alike."""
        lines.position += values["zero"]

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return 1."""
        return Change(position=1.0)


class Displacement(Effect):
    """A flat sample behind the axis of the goniometer."""

    def __init__(self, situation: Situation) -> None:
        """Read start and radius from the settings."""
        self._spec = situation.spec
        self._radius = situation.spec.goniometer_radius

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return ``displacement``, mm."""
        spec = self._spec
        return (
            Parameter(
                key="displacement",
                units="mm",
                start=spec.displacement,
                neutral=spec.displacement,
                unit=0.1,
                free=spec.refine_displacement,
            ),
        )

    def _slope(self, lines: LineState) -> Array:
        if self._radius is None:
            return np.zeros_like(lines.angle)
        return np.asarray(-np.degrees(2.0 / self._radius) / np.sqrt(lines.secant_squared))

    def apply(self, lines: LineState, values: Values) -> None:
        """Move lines by the height."""
        height = values["displacement"]
        if height == 0.0 or self._radius is None:
            return
        lines.position += height * self._slope(lines)
        sine = lines.tan / np.sqrt(lines.secant_squared)
        lines.position_by_angle += height / self._radius * sine

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return degree per mm."""
        return Change(position=self._slope(lines))


class Transparency(Effect):
    """A beam that goes deep into a flat sample."""

    def __init__(self, situation: Situation) -> None:
        """Read start and radius from the settings."""
        self._spec = situation.spec

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return ``penetration``, 1/µ in mm."""
        spec = self._spec
        return (
            Parameter(
                key="penetration",
                units="mm",
                start=spec.penetration,
                neutral=spec.penetration,
                unit=0.1,
                free=spec.refine_penetration,
                low=0.0,
                late=True,
            ),
        )

    def _slope(self, lines: LineState) -> Array:
        radius = self._spec.goniometer_radius
        if radius is None:
            return np.zeros_like(lines.angle)
        return np.asarray(-np.degrees(0.5 / radius) * np.sin(2.0 * HALF_DEGREE * lines.angle))

    def apply(self, lines: LineState, values: Values) -> None:
        """Move lines by the depth."""
        depth, radius = values["penetration"], self._spec.goniometer_radius
        if depth == 0.0 or radius is None:
            return
        lines.position += depth * self._slope(lines)
        lines.position_by_angle -= 0.5 * depth / radius * np.cos(2.0 * HALF_DEGREE * lines.angle)

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return degree per mm."""
        return Change(position=self._slope(lines))
