"""Smearing as a matrix from an unsmeared model to what the instrument shows.

A ray that ends at the point q comes from √((q + v)² + u²), u along the slit, v along the scan. With
the weights W(u) and w(v)

    I_s(q) = ∫∫ W(u) w(v) I(√((q + v)² + u²)) du dv = Σ_k M_k I(q_k)

for the nodes q_k at which a model is computed, which reach as far as the rays do, to √(q_max² +
l²): no extrapolation. Integrals by Gauss and Legendre's rule, I between the nodes by polynomials of
degree 5. Slits: G. Porod & O. Kratky; pinholes: J. S. Pedersen, D. Posselt & K. Mortensen, J. Appl.
Cryst. 23 (1990) 321.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from xrdkit.errors import SpecError
from xrdkit.saxs.smearing.beam_profile import BeamProfile
from xrdkit.saxs.smearing.grid import fine_edge, interpolation, model_grid, ripple_step
from xrdkit.saxs.smearing.rays import NEAREST, along, box, gaussian, together
from xrdkit.saxs.smearing.spec import DEFAULT_CUT

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Smearing:
    """The matrix of one axis. The same settings give the same object."""

    q: Array
    """Points of the data, 1/nm, shape (n,)."""
    q_model: Array
    """Points at which the unsmeared model is computed, 1/nm, shape (m,)."""
    weights: csr_array
    """The matrix, shape (n, m), without its zeros; rows add up to 1."""
    label: str
    """What smears, in a few words."""

    def apply(self, values: Array) -> Array:
        """Return smeared curves, shape (n,) or (n, k), of `values` at `q_model`, (m,) or (m, k)."""
        result: Array = self.weights @ values
        return result

    @cached_property
    def matrix(self) -> Array:
        """The matrix, shape (n, m)."""
        result: Array = self.weights.toarray()
        return result

    @cached_property
    def digest(self) -> str:
        """SHA-256 of points and matrix."""
        total = hashlib.sha256()
        for part in (self.q, self.q_model, self.weights.data, self.weights.indices):
            total.update(np.ascontiguousarray(part).tobytes())
        return total.hexdigest()


def slit_smearing(
    q: ArrayLike,
    length: float | BeamProfile,
    *,
    flat: float | None = None,
    width: float = 0.0,
    dq: ArrayLike | None = None,
    spread: ArrayLike | None = None,
    cut: float = DEFAULT_CUT,
) -> Smearing:
    """Return the smearing by a slit: I_s(q) = (1/l)∫₀^l I(√(q²+u²)) du.

    `q` (n,), positive, in 1/nm. `length` is the half length l, or a `BeamProfile`;
    with `flat` the beam is even up to there and falls to zero at l (trapezoid). `width` is the half
    width across; `dq` and `spread` as in `pinhole_smearing`. All in 1/nm.

    Raises SpecError for what is not positive, finite or of one length.
    """
    if isinstance(length, BeamProfile):
        if flat is not None:
            raise SpecError("flat belongs to a slit length, a beam profile has its own")
        profile = length
    else:
        profile = BeamProfile.trapezoid(length if flat is None else flat, length)
    return build_smearing(q, profile=profile, width=width, dq=dq, spread=spread, cut=cut)


def pinhole_smearing(
    q: ArrayLike,
    dq: ArrayLike,
    *,
    spread: ArrayLike | None = None,
    cut: float = DEFAULT_CUT,
) -> Smearing:
    """Return the smearing by a Gaussian of standard deviation `dq` in q, cut at ± `cut` of them.

    `q` (n,), positive; `dq` a number or (n,); `spread` the standard deviation of the
    pixels within each point, which counts as two sharp points at q ± spread. All in 1/nm. What the
    cut leaves is normalised to 1. Rays come no nearer to zero than q/20: where the cut reaches
    farther, both sides are cut there.

    Raises SpecError for what is not positive, finite or of one length.
    """
    return build_smearing(q, dq=dq, spread=spread, cut=cut)


def build_smearing(
    q: ArrayLike,
    *,
    profile: BeamProfile | None = None,
    width: float = 0.0,
    dq: ArrayLike | None = None,
    spread: ArrayLike | None = None,
    cut: float = DEFAULT_CUT,
) -> Smearing:
    """Return the smearing along a slit (`profile`) and along the scan, both or one.

    Arguments and errors as in `slit_smearing` and `pinhole_smearing`.
    """
    points = np.ascontiguousarray(q, dtype=np.float64)
    if points.ndim != 1 or points.size < 1 or not np.all(np.isfinite(points)):
        raise SpecError("q of a smearing is not a row of finite numbers")
    if not np.all(points > 0):
        raise SpecError("q of a smearing is not positive")
    wide = _per_point("dq", dq, points)
    apart = _per_point("spread", spread, points)
    if not (np.isfinite(width) and width >= 0):
        raise SpecError(f"width {width} is not a number from 0 up")
    if not 1 <= cut <= 10:
        raise SpecError(f"cut {cut} is not 1 to 10 standard deviations")
    return _built(
        points.tobytes(), profile, float(width), wide.tobytes(), apart.tobytes(), float(cut)
    )


def _per_point(name: str, given: ArrayLike | None, q: Array) -> Array:
    values = np.asarray(0.0 if given is None else given, dtype=np.float64)
    if values.ndim > 1 or values.size not in (1, q.size):
        raise SpecError(f"{name} has {values.size} values, q has {q.size}")
    if not np.all(np.isfinite(values) & (values >= 0)):
        raise SpecError(f"{name} is negative or not finite")
    return np.broadcast_to(values, q.shape).copy()


@lru_cache(maxsize=4)
def _built(
    content: bytes,
    profile: BeamProfile | None,
    width: float,
    wide: bytes,
    apart: bytes,
    cut: float,
) -> Smearing:
    q, sigma, spread = (np.frombuffer(c, dtype=np.float64) for c in (content, wide, apart))
    step, edge = ripple_step(q), fine_edge(q)
    scan = [_across(*row, width, cut, step) for row in zip(q, sigma, spread, strict=True)]
    sharp = width == 0 and not sigma.any() and not spread.any()
    low = min(float(places.min()) for places, _ in scan)
    high = max(float(places.max()) for places, _ in scan)
    if profile is None:
        grid = model_grid(q, low, high)
        matrix = _rows(grid, scan)
    else:
        # Along the scan first, on nodes of its own; a sharp scan needs none.
        middle = q if sharp else model_grid(q, low, high)
        grid = model_grid(q, float(middle.min()), float(np.hypot(middle.max(), profile.reach)))
        matrix = _rows(grid, (along(float(p), profile, step, edge) for p in middle))
        if not sharp:
            matrix = csr_array(_rows(middle, scan) @ matrix)
    return Smearing(
        q=q, q_model=grid, weights=matrix, label=_label(q, profile, width, sigma, spread)
    )


def _across(
    q: float, sigma: float, spread: float, width: float, cut: float, step: float
) -> tuple[Array, Array]:
    nearest = NEAREST * q
    offsets = gaussian(sigma, min(cut * sigma, q - nearest), step)
    offsets = together(offsets, box(width, step))
    if spread > 0:
        offsets = together(offsets, (np.array([-spread, spread]), np.array([0.5, 0.5])))
    return np.maximum(np.abs(q + offsets[0]), nearest), offsets[1]


def _rows(grid: Array, rays: Iterable[tuple[Array, Array]]) -> csr_array:
    data, columns, ends = [], [], [0]
    for places, weights in rays:
        index, shares = interpolation(grid, places)
        first = int(index.min())
        row = np.bincount((index - first).ravel(), weights=(shares * weights[:, None]).ravel())
        data.append(row)
        columns.append(np.arange(first, first + row.size))
        ends.append(ends[-1] + row.size)
    return csr_array(
        (np.concatenate(data), np.concatenate(columns), np.array(ends)),
        shape=(len(ends) - 1, grid.size),
    )


def _label(q: Array, profile: BeamProfile | None, width: float, sigma: Array, spread: Array) -> str:
    parts = []
    if profile is not None:
        parts.append(f"{profile.name} of half length {profile.reach:.4g} 1/nm")
    if width:
        parts.append(f"slit of half width {width:.4g} 1/nm")
    if sigma.any():
        parts.append(f"resolution of {100 * float(np.median(sigma / q)):.2g} % of q (median)")
    if spread.any():
        parts.append("width of the bins")
    return ", ".join(parts) or "nothing"
