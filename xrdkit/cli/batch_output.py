"""What commands on batches of curve files write at their end."""

import json as jsonlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import xarray as xr

    from xrdkit.workflow.curve_batch import CurveBatch

ALL_DONE, SOME_FAILED, NONE_DONE = 0, 3, 4


def exit_code(batch: "CurveBatch") -> int:
    """Return the exit code of a batch."""
    if batch.result is None:
        return NONE_DONE
    return SOME_FAILED if batch.failures else ALL_DONE


def told_numbers(one: "xr.Dataset", names: Sequence[str]) -> dict[str, float | None]:
    """Return the numbers of one frame with their standard errors; None for what there is none."""
    numbers = {
        key: float(one[key]) for name in names for key in (name, f"{name}_sigma") if key in one
    }
    # JSON has no NaN.
    return {key: value if value == value else None for key, value in numbers.items()}


def told_verdict(one: "xr.Dataset") -> dict[str, Any]:
    """Return which frame this is and what its fit is worth."""
    return {
        "frame": int(one["frame"]),
        "file": str(one["source_file"].values),
        "verdict": str(one["verdict"].values),
        "reason": str(one["verdict_reason"].values),
    }


def write_json(batch: "CurveBatch", rows: Sequence[dict[str, Any]]) -> None:
    """Write one JSON object a line: fits, failures, the files written."""
    from xrdkit.workflow.outcome import to_plain

    lines = [{"outcome": "fit", **row} for row in rows]
    lines += [to_plain(f) for f in batch.failures]
    lines += [{"outcome": "end", "files": [str(f) for f in batch.files]}]
    for line in lines:
        sys.stdout.write(jsonlib.dumps(line) + "\n")


def say_end(batch: "CurveBatch") -> None:
    """Write which files failed, and those written."""
    for failure in batch.failures:
        sys.stderr.write(f"failed {failure.code}: {failure.message}\n")
        if failure.hint:
            sys.stderr.write(f"  hint: {failure.hint}\n")
    for file in batch.files:
        typer.echo(str(file))
