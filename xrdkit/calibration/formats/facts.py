"""What a geometry file says, what was given besides, and the calibration that both make."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from xrdkit.calibration.formats.pose import (
    Pose,
    as_stored,
    calibration_of,
    from_stored,
    swapped,
    transposed,
)
from xrdkit.calibration.named import named_detector
from xrdkit.errors import CalibrationError, CalibrationSyntax
from xrdkit.geometry import Calibration, Detector

_SAME_WAVELENGTH = 1e-6
_SAME_PIXEL = 1e-6
_NOTE = re.compile(r"^#\s*xrdkit:\s*(\{.*\})\s*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a caller says besides the file."""

    wavelength: float | None = None
    """Wavelength, ångström."""
    detector: Detector | str | None = None
    """Detector, or its name in pyFAI's list."""
    orientation: int | None = None
    """How rows and columns run, 1 to 4."""
    transposed: bool = False
    """Whether the program calls rows x and columns y."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What one file says, in metre, rad and ångström; None where it does not."""

    pose: Pose
    """Where the detector is. The centre is in pixels where `in_pixels`, else in m."""
    in_pixels: bool
    """Whether the centre is in pixels, edges at integers."""
    wavelength: float | None = None
    """Wavelength, ångström."""
    pixel_size: tuple[float, float] | None = None
    """Pixel pitch along y and x, m."""
    pixel_error: float = _SAME_PIXEL
    """Relative error of it, where the file has it rounded."""
    shape: tuple[int, int] | None = None
    """Rows and columns."""
    orientation: int | None = None
    """Orientation that the file itself states."""
    note: Mapping[str, Any] | None = None
    """What this program added when it wrote the file."""


def complete(facts: Facts, given: Given, source: str) -> Calibration:
    """Return the calibration that a file and what is given besides make together.

    Raises CalibrationSyntax naming what neither says or what both say differently, and
    CalibrationImplausible for values that no instrument has.
    """
    try:
        return _completed(facts, given)
    except CalibrationError as exc:
        raise type(exc)(exc.message, source=source, hint=exc.hint) from exc


def _completed(facts: Facts, given: Given) -> Calibration:
    wavelength = agreed_wavelength(facts.wavelength, given)
    named = given_detector(given)
    if given.transposed and named is not None:
        detector = _detector(facts, given, swapped(named))
    else:
        detector = _detector(facts, given, named)
    pose = facts.pose
    if facts.in_pixels:
        x, y = pose.center
        pose = replace(pose, center=(x * detector.pixel_size_x, y * detector.pixel_size_y))
    note = facts.note
    if note is None:
        found = calibration_of(pose, wavelength=wavelength, detector=detector)
        if not given.transposed:
            return found
        turned = transposed(found)
        return turned if named is None else replace(turned, detector=named)
    if given.transposed:
        raise CalibrationSyntax("written by xrdkit: x and y are columns and rows in it")
    orientation = int(note["orientation"])
    said = given.orientation or (detector.orientation if named is not None else 3)
    if (given.orientation is not None or said != 3) and said != orientation:
        raise CalibrationSyntax(
            f"the file says orientation {orientation}, {said} is given",
            hint="leave out one of them",
        )
    pose = replace(pose, spin=pose.spin + float(note["rotation_about_beam"]))
    plain = replace(detector, orientation=3)
    found = calibration_of(pose, wavelength=wavelength, detector=plain)
    return from_stored(found, orientation)


def agreed_wavelength(stated: float | None, given: Given) -> float:
    """Return the wavelength that file and caller agree on; raise CalibrationSyntax otherwise."""
    if given.wavelength is None:
        if stated is None:
            raise missing("the wavelength", "wavelength=...")
        return stated
    if stated is not None and not math.isclose(stated, given.wavelength, rel_tol=_SAME_WAVELENGTH):
        raise CalibrationSyntax(
            f"the file says a wavelength of {stated:g} Å, {given.wavelength:g} Å is given",
            hint="distance and wavelength belong together; leave out the given one",
        )
    return float(given.wavelength)


def missing(what: str, keyword: str) -> CalibrationSyntax:
    """Return the error that says what a file does not say and how to give it."""
    return CalibrationSyntax(f"does not say {what}", hint=f"load_calibration(path, {keyword})")


def given_detector(given: Given) -> Detector | None:
    """Return the detector that a caller names, with the orientation that he says."""
    if given.detector is None:
        return None
    named = given.detector
    found = named_detector(named) if isinstance(named, str) else named
    return found if given.orientation is None else replace(found, orientation=given.orientation)


def _detector(facts: Facts, given: Given, chosen: Detector | None) -> Detector:
    note = facts.note or {}
    if chosen is None and note.get("detector", "Detector") != "Detector":
        chosen = named_detector(str(note["detector"]))
    if chosen is None:
        if facts.pixel_size is None:
            raise missing("the pixel size", "detector=...")
        found = Detector(
            pixel_size_y=facts.pixel_size[0],
            pixel_size_x=facts.pixel_size[1],
            shape=facts.shape,
            orientation=given.orientation or facts.orientation or 3,
        )
        if not given.transposed:
            return found
        return replace(found, orientation=swapped(found).orientation)
    if facts.pixel_size is not None:
        _check_pixels(chosen, facts.pixel_size, facts.pixel_error)
    if chosen.shape is None and facts.shape is not None:
        chosen = replace(chosen, shape=facts.shape)
    return chosen


def _check_pixels(detector: Detector, stated: tuple[float, float], error: float) -> None:
    for name, size in zip(("y", "x"), stated, strict=True):
        own = getattr(detector, f"pixel_size_{name}")
        if not math.isclose(own, size, rel_tol=error):
            raise CalibrationSyntax(
                f"the file says pixels of {size:g} m along {name}, {detector.name} has {own:g} m"
            )


def read_note(text: str, source: str) -> dict[str, Any] | None:
    """Return what this program noted in a file that it wrote, None where it did not."""
    found = _NOTE.search(text)
    if found is None:
        return None
    try:
        note = json.loads(found.group(1))
        pixels = [float(size) for size in note["pixel_size"]]
        shape = note["shape"]
        if note["orientation"] not in (1, 2, 3, 4) or len(pixels) != 2:
            raise ValueError("orientation or pixel size")
        if shape is not None and not (len(shape) == 2 and all(isinstance(n, int) for n in shape)):
            raise ValueError("shape")
        float(note["rotation_about_beam"])
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise CalibrationSyntax(f"the xrdkit note is damaged: {exc}", source=source) from exc
    return dict(note)


def noted(note: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return pixel size and shape of a note as arguments of `Facts`."""
    if note is None:
        return {}
    shape = note["shape"]
    return {
        "pixel_size": (float(note["pixel_size"][0]), float(note["pixel_size"][1])),
        "shape": None if shape is None else (shape[0], shape[1]),
        "note": note,
    }


def note_of(calibration: Calibration, spin: float) -> str:
    """Return the comment by which this program reads its own file back to the last digit."""
    detector = calibration.detector
    content = {
        "pixel_size": [detector.pixel_size_y, detector.pixel_size_x],
        "shape": None if detector.shape is None else list(detector.shape),
        "detector": detector.name,
        "orientation": detector.orientation,
        "rotation_about_beam": spin,
    }
    return f"# xrdkit: {json.dumps(content)}"


def stored_for_export(calibration: Calibration, target: str) -> Calibration:
    """Return the geometry of the frame as it is stored, orientation 3, for a file to be written."""
    try:
        return as_stored(calibration)
    except CalibrationError as exc:
        raise type(exc)(exc.message, source=target, hint=exc.hint) from exc
