"""The verb `open_frames`: files of any format as one lazy Dataset (frame, y, x)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.core import indexing

from xrdkit import provenance, schema
from xrdkit.errors import FrameFormatUnknown, FrameNotFound, FrameShapeMismatch, SpecError
from xrdkit.frames._files import byte_source
from xrdkit.frames._lazy import LazyFrames, LazyReasons, join
from xrdkit.frames._reader import READERS, Stack, find_reader
from xrdkit.frames.headers import COORDINATES, Facts, stacked
from xrdkit.frames.stated import StatedValue, overruled, replaced_attrs, stated_facts
from xrdkit.limits import Limits
from xrdkit.masks import MASK_ATTRS

_PART = "::"
_WILD = re.compile(r"[*?\[]")


def open_frames(
    source: str | Path | Sequence[str | Path],
    *,
    reader: str | None = None,
    limits: Limits | None = None,
    sentinels: Iterable[int] | None = None,
    stated: Mapping[str, StatedValue] | None = None,
) -> xr.Dataset:
    """Return detector frames as a lazy Dataset of schema `schema.FRAMES`.

    `source` is one file; a pattern in the last part of a path such as ``"run/lab6_*.tif"`` (in
    natural order: 2 before 10); or a sequence of files, taken in the order given. Frames of several
    files follow one another along ``frame``. ``"file.h5::/path"`` names a dataset within a file.
    The format is told from the first bytes, never from the name, unless `reader` names one.
    `sentinels` are more raw values that mean no data. `stated` maps names of header facts to a
    value, or to one per frame, in the stored unit: what is stated replaces what the files say, has
    the ``source_key`` "stated", and is recorded.

    The result has ``counts(frame, y, x)``, raw values in the dtype of the file, read only where
    they are asked for, one frame at a time; as lazily ``mask_reasons(frame, y, x)``, the
    `MaskReason` bits of every pixel (the file's own mask, what `masks.no_data_reasons` finds in the
    values, and SATURATED from the smallest ``count_cutoff`` on, which is then the attribute
    ``saturation`` of counts); ``mask(y, x)`` where a file brings a pixel mask; and on ``frame`` the
    coordinates ``source_file``, ``file_frame``, ``written`` and those header facts that the files
    have (`vocabulary.COORDINATES`: exposure_time in s, wavelength_header in angstrom,
    distance_header in m, monitor, transmission, temperature in K, start_time ...). Names ending in
    ``_header`` are hints, not geometry.

    Raises FrameNotFound, FrameTruncated, FrameCorrupt, FrameFormatUnknown, FrameShapeMismatch,
    LinkRefused and LimitExceeded, each naming the file; SpecError where a data file is named
    beside the master file that links it, or where `stated` makes no sense. What no header tells
    (damaged compressed data, an unwritten frame) is raised when the frame is read.
    """
    limits = Limits() if limits is None else limits
    marks = tuple(int(value) for value in sentinels or ())
    names = _listed(source)
    stacks = [_open_one(name, reader, limits) for name in names]
    _check_given_once(stacks)
    frames = join([stack.source for stack in stacks], [str(stack.files[0]) for stack in stacks])
    limits.check("frames", frames.shape[0], source=names[0])
    mask, values = _mask(stacks), _sentinels(stacks, marks)
    header = stacked([(stack.facts, stack.source.shape[0]) for stack in stacks])
    facts = overruled(header, stated_facts(stated or {}, frames.shape[0]))
    saturation = _saturation(facts)
    attrs: dict[str, Any] = {"units": "count", "long_name": "detector counts", "sentinels": values}
    if saturation is not None:
        attrs["saturation"] = saturation
    reasons = LazyReasons(frames, limits, values.tolist(), mask, saturation)
    data = xr.Dataset(
        {
            "counts": _lazy(LazyFrames(frames, limits), attrs),
            "mask_reasons": _lazy(reasons, MASK_ATTRS),
        },
        coords=_coordinates(stacks) | _described(facts, header, stated or {}, frames.shape[0]),
        attrs={"schema": schema.FRAMES.name},
    )
    if mask is not None:
        data["mask"] = (("y", "x"), mask, MASK_ATTRS)
    files = dict.fromkeys(file for stack in stacks for file in stack.files)
    data = provenance.append(
        data,
        "open_frames",
        {
            "files": [file.name for file in files],
            "parts": _parts(names, stacks),
            "reader": reader,
            "sentinels": marks,
            "stated": dict(stated or {}),
        },
        inputs=[provenance.fingerprint(file) for file in files],
        software=("numpy", "h5py", "hdf5plugin", "fabio"),
    )
    return schema.validate(data, schema.FRAMES)


def _parts(names: Sequence[str], stacks: Sequence[Stack]) -> list[str]:
    """Return what was named within files, as ``"scan.h5::/path"`` without folders."""
    return [
        stack.files[0].name + _PART + name.rpartition(_PART)[2]
        for name, stack in zip(names, stacks, strict=True)
        if _PART in name and not _exists(Path(name))
    ]


def _listed(source: str | Path | Sequence[str | Path]) -> list[str]:
    """Return the file names that `source` stands for."""
    if isinstance(source, Sequence) and not isinstance(source, str | bytes):
        names = [str(item) for item in source]
        if not names:
            raise FrameNotFound("an empty list of files was given")
        return names
    if not isinstance(source, str | Path):
        raise SpecError(f"frames are opened from paths, not from a {type(source).__name__}")
    text = str(source)
    path = Path(text)
    if not _WILD.search(path.name) or _exists(path) or _PART in text:
        return [text]
    if _WILD.search(str(path.parent)):
        raise FrameNotFound("only the file name may hold a pattern", source=text)
    found = [str(p) for p in path.parent.glob(path.name)] if path.parent.is_dir() else []
    if not found:
        raise FrameNotFound("no file matches", source=text)
    return sorted(found, key=_natural)


def _check_given_once(stacks: Sequence[Stack]) -> None:
    """Raise SpecError where a file is named and also linked from another, as by ``run_*.h5``."""
    named = {stack.files[0] for stack in stacks}
    for stack in stacks:
        for file in stack.files[1:]:
            if file in named:
                raise SpecError(
                    f"{file.name} is named, and its frames are in {stack.files[0].name} too",
                    hint="name the master file only",
                )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _natural(name: str) -> list[tuple[int, int | str]]:
    parts = re.split(r"([0-9]+)", name)
    return [(0, int(p)) if p.isascii() and p.isdigit() else (1, p) for p in parts]


def _open_one(name: str, reader: str | None, limits: Limits) -> Stack:
    part = None
    if _PART in name and not _exists(Path(name)):
        name, _, part = name.rpartition(_PART)
    path = Path(name)
    if reader is None:
        label, chosen, data = find_reader(path)
    else:
        label, chosen, data = reader, READERS.get(reader), byte_source(path)
    if part is not None and label != "hdf5":
        raise FrameFormatUnknown(f"{label} files have no dataset {part!r}", source=path)
    return chosen.open(path, data, part, limits)


def _lazy(frames: LazyFrames, attrs: dict[str, Any]) -> xr.Variable:
    return xr.Variable(("frame", "y", "x"), indexing.LazilyIndexedArray(frames), attrs)


def _sentinels(stacks: Sequence[Stack], marks: tuple[int, ...]) -> NDArray[np.int64]:
    declared = [value for stack in stacks for value in stack.sentinels]
    return np.array(list(dict.fromkeys([*declared, *marks])), dtype=np.int64)


def _coordinates(stacks: Sequence[Stack]) -> dict[str, xr.Variable]:
    counts = [stack.source.shape[0] for stack in stacks]
    names = np.repeat([stack.files[0].name for stack in stacks], counts)
    numbers = np.concatenate([np.arange(n) for n in counts])
    written = np.concatenate(
        [
            np.ones(n, dtype=bool) if stack.written is None else stack.written
            for stack, n in zip(stacks, counts, strict=True)
        ]
    )
    total = int(sum(counts))
    coords: dict[str, tuple[NDArray[Any], dict[str, str]]] = {
        "frame": (np.arange(total), {"long_name": "frame number"}),
        "source_file": (names, {"long_name": "name of the file"}),
        "file_frame": (numbers, {"long_name": "frame number within the file"}),
        "written": (written, {"long_name": "whether the file holds the frame"}),
    }
    return {name: xr.Variable(("frame",), *rest) for name, rest in coords.items()}


def _described(
    facts: Facts, header: Facts, stated: Mapping[str, StatedValue], frames: int
) -> dict[str, xr.Variable]:
    """Return the facts as coordinates on ``frame`` that say their unit and where they are from."""
    found = {}
    for name, one in facts.items():
        described = COORDINATES[name]
        attrs: dict[str, Any] = {"long_name": described.long_name, "source_key": one.source_key}
        if described.unit:
            attrs["units"] = described.unit
        if name in stated:
            attrs |= replaced_attrs(header.get(name))
        values = np.broadcast_to(one.values, (frames,)).copy()
        found[name] = xr.Variable(("frame",), values, attrs)
    return found


def _saturation(facts: Facts) -> float | None:
    """Return the smallest count cutoff of all frames, None where none is known."""
    if "count_cutoff" not in facts:
        return None
    return float(np.nanmin(facts["count_cutoff"].values))


def _mask(stacks: Sequence[Stack]) -> NDArray[np.uint16] | None:
    """Return the union of the masks: a pixel that one file calls bad is left out of all."""
    masks = [stack.mask for stack in stacks if stack.mask is not None]
    if not masks:
        return None
    if any(mask.shape != masks[0].shape for mask in masks):
        raise FrameShapeMismatch("the files bring pixel masks of unequal shape")
    return np.bitwise_or.reduce(masks)
