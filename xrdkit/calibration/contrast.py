"""The radial profile of a calibrant frame, held against the rings that should be in it."""

import numpy as np
from numpy.typing import NDArray

from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]
Bool = NDArray[np.bool_]

_PER_PX = 2
_FARTHEST = 1e5
#: by how much rings are moved outward or inward to see what chance gives
_DECOYS = tuple(1.0 + side * step for step in np.arange(0.025, 0.125, 0.01) for side in (-1, 1))
#: One spot or one strong ring must not speak for the others.
_LOUDEST = 20.0
_SURE = 8.0
_STRONG = 0.3
#: nothing is below this share of the rings around, where those would be seen
_NOTHING, _SEEN = 0.02, 6.0


class RadialProfile:
    """Mean counts over the radius tan 2θ, and how much it stands out anywhere."""

    def __init__(self, frame: CalibrantFrame, calibration: Calibration, width: float) -> None:
        """Average `frame` over azimuth under `calibration`; `width` is that of rings, pixel."""
        shape = (frame.counts.shape[0], frame.counts.shape[1])
        self._calibration = calibration
        radius = self.radius(calibration.two_theta(shape)[frame.valid])
        keep = np.isfinite(radius) & (radius < _FARTHEST)
        place = (radius[keep] * _PER_PX).astype(int)
        counts = frame.counts[frame.valid][keep]
        number = np.bincount(place).astype(float)
        parts = (
            np.bincount(place, weights=counts),
            np.bincount(place, weights=counts**2),
            number,
        )
        self._sums = [np.concatenate([[0.0], np.cumsum(part)]) for part in parts]
        self._bins = number.size
        self._half = max(1, round(width * _PER_PX / 2))

    def radius(self, two_theta: Array) -> Array:
        """Return the radius in pixels that an angle in rad has on an untilted detector."""
        detector = self._calibration.detector
        pixel = np.sqrt(detector.pixel_size_y * detector.pixel_size_x)
        with np.errstate(divide="ignore", invalid="ignore"):
            radius = self._calibration.direct_distance * np.tan(two_theta) / pixel
        return np.where(two_theta < np.pi / 2, radius, np.inf)

    def height(self, radius: Array) -> tuple[Array, Array]:
        """Return by how many counts the profile at `radius` exceeds both sides, and its error.

        Both are NaN where the profile does not reach far enough on either side.
        """
        half = self._half
        at = np.rint(np.where(radius < _FARTHEST, radius, _FARTHEST) * _PER_PX).astype(int)
        inside = (at >= 3 * half) & (at < self._bins - 3 * half)
        at = np.where(inside, at, 3 * half)
        top, noise = self._mean(at - half, at + half + 1)
        left, noise_left = self._mean(at - 3 * half, at - 2 * half + 1)
        right, noise_right = self._mean(at + 2 * half, at + 3 * half + 1)
        height = top - 0.5 * (left + right)
        error = np.sqrt(noise + 0.25 * (noise_left + noise_right))
        return np.where(inside, height, np.nan), np.where(inside, error, np.nan)

    def _mean(self, low: Array, high: Array) -> tuple[Array, Array]:
        low, high = np.clip(low, 0, self._bins), np.clip(high, 0, self._bins)
        total, square, number = (part[high] - part[low] for part in self._sums)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / number
            return mean, np.maximum(square / number - mean**2, 0.0) / number

    def contrast(self, two_theta: Array) -> float:
        """Return how much the profile stands out at rings of `two_theta` (rad), against chance.

        The mean height in standard errors over the rings, each at most 20, is divided by the
        largest that rings displaced by 2.5 to 12 % give.
        """
        rings = self.radius(two_theta)
        best = max(self._score(rings * scale) for scale in _DECOYS)
        return self._score(rings) / max(best, 1.0)

    def _score(self, radius: Array) -> float:
        height, error = self.height(radius)
        with np.errstate(invalid="ignore", divide="ignore"):
            z = height / error
        z = z[np.isfinite(z)]
        return float(np.mean(np.clip(z, -_LOUDEST, _LOUDEST))) if z.size else 0.0

    def unexplained(self, two_theta: Array, found: Array) -> Array:
        """Return the radii (pixel) of strong rings that are not at any of `two_theta` (rad).

        Strong is a local maximum by 8 standard errors and 0.3 times the median height of the rings
        `found` (rad), anywhere from the innermost ring of `two_theta` outward.
        """
        rings = self.radius(two_theta)
        peaks = self.peaks(0.95 * float(rings[0]), self.radius(found))
        tolerance = max(3.0, 2.0 * self._half / _PER_PX * 1.5)
        away = [float(np.min(np.abs(rings - r), initial=np.inf)) > tolerance for r in peaks]
        return peaks[np.array(away, dtype=bool)]

    def peaks(self, inner: float, like: Array) -> Array:
        """Return the radii from `inner` outward at which strong rings are, pixel.

        Strong is as in `unexplained`, rings at the radii `like` being those that count.
        """
        at = np.arange(inner, self._bins / _PER_PX, 1.0 / _PER_PX)
        height, error = self.height(at)
        known = self.height(like)[0]
        known = known[np.isfinite(known)]
        if not known.size:
            return np.empty(0)
        typical = float(np.median(known))
        height = np.where(np.isfinite(height), height, -np.inf)
        peak = np.zeros(at.size, dtype=bool)
        reach = 2 * self._half
        for k in np.flatnonzero((height > _STRONG * typical) & (height > _SURE * error)):
            peak[k] = height[k] == height[max(0, k - reach) : k + reach + 1].max()
        return at[peak]

    def dark(self, radius: Array, like: Array) -> Bool:
        """Return whether nothing is at each of `radius` where rings as at `like` would be seen.

        Both are in pixels. Nothing is less than two standard errors and 0.02 times the median
        height of the six nearest of `like`; seen would be what stands out by six.
        """
        height, error = self.height(radius)
        known = self.height(like)[0]
        usable = np.isfinite(known)
        if np.count_nonzero(usable) < 2:
            return np.zeros(radius.size, dtype=bool)
        known, places = known[usable], like[usable]
        result = np.zeros(radius.size, dtype=bool)
        for k in np.flatnonzero(np.isfinite(height) & (error > 0)):
            near = np.argsort(np.abs(places - radius[k]))[:6]
            around = float(np.median(known[near]))
            if around >= _SEEN * error[k]:
                result[k] = height[k] < max(_NOTHING * around, 2.0 * error[k])
        return result
