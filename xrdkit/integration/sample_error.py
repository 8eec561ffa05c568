"""What the errors of a calibration do to maps over two components of the scattering vector.

A cell of the map holds pixels of q + δq in both components, and its intensity is off by

    e_m = (∂I/∂q_1) <δq_1> + (∂I/∂q_2) <δq_2> - I <δ ln w>

for the error δ of every principal component m of the geometry, with averages over the pixels.
"""

from dataclasses import replace

import numpy as np

from xrdkit.integration.assignment import Array
from xrdkit.integration.geometry_error import GeometryError, geometry_error
from xrdkit.integration.reduction import Reduction
from xrdkit.integration.sample_frame import Component
from xrdkit.integration.sources import Source
from xrdkit.integration.spec import IntegrationSpec
from xrdkit.integration.weights import Plan
from xrdkit.uncertainty import COMMON


def with_geometry(
    reduction: Reduction,
    seen: tuple[Component, Component],
    spec: IntegrationSpec,
    shift: Array | None,
) -> tuple[Reduction, Array | None]:
    """Return a reduction with the errors of its calibration, and the error of the other component.

    `seen` are the component of the radial bins and the other one, `spec` says which corrections
    follow the geometry, `shift` is the parallax. The error of the other component in every bin is
    in 1/nm; without a covariance it is None, and nothing is changed.
    """
    plan, shape = reduction.plan, reduction.shape
    own, other = (geometry_error(one, shape, spec, plan, shift) for one in seen)
    if own is None or other is None:
        return reduction, None
    rows = max(plan.azimuth_bins, 1)
    here, there = (_mean(plan, v) for v in seen[0].components(shape, shift=shift))
    budgets = []
    for net, budget in zip(reduction.intensity, reduction.budgets, strict=True):
        variance = budget.sources[0].error ** 2
        first = _signed(own, here, net, variance, rows)
        # Column by column; the change of the weights counts once.
        moves = other.radial.reshape(-1, rows, plan.bins // rows)
        turned = GeometryError(
            radial=np.swapaxes(moves, 1, 2).reshape(other.radial.shape),
            weight=np.zeros(other.weight.shape),
        )
        columns = plan.bins // rows
        place, level, noise = (_turned(v, rows) for v in (there, net, variance))
        across = _signed(turned, place, level, noise, columns)
        second = [_turned(row, columns) for row in across]
        sources = [
            Source(
                name=f"geometry_{m + 1}",
                error=first[m] + second[m],
                between_bins=COMMON,
                between_frames=COMMON,
            )
            for m in range(len(first))
        ]
        budgets.append(replace(budget, sources=(*budget.sources, *sources)))
    return replace(reduction, budgets=tuple(budgets), geometry=own), other.sigma


def of_cut(cut: Reduction, cells: Reduction) -> Reduction:
    """Return a cut with the errors of the geometry of the `cells` that it adds up.

    The cut alone does not know how the intensity changes across it.
    """
    rows = max(cells.plan.azimuth_bins, 1)
    if cells.geometry is None:
        return cut
    budgets = []
    for whole, parts, sums in zip(cut.budgets, cells.budgets, cells.sums, strict=True):
        known = {s.name for s in whole.sources}
        sources = [
            replace(s, error=_added(s.error, sums.norm, rows))
            for s in parts.sources
            if s.name not in known
        ]
        budgets.append(replace(whole, sources=(*whole.sources, *sources)))
    norm = cells.plan.whole.norms[-1]
    geometry = cells.geometry
    return replace(
        cut,
        budgets=tuple(budgets),
        geometry=GeometryError(
            radial=_added(geometry.radial, norm, rows), weight=_added(geometry.weight, norm, rows)
        ),
    )


def _added(values: Array, norm: Array, rows: int) -> Array:
    """Return the mean of values (..., rows · n) over the rows, weighted with `norm` (rows · n,)."""
    weight = norm.reshape(rows, -1)
    total = weight.sum(axis=0)
    parts = weight * np.nan_to_num(values).reshape(*values.shape[:-1], *weight.shape)
    out = np.full((*values.shape[:-1], total.size), np.nan)
    return np.divide(parts.sum(axis=-2), total, out=out, where=total > 0)


def _signed(
    error: GeometryError, position: Array, net: Array, variance: Array, rows: int
) -> list[Array]:
    """Return the signed error by component, each row of the map a profile of its own."""
    out = np.zeros(error.radial.shape)
    for one in np.split(np.arange(net.size), rows):
        row = GeometryError(radial=error.radial[:, one], weight=error.weight[:, one])
        for m, values in enumerate(
            row.on_intensity(position[one], net[one], variance[one]).values()
        ):
            out[m, one] = values
    return list(out)


def _turned(values: Array, rows: int) -> Array:
    """Return the values of a map with `rows` rows, column by column."""
    return values.reshape(rows, -1).T.ravel()


def _mean(plan: Plan, values: Array) -> Array:
    """Return the weighted mean of `values` (y, x) over the pixels of each bin; NaN without any."""
    at = plan.usable
    weight = plan.weight[at]
    place = plan.first[at]
    total = np.bincount(place, weight * values.ravel()[at], plan.bins)
    norm = np.bincount(place, weight, plan.bins)
    return np.divide(total, norm, out=np.full(plan.bins, np.nan), where=norm > 0)
