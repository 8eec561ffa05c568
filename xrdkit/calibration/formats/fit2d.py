"""Fit2D's description of a geometry, as text: its log, and the values as pyFAI names them.

Direct distance D in mm, beam centre in pixels with edges at integers (the centre of the first pixel
is (0.5, 0.5)), pixel size in µm, wavelength in ångström, tilt and tilt plane rotation in degree:
the detector leads away from the sample by sin tilt in the direction of the rotation, counted from
x towards y, so that (a, b) = sin tilt (sin rotation, cos rotation), which is sin rot2 and
-cos rot2 sin rot1 in pyFAI's rotations. A turn about the beam is not part of it.

Sources: Hammersley et al., High Pressure Research 14 (1996) 235; Kieffer et al., J. Synchrotron
Rad. 27 (2020) 558. Fit2D itself keeps no such file: what is read is the text of its calibration
("Refined Beam centre ..."), what it shows typed in as ``name = value``, or JSON.

Rows count as Fit2D shows them. It turns frames of some formats upside down when it reads them
(TIFF, Mar345 at least): then the rows of the stored frame run the other way, orientation 2.
"""

import math
import re

from xrdkit.calibration.formats.facts import (
    Facts,
    note_of,
    noted,
    read_note,
    stored_for_export,
)
from xrdkit.calibration.formats.pose import Pose, pose_of, slopes_of
from xrdkit.errors import CalibrationSyntax
from xrdkit.geometry import Calibration

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NAMES = {
    "distance": r"direct_?\s?dist(?:ance)?|DirectBeamDist|Refined sample to detector distance",
    "x": r"center_?x|Center:\s*x|centre_?x",
    "y": r"center_?y|y|centre_?y",
    "tilt": r"tilt|tilt_?angle|Refined tilt angle",
    "rotation": r"tilt_?plane?_?rotation|Refined tilt plane rotation angle",
    "pixel_x": r"pixel_?x|pixel_?size_?x",
    "pixel_y": r"pixel_?y|pixel_?size_?y",
    "wavelength": r"wavelength|λ|Refined wavelength",
}
_KNOWN = re.compile(
    r"direct_?dist|DirectBeamDist|Refined Beam centre|tilt_?plane?_?rotation|"
    r"Refined sample to detector distance",
    re.IGNORECASE,
)
_CENTER = re.compile(
    rf"Refined Beam centre\s*=\s*({_NUMBER})\s+({_NUMBER})\s*\(?(pixels|mm)\)?", re.IGNORECASE
)


def is_fit2d(text: str) -> bool:
    """Return whether a text has names that only a description of Fit2D has."""
    return _KNOWN.search(text) is not None


def read_fit2d(text: str, source: str) -> Facts:
    """Return what a text says in Fit2D's terms; the last value of each name counts.

    Raises CalibrationSyntax naming what is missing.
    """
    found = {key: _last(pattern, text) for key, pattern in _NAMES.items()}
    centers = {unit.lower(): (float(x), float(y)) for x, y, unit in _CENTER.findall(text)}
    if "pixels" in centers:
        found["x"], found["y"] = centers["pixels"]
    lost = [key for key in ("distance", "x", "y") if found[key] is None]
    if lost:
        named = {"distance": "direct distance (mm)", "x": "centre x", "y": "centre y (pixels)"}
        raise CalibrationSyntax(
            f"Fit2D geometry without {', '.join(named[key] for key in lost)}",
            source=source,
            hint="directDist, centerX, centerY, tilt, tiltPlanRotation, pixelX, pixelY, wavelength",
        )
    tilt, direction = found["tilt"] or 0.0, found["rotation"]
    if tilt != 0.0 and direction is None:
        raise CalibrationSyntax("a tilt without tilt plane rotation", source=source)
    if not -90.0 < tilt < 90.0:
        raise CalibrationSyntax(f"tilt {tilt} is not between -90 and 90 degree", source=source)
    note = read_note(text, source)
    values = noted(note)
    if "pixel_size" not in values:
        values |= _pixels(found, centers)
    return Facts(
        pose=Pose(
            direct_distance=1e-3 * (found["distance"] or 0.0),
            center=(found["x"] or 0.0, found["y"] or 0.0),
            slopes=slopes_of(math.radians(tilt), math.radians(direction or 0.0)),
        ),
        in_pixels=True,
        wavelength=found["wavelength"],
        **values,
    )


def _last(pattern: str, text: str) -> float | None:
    # A name ends where its value begins, and does not begin within another word.
    whole = re.compile(
        rf"(?<![\w])(?:{pattern})[\"']?\s*[:=]\s*[\"']?({_NUMBER})", re.IGNORECASE
    ).findall(text)
    return float(whole[-1]) if whole else None


def _pixels(
    found: dict[str, float | None], centers: dict[str, tuple[float, float]]
) -> dict[str, object]:
    """Return the pixel size, of a log from the centre that it gives in pixels and in mm."""
    if found["pixel_x"] is not None and found["pixel_y"] is not None:
        return {"pixel_size": (1e-6 * found["pixel_y"], 1e-6 * found["pixel_x"])}
    if "pixels" not in centers or "mm" not in centers:
        return {}
    (x, y), (x_mm, y_mm) = centers["pixels"], centers["mm"]
    if min(abs(x), abs(y)) < 10 or min(x_mm / x, y_mm / y) <= 0:
        return {}
    # Both have three digits after the point.
    error = max(5e-4 / abs(x_mm) + 5e-4 / abs(x), 5e-4 / abs(y_mm) + 5e-4 / abs(y))
    return {"pixel_size": (1e-3 * y_mm / y, 1e-3 * x_mm / x), "pixel_error": 1.5 * error}


def fit2d_text(calibration: Calibration, target: str) -> str:
    """Return the geometry of the stored frame in Fit2D's terms."""
    stored = stored_for_export(calibration, target)
    pose = pose_of(stored)
    pixel = stored.detector
    x, y = pose.center
    values = {
        "directDist": (1e3 * pose.direct_distance, "mm"),
        "centerX": (x / pixel.pixel_size_x, "pixel, edges at integers, first column first"),
        "centerY": (y / pixel.pixel_size_y, "pixel, edges at integers, first row first"),
        "tilt": (math.degrees(pose.tilt), "degree"),
        "tiltPlanRotation": (math.degrees(pose.direction), "degree"),
        "pixelX": (1e6 * pixel.pixel_size_x, "micrometre"),
        "pixelY": (1e6 * pixel.pixel_size_y, "micrometre"),
        "wavelength": (stored.wavelength, "angstrom"),
    }
    lines = ["# Geometry in the terms of Fit2D, written by xrdkit"]
    lines += [f"{name} = {value!r}  # {unit}" for name, (value, unit) in values.items()]
    return "\n".join([*lines, note_of(calibration, pose.spin), ""])
