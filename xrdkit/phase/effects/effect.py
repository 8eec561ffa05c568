"""What an effect on powder lines is: its parameters, what it does to lines, and its derivatives.

A line has an amplitude, a position, the square of a Gaussian and a Lorentzian width. Effects change
them one after another: shifts and widths add, amplitudes multiply. One effect is one file, with its
formula, units, bounds and source.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.intensity import Lines
from xrdkit.phase.spec import RefinementSpec
from xrdkit.phase.structure import Structure

Array = NDArray[np.float64]
Values = Mapping[str, float]

HALF_DEGREE = np.pi / 360.0


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A parameter of an effect and where a fit starts."""

    key: str
    """Name, unique among the parameters of a fit."""
    start: float
    """Where a fit starts."""
    neutral: float
    """Where the effect does nothing, or does what is known beforehand."""
    unit: float
    """Natural size of a change: fits see values in these units."""
    free: bool
    """Whether the fit may change it."""
    low: float = -np.inf
    """Least value."""
    high: float = np.inf
    """Largest value."""
    broadening: bool = False
    """Whether it is a width, which at 0 has no error and is then held there."""
    units: str = "1"
    """Physical unit of the values."""
    late: bool = False
    """Whether a fit frees it only when scales, shifts and cells are about right."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What effects are made for: one phase of one fit."""

    spec: RefinementSpec
    """Settings."""
    structure: Structure
    """The phase at its start."""
    phase: int
    """Number of the phase."""
    lines: Lines
    """The lines as powder_lines gives them."""
    hkl: NDArray[np.int64]
    """A reflection of each line (n, 3): those of `lines` for each emission line."""
    wavelength: Array
    """Wavelength of each line (n,), ångström."""
    mean_wavelength: float
    """Weighted mean of the emission lines, ångström."""
    emission_width: Array
    """Natural width of each line over its wavelength (n,), 0 where not known."""
    integrated: bool
    """Whether the profile was integrated from frames."""
    limits: tuple[float, float]
    """Angles between which the pattern lies, degree."""
    width: float = 0.0
    """FWHM that lines are expected to have, degree; 0: not known."""


@dataclass
class LineState:
    """Lines of one phase during one evaluation; arrays are (n,), changed by the effects."""

    angle: Array
    """Bragg angle 2θ, degree."""
    tan: Array
    """tan θ."""
    secant_squared: Array
    """1/cos² θ."""
    amplitude: Array
    """Area per unit scale."""
    position: Array
    """Where the line lies, degree."""
    gauss_squared: Array
    """Square of the Gaussian full width at half maximum, degree²."""
    lorentz: Array
    """Lorentzian full width at half maximum, degree."""
    position_by_angle: Array
    """Derivative of the position by `angle`, other than 1."""
    gauss_squared_by_angle: Array
    """Derivative of `gauss_squared` by `angle`, degree."""
    lorentz_by_angle: Array
    """Derivative of `lorentz` by `angle`."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """Derivatives of lines by one parameter; None stands for 0."""

    amplitude: Array | None = None
    """Of the logarithm of the amplitude."""
    position: Array | float | None = None
    """Degree per unit of the parameter."""
    gauss_squared: Array | float | None = None
    """Degree² per unit."""
    lorentz: Array | float | None = None
    """Degree per unit."""


class Effect:
    """Base of the effects; does nothing."""

    def __init__(self, situation: Situation) -> None:
        """Take what the effect needs to know of `situation`."""

    def parameters(self, *, width: float) -> Sequence[Parameter]:
        """Return the parameters for a start with lines of FWHM `width`, degree."""
        return ()

    def apply(self, lines: LineState, values: Values) -> None:
        """Change `lines` as the parameters `values` say."""

    def change(self, lines: LineState, values: Values, key: str) -> Change:
        """Return the derivatives of `lines` by the parameter `key`, one of this effect."""
        return Change()


def phase_key(phase: int, name: str) -> str:
    """Return the name of a parameter of phase number `phase`."""
    return f"phase{phase}_{name}"
