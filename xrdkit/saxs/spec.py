"""Settings of `fit_sizes`."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from xrdkit.errors import SpecError
from xrdkit.saxs.distribution import Family
from xrdkit.saxs.gaussian import Gaussian
from xrdkit.saxs.lognormal import Lognormal
from xrdkit.saxs.schulz import Schulz
from xrdkit.saxs.smearing import SmearingSpec

Method = Literal["lognormal", "schulz", "gaussian", "tikhonov", "maxent", "montecarlo"]

FAMILIES: dict[str, Family] = {f.name: f for f in (Lognormal(), Schulz(), Gaussian())}
TIKHONOV, MAXENT, MONTECARLO = FORM_FREE = ("tikhonov", "maxent", "montecarlo")
METHODS = (*FAMILIES, *FORM_FREE)
REGULARISATIONS = ("discrepancy", "l_curve", "evidence")
SHAPES = ("sphere",)
MAX_POPULATIONS = 4


@dataclass(frozen=True, kw_only=True)
class SizeSpec:
    """How a size distribution is fitted to a profile. No window or start value is needed."""

    method: Method = "lognormal"
    """Family of the distribution of radii, ``"lognormal"``, ``"schulz"`` or ``"gaussian"`` (by
    number, cut at zero); or any distribution: ``"tikhonov"``, as smooth as the data allow,
    ``"maxent"``, with as much entropy as they allow, ``"montecarlo"``, single sizes at random."""
    shape: Literal["sphere"] = "sphere"
    """Shape of the particles."""
    populations: int = 1
    """Number of distributions that add up, 1 to 4; 1 for a form-free method."""
    contrast: float | None = None
    """Difference of scattering length density between particle and matrix in 1e10 1/cm² (1e-6
    1/Å²); see `xrdkit.saxs.xray_contrast`. Without it the volume fraction is unknown: NaN."""
    contrast_sigma: float = 0.0
    """Standard error of `contrast`, 1e10 1/cm²; part of the error of the volume fraction."""
    smearing: SmearingSpec | Literal["auto", "none"] = "auto"
    """What smears the curve: ``"auto"`` what the profile says of slit and resolution, ``"none"``
    nothing, or settings that hold in place of what the profile says (`smearing_of`). The model is
    smeared, never the curve desmeared."""
    range: tuple[float, float] | None = None
    """Lowest and highest q that are fitted, 1/nm; None: all."""
    flat: bool = True
    """Whether a flat background, 1/cm, is fitted. It may be negative (over-subtraction)."""
    porod: bool = True
    """Whether a background B q⁻⁴ (surfaces much larger than the particles) is fitted, B >= 0."""
    scale_errors: bool = True
    """Whether standard errors are multiplied by ``sigma_scale`` = √χ²r. Needed unless the errors
    of the profile are known to be right."""
    regularisation: Literal["discrepancy", "l_curve", "evidence"] = "discrepancy"
    """How strongly ``"tikhonov"`` smooths: as much as leaves the misfit that noise leaves, the
    corner of roughness over misfit, or what is most probable."""
    contributions: int = 300
    """Number of sizes that ``"montecarlo"`` places."""
    repetitions: int = 10
    """Number of random starts that ``"montecarlo"`` averages over."""
    seed: int = 0
    """Seed of all that is random: replicates of form-free methods, ``"montecarlo"``."""
    max_evaluations: int = 400
    """Evaluations of the model after which a fit is given up."""

    def __post_init__(self) -> None:
        _one_of("method", self.method, METHODS)
        _one_of("shape", self.shape, SHAPES)
        whole = isinstance(self.populations, int) and not isinstance(self.populations, bool)
        if not (whole and 1 <= self.populations <= MAX_POPULATIONS):
            raise SpecError(f"populations is {self.populations!r}, not 1 to {MAX_POPULATIONS}")
        if self.method in FORM_FREE and self.populations != 1:
            raise SpecError(
                f"populations is {self.populations}; a form-free distribution is always one"
            )
        if self.contrast is not None and not (
            _is_number(self.contrast) and self.contrast != 0 and abs(self.contrast) <= 1e4
        ):
            raise SpecError(
                f"contrast {self.contrast!r} is no number, zero, or above 1e4 in size",
                hint="contrast is in 1e10 1/cm²: gold in water is about 115",
            )
        if not (_is_number(self.contrast_sigma) and self.contrast_sigma >= 0):
            raise SpecError(f"contrast_sigma {self.contrast_sigma!r} is negative or not a number")
        if self.contrast_sigma and self.contrast is None:
            raise SpecError("contrast_sigma needs contrast")
        if not isinstance(self.smearing, SmearingSpec) and self.smearing not in ("auto", "none"):
            raise SpecError(
                f"smearing is {self.smearing!r}, neither a SmearingSpec nor 'auto' or 'none'"
            )
        if self.range is not None:
            ends = tuple(self.range) if isinstance(self.range, list | tuple) else ()
            if len(ends) != 2 or not (all(map(_is_number, ends)) and 0 <= ends[0] < ends[1]):
                raise SpecError(f"range {self.range!r} is not 0 <= low < high, in 1/nm")
        for name in ("flat", "porod", "scale_errors"):
            if not isinstance(getattr(self, name), bool):
                raise SpecError(f"{name} is {getattr(self, name)!r}, not true or false")
        _one_of("regularisation", self.regularisation, REGULARISATIONS)
        if self.regularisation != REGULARISATIONS[0] and self.method != TIKHONOV:
            raise SpecError(f"regularisation {self.regularisation!r} is for method 'tikhonov' only")
        for name, low, high in (
            ("contributions", 10, 10_000),
            ("repetitions", 1, 1000),
            ("seed", 0, 2**63),
        ):
            number = getattr(self, name)
            if not (type(number) is int and low <= number <= high):
                raise SpecError(f"{name} is {number!r}, not a whole number {low} to {high}")
        if not (_is_number(self.max_evaluations) and self.max_evaluations >= 10):
            raise SpecError(f"max_evaluations is {self.max_evaluations!r}, at least 10 are needed")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _one_of(name: str, value: str, allowed: Iterable[str]) -> None:
    known = tuple(allowed)
    if value not in known:
        raise SpecError(f"{name} is {value!r}, not one of {', '.join(known)}")
