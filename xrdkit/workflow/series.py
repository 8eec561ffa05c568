"""The frame files of one detector, in order, each looked at once."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import xarray as xr

from xrdkit.errors import FrameNotFound, FrameTruncated, XrdkitError
from xrdkit.frames import open_frames
from xrdkit.provenance import steps
from xrdkit.workflow.outcome import Failed, failed

_PART = "::"


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One file of frames."""

    path: str
    """Where it is."""
    frames: int
    """How many it declares."""
    layout: tuple[int, int, str]
    """Rows, columns and dtype of a frame."""
    identity: tuple[str, ...]
    """SHA-256 of the file and of those it refers to."""
    first: int
    """Number of its first frame within the series."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """All frames of one detector."""

    files: tuple[SourceFile, ...]
    """The files that can be opened."""
    failures: tuple[Failed, ...]
    """One outcome for each file that cannot; it counts as one frame of the series."""
    frames: int
    """Number of frames, those of `failures` included."""
    reader: str | None
    """Name of the reader that opened them, where the recipe names one."""
    stated: Mapping[str, float | str] = field(default_factory=dict)
    """What the recipe states of all frames, in place of their headers."""

    @property
    def layout(self) -> tuple[int, int, str]:
        """Rows, columns and dtype that most files have."""
        return Counter(file.layout for file in self.files).most_common(1)[0][0]


def find_files(patterns: Sequence[str]) -> list[str]:
    """Return the files that `patterns` name, each once, numbers within names sorted by value.

    ``file.h5::/path`` names a dataset within a file. Raises FrameNotFound for a pattern without a
    file.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        file = Path(pattern.partition(_PART)[0])
        matches = [pattern] if path.exists() or file.exists() else []
        if not matches and re.search(r"[*?[]", path.name):
            matches = [str(p) for p in sorted(path.parent.glob(path.name), key=_natural)]
        if not matches:
            raise FrameNotFound("there is no such frame file", source=pattern)
        found.update(dict.fromkeys(matches))
    return list(found)


def look_through(
    label: str,
    patterns: Sequence[str],
    reader: str | None,
    stated: Mapping[str, float | str] | None = None,
) -> Series:
    """Return the series of the files that `patterns` name; only headers are read.

    `stated` facts of the frames are kept with it.

    A file that cannot be opened becomes a failure and holds up no other. Raises FrameNotFound for
    a file that is not there, and the error of the first file where none can be opened.
    """
    files: list[SourceFile] = []
    failures: list[Failed] = []
    errors: list[XrdkitError] = []
    number = 0
    for path in find_files(patterns):
        try:
            file = _look_at(path, reader, number)
        except XrdkitError as exc:
            errors.append(exc)
            failures.append(failed(exc, label=label, product="frames", frame=number))
            number += 1
        else:
            files.append(file)
            number += file.frames
    if not files:
        raise errors[0]
    return Series(
        files=tuple(files),
        failures=tuple(failures),
        frames=number,
        reader=reader,
        stated=dict(stated or {}),
    )


def open_all(series: Series) -> xr.Dataset:
    """Return the frames of the files that have the layout of most, numbered as in the results."""
    chosen = [file for file in series.files if file.layout == series.layout]
    paths = [file.path for file in chosen]
    data = open_frames(paths, reader=series.reader, stated=series.stated)
    numbers = [file.first + k for file in chosen for k in range(file.frames)]
    return data.assign_coords(frame=("frame", numbers, {"long_name": "frame number"}))


def _look_at(path: str, reader: str | None, first: int) -> SourceFile:
    data = open_frames(path, reader=reader)
    count, rows, columns = data["counts"].shape
    if count == 0:
        raise FrameTruncated("declares no frame", source=path)
    return SourceFile(
        path=path,
        frames=count,
        layout=(rows, columns, data["counts"].dtype.str),
        identity=steps(data)[-1].inputs,
        first=first,
    )


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"([0-9]+)", path.name)
    return [(0, int(p), p) if p.isascii() and p.isdigit() else (1, 0, p) for p in parts]
