"""The line of crystals that are spheres, all of one diameter or lognormal: exact, no Voigt.

Offsets from the Bragg position are in 1/nm of s* = 2 sin θ/λ = 1/d; lines have area 1 per 1/nm.

A sphere of diameter D shifted by L covers the part V(L) = 1 - 3L/(2D) + L³/(2D³) of itself, and its
line is the transform of V (Stokes & Wilson, Proc. Camb. Phil. Soc. 38 (1942) 313; Guinier, X-ray
Diffraction (1963) chapter 5):

I(s) = 2 ∫₀ᴰ V(L) cos(2πsL) dL = D f(2πsD),   f(y) = 3/y² - 6 sin y/y³ + 6 (1 - cos y)/y⁴

f(0) = 3/4, so L_vol = 3/4 D. Crystals diffract by their volume: for a lognormal number
distribution (median D_m, ln D with standard deviation σ) the line is the mean of I with weight D³,
which is lognormal again, with median D_m exp(3σ²). L_vol = 3/4 ⟨D⁴⟩/⟨D³⟩ = 3/4 ⟨D⟩ exp(3σ²) and
L_area = 2/3 ⟨D³⟩/⟨D²⟩ = 2/3 ⟨D⟩ exp(2σ²) with ⟨D⟩ = D_m exp(σ²/2) (Popa & Balzar, J. Appl. Cryst.
35 (2002) 338, section 2).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from xrdkit.errors import SpecError

Array = NDArray[np.float64]

#: Widest distribution: beyond, one crystal in a million holds most of the volume.
SIGMA_LARGEST = 1.0
#: Below this argument f is its series: the closed form loses digits as y⁻⁴.
_SERIES_BELOW = 0.5
#: Nodes of the mean over ln D: the trapezoidal rule over ±7σ errs by less than 1e-9 here.
_REACH, _STEP = 7.0, 0.1
#: A change of phase with ln D/σ beyond which oscillations of neighbouring nodes mean nothing, and
#: the argument beyond which they are too weak to matter; they are left out there.
_UNRESOLVED, _FAR = 50.0, 2500.0
#: Phase in units of σ at which the sizes have averaged all oscillation away, and the argument at
#: which that of one size is below 1e-6 of the top: there the table ends.
_CANCELLED, _END = 9.0, 250.0
#: Growth of the steps of the table.
_GRID = 0.02


def sphere_function(y: Array) -> tuple[Array, Array]:
    """Return f(y) and df/dy of the module's formula; arguments of any sign."""
    y = np.abs(np.asarray(y, dtype=np.float64))
    small = y < _SERIES_BELOW
    far = np.where(small, 1.0, y)
    sine, versine = np.sin(far), 1.0 - np.cos(far)
    value = 3.0 / far**2 - 6.0 * sine / far**3 + 6.0 * versine / far**4
    slope = (
        -6.0 / far**3 - 6.0 * np.cos(far) / far**3 + 24.0 * sine / far**4 - 24.0 * versine / far**5
    )
    # 2∫V(t) cos(yt) dt = Σ (-1)ᵏ y²ᵏ/(2k)! 2∫V t²ᵏ dt, the moment being 3/((2k+1)(2k+2)(2k+4)) · 2
    series, series_slope, power = np.zeros_like(y), np.zeros_like(y), np.ones_like(y)
    near = np.where(small, y, 0.0)
    factorial = 1.0
    for k in range(8):
        moment = 6.0 / ((2 * k + 1) * (2 * k + 2) * (2 * k + 4))
        term = (-1.0) ** k * moment / factorial
        series += term * power
        # d/dy y²ᵏ = 2k y²ᵏ⁻¹, of the next power by the last one
        following = (-1.0) ** (k + 1) * 6.0 / ((2 * k + 3) * (2 * k + 4) * (2 * k + 6))
        factorial *= (2 * k + 1) * (2 * k + 2)
        series_slope += following / factorial * (2 * k + 2) * power * near
        power = power * near**2
    return np.where(small, series, value), np.where(small, series_slope, slope)


def column_lengths(mean_diameter: float, sigma: float) -> tuple[float, float]:
    """Return L_vol and L_area in nm of lognormal spheres of number-mean diameter ⟨D⟩ in nm.

    Raises SpecError for a diameter that is not positive or sigma outside 0 to 1.
    """
    _check(mean_diameter, sigma)
    return (
        float(0.75 * mean_diameter * np.exp(3.0 * sigma**2)),
        float(2.0 / 3.0 * mean_diameter * np.exp(2.0 * sigma**2)),
    )


