"""The comment lines ``# Exposure_time 1.0 s`` that Dectris detectors write into TIFF and CBF."""

import re

from xrdkit.frames.headers import Fact, fact, text_fact, time_fact

_NUMBER = r"([+-]?[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?)"
_SINGLE = {
    "exposure_time": (r"Exposure_time", {"s": "s"}),
    "exposure_period": (r"Exposure_period", {"s": "s"}),
    "dead_time_header": (r"Tau", {"s": "s"}),
    "count_cutoff": (r"Count_cutoff", {"counts": "count"}),
    "threshold_energy": (r"Threshold_setting", {"eV": "eV", "keV": "keV"}),
    "photon_energy_header": (r"(?:Photon_energy|X-ray_energy)", {"eV": "eV", "keV": "keV"}),
    "detector_angle_header": (r"Detector_2theta", {"deg.": "degree", "deg": "degree"}),
    "wavelength_header": (r"Wavelength", {"A": "angstrom", "Å": "angstrom", "nm": "nm"}),
    "distance_header": (r"Detector_distance", {"m": "m", "mm": "mm"}),
}
_DETECTOR = re.compile(r"^#\s*Detector\s*[=:]\s*([^,\r\n]+)", re.M)
_SENSOR = re.compile(rf"^#\s*(\w+) sensor,\s*thickness\s+{_NUMBER}\s+m\s*$", re.M | re.I)
_TIME = re.compile(r"^#\s*(\d{4}[-/]\w{2,3}[-/]\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d+)?)\s*$", re.M)


def comment_facts(text: str) -> dict[str, Fact]:
    """Return the facts of a Dectris comment block; a value without its unit is not believed.

    The filter transmission in it is that of the beamline's attenuator and is not taken over.
    """
    facts: dict[str, Fact] = {}
    for name, (key, known) in _SINGLE.items():
        match = re.search(rf"^#\s*{key}\s*[=:]?\s*{_NUMBER}\s+(\S+)\s*$", text, re.M)
        if match and match.group(2) in known:
            label = key if key.isidentifier() else match.group(0).strip("# ").split()[0].strip(":")
            facts.update(fact(name, match.group(1), known[match.group(2)], label))
    detector = _DETECTOR.search(text)
    if detector:
        facts.update(text_fact("detector_name", detector.group(1), "Detector"))
    sensor = _SENSOR.search(text)
    if sensor:
        facts.update(text_fact("sensor_material", sensor.group(1), "sensor"))
        facts.update(fact("sensor_thickness", sensor.group(2), "m", "sensor, thickness"))
    pixel = re.search(
        rf"^#\s*Pixel_size\s*[=:]?\s*{_NUMBER}\s+m\s+x\s+{_NUMBER}\s+m\s*$", text, re.M
    )
    if pixel:
        facts.update(fact("pixel_size_x_header", pixel.group(1), "m", "Pixel_size"))
        facts.update(fact("pixel_size_y_header", pixel.group(2), "m", "Pixel_size"))
    beam = re.search(
        rf"^#\s*Beam_xy\s*[=:]?\s*\(\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\)\s*pixels\s*$", text, re.M
    )
    if beam:
        facts.update(fact("beam_center_x_header", beam.group(1), "pixel", "Beam_xy"))
        facts.update(fact("beam_center_y_header", beam.group(2), "pixel", "Beam_xy"))
    moment = _TIME.search(text)
    if moment:
        facts.update(time_fact(moment.group(1), "comment"))
    return facts
