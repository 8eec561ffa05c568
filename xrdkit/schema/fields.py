"""What a schema asks of a Dataset: names of dimensions and coordinates, fields."""

from dataclasses import dataclass, field

FRAME = "frame"
#: radial dimension -> unit of its coordinate
RADIAL = {
    "q": "1/nm",
    "two_theta": "degree",
    "d_spacing": "nm",
    "detector_radius": "mm",
    "q_in_plane": "1/nm",
    "q_out_of_plane": "1/nm",
}
RADIAL_NAMES = {
    "q": "modulus of the scattering vector",
    "two_theta": "scattering angle",
    "d_spacing": "lattice spacing",
    "detector_radius": "distance of the pixel from the beam",
    "q_in_plane": "component of the scattering vector in the plane of the sample",
    "q_out_of_plane": "component of the scattering vector along the normal of the sample",
}
ANY_RADIAL = "<radial>"
OPTIONAL_FRAME = "frame?"


@dataclass(frozen=True, kw_only=True)
class Field:
    """What a schema asks of one variable or coordinate."""

    dims: tuple[str, ...]
    """Dimension names; ``"frame?"`` may be absent, ``"<radial>"`` is one of `RADIAL`."""
    units: tuple[str, ...]
    """Units of which the variable carries one; empty where it carries none (labels)."""
    required: bool = True
    """Whether the Dataset is refused without it."""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The promise that a Dataset of one kind keeps."""

    name: str
    """Kind and version, stored as the attribute ``schema``."""
    fields: dict[str, Field] = field(default_factory=dict)
    """Variables and coordinates by name. A Dataset may hold more."""


def value(*dims: str, units: str | tuple[str, ...] = (), required: bool = True) -> Field:
    """Return the `Field` of a variable over `dims` in one of `units`."""
    return Field(dims=dims, units=(units,) if isinstance(units, str) else units, required=required)


#: Dimensions of a curve, its units and their squares, and dimensions of a number of each frame.
RADIAL_FIELD = (OPTIONAL_FRAME, ANY_RADIAL)
SIGNAL_UNITS = ("count", "1/cm", "1")
SQUARED_UNITS = ("count2", "1/cm2", "1")
SCALAR = (OPTIONAL_FRAME,)
