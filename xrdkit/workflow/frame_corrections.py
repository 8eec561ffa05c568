"""The table of corrections of a recipe, made from all registered corrections of frames."""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, create_model, model_validator

from xrdkit.corrections import CORRECTIONS, Correction, acts_on
from xrdkit.geometry import Calibration, Detector
from xrdkit.workflow.settings import CONFIG, Settings, can_be_written, settings_model

_GIVEN = ("calibration",)
#: Stands in while a recipe is read: settings are checked before the geometry file is opened.
_ANY_CALIBRATION = Calibration(
    distance=1.0,
    poni1=0.0,
    poni2=0.0,
    wavelength=1.0,
    detector=Detector(pixel_size_y=1e-4, pixel_size_x=1e-4),
)


class CorrectionSettings(Settings):
    """A table with the settings of one correction, without its calibration."""

    def spec(self, **inputs: Any) -> Any:
        """Return the correction for `inputs`: the calibration, where it needs one."""
        needed = getattr(self.spec_type, "__dataclass_fields__", {})
        given = {"calibration": _ANY_CALIBRATION, **inputs}
        return super().spec(**{name: v for name, v in given.items() if name in needed})


class CorrectionsSettings(BaseModel):
    """One table for each correction; they are applied in the order of the tables."""

    model_config = CONFIG
    names: ClassVar[tuple[str, ...]] = ()

    order: tuple[str, ...] = ()
    """Names of the corrections in order; filled in from the order of the tables."""

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("order"):
            return value
        written = (name for name, table in value.items() if name != "order" and table is not None)
        return {**value, "order": tuple(str(name) for name in written)}

    @model_validator(mode="after")
    def _all_are_in_order(self) -> Self:
        there = [name for name in self.names if getattr(self, name) is not None]
        if sorted(there) != sorted(self.order):
            raise ValueError(f"order names {', '.join(self.order)}; there are {', '.join(there)}")
        return self

    def steps(self, calibration: Calibration) -> tuple[Correction, ...]:
        """Return the corrections in order, for a detector with this calibration."""
        return tuple(getattr(self, name).spec(calibration=calibration) for name in self.order)


def corrections_model() -> type[CorrectionsSettings]:
    """Return the table of all corrections of frames whose settings TOML can express."""
    tables: dict[str, Any] = {}
    for name, kind in CORRECTIONS.items():
        if acts_on(kind) == "frames" and can_be_written(kind, _GIVEN):
            tables[name] = (settings_model(kind, CorrectionSettings, _GIVEN) | None, None)
    model = create_model(
        "CorrectionsTable",
        __base__=CorrectionsSettings,
        __doc__=CorrectionsSettings.__doc__,
        **tables,
    )
    model.names = tuple(tables)
    return model
