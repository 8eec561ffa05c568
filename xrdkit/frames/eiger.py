"""Dectris Eiger: a master file whose links ``data_000001`` ... lead to the files of frames."""

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from xrdkit.errors import FrameCorrupt, FrameShapeMismatch
from xrdkit.frames.hdf5_safety import Walk, open_hdf5
from xrdkit.frames.hdf5_segments import Located, Locator, Segment

_DATA = re.compile(r"data_\d{6}")
_GROUPS = ("/entry/data", "/entry")


def locate_master(path: Path, found: Walk, locator: Locator) -> Located | None:
    """Return where the frames of an Eiger master lie, None where `path` is none.

    The frames are those of all ``data_NNNNNN`` in order. Where the master declares more (nimages
    times ntrigger) the missing ones are not written. Raises FrameTruncated where a linked file is
    missing, FrameShapeMismatch where the linked files differ.
    """
    names = _data_names(path, found)
    if not names:
        return None
    parts = [locator.locate(path, name) for name in names]
    first = parts[0]
    segments: list[Segment] = []
    written: list[np.ndarray[Any, np.dtype[np.bool_]]] = []
    at = 0
    for name, part in zip(names, parts, strict=True):
        if part.shape[1:] != first.shape[1:] or part.dtype != first.dtype:
            raise FrameShapeMismatch(
                f"{name} has frames of {part.shape[1:]} {part.dtype}, {names[0]} of "
                f"{first.shape[1:]} {first.dtype}",
                source=path,
            )
        segments.extend(_shifted(segment, at) for segment in part.segments)
        written.append(part.written)
        at += part.shape[0]
    declared = _declared(path, found)
    if declared > at:
        locator.limits.check("frames", declared, source=path)
        written.append(np.zeros(declared - at, dtype=bool))
    return Located(
        shape=(max(at, declared), *first.shape[1:]),
        dtype=first.dtype,
        segments=tuple(segments),
        written=np.concatenate(written),
    )


def _shifted(segment: Segment, by: int) -> Segment:
    target = range(segment.target.start + by, segment.target.stop + by, segment.target.step)
    return Segment(
        target,
        segment.file,
        segment.dataset,
        segment.first,
        segment.box,
        segment.source_box,
    )


def _data_names(path: Path, found: Walk) -> list[str]:
    groups = {name for name, _ in found.groups}
    with open_hdf5(path) as file:
        for group in _GROUPS:
            if group in groups:
                names = [name for name in file[group] if _DATA.fullmatch(name)]
                links = [file[group].get(name, getlink=True) for name in names]
                if any(isinstance(link, h5py.ExternalLink) for link in links):
                    return [f"{group}/{name}" for name in sorted(names)]
    return []


def _declared(path: Path, found: Walk) -> int:
    """Return nimages times ntrigger, 0 where the file does not state nimages."""
    counts = {"nimages": 0, "ntrigger": 1}
    with open_hdf5(path) as file:
        for entry in found.datasets:
            name = entry.path.rpartition("/")[2]
            if name in counts and "detectorSpecific" in entry.path and entry.size == 1:
                value = np.asarray(file[entry.path][()]).ravel()[0]
                if entry.kind not in "iu" or int(value) < 1:
                    raise FrameCorrupt(f"states {name} = {value!r}", source=path)
                counts[name] = int(value)
    return counts["nimages"] * counts["ntrigger"]
