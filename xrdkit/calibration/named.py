"""Detectors by name, from pyFAI's registered list and from nowhere else."""

import difflib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import CalibrationSyntax, XrdkitError
from xrdkit.geometry import Detector

GENERIC = "Detector"
_PLAIN_KEYS = {"pixel1", "pixel2", "max_shape", "orientation", "binning", "sensor"}
#: keys by which a PONI file could name another file; only null is accepted
_FILE_KEYS = {"splinefile", "x_offset_file", "y_offset_file", "filename"}


def named_detector(name: str, config: Mapping[str, Any] | None = None) -> Detector:
    """Return the detector that pyFAI calls `name`, as equal rectangular pixels.

    `name` is a class or registered name of pyFAI ("Pilatus1M", "Eiger2 4M", any case) or
    "Detector" for a generic one. `config` holds pyFAI's constructor arguments: ``pixel1`` (y) and
    ``pixel2`` (x) in m, ``max_shape`` (rows, columns), ``orientation`` 1 to 4, ``binning``.
    The name is looked up in the list and never used as a path.

    Raises CalibrationSyntax for a name that is not in the list, for settings that name a file, and
    for detectors that are not flat with equal rectangular pixels; CalibrationImplausible for pixel
    sizes outside 1 µm to 5 mm.
    """
    settings = _checked({str(k).lower(): v for k, v in (config or {}).items()})
    orientation = _orientation(settings.pop("orientation", None))
    settings.pop("sensor", None)  # thickness matters for parallax alone, which is not corrected
    if name.strip().lower() == GENERIC.lower():
        return _generic(settings, orientation)
    device = _instance(name, settings)
    shape = tuple(int(n) for n in device.shape)
    return Detector(
        pixel_size_y=float(device.pixel1),
        pixel_size_x=float(device.pixel2),
        shape=(shape[0], shape[1]),
        name=type(device).__name__,
        orientation=orientation,
    )


def detector_config(detector: Detector) -> tuple[str, str]:
    """Return the name and the JSON settings with which pyFAI builds `detector` again.

    A detector of pyFAI's list keeps its name where pyFAI then gives the same pixels and shape;
    any other is written as the generic "Detector".
    """
    pixels = {"pixel1": detector.pixel_size_y, "pixel2": detector.pixel_size_x}
    if detector.name != GENERIC:
        for tried in ({}, pixels):
            try:
                known = named_detector(
                    detector.name, {**tried, "orientation": detector.orientation}
                )
            except XrdkitError:
                continue
            if known == detector:
                return detector.name, json.dumps({**tried, "orientation": detector.orientation})
    shape = None if detector.shape is None else list(detector.shape)
    return GENERIC, json.dumps({**pixels, "max_shape": shape, "orientation": detector.orientation})


def module_gaps(detector: Detector) -> NDArray[np.bool_] | None:
    """Return where a named detector has no pixels, bool of its shape; None where that is unknown.

    The gaps between modules come from pyFAI's description of the detector, in the order of rows
    and columns in which pyFAI stores them.
    """
    if detector.name == GENERIC or detector.shape is None:
        return None
    gaps = _instance(detector.name, {}).calc_mask()
    if gaps is None or gaps.shape != detector.shape:
        return None
    return np.asarray(gaps, dtype=bool)


def _instance(name: str, settings: Mapping[str, Any]) -> Any:
    # pyFAI's own factory opens any file whose path equals the name; the table does not.
    from pyFAI.detectors import ALL_DETECTORS

    key = name.strip().lower()
    found = ALL_DETECTORS.get(key, ALL_DETECTORS.get(key.replace(" ", "_")))
    if found is None:
        near = [ALL_DETECTORS[k].__name__ for k in difflib.get_close_matches(key, ALL_DETECTORS, 3)]
        meant = f"did you mean {' or '.join(dict.fromkeys(near))}? " if near else ""
        raise CalibrationSyntax(
            f"detector {name!r} is not in pyFAI's list",
            hint=f"{meant}give a registered name such as Pilatus1M, or Detector with pixel sizes;"
            " detectors from files are refused",
        )
    arguments = {k: v for k, v in settings.items() if k not in ("binning", "max_shape")}
    try:
        device = found(**arguments)
        if settings.get("max_shape") is not None:
            device.max_shape = _shape(settings["max_shape"])
        if settings.get("binning"):
            device.binning = settings["binning"]
    except (TypeError, ValueError, AttributeError, KeyError, AssertionError) as exc:
        raise CalibrationSyntax(
            f"pyFAI cannot build detector {name} from {dict(settings)}",
            hint="give its name with no settings, or Detector with pixel1, pixel2 and max_shape",
        ) from exc
    if not (device.IS_FLAT and device.uniform_pixel and device.CORNERS == 4 and device.shape):
        raise CalibrationSyntax(
            f"detector {type(device).__name__} is not flat with equal rectangular pixels",
            hint="hexagonal, curved and distorted detectors are not supported; re-grid the frames",
        )
    return device


def _generic(settings: Mapping[str, Any], orientation: int) -> Detector:
    sizes = []
    for key in ("pixel1", "pixel2"):
        if settings.get(key) is None:
            raise CalibrationSyntax(
                f"generic detector without {key}", hint="pixel sizes are given in metre"
            )
        sizes.append(_number(key, settings[key]))
    shape = settings.get("max_shape")
    return Detector(
        pixel_size_y=sizes[0],
        pixel_size_x=sizes[1],
        shape=None if shape is None else _shape(shape),
        name=GENERIC,
        orientation=orientation,
    )


def _checked(settings: dict[str, Any]) -> dict[str, Any]:
    for key in list(settings):
        if key in _FILE_KEYS:
            value = settings.pop(key)
            if value not in (None, "", "None"):
                raise CalibrationSyntax(
                    f"detector setting {key} names the file {value!r}",
                    hint="distortion and detector files are refused; correct the frames instead",
                )
        elif key not in _PLAIN_KEYS:
            raise CalibrationSyntax(
                f"unknown detector setting {key!r}", hint=f"known: {', '.join(sorted(_PLAIN_KEYS))}"
            )
    for key in ("pixel1", "pixel2"):
        if settings.get(key) is None:
            settings.pop(key, None)
        else:
            settings[key] = _number(key, settings[key])
    return settings


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CalibrationSyntax(f"detector setting {key} is {value!r}, not a number")
    return float(value)


def _shape(value: Any) -> tuple[int, int]:
    if not (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(isinstance(n, int) and not isinstance(n, bool) for n in value)
    ):
        raise CalibrationSyntax(f"detector setting max_shape is {value!r}, not [rows, columns]")
    return value[0], value[1]


def _orientation(value: Any) -> int:
    # pyFAI writes 0 for "not stated", which it then reads as its default.
    if value is None or value == 0:
        return 3
    if isinstance(value, bool) or not isinstance(value, int):
        raise CalibrationSyntax(f"detector orientation is {value!r}, not 1 to 4")
    return value
