"""Header facts of TIFF: Dectris comments, SAXSLAB/Xenocs parameters, EPICS tags, MarCCD."""

import re
import struct
from pathlib import Path

from xrdkit.errors import FrameTruncated
from xrdkit.frames._files import ByteSource
from xrdkit.frames.dectris_comment import comment_facts
from xrdkit.frames.epics_tags import epics_facts
from xrdkit.frames.headers import Fact, fact, text_fact, time_fact
from xrdkit.frames.tiff_directory import Directory, Layout

_DESCRIPTION, _MODEL, _DATE, _ARTIST, _MARCCD = 270, 272, 306, 315, 34710
_PARAMETER = re.compile(r'<param name="([\w.]+)">([^<]*)</param>')
#: coordinate -> (parameter, unit); the detector counts row, column in `beamcenter_actual`.
_SAXSLAB = {
    "exposure_time": ("det_exposure_time", "s"),
    "exposure_period": ("det_exposure_period", "s"),
    "live_time": ("livetime", "s"),
    "count_cutoff": ("det_count_cutoff", "count"),
    "threshold_energy": ("det_threshold_setting", "eV"),
    "dead_time_header": ("det_tau", "s"),
    "sensor_thickness": ("det_thickness", "m"),
    "thickness": ("sample_thickness", "cm"),
    "temperature": ("sample_temp", "degC"),
    "wavelength_header": ("wavelength", "angstrom"),
    "distance_header": ("detector_dist", "mm"),
    "transmission": ("sample_transfact", "1"),
    "monitor": ("saxsconf_Imon", "count"),
}
#: coordinate -> (bytes after the start of the MarCCD header, divisor, unit, field name)
_MARCCD_FIELDS = {
    "distance_header": (640, 1e3, "mm", "xtal_to_detector"),
    "beam_center_x_header": (644, 1e3, "pixel", "beam_x"),
    "beam_center_y_header": (648, 1e3, "pixel", "beam_y"),
    "exposure_time": (656, 1e3, "s", "exposure_time"),
    "pixel_size_x_header": (772, 1e9, "m", "pixelsize_x"),
    "pixel_size_y_header": (776, 1e9, "m", "pixelsize_y"),
    "wavelength_header": (908, 1e5, "angstrom", "source_wavelength"),
}
_MARCCD_START, _MARCCD_BYTES = 1024, 3072
_MARCCD_NAME, _MARCCD_ACQUIRED = slice(4, 20), slice(1344, 1376)


def header_facts(path: Path, data: ByteSource, layout: Layout, tags: Directory) -> dict[str, Fact]:
    """Return what the header of one TIFF page tells."""
    facts: dict[str, Fact] = {}
    artist = _text(tags, _ARTIST)
    if "<SAXSLABparameters>" in artist:
        facts.update(_saxslab_facts(artist))
    for name, found in comment_facts(_text(tags, _DESCRIPTION)).items():
        facts.setdefault(name, found)
    for name, found in epics_facts(tags).items():
        facts.setdefault(name, found)
    if "detector_name" not in facts:
        facts.update(text_fact("detector_name", _text(tags, _MODEL), "Model"))
    if _MARCCD in tags.numbers:
        for name, found in _marccd_facts(path, data, layout).items():
            facts.setdefault(name, found)
    if "start_time" not in facts:
        facts.update(time_fact(_text(tags, _DATE), "DateTime"))
    return facts


def _text(tags: Directory, tag: int) -> str:
    text = tags.texts.get(tag, b"").split(b"\0")[0].decode("latin-1").replace("\r\n", "\n")
    # fabio writes the name of the tag into its value
    return text.removeprefix("ImageDescription=")


def _saxslab_facts(text: str) -> dict[str, Fact]:
    values: dict[str, str] = {}
    for key, value in _PARAMETER.findall(text):
        values.setdefault(key, value.strip())
    facts: dict[str, Fact] = {}
    for name, (key, unit) in _SAXSLAB.items():
        facts.update(fact(name, values.get(key, ""), unit, key))
    facts.update(text_fact("sample_name", values.get("sample_ID"), "sample_ID"))
    for axis, size in zip("xy", values.get("det_pixel_size", "").split(), strict=False):
        facts.update(fact(f"pixel_size_{axis}_header", size, "m", "det_pixel_size"))
    row, _, column = values.get("beamcenter_actual", "").partition(" ")
    facts.update(fact("beam_center_y_header", row, "pixel", "beamcenter_actual"))
    facts.update(fact("beam_center_x_header", column, "pixel", "beamcenter_actual"))
    facts.update(time_fact(values.get("start_timestamp"), "start_timestamp"))
    return facts


def _marccd_facts(path: Path, data: ByteSource, layout: Layout) -> dict[str, Fact]:
    try:
        header = data.read(_MARCCD_START, _MARCCD_BYTES)
    except FrameTruncated as exc:
        raise FrameTruncated("ends within the MarCCD header", source=path) from exc
    if not header[_MARCCD_NAME].startswith((b"MMX", b"MARCCD")):
        return {}
    facts: dict[str, Fact] = {}
    for name, (at, divisor, unit, key) in _MARCCD_FIELDS.items():
        (raw,) = struct.unpack_from(layout.order + "i", header, at)
        if raw != 0:
            facts.update(fact(name, raw / divisor, unit, key))
    acquired = header[_MARCCD_ACQUIRED].split(b"\0")[0]
    facts.update(time_fact(acquired, "acquire_timestamp"))
    return facts
