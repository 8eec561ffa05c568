"""PANalytical XRDML: scans of a diffractometer in XML.

xrdMeasurement > usedWavelength (Å), incidentBeamPath (tube, optics, radius), scan > dataPoints:
positions of each axis (start and end of equal steps, a list, or one common position), counting
times (s), beam attenuation factors, and ``intensities`` (schema 1.x: counts already multiplied by
the attenuation) or ``counts`` (schema 2.x: raw counts). The angle is that of the axis 2Theta.

Source: the XML schemas 1.5 (2010) and 2.1 at www.xrdml.com/XRDMeasurement.
"""

import numpy as np

from xrdkit.curves.columns import Array, Columns
from xrdkit.curves.counting import counted
from xrdkit.curves.facts import facts, iso_time
from xrdkit.curves.markup import (
    Element,
    looks_like_xml,
    number_list,
    parse,
    text_of,
)
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.source import Source
from xrdkit.curves.xrdml_instrument import instrument, stated_beam, temperature
from xrdkit.errors import CurveError

_ROOT = "xrdMeasurements"


def matches(source: Source) -> bool:
    """Return whether the file begins as an XRDML document."""
    head = source.head.replace(b"\0", b"")
    return looks_like_xml(source.head) and f"<{_ROOT}".encode() in head


def read(source: Source) -> list[RawCurve]:
    """Return the scans of an XRDML file, angles in degree.

    Raises CurveError where it holds no scan, or a list that is not as long as the intensities.
    """
    root = parse(source.content, source.file, source.limits)
    sample = text_of(root, "sample/name") or text_of(root, "sample/id")
    found = [
        _scan(measurement, scan, sample, source)
        for measurement in root.iter("xrdMeasurement")
        for scan in measurement.findall("scan")
    ]
    if not found:
        raise CurveError("holds no scan", source=source.file)
    return found


def _scan(measurement: Element, scan: Element, sample: str | None, source: Source) -> RawCurve:
    points = scan.find("dataPoints")
    node = None if points is None else points.find("intensities")
    raw = node is None
    if points is not None and node is None:
        node = points.find("counts")
    if points is None or node is None:
        raise CurveError("a scan has no intensities", source=source.file)
    values = number_list(node.text, "intensities", source.file)
    times = _per_point(points, "commonCountingTime", "countingTimes", values.size, source)
    factors = _per_point(
        points, "commonBeamAttenuationFactor", "beamAttenuationFactors", values.size, source
    )
    axis = scan.get("scanAxis", "")
    refused = None
    angles = _angles(points, values.size, source)
    if angles is None:
        refused = f"the scan moves {axis or 'an axis'} and not 2Theta"
        angles = np.zeros(values.size)
    if raw and any(points.find(n) is not None for n in _DIVERGENCE):
        refused = "its counts have divergence corrections, whose use the format does not define"
    rate = node.get("unit", "counts").lower() in ("cps", "counts/s")
    if raw and factors is not None:
        values = values * factors
    result = counted(values, rate=rate, time=times, factor=factors)
    even = times is not None and np.ptp(times) == 0
    return RawCurve(
        columns=Columns(
            abscissa=angles,
            intensity=result.intensity,
            sigma=result.sigma,
            source=str(source.file),
        ),
        unit="degree",
        intensity_unit=result.unit,
        default_unit="1",
        beam=stated_beam(measurement),
        facts=facts(
            **instrument(measurement),
            sample_name=sample,
            start_time=iso_time(text_of(scan, "header/startTimeStamp")),
            scan_axis=axis,
            exposure_time=times[0] if even and times is not None else None,
            temperature=temperature(scan),
        ),
        attrs=result.attrs,
        refused=refused,
    )


_DIVERGENCE = ("commonDivergenceCorrection", "divergenceCorrections")


def _per_point(points: Element, common: str, each: str, size: int, source: Source) -> Array | None:
    for name in (each, common):
        text = text_of(points, name)
        if text is not None:
            numbers = number_list(text, name, source.file)
            if numbers.size not in (1, size):
                raise CurveError(
                    f"{name} has {numbers.size} values for {size} intensities", source=source.file
                )
            return np.array(np.broadcast_to(numbers, (size,)))
    return None


def _angles(points: Element, size: int, source: Source) -> Array | None:
    for positions in points.findall("positions"):
        if positions.get("axis") != "2Theta":
            continue
        if positions.get("unit", "deg") != "deg":
            raise CurveError(f"2Theta is in {positions.get('unit')!r}", source=source.file)
        listed = text_of(positions, "listPositions")
        if listed is not None:
            angles = number_list(listed, "positions", source.file)
            if angles.size != size:
                raise CurveError(
                    f"has {angles.size} positions for {size} intensities", source=source.file
                )
            return angles
        ends = [text_of(positions, name) for name in ("startPosition", "endPosition")]
        if None not in ends:
            start, end = number_list(" ".join(map(str, ends)), "positions", source.file)
            return np.linspace(start, end, size)
    return None
