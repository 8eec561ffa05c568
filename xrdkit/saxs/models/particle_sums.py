"""Sums over a distribution of sizes: with S at every size, or decoupled from it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from xrdkit.saxs.distribution import Family, Weights, lattice_weights
from xrdkit.saxs.kernel import Kernel
from xrdkit.saxs.shapes import CONTRAST_UNIT, Lattice
from xrdkit.saxs.structure_factors import StructureFactor

Array = NDArray[np.float64]
Values = Mapping[str, float]

_STEP = 1e-5
_SPHERE = 3.0 / (4.0 * np.pi)


class ParticleSums:
    """Σ_j w_j G_j S_j of one q axis and shape, for a contrast of 1."""

    def __init__(self, kernel: Kernel, family: Family, structure: StructureFactor | None) -> None:
        self.kernel = kernel
        self.family = family
        self.structure = structure

    def columns(self, values: Values) -> tuple[Array, dict[str, Array]]:
        """Return (sum, d/d ln radius, d/d ln width), (q, 3), and derivatives by other parameters.

        `values` has ``radius`` (nm), ``width`` and what shape and structure have free.
        """
        weights = lattice_weights(
            self.family,
            float(np.log(values["radius"])),
            values["width"],
            lowest_power=self.kernel.shape.lowest_power,
            power=self.kernel.shape.volume_power,
        )
        own = {name: values[name] for name in self.kernel.shape.free}
        if self.structure is None:
            return self.kernel.slopes(weights.level, weights.first, weights.table, own)
        columns, slopes = self._interfering(weights, own, values)
        # A shape gives no slopes by size: those with interference are by differences.
        for name, value in own.items():
            step = _STEP * max(abs(value), _STEP)
            up = self._interfering(weights, own | {name: value + step}, values)[0][:, 0]
            down = self._interfering(weights, own | {name: value - step}, values)[0][:, 0]
            slopes[name] = (up - down) / (2.0 * step)
        return columns, slopes

    def _interfering(
        self, weights: Weights, own: Values, values: Values
    ) -> tuple[Array, dict[str, Array]]:
        if self.structure is not None and self.structure.approximation == "decoupling":
            return self._decoupled(self.structure, weights, own, values)
        return self._local(weights, own, values)

    def _local(
        self, weights: Weights, own: Values, values: Values
    ) -> tuple[Array, dict[str, Array]]:
        """Each particle among others of its own size (Pedersen 1994)."""
        matrix = self.kernel.matrix(weights.level, weights.first, len(weights.table), own)
        known = self.kernel.shape.stated | dict(own)
        radius = self._sphere_radius(weights.radius, known)
        if self.structure is None:
            return matrix @ weights.table, {}
        s = self.structure.factor(self.kernel.q[:, None], radius[None, :], values)
        share = weights.table[:, 0]
        slopes = {name: (matrix * slope) @ share for name, slope in s.slopes.items()}
        return (matrix * s.value) @ weights.table, slopes

    def _decoupled(
        self, structure: StructureFactor, weights: Weights, own: Values, values: Values
    ) -> tuple[Array, dict[str, Array]]:
        """Sizes independent of places (Kotlarchyk & Chen 1983)."""
        shape, radius, table = self.kernel.shape, weights.radius, weights.table
        known = shape.stated | dict(own)
        plain = self.kernel.apply(weights.level, weights.first, table, own)
        lattice = Lattice(weights.level, weights.first, len(table))
        amplitude = shape.amplitude(self.kernel.q, lattice, known)
        if amplitude is None:
            return np.full_like(plain, np.nan), {
                quantity.name: plain[:, 0] * np.nan for quantity in structure.quantities
            }
        # Per volume of all particles: their number, their amplitudes, their volume.
        number = (1.0 / shape.reference_volume(radius, known)) @ table
        total = amplitude @ table
        volume = shape.volume(radius, known) @ table
        mean = float(np.cbrt(_SPHERE * volume[0] / number[0]))
        s = structure.factor(self.kernel.q, np.full(self.kernel.q.size, mean), values)
        coherent = CONTRAST_UNIT * total[:, 0] ** 2 / number[0]
        by_mean = (volume[1:] / volume[0] - number[1:] / number[0]) / 3.0
        columns = plain.copy()
        columns[:, 0] += coherent * (s.value - 1.0)
        for k in (1, 2):
            with np.errstate(divide="ignore", invalid="ignore"):
                turned = 2.0 * CONTRAST_UNIT * total[:, 0] * total[:, k] / number[0]
            turned = turned - coherent * number[k] / number[0]
            columns[:, k] += turned * (s.value - 1.0)
            columns[:, k] += coherent * s.by_log_radius * by_mean[k - 1]
        return columns, {name: coherent * slope for name, slope in s.slopes.items()}

    def _sphere_radius(self, radius: Array, known: Values) -> Array:
        shape = self.kernel.shape
        volume = shape.reference_volume(radius, known) * shape.volume(radius, known)
        result: Array = np.cbrt(_SPHERE * volume)
        return result
