"""Samples: crystalline phases, populations of spheres, support and background, in 1/cm."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from xrdkit.errors import SpecError
from xrdkit.geometry import Array
from xrdkit.phase import Structure, embedded_structure, powder_intensity
from xrdkit.saxs import sphere_intensity
from xrdkit.simulate.population import LognormalSpheres

#: Powder lines and diffuse humps fade out between these q, 1/nm: their tails are no scattering law
#: at small angles, where what remains of them is part of the flat background.
_FADE = (7.0, 12.0)
#: Lines up to this 2θ (degree) are in every curve, whatever part of it is asked for: the tails of
#: broad lines from beyond the detector add up to 1 % between its lines.
_LAST_LINE = 120.0
#: Points of the smooth curve of spheres, equally spaced in ln q.
_SPHERE_POINTS = 800
#: Scattering length density of Pt against pores at 17.7 keV, 1e10 1/cm² (Chantler's f', xraydb).
PLATINUM_CONTRAST = 142.2
#: Surface stress in N/m, of the size that electron diffraction finds for Pt (Solliard & Flueli,
#: Surf. Sci. 156 (1985) 487), and the bulk modulus of the metal in Pa.
_SURFACE_STRESS, _BULK_MODULUS = 2.5, 230e9


@dataclass(frozen=True, kw_only=True)
class CrystalPhase:
    """Crystallites of one structure."""

    structure: Structure
    """The crystal structure."""
    volume_fraction: float
    """Share of the volume that the beam passes, 0 to 1."""
    size: float | None = None
    """Volume-weighted column length L_vol, nm; None for no broadening."""
    strain: float = 0.0
    """Microstrain Δd/d."""


@dataclass(frozen=True, kw_only=True)
class SpherePhase:
    """Spheres that scatter at small angles."""

    spheres: LognormalSpheres
    """Their radii."""
    volume_fraction: float
    """Share of the volume that the beam passes, 0 to 1."""
    contrast: float
    """Scattering length density against the surroundings, 1e10 1/cm²."""


@dataclass(frozen=True, kw_only=True)
class Hump:
    """A diffuse halo, Gaussian in q."""

    height: float
    """dΣ/dΩ at the top, 1/cm."""
    center: float
    """q of the top, 1/nm."""
    width: float
    """Standard deviation, 1/nm."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Everything in the beam; each part adds its dΣ/dΩ."""

    crystals: tuple[CrystalPhase, ...] = ()
    """Phases that diffract."""
    spheres: tuple[SpherePhase, ...] = ()
    """Populations that scatter at small angles."""
    porod: float = 0.0
    """B of the support's surface scattering B q⁻⁴, 1/(cm nm⁴)."""
    porod_length: float = 200.0
    """Debye-Anderson length ξ of the support, nm: B q⁻⁴ holds for q well above 1/ξ."""
    humps: tuple[Hump, ...] = ()
    """Diffuse scattering of what is not crystalline."""
    flat: float = 0.0
    """Background that does not depend on q, 1/cm."""
    line_width: float = 0.1
    """Gaussian full width at half maximum of every powder line from the beam, degree."""

    def __post_init__(self) -> None:
        for name in ("porod", "flat"):
            if not 0 <= getattr(self, name) < math.inf:
                raise SpecError(f"{name} {getattr(self, name)} is negative or not finite")
        if not 1.0 <= self.porod_length < math.inf:
            raise SpecError(f"porod_length {self.porod_length} nm is below 1 nm or not finite")
        solid = [crystal.volume_fraction for crystal in self.crystals]
        filled = solid + [part.volume_fraction for part in self.spheres]
        if any(not 0 <= f <= 1 for f in filled) or sum(solid) > 1:
            raise SpecError(f"volume fractions {filled} do not fit into the sample")

    def intensity(self, q: Array, *, wavelength: float) -> Array:
        """Return dΣ/dΩ in 1/cm at `q` (1/nm, ascending, positive), without polarisation.

        The sum of B/(q² + ξ⁻²)², `sphere_intensity`, humps, flat background, and
        `powder_intensity` times the volume fraction at 2θ = 2 asin(qλ/4π); `wavelength` in
        ångström. Raises StructureError or SpecError for parts outside their range.
        """
        total = self.flat + self.porod / (q**2 + self.porod_length**-2) ** 2
        for part in self.spheres:
            total += _sphere_curve(part, q)
        fade = np.clip((q - _FADE[0]) / (_FADE[1] - _FADE[0]), 0.0, 1.0)
        fade = fade**2 * (3.0 - 2.0 * fade)
        for hump in self.humps:
            total += fade * hump.height * np.exp(-0.5 * ((q - hump.center) / hump.width) ** 2)
        wide = q > _FADE[0]
        if self.crystals and wide.any():
            angle = 2.0 * np.degrees(np.arcsin(q[wide] * wavelength / (40.0 * math.pi)))
            angle = np.append(angle, max(_LAST_LINE, angle[-1]))
            for crystal in self.crystals:
                lines = powder_intensity(
                    crystal.structure,
                    angle,
                    wavelength=wavelength,
                    size=crystal.size,
                    strain=crystal.strain,
                    fwhm=self.line_width,
                )
                total[wide] += fade[wide] * crystal.volume_fraction * lines[:-1]
        return total

    def weight_fractions(self) -> dict[str, float]:
        """Return the share of each crystalline phase in their total mass."""
        mass = {c.structure.name: c.volume_fraction * c.structure.density for c in self.crystals}
        total = sum(mass.values())
        return {name: value / total for name, value in mass.items()}


