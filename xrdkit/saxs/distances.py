"""The verb `pair_distances`: the distribution of distances p(r) in particles, without a model.

O. Glatter, J. Appl. Cryst. 10 (1977) 415; S. Hansen, J. Appl. Cryst. 33 (2000) 1415.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from xrdkit.errors import SpecError
from xrdkit.fitting import Verdict
from xrdkit.saxs.checks import check_flags, check_range, is_number
from xrdkit.saxs.distances_fit import Members, Solution, solve, transform
from xrdkit.saxs.distances_range import largest_extent
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
from xrdkit.saxs.smearing import SmearingSpec, check_smearing
from xrdkit.saxs.verdict import misfit
from xrdkit.schema import PAIR_DISTANCES

_SIGNIFICANT = 4.0
#: Extent times lowest q, over π, above which the extent is not seen.
_UNSEEN = 1.0
#: Weight of the members whose extent is shown.
_SHOWN = 0.99
#: Spread of the extent, relative, above which it is not known.
_UNKNOWN_EXTENT = 0.35
_QUANTITIES = {
    "radius_of_gyration": "radius of gyration",
    "forward_intensity": "intensity extrapolated to q = 0",
    "largest_distance": "largest distance D in the particle",
    "background_flat": "flat background",
}


@dataclass(frozen=True, kw_only=True)
class DistanceSpec:
    """How p(r) is found. Neither extent nor smoothness is needed."""

    order: int = 2
    """Order of the differences Σ(Δc)² of neighbouring spline coefficients that are kept small: 2
    (curved as little as the data allow) or 1 (Glatter). Data prefer 2, by evidence."""
    flat: bool = False
    """Whether a flat background is part of the fit. Curves of narrow range in q hardly tell it from
    p(r) at small r: errors grow."""
    points: int = 201
    """Number of distances at which p(r) is given."""
    range: tuple[float, float] | None = None
    """Lowest and highest q that are used, 1/nm; None: all."""
    scale_errors: bool = True
    """Whether the size of the noise is found from the fit (its errors multiplied by
    ``sigma_scale``) rather than taken as stated."""
    smearing: SmearingSpec | Literal["auto", "none"] = "auto"
    """What smears the curve; ``"auto"``: what the profile says of its resolution and slits;
    ``"none"``: nothing."""

    def __post_init__(self) -> None:
        if self.order not in (1, 2):
            raise SpecError(f"order is {self.order!r}, not 1 or 2")
        whole = is_number(self.points) and isinstance(self.points, int)
        if not (whole and 21 <= self.points <= 5000):
            raise SpecError(f"points is {self.points!r}, not 21 to 5000")
        check_range(self.range)
        check_flags(self, "flat", "scale_errors")
        check_smearing(self.smearing)


_DEFAULT = DistanceSpec()


def pair_distances(profile: xr.Dataset, spec: DistanceSpec = _DEFAULT) -> xr.Dataset:
    """Return the pair distance distribution of each frame of a profile (PAIR_DISTANCES).

    `profile` (PROFILE) is a curve of dilute particles over q, background subtracted; points without
    a finite intensity and a positive sigma are left out. No extent is needed.

    The result holds, each with ``<name>_sigma``: ``radius_of_gyration`` and ``largest_distance`` D
    (nm), ``forward_intensity``, ``background_flat``, ``pair_distances(distance)`` p(r)
    (unit/nm) at ``distance`` r (nm); ``channels`` = D q_max/π, ``parameters_determined`` by the
    data, ``points`` and ``q_high`` (what is beyond the finest splines is left out), ``gof``,
    ``sigma_scale``, ``intensity_calculated(q)``, ``verdict``, ``verdict_reason``.

    Model: I(q) = 4π ∫ p(r) sin(qr)/(qr) dr + b, p = (1 - r/D)^m Σ c_k B_k(r/D) in cubic B-splines
    under the penalty α Σ(Δc)²; Rg² = ½∫r²p/∫p, I(0) = 4π∫p. Numbers and errors are means over all
    α, D and m = 0 to 9, weighted by evidence (`xrdkit.saxs.distances_fit`). p may be negative where
    contrast has both signs, or particles interact; the verdict says so. D is where p ends: it can
    only be told as well as its last percents.

    A frame without a p(r) gets NaN and a verdict with the reason. Raises SchemaError for what is no
    profile over q, CurveError for a curve smeared by a slit of unknown length, SpecError for q = 0,
    EmptyResult where fewer than 10 points lie in `spec.range`.
    """
    if not isinstance(spec, DistanceSpec):
        raise SpecError(f"spec is a {type(spec).__name__}, not a DistanceSpec")
    data = select_range(profile, spec.range, slits=True)
    size = data.sizes["q"]
    curves: list[tuple[Curve, Members] | None] = []

    def analyse(curve: Curve) -> Frame:
        members = transform(
            curve,
            flat=spec.flat,
            order=spec.order,
            scaled=spec.scale_errors or not curve.has_sigma,
        )
        curves.append(None if members is None else (curve, members))
        if members is None:
            return refusal("no distribution of distances describes the curve better than noise")
        return _numbers(members)

    def every(curve: Curve) -> Frame:
        frame = analyse(curve)
        frame.values["_fit"] = len(curves) - 1
        return frame

    frames = each_frame(profile, data, every, spec.smearing)
    fits = [curves[int(f.values["_fit"])] if "_fit" in f.values else None for f in frames]
    distance = _distances(fits, spec.points, np.asarray(data["q"].values, dtype=np.float64))
    finished = [
        frame if fit is None else _finished(frame, *fit, distance, spec, size)
        for frame, fit in zip(frames, fits, strict=True)
    ]
    unit = str(data["intensity"].attrs["units"])
    units = {"radius_of_gyration": "nm", "largest_distance": "nm"}
    quantities = {
        name: Quantity(unit=units.get(name, unit), what=what) for name, what in _QUANTITIES.items()
    }
    quantities |= {
        "pair_distances": Quantity(
            unit=f"{unit}/nm", what="pair distance distribution p(r)", dims=("distance",)
        ),
        "intensity_calculated": Quantity(
            unit=unit, what="intensity of the fitted p(r)", dims=("q",), error=False
        ),
        "channels": Quantity(unit="1", what="number of channels D q_max/π", error=False),
        "parameters_determined": Quantity(
            unit="1", what="number of parameters that the data determine", error=False
        ),
        "points": Quantity(unit="1", what="number of points fitted", error=False),
        "q_high": Quantity(unit="1/nm", what="highest q that is fitted", error=False),
        "gof": Quantity(unit="1", what="goodness of fit √χ²r", error=False),
        "sigma_scale": Quantity(
            unit="1", what="factor that the standard errors were multiplied by", error=False
        ),
    }
    result = assemble(
        finished,
        profile,
        data,
        quantities,
        step="pair_distances",
        spec=spec,
        schema=PAIR_DISTANCES,
        coords={
            "q": data["q"].variable,
            "distance": ("distance", distance, {"units": "nm", "long_name": "distance"}),
        },
    )
    kept = {name: data[name].variable for name in ("intensity", "sigma") if name in data}
    return result.assign(kept)


def _numbers(members: Members) -> Frame:
    """Return Rg, I(0) and D with the errors from noise and from the spread of members."""
    area, second = members.area[:, 0], members.second[:, 0]
    radius = np.sqrt(0.5 * second / area)
    by_area, by_second = -radius / (2.0 * area), radius / (2.0 * second)
    inner = (
        by_area**2 * members.area[:, 1]
        + by_second**2 * members.second[:, 1]
        + 2.0 * by_area * by_second * members.both
    )
    frame = Frame()
    full = 4.0 * np.pi
    for name, values, variance in (
        ("radius_of_gyration", radius, inner),
        ("forward_intensity", full * area, full**2 * members.area[:, 1]),
        ("largest_distance", members.extent, np.zeros_like(area)),
    ):
        middle, between = members.mean(values)
        frame.values[name] = middle
        frame.values[name + "_sigma"] = math.sqrt(between + float(members.weight @ variance))
    frame.values["parameters_determined"] = float(members.weight @ members.taken)
    frame.values["sigma_scale"] = math.sqrt(float(members.weight @ members.noise))
    return frame


def _distances(fits: list[tuple[Curve, Members] | None], points: int, q: Array) -> Array:
    """Return the distances of the result: as far as any member of any frame reaches."""
    reach = [_farthest(fit[1]) for fit in fits if fit is not None]
    return np.linspace(0.0, max(reach, default=largest_extent(q)), points)


def _farthest(members: Members) -> float:
    """Return the extent that but a few members exceed, nm."""
    order = np.argsort(members.extent)
    below = np.cumsum(members.weight[order])
    return float(members.extent[order][np.searchsorted(below, _SHOWN * below[-1])])


def _finished(
    frame: Frame,
    curve: Curve,
    members: Members,
    distance: Array,
    spec: DistanceSpec,
    size: int,
) -> Frame:
    curve = curve.until(members.points)
    solution = solve(curve, members, distance, flat=spec.flat, order=spec.order)
    values = frame.values
    del values["_fit"]
    _add_common(values, curve, members, solution)
    if spec.flat:
        values["background_flat"] = solution.background
        values["background_flat_sigma"] = math.sqrt(solution.background_variance)
    values["points"] = curve.q.size
    values["q_high"] = float(curve.q[-1])
    values["channels"] = values["largest_distance"] * float(curve.q[-1]) / np.pi
    freedom = max(1.0, curve.q.size - values["parameters_determined"] - spec.flat)
    gof = math.sqrt(solution.chi2 / freedom)
    values["gof"] = gof if curve.has_sigma else math.nan
    calculated = np.full(size, np.nan)
    calculated[curve.used] = solution.calculated
    frame.curves = {
        "pair_distances": solution.density,
        "pair_distances_sigma": np.sqrt(solution.density_variance),
        "intensity_calculated": calculated,
    }
    frame.verdict, frame.reason = _judge(curve, values, solution, gof)
    return refusal(frame.reason) if frame.verdict is Verdict.UNIDENTIFIABLE else frame


def _add_common(
    values: dict[str, float], curve: Curve, members: Members, solution: Solution
) -> None:
    """Add what errors common to all points, and shared by neighbours, contribute."""
    model = curve.errors
    if not (model.correlated or model.common.size):
        return
    scale = values["sigma_scale"]
    whole = curve.covariance(solution.estimator, scale)
    alone = scale**2 * (solution.estimator * curve.sigma**2) @ solution.estimator.T
    more = (whole - alone)[:2, :2]
    best = int(np.argmax(members.weight))
    area, second = float(members.area[best, 0]), float(members.second[best, 0])
    radius = math.sqrt(0.5 * second / area)
    for name, gradient in (
        ("radius_of_gyration", np.array([-radius / (2.0 * area), radius / (2.0 * second)])),
        ("forward_intensity", np.array([4.0 * np.pi, 0.0])),
    ):
        extra = max(0.0, float(gradient @ more @ gradient))
        values[name + "_sigma"] = math.hypot(values[name + "_sigma"], math.sqrt(extra))


def _judge(
    curve: Curve, values: dict[str, float], solution: Solution, gof: float
) -> tuple[Verdict, str]:
    extent, spread = values["largest_distance"], values["largest_distance_sigma"]
    if not values["forward_intensity"] > _SIGNIFICANT * values["forward_intensity_sigma"]:
        return Verdict.UNIDENTIFIABLE, "the intensity at q = 0 is no larger than its error"
    weight = curve.sigma**-2.0
    level = float(weight @ curve.intensity) / float(weight.sum())
    flat = float(np.sum(((curve.intensity - level) / curve.sigma) ** 2))
    if flat - solution.chi2 < (_SIGNIFICANT * values["sigma_scale"]) ** 2:
        return Verdict.UNIDENTIFIABLE, "the curve is as flat as its noise: no size is seen"
    reach = extent * float(curve.q[0]) / np.pi
    if reach > _UNSEEN:
        return (
            Verdict.AT_BOUND,
            f"distances go on to {extent:.3g} nm, more than π/q_min = {np.pi / curve.q[0]:.3g} nm,"
            " what these q can tell: a power law, aggregates, or particles too large",
        )
    residual = (curve.intensity - solution.calculated) / curve.sigma
    verdict, reason = misfit(residual, gof, 0.0, residual.size, has_sigma=curve.has_sigma)
    if verdict is not Verdict.OK:
        return verdict, reason
    low = solution.density + _SIGNIFICANT * np.sqrt(solution.density_variance)
    if np.any(low < -0.02 * solution.density.max()):
        return (
            Verdict.MISFIT,
            "p(r) is negative somewhere: contrast of both signs, or interference between particles",
        )
    if spread > _UNKNOWN_EXTENT * extent:
        return Verdict.OK, f"the largest distance is known to {spread / extent:.0%} only"
    return Verdict.OK, ""
