"""The verb `guinier`: radius of gyration and forward intensity without a model.

A. Guinier, Ann. Phys. (Paris) 11 (1939) 161; A. Guinier, G. Fournet, Small-Angle Scattering of
X-rays (1955).
"""

import math

import numpy as np
import xarray as xr

from xrdkit.errors import SpecError
from xrdkit.fitting import Verdict
from xrdkit.saxs.guinier_fit import FEWEST, GuinierFit, best_window, fit_points
from xrdkit.saxs.guinier_prior import LOWEST_K
from xrdkit.saxs.guinier_spec import GuinierSpec
from xrdkit.saxs.model_free import (
    Curve,
    Frame,
    Quantity,
    assemble,
    each_frame,
    refusal,
    select_range,
)
from xrdkit.schema import GUINIER

_DEFAULT = GuinierSpec()
#: What is larger than noise, in standard deviations.
_SIGNIFICANT = 4.0
#: Fall of ln I in the window that exact arithmetic on a constant curve leaves, and more.
_ROUNDING = 1e-9
#: Share of the end of a window at which it may begin.
_TOO_LATE = 0.6
#: Points at the low end that may be left out without a word on the sample: the beamstop.
_FEW_LEFT_OUT = 3
#: Share of the intensity from which an upturn is told.
_NOTABLE_UPTURN = 0.01
#: Difference of windows, in its standard deviations, that noise explains.
_EXPECTED = 2.0
#: k over the lowest that contrast of one sign has, from which the curve is taken for one of
#: interference alone.
_FAR_BELOW = 2.0
#: k above that of any single body, rods and chains among them, and standard deviations to tell it.
_BROAD_K = 0.25
_DEVIATIONS = 3.0
#: Radii, nm, outside which the unit of q is doubtful.
_USUAL_RADII = (0.2, 500.0)
_RADIUS = {
    "sphere": "radius of gyration",
    "rod": "radius of gyration of the cross section",
    "sheet": "radius of gyration of the thickness",
}


def guinier(profile: xr.Dataset, spec: GuinierSpec = _DEFAULT) -> xr.Dataset:
    """Return radius of gyration and forward intensity of each frame of a profile (GUINIER).

    `profile` (PROFILE) is a curve over q; points without a finite intensity and a positive sigma
    are left out. The window is found: it ends at q R = `spec.qr_max` and begins at the lowest q
    from which residuals are those of noise, tested for an upturn and for misfit.

    The result holds, each with ``<name>_sigma``: ``radius_of_gyration`` (nm; of the cross section
    or the thickness for rods and sheets), ``forward_intensity`` I(0) (A of q^-a for rods and
    sheets), ``curvature`` k; ``radius_intensity_correlation`` of the errors of both,
    ``radius_window_spread`` (nm), the share of the error of the radius by which windows differ
    beyond noise, ``q_low`` and ``q_high`` of the window (1/nm), ``qr_high``, ``points``, ``gof``,
    ``sigma_scale``, ``intensity_calculated(q)`` (NaN outside the window), ``verdict`` and
    ``verdict_reason``.

    Model: ln(q^a I) = ln A - v + k v² + l v³ + m v⁴, v = q²R²/(3 - a), fitted to I itself with
    weights 1/σ²; k, l and m under priors (`xrdkit.saxs.guinier_fit`, `xrdkit.saxs.guinier_prior`).
    Where the profile states its resolution (``q_resolution``), the law is smeared by it.
    Errors: the fit, times ``sigma_scale``, with the priors and the spread of windows; errors common
    to all points go through the fit as they are.

    A frame without a Guinier region (a power law, an interference peak, a flat curve, too few
    points below q R = 1.5) gets NaN and the verdict ``unidentifiable`` with the reason; one whose
    low end rises above the law gets the numbers of the window above it, and ``misfit``.

    Raises SchemaError for what is no profile over q, CurveError for a curve smeared by a slit,
    SpecError for q = 0, EmptyResult where fewer than 10 points lie in `spec.range`.
    """
    if not isinstance(spec, GuinierSpec):
        raise SpecError(f"spec is a {type(spec).__name__}, not a GuinierSpec")
    data = select_range(profile, spec.range)
    size = data.sizes["q"]
    frames = each_frame(
        profile, data, lambda curve: guinier_curve(curve, spec, size), spec.smearing
    )
    unit = str(data["intensity"].attrs["units"])
    forward = unit if spec.power == 0 else f"{unit}/nm^{spec.power}"
    radius = _RADIUS[spec.geometry]
    quantities = {
        "radius_of_gyration": Quantity(unit="nm", what=radius),
        "forward_intensity": Quantity(unit=forward, what="intensity extrapolated to q = 0"),
        "curvature": Quantity(unit="1", what="coefficient k of (q²R²)² in Guinier's expansion"),
        "radius_intensity_correlation": Quantity(
            unit="1", what="correlation of the errors of radius and forward intensity", error=False
        ),
        "radius_window_spread": Quantity(
            unit="nm", what="error of the radius by which windows differ", error=False
        ),
        "q_low": Quantity(unit="1/nm", what="lowest q of the window", error=False),
        "q_high": Quantity(unit="1/nm", what="highest q of the window", error=False),
        "qr_high": Quantity(unit="1", what="q times radius at the end of the window", error=False),
        "points": Quantity(unit="1", what="number of points in the window", error=False),
        "gof": Quantity(unit="1", what="goodness of fit √χ²r", error=False),
        "sigma_scale": Quantity(
            unit="1", what="factor that the standard errors were multiplied by", error=False
        ),
        "intensity_calculated": Quantity(
            unit=unit, what="intensity of Guinier's law in the window", dims=("q",), error=False
        ),
    }
    result = assemble(
        frames,
        profile,
        data,
        quantities,
        step="guinier",
        spec=spec,
        schema=GUINIER,
        coords={"q": data["q"].variable},
    )
    kept = {name: data[name].variable for name in ("intensity", "sigma") if name in data}
    return result.assign(kept).assign_attrs(geometry=spec.geometry)


