"""What a run did and when: for people and for watching programs; nothing is read back from it."""

import json
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xrdkit.atomic import write_file
from xrdkit.canonical import canonical_json
from xrdkit.files import store_error
from xrdkit.workflow.blocks import Block
from xrdkit.workflow.outcome import Failed, Outcome, to_plain
from xrdkit.workflow.recipe import Recipe

JOURNAL_NAME, STATUS_NAME = "journal.jsonl", "status.json"
_STATUS_INTERVAL = 1.0


class Journal:
    """Lines added to ``journal.jsonl``: clock, host and outcomes."""

    def __init__(self, into: Path) -> None:
        self.path = into / JOURNAL_NAME

    def start(self, recipe: Recipe, engine: str, workers: int) -> None:
        """Write that a run begins."""
        self.write(
            "start",
            recipe=recipe.name,
            recipe_sha256=recipe.digest(),
            engine=engine,
            workers=workers,
            host=platform.node(),
            process=os.getpid(),
        )

    def outcome(self, outcome: Outcome) -> None:
        """Write an outcome."""
        self.write("outcome", **to_plain(outcome))

    def write(self, event: str, **values: Any) -> None:
        """Add one line; raise StoreFull or StoreError where that fails."""
        line = json.dumps({"time": _now(), "event": event, **values}) + "\n"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(self.path, flags, 0o644)
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)
        except OSError as exc:
            raise store_error(exc, self.path) from exc


class Tally:
    """How far a run is."""

    def __init__(self, recipe: Recipe, frames: int) -> None:
        """Start at none of `frames` frames."""
        self.recipe = recipe
        self.frames = frames
        self.done = 0
        self.failed = 0
        self.flagged: int | None = None
        self.state = "running"
        self.results: list[str] = []
        self._began = time.monotonic()
        self._worked = 0
        self._written = 0.0

    @property
    def left(self) -> int:
        """Frames not looked at yet."""
        return self.frames - self.done - self.failed

    def add(self, block: Block, outcomes: list[Outcome], *, worked: bool) -> None:
        """Count the frames of a block; `worked` tells whether it took time."""
        bad = {o.frame for o in outcomes if isinstance(o, Failed)}
        self.failed += len(bad)
        self.done += len(block.frames) - len(bad)
        self._worked += len(block.frames) if worked else 0

    def flag(self, frames: tuple[int, ...] | None) -> None:
        """Count the frames that are flagged; None for results that flag none."""
        if frames is not None:
            self.flagged = (self.flagged or 0) + len(frames)

    def seconds_left(self) -> float | None:
        """Return the time left at the present speed, s; None before the first block is done."""
        if not self._worked:
            return None
        return self.left * (time.monotonic() - self._began) / self._worked

    def write(self, into: Path, *, now: bool = False) -> None:
        """Replace ``status.json``, at most once a second unless `now`."""
        moment = time.monotonic()
        if not now and moment - self._written < _STATUS_INTERVAL:
            return
        self._written = moment
        left = self.seconds_left()
        status = {
            "state": self.state,
            "recipe": self.recipe.name,
            "recipe_sha256": self.recipe.digest(),
            "updated": _now(),
            "frames": {
                "total": self.frames,
                "done": self.done,
                "failed": self.failed,
                "left": self.left,
                **({} if self.flagged is None else {"flagged": self.flagged}),
            },
            "seconds_left": None if left is None else round(left, 1),
            "results": self.results,
        }
        write_file(into / STATUS_NAME, canonical_json(status).encode(), overwrite=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
