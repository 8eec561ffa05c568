"""Calibration of a detector on motors from calibrant frames at several positions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.goniometer import (
    Goniometer,
    Motion,
    Position,
    position_slopes,
    readings,
)
from xrdkit.calibration.joint import JointFit, Model, joint_fit
from xrdkit.calibration.result import CalibrationResult, CalibrationVerdict
from xrdkit.calibration.several import refuse_hopeless_wavelength, refuse_unknown_wavelength
from xrdkit.calibration.view import ring_view
from xrdkit.errors import SpecError
from xrdkit.geometry import PARAMETERS

Array = NDArray[np.float64]
_ROUNDS = 3
_ALONE, _TILTED = (0, 1, 2), (0, 1, 2, 3, 4)


@dataclass(frozen=True, kw_only=True)
class GoniometerResult:
    """A refined goniometer with a verdict."""

    goniometer: Goniometer
    """The goniometer, with the covariance of its numbers."""
    wavelength_sigma: float
    """Standard error of the wavelength, ångström; 0 where it was held."""
    rms_px: tuple[float, ...]
    """Root mean square distance of the points of every frame from their rings, pixel."""
    chi2: float
    """What it costs that the frames follow the motors, as a χ² of `freedom`."""
    freedom: int
    """Number of constraints that the points can contradict."""
    probability: float
    """Chance of a `chi2` as large where the detector follows the motors as `motions` say."""
    verdict: CalibrationVerdict
    """Whether to use it."""
    reasons: tuple[str, ...]
    """What keeps it from being accepted; empty where it is."""


def calibrate_goniometer(
    results: Sequence[CalibrationResult],
    positions: Sequence[Position],
    *,
    motions: Sequence[Motion],
    refine_wavelength: bool = False,
) -> GoniometerResult:
    """Return how the geometry of a detector follows its motors, from one fit to all rings.

    Parameter = offset + Σ scale × reading. All offsets are free (the rotations where any frame
    showed its tilt alone), and the scales of `motions` with ``refine=True``. The wavelength can be
    refined because an arm whose scale is known measures angles; where the scale is free too, only
    the curvature of wide rings tells them apart.

    Args:
        results: calibrant frames of one detector, each calibrated on its own.
        positions: where the motors stood in each: a number, or the reading of each by name.
        motions: what each motor moves, by how much per unit.
        refine_wavelength: whether the wavelength is free.

    Raises SpecError for settings that contradict each other; CalibrationRejected where the points
    do not determine the parameters, or the wavelength to 0.05 %.
    """
    moves = tuple(motions)
    stood = _checked(results, positions, moves)
    tilted = any(result.tilt_refined for result in results)
    wavelength = float(np.median([result.calibration.wavelength for result in results]))
    now = _first(results, moves, stood, wavelength)
    for turn in range(_ROUNDS):
        current = [now.calibration(reading) for reading in stood]
        views = [
            ring_view(f"frame {k}", result, at)
            for k, (result, at) in enumerate(zip(results, current, strict=True))
        ]
        model, columns = _model(now, stood, tilted, refine_wavelength)
        if refine_wavelength and turn == 0:
            refuse_hopeless_wavelength(views, model)
        fit = joint_fit(views, model)
        now = _goniometer(now, fit, columns)
    if refine_wavelength:
        refuse_unknown_wavelength(fit)
    return _result(now, results, fit, refine_wavelength)


def _checked(
    results: Sequence[CalibrationResult], positions: Sequence[Position], moves: tuple[Motion, ...]
) -> list[dict[str, float]]:
    """Return the readings of the motors for every frame; refuse what cannot be fitted."""
    if len(results) != len(positions):
        raise SpecError(f"{len(results)} frames, and {len(positions)} positions of the motors")
    if len(results) < 2 or not moves:
        raise SpecError("a goniometer needs two frames or more and a motion")
    first = results[0].calibration
    for k, result in enumerate(results):
        at = result.calibration
        for name in ("pixel_size_y", "pixel_size_x", "shape", "orientation"):
            if getattr(at.detector, name) != getattr(first.detector, name):
                raise SpecError(f"frame {k}: {name} of the detector differs from frame 0")
        if not math.isclose(at.wavelength, first.wavelength, rel_tol=1e-9):
            raise SpecError(
                f"frame {k} was calibrated with {at.wavelength} Å, frame 0 {first.wavelength} Å",
                hint="calibrate all with one wavelength",
            )
    stood = [readings(moves, position) for position in positions]
    for motor in {motion.motor for motion in moves}:
        if len({reading[motor] for reading in stood}) < 2:
            raise SpecError(f"motor {motor} stands at one position in all frames")
    return stood


def _first(
    results: Sequence[CalibrationResult],
    moves: tuple[Motion, ...],
    stood: Sequence[dict[str, float]],
    wavelength: float,
) -> Goniometer:
    """Return a goniometer with the scales as given and the median of what the frames say."""
    neutral = np.array([motion.scale for motion in moves])
    rows = []
    for result, reading in zip(results, stood, strict=True):
        at = result.calibration
        moved = position_slopes(moves, reading)[:5, 5:-1] @ neutral
        rows.append([getattr(at, name) for name in PARAMETERS[:5]] - moved)
    offsets = np.median(rows, axis=0).tolist()
    first = results[0].calibration
    rot3 = first.rot3 - sum(m.scale * stood[0][m.motor] for m in moves if m.parameter == "rot3")
    return Goniometer(
        offsets=(*offsets, rot3), motions=moves, wavelength=wavelength, detector=first.detector
    )


def _model(
    now: Goniometer, stood: Sequence[dict[str, float]], tilted: bool, refine_wavelength: bool
) -> tuple[Model, list[int]]:
    """Return the model to fit and which numbers of the goniometer are free in it."""
    scales = [k for k, motion in enumerate(now.motions) if motion.refine]
    columns = [*range(5 if tilted else 3), *(5 + k for k in scales)]
    columns += [5 + len(now.motions)] if refine_wavelength else []
    numbers = _numbers(now)
    whole = np.array([position_slopes(now.motions, reading) for reading in stood])
    held = np.delete(np.arange(numbers.size), columns)
    names = [*PARAMETERS[:5], *(f"{m.parameter} per {m.motor}" for m in now.motions), "wavelength"]
    model = Model(
        names=tuple(names[k] for k in columns),
        start=numbers[columns],
        matrix=whole[:, :, columns],
        offset=whole[:, :, held] @ numbers[held],
        direct=False,
        place=tuple(range(len(stood))),
        own=(_TILTED if tilted else _ALONE,) * len(stood),
        prior=np.zeros((0, len(columns))),
        known=np.zeros(0),
    )
    return model, columns


def _numbers(now: Goniometer) -> Array:
    scales = [motion.scale for motion in now.motions]
    return np.array([*now.offsets[:5], *scales, now.wavelength])


def _goniometer(now: Goniometer, fit: JointFit, columns: list[int]) -> Goniometer:
    numbers = _numbers(now)
    numbers[columns] = fit.values
    matrix = np.zeros((numbers.size, numbers.size))
    matrix[np.ix_(columns, columns)] = fit.covariance
    moves = tuple(
        replace(motion, scale=float(scale))
        for motion, scale in zip(now.motions, numbers[5:-1], strict=True)
    )
    return replace(
        now,
        offsets=(*numbers[:5].tolist(), now.offsets[5]),
        motions=moves,
        wavelength=float(numbers[-1]),
        covariance=tuple(tuple(row) for row in matrix.tolist()),
    )


def _result(
    now: Goniometer, results: Sequence[CalibrationResult], fit: JointFit, refined: bool
) -> GoniometerResult:
    reasons = [f"frame {k}: {text}" for k, r in enumerate(results) for text in r.reasons]
    doubted = sum(bool(result.reasons) for result in results)
    if 2 * doubted < len(results) and fit.freedom > 0 and not fit.contradicted:
        # Few rings on one frame of an arm: the other frames say where they have to be, and they
        # are there.
        reasons = []
    if fit.contradicted:
        reasons.append(
            f"the rings contradict the motions given: {fit.strain:.2f} px,"
            f" χ² {fit.chi2:.1f} of {fit.freedom}"
        )
    return GoniometerResult(
        goniometer=now,
        wavelength_sigma=math.sqrt(fit.covariance[-1, -1]) if refined else 0.0,
        rms_px=tuple(math.sqrt(np.mean(away**2)) for away in fit.residual),
        chi2=fit.chi2,
        freedom=fit.freedom,
        probability=fit.probability,
        verdict=CalibrationVerdict.DOUBTFUL if reasons else CalibrationVerdict.ACCEPTED,
        reasons=tuple(reasons),
    )
