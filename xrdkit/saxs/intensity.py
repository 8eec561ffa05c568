"""Absolute scattering of polydisperse particles: the forward model for users and simulations."""

import numpy as np
from numpy.typing import ArrayLike

from xrdkit.errors import SpecError
from xrdkit.saxs.distribution import Array, lattice_weights
from xrdkit.saxs.kernel import Kernel
from xrdkit.saxs.lognormal import Lognormal
from xrdkit.saxs.shapes.named import shape_of
from xrdkit.saxs.shapes.shape import Shape


def sphere_intensity(
    q: ArrayLike,
    *,
    median_number: float,
    width: float,
    volume_fraction: float,
    contrast: float,
) -> Array:
    """Return the differential cross section of dilute lognormal spheres, 1/cm, shape of `q`.

    `q` in 1/nm (positive, one dimension); `median_number` is the number-weighted median radius in
    nm; `width` the standard deviation of ln R (0.005 to 1.2); `volume_fraction` their share of the
    volume; `contrast` the difference of scattering length density in 1e10 1/cm² (1e-6 1/Å²).

    I(q) = φ Δρ² ∫ f_v(R) V(R) P(qR) dR, f_v the volume-weighted lognormal density. Exact to better
    than 1e-8 of the smooth part. Raises SpecError for values outside these ranges.
    """
    return particle_intensity(
        q,
        median_number=median_number,
        width=width,
        volume_fraction=volume_fraction,
        contrast=contrast,
    )


def particle_intensity(
    q: ArrayLike,
    *,
    shape: str | Shape = "sphere",
    median_number: float,
    width: float,
    volume_fraction: float,
    contrast: float | None = None,
) -> Array:
    """Return the differential cross section of dilute particles, 1/cm, shape of `q`.

    As `sphere_intensity`; `shape` is a name or a shape (`xrdkit.saxs.shapes`) with all it has
    besides R stated; `volume_fraction` is that of whole particles. `contrast` is None for a shape
    that has its own. Raises SpecError for values outside the ranges, and for a shape or contrast
    that is not complete.
    """
    axis = np.asarray(q, dtype=np.float64)
    if axis.ndim != 1 or axis.size == 0 or not np.all((axis > 0) & np.isfinite(axis)):
        raise SpecError("q must be positive and one-dimensional, in 1/nm")
    low, high = Lognormal.width_range
    if not low <= width <= high:
        raise SpecError(f"width {width} is outside {low} to {high}")
    if not (median_number > 0 and np.isfinite(median_number)):
        raise SpecError(f"median_number {median_number} nm is not positive")
    if not 0 <= volume_fraction <= 1:
        raise SpecError(f"volume_fraction {volume_fraction} is outside 0 to 1")
    particle = shape_of(shape)
    missing = [p.name for p in particle.parameters if p.value is None]
    if missing:
        raise SpecError(f"shape {particle.label}: {', '.join(missing)} is not stated")
    if (contrast is None) != particle.own_contrast:
        raise SpecError(
            "contrast is missing" if contrast is None else f"{particle.label} has its own contrast"
        )
    location = float(np.log(median_number)) + particle.volume_power * width**2
    weights = lattice_weights(
        Lognormal(),
        location,
        width,
        lowest_power=particle.lowest_power,
        power=particle.volume_power,
        least_level=particle.least_level(axis, median_number),
    )
    share = np.ascontiguousarray(weights.table[:, 0])
    whole = float(share @ particle.volume(weights.radius, particle.stated))
    column = Kernel(axis, shape=particle).apply(
        weights.level, weights.first, share, particle.stated
    )
    return volume_fraction * (1.0 if contrast is None else contrast**2) / whole * column
