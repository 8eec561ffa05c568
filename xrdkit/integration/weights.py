"""The plan of an integration: bins of the pixels, their factors, and all sums without counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xrdkit.integration.assignment import Array, Assignment
from xrdkit.integration.kernel import Index, sum_band, sum_map, sum_weights

Mask = NDArray[np.bool_]
Pixels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class WeightSums:
    """What is summed over the pixels of each bin without their counts; K bins, band of B."""

    norms: Array
    """Σ a, Σ a f1, Σ a f1 f2, ... up to N = Σ a w, shape (factors + 1, K)."""
    moments: Array
    """Σ a w o and Σ a w o², o the radial coordinate less the centre of the bin, shape (2, K)."""
    pixels: NDArray[np.int64]
    """Number of pixels, shape (K,)."""
    unit: Array
    """Σ a_k a_(k+b), shape (B, K)."""
    dark: Array
    """D = Σ a d, shape (K,); 0 without a dark."""
    dark_band: Array
    """Σ a_k a_(k+b) var(d), shape (B, K)."""
    factor_bands: dict[str, Array]
    """Σ a_k a_(k+b) w² (u_f/f)² of each factor f with an error u_f, each of shape (B, K)."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that frames of one detector share: bins, factors, masked pixels, and their sums."""

    assignment: Assignment
    """Bins of the pixels, masks aside."""
    first: Index
    """First bin of each pixel, ``bins`` where it is masked or counts in none, shape (pixels,)."""
    index: Index
    """Bin of the centre of each pixel, ``bins`` likewise, shape (pixels,)."""
    factors: Array
    """Factors of the weight w in the order of `names`, shape (factors, pixels)."""
    names: tuple[str, ...]
    """Names of the factors."""
    dark: Array | None
    """Mean dark counts of each pixel, shape (pixels,)."""
    dark_variance: Array | None
    """Variance of `dark`, counts²."""
    variances: Mapping[str, Array]
    """w² (u_f/f)² of every pixel, of each factor f that has an error."""

    @property
    def bins(self) -> int:
        """Number of bins."""
        return self.assignment.bins

    @property
    def edges(self) -> Array:
        """Edges of the radial bins, in the unit of the axis."""
        return self.assignment.edges

    @property
    def azimuth_bins(self) -> int:
        """Number of azimuth bins; 0 where azimuth is not divided."""
        return self.assignment.azimuth_bins

    @property
    def radial(self) -> Array:
        """Radial coordinate of each pixel centre, shape (pixels,)."""
        return self.assignment.radial

    @property
    def is_split(self) -> bool:
        """Whether pixels count in more than one bin."""
        return self.assignment.pointer.size > 0

    @property
    def widest(self) -> int:
        """Number of bins of the pixel that counts in most: how far bins are correlated."""
        return self.assignment.widest

    @cached_property
    def weight(self) -> Array:
        """Normalisation w of each pixel, the product of its factors, shape (pixels,)."""
        return np.prod(self.factors, axis=0) if self.names else np.ones(self.first.size)

    @cached_property
    def centres(self) -> Array:
        """Centre of the radial bin of every bin, shape (bins,)."""
        middle = 0.5 * (self.edges[:-1] + self.edges[1:])
        return np.tile(middle, max(self.azimuth_bins, 1))

    @cached_property
    def usable(self) -> Pixels:
        """Numbers of the pixels that count in any bin, increasing."""
        return np.flatnonzero(self.first < self.bins)

    @property
    def nbytes(self) -> int:
        """Bytes held, those of the assignment aside."""
        maps = [self.factors, *self.variances.values()]
        maps += [a for a in (self.dark, self.dark_variance) if a is not None]
        return sum(a.nbytes for a in maps) + 24 * self.first.size

    @cached_property
    def whole(self) -> WeightSums:
        """The sums over all usable pixels."""
        return self.weight_sums(self.usable)

    def weight_sums(self, pixels: Pixels) -> WeightSums:
        """Return the sums over the listed `pixels`, taken in their order."""
        sums = self._empty()
        self._add(sums, pixels, 1.0)
        return sums

    def changed(self, sums: WeightSums, less: Pixels, more: Pixels) -> WeightSums:
        """Return `sums` without the pixels `less`, which are among those summed, and `more`."""
        rest = WeightSums(
            norms=sums.norms.copy(),
            moments=sums.moments.copy(),
            pixels=sums.pixels.copy(),
            unit=sums.unit.copy(),
            dark=sums.dark.copy(),
            dark_band=sums.dark_band.copy(),
            factor_bands={name: band.copy() for name, band in sums.factor_bands.items()},
        )
        self._add(rest, more, 1.0)
        self._add(rest, less, -1.0)
        # A bin that lost all its pixels holds nothing, not the rounding of what it held.
        empty = rest.pixels == 0
        for array in (rest.norms, rest.moments, rest.unit, rest.dark_band):
            array[:, empty] = 0.0
        for band in rest.factor_bands.values():
            band[:, empty] = 0.0
        rest.dark[empty] = 0.0
        return rest

    def _empty(self) -> WeightSums:
        bins, width = self.bins, self.widest
        return WeightSums(
            norms=np.zeros((len(self.names) + 1, bins)),
            moments=np.zeros((2, bins)),
            pixels=np.zeros(bins, dtype=np.int64),
            unit=np.zeros((width, bins)),
            dark=np.zeros(bins),
            dark_band=np.zeros((width, bins)),
            factor_bands={name: np.zeros((width, bins)) for name in self.variances},
        )

    def _add(self, sums: WeightSums, pixels: Pixels, sign: float) -> None:
        where = (self.first, self.assignment.pointer, self.assignment.share)
        sum_weights(
            pixels,
            *where,
            self.factors,
            self.radial,
            self.centres,
            sums.norms,
            sums.moments,
            sums.pixels,
            sums.unit,
            sign,
        )
        if self.dark is not None and self.dark_variance is not None:
            sum_map(pixels, self.dark, *where, sums.dark, sign)
            sum_band(pixels, self.dark_variance, *where, sums.dark_band, sign)
        for name, band in sums.factor_bands.items():
            sum_band(pixels, self.variances[name], *where, band, sign)


