"""Particles of a shape with a distribution of sizes, with or without interference.

I(q) = a Σ_j w_j G_j(q) [S(q, R_j)], w_j the shares of volume of a distribution on nodes ln R_j and
G the kernel of the shape (`xrdkit.saxs.shapes`): a = φΔρ² in (1e10 1/cm²)², or φ of shapes with
contrasts of their own. S enters by the local monodisperse approximation or by decoupling
(`xrdkit.saxs.structure_factors`), with the radius of the sphere of the particle's volume.
Golden number: spheres, a = 1, R = 5, s = 0.005, q = 0.001: 0.1 (4π/3) 125 exp(9s²/2)(1 - q²R²/5) =
52.3655.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from xrdkit.errors import SpecError
from xrdkit.saxs.checks import is_number
from xrdkit.saxs.families import FAMILIES, FamilyName
from xrdkit.saxs.kernel import Kernel, kernel
from xrdkit.saxs.models.component import Array, Component, Curve, Derived, Values
from xrdkit.saxs.models.particle_numbers import particle_numbers
from xrdkit.saxs.models.particle_sums import ParticleSums
from xrdkit.saxs.quantity import Given, Parameter, Quantity
from xrdkit.saxs.shapes import Shape, Sphere
from xrdkit.saxs.structure_factors import StructureFactor

_WIDTHS = (0.06, 0.15, 0.35)
_SPHERE = Sphere()
#: Start values of what structure factors have, and of lengths in radii.
_STARTS: dict[str, tuple[float, ...]] = {
    "effective_volume_fraction": (0.08, 0.3),
    "stickiness": (0.15, 0.5),
    "well_width": (0.05,),
    "radius_ratio": (1.0,),
    "fractal_dimension": (1.8, 2.5),
    "correlation_length": (3.0, 12.0),
}
_LENGTHS = ("correlation_length",)
#: Contrasts that a shape may have of its own.
_CONTRASTS = ("core_contrast", "shell_contrast")


@dataclass(frozen=True, kw_only=True)
class Particles(Component):
    """Particles with a distribution of sizes."""

    kind = "particles"
    ordered_by = "radius"

    shape: Shape = _SPHERE
    """Their shape; what it has free is fitted."""
    distribution: FamilyName = "lognormal"
    """Family of the distribution of sizes."""
    structure: StructureFactor | None = None
    """Interference between them; None: dilute."""
    contrast: float | None = None
    """Difference of scattering length density to the matrix, 1e10 1/cm²; for the volume fraction,
    of shapes without contrasts of their own."""
    contrast_sigma: float = 0.0
    """Standard error of `contrast`, 1e10 1/cm²."""
    core_contrast_sigma: float = 0.0
    """Standard error of the contrast of the core, 1e10 1/cm², of shapes that have one."""
    shell_contrast_sigma: float = 0.0
    """Standard error of the contrast of the shell, 1e10 1/cm², where it is not fitted."""
    amount: Given = None
    """a = φΔρ², (1e10 1/cm²)², or φ of shapes with contrasts of their own."""
    radius: Given = None
    """Where the distribution of R lies, nm: volume-weighted median of a lognormal, mean of a
    Schulz distribution, number-weighted mode of a Gaussian and mean of ``"lsw"``."""
    width: Given = None
    """Its relative width s: of ln R, over the mean, over the mode; ``"lsw"`` has none of its
    own."""

    def __post_init__(self) -> None:
        if not isinstance(self.shape, Shape):
            raise SpecError(f"shape is {self.shape!r:.60}, not a Shape", hint="shape=Sphere()")
        if self.distribution not in FAMILIES:
            raise SpecError(
                f"distribution is {self.distribution!r}, not one of {', '.join(FAMILIES)}"
            )
        if self.structure is not None and not isinstance(self.structure, StructureFactor):
            raise SpecError(f"a {type(self.structure).__name__} is no structure factor")
        if self.contrast is not None and (self.shape.own_contrast or not self.contrast):
            raise SpecError("contrast is 0, or the shape has contrasts of its own")
        if self.contrast_sigma < 0:
            raise SpecError(f"contrast_sigma {self.contrast_sigma!r} is negative")
        for name in _CONTRASTS:
            error = getattr(self, f"{name}_sigma")
            if not (is_number(error) and error >= 0):
                raise SpecError(f"{name}_sigma {error!r} is negative or not a number")
            if error and (not hasattr(self.shape, name) or name in self.shape.free):
                raise SpecError(f"{name}_sigma: the shape has no {name}, or it is fitted")
        super().__post_init__()

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """Amount, radius and width, what the shape has free, and the structure factor."""
        family = FAMILIES[self.distribution]
        low, high = family.width_range
        width = Quantity(
            name="width",
            unit="1",
            what="relative width of the distribution of R",
            low=low,
            high=high,
            start=None if family.has_width else low,
            vary=family.has_width,
            scale="log",
        )
        amount = AMOUNT_OWN if self.shape.own_contrast else AMOUNT
        structure = () if self.structure is None else self.structure.quantities
        return (amount, RADIUS, width, *self._shape_quantities(), *structure)

    def stated(self, name: str) -> Parameter:
        """Return what the user states of a parameter, here, in the shape or the structure."""
        if name in ("amount", "radius", "width"):
            return super().stated(name)
        if self.structure is not None and name in {q.name for q in self.structure.quantities}:
            return self.structure.stated(name)
        return Parameter(value=self.shape.stated.get(name))

    def curve(self, q: Array, values: Values) -> Curve:
        """Return the intensity and its derivatives."""
        sums = ParticleSums(
            kernel(q, shape=self.shape), FAMILIES[self.distribution], self.structure
        )
        columns, slopes = sums.columns(values)
        amount = values["amount"]
        found = {
            "amount": columns[:, 0],
            "radius": amount * columns[:, 1] / values["radius"],
            "width": amount * columns[:, 2] / values["width"],
        }
        found |= {name: amount * slope for name, slope in slopes.items()}
        return Curve(amount * columns[:, 0], found)

    def common(self, q: Array, values: Values) -> list[Array]:
        """Return what one standard error of each contrast of the shape does to the intensity."""
        found = []
        for name in _CONTRASTS:
            error = getattr(self, f"{name}_sigma")
            if error:
                high, low = (
                    replace(self, shape=replace(self.shape, **{name: contrast}))  # type: ignore[type-var]  # all shapes are dataclasses
                    for contrast in (
                        getattr(self.shape, name) + 0.5 * error,
                        getattr(self.shape, name) - 0.5 * error,
                    )
                )
                found.append(high.curve(q, values).value - low.curve(q, values).value)
        return found

    def rough(self, q: Array, values: Values) -> Curve:
        """Return the slope by the amount, with S of the middle radius in place of all."""
        if self.structure is None:
            return self.curve(q, values)
        own = tuple((name, values[name]) for name in self.shape.free)
        plain = _plain(
            kernel(q, shape=self.shape), self.distribution, values["radius"], values["width"], own
        )
        s = self.structure.factor(q, np.full(q.size, values["radius"]), values)
        return Curve(values["amount"] * plain * s.value, {"amount": plain * s.value})

    def candidates(self, q: Array) -> list[dict[str, float]]:
        """Return radii and widths, with start values of shape and structure for each."""
        low, high = math.log(0.3 * math.pi / q.max()), math.log(2.0 * math.pi / q.min())
        found: list[dict[str, float]] = []
        # What is free beside the size multiplies the grid: it is coarser then.
        coarse = bool(self.shape.free)
        for s in (0.2,) if coarse else _WIDTHS:
            # Ripples of a narrow distribution move out of step within one width.
            for place in np.arange(low, high, 0.2 if coarse else max(1.2 * s, 0.1)):
                found.append({"radius": math.exp(place), "width": s})
        for name in self.shape.free:
            values = [self.shape.stated[name]] if name in self.shape.stated else None
            found = _crossed(found, name, values or self.shape.guesses(name, q))
        if self.structure is not None:
            for quantity in self.structure.quantities:
                if self.structure.stated(quantity.name).value is None and quantity.vary:
                    starts = _STARTS[quantity.name]
                    found = _crossed(found, quantity.name, starts[:1] if coarse else starts)
        return found

    def derived(self, values: Values) -> dict[str, Derived]:
        """Return means and widths of the sizes, and the volume fraction."""
        return particle_numbers(
            self.shape,
            FAMILIES[self.distribution],
            values,
            contrast=self.contrast,
            contrast_sigma=self.contrast_sigma,
        )

    def _shape_quantities(self) -> tuple[Quantity, ...]:
        return tuple(
            Quantity(
                name=p.name,
                unit=p.units,
                what=p.what,
                low=p.low,
                high=p.high,
                scale="log" if p.low > 0 else "linear",
            )
            for p in self.shape.parameters
            if p.free
        )


@lru_cache(maxsize=1024)
def _plain(
    sums: Kernel, family: str, radius: float, width: float, own: tuple[tuple[str, float], ...]
) -> Array:
    """Return the intensity per amount without interference, for starts of any interference."""
    values = {"radius": radius, "width": width, **dict(own)}
    return ParticleSums(sums, FAMILIES[family], None).columns(values)[0][:, 0]


def _crossed(
    found: list[dict[str, float]], name: str, values: Sequence[float]
) -> list[dict[str, float]]:
    return [
        one | {name: value * one["radius"] if name in _LENGTHS else value}
        for one in found
        for value in values
    ]


AMOUNT = Quantity(
    name="amount",
    unit="1e20/cm^4",
    what="volume fraction times squared contrast φΔρ²",
    low=0.0,
    amplitude=True,
)
AMOUNT_OWN = Quantity(name="amount", unit="1", what="volume fraction φ", low=0.0, amplitude=True)
RADIUS = Quantity(
    name="radius", unit="nm", what="where the distribution of R lies", low=0.0, scale="log"
)
