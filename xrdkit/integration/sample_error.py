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
from xrdkit.uncertainty import COMMON


def with_geometry(
    reduction: Reduction,
    seen: tuple[Component, Component],
    across: Array,
    spec: IntegrationSpec,
    shift: Array | None,
) -> tuple[Reduction, Array | None]:
    """Return a reduction with the errors of its calibration, and the error of the other component.

    `seen` are the component of the radial bins and the other one, `across` the edges on the latter
    (1/nm), `spec` says which corrections follow the geometry, `shift` is the parallax. The error of
    the other component in every bin is in 1/nm; without a covariance it is None, and nothing is
    changed.
    """
    plan, shape = reduction.plan, reduction.shape
    own, other = (geometry_error(one, shape, spec, plan, shift) for one in seen)
    if own is None or other is None:
        return reduction, None
    rows = across.size - 1
    here, there = (0.5 * (e[:-1] + e[1:]) for e in (plan.edges, across))
    budgets = []
    for net, budget in zip(reduction.intensity, reduction.budgets, strict=True):
        variance = budget.sources[0].error ** 2
        first = _signed(here, _map(own.radial, rows), _map(own.weight, rows), net, variance)
        turned = np.swapaxes(_map(other.radial, rows), 1, 2)
        second = _signed(
            there, turned, np.zeros(turned.shape), _turned(net, rows), _turned(variance, rows)
        )
        sources = [
            Source(
                name=f"geometry_{m + 1}",
                error=(first[m] + second[m].T).ravel(),
                between_bins=COMMON,
                between_frames=COMMON,
            )
            for m in range(len(first))
        ]
        budgets.append(replace(budget, sources=(*budget.sources, *sources)))
    return replace(reduction, budgets=tuple(budgets), geometry=own), other.sigma


def _signed(position: Array, moves: Array, weights: Array, net: Array, variance: Array) -> Array:
    """Return the signed error by component, shape (m, rows, n), each row a profile of its own.

    `position` (n,) are the places of the bins, `moves` and `weights` (m, rows, n) the shifts of
    position and weight, `net` and `variance` (rows · n,) the intensities.
    """
    out = np.zeros(moves.shape)
    flat = (moves.shape[1], position.size)
    for k, (row, noise) in enumerate(zip(net.reshape(flat), variance.reshape(flat), strict=True)):
        shifts = GeometryError(radial=moves[:, k], weight=weights[:, k])
        for m, error in enumerate(shifts.on_intensity(position, row, noise).values()):
            out[m, k] = error
    return out


def _map(values: Array, rows: int) -> Array:
    return values.reshape(len(values), rows, values.shape[1] // rows)


def _turned(values: Array, rows: int) -> Array:
    """Return the values of a map with `rows` rows, column by column."""
    return values.reshape(rows, -1).T.ravel()
