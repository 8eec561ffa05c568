"""Frames cut into blocks, and the key of what each block gives."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from xrdkit.canonical import sha256_value
from xrdkit.provenance import package_version
from xrdkit.workflow.coordinates import rows_of
from xrdkit.workflow.inputs import Inputs
from xrdkit.workflow.recipe import DetectorRecipe
from xrdkit.workflow.series import Series, SourceFile

_LIBRARIES = ("numpy", "scipy", "numba", "lmfit", "gemmi", "fabio", "h5py", "h5netcdf", "xarray")


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Consecutive frames of one file."""

    path: str
    """The file."""
    start: int
    """First frame within the file."""
    stop: int
    """Frame after the last."""
    first: int
    """Number of the first frame within the series."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """The piece of work that is done, stored and resumed as one."""

    label: str
    """Label of the detector."""
    index: int
    """Number of the block within the series."""
    segments: tuple[Segment, ...]
    """Where its frames are."""
    keys: dict[str, str]
    """Key of each product, in the order in which they are made."""

    @property
    def frames(self) -> tuple[int, ...]:
        """Numbers of the frames within the series."""
        return tuple(s.first + k for s in self.segments for k in range(s.stop - s.start))


def make_blocks(
    detector: DetectorRecipe, series: Series, inputs: Inputs, block_frames: int
) -> list[Block]:
    """Return the blocks of a series, at most `block_frames` frames in each.

    The key of a product tells everything that its content depends on, and nothing else: a changed
    setting of the fit leaves the integrated profiles as they are.
    """
    out = []
    for index, pieces in enumerate(_cut(series, block_frames)):
        segments = tuple(segment for _, segment in pieces)
        frames = [s.first + k for s in segments for k in range(s.stop - s.start)]
        content: Any = {
            "product": "profile",
            "code": code_sha256(),
            "software": {name: package_version(name) for name in _LIBRARIES},
            "integrate": detector.integrate.model_dump(),
            "inputs": inputs.identity,
            "reader": detector.reader,
            "stated": detector.stated_values,
            "frames": [[*f.identity, s.start, s.stop, s.first] for f, s in pieces],
            "names": [Path(f.path).name for f, _ in pieces],
            "coordinates": rows_of(inputs.coordinates, frames),
        }
        keys = {"profile": sha256_value(content)}
        for name in detector.products[1:]:
            if name in detector.of_whole_series:
                continue
            tables = {"phases": detector.refine_phases, "sizes": detector.fit_sizes}
            table = tables.get(name, detector.fit_model)
            settings = {} if table is None else table.model_dump(exclude={"phases"})
            if name == "phases" and inputs.resolution is not None:
                settings["instrument"] = inputs.resolution
            names = [structure.name for structure in inputs.phases] if name == "phases" else []
            keys[name] = sha256_value([name, keys["profile"], settings, names])
        out.append(Block(label=detector.label, index=index, segments=segments, keys=keys))
    return out


@cache
def code_sha256() -> str:
    """Return a digest of the source of this package, so that no result outlives its code."""
    root = Path(__file__).parents[1]
    digest = sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(file.relative_to(root).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _cut(series: Series, size: int) -> Iterator[list[tuple[SourceFile, Segment]]]:
    """Yield the pieces of each block; a block holds frames of one shape and dtype."""
    block: list[tuple[SourceFile, Segment]] = []
    room = size
    for file in series.files:
        if block and block[-1][0].layout != file.layout:
            yield block
            block, room = [], size
        start = 0
        while start < file.frames:
            stop = min(file.frames, start + room)
            place = Segment(path=file.path, start=start, stop=stop, first=file.first + start)
            block.append((file, place))
            room -= stop - start
            start = stop
            if room == 0:
                yield block
                block, room = [], size
    if block:
        yield block
