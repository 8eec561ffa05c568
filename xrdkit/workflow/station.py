"""The stations of a block of frames: open, correct, integrate, refine phases, fit sizes, models."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from xrdkit import provenance
from xrdkit.corrections import correct
from xrdkit.errors import EmptyResult, FrameTruncated, RecipeError
from xrdkit.frames import open_frames
from xrdkit.integration import integrate
from xrdkit.integration.reduction import NO_PIXEL
from xrdkit.phase import refine_phases
from xrdkit.saxs import fit_sizes
from xrdkit.saxs.models import fit_model
from xrdkit.workflow.blocks import Block
from xrdkit.workflow.inputs import Inputs
from xrdkit.workflow.merge import join
from xrdkit.workflow.outcome import Done, Failed, Outcome, Skipped, failed
from xrdkit.workflow.parts import Part, find_part, read_part, settled_part, write_part
from xrdkit.workflow.recipe import DetectorRecipe

Verb = Callable[[xr.Dataset], xr.Dataset]


def do_block(into: Path, block: Block, detector: DetectorRecipe, inputs: Inputs) -> list[Outcome]:
    """Make what is missing of a block and return one outcome per product and failed frame.

    Raises StoreError where a part cannot be written.
    """
    outcomes: list[Outcome] = []
    profile: xr.Dataset | None = None
    for product in block.keys:
        part = settled_part(into, block, product)
        if part is not None:
            outcomes.extend(found(part, block, product))
            continue
        if product == "profile":
            frames, failures = _frames_of(block, detector, inputs)
            pieces = [] if frames is None else [frames]
        else:
            if profile is None:
                before = find_part(into, block, "profile")
                profile = read_part(before) if before is not None and before.frames else None
            pieces, failures = [] if profile is None else [profile], []
        verb = verb_of(product, detector, inputs)
        data, more = _each(verb, pieces, block, product)
        part = write_part(into, block, product, data, [*failures, *more])
        profile = data if product == "profile" else profile
        outcomes.extend(part.failures)
        if part.frames:
            outcomes.append(_done(part, block, product))
    return outcomes


def found(part: Part, block: Block, product: str) -> list[Outcome]:
    """Return the outcomes of a part that was there already."""
    skipped = Skipped(
        "was there already",
        part.path,
        part.content_sha256,
        label=block.label,
        product=product,
        frames=part.frames,
        block=block.index,
    )
    return [*part.failures, *([skipped] if part.frames else [])]


def _done(part: Part, block: Block, product: str) -> Done:
    return Done(
        part.path,
        part.content_sha256,
        label=block.label,
        product=product,
        frames=part.frames,
        block=block.index,
    )


def verb_of(product: str, detector: DetectorRecipe, inputs: Inputs) -> Verb:
    """Return what makes a product; raise RecipeError for one that the detector does not make."""
    if product == "profile":
        return lambda frames: _without_blanks(
            integrate(
                correct(_told(frames, "choose_calibration", inputs.chosen), inputs.corrections),
                inputs.calibration,
                inputs.spec,
            )
        )
    if product == "phases" and inputs.refinement is not None:
        refinement = inputs.refinement
        return lambda profile: refine_phases(
            _told(profile, "load_instrument", inputs.resolution), list(inputs.phases), refinement
        )
    if product == "sizes" and detector.fit_sizes is not None:
        sizes = detector.fit_sizes.spec()
        return lambda profile: fit_sizes(profile, sizes)
    if product == "model" and detector.fit_model is not None:
        model, model_spec = detector.fit_model.model(), detector.fit_model.spec()
        return lambda profile: fit_model(profile, model, model_spec)
    raise RecipeError(f"detector {detector.label!r} makes no {product!r}")


def _without_blanks(profile: xr.Dataset) -> xr.Dataset:
    """Return `profile`; raise EmptyResult where a frame is blank: in a run it counts as failed."""
    blank = np.flatnonzero(~profile["n_pixels"].values.any(axis=1))
    if blank.size:
        number = int(profile["frame"].values[blank[0]])
        raise EmptyResult(f"{NO_PIXEL} of frame {number}", hint="is the frame blank or masked?")
    return profile


def _told(data: xr.Dataset, step: str, record: dict[str, Any] | None) -> xr.Dataset:
    """Return `data` with a choice in its provenance, unchanged where none was made."""
    if record is None:
        return data
    settings = {key: value for key, value in record.items() if key != "sha256"}
    return provenance.append(data, step, settings, inputs=(record["sha256"],))


def _frames_of(
    block: Block, detector: DetectorRecipe, inputs: Inputs
) -> tuple[xr.Dataset | None, list[Failed]]:
    """Return the frames of a block that are there, with their coordinates, and the others."""
    label, product = block.label, "profile"
    try:
        paths = [s.path for s in block.segments]
        data = open_frames(paths, reader=detector.reader, stated=detector.stated_values)
    except Exception as exc:
        return None, [
            failed(exc, label=label, product=product, frame=k, block=block.index)
            for k in block.frames
        ]
    places, at = [], 0
    counts = _counts(data, block)
    for segment, count in zip(block.segments, counts, strict=True):
        places += list(range(at + segment.start, at + segment.stop))
        at += count
    data = data.isel(frame=places).assign_coords(frame=("frame", list(block.frames)))
    data["frame"].attrs.update({"long_name": "frame number"})
    for name, array in inputs.coordinates.items():
        chosen = array.isel(frame=list(block.frames))
        data = data.assign_coords({name: ("frame", chosen.values, array.attrs)})
    written = np.asarray(data["written"].values, dtype=bool)
    absent = [
        failed(
            FrameTruncated(
                "is declared and was never written",
                source=block.segments[0].path if len(block.segments) == 1 else None,
                hint="was the measurement stopped?",
            ),
            label=label,
            product=product,
            frame=number,
            block=block.index,
        )
        for number, there in zip(block.frames, written, strict=True)
        if not there
    ]
    return (data.isel(frame=np.flatnonzero(written)) if written.any() else None), absent


def _counts(data: xr.Dataset, block: Block) -> list[int]:
    """Return how many frames each file of the block holds; file_frame starts at 0 in each."""
    starts = [*np.flatnonzero(data["file_frame"].values == 0).tolist(), data.sizes["frame"]]
    counts = np.diff(starts).tolist()
    if len(counts) != len(block.segments):
        raise FrameTruncated("the files changed while they were read")
    return counts


def _each(
    verb: Verb, pieces: list[xr.Dataset], block: Block, product: str
) -> tuple[xr.Dataset | None, list[Failed]]:
    """Apply `verb`; where it fails, halve the frames until the failing ones stand alone."""
    good: list[xr.Dataset] = []
    failures: list[Failed] = []
    waiting = list(pieces)
    while waiting:
        data = waiting.pop(0)
        try:
            good.append(verb(data))
        except Exception as exc:
            count = data.sizes["frame"]
            if count == 1:
                number = int(data["frame"].values[0])
                failures.append(
                    failed(exc, label=block.label, product=product, frame=number, block=block.index)
                )
            else:
                half = count // 2
                waiting[:0] = [
                    data.isel(frame=slice(None, half)),
                    data.isel(frame=slice(half, None)),
                ]
    return (join(good) if good else None), failures
