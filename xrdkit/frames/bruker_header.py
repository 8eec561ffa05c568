"""The text header of Bruker frames and the facts in it.

Lengths are in cm, times in s, angles in degree. The user, the site and the names of files in it are
not taken over, nor the pixel size: PIXPERCM counts pixels of a raster that the header does not
name.
"""

from collections.abc import Mapping
from pathlib import Path

from xrdkit.errors import FrameCorrupt, FrameTruncated
from xrdkit.frames._files import ByteSource
from xrdkit.frames.headers import Fact, fact, text_fact, time_fact
from xrdkit.limits import Limits

_LINE, _BLOCK, _FIRST_BLOCKS = 80, 512, 5
#: coordinate -> (key, place in its list, unit), in order of preference.
_PLACES = (
    ("exposure_time", "CUMULAT", 0, "s"),
    ("exposure_time", "ELAPSDA", 0, "s"),
    ("wavelength_header", "WAVELEN", 0, "angstrom"),
    # the second distance is that of the phosphor, where it is stated
    ("distance_header", "DISTANC", 1, "cm"),
    ("distance_header", "DISTANC", 0, "cm"),
    ("beam_center_x_header", "CENTER", 0, "pixel"),
    ("beam_center_y_header", "CENTER", 1, "pixel"),
    ("detector_angle_header", "ANGLES", 0, "degree"),
)


def read_header(path: Path, data: ByteSource, limits: Limits) -> tuple[dict[str, str], int]:
    """Return the keys of a Bruker header with their text, and where the raster starts.

    Lines of the same key follow one another in its text. Raises FrameTruncated where the file ends
    within the header, FrameCorrupt where it states no size.
    """
    first = _BLOCK * _FIRST_BLOCKS
    present = data.size_at_most(first)
    if present < first:
        raise FrameTruncated(f"ends {first - present:,} bytes early in its header", source=path)
    keys = _lines(data.read(0, first))
    blocks = keys.get("HDRBLKS", "")
    if not blocks.isascii() or not blocks.isdigit() or int(blocks[:9]) < _FIRST_BLOCKS:
        raise FrameCorrupt(f"states HDRBLKS {blocks!r}", source=path)
    size = int(blocks[:9]) * _BLOCK
    limits.check("header_bytes", size, source=path)
    present = data.size_at_most(size)
    if present < size:
        raise FrameTruncated(f"ends {size - present:,} bytes early in its header", source=path)
    keys = _lines(data.read(0, size))
    if keys.get("FORMAT") not in ("86", "100"):
        raise FrameCorrupt(f"states FORMAT {keys.get('FORMAT')!r}", source=path)
    return keys, size


def header_facts(keys: Mapping[str, str]) -> dict[str, Fact]:
    """Return what a Bruker header tells."""
    facts: dict[str, Fact] = {}
    for name, key, place, unit in _PLACES:
        words = keys.get(key, "").split()
        if name not in facts and place < len(words):
            label = key if place == 0 else f"{key}[{place + 1}]"
            facts.update(fact(name, words[place], unit, label))
    facts.update(text_fact("sample_name", keys.get("SAMPLE"), "SAMPLE"))
    detector = next(iter(keys.get("DETTYPE", "").split()), "")
    facts.update(text_fact("detector_name", detector, "DETTYPE"))
    facts.update(time_fact(keys.get("CREATED"), "CREATED"))
    return facts


def _lines(header: bytes) -> dict[str, str]:
    keys: dict[str, str] = {}
    text = header.decode("latin-1")
    for at in range(0, len(text), _LINE):
        name, colon, value = text[at : at + _LINE].partition(":")
        if colon and name.strip().isprintable():
            name, value = name.strip(), value.strip()
            keys[name] = f"{keys[name]}\n{value}" if name in keys else value
    return keys
