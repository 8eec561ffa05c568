"""Broadening that differs from reflection to reflection: anisotropic strain and ellipsoids.

Strain (Stephens, J. Appl. Cryst. 32 (1999) 281): Γ = (180/π) √(σ²(M)) tan θ/M is the FWHM in
degree of 2θ, σ²(M) = Σ S_HKL m h^H k^K l^L (`xrdkit.phase.strain_terms`), M = 1/d². Of it,

    H_L has η Γ, H_G² has (1 - η)² Γ².

σ² = (8e/π)² M² is the isotropic strain e. Where noise makes σ² negative, Γ is too, so that what a
fit finds is right on the average; within a twentieth of the width of the lines about 0 the root is
replaced by a cubic of finite slope. That negative variances are none the verdict says.

Size: ellipsoids of revolution about an axis. The column length along a direction at the angle φ to
the axis is that of the sphere they are stretched from, 1/L² = sin² φ/L_a² + cos² φ/(r L_a)², r the
length along the axis over that across it.
"""

from collections.abc import Sequence

import numpy as np

from xrdkit.errors import SpecError
from xrdkit.phase.cell import metric
from xrdkit.phase.effects.crystallites import Size
from xrdkit.phase.effects.effect import (
    HALF_DEGREE,
    Array,
    Change,
    Effect,
    LineState,
    Parameter,
    Situation,
    Values,
    phase_key,
)
from xrdkit.phase.positions import bragg_angle
from xrdkit.phase.reflections import equivalents
from xrdkit.phase.strain_terms import strain_terms
from xrdkit.phase.widths import strain_width

#: Γ over tan θ, in rad, of the isotropic strain e, over e.
STRAIN_FWHM = 8.0 / np.pi
#: Share of the width of the lines, and strain, below which the root is replaced.
_LEAST_SHARE, _LEAST_STRAIN = 0.05, 5e-6
#: Isotropic strain at the start, in units of that which makes a line as wide as those seen.
_START = 0.2
#: cos² of equivalent planes that differ by less are the same.
_SAME = 1e-6


class StephensStrain(Effect):
    """Strain broadening by the spread of the metric parameters."""

    def __init__(self, situation: Situation) -> None:
        """Find the terms that the symmetry leaves, and their size at every line."""
        structure, own = situation.structure, situation.spec.of(situation.structure.name)
        terms = strain_terms(structure.operators)
        self._keys = [phase_key(situation.phase, name) for name in terms.names]
        self._rows = dict(zip(self._keys, terms.values(situation.hkl), strict=True))
        reciprocal: Array = np.asarray(np.linalg.inv(metric(structure.cell)), dtype=float)
        self._isotropic = terms.isotropic(reciprocal)
        lengths = np.sqrt(np.diag(reciprocal))
        self._sizes = [float(np.prod(lengths ** np.array(p))) for p in terms.powers]
        self._mixing_key = phase_key(situation.phase, "strain_mixing")
        self._mixing, self._free_mixing = own.strain_mixing, own.refine_strain_mixing
        # tan θ/M = λ²/(2 sin 2θ), λ in nm.
        self._half_squared = np.degrees(0.5 * (0.1 * situation.wavelength) ** 2)
        squared = np.einsum("ni,ij,nj->n", situation.hkl, reciprocal, situation.hkl)
        tan = np.tan(np.radians(0.5 * bragg_angle(squared, situation.wavelength)))
        least = np.radians(_LEAST_SHARE * situation.width) / np.where(tan > 0, tan, 1.0)
        self._least = (np.maximum(least, STRAIN_FWHM * _LEAST_STRAIN) * squared) ** 2

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return the S_HKL (1/nm⁴) and η."""
        unit = (STRAIN_FWHM * width / strain_width()) ** 2
        table = [
            Parameter(
                key=key,
                units="1/nm^4",
                start=_START**2 * unit * isotropic,
                neutral=0.0,
                unit=unit * size,
                free=True,
                late=True,
            )
            for key, isotropic, size in zip(self._keys, self._isotropic, self._sizes, strict=True)
        ]
        mixing = Parameter(
            key=self._mixing_key,
            start=self._mixing,
            neutral=self._mixing,
            unit=0.1,
            free=self._free_mixing,
            low=0.0,
            high=1.0,
            late=True,
        )
        return [*table, mixing]

    def variance(self, values: Values) -> Array:
        """Return σ²(M) of each line (n,), 1/nm⁴; negative where the S are no variances."""
        return np.asarray(sum(values[key] * row for key, row in self._rows.items()))

    def _width(self, lines: LineState, values: Values) -> tuple[Array, Array]:
        """Return Γ (n,) in degree, negative where σ² is, and its derivative by σ²."""
        over = self.variance(values) / self._least
        root, inside = np.sqrt(np.maximum(np.abs(over), 1.0)), np.abs(over) < 1.0
        # An odd cubic of value and slope of the root where they meet.
        cubic = over * (1.25 - 0.25 * over**2)
        slope = np.where(inside, 1.25 - 0.75 * over**2, 0.5 / root)
        root = np.where(inside, cubic, np.sign(over) * root)
        least = np.sqrt(self._least)
        factor = self._half_squared * lines.secant_squared / (2.0 * lines.tan)
        return factor * least * root, factor * slope / least

    def apply(self, lines: LineState, values: Values) -> None:
        """Add to both widths."""
        if not any(values[key] for key in self._keys):
            return
        width, _ = self._width(lines, values)
        mixing = values[self._mixing_key]
        # 1/sin 2θ falls by 2 cot 2θ per rad of θ: cot 2θ = (1 - tan²)/(2 tan).
        fall = -HALF_DEGREE * (1.0 - lines.tan**2) / lines.tan
        lines.lorentz += mixing * width
        lines.lorentz_by_angle += mixing * width * fall
        if mixing < 1.0:
            squared = (1.0 - mixing) ** 2 * width * np.abs(width)
            lines.gauss_squared += squared
            lines.gauss_squared_by_angle += 2.0 * squared * fall

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return degree nm⁴ for the S, degree for η."""
        width, slope = self._width(lines, values)
        mixing = values[self._mixing_key]
        if key == self._mixing_key:
            squared = -2.0 * (1.0 - mixing) * width * np.abs(width)
            return Change(lorentz=width, gauss_squared=squared)
        wider = slope * self._rows[key]
        return Change(
            lorentz=mixing * wider, gauss_squared=2.0 * (1.0 - mixing) ** 2 * np.abs(width) * wider
        )


