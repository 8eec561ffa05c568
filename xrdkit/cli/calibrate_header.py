"""What the header of a calibrant frame says of what has to be given: asked for, never assumed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

    from xrdkit.geometry import Detector

#: Facts that a calibration takes as exact; the others are what it finds.
_GIVEN = ("wavelength_header", "photon_energy_header", "pixel_size_x_header", "pixel_size_y_header")
_LIGHT, _PIXEL = 0.01, 0.01


def contradictions(frames: "xr.Dataset", detector: "Detector", wavelength: float) -> list[str]:
    """Return where the header says another pixel size or wavelength (ångström) by more than 1 %."""
    from xrdkit.frames.compare import compare_headers
    from xrdkit.frames.contradiction import HeaderTolerance
    from xrdkit.geometry import Calibration

    given = Calibration(
        distance=1.0, poni1=0.0, poni2=0.0, wavelength=wavelength, detector=detector
    )
    limits = HeaderTolerance(wavelength=_LIGHT, pixel_size=_PIXEL)
    found = [c for c in compare_headers(frames, given, tolerance=limits) if c.name in _GIVEN]
    said: dict[str, str] = {}
    for each in found:
        kind = "wavelength" if each.unit in ("angstrom", "keV") else "pixel"
        factor, unit = (1e6, "µm") if kind == "pixel" else (1.0, each.unit)
        if isinstance(each.header_value, float) and isinstance(each.true_value, float):
            text = (
                f"the header says {_WORDS[each.name]} {factor * each.header_value:.6g} {unit}"
                f" ({each.source_key}), given is {factor * each.true_value:.6g} {unit}"
            )
            said.setdefault(kind, f"{text}; the distance follows it, be sure of it")
    return list(said.values())


def unsaid(warnings: list[str], reasons: Sequence[str]) -> list[str]:
    """Return the warnings without those that the reasons of the verdict say already."""
    pixels = any("pixels" in reason and "header" in reason for reason in reasons)
    return [text for text in warnings if not (pixels and "says pixels" in text)]


def missing(frames: "xr.Dataset", *, detector: bool, wavelength: bool) -> str:
    """Return what to give, and what the header says of it."""
    parts = []
    if detector:
        size = _number(frames, "pixel_size_y_header")
        name = _first(frames, "detector_name")
        known = [] if size is None else [f"pixels of {1e6 * size:g} µm"]
        known += [] if not name else [f"the detector {name!r}"]
        text = "give --detector NAME, or --pixel-size in µm"
        if known:
            text += f" (the header says {' and '.join(known)}: give it where that is right)"
        parts.append(text)
    if wavelength:
        text = "give --wavelength in ångström"
        light = _number(frames, "wavelength_header")
        if light is not None:
            text += f" (the header says {light:.6g}: give it where that is right)"
        parts.append(text)
    return "; ".join(parts)


_WORDS = {
    "wavelength_header": "a wavelength of",
    "photon_energy_header": "a photon energy of",
    "pixel_size_x_header": "pixels of",
    "pixel_size_y_header": "pixels of",
}


def _first(frames: "xr.Dataset", name: str) -> str | None:
    return str(frames[name].values.ravel()[0]) if name in frames.coords else None


def _number(frames: "xr.Dataset", name: str) -> float | None:
    import math

    found = _first(frames, name)
    value = math.nan if found is None else float(found)
    return value if math.isfinite(value) else None
