"""What the model-free analyses share: curves out of a profile, numbers into a Dataset."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import CurveError
from xrdkit.fitting import Verdict
from xrdkit.provenance import append, content_sha256
from xrdkit.saxs.plausible import not_measured, unit_doubt
from xrdkit.saxs.rays import Rays
from xrdkit.saxs.relative_error import relative_error
from xrdkit.saxs.selection import MIN_POINTS, select
from xrdkit.saxs.smearing import Smearing, SmearingSpec, smearing_of
from xrdkit.schema import FRAME, Schema, mean_positions, validate
from xrdkit.uncertainty import ERRORS, ErrorModel, error_model, independent_sigma

Array = NDArray[np.float64]

#: Variance of the second difference of independent numbers over their own.
_SECOND_DIFFERENCE = 6.0


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The usable points of one frame, ascending in q."""

    q: Array
    """Positions, 1/nm."""
    intensity: Array
    """Intensity, unit of the profile."""
    sigma: Array
    """Standard error that weights; where the profile has none, the size of the intensity."""
    has_sigma: bool
    """Whether the profile gave the errors."""
    errors: ErrorModel
    """All that is known of the errors of these points, units of the curve."""
    used: NDArray[np.intp]
    """Number of each point among those of the selected profile."""
    smearing: Smearing | None = None
    """What smears the selected profile; None: nothing."""

    def rays(self, first: int = 0, stop: int | None = None) -> Rays:
        """Return what the points `first` to `stop` see of a law."""
        part = slice(first, stop)
        return Rays.of(self.q[part], self.smearing, self.used[part])

    def until(self, stop: int) -> "Curve":
        """Return the first `stop` points."""
        if stop >= self.q.size:
            return self
        at = np.arange(stop)
        return Curve(
            q=self.q[at],
            intensity=self.intensity[at],
            sigma=self.sigma[at],
            has_sigma=self.has_sigma,
            errors=self.errors.select(at),
            used=self.used[at],
            smearing=self.smearing,
        )

    def covariance(self, estimator: Array, scale: float) -> Array:
        """Return the covariance of linear estimates A I, shape (p, p), A of shape (p, n).

        Errors that scatter from point to point are multiplied by `scale`, common ones are not.
        """
        single = estimator @ self.errors.times(estimator.T)
        modes = estimator @ self.errors.common.T
        whole: Array = scale**2 * single + modes @ modes.T
        return whole


