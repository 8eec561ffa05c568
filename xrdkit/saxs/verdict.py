"""What a fitted size distribution is worth, and why."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import Verdict
from xrdkit.uncertainty import (
    NOTABLE_CORRELATION,
    ErrorModel,
    effective_points,
    neighbour_correlation,
)

Array = NDArray[np.float64]

#: Fall of χ²/χ²r by the particles below which nothing but background was found: 5 sigma and more
#: for the three parameters of a population that was looked for at every size.
_SIGNIFICANT = 40.0
BACKGROUND_ALONE = "the background alone describes the curve as well"
NO_AMOUNT = "the amount is no larger than its error"
OUT_OF_RANGE = "mean radius"
#: Reasons for which no size is told: there is none, or one that the curve does not tell.
NO_SIZE = (BACKGROUND_ALONE, NO_AMOUNT, OUT_OF_RANGE)
#: Amplitude over its standard error from which a population is there.
_PRESENT = 3.0
#: Errors stated by instruments are wrong by factors of 2 to 5; beyond, the model is wrong.
_GROSS = 5.0
#: Correlation of neighbouring residuals that noise does not have, and the misfit it counts from.
_STRUCTURED = 0.5
_STRUCTURED_GOF = 0.3
#: Without errors: root mean square of the relative deviation that no model should leave.
_GROSS_RELATIVE = 1.0
_STRUCTURED_RELATIVE = 0.1


def trust_range(q: Array) -> tuple[float, float]:
    """Return the radii, nm, that a curve can tell: diameters from 2π/q_max to 2π/q_min."""
    return float(np.pi / q[-1]), float(np.pi / q[0])


def judge(
    verdict: Verdict,
    residual: Array,
    gof: float,
    *,
    q: Array,
    mean_radius: float,
    background_chi2: float,
    amplitudes: list[float],
    has_sigma: bool,
    errors: ErrorModel | None = None,
    at_bound: Sequence[str] = (),
) -> tuple[Verdict, str]:
    """Return the verdict with its reason, empty where it is `OK` and neighbours are independent.

    `verdict` is that of the minimiser, `residual` what it left in units of the errors, `gof` is
    √χ²r, `q` are the fitted points (1/nm), `mean_radius` the volume-weighted mean (nm),
    `background_chi2` the χ² of the background alone, `amplitudes` those of the populations over
    their standard errors; `has_sigma` tells whether the residual is in units of given standard
    errors or relative, `errors` is the model of the residual where more is known of it.
    """
    verdict, reason = _verdict(
        verdict,
        residual,
        gof,
        q=q,
        mean_radius=mean_radius,
        background_chi2=background_chi2,
        amplitudes=amplitudes,
        has_sigma=has_sigma,
        errors=errors,
        at_bound=at_bound,
    )
    correlation = 0.0 if errors is None else neighbour_correlation(errors)
    if errors is None or not correlation > NOTABLE_CORRELATION:
        return verdict, reason
    note = (
        f"neighbouring points share errors (mean correlation {correlation:.2f}): {residual.size}"
        f" points tell as much as {effective_points(errors):.0f} independent ones"
    )
    return verdict, f"{reason}; {note}" if reason else note


def _verdict(
    verdict: Verdict,
    residual: Array,
    gof: float,
    *,
    q: Array,
    mean_radius: float,
    background_chi2: float,
    amplitudes: list[float],
    has_sigma: bool,
    errors: ErrorModel | None,
    at_bound: Sequence[str],
) -> tuple[Verdict, str]:
    low, high = trust_range(q)
    # What a curve takes of correlated noise by chance is larger, as its points are fewer.
    fewer = 1.0 if errors is None else effective_points(errors) / residual.size
    fall = fewer * (background_chi2 - float(residual @ residual)) / gof**2 if gof > 0 else np.inf
    if not fall > _SIGNIFICANT or max(amplitudes) < 0:
        return Verdict.UNIDENTIFIABLE, BACKGROUND_ALONE
    if verdict is Verdict.NOT_CONVERGED:
        return verdict, "the fit did not converge"
    if verdict is Verdict.UNIDENTIFIABLE:
        return verdict, "parameters cannot be told apart: fit fewer populations or fix some"
    if not min(amplitudes) > _PRESENT:
        if len(amplitudes) == 1:
            return Verdict.UNIDENTIFIABLE, NO_AMOUNT
        which = int(np.argmin(amplitudes))
        return Verdict.UNIDENTIFIABLE, f"population {which} is no larger than its error"
    # Below q R = π/2 the curve is Guinier's law: one number, which gives no mean and width.
    if not 0.5 * low <= mean_radius <= high:
        return (
            Verdict.UNIDENTIFIABLE,
            f"{OUT_OF_RANGE} {mean_radius:.3g} nm is outside {0.5 * low:.3g} to {high:.3g} nm, what"
            " these q can tell; check the unit of q",
        )
    if verdict is Verdict.AT_BOUND:
        return (
            verdict,
            f"{', '.join(at_bound) or 'a width or radius'} stopped at the limit of what these data"
            " can tell",
        )
    expected = 0.0 if errors is None else neighbour_correlation(errors)
    return misfit(residual, gof, expected, fewer * residual.size, has_sigma=has_sigma)


def misfit(
    residual: Array, gof: float, expected: float, points: float, *, has_sigma: bool
) -> tuple[Verdict, str]:
    """Return `OK`, or `MISFIT` with its reason, of what a model left over.

    `residual` is in units of the errors (relative where `has_sigma` is False), `gof` is √χ²r,
    `expected` the correlation that neighbours have by themselves, of so many `points`.
    """
    power = float(residual @ residual)
    neighbours = float(residual[1:] @ residual[:-1]) / power if power > 0 else 0.0
    # Between what noise has and 1, as far as from 0 to 1 without it.
    excess = (neighbours - expected) / (1.0 - expected)
    structured = excess > max(_STRUCTURED, 4.0 / np.sqrt(points))
    if has_sigma:
        size = f"χ²r is {gof**2:.3g}"
        gross, notable = _GROSS, _STRUCTURED_GOF
    else:
        size = f"the model deviates by {gof:.0%} (root mean square)"
        gross, notable = _GROSS_RELATIVE, _STRUCTURED_RELATIVE
    if gof > gross:
        return Verdict.MISFIT, f"{size}: the model does not describe the curve"
    if gof > notable and structured:
        return (
            Verdict.MISFIT,
            f"neighbouring residuals agree (correlation {neighbours:.2f}, {size}): the deviation"
            " is no noise, and the errors do not cover it",
        )
    return Verdict.OK, ""
