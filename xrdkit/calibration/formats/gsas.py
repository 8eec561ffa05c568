"""Image controls of GSAS-II (``.imctrl``): lines of ``key:value``.

``distance`` is that along the normal (mm; the beam meets the detector at distance / cos tilt),
``center`` [x, y] in mm from the corner of the first pixel (pixel n covers n to n + 1), ``tilt`` t
and ``rotation`` φ in degree: the detector is turned by t about the line at φ from x towards y, so
that (a, b) = sin t (cos φ, -sin φ). ``azmthOff`` (degree) is added to azimuths from x towards y:
a turn about the beam. ``wavelength`` in ångström. Pixel size and number are not part of the file
but of the image; GSAS-II counts rows and columns as they are stored.

Source: Toby & Von Dreele, J. Appl. Cryst. 46 (2013) 544 and the files of the GSAS-II tutorials.
"""

import logging
import math
import re

from xrdkit.calibration.formats.facts import Facts, note_of, noted, read_note, stored_for_export
from xrdkit.calibration.formats.pose import Pose, pose_of, slopes_of
from xrdkit.errors import CalibrationSyntax
from xrdkit.geometry import Calibration
from xrdkit.provenance import package_version

LOG = logging.getLogger("xrdkit")
_KNOWN = re.compile(r"^\s*center\s*:\s*[\[(]", re.MULTILINE)
_NEEDED = ("distance", "center", "tilt", "rotation")


def is_gsas(text: str) -> bool:
    """Return whether a text has the centre in brackets that image controls have."""
    return _KNOWN.search(text) is not None


def read_gsas(text: str, source: str) -> Facts:
    """Return what image controls say.

    Raises CalibrationSyntax naming a key that is missing or no number, and for a detector on an
    arm (``det2theta``), which this does not describe. A penetration depth (``DetDepth``) shifts
    angles in GSAS-II and not here: the log says so.
    """
    entries = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon and not key.lstrip().startswith("#"):
            entries[key.strip()] = value.strip()
    lost = [key for key in _NEEDED if key not in entries]
    if lost:
        raise CalibrationSyntax(f"image controls without {', '.join(lost)}", source=source)
    center = _numbers(entries, "center", source)
    if len(center) != 2:
        raise CalibrationSyntax(f"center is {entries['center']!r}, not [x, y]", source=source)
    arm = _number(entries, "det2theta", source, 0.0)
    if arm != 0.0:
        raise CalibrationSyntax(
            f"det2theta is {arm}: detectors on an arm are not described by tilt and rotation",
            source=source,
        )
    depth = _number(entries, "DetDepth", source, 0.0)
    if depth != 0.0:
        LOG.warning("%s: DetDepth %g is not part of a geometry and not applied", source, depth)
    tilt = math.radians(_number(entries, "tilt", source))
    if abs(tilt) >= 0.5 * math.pi:
        raise CalibrationSyntax(f"tilt {entries['tilt']} is not within 90 degree", source=source)
    values = noted(read_note(text, source))
    if "pixel_size" not in values and "pixelSize" in entries:
        sizes = _numbers(entries, "pixelSize", source)  # x, y in µm
        values["pixel_size"] = (1e-6 * sizes[-1], 1e-6 * sizes[0])
    wavelength = _number(entries, "wavelength", source, math.nan)
    return Facts(
        pose=Pose(
            direct_distance=1e-3 * _number(entries, "distance", source) / math.cos(tilt),
            center=(1e-3 * center[0], 1e-3 * center[1]),
            slopes=slopes_of(
                tilt, math.radians(_number(entries, "rotation", source)) + 0.5 * math.pi
            ),
            spin=math.radians(_number(entries, "azmthOff", source, 0.0)),
        ),
        in_pixels=False,
        wavelength=None if math.isnan(wavelength) else wavelength,
        **values,
    )


def _number(entries: dict[str, str], key: str, source: str, default: float | None = None) -> float:
    if key not in entries and default is not None:
        return default
    try:
        value = float(entries[key])
    except ValueError as exc:
        raise CalibrationSyntax(f"{key} is {entries[key]!r}, not a number", source=source) from exc
    if not math.isfinite(value):
        raise CalibrationSyntax(f"{key} is {entries[key]!r}, not a number", source=source)
    return value


def _numbers(entries: dict[str, str], key: str, source: str) -> list[float]:
    """Return numbers in brackets, between commas or spaces."""
    words = entries[key].strip("[]() \t").replace(",", " ").split()
    try:
        values = [float(word) for word in words]
    except ValueError as exc:
        raise CalibrationSyntax(f"{key} is {entries[key]!r}, not numbers", source=source) from exc
    if not values or not all(math.isfinite(value) for value in values):
        raise CalibrationSyntax(f"{key} is {entries[key]!r}, not numbers", source=source)
    return values


def gsas_text(calibration: Calibration, target: str) -> str:
    """Return image controls for the stored frame; GSAS-II keeps the other settings it has."""
    stored = stored_for_export(calibration, target)
    pose = pose_of(stored)
    x, y = pose.center
    lines = [
        f"#Image controls of GSAS-II, written by xrdkit {package_version()}",
        # Its turn about the beam is in azmthOff.
        note_of(calibration, 0.0),
        "type:PWDR",
        f"wavelength:{stored.wavelength!r}",
        f"distance:{1e3 * stored.distance!r}",
        f"setdist:{1e3 * stored.distance!r}",
        f"center:[{1e3 * x!r}, {1e3 * y!r}]",
        f"tilt:{math.degrees(pose.tilt)!r}",
        f"rotation:{math.degrees(pose.direction) - 90.0!r}",
        f"azmthOff:{math.degrees(pose.spin)!r}",
        "DetDepth:0.0",
        "",
    ]
    return "\n".join(lines)
