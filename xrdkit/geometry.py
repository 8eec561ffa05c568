"""Where every pixel looks: detector, calibration, and the maps that follow from them.

Conventions are pyFAI's (Kieffer et al., J. Synchrotron Rad. 27 (2020) 558): axis 1 is y (row), axis
2 is x (column), pixel edges are at integers, so that the centre of pixel (0, 0) is at (0.5, 0.5).
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xrdkit.canonical import sha256_value
from xrdkit.errors import CalibrationImplausible, FrameShapeMismatch, SpecError

Array = NDArray[np.float64]
#: Parameters of the `Calibration.covariance`, in order.
PARAMETERS = ("distance", "poni1", "poni2", "rot1", "rot2", "wavelength")
RadialUnit = Literal["q", "two_theta", "d", "radius"]


@dataclass(frozen=True, kw_only=True)
class Detector:
    """A flat detector of equal rectangular pixels."""

    pixel_size_y: float
    """Pixel pitch along y (rows), m; 1 µm to 5 mm."""
    pixel_size_x: float
    """Pixel pitch along x (columns), m; 1 µm to 5 mm."""
    shape: tuple[int, int] | None = None
    """Rows and columns, where known."""
    name: str = "Detector"
    """pyFAI's name of the detector, or ``"Detector"``."""
    orientation: int = 3
    """How rows and columns run as seen from the sample, 1 to 4 as in pyFAI and EXIF: 1 top-left,
    2 top-right, 3 bottom-right (pyFAI's default), 4 bottom-left."""

    def __post_init__(self) -> None:
        for name in ("pixel_size_y", "pixel_size_x"):
            _in_range(f"detector {name}", getattr(self, name), 1e-6, 5e-3, "m")
        if self.orientation not in (1, 2, 3, 4):
            raise CalibrationImplausible(f"detector orientation {self.orientation} is not 1 to 4")
        if self.shape is not None and (len(self.shape) != 2 or min(self.shape) < 1):
            raise CalibrationImplausible(f"detector shape {self.shape} is not (rows, columns)")

    @property
    def rows_reversed(self) -> bool:
        """Whether the rows of a frame run against axis 1 of the geometry."""
        return self.orientation in (1, 2)

    @property
    def columns_reversed(self) -> bool:
        """Whether the columns of a frame run against axis 2 of the geometry."""
        return self.orientation in (1, 4)


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Position and orientation of a detector against beam and sample, and the wavelength."""

    distance: float
    """Sample to the point of normal incidence (PONI), m; 5 mm to 100 m."""
    poni1: float
    """PONI along y, m from the detector's corner; -10 to 10."""
    poni2: float
    """PONI along x, m from the detector's corner; -10 to 10."""
    rot1: float = 0.0
    """First rotation, about the vertical axis, rad."""
    rot2: float = 0.0
    """Second rotation, about the horizontal axis, rad."""
    rot3: float = 0.0
    """Third rotation, about the beam, rad."""
    wavelength: float
    """Wavelength, ångström; 0.01 to 10."""
    detector: Detector
    """The detector."""
    covariance: tuple[tuple[float, ...], ...] | None = None
    """Covariance of (distance, poni1, poni2, rot1, rot2, wavelength), 6 x 6, in the units of these
    fields; 0 where a value is taken as exact. None: not known."""

    def __post_init__(self) -> None:
        _in_range("distance", self.distance, 5e-3, 100.0, "m")
        _in_range("wavelength", self.wavelength, 0.01, 10.0, "Å")
        for name in ("poni1", "poni2"):
            _in_range(name, getattr(self, name), -10.0, 10.0, "m")
        for name in ("rot1", "rot2", "rot3"):
            _in_range(name, getattr(self, name), -2 * math.pi, 2 * math.pi, "rad")
        if self.covariance is not None:
            _check_covariance(np.asarray(self.covariance, dtype=np.float64))

    def digest(self) -> str:
        """Return the SHA-256 of all values."""
        return sha256_value(self)

    @property
    def tilt(self) -> float:
        """Angle between beam and detector normal, degree: cos tilt = cos rot1 cos rot2."""
        return math.degrees(
            math.acos(max(-1.0, min(1.0, math.cos(self.rot1) * math.cos(self.rot2))))
        )

    @property
    def direct_distance(self) -> float:
        """Sample to the point where the beam meets the detector, m: L / (cos rot1 cos rot2)."""
        return self.distance / (math.cos(self.rot1) * math.cos(self.rot2))

    @property
    def beam_center(self) -> tuple[float, float]:
        """Where the beam meets the detector, (x, y) in pixels, edges at integers.

        x = (p2 - L tan rot1)/px2, y = (p1 + L tan rot2/cos rot1)/px1, in the order of rows and
        columns of orientation 3.
        """
        x = self.poni2 - self.distance * math.tan(self.rot1)
        y = self.poni1 + self.distance * math.tan(self.rot2) / math.cos(self.rot1)
        return x / self.detector.pixel_size_x, y / self.detector.pixel_size_y

    def center_on_frame(self, shape: tuple[int, int] | None = None) -> tuple[float, float]:
        """Return where the beam meets the detector, (x, y) in pixels of a frame as it is stored.

        Unlike `beam_center` it counts rows and columns as the frame does, in any orientation.
        `shape` (rows, columns) is that of the frame, by default that of the detector. Raises
        SpecError where it is needed and not known.
        """
        x, y = self.beam_center
        detector = self.detector
        size = detector.shape if shape is None else shape
        if not (detector.rows_reversed or detector.columns_reversed):
            return x, y
        if size is None:
            raise SpecError(
                f"orientation {detector.orientation}: the beam centre needs the shape of the frame"
            )
        return (
            size[1] - x if detector.columns_reversed else x,
            size[0] - y if detector.rows_reversed else y,
        )

    def positions(
        self,
        shape: tuple[int, int],
        offset: tuple[float, float] = (0.0, 0.0),
        shift: Array | None = None,
    ) -> tuple[Array, Array, Array]:
        """Return (t1, t2, t3) of the pixel centres in m, each of `shape`, sample at the origin.

        t3 runs along the beam, t1 up, t2 sideways: t = R3 R2 R1 (p1 - poni1, p2 - poni2, L) with
        pyFAI's rotations. `offset` (y, x) in pixel names another point of every pixel than its
        centre; `shift` (y, x) in m says how far outward from the PONI counts are registered from
        where their ray met the sensor (parallax), which is taken off. Raises FrameShapeMismatch
        where the detector has another shape.
        """
        y, x = self._detector_coordinates(shape, offset)
        p1, p2 = (y - self.poni1)[:, None], (x - self.poni2)[None, :]
        if shift is not None:
            away = np.hypot(p1, p2)
            kept = 1.0 - np.divide(shift, away, out=np.zeros(away.shape), where=away > 0)
            p1, p2 = p1 * kept, p2 * kept
        s1, c1 = math.sin(self.rot1), math.cos(self.rot1)
        s2, c2 = math.sin(self.rot2), math.cos(self.rot2)
        s3, c3 = math.sin(self.rot3), math.cos(self.rot3)
        p3 = self.distance
        t1 = p1 * (c2 * c3) + p2 * (c3 * s1 * s2 - c1 * s3) - p3 * (c1 * c3 * s2 + s1 * s3)
        t2 = p1 * (c2 * s3) + p2 * (c1 * c3 + s1 * s2 * s3) - p3 * (c1 * s2 * s3 - c3 * s1)
        t3 = p1 * s2 - p2 * (c2 * s1) + p3 * (c1 * c2)
        return t1, t2, t3

    def two_theta(self, shape: tuple[int, int]) -> Array:
        """Return the scattering angle of every pixel centre, rad, of `shape`."""
        t1, t2, t3 = self.positions(shape)
        return np.arctan2(np.hypot(t1, t2), t3)

    def azimuth(self, shape: tuple[int, int], shift: Array | None = None) -> Array:
        """Return χ of every pixel centre, degree in (-180, 180]; 0 along +x, 90 along +y.

        `shift` as in `positions`.
        """
        t1, t2, _ = self.positions(shape, shift=shift)
        chi = np.degrees(np.arctan2(t1, t2))
        chi[chi <= -180.0] = 180.0
        return chi

    def radial(
        self,
        shape: tuple[int, int],
        unit: RadialUnit,
        offset: tuple[float, float] = (0.0, 0.0),
        shift: Array | None = None,
    ) -> Array:
        """Return the radial coordinate of every pixel centre in its stored unit, of `shape`.

        ``"q"``: 4π sin θ/λ in 1/nm; ``"two_theta"``: degree; ``"d"``: λ/(2 sin θ) in nm;
        ``"radius"``: distance of the pixel from the beam in mm (pyFAI's ``r_mm``). `offset` and
        `shift` as in `positions`.
        """
        return self.radial_at(*self.positions(shape, offset, shift), unit)

    def radial_at(self, t1: Array, t2: Array, t3: Array, unit: RadialUnit) -> Array:
        """Return the radial coordinate of points (t1, t2, t3), m, in the stored unit of `unit`."""
        across = np.hypot(t1, t2)
        if unit == "radius":
            return 1e3 * across
        angle = np.arctan2(across, t3)
        if unit == "two_theta":
            return np.degrees(angle)
        q = self.q_of_two_theta(angle)
        if unit == "q":
            return q
        if unit == "d":
            with np.errstate(divide="ignore"):
                return 2 * math.pi / q
        raise SpecError(f"unknown radial unit {unit!r}", hint="q, two_theta, d or radius")

    def q_of_two_theta(self, angle: Array) -> Array:
        """Return q in 1/nm for scattering angles in rad: 4π sin θ/λ."""
        return 40 * math.pi * np.sin(angle / 2) / self.wavelength

    def solid_angle(self, shape: tuple[int, int]) -> Array:
        """Return the solid angle of every pixel relative to the PONI: cos³ of its incidence."""
        p1, p2 = self._detector_coordinates(shape)
        square = (p1 - self.poni1)[:, None] ** 2 + (p2 - self.poni2)[None, :] ** 2
        return (self.distance / np.sqrt(square + self.distance**2)) ** 3

    def polarization(self, shape: tuple[int, int], factor: float) -> Array:
        """Return P = [1 + cos² 2θ - f cos 2χ sin² 2θ]/2 of every pixel.

        `factor` f is pyFAI's: +1 for a horizontally polarised beam, 0 unpolarised, -1 vertical.
        Raises SpecError outside -1 to 1.
        """
        if not -1.0 <= factor <= 1.0:
            raise SpecError(f"polarization factor {factor} is outside -1 to 1")
        t1, t2, t3 = self.positions(shape)
        across = t1**2 + t2**2
        whole = across + t3**2
        # cos² 2θ = t3²/t², and cos 2χ sin² 2θ = (t2² - t1²)/t², without a trigonometric call.
        return 0.5 * (1.0 + t3**2 / whole - factor * (t2**2 - t1**2) / whole)

    def _detector_coordinates(
        self, shape: tuple[int, int], offset: tuple[float, float] = (0.0, 0.0)
    ) -> tuple[Array, Array]:
        """Return the pixel centres, or another point, along y and x in m, orientation applied."""
        detector = self.detector
        if detector.shape is not None and tuple(shape) != tuple(detector.shape):
            raise FrameShapeMismatch(
                f"frame of {tuple(shape)} pixels, calibration of {detector.shape}",
                hint="is the frame transposed, or the calibration of another detector?",
            )
        y = np.arange(shape[0], dtype=np.float64) + (0.5 + offset[0])
        x = np.arange(shape[1], dtype=np.float64) + (0.5 + offset[1])
        if detector.rows_reversed:
            y = y[::-1]
        if detector.columns_reversed:
            x = x[::-1]
        return y * detector.pixel_size_y, x * detector.pixel_size_x


def _check_covariance(matrix: Array) -> None:
    if matrix.shape != (6, 6) or not np.all(np.isfinite(matrix)):
        raise CalibrationImplausible(f"covariance of shape {matrix.shape} is not 6 x 6 and finite")
    size = np.sqrt(np.abs(np.diag(matrix)))
    scaled = matrix / np.where(size > 0, size, 1.0) / np.where(size > 0, size, 1.0)[:, None]
    if np.any(np.abs(scaled - scaled.T) > 1e-6) or np.linalg.eigvalsh(scaled)[0] < -1e-6:
        raise CalibrationImplausible(
            "covariance is not that of any errors: symmetric, no negative variance",
            hint="order: distance, poni1, poni2, rot1, rot2, wavelength",
        )


def _in_range(name: str, value: float, low: float, high: float, unit: str) -> None:
    if not (isinstance(value, int | float | np.floating) and low <= value <= high):
        raise CalibrationImplausible(
            f"{name} {value} {unit} is outside {low:g} to {high:g} {unit}",
            hint="lengths are in metre, wavelengths in ångström, angles in radian",
        )
