"""Header facts of HDF5 files: NeXus and NXsas, Dectris Eiger, LImA, EPICS area detector."""

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import FrameShapeMismatch
from xrdkit.frames import nexus_rules
from xrdkit.frames.epics_tags import EPICS_EPOCH
from xrdkit.frames.hdf5_chunks import check_chunks
from xrdkit.frames.hdf5_safety import (
    DatasetEntry,
    Walk,
    attribute,
    open_hdf5,
    text_of,
)
from xrdkit.frames.hdf5_segments import Located
from xrdkit.frames.headers import (
    COORDINATES,
    Fact,
    convert,
    epoch_fact,
    fact,
    text_fact,
    time_fact,
)
from xrdkit.masks import MaskReason

_LONGEST_TEXT = 4096
_PIXEL_MASK_BITS = {
    0: MaskReason.GAP,
    1: MaskReason.DEAD,
    2: MaskReason.DEAD,
    3: MaskReason.HOT,
    4: MaskReason.HOT,
    6: MaskReason.DEAD,
    8: MaskReason.USER,
    31: MaskReason.GAP,
}


class _Header:
    """The small datasets of one entry, read as asked."""

    def __init__(self, file: Any, entries: list[DatasetEntry], frames: int) -> None:
        self.file = file
        self.entries = entries
        self.frames = frames

    def matches(self, pattern: str) -> list[DatasetEntry]:
        found = re.compile(pattern)
        return [e for e in self.entries if found.search(f"{e.group_class}:{e.path}")]

    def numbers(self, entry: DatasetEntry) -> NDArray[np.float64] | None:
        """Return one number, or one per frame, as float64 of shape () or (frame,)."""
        if entry.kind not in "iuf":
            return None
        if entry.size == 1:
            return np.asarray(self.file[entry.path][()], dtype=np.float64).reshape(())
        if entry.shape == (self.frames,):
            return np.asarray(self.file[entry.path][()], dtype=np.float64)
        return None

    def text(self, entry: DatasetEntry) -> str:
        if entry.size != 1 or entry.kind not in "SOU":
            return ""
        dataset = self.file[entry.path]
        if dataset.dtype.itemsize > _LONGEST_TEXT:
            return ""
        return text_of(np.asarray(dataset[()], dtype=object).ravel()[0])

    def unit(self, entry: DatasetEntry) -> str:
        """Return the unit that a dataset states, by attribute or at the end of its description."""
        dataset = self.file[entry.path]
        stated = attribute(dataset, "units")
        if stated:
            return stated
        for name in ("NDAttrDescription", "description"):
            head, comma, unit = attribute(dataset, name).rpartition(",")
            if head and comma:
                return unit.strip()
        return ""


def header_facts(path: Path, found: Walk, located: Located) -> dict[str, Fact]:
    """Return what the HDF5 file `path` tells about the frames in `located`.

    A value counts only with its unit: from its attribute ``units``, from the end of its
    description ("..., mm"), or where its format fixes it.
    """
    entries = list(found.datasets)
    if located.segments[0].file == path:
        root = "/" + located.segments[0].dataset.strip("/").split("/")[0] + "/"
        entries = [e for e in entries if e.path.startswith(root)] or entries
    facts: dict[str, Fact] = {}
    with open_hdf5(path) as file:
        header = _Header(file, entries, located.shape[0])
        for name, stem in nexus_rules.AMPLIFIED.items():
            facts.update(_amplified(header, name, stem))
        if "monitor_after" not in facts and "monitor" in facts:
            facts.update(_transmitted(header, float(facts["monitor"].values)))
        for name, pattern, unit in nexus_rules.NUMBERS:
            for entry in header.matches(pattern):
                if name not in facts:
                    facts.update(_fact(header, name, entry, unit))
        for name, pattern in nexus_rules.TEXTS:
            for entry in header.matches(pattern):
                if name not in facts:
                    facts.update(text_fact(name, header.text(entry), entry.path))
        facts.update(_temperature(header))
        facts.update(_start(header))
    return facts


def _fact(header: _Header, name: str, entry: DatasetEntry, unit: str) -> dict[str, Fact]:
    values = header.numbers(entry)
    stated = header.unit(entry) or unit
    if values is None or not stated:
        return {}
    if values.ndim == 0:
        return fact(name, float(values), stated, entry.path)
    wanted = COORDINATES[name]
    scaled = np.array(
        [np.nan if (v := _converted(float(x), stated, wanted.unit)) is None else v for x in values]
    )
    scaled[~((scaled > wanted.low) & (scaled <= wanted.high))] = np.nan
    return {} if np.isnan(scaled).all() else {name: Fact(values=scaled, source_key=entry.path)}


