"""The inputs of a stored result, found again by name and by content."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import xarray as xr

from xrdkit.calibration import load_calibration
from xrdkit.errors import FrameNotFound, InputError, LimitExceeded, XrdkitError
from xrdkit.geometry import Calibration
from xrdkit.provenance import fingerprint
from xrdkit.store import load, verify
from xrdkit.workflow.replay_readings import Reading, readings

T = TypeVar("T")

_MOST_FILES = 200_000
#: What a run writes beside frames, and what no reader opens.
_NO_FRAMES = {
    ".nc", ".json", ".jsonl", ".html", ".poni", ".csv", ".toml", ".txt", ".md", ".py", ".cif",
    ".png", ".pdf", ".xye", ".lock",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FoundInput:
    """One input of a result, and the file that it was found in."""

    name: str
    """What the provenance calls it: the name of a file, or of a setting (``mask``, ``dark``)."""
    path: Path
    """The file; the first one where several were read together."""
    digest: str
    """SHA-256 in the provenance, equal to that of what was read."""


class InputFinder:
    """Looks for inputs in folders, by name first, then by content; remembers what it found."""

    def __init__(self, deep: Sequence[Path], flat: Sequence[Path]) -> None:
        """Take folders that are searched with all folders inside them, and folders that are not."""
        self.deep = tuple(deep)
        self.flat = tuple(flat)
        self.found: dict[tuple[str, str], FoundInput] = {}
        self._digests: dict[Path, str] = {}
        self._values: dict[tuple[str, str], Any] = {}

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """All files in the folders, each once; raises LimitExceeded where they are too many."""
        found: dict[Path, None] = {}
        for path in self._walk():
            found.setdefault(path.absolute())
            if len(found) > _MOST_FILES:
                raise LimitExceeded(
                    f"the folders of inputs hold more than {_MOST_FILES:,} files",
                    hint="name folders closer to the inputs",
                )
        return tuple(found)

    def _walk(self) -> Iterator[Path]:
        for folder in self.deep:
            for root, folders, names in os.walk(folder):
                folders.sort()
                yield from (Path(root, name) for name in sorted(names))
        for folder in self.flat:
            if folder.is_dir():
                yield from sorted(path for path in folder.iterdir() if path.is_file())

    def file(self, name: str, digests: Collection[str]) -> Path:
        """Return the file whose digest is in `digests`; one called `name` goes first.

        Raises InputError where a file of that name has other bytes, or where there is none.
        """
        namesakes = [path for path in self.files if path.name == name]
        others = (path for path in self.files if path.name != name)
        for path in (*namesakes, *others):
            digest = self._digest(path)
            if digest in digests:
                self.found[name, digest] = FoundInput(name=name, path=path, digest=digest)
                return path
        if namesakes:
            raise InputError(
                "has changed since the result was made: its bytes are not those that were read",
                source=namesakes[0],
                hint="replay needs the file as it was; name its folder with --inputs",
            )
        raise InputError(
            f"the input {name!r} is missing", hint=f"it was looked for in {self.places()}"
        )

    def array(
        self,
        what: str,
        digest: str,
        shape: tuple[int, int],
        match: Callable[[Reading], T | None],
        files: Sequence[Path] | None = None,
    ) -> T:
        """Return what `match` makes of the first file that it accepts, as mask or as frames.

        `what` is the setting that held the array, `digest` its SHA-256 in the provenance, `shape`
        its rows and columns; `files` are those it was read from, where they are known. Raises
        InputError where no file holds it.
        """
        if (what, digest) in self._values:
            kept: T = self._values[what, digest]
            return kept
        used = {item.path for item in self.found.values()}
        if files is None:
            candidates = [p for p in self.files if p.suffix.lower() not in _NO_FRAMES]
            candidates.sort(key=lambda path: path in used)
        else:
            candidates = list(files)
        fitting: list[Path] = []
        known, masks = files is not None, what == "mask"
        for paths, reading in readings(candidates, shape, masks=masks, together=known):
            fitting += [p for p in paths if p not in fitting and p not in used]
            value = match(reading)
            if value is not None:
                self.found[what, digest] = FoundInput(name=what, path=paths[0], digest=digest)
                self._values[what, digest] = value
                return value
        seen = ", ".join(path.name for path in fitting[:8]) or "none"
        raise InputError(
            f"the {what} of the result is in no file that was found: it has changed, is missing, "
            "or was made in memory",
            hint=f"files of its shape: {seen}; it was looked for in {self.places()}",
        )

    def result(self, digest: str) -> xr.Dataset | None:
        """Return the stored result whose content has this digest, None where there is none."""
        for path in self.files:
            if path.suffix == ".nc":
                try:
                    same = verify(path).content_sha256 == digest
                except XrdkitError:
                    continue
                if same:
                    self.found[path.name, digest] = FoundInput(
                        name=path.name, path=path, digest=digest
                    )
                    return load(path)
        return None

    def calibration(self, digest: str) -> Calibration | None:
        """Return the calibration in a PONI file that has this digest, None where there is none."""
        for path in self.files:
            if path.suffix.lower() == ".poni":
                try:
                    value = load_calibration(path)
                except XrdkitError:
                    continue
                if value.digest() == digest:
                    self.found[path.name, digest] = FoundInput(
                        name=path.name, path=path, digest=digest
                    )
                    return value
        return None

    def places(self) -> str:
        """Return the folders that were searched, for people."""
        return ", ".join(dict.fromkeys(str(f) for f in (*self.deep, *self.flat))) or "no folder"

    def _digest(self, path: Path) -> str:
        if path not in self._digests:
            try:
                self._digests[path] = fingerprint(path)
            except FrameNotFound:
                self._digests[path] = ""  # a file that cannot be read is no input
        return self._digests[path]
