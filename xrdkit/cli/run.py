"""``xrdkit run``."""

import json as jsonlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xrdkit.cli.messages import say_error, show_warnings
from xrdkit.cli.options import JsonOption, RecipeArgument, SetOption
from xrdkit.cli.signals import Interrupted, interruptible
from xrdkit.errors import XrdkitError

if TYPE_CHECKING:
    from xrdkit.workflow import Outcome, Run

ALL_DONE, USAGE, SOME_FAILED, NONE_DONE = 0, 2, 3, 4
_SHOWN = 10


def run(
    recipe: RecipeArgument,
    changes: SetOption = [],  # noqa: B006 - typer reads it and never changes it
    into: Annotated[
        Path | None,
        typer.Option(help="Folder of the results. Default: the name of the recipe."),
    ] = None,
    engine: Annotated[str, typer.Option(help="processes or local.")] = "processes",
    workers: Annotated[
        int | None, typer.Option(help="Worker processes. Default: one per core.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run a recipe. Run again, it does only what is missing.

    Exit codes: 0 all done, 2 wrong recipe, input or usage, 3 some frames failed, 4 none done,
    130 and 143 after signals.
    """
    with interruptible() as stop:
        from rich.console import Console

        from xrdkit.workflow import load_recipe, prepare

        console = Console(stderr=True)
        show_warnings(console)
        planned = prepare(load_recipe(recipe, changes), into=into, engine=engine, workers=workers)
        outcomes: list[Outcome] = []
        error: XrdkitError | None = None
        try:
            _follow(planned, outcomes, stop.check, console, as_json=json)
        except XrdkitError as exc:
            error = exc
        except Interrupted as exc:
            sys.stderr.write(f"stopped by {exc}: the same command goes on where this one ended\n")
            raise
    code = _exit_code(outcomes, error)
    if json:
        _write_line({"outcome": "end", "exit_code": code, "into": str(planned.into)})
    else:
        _summary(planned, outcomes)
    if error is not None:
        say_error(error)
    raise typer.Exit(code)


def _follow(
    planned: "Run", outcomes: "list[Outcome]", check: Any, console: Any, *, as_json: bool
) -> None:
    """Take the outcomes of a run as they come, under a progress bar."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from xrdkit.workflow.outcome import to_plain

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("frames"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    tally = planned.tally
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(planned.plan.recipe.name, total=tally.frames)
        for outcome in planned:
            outcomes.append(outcome)
            if as_json:
                _write_line(to_plain(outcome))
            text = planned.plan.recipe.name if tally.left else "results and report"
            progress.update(task, completed=tally.done + tally.failed, description=text)
            check()


def _exit_code(outcomes: "list[Outcome]", error: XrdkitError | None) -> int:
    from xrdkit.workflow import Done, Failed, Skipped

    results = [o for o in outcomes if isinstance(o, Done | Skipped) and o.block is None]
    if not outcomes and error is not None:
        return USAGE
    if not results:
        return NONE_DONE
    if error is not None or any(isinstance(o, Failed) for o in outcomes):
        return SOME_FAILED
    return ALL_DONE


def _summary(planned: "Run", outcomes: "list[Outcome]") -> None:
    from xrdkit.workflow import Done, Failed, Skipped

    _say_failures([o for o in outcomes if isinstance(o, Failed)])
    for outcome in outcomes:
        if isinstance(outcome, Done | Skipped) and outcome.block is None:
            frames = f"{outcome.frames:>6} frames  " if outcome.frames else " " * 15
            state = "" if isinstance(outcome, Done) else "  (was there already)"
            typer.echo(f"{frames}{outcome.digest[:12]}  {outcome.path}{state}")
    for outcome in outcomes:
        if isinstance(outcome, Done | Skipped) and outcome.product in ("phases", "sizes", "model"):
            _say_verdicts(outcome)


def _say_verdicts(outcome: Any) -> None:
    """Write to standard error which fits of a result are not to be believed, and why."""
    if outcome.block is not None or outcome.path is None:
        return
    from xrdkit.store import load

    data = load(outcome.path)
    groups: dict[tuple[str, str], list[str]] = {}
    for k, verdict in enumerate(data["verdict"].values.reshape(-1).tolist()):
        if verdict != "ok":
            reason = str(data["verdict_reason"].values.reshape(-1)[k])
            groups.setdefault((str(verdict), reason), []).append(str(data["frame"].values[k]))
    for (verdict, reason), frames in list(groups.items())[:_SHOWN]:
        shown = ", ".join(frames[:_SHOWN]) + (" ..." if len(frames) > _SHOWN else "")
        what = f"{outcome.label} {outcome.product}, frame {shown}"
        sys.stderr.write(f"verdict {verdict}: {what}: {reason}\n")
    if len(groups) > _SHOWN:
        sys.stderr.write(f"and {len(groups) - _SHOWN} more; all are in {outcome.path}\n")


def _say_failures(failures: list[Any]) -> None:
    """Write failures to standard error, equal ones together."""
    groups: dict[tuple[str, str, str | None, str], list[int | None]] = {}
    for f in failures:
        groups.setdefault((f.code, f.message, f.hint, f"{f.label} {f.product}".strip()), []).append(
            f.frame
        )
    for (code, message, hint, what), frames in list(groups.items())[:_SHOWN]:
        numbers = [str(n) for n in frames if n is not None]
        shown = ", ".join(numbers[:_SHOWN]) + (" ..." if len(numbers) > _SHOWN else "")
        where = f"{what}, frame {shown}" if numbers else what
        sys.stderr.write(f"failed {code}: {where}: {message}\n")
        if hint:
            sys.stderr.write(f"  hint: {hint}\n")
    if len(groups) > _SHOWN:
        sys.stderr.write(f"and {len(groups) - _SHOWN} more; all are in the journal\n")


def _write_line(values: dict[str, Any]) -> None:
    sys.stdout.write(jsonlib.dumps(values) + "\n")
    sys.stdout.flush()
