"""The comment lines ``# Exposure_time 1.0 s`` that Dectris detectors write into TIFF and CBF."""

import re

from xrdkit.frames.headers import Fact, fact, time_fact

_NUMBER = r"([+-]?[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?)"
_SINGLE = {
    "exposure_time": (r"Exposure_time", {"s": "s"}),
    "wavelength_header": (r"Wavelength", {"A": "angstrom", "Å": "angstrom", "nm": "nm"}),
    "distance_header": (r"Detector_distance", {"m": "m", "mm": "mm"}),
}
_TIME = re.compile(r"^#\s*(\d{4}[-/]\w{2,3}[-/]\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d+)?)\s*$", re.M)


def comment_facts(text: str) -> dict[str, Fact]:
    """Return the facts of a Dectris comment block; a value without its unit is not believed.

    The filter transmission in it is that of the beamline's attenuator and is not taken over.
    """
    facts: dict[str, Fact] = {}
    for name, (key, known) in _SINGLE.items():
        match = re.search(rf"^#\s*{key}\s*[=:]?\s*{_NUMBER}\s+(\S+)\s*$", text, re.M)
        if match and match.group(2) in known:
            facts.update(fact(name, match.group(1), known[match.group(2)], key))
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
