"""A profile made ready for fits of single peaks, with or without a wavelength."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.errors import CurveError, SpecError
from xrdkit.phase.peaks_spec import PeakSpec
from xrdkit.uncertainty import ERRORS, ErrorModel, error_model, independent_sigma

Array = NDArray[np.float64]

COUNTED = "square root of the counts expected"
_GIVEN, _FILLED = "profile", "profile; smallest one where 0"


@dataclass(frozen=True, kw_only=True)
class Emission:
    """The lines of a beam relative to the strongest, whose position is that of a peak."""

    wavelength: float | None
    """Wavelength of the strongest line, ångström; None where the profile has none."""
    ratios: tuple[float, ...]
    """Wavelength of each line over that of the strongest."""
    weights: tuple[float, ...]
    """Share of each line in the intensity; they add up to 1."""

    def centres(self, position: float) -> tuple[Array, Array]:
        """Return where the lines of a peak lie, and the derivatives by `position`.

        Bragg: sin(x_l/2) = λ_l/λ_1 sin(x/2) for angles x in degree; lines beyond 180° are NaN. A
        single line stays where it is, in whatever unit.
        """
        if len(self.ratios) == 1:
            return np.array([position]), np.ones(1)
        ratio = np.array(self.ratios)
        half = np.radians(position) / 2.0
        sine = ratio * np.sin(half)
        with np.errstate(invalid="ignore"):
            other = np.arcsin(np.where(np.abs(sine) < 1.0, sine, np.nan))
        return np.degrees(2.0 * other), ratio * np.cos(half) / np.cos(other)


@dataclass(frozen=True, kw_only=True)
class PeakData:
    """The part of a profile that is searched, radial coordinate ascending."""

    radial: str
    """``"q"`` or ``"two_theta"``."""
    x: Array
    """Radial coordinate (n,), in its own unit."""
    positions: Array
    """Where each point was measured (frames, n): after integration the mean over its pixels."""
    spreads: Array
    """Standard deviation of the pixels of each point about that (frames, n), 0 if unknown."""
    intensity: Array
    """(frames, n); NaN where there are no data."""
    sigma: Array
    """Standard errors that weight the fit (frames, n)."""
    rule: str
    """Where they come from."""
    unit: str
    """Unit of the intensity."""
    emission: Emission
    """The lines of the beam."""
    places: NDArray[np.intp]
    """Number of each point in the profile (n,)."""
    named: xr.Dataset | None
    """The profile, where it names the sources of its errors."""

    @property
    def counted(self) -> bool:
        """Whether errors are those of counts, which the model of the fit tells best."""
        return self.rule == COUNTED

    def errors(self, frame: int) -> ErrorModel | None:
        """Return the model of the errors of all points of a frame; None where only their size is
        known."""
        model = None if self.named is None else error_model(self.named, frame)
        return None if model is None else model.select(self.places)


def observe_peaks(profile: xr.Dataset, spec: PeakSpec) -> PeakData:
    """Return the part of `profile` that `spec` asks for, checked.

    Raises CurveError for a profile over neither q nor two_theta, without errors that can be known,
    or over q with several emission lines; SpecError for a range or positions outside the data.
    """
    told: object = spec
    if not isinstance(told, PeakSpec):
        raise SpecError(f"spec is a PeakSpec, not {told!r}")
    schema.validate(profile, schema.PROFILE)
    radial = schema.radial_dim(profile)
    if radial not in ("q", "two_theta"):
        raise CurveError(f"peaks are fitted on q or two_theta, not on {radial}")
    emission = emission_of(profile)
    if radial == "q" and len(emission.ratios) > 1:
        raise CurveError(
            "a profile in q with several emission lines has no single q for each peak",
            hint="keep such patterns in two_theta",
        )
    data = profile.sortby(radial)
    x = np.asarray(data[radial].values, dtype=float)
    inside = x > 0 if spec.range is None else (x >= spec.range[0]) & (x <= spec.range[1])
    unit = schema.RADIAL[radial]
    if not inside.any():
        raise SpecError(
            f"range {spec.range} {unit} holds no point: the profile covers {x[0]:.4g} to"
            f" {x[-1]:.4g} {unit} in {radial}"
        )
    for position in spec.positions or ():
        if not x[inside][0] <= position <= x[inside][-1]:
            raise SpecError(
                f"position {position} {unit} is outside {x[inside][0]:.4g} to {x[inside][-1]:.4g}"
                f" {unit}, the part of the profile that is used"
            )
    rows = data["intensity"].transpose(..., radial).values.reshape(-1, x.size).astype(float)
    sigma, rule = _errors(data, radial, rows)
    good = np.isfinite(rows) & np.isfinite(sigma)
    return PeakData(
        radial=radial,
        x=x[inside],
        positions=schema.mean_positions(data)[:, inside],
        spreads=schema.position_spreads(data)[:, inside],
        intensity=np.where(good, rows, np.nan)[:, inside],
        sigma=np.where(good, sigma, np.nan)[:, inside],
        rule=rule,
        unit=str(profile["intensity"].attrs["units"]),
        emission=emission,
        places=profile.indexes[radial].get_indexer(x[inside]),
        named=profile if ERRORS in profile else None,
    )


def emission_of(profile: xr.Dataset) -> Emission:
    """Return the lines of the beam of a profile, or of its peaks; raise CurveError if unclear."""
    if "wavelength" not in profile.coords:
        return Emission(wavelength=None, ratios=(1.0,), weights=(1.0,))
    wavelengths = np.atleast_1d(np.asarray(profile["wavelength"].values, dtype=float))
    weights = np.ones(1)
    if "emission_weight" in profile.coords:
        weights = np.atleast_1d(np.asarray(profile["emission_weight"].values, dtype=float))
    elif wavelengths.size > 1:
        raise CurveError("several emission lines need the coordinate emission_weight")
    if not np.all(np.isfinite(wavelengths) & (wavelengths > 0)) or not np.all(weights > 0):
        raise CurveError(f"wavelengths {wavelengths} Å with weights {weights} are not positive")
    first = float(wavelengths[int(np.argmax(weights))])
    return Emission(
        wavelength=first,
        ratios=tuple((wavelengths / first).tolist()),
        weights=tuple((weights / weights.sum()).tolist()),
    )


def _errors(data: xr.Dataset, radial: str, rows: Array) -> tuple[Array, str]:
    if "sigma" in data:
        sigma = independent_sigma(data).transpose(..., radial).values
        sigma = sigma.reshape(rows.shape).astype(float)
        positive = sigma[np.isfinite(sigma) & (sigma > 0) & np.isfinite(rows)]
        if positive.size == 0 and np.isfinite(rows).any():
            raise CurveError("no point of the profile has a standard error above 0")
        if np.any(sigma == 0):
            # A bin without counts has no error estimate of its own; the smallest one stands in.
            return np.where(sigma == 0, positive.min(), sigma), _FILLED
        return sigma, _GIVEN
    if data["intensity"].attrs["units"] != "count":
        raise CurveError(
            f"the profile has no sigma, and its unit {data['intensity'].attrs['units']!r} does not"
            " tell the error",
            hint="give sigma with the intensities",
        )
    return np.where(np.isfinite(rows), np.sqrt(np.maximum(rows, 1.0)), np.nan), COUNTED
