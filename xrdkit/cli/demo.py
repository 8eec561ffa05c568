"""`xrdkit demo`: simulate a catalyst, run the recipe on it, and hold the results to the truth."""

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xrdkit.cli.comparison import compare, table
from xrdkit.cli.messages import show_warnings
from xrdkit.cli.signals import Stop, interruptible

if TYPE_CHECKING:
    from rich.console import Console

RECIPE = "fuel_cell_ptc"
#: Exit codes: something found is grossly wrong; some frames failed.
WRONG, SOME_FAILED = 1, 3


def demo(
    into: Annotated[
        Path, typer.Option("--into", help="Folder of the frames, the results and the report.")
    ] = Path("demo"),
) -> None:
    """Simulate a fuel-cell catalyst that ages, reduce and fit it, and compare with the truth.

    Exit codes: 0 as it should be, 1 a result is grossly off the truth, 3 some frames failed.
    """
    with interruptible() as stop:
        from rich.console import Console

        console = Console()
        show_warnings(console)
        code = run_demo(into, console, stop=stop)
    raise typer.Exit(code)


def run_demo(
    into: Path,
    console: "Console",
    *,
    coarse: int = 1,
    engine: str = "processes",
    stop: Stop | None = None,
) -> int:
    """Do what `demo` says and return the exit code.

    Frames go to ``into/frames``, results to ``into/results``. `coarse` joins pixels for quick
    looks; `engine` is that of `xrdkit.run`. Raises XrdkitError where a folder cannot be used.
    """
    from time import monotonic

    began = monotonic()
    with console.status("loading libraries"):
        from xrdkit.simulate import read_truth, simulate_series
    with console.status("simulating a Pt/C catalyst on a SAXS and a WAXS detector"):
        series = simulate_series(into / "frames", coarse=coarse)
    truth = read_truth(series.truth)
    console.print(
        f"2 x {truth.sizes['frame']} frames, geometry, masks and truth: {series.folder}",
        highlight=False,
        soft_wrap=True,
    )
    results = into / "results"
    failures = _reduce(series.folder, results, console, engine, stop or Stop())
    comparisons = compare(truth, results)
    console.print(table(comparisons, truth))
    wrong = [c.quantity for c in comparisons if c.is_wrong]
    for quantity in wrong:
        console.print(f"grossly off the truth: {quantity.text}", style="bold red")
    for message in failures:
        console.print(f"failed: {message}", style="red", markup=False)
    console.print(f"report: {(results / 'report.html').absolute()}", style="bold", soft_wrap=True)
    console.print(f"{monotonic() - began:.0f} s", style="dim", highlight=False)
    if wrong:
        return WRONG
    return SOME_FAILED if failures else 0


def settings(frames: Path) -> list[str]:
    """Return what a user would say by ``--set`` about the experiment in the folder `frames`.

    The files; transmission, thickness and scale of the instrument; the contrast of Pt.
    """
    facts = tomllib.loads((frames / "truth.toml").read_text(encoding="utf-8"))
    out = ["detectors.saxs.frames=saxs/frame_*.edf", "detectors.waxs.frames=waxs/series_master.h5"]
    for label in ("saxs", "waxs"):
        out += [
            f"detectors.{label}.calibration={label}/geometry.poni",
            f"detectors.{label}.mask={label}/mask.edf",
            f"detectors.{label}.coordinates=conditions.csv",
        ]
    normalization = "detectors.saxs.integrate.normalization"
    return [
        *out,
        f"{normalization}.transmission={facts['exposure']['transmission']}",
        f"{normalization}.thickness={facts['exposure']['thickness']}",
        f"{normalization}.absolute_scale={facts['saxs']['absolute_scale']}",
        f"detectors.saxs.fit_sizes.contrast={facts['sample']['contrast']}",
    ]


def _reduce(frames: Path, results: Path, console: "Console", engine: str, stop: Stop) -> list[str]:
    """Run the recipe under a progress bar; return the messages of what failed."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from xrdkit.workflow import Failed, load_recipe, prepare

    recipe = load_recipe(RECIPE, settings(frames), root=frames)
    planned = prepare(recipe, into=results, engine=engine)
    failures = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TextColumn("frames"), TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task(f"recipe {RECIPE}", total=planned.tally.frames)
        for outcome in planned:
            if isinstance(outcome, Failed):
                failures.append(outcome.message)
            progress.update(task, completed=planned.tally.done + planned.tally.failed)
            stop.check()
    return failures
