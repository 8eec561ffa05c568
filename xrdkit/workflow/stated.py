"""The table of facts that the user states of the frames, where headers are silent or wrong."""

from typing import Any, Self

from pydantic import BaseModel, create_model, model_validator

from xrdkit.frames.stated import stated_facts
from xrdkit.frames.vocabulary import COORDINATES, TEXTS
from xrdkit.workflow.settings import CONFIG


class StatedSettings(BaseModel):
    """Facts of all frames of a detector, in the stored units; they replace those of the headers."""

    model_config = CONFIG

    @property
    def values(self) -> dict[str, float | str]:
        """What is stated, by name, in the order of the vocabulary."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in found.items() if value is not None}

    @model_validator(mode="after")
    def _are_possible(self) -> Self:
        stated_facts(self.values, 1)
        return self


def stated_model() -> type[StatedSettings]:
    """Return the table with one field for each fact that a header may hold."""
    fields: dict[str, Any] = {
        name: ((str if name in TEXTS else float) | None, None) for name in COORDINATES
    }
    return create_model(
        "StatedTable", __base__=StatedSettings, __doc__=StatedSettings.__doc__, **fields
    )
