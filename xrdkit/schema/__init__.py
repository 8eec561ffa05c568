"""Names of dimensions, coordinates and variables, and the schemas that Datasets are held to."""

from xrdkit.schema.fields import FRAME, RADIAL, RADIAL_NAMES, Field, Schema
from xrdkit.schema.phases import (
    MESOPHASE,
    PEAKS,
    PHASE_MATCHES,
    PHASES,
    SIZE_STRAIN,
    WARREN_AVERBACH,
)
from xrdkit.schema.positions import mean_positions, position_spreads, radial_dim
from xrdkit.schema.reduction import CAKE, FRAMES, GRAZING, PROFILE, QUALITY, TEXTURE
from xrdkit.schema.saxs import (
    CORRELATION,
    GUINIER,
    INVARIANT,
    KRATKY,
    ORIENTATION,
    PAIR_DISTANCES,
    POROD,
    SCATTERING_MODEL,
    SIZE_COMPARISON,
    SIZE_METHODS,
    SIZES,
)
from xrdkit.schema.validate import validate, validate_profile_or_cake

SCHEMAS = {
    s.name: s
    for s in (
        FRAMES,
        PROFILE,
        CAKE,
        GRAZING,
        TEXTURE,
        QUALITY,
        PHASES,
        PEAKS,
        SIZE_STRAIN,
        WARREN_AVERBACH,
        MESOPHASE,
        PHASE_MATCHES,
        SIZES,
        ORIENTATION,
        GUINIER,
        POROD,
        INVARIANT,
        KRATKY,
        PAIR_DISTANCES,
        CORRELATION,
        SCATTERING_MODEL,
        SIZE_COMPARISON,
        SIZE_METHODS,
    )
}

__all__ = [
    "CAKE",
    "CORRELATION",
    "FRAME",
    "FRAMES",
    "GRAZING",
    "GUINIER",
    "INVARIANT",
    "KRATKY",
    "MESOPHASE",
    "ORIENTATION",
    "PAIR_DISTANCES",
    "PEAKS",
    "PHASES",
    "PHASE_MATCHES",
    "POROD",
    "PROFILE",
    "QUALITY",
    "RADIAL",
    "RADIAL_NAMES",
    "SCATTERING_MODEL",
    "SCHEMAS",
    "SIZES",
    "SIZE_COMPARISON",
    "SIZE_METHODS",
    "SIZE_STRAIN",
    "TEXTURE",
    "WARREN_AVERBACH",
    "Field",
    "Schema",
    "mean_positions",
    "position_spreads",
    "radial_dim",
    "validate",
    "validate_profile_or_cake",
]
