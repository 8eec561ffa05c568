"""What is said between the runner and its workers: one JSON object per line, never code."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from xrdkit.workflow.blocks import Block, Segment
from xrdkit.workflow.outcome import Outcome, from_plain, to_plain
from xrdkit.workflow.recipe import Recipe


def order(recipe: Recipe, into: Path, frames: dict[str, int]) -> bytes:
    """Return the first line to a worker: what the run is."""
    return _line(
        {
            "recipe": recipe.model_dump(mode="json", by_alias=True),
            "into": str(into),
            "frames": frames,
        }
    )


def read_order(line: bytes) -> tuple[Recipe, Path, dict[str, int]]:
    """Return what `order` wrote."""
    values = json.loads(line)
    return (
        Recipe.model_validate_json(json.dumps(values["recipe"])),
        Path(values["into"]),
        values["frames"],
    )


def task(block: Block) -> bytes:
    """Return the line that gives a block to a worker."""
    return _line(dataclasses.asdict(block))


def read_task(line: bytes) -> Block:
    """Return what `task` wrote."""
    values = json.loads(line)
    segments = tuple(Segment(**segment) for segment in values.pop("segments"))
    return Block(segments=segments, **values)


def answer(outcomes: list[Outcome]) -> bytes:
    """Return the line with which a worker hands in a block."""
    return _line([to_plain(outcome) for outcome in outcomes])


def read_answer(line: bytes) -> list[Outcome]:
    """Return what `answer` wrote."""
    return [from_plain(item) for item in json.loads(line)]


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"
