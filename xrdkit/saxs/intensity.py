"""Absolute scattering of polydisperse spheres: the forward model for users and simulations."""

import numpy as np
from numpy.typing import ArrayLike

from xrdkit.errors import SpecError
from xrdkit.saxs.distribution import Array, lattice_weights
from xrdkit.saxs.kernel import Kernel
from xrdkit.saxs.lognormal import Lognormal, volume_median


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
    location = float(np.log(volume_median(median_number, width)))
    weights = lattice_weights(Lognormal(), location, width, lowest_power=-1)
    kernel = Kernel(axis)
    share = kernel.apply(weights.level, weights.first, weights.table[:, 0])
    return volume_fraction * contrast**2 * share
