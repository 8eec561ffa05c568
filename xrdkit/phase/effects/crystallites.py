"""Broadening by the size and the strain of crystallites.

H_L = (2/π) (180/π) λ/L_vol / cos + (2/π) (180/π) 4 e tan        of θ
H_G² = P / cos²,  √P = 2 √(ln 2/π) (180/π) λ/L_vol

L_vol is the volume-weighted mean column length (Scherrer constant 1), e the apparent maximum strain
Δd/d: integral breadths λ/(L cos θ) and 4 e tan θ (Stokes & Wilson, Proc. Phys. Soc. 56 (1944) 174).
"""

from collections.abc import Sequence

import numpy as np

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
from xrdkit.phase.widths import gaussian_size_width, size_width, strain_width


class Size(Effect):
    """Size broadening, the same in all directions."""

    def __init__(self, situation: Situation) -> None:
        """Read which parts are free."""
        self._spec = situation.spec
        self._profile = situation.spec.size_profile_of(situation.structure.name)
        self._lorentz_key = phase_key(situation.phase, "inverse_size")
        self._gauss_key = phase_key(situation.phase, "inverse_gauss_size_squared")
        self._lorentz = size_width(situation.mean_wavelength)
        self._gauss_squared = gaussian_size_width(situation.mean_wavelength) ** 2

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return 1/L_vol (1/nm) and the square of its Gaussian part (1/nm²)."""
        spec, unit = self._spec, width / self._lorentz
        voigt = self._profile == "voigt"
        return (
            Parameter(
                key=self._lorentz_key,
                units="1/nm",
                start=0.2 * unit if spec.size else 0.0,
                neutral=0.0,
                unit=unit,
                free=spec.size,
                low=0.0,
                broadening=True,
                late=True,
            ),
            Parameter(
                key=self._gauss_key,
                units="1/nm^2",
                start=0.2 * unit**2 if voigt else 0.0,
                neutral=0.0,
                unit=unit**2,
                free=voigt,
                low=0.0,
                broadening=True,
                late=True,
            ),
        )

    def apply(self, lines: LineState, values: Values) -> None:
        """Add to both widths."""
        lorentz = self._lorentz * values[self._lorentz_key]
        secant = np.sqrt(lines.secant_squared)
        lines.lorentz += lorentz * secant
        lines.lorentz_by_angle += HALF_DEGREE * lorentz * secant * lines.tan
        squared = self._gauss_squared * values[self._gauss_key]
        if squared != 0.0:
            lines.gauss_squared += squared * lines.secant_squared
            slope = 2.0 * squared * lines.tan * lines.secant_squared
            lines.gauss_squared_by_angle += HALF_DEGREE * slope

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return degree nm, degree² nm² for the Gaussian part."""
        if key == self._lorentz_key:
            return Change(lorentz=self._lorentz * np.sqrt(lines.secant_squared))
        return Change(gauss_squared=self._gauss_squared * lines.secant_squared)


class Strain(Effect):
    """Strain broadening, the same in all directions."""

    def __init__(self, situation: Situation) -> None:
        """Read whether it is free."""
        self._free = situation.spec.strain
        self._key = phase_key(situation.phase, "strain")

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return e = Δd/d."""
        unit = width / strain_width()
        return (
            Parameter(
                key=self._key,
                start=0.1 * unit if self._free else 0.0,
                neutral=0.0,
                unit=unit,
                free=self._free,
                low=0.0,
                broadening=True,
                late=True,
            ),
        )

    def apply(self, lines: LineState, values: Values) -> None:
        """Add to the Lorentzian width."""
        strain = strain_width() * values[self._key]
        lines.lorentz += strain * lines.tan
        lines.lorentz_by_angle += HALF_DEGREE * strain * lines.secant_squared

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return degree per unit strain."""
        return Change(lorentz=strain_width() * lines.tan)
