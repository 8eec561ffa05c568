"""What the covariance of a calibration does to the axis and to the intensity of a profile.

The geometry errs by δ with covariance C = Σ_m v_m v_mᵀ. A bin then holds pixels of r - (∂r/∂p) δ,
counted with weights w that are too large by (∂w/∂p) δ, and its intensity is off by

    e_m = -(dI/dr) <∂r/∂p> v_m - I <∂ ln w/∂p> v_m

with averages over the pixels of the bin; the sign of v_m is arbitrary. First order: a centre that
is off by a little leaves the mean of a full ring in place.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdkit.geometry import PARAMETERS, Calibration
from xrdkit.integration.assignment import Array, Shape
from xrdkit.integration.spec import IntegrationSpec
from xrdkit.integration.weights import Plan

#: Principal components weaker than this share of the strongest say nothing.
_NEGLIGIBLE = 1e-12


@dataclass(frozen=True, kw_only=True)
class GeometryError:
    """Effect of each principal component of the geometry's error on K bins."""

    radial: Array
    """Shift of the mean radial coordinate, in the unit of the axis, shape (m, K)."""
    weight: Array
    """Relative change of the weights, shape (m, K)."""

    @property
    def sigma(self) -> Array:
        """Standard error of the radial coordinate of the bins, shape (K,)."""
        return np.sqrt(np.sum(self.radial**2, axis=0))

    def on_intensity(self, position: Array, intensity: Array, variance: Array) -> dict[str, Array]:
        """Return the signed error of the intensity by component, each of shape (K,).

        `position` are the places of the points, `variance` that of their intensities from counting.
        """
        slope = _slope(position, intensity, variance)
        errors = -slope * self.radial - intensity * self.weight
        return {f"geometry_{k + 1}": row for k, row in enumerate(errors)}


def geometry_error(
    calibration: Calibration, shape: Shape, spec: IntegrationSpec, plan: Plan, shift: Array | None
) -> GeometryError | None:
    """Return the effect of the errors of `calibration` on the bins; None where they are unknown."""
    if calibration.covariance is None:
        return None
    whole = plan.whole
    with np.errstate(invalid="ignore", divide="ignore"):
        per_norm = np.where(whole.pixels > 0, 1.0 / whole.norms[-1], np.nan)
    radial, weight = [], []
    for component in _components(np.asarray(calibration.covariance, dtype=np.float64)):
        up, down = _moved(calibration, component), _moved(calibration, -component)
        change = 0.5 * (
            up.radial(shape, spec.unit, shift=shift) - down.radial(shape, spec.unit, shift=shift)
        )
        radial.append(_mean(plan, change.ravel()) * per_norm)
        ratio = np.zeros(shape)
        if spec.solid_angle and "solid_angle" not in spec.without:
            ratio += 0.5 * np.log(up.solid_angle(shape) / down.solid_angle(shape))
        if spec.polarization is not None and "polarization" not in spec.without:
            f = spec.polarization
            ratio += 0.5 * np.log(up.polarization(shape, f) / down.polarization(shape, f))
        weight.append(_mean(plan, ratio.ravel()) * per_norm)
    empty = np.zeros((0, plan.bins))
    return GeometryError(
        radial=np.stack(radial) if radial else empty, weight=np.stack(weight) if weight else empty
    )


def _components(covariance: Array) -> list[Array]:
    """Return vectors v with Σ v vᵀ the covariance, strongest first in units of the errors."""
    size = np.sqrt(np.diag(covariance))
    safe = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(covariance / np.outer(safe, safe))
    order = np.argsort(values)[::-1]
    keep = [k for k in order if values[k] > _NEGLIGIBLE * values[order[0]]]
    return [vectors[:, k] * np.sqrt(values[k]) * size for k in keep]


def _moved(calibration: Calibration, step: Array) -> Calibration:
    changes = {
        name: getattr(calibration, name) + float(d)
        for name, d in zip(PARAMETERS, step, strict=True)
    }
    return dataclasses.replace(calibration, covariance=None, **changes)


def _mean(plan: Plan, values: Array) -> Array:
    """Return Σ a w x over all usable pixels of each bin."""
    usable = plan.usable
    share, pointer = plan.assignment.share, plan.assignment.pointer
    finite = np.where(np.isfinite(values), values, 0.0) * plan.weight
    if not plan.is_split:
        return _sum(plan.first[usable], finite[usable], plan.bins)
    counts = np.diff(pointer)[usable]
    owner = np.repeat(usable, counts)
    start = np.repeat(np.cumsum(counts) - counts, counts)
    step = np.arange(owner.size) - start
    place = plan.first[owner].astype(np.int64) + step
    return _sum(place, share[pointer[owner] + step] * finite[owner], plan.bins)


def _sum(place: NDArray[Any], values: Array, bins: int) -> Array:
    return np.bincount(place, values, bins).astype(np.float64)


def _slope(position: Array, intensity: Array, variance: Array) -> Array:
    """Return dI/dr; a cake is taken row by row, each beginning where the positions fall."""
    ends = np.flatnonzero(np.diff(position) <= 0) + 1
    rows = np.split(np.arange(position.size), ends)
    return np.concatenate([_row_slope(position[k], intensity[k], variance[k]) for k in rows])


def _row_slope(position: Array, intensity: Array, variance: Array) -> Array:
    """Return dI/dr by central differences, less what their noise alone would give.

    The square of a noisy slope is too large by its variance on average; it is taken off, so that
    weak data do not claim an error of geometry that is the noise of their counts.
    """
    slope = np.full(intensity.size, np.nan)
    good = np.flatnonzero(np.isfinite(intensity) & np.isfinite(position))
    if good.size < 2:
        return np.where(np.isfinite(intensity), 0.0, np.nan)
    r, y, v = position[good], intensity[good], variance[good]
    left = np.maximum(np.arange(good.size) - 1, 0)
    right = np.minimum(np.arange(good.size) + 1, good.size - 1)
    step = r[right] - r[left]
    safe = np.where(step != 0, step, 1.0)
    rise = np.where(step != 0, (y[right] - y[left]) / safe, 0.0)
    noise = (v[right] + v[left]) / safe**2
    square = np.maximum(rise**2 - noise, 0.0)
    slope[good] = np.sign(rise) * np.sqrt(square)
    return slope
