"""Curves in: arrays and 1D files to labelled profiles."""

from xrdkit.curves.batch import join_profiles, read_profiles
from xrdkit.curves.profile import pattern, profile
from xrdkit.curves.read import read_profile

__all__ = ["join_profiles", "pattern", "profile", "read_profile", "read_profiles"]
