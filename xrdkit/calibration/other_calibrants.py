"""Whether another calibrant explains the rings of a frame better than the one that is named."""

import functools
import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.competitors import COMMON, Competitor, competitors
from xrdkit.calibration.contrast import RadialProfile
from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.calibration.refinement import Refinement, refined
from xrdkit.calibration.rings import CalibrantRings, calibrant_rings
from xrdkit.calibration.unassisted import untilted
from xrdkit.errors import CalibrationImplausible, CalibrationRejected
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]
#: how closely rings are held against other calibrants: share of their width, and pixels
_LIKE, _LEAST = 0.1, 0.1
#: rings that another calibrant has to explain at least, and more than the one that is named
_FEWEST, _MORE = 4, 2
_ABSENT, _MATCHED = 0.2, 0.7
#: how much closer points lie to the rings of another calibrant that is the better one
_CLOSER = 0.6
#: how far the geometry of another calibrant is at first: share of the radius, and pixels
_REACH = (0.006, 5.0)
_ROUNDS = 4
#: calibrants that are refined at most
_REFINED = 2
#: distances that are one, share; error of the mean radius of a ring that is granted, pixel
_SAME, _RADIUS = 0.004, 0.02


def excess(found: Refinement) -> float:
    """Return how far points lie from their rings in units of their counting errors, rms."""
    used = found.fit.used
    return float(np.sqrt(np.mean((found.fit.residual[used] / found.points.sigma[used]) ** 2)))


def other_order(
    found: Refinement, profile: RadialProfile, rings: CalibrantRings
) -> Competitor | None:
    """Return the best other order of the rings found, of the same calibrant."""
    geometry = found.fit.calibration
    radius, error = _radii(found, profile, rings)
    for other in competitors(
        radius,
        error,
        wavelength=geometry.wavelength,
        pixel=_pixel(geometry),
        names=(rings.name,),
        absent=functools.partial(profile.dark, like=radius),
    ):
        if abs(math.log(other.distance / geometry.direct_distance)) > _SAME:
            return other
    return None


def other_calibrant(
    found: Refinement,
    exposure: CalibrantFrame,
    profile: RadialProfile,
    rings: CalibrantRings,
    strangers: Array,
) -> str:
    """Return which calibrant explains the rings better, and how, in words; empty where none does.

    It puts two more of the strong rings of the frame (those found and `strangers`, radii in pixels)
    on its own, hardly any of which are absent; or its geometry, refined, leaves points 0.6 times as
    far from as many rings. The second alone tells lattices of one kind apart, such as CeO2 from
    NaCl: distance and tilt take up most of what differs.
    """
    geometry = found.fit.calibration
    own, _ = _radii(found, profile, rings)
    radius = np.sort(np.concatenate([own, strangers]))
    if radius.size < _FEWEST:
        return ""
    width = float(np.median(found.points.width[found.fit.used]))

    def tried(names: tuple[str, ...]) -> list[Competitor]:
        return competitors(
            radius,
            np.full(radius.size, max(_LIKE * width, _LEAST, _rms(found))),
            wavelength=geometry.wavelength,
            pixel=_pixel(geometry),
            names=names,
            absent=functools.partial(profile.dark, like=radius),
            least=_MATCHED,
        )

    named = max((c.matched for c in tried((rings.name,))), default=0)
    kin = rings.name.split("_SRM")[0]
    proposed: list[Competitor] = []
    for other in tried(tuple(name for name in COMMON if name != kin)):
        if other.matched < _FEWEST or other.absent > _ABSENT * other.expected:
            continue
        if other.matched >= named + _MORE:
            return (
                f"{other.calibrant} at {other.distance * 1e3:.4g} mm: it explains"
                f" {other.matched} of {radius.size}, {rings.name} {named}"
            )
        if len(proposed) < _REFINED and other.calibrant not in {c.calibrant for c in proposed}:
            proposed.append(other)
    # Radii under a wrong geometry are themselves wrong: what nearly fits is refined.
    return next(
        (text for other in proposed if (text := _closer(found, exposure, rings, other))), ""
    )


def _closer(
    found: Refinement, exposure: CalibrantFrame, rings: CalibrantRings, other: Competitor
) -> str:
    """Return how much closer the rings of another calibrant are, in words; empty where not."""
    geometry = found.fit.calibration
    plain = untilted(geometry)
    theirs = calibrant_rings(other.calibrant, geometry.wavelength)
    try:
        start = replace(plain, distance=other.distance)
        again = refined(exposure, theirs, start, _REACH, close=True, most_rounds=_ROUNDS)
    except (CalibrationRejected, CalibrationImplausible):
        return ""
    own, new = _rms(found), _rms(again)
    if new > _CLOSER * own or _number(again) < _number(found):
        return ""
    return (
        f"{other.calibrant} at {again.fit.calibration.direct_distance * 1e3:.4g} mm: points lie"
        f" {new:.2g} px from those, {own:.2g} px from those of {rings.name}"
    )


def _rms(found: Refinement) -> float:
    return float(np.sqrt(np.mean(found.fit.residual[found.fit.used] ** 2)))


def _number(found: Refinement) -> int:
    return int(np.unique(found.points.ring[found.fit.used]).size)


def _radii(found: Refinement, profile: RadialProfile, rings: CalibrantRings) -> tuple[Array, Array]:
    """Return radii of the rings with points on the plane across the beam, and errors, pixel."""
    fit, points = found.fit, found.points
    present = np.unique(points.ring[fit.used])
    mean, error = np.empty(present.size), np.empty(present.size)
    for k, number in enumerate(present):
        away = fit.residual[(points.ring == number) & fit.used]
        mean[k] = away.mean()
        error[k] = math.hypot(away.std() / math.sqrt(away.size), _RADIUS)
    return profile.radius(rings.two_theta[present]) + mean, error


def _pixel(calibration: Calibration) -> float:
    return math.sqrt(calibration.detector.pixel_size_y * calibration.detector.pixel_size_x)
