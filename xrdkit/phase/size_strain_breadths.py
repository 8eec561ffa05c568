"""The breadth of the sample's own lines: single peaks less the instrument."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import CurveError
from xrdkit.phase.peak_shapes import height_factor, voigt_widths
from xrdkit.phase.positions import two_theta_of_q
from xrdkit.phase.profile_function import combined_width
from xrdkit.phase.widths import InstrumentWidths

Array = NDArray[np.float64]

_STEP = 1e-4


@dataclass(frozen=True, kw_only=True)
class Breadths:
    """Sample broadening of the usable peaks of one frame, in 1/nm of s* = 2 sin θ/λ = 1/d."""

    usable: NDArray[np.bool_]
    """Which peaks of the frame these are."""
    position: Array
    """1/d of each peak (n,)."""
    integral: Array
    """Integral breadth (n,)."""
    integral_sigma: Array
    """Its standard error."""
    gauss_squared: Array
    """Square of the integral breadth of the Gaussian part (n,); negative where noise makes a peak
    less Gaussian than the instrument, which must not be cut off if means are to be right."""
    gauss_squared_sigma: Array
    """Its standard error."""
    lorentz: Array
    """Integral breadth of the Lorentzian part (n,), of either sign for the same reason."""
    lorentz_sigma: Array
    """Its standard error."""
    narrower: int
    """How many peaks were left out because they are no wider than the instrument."""


def voigt_breadth(gauss: float, lorentz: float) -> float:
    """Return the integral breadth of the pseudo-Voigt of a Gaussian and a Lorentzian FWHM."""
    if not gauss + lorentz > 0:
        return 0.0
    h, eta = combined_width(np.array(gauss), np.array(lorentz))
    return float(h) / height_factor("pseudo_voigt", float(eta))[0]


def sample_breadths(peaks: xr.Dataset, frame: int, instrument: InstrumentWidths | None) -> Breadths:
    """Return the breadths of one frame of a PEAKS Dataset after removal of the instrument.

    Gaussian parts are subtracted in quadrature, Lorentzian ones linearly, as a convolution of
    Voigts adds them. FWHM and η of a peak are correlated; their covariance follows from the stated
    error of the integral breadth, which depends on both.

    Raises CurveError for peaks of a shape without Voigt widths or without a wavelength.
    """
    if str(peaks.attrs.get("shape", "")) == "pearson7":
        raise CurveError(
            "a Pearson VII has no Gaussian and Lorentzian part",
            hint="fit the peaks with shape='pseudo_voigt'",
        )
    rows = peaks.isel(frame=frame) if "frame" in peaks.dims else peaks
    if "position_d" not in rows:
        raise CurveError("the peaks have no lattice spacing: the profile had no wavelength")
    spacing, unit = rows["position_d"].values, str(rows["position"].attrs["units"])
    angle = _angles(rows, unit, needed=instrument is not None)
    ok = (rows["peak_verdict"].values.astype(str) == "ok") & np.isfinite(spacing)
    found: list[tuple[float, ...]] = []
    usable = np.zeros(spacing.size, dtype=bool)
    narrower = 0
    for k in np.flatnonzero(ok):
        theta = np.radians(angle[k]) / 2.0
        # A breadth in 2θ (degree) or q (1/nm) times this is one in s*.
        scale = (
            1.0 / (2.0 * np.pi)
            if unit == "1/nm"
            else np.pi / 180.0 / (2.0 * spacing[k] * np.tan(theta))
        )
        gauss, lorentz = (0.0, 0.0) if instrument is None else _instrument(instrument, theta)
        if unit == "1/nm" and instrument is not None:
            # Widths of an instrument are in degree: dq = q cot(θ)/2 d(2θ).
            per_degree = np.pi / spacing[k] / np.tan(theta) * np.pi / 180.0
            gauss, lorentz = gauss * per_degree, lorentz * per_degree
        numbers = _one(rows.isel(peak=k), gauss, lorentz)
        if numbers is None:
            narrower += 1
            continue
        usable[k] = True
        powers = (1, 1, 2, 2, 1, 1)
        found.append(tuple(scale**n * v for n, v in zip(powers, numbers, strict=True)))
    table = np.array(found).reshape(-1, 6).T
    return Breadths(
        usable=usable,
        position=1.0 / spacing[usable],
        integral=table[0],
        integral_sigma=table[1],
        gauss_squared=table[2],
        gauss_squared_sigma=table[3],
        lorentz=table[4],
        lorentz_sigma=table[5],
        narrower=narrower,
    )


def _angles(rows: xr.Dataset, unit: str, *, needed: bool) -> Array:
    if unit == "degree":
        return np.asarray(rows["position"].values, dtype=float)
    if "wavelength" not in rows.coords:
        if needed:
            raise CurveError(
                "widths of an instrument are angles, and these peaks over q have no wavelength"
            )
        return np.full(rows.sizes["peak"], 90.0)
    wavelength = float(np.atleast_1d(rows["wavelength"].values)[0])
    return two_theta_of_q(rows["position"].values, wavelength)


def _instrument(widths: InstrumentWidths, theta: float) -> tuple[float, float]:
    """Return the Gaussian and Lorentzian FWHM of the instrument, degree."""
    tangent = np.tan(theta)
    squared = widths.u * tangent**2 + widths.v * tangent + widths.w
    return float(np.sqrt(max(squared, 0.0))), float(widths.x / np.cos(theta) + widths.y * tangent)


def _one(row: xr.Dataset, gauss: float, lorentz: float) -> tuple[float, ...] | None:
    """Return the integral breadth, the Gaussian one squared and the Lorentzian one, with errors.

    None where the peak is no wider than the instrument. In the unit of the FWHM; `gauss` and
    `lorentz` are the FWHM of the instrument.
    """
    h, eta = float(row["fwhm"]), float(np.clip(row["eta"], 0.0, 1.0))
    covariance = _covariance(row, h, eta)

    def parts(width: float, form: float) -> tuple[float, float, float]:
        own = voigt_widths(width, float(np.clip(form, 0.0, 1.0)))
        squared, x = own[0] ** 2 - gauss**2, own[1] - lorentz
        return (
            _signed_breadth(squared, x),
            squared / height_factor("gaussian", 0.0)[0] ** 2,
            x / height_factor("lorentzian", 1.0)[0],
        )

    centre = np.array(parts(h, eta))
    if not centre[0] > 0:
        return None
    by_width = (np.array(parts(h * (1 + _STEP), eta)) - np.array(parts(h * (1 - _STEP), eta))) / (
        2 * _STEP * h
    )
    low, high = max(eta - _STEP, 0.0), min(eta + _STEP, 1.0)
    by_form = (np.array(parts(h, high)) - np.array(parts(h, low))) / (high - low)
    gradient = np.stack([by_width, by_form])
    variance = np.einsum("ij,ik,kj->j", gradient, covariance, gradient)
    sigma = np.sqrt(np.maximum(variance, 0.0))
    if not (np.isfinite(sigma[0]) and sigma[0] > 0):
        return None
    return tuple(float(v) for pair in zip(centre, sigma, strict=True) for v in pair)


def _signed_breadth(squared: float, lorentz: float) -> float:
    """Return the breadth of a Voigt whose parts may come out negative: odd about none."""
    gauss = float(np.sqrt(abs(squared)))
    bare, whole = voigt_breadth(0.0, abs(lorentz)), voigt_breadth(gauss, abs(lorentz))
    if lorentz >= 0:
        return whole if squared >= 0 else 2.0 * bare - whole
    alone = voigt_breadth(gauss, 0.0) * float(np.sign(squared))
    return 2.0 * alone - whole if squared >= 0 else -whole


def _covariance(row: xr.Dataset, h: float, eta: float) -> Array:
    """Return the covariance of FWHM and η."""
    width, form = float(row["fwhm_sigma"]), float(row["eta_sigma"])
    if not np.isfinite(form):
        return np.array([[width**2, 0.0], [0.0, 0.0]])
    top, slope = height_factor("pseudo_voigt", eta)
    to_width, to_form = 1.0 / top, -h * slope / top**2
    breadth = float(row["integral_breadth_sigma"])
    mixed = (breadth**2 - (to_width * width) ** 2 - (to_form * form) ** 2) / (
        2 * to_width * to_form
    )
    mixed = float(np.clip(mixed, -width * form, width * form))
    return np.array([[width**2, mixed], [mixed, form**2]])
