"""Bruker DIFFRAC.SUITE .raw, version 4 (magic "RAW4.00"), little-endian.

+12 date MM/DD/YYYY (12 bytes), +24 time; from +61 a chain of segments (u32 kind, u32 length), to
the end of the file. Kind 10: +12 name (24), +36 text. Kind 30, the tube: +80 Kα1, +88 Kα2, +104
Kα2/Kα1 (f64, Å), +116 anode. Kind 0 or 160 is no segment but begins a range of 160 bytes: +32 type
of scan (24), +72 start, +80 step (f64, degree), +88 points (u32), +92 time per point ms (f32), +100
kV, +104 mA (f32), +112 wavelength (f64), +136 bytes per point, +140 bytes of the drives that follow
(u32). Of those, segments of kind 50: +8 whether it moved (u32), +12 name (24), +56 position (f64).
Then the points, each beginning with the intensity (f32). The format states no unit of it.

Source: files and their conversions to text, as public descriptions give the fields; the maker
publishes no description.
"""

from dataclasses import dataclass

from xrdkit.curves.beam import tube_lines
from xrdkit.curves.binary import Fields, even_angles
from xrdkit.curves.columns import Columns
from xrdkit.curves.counting import counted
from xrdkit.curves.facts import facts, iso_time
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.source import Source
from xrdkit.errors import CurveError
from xrdkit.radiation import Radiation

_MAGIC = b"RAW4.00"
_CHAIN, _RANGE_HEADER = 61, 160
_TEXT, _TUBE, _DRIVE = 10, 30, 50
_RANGE_KINDS = (0, 160)
_COUPLED = ("locked coupled", "unlocked coupled", "detector scan", "2theta")


@dataclass
class _Head:
    sample: str = ""
    anode: str = ""
    alpha1: float | None = None
    beam: Radiation | None = None


def matches(source: Source) -> bool:
    """Return whether the file has the magic of version 4."""
    return source.content.startswith(_MAGIC)


def read(source: Source) -> list[RawCurve]:
    """Return the ranges of the file, angles in degree.

    Raises CurveError where the chain of segments breaks, or there is no range.
    """
    fields, head = Fields(source=source), _Head()
    found: list[RawCurve] = []
    at, end = _CHAIN, len(source.content)
    while at + 8 <= end:
        if fields.u32(at) in _RANGE_KINDS:
            curve, at = _range(fields, at, head)
            found.append(curve)
            continue
        kind, length = _segment(fields, at, end)
        if kind == _TEXT and fields.text(at + 12, 24) == "SAMPLEID":
            head.sample = fields.text(at + 36, length - 36)
        elif kind == _TUBE:
            head.anode = fields.text(at + 116, 4)
            head.alpha1 = fields.f64(at + 80)
            lines = head.alpha1, fields.f64(at + 88), fields.f64(at + 104)
            head.beam = tube_lines(head.anode, *lines)
        at += length
    if not found:
        raise CurveError("holds no range", source=source.file)
    return found


def _segment(fields: Fields, at: int, end: int) -> tuple[int, int]:
    kind, length = fields.u32(at), fields.u32(at + 4)
    if length < 8 or at + length > end:
        raise CurveError(
            f"the segment of kind {kind} at byte {at} is {length} bytes long",
            source=fields.source.file,
            hint="the file is truncated or damaged; fetch it again",
        )
    return kind, length


def _range(fields: Fields, at: int, head: _Head) -> tuple[RawCurve, int]:
    start, step, points = fields.f64(at + 72), fields.f64(at + 80), fields.u32(at + 88)
    size, drives = fields.u32(at + 136), fields.u32(at + 140)
    if size < 4 or size % 4 or size > 1024:
        raise CurveError(f"a point has {size} bytes", source=fields.source.file)
    data = at + _RANGE_HEADER + drives
    angles = even_angles(start, step, points, fields.source)
    milliseconds = fields.f32(at + 92)
    time = milliseconds / 1000 if 0 < milliseconds < 1e9 else None
    fields.require(data + points * size)
    result = counted(fields.floats(data, points, size), rate=False, time=time)
    moved = _moved(fields, at + _RANGE_HEADER, data, start)
    kind = fields.text(at + 32, 24)
    axis = ", ".join(moved) or kind
    if moved:
        is_angle = any(name.lower().replace(" ", "") in ("2theta", "twotheta") for name in moved)
    else:
        is_angle = kind.lower() in _COUPLED
    note: dict[str, str | int | float] = {"intensity_note": _NO_UNIT}
    curve = RawCurve(
        columns=Columns(
            abscissa=angles,
            intensity=result.intensity,
            sigma=result.sigma,
            source=str(fields.source.file),
        ),
        unit="degree",
        intensity_unit=result.unit if result.sigma is not None else None,
        default_unit="1",
        beam=head.beam,
        facts=facts(
            sample_name=head.sample,
            start_time=iso_time(f"{fields.text(12, 12)} {fields.text(24, 10)}"),
            anode=head.anode,
            wavelength_stated=head.alpha1,
            tube_voltage=fields.f32(at + 100),
            tube_current=fields.f32(at + 104),
            scan_axis=axis,
            exposure_time=time,
        ),
        attrs=result.attrs if result.sigma is not None else note,
        refused=None if is_angle else f"the scan moves {axis} and not 2θ",
    )
    return curve, data + points * size


_NO_UNIT = "the format states no unit, and these are no whole counts"


def _moved(fields: Fields, at: int, end: int, start: float) -> list[str]:
    """Return the drives that moved and stood at the start of the range, 2Theta among them."""
    found = []
    while at < end:
        kind, length = _segment(fields, at, end)
        moved = kind == _DRIVE and length >= 64 and fields.u32(at + 8) > 0
        if moved and abs(fields.f64(at + 56) - start) < 1e-6:
            found.append(fields.text(at + 12, 24))
        at += length
    return found
