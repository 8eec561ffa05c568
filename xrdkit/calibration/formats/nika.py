"""Nika's description of a geometry: the numbers of its panel, as text.

Sample to detector distance in mm where the beam meets the detector, beam centre in pixels counted
from the middle of the first pixel (half a pixel less than here), pixel size in mm, wavelength in
ångström or energy in keV, horizontal and vertical tilt h, v in degree. Nika turns the detector
about the vector (v, h, 0) by its length t = |(v, h)| (Rodrigues), x to the right and y down the
image, so that a step along x leads along the beam by -h sin(t)/t and a step along y by
+v sin(t)/t.

Names are those of its panel (SampleToCCDDistance, BeamCenterX, HorizontalTilt ...) and of the notes
of its results (Nika_SampleToDetectorDistacne, spelt so, Nika_BeamCenterX ...), separated by
semicolons or lines. Nika takes the first index of an HDF5 frame, its row, for x: such numbers need
``transposed=True``; those of TIFF frames do not.

Sources: Ilavsky, J. Appl. Cryst. 45 (2012) 324; its procedures NI1_ConvProc (NI2T_).
"""

import math
import re

from xrdkit.calibration.formats.facts import Facts, note_of, noted, read_note, stored_for_export
from xrdkit.calibration.formats.pose import Pose, pose_of
from xrdkit.errors import CalibrationSyntax
from xrdkit.geometry import Calibration
from xrdkit.units import wavelength_from_energy

_ENTRY = re.compile(r"(?:Nika_)?([A-Za-z]+)\s*[=:]\s*([-+0-9.eE]+)")
_KNOWN = re.compile(r"Nika_|SampleToCCDDistance|HorizontalTilt|VerticalTilt", re.IGNORECASE)
_DISTANCES = ("sampletodetectordistacne", "sampletodetectordistance", "sampletoccddistance")


def is_nika(text: str) -> bool:
    """Return whether a text has names that only Nika's numbers have."""
    return _KNOWN.search(text) is not None


def nika_slopes(horizontal: float, vertical: float) -> tuple[float, float]:
    """Return (a, b) along rows and columns for Nika's tilts in degree, x along columns."""
    h, v = math.radians(horizontal), math.radians(vertical)
    whole = math.hypot(h, v)
    share = 1.0 if whole == 0.0 else math.sin(whole) / whole
    return v * share, -h * share


def read_nika(text: str, source: str) -> Facts:
    """Return what a text says in Nika's terms.

    Raises CalibrationSyntax for what is missing, twice and different, or no number.
    """
    found: dict[str, float] = {}
    plain = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for name, value in _ENTRY.findall(plain):
        try:
            number = float(value)
        except ValueError as exc:
            raise CalibrationSyntax(f"{name} is {value!r}, not a number", source=source) from exc
        if found.setdefault(name.lower(), number) != number:
            raise CalibrationSyntax(f"{name} is given twice and differs", source=source)
    distance = next((found[name] for name in _DISTANCES if name in found), None)
    if distance is None or "beamcenterx" not in found or "beamcentery" not in found:
        raise CalibrationSyntax(
            "Nika geometry without SampleToCCDDistance, BeamCenterX or BeamCenterY", source=source
        )
    wavelength = found.get("wavelength")
    if wavelength is None and found.get("xrayenergy", 0.0) > 0:
        wavelength = wavelength_from_energy(found["xrayenergy"])
    values = noted(read_note(text, source))
    if "pixel_size" not in values and {"pixelsizex", "pixelsizey"} <= found.keys():
        values["pixel_size"] = (1e-3 * found["pixelsizey"], 1e-3 * found["pixelsizex"])
    return Facts(
        pose=Pose(
            direct_distance=1e-3 * distance,
            center=(found["beamcenterx"] + 0.5, found["beamcentery"] + 0.5),
            slopes=nika_slopes(found.get("horizontaltilt", 0.0), found.get("verticaltilt", 0.0)),
        ),
        in_pixels=True,
        wavelength=wavelength,
        **values,
    )


def nika_text(calibration: Calibration, target: str) -> str:
    """Return the geometry of the stored frame in Nika's terms, x along columns."""
    stored = stored_for_export(calibration, target)
    pose = pose_of(stored)
    a, b = pose.slopes
    share = 1.0 if pose.tilt == 0.0 else pose.tilt / math.sin(pose.tilt)
    pixel = stored.detector
    values = {
        "SampleToCCDDistance": 1e3 * pose.direct_distance,
        "Wavelength": stored.wavelength,
        "PixelSizeX": 1e3 * pixel.pixel_size_x,
        "PixelSizeY": 1e3 * pixel.pixel_size_y,
        "BeamCenterX": pose.center[0] / pixel.pixel_size_x - 0.5,
        "BeamCenterY": pose.center[1] / pixel.pixel_size_y - 0.5,
        "HorizontalTilt": math.degrees(-b * share),
        "VerticalTilt": math.degrees(a * share),
    }
    lines = ["# Geometry in the terms of Nika (mm, pixels from the middle of the first, degree)"]
    lines += [f"{name} = {value!r}" for name, value in values.items()]
    return "\n".join([*lines, note_of(calibration, pose.spin), ""])
