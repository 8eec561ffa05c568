"""Fourier coefficients of single lines, with their errors.

    H(L) = ∫ h(s) exp(2πi L (s - s_0)) ds,    s = 2 sin θ/λ = 1/d, L in nm

of the measured line less the other peaks and its background. Background and tails are found
together from the points beyond three FWHM: a straight line, and C/(s - s_0)², which is how size
broadening ends whatever the crystals' shape (Porod's law). Beyond the points that were measured the
integral is that of this tail; a window that ends in the tails cuts nothing off, and a background
that took some of them for its own would make small L wrong. All of it is linear in the data, so
that errors, those of background and tail included, go through exactly to ln |H(L)/H(0)|.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import sici

from xrdkit.errors import CurveError
from xrdkit.phase.peaks_data import Emission, emission_of
from xrdkit.phase.peaks_model import Peak, peak_intensity
from xrdkit.phase.widths import InstrumentWidths

Array = NDArray[np.float64]

SHAPES = ("pseudo_voigt", "gaussian", "lorentzian")
#: A line is integrated to this many FWHM on both sides, beyond so many it is a tail, and it has
#: this many points at least.
_REACH, _TAIL, _FEWEST = 12.0, 3.0, 30
#: Share of the largest length of the points' spacing (Nyquist) below which sums are integrals.
_SAMPLED = 0.6


@dataclass(frozen=True, kw_only=True)
class LineCoefficients:
    """ln |H(L)/H(0)| of one line at m lengths, from n points."""

    place: float
    """s_0, 1/nm."""
    logarithm: Array
    """(m,)"""
    errors: Array
    """Error of each from each point (m, n)."""
    farthest: float = np.inf
    """Largest L that the spacing of the points tells, nm: 0.6/(2 Δs)."""

    @property
    def sigma(self) -> Array:
        """Standard errors (m,)."""
        return np.asarray(np.sqrt(np.sum(self.errors**2, axis=1)))

    def over(self, other: "LineCoefficients") -> "LineCoefficients":
        """Return the coefficients of the line from which `other` was folded out (Stokes)."""
        return LineCoefficients(
            place=self.place,
            logarithm=self.logarithm - other.logarithm,
            errors=np.concatenate([self.errors, other.errors], axis=1),
            farthest=min(self.farthest, other.farthest),
        )


def integral_breadth(row: xr.Dataset, number: int) -> float:
    """Return the integral breadth of a peak in 1/nm of s, that of the instrument included."""
    breadth = float(row["integral_breadth"][number])
    if str(row["position"].attrs["units"]) == "1/nm":
        return breadth / (2.0 * np.pi)
    half = np.radians(float(row["position"][number]) / 2.0)
    return float(np.radians(breadth) / (2.0 * np.tan(half)) / float(row["position_d"][number]))


def line_coefficients(row: xr.Dataset, number: int, lengths: Array) -> LineCoefficients | None:
    """Return the coefficients of peak `number` of one frame of PEAKS at `lengths` (m,), nm.

    None where the line has too few points. Raises CurveError for peaks of other shapes.
    """
    shape = str(row.attrs.get("shape", ""))
    if shape not in SHAPES:
        raise CurveError(
            f"peaks of shape {shape!r} have no transform here",
            hint=f"fit them as one of: {', '.join(SHAPES)}",
        )
    emission = emission_of(row)
    x, own = _places(row), _peaks(row)
    mine = own[number]
    if mine is None:
        return None
    centre = 1.0 / float(row["position_d"][number])
    s, per_x = _reciprocal(x, row, emission)
    width = mine.fwhm * float(np.interp(mine.position, x, per_x))
    places = centre * np.array(emission.ratios)
    known = np.isfinite(row["intensity"].values) & np.isfinite(row["sigma"].values)
    known &= (s > places.min() - _REACH * width) & (s < places.max() + _REACH * width)
    tail = (s[known] < places.min() - _TAIL * width) | (s[known] > places.max() + _TAIL * width)
    if int(known.sum()) < _FEWEST or min(tail[:3].sum(), tail[-3:].sum()) < 3:
        return None
    others = np.zeros(x.size)
    for k, peak in enumerate(own):
        if peak is not None and k != number:
            others += peak_intensity(x, peak, shape, emission)
    net, sigma = (row["intensity"].values - others)[known], row["sigma"].values[known]
    s, step = s[known], np.gradient(x)[known]
    # Background and tail over x, as linear functions of the data.
    near = s[:, np.newaxis] - places
    flank = (per_x[known][:, np.newaxis] / near**2) @ np.array(emission.weights)
    columns = np.stack([np.ones(s.size), (s - centre) / width, np.where(tail, flank, 0.0)], axis=1)
    estimator = np.zeros((3, s.size))
    weighted = columns[tail] / sigma[tail][:, np.newaxis]
    estimator[:, tail] = np.linalg.pinv(weighted) / sigma[tail]
    turn = step * np.exp(2j * np.pi * np.outer(lengths, s - centre))
    beyond = _beyond(s, centre, places, np.array(emission.weights), lengths)
    linear = turn - (turn @ columns[:, :2]) @ estimator[:2] + np.outer(beyond, estimator[2])
    value = linear @ net
    whole = float(np.real(value[0]))
    if not whole > 0:
        return None
    size = np.maximum(np.abs(value), 1e-300)
    slopes = np.real(linear * np.conj(value)[:, np.newaxis]) / size[:, np.newaxis] ** 2
    slopes -= np.real(linear[0]) / whole
    return LineCoefficients(
        place=centre,
        logarithm=np.log(size / whole),
        errors=np.asarray(slopes * sigma),
        farthest=0.5 * _SAMPLED / float(np.max(step * per_x[known])),
    )


def _beyond(
    s: Array, centre: float, places: Array, weights: Array, lengths: Array
) -> NDArray[np.complex128]:
    """Return the transform (m,) of Σ w/(s - s_l)² from both ends of the points `s` outwards.

    ∫_a^∞ exp(ikv)/v² dv = exp(ika)/a + ik (-Ci(ka) + i (π/2 - Si(ka))).
    """
    total = np.zeros(lengths.size, dtype=np.complex128)
    wave = 2.0 * np.pi * lengths
    for place, weight in zip(places, weights, strict=True):
        turn = weight * np.exp(1j * wave * (place - centre))
        for end, sign in ((s[-1] - place, 1.0), (place - s[0], -1.0)):
            phase = wave * end
            sine, cosine = sici(np.maximum(phase, 1e-300))
            rest = np.where(phase > 0, wave * (-cosine + 1j * (0.5 * np.pi - sine)), 0.0)
            one = np.exp(1j * phase) / end + 1j * rest
            total += turn * (one if sign > 0 else np.conj(one))
    return total


def instrument_coefficients(
    row: xr.Dataset, number: int, lengths: Array, instrument: InstrumentWidths | None
) -> LineCoefficients:
    """Return the coefficients of the emission lines and the widths of the instrument alone."""
    emission = emission_of(row)
    centre = 1.0 / float(row["position_d"][number])
    gauss = lorentz = 0.0
    if instrument is not None:
        if emission.wavelength is None:
            raise CurveError("widths of an instrument are angles: the peaks have no wavelength")
        theta = float(np.arcsin(min(0.05 * emission.wavelength * centre, 1.0)))
        tangent = np.tan(theta)
        squared = (instrument.u * tangent + instrument.v) * tangent + instrument.w
        # ds = cos θ d(2θ)/λ, λ in nm.
        per_degree = np.radians(np.cos(theta) / (0.1 * emission.wavelength))
        gauss = float(np.sqrt(max(squared, 0.0))) * per_degree
        lorentz = (instrument.x / np.cos(theta) + instrument.y * tangent) * per_degree
    falls = -np.pi * lorentz * lengths - (np.pi * gauss * lengths) ** 2 / (4.0 * np.log(2.0))
    doublet = np.abs(_emission_turn(centre, emission, lengths))
    return LineCoefficients(
        place=centre, logarithm=falls + np.log(doublet), errors=np.zeros((lengths.size, 1))
    )


def _places(row: xr.Dataset) -> Array:
    radial = "q" if "q" in row.dims else "two_theta"
    return np.asarray(row[radial].values, dtype=float)


def _reciprocal(x: Array, row: xr.Dataset, emission: Emission) -> tuple[Array, Array]:
    """Return s (n,) in 1/nm and ds/dx."""
    if "q" in row.dims:
        return x / (2.0 * np.pi), np.full(x.size, 0.5 / np.pi)
    if emission.wavelength is None:
        raise CurveError("the peaks have no wavelength: angles tell no spacing")
    theta, nm = np.radians(x) / 2.0, 0.1 * emission.wavelength
    return 2.0 * np.sin(theta) / nm, np.radians(np.cos(theta)) / nm


def _peaks(row: xr.Dataset) -> list[Peak | None]:
    found: list[Peak | None] = []
    for k in range(row.sizes["peak"]):
        numbers = [float(row[name][k]) for name in ("area", "position", "fwhm", "eta")]
        there = all(np.isfinite(numbers))
        area, position, fwhm, eta = numbers
        found.append(Peak(area=area, position=position, fwhm=fwhm, form=eta) if there else None)
    return found


def _emission_turn(centre: float, emission: Emission, lengths: Array) -> NDArray[np.complex128]:
    offsets = (np.array(emission.ratios) - 1.0) * centre
    turned = np.exp(2j * np.pi * np.outer(lengths, offsets)) @ np.array(emission.weights)
    return np.asarray(turned, dtype=np.complex128)
