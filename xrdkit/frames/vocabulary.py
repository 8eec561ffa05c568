"""The one vocabulary of header facts: name, stored unit, meaning and bounds of each."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Coordinate:
    """What one named header coordinate is."""

    unit: str
    """Stored unit; empty for text."""
    long_name: str
    """For axes and tables."""
    low: float = 0.0
    """Smallest possible value (exclusive), in the stored unit."""
    high: float = float("inf")
    """Largest possible value, in the stored unit."""


def _length(what: str, low: float, high: float) -> Coordinate:
    return Coordinate(unit="m", long_name=f"{what} stated in the header", low=low, high=high)


def _pixel(what: str) -> Coordinate:
    return Coordinate(unit="pixel", long_name=f"what the header calls {what}", low=-1e6, high=1e6)


def _count(what: str) -> Coordinate:
    return Coordinate(unit="count", long_name=what, high=1e30)


_WAVELENGTH = "wavelength stated in the header"
_ENERGY = "photon energy stated in the header"

#: Every coordinate that a header may give. Names ending in ``_header`` are hints, not geometry.
COORDINATES: dict[str, Coordinate] = {
    "exposure_time": Coordinate(unit="s", long_name="exposure time", high=1e7),
    "live_time": Coordinate(unit="s", long_name="time for which photons were counted", high=1e7),
    "exposure_period": Coordinate(
        unit="s", long_name="time from the start of one exposure to the next", high=1e7
    ),
    "wavelength_header": Coordinate(unit="angstrom", long_name=_WAVELENGTH, low=0.01, high=100.0),
    "photon_energy_header": Coordinate(unit="keV", long_name=_ENERGY, low=0.1, high=1300.0),
    "distance_header": _length("sample to detector distance", 1e-3, 200.0),
    "monitor": _count("incident-beam monitor"),
    "monitor_raw": _count("incident-beam monitor before division by its gain"),
    "monitor_gain": Coordinate(unit="V/A", long_name="gain of the monitor amplifier", high=1e30),
    "monitor_after": _count("monitor behind the sample"),
    "monitor_after_raw": _count("monitor behind the sample before division by its gain"),
    "monitor_after_gain": Coordinate(
        unit="V/A", long_name="gain of the amplifier of the monitor behind the sample", high=1e30
    ),
    "transmission": Coordinate(unit="1", long_name="transmission of the sample", high=1.0),
    "thickness": Coordinate(
        unit="cm", long_name="thickness of the sample along the beam", high=100.0
    ),
    "temperature": Coordinate(unit="K", long_name="temperature of the sample", high=5000.0),
    "start_time": Coordinate(unit="", long_name="start of the exposure, ISO 8601"),
    "sample_name": Coordinate(unit="", long_name="what the header calls the sample"),
    "beam_center_x_header": _pixel("beam centre x"),
    "beam_center_y_header": _pixel("beam centre y"),
    "pixel_size_x_header": _length("pixel size along x", 1e-7, 1e-2),
    "pixel_size_y_header": _length("pixel size along y", 1e-7, 1e-2),
    "detector_angle_header": Coordinate(
        unit="degree",
        long_name="swing angle of the detector stated in the header",
        low=-180.1,
        high=180.0,
    ),
    "detector_name": Coordinate(unit="", long_name="what the header calls the detector"),
    "sensor_material": Coordinate(unit="", long_name="material of the sensor"),
    "sensor_thickness": _length("thickness of the sensor", 1e-7, 0.1),
    "threshold_energy": Coordinate(
        unit="keV", long_name="energy threshold of the counter", high=1300.0
    ),
    "dead_time_header": Coordinate(
        unit="s", long_name="dead time with which the detector corrected its rates", high=1e-2
    ),
    "count_cutoff": Coordinate(
        unit="count", long_name="counts from which a pixel is saturated", high=1e19
    ),
}
#: Names of `COORDINATES` that hold text.
TEXTS = tuple(name for name, what in COORDINATES.items() if not what.unit)
