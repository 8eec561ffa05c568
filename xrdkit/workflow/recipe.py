"""The recipe: everything that decides a run, frozen and checked before a frame is opened."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from xrdkit.canonical import sha256_value
from xrdkit.integration import IntegrationSpec
from xrdkit.integration.normalization import COORDINATES
from xrdkit.saxs import SizeSpec
from xrdkit.workflow.calibration_table import CalibrationKey, Text
from xrdkit.workflow.frame_corrections import CorrectionsSettings, corrections_model
from xrdkit.workflow.model_table import ModelTable
from xrdkit.workflow.phase_table import RefineTable
from xrdkit.workflow.quality import QualityBase, quality_model
from xrdkit.workflow.settings import CONFIG, Settings, settings_model
from xrdkit.workflow.stated import StatedSettings, stated_model
from xrdkit.workflow.toml import with_tuples

Slug = Annotated[str, Field(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,63}\z")]


if TYPE_CHECKING:
    IntegrateTable = Settings
    SizesTable = Settings
    CorrectionsTable = CorrectionsSettings
    StatedTable = StatedSettings
    QualityTable = QualityBase
else:
    IntegrateTable = settings_model(IntegrationSpec)
    SizesTable = settings_model(SizeSpec)
    CorrectionsTable = corrections_model()
    StatedTable = stated_model()
    QualityTable = quality_model()


class DetectorRecipe(BaseModel):
    """One detector: where its frames and calibration are, and what is made of them."""

    model_config = CONFIG

    label: Slug
    """Name of the detector in the results; the name of its table in the recipe."""
    frames: tuple[Text, ...]
    """Paths or patterns (``*``, ``?``, ``[...]``) of the frame files, in this order; the files of
    a pattern are sorted by name, numbers by value."""
    reader: Slug | None = None
    """Name of the reader; None: found by the content of the files."""
    calibration: CalibrationKey
    """Path of a geometry file, or a table: a file with what it does not say, or a store."""
    orientation: Literal[1, 2, 3, 4] | None = None
    """Orientation of the detector, in place of that of the geometry file: 1 top-left, 2 top-right,
    3 bottom-right, 4 bottom-left. Dioptas shows frames upside down: its files of orientation 3 are
    2."""
    mask: Text | None = None
    """Path of a mask image: pixels that are not 0 are left out. ``"stored"``: the mask that lies
    beside the stored calibration."""
    mask_flip: bool = False
    """Whether the rows of the mask are in reverse order (Dioptas, Fit2D)."""
    dark: Text | None = None
    """Path of the dark frame(s); their mean is subtracted."""
    flat: Text | None = None
    """Path of the relative response of the pixels."""
    background: Text | None = None
    """Path of the frame(s) of the empty beam or cell."""
    coordinates: Text | None = None
    """Path of a CSV file with one row for each frame; columns are named ``cell_voltage (V)``."""
    stated: StatedTable | None = None
    """Facts of the frames by name (``exposure_time``, ``wavelength_header`` ...), in the stored
    units, in place of what the headers say; one value for all frames. Not of dark, flat and
    background."""
    corrections: CorrectionsTable | None = None
    """One table for each correction of the frames, applied in the order written before they are
    integrated; see the fields of the classes in `xrdkit.corrections`."""
    integrate: IntegrateTable
    """Fields of `IntegrationSpec`; `range` or `edges` is needed."""
    quality: QualityTable | None = None
    """Arguments of `frame_quality`: the frames of the whole series are held against one another,
    and what differs is flagged in a result of its own. None: not asked."""
    refine_phases: RefineTable | None = None
    """``phases`` and fields of `RefinementSpec`."""
    fit_sizes: SizesTable | None = None
    """Fields of `SizeSpec`."""
    fit_model: ModelTable | None = None
    """``preset`` or ``components`` of a scattering model, and fields of `ModelSpec`."""

    @field_validator("frames", mode="before")
    @classmethod
    def _one_is_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("refine_phases", mode="before")
    @classmethod
    def _one_phase(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("phases"), str):
            return {**value, "phases": (value["phases"],)}
        return value

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if not self.frames:
            raise ValueError("frames is empty")
        if self.refine_phases is not None and not self.refine_phases.phases:
            raise ValueError("refine_phases.phases is empty")
        spec = self.integrate.spec()
        if spec.range is None and spec.edges is None:
            raise ValueError("integrate needs range or edges: all frames share the same bins")
        self._corrects_once(spec)
        for table in ("normalization", "background_normalization"):
            factors = getattr(spec, table)
            if factors is None:
                continue
            for name in (n + s for n in COORDINATES for s in ("", "_sigma")):
                if isinstance(getattr(factors, name), tuple):
                    raise ValueError(
                        f"integrate.{table}.{name} is a list; put one number for each frame into "
                        "the file of coordinates and write 'frame'"
                    )
        return self

    def _corrects_once(self, spec: IntegrationSpec) -> None:
        names = () if self.corrections is None else self.corrections.order
        for name, twice in (
            ("solid_angle", spec.solid_angle),
            ("polarization", spec.polarization is not None),
        ):
            if twice and name in names:
                raise ValueError(
                    f"corrections.{name} and integrate.{name}: it would act twice; leave one out"
                    + (" (solid_angle = false)" if name == "solid_angle" else "")
                )
        if self.corrections is not None and "dose" in names:
            dose = getattr(self.corrections, "dose")  # noqa: B009 - made from the registry
            if len(dose.values) > 1:
                raise ValueError(
                    "corrections.dose.values is a list; put one number for each frame into the "
                    "file of coordinates and write normalization = 'frame'"
                )

    @property
    def stated_values(self) -> dict[str, float | str]:
        """What is stated of the frames, by name; empty where nothing is."""
        return {} if self.stated is None else self.stated.values

    @property
    def products(self) -> tuple[str, ...]:
        """Kinds of results, in the order in which they are made."""
        phases = ("phases",) if self.refine_phases is not None else ()
        sizes = ("sizes",) if self.fit_sizes is not None else ()
        model = ("model",) if self.fit_model is not None else ()
        return ("profile", *phases, *sizes, *model)

    @property
    def of_whole_series(self) -> tuple[str, ...]:
        """Kinds of results that are made of the whole series, not of its blocks."""
        table: Any = self.refine_phases
        return ("phases",) if table is not None and table.parametric else ()


class RunSettings(BaseModel):
    """How the work is divided. Nothing here changes a number in a result."""

    model_config = CONFIG

    block_frames: int = Field(default=50, ge=1, le=10_000)
    """Frames of one block, the piece of work that is done, stored and resumed as one."""


class Recipe(BaseModel):
    """A whole run. Frozen; unknown keys are refused; `load_recipe` reads it from TOML."""

    model_config = CONFIG

    schema_version: Literal["xrdkit/recipe/1"] = Field(default="xrdkit/recipe/1", alias="schema")
    """Kind and version of this file; the key is ``schema``."""
    name: Slug
    """Name of the run, and of its folder of results."""
    title: Text
    """One line for people."""
    detectors: tuple[DetectorRecipe, ...]
    """The detectors; in TOML one table ``[detectors.<label>]`` for each."""
    run: RunSettings = RunSettings()
    """How the work is divided."""

    @field_validator("detectors", mode="before")
    @classmethod
    def _labelled(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return with_tuples(value)
        for label, table in value.items():
            if isinstance(table, dict) and "label" in table:
                raise ValueError(f"detectors.{label}.label: the label is the name of the table")
        return tuple(
            {**with_tuples(table), "label": label} if isinstance(table, dict) else table
            for label, table in value.items()
        )

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        if not self.detectors:
            raise ValueError("a recipe needs a table [detectors.<label>]")
        # Names of files must differ on every file system, also where case does not count.
        labels = [d.label.lower() for d in self.detectors]
        if len(set(labels)) != len(labels):
            raise ValueError("two detectors have the same label")
        return self

    def detector(self, label: str) -> DetectorRecipe:
        """Return the detector called `label`; raise KeyError where there is none."""
        return {d.label: d for d in self.detectors}[label]

    def digest(self) -> str:
        """Return the SHA-256 of the canonical JSON of all fields, defaults filled in."""
        return sha256_value(self.model_dump(by_alias=True))
