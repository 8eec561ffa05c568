"""Curves in: arrays and 1D files to labelled profiles."""

from xrdkit.curves.profile import pattern, profile
from xrdkit.curves.read import read_profile

__all__ = ["pattern", "profile", "read_profile"]
