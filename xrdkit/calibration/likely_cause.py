"""Why a calibration was refused, as far as the frame and what was given tell."""

import math
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import optimize

from xrdkit.calibration.competitors import COMMON, Competitor, competitors
from xrdkit.calibration.exposure_facts import exposure_facts, stated_facts
from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.calibration.result import CalibrationResult, CalibrationVerdict
from xrdkit.calibration.ring_system import RingSystem, ring_system
from xrdkit.calibration.rings import calibrant_rings
from xrdkit.calibration.unassisted_refine import glimpsed_without_start
from xrdkit.calibration.unassisted_ridges import RidgePoints, Seen, ridge_points, seen
from xrdkit.errors import CalibrationRejected, SpecError
from xrdkit.geometry import Calibration, Detector

Array = NDArray[np.float64]

#: rings that name a calibrant, share of them that has to fit, and how many are tried in full
_FEWEST, _FIT, _TRIED = 3, 0.7, 2
#: wavelengths tried, ångström, and how closely
_SHORTEST, _LONGEST, _STEP = 0.1, 2.5, 1.02
#: rings that a wavelength is looked for with: more cost time
_ENOUGH = 8
#: radius by which the rings of a calibrant are known to be those of another wavelength, share
_OTHER = 0.01
#: share of the ridges of a frame that is on circles about one centre where they are rings
_CONCENTRIC = 0.4
_USUAL = "check calibrant, wavelength, pixel size and mask"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What was asked of a calibration."""

    frames: xr.Dataset
    """The FRAMES Dataset."""
    exposure: CalibrantFrame
    """The frame that was looked at."""
    calibrant: str
    """Name of the calibrant."""
    detector: Detector
    """The detector, with its shape."""
    wavelength: float
    """Wavelength, ångström."""
    start: Calibration | None = None
    """The start; None where there was none."""
    frame: Seen | None = None
    """What is seen in the frame; None where nobody has looked yet."""


def explained(refusal: CalibrationRejected, attempt: Attempt) -> CalibrationRejected:
    """Return a refusal of `attempt` that names the likely cause as its hint."""
    causes = likely_causes(attempt)
    usual = f"{_USUAL} and start" if attempt.start is not None else f"{_USUAL}, or give a start"
    told = CalibrationRejected(refusal.message, hint="; ".join(causes) if causes else usual)
    told.result = refusal.result
    return told


def likely_causes(attempt: Attempt) -> list[str]:
    """Return what may be wrong with `attempt`, in words, what is surest first.

    Named are counts, saturation and mask of the frame; a start far from the geometry that is found
    without it; another common calibrant, or another wavelength, with which the same rings give a
    geometry that is not refused; values of the header, or the shape of the frame, that contradict
    those given. For a flat detector of square pixels their size cannot be seen in a frame at all:
    all lengths scale with it and no angle changes.
    """
    start = attempt.start
    facts = exposure_facts(attempt.exposure)
    distance = None if start is None else start.direct_distance
    stated = stated_facts(attempt.frames, attempt.detector, attempt.wavelength, distance)
    if facts and (not attempt.exposure.counts.any() or "all pixels" in facts[0]):
        return facts
    if attempt.frame is None:
        attempt = replace(attempt, frame=seen(attempt.exposure))
    if start is not None:
        found = _tried(attempt, attempt.calibrant, attempt.wavelength)
        if found is not None:
            return [_far_from_start(found, start), *facts, *stated]
    system = ring_system(_ridges(attempt), _shape(attempt), attempt.detector)
    if system is None or system.share < _CONCENTRIC:
        return [*facts, *stated, "no concentric rings are seen in the frame"]
    return [*_others(attempt, system), *facts, *stated]


def _seen(attempt: Attempt) -> Seen:
    return seen(attempt.exposure) if attempt.frame is None else attempt.frame


def _shape(attempt: Attempt) -> tuple[int, int]:
    rows, columns = attempt.exposure.counts.shape
    return rows, columns


def _ridges(attempt: Attempt) -> RidgePoints:
    """Return the ridges of the frame as it is: what was taken for no data may be what is wrong."""
    frame = _seen(attempt)
    return frame.ridges if frame.exposure is attempt.exposure else ridge_points(attempt.exposure)


def _tried(attempt: Attempt, calibrant: str, wavelength: float) -> CalibrationResult | None:
    """Return the geometry found without a start; None where it is refused or rests on little."""
    try:
        rings = calibrant_rings(calibrant, wavelength)
        found = glimpsed_without_start(_seen(attempt), rings, attempt.detector, wavelength)
    except (CalibrationRejected, SpecError):
        return None
    if found.verdict is CalibrationVerdict.REJECTED or len(found.rings) < _FEWEST:
        return None
    return found


def _far_from_start(found: CalibrationResult, start: Calibration) -> str:
    """Return how far the start is from the geometry found without it, in words."""
    ratio = start.direct_distance / found.calibration.direct_distance
    x, y = found.beam_center_px
    x0, y0 = start.center_on_frame()
    text = (
        f"without the start the rings give {found.calibration.direct_distance * 1e3:.5g} mm and"
        f" centre ({x:.1f}, {y:.1f}); the start has {start.direct_distance * 1e3:.5g} mm and"
        f" ({x0:.1f}, {y0:.1f})"
    )
    for factor in (2.0, 0.5):
        if abs(ratio / factor - 1.0) < 0.05:
            text += f", {factor:g} times the distance: pixel size wrong by {factor:g}, or binning?"
    return text


def _others(attempt: Attempt, system: RingSystem) -> list[str]:
    """Return with which other calibrant or wavelength the rings give a geometry, in words."""
    for proposal in _proposals(attempt, system):
        found = _tried(attempt, proposal.calibrant, attempt.wavelength)
        if found is not None:
            return [
                f"the rings fit {found.calibrant} at"
                f" {found.calibration.direct_distance * 1e3:.5g} mm"
            ]
    other = _other_wavelength(attempt, system)
    if other is None:
        return []
    text = f"the rings fit {attempt.calibrant} at a wavelength of about {other:.2g} Å"
    if abs(other / attempt.wavelength - 10.0) < 0.5:
        text += f": was {attempt.wavelength:g} in nanometre?"
    return [text]


def _proposals(attempt: Attempt, system: RingSystem) -> list[Competitor]:
    """Return other calibrants whose rings have about the radii of the circles, likeliest first."""
    if system.radius.size < _FEWEST:
        return []
    named = calibrant_rings(attempt.calibrant, attempt.wavelength).name.split("_SRM")[0]
    tried = competitors(
        system.radius,
        system.error,
        wavelength=attempt.wavelength,
        pixel=system.pixel,
        names=[name for name in COMMON if name != named],
        within=3.0,
        least=_FIT,
    )
    tried.sort(key=_unlikely)
    first: dict[str, Competitor] = {}
    for proposal in tried:
        if proposal.matched >= _FEWEST:
            first.setdefault(proposal.calibrant, proposal)
    return list(first.values())[:_TRIED]


def _unlikely(c: Competitor) -> float:
    """Return how much speaks against an assignment: rings that are not there, or not explained."""
    rings = len(c.orders)
    return -math.log(c.matched / rings) - math.log(c.matched / max(c.expected, 1)) + 0.1 * c.misfit


def _other_wavelength(attempt: Attempt, system: RingSystem) -> float | None:
    """Return another wavelength, ångström, at which the calibrant explains the rings of a frame."""
    if system.radius.size < _FEWEST:
        return None
    number = math.ceil(math.log(_LONGEST / _SHORTEST) / math.log(_STEP))
    best, lowest = None, math.inf
    inner = replace(system, radius=system.radius[:_ENOUGH], error=system.error[:_ENOUGH])
    for wavelength in np.geomspace(_SHORTEST, _LONGEST, number).tolist():
        found = _assigned(attempt.calibrant, inner, wavelength)
        if found is not None and _unlikely(found) < lowest:
            best, lowest = (wavelength, found), _unlikely(found)
    if best is None:
        return None
    held = np.array(best[1].orders) >= 0
    wavelength = _sharpened(
        best[0],
        calibrant_rings(attempt.calibrant, best[0]).d_spacing[np.array(best[1].orders)[held]],
        inner.radius[held],
        inner.error[held],
    )
    result = _tried(attempt, attempt.calibrant, wavelength)
    if result is None:
        return None
    # The rings themselves tell it better than circles through ridges.
    distance = result.calibration.direct_distance / system.pixel
    wavelength = _sharpened(
        wavelength,
        np.array([ring.d_spacing for ring in result.rings]),
        np.array(
            [distance * math.tan(math.radians(r.two_theta)) + r.mean_px for r in result.rings]
        ),
        np.array([ring.rms_px / math.sqrt(ring.points) + 0.02 for ring in result.rings]),
    )
    return wavelength if abs(math.log(wavelength / attempt.wavelength)) > _OTHER else None


def _assigned(calibrant: str, system: RingSystem, wavelength: float) -> Competitor | None:
    tried = competitors(
        system.radius,
        system.error,
        wavelength=wavelength,
        pixel=system.pixel,
        names=(calibrant,),
        within=3.0,
        least=_FIT,
    )
    return min(tried, key=_unlikely, default=None)


def _sharpened(wavelength: float, spacing: Array, radius: Array, error: Array) -> float:
    """Return the wavelength near `wavelength` at which rings of these spacings have these radii."""
    weight = 1.0 / error**2

    def cost(logarithm: float) -> float:
        sine = np.exp(logarithm) / (2.0 * spacing)
        if np.any(sine >= math.sin(0.75)):
            return math.inf
        tangent = np.tan(2.0 * np.arcsin(sine))
        scale = np.sum(weight * radius * tangent) / np.sum(weight * tangent**2)
        return float(np.sum(weight * (radius - scale * tangent) ** 2))

    middle, reach = math.log(wavelength), 3.0 * math.log(_STEP)
    outcome = optimize.minimize_scalar(
        cost, bounds=(middle - reach, middle + reach), method="bounded", options={"xatol": 1e-7}
    )
    return math.exp(float(outcome.x))
