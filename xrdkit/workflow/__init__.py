"""Recipes and batches: one description of a run, worked off in blocks, resumed where it stopped."""

from xrdkit.workflow.load import load_recipe, packaged
from xrdkit.workflow.outcome import Done, Failed, Outcome, Skipped
from xrdkit.workflow.plan import make_plan
from xrdkit.workflow.recipe import Recipe
from xrdkit.workflow.runner import Run, prepare, run

__all__ = [
    "Done",
    "Failed",
    "Outcome",
    "Recipe",
    "Run",
    "Skipped",
    "load_recipe",
    "make_plan",
    "packaged",
    "prepare",
    "run",
]
