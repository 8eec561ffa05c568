"""A virtual detector in a beam: geometry, dead areas, beamstop, bad pixels, counting limits."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import SpecError
from xrdkit.geometry import Calibration, Detector
from xrdkit.masks import MaskReason

#: pixel type -> (value of a gap, value of a dead pixel): what Dectris Eiger and Pilatus write.
NO_DATA: dict[str, tuple[int, int]] = {
    "uint32": (2**32 - 1, 2**32 - 1),
    "uint16": (2**16 - 1, 2**16 - 1),
    "int32": (-1, -2),
}
#: Half-open ranges of rows or columns.
Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, kw_only=True)
class VirtualInstrument:
    """A detector with known geometry and known faults."""

    name: str
    """What the detector is called in the files it writes."""
    calibration: Calibration
    """True geometry and wavelength; its detector has a shape."""
    gap_rows: Ranges = ()
    """Rows without sensor, as half-open ranges, pixel."""
    gap_columns: Ranges = ()
    """Columns without sensor, as half-open ranges, pixel."""
    beamstop_radius: float = 0.0
    """Radius of the shadow of the beamstop on the detector, m; 0 without."""
    beamstop_arm: float = 0.0
    """Width of the shadow of its arm, m; 0 without."""
    beamstop_azimuth: float = -90.0
    """Direction in which the arm leaves, degree from +x to +y."""
    dead_pixels: int = 0
    """Pixels that never count and that the detector marks itself."""
    hot_pixels: int = 0
    """Pixels that count far too much, unmarked by the detector."""
    pixel_seed: int = 0
    """Seed of the places of dead and hot pixels."""
    saturation: int = 2**31 - 2
    """Largest count that a pixel records, count."""
    dtype: Literal["uint32", "uint16", "int32"] = "uint32"
    """Pixel type; it decides how gaps and dead pixels are stored (`NO_DATA`)."""
    polarization: float = 0.99
    """Polarisation factor of the beam, -1 to 1, +1 horizontal."""
    background: float = 0.0
    """Counts that every pixel takes per second without scattering, count/s."""

    def __post_init__(self) -> None:
        if self.calibration.detector.shape is None:
            raise SpecError("a virtual instrument needs a detector with a shape")
        if self.dtype not in NO_DATA:
            raise SpecError(f"dtype {self.dtype!r} is not one of {', '.join(NO_DATA)}")
        for name in ("beamstop_radius", "beamstop_arm", "background", "dead_pixels", "hot_pixels"):
            if not 0 <= getattr(self, name) < math.inf:
                raise SpecError(f"{name} {getattr(self, name)} is negative or not finite")
        if not -1.0 <= self.polarization <= 1.0:
            raise SpecError(f"polarization {self.polarization} is outside -1 to 1")
        top = int(np.iinfo(self.dtype).max) - 1
        if not 1 <= self.saturation <= top:
            raise SpecError(f"saturation {self.saturation} is outside 1 to {top} of {self.dtype}")
        for axis, ranges in enumerate((self.gap_rows, self.gap_columns)):
            for low, high in ranges:
                if not 0 <= low < high <= self.shape[axis]:
                    raise SpecError(f"gap ({low}, {high}) is outside the detector {self.shape}")
        if self.dead_pixels + self.hot_pixels > self.shape[0] * self.shape[1] // 2:
            raise SpecError("more than half of the pixels would be dead or hot")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        shape = self.calibration.detector.shape
        if shape is None:
            raise SpecError("a virtual instrument needs a detector with a shape")
        return shape

    @property
    def pixel_solid_angle(self) -> float:
        """Solid angle of the pixel at normal incidence, sr: p1 p2/L²."""
        detector = self.calibration.detector
        return detector.pixel_size_y * detector.pixel_size_x / self.calibration.distance**2

    def marked(self) -> NDArray[np.uint16]:
        """Return the `MaskReason` bits that the detector itself knows: gaps and dead pixels."""
        reasons = self._gaps()
        reasons[self._bad_pixels()[0]] |= np.uint16(MaskReason.DEAD)
        return reasons

    def mask(self, *, margin: float = 2.0) -> NDArray[np.uint16]:
        """Return all `MaskReason` bits, (y, x): gaps, dead and hot pixels, beamstop.

        `margin` widens the beamstop by that many pixels, as one does when drawing a mask.
        """
        reasons = self.marked()
        reasons[self._bad_pixels()[1]] |= np.uint16(MaskReason.HOT)
        reasons[self.shade(margin=margin) < 1.0] |= np.uint16(MaskReason.BEAMSTOP)
        return reasons

    def hot(self) -> NDArray[np.intp]:
        """Return (row, column) of the hot pixels, shape (2, hot_pixels)."""
        return np.asarray(self._bad_pixels()[1])

    def shade(self, *, margin: float = 0.0) -> NDArray[np.float64]:
        """Return the share of each pixel that the beamstop leaves open, 0 to 1, (y, x).

        The edge is one pixel wide. `margin` in pixels widens the shadow.
        """
        open_share = np.ones(self.shape)
        detector = self.calibration.detector
        pixel = min(detector.pixel_size_y, detector.pixel_size_x)
        x0, y0 = self.calibration.center_on_frame()
        y = (np.arange(self.shape[0])[:, None] + 0.5 - y0) * detector.pixel_size_y
        x = (np.arange(self.shape[1])[None, :] + 0.5 - x0) * detector.pixel_size_x
        if self.beamstop_radius > 0:
            outside = np.hypot(y, x) - self.beamstop_radius
            open_share = np.clip(outside / pixel + 0.5 - margin, 0.0, 1.0)
        if self.beamstop_arm > 0:
            angle = math.radians(self.beamstop_azimuth)
            along = x * math.cos(angle) + y * math.sin(angle)
            across = np.abs(y * math.cos(angle) - x * math.sin(angle)) - self.beamstop_arm / 2
            arm = np.clip(across / pixel + 0.5 - margin, 0.0, 1.0)
            open_share = np.where(along > 0, np.minimum(open_share, arm), open_share)
        return open_share

    def _gaps(self) -> NDArray[np.uint16]:
        reasons = np.zeros(self.shape, dtype=np.uint16)
        for low, high in self.gap_rows:
            reasons[low:high, :] = MaskReason.GAP
        for low, high in self.gap_columns:
            reasons[:, low:high] = MaskReason.GAP
        return reasons

    def _bad_pixels(self) -> tuple[tuple[NDArray[np.intp], ...], tuple[NDArray[np.intp], ...]]:
        """Return (row, column) of the dead and of the hot pixels, none of them in a gap."""
        sensors = np.flatnonzero(self._gaps().ravel() == 0)
        number = self.dead_pixels + self.hot_pixels
        if number > sensors.size:
            raise SpecError(f"{number} bad pixels do not fit on {sensors.size} pixels")
        chosen = np.random.default_rng(self.pixel_seed).choice(sensors, number, replace=False)
        dead, hot = chosen[: self.dead_pixels], chosen[self.dead_pixels :]
        return np.unravel_index(dead, self.shape), np.unravel_index(hot, self.shape)


def pose(
    *,
    distance: float,
    center: tuple[float, float],
    tilt: float = 0.0,
    tilt_azimuth: float = 0.0,
    wavelength: float,
    detector: Detector,
) -> Calibration:
    """Return the geometry in which the beam meets the detector at `center`.

    `distance` is from the sample to that point, m; `center` is (x, y) in pixels, edges at integers;
    `tilt` is the angle between beam and detector normal, and `tilt_azimuth` the direction in which
    the normal that looks at the sample leans (in the sense of pyFAI's rotation of the tilt plane),
    both degree. With n = (c1 s2, -s1, -c1 c2) that normal along (y, x, beam):
    sin rot1 = -sin tilt cos azimuth, tan rot2 = tan tilt sin azimuth.
    Raises CalibrationImplausible for values outside what any instrument has.
    """
    lean, azimuth = math.radians(tilt), math.radians(tilt_azimuth)
    rot1 = math.asin(-math.sin(lean) * math.cos(azimuth))
    rot2 = math.atan2(math.sin(lean) * math.sin(azimuth), math.cos(lean))
    normal = distance * math.cos(rot1) * math.cos(rot2)
    return Calibration(
        distance=normal,
        poni1=center[1] * detector.pixel_size_y - normal * math.tan(rot2) / math.cos(rot1),
        poni2=center[0] * detector.pixel_size_x + normal * math.tan(rot1),
        rot1=rot1,
        rot2=rot2,
        wavelength=wavelength,
        detector=detector,
    )


def coarser(instrument: VirtualInstrument, factor: int) -> VirtualInstrument:
    """Return the instrument with pixels `factor` times as large on the same area.

    Gaps keep at least one pixel; the numbers of bad pixels shrink with the area. Raises SpecError
    where the factor is not at least 1 or leaves fewer than 16 rows or columns.
    """
    rows, columns = (n // factor if factor >= 1 else 0 for n in instrument.shape)
    if min(rows, columns) < 16:
        raise SpecError(f"factor {factor} leaves {rows} x {columns} pixels, at least 16 are needed")
    old = instrument.calibration.detector
    detector = replace(
        old,
        pixel_size_y=old.pixel_size_y * factor,
        pixel_size_x=old.pixel_size_x * factor,
        shape=(rows, columns),
    )

    def shrink(ranges: Ranges, stop: int) -> Ranges:
        pairs = [(low // factor, max(high // factor, low // factor + 1)) for low, high in ranges]
        return tuple((low, min(high, stop)) for low, high in pairs if low < stop)

    return replace(
        instrument,
        calibration=replace(instrument.calibration, detector=detector),
        gap_rows=shrink(instrument.gap_rows, rows),
        gap_columns=shrink(instrument.gap_columns, columns),
        dead_pixels=math.ceil(instrument.dead_pixels / factor**2),
        hot_pixels=math.ceil(instrument.hot_pixels / factor**2),
    )
