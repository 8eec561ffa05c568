"""canSAS 1D: small-angle curves in XML, SASroot > SASentry > SASdata > Idata > Q, I, Idev.

Each value carries its unit. A slit of half length dQl smears the curve.

Source: canSAS1d/1.1, www.cansas.org/formats/canSAS1d/1.1.
"""

import numpy as np

from xrdkit.curves.columns import Array, Columns
from xrdkit.curves.facts import facts
from xrdkit.curves.markup import Element, looks_like_xml, number_list, parse, text_of
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.source import Source
from xrdkit.errors import CurveError, SpecError
from xrdkit.units import canonical, factor

_ABSOLUTE = {"1/cm", "cm^-1", "cm-1", "1/cm/sr", "cm^-1 sr^-1"}


def matches(source: Source) -> bool:
    """Return whether the file begins as a canSAS document."""
    head = source.head.replace(b"\0", b"")
    return looks_like_xml(source.head) and b"<SASroot" in head


def read(source: Source) -> list[RawCurve]:
    """Return every SASdata of a canSAS 1D file.

    Raises CurveError where there is none, a point has no Q or I, or units are unknown or differ.
    """
    root = parse(source.content, source.file, source.limits)
    found = [
        _curve(entry, data, source)
        for entry in root.iter("SASentry")
        for data in entry.findall("SASdata")
    ]
    if not found:
        raise CurveError("holds no SASdata", source=source.file)
    return found


def _curve(entry: Element, data: Element, source: Source) -> RawCurve:
    q, q_unit = _column(data, "Q", source)
    intensity, unit = _column(data, "I", source)
    sigma = None if data.find("Idata/Idev") is None else _column(data, "Idev", source)[0]
    if sigma is not None and not np.any(sigma > 0):
        sigma = None
    try:
        stated = canonical(q_unit) if q_unit else None
    except SpecError as exc:
        raise CurveError(f"Q is in the unknown unit {q_unit!r}", source=source.file) from exc
    attrs: dict[str, str | int | float] = {}
    if data.find("Idata/dQl") is not None and stated is not None:
        length, length_unit = _column(data, "dQl", source)
        if np.any(length > 0):
            attrs["slit_smeared"] = 1
            attrs["slit_length"] = float(length.max()) * factor(length_unit or stated, "1/nm")
    resolution = None
    # Along the scan of a slit camera it is called dQw, by the definition a standard deviation too.
    name = "dQw" if attrs else "Qdev"
    if data.find(f"Idata/{name}") is not None and stated is not None:
        resolution, own = _column(data, name, source)
        resolution = resolution * factor(own or stated, stated) if np.any(resolution > 0) else None
    return RawCurve(
        columns=Columns(
            abscissa=q,
            intensity=intensity,
            sigma=sigma,
            resolution=resolution,
            source=str(source.file),
        ),
        unit=stated,
        intensity_unit=_intensity_unit(unit),
        facts=facts(sample_name=text_of(entry, "SASsample/ID") or text_of(entry, "Title")),
        name=text_of(entry, "Title") or entry.get("name") or "",
        attrs=attrs,
    )


def _column(data: Element, name: str, source: Source) -> tuple[Array, str]:
    nodes = [point.find(name) for point in data.findall("Idata")]
    if not nodes or any(node is None for node in nodes):
        raise CurveError(f"a point has no {name}", source=source.file)
    units = {node.get("unit", "") for node in nodes if node is not None}
    if len(units) != 1:
        raise CurveError(f"{name} is in several units: {sorted(units)}", source=source.file)
    texts = ["" if node is None else node.text or "" for node in nodes]
    values = number_list(" ".join(texts), name, source.file)
    if values.size != len(nodes):
        raise CurveError(
            f"{name}: {values.size} numbers in {len(nodes)} points", source=source.file
        )
    return values, units.pop()


def _intensity_unit(unit: str) -> str | None:
    text = unit.strip()
    if text in _ABSOLUTE:
        return "1/cm"
    return "count" if text.lower() in ("count", "counts") else None
