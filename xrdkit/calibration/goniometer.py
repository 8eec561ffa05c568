"""A detector on motors: its geometry as a linear function of where the motors stand."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import SpecError
from xrdkit.geometry import Calibration, Detector

Array = NDArray[np.float64]
Position = float | Mapping[str, float]
Parameter = Literal["distance", "poni1", "poni2", "rot1", "rot2", "rot3"]
#: what a motor may move, the order of the offsets
MOVABLE: tuple[Parameter, ...] = get_args(Parameter)


@dataclass(frozen=True, kw_only=True)
class Motion:
    """How one motor moves one parameter of the geometry."""

    parameter: Parameter
    """What is moved. An arm in the horizontal plane turns ``"rot1"``, one in the vertical plane
    ``"rot2"``; a stage along the detector's normal moves ``"distance"``."""
    motor: str = "pos"
    """Name of the motor."""
    scale: float
    """Change of the parameter per unit of the motor: m or rad per unit. An arm that reads degree
    has ± π/180, its sign that of the rotation in pyFAI's convention."""
    refine: bool = False
    """Whether a calibration fits the scale or takes it as exact."""

    def __post_init__(self) -> None:
        if self.parameter not in MOVABLE:
            raise SpecError(f"motion of {self.parameter!r} is not known", hint=", ".join(MOVABLE))
        if not (isinstance(self.motor, str) and self.motor.isidentifier()):
            raise SpecError(f"motor {self.motor!r} is not a name", hint="letters, digits and _")
        if not math.isfinite(self.scale):
            raise SpecError(f"scale {self.scale} of {self.motor} is not a number")
        if self.refine and self.parameter == "rot3":
            raise SpecError("rings do not tell rotations about the beam: rot3 cannot be refined")


@dataclass(frozen=True, kw_only=True)
class Goniometer:
    """A detector whose geometry follows the motors: parameter = offset + Σ scale × reading."""

    offsets: tuple[float, ...]
    """(distance, poni1, poni2, rot1, rot2, rot3) with all motors at 0, m and rad."""
    motions: tuple[Motion, ...]
    """What the motors move."""
    wavelength: float
    """Wavelength, ångström."""
    detector: Detector
    """The detector."""
    covariance: tuple[tuple[float, ...], ...] | None = None
    """Covariance of the first five offsets, the scales in the order of `motions`, and the
    wavelength; 0 where a value is taken as exact. None: not known."""

    def __post_init__(self) -> None:
        if len(self.offsets) != len(MOVABLE) or not np.all(np.isfinite(self.offsets)):
            raise SpecError(f"offsets {self.offsets} are not six numbers", hint=", ".join(MOVABLE))
        pairs = [(motion.parameter, motion.motor) for motion in self.motions]
        if len(set(pairs)) != len(pairs):
            raise SpecError("a motor is given twice for one parameter")
        size = 6 + len(self.motions)
        if self.covariance is not None and np.shape(self.covariance) != (size, size):
            raise SpecError(f"covariance is not of {size} x {size} numbers")

    @property
    def motors(self) -> tuple[str, ...]:
        """Names of the motors, in the order in which motions name them first."""
        return tuple(dict.fromkeys(motion.motor for motion in self.motions))

    def calibration(self, position: Position) -> Calibration:
        """Return the geometry with the motors at `position`, its covariance propagated.

        `position` is a number where there is one motor, or the reading of each by name. Raises
        SpecError where a motor is missing, not known or not a number; CalibrationImplausible where
        the motors take the detector to where none can be.
        """
        slopes = position_slopes(self.motions, readings(self.motions, position))
        numbers = np.array([*self.offsets[:5], *(motion.scale for motion in self.motions)])
        at = slopes[:, :-1] @ numbers
        reading = readings(self.motions, position)
        rot3 = self.offsets[5] + sum(
            motion.scale * reading[motion.motor]
            for motion in self.motions
            if motion.parameter == "rot3"
        )
        covariance = None
        if self.covariance is not None:
            matrix = slopes @ np.asarray(self.covariance, dtype=np.float64) @ slopes.T
            covariance = tuple(tuple(row) for row in (0.5 * (matrix + matrix.T)).tolist())
        distance, poni1, poni2, rot1, rot2 = at[:5].tolist()
        return Calibration(
            distance=distance,
            poni1=poni1,
            poni2=poni2,
            rot1=rot1,
            rot2=rot2,
            rot3=rot3,
            wavelength=self.wavelength,
            detector=self.detector,
            covariance=covariance,
        )


def readings(motions: tuple[Motion, ...], position: Position) -> dict[str, float]:
    """Return the reading of every motor of `motions`; raise SpecError where it is not given."""
    motors = list(dict.fromkeys(motion.motor for motion in motions))
    if isinstance(position, Mapping):
        given = dict(position)
    elif len(motors) == 1:
        given = {motors[0]: position}
    else:
        raise SpecError(f"position {position!r} does not name the motors: {', '.join(motors)}")
    if set(given) != set(motors):
        raise SpecError(
            f"position names {', '.join(sorted(given)) or 'no motor'},"
            f" the motors are {', '.join(motors)}"
        )
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float | np.number):
            raise SpecError(f"{name} stands at {value!r}, not a number")
        if not math.isfinite(value):
            raise SpecError(f"{name} stands at {value}, not a finite number")
    return {name: float(given[name]) for name in motors}


def position_slopes(motions: tuple[Motion, ...], reading: Mapping[str, float]) -> Array:
    """Return the slopes of (distance, poni1, poni2, rot1, rot2, wavelength) at one position.

    Columns are the first five offsets, the scales of `motions`, the wavelength: (6, 6 + motions).
    """
    slopes = np.zeros((6, 6 + len(motions)))
    slopes[:5, :5] = np.eye(5)
    slopes[5, -1] = 1.0
    for k, motion in enumerate(motions):
        row = MOVABLE.index(motion.parameter)
        if row < 5:
            slopes[row, 5 + k] = reading[motion.motor]
    return slopes
