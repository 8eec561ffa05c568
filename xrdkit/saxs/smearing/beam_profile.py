"""Distribution of the beam along a slit, folded about its middle: a curve sees u² alone.

Kratky cameras: O. Kratky, G. Porod & Z. Skala, Acta Phys. Austriaca 13 (1960) 76; the trapezoid of
a uniform beam seen by a uniform detector slit is the convolution of two boxes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xrdkit.errors import CurveError, SpecError

Array = NDArray[np.float64]

#: Points of a Gaussian to each standard deviation: its variance is right to 0.3 %.
_GAUSSIAN_POINTS = 8
#: Points, beside all corners, of a profile behind a detector slit.
_SEEN_POINTS = 65
#: Largest share of a profile that may be negative, as noise about a subtracted zero is.
_NEGATIVE = 0.05


@dataclass(frozen=True, kw_only=True)
class BeamProfile:
    """Weight W(u) of rays that lie u off the plane of the scan, linear between its points."""

    points: tuple[tuple[float, float], ...]
    """(u, W) with u from 0 on, rising, in 1/nm; ∫W du = 1. Beyond the last point W is 0."""
    name: str = "measured slit"
    """What it is, for labels."""

    @classmethod
    def trapezoid(cls, flat: float, foot: float) -> Self:
        """Return the profile that is even up to `flat` and falls to zero at `foot`, 1/nm.

        A uniform beam of length A behind a detector slit of length B (full lengths, both in q)
        makes flat = |A - B|/2 and foot = (A + B)/2. Raises SpecError unless 0 <= flat <= foot.
        """
        if not (0 <= flat <= foot and 0 < foot < np.inf):
            raise SpecError(
                f"a trapezoid with flat={flat} and foot={foot} 1/nm is none",
                hint="0 <= flat <= foot, both half lengths",
            )
        height = 2.0 / (flat + foot)
        if flat == foot:
            return cls(points=((0.0, height), (foot, height)), name="even slit")
        inner = () if flat == 0 else ((flat, height),)
        return cls(points=((0.0, height), *inner, (foot, 0.0)), name="trapezoidal slit")

    @classmethod
    def gaussian(cls, sigma: float, cut: float = 3.0) -> Self:
        """Return a Gaussian of standard deviation `sigma`, 1/nm, cut at `cut` of them."""
        if not (np.isfinite(sigma) and sigma > 0 and cut > 0):
            raise SpecError(f"a Gaussian of width {sigma} 1/nm, cut at {cut}, is none")
        u = np.linspace(0.0, cut * sigma, int(np.ceil(cut * _GAUSSIAN_POINTS)) + 1)
        return cls._normalised(u, np.exp(-0.5 * (u / sigma) ** 2), "Gaussian beam")

    @classmethod
    def measured(cls, u: ArrayLike, weight: ArrayLike, *, centre: float | None = None) -> Self:
        """Return a measured profile, shape (n,), folded about `centre` (1/nm).

        `u` (1/nm, increasing) is the place along the slit, `weight` the intensity there, on any
        scale, its background subtracted. Without `centre` the centre of gravity is taken. Raises
        SpecError for what is no profile: fewer than 3 points, no weight, much of it negative.
        """
        place = np.asarray(u, dtype=np.float64)
        level = np.asarray(weight, dtype=np.float64)
        if place.ndim != 1 or place.shape != level.shape or place.size < 3:
            raise SpecError("a beam profile needs at least 3 points of place and weight")
        if not (np.all(np.isfinite(place)) and np.all(np.isfinite(level))):
            raise SpecError("a beam profile holds values that are not finite")
        if np.any(np.diff(place) <= 0):
            raise SpecError("places of a beam profile do not increase")
        negative = -float(np.trapezoid(np.minimum(level, 0.0), place))
        positive = float(np.trapezoid(np.maximum(level, 0.0), place))
        if not positive > 0 or negative > _NEGATIVE * positive:
            raise SpecError(
                "a beam profile has no weight, or much of it is negative",
                hint="subtract its background, no more",
            )
        level = np.maximum(level, 0.0)
        if centre is None:
            centre = float(np.trapezoid(place * level, place) / positive)
        if not place[0] <= centre <= place[-1]:
            raise SpecError(f"centre {centre} 1/nm lies outside the beam profile")
        away = np.unique(np.concatenate([[0.0], np.abs(place - centre)]))
        folded = np.interp(centre + away, place, level, left=0.0, right=0.0)
        folded += np.interp(centre - away, place, level, left=0.0, right=0.0)
        # Where one side ends before the other, a step stays a ramp of one point's width.
        return cls._normalised(away, folded, "measured slit")

    def seen_through(self, length: float) -> "BeamProfile":
        """Return the profile that a detector slit of the whole `length`, 1/nm, makes of this one.

        It is the mean of W over u ± length/2. Files of Anton Paar state that length
        (``slit_length_stated``). Raises SpecError for a length that is not positive.
        """
        if not (np.isfinite(length) and length > 0):
            raise SpecError(f"a detector slit of length {length} 1/nm is none")
        table = np.asarray(self.points)
        place = np.concatenate([-table[:0:-1, 0], table[:, 0]])
        level = np.concatenate([table[:0:-1, 1], table[:, 1]])
        corners = np.abs(np.add.outer(place, [-0.5 * length, 0.0, 0.5 * length])).ravel()
        even = np.linspace(0.0, self.reach + 0.5 * length, _SEEN_POINTS)
        u = np.unique(np.concatenate([even, corners[corners < even[-1]]]))
        u = u[np.concatenate([[True], np.diff(u) > 1e-9 * even[-1]])]
        upper, lower = (_integral(place, level, u + s * 0.5 * length) for s in (1.0, -1.0))
        return self._normalised(u, np.maximum(upper - lower, 0.0), f"{self.name}, detector slit")

    @classmethod
    def _normalised(cls, u: Array, weight: Array, name: str) -> Self:
        seen = np.flatnonzero(weight > 0)
        last = min(int(seen[-1]) + 2, u.size)
        u, weight = u[:last], weight[:last]
        area = float(np.trapezoid(weight, u))
        points = tuple(zip(u.tolist(), (weight / area).tolist(), strict=True))
        return cls(points=points, name=name)

    def __post_init__(self) -> None:
        table = np.asarray(self.points, dtype=np.float64)
        if table.ndim != 2 or table.shape[1] != 2 or len(table) < 2:
            raise SpecError("a beam profile needs at least 2 points (u, weight)")
        if not np.all(np.isfinite(table)):
            raise SpecError("a beam profile holds values that are not finite")
        if table[0, 0] != 0 or np.any(np.diff(table[:, 0]) <= 0):
            raise SpecError("u of a beam profile runs from 0 upwards")
        area = float(np.trapezoid(table[:, 1], table[:, 0]))
        if np.any(table[:, 1] < 0) or abs(area - 1.0) > 1e-6:
            raise SpecError(f"weights of a beam profile are negative or add up to {area}, not 1")

    @property
    def reach(self) -> float:
        """The largest u, 1/nm."""
        return float(self.points[-1][0])

    def weight(self, u: Array) -> Array:
        """Return W at `u`, 1/nm."""
        table = np.asarray(self.points)
        return np.interp(u, table[:, 0], table[:, 1], right=0.0)


def _integral(place: Array, level: Array, at: Array) -> Array:
    """Return the integral of a line through points, 0 beyond them, up to `at`."""
    steps = 0.5 * np.diff(place) * (level[1:] + level[:-1])
    below = np.concatenate([[0.0], np.cumsum(steps)])
    x = np.clip(at, place[0], place[-1])
    left = np.clip(np.searchsorted(place, x, side="right") - 1, 0, place.size - 2)
    part = x - place[left]
    here = np.interp(x, place, level)
    result: Array = below[left] + 0.5 * part * (level[left] + here)
    return result


def read_beam_profile(
    path: str | Path, *, scale: float = 1.0, centre: float | None = None
) -> BeamProfile:
    """Return the beam profile of a file: two columns of text, place along the slit and intensity.

    Lines that do not begin with two numbers (headers, XML behind a table) are passed over, so that
    .pdh files of Anton Paar are read too. `scale` brings the places to 1/nm: for lengths x on the
    detector it is 2π/(λL). `centre` is in 1/nm, after scaling; None: the centre of gravity.

    Raises CurveError for a file that cannot be read or holds no table; SpecError as
    `BeamProfile.measured`.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError) as exc:
        raise CurveError(f"cannot be read: {exc}", source=file) from exc
    rows = [row for row in map(_pair, text.splitlines()) if row is not None]
    # A header of numbers breaks the order of the places: the longest rising run is the table.
    best: list[tuple[float, float]] = []
    run: list[tuple[float, float]] = []
    for row in rows:
        run = [*run, row] if run and row[0] > run[-1][0] else [row]
        best = run if len(run) > len(best) else best
    if len(best) < 3:
        raise CurveError(
            "holds no beam profile: no three lines of rising place and intensity", source=file
        )
    table = np.array(best)
    return BeamProfile.measured(table[:, 0] * scale, table[:, 1], centre=centre)


def _pair(line: str) -> tuple[float, float] | None:
    tokens = line.replace(",", " ").replace(";", " ").split()
    try:
        return float(tokens[0]), float(tokens[1])
    except (ValueError, IndexError):
        return None
