"""Header facts of SMV files: ADSC keys, and the d*TREK keys of Rigaku.

Source of the d*TREK keys: Rigaku, d*TREK Image Format, version 1.1. Its detector keys carry the
prefix that DETECTOR_NAMES states; lists that begin with their own length are told by that.
"""

from collections.abc import Mapping

from xrdkit.frames.headers import Fact, fact, number, text_fact, time_fact

#: coordinate -> (key, unit)
_ADSC = {
    "exposure_time": ("TIME", "s"),
    "wavelength_header": ("WAVELENGTH", "angstrom"),
    "distance_header": ("DISTANCE", "mm"),
    "pixel_size_x_header": ("PIXEL_SIZE", "mm"),
    "pixel_size_y_header": ("PIXEL_SIZE", "mm"),
    "detector_angle_header": ("TWOTHETA", "degree"),
    "count_cutoff": ("CCD_IMAGE_SATURATION", "count"),
}
#: coordinate -> (key after the prefix of the detector, place in its list, unit)
_DETECTOR = {
    "beam_center_x_header": ("SPATIAL_DISTORTION_INFO", 0, "pixel"),
    "beam_center_y_header": ("SPATIAL_DISTORTION_INFO", 1, "pixel"),
    "pixel_size_x_header": ("SPATIAL_DISTORTION_INFO", 2, "mm"),
    "pixel_size_y_header": ("SPATIAL_DISTORTION_INFO", 3, "mm"),
    "detector_angle_header": ("GONIO_VALUES", 1, "degree"),
    "distance_header": ("GONIO_VALUES", 5, "mm"),
}
_ROTATION_TIME = 3
_GONIO_AXES = 6


def header_facts(keys: Mapping[str, str]) -> dict[str, Fact]:
    """Return what an SMV header tells; `keys` are its keys with their text."""
    facts: dict[str, Fact] = {}
    for name, (key, unit) in _ADSC.items():
        facts.update(fact(name, keys.get(key, ""), unit, key))
    size = number(keys.get("PIXEL_SIZE"))
    for axis in "xy":
        key = f"BEAM_CENTER_{axis.upper()}"
        place = number(keys.get(key))
        if size and place is not None:
            name = f"beam_center_{axis}_header"
            facts.update(fact(name, place / size, "pixel", f"{key} / PIXEL_SIZE"))
    facts.update(text_fact("detector_name", keys.get("DETECTOR"), "DETECTOR"))
    facts.update(time_fact(keys.get("DATE"), "DATE"))
    for name, found in _dtrek(keys).items():
        facts.setdefault(name, found)
    return facts


def _dtrek(keys: Mapping[str, str]) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    prefix = next(iter(keys.get("DETECTOR_NAMES", "").split()), "")
    for name, (stem, place, unit) in _DETECTOR.items():
        key = prefix + stem
        words = keys.get(key, "").split() if prefix else []
        if stem == "GONIO_VALUES" and len(words) != _GONIO_AXES:
            continue
        if place < len(words):
            facts.update(fact(name, words[place], unit, f"{key}[{place + 1}]"))
    waves = keys.get("SOURCE_WAVELENGTH", "").split()
    if len(waves) > 1:  # the number of wavelengths, then the wavelengths
        facts.update(fact("wavelength_header", waves[1], "angstrom", "SOURCE_WAVELENGTH[2]"))
    for key in ("ROTATION", "SCAN_ROTATION"):
        words = keys.get(key, "").split()
        if "exposure_time" not in facts and len(words) > _ROTATION_TIME:
            facts.update(fact("exposure_time", words[_ROTATION_TIME], "s", f"{key}[4]"))
    facts.update(fact("count_cutoff", keys.get("SATURATED_VALUE", ""), "count", "SATURATED_VALUE"))
    description = keys.get(f"{prefix}DETECTOR_DESCRIPTION") if prefix else None
    facts.update(text_fact("detector_name", description, f"{prefix}DETECTOR_DESCRIPTION"))
    facts.update(time_fact(keys.get("DTREK_DATE_TIME"), "DTREK_DATE_TIME"))
    return facts