def lognormal_sphere_fourier(length: Array, mean_diameter: float, sigma: float) -> Array:
    """Return the Fourier coefficient A(L) of the line, the mean of V(L) with weight D³; A(0) = 1.

    `length` L ≥ 0 in nm, any shape; `mean_diameter` ⟨D⟩ in nm and `sigma` of ln D are those of the
    number distribution. In closed form: with Φ the normal distribution function and
    z_k = (ln(D_m/L) + kσ²)/σ,
    A = Φ(z₃) - 3/2 (L/D_m) e^(-5σ²/2) Φ(z₂) + 1/2 (L/D_m)³ e^(-9σ²/2) Φ(z₀).
    For σ = 0, V(L) itself. Raises SpecError as `column_lengths`.
    """
    _check(mean_diameter, sigma)
    ratio = np.asarray(length, dtype=np.float64) / (mean_diameter * np.exp(-0.5 * sigma**2))
    if sigma == 0:
        inside = np.minimum(ratio, 1.0)
        return np.asarray(1.0 - 1.5 * inside + 0.5 * inside**3)
    with np.errstate(divide="ignore"):
        log = -np.log(ratio)
    parts = [ndtr((log + k * sigma**2) / sigma) for k in (3, 2, 0)]
    return np.asarray(
        parts[0]
        - 1.5 * ratio * np.exp(-2.5 * sigma**2) * parts[1]
        + 0.5 * np.where(parts[2] > 0, ratio, 0.0) ** 3 * np.exp(-4.5 * sigma**2) * parts[2]
    )


@dataclass(frozen=True, kw_only=True)
class SphereLine:
    """The line of one `sigma` as a table over x = s ⟨D⟩, from which any ⟨D⟩ is interpolated.

    g(x) = I/⟨D⟩ depends on `sigma` alone. Made by `sphere_line`; the error of the cubic Hermite
    interpolation is below 3e-6 of g(0).
    """

    sigma: float
    """Standard deviation of ln D."""
    scale: float
    """Nodes are x = scale sinh(0.02 k), k = 0, 1, ..."""
    table: Array
    """g, dg/dx, ∂g/∂σ, ∂²g/∂σ∂x at the nodes, shape (4, nodes)."""
    tail: Array
    """Beyond the last node g = tail[0] x⁻² + tail[1] x⁻⁴; rows value and ∂/∂σ, shape (2, 2)."""

    def reduced(self, x: Array) -> tuple[Array, Array, Array]:
        """Return g, dg/dx and ∂g/∂σ at x = s ⟨D⟩ of any sign, each of the shape of `x`."""
        x = np.asarray(x, dtype=np.float64)
        a = np.abs(x)
        last = self.table.shape[1] - 1
        end = self.scale * np.sinh(_GRID * last)
        k = np.minimum((np.arcsinh(a / self.scale) / _GRID).astype(np.intp), last - 1)
        left = self.scale * np.sinh(_GRID * k)
        step = self.scale * np.sinh(_GRID * (k + 1)) - left
        t = np.minimum((a - left) / step, 1.0)
        g = _hermite(t, step, *(self.table[i, j] for j in (k, k + 1) for i in (0, 1)))
        by_sigma = _hermite(t, step, *(self.table[i, j] for j in (k, k + 1) for i in (2, 3)))[0]
        far = np.where(a > end, a, 1.0)
        value, slope = g
        beyond = (
            self.tail[:, 0, None] * far.ravel() ** -2 + self.tail[:, 1, None] * far.ravel() ** -4
        )
        fall = -2.0 * self.tail[0, 0] * far**-3 - 4.0 * self.tail[0, 1] * far**-5
        outside = a > end
        return (
            np.where(outside, beyond[0].reshape(a.shape), value),
            np.where(outside, fall, slope) * np.sign(x),
            np.where(outside, beyond[1].reshape(a.shape), by_sigma),
        )

    def density(self, s_offset: Array, mean_diameter: float) -> Array:
        """Return the line at offsets in 1/nm for ⟨D⟩ in nm, in nm; area 1."""
        return mean_diameter * self.reduced(np.asarray(s_offset) * mean_diameter)[0]

    def slopes(self, s_offset: Array, mean_diameter: float) -> tuple[Array, Array, Array, Array]:
        """Return the line and its derivatives by offset, by ⟨D⟩ and by σ (⟨D⟩ held)."""
        x = np.asarray(s_offset) * mean_diameter
        g, slope, by_sigma = self.reduced(x)
        return (
            mean_diameter * g,
            mean_diameter**2 * slope,
            g + x * slope,
            mean_diameter * by_sigma,
        )


