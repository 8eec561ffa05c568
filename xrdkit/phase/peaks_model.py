"""A group of peaks on a polynomial, with the derivatives by all parameters.

y(x) = Σ_p A_p Σ_l w_l Ω(x - x_pl; H_p, form_p, a_p) + Σ_j b_j T_j(x)

A is the area, Ω has area 1 (`peak_shapes`), l runs over the emission lines of the beam with Bragg's
law between their positions, T are Chebyshev polynomials over the group. A point after integration
is the mean over its bin; with s the spread of its pixels it is (y(x + s) + y(x - s))/2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import Table
from xrdkit.phase.background import chebyshev_rows
from xrdkit.phase.peak_kernels import add_peak, add_slopes
from xrdkit.phase.peak_shapes import FORMS, height_factor, peak_curve
from xrdkit.phase.peaks_data import Emission

Array = NDArray[np.float64]
Values = Mapping[str, float]

OWN = ("area", "position", "fwhm", "form", "asymmetry")
#: How far, in FWHM of the start, a position may move, and by what factor a width may change.
_ROOM, _FACTOR = 2.0, 8.0
_ASYMMETRY_ROOM = 0.8


@dataclass(frozen=True, kw_only=True)
class Peak:
    """Numbers of one peak, those of the strongest emission line."""

    area: float
    """Over all emission lines, unit of intensity times that of the radial coordinate."""
    position: float
    """Of the top, radial coordinate."""
    fwhm: float
    """Full width at half maximum of one emission line."""
    form: float
    """η, or 1/m for pearson7."""
    asymmetry: float = 0.0
    """(H_before - H_behind)/(H_before + H_behind)."""
    label: int = -1
    """Number of the position that was asked for; -1 where none was."""

    def height(self, shape: str) -> float:
        """Return the height of one emission line with all the area."""
        return self.area * height_factor(shape, self.form)[0] / self.fwhm


def peak_key(number: int, name: str) -> str:
    """Return the name of a parameter of a peak of a group."""
    return f"peak{number}_{name}"


def peak_intensity(x: Array, peak: Peak, shape: str, emission: Emission) -> Array:
    """Return the intensity of one peak with all its emission lines at x (n,)."""
    total = np.zeros_like(x)
    for centre, weight in zip(emission.centres(peak.position)[0], emission.weights, strict=True):
        if not np.isfinite(centre):
            continue
        area = peak.area * weight
        if shape == "pearson7":
            curve = peak_curve(shape, x - centre, peak.fwhm, peak.form, peak.asymmetry)[0]
            total += area * curve
        else:
            add_peak(x, centre, peak.fwhm, peak.form, peak.asymmetry, area, total)
    return total


class GroupModel:
    """The model of one group on its points.

    Parameters are held in natural units: areas and widths over those of the start, positions as
    shifts in start widths, background terms over a level.
    """

    def __init__(
        self,
        peaks: Sequence[Peak],
        x: Array,
        spread: Array,
        *,
        shape: str,
        emission: Emission,
        terms: int,
        level: float,
        shared_form: bool,
        limits: tuple[float, float],
    ) -> None:
        self.peaks, self.shape, self.emission = tuple(peaks), shape, emission
        self.x, self.terms, self.level = x, terms, level
        self.shared = shared_form and len(peaks) > 1
        self._places = [x] if not np.any(spread > 0) else [x - spread, x + spread]
        low, high = limits
        self.rows = chebyshev_rows(x, low, high if high > low else low + 1.0, terms)
        self._limits = limits

    def unit(self, name: str) -> float:
        """Return the physical size of one natural unit of a parameter."""
        if name.startswith("background"):
            return self.level
        number, _, own = name.removeprefix("peak").partition("_")
        peak = self.peaks[int(number)]
        return {"area": peak.area, "position": peak.fwhm, "fwhm": peak.fwhm}.get(own, 1.0)

    def parameters(self, background: Array, *, smallest_width: float) -> Table:
        """Return the start in natural units; `background` are its terms in the unit of y."""
        form = FORMS[self.shape]
        values: dict[str, float] = {}
        bounds: dict[str, tuple[float, float]] = {}
        free: list[str] = []
        for k, peak in enumerate(self.peaks):
            free_form = form.free and not (self.shared and k > 0)
            split = form.split and not (self.shared and k > 0)
            narrowest = min(max(smallest_width / peak.fwhm, 1.0 / _FACTOR), 0.999)
            entries = {
                "area": (1.0, -np.inf, np.inf, True),
                "position": (0.0, -_ROOM, _ROOM, True),
                "fwhm": (1.0, narrowest, _FACTOR, True),
                "form": (peak.form, *form.bounds, free_form),
                "asymmetry": (peak.asymmetry, -_ASYMMETRY_ROOM, _ASYMMETRY_ROOM, split),
            }
            for name, (value, low, high, vary) in entries.items():
                key = peak_key(k, name)
                values[key] = min(max(value, low), high)
                if np.isfinite(low):
                    bounds[key] = (low, high)
                if vary:
                    free.append(key)
        for j in range(self.terms):
            values[f"background{j}"] = float(background[j]) / self.level
            free.append(f"background{j}")
        return Table(values=values, free=tuple(free), bounds=bounds)

    def peak(self, values: Values, number: int) -> Peak:
        """Return the numbers of a peak at `values` in natural units."""
        start = self.peaks[number]
        source = 0 if self.shared else number
        return Peak(
            area=values[peak_key(number, "area")] * start.area,
            position=start.position + values[peak_key(number, "position")] * start.fwhm,
            fwhm=values[peak_key(number, "fwhm")] * start.fwhm,
            form=values[peak_key(source, "form")],
            asymmetry=values[peak_key(source, "asymmetry")],
            label=start.label,
        )

    def background(self, values: Values) -> Array:
        """Return the polynomial (n,)."""
        terms = np.array([values[f"background{j}"] for j in range(self.terms)])
        return np.asarray(self.level * terms @ self.rows)

    def intensity(self, values: Values) -> Array:
        """Return the calculated intensity (n,)."""
        total = self.background(values)
        for k in range(len(self.peaks)):
            peak = self.peak(values, k)
            for place in self._places:
                total = total + peak_intensity(place, peak, self.shape, self.emission) / len(
                    self._places
                )
        return total

    def slopes(self, values: Values, names: Sequence[str]) -> Array:
        """Return the derivatives by `names` in natural units, (len(names), n)."""
        at = {name: row for row, name in enumerate(names)}
        out = np.zeros((len(names), self.x.size))
        for j in range(self.terms):
            if f"background{j}" in at:
                out[at[f"background{j}"]] = self.level * self.rows[j]
        for k in range(len(self.peaks)):
            owner = 0 if self.shared else k
            rows = {
                "area": at.get(peak_key(k, "area")),
                "position": at.get(peak_key(k, "position")),
                "fwhm": at.get(peak_key(k, "fwhm")),
                "form": at.get(peak_key(owner, "form")),
                "asymmetry": at.get(peak_key(owner, "asymmetry")),
            }
            self._add(out, rows, self.peak(values, k), self.peaks[k])
        return out

    def _add(self, out: Array, rows: Mapping[str, int | None], peak: Peak, start: Peak) -> None:
        centres, stretch = self.emission.centres(peak.position)
        factors = np.array(
            [start.area, 0.0, peak.area * start.fwhm, peak.area, peak.area], dtype=float
        )
        places = np.array(
            [-1 if rows[name] is None else rows[name] for name in OWN], dtype=np.int64
        )
        for place in self._places:
            for centre, moves, weight in zip(centres, stretch, self.emission.weights, strict=True):
                if not np.isfinite(centre):
                    continue
                factors[1] = -peak.area * moves * start.fwhm
                each = weight / len(self._places) * factors
                if self.shape != "pearson7":
                    own = (peak.fwhm, peak.form, peak.asymmetry)
                    add_slopes(place, centre, *own, each, places, out)
                    continue
                curves = peak_curve(
                    self.shape, place - centre, peak.fwhm, peak.form, peak.asymmetry
                )
                for row, factor, curve in zip(places, each, curves, strict=True):
                    if row >= 0:
                        out[row] += factor * curve
