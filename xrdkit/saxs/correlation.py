"""The verb `correlation_function`: long period and lamella thickness without a model.

G. R. Strobl, M. Schneider, J. Polym. Sci. Polym. Phys. Ed. 18 (1980) 1343.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from xrdkit.errors import SpecError
from xrdkit.fitting import Verdict
from xrdkit.saxs.checks import check_flags, check_range, is_number
from xrdkit.saxs.correlation_read import NAMES, readings
from xrdkit.saxs.correlation_sum import Estimate, estimate
from xrdkit.saxs.model_free import (
    Array,
    Curve,
    Frame,
    Quantity,
    assemble,
    each_frame,
    refusal,
    select_range,
)
from xrdkit.saxs.porod import porod_verdict, why_no_porod
from xrdkit.saxs.porod_fit import PorodFit, best_porod
from xrdkit.saxs.rays import reaches_below
from xrdkit.saxs.smearing import SmearingSpec, check_smearing
from xrdkit.schema import CORRELATION

_DRAWS = 64
_SEED = 20
#: Relative standard error of what lies below the data: it is told by nothing.
_BELOW = 0.5
#: Height of the maximum over the minimum, in standard deviations, from which there is a period.
_SIGNIFICANT = 4.0


@dataclass(frozen=True, kw_only=True)
class CorrelationSpec:
    """How correlation functions are taken. No window is needed."""

    largest: float | None = None
    """Largest distance, nm; None: 2π/q_min."""
    points: int = 601
    """Number of distances, 0 among them."""
    flat: bool = True
    """Whether a flat background is fitted with Porod's law, and taken off."""
    range: tuple[float, float] | None = None
    """Lowest and highest q that are used, 1/nm; None: all."""
    scale_errors: bool = True
    """Whether standard errors are multiplied by ``sigma_scale`` = √χ²r of Porod's window."""
    smearing: SmearingSpec | Literal["auto", "none"] = "auto"
    """Resolution that smears the curve; ``"auto"``: what the profile says; ``"none"``: none."""

    def __post_init__(self) -> None:
        if self.largest is not None and not (is_number(self.largest) and self.largest > 0):
            raise SpecError(f"largest {self.largest!r} is not above 0 nm")
        whole = is_number(self.points) and isinstance(self.points, int)
        if not (whole and 51 <= self.points <= 5000):
            raise SpecError(f"points is {self.points!r}, not 51 to 5000")
        check_range(self.range)
        check_flags(self, "flat", "scale_errors")
        check_smearing(self.smearing)


_DEFAULT = CorrelationSpec()


def correlation_function(profile: xr.Dataset, spec: CorrelationSpec = _DEFAULT) -> xr.Dataset:
    """Return the correlation functions of each frame of a profile, with readings (CORRELATION).

    `profile` (PROFILE) is a curve over q of a two-phase system; points without a finite intensity
    and a positive sigma are left out. Flat background and Porod's law above the data are those of
    `porod`; below the data a Gaussian through the first points goes on. What the resolution of the
    profile (``q_resolution``) does is taken off (`xrdkit.saxs.rays`).

    The result holds, each with ``<name>_sigma``: ``correlation(distance)`` γ1(z), along the normal
    of stacked lamellae, ``correlation_3d(distance)`` γ0(r) of isotropic systems; of γ1
    ``long_period`` L (first maximum, nm), ``lamella_thickness`` l of the thinner phase (nm; where
    the straight flank meets the level of the first minimum), ``volume_fraction`` l/L,
    ``volume_fraction_slope`` φ of φ(1-φ) = z0/L, z0 where the flank meets 0, with
    ``lamella_thickness_slope`` = φL; ``minimum`` γ1 there, ``sigma_scale``, ``verdict`` and
    ``verdict_reason``. Where thicknesses vary, the minimum is less deep, and l from it too small;
    φ of the slope does not need it. Which of the phases is the thinner is not seen.

    Errors: γ by its covariance with background and extrapolation; what is read from γ by 64 draws.

    A frame without a Porod region gets NaN and the verdict ``unidentifiable``; one whose γ1 has no
    maximum keeps γ, and the rest is NaN. Raises SchemaError for what is no profile over q,
    CurveError for a curve smeared by a slit, SpecError for q = 0, EmptyResult where fewer than 10
    points lie in `spec.range`.
    """
    if not isinstance(spec, CorrelationSpec):
        raise SpecError(f"spec is a {type(spec).__name__}, not a CorrelationSpec")
    data = select_range(profile, spec.range)
    lowest = float(data["q"].values[0])
    largest = 2.0 * np.pi / lowest if spec.largest is None else spec.largest
    distance = np.linspace(0.0, largest, spec.points)
    frames = each_frame(
        profile, data, lambda curve: _correlate(curve, spec, distance), spec.smearing
    )
    quantities = {
        "correlation": Quantity(
            unit="1", what="correlation function along the normal of lamellae", dims=("distance",)
        ),
        "correlation_3d": Quantity(
            unit="1", what="correlation function of an isotropic system", dims=("distance",)
        ),
        **{name: Quantity(unit=unit, what=what) for name, (unit, what) in NAMES.items()},
        "sigma_scale": Quantity(
            unit="1", what="factor that the standard errors were multiplied by", error=False
        ),
    }
    return assemble(
        frames,
        profile,
        data,
        quantities,
        step="correlation_function",
        spec=spec,
        schema=CORRELATION,
        coords={"distance": ("distance", distance, {"units": "nm", "long_name": "distance"})},
    )


