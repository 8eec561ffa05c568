"""The area under q²I of one curve, and all that follows, with one covariance for all."""

import math
from dataclasses import dataclass

import numpy as np

from xrdkit.fitting import Verdict
from xrdkit.saxs.guinier import guinier_curve
from xrdkit.saxs.guinier_fit import GuinierFit, best_window
from xrdkit.saxs.guinier_spec import GuinierSpec
from xrdkit.saxs.model_free import Array, Curve, Frame, refusal
from xrdkit.saxs.porod import CONTRAST_UNIT, porod_verdict, why_no_porod
from xrdkit.saxs.porod_fit import PorodFit, best_porod
from xrdkit.saxs.rays import unsmeared

_NODES = np.polynomial.legendre.leggauss(24)
#: Share of the invariant below the data, without Guinier's law, from which the user is told.
_NOTABLE_SHARE = 0.01
_EXPECTED = 2.0


@dataclass(frozen=True, kw_only=True)
class _Low:
    """What lies below the data."""

    value: float
    """∫q²I dq from 0 to the first point that is summed."""
    estimator: Array
    """Its linear estimator from all points, (n,)."""
    variance: float
    """Its variance from what is no noise: priors, or not knowing."""
    first: int
    """Number of the first point that is summed."""
    upturn: float = 0.0
    """Amplitude B of a q⁻⁴ under the particles, (unit)/nm⁴."""
    upturn_estimator: Array | None = None
    """Its linear estimator, (n,)."""
    known: bool = True
    """Whether Guinier's law holds there."""


def invariant_curve(
    curve: Curve,
    *,
    contrast: float,
    contrast_sigma: float,
    known_fraction: float,
    dilute: bool,
    flat: bool,
    scale_errors: bool,
) -> Frame:
    """Return the numbers of one curve; `contrast` and `known_fraction` are NaN where unknown."""
    fit, refused = best_porod(curve, flat=flat)
    if fit is None:
        return refusal(why_no_porod(refused))
    low = _below(curve)
    theta, covariance, shares, scale = _linear(curve, fit, low, scale_errors=scale_errors)
    q_value, constant, background = theta
    error = np.sqrt(np.diag(covariance))
    if not q_value > 2.0 * error[0]:
        return refusal("the invariant is no larger than its error")
    length = 4.0 * q_value / (np.pi * constant)
    ratio = np.array([1.0 / q_value, -1.0 / constant, 0.0])
    relative = float(np.sqrt(ratio @ covariance @ ratio))
    frame = Frame(
        values={
            "invariant": q_value,
            "invariant_sigma": float(error[0]),
            "porod_constant": constant,
            "porod_constant_sigma": float(error[1]),
            "background_flat": background,
            "background_flat_sigma": float(error[2]),
            "porod_length": length,
            "porod_length_sigma": length * relative,
            "share_below": shares[0] / q_value,
            "share_above": shares[1] / q_value,
            "q_low": float(curve.q[low.first]),
            "q_high": float(curve.q[fit.edge]),
            "sigma_scale": scale,
        }
    )
    product = q_value / (2.0 * np.pi**2 * CONTRAST_UNIT * contrast**2)
    product_sigma = product * math.hypot(error[0] / q_value, 2.0 * contrast_sigma / contrast)
    reason = _fractions(
        frame, product, product_sigma, known_fraction, length, length * relative, dilute=dilute
    )
    if not math.isnan(contrast):
        surface = constant / (2.0 * np.pi * CONTRAST_UNIT * contrast**2)
        frame.values["surface_per_volume"] = surface
        frame.values["surface_per_volume_sigma"] = surface * math.hypot(
            error[1] / constant, 2.0 * contrast_sigma / contrast
        )
    frame.verdict, why = porod_verdict(fit)
    reasons = [why, reason]
    if not low.known and shares[0] > _NOTABLE_SHARE * q_value:
        frame.verdict = Verdict.MISFIT
        reasons.append(
            f"no Guinier region: {shares[0] / q_value:.1%} of the invariant lies below the data,"
            " taken with a constant intensity"
        )
    elif not low.known and dilute:
        reasons.append(
            "no Guinier region: particles that interfere are not dilute (dilute=False holds for"
            " two phases that fill the sample)"
        )
    if reason and frame.verdict is Verdict.OK:
        frame.verdict = Verdict.MISFIT
    if low.upturn:
        reasons.append("an upturn B q⁻⁴ at low q was taken off")
    frame.reason = "; ".join(filter(None, reasons))
    return frame


