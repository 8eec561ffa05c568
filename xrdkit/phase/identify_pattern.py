"""A pattern without its background, from which areas and centres of windows are read at once."""

import numpy as np
from numpy.typing import NDArray

from xrdkit.phase.positions import bragg_angle

Array = NDArray[np.float64]
Index = NDArray[np.int64]

#: A step so many times those beside it is a gap in the data.
_GAP = 5.0


class NetPattern:
    """A pattern without its background, cumulated over its points."""

    def __init__(
        self,
        two_theta: Array,
        net: Array,
        sigma: Array,
        *,
        wavelengths: tuple[float, ...],
        weights: tuple[float, ...],
        fwhm: float,
    ) -> None:
        """`net` intensity and `sigma` (n,) at `two_theta`; lines of FWHM `fwhm`, degree."""
        self.x, self.fwhm = two_theta, fwhm
        self.wavelength = float(np.dot(wavelengths, weights))
        major = [w for w, s in zip(wavelengths, weights, strict=True) if s > 0.1]
        self._first, self._last = min(major), max(major)
        self._gap = _gaps(two_theta)
        step = _steps(two_theta, self._gap)
        # Cumulated: before each point, (n + 1,).
        self.area = np.concatenate([[0.0], np.cumsum(net * step)])
        self._moment = np.concatenate([[0.0], np.cumsum(net * step * two_theta)])
        self._variance = np.concatenate([[0.0], np.cumsum((sigma * step) ** 2)])
        self.total = float(np.sum(np.maximum(net, 0.0) * step))

    def in_gap(self, inverse: Array) -> NDArray[np.bool_]:
        """Return which lines of 1/d² `inverse` (1/nm²) lie in gaps of the data."""
        behind = np.searchsorted(self.x, bragg_angle(inverse, self.wavelength))
        return np.asarray(self._gap[np.clip(behind - 1, 0, self._gap.size - 1)])

    def windows(
        self, inverse: Array, reach: float = 1.0, shift: Array | float = 0.0
    ) -> tuple[Index, Index]:
        """Return first and last point of the windows of lines (any shape); empty beyond the ends.

        They reach `reach` FWHM beyond the outer emission lines, which lie `shift` cos θ (degree)
        lower than Bragg's law says.
        """
        low = bragg_angle(inverse, self._first) - reach * self.fwhm
        high = bragg_angle(inverse, self._last) + reach * self.fwhm
        if np.any(shift):
            sine = 0.05 * self.wavelength * np.sqrt(inverse)
            lower = shift * np.sqrt(np.maximum(1.0 - sine**2, 0.0))
            low, high = low - lower, high - lower
        outside = ~((low > self.x[0]) & (high < self.x[-1]))
        first = np.searchsorted(self.x, np.where(outside, self.x[0], low))
        last = np.searchsorted(self.x, np.where(outside, self.x[0], high))
        return first.astype(np.int64), np.maximum(last, first).astype(np.int64)

    def areas(self, first: Index, last: Index) -> tuple[Array, Array]:
        """Return net areas in windows and their standard errors."""
        return (
            self.area[last] - self.area[first],
            np.sqrt(self._variance[last] - self._variance[first]),
        )

    def centres(self, first: Index, last: Index) -> Array:
        """Return the centres of gravity of windows, degree; NaN without net area."""
        area = self.area[last] - self.area[first]
        moment = self._moment[last] - self._moment[first]
        return np.asarray(np.divide(moment, area, out=np.full(area.shape, np.nan), where=area > 0))


def _gaps(x: Array) -> NDArray[np.bool_]:
    """Return which steps (n - 1,) are gaps: much longer than those on both sides."""
    step = np.diff(x)
    around = np.maximum(np.append(step[1:], 0.0), np.insert(step[:-1], 0, 0.0))
    return np.asarray(step > _GAP * around)


def _steps(x: Array, gap: NDArray[np.bool_]) -> Array:
    """Return the width of each point (n,), which does not reach into gaps."""
    if not gap.any():
        return np.gradient(x)
    half = 0.5 * np.where(gap, 0.0, np.diff(x))
    before, behind = np.insert(half, 0, 0.0), np.append(half, 0.0)
    # A point beside a gap or at an end is as wide as it is on its other side.
    return np.where(before == 0, behind, before) + np.where(behind == 0, before, behind)
