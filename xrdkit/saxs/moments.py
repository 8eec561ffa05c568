"""Moments of a sum of distributions, with derivatives by every parameter.

Means by volume weigh a size by the volume of its whole particles, means by number by their number;
bin-wise division by R³ is never used. The scattering-weighted radius of gyration is that of the
whole curve, Rg² = Σ F(0)² Rg_j²/Σ F(0)² (Guinier & Fournet, Small-Angle Scattering of X-rays,
1955): for spheres (3/5) <R⁵>/<R³> with volume-weighted means.
"""

from collections.abc import Sequence

import numpy as np

from xrdkit.fitting import Values
from xrdkit.saxs.amounts import Derived, Property, Sum, sums
from xrdkit.saxs.distribution import Array
from xrdkit.saxs.particles import Particles
from xrdkit.saxs.shapes.shape import Shape


def _volume(power: int) -> Property:
    def of(shape: Shape, radius: Array, values: Values) -> Array:
        return shape.volume(radius, values) * radius**power

    return of


def _number(power: int) -> Property:
    def of(shape: Shape, radius: Array, values: Values) -> Array:
        return radius**power / shape.reference_volume(radius, values)

    return of


def _square(shape: Shape, radius: Array, values: Values) -> Array:
    return shape.square(radius, values)


def _forward(shape: Shape, radius: Array, values: Values) -> Array:
    return shape.forward(radius, values)


def _inertia(shape: Shape, radius: Array, values: Values) -> Array:
    return shape.forward(radius, values) * shape.gyration(radius, values)


def _surface(shape: Shape, radius: Array, values: Values) -> Array:
    return shape.surface(radius, values)


#: name -> (g, whether populations are counted by volume rather than by scattering)
_SUMS: dict[str, tuple[Property, bool]] = {
    "volume": (_volume(0), True),
    "volume 1": (_volume(1), True),
    "volume 2": (_volume(2), True),
    "number": (_number(0), True),
    "number 1": (_number(1), True),
    "number 2": (_number(2), True),
    "square": (_square, False),
    "forward": (_forward, False),
    "inertia": (_inertia, False),
    "surface": (_surface, True),
}


def moments(model: Particles, values: Values, populations: Sequence[int]) -> dict[str, Derived]:
    """Return the moments of the given populations together.

    Keys are ``mean_radius_volume``, ``width_volume`` (standard deviation), ``mean_radius_number``,
    ``width_number``, ``radius_of_gyration``, all in nm, ``amplitude`` = φ<Δρ²> in (1e10 1/cm²)²,
    ``volume_fraction`` (for contrasts of 1 where one is not known), ``specific_surface`` in 1/nm
    and ``surface_per_volume``, the same times the volume fraction.
    """
    names, found = sums(model, values, populations, _SUMS)
    items = {
        "mean_radius_volume": found["volume 1"].over(found["volume"]),
        "mean_radius_number": found["number 1"].over(found["number"]),
        "radius_of_gyration": found["inertia"].over(found["forward"]).root(),
        "amplitude": found["square"],
        "volume_fraction": found["volume"],
        "specific_surface": found["surface"].over(found["volume"]),
        "surface_per_volume": found["surface"],
    }
    for name in ("volume", "number"):
        mean = items[f"mean_radius_{name}"]
        items[f"width_{name}"] = found[f"{name} 2"].over(found[name]).minus_square(mean).root()
    alike = len({type(model.components[k].shape) for k in populations}) == 1
    if not alike and not np.isfinite(items["radius_of_gyration"].value):
        # Sheets without end cannot be counted among other particles.
        for name in ("mean_radius_number", "width_number"):
            items[name] = Sum(np.nan, np.full(len(names), np.nan))
    return {
        key: Derived(item.value, dict(zip(names, (float(s) for s in item.slope), strict=True)))
        for key, item in items.items()
    }
