"""NeXus files with an NXdetector: DAWN, Dectris and others, and beamlines that keep Nika's numbers.

The one detector group of a file is read, in this order, from

* ``..._ccd_center_x_pixel``, ``..._ccd_tilt_x`` and their y anywhere in the file: a beamline that
  keeps the numbers of Nika, x the row of the frame (`nika`);
* a module with directions of rows and columns and a chain of transformations (`nexus_module`);
* ``distance``, ``beam_center_x``, ``beam_center_y``, ``x_pixel_size``, ``y_pixel_size``: a
  detector without tilt, the centre from the corner of the first pixel. A centre without unit is in
  pixels, as DAWN writes it; a length without unit is in the one unit in which pixels are 1 µm to
  5 mm, if there is only one. The log says what was assumed.

The wavelength is that of NXbeam (``incident_wavelength``) or NXmonochromator, or of their energy.

Sources: NeXus manual, NXdetector; Filik et al., J. Appl. Cryst. 50 (2017) 959 (DAWN).
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from xrdkit.calibration.formats.facts import Facts, Given, complete
from xrdkit.calibration.formats.nexus_module import is_module, module_facts
from xrdkit.calibration.formats.nexus_tree import (
    converted,
    dataset,
    groups,
    number,
    opened,
    shape,
    unit,
    words,
)
from xrdkit.calibration.formats.nika import nika_slopes
from xrdkit.calibration.formats.pose import Pose
from xrdkit.errors import CalibrationError, CalibrationSyntax
from xrdkit.geometry import Calibration
from xrdkit.units import wavelength_from_energy

LOG = logging.getLogger("xrdkit")
_PIXELS = ("pixel", "pixels", "px")
_MAGIC = b"\x89HDF\r\n\x1a\n"
_EXPORT = "write the geometry as a PONI file"
_SMALLEST, _LARGEST = 1e-6, 5e-3
_WAVELENGTHS = ("incident_wavelength", "wavelength")
_ENERGIES = ("incident_energy", "energy")

Groups = list[tuple[str, Any]]


def is_hdf5(head: bytes) -> bool:
    """Return whether a file begins as HDF5."""
    return head.startswith(_MAGIC)


def load_nexus(path: Path, given: Given) -> Calibration:
    """Return the geometry of the one detector in a NeXus file.

    Raises CalibrationSyntax where there is none or several, for what is missing and for units
    that are not clear; CalibrationImplausible for values that no instrument has.
    """
    source = str(path)
    with opened(path) as file:
        try:
            found = groups(file)
            detector = _only_detector(found)
            wavelength = _wavelength(found)
            nika = _nika_numbers(found)
            if nika is not None:
                facts = _nika_facts(found, detector, nika, wavelength, source)
                given = replace(given, transposed=True)
            else:
                facts = _facts(file, found, detector, wavelength, source)
        except CalibrationError as exc:
            raise type(exc)(exc.message, source=source, hint=exc.hint) from exc
    return complete(facts, given, source)


def _only_detector(found: Groups) -> Any:
    detectors = [group for kind, group in found if kind == "NXdetector"]
    placed = [group for group in detectors if _is_placed(found, group)]
    if len(placed) == 1:
        return placed[0]
    if len(placed) > 1:
        names = ", ".join(str(group.name) for group in placed)
        raise CalibrationSyntax(
            f"holds {len(placed)} detectors: {names}", hint="save one of them alone"
        )
    if any("pixel_corners" in group or "pixel_size" in group for group in detectors):
        raise CalibrationSyntax(
            "describes the pixels of a detector, not where it stands",
            hint="give the PONI file that goes with it",
        )
    raise CalibrationSyntax("holds no NXdetector with distance and beam centre, or a module")


def _is_placed(found: Groups, detector: Any) -> bool:
    simple = all(dataset(detector, name) is not None for name in ("distance", "beam_center_x"))
    return simple or bool(_modules(found, detector))


def _modules(found: Groups, detector: Any) -> list[Any]:
    start = f"{str(detector.name).rstrip('/')}/"
    return [group for _, group in found if str(group.name).startswith(start) and is_module(group)]


def _facts(file: Any, found: Groups, detector: Any, wavelength: float | None, source: str) -> Facts:
    modules = _modules(found, detector)
    if len(modules) > 1:
        raise CalibrationSyntax(
            f"the detector has {len(modules)} modules, each with its own place",
            hint="one flat detector is supported",
        )
    if modules:
        return module_facts(file, modules[0], wavelength)
    _refuse_tilts(detector)
    pixels, assumed = _pixel_sizes(detector, source)
    distance = _length(detector, "distance", assumed, source)
    center = []
    for axis, size in (("x", pixels[1]), ("y", pixels[0])):
        item = dataset(detector, f"beam_center_{axis}")
        value = number(item)
        if value is None:
            raise CalibrationSyntax(f"does not say beam_center_{axis}")
        stated = unit(item)
        if not stated:
            LOG.warning("%s: beam_center_%s has no unit; taken as pixels", source, axis)
        if stated and stated.lower() not in _PIXELS:
            value = converted(value, stated, "m", f"beam_center_{axis}") / size
        center.append(value)
    return Facts(
        pose=Pose(direct_distance=distance, center=(center[0], center[1]), slopes=(0.0, 0.0)),
        in_pixels=True,
        wavelength=wavelength,
        pixel_size=pixels,
        shape=_frame_shape(found, detector),
    )


def _refuse_tilts(detector: Any) -> None:
    """Raise CalibrationSyntax where a detector without module is said to be turned."""
    matrix = dataset(detector, "detector_orientation")  # of older DAWN
    if matrix is not None and matrix.size == 9 and matrix.dtype.kind in "iuf":
        turn = np.abs(np.asarray(matrix[()], dtype=np.float64).reshape(3, 3))
        if not np.allclose(turn, np.eye(3), atol=1e-9):
            raise CalibrationSyntax("detector_orientation is no unit matrix", hint=_EXPORT)
    arm = number(dataset(detector, "polar_angle"))
    if arm:
        raise CalibrationSyntax(f"the detector is on an arm at {arm:g}", hint=_EXPORT)
    chain = words(dataset(detector, "depends_on"))
    if chain not in ("", "."):
        raise CalibrationSyntax(
            f"the detector stands where {chain} says, and no module says how", hint=_EXPORT
        )


def _nika_numbers(found: Groups) -> dict[str, float] | None:
    """Return centre and tilts of Nika's, by the end of their names, where a beamline keeps them."""
    wanted = ("center_x_pixel", "center_y_pixel", "tilt_x", "tilt_y")
    numbers: dict[str, float] = {}
    for _, group in found:
        for name in group:
            for end in wanted:
                value = number(dataset(group, name)) if name.endswith(f"_ccd_{end}") else None
                if value is not None and numbers.setdefault(end, value) != value:
                    raise CalibrationSyntax(f"numbers of several detectors: {name}")
    return numbers if {"center_x_pixel", "center_y_pixel"} <= numbers.keys() else None


