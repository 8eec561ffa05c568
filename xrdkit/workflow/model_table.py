"""The recipe table of `fit_model`: a model by its name or its components."""

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import model_validator

from xrdkit.saxs.models import Choice, Model, ModelSpec, model_of
from xrdkit.workflow.settings import Settings, settings_model


class ModelSettings(Settings):
    """``preset`` with ``options``, or ``components``, and fields of `ModelSpec`."""

    own_fields = frozenset({"preset", "options", "components"})

    preset: (
        Literal["unified", "supported_catalyst", "porous_carbon", "emulsion", "lamellar_gel"] | None
    ) = None
    """A model for a kind of sample; see `xrdkit.saxs.models`."""
    options: dict[str, Any] = {}  # noqa: RUF012 - a field of a frozen model, copied by pydantic
    """Arguments of the preset."""
    components: tuple[dict[str, Any], ...] = ()
    """Tables with ``kind`` and the fields of a component each."""

    @model_validator(mode="after")
    def _is_a_model(self) -> Self:
        self.model()
        return self

    def model(self) -> Model | Choice:
        """Return the model; raise SpecError where the table says none."""
        if self.preset is not None and not self.components:
            return model_of({"preset": self.preset, "options": self.options})
        if self.preset is None and not self.options:
            return model_of({"components": self.components})
        raise ValueError("a model has either a preset (with options) or components")


if TYPE_CHECKING:
    ModelTable = ModelSettings
else:
    ModelTable = settings_model(ModelSpec, ModelSettings)