def _converted(value: float, unit: str, target: str) -> float | None:
    return value if unit == target else convert(value, unit, target)


def _amplified(header: _Header, name: str, stem: str) -> dict[str, Fact]:
    """Return counts over amplifier gain, which alone compares frames taken at other gains."""
    for entry in header.matches(rf"/{stem}_cts$"):
        gains = [e for e in header.entries if e.path == entry.path[: -len("cts")] + "gain"]
        counts = header.numbers(entry)
        gain = header.numbers(gains[0]) if gains else None
        if counts is None or gain is None or counts.ndim or gain.ndim:
            continue
        if counts > 0 and gain > 0:
            both = f"{entry.path} / {gains[0].path}"
            return {
                **fact(name, float(counts / gain), "count", both),
                **fact(f"{name}_raw", float(counts), "count", entry.path),
                **fact(f"{name}_gain", float(gain), "V/A", gains[0].path),
            }
    return {}


def _transmitted(header: _Header, monitor: float) -> dict[str, Fact]:
    """Return the diode behind the sample where it was read in a short exposure of its own.

    Diode over monitor of that exposure, times the `monitor` of the frame, so that its ratio to
    that monitor is the one that was measured.
    """
    read: dict[str, float] = {}
    for stem in nexus_rules.TRANSMITTED:
        for name in (stem, f"{stem}gain"):
            for entry in header.matches(rf"/{name}$"):
                value = header.numbers(entry)
                if value is not None and value.ndim == 0 and value > 0:
                    read[name] = float(value)
    diode, before = nexus_rules.TRANSMITTED
    if len(read) < 4:
        return {}
    ratio = read[diode] / read[f"{diode}gain"] / (read[before] / read[f"{before}gain"])
    return fact("monitor_after", ratio * monitor, "count", f"{diode} / {before} * monitor")


def _temperature(header: _Header) -> dict[str, Fact]:
    """Return the temperature of a Linkam stage, else that of the NeXus sample where it has a unit.

    A Linkam that is not there reads exactly 0 °C; the sample entry beside it is then a constant
    of the beamline and is not taken for a measurement either.
    """
    stages = header.matches(r"/linkam_\w+_temp$")
    for entry in stages:
        value = header.numbers(entry)
        if value is not None and value.ndim == 0 and value != 0:
            return fact("temperature", float(value), "degC", entry.path)
    if stages:
        return {}
    for entry in header.matches(r"(^NXsample:.*|/sample)/temperature$"):
        found = _fact(header, "temperature", entry, "")
        if found:
            return found
    return {}


def _start(header: _Header) -> dict[str, Fact]:
    """Return the time stamp of the array itself, else the start that the file states as text."""
    for entry in header.matches(r"/NDArrayEpicsTSSec$"):
        value = header.numbers(entry)
        if value is not None and value.ndim == 0 and value > 0:
            return epoch_fact(float(value) + EPICS_EPOCH, entry.path)
    for pattern in nexus_rules.TIMES:
        for entry in header.matches(pattern):
            found = time_fact(header.text(entry), entry.path)
            if found:
                return found
    return {}


def pixel_mask(path: Path, found: Walk, shape: tuple[int, int]) -> NDArray[np.uint16] | None:
    """Return the NXdetector pixel_mask of `path` as bits of MaskReason, None where it has none.

    NeXus bits: 0 gap, 1 dead, 2 under-responding, 3 over-responding, 4 noisy, 6 in a cluster of
    bad pixels, 8 user, 31 interpolated; any other bit counts as user. Raises FrameShapeMismatch
    where it has not the shape (y, x) of the frames.
    """
    for entry in found.datasets:
        if not entry.path.endswith("/pixel_mask") or entry.kind not in "iu":
            continue
        if entry.shape != shape:
            raise FrameShapeMismatch(
                f"{entry.path} has shape {entry.shape}, the frames {shape}", source=path
            )
        with open_hdf5(path) as file:
            dataset = file[entry.path]
            if not isinstance(dataset, h5py.Dataset):
                continue
            check_chunks(path, dataset, tuple(slice(0, n) for n in shape), None)
            bits = np.asarray(dataset[()]).astype(np.uint32)
        mask = np.zeros(shape, dtype=np.uint16)
        named = 0
        for bit, reason in _PIXEL_MASK_BITS.items():
            named |= 1 << bit
            mask[(bits >> bit) & 1 == 1] |= np.uint16(reason)
        mask[bits & np.uint32(0xFFFFFFFF & ~named) != 0] |= np.uint16(MaskReason.USER)
        return mask
    return None
