"""Siemens/Bruker DIFFRAC-AT .raw, versions 1 (magic "RAW ") and 2 ("RAW2"), little-endian.

Version 1, per range of 156 + 4 n bytes: +4 number of points n (u32), +8 time per point s (f32),
+12 step degree (f32), +24 start 2θ (f32), +28 start θ, +40 sample (32 bytes), +72 Kα1 and +76 Kα2 Å
(f32), +152 whether a range follows (u32), then n intensities (f32). Later ranges may leave out the
magic. Version 2: 256 bytes with +4 ranges (u16), +168 date (20), +188 anode (2), +190 Kα1, +194
Kα2, +198 their ratio (f32); per range +0 header length (u16), +2 points (u16), +8 time, +12 step,
+16 start 2θ (f32), +46 temperature K (u16), then the intensities. Both hold counts.

Source: "Appendix B: DIFFRAC-AT Raw Data File Format" of the diffractometer's manual, as public
descriptions of it give the fields.
"""

from xrdkit.curves.beam import tube_lines
from xrdkit.curves.binary import Fields, even_angles
from xrdkit.curves.columns import Columns
from xrdkit.curves.counting import counted
from xrdkit.curves.facts import facts
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.source import Source
from xrdkit.errors import CurveError
from xrdkit.radiation import Radiation

_V1, _V2 = b"RAW ", b"RAW2"
_HEAD1, _HEAD2 = 156, 256
_MOST_RANGES = 10_000


def matches(source: Source) -> bool:
    """Return whether the file has the magic of version 1 or 2."""
    return source.content.startswith((_V1, _V2))


def read(source: Source) -> list[RawCurve]:
    """Return the ranges of the file, angles in degree.

    Raises CurveError where it is truncated or a range is none that a diffractometer measures.
    """
    fields = Fields(source=source)
    return _version1(fields) if source.content.startswith(_V1) else _version2(fields)


def _version1(fields: Fields) -> list[RawCurve]:
    found: list[RawCurve] = []
    at, follows = 0, True
    while follows:
        if len(found) >= _MOST_RANGES:
            raise CurveError(f"has more than {_MOST_RANGES} ranges", source=fields.source.file)
        if found and fields.source.content[at : at + 4] != _V1:
            at -= 4  # early files do not repeat the magic
        points = fields.u32(at + 4)
        time, step, start = (fields.f32(at + k) for k in (8, 12, 24))
        beam = tube_lines(None, fields.f32(at + 72), fields.f32(at + 76))
        sample = fields.text(at + 40, 32)
        follows = fields.u32(at + 152) > 0
        found.append(
            _range(
                fields,
                at + _HEAD1,
                (points, start, step),
                time,
                beam,
                {"sample_name": sample, "wavelength_stated": fields.f32(at + 72)},
            )
        )
        at += _HEAD1 + 4 * points
    return found


def _version2(fields: Fields) -> list[RawCurve]:
    anode = fields.text(188, 2)
    beam = tube_lines(anode, *(fields.f32(at) for at in (190, 194, 198)))
    found, at = [], _HEAD2
    for _ in range(fields.u16(4)):
        head, points = fields.u16(at), fields.u16(at + 2)
        if head < 48:
            raise CurveError(f"a range header has {head} bytes", source=fields.source.file)
        time, step, start = (fields.f32(at + k) for k in (8, 12, 16))
        found.append(
            _range(
                fields,
                at + head,
                (points, start, step),
                time,
                beam,
                {
                    "temperature": fields.u16(at + 46),
                    "anode": anode,
                    "wavelength_stated": fields.f32(190),
                },
            )
        )
        at += head + 4 * points
    if not found:
        raise CurveError("holds no range", source=fields.source.file)
    return found


def _range(
    fields: Fields,
    at: int,
    axis: tuple[int, float, float],
    time: float,
    beam: Radiation | None,
    stated: dict[str, float | str],
) -> RawCurve:
    points, start, step = axis
    angles = even_angles(start, step, points, fields.source)
    result = counted(fields.floats(at, points), rate=False, time=time)
    return RawCurve(
        columns=Columns(
            abscissa=angles,
            intensity=result.intensity,
            sigma=result.sigma,
            source=str(fields.source.file),
        ),
        unit="degree",
        intensity_unit=result.unit,
        default_unit="1",
        beam=beam,
        facts=facts(exposure_time=time, **stated),
        attrs=result.attrs,
    )