def _nika_facts(
    found: Groups, detector: Any, nika: dict[str, float], wavelength: float | None, source: str
) -> Facts:
    (size_y, size_x), assumed = _pixel_sizes(detector, source)
    size = _frame_shape(found, detector)
    LOG.info("%s: keeps the numbers of Nika: x is the row, 0 the middle of the first", source)
    return Facts(
        pose=Pose(
            direct_distance=_length(detector, "distance", assumed, source),
            center=(nika["center_x_pixel"] + 0.5, nika["center_y_pixel"] + 0.5),
            slopes=nika_slopes(nika.get("tilt_x", 0.0), nika.get("tilt_y", 0.0)),
        ),
        in_pixels=True,
        wavelength=wavelength,
        pixel_size=(size_y, size_x),
        shape=None if size is None else (size[1], size[0]),
    )


def _frame_shape(found: Groups, detector: Any) -> tuple[int, int] | None:
    """Return rows and columns of the frames of the detector, else of the only NXdata."""
    own = shape(detector, "data")
    if own is not None:
        return own
    shapes = {shape(group, "data") for kind, group in found if kind == "NXdata"}
    return shapes.pop() if len(shapes) == 1 else None


def _pixel_sizes(detector: Any, source: str) -> tuple[tuple[float, float], str]:
    """Return the pixel sizes along y and x in m, and the unit assumed where none is stated."""
    sizes, assumed = [], ""
    for axis in ("y", "x"):
        item = dataset(detector, f"{axis}_pixel_size")
        value = number(item)
        if value is None:
            raise CalibrationSyntax(f"does not say {axis}_pixel_size")
        stated = unit(item)
        if not stated:
            possible = [
                name
                for name in ("m", "mm", "um")
                if _SMALLEST <= converted(value, name, "m", axis) <= _LARGEST
            ]
            if len(possible) != 1:
                raise CalibrationSyntax(
                    f"{axis}_pixel_size {value:g} has no unit",
                    hint=_EXPORT,
                )
            stated = assumed = possible[0]
        sizes.append(converted(value, stated, "m", f"{axis}_pixel_size"))
    if assumed:
        LOG.warning("%s: pixel sizes have no unit; taken as %s", source, assumed)
    return (sizes[0], sizes[1]), assumed


def _length(detector: Any, name: str, assumed: str, source: str) -> float:
    item = dataset(detector, name)
    value = number(item)
    if value is None:
        raise CalibrationSyntax(f"does not say {name}, or more than one")
    stated = unit(item)
    if not stated:
        if not assumed:
            raise CalibrationSyntax(f"{name} {value:g} has no unit", hint=_EXPORT)
        stated = assumed
        LOG.warning("%s: %s has no unit; taken as %s", source, name, stated)
    return converted(value, stated, "m", name)


def _wavelength(found: Groups) -> float | None:
    """Return the wavelength in ångström that NXbeam, NXmonochromator or EPICS states."""
    for wanted in ("NXbeam", "NXmonochromator"):
        for kind, group in found:
            if kind != wanted:
                continue
            for name in _WAVELENGTHS:
                value, stated = _stated(group, name)
                if value > 0 and stated:
                    return converted(value, stated, "angstrom", name)
            for name in _ENERGIES:
                value, stated = _stated(group, name)
                if value > 0 and stated:
                    return wavelength_from_energy(converted(value, stated, "keV", name))
    for _, group in found:  # EPICS writes the unit beside the number
        value, _ = _stated(group, "wavelength")
        stated = words(dataset(group, "wavelength_EGU"))
        if value > 0 and stated:
            return converted(value, stated, "angstrom", "wavelength")
    return None


def _stated(group: Any, name: str) -> tuple[float, str]:
    """Return a number of a group, 0 where it has none, and its unit."""
    item = dataset(group, name)
    value = number(item)
    return (0.0, "") if value is None else (value, unit(item))