def guinier_curve(curve: Curve, spec: GuinierSpec, size: int) -> Frame:
    """Return the numbers of one curve; `size` is the number of points of the selected profile."""
    v_max = spec.widest**2 / (3 - spec.power)
    fit, refused = best_window(curve, spec.power, v_max, curved=spec.curved)
    if fit is None:
        return refusal(_why_none(curve, spec, refused))
    scale = math.sqrt(fit.chi2 / fit.dof)
    used = scale if spec.scale_errors or not curve.has_sigma else 1.0
    covariance = fit.covariance(curve, used)
    spread = _window_variance(curve, fit, spec, used)
    radius = math.sqrt((3 - spec.power) * fit.slope)
    to_radius = radius / (2.0 * fit.slope)
    from_windows = to_radius * math.sqrt(spread[1])
    amplitude = math.exp(fit.log_amplitude)
    sigma_b, sigma_a = (
        math.sqrt(covariance[1, 1] + spread[1]),
        math.sqrt(covariance[0, 0] + spread[0]),
    )
    calculated = np.full(size, np.nan)
    calculated[curve.used[fit.first : fit.stop]] = fit.calculated
    frame = Frame(
        values={
            "radius_of_gyration": radius,
            "radius_of_gyration_sigma": to_radius * sigma_b,
            "forward_intensity": amplitude,
            "forward_intensity_sigma": amplitude * sigma_a,
            "curvature": fit.k if spec.curved else math.nan,
            "curvature_sigma": _curvature_sigma(fit, covariance) if spec.curved else math.nan,
            "radius_intensity_correlation": covariance[0, 1] / (sigma_a * sigma_b),
            "radius_window_spread": from_windows,
            "q_low": float(curve.q[fit.first]),
            "q_high": float(curve.q[fit.stop - 1]),
            "qr_high": float(curve.q[fit.stop - 1]) * radius,
            "points": fit.stop - fit.first,
            "gof": scale if curve.has_sigma else math.nan,
            "sigma_scale": used,
        },
        curves={"intensity_calculated": calculated},
    )
    frame.verdict, frame.reason = _judge(curve, fit, frame, refused, spec)
    if frame.verdict is Verdict.UNIDENTIFIABLE:
        return refusal(frame.reason)
    return frame


def _curvature_sigma(fit: GuinierFit, covariance: np.ndarray) -> float:
    gradient = np.array([0.0, -2.0 * fit.k / fit.slope, fit.slope**-2.0])
    return float(np.sqrt(gradient @ covariance[:3, :3] @ gradient))


