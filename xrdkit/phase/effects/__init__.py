"""Effects of instrument and sample on powder lines, one file each."""

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
from xrdkit.phase.effects.shift import Displacement, Transparency, Zero

__all__ = [
    "GAUSS_NODES",
    "Caglioti",
    "Change",
    "Effect",
    "LineState",
    "LorentzInstrument",
    "Parameter",
    "Situation",
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


def effects_of(situation: Situation) -> tuple[Effect, ...]:
    """Return all effects for one phase."""
    effects = [kind(situation) for kind in _EFFECTS]
    own = situation.spec.of(situation.structure.name)
    if own.atoms:
        effects.append(FreeAtoms(situation))
    if own.march_axis is not None:
        effects.append(March(situation))
    if own.harmonics:
        effects.append(Harmonics(situation))
    return tuple(effects)