def _linear(
    curve: Curve, fit: PorodFit, low: _Low, *, scale_errors: bool
) -> tuple[Array, Array, tuple[float, float], float]:
    """Return (Q, K, b), its covariance, the parts of Q below and above, and the scale of errors."""
    first, stop = low.first, fit.edge
    edge = float(curve.q[stop])
    weights, coarse = np.zeros(curve.q.size), np.zeros(curve.q.size)
    at = np.arange(first, stop + 1)
    weights[at] = _trapezoid(curve.q[at])
    thin = np.union1d(at[::2], [stop])
    coarse[thin] = _trapezoid(curve.q[thin])
    both = np.stack([weights, coarse])
    (weights, coarse), (beyond, _) = unsmeared(both, curve.q, curve.smearing, curve.used)
    upturn = low.upturn_estimator if low.upturn_estimator is not None else 0.0
    # The Porod constant of the particles is what the upturn leaves of the whole.
    rows = np.stack(
        [
            weights
            + low.estimator
            - fit.estimator[1] * edge**3 / 3.0
            + fit.estimator[0] / edge
            + fit.estimator[2] / (3.0 * edge**3)
            - upturn / curve.q[first],
            fit.estimator[0] - upturn,
            fit.estimator[1],
        ]
    )
    constant = fit.constant - low.upturn
    above = constant / edge + fit.next_term / (3.0 * edge**3)
    below = low.value - fit.background * float(curve.q[first]) ** 3 / 3.0
    rise = low.upturn * (1.0 / float(curve.q[first]) - 1.0 / edge)
    floor = fit.background * (edge**3 - float(curve.q[first]) ** 3) / 3.0
    inside = float(weights @ curve.intensity) - floor - rise
    tail = np.array([1.0 / edge, -(edge**3) / 3.0, 1.0 / (3.0 * edge**3)])
    gradient = np.stack([tail, np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])])
    scale = fit.scale if scale_errors or not curve.has_sigma else 1.0
    covariance = curve.covariance(rows, scale) + gradient @ fit.prior @ gradient.T
    # The sum over half the points tells what the distance of points costs, beyond noise.
    step = (weights - coarse) / 3.0
    noise = float(curve.covariance(step[None], scale)[0, 0])
    covariance[0, 0] += low.variance + float(beyond @ curve.intensity) ** 2
    covariance[0, 0] += max(0.0, float(step @ curve.intensity) ** 2 - _EXPECTED**2 * noise)
    theta = np.array([below + inside + above, constant, fit.background])
    return theta, covariance, (below, above), scale


def _trapezoid(q: Array) -> Array:
    """Return the weights of I in ∫q²I dq, by trapezoids of q³I over ln q."""
    return q**3 * np.gradient(np.log(q)) * _ends(q)


def _ends(q: Array) -> Array:
    # np.gradient gives whole steps at the ends, and half the sum of both steps between.
    ends = np.ones_like(q)
    ends[[0, -1]] = 0.5
    return ends


def _below(curve: Curve) -> _Low:
    """Return what Guinier's law says of q below the curve, or a constant intensity."""
    spec = GuinierSpec()
    fit, _ = best_window(curve, 0, spec.widest**2 / 3.0, curved=True)
    frame = guinier_curve(curve, spec, int(curve.used[-1]) + 1)
    if fit is None or frame.verdict is Verdict.UNIDENTIFIABLE:
        edge = float(curve.q[0])
        estimator = np.zeros(curve.q.size)
        count = min(5, curve.q.size)
        estimator[:count] = edge**3 / 3.0 / count
        value = float(estimator @ curve.intensity)
        return _Low(value=value, estimator=estimator, variance=value**2, first=0, known=False)
    return _guinier_tail(curve, fit)


def _guinier_tail(curve: Curve, fit: GuinierFit) -> _Low:
    edge = float(curve.q[fit.first])
    x, w = _NODES
    q, w = 0.5 * edge * (x + 1.0), 0.5 * edge * w
    size = fit.law
    columns = np.stack([np.ones_like(q), -(q**2), q**4, q**6, q**8][:size], axis=1)
    law = w * q**2 * np.exp(columns @ fit.parameters[:size])
    gradient = np.zeros(fit.parameters.size)
    gradient[:size] = law @ columns
    whole = np.zeros(curve.q.size)
    whole[fit.first : fit.stop] = gradient @ fit.estimator
    rise = None
    if fit.porod:
        rise = np.zeros(curve.q.size)
        rise[fit.first : fit.stop] = fit.estimator[-1] * edge**4
    return _Low(
        value=float(law.sum()),
        estimator=whole,
        variance=float(gradient @ fit.prior @ gradient),
        first=fit.first,
        upturn=fit.porod,
        upturn_estimator=rise,
    )


def _fractions(
    frame: Frame,
    product: float,
    product_sigma: float,
    known: float,
    length: float,
    length_sigma: float,
    *,
    dilute: bool,
) -> str:
    """Add volume fraction and surfaces; return what is wrong with them, empty where nothing is."""
    values = frame.values
    reason = ""
    fraction, sigma = known, 0.0
    if math.isnan(known):
        fraction, sigma = product, product_sigma
        if not dilute and product <= 0.25:
            fraction = 0.5 * (1.0 - math.sqrt(1.0 - 4.0 * product))
            sigma = product_sigma / max(1.0 - 2.0 * fraction, product_sigma**0.5)
        elif product > (1.0 if dilute else 0.25):
            fraction, sigma = math.nan, math.nan
            reason = (
                f"Q/(2π²Δρ²) = {product:.3g} is more than {1 if dilute else 0.25:g}: contrast or"
                " absolute scale is wrong"
            )
        values["volume_fraction"], values["volume_fraction_sigma"] = fraction, sigma
    # l = 4φ(1-φ)/(S/V); the particles' own surface is S/V over φ.
    rest = 1.0 if dilute and math.isnan(known) else 1.0 - fraction
    share = 1.0 if math.isnan(rest) else rest
    values["specific_surface"] = 4.0 * share / length
    values["specific_surface_sigma"] = values["specific_surface"] * length_sigma / length
    if not math.isnan(known):
        surface = 4.0 * known * (1.0 - known) / length
        values["surface_per_volume"] = surface
        values["surface_per_volume_sigma"] = surface * length_sigma / length
        values["volume_fraction"], values["volume_fraction_sigma"] = known, 0.0
    return reason
