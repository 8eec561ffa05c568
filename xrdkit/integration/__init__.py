"""Azimuthal integration on explicit bins, with standard errors that hold at every count level."""

from xrdkit.integration.average import average
from xrdkit.integration.azimuthal import integrate
from xrdkit.integration.cake import cake
from xrdkit.integration.merge import merge
from xrdkit.integration.normalization import Normalization
from xrdkit.integration.quality import frame_quality
from xrdkit.integration.spec import IntegrationSpec

__all__ = [
    "IntegrationSpec",
    "Normalization",
    "average",
    "cake",
    "frame_quality",
    "integrate",
    "merge",
]
