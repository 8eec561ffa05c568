"""Bruker .brml: a zip archive; each ``RawData<n>.xml`` is one range of a measurement.

A DataRoute with RouteFlag "Measured" has one Datum per point, numbers divided by commas. Its
DataViews tell what the numbers are: MeasuredTime (s), AbsorptionFactor, the scanned axes and the
recorded counter. The recorded value is already multiplied by the absorption factor. The tube is
under FixedInformation/Instrument (wavelengths in Å, Voltage in kV, Current in mA, Radius in mm).

Source: files of the instruments; the maker publishes no description. Counts divided by the factor
being whole numbers, and no step where the absorber changes, show that they were multiplied by it.
"""

import re

from xrdkit.curves.archive import MAGIC, Archive, open_archive
from xrdkit.curves.brml_instrument import instrument, stated_beam
from xrdkit.curves.columns import Array, Columns
from xrdkit.curves.counting import counted
from xrdkit.curves.facts import facts, iso_time
from xrdkit.curves.markup import Element, number_list, parse, text_of
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.source import Source
from xrdkit.errors import CurveError

_RAW_DATA = re.compile(r"(?:.*/)?RawData(\d+)\.xml$")


def matches(source: Source) -> bool:
    """Return whether the file is a zip archive with raw data of a .brml in its directory."""
    return source.content.startswith(MAGIC) and bool(_members(open_archive(source)))


def read(source: Source) -> list[RawCurve]:
    """Return the ranges of a .brml file, angles in degree.

    Raises CurveError where a range has no measured points, or its points do not have the columns
    that it describes.
    """
    archive = open_archive(source)
    return [_range(archive, name) for name in _members(archive)]


def _members(archive: Archive) -> list[str]:
    numbered = [(int(m[1]), n) for n in archive.members if (m := _RAW_DATA.match(n))]
    return [name for _, name in sorted(numbered)]


def _range(archive: Archive, member: str) -> RawCurve:
    source = archive.source
    root = parse(archive.read(member), source.file, source.limits, member=member)
    routes = root.findall("DataRoutes/DataRoute")
    measured = [r for r in routes if r.get("RouteFlag", "Measured") == "Measured"]
    if not measured:
        raise CurveError(f"{member}: holds no measured data", source=source.file)
    route = measured[0]
    table = _table(route, member, source)
    views = _views(route)
    if any(at >= table.shape[1] for at in views.values()) or "counts" not in views:
        raise CurveError(
            f"{member}: its points have {table.shape[1]} numbers, which are not described",
            source=source.file,
        )
    refused = None
    if "TwoTheta" not in views:
        refused = f"the scan moves {', '.join(_axes(route)) or 'no axis'} and not 2θ"
    time = _time(route)
    factor = table[:, views["AbsorptionFactor"]] if "AbsorptionFactor" in views else None
    result = counted(table[:, views["counts"]], rate=False, time=time, factor=factor)
    node = root.find("FixedInformation/Instrument")
    items = {i.get("Name", ""): i.get("Value", "") for i in root.iter("InfoItem")}
    return RawCurve(
        columns=Columns(
            abscissa=table[:, views.get("TwoTheta", 0)],
            intensity=result.intensity,
            sigma=result.sigma,
            source=str(source.file),
        ),
        unit="degree",
        intensity_unit=result.unit,
        default_unit="1",
        beam=stated_beam(node),
        facts=facts(
            **instrument(node),
            sample_name=items.get("SampleName"),
            start_time=iso_time(text_of(root, "TimeStampStarted")),
            scan_axis=", ".join(_axes(route)),
            exposure_time=time,
        ),
        attrs=result.attrs,
        refused=refused,
    )


def _table(route: Element, member: str, source: Source) -> Array:
    rows = [(d.text or "").replace(",", " ") for d in route.findall("Datum")]
    if not rows:
        raise CurveError(f"{member}: holds no points", source=source.file)
    width = len(rows[0].split())
    if any(len(row.split()) != width for row in rows):
        raise CurveError(f"{member}: its points differ in length", source=source.file)
    declared = text_of(route, "ScanInformation/MeasurementPoints")
    flat = number_list(" ".join(rows), f"{member}: points", source.file)
    if declared is not None and declared.isdigit() and int(declared) < len(rows):
        raise CurveError(
            f"{member}: has {len(rows)} points, declares {declared}", source=source.file
        )
    return flat.reshape(len(rows), width)


def _axes(route: Element) -> list[str]:
    nodes = route.findall("ScanInformation/ScanAxes/*")
    return [node.get("AxisId") or node.get("AxisName") or "?" for node in nodes]


def _views(route: Element) -> dict[str, int]:
    """Return the column of each quantity that the range describes.

    Ranges of early versions have no DataViews: time, factor, the scanned axes, counts.
    """
    found: dict[str, int] = {}
    if route.find("DataViews/RawDataView") is None:
        names = ["MeasuredTime", "AbsorptionFactor", *_axes(route), "counts"]
        return {name: at for at, name in enumerate(names)}
    for view in route.findall("DataViews/RawDataView"):
        start = view.get("Start", "")
        if not start.isdigit():
            continue
        at = int(start)
        recording = view.find("Recording")
        if recording is not None and view.get("Length") == "1":
            unit = recording.find("Unit")
            if unit is None or unit.get("Base") == "Counts":
                found.setdefault("counts", at)
        elif view.get("LogicName"):
            found.setdefault(str(view.get("LogicName")), at)
        for offset, axis in enumerate(view.iter("FieldDefinitions")):
            found.setdefault(axis.get("AxisId") or axis.get("FieldName") or "?", at + offset)
    return found


def _time(route: Element) -> float | None:
    text = text_of(route, "ScanInformation/TimePerStep")
    try:
        return float(text) if text is not None and float(text) > 0 else None
    except ValueError:
        return None
