"""Sphere of radius R in a shell of thickness t.

F = (Δρ_c - Δρ_s) V_c f(qR) + Δρ_s V_t f(q(R + t)), V f(qr) = 4π(sin x - x cos x)/q³ with x = qr
(Guinier & Fournet, Small-Angle Scattering of X-rays, 1955, p. 25); V_c and V_t are the volumes of
core and whole particle. The core radius R is distributed, with the volume of the core as reference
volume; the shell is the same on all. Volume fractions are those of whole particles.

With F = α sin qR + β cos qR the mean over one ripple is (α² + β²)/2:
α = 4π/q³ [Δρ_c - Δρ_s + Δρ_s (cos qt + q(R + t) sin qt)],
β = 4π/q³ [-(Δρ_c - Δρ_s) qR + Δρ_s (sin qt - q(R + t) cos qt)].
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, cast

import numpy as np

from xrdkit.compiled import compiled
from xrdkit.errors import SpecError
from xrdkit.saxs.shapes.lattice import FADE_WIDTH, Array, Lattice, fade_centre
from xrdkit.saxs.shapes.shape import CONTRAST_UNIT, Shape, ShapeParameter, Values, check_value
from xrdkit.saxs.shapes.sphere import sphere_amplitude, sphere_volume

_THINNEST, _THICKEST = 0.0, 1e4
_MOST_CONTRAST = 1e4
_TRANSITION = math.sqrt(2.0) * FADE_WIDTH


def _ball(q: float, r: float, sine: float, cosine: float) -> float:
    """Return V f(qr), of sin qr and cos qr."""
    x = q * r
    if x < 0.03:
        square = x * x
        return 4.0 / 3.0 * math.pi * r**3 * (1.0 - square / 10.0 + square * square / 280.0)
    return 4.0 * math.pi * (sine - x * cosine) / q**3


_ball_compiled = cast(Callable[[float, float, float, float], float], compiled()(_ball))


def _elements(
    q: Array,
    radius: Array,
    particle: tuple[float, float, float],
    centre: float,
    slopes: bool,
    out: Array,
    by_thickness: Array,
    by_contrast: Array,
) -> None:
    core, shell, t = particle
    begun = math.exp(centre - 8.0 * FADE_WIDTH)
    for i in range(q.size):
        qi = q[i]
        sine_t, cosine_t = math.sin(qi * t), math.cos(qi * t)
        front = 4.0 * math.pi / qi**3
        for j in range(radius.size):
            r = radius[j]
            x, y = qi * r, qi * (r + t)
            sine, cosine = math.sin(x), math.cos(x)
            sine_y = sine * cosine_t + cosine * sine_t
            cosine_y = cosine * cosine_t - sine * sine_t
            inner = _ball_compiled(qi, r, sine, cosine)
            outer = _ball_compiled(qi, r + t, sine_y, cosine_y)
            f = (core - shell) * inner + shell * outer
            volume = 4.0 / 3.0 * math.pi * r**3
            share, mean = 1.0, 0.0
            if x > begun:
                share = 0.5 * math.erfc((math.log(x) - centre) / _TRANSITION)
                a = front * (core - shell + shell * (cosine_t + y * sine_t))
                b = front * ((shell - core) * x + shell * (sine_t - y * cosine_t))
                mean = 0.5 * (a * a + b * b)
            out[i, j] = CONTRAST_UNIT * (mean + share * (f * f - mean)) / volume
            if not slopes:
                continue
            rise = 4.0 * math.pi * (r + t) ** 2 * shell
            rise *= sine_y / y if y > 1e-4 else 1.0 - y * y / 6.0
            first, second = 2.0 * f * rise, 2.0 * f * (outer - inner)
            if x > begun:
                mean = front * shell * qi * y * (a * cosine_t + b * sine_t)
                first = mean + share * (first - mean)
                mean = a * front * (cosine_t + y * sine_t - 1.0)
                mean += b * front * (x + sine_t - y * cosine_t)
                second = mean + share * (second - mean)
            by_thickness[i, j] = CONTRAST_UNIT * first / volume
            by_contrast[i, j] = CONTRAST_UNIT * second / volume


_elements_compiled = cast(
    Callable[[Array, Array, tuple[float, float, float], float, bool, Array, Array, Array], None],
    compiled()(_elements),
)


@dataclass(frozen=True, kw_only=True)
class CoreShell(Shape):
    """Spherical cores, their radius distributed, in shells of one thickness."""

    lowest_power: ClassVar[int] = -3
    radius_is: ClassVar[str] = "core radius"

    is_quick: ClassVar[bool] = True

    name: Literal["core_shell"] = "core_shell"
    """Name of the shape."""
    core_contrast: float
    """Scattering length density of the core less that of the matrix, 1e10 1/cm²."""
    shell_contrast: float
    """The same of the shell: the start of the fit, or the value where it is not fitted."""
    fit_shell_contrast: bool = False
    """Whether the contrast of the shell is fitted; that of the core sets the scale."""
    shell_thickness: float | None = None
    """Thickness of the shell, nm: the start of the fit, or the value where it is not fitted. None:
    found."""
    fit_shell_thickness: bool = True
    """Whether the thickness is fitted."""

    def __post_init__(self) -> None:
        for name in ("core_contrast", "shell_contrast"):
            free = name == "shell_contrast" and self.fit_shell_contrast
            value = getattr(self, name)
            if value is None:
                raise SpecError(f"{name} is missing", hint="contrasts are in 1e10 1/cm²")
            check_value(name, value, free, -_MOST_CONTRAST, _MOST_CONTRAST, "1e10 1/cm²")
        if self.core_contrast == 0 and (self.shell_contrast == 0 or self.fit_shell_contrast):
            raise SpecError("core_contrast is 0: then shell_contrast sets the scale and is given")
        free = self.fit_shell_thickness
        check_value("shell_thickness", self.shell_thickness, free, _THINNEST, _THICKEST, "nm")

    @property
    def label(self) -> str:
        """Name of the shape."""
        return self.name

    @property
    def own_contrast(self) -> bool:
        """True: those of core and shell."""
        return True

    @property
    def parameters(self) -> tuple[ShapeParameter, ...]:
        """Thickness and contrast of the shell."""
        return (
            ShapeParameter(
                name="shell_thickness",
                units="nm",
                what="thickness of the shell",
                value=self.shell_thickness,
                free=self.fit_shell_thickness,
                low=_THINNEST,
                high=_THICKEST,
            ),
            ShapeParameter(
                name="shell_contrast",
                units="1e10/cm^2",
                what="contrast of the shell with the matrix",
                value=self.shell_contrast,
                free=self.fit_shell_contrast,
                low=-_MOST_CONTRAST,
                high=_MOST_CONTRAST,
            ),
        )

    def guesses(self, name: str, q: Array) -> tuple[float, ...]:
        """Return thicknesses from a fifth of the least that q can tell to a third of the most."""
        return tuple(np.geomspace(0.2 * np.pi / q[-1], np.pi / q[0] / 3.0, 12).tolist())

    def starts(self, name: str, q: Array) -> tuple[float, ...]:
        """Return the starts of a fit; a contrast that is looked for may have either sign."""
        if name == "shell_contrast" and self.fit_shell_contrast:
            size = abs(self.core_contrast)
            return tuple(dict.fromkeys((self.shell_contrast, 0.3 * size, -0.3 * size)))
        return super().starts(name, q)

    def matrix(self, q: Array, lattice: Lattice, values: Values) -> Array:
        """Return G, shape (q, nodes)."""
        return self._matrices(q, lattice, values, slopes=False)[0]

    def slopes(
        self, q: Array, lattice: Lattice, weights: Array, values: Values
    ) -> tuple[Array, dict[str, Array]]:
        """Return Σ_j G_ij w_j and the derivatives of its first column."""
        value, by_thickness, by_contrast = self._matrices(q, lattice, values, slopes=True)
        first = np.ascontiguousarray(weights[:, 0])
        slopes = {"shell_thickness": by_thickness @ first, "shell_contrast": by_contrast @ first}
        return value @ weights, {name: slopes[name] for name in self.free}

    def _matrices(
        self, q: Array, lattice: Lattice, values: Values, *, slopes: bool
    ) -> tuple[Array, Array, Array]:
        shape = (q.size, lattice.count)
        none = shape if slopes else (0, 0)
        out = np.empty(shape), np.empty(none), np.empty(none)
        particle = self.core_contrast, values["shell_contrast"], values["shell_thickness"]
        numbers = (float(particle[0]), float(particle[1]), float(particle[2]))
        _elements_compiled(q, lattice.radius, numbers, fade_centre(lattice.step), slopes, *out)
        return out

    def amplitude(self, q: Array, lattice: Lattice, values: Values) -> Array | None:
        """Return F/V_c, 1e10 1/cm²."""
        radius, shell = lattice.radius, values["shell_contrast"]
        whole = self.volume(radius, values)
        outer = sphere_amplitude(np.outer(q, radius + values["shell_thickness"]))
        inner = sphere_amplitude(np.outer(q, radius))
        result: Array = (self.core_contrast - shell) * inner + shell * whole * outer
        return result

    def reference_volume(self, radius: Array, values: Values) -> Array:
        """Return the volume of the core."""
        return sphere_volume(radius)

    def volume(self, radius: Array, values: Values) -> Array:
        """Return (1 + t/R)³."""
        result: Array = (1.0 + values["shell_thickness"] / radius) ** 3
        return result

    def square(self, radius: Array, values: Values) -> Array:
        """Return Δρ_c² + Δρ_s² (V_t/V_c - 1)."""
        shell = values["shell_contrast"] ** 2 * (self.volume(radius, values) - 1.0)
        return self.core_contrast**2 + shell

    def forward(self, radius: Array, values: Values) -> Array:
        """Return 0.1 F(0)²/V_c."""
        return CONTRAST_UNIT * sphere_volume(radius) * self._mean(radius, values) ** 2

    def gyration(self, radius: Array, values: Values) -> Array:
        """Return (3/5) [(Δρ_c - Δρ_s) V_c R² + Δρ_s V_t (R + t)²]/F(0)."""
        shell = values["shell_contrast"]
        inner = (self.core_contrast - shell) * radius**2
        outer = shell * self.volume(radius, values) * (radius + values["shell_thickness"]) ** 2
        return 0.6 * (inner + outer) / self._mean(radius, values)

    def _mean(self, radius: Array, values: Values) -> Array:
        """Return F(0)/V_c."""
        return self.core_contrast + values["shell_contrast"] * (self.volume(radius, values) - 1.0)

    def surface(self, radius: Array, values: Values) -> Array:
        """Return 3 (R + t)²/R³."""
        result: Array = 3.0 * (radius + values["shell_thickness"]) ** 2 / radius**3
        return result
