"""What to refine and how the pattern was taken."""

import math
from dataclasses import dataclass
from typing import Literal

from xrdkit.errors import SpecError
from xrdkit.fitting import SOLVERS, Solver
from xrdkit.phase.absorption_spec import Absorption, Roughness
from xrdkit.phase.hump_limits import check_humps
from xrdkit.phase.parameter_spec import ParameterSpec
from xrdkit.phase.parametric_spec import ParametricTie
from xrdkit.phase.phase_spec import (
    MODES,
    SIZE_PROFILES,
    Mode,
    PhaseSpec,
    SizeProfile,
    are_numbers,
    is_number,
    is_one_of,
    is_whole,
)
from xrdkit.phase.sphere_components import SIGMA_MOST
from xrdkit.phase.ties import parse_tie
from xrdkit.phase.widths import NO_TAILS, InstrumentWidths, check_tails

EsdCorrection = Literal["none", "gof", "berar_lelann", "lines"]
ESD_CORRECTIONS = ("none", "gof", "berar_lelann", "lines")
_SWITCHES = (
    "refine_zero",
    "refine_displacement",
    "refine_penetration",
    "refine_axial",
    "refine_tails",
    "lattice",
    "refine_instrument",
    "size",
    "strain",
    "refine_size_sigma",
    "b_iso",
)


