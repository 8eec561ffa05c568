"""The part files: what a block gave, and a record beside it that says so."""

import json
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from xrdkit.atomic import write_file
from xrdkit.canonical import canonical_json
from xrdkit.files import file_sha256
from xrdkit.store import load, save
from xrdkit.workflow.blocks import Block
from xrdkit.workflow.outcome import Failed, from_plain, to_plain

FOLDER = "parts"


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one block gave of one product."""

    path: Path
    """The part file; it is absent where no frame of the block gave a result."""
    file_sha256: str
    """SHA-256 of the part file; empty where it is absent."""
    content_sha256: str
    """SHA-256 of its content; empty where it is absent."""
    frames: int
    """Frames in it."""
    failures: tuple[Failed, ...]
    """The frames that gave none."""


def part_path(into: Path, block: Block, product: str) -> Path:
    """Return the part file of a product of `block`; its name has the key."""
    key = block.keys[product][:16]
    return into / FOLDER / f"part-{block.label}-{block.index:06d}-{product}-{key}.nc"


def find_part(into: Path, block: Block, product: str) -> Part | None:
    """Return the part where it is there and whole; else None."""
    path = part_path(into, block, product)
    try:
        record = json.loads(path.with_suffix(".json").read_bytes())
        failures = tuple(from_plain(item) for item in record["failures"])
        part = Part(
            path=path,
            file_sha256=record["file_sha256"],
            content_sha256=record["content_sha256"],
            frames=record["frames"],
            failures=tuple(f for f in failures if isinstance(f, Failed)),
        )
        is_same = record["key"] == block.keys[product]
        whole = not part.frames or file_sha256(path) == part.file_sha256
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        # No record, or one that cannot be trusted: the block is done again.
        return None
    return part if is_same and whole else None


def settled_part(into: Path, block: Block, product: str) -> Part | None:
    """Return the part where it is there and none of its failures is worth another try."""
    part = find_part(into, block, product)
    return None if part is None or any(f.again for f in part.failures) else part


def write_part(
    into: Path, block: Block, product: str, data: xr.Dataset | None, failures: list[Failed]
) -> Part:
    """Write a part and then its record; `data` is None where no frame gave a result.

    Raises StoreFull, StoreError as `save`.
    """
    path = part_path(into, block, product)
    stored = None if data is None else save(data, path, overwrite=True)
    part = Part(
        path=path,
        file_sha256="" if stored is None else stored.file_sha256,
        content_sha256="" if stored is None else stored.content_sha256,
        frames=0 if data is None else data.sizes["frame"],
        failures=tuple(failures),
    )
    record = {
        "key": block.keys[product],
        "frames": part.frames,
        "file_sha256": part.file_sha256,
        "content_sha256": part.content_sha256,
        "failures": [to_plain(f) for f in failures],
    }
    write_file(path.with_suffix(".json"), canonical_json(record).encode(), overwrite=True)
    return part


def read_part(part: Part) -> xr.Dataset:
    """Return the content of a part, fully checked as by `load`."""
    return load(part.path)
