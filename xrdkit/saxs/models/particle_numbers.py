"""Means, widths and amounts of particles, with derivatives by radius, width and amount."""

import math

import numpy as np
from numpy.typing import NDArray

from xrdkit.saxs.distribution import Family, lattice_weights
from xrdkit.saxs.models.component import Derived, Values
from xrdkit.saxs.shapes import Shape

Array = NDArray[np.float64]


def particle_numbers(
    shape: Shape,
    family: Family,
    values: Values,
    *,
    contrast: float | None,
    contrast_sigma: float,
) -> dict[str, Derived]:
    """Return what follows from the distribution of one kind of particles, by name.

    `values` has ``amount``, ``radius`` (nm) and ``width``. Means weighted by volume and by number,
    standard deviations, the scattering-weighted radius of gyration, the volume fraction.
    """
    power = shape.volume_power
    location = math.log(values["radius"])
    weights = lattice_weights(family, location, values["width"], lowest_power=-power, power=power)
    radius, table = weights.radius, weights.table
    known = shape.stated | {name: values[name] for name in shape.free}
    found: dict[str, Derived] = {}

    def add(name: str, number: tuple[float, Array], unit: str, what: str) -> None:
        slope = number[1]
        gradient = {
            "radius": float(slope[0]) / values["radius"],
            "width": float(slope[1]) / values["width"],
        }
        found[name] = Derived(number[0], gradient, unit, what)

    def mean(of: Array, by: Array) -> tuple[float, Array]:
        above, below = (of * by) @ table, by @ table
        ratio = float(above[0] / below[0])
        return ratio, (above[1:] - ratio * below[1:]) / below[0]

    def root(number: tuple[float, Array]) -> tuple[float, Array]:
        size = math.sqrt(max(number[0], 0.0))
        return size, number[1] / (2.0 * size) if size > 0 else 0.0 * number[1]

    for label, by in (("volume", np.ones_like(radius)), ("number", radius**-power)):
        first, second = mean(radius, by), mean(radius**2, by)
        what = f"{label}-weighted"
        add(f"mean_radius_{label}", first, "nm", f"{what} mean radius")
        spread = (second[0] - first[0] ** 2, second[1] - 2.0 * first[0] * first[1])
        add(f"width_{label}", root(spread), "nm", f"{what} standard deviation of the radius")
    gyration = shape.gyration(radius, known)
    if np.all(np.isfinite(gyration)):
        square = mean(gyration, shape.forward(radius, known))
        what = "scattering-weighted radius of gyration"
        add("radius_of_gyration", root(square), "nm", what)
    amount = values["amount"]
    if shape.own_contrast:
        whole = mean(shape.volume(radius, known), np.ones_like(radius))
        add("volume_fraction", (amount * whole[0], amount * whole[1]), "1", "volume fraction")
        found["volume_fraction"].gradient["amount"] = whole[0]
    elif contrast is not None:
        fraction = amount / contrast**2
        found["volume_fraction"] = Derived(
            fraction,
            {"amount": 1.0 / contrast**2},
            "1",
            "volume fraction",
            extra=abs(2.0 * fraction * contrast_sigma / contrast),
        )
    return found
