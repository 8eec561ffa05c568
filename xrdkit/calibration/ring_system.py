"""Concentric rings of a frame before their calibrant is known: centre and radii."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.angle import on_detector
from xrdkit.calibration.unassisted_centre import centre_votes, sharpened
from xrdkit.calibration.unassisted_ridges import RidgePoints
from xrdkit.geometry import Detector

Array = NDArray[np.float64]

_CENTRES = 6
#: points beyond which more tell nothing new
_MOST = 2500
_AGREES = 0.95
#: half width of the range of radii that is one ring, and of that around it, in steps of the ridges
_INSIDE, _AROUND = 3.0, 25.0
#: a ring has this many points, and this many times as many as chance puts there
_FEWEST, _STANDS_OUT = 12, 3.0
#: tilt moves rings that are taken for circles by up to this share of the radius
_TILTED = 0.003


@dataclass(frozen=True, kw_only=True)
class RingSystem:
    """Circles about one centre."""

    centre: tuple[float, float]
    """Where they are centred on the detector, (y, x) in units of `pixel`."""
    radius: Array
    """Their radii, innermost first, in units of `pixel`."""
    error: Array
    """How closely these are known if the detector is tilted by a few degree."""
    pixel: float
    """Edge of the pixels, m: the geometric mean of both."""
    share: float
    """Share of all points on ridges that lies on these circles."""


def ring_system(
    ridges: RidgePoints, shape: tuple[int, int], detector: Detector
) -> RingSystem | None:
    """Return the circles on which most `ridges` of a frame of `shape` lie; None where none are.

    The detector is taken to be untilted.
    """
    if len(ridges) < 2 * _FEWEST:
        return None
    pixel = math.sqrt(detector.pixel_size_y * detector.pixel_size_x)
    p1, p2 = on_detector(ridges.y, ridges.x, shape, detector)
    points = np.column_stack([p1, p2]) / pixel
    normals = np.column_stack(
        [
            ridges.normal_y * (-1 if detector.rows_reversed else 1) / detector.pixel_size_y,
            ridges.normal_x * (-1 if detector.columns_reversed else 1) / detector.pixel_size_x,
        ]
    )
    normals /= np.hypot(normals[:, 0], normals[:, 1])[:, None]
    if len(points) > _MOST:
        chosen = np.random.default_rng(0).choice(len(points), _MOST, replace=False)
        points, normals = points[chosen], normals[chosen]
    best: RingSystem | None = None
    for place in centre_votes(points, normals, _CENTRES):
        centre, _ = sharpened(place, points, normals)
        found = _circles(centre, points, normals, float(ridges.step), pixel)
        if found is not None and (best is None or found.share > best.share):
            best = found
    return best


def _circles(
    centre: Array, points: Array, normals: Array, step: float, pixel: float
) -> RingSystem | None:
    away = points - centre
    distance = np.hypot(away[:, 0], away[:, 1])
    agrees = np.abs(np.sum(away * normals, axis=1)) > _AGREES * distance
    left = np.sort(distance[agrees])
    every = left.copy()
    radii, errors, held = [], [], 0
    inside, around = _INSIDE * step, _AROUND * step
    while left.size >= _FEWEST:
        ends = np.searchsorted(left, left + inside)
        k = int(np.argmax(ends - np.arange(left.size)))
        group = left[k : ends[k]]
        middle = float(np.median(group))
        near = int(np.count_nonzero(np.abs(every - middle) < around))
        chance = max(near - int(group.size), 0) * inside / (2 * around)
        if group.size < max(float(_FEWEST), _STANDS_OUT * chance):
            break
        radii.append(middle)
        errors.append(float(group.std()) / math.sqrt(group.size) + 0.1 * step + _TILTED * middle)
        held += group.size
        left = left[np.abs(left - middle) > 1.5 * inside]
    if len(radii) < 2:
        return None
    order = np.argsort(radii)
    return RingSystem(
        centre=(float(centre[0]), float(centre[1])),
        radius=np.array(radii)[order],
        error=np.array(errors)[order],
        pixel=pixel,
        share=held / len(points),
    )
