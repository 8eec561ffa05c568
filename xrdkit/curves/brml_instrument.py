"""What a .brml says of tube and optics. See `xrdkit.curves.brml`."""

from xrdkit.curves.beam import passes_alpha1_only, tube_lines
from xrdkit.curves.markup import Element
from xrdkit.radiation import Radiation


def instrument(node: Element | None) -> dict[str, str | None]:
    """Return the facts of tube, optics and goniometer, by their names; `node` is Instrument."""
    tracks = None if node is None else next(node.iter("SecondaryTracks"), None)
    return {
        "anode": _anode(node),
        "wavelength_stated": _value(node, "WaveLengthAlpha1"),
        "tube_voltage": _value(node, "Voltage"),
        "tube_current": _value(node, "Current"),
        "monochromator": ", ".join(_monochromators(node)) or None,
        "goniometer_radius": _value(tracks, "Radius"),
    }


def stated_beam(node: Element | None) -> Radiation | None:
    """Return the emission lines; a germanium crystal before the sample leaves Kα1 alone."""
    return tube_lines(
        _anode(node),
        _value(node, "WaveLengthAlpha1"),
        _value(node, "WaveLengthAlpha2"),
        _value(node, "WaveLengthRatio"),
        alpha1_only=bool(_monochromators(node)),
    )


def _monochromators(node: Element | None) -> list[str]:
    found = []
    for track in () if node is None else node.iter("PrimaryTracks"):
        for info in track.iter("InfoData"):
            name = info.get("LogicName", "")
            classes = [b.get("ClassPath", "") for b in info.iter("BeringInfo")]
            if passes_alpha1_only(" ".join([name, *classes])):
                found.append(name or "monochromator")
    return found


def _anode(node: Element | None) -> str | None:
    found = None if node is None else next(node.iter("TubeMaterial"), None)
    return None if found is None else found.text


def _value(node: Element | None, name: str) -> str | None:
    found = None if node is None else next(node.iter(name), None)
    return None if found is None else found.get("Value")
