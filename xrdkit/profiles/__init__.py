"""Profiles and cakes to profiles: added, merged, compared; texture, and intervals at few counts."""

from xrdkit.profiles.average import average
from xrdkit.profiles.interval import counting_interval
from xrdkit.profiles.merge import merge
from xrdkit.profiles.orientation import orientation
from xrdkit.profiles.orientation_spec import OrientationSpec
from xrdkit.profiles.quality import frame_quality
from xrdkit.profiles.texture import texture

__all__ = [
    "OrientationSpec",
    "average",
    "counting_interval",
    "frame_quality",
    "merge",
    "orientation",
    "texture",
]
