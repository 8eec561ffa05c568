"""`run`: a recipe to results, of which a rerun makes only what is missing."""

from collections.abc import Iterator
from pathlib import Path

from xrdkit.atomic import sweep
from xrdkit.errors import LinkRefused, RecipeError
from xrdkit.files import make_folder
from xrdkit.store.lock import FolderLock
from xrdkit.workflow.bench import Bench
from xrdkit.workflow.engines import cores, engine
from xrdkit.workflow.journal import Journal, Tally
from xrdkit.workflow.load import load_recipe
from xrdkit.workflow.outcome import Done, Failed, Outcome, Skipped
from xrdkit.workflow.parts import FOLDER, settled_part
from xrdkit.workflow.plan import Plan, Sources, make_plan, with_sources
from xrdkit.workflow.products import make_report, merge_products
from xrdkit.workflow.recipe import Recipe
from xrdkit.workflow.station import found


class Run:
    """A planned run; iterating over it does the work and yields the outcomes."""

    def __init__(self, plan: Plan, into: Path, engine_name: str, workers: int | None) -> None:
        """Take a plan, the folder of results, and the name of an engine.

        Raises RecipeError for an unknown engine or a number of workers below 1.
        """
        if workers is not None and workers < 1:
            raise RecipeError(f"{workers} workers cannot do anything")
        self.plan = plan
        self.into = into
        self.tally = Tally(plan.recipe, sum(plan.frames.values()))
        self._engine = engine(engine_name)
        self._engine_name = engine_name
        self._workers = cores() if workers is None else workers
        self._failures: list[Failed] = []

    def __iter__(self) -> Iterator[Outcome]:
        """Yield outcomes as they come: failed frames, blocks, then results and report.

        Raises StoreLocked where another run writes to the same folder, StoreFull, StoreError.
        """
        parts = self.into / FOLDER
        make_folder(parts)
        if parts.is_symlink():
            raise LinkRefused("is a symbolic link, no result is written through one", source=parts)
        with FolderLock(self.into):
            for folder in (self.into, parts):
                sweep(folder)
            journal = Journal(self.into)
            journal.start(self.plan.recipe, self._engine_name, self._workers)
            try:
                for outcome in self._work():
                    journal.outcome(outcome)
                    yield outcome
                self.tally.state = "done"
            except BaseException as exc:
                self.tally.state = "interrupted"
                journal.write("interrupted", reason=type(exc).__name__)
                raise
            finally:
                self.tally.write(self.into, now=True)
            journal.write("end", done=self.tally.done, failed=self.tally.failed)

    def _work(self) -> Iterator[Outcome]:
        for failure in self.plan.failures:
            self.tally.failed += 1
            self._failures.append(failure)
            yield failure
        waiting = []
        for block in self.plan.blocks:
            parts = {product: settled_part(self.into, block, product) for product in block.keys}
            outcomes = [o for k, p in parts.items() if p is not None for o in found(p, block, k)]
            if None in parts.values():
                waiting.append(block)
            else:
                self.tally.add(block, outcomes, worked=False)
                yield from self._kept(outcomes)
        self.tally.write(self.into, now=True)
        bench = Bench(self.plan.recipe, self.into.absolute(), self.plan.frames)
        for block, outcomes in self._engine(bench, waiting, self._workers):
            self.tally.add(block, outcomes, worked=True)
            self.tally.write(self.into)
            yield from self._kept(outcomes)
        made: list[Outcome] = []
        for outcome in merge_products(self.into, self.plan):
            made.append(outcome)
            if isinstance(outcome, Done | Skipped) and outcome.path is not None:
                self.tally.results.append(outcome.path.name)
                self.tally.flag(outcome.flagged)
            yield from self._kept([outcome])
        yield from make_report(self.into, self.plan, made, self._failures)

    def _kept(self, outcomes: list[Outcome]) -> list[Outcome]:
        self._failures += [o for o in outcomes if isinstance(o, Failed)]
        return outcomes


def prepare(
    recipe: Recipe | str | Path,
    *,
    sources: Sources | None = None,
    into: str | Path | None = None,
    engine: str = "processes",
    workers: int | None = None,
) -> Run:
    """Return the planned run of a recipe; arguments and errors as `run`."""
    loaded = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    chosen = with_sources(loaded, sources)
    folder = Path(chosen.name) if into is None else Path(into)
    return Run(make_plan(chosen), folder, engine, workers)


def run(
    recipe: Recipe | str | Path,
    *,
    sources: Sources | None = None,
    into: str | Path | None = None,
    engine: str = "processes",
    workers: int | None = None,
) -> Iterator[Outcome]:
    """Run a recipe and yield what becomes of every block, failed frame, result and the report.

    `recipe` is a `Recipe`, a path, or the name of a packaged recipe. `sources` replaces its frame
    files: ``{label: path or paths}``, or just paths where it has one detector. Results go to the
    folder `into` (default: the name of the recipe, in the current folder) as
    ``<label>.profile.nc``, ``<label>.phases.nc``, ``<label>.sizes.nc``, and ``report.html``.
    `engine` is ``"processes"`` (`workers` of them, default: one per core) or ``"local"``.

    Everything that can be checked is checked before this function returns; the work is done while
    the outcomes are taken. A run that was stopped in any way is continued by running it again; the
    same inputs give the same bytes whatever the engine, the workers and the interruptions.

    Raises RecipeError, FrameError, CalibrationError, StructureError or SpecError for inputs that
    cannot be used; while running StoreLocked, StoreFull or StoreError. A frame that fails raises
    nothing: it is a `Failed` outcome.
    """
    planned = prepare(recipe, sources=sources, into=into, engine=engine, workers=workers)
    return iter(planned)