class Ellipsoids(Size):
    """Size broadening by ellipsoids of revolution; the size is that across their axis."""

    def __init__(self, situation: Situation) -> None:
        """Take the angles of all planes to the axis from the cell at the start."""
        super().__init__(situation)
        structure, own = situation.structure, situation.spec.of(situation.structure.name)
        self._ratio_key = phase_key(situation.phase, "size_ratio")
        self._start = own.size_ratio
        reciprocal = np.linalg.inv(metric(structure.cell))
        axis = reciprocal @ np.asarray(own.size_axis, dtype=float)
        length = float(np.asarray(own.size_axis, dtype=float) @ axis)
        hkl = situation.lines.hkl

        def along(planes: Array) -> Array:
            squared = np.einsum("ni,ij,nj->n", planes, reciprocal, planes)
            return np.minimum((planes @ axis) ** 2 / (squared * length), 1.0)

        for planes in equivalents(hkl, structure.operators):
            if np.ptp(along(planes.astype(float))) > _SAME:
                raise SpecError(
                    f"{structure.name}: planes equivalent to {tuple(map(int, planes[0]))} lie at"
                    f" different angles to size_axis {own.size_axis}: one line, several widths",
                    hint="take the axis of the symmetry; in cubic crystals there is none",
                )
        self._cosine_squared = along(situation.hkl.astype(float))

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return those of the size across the axis, and r."""
        ratio = Parameter(
            key=self._ratio_key,
            start=self._start,
            neutral=1.0,
            unit=0.1,
            free=True,
            low=0.05,
            high=20.0,
            late=True,
        )
        return [*super().parameters(width=width), ratio]

    def _factor(self, values: Values) -> Array:
        """Return 1/L over 1/L_a (n,)."""
        r = values[self._ratio_key]
        return np.asarray(np.sqrt(1.0 - self._cosine_squared * (1.0 - r**-2.0)))

    def apply(self, lines: LineState, values: Values) -> None:
        """Add to both widths."""
        factor = self._factor(values)
        wider = self._added(lines, values)
        lines.lorentz += factor * wider.lorentz
        lines.lorentz_by_angle += factor * wider.lorentz_by_angle
        lines.gauss_squared += factor**2 * wider.gauss_squared
        lines.gauss_squared_by_angle += factor**2 * wider.gauss_squared_by_angle

    def _added(self, lines: LineState, values: Values) -> LineState:
        """Return lines with the widths of spheres alone."""
        zero = np.zeros(lines.angle.size)
        bare = LineState(
            angle=lines.angle,
            tan=lines.tan,
            secant_squared=lines.secant_squared,
            amplitude=lines.amplitude,
            position=lines.position,
            gauss_squared=zero.copy(),
            lorentz=zero.copy(),
            position_by_angle=zero,
            gauss_squared_by_angle=zero.copy(),
            lorentz_by_angle=zero.copy(),
        )
        super().apply(bare, values)
        return bare

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return degree nm, degree² nm² for the Gaussian part, degree for r."""
        factor = self._factor(values)
        if key != self._ratio_key:
            plain = super().change(lines, values, key)
            lorentz = None if plain.lorentz is None else factor * plain.lorentz
            squared = None if plain.gauss_squared is None else factor**2 * plain.gauss_squared
            return Change(lorentz=lorentz, gauss_squared=squared)
        bare = self._added(lines, values)
        squared_slope = -2.0 * self._cosine_squared * values[key] ** -3.0
        return Change(
            lorentz=bare.lorentz * squared_slope / (2.0 * factor),
            gauss_squared=bare.gauss_squared * squared_slope,
        )