def contracted(lattice: float, diameter: float) -> float:
    """Return the lattice parameter of a small sphere, in the unit of `lattice`.

    Δa/a = -4f/(3 B D): surface stress f presses with 4f/D on a sphere of `diameter` D (nm) and bulk
    modulus B (Mays, Vermaak & Kuhlmann-Wilsdorf, Surf. Sci. 12 (1968) 134), with the values of Pt.
    """
    return lattice * (1.0 - 4.0 * _SURFACE_STRESS / (3.0 * _BULK_MODULUS * diameter * 1e-9))


def pt_on_carbon(
    *,
    median_diameter: float = 3.0,
    width: float = 0.25,
    loading: float = 0.3,
    packing: float = 0.3,
) -> Sample:
    """Return a fuel-cell catalyst layer: Pt spheres on graphite-like carbon.

    median_diameter: number median of the Pt particles, nm. width: standard deviation of ln D.
    loading: mass of Pt over mass of Pt and carbon. packing: share of the volume that is solid.

    One distribution drives both ends: the spheres of the small-angle curve, and the crystallite
    size L_vol = (3/4)<D⁴>/<D³> of the Pt lines; the cell is `contracted` for that of D = 4/3 L_vol.
    The carbon is graphite of 2 nm crystallites with a diffuse halo and a Porod law.
    Raises SpecError for values outside their range.
    """
    if not (0 < loading < 1 and 0 < packing < 1):
        raise SpecError(f"loading {loading} and packing {packing} must be between 0 and 1")
    spheres = LognormalSpheres(median_radius=median_diameter / 2.0, width=width)
    length = spheres.volume_weighted_length
    bulk, carbon = embedded_structure("Pt"), embedded_structure("C")
    a = contracted(bulk.cell[0], 4.0 / 3.0 * length)
    platinum = bulk.with_cell((a, a, a, 90.0, 90.0, 90.0))
    volume_pt, volume_c = loading / platinum.density, (1.0 - loading) / carbon.density
    share = packing / (volume_pt + volume_c)
    return Sample(
        crystals=(
            CrystalPhase(structure=platinum, volume_fraction=share * volume_pt, size=length),
            CrystalPhase(structure=carbon, volume_fraction=share * volume_c, size=2.0),
        ),
        spheres=(
            SpherePhase(
                spheres=spheres, volume_fraction=share * volume_pt, contrast=PLATINUM_CONTRAST
            ),
        ),
        porod=3.0,
        humps=(Hump(height=0.02, center=18.0, width=14.0),),
        flat=0.05,
    )


def _sphere_curve(part: SpherePhase, q: Array) -> Array:
    """Return the curve of spheres by a cubic spline of ln I over ln q, within 1e-5."""
    nodes = np.geomspace(q[0] * 0.999, q[-1] * 1.001, _SPHERE_POINTS)
    values = sphere_intensity(
        nodes,
        median_number=part.spheres.median_radius,
        width=part.spheres.width,
        volume_fraction=part.volume_fraction,
        contrast=part.contrast,
    )
    if not np.all(values > 0):
        return np.interp(q, nodes, values)
    return np.exp(CubicSpline(np.log(nodes), np.log(values))(np.log(q)))
