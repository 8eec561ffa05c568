"""The verb `porod`: the constant of Porod's law, the background under it, the surface.

G. Porod, Kolloid-Z. 124 (1951) 83; 125 (1952) 51.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from xrdkit.errors import SpecError
from xrdkit.fitting import Verdict
from xrdkit.saxs.checks import check_contrast, check_flags, check_range
from xrdkit.saxs.model_free import (
    Curve,
    Frame,
    Quantity,
    assemble,
    each_frame,
    refusal,
    select_range,
)
from xrdkit.saxs.porod_fit import PorodFit, best_porod, law_columns, unknown_power
from xrdkit.saxs.smearing import SmearingSpec, check_smearing
from xrdkit.schema import POROD

#: (1e10 1/cm²)² · nm to 1/cm.
CONTRAST_UNIT = 0.1


@dataclass(frozen=True, kw_only=True)
class PorodSpec:
    """How Porod's law is fitted. No window is needed."""

    flat: bool = True
    """Whether a flat background is fitted with the law."""
    contrast: float | None = None
    """Difference of scattering length density of the two phases in 1e10 1/cm²; without it the
    surface is unknown: NaN."""
    contrast_sigma: float = 0.0
    """Standard error of `contrast`, 1e10 1/cm²."""
    range: tuple[float, float] | None = None
    """Lowest and highest q that are used, 1/nm; None: all. It must go down to where the curve
    bends, from which the scale of lengths is taken."""
    scale_errors: bool = True
    """Whether standard errors are multiplied by ``sigma_scale`` = √χ²r."""
    smearing: SmearingSpec | Literal["auto", "none"] = "auto"
    """Resolution that smears the curve; ``"auto"``: what the profile says; ``"none"``: none."""

    def __post_init__(self) -> None:
        check_contrast(self.contrast, self.contrast_sigma)
        check_range(self.range)
        check_flags(self, "flat", "scale_errors")
        check_smearing(self.smearing)


_DEFAULT = PorodSpec()


def porod(profile: xr.Dataset, spec: PorodSpec = _DEFAULT) -> xr.Dataset:
    """Return the Porod constant of each frame of a profile (POROD).

    `profile` (PROFILE) is a curve over q; points without a finite intensity and a positive sigma
    are left out. The window is found: it ends with the curve and begins at the lowest q from which
    the law leaves noise alone. Oscillations that go on to the end are averaged.

    The result holds, each with ``<name>_sigma``: ``porod_constant`` K (unit/nm⁴),
    ``background_flat`` b, ``next_term`` K c (unit/nm⁶), ``power`` (the exponent that the window has
    by itself; 4 for a sharp surface), ``surface_per_volume`` of the sample (1/nm; NaN without
    contrast or absolute intensity); ``q_low`` of the window (1/nm), ``points``, ``gof``,
    ``sigma_scale``, ``intensity_calculated(q)``, ``porod_plot(q)`` = q⁴(I - b) with its error,
    ``verdict``, ``verdict_reason``.

    Model: I = K q⁻⁴ (1 + c/q²) + b, S/V = K/(2πΔρ²). Where the profile states its resolution
    (``q_resolution``), the law is smeared by it, and ``porod_plot`` is over what the points see of
    q⁻⁴. Errors: the fit, times ``sigma_scale``, with
    the prior of c and the spread of windows (`xrdkit.saxs.porod_fit`).

    A frame that does not fall as q⁻⁴ anywhere gets NaN and the verdict ``unidentifiable`` with the
    reason. Raises SchemaError for what is no profile over q, CurveError for a curve smeared by a
    slit, SpecError for q = 0, EmptyResult where fewer than 10 points lie in `spec.range`.
    """
    if not isinstance(spec, PorodSpec):
        raise SpecError(f"spec is a {type(spec).__name__}, not a PorodSpec")
    data = select_range(profile, spec.range)
    unit = str(data["intensity"].attrs["units"])
    size = data.sizes["q"]
    frames = each_frame(
        profile,
        data,
        lambda curve: _porod_curve(curve, spec, size, absolute=unit == "1/cm"),
        spec.smearing,
    )
    quantities = {
        "porod_constant": Quantity(unit=f"{unit}/nm^4", what="constant K of Porod's law"),
        "background_flat": Quantity(unit=unit, what="flat background"),
        "next_term": Quantity(unit=f"{unit}/nm^6", what="coefficient of q⁻⁶"),
        "power": Quantity(unit="1", what="exponent that the window has by itself"),
        "surface_per_volume": Quantity(unit="1/nm", what="surface per volume of the sample"),
        "q_low": Quantity(unit="1/nm", what="lowest q of the window", error=False),
        "points": Quantity(unit="1", what="number of points in the window", error=False),
        "gof": Quantity(unit="1", what="goodness of fit √χ²r", error=False),
        "sigma_scale": Quantity(
            unit="1", what="factor that the standard errors were multiplied by", error=False
        ),
        "intensity_calculated": Quantity(
            unit=unit, what="Porod's law with background in the window", dims=("q",), error=False
        ),
        "porod_plot": Quantity(
            unit=f"{unit}/nm^4", what="q⁴ times intensity less background", dims=("q",)
        ),
    }
    result = assemble(
        frames,
        profile,
        data,
        quantities,
        step="porod",
        spec=spec,
        schema=POROD,
        coords={"q": data["q"].variable},
    )
    kept = {name: data[name].variable for name in ("intensity", "sigma") if name in data}
    return result.assign(kept)