@dataclass(frozen=True, kw_only=True)
class RefinementSpec:
    """Settings of `refine_phases`; raises SpecError for values outside their range."""

    mode: Mode = "rietveld"
    """Where intensities of lines come from: ``"rietveld"``: the structures; ``"pawley"``: least
    squares; ``"lebail"``: shares of the measured points. Cells, widths and background are fitted
    in all three; fractions need structures."""
    range: tuple[float, float] | None = None
    """Fitted part of the pattern, in the unit of its radial coordinate; None: all of it."""
    background: int = 6
    """Number of Chebyshev terms, 1 to 30."""
    humps: tuple[tuple[float, float], ...] = ()
    """Broad humps of the background, as those of carbon or glass: where each starts, 2θ and FWHM in
    degree. Their heights, places (within a FWHM), widths (within a factor of 3) and
    asymmetries are free."""
    geometry: Literal["bragg_brentano", "debye_scherrer"] = "bragg_brentano"
    """How a diffractometer pattern was taken; has no effect on integrated frames."""
    monochromator_two_theta: float | None = None
    """2θ of the monochromator crystal of a diffractometer, degree (graphite, Cu Kα: 26.6)."""
    polarization_ratio: float | None = None
    """Beam intensity polarised in the scattering plane over that perpendicular to it, 0 to 100.
    None: cos² of `monochromator_two_theta`, or 1 (X-ray tube) without a monochromator."""
    goniometer_radius: float | None = None
    """Distance of sample and detector, mm; needed for a displacement."""
    zero: float = 0.0
    """Shift of the 2θ scale, degree: observed minus true angle."""
    refine_zero: bool | None = None
    """Whether `zero` is free. None: free for diffractometer patterns, fixed for integrated frames,
    whose geometry was calibrated."""
    displacement: float = 0.0
    """Height of a flat sample behind the axis, mm."""
    refine_displacement: bool = False
    """Whether `displacement` is free (with `zero` free too, the two are hard to tell apart)."""
    divergence: float = 0.0
    """Divergence of the beam in the plane of the diffractometer on a flat sample, full angle in
    degree, 0 to 5."""
    penetration: float = 0.0
    """Depth that the beam reaches in a flat sample, 1/µ in mm, 0 to 10."""
    refine_penetration: bool = False
    """Whether `penetration` is free."""
    axial: float | None = None
    """Axial divergence, half heights of sample and receiving slit over the radius, 0 to 0.3.
    None: that of `instrument`, or 0."""
    refine_axial: bool = False
    """Whether the axial divergence is free: lines at low angles become asymmetric."""
    tails: tuple[float, float] | None = None
    """Share of each line that lies evenly about it (0 to 0.5), and how far on each side (0.02 to 2
    degree): tails of the focus of a tube. None: those of `instrument`, or none."""
    refine_tails: bool = False
    """Whether both numbers of `tails` are free."""
    lattice: bool = True
    """Whether the cells are free, within the ties of their symmetry."""
    cell_search: float = 0.005
    """Half range of the relative cell change that is searched for the start; 0: no search."""
    instrument: InstrumentWidths | None = None
    """Broadening of the instrument. None: a Gaussian width is refined (U, V, W) and sizes and
    strains contain the Lorentzian part of the instrument."""
    refine_instrument: bool = False
    """Free U, V, W, X, Y with `size` and `strain` off: how a line standard is used."""
    size: bool = True
    """Whether size broadening is free, for each phase."""
    strain: bool = True
    """Whether strain broadening is free, for each phase."""
    size_profile: SizeProfile = "lorentzian"
    """Shape of size broadening. ``"voigt"`` frees its Gaussian part too. ``"lognormal"``: crystals
    are spheres of lognormal diameters. Both need `instrument`."""
    size_sigma: float = 0.2
    """Standard deviation of the logarithm of the diameter for ``"lognormal"``, 0 (one size) to 0.8:
    where a fit starts, or what is held."""
    refine_size_sigma: bool = True
    """Whether `size_sigma` is free, for each phase with ``"lognormal"``. It rests on the tails of
    lines: on a background with humps as broad as they are, hold it (sizes hardly change)."""
    absorption: Absorption | None = None
    """Absorption of the sample by angle, held or refined; refused for profiles that are corrected
    for it. None: none, or corrected."""
    roughness: Roughness | None = None
    """Roughness of a flat sample in reflection, held or refined."""
    b_iso: bool = False
    """Whether one displacement parameter per phase, added to those of its sites, is free."""
    of_phase: tuple[PhaseSpec, ...] = ()
    """What is particular to single phases: orientation, particles, an internal standard."""
    profile_reach: float = 30.0
    """Lines are computed to this many FWHM from their centre."""
    max_evaluations: int = 400
    """Most evaluations of the model in one fit."""
    solver: Solver = "lm"
    """What minimises: ``"lm"`` (own Levenberg-Marquardt, the fastest), ``"leastsq"`` or
    ``"least_squares"`` (through lmfit). All end in the same minimum."""
    parameters: tuple[ParameterSpec, ...] = ()
    """Start values, bounds and freedom of single parameters, by name."""
    ties: tuple[str, ...] = ()
    """Linear equations between parameters, such as ``"A.strain = 2 * B.strain"``; names as in
    `parameters`. Of each, the first free parameter follows from the others, exactly. Those of a
    phase that is not there do not count."""
    parametric: tuple[ParametricTie, ...] = ()
    """Parameters of a series that follow curves over a coordinate of its frames, refined from all
    patterns at once after each was refined alone."""
    esd_correction: EsdCorrection = "gof"
    """What standard errors are multiplied by, beyond what the errors of the points say: ``"none"``;
    ``"gof"``: the goodness of fit; ``"berar_lelann"``: that and the factor for residuals that hang
    together (`xrdkit.phase.serial_correlation`), which is in the result in any case; ``"lines"``:
    at least the goodness of fit, and what the scatter of whole lines says
    (`xrdkit.phase.line_errors`): right where grains or orientation change their intensities."""

    def __post_init__(self) -> None:
        if not is_one_of(self.mode, MODES):
            raise SpecError(f"mode {self.mode!r} is not one of: {', '.join(MODES)}")
        if not is_one_of(self.geometry, ("bragg_brentano", "debye_scherrer")):
            raise SpecError(
                f"geometry {self.geometry!r} is not one of: bragg_brentano, debye_scherrer"
            )
        if not is_one_of(self.size_profile, SIZE_PROFILES):
            raise SpecError(
                f"size_profile {self.size_profile!r} is not one of: {', '.join(SIZE_PROFILES)}"
            )
        if not is_one_of(self.esd_correction, ESD_CORRECTIONS):
            raise SpecError(
                f"esd_correction {self.esd_correction!r} is not one of:"
                f" {', '.join(ESD_CORRECTIONS)}"
            )
        if not is_one_of(self.solver, SOLVERS):
            raise SpecError(f"solver {self.solver!r} is not one of: {', '.join(SOLVERS)}")
        self._types()
        if self.range is not None:
            low, high = self.range
            if not (math.isfinite(low) and math.isfinite(high) and 0 <= low < high):
                raise SpecError(f"range {self.range} must be finite, from 0 upwards, low < high")
        self._number("background", 1, 30)
        check_humps(self.humps)
        self._number("profile_reach", 3.0, 1000.0)
        self._number("max_evaluations", 10, 100_000)
        self._number("zero", -5.0, 5.0)
        self._number("displacement", -5.0, 5.0)
        self._number("cell_search", 0.0, 0.05)
        self._number("penetration", 0.0, 10.0)
        self._number("divergence", 0.0, 5.0)
        self._number("size_sigma", 0.0, SIGMA_MOST)
        if self.axial is not None:
            self._number("axial", 0.0, 0.3)
        if self.tails is not None:
            check_tails(*self.tails)
        if self.monochromator_two_theta is not None:
            self._number("monochromator_two_theta", 0.0, 180.0)
        if self.polarization_ratio is not None:
            self._number("polarization_ratio", 0.0, 100.0)
            if self.monochromator_two_theta is not None:
                raise SpecError("give monochromator_two_theta or polarization_ratio, not both")
        if self.goniometer_radius is not None:
            self._number("goniometer_radius", 10.0, 10_000.0)
        self._combinations()
        names = [own.name for own in self.of_phase]
        if len(set(names)) != len(names):
            raise SpecError(f"of_phase has two settings for one phase: {', '.join(names)}")
        for own in self.of_phase:
            told = own.march_axis or own.harmonics or own.atoms
            if self.mode_of(own.name) != "rietveld" and told:
                raise SpecError(f"{own.name}: free lines tell neither orientation nor atoms")
            if self.b_iso and any(name.endswith((".b", ".*")) for name in own.atoms):
                raise SpecError(
                    f"{own.name}: b_iso shifts all B, atoms frees single ones: they are one thing"
                )
        if sum(own.added_fraction is not None for own in self.of_phase) > 1:
            raise SpecError("only one phase can be the internal standard")

    def _number(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not is_number(value) or not math.isfinite(value) or not low <= value <= high:
            raise SpecError(f"{name} = {value!r} is outside {low} to {high}")

    def _types(self) -> None:
        for name in _SWITCHES:
            value = getattr(self, name)
            if not (isinstance(value, bool) or (name == "refine_zero" and value is None)):
                raise SpecError(f"{name} = {value!r} is neither true nor false")
        for name in ("background", "max_evaluations"):
            value = getattr(self, name)
            if not is_whole(value):
                raise SpecError(f"{name} = {value!r} is no whole number")
        for name in ("range", "tails"):
            value = getattr(self, name)
            if value is not None and not are_numbers(value, 2):
                raise SpecError(f"{name} = {value!r} is no pair of numbers")
        humps = self.humps
        if not isinstance(humps, list | tuple) or not all(are_numbers(h, 2) for h in humps):
            raise SpecError(f"humps = {humps!r} is no list of pairs of numbers (2θ, FWHM)")
        if self.instrument is not None and not isinstance(self.instrument, InstrumentWidths):
            raise SpecError(f"instrument = {self.instrument!r} is no InstrumentWidths")
        for name, kind in (("absorption", Absorption), ("roughness", Roughness)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise SpecError(f"{name} = {value!r} is no {kind.__name__}")
        own = self.of_phase
        if not isinstance(own, list | tuple) or not all(isinstance(o, PhaseSpec) for o in own):
            raise SpecError(f"of_phase = {own!r} is no list of PhaseSpec")
        told = self.parameters
        if not isinstance(told, list | tuple) or not all(
            isinstance(p, ParameterSpec) for p in told
        ):
            raise SpecError(f"parameters = {told!r} is no list of ParameterSpec")
        if len({p.name for p in told}) != len(told):
            raise SpecError("parameters has two settings for one parameter")
        if not isinstance(self.ties, list | tuple):
            raise SpecError(f"ties = {self.ties!r} is no list of texts")
        for tie in self.ties:
            parse_tie(tie)
        curves = self.parametric
        if not isinstance(curves, list | tuple) or not all(
            isinstance(c, ParametricTie) for c in curves
        ):
            raise SpecError(f"parametric = {curves!r} is no list of ParametricTie")

    def _combinations(self) -> None:
        if self.displacement != 0.0 or self.refine_displacement:
            if self.geometry != "bragg_brentano":
                raise SpecError("a sample displacement belongs to geometry 'bragg_brentano'")
            if self.goniometer_radius is None:
                raise SpecError("a sample displacement needs goniometer_radius (mm)")
        deep = self.penetration != 0.0 or self.refine_penetration
        if deep and (self.geometry != "bragg_brentano" or self.goniometer_radius is None):
            raise SpecError(
                "a penetration belongs to geometry 'bragg_brentano' and needs goniometer_radius"
                " (mm)"
            )
        if self.b_iso and self.mode != "rietveld" and not self.of_phase:
            raise SpecError(f"mode {self.mode!r} has no structure that b_iso could belong to")
        told = (self.absorption, self.roughness)
        if self.mode != "rietveld" and any(t is not None and t.refine for t in told):
            raise SpecError(
                f"mode {self.mode!r}: free lines tell neither absorption nor roughness: hold them"
            )
        if self.esd_correction == "lines" and self.parametric:
            raise SpecError("errors by lines are those of single frames: not with parametric ties")
        if self.refine_instrument and (self.size or self.strain):
            raise SpecError(
                "refine_instrument needs size=False and strain=False",
                hint="the widths of instrument and sample cannot be told apart in one pattern",
            )
        for own in self.of_phase:
            if own.strain_anisotropy is not None and not self.strain:
                raise SpecError(f"{own.name}: strain_anisotropy needs strain=True")
            if own.size_axis is not None and not (self.size and self._is_smooth(own)):
                raise SpecError(
                    f"{own.name}: size_axis needs size=True and no lognormal size_profile"
                )
        shapes = [self.size_profile, *(own.size_profile or "lorentzian" for own in self.of_phase)]
        shape = next((s for s in shapes if s != "lorentzian"), None)
        if shape is not None and (self.instrument is None or not self.size):
            raise SpecError(
                f"size_profile={shape!r} needs size=True and the widths of the instrument",
                hint="refine a line standard with refine_instrument=True, size=False, strain=False",
            )

    def _is_smooth(self, own: PhaseSpec) -> bool:
        return (own.size_profile or self.size_profile) != "lognormal"

    def of(self, name: str) -> PhaseSpec:
        """Return what is particular to the phase `name`."""
        return next((own for own in self.of_phase if own.name == name), PhaseSpec(name=name))

    def mode_of(self, name: str) -> Mode:
        """Return where the intensities of the phase `name` come from."""
        return self.of(name).mode or self.mode

    def size_profile_of(self, name: str) -> SizeProfile:
        """Return the shape of the size broadening of the phase `name`."""
        return self.of(name).size_profile or self.size_profile

    def size_sigma_of(self, name: str) -> float:
        """Return the `size_sigma` of the phase `name`."""
        own = self.of(name).size_sigma
        return self.size_sigma if own is None else own

    @property
    def axial_start(self) -> float:
        """The axial divergence that a fit starts from."""
        if self.axial is not None:
            return self.axial
        return 0.0 if self.instrument is None else self.instrument.axial

    @property
    def tails_start(self) -> tuple[float, float]:
        """Share and half width (degree) of the tails that a fit starts from."""
        if self.tails is not None:
            return self.tails
        return NO_TAILS if self.instrument is None else self.instrument.tails

    @property
    def polarization(self) -> float:
        """The ratio K that applies to a diffractometer pattern."""
        if self.polarization_ratio is not None:
            return self.polarization_ratio
        if self.monochromator_two_theta is not None:
            return math.cos(math.radians(self.monochromator_two_theta)) ** 2
        return 1.0
