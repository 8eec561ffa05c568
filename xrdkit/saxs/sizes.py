"""The verb `fit_sizes`: a profile to size distributions, frame by frame."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import FitFailed, SpecError
from xrdkit.fitting import FitOutcome, Verdict
from xrdkit.provenance import append, content_sha256
from xrdkit.saxs.background import background_columns
from xrdkit.saxs.background_exponent import (
    Columns,
    PowerLaw,
    find_exponent,
    inversion_trials,
    tell_exponent,
    trial_of,
)
from xrdkit.saxs.describe import describe, parameter_names
from xrdkit.saxs.formfree import fit_formfree, formfree_parameter_names
from xrdkit.saxs.kernel import Kernel, kernel
from xrdkit.saxs.parametric import fit_parametric
from xrdkit.saxs.particles import Particles
from xrdkit.saxs.plausible import not_measured, note_doubts
from xrdkit.saxs.problem import Curve
from xrdkit.saxs.relative_error import relative_error
from xrdkit.saxs.result import FrameSizes, collect, radius_grid
from xrdkit.saxs.selection import MIN_POINTS, select
from xrdkit.saxs.smearing import Smearing, smearing_of
from xrdkit.saxs.spec import FORM_FREE, MONTECARLO, SizeSpec
from xrdkit.saxs.verdict import BACKGROUND_ALONE, NO_SIZE
from xrdkit.schema import (
    FRAME,
    SIZES,
    mean_positions,
    position_spreads,
    validate,
)
from xrdkit.uncertainty import (
    ERRORS,
    ErrorModel,
    effective_points,
    error_model,
    independent_sigma,
    neighbour_correlation,
)

Array = NDArray[np.float64]

_DEFAULT = SizeSpec()


def fit_sizes(profile: xr.Dataset, spec: SizeSpec = _DEFAULT) -> xr.Dataset:
    """Return the size distribution of dilute particles for each frame of a profile (SIZES).

    `profile` (PROFILE) is a curve over q, best on absolute scale (1/cm); points without a finite
    intensity and a positive sigma are left out. After integration each point lies at the mean q of
    its pixels, and the model is averaged over their spread (`mean_positions`, `position_spreads` of
    `xrdkit.schema`). No window or start value is needed; backgrounds are
    fitted together with the particles. Every frame is fitted by itself: a series gives exactly what
    single fits give.

    The result holds, each with ``<name>_sigma``: ``mean_radius_volume``, ``mean_radius_number``,
    ``width_volume``, ``width_number`` (standard deviations), ``median_radius_volume``,
    ``radius_percentile_volume(percentile)``, ``radius_of_gyration`` (all nm), ``volume_fraction``
    (NaN without contrast or absolute intensity), ``scattering_volume`` = φΔρ²,
    ``background_flat`` and ``background_porod``; ``background_power``, the intensity at q = 1 1/nm
    of a `spec.power_law`, and ``background_exponent`` where that is fitted; the same per
    ``population`` where there are several; ``distribution_volume(radius)`` in 1/nm with integral 1,
    ``intensity_calculated(q)``, ``background(q)``, ``parameter_value`` and
    ``parameter_covariance``, ``gof``, ``sigma_scale``, ``verdict`` and ``verdict_reason``.
    Standard errors come from the full covariance by the delta method, times ``sigma_scale`` = √χ²r
    (where `spec.scale_errors`; divide by it for the raw ones). Without ``sigma`` in the profile all
    points get the same relative error, found from the misfit.

    A profile that names the sources of its errors is weighted by those that scatter from point to
    point alone. A source common to all points (transmission, absolute scale) neither weights nor
    enters χ²r; it goes through the fit as it is, unscaled, and so does the covariance of points
    that share pixels: the covariance of the parameters is A (B + Σ e eᵀ) Aᵀ, A the linear estimator
    that the fit is near its minimum (`xrdkit.uncertainty`). ``<name>_errors(source)`` of radii,
    widths and fractions tells what each source contributes. Where points share pixels, there are
    ``neighbour_correlation`` and ``points_effective`` too, and the reason says so above 0.2.

    Form-free methods (``"tikhonov"``, ``"maxent"``, ``"montecarlo"``) find as many populations as
    the distribution has modes that are told apart (``modes``, ``modes_unresolved``,
    ``population_resolution``). Their errors come from inversions of the fitted curve with new
    noise, and what smoothing moves a number by is part of them (``<name>_smoothing``).
    Number-weighted moments are NaN (a form-free distribution does not determine them: what scatters
    as R⁶ says nothing of the smallest); ``distribution_volume`` is smoothed and has
    ``distribution_volume_sigma``.

    Model: I(q) = φΔρ² ∫ f_v(R) V(R) P(qR) dR + b + B q⁻⁴, f_v the volume-weighted density. What
    the shape has besides R (`spec.shape`, `xrdkit.saxs.shapes`) is fitted too and told by its name,
    such as ``length`` or ``shell_thickness``, as is what `spec.interaction` has
    (``interaction_...``); the attribute ``shape`` names the shapes. Volumes are those of whole
    particles; R is the radius, of core-shell particles that of the core, of sheets half the
    thickness (``mean_thickness_volume`` and others are there too). ``specific_surface``,
    ``surface_per_volume`` (1/nm) and ``mode_radius_volume`` follow from the same distribution.
    Where the background alone describes the curve, sizes are NaN; the amounts keep the errors that
    tell what may have been overlooked.

    Where slit or resolution smear the curve (`spec.smearing`, by default what the profile says),
    model and backgrounds are smeared by the same; the attribute ``smearing`` says by what.

    Raises SchemaError for what is no profile over q, CurveError for a curve smeared by a slit of
    unknown length, SpecError for q = 0, EmptyResult where fewer than 10 points lie in
    `spec.range`. A frame that cannot be fitted gets NaN and a verdict with the reason.
    """
    if not isinstance(spec, SizeSpec):
        raise SpecError(f"spec is a {type(spec).__name__}, not a SizeSpec")
    data = select(profile, spec.range, "sizes are fitted")
    positions = np.ascontiguousarray(mean_positions(data))
    spreads = np.ascontiguousarray(position_spreads(data))
    intensity = np.asarray(data["intensity"].values, dtype=np.float64)
    sigma = (
        np.asarray(independent_sigma(data).values, dtype=np.float64) if "sigma" in data else None
    )
    absolute = data["intensity"].attrs["units"] == "1/cm"
    rows = intensity if FRAME in data.dims else intensity[np.newaxis]
    errors = None if sigma is None else sigma.reshape(rows.shape)
    radius, _ = radius_grid(np.asarray(data["q"].values, dtype=np.float64))
    places = profile.indexes["q"].get_indexer(data["q"].values)
    frames = []
    smeared: set[str] = set()
    for i, row in enumerate(rows):
        smearing = smearing_of(data, given=spec.smearing, frame=i)
        smeared |= set() if smearing is None else {smearing.label}
        # The band belongs to the order of the points in the profile.
        model = error_model(profile, i) if ERRORS in profile else None
        frames.append(
            _fit_frame(
                positions[i],
                spreads[i],
                smearing,
                row,
                None if errors is None else errors[i],
                spec,
                radius=radius,
                model=None if model is None else model.select(places),
                absolute=absolute,
            )
        )
    note_doubts(frames, profile)
    names = formfree_parameter_names if spec.method in FORM_FREE else parameter_names
    # A form-free fit finds as many modes as there are.
    populations = max([spec.count, *(len(frame.parts) for frame in frames)])
    result = collect(
        frames,
        profile=data,
        populations=populations,
        parameters=names(spec),
        contrast_error=spec.contrast_sigma > 0,
        shapes=[component.shape for component in spec.components],
    )
    labels = [component.shape.label for component in spec.components]
    result.attrs["shape"] = ", ".join(dict.fromkeys(labels) if len(set(labels)) == 1 else labels)
    result.attrs["smearing"] = "; ".join(sorted(smeared)) or "none"
    result = append(
        result,
        "fit_sizes",
        spec,
        inputs=[content_sha256(profile)],
        software=["numpy", "scipy", "lmfit"],
        history=profile,
    )
    return validate(result, SIZES)


def _fit_frame(
    q: Array,
    spread: Array,
    smearing: Smearing | None,
    intensity: Array,
    sigma: Array | None,
    spec: SizeSpec,
    *,
    radius: Array,
    model: ErrorModel | None,
    absolute: bool,
) -> FrameSizes:
    valid = np.isfinite(intensity)
    if sigma is not None:
        valid &= np.isfinite(sigma) & (sigma > 0)
    points = int(valid.sum())
    if points < MIN_POINTS:
        return FrameSizes(
            points=points,
            verdict=Verdict.UNIDENTIFIABLE,
            reason=f"{points} usable points, at least {MIN_POINTS} are needed",
        )
    observed = intensity[valid]
    why = not_measured(observed, None if sigma is None else sigma[valid])
    if why:
        return FrameSizes(points=points, verdict=Verdict.UNIDENTIFIABLE, reason=why)
    error = relative_error(observed) if sigma is None else sigma[valid]
    # From here on errors are in units of the weights, as residuals are.
    errors = None if model is None else model.select(np.flatnonzero(valid)).over(error)
    kernels = [kernel(q, spread, smearing, component.shape) for component in spec.components]

    def columns(exponent: float | None, tangent: bool) -> dict[str, Array]:
        return background_columns(
            q,
            flat=spec.flat,
            porod=spec.porod,
            slope=spec.slope,
            power=exponent,
            tangent=tangent,
            spread=spread,
            smearing=smearing,
        )

    try:
        law = _power_law(kernels, valid, observed, error, columns, spec, errors)
        frame = _fitted(
            kernels,
            valid,
            observed,
            error,
            columns(None, False) if law is None else columns(law.exponent, law.fitted),
            spec,
            radius=radius,
            errors=errors,
            has_sigma=sigma is not None,
            absolute=absolute,
        )
    except FitFailed as exc:
        return FrameSizes(points=points, verdict=Verdict.NOT_CONVERGED, reason=str(exc))
    if law is not None and isinstance(spec.power_law, tuple):
        names = formfree_parameter_names if spec.method in FORM_FREE else parameter_names
        tell_exponent(frame, law, names(spec), q)
    if errors is not None:
        frame.neighbour_correlation = neighbour_correlation(errors)
        frame.effective_points = effective_points(errors)
    if frame.verdict is Verdict.UNIDENTIFIABLE and frame.reason.startswith(NO_SIZE):
        frame.withhold_sizes()
    return frame


def _power_law(
    kernels: list[Kernel],
    valid: NDArray[np.bool_],
    intensity: Array,
    sigma: Array,
    columns: Columns,
    spec: SizeSpec,
    errors: ErrorModel | None,
) -> PowerLaw | None:
    """Return the power-law background of the fit, None where there is none."""
    stated = spec.power_law
    if not isinstance(stated, tuple):
        return None if stated is None else PowerLaw(exponent=float(stated))
    if spec.method in FORM_FREE:

        def curve(background: dict[str, Array]) -> Curve:
            return Curve(
                kernel=kernels[0],
                valid=valid,
                intensity=intensity,
                sigma=sigma,
                background=background,
                errors=errors,
            )

        held = spec.method == MONTECARLO
        return find_exponent(stated, columns, *inversion_trials(curve, spec), held=held)

    def outcome(background: dict[str, Array]) -> FitOutcome | None:
        found = fit_parametric(
            Particles(spec.components, kernels, background),
            valid,
            intensity,
            sigma,
            max_evaluations=spec.max_evaluations,
            errors=errors,
        )
        return None if found is None else found.outcome

    def coarse(background: dict[str, Array]) -> float:
        found = outcome(background)
        return np.inf if found is None else found.chi2

    return find_exponent(stated, columns, coarse, lambda background: trial_of(outcome(background)))


def _fitted(
    kernels: list[Kernel],
    valid: NDArray[np.bool_],
    intensity: Array,
    sigma: Array,
    background: dict[str, Array],
    spec: SizeSpec,
    *,
    radius: Array,
    errors: ErrorModel | None,
    has_sigma: bool,
    absolute: bool,
) -> FrameSizes:
    if spec.method in FORM_FREE:
        return fit_formfree(
            kernels[0],
            valid,
            intensity,
            sigma,
            background,
            spec,
            radius=radius,
            errors=errors,
            has_sigma=has_sigma,
            absolute=absolute,
        )
    model = Particles(spec.components, kernels, background)
    fit = fit_parametric(
        model,
        valid,
        intensity,
        sigma,
        max_evaluations=spec.max_evaluations,
        errors=errors,
    )
    if fit is None:
        return FrameSizes(
            points=intensity.size, verdict=Verdict.UNIDENTIFIABLE, reason=BACKGROUND_ALONE
        )
    return describe(
        model,
        fit,
        spec,
        fitted_q=model.q[valid],
        radius=radius,
        has_sigma=has_sigma,
        absolute=absolute,
        errors=errors,
    )
