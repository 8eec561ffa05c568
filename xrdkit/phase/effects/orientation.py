"""Preferred orientation of crystallites about the normal of the sample.

March and Dollase (J. Appl. Cryst. 19 (1986) 267): the line of planes at the angle α to the oriented
axis is stronger by ⟨(r² cos² α + sin² α / r)^(-3/2)⟩, the mean over equivalent planes.

Harmonics (Järvinen, J. Appl. Cryst. 26 (1993) 525): 1 + Σ C_lk K_lk(h), with K_lk the spherical
harmonics of even order l that the Laue class of the crystal leaves, of mean square 1 over the
sphere. A sample that is symmetric about its normal needs no more; for other arrangements than the
symmetric reflection the C carry a constant for each l.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import sph_harm_y

from xrdkit.phase.cell import metric
from xrdkit.phase.effects.effect import (
    Change,
    Effect,
    LineState,
    Parameter,
    Situation,
    Values,
    phase_key,
)
from xrdkit.phase.reflections import equivalents, laue_rotations

Array = NDArray[np.float64]

#: Harmonics may not make a line weaker than this: no texture does.
_WEAKEST = 1e-3
#: Directions from which the invariant harmonics are found.
_DIRECTIONS = 400


class _OfPlanes(Effect):
    """Base: numbers per plane of every line, weighted by what the plane adds to the line."""

    def __init__(self, situation: Situation) -> None:
        lines = situation.lines
        structure = situation.structure
        planes = equivalents(lines.sets, structure.operators)
        count = np.array([len(of_one) for of_one in planes], dtype=np.int64)
        self._planes = np.concatenate(planes) if planes else np.zeros((0, 3), dtype=np.int64)
        share = lines.set_strength / lines.strength[lines.set_line]
        self._share = np.repeat(share / count, count)
        of_plane = np.repeat(lines.set_line, count)
        self._first = np.searchsorted(of_plane, np.arange(len(lines.hkl)))
        self._times = len(situation.wavelength) // max(len(lines.hkl), 1)

    def _mean(self, values: Array) -> Array:
        """Return the mean of numbers of planes (planes,) for each line (n,)."""
        if values.size == 0:
            return np.zeros(0)
        return np.tile(np.add.reduceat(self._share * values, self._first), self._times)


class March(_OfPlanes):
    """One axis that is oriented."""

    def __init__(self, situation: Situation) -> None:
        """Take the angles of all planes to the axis from the cell at the start."""
        super().__init__(situation)
        own = situation.spec.of(situation.structure.name)
        self._key = phase_key(situation.phase, "march")
        self._start = own.march
        reciprocal = np.linalg.inv(metric(situation.structure.cell))
        axis = np.asarray(own.march_axis, dtype=float)
        along = self._planes @ reciprocal @ axis
        lengths = np.einsum("ni,ij,nj->n", self._planes, reciprocal, self._planes)
        self._cosine_squared = np.minimum(along**2 / (lengths * (axis @ reciprocal @ axis)), 1.0)

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return r."""
        return (
            Parameter(
                key=self._key,
                start=self._start,
                neutral=1.0,
                unit=0.1,
                free=True,
                low=0.1,
                high=10.0,
                late=True,
            ),
        )

    def _parts(self, r: float) -> tuple[Array, Array]:
        cosine, sine = self._cosine_squared, 1.0 - self._cosine_squared
        inner = r * r * cosine + sine / r
        return inner, 2.0 * r * cosine - sine / (r * r)

    def apply(self, lines: LineState, values: Values) -> None:
        """Multiply the amplitudes."""
        r = values[self._key]
        if r != 1.0:
            lines.amplitude *= self._mean(self._parts(r)[0] ** -1.5)

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return the derivative of the logarithm of the mean."""
        inner, slope = self._parts(values[key])
        return Change(amplitude=self._mean(-1.5 * inner**-2.5 * slope) / self._mean(inner**-1.5))


class Harmonics(_OfPlanes):
    """A distribution of orientations, as far as planes in reflection tell it."""

    def __init__(self, situation: Situation) -> None:
        """Find the harmonics that the symmetry leaves, and their means for every line."""
        super().__init__(situation)
        structure = situation.structure
        # Rows of the matrix are Cartesian components of the reciprocal axes.
        cartesian = np.linalg.cholesky(np.linalg.inv(metric(structure.cell)))
        order = situation.spec.of(structure.name).harmonics
        planes: Array = np.asarray(self._planes @ cartesian, dtype=float)
        self._rows: dict[str, Array] = {}
        for degree in range(2, order + 1, 2):
            for k, mixture in enumerate(_invariants(structure.operators, cartesian, degree)):
                key = phase_key(situation.phase, f"harmonic_{degree}_{k}")
                self._rows[key] = self._mean(_harmonics(planes, degree) @ mixture)

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return C_lk."""
        return tuple(
            Parameter(key=key, start=0.0, neutral=0.0, unit=0.1, free=True, late=True)
            for key in self._rows
        )

    def _factor(self, values: Values) -> tuple[Array, NDArray[np.bool_]]:
        factor = 1.0 + sum(values[key] * row for key, row in self._rows.items())
        return np.maximum(factor, _WEAKEST), np.asarray(factor > _WEAKEST)

    def apply(self, lines: LineState, values: Values) -> None:
        """Multiply the amplitudes."""
        if self._rows:
            lines.amplitude *= self._factor(values)[0]

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return the derivative of the logarithm of the factor."""
        factor, free = self._factor(values)
        return Change(amplitude=np.where(free, self._rows[key] / factor, 0.0))


def _harmonics(directions: Array, degree: int) -> Array:
    """Return the real spherical harmonics (n, 2 degree + 1) of mean square 1 over the sphere."""
    length = np.linalg.norm(directions, axis=1)
    polar = np.arccos(np.clip(directions[:, 2] / length, -1.0, 1.0))
    around = np.arctan2(directions[:, 1], directions[:, 0])
    columns = [np.real(sph_harm_y(degree, 0, polar, around))]
    for m in range(1, degree + 1):
        value = np.sqrt(2.0) * sph_harm_y(degree, m, polar, around)
        columns += [np.real(value), np.imag(value)]
    return np.sqrt(4.0 * np.pi) * np.stack(columns, axis=1)


def _invariants(operators: tuple[str, ...], cartesian: Array, degree: int) -> Array:
    """Return mixtures (k, 2 degree + 1) of harmonics that the Laue class leaves as they are."""
    random: Array = np.random.default_rng(0).normal(size=(_DIRECTIONS, 3))
    inverse = np.linalg.inv(cartesian)
    rotations = laue_rotations(operators)
    images = np.mean(
        [_harmonics(random @ (inverse @ r @ cartesian), degree) for r in rotations], axis=0
    )
    # The mean over the group as a matrix that acts on the harmonics: a projector.
    projector = np.linalg.lstsq(_harmonics(random, degree), images, rcond=None)[0]
    vectors, sizes, _ = np.linalg.svd(projector)
    return np.asarray(vectors[:, sizes > 0.5].T)
