"""All that can be known, and refused, before a frame is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from xrdkit.errors import RecipeError
from xrdkit.workflow.blocks import Block, make_blocks
from xrdkit.workflow.calibration_source import choose_calibrations
from xrdkit.workflow.inputs import Inputs, open_inputs
from xrdkit.workflow.outcome import Failed
from xrdkit.workflow.recipe import Recipe
from xrdkit.workflow.refusal import nearest, refusal
from xrdkit.workflow.rehearsal import rehearse
from xrdkit.workflow.series import Series, look_through

Sources = str | Path | Sequence[str | Path] | Mapping[str, str | Path | Sequence[str | Path]]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe with its inputs opened and its work cut into blocks."""

    recipe: Recipe
    """What to do."""
    series: dict[str, Series]
    """Frames by label of the detector."""
    inputs: dict[str, Inputs]
    """Other inputs by label of the detector."""
    blocks: tuple[Block, ...]
    """The work, detector after detector."""

    @property
    def failures(self) -> list[Failed]:
        """Files that cannot be opened."""
        return [failure for series in self.series.values() for failure in series.failures]

    @property
    def frames(self) -> dict[str, int]:
        """Number of frames by label of the detector."""
        return {label: series.frames for label, series in self.series.items()}


def make_plan(recipe: Recipe) -> Plan:
    """Return the plan of a recipe.

    Raises FrameError, CalibrationError, StructureError, SpecError or RecipeError for an input that
    cannot be used, SchemaError, CurveError or ComputeError for settings that would fail with every
    frame; nothing has been written then.
    """
    series = {
        d.label: look_through(d.label, d.frames, d.reader, d.stated_values)
        for d in recipe.detectors
    }
    recipe = choose_calibrations(recipe, series)
    inputs = {d.label: open_inputs(d, series[d.label].frames) for d in recipe.detectors}
    for d in recipe.detectors:
        rehearse(d, series[d.label], inputs[d.label])
    blocks = [
        block
        for d in recipe.detectors
        for block in make_blocks(d, series[d.label], inputs[d.label], recipe.run.block_frames)
    ]
    return Plan(recipe=recipe, series=series, inputs=inputs, blocks=tuple(blocks))


def with_sources(recipe: Recipe, sources: Sources | None) -> Recipe:
    """Return `recipe` with other frame files: by label, or for its only detector.

    Raises RecipeError for a label that is not in the recipe.
    """
    if sources is None:
        return recipe
    if not isinstance(sources, Mapping):
        if len(recipe.detectors) != 1:
            labels = ", ".join(d.label for d in recipe.detectors)
            raise RecipeError(f"sources must say which of {labels} they belong to")
        sources = {recipe.detectors[0].label: sources}
    values = recipe.model_dump(by_alias=True)
    tables = {d["label"]: d for d in values["detectors"]}
    for label, source in sources.items():
        if label not in tables:
            raise RecipeError(f"no detector is called {label!r}", hint=nearest(label, tables))
        items = [source] if isinstance(source, str | Path) else list(source)
        tables[label]["frames"] = tuple(str(Path(item).absolute()) for item in items)
    try:
        return Recipe.model_validate(values)
    except ValidationError as exc:
        raise refusal(exc, Recipe, values, recipe.name) from exc
