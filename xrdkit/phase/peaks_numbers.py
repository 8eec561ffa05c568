"""The numbers of one fitted peak with their errors."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import Verdict
from xrdkit.phase.peak_shapes import height_factor, voigt_widths
from xrdkit.phase.peaks_data import PeakData
from xrdkit.phase.peaks_group_fit import FittedGroup
from xrdkit.phase.peaks_spec import PeakSpec

Array = NDArray[np.float64]

NAMES = (
    "position",
    "position_q",
    "position_d",
    "area",
    "height",
    "fwhm",
    "integral_breadth",
    "eta",
    "exponent",
    "asymmetry",
    "fwhm_gauss",
    "fwhm_lorentz",
)
_STEP = 1e-5


@dataclass(frozen=True, kw_only=True)
class PeakNumbers:
    """What is reported of one peak."""

    values: dict[str, float]
    """By the names in `NAMES`."""
    sigmas: dict[str, float]
    """Standard errors; NaN where a number was not free."""
    by_source: dict[str, Array]
    """Errors of position, area and FWHM from each source, where sources are named."""
    significance: float
    """Area over its error at known shape."""
    gof: float
    """Goodness of fit of the group."""
    group: int
    """Number of the group in the frame."""
    verdict: Verdict
    """What the numbers are worth."""


def peak_numbers(
    fit: FittedGroup,
    number: int,
    data: PeakData,
    spec: PeakSpec,
    *,
    significance: float,
    group: int,
    verdict: Verdict,
) -> PeakNumbers:
    """Return the numbers of a peak of a group; errors of derived ones by the delta method."""
    peak = fit.peaks[number]
    weight = max(data.emission.weights)
    top, top_slope = height_factor(spec.shape, peak.form)
    height = weight * peak.area * top / peak.fwhm
    values = {
        "position": peak.position,
        "area": peak.area,
        "fwhm": peak.fwhm,
        "height": height,
        "integral_breadth": peak.fwhm / top,
        "eta": peak.form,
        "exponent": 1.0 / max(peak.form, 1e-12),
        "asymmetry": peak.asymmetry,
    }
    gradients: dict[str, dict[str, float]] = {
        "position": {"position": 1.0},
        "area": {"area": 1.0},
        "fwhm": {"fwhm": 1.0},
        "height": {
            "area": height / peak.area,
            "fwhm": -height / peak.fwhm,
            "form": height * top_slope / top,
        },
        "integral_breadth": {"fwhm": 1.0 / top, "form": -peak.fwhm * top_slope / top**2},
        "eta": {"form": 1.0},
        "exponent": {"form": -(values["exponent"] ** 2)},
        "asymmetry": {"asymmetry": 1.0},
    }
    q, slope = _scattering_vector(peak.position, data)
    values |= {"position_q": q, "position_d": 2.0 * np.pi / q}
    gradients["position_q"] = {"position": slope}
    gradients["position_d"] = {"position": -2.0 * np.pi / q**2 * slope}
    if spec.shape != "pearson7":
        eta = peak.form
        gauss, lorentz = voigt_widths(peak.fwhm, eta)
        low, high = max(eta - _STEP, 0.0), min(eta + _STEP, 1.0)
        ends = voigt_widths(peak.fwhm, low), voigt_widths(peak.fwhm, high)
        for k, (name, width) in enumerate((("fwhm_gauss", gauss), ("fwhm_lorentz", lorentz))):
            values[name] = width
            by_eta = (ends[1][k] - ends[0][k]) / (high - low)
            gradients[name] = {"fwhm": width / peak.fwhm, "form": by_eta}
    sigmas = {name: _sigma(fit, number, gradients[name]) for name in gradients}
    by_source = {}
    if data.named is not None:
        for name in ("position", "area", "fwhm"):
            by_source[name] = fit.outcome.sources_of(fit.gradient(number, name))
    return PeakNumbers(
        values=values,
        sigmas=sigmas,
        by_source=by_source,
        significance=significance,
        gof=fit.outcome.gof,
        group=group,
        verdict=verdict,
    )


def _sigma(fit: FittedGroup, number: int, gradient: dict[str, float]) -> float:
    total: dict[str, float] = {}
    for name, slope in gradient.items():
        total |= fit.gradient(number, name, slope)
    known = {name: slope for name, slope in total.items() if name in fit.outcome.names}
    return fit.outcome.sigma_of(known) if known else float("nan")


def _scattering_vector(position: float, data: PeakData) -> tuple[float, float]:
    """Return q in 1/nm and its derivative by the position; NaN without a wavelength."""
    if data.radial == "q":
        return position, 1.0
    wavelength = data.emission.wavelength
    if wavelength is None:
        return float("nan"), float("nan")
    half = np.radians(position) / 2.0
    scale = 40.0 * np.pi / wavelength
    return float(scale * np.sin(half)), float(scale * np.cos(half) * np.pi / 360.0)
