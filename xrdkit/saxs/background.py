"""Background under the particle scattering: flat, and B q⁻⁴ of much larger surfaces.

Structures much larger than the particles that have no smooth surface (aggregates, rough voids, a
porous matrix) scatter as C q⁻ᵖ with p from 1 to 4 (surface fractals 3 to 4: H. D. Bale, P. W.
Schmidt, Phys. Rev. Lett. 53 (1984) 596). A fitted p enters through the tangent of the law: with
q⁻ᵖ and -ln q q⁻ᵖ as columns, the fit is linear, and the error of p part of all others.

A part proportional to q is there for what rises with the angle, such as fluorescence. All are
fitted together with the particles; a background fitted beforehand in a window of its own biases
widths and volume fractions by up to tens of percent. q⁻⁴: G. Porod, Kolloid-Z. 124 (1951) 83.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from xrdkit.saxs.kernel import Smears
from xrdkit.saxs.spec import SizeSpec

Array = NDArray[np.float64]

FLAT = "background_flat"
SLOPE = "background_slope"
POROD = "background_porod"
POWER = "background_power"
#: In fits C times the change of the exponent, in results the exponent.
EXPONENT = "background_exponent"
#: Backgrounds that cannot be negative; one of them at most is fitted.
POSITIVE = (POROD, POWER)
#: Backgrounds that may be negative, where too much was subtracted.
EITHER_SIGN = (FLAT, SLOPE, EXPONENT)
_PIVOT = 1.5


def pivot(q: Array) -> float:
    """Return where a power law of `q` (1/nm) is turned: near the low end, where it is seen."""
    return _PIVOT * float(np.min(q))


def background_columns(
    q: Array,
    *,
    flat: bool,
    porod: bool,
    slope: bool = False,
    power: float | None = None,
    tangent: bool = False,
    spread: Array | None = None,
    smearing: Smears | None = None,
) -> dict[str, Array]:
    """Return the columns that the wanted backgrounds multiply: 1, q and q⁻⁴ with q in 1/nm.

    A `power` p puts C q⁻ᵖ in place of q⁻⁴, with its `tangent` -ln(q/q0) q⁻ᵖ where p is fitted, q0
    of `pivot`: what the law has there is known best, and changes least with p.
    `spread` is the standard deviation of q within each point, over which powers are averaged;
    a `smearing` smears it, in place of `spread`.
    """
    columns: dict[str, Array] = {}
    if flat:
        columns[FLAT] = np.ones_like(q)
    if slope:
        columns[SLOPE] = q + 0.0 if smearing is None else smearing.apply(smearing.q_model)

    def seen(model: Callable[[Array], Array]) -> Array:
        if smearing is not None:
            return smearing.apply(model(smearing.q_model))
        wide = 0.0 if spread is None else spread
        result: Array = 0.5 * (model(q + wide) + model(q - wide))
        return result

    if power is not None:
        columns[POWER] = seen(lambda at: at**-power)
        if tangent:
            middle = pivot(q)
            columns[EXPONENT] = seen(lambda at: -np.log(at / middle) * at**-power)
    elif porod:
        columns[POROD] = seen(lambda at: at**-4.0)
    return columns


def background_names(spec: SizeSpec) -> list[str]:
    """Return the names of the backgrounds of a fit, in the order of its parameters."""
    law = spec.power_law
    wanted = {
        FLAT: spec.flat,
        SLOPE: spec.slope,
        POWER: law is not None,
        EXPONENT: isinstance(law, tuple),
        POROD: spec.porod and law is None,
    }
    return [name for name, there in wanted.items() if there]


def background_chi2(columns: dict[str, Array], target: Array) -> float:
    """Return the least Σ(target - background)² that the background alone leaves, with B >= 0.

    `columns` and `target`, shape (n,), are divided by the standard errors.
    """
    parts = list(columns.values())
    parts += [-columns[name] for name in EITHER_SIGN if name in columns]
    if not parts:
        return float(target @ target)
    matrix = np.stack(parts, axis=1)
    return float(nnls(matrix / np.linalg.norm(matrix, axis=0), target)[1]) ** 2
