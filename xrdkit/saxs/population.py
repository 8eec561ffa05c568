"""One population of particles: its settings, and what the fit makes of them."""

from dataclasses import dataclass

from xrdkit.errors import SpecError
from xrdkit.saxs.checks import check_contrast
from xrdkit.saxs.distribution import Family
from xrdkit.saxs.families import FAMILIES, FamilyName
from xrdkit.saxs.shapes.named import ShapeSettings, shape_of
from xrdkit.saxs.shapes.shape import Shape


@dataclass(frozen=True, kw_only=True)
class Population:
    """One of several populations of particles that need not be alike."""

    family: FamilyName | None = None
    """Family of its sizes, as `SizeSpec.method`; None: that of the spec."""
    shape: str | ShapeSettings | None = None
    """Its shape; None: that of the spec."""
    contrast: float | None = None
    """Its contrast, 1e10 1/cm²; None: that of the spec."""

    def __post_init__(self) -> None:
        if self.family is not None and self.family not in FAMILIES:
            raise SpecError(
                f"family of a population is {self.family!r}, not one of {', '.join(FAMILIES)}"
            )
        if self.shape is not None:
            shape_of(self.shape)
        check_contrast(self.contrast)


@dataclass(frozen=True)
class Component:
    """A population as it is fitted, with the names of its parameters."""

    number: int
    """Its number k, which ends the names of its parameters."""
    family: Family
    """Family of its sizes."""
    shape: Shape
    """Its shape."""
    contrast: float | None
    """Its contrast, 1e10 1/cm²; 1 where the shape has contrasts of its own; None: not known."""
    shared_contrast: bool
    """Whether that is the contrast of the whole spec, with its error."""

    @property
    def location(self) -> str:
        """Name of the parameter ln R."""
        return f"location_{self.number}"

    @property
    def width(self) -> str:
        """Name of the parameter ln s."""
        return f"log_width_{self.number}"

    @property
    def amplitude(self) -> str:
        """Name of the parameter φΔρ², (1e10 1/cm²)², or φ where the shape has contrasts.

        φ is that of the reference volume of the shape.
        """
        return f"amplitude_{self.number}"

    def shape_parameter(self, name: str) -> str:
        """Return the name, among the parameters of the fit, of a parameter of the shape."""
        return f"{name}_{self.number}"

    @property
    def distribution_names(self) -> tuple[str, ...]:
        """Names of the parameters of the size distribution: location and width."""
        return (self.location, self.width) if self.family.has_width else (self.location,)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all its parameters, those of the shape last, in the order of results."""
        extra = tuple(self.shape_parameter(p.name) for p in self.shape.parameters)
        return (*self.distribution_names, self.amplitude, *extra)
