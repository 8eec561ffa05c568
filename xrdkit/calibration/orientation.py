"""Which way round a frame is stored, told from the rings of a calibrant."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.calibration.contrast import RadialProfile
from xrdkit.calibration.formats.pose import transposed
from xrdkit.calibration.frame import CalibrantFrame, calibrant_frame
from xrdkit.calibration.refine import calibrate
from xrdkit.calibration.result import CalibrationVerdict
from xrdkit.calibration.rings import CalibrantRings, calibrant_rings
from xrdkit.errors import CalibrationError, CalibrationRejected, FrameShapeMismatch
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]
#: by which factors the distance of the start may be wrong
_SCALES = 1.0 + np.linspace(-0.025, 0.025, 51)
#: width over which a ring stands out, pixel: narrow, to see a centre that is off by as much
_WIDTH = 3.0
#: rings have to stand out so many times more than displaced ones ...
_CLEAR = 1.5
#: so many ways, the sharpest first, may be refined to see whether their rings are rings,
_TRIED = 3
#: what is within this share of the best may as well be it,
_AS_GOOD = 0.9
#: as may what moves pixels by so little (root mean square, pixel) that the start decides.
_SAME_PX = 2.0
_LOUDEST = 20.0


@dataclass(frozen=True, kw_only=True)
class OrientationResult:
    """How a frame is stored, as its rings say."""

    calibration: Calibration
    """The geometry that was given, with rows and columns the way that fits."""
    orientation: int
    """Orientation of its detector, 1 to 4."""
    transposed: bool
    """Whether x and y of the geometry that was given are rows and columns."""
    changed: bool
    """Whether that is another way than the one given."""
    alternatives: tuple[tuple[int, bool], ...]
    """Other (orientation, transposed) that fit as well, as with the beam in the middle of the
    columns."""
    sharpness: dict[tuple[int, bool], float]
    """For every (orientation, transposed) how high rings stand, 1 for the one that was refined."""
    contrast: float
    """How much more the profile stands out at the rings than at displaced ones."""


def find_orientation(
    frames: xr.Dataset,
    calibration: Calibration,
    *,
    calibrant: str,
    frame: int | None = None,
    mask: xr.DataArray | NDArray[Any] | None = None,
) -> OrientationResult:
    """Return which way rows and columns of a calibrant frame run against a geometry.

    For each of the four orientations, with x and y as they are and swapped, the counts are averaged
    over azimuth, and rings are held against it for distances within 2.5 % of that given. The way
    in which they stand highest (mean over the rings, each as a share of its best) is the answer,
    if a refinement from there is accepted; else the next.
    Of ways that do as well within 10 %, or place pixels within 2 px of it, the one with the fewest
    changes is taken and the others are named: where the beam is in the middle of the columns,
    no ring can tell how they run.

    Args:
        frames: FRAMES Dataset, counts (frame, y, x); the mean over its written frames is used.
        calibration: distance within 2.5 %, centre within a few pixels one way round.
        calibrant: name of the standard as in pyFAI.
        frame: use this frame alone, a position along ``frame``.
        mask: (y, x), not 0 where a pixel is left out.

    Raises CalibrationRejected where no way gives rings that can be refined, or where neither the
    order of rows nor that of columns can be told; SpecError, FrameShapeMismatch and EmptyResult as
    `calibrate`.
    """
    rings = calibrant_rings(calibrant, calibration.wavelength)
    exposure = calibrant_frame(frames, frame=frame, mask=mask, detector=calibration.detector)
    shape = (exposure.counts.shape[0], exposure.counts.shape[1])
    given = (calibration.detector.orientation, False)
    ways = _ways(calibration, shape)
    heights = {way: _heights(exposure, rings, tried) for way, tried in ways.items()}
    sharpness = _sharpness({way: found[0] for way, found in heights.items()})
    order = sorted(ways, key=lambda way: -sharpness[way])[:_TRIED]
    clear = [way for way in order if heights[way][1] >= _CLEAR]
    best = next((way for way in clear if _refines(frames, ways[way], calibrant, frame, mask)), None)
    if best is None:
        raise CalibrationRejected(
            f"{rings.name}: the rings stand out in no orientation",
            hint="check calibrant, wavelength, distance, centre and mask",
        )
    most = sharpness[best] or 1.0
    sharpness = {way: value / most for way, value in sharpness.items()}
    fitting = [
        way
        for way, tried in ways.items()
        if sharpness[way] >= _AS_GOOD or _apart(tried, ways[best], shape) < _SAME_PX
    ]
    straight = [way for way in fitting if not way[1]] or fitting
    if {orientation for orientation, _ in straight} == {1, 2, 3, 4}:
        raise CalibrationRejected(
            "rows and columns fit in every order: the beam centre is in the middle of the frame",
            hint="use a frame with the beam off the middle",
        )
    chosen = min(straight, key=lambda way: _changes(way, given))
    covariance = calibration.covariance if chosen == given else None  # the signs are of its axes
    return OrientationResult(
        calibration=replace(ways[chosen], covariance=covariance),
        orientation=chosen[0],
        transposed=chosen[1],
        changed=chosen != given,
        alternatives=tuple(way for way in fitting if way != chosen),
        sharpness=sharpness,
        contrast=heights[best][1],
    )


def _ways(calibration: Calibration, shape: tuple[int, int]) -> dict[tuple[int, bool], Calibration]:
    """Return the geometry for every (orientation, transposed)."""
    detector = calibration.detector
    if detector.shape is not None and detector.shape not in (shape, shape[::-1]):
        raise FrameShapeMismatch(f"frame of {shape} pixels, calibration of {detector.shape}")
    plain = replace(calibration, covariance=None, detector=replace(detector, shape=None))
    ways = {}
    for swap in (False, True):
        try:
            base = transposed(plain) if swap else plain
        except CalibrationError:
            continue  # a pose that only a PONI file can hold
        kept = base.detector if swap or detector.shape != shape else detector
        for orientation in (1, 2, 3, 4):
            way = replace(kept, shape=shape, orientation=orientation)
            ways[orientation, swap] = replace(base, detector=way)
    return ways


def _heights(
    exposure: CalibrantFrame, rings: CalibrantRings, calibration: Calibration
) -> tuple[Array, float]:
    """Return how high each ring stands at the best distance, counts, NaN off the frame."""
    profile = RadialProfile(exposure, calibration, _WIDTH)
    radius = profile.radius(rings.two_theta)
    best, height, scale = -np.inf, np.full(radius.size, np.nan), 1.0
    for tried in _SCALES:
        found, error = profile.height(radius * tried)
        with np.errstate(invalid="ignore", divide="ignore"):
            z = found / error
        z = z[np.isfinite(z)]
        score = float(np.mean(np.clip(z, -_LOUDEST, _LOUDEST))) if z.size else -np.inf
        if score > best:
            best, height, scale = score, found, float(tried)
    moved = np.arctan(np.tan(np.minimum(rings.two_theta, 1.5)) * scale)
    return height, profile.contrast(moved)


def _refines(
    frames: xr.Dataset,
    start: Calibration,
    calibrant: str,
    frame: int | None,
    mask: xr.DataArray | NDArray[Any] | None,
) -> bool:
    """Return whether a refinement from `start` is accepted; chance lets a few rings stand out."""
    try:
        found = calibrate(frames, calibrant=calibrant, start=start, frame=frame, mask=mask)
    except CalibrationRejected:
        return False
    return found.verdict is CalibrationVerdict.ACCEPTED


def _apart(first: Calibration, second: Calibration, shape: tuple[int, int]) -> float:
    """Return by how much two geometries move the pixels of a frame radially, rms pixel."""
    size = np.sqrt(first.detector.pixel_size_y * first.detector.pixel_size_x)
    thin = np.s_[:: max(1, shape[0] // 64), :: max(1, shape[1] // 64)]
    a, b = (np.hypot(*c.positions(shape)[:2])[thin] for c in (first, second))
    return float(np.sqrt(np.mean((a - b) ** 2)) / size)


def _sharpness(heights: dict[tuple[int, bool], Array]) -> dict[tuple[int, bool], float]:
    """Return the mean over the rings of height as a share of the best, and 1 for the best way."""
    table = np.stack(list(heights.values()))
    top = np.max(np.where(np.isfinite(table), table, 0.0), axis=0)
    seen = np.isfinite(table).sum(axis=0) > 0.5 * len(table)
    if not np.any(seen & (top > 0)):
        return dict.fromkeys(heights, 0.0)
    kept = seen & (top > 0)
    share = np.where(np.isfinite(table), table, 0.0)[:, kept] / top[kept]
    mean = np.mean(np.clip(share, 0.0, 1.0), axis=1)
    most = float(np.max(mean)) or 1.0
    return {way: float(value) / most for way, value in zip(heights, mean, strict=True)}


def _changes(way: tuple[int, bool], given: tuple[int, bool]) -> int:
    rows = (way[0] in (1, 2)) != (given[0] in (1, 2))
    columns = (way[0] in (1, 4)) != (given[0] in (1, 4))
    return rows + columns + way[1]
