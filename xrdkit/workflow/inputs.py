"""What a detector needs besides its frames, read once for the whole run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.calibration import load_mask
from xrdkit.canonical import sha256_value
from xrdkit.corrections import Correction
from xrdkit.errors import FrameShapeMismatch, RecipeError
from xrdkit.frames import open_frames
from xrdkit.geometry import Calibration
from xrdkit.integration import IntegrationSpec
from xrdkit.phase import RefinementSpec, Structure, embedded_structure, load_structure
from xrdkit.provenance import fingerprint
from xrdkit.workflow.calibration_source import mask_path, open_calibration, open_instrument
from xrdkit.workflow.coordinates import read_coordinates
from xrdkit.workflow.recipe import DetectorRecipe

_FILES = ("mask", "dark", "flat", "background")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The opened inputs of one detector."""

    calibration: Calibration
    """Geometry."""
    chosen: dict[str, Any] | None = None
    """What the provenance says of a calibration that was chosen from a store."""
    refinement: RefinementSpec | None = None
    """Settings of the refinement, with the widths of the instrument."""
    resolution: dict[str, Any] | None = None
    """What the provenance says of widths that were read from a file."""
    spec: IntegrationSpec
    """Settings of the integration, with mask, dark, flat and background frames."""
    corrections: tuple[Correction, ...] = ()
    """What is done to the frames before, in this order."""
    phases: tuple[Structure, ...]
    """Structures of the refinement."""
    coordinates: dict[str, xr.DataArray]
    """Coordinates on ``frame`` for the whole series."""
    identity: dict[str, str]
    """Digest of each input, for the keys of the blocks."""


def open_inputs(detector: DetectorRecipe, frames: int) -> Inputs:
    """Return the inputs of `detector`, whose series has `frames` frames.

    Raises CalibrationError, FrameError, StructureError or RecipeError naming the file.
    """
    source = open_calibration(detector)
    calibration, chosen = source.calibration, source.record
    resolution = open_instrument(detector, source)
    named = {name: getattr(detector, name) for name in _FILES}
    named["mask"] = mask_path(detector, source)
    paths = {name: path for name, path in named.items() if path is not None}
    opened: dict[str, Any] = {}
    if "mask" in paths:
        opened["mask"] = load_mask(paths["mask"], flip=detector.mask_flip)
    for name in ("dark", "background"):
        if name in paths:
            opened[name] = open_frames(paths[name])
    if "flat" in paths:
        opened["flat"] = _one_frame(paths["flat"])
    identity = {name: fingerprint(path) for name, path in paths.items()}
    identity["calibration"] = calibration.digest()
    if chosen is not None:
        identity["calibration chosen"] = sha256_value(chosen)
    identity["mask_flip"] = str(detector.mask_flip)
    corrections: tuple[Correction, ...] = ()
    if detector.corrections is not None:
        corrections = detector.corrections.steps(calibration)
        records = [[type(step).__name__, step.record()] for step in corrections]
        identity["corrections"] = sha256_value(records)
    phases: list[Structure] = []
    refinement: RefinementSpec | None = None
    if detector.refine_phases is not None:
        widths = None if resolution is None else resolution[0]
        refinement = detector.refine_phases.spec(instrument=widths)
        for name in detector.refine_phases.phases:
            if name.lower().endswith(".cif"):
                phases.append(load_structure(name))
                identity[f"phase {len(phases)}"] = fingerprint(name)
            else:
                phases.append(embedded_structure(name))
    coordinates: dict[str, xr.DataArray] = {}
    if detector.coordinates is not None:
        coordinates = read_coordinates(Path(detector.coordinates), frames)
        twice = sorted(coordinates.keys() & detector.stated_values.keys())
        if twice:
            raise RecipeError(
                f"column {twice[0]!r} is stated by detectors.{detector.label}.stated, too",
                source=detector.coordinates,
                hint="say it once",
            )
    return Inputs(
        calibration=calibration,
        chosen=chosen,
        refinement=refinement,
        resolution=None if resolution is None else resolution[1],
        spec=detector.integrate.spec(**opened),
        corrections=corrections,
        phases=tuple(phases),
        coordinates=coordinates,
        identity=identity,
    )


def _one_frame(path: str) -> np.ndarray[Any, Any]:
    counts = open_frames(path)["counts"]
    if counts.sizes["frame"] != 1:
        raise FrameShapeMismatch(
            f"holds {counts.sizes['frame']} frames, a flat field is one", source=path
        )
    return np.asarray(counts.isel(frame=0).values, dtype=np.float64)
