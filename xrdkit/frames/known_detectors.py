"""Pixels and shapes of named detectors, from pyFAI's list."""

import re
from dataclasses import dataclass
from functools import cache

from pyFAI.detectors import ALL_DETECTORS

#: Sides of which both are multiples of this say nothing: any sensor is binned to such.
_ROUND = 64
_MOST_BINNED = 8


@dataclass(frozen=True, kw_only=True)
class KnownDetector:
    """A detector as its maker builds it."""

    name: str
    """pyFAI's name."""
    shape: tuple[int, int]
    """Rows and columns."""
    pixel_size: tuple[float, float]
    """Pitch along y and x, m."""

    def holds(self, shape: tuple[int, int]) -> bool:
        """Tell whether a frame of `shape` can be one of it, whole, a part or binned."""
        return shape[0] <= self.shape[0] and shape[1] <= self.shape[1]

    def has_pitch(self, axis: int, pitch: float, shape: tuple[int, int], tolerance: float) -> bool:
        """Tell whether its pixels along `axis` (0 y, 1 x) are `pitch` m, binned where they fit."""
        own = self.pixel_size[axis]
        most = min(_MOST_BINNED, self.shape[axis] // max(shape[axis], 1))
        return any(abs(pitch - own * k) <= tolerance * own * k for k in range(1, max(most, 1) + 1))


def detector_named(text: str) -> KnownDetector | None:
    """Return the detector that a header calls `text`: the longest name with which it begins."""
    said = _plain(text).removeprefix("dectris")
    best = ""
    for name in _by_name():
        if len(name) > len(best) and said.startswith(name):
            best = name
    return _by_name()[best] if best else None


def detectors_of(shape: tuple[int, int]) -> tuple[KnownDetector, ...]:
    """Return the detectors of exactly this shape; none where the shape is a common one."""
    if shape[0] == shape[1] or (shape[0] % _ROUND == 0 and shape[1] % _ROUND == 0):
        return ()
    return tuple(dict.fromkeys(d for d in _by_name().values() if d.shape == shape))


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


@cache
def _by_name() -> dict[str, KnownDetector]:
    found: dict[str, KnownDetector] = {}
    built: dict[type, KnownDetector | None] = {}
    for name, kind in ALL_DETECTORS.items():
        if kind not in built:
            built[kind] = _known(kind)
        known = built[kind]
        said = _plain(name)
        # a name without a number is that of a family, not of a model
        if known is not None and any(c.isdigit() for c in said):
            found[said] = known
    return found


def _known(kind: type) -> KnownDetector | None:
    """Return what pyFAI knows of one class; None where it has no fixed shape or pitch."""
    if getattr(kind, "MAX_SHAPE", None) is None:
        return None
    device = kind()
    shape, pitch = device.MAX_SHAPE, (device.pixel1, device.pixel2)
    if None in pitch or len(shape) != 2:
        return None
    return KnownDetector(
        name=str(device.name),
        shape=(int(shape[0]), int(shape[1])),
        pixel_size=(float(pitch[0]), float(pitch[1])),
    )