def _porod_curve(curve: Curve, spec: PorodSpec, size: int, *, absolute: bool) -> Frame:
    fit, refused = best_porod(curve, flat=spec.flat)
    if fit is None:
        return refusal(why_no_porod(refused))
    scale = fit.scale if spec.scale_errors or not curve.has_sigma else 1.0
    covariance = fit.covariance(curve, scale)
    sigma = np.sqrt(np.diag(covariance))
    surface, surface_sigma = math.nan, math.nan
    if absolute and spec.contrast is not None:
        surface = fit.constant / (2.0 * np.pi * CONTRAST_UNIT * spec.contrast**2)
        surface_sigma = surface * math.hypot(
            float(sigma[0]) / fit.constant, 2.0 * spec.contrast_sigma / spec.contrast
        )
    frame = Frame(
        values={
            "porod_constant": fit.constant,
            "porod_constant_sigma": float(sigma[0]),
            "background_flat": fit.background,
            "background_flat_sigma": float(sigma[1]),
            "next_term": fit.next_term,
            "next_term_sigma": float(sigma[2]),
            "power": math.nan if fit.averaged else fit.power,
            "power_sigma": math.nan if fit.averaged else fit.power_sigma,
            "surface_per_volume": surface,
            "surface_per_volume_sigma": surface_sigma,
            "q_low": float(curve.q[fit.first]),
            "points": int(np.count_nonzero(fit.estimator[0])),
            "gof": math.nan if fit.averaged or not curve.has_sigma else fit.scale,
            "sigma_scale": scale,
        },
    )
    calculated, plot, plot_sigma = (np.full(size, np.nan) for _ in range(3))
    window = slice(fit.first, None)
    fourth = law_columns(curve, 0)[:, 0]
    calculated[curve.used[window]] = fit.calculated(curve)
    plot[curve.used] = (curve.intensity - fit.background) / fourth
    frame.curves = {"intensity_calculated": calculated, "porod_plot": plot}
    if curve.has_sigma:
        plot_sigma[curve.used] = np.hypot(curve.sigma, sigma[1]) / fourth
        frame.curves["porod_plot_sigma"] = plot_sigma
    frame.verdict, frame.reason = porod_verdict(fit)
    return frame


def why_no_porod(refused: PorodFit | None) -> str:
    """Return why no window follows Porod's law."""
    if refused is None:
        return "no part of the curve falls as q⁻⁴ above its noise"
    return (
        f"the curve falls as q^-{refused.power:.2f} ({refused.power_sigma:.2f}), not as q⁻⁴: no"
        " sharp surface is seen"
    )


def porod_verdict(fit: PorodFit) -> tuple[Verdict, str]:
    """Return the verdict on a fit with its reason."""
    if unknown_power(fit):
        return (
            Verdict.MISFIT,
            f"the window is too short to tell that it falls as q⁻⁴ (exponent {fit.power:.1f},"
            f" standard error {fit.power_sigma:.1f})",
        )
    if fit.averaged:
        return Verdict.OK, "q⁴I oscillates to the end of the curve: it was averaged"
    return Verdict.OK, ""