def sphere_line(sigma: float) -> SphereLine:
    """Return the table of the line of lognormal spheres; 0 is one size.

    It takes some milliseconds. Raises SpecError for sigma outside 0 to 1.
    """
    _check(1.0, sigma)
    scale = float(np.exp(-5.0 * sigma))
    last = min(_END, _CANCELLED / max(sigma, 1e-9)) / (2.0 * np.pi * np.exp(2.5 * sigma**2))
    last = max(last, 4.0) * np.exp(5.0 * sigma)
    nodes = scale * np.sinh(_GRID * np.arange(int(np.arcsinh(last / scale) / _GRID) + 2))
    u = np.arange(-_REACH, _REACH + 0.5 * _STEP, _STEP)
    weight = np.exp(-0.5 * u**2)
    weight /= weight.sum()
    if sigma == 0:
        u, weight = np.zeros(1), np.ones(1)
    # ln(D/⟨D⟩) = 5σ²/2 + σu under the weight of volume; its derivative by σ is 5σ + u.
    ratio = np.exp(2.5 * sigma**2 + sigma * u)[:, None]
    by = (5.0 * sigma + u)[:, None]
    y = 2.0 * np.pi * ratio * nodes
    f, df, second = _resolved(y, sigma)
    w = weight[:, None]
    # I/⟨D⟩ = E[r f(2πxr)]; d/dσ of r is r·by.
    table = np.stack(
        [
            (w * ratio * f).sum(axis=0),
            (w * 2.0 * np.pi * ratio**2 * df).sum(axis=0),
            (w * by * ratio * (f + y * df)).sum(axis=0),
            (w * by * 2.0 * np.pi * ratio**2 * (2.0 * df + y * second)).sum(axis=0),
        ]
    )
    return SphereLine(sigma=float(sigma), scale=scale, table=table, tail=_tail(sigma))


def lognormal_sphere_line(s_offset: Array, mean_diameter: float, sigma: float) -> Array:
    """Return the line of lognormal spheres at offsets from the Bragg position, area 1.

    s_offset: 1/nm of 1/d, any shape; mean_diameter: number mean ⟨D⟩ in nm; sigma: standard
    deviation of ln D, 0 to 1 (0: one size). The result is in nm. Formula and sources: the module.
    For derivatives and many diameters keep a `sphere_line`. Raises SpecError as `column_lengths`.
    """
    _check(mean_diameter, sigma)
    return sphere_line(sigma).density(s_offset, mean_diameter)


def _resolved(y: Array, sigma: float) -> tuple[Array, Array, Array]:
    """Return f, df/dy and d²f/dy², the oscillating terms left out where nodes do not resolve them.

    From y⁴f = 3y² - 6y sin y + 6(1 - cos y) differentiated twice.
    """
    f, df = sphere_function(y)
    smooth = (y * sigma > _UNRESOLVED) | (y > _FAR)
    small = y < _SERIES_BELOW
    far = np.where(small, 1.0, y)
    source = 6.0 + 6.0 * far * np.sin(far) - 6.0 * np.cos(far)
    second = (source - 8.0 * far**3 * df - 12.0 * far**2 * f) / far**4
    series, power, factorial = np.zeros_like(y), np.ones_like(y), 1.0
    for k in range(1, 8):
        factorial *= (2 * k - 1) * (2 * k)
        moment = 6.0 / ((2 * k + 1) * (2 * k + 2) * (2 * k + 4))
        series += (-1.0) ** k * moment / factorial * 2 * k * (2 * k - 1) * power
        power = power * np.where(small, y, 0.0) ** 2
    return (
        np.where(smooth, 3.0 / far**2 + 6.0 / far**4, f),
        np.where(smooth, -6.0 / far**3 - 24.0 / far**5, df),
        np.where(smooth, 18.0 / far**4 + 120.0 / far**6, np.where(small, series, second)),
    )


def _tail(sigma: float) -> Array:
    """Return the coefficients of x⁻² and x⁻⁴ and their derivatives by σ: E[r⁻¹], E[r⁻³]."""
    rows = []
    for power, factor in ((-1, 3.0 / (2.0 * np.pi) ** 2), (-3, 6.0 / (2.0 * np.pi) ** 4)):
        exponent = 2.5 * power + 0.5 * power**2
        value = factor * np.exp(exponent * sigma**2)
        rows.append((value, 2.0 * exponent * sigma * value))
    return np.array(rows).T


def _hermite(
    t: Array, step: Array, a: Array, da: Array, b: Array, db: Array
) -> tuple[Array, Array]:
    """Return the cubic through two values and slopes, and its derivative."""
    u = 1.0 - t
    value = (1 + 2 * t) * u**2 * a + t * u**2 * step * da + t**2 * (3 - 2 * t) * b
    value -= t**2 * u * step * db
    slope = 6 * t * u * (b - a) / step + u * (1 - 3 * t) * da + t * (3 * t - 2) * db
    return value, slope


def _check(mean_diameter: float, sigma: float) -> None:
    if not (np.isfinite(mean_diameter) and mean_diameter > 0):
        raise SpecError(f"a mean diameter must be above 0 nm, not {mean_diameter}")
    if not 0 <= sigma <= SIGMA_LARGEST:
        raise SpecError(f"sigma of a lognormal distribution must be 0 to 1, not {sigma}")
