"""Every way in which a file may have become an array: as mask, as frames, as one frame."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.averaging import AveragedFrame, average_frames
from xrdkit.calibration import load_mask
from xrdkit.canonical import sha256_array
from xrdkit.errors import XrdkitError
from xrdkit.frames import open_frames
from xrdkit.limits import Limits

Reading = xr.Dataset | xr.DataArray | NDArray[Any]


def readings(
    paths: Sequence[Path], shape: tuple[int, int], *, masks: bool, together: bool = False
) -> Iterator[tuple[tuple[Path, ...], Reading]]:
    """Yield what the files `paths` hold that has `shape` (rows, columns), each way it is read.

    Single files come first, then series of files that differ in numbers only; with `together` all
    of them as one series come before. With `masks` files are read by `load_mask` too.
    """
    if together and len(paths) > 1:
        for value in _frames(paths, shape):
            yield tuple(paths), value
    if masks:
        for path in paths:
            for value in _masks(path, shape):
                yield (path,), value
    for path in paths:
        for value in _frames([path], shape):
            yield (path,), value
    for group in _series(paths):
        for value in _frames(group, shape):
            yield tuple(group), value


def same_array(digest: str) -> Callable[[Reading], Reading | None]:
    """Return a test for the array with this digest, for `InputFinder.array`."""

    def match(value: Reading) -> Reading | None:
        array = value["counts"] if isinstance(value, xr.Dataset) else value
        return value if sha256_array(np.asarray(array)) == digest else None

    return match


def same_average(digest: str) -> Callable[[Reading], AveragedFrame | None]:
    """Return a test for frames whose average has this digest, for `InputFinder.array`."""

    def match(value: Reading) -> AveragedFrame | None:
        try:
            averaged = average_frames(value)
        except XrdkitError:
            return None
        return averaged if averaged.digest() == digest else None

    return match


def _masks(path: Path, shape: tuple[int, int]) -> Iterator[Reading]:
    for flip in (False, True):
        try:
            mask = load_mask(path, flip=flip, shape=shape)
        except XrdkitError:
            return
        yield mask
        yield np.asarray(mask.values != 0)


def _frames(paths: Sequence[Path], shape: tuple[int, int]) -> Iterator[Reading]:
    try:
        data = open_frames([str(path) for path in paths])
        if tuple(data["counts"].shape[1:]) != tuple(shape):
            return
        Limits().check("bytes_held", data["counts"].nbytes)
        data = data.assign(counts=data["counts"].copy(data=data["counts"].values))
    except XrdkitError:
        return
    yield data
    values = np.asarray(data["counts"].values)
    if len(values) == 1:
        yield values[0]
        yield values[0].astype(np.float64)
    try:
        yield average_frames(data).mean
    except XrdkitError:
        return


def _series(paths: Sequence[Path]) -> list[list[Path]]:
    groups: dict[tuple[Path, str], list[Path]] = {}
    for path in paths:
        groups.setdefault((path.parent, re.sub(r"[0-9]+", "#", path.name)), []).append(path)

    def natural(path: Path) -> list[tuple[int, int, str]]:
        parts = re.split(r"([0-9]+)", path.name)
        return [(0, int(p), "") if p.isascii() and p.isdigit() else (1, 0, p) for p in parts]

    return [sorted(group, key=natural) for group in groups.values() if len(group) > 1]
