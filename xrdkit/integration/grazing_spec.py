"""What a map of a flat sample at grazing incidence is asked to do."""

import math
from dataclasses import dataclass, field
from typing import Any

from xrdkit.errors import SpecError
from xrdkit.integration.sample_frame import SampleFrame
from xrdkit.integration.spec import MAX_BINS, IntegrationSpec

#: Fields of an `IntegrationSpec` that the bins of a map replace.
_NOT_HERE = (
    *("unit", "bins", "range", "edges", "spacing", "splitting"),
    *("azimuth_range", "azimuth_slice", "azimuth_bins"),
)


@dataclass(frozen=True, kw_only=True)
class GrazingSpec:
    """How the sample lies, bins on the two components of q, and corrections."""

    incident_angle: float
    """Angle between the beam and the surface of the sample, degree; -90 to 90."""
    tilt_angle: float = 0.0
    """Angle by which the surface is turned about the beam, degree; -180 to 180."""
    sample_orientation: int = 1
    """How the sample lies on the frame, 1 to 8 as in pyFAI and EXIF: 1 its normal up, 2 mirrored,
    3 turned by 180 degree, 4 both; 5 to 8 the same with the normal sideways: 6 its normal towards
    +x, 8 towards -x, 5 and 7 their mirror images."""
    bins: tuple[int, int] = (500, 500)
    """Number of bins in the plane and out of it."""
    in_plane_range: tuple[float, float] | None = None
    """Lower and upper edge of q in the plane, 1/nm; None: what the pixels of the detector span."""
    out_of_plane_range: tuple[float, float] | None = None
    """Lower and upper edge of q out of the plane, 1/nm; None likewise."""
    corrections: IntegrationSpec = field(default_factory=IntegrationSpec)
    """Corrections, mask, normalisation, noise and outliers; its axis, bins, sector and splitting
    stay at their defaults."""

    def __post_init__(self) -> None:
        _check_angle("incident_angle", self.incident_angle, 90.0)
        _check_angle("tilt_angle", self.tilt_angle, 180.0)
        if isinstance(self.sample_orientation, bool) or self.sample_orientation not in range(1, 9):
            raise SpecError(f"sample_orientation must be 1 to 8, not {self.sample_orientation!r}")
        bins: object = self.bins
        if not isinstance(bins, tuple) or len(bins) != 2 or not all(_is_number(n) for n in bins):
            raise SpecError(f"bins must be two whole numbers of at least 1, not {bins!r}")
        if math.prod(self.bins) > MAX_BINS:
            raise SpecError(f"bins are {math.prod(self.bins)} cells, at most {MAX_BINS} possible")
        for name in ("in_plane_range", "out_of_plane_range"):
            _check_range(name, getattr(self, name))
        if not isinstance(self.corrections, IntegrationSpec):
            raise SpecError(f"corrections is a {type(self.corrections).__name__}, not a spec")
        self._check_corrections()

    @property
    def frame(self) -> SampleFrame:
        """How the sample lies in the beam."""
        return SampleFrame(
            incident_angle=self.incident_angle,
            tilt_angle=self.tilt_angle,
            orientation=self.sample_orientation,
        )

    def record(self) -> dict[str, Any]:
        """Return the settings as plain values for provenance, as `IntegrationSpec.record` does."""
        own = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**own, "corrections": self.corrections.record()}

    def _check_corrections(self) -> None:
        for name in _NOT_HERE:
            default = IntegrationSpec.__dataclass_fields__[name].default
            value = getattr(self.corrections, name)
            if value is not default and (name == "edges" or value != default):
                raise SpecError(
                    f"corrections states {name}, which maps do not follow",
                    hint="bins, in_plane_range and out_of_plane_range of GrazingSpec say the bins",
                )


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _check_angle(name: str, value: float, limit: float) -> None:
    if not (math.isfinite(value) and abs(value) <= limit):
        raise SpecError(f"{name} {value} degree is outside -{limit:g} to {limit:g} degree")


def _check_range(name: str, pair: tuple[float, float] | None) -> None:
    if pair is None:
        return
    if len(pair) != 2 or not all(math.isfinite(v) for v in pair) or not pair[0] < pair[1]:
        raise SpecError(f"{name} {pair} is not (low, high) with low < high")