def _window_variance(
    curve: Curve, fit: GuinierFit, spec: GuinierSpec, scale: float
) -> tuple[float, float]:
    """Return the variances of ln A and b that two narrower windows show beyond noise.

    A narrower window W differs from the whole F by noise of variance V_W - V_F (J. A. Hausman,
    Econometrica 46 (1978) 1251). Without this limit the noise would be counted twice.
    """
    count = fit.stop - fit.first
    excess = [0.0, 0.0]
    whole = fit.covariance(curve, scale)
    for first, stop in (
        (fit.first + count // 5, fit.stop),
        (fit.first, fit.stop - count // 5),
    ):
        if stop - first < FEWEST:
            continue
        part = fit_points(
            curve,
            first,
            stop,
            spec.power,
            fit.slope,
            curved=spec.curved,
            upturn=fit.porod > 0,
        )
        if part is None or not part.slope > 0:
            continue
        more = part.covariance(curve, scale) - whole
        for k, step in enumerate((part.log_amplitude - fit.log_amplitude, part.slope - fit.slope)):
            beyond = step**2 - _EXPECTED**2 * max(float(more[k, k]), 0.0)
            excess[k] = max(excess[k], beyond)
    return excess[0], excess[1]


def _why_none(curve: Curve, spec: GuinierSpec, refused: GuinierFit | None) -> str:
    if refused is None:
        low = curve.q < curve.q[0] * 2.0
        rises = bool(low.sum() >= 3) and np.polyfit(curve.q[low], curve.intensity[low], 1)[0] > 0
        if rises:
            return "the curve rises from its lowest q: interference between particles, or no signal"
        return (
            f"no {FEWEST} points at low q fall as Guinier's law does: a power law, no signal, or"
            " structures larger than these q can tell"
        )
    if refused.upturn < -_SIGNIFICANT:
        return "the curve falls below Guinier's law at low q: interference between particles"
    reach = float(curve.q[refused.first]) * math.sqrt((3 - spec.power) * max(refused.slope, 0.0))
    if reach > _TOO_LATE * spec.widest:
        return (
            f"no Guinier region: where it could begin, q R is {reach:.2g} already (a power law, or"
            " structures larger than these q can tell)"
        )
    if refused.upturn > _SIGNIFICANT:
        return "the curve rises above Guinier's law at low q, and no window above it follows it"
    return "no window at low q follows Guinier's law within the noise"


def _judge(
    curve: Curve,
    fit: GuinierFit,
    frame: Frame,
    refused: GuinierFit | None,
    spec: GuinierSpec,
) -> tuple[Verdict, str]:
    values = frame.values
    radius, error = values["radius_of_gyration"], values["radius_of_gyration_sigma"]
    # The curve falls as the square of the radius. What falls by rounding alone has no noise either.
    fall = fit.slope * float(curve.q[fit.stop - 1]) ** 2
    if not (radius > 2.0 * _SIGNIFICANT * error and fall > _ROUNDING):
        return Verdict.UNIDENTIFIABLE, "the fall of the curve is no larger than its error"
    k, k_error = fit.k_alone
    k_error *= max(1.0, values["sigma_scale"])
    lowest = LOWEST_K[spec.power]
    if spec.curved and k + _DEVIATIONS * k_error < _FAR_BELOW * lowest:
        return (
            Verdict.UNIDENTIFIABLE,
            f"the curve bends down more (k = {k:.2g}) than any particle alone can:"
            " interference between particles",
        )
    if spec.curved and k + _DEVIATIONS * k_error < lowest:
        return (
            Verdict.MISFIT,
            f"the curve bends down more (k = {k:.2g}) than particles of one sign of contrast can"
            f" ({lowest:.2g}) that do not see each other: weak repulsion, which makes the radius"
            " too small, or contrast of both signs",
        )
    if fit.porod:
        share = fit.porod * curve.q[: fit.stop] ** -4 / np.maximum(fit.calculated[0], 1e-300)
        last = curve.q[: fit.stop][share > _NOTABLE_UPTURN]
        top = last[-1] if last.size else curve.q[fit.first]
        return (
            Verdict.MISFIT,
            f"the curve rises above Guinier's law below q = {top:.2g} 1/nm: aggregates or a"
            " background; B q⁻⁴ was fitted beside the law",
        )
    below = f"q = {curve.q[fit.first]:.3g} 1/nm"
    if fit.first > _FEW_LEFT_OUT:
        if refused is None or refused.upturn > 0:
            return (
                Verdict.MISFIT,
                f"the curve rises above Guinier's law below {below}: aggregates or a q⁻⁴"
                " background; the window begins above",
            )
        return (
            Verdict.MISFIT,
            f"the curve falls below Guinier's law below {below}: interference between particles or"
            " the beamstop; the window begins above",
        )
    if not _USUAL_RADII[0] < radius < _USUAL_RADII[1]:
        return Verdict.OK, f"a radius of {radius:.3g} nm is unusual: check the unit of q"
    if spec.curved and k - _DEVIATIONS * k_error > _BROAD_K:
        return (
            Verdict.OK,
            f"the curve bends up more (k = {k:.2g}) than any single body: sizes spread widely, or"
            " some are aggregates, and the radius is mostly that of the largest",
        )
    if fit.first:
        left = "1 point is" if fit.first == 1 else f"{fit.first} points are"
        return Verdict.OK, f"{left} left out at the low end"
    return Verdict.OK, ""
