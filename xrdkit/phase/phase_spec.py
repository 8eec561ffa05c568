"""What is particular to one phase of a refinement."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal

from xrdkit.errors import SpecError
from xrdkit.phase.sphere_components import SIGMA_MOST

Mode = Literal["rietveld", "lebail", "pawley"]
MODES = ("rietveld", "lebail", "pawley")
SizeProfile = Literal["lorentzian", "voigt", "lognormal"]
SIZE_PROFILES = ("lorentzian", "voigt", "lognormal")
StrainAnisotropy = Literal["stephens"]
STRAIN_ANISOTROPIES = ("stephens",)


def is_number(value: object) -> bool:
    """Return whether a setting is a number, which true and false are not."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: object) -> bool:
    """Return whether a setting is a whole number."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_one_of(value: object, choices: Collection[str]) -> bool:
    """Return whether a setting is one of some words."""
    return isinstance(value, str) and value in choices


def are_numbers(values: object, count: int) -> bool:
    """Return whether a setting is a list or tuple of so many numbers."""
    return (
        isinstance(values, list | tuple)
        and len(values) == count
        and all(is_number(v) for v in values)
    )


@dataclass(frozen=True, kw_only=True)
class PhaseSpec:
    """Settings of one phase; raises SpecError for values outside their range."""

    name: str
    """Name of the phase as in the result, such as ``"ZnO"``."""
    mode: Mode | None = None
    """As `RefinementSpec.mode`, for this phase. None: as that."""
    atoms: tuple[str, ...] = ()
    """What is free of the atoms: a site, a dot, and ``x``, ``y``, ``z``, ``b`` (its isotropic B) or
    ``occupancy``, such as ``"O1.x"``; ``*`` stands for anything: ``"*.b"``. ``"O1.*"`` is all but
    the occupancy."""
    march_axis: tuple[float, float, float] | None = None
    """Normal (h, k, l) of the plates, or axis of the needles, that lie oriented: one parameter of
    March and Dollase is refined. Below 1: plates that lie flat in reflection."""
    march: float = 1.0
    """Where the parameter of March and Dollase starts, 0.1 to 10; 1: no orientation."""
    harmonics: int = 0
    """Order of the spherical harmonics of a preferred orientation, even, 2 to 12; 0: none."""
    size_profile: SizeProfile | None = None
    """As `RefinementSpec.size_profile`, for this phase. None: as that."""
    size_sigma: float | None = None
    """As `RefinementSpec.size_sigma`, for this phase. None: as that."""
    size_axis: tuple[float, float, float] | None = None
    """Normal (h, k, l) of the planes along whose axis crystals are longer or shorter: ellipsoids of
    revolution. `crystallite_size` is then that across the axis. None: the same in all
    directions."""
    size_ratio: float = 1.0
    """Where the ratio of the sizes along and across `size_axis` starts, 0.05 to 20."""
    strain_anisotropy: StrainAnisotropy | None = None
    """``"stephens"``: strain broadening by the spread of the metric parameters, S400, S220 ... as
    the symmetry leaves them (Stephens 1999). None: the same in all directions."""
    strain_mixing: float = 1.0
    """Lorentzian share η of the anisotropic strain, 0 (Gaussian) to 1: held, or where it starts."""
    refine_strain_mixing: bool = False
    """Whether `strain_mixing` is free."""
    particle_diameter: float | None = None
    """Diameter of the particles that absorb as wholes, µm, for the microabsorption of a mixture
    (Brindley 1945), 0.01 to 1000. None: as small as not to matter. Where it times the difference
    of µ to that of the mixture is above 3, the fractions are NaN: no correction holds."""
    added_fraction: float | None = None
    """Mass of this phase over that of the sample it was added to, spike included, 0 to 1 without
    the ends: an internal standard, from which the other fractions become absolute."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise SpecError("settings of a phase need its name")
        if self.mode is not None and not is_one_of(self.mode, MODES):
            raise SpecError(f"{self.name}: mode {self.mode!r} is not one of: {', '.join(MODES)}")
        if self.size_profile is not None and not is_one_of(self.size_profile, SIZE_PROFILES):
            raise SpecError(
                f"{self.name}: size_profile {self.size_profile!r} is not one of:"
                f" {', '.join(SIZE_PROFILES)}"
            )
        if self.size_sigma is not None:
            self._within("size_sigma", 0.0, SIGMA_MOST)
        atoms = self.atoms
        if not isinstance(atoms, list | tuple) or not all(isinstance(a, str) for a in atoms):
            raise SpecError(f"{self.name}: atoms {atoms!r} is no list of names such as 'O1.x'")
        axis = self.march_axis
        if axis is not None and not (
            are_numbers(axis, 3) and all(math.isfinite(x) for x in axis) and any(axis)
        ):
            raise SpecError(f"{self.name}: march_axis {axis} is no direction (h, k, l)")
        self._within("march", 0.1, 10.0)
        if axis is None and self.march != 1.0:
            raise SpecError(f"{self.name}: march needs march_axis, the normal of the plates")
        if not is_whole(self.harmonics) or self.harmonics not in (0, 2, 4, 6, 8, 10, 12):
            raise SpecError(f"{self.name}: harmonics {self.harmonics!r} is not 0, 2, 4 ... 12")
        if axis is not None and self.harmonics:
            raise SpecError(
                f"{self.name}: march_axis and harmonics are two models of the same orientation"
            )
        self._anisotropy()
        if self.particle_diameter is not None:
            self._within("particle_diameter", 0.01, 1000.0)
        added = self.added_fraction
        if added is not None and not (is_number(added) and 0.0 < added < 1.0):
            raise SpecError(f"{self.name}: added_fraction {added} is not between 0 and 1")

    def _anisotropy(self) -> None:
        axis = self.size_axis
        if axis is not None and not (
            are_numbers(axis, 3) and all(math.isfinite(x) for x in axis) and any(axis)
        ):
            raise SpecError(f"{self.name}: size_axis {axis} is no direction (h, k, l)")
        self._within("size_ratio", 0.05, 20.0)
        if axis is None and self.size_ratio != 1.0:
            raise SpecError(f"{self.name}: size_ratio needs size_axis, the axis of the crystals")
        if axis is not None and self.size_profile == "lognormal":
            raise SpecError(f"{self.name}: lognormal spheres have no size_axis")
        kind = self.strain_anisotropy
        if kind is not None and not is_one_of(kind, STRAIN_ANISOTROPIES):
            raise SpecError(f"{self.name}: strain_anisotropy {kind!r} is not one of: stephens")
        self._within("strain_mixing", 0.0, 1.0)
        told: object = self.refine_strain_mixing
        if not isinstance(told, bool):
            raise SpecError(
                f"{self.name}: refine_strain_mixing = {told!r} is neither true nor false"
            )
        if kind is None and (self.refine_strain_mixing or self.strain_mixing != 1.0):
            raise SpecError(
                f"{self.name}: strain_mixing belongs to strain_anisotropy='stephens';"
                " isotropic strain is Lorentzian"
            )

    def _within(self, field: str, low: float, high: float) -> None:
        value = getattr(self, field)
        if not is_number(value) or not math.isfinite(value) or not low <= value <= high:
            raise SpecError(f"{self.name}: {field} = {value!r} is outside {low} to {high}")
