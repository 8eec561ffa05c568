"""Where a detector stands: rotation matrices, pure tilts, frames stored the other way round.

Programs without three rotations describe a detector by where the beam meets it, how far that is,
and a tilt: the shortest turn that brings the normal of the detector from the beam to where it is.
Its matrix follows from its last row (a, b, c), how far along the beam a step along the rows' axis
(1) and the columns' axis (2) leads: with c = cos tilt,

    R0 = [[1 - a²/(1+c), -ab/(1+c), -a], [-ab/(1+c), 1 - b²/(1+c), -b], [a, b, c]].

What is left of a rotation R is a turn δ about the beam, R = Rb(δ) R0. Rows and columns are in
the order of `Calibration.positions`: (t1 up, t2 sideways, t3 along the beam).
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import CalibrationSyntax
from xrdkit.geometry import Calibration, Detector

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Pose:
    """A detector plane by where the beam meets it."""

    direct_distance: float
    """Sample to the point where the beam meets the detector, m."""
    center: tuple[float, float]
    """That point along columns (x) and rows (y), m from the corner of the detector."""
    slopes: tuple[float, float]
    """(a, b): how far along the beam a unit step along axis 1 (y) and 2 (x) leads."""
    spin: float = 0.0
    """Turn about the beam after the tilt, from x towards y, rad."""

    @property
    def tilt(self) -> float:
        """Angle between beam and normal, rad, 0 to π/2."""
        return math.asin(min(1.0, math.hypot(*self.slopes)))

    @property
    def direction(self) -> float:
        """Direction in which the detector leads away from the sample, from x towards y, rad."""
        return math.atan2(*self.slopes)


def slopes_of(tilt: float, direction: float) -> tuple[float, float]:
    """Return (a, b) of a tilt away from the sample in a direction from x towards y, both rad."""
    return math.sin(tilt) * math.sin(direction), math.sin(tilt) * math.cos(direction)


def rotation(calibration: Calibration) -> Array:
    """Return the matrix that turns (p1 - poni1, p2 - poni2, L) into (t1, t2, t3)."""
    s1, c1 = math.sin(calibration.rot1), math.cos(calibration.rot1)
    s2, c2 = math.sin(calibration.rot2), math.cos(calibration.rot2)
    s3, c3 = math.sin(calibration.rot3), math.cos(calibration.rot3)
    return np.array(
        [
            [c2 * c3, c3 * s1 * s2 - c1 * s3, -(c1 * c3 * s2 + s1 * s3)],
            [c2 * s3, c1 * c3 + s1 * s2 * s3, -(c1 * s2 * s3 - c3 * s1)],
            [s2, -c2 * s1, c1 * c2],
        ]
    )


def pose_of(calibration: Calibration) -> Pose:
    """Return the pose of a detector in the axes of its geometry."""
    turn = rotation(calibration)
    a, b, c = (float(v) for v in turn[2])
    if c <= 0:
        raise CalibrationSyntax(
            "the beam does not meet the detector from the front: only a PONI file can say that"
        )
    distance = calibration.distance / c
    return Pose(
        direct_distance=distance,
        center=(calibration.poni2 + distance * b, calibration.poni1 + distance * a),
        slopes=(a, b),
        spin=spin_of(turn),
    )


def spin_of(turn: Array) -> float:
    """Return δ of a rotation R = Rb(δ) R0, rad."""
    about = turn @ _tilted(turn[2, 0], turn[2, 1], turn[2, 2]).T
    return math.atan2(about[0, 1], about[0, 0])


def calibration_of(pose: Pose, *, wavelength: float, detector: Detector) -> Calibration:
    """Return the calibration of a pose in the axes of the geometry; wavelength in ångström.

    L = D c, PONI = centre - D (a, b), and rotations from the matrix: sin rot2 = R20,
    tan rot1 = -R21/R22, tan rot3 = R10/R00.
    """
    a, b = pose.slopes
    c = math.sqrt(max(0.0, 1.0 - a * a - b * b))
    cs, sn = math.cos(pose.spin), math.sin(pose.spin)
    turn = np.array([[cs, sn, 0.0], [-sn, cs, 0.0], [0.0, 0.0, 1.0]]) @ _tilted(a, b, c)
    x, y = pose.center
    return Calibration(
        distance=pose.direct_distance * c,
        poni1=y - pose.direct_distance * a,
        poni2=x - pose.direct_distance * b,
        rot1=math.atan2(-b, c),
        rot2=math.asin(max(-1.0, min(1.0, a))),
        rot3=math.atan2(turn[1, 0], turn[0, 0]),
        wavelength=wavelength,
        detector=detector,
    )


def _tilted(a: float, b: float, c: float) -> Array:
    k = 1.0 / (1.0 + c)
    return np.array([[1 - a * a * k, -a * b * k, -a], [-a * b * k, 1 - b * b * k, -b], [a, b, c]])


def as_stored(calibration: Calibration) -> Calibration:
    """Return a geometry of orientation 3 that gives every pixel of the stored frame its angle 2θ.

    Where rows run against axis 1: p1 to H - p1, rot2 and rot3 negative; columns alike with rot1.
    The azimuth is mirrored with each; both together turn it by 180 degree. Raises
    CalibrationSyntax where that needs the shape of the detector and it is not known.
    """
    return _turned(calibration, calibration.detector.orientation, 3)


def from_stored(calibration: Calibration, orientation: int) -> Calibration:
    """Return the geometry of `orientation` that `as_stored` turns into `calibration`."""
    return _turned(calibration, orientation, orientation)


def transposed(calibration: Calibration) -> Calibration:
    """Return the geometry of a frame whose rows are the columns of this one's.

    For programs that call rows x and columns y: both axes swap, and with them rot1 and rot2, so
    that every pixel keeps 2θ and the azimuth is counted on the frame that is.
    """
    pose = pose_of(calibration)
    return calibration_of(
        Pose(
            direct_distance=pose.direct_distance,
            center=(pose.center[1], pose.center[0]),
            slopes=(pose.slopes[1], pose.slopes[0]),
            spin=-pose.spin,
        ),
        wavelength=calibration.wavelength,
        detector=swapped(calibration.detector),
    )


def swapped(detector: Detector) -> Detector:
    """Return the detector whose rows are the columns of this one."""
    return replace(
        detector,
        pixel_size_y=detector.pixel_size_x,
        pixel_size_x=detector.pixel_size_y,
        shape=None if detector.shape is None else (detector.shape[1], detector.shape[0]),
        name="Detector",
        orientation={1: 1, 2: 4, 3: 3, 4: 2}[detector.orientation],
    )


def _turned(calibration: Calibration, reversal: int, orientation: int) -> Calibration:
    detector = replace(calibration.detector, orientation=orientation)
    way = replace(detector, orientation=reversal)
    if not (way.rows_reversed or way.columns_reversed):
        return replace(calibration, detector=detector)
    if detector.shape is None:
        raise CalibrationSyntax(
            f"detector orientation {reversal}: how many rows and columns it has is not known",
            hint="give a detector with its shape",
        )
    rows, columns = detector.shape
    changes: dict[str, float] = {}
    rot3 = calibration.rot3
    if way.rows_reversed:
        changes["poni1"] = rows * detector.pixel_size_y - calibration.poni1
        changes["rot2"] = -calibration.rot2
        rot3 = -rot3
    if way.columns_reversed:
        changes["poni2"] = columns * detector.pixel_size_x - calibration.poni2
        changes["rot1"] = -calibration.rot1
        rot3 = -rot3
    # The covariance has the signs of the other axes; it is not carried along.
    return replace(calibration, **changes, rot3=rot3, detector=detector, covariance=None)
