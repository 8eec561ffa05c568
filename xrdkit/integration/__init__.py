"""Azimuthal integration on explicit bins, with standard errors that hold at every count level."""

from xrdkit.integration.azimuthal import integrate
from xrdkit.integration.cake import cake
from xrdkit.integration.normalization import Normalization
from xrdkit.integration.spec import IntegrationSpec

__all__ = ["IntegrationSpec", "Normalization", "cake", "integrate"]
