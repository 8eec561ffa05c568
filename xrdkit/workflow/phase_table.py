"""The table of a recipe that says which phases are refined, and how."""

from typing import TYPE_CHECKING, Any, Self

from pydantic import model_validator

from xrdkit.errors import SpecError
from xrdkit.phase import RefinementSpec
from xrdkit.phase.widths import InstrumentWidths
from xrdkit.workflow.calibration_table import InstrumentKey, Text
from xrdkit.workflow.settings import Settings, settings_model


class PhaseSettings(Settings):
    """`RefinementSpec`, and what is in the sample."""

    own_fields = frozenset({"phases", "instrument"})

    phases: tuple[Text, ...]
    """Names of embedded structures, or paths of CIF files."""
    instrument: InstrumentKey | None = None
    """Path of an ``instrument.toml`` with a resolution, ``"stored"`` for that beside the stored
    calibration, or a table with the fields of `InstrumentWidths`; held fixed. None: not known."""

    @model_validator(mode="after")
    def _the_spec_accepts_it(self) -> Self:
        # What a file holds is not known yet; any instrument will do to check the other settings.
        self.spec(instrument=_ANY_INSTRUMENT if isinstance(self.instrument, str) else None)
        return self

    def spec(self, *, instrument: InstrumentWidths | None = None, **inputs: Any) -> Any:
        """Return the spec; `instrument` is what the file of that key holds.

        Raises SpecError where the spec does not accept the values, or the key names a file and
        `instrument` is None.
        """
        if isinstance(self.instrument, Settings):
            instrument = self.instrument.spec()
        elif isinstance(self.instrument, str) and instrument is None:
            raise SpecError(f"the widths in {self.instrument!r} were not read")
        return super().spec(instrument=instrument, **inputs)


_ANY_INSTRUMENT = InstrumentWidths(w=1e-4)

if TYPE_CHECKING:
    RefineTable = PhaseSettings
else:
    RefineTable = settings_model(RefinementSpec, PhaseSettings, without=("instrument",))
