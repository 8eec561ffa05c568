"""Where blocks are worked on: one bench per process, with its inputs kept open."""

from pathlib import Path

from xrdkit.workflow.blocks import Block
from xrdkit.workflow.inputs import Inputs, open_inputs
from xrdkit.workflow.outcome import Outcome, failed
from xrdkit.workflow.recipe import Recipe
from xrdkit.workflow.station import do_block


class Bench:
    """Does blocks of one recipe, one after another; never raises for a block that fails."""

    def __init__(self, recipe: Recipe, into: Path, frames: dict[str, int]) -> None:
        """Take `recipe`, the folder of results, and the number of frames by detector."""
        self.recipe = recipe
        self.into = into
        self.frames = frames
        self._inputs: dict[str, Inputs] = {}

    def do(self, block: Block) -> list[Outcome]:
        """Return the outcomes of `block`."""
        detector = self.recipe.detector(block.label)
        try:
            if block.label not in self._inputs:
                self._inputs[block.label] = open_inputs(detector, self.frames[block.label])
            return do_block(self.into, block, detector, self._inputs[block.label])
        except Exception as exc:
            return lost(block, exc)


def lost(block: Block, exc: BaseException) -> list[Outcome]:
    """Return one failure for each frame of a block that could not be done at all."""
    return [
        failed(exc, label=block.label, product="block", frame=number, block=block.index)
        for number in block.frames
    ]
