"""The volume-weighted density of sizes of all populations, with derivatives by every parameter."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xrdkit.fitting import Values
from xrdkit.saxs.amounts import Derived, volume_weights
from xrdkit.saxs.distribution import Array, normalised
from xrdkit.saxs.particles import Particles, shape_values, width_of
from xrdkit.saxs.quantities import PERCENTILES

_FINE_NODES = 4001
_NUDGE = 1e-5
_EMPTY = 1e-200


@dataclass(frozen=True)
class Density:
    """Shares of particle volume on fine nodes of ln R."""

    u: Array
    """Nodes ln R, equidistant."""
    share: Array
    """Share of the volume that belongs to each; they add up to 1."""
    slopes: dict[str, Array]
    """Its derivatives by the parameters."""

    @property
    def step(self) -> float:
        """Distance of the nodes."""
        return float(self.u[1] - self.u[0])

    def at(self, radius: Array) -> Array:
        """Return the density at `radius` (nm), 1/nm, with integral 1."""
        inside = np.interp(np.log(radius), self.u, self.share / self.step, left=0.0, right=0.0)
        result: Array = inside / radius
        return result

    def percentiles(self) -> list[Derived]:
        """Return the radii, nm, below which `PERCENTILES` of the particle volume lie."""
        # Shares belong to the whole step around a node: half of it is below the node.
        below = np.cumsum(self.share) - 0.5 * self.share
        cumulative = {n: np.cumsum(s) - 0.5 * s for n, s in self.slopes.items()}
        found = []
        for percent in PERCENTILES:
            at = float(np.interp(percent / 100.0, below, self.u))
            local = float(np.interp(at, self.u, self.share)) / self.step
            radius = float(np.exp(at))
            gradient = {
                name: -radius * float(np.interp(at, self.u, row)) / local
                for name, row in cumulative.items()
            }
            found.append(Derived(radius, gradient))
        return found

    def mode(self) -> Derived:
        """Return the radius of the largest density over R, nm."""
        fall = np.exp(-(self.u - self.u[0]))
        density = self.share * fall
        i = int(np.clip(np.argmax(density), 1, self.u.size - 2))
        down, here, up = density[i - 1 : i + 2]
        bend = down - 2.0 * here + up
        offset = 0.5 * (down - up) / bend if bend < 0 else 0.0
        radius = float(np.exp(self.u[i] + self.step * offset))
        gradient = {}
        for name, slope in self.slopes.items():
            first, middle, last = (slope * fall)[i - 1 : i + 2]
            turn = 0.5 * (first - last) - offset * (first - 2.0 * middle + last)
            gradient[name] = radius * self.step * float(turn / bend) if bend < 0 else 0.0
        return Derived(radius, gradient)


def density(model: Particles, values: Values, populations: Sequence[int]) -> Density:
    """Return the density of the given populations together."""
    components = [model.components[k] for k in populations]
    spans, finest = [], np.inf
    for component in components:
        s = width_of(component, values)
        below, above = component.family.reach(s, 0, component.shape.volume_power)
        spans.append((values[component.location] - below, values[component.location] + above))
        finest = min(finest, s)
    low, high = min(s[0] for s in spans), max(s[1] for s in spans)
    u: Array = np.linspace(low, high, max(_FINE_NODES, int((high - low) / (finest / 40)) + 1))
    radius = np.exp(u)
    total = np.zeros_like(u)
    slopes: dict[str, Array] = {}
    for component, count in zip(components, volume_weights(components), strict=True):
        shape, known = component.shape, shape_values(component, values)
        amount = count * (values[component.amplitude] or _EMPTY)
        table = normalised(
            component.family,
            u,
            values[component.location],
            width_of(component, values),
            power=shape.volume_power,
        )
        volume = shape.volume(radius, known)
        share = table[:, 0] * volume
        total += amount * share
        slopes[component.amplitude] = count * share
        slopes[component.location] = amount * table[:, 1] * volume
        if component.family.has_width:
            slopes[component.width] = amount * table[:, 2] * volume
        for name in shape.free:
            step = _NUDGE * max(abs(known[name]), _NUDGE)
            change = shape.volume(radius, known | {name: known[name] + step})
            change = change - shape.volume(radius, known | {name: known[name] - step})
            slope = amount * table[:, 0] * change / (2.0 * step)
            slopes[component.shape_parameter(name)] = slope
    sum_ = float(total.sum())
    share = total / sum_
    return Density(
        u,
        share,
        {n: slope / sum_ - share * float(slope.sum()) / sum_ for n, slope in slopes.items()},
    )