def make_plan(
    bins: Assignment,
    *,
    usable: Mask,
    factors: Mapping[str, Array],
    errors: Mapping[str, Array],
    dark: Array | None = None,
    dark_variance: Array | None = None,
) -> Plan:
    """Return the plan for pixels assigned to `bins`.

    `usable` (y, x) is False where a pixel is masked in every frame; `factors` (y, x) multiply to
    the weight of a pixel, `errors` are standard errors of some of them. A pixel whose weight is not
    above 0, or whose dark is not known, is left out.
    """
    size = bins.first.size
    names = tuple(factors)
    table = np.empty((len(names), size))
    for row, name in enumerate(names):
        table[row] = np.asarray(factors[name], dtype=np.float64).ravel()
    good = usable.ravel() & np.isfinite(bins.radial)
    for factor in table:
        good &= np.isfinite(factor) & (factor > 0)
    weight = np.prod(table, axis=0) if names else np.ones(size)
    flat_dark = flat_variance = None
    if dark is not None and dark_variance is not None:
        # Copies: plans are kept, and the arrays of the caller may change meanwhile.
        flat_dark, flat_variance = dark.flatten(), dark_variance.flatten()
        good &= np.isfinite(flat_dark) & np.isfinite(flat_variance)
    variances: dict[str, Array] = {}
    for name, sigma in errors.items():
        factor = table[names.index(name)]
        relative = np.asarray(sigma, dtype=np.float64).ravel() / np.where(factor > 0, factor, 1.0)
        good &= np.isfinite(relative)
        variances[name] = np.where(good, weight * relative, 0.0) ** 2
    outside = np.uint32(bins.bins)
    return Plan(
        assignment=bins,
        first=np.where(good, bins.first, outside),
        index=np.where(good, bins.index, outside),
        factors=table,
        names=names,
        dark=flat_dark,
        dark_variance=flat_variance,
        variances=variances,
    )
