"""Effects of instrument and sample on powder lines, one file each."""

from xrdkit.phase.effects.absorption import SampleAbsorption
from xrdkit.phase.effects.anisotropic import Ellipsoids, StephensStrain
from xrdkit.phase.effects.atoms import FreeAtoms
from xrdkit.phase.effects.crystallites import Size, Strain
from xrdkit.phase.effects.displacement_parameter import OverallB
from xrdkit.phase.effects.effect import (
    Change,
    Effect,
    LineState,
    Parameter,
    Situation,
    phase_key,
)
from xrdkit.phase.effects.flat_specimen import FlatSpecimen
from xrdkit.phase.effects.instrument import GAUSS_NODES, Caglioti, LorentzInstrument
from xrdkit.phase.effects.orientation import Harmonics, March
from xrdkit.phase.effects.roughness import SurfaceRoughness
from xrdkit.phase.effects.shift import Displacement, Transparency, Zero
from xrdkit.phase.effects.spheres import Spheres, component_count

__all__ = [
    "GAUSS_NODES",
    "Caglioti",
    "Change",
    "Effect",
    "LineState",
    "LorentzInstrument",
    "Parameter",
    "Situation",
    "component_count",
    "phase_key",
]

#: In the order in which they act.
_EFFECTS: tuple[type[Effect], ...] = (
    Zero,
    Displacement,
    Transparency,
    FlatSpecimen,
    Caglioti,
    LorentzInstrument,
    Size,
    Strain,
    OverallB,
)
#: Where they are asked for.
_OF_SAMPLE: tuple[tuple[str, type[Effect]], ...] = (
    ("absorption", SampleAbsorption),
    ("roughness", SurfaceRoughness),
)


def effects_of(situation: Situation) -> tuple[Effect, ...]:
    """Return all effects for one phase."""
    name = situation.structure.name
    own = situation.spec.of(name)
    instead: dict[type[Effect], type[Effect]] = {}
    if own.size_axis is not None:
        instead[Size] = Ellipsoids
    if situation.spec.size_profile_of(name) == "lognormal":
        instead[Size] = Spheres
    if own.strain_anisotropy is not None:
        instead[Strain] = StephensStrain
    effects = [instead.get(kind, kind)(situation) for kind in _EFFECTS]
    effects += [k(situation) for n, k in _OF_SAMPLE if getattr(situation.spec, n) is not None]
    if own.atoms:
        effects.append(FreeAtoms(situation))
    if own.march_axis is not None:
        effects.append(March(situation))
    if own.harmonics:
        effects.append(Harmonics(situation))
    return tuple(effects)
