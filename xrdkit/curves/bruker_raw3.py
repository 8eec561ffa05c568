"""Bruker DIFFRACplus .raw, version 3 (magic "RAW1.01"), little-endian.

Header of 712 bytes: +12 ranges (u32), +16 date MM/DD/YY (10), +26 time (10), +326 sample (60),
+564 radius mm (f32), +608 anode (4), +624 Kα1, +632 Kα2, +648 Kα2/Kα1 (f64, Å). Per range: +0
header length, +4 points (u32), +8 start θ, +16 start 2θ, +176 step (f64, degree), +192 time per
point s (f32), +196 scan type (u32), +224 kV, +228 mA (u32), +248 bits of what varies per point,
+252 bytes per point, +256 bytes of supplementary headers (u32); after both headers the points, each
beginning with the intensity (f32, counts). The measured 2θ follows it where bit 0 is set.

Scan types (0 locked coupled, 1 unlocked coupled, 2 detector scan) move 2θ; others do not.

Source: "A.1 DIFFRAC^plus V3 RAW File Structure", DIFFRAC^plus FILE EXCHANGE and XCH (Bruker AXS
2002), as public descriptions of it give the fields.
"""

from xrdkit.curves.beam import tube_lines
from xrdkit.curves.binary import Fields, even_angles
from xrdkit.curves.columns import Columns
from xrdkit.curves.counting import counted
from xrdkit.curves.facts import facts, iso_time
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.source import Source
from xrdkit.errors import CurveError

_MAGIC = (b"RAW1.01", b"RAW1.02")
_HEADER = 712
_MOST_RANGES = 100_000
#: Scan types whose step is that of 2θ.
_MOVES_TWO_THETA = (0, 1, 2)


def matches(source: Source) -> bool:
    """Return whether the file has the magic of version 3."""
    return source.content.startswith(_MAGIC)


def read(source: Source) -> list[RawCurve]:
    """Return the ranges of the file, angles in degree.

    Raises CurveError where it is truncated or a range is none that a diffractometer measures.
    """
    fields = Fields(source=source)
    ranges = fields.u32(12)
    if not 0 < ranges <= _MOST_RANGES:
        raise CurveError(f"declares {ranges} ranges", source=source.file)
    found, at = [], _HEADER
    for _ in range(ranges):
        curve, at = _range(fields, at)
        found.append(curve)
    return found


def _range(fields: Fields, at: int) -> tuple[RawCurve, int]:
    head, points = fields.u32(at), fields.u32(at + 4)
    if not 260 <= head <= 10_000:
        raise CurveError(f"a range header has {head} bytes", source=fields.source.file)
    start, step = fields.f64(at + 16), fields.f64(at + 176)
    time, kind = fields.f32(at + 192), fields.u32(at + 196)
    size = fields.u32(at + 252) or 4
    if size % 4 or size > 1024:
        raise CurveError(f"a point has {size} bytes", source=fields.source.file)
    data = at + head + fields.u32(at + 256)
    angles = even_angles(start, step, points, fields.source)
    fields.require(data + points * size)
    result = counted(fields.floats(data, points, size), rate=False, time=time)
    if fields.u32(at + 248) & 1 and size >= 12:
        angles = fields.doubles(data + 4, points, size)
    refused = None if kind in _MOVES_TWO_THETA else f"its scan type {kind} does not move 2θ"
    anode = fields.text(608, 4)
    curve = RawCurve(
        columns=Columns(
            abscissa=angles,
            intensity=result.intensity,
            sigma=result.sigma,
            source=str(fields.source.file),
        ),
        unit="degree",
        intensity_unit=result.unit,
        default_unit="1",
        beam=tube_lines(anode, fields.f64(624), fields.f64(632), fields.f64(648)),
        facts=facts(
            sample_name=fields.text(326, 60),
            start_time=iso_time(f"{fields.text(16, 10)} {fields.text(26, 10)}"),
            anode=anode,
            wavelength_stated=fields.f64(624),
            tube_voltage=fields.u32(at + 224),
            tube_current=fields.u32(at + 228),
            exposure_time=time,
            goniometer_radius=fields.f32(564),
        ),
        attrs=result.attrs,
        refused=refused,
    )
    return curve, data + points * size
