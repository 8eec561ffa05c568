"""What an XRDML file says of tube, optics and sample environment. See `xrdkit.curves.xrdml`."""

import numpy as np

from xrdkit.curves.beam import passes_alpha1_only, tube_lines
from xrdkit.curves.facts import as_number
from xrdkit.curves.markup import Element, text_of, value_of
from xrdkit.radiation import Radiation

_ZERO = {"K": 0.0, "deg C": 273.15, "C": 273.15}


def instrument(measurement: Element) -> dict[str, str | None]:
    """Return the facts of tube, optics and goniometer, by their names."""
    path = measurement.find("incidentBeamPath")
    optics = [] if path is None else [*path.findall("monochromator"), *path.findall("xRayMirror")]
    return {
        "anode": text_of(path, "xRayTube/anodeMaterial"),
        "wavelength_stated": text_of(measurement, "usedWavelength/kAlpha1"),
        "tube_voltage": value_of(path, "xRayTube/tension", "kV"),
        "tube_current": value_of(path, "xRayTube/current", "mA"),
        "monochromator": ", ".join(filter(None, (m.get("name") for m in optics))) or None,
        "goniometer_radius": value_of(measurement, "diffractedBeamPath/radius", "mm"),
    }


def stated_beam(measurement: Element) -> Radiation | None:
    """Return the emission lines; a germanium crystal or a hybrid leaves Kα1 alone.

    What the file calls the intended wavelength tells what d spacings are computed with, not which
    lines reach the sample.
    """
    path = measurement.find("incidentBeamPath")
    crystals = [] if path is None else path.findall("monochromator")
    mirrors = [] if path is None else path.findall("xRayMirror")
    words = [" ".join([m.get("name", ""), *m.itertext()]) for m in crystals]
    hybrid = any(m.get("hybrid") == "true" for m in mirrors)
    lines = measurement.find("usedWavelength")
    return tube_lines(
        text_of(path, "xRayTube/anodeMaterial"),
        text_of(lines, "kAlpha1"),
        text_of(lines, "kAlpha2"),
        text_of(lines, "ratioKAlpha2KAlpha1"),
        alpha1_only=hybrid or any(passes_alpha1_only(w) for w in words),
    )


def temperature(scan: Element) -> float | None:
    """Return the mean temperature of a scan in K; None where it, or its unit, is not stated."""
    for points in scan.iter("nonAmbientPoints"):
        values = points.find("nonAmbientValues")
        if points.get("type") != "Temperature" or values is None:
            continue
        zero = _ZERO.get(values.get("unit") or points.get("unit") or "")
        stated = [as_number(token) for token in (values.text or "").split()]
        numbers = [n for n in stated if n is not None]
        if zero is not None and numbers:
            return float(np.mean(numbers)) + zero
    return None
