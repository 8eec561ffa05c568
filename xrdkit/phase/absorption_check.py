"""Whether absorption in a fit suits the profile, and what it is mixed up with."""

import numpy as np
import xarray as xr

from xrdkit import provenance
from xrdkit.errors import SpecError
from xrdkit.phase.effects.absorption import ABSORPTION
from xrdkit.phase.effects.roughness import ROUGHNESS_A, ROUGHNESS_B
from xrdkit.phase.fit import FrameFit
from xrdkit.phase.spec import RefinementSpec

#: Corrections of frames for absorption in the sample, as profiles name them, and their steps.
_CORRECTED = {
    "capillary_absorption": "correct:CapillaryAbsorption",
    "plate_absorption": "correct:PlateAbsorption",
}
_IN_REFLECTION = ("plate_reflection",)
_NOTABLE = 0.9


def check_absorption(profile: xr.Dataset, spec: RefinementSpec, *, integrated: bool) -> None:
    """Raise SpecError where `spec` asks for absorption that is corrected or cannot be.

    A profile says in its coordinate ``correction``, or where that is lost in its provenance, what
    the frames were corrected for.
    """
    asked = spec.absorption or spec.roughness
    if asked is None:
        return
    if "correction" in profile.coords:
        names = {str(name) for name in np.atleast_1d(profile["correction"].values)}
        done = [name for name in _CORRECTED if name in names]
    else:
        steps = {step.step for step in provenance.steps(profile)}
        done = [name for name, step in _CORRECTED.items() if step in steps]
    if done and spec.absorption is not None:
        raise SpecError(
            f"the profile is corrected for {done[0].replace('_', ' ')} already",
            hint="leave absorption=None, or integrate without this correction",
        )
    if integrated:
        return
    reflecting = spec.geometry == "bragg_brentano"
    if spec.absorption is not None and reflecting != (spec.absorption.kind in _IN_REFLECTION):
        raise SpecError(
            f"absorption {spec.absorption.kind!r} does not belong to geometry {spec.geometry!r}",
            hint="capillaries and plates in transmission are geometry='debye_scherrer'",
        )
    if spec.roughness is not None and not reflecting:
        raise SpecError("roughness belongs to geometry 'bragg_brentano', a surface that reflects")


def absorption_note(fit: FrameFit) -> str:
    """Return a sentence on what refined absorption or roughness is mixed up with; empty: nothing.

    B damps lines as absorption strengthens them: the two are told apart, if at all, by the shape of
    their fall over the angles.
    """
    names = fit.outcome.names
    own = [n for n in (ABSORPTION, ROUGHNESS_A, ROUGHNESS_B) if n in names]
    if not own:
        return ""
    what = "absorption" if own[0] == ABSORPTION else "roughness"
    thermal = [n for n in names if n.endswith("_b_iso") or (n.endswith("_b") and "_atom_" in n)]
    if not thermal:
        return (
            f"{what} is refined beside displacement parameters that are held, and takes their error"
        )
    worst, most = "", 0.0
    for first in own:
        for second in thermal:
            r = _correlation(fit, first, second)
            if abs(r) > abs(most):
                worst, most = second, r
    if not abs(most) > _NOTABLE:
        return ""
    phase, _, key = worst.removeprefix("phase").partition("_")
    named = f"{fit.model.structures[int(phase)].name} {key.removeprefix('atom_')}"
    return f"{what} and {named} are hardly told apart (correlation {most:.2f}): hold one of them"


def _correlation(fit: FrameFit, first: str, second: str) -> float:
    one, two = fit.sigma(first), fit.sigma(second)
    both = fit.sigma_of({first: 1.0, second: 1.0})
    product = 2.0 * one * two
    return (both**2 - one**2 - two**2) / product if product > 0 else 0.0
