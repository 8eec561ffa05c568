"""A profile made ready for a fit: angles, intensities, errors, radiation."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.errors import CurveError, EmptyResult, SpecError
from xrdkit.phase.blank import Blank
from xrdkit.phase.positions import two_theta_of_q
from xrdkit.phase.spec import RefinementSpec
from xrdkit.radiation import WAVELENGTH_RANGE
from xrdkit.uncertainty import ERRORS, ErrorModel, error_model, independent_sigma

Array = NDArray[np.float64]

_FEWEST_POINTS = 20
#: Sizes of numbers whose squares and ratios a computer can hold.
_SMALLEST, _LARGEST = 1e-100, 1e100


@dataclass(frozen=True, kw_only=True)
class Observation:
    """The fitted part of a profile, angles ascending."""

    radial: str
    """Radial dimension of the profile: ``"q"`` or ``"two_theta"``."""
    radial_values: Array
    """Radial coordinate (n,) in its own unit."""
    two_theta: Array
    """The same in degree of 2θ (n,)."""
    positions: Array
    """2θ at which each point of each frame was measured, degree (frames, n): after integration the
    mean over the pixels of its bin."""
    intensity: Array
    """(frames, n); NaN where there are no data."""
    sigma: Array
    """Standard errors (frames, n), above 0 where there are data, of the sources that scatter from
    point to point: what weights a fit."""
    sigma_rule: str
    """Where the errors come from."""
    unit: str
    """Unit of the intensity."""
    wavelengths: tuple[float, ...]
    """Emission lines, ångström."""
    weights: tuple[float, ...]
    """Share of each line; adds up to 1."""
    emission_widths: tuple[float, ...]
    """Natural width of each line, ångström; 0 where it is not known."""
    integrated: bool
    """Whether the profile was integrated from frames (P and solid angle corrected there)."""
    places: NDArray[np.intp]
    """Number of each point in the profile (n,)."""
    named: xr.Dataset | None
    """The profile, where it names the sources of its errors."""
    blank: Blank | None = None
    """A blank whose multiple belongs to the background."""

    def errors(self, frame: int, good: NDArray[np.bool_]) -> ErrorModel | None:
        """Return the model of (intensity - truth)/sigma of the points `good` (n,) of a frame.

        None where no more is known of the errors than their size.
        """
        model = None if self.named is None else error_model(self.named, frame)
        if model is None:
            return None
        return model.select(self.places[good]).over(self.sigma[frame][good])

    @property
    def wavelength(self) -> float:
        """Weighted mean wavelength, ångström."""
        return float(np.dot(self.wavelengths, self.weights))


def observe(profile: xr.Dataset, spec: RefinementSpec) -> Observation:
    """Return the part of `profile` that `spec` asks for, checked.

    Raises CurveError for a profile without wavelength or with missing corrections, SpecError for a
    range outside the data, EmptyResult where hardly a point is left.
    """
    if not isinstance(spec, RefinementSpec):
        raise SpecError(f"spec is a RefinementSpec, not {spec!r}")
    schema.validate(profile, schema.PROFILE)
    radial = schema.radial_dim(profile)
    if radial not in ("q", "two_theta"):
        raise CurveError(f"phases are refined on q or two_theta, not on {radial}")
    wavelengths, weights = _radiation(profile)
    integrated = "n_pixels" in profile or "solid_angle_corrected" in profile.attrs
    if integrated:
        _corrected(profile)
    data = profile.sortby(radial)
    values = np.asarray(data[radial].values, dtype=float)
    inside = _inside(values, radial, spec)
    places = schema.mean_positions(data)
    if radial == "q":
        if len(wavelengths) > 1:
            raise CurveError(
                "a profile in q with several emission lines has no single angle for each q",
                hint="keep such patterns in two_theta",
            )
        angles = two_theta_of_q(values, wavelengths[0])
        places = two_theta_of_q(places, wavelengths[0])
    else:
        angles = values
    inside &= (angles > 0) & (angles < 180)
    rows = data["intensity"].values.reshape(-1, values.size)[:, inside].astype(float)
    rows = np.where(np.isfinite(rows), rows, np.nan)
    unit = str(profile["intensity"].attrs["units"])
    sigma, rule = _errors(data, rows, inside, unit)
    _representable(rows, sigma)
    return Observation(
        radial=radial,
        radial_values=values[inside],
        two_theta=angles[inside],
        positions=places[:, inside],
        intensity=rows,
        sigma=sigma,
        sigma_rule=rule,
        unit=unit,
        wavelengths=wavelengths,
        weights=weights,
        emission_widths=_natural_widths(profile, len(wavelengths)),
        integrated=integrated,
        places=profile.indexes[radial].get_indexer(values[inside]),
        named=profile if ERRORS in profile else None,
    )


def usable(observation: Observation, frame: int) -> NDArray[np.bool_]:
    """Return which points of a frame hold data (n,); raise EmptyResult for fewer than 20."""
    good = np.isfinite(observation.intensity[frame]) & np.isfinite(observation.sigma[frame])
    if int(good.sum()) < _FEWEST_POINTS:
        raise EmptyResult(
            f"only {int(good.sum())} points with data in the range: a fit needs {_FEWEST_POINTS}",
            frame=frame,
        )
    return good


def _radiation(profile: xr.Dataset) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if "wavelength" not in profile.coords:
        raise CurveError(
            "the profile has no wavelength",
            hint="give one: xrdkit.pattern(two_theta, intensity, wavelength=...)",
        )
    wavelengths = np.atleast_1d(np.asarray(profile["wavelength"].values, dtype=float))
    if "emission_weight" in profile.coords:
        weights = np.atleast_1d(np.asarray(profile["emission_weight"].values, dtype=float))
    elif wavelengths.size == 1:
        weights = np.ones(1)
    else:
        raise CurveError("several emission lines need the coordinate emission_weight")
    if not np.all(np.isfinite(wavelengths) & (wavelengths > 0)) or not np.all(weights > 0):
        raise CurveError(f"wavelengths {wavelengths} Å with weights {weights} are not positive")
    low, high = WAVELENGTH_RANGE
    if wavelengths.min() < low or wavelengths.max() > high:
        raise CurveError(
            f"wavelengths {wavelengths} Å are outside {low} to {high} Å",
            hint="the coordinate wavelength is in ångström",
        )
    share = weights / weights.sum()
    return tuple(float(v) for v in wavelengths), tuple(float(v) for v in share)


def _representable(rows: Array, sigma: Array) -> None:
    known = np.isfinite(rows) & np.isfinite(sigma)
    with np.errstate(over="ignore", under="ignore"):
        sizes = np.abs(np.concatenate([rows[known], sigma[known], rows[known] / sigma[known]]))
    sizes = sizes[sizes > 0]
    if sizes.size > 0 and not _SMALLEST < sizes.min() <= sizes.max() < _LARGEST:
        raise CurveError(
            f"intensities and standard errors of {sizes.min():.3g} to {sizes.max():.3g} are no"
            " numbers to calculate with",
            hint="give both in another unit",
        )


def _natural_widths(profile: xr.Dataset, count: int) -> tuple[float, ...]:
    if "emission_width" not in profile.coords:
        return (0.0,) * count
    widths = np.atleast_1d(np.asarray(profile["emission_width"].values, dtype=float))
    if not np.all(np.isfinite(widths) & (widths >= 0)):
        raise CurveError(f"natural widths {widths} Å of the emission lines are not all positive")
    return tuple(float(w) for w in widths)


def _corrected(profile: xr.Dataset) -> None:
    missing = []
    if profile.attrs.get("solid_angle_corrected") != 1:
        missing.append("the solid angle of the pixels")
    if "polarization_factor" not in profile.attrs:
        missing.append("the polarisation")
    if missing:
        raise CurveError(
            f"this integrated profile is not corrected for {' and '.join(missing)}: "
            "its intensities do not mean what the structures say",
            hint="integrate with solid_angle=True and polarization=<factor of the beam>",
        )


def _inside(values: Array, radial: str, spec: RefinementSpec) -> NDArray[np.bool_]:
    if spec.range is None:
        return np.ones(values.size, dtype=bool)
    low, high = spec.range
    inside = (values >= low) & (values <= high)
    if not inside.any():
        raise SpecError(
            f"range {spec.range} {schema.RADIAL[radial]} holds no point: the profile covers "
            f"{values[0]:.4g} to {values[-1]:.4g} {schema.RADIAL[radial]} in {radial}"
        )
    return inside


def _errors(
    data: xr.Dataset, rows: Array, inside: NDArray[np.bool_], unit: str
) -> tuple[Array, str]:
    if "sigma" in data:
        sigma = independent_sigma(data).values.reshape(-1, inside.size)[:, inside].astype(float)
        positive = sigma[np.isfinite(sigma) & (sigma > 0) & np.isfinite(rows)]
        if positive.size == 0 and np.isfinite(rows).any():
            raise CurveError("no point of the profile has a standard error above 0")
        if positive.size > 0 and np.any(sigma == 0):
            # A bin without counts has no error estimate of its own; the smallest one stands in.
            return np.where(sigma == 0, positive.min(), sigma), "profile; smallest one where 0"
        return sigma, "profile"
    if unit != "count":
        raise CurveError(
            f"the profile has no sigma, and its unit {unit!r} does not tell the error",
            hint="give sigma with the intensities",
        )
    return np.where(
        np.isfinite(rows), np.sqrt(np.maximum(rows, 1.0)), np.nan
    ), "square root of counts"
