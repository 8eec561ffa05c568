"""The resolution of an instrument over the scattering angle, from the rings of a calibrant.

Full widths at half maximum in degree of 2θ, in the convention of the phase refinement:

    H_G² = U tan²θ + V tan θ + W       Caglioti, Paoletti & Ricci, Nucl. Instrum. 3 (1958) 223
    H_L  = X/cos θ + Y tan θ

A ring is a pseudo-Voigt whose width H and Lorentzian share η follow from H_G and H_L (Thompson, Cox
& Hastings, J. Appl. Cryst. 20 (1987) 79). The widths contain those of the standard's own grains.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import lmfit
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.calibration.resolution_rings import AngularCurve, RingWidth, ring_widths
from xrdkit.calibration.rings import calibrant_rings
from xrdkit.errors import FitFailed, SchemaError, SpecError
from xrdkit.fitting import FitOutcome, Values, Verdict, least_squares
from xrdkit.uncertainty import independent_sigma

Array = NDArray[np.float64]
#: The widths, the order of every covariance here; units degree² and degree.
WIDTHS = ("u", "v", "w", "x", "y")
FEWEST_RINGS = 5
#: Forms of H_G², tried in this order, and of H_L: which widths are free.
_GAUSSIAN = (("u", "v", "w"), ("u", "w"), ("w",))
#: Scatter of ring widths about the curve, in their errors, from which the form does not hold.
_MISFIT = 3.0


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """Widths of sharp rings over 2θ; standard errors are those of counting times the misfit."""

    calibrant: str
    """Name of the standard."""
    wavelength: float
    """Wavelength, ångström."""
    two_theta_range: tuple[float, float]
    """Innermost and outermost ring used, degree: beyond them the widths are extrapolated."""
    u: float
    """Gaussian, tan²θ term, degree²."""
    v: float
    """Gaussian, tan θ term, degree²."""
    w: float
    """Gaussian, constant term, degree²."""
    x: float
    """Lorentzian, 1/cos θ term, degree."""
    y: float
    """Lorentzian, tan θ term, degree."""
    covariance: tuple[tuple[float, ...], ...]
    """Covariance of (u, v, w, x, y), 5 x 5; 0 where a width was held at 0."""
    asymmetry: float
    """Weighted mean of the rings: (H₊ - H₋)/(H₊ + H₋), above 0 for a tail to large angles."""
    asymmetry_sigma: float
    """Its standard error."""
    gof: float
    """√(χ²/dof) of the widths and shares of the rings about the curve."""
    verdict: Verdict
    """`OK`, or `MISFIT` where rings scatter by more than 3 errors about the curve."""
    rings: tuple[RingWidth, ...] = ()
    """The rings behind it, by angle."""

    def __post_init__(self) -> None:
        if len(self.covariance) != len(WIDTHS) or any(len(r) != 5 for r in self.covariance):
            raise SpecError("covariance of a resolution is not 5 x 5")
        numbers = (*self.widths().values(), self.asymmetry, self.asymmetry_sigma, self.gof)
        if not all(map(math.isfinite, (*numbers, *(v for row in self.covariance for v in row)))):
            raise SpecError("a number of the resolution is not finite")
        if self.x < 0 or self.y < 0 or not (self.w > 0 or self.x > 0):
            raise SpecError("a resolution needs x, y of 0 or more, and w or x above 0")

    def widths(self) -> dict[str, float]:
        """Return u, v, w (degree²), x, y (degree) by name, as ``InstrumentWidths`` takes them."""
        return {name: getattr(self, name) for name in WIDTHS}

    def sigma(self) -> dict[str, float]:
        """Return the standard error of each of `widths`; 0 where it was held at 0."""
        return {n: math.sqrt(max(self.covariance[k][k], 0.0)) for k, n in enumerate(WIDTHS)}

    def fwhm(self, two_theta: Array | float) -> Array:
        """Return the full width at half maximum at `two_theta` in degree, both in degree."""
        return _shape(np.atleast_1d(np.asarray(two_theta, dtype=np.float64)), self.widths())[0]

    def lorentzian(self, two_theta: Array | float) -> Array:
        """Return the Lorentzian share η of a ring at `two_theta` in degree."""
        return _shape(np.atleast_1d(np.asarray(two_theta, dtype=np.float64)), self.widths())[1]


def instrument_resolution(
    profile: xr.Dataset, *, calibrant: str, wavelength: float | None = None, frame: int = 0
) -> Resolution:
    """Return the resolution of an instrument from the profile of a calibrant.

    Every ring that stands alone is fitted (`ring_widths`), then (U, V, W, X, Y) to their widths and
    Lorentzian shares with the covariance of each pair. V, then U, is held at 0 where the rings do
    not give it, X and Y where they come out negative.

    Args:
        profile: PROFILE Dataset over ``q`` or ``two_theta`` with ``sigma``; bins of a quarter of
            a ring's width or less.
        calibrant: name of the standard as in pyFAI: LaB6, CeO2, Si ...
        wavelength: ångström; default: that of the profile.
        frame: position along ``frame``, where there is one.

    Raises SchemaError where the profile is not one over q or 2θ with errors, SpecError for an
    unknown calibrant or a wavelength that is not known, FitFailed for fewer than 5 separate rings
    or widths that no such curve describes.
    """
    light = wavelength_of(profile) if wavelength is None else wavelength
    expected = calibrant_rings(calibrant, light)
    curve = angular_curve(profile, light, frame)
    rings, missed = ring_widths(curve, np.degrees(expected.two_theta))
    if len(rings) < FEWEST_RINGS:
        raise FitFailed(
            f"{len(rings)} rings of {expected.name} stand alone and clear enough to have a width,"
            f" {missed} others do not; {FEWEST_RINGS} are needed",
            hint="finer bins, a longer exposure, another calibrant?",
        )
    fit, free = _caglioti(rings)
    values, spread = fit.values, max(fit.gof, 1.0)
    covariance = np.zeros((5, 5))
    at = [WIDTHS.index(name) for name in free]
    covariance[np.ix_(at, at)] = fit.covariance * spread**2
    skew = np.array([r.asymmetry for r in rings])
    weight = np.array([r.asymmetry_sigma for r in rings]) ** -2.0
    mean = float(np.sum(weight * skew) / weight.sum())
    scatter = math.sqrt(float(np.sum(weight * (skew - mean) ** 2)) / (len(rings) - 1))
    return Resolution(
        calibrant=expected.name,
        wavelength=float(light),
        two_theta_range=(rings[0].two_theta, rings[-1].two_theta),
        **{name: values[name] for name in WIDTHS},
        covariance=tuple(tuple(row) for row in covariance.tolist()),
        asymmetry=mean,
        asymmetry_sigma=max(scatter, 1.0) / math.sqrt(float(weight.sum())),
        gof=fit.gof,
        verdict=Verdict.MISFIT if fit.gof > _MISFIT else Verdict.OK,
        rings=rings,
    )


def wavelength_of(profile: xr.Dataset) -> float:
    """Return the wavelength in ångström of a profile of one line; raise SpecError if unknown."""
    if "wavelength" not in profile or profile["wavelength"].size != 1:
        raise SpecError("the profile does not state one wavelength", hint="pass wavelength=")
    return float(profile["wavelength"].values.ravel()[0])


def angular_curve(profile: xr.Dataset, wavelength: float, frame: int = 0) -> AngularCurve:
    """Return one frame of a profile over 2θ in degree; `wavelength` in ångström.

    Raises SchemaError for other radial axes than q and 2θ, or without errors.
    """
    schema.validate(profile, schema.PROFILE)
    axis = next((name for name in ("two_theta", "q") if name in profile.dims), None)
    if axis is None or "sigma" not in profile:
        raise SchemaError("a resolution needs a profile over q or two_theta with sigma")
    data = profile.isel(frame=frame) if "frame" in profile.dims else profile
    centre = np.asarray(data[axis].values, dtype=np.float64)
    edges = np.concatenate(
        [[1.5 * centre[0] - 0.5 * centre[1]], 0.5 * (centre[1:] + centre[:-1]),
         [1.5 * centre[-1] - 0.5 * centre[-2]]]
    )  # fmt: skip
    if axis == "q":
        edges = 2 * np.degrees(np.arcsin(np.clip(edges * wavelength / (40 * math.pi), 0.0, 1.0)))
    return AngularCurve(
        angle=0.5 * (edges[1:] + edges[:-1]),
        width=np.diff(edges),
        value=np.asarray(data["intensity"].values, dtype=np.float64),
        sigma=np.asarray(independent_sigma(data).values, dtype=np.float64),
    )


def _shape(two_theta: Array, widths: Values) -> tuple[Array, Array]:
    """Return H (degree) and η of rings at `two_theta` (degree).

    The polynomials are those of Thompson, Cox & Hastings; they run on smoothly for H_L below 0,
    which a fit may pass through.
    """
    half = np.radians(two_theta) / 2
    tan = np.tan(half)
    square = widths["u"] * tan**2 + widths["v"] * tan + widths["w"]
    g = np.sqrt(np.maximum(square, 1e-12))
    x = widths["x"] / np.cos(half) + widths["y"] * tan
    h5 = (
        g**5 + 2.69269 * g**4 * x + 2.42843 * g**3 * x**2
        + 4.47163 * g**2 * x**3 + 0.07842 * g * x**4 + x**5
    )  # fmt: skip
    h = np.maximum(h5, 1e-30) ** 0.2
    ratio = x / h
    return h, 1.36603 * ratio - 0.47719 * ratio**2 + 0.11116 * ratio**3


def _caglioti(rings: Sequence[RingWidth]) -> tuple[FitOutcome, tuple[str, ...]]:
    """Return the fit of the richest form that the rings give, and the names that are free in it."""
    angle = np.array([r.two_theta for r in rings])
    tan = np.tan(np.radians(angle) / 2)
    for gaussian in _GAUSSIAN:
        free = (*gaussian, "x", "y")
        while True:
            fit = _fitted(rings, angle, free)
            values = fit.values
            negative = [n for n in ("x", "y") if n in free and values[n] < 0]
            if not negative:
                break
            free = tuple(n for n in free if n != min(negative, key=lambda n: values[n]))
        square = values["u"] * tan**2 + values["v"] * tan + values["w"]
        sound = fit.verdict is Verdict.OK and bool(np.all(square > 0))
        if sound and (values["w"] > 0 or values["x"] > 0):
            return fit, free
    raise FitFailed("no Caglioti curve describes the widths of the rings")


def _fitted(rings: Sequence[RingWidth], angle: Array, free: tuple[str, ...]) -> FitOutcome:
    width = np.array([r.fwhm for r in rings])
    share = np.array([r.lorentzian for r in rings])
    s_width = np.array([r.fwhm_sigma for r in rings])
    s_share = np.array([r.lorentzian_sigma for r in rings])
    r = np.clip([ring.correlation for ring in rings], -0.999, 0.999)
    start = lmfit.Parameters()
    level = float(np.median(width))
    for name, value in zip(WIDTHS, (0.0, 0.0, level**2, 0.1 * level, 0.1 * level), strict=True):
        start.add(name, value if name in free else 0.0, vary=name in free)

    def residual(values: Values) -> Array:
        h, eta = _shape(angle, values)
        first = (h - width) / s_width
        second = (eta - share) / s_share
        # whitened: the errors of width and share of a ring hang together
        return np.concatenate([first, (second - r * first) / np.sqrt(1 - r**2)])

    return least_squares(residual, start, tolerance=1e-12)
