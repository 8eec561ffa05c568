"""The checked columns of a curve: what every reader hands over and every Dataset is built from."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xrdkit.errors import CurveError

Array = NDArray[np.float64]

#: A curve with fewer points than this determines nothing that this package fits.
MIN_POINTS = 10


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Abscissa, intensity and standard error of one curve, in the units of their source."""

    abscissa: Array
    """q or two_theta, shape (n,)."""
    intensity: Array
    """Intensity, shape (n,)."""
    sigma: Array | None
    """Standard error of the intensity, shape (n,); None where the source has none."""
    resolution: Array | None = None
    """Standard deviation of the abscissa behind each point, shape (n,); None where not known."""
    lines: NDArray[np.int64] | None = None
    """Line of the file of each point, shape (n,), counted from 1; None for arrays."""
    source: str | None = None
    """File name for messages."""

    def place(self, index: int) -> str:
        """Return how a message names the point `index`: by line of the file, or by number."""
        return f"point {index}" if self.lines is None else f"line {self.lines[index]}"

    def select(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> "Columns":
        """Return the points where `keep` is true, or those whose numbers it lists."""
        return replace(
            self,
            abscissa=self.abscissa[keep],
            intensity=self.intensity[keep],
            sigma=None if self.sigma is None else self.sigma[keep],
            resolution=None if self.resolution is None else self.resolution[keep],
            lines=None if self.lines is None else self.lines[keep],
        )


def columns(
    abscissa: ArrayLike,
    intensity: ArrayLike,
    sigma: ArrayLike | None,
    resolution: ArrayLike | None = None,
) -> Columns:
    """Return arrays as `Columns`; raise CurveError where they are not numbers of equal length."""
    named = {"abscissa": abscissa, "intensity": intensity}
    if sigma is not None:
        named["sigma"] = sigma
    if resolution is not None:
        named["resolution"] = resolution
    arrays = {name: _numbers(name, values) for name, values in named.items()}
    for name, array in arrays.items():
        if array.ndim != 1:
            raise CurveError(
                f"{name} has {array.ndim} dimensions, a curve has one",
                hint="join the curves of a series with xarray.concat(curves, dim='frame')",
            )
        if array.size != arrays["abscissa"].size:
            raise CurveError(
                f"{name} has {array.size} values, the abscissa has {arrays['abscissa'].size}"
            )
    return Columns(
        abscissa=arrays["abscissa"],
        intensity=arrays["intensity"],
        sigma=arrays.get("sigma"),
        resolution=arrays.get("resolution"),
    )


def checked(
    curve: Columns,
    *,
    name: str,
    within: tuple[float, float] | None = None,
    sort: bool = False,
) -> tuple[Columns, int]:
    """Return the usable points of `curve`, and how many rows held NaN and were dropped.

    `name` is what the abscissa is called in messages; `within` keeps low <= abscissa <= high, in
    the unit of the abscissa; `sort` puts the points in order. Left must be at least 10 points with
    a positive, strictly increasing abscissa, a positive sigma and a resolution of 0 or more. Raises
    CurveError naming the file, the line and the remedy.
    """
    stated = (curve.abscissa, curve.intensity, curve.sigma, curve.resolution)
    numbers = [a for a in stated if a is not None]
    with_nan = np.logical_or.reduce([np.isnan(a) for a in numbers])
    dropped = int(with_nan.sum())
    kept = curve.select(~with_nan)
    if within is not None:
        low, high = within
        if not 0 <= low < high:
            raise CurveError(f"range {within} is not 0 <= low < high", source=curve.source)
        kept = kept.select((kept.abscissa >= low) & (kept.abscissa <= high))
    if sort:
        kept = kept.select(np.argsort(kept.abscissa, kind="stable"))
    _check(kept, name)
    if kept.abscissa.size < MIN_POINTS:
        raise CurveError(
            f"{kept.abscissa.size} usable points, at least {MIN_POINTS} are needed"
            f" ({dropped} rows with NaN were dropped)",
            source=curve.source,
        )
    return kept, dropped


def _check(curve: Columns, name: str) -> None:
    def refuse(bad: NDArray[np.bool_], what: str, hint: str) -> None:
        if bad.any():
            first = int(np.argmax(bad))
            raise CurveError(
                f"{curve.place(first)}: {what} ({int(bad.sum())} such)",
                source=curve.source,
                hint=hint,
            )

    leave_out = "leave such points out, by range=(low, high) when reading a file"
    for label, values in ((name, curve.abscissa), ("intensity", curve.intensity)):
        refuse(np.isinf(values), f"{label} is infinite", "mark missing values as NaN")
    refuse(curve.abscissa <= 0, f"{name} is not positive", leave_out)
    steps = np.diff(curve.abscissa, prepend=-np.inf)
    refuse(steps == 0, f"{name} repeats the value before it", "average the repeated points")
    refuse(
        steps < 0, f"{name} is smaller than the value before it", "sort=True puts points in order"
    )
    if curve.sigma is not None:
        bad = ~((curve.sigma > 0) & np.isfinite(curve.sigma))
        refuse(
            bad,
            "the standard error is zero, negative or infinite",
            "give positive standard errors, or none at all: columns=(0, 1) reads a file without",
        )
    if curve.resolution is not None:
        refuse(
            ~((curve.resolution >= 0) & np.isfinite(curve.resolution)),
            f"the resolution of {name} is negative or infinite",
            "a resolution is a standard deviation; columns=(0, 1, 2) reads a file without it",
        )


def _numbers(name: str, values: ArrayLike) -> Array:
    try:
        array = np.asarray(values)
        if np.iscomplexobj(array):
            raise CurveError(f"{name} is complex, a curve is real")
        return array.astype(np.float64)
    except CurveError:
        raise
    except (TypeError, ValueError) as exc:
        raise CurveError(f"{name} does not consist of numbers") from exc
