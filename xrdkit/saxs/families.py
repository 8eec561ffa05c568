"""The families of size distributions by name."""

from typing import Literal

from xrdkit.saxs.distribution import Family
from xrdkit.saxs.gaussian import Gaussian
from xrdkit.saxs.lognormal import Lognormal
from xrdkit.saxs.lsw import LifshitzSlyozovWagner
from xrdkit.saxs.schulz import Schulz

FamilyName = Literal["lognormal", "schulz", "gaussian", "lsw"]

FAMILIES: dict[str, Family] = {
    f.name: f for f in (Lognormal(), Schulz(), Gaussian(), LifshitzSlyozovWagner())
}
