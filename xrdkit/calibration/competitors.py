"""Other assignments of the rings found: other orders of the same calibrant, other calibrants."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.rings import calibrant_rings
from xrdkit.errors import SpecError

Array = NDArray[np.float64]

#: calibrants that are held against the rings of a frame, one of each lattice
COMMON = (
    "LaB6",
    "CeO2",
    "Si",
    "AgBh",
    "alpha_Al2O3",
    "Cr2O3",
    "ZnO",
    "TiO2",
    "NaCl",
    "Ni",
    "Au",
    "quartz",
    "C14H30O",
)
#: rings of a calibrant that are looked at, and how steep the outermost may be, rad
_MOST_RINGS, _STEEPEST = 80, 1.4
#: direct distances that an instrument may have, m
_NEAREST, _FARTHEST = 0.01, 30.0
#: what is within this many errors is on the ring; distances that are one
_WITHIN, _SAME = 4.0, 0.004
_TURNS = 4
_BATCH = 400


@dataclass(frozen=True, kw_only=True)
class Competitor:
    """One way to take the rings found for rings of a calibrant."""

    calibrant: str
    """Name of the calibrant."""
    distance: float
    """Direct distance at which it is meant, m."""
    orders: tuple[int, ...]
    """Ring of the calibrant (0 innermost) of each ring found; -1 where it is on none."""
    expected: int
    """Rings that the calibrant has there between the innermost and the outermost ring found."""
    absent: int
    """How many of them the frame does not show though it would show them."""
    misfit: float
    """Root mean square distance of the rings found from those of the calibrant, in errors."""
    rms_px: float
    """The same in pixels, on the plane across the beam."""

    @property
    def matched(self) -> int:
        """Rings found that lie on a ring of the calibrant."""
        return sum(order >= 0 for order in self.orders)


def competitors(
    radius: Array,
    error: Array,
    *,
    wavelength: float,
    pixel: float,
    names: Iterable[str] = COMMON,
    absent: Callable[[Array], NDArray[np.bool_]] | None = None,
    within: float = _WITHIN,
    least: float = 1.0,
) -> list[Competitor]:
    """Return the ways to take rings of `radius` for rings of the calibrants `names`, best first.

    A ring of the calibrant has the radius D tan 2θ on the plane across the beam; every pair of a
    ring found and a ring of a calibrant proposes a distance D, which is fitted to all rings on
    their nearest neighbours. Kept are distances at which a share `least` of the rings lies within
    `within` errors.

    Args:
        radius: radii of the rings found on the plane across the beam, pixel, (n,).
        error: their standard errors, pixel, (n,).
        wavelength: ångström.
        pixel: edge of the pixels, m.
        names: calibrants that are tried.
        absent: tells for radii (pixel) whether the frame shows nothing there though it would.
        within: how many errors a ring may be away.
        least: share of the rings that have to fit.

    Raises SpecError for a calibrant that is not known.
    """
    order = np.argsort(radius)
    radius, error = np.asarray(radius, float)[order], np.asarray(error, float)[order]
    found: list[Competitor] = []
    if radius.size == 0:
        return found
    for name in names:
        try:
            angle = calibrant_rings(name, wavelength).two_theta
        except SpecError as exc:
            if "not known" in exc.message:
                raise
            continue
        tangent = np.tan(angle[angle < _STEEPEST][:_MOST_RINGS])
        if tangent.size:
            found += _of_one(name, radius, error, tangent, pixel, absent, within, least)
    found.sort(key=lambda c: (-c.matched, c.absent / max(c.expected, 1) > 0.2, c.misfit))
    return found


def _of_one(
    name: str,
    radius: Array,
    error: Array,
    tangent: Array,
    pixel: float,
    absent: Callable[[Array], NDArray[np.bool_]] | None,
    within: float,
    least: float,
) -> list[Competitor]:
    distances = (radius[:, None] / tangent[None, :]).ravel()
    distances = np.unique(
        distances[(distances > _NEAREST / pixel) & (distances < _FARTHEST / pixel)]
    )
    kept: list[Competitor] = []
    fitted = [_fitted(part, radius, error, tangent, within) for part in _batches(distances)]
    if not fitted:
        return kept
    distance = np.concatenate([part[0] for part in fitted])
    away = np.concatenate([part[1] for part in fitted])
    nearest = np.concatenate([part[2] for part in fitted])
    on = np.abs(away) <= within * error
    # Two rings found cannot be one ring of the calibrant.
    on[:, 1:] &= ~((np.diff(nearest, axis=1) == 0) & on[:, :-1])
    number = on.sum(axis=1)
    misfit = np.sqrt(np.sum(np.where(on, away / error, 0.0) ** 2, axis=1) / np.maximum(number, 1))
    good = np.flatnonzero(number >= max(2, least * radius.size))
    for k in good[np.lexsort((misfit[good], -number[good]))]:
        if any(abs(np.log(distance[k] * pixel / other.distance)) < _SAME for other in kept):
            continue
        first, last = np.flatnonzero(on[k])[[0, -1]]
        between = slice(int(nearest[k, first]), int(nearest[k, last]) + 1)
        there = distance[k] * tangent[between]
        missing = 0 if absent is None else int(np.count_nonzero(absent(there)))
        kept.append(
            Competitor(
                calibrant=name,
                distance=float(distance[k] * pixel),
                orders=tuple(
                    int(n) if held else -1 for n, held in zip(nearest[k], on[k], strict=True)
                ),
                expected=there.size,
                absent=missing,
                misfit=float(misfit[k]),
                rms_px=float(np.sqrt(np.sum(np.where(on[k], away[k], 0.0) ** 2) / number[k])),
            )
        )
    return kept


def _batches(values: Array) -> list[Array]:
    return [values[k : k + _BATCH] for k in range(0, values.size, _BATCH)]


def _fitted(
    distance: Array, radius: Array, error: Array, tangent: Array, within: float
) -> tuple[Array, Array, NDArray[np.intp]]:
    """Return distances (m,), radii less those of the nearest rings (m, n), and which those are."""
    between = 0.5 * (tangent[1:] + tangent[:-1])
    weight = 1.0 / error**2
    distance = distance.copy()
    for turn in range(_TURNS):
        nearest = np.searchsorted(between, radius / distance[:, None])
        place = tangent[nearest]
        away = radius - distance[:, None] * place
        if turn == _TURNS - 1:
            break
        # Rings far off, at first from the scale of a single one, have no say.
        reach = within * error * (4.0 if turn == 0 else 2.0)
        held = weight * (np.abs(away) < reach)
        top = np.sum(held * radius * place, axis=1)
        bottom = np.sum(held * place**2, axis=1)
        distance = np.where(bottom > 0, top / np.maximum(bottom, 1e-300), distance)
    return distance, away, nearest
