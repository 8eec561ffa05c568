"""The verb `replay`: a stored result, computed again from its provenance and its inputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import xarray as xr

from xrdkit.errors import RefusedError, SpecError
from xrdkit.provenance import Step, content_sha256, package_version, steps
from xrdkit.store import load
from xrdkit.workflow.replay_compare import Effect, differences, effects
from xrdkit.workflow.replay_inputs import FoundInput, InputFinder
from xrdkit.workflow.replay_steps import Bench, do_steps

#: Largest relative difference of a result that counts as the same.
TOLERANCE = 1e-12


@dataclass(frozen=True, kw_only=True)
class Replay:
    """A result computed again, held against the stored one."""

    differences: dict[str, float]
    """Largest relative difference of each variable; infinite where it cannot be compared."""
    identical: bool
    """Whether every byte of the content is the same."""
    inputs: tuple[FoundInput, ...]
    """The inputs and where they were found."""
    from_result: tuple[str, ...]
    """Coordinates of the frames that no input file holds: they were taken from the result."""
    software: tuple[str, ...]
    """Versions that differ from those that made the result, ``"numpy 2.3.1 -> 2.4.6"``."""
    effect: dict[str, Effect]
    """What leaving out `without` does to each variable that it changes."""
    without: tuple[str, ...]
    """The corrections that were left out for `effect`."""
    result: xr.Dataset
    """The result computed again; with `without`, the one without these corrections."""

    @property
    def max_difference(self) -> float:
        """Largest relative difference of all variables."""
        return max(self.differences.values(), default=0.0)

    @property
    def verdict(self) -> Literal["same", "differs"]:
        """``"same"`` where no variable differs by more than 1e-12, else ``"differs"``."""
        return "same" if self.max_difference <= TOLERANCE else "differs"

    def to_plain(self) -> dict[str, Any]:
        """Return everything but the Dataset as plain values for JSON; infinity as a text."""
        return {
            "verdict": self.verdict,
            "identical": self.identical,
            "max_difference": _number(self.max_difference),
            "differences": {name: _number(v) for name, v in self.differences.items()},
            "inputs": [
                {"name": i.name, "path": str(i.path), "sha256": i.digest} for i in self.inputs
            ],
            "from_result": list(self.from_result),
            "software": list(self.software),
            "without": list(self.without),
            "effect": {
                name: {"median": e.median, "low": e.low, "high": e.high}
                for name, e in self.effect.items()
            },
        }


def replay(
    result: str | Path | xr.Dataset,
    *,
    inputs: str | Path | Sequence[str | Path] = (),
    without: str | Sequence[str] = (),
) -> Replay:
    """Compute a result again from its provenance, and compare it with what is stored.

    `result` is a result file or a Dataset. Its inputs (frames, mask, dark, flat, background, curve
    files) are looked for in the folders `inputs` and all folders inside them, then beside the
    result and in the current folder; by name first, then by content. Only an input whose SHA-256 is
    the recorded one is used. With `without`, names of corrections as the ledger of a profile calls
    them, the result is computed once more without these, and `Replay.effect` tells what they do.

    Raises InputError naming the input that has changed or is missing, RefusedError where the
    provenance holds something that no file does (an array) or that this version cannot do, and
    what `load` and the verbs raise.
    """
    source = None if isinstance(result, xr.Dataset) else Path(result)
    stored = result if isinstance(result, xr.Dataset) else load(result)
    history = steps(stored)
    if not history:
        raise RefusedError("the result has no provenance to replay", source=source)
    left_out = (without,) if isinstance(without, str) else tuple(without)
    finder = InputFinder(
        _folders(inputs), [Path.cwd()] if source is None else [source.absolute().parent, Path.cwd()]
    )
    bench = Bench(stored=stored, history=history, finder=finder)
    again = do_steps(bench)
    effect: dict[str, Effect] = {}
    compared = differences(stored, again)
    identical = content_sha256(stored) == content_sha256(again)
    if left_out:
        bench.without = left_out
        reductions = ("integrate", "cake", "grazing_map", "grazing_cut")
        if not any(step.step in reductions for step in history):
            raise RefusedError(
                "the result was not integrated from frames: no correction can be left out",
                source=source,
            )
        again = do_steps(bench)
        effect = effects(stored, again)
    return Replay(
        differences=compared,
        identical=identical,
        inputs=tuple(finder.found.values()),
        from_result=bench.taken,
        software=_software(history),
        effect=effect,
        without=left_out,
        result=again,
    )


def _folders(inputs: str | Path | Sequence[str | Path]) -> list[Path]:
    listed = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    folders = [Path(item) for item in listed]
    for folder in folders:
        if not folder.is_dir():
            raise SpecError(f"inputs: {str(folder)!r} is not a folder")
    return folders


def _software(history: Sequence[Step]) -> tuple[str, ...]:
    changed: dict[str, None] = {}
    for step in history:
        for name, version in {"xrdkit": step.version, **step.software}.items():
            now = package_version(name)
            if now != version:
                changed.setdefault(f"{name} {version} -> {now}")
    return tuple(changed)


def _number(value: float) -> float | str:
    return value if value < float("inf") else "infinite"