def _correlate(curve: Curve, spec: CorrelationSpec, distance: Array) -> Frame:
    fit, refused = best_porod(curve, flat=spec.flat)
    if fit is None:
        return refusal(why_no_porod(refused))
    scale = fit.scale if spec.scale_errors or not curve.has_sigma else 1.0
    sums = estimate(curve, fit, distance)
    draws = _draws(curve, fit, sums, scale)
    lamellar = sums.lamellar / sums.lamellar[0]
    isotropic = sums.isotropic / sums.isotropic[0]
    frame = Frame(
        values={"sigma_scale": scale},
        curves={
            "correlation": lamellar,
            "correlation_sigma": draws[0].std(axis=0, ddof=1),
            "correlation_3d": isotropic,
            "correlation_3d_sigma": draws[1].std(axis=0, ddof=1),
        },
    )
    frame.verdict, frame.reason = porod_verdict(fit)
    if frame.verdict is Verdict.OK and reaches_below(curve.q, curve.smearing, curve.used):
        frame.verdict = Verdict.MISFIT
        frame.reason = (
            "the resolution at the lowest q sees much from below the data: γ is that of the smeared"
            " curve"
        )
    found = readings(distance, lamellar)
    every = [readings(distance, row) for row in draws[0]]
    seen = [r for r in every if r is not None]
    if found is None or len(seen) < 0.9 * len(every):
        frame.verdict = Verdict.UNIDENTIFIABLE
        frame.reason = "the correlation function has no maximum: there is no long period"
        return frame
    spread = {name: float(np.std([r[name] for r in seen], ddof=1)) for name in NAMES}
    rise = np.array([r["maximum"] - r["minimum"] for r in seen])
    if not found["maximum"] - found["minimum"] > _SIGNIFICANT * rise.std(ddof=1):
        frame.verdict = Verdict.UNIDENTIFIABLE
        frame.reason = "the maximum of the correlation function is no higher than its error"
        return frame
    for name in NAMES:
        frame.values[name] = found[name]
        frame.values[name + "_sigma"] = spread[name]
    if math.isnan(found["volume_fraction_slope"]):
        frame.verdict = Verdict.MISFIT
        frame.reason = "the flank is too flat for two phases of sharp boundary: z0 > L/4"
    return frame


def _draws(curve: Curve, fit: PorodFit, sums: Estimate, scale: float) -> tuple[Array, Array]:
    """Return γ1 and γ0 under new noise, (draws, distances)."""
    generator = np.random.default_rng(_SEED)
    noise = scale * curve.errors.draw(generator, _DRAWS)
    noise += generator.standard_normal((_DRAWS, len(curve.errors.common))) @ curve.errors.common
    values, vectors = np.linalg.eigh(fit.prior)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    prior = generator.standard_normal((_DRAWS, 3)) @ root.T
    out = []
    below = _BELOW * generator.standard_normal((_DRAWS, 1))
    for value, rows, tail, low in (
        (sums.lamellar, sums.lamellar_rows, sums.lamellar_tail, sums.lamellar_low),
        (sums.isotropic, sums.isotropic_rows, sums.isotropic_tail, sums.isotropic_low),
    ):
        drawn = value + noise @ rows.T + prior @ tail.T + below * low
        out.append(drawn / drawn[:, :1])
    return out[0], out[1]