@dataclass(kw_only=True)
class Frame:
    """What was found in one frame; what is missing is NaN."""

    values: dict[str, float] = field(default_factory=dict)
    """Numbers by name, standard errors under their name with ``_sigma``."""
    curves: dict[str, Array] = field(default_factory=dict)
    """Arrays by name."""
    verdict: Verdict = Verdict.OK
    """What the numbers are worth."""
    reason: str = ""
    """Why."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """How one variable of a result is labelled."""

    unit: str
    """Unit."""
    what: str
    """Long name."""
    dims: tuple[str, ...] = ()
    """Dimensions without ``frame``."""
    error: bool = True
    """Whether it has a standard error."""


def refusal(reason: str, verdict: Verdict = Verdict.UNIDENTIFIABLE) -> Frame:
    """Return a frame without numbers."""
    return Frame(verdict=verdict, reason=reason)


def select_range(
    profile: xr.Dataset, limits: tuple[float, float] | None, *, slits: bool = False
) -> xr.Dataset:
    """Return the part of a profile over q within `limits`, 1/nm, sorted by q and checked.

    `slits` tells whether the analysis takes slit-smeared curves. Raises SchemaError for another
    axis than q, CurveError for a slit-smeared curve that it does not take, EmptyResult where hardly
    a point is left, SpecError where q is not positive.
    """
    data = select(profile, limits, "this analysis is")
    if profile.attrs.get("slit_smeared") and not slits:
        raise CurveError(
            "the curve is smeared by a slit, and this analysis is of a point-collimated one",
            source=profile.attrs.get("source_file"),
            hint="desmear it first: desmear(profile)",
        )
    return data


def each_frame(
    profile: xr.Dataset,
    data: xr.Dataset,
    analyse: Callable[[Curve], Frame],
    smearing: SmearingSpec | Literal["auto", "none"] = "auto",
) -> list[Frame]:
    """Return what `analyse` finds in each frame of `data`, selected from `profile`.

    `smearing` is what the profile does not say, or says wrongly, of its resolution. Points without
    a finite intensity and a positive sigma are left out. A frame with fewer than 10 usable points,
    or of zeros alone, is refused without being analysed.
    """
    positions = mean_positions(data)
    rows = np.asarray(data["intensity"].values, dtype=np.float64).reshape(positions.shape)
    sigma = np.full(rows.shape, np.nan)
    if "sigma" in data:
        sigma = np.asarray(independent_sigma(data).values, dtype=np.float64).reshape(rows.shape)
    places = profile.indexes["q"].get_indexer(data["q"].values)
    found = []
    for i, row in enumerate(rows):
        whole = error_model(profile, i) if ERRORS in profile else None
        model = None if whole is None else whole.select(places)
        curve = _curve(positions[i], row, sigma[i] if "sigma" in data else None, model)
        if isinstance(curve, Curve):
            curve = replace(curve, smearing=smearing_of(data, given=smearing, frame=i))
        found.append(analyse(curve) if isinstance(curve, Curve) else refusal(curve))
    return found


def _curve(
    q: Array, intensity: Array, sigma: Array | None, model: ErrorModel | None
) -> Curve | str:
    valid = np.isfinite(intensity)
    if sigma is not None:
        valid &= np.isfinite(sigma) & (sigma > 0)
    used = np.flatnonzero(valid)
    if used.size < MIN_POINTS:
        return f"{used.size} usable points, at least {MIN_POINTS} are needed"
    why = not_measured(intensity[used], None if sigma is None else sigma[used])
    if why:
        return why
    error = relative_error(intensity[used]) if sigma is None else sigma[used]
    if model is None:
        model = ErrorModel(
            band=error[None] ** 2, common=np.zeros((0, error.size)), common_sources=()
        )
    else:
        model = model.select(used)
    # Bins are told apart by their centres; mean positions of neighbours may cross.
    order = np.argsort(q[used], kind="stable")
    if np.any(order[1:] < order[:-1]):
        used, error = used[order], error[order]
        model = ErrorModel(
            band=model.band[:1, order],
            common=model.common[:, order],
            common_sources=model.common_sources,
        )
    return Curve(
        q=np.ascontiguousarray(q[used]),
        intensity=np.ascontiguousarray(intensity[used]),
        sigma=error,
        has_sigma=sigma is not None,
        errors=model,
        used=used,
    )


def noise_scale(residual: Array) -> float:
    """Return the standard deviation of independent noise in weighted residuals.

    Second differences see what scatters from point to point and no slow misfit of a model.
    """
    second = residual[2:] - 2.0 * residual[1:-1] + residual[:-2]
    return float(np.sqrt(np.mean(second**2) / _SECOND_DIFFERENCE)) if second.size else 0.0


def assemble(
    frames: Sequence[Frame],
    profile: xr.Dataset,
    data: xr.Dataset,
    quantities: Mapping[str, Quantity],
    *,
    step: str,
    spec: object,
    schema: Schema,
    coords: Mapping[str, Any],
) -> xr.Dataset:
    """Return the frames as one Dataset of `schema`, with errors, verdict and provenance.

    `data` is the part of `profile` that was analysed, `coords` are the coordinates but ``frame``.
    """
    series = FRAME in data.dims
    sizes = xr.Dataset(coords=coords).sizes
    variables: dict[str, Any] = {}

    def add(name: str, rows: list[Any], dims: tuple[str, ...], attrs: dict[str, str]) -> None:
        values = np.array(rows) if series else np.array(rows[0])
        variables[name] = ((FRAME, *dims) if series else dims, values, attrs)

    for name, quantity in quantities.items():
        empty = np.full([sizes[d] for d in quantity.dims], np.nan) if quantity.dims else math.nan
        suffixes = (("", ""), ("_sigma", "standard error: ")) if quantity.error else (("", ""),)
        for suffix, prefix in suffixes:
            key = name + suffix
            rows = [(f.curves if quantity.dims else f.values).get(key, empty) for f in frames]
            attrs = {"units": quantity.unit, "long_name": prefix + quantity.what}
            if quantity.error and not suffix:
                attrs["ancillary_variables"] = name + "_sigma"
            add(key, rows, quantity.dims, attrs)
    doubt = unit_doubt(profile)
    texts = {"verdict": "verdict on the analysis", "verdict_reason": "reason of the verdict"}
    add("verdict", [str(f.verdict) for f in frames], (), {"long_name": texts["verdict"]})
    reasons = ["; ".join(filter(None, (f.reason, doubt))) for f in frames]
    add("verdict_reason", reasons, (), {"long_name": texts["verdict_reason"]})
    own = {
        str(key): coordinate.variable
        for key, coordinate in data.coords.items()
        if coordinate.dims == (FRAME,)
    }
    result = xr.Dataset(variables, {**coords, **own}, {"schema": schema.name})
    result = append(
        result,
        step,
        spec,
        inputs=[content_sha256(profile)],
        software=["numpy", "scipy"],
        history=profile,
    )
    return validate(result, schema)
