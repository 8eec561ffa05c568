"""Broadening by crystals that are spheres of lognormal diameters.

The line of such crystals is the sum of four (`xrdkit.phase.sphere_components`): each line stands
for its components, of which this effect sets shares and widths. With w the width of a component at
L_vol = 1, offsets of s* = 2 sin θ/λ are offsets of 2θ by ds* = cos θ d(2θ)/λ:

H = (180/π) w λ/L_vol / cos θ,       L_vol = 3/4 ⟨D⁴⟩/⟨D³⟩ = 3/4 ⟨D⟩ exp(3σ²)

Popa & Balzar, J. Appl. Cryst. 35 (2002) 338.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.effects.effect import (
    HALF_DEGREE,
    Change,
    Effect,
    LineState,
    Parameter,
    Situation,
    Values,
    phase_key,
)
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.sphere_components import (
    COMPONENTS,
    GAUSSIANS,
    SIGMA_MOST,
    SphereComponents,
    sphere_components,
)
from xrdkit.phase.widths import size_width

Array = NDArray[np.float64]

#: FWHM of a Lorentzian over that of a sphere line of the same L_vol, about.
_NARROWER = 0.7
_VARIANCE_UNIT = 0.04


def component_count(spec: RefinementSpec, name: str) -> int:
    """Return how many lines stand for one of the phase `name`."""
    return COMPONENTS if spec.size_profile_of(name) == "lognormal" else 1


class Spheres(Effect):
    """Size broadening by lognormal spheres; lines come as all of each component in turn."""

    def __init__(self, situation: Situation) -> None:
        """Read what is free."""
        spec, name = situation.spec, situation.structure.name
        self._size_key = phase_key(situation.phase, "inverse_size")
        self._variance_key = phase_key(situation.phase, "size_variance")
        self._variance = spec.size_sigma_of(name) ** 2
        self._free = spec.size and spec.refine_size_sigma
        self._lorentz = size_width(situation.mean_wavelength)
        self._degrees = np.degrees(0.1 * situation.mean_wavelength)
        number = len(situation.wavelength)
        self._component = np.repeat(np.arange(COMPONENTS), number // COMPONENTS)
        self._is_gauss = self._component < GAUSSIANS

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return 1/L_vol (1/nm) and the variance σ² of ln D."""
        unit = width / self._lorentz
        return (
            Parameter(
                key=self._size_key,
                units="1/nm",
                start=_NARROWER * unit,
                neutral=0.0,
                unit=unit,
                free=True,
                low=0.0,
                broadening=True,
                late=True,
            ),
            Parameter(
                key=self._variance_key,
                start=max(self._variance, 0.25 * _VARIANCE_UNIT) if self._free else self._variance,
                neutral=self._variance,
                unit=_VARIANCE_UNIT,
                free=self._free,
                low=0.0,
                high=SIGMA_MOST**2,
                broadening=self._free,
                late=True,
            ),
        )

    def apply(self, lines: LineState, values: Values) -> None:
        """Share the lines among the components and add to their widths."""
        parts = sphere_components(values[self._variance_key])
        lines.amplitude *= COMPONENTS * parts.share[self._component]
        width = self._width(parts.width, lines) * values[self._size_key]
        by_angle = HALF_DEGREE * width * lines.tan
        lines.gauss_squared += np.where(self._is_gauss, width**2, 0.0)
        lines.gauss_squared_by_angle += np.where(self._is_gauss, 2.0 * width * by_angle, 0.0)
        lines.lorentz += np.where(self._is_gauss, 0.0, width)
        lines.lorentz_by_angle += np.where(self._is_gauss, 0.0, by_angle)

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return degree nm, degree² nm; by the variance the change of the shares too."""
        parts = sphere_components(values[self._variance_key])
        inverse = values[self._size_key]
        width = self._width(parts.width, lines)
        if key == self._size_key:
            return self._broader(width * inverse, width)
        slope = inverse * self._width(parts.width_slope, lines)
        return self._broader(width * inverse, slope, self._amplitude(parts))

    def _width(self, of_component: Array, lines: LineState) -> Array:
        """Return widths for L_vol = 1 nm in degree."""
        secant = np.sqrt(lines.secant_squared)
        return np.asarray(self._degrees * of_component[self._component] * secant)

    def _amplitude(self, parts: SphereComponents) -> Array:
        return np.asarray(parts.share_slope[self._component])

    def _broader(self, width: Array, slope: Array, amplitude: Array | None = None) -> Change:
        return Change(
            amplitude=amplitude,
            gauss_squared=np.where(self._is_gauss, 2.0 * width * slope, 0.0),
            lorentz=np.where(self._is_gauss, 0.0, slope),
        )
