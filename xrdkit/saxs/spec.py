"""Settings of `fit_sizes`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from xrdkit.errors import SpecError
from xrdkit.saxs.checks import check_contrast, check_flags, check_range, is_number, one_of
from xrdkit.saxs.families import FAMILIES
from xrdkit.saxs.interacting import Interacting
from xrdkit.saxs.population import Component, Population
from xrdkit.saxs.shapes.named import ShapeSettings, shape_of
from xrdkit.saxs.smearing import SmearingSpec
from xrdkit.saxs.structure_factors import (
    FractalAggregate,
    HardSphere,
    StickyHardSphere,
    StructureFactor,
)

Method = Literal["lognormal", "schulz", "gaussian", "lsw", "tikhonov", "maxent", "montecarlo"]

TIKHONOV, MAXENT, MONTECARLO = FORM_FREE = ("tikhonov", "maxent", "montecarlo")
METHODS = (*FAMILIES, *FORM_FREE)
REGULARISATIONS = ("discrepancy", "l_curve", "evidence")
MAX_POPULATIONS = 4
_EXPONENTS = (1.0, 6.0)


@dataclass(frozen=True, kw_only=True)
class SizeSpec:
    """How a size distribution is fitted to a profile. No window or start value is needed."""

    method: Method = "lognormal"
    """Family of the distribution of radii, ``"lognormal"``, ``"schulz"``, ``"gaussian"`` (by
    number, cut at zero) or ``"lsw"`` (what coarsening ends in, with no width to fit); or any
    distribution: ``"tikhonov"``, as smooth as the data allow, ``"maxent"``, with as much entropy as
    they allow, ``"montecarlo"``, single sizes at random."""
    shape: str | ShapeSettings = "sphere"
    """Shape of the particles: a name (sphere, spheroid, cylinder, disc, lamella), or a shape with
    settings such as ``Cylinder(length=40.0)`` (`xrdkit.saxs.shapes`). What it has besides the
    distributed radius is fitted, too, unless the settings hold it. A form-free method needs all of
    it held."""
    populations: int | tuple[Population, ...] = 1
    """Number of distributions that add up, 1 to 4; or what each of them is, where they are not
    alike. 1 for a form-free method."""
    contrast: float | None = None
    """Difference of scattering length density between particle and matrix in 1e10 1/cm² (1e-6
    1/Å²); see `xrdkit.saxs.xray_contrast`. Without it the volume fraction is unknown: NaN. Shapes
    of several contrasts (core-shell) have them among their own settings, and this one is None."""
    interaction: HardSphere | StickyHardSphere | FractalAggregate | None = None
    """How particles that are not far apart are arranged (`xrdkit.saxs.structure_factors`), in the
    local monodisperse approximation; what of it is not stated is fitted. None: they are dilute. For
    one population of a parametric method; `fit_model` can do more."""
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
    power_law: float | tuple[float, float] | None = None
    """Exponent p of a background C q⁻ᵖ, C >= 0, of structures much larger than the particles
    (aggregates, voids, a porous matrix), in place of B q⁻⁴: a number from 1 to 6 that is held, or
    (lowest, highest) for one that is fitted, such as (3.0, 4.0) for rough surfaces. None: no such
    background. Large particles look like it: with it, sizes that these q do not tell are not
    found."""
    slope: bool = False
    """Whether a background proportional to q is fitted, such as fluorescence leaves where a sample
    absorbs; of either sign. Only where it is known to be there: it takes up what wide
    distributions scatter."""
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
        one_of("method", self.method, METHODS)
        shape = shape_of(self.shape)
        self._check_populations()
        if self.method in FORM_FREE:
            if self.populations != 1:
                raise SpecError(
                    f"populations is {self.populations}; a form-free distribution is always one"
                )
            if shape.free:
                raise SpecError(
                    f"shape {shape.label}: a form-free method cannot fit {', '.join(shape.free)}",
                    hint=f"give a value and fit_{shape.free[0]}=False",
                )
        if self.interaction is not None:
            self._check_interaction()
        check_contrast(self.contrast, self.contrast_sigma)
        components = self.components
        if self.contrast is not None and all(c.shape.own_contrast for c in components):
            raise SpecError(
                f"contrast is {self.contrast}, but the shape {shape.label} has its own",
                hint="contrast=None",
            )
        if not isinstance(self.smearing, SmearingSpec) and self.smearing not in ("auto", "none"):
            raise SpecError(
                f"smearing is {self.smearing!r}, neither a SmearingSpec nor 'auto' or 'none'"
            )
        check_range(self.range)
        check_flags(self, "flat", "porod", "slope", "scale_errors")
        self._check_power_law()
        one_of("regularisation", self.regularisation, REGULARISATIONS)
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
        if not (is_number(self.max_evaluations) and self.max_evaluations >= 10):
            raise SpecError(f"max_evaluations is {self.max_evaluations!r}, at least 10 are needed")

    def _check_power_law(self) -> None:
        law = self.power_law
        if law is None:
            return
        ends = law if isinstance(law, tuple) else (law, law)
        given = len(ends) == 2 and all(map(is_number, ends))
        low, high = ends if given else (0.0, 0.0)
        rising = low < high if isinstance(law, tuple) else True
        if not (rising and _EXPONENTS[0] <= low and high <= _EXPONENTS[1]):
            raise SpecError(
                f"power_law is {law!r}, neither an exponent from 1 to 6 nor (lowest, highest) of"
                " these",
                hint="power_law=(3.0, 4.0) for rough surfaces, 4.0 for smooth ones",
            )

    def _check_interaction(self) -> None:
        if not isinstance(self.interaction, StructureFactor):
            raise SpecError(
                f"interaction is a {type(self.interaction).__name__}, not a structure factor",
                hint="HardSphere(), StickyHardSphere() or FractalAggregate()",
            )
        if self.count != 1 or self.method in FORM_FREE:
            raise SpecError(
                "interaction is for one population of a parametric method", hint="use fit_model"
            )

    def _check_populations(self) -> None:
        count = self.populations
        if isinstance(count, list | tuple):
            if not all(isinstance(item, Population) for item in count):
                raise SpecError("populations holds what is no Population")
            count = len(count)
        if type(count) is not int or not 1 <= count <= MAX_POPULATIONS:
            raise SpecError(f"populations is {self.populations!r}, not 1 to {MAX_POPULATIONS}")

    @property
    def count(self) -> int:
        """Number of populations."""
        return self.populations if isinstance(self.populations, int) else len(self.populations)

    @property
    def components(self) -> tuple[Component, ...]:
        """The populations as they are fitted (of a form-free method: as if with a family)."""
        stated = self.populations
        items = (Population(),) * stated if isinstance(stated, int) else stated
        found = []
        for number, item in enumerate(items):
            shape = shape_of(self.shape if item.shape is None else item.shape)
            if self.interaction is not None:
                shape = Interacting(shape, self.interaction)
            family = self.method if item.family is None else item.family
            contrast = self.contrast if item.contrast is None else item.contrast
            found.append(
                Component(
                    number=number,
                    family=FAMILIES.get(family, FAMILIES["lognormal"]),
                    shape=shape,
                    contrast=1.0 if shape.own_contrast else contrast,
                    shared_contrast=item.contrast is None and not shape.own_contrast,
                )
            )
        return tuple(found)

    def order(self, radii: Sequence[float]) -> list[int]:
        """Return the order in which populations of these mean radii are told.

        Ascending where they are alike, as stated where they are not.
        """
        if isinstance(self.populations, int):
            return sorted(range(len(radii)), key=radii.__getitem__)
        return list(range(len(radii)))
