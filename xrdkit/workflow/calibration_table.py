"""The table of a recipe that says where the geometry of a detector is from."""

import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, Discriminator, Field, Tag, field_validator, model_validator

from xrdkit.phase.widths import InstrumentWidths
from xrdkit.workflow.settings import CONFIG, Settings, settings_model

Text = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"\A[^\x00-\x1f]+\z")]
#: Word in place of a path: the resolution or mask that lies beside the calibration in its store.
STORED = "stored"
_OF_FILE = ("format", "detector", "pixel_size", "transposed")
_OF_STORE = ("instrument", "when", "date")


class CalibrationTable(BaseModel):
    """A geometry file of any program with what it does not say, or the store to choose from."""

    model_config = CONFIG

    file: Text | None = None
    """Path of a geometry file: pyFAI, Dioptas, Fit2D, GSAS-II, Nika, NeXus."""
    format: Literal["poni", "dioptas", "fit2d", "gsas", "nika", "nexus"] | None = None
    """Program it is from; None: recognised by its content."""
    wavelength: float | None = Field(default=None, gt=0.0)
    """Wavelength of the measurement, ångström: needed where the file has none, compared where the
    file or the store has one."""
    detector: Text | None = None
    """Name of the detector in pyFAI's list, where the file has no pixel size."""
    pixel_size: float | None = Field(default=None, gt=0.0)
    """Edge of square pixels, m, instead of `detector`."""
    transposed: bool = False
    """Whether the program calls rows x and columns y (Nika with HDF5 frames)."""
    store: Text | None = None
    """Folder of a store of calibrations, instead of `file`."""
    instrument: Text | None = None
    """Name of the instrument in the store."""
    when: Text | None = None
    """Day of the measurement; None: that of the first frame that says it."""
    date: Text | None = None
    """Day of the calibration to take, whatever `when` says; None: chosen by `when`."""

    @field_validator("when", "date", mode="before")
    @classmethod
    def _day_as_text(cls, value: Any) -> Any:
        return value.isoformat() if isinstance(value, datetime.date) else value

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if (self.file is None) == (self.store is None):
            raise ValueError("needs file (a geometry file) or store (a store), one of them")
        for name, others in (("file", _OF_STORE), ("store", _OF_FILE)):
            wrong = [key for key in others if getattr(self, key)]
            if getattr(self, name) is not None and wrong:
                raise ValueError(f"{wrong[0]} does not go with {name}")
        if self.store is not None and self.instrument is None:
            raise ValueError("store needs instrument, the name of a folder in it")
        if self.detector is not None and self.pixel_size is not None:
            raise ValueError("detector or pixel_size, not both")
        return self


def _is_text(value: Any) -> str:
    # Words in brackets are no keys: messages leave them out.
    return "(text)" if isinstance(value, str) else "(table)"


if TYPE_CHECKING:
    CalibrationKey = str | CalibrationTable
    InstrumentKey = str | Settings
else:
    CalibrationKey = Annotated[
        Annotated[Text, Tag("(text)")] | Annotated[CalibrationTable, Tag("(table)")],
        Discriminator(_is_text),
    ]
    InstrumentKey = Annotated[
        Annotated[Text, Tag("(text)")]
        | Annotated[settings_model(InstrumentWidths), Tag("(table)")],
        Discriminator(_is_text),
    ]
