"""Factors that bring several profiles onto one, and what each source of error does to them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import CorrectionFailed
from xrdkit.profiles.overlap import Curve, Overlap, overlap

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The factor of one profile, for one frame."""

    factor: float
    response: dict[str, float] = field(default_factory=dict)
    """Relative change of the factor by one standard error of each source, signed, by its name."""
    joined: Overlap | None = None
    """The overlap it was found in; None for the reference, and for stated factors."""
    partner: int | None = None
    """Number of the profile it was compared with."""

    @property
    def sigma(self) -> float:
        """Standard error of the factor from all sources."""
        return self.factor * float(np.sqrt(sum(v**2 for v in self.response.values())))


def label(name: str, source: str, shared: Sequence[str]) -> str:
    """Return the name of a common source of profile `name` among those of the merged one."""
    return source if source in shared else f"{name}/{source}"


def scale_source(name: str) -> str:
    """Return the name of the source of error that the factor of profile `name` is."""
    return f"{name}/scale"


def found_scales(
    curves: Sequence[Curve],
    names: Sequence[str],
    reference: int,
    within: tuple[float, float] | None,
    shared: Sequence[str],
) -> list[Scale]:
    """Return the factors that bring `curves` onto the one of number `reference`.

    Profiles that do not reach the reference are joined through those between: each next one is that
    with the best known factor to any that is joined already. Raises CorrectionFailed naming those
    that overlap with none.
    """
    scales: dict[int, Scale] = {reference: Scale(factor=1.0)}
    pairs: dict[tuple[int, int], Overlap | None] = {}
    while len(scales) < len(curves):
        best: tuple[float, int, int] | None = None
        for i in scales:
            for j in range(len(curves)):
                if j in scales:
                    continue
                if (i, j) not in pairs:
                    pairs[i, j] = overlap(curves[i], curves[j], within)
                found = pairs[i, j]
                if found is None:
                    continue
                error = found.sigma / found.factor
                if best is None or error < best[0]:
                    best = (error, i, j)
        if best is None:
            raise CorrectionFailed(_no_overlap(curves, names, list(scales), within),
                                   hint="state scale by numbers, or scale='none'")  # fmt: skip
        _, i, j = best
        joined = pairs[i, j]
        if joined is not None:
            scales[j] = _joined(scales[i], i, joined, curves, names, j, shared)
    return [scales[j] for j in range(len(curves))]


def stated_scales(
    factors: Sequence[float], sigmas: Sequence[float], names: Sequence[str]
) -> list[Scale]:
    """Return the factors that were stated, with their standard errors."""
    return [
        Scale(factor=f, response={scale_source(n): s / f} if s > 0 else {})
        for f, s, n in zip(factors, sigmas, names, strict=True)
    ]


def _joined(
    base: Scale,
    i: int,
    joined: Overlap,
    curves: Sequence[Curve],
    names: Sequence[str],
    j: int,
    shared: Sequence[str],
) -> Scale:
    response = dict(base.response)
    for number, changes in ((i, joined.first), (j, joined.second)):
        for source, change in zip(curves[number].model.common_sources, changes, strict=True):
            key = label(names[number], source, shared)
            response[key] = response.get(key, 0.0) + float(change)
    response[scale_source(names[j])] = joined.sigma / joined.factor
    return Scale(factor=base.factor * joined.factor, response=response, joined=joined, partner=i)


def _no_overlap(
    curves: Sequence[Curve],
    names: Sequence[str],
    done: list[int],
    within: tuple[float, float] | None,
) -> str:
    def span(curve: Curve) -> str:
        good = np.isfinite(curve.intensity)
        if not good.any():
            return "empty"
        return f"{curve.low[good].min():.4g} to {curve.high[good].max():.4g}"

    spans = ", ".join(f"{n} {span(c)}" for n, c in zip(names, curves, strict=True))
    left = ", ".join(n for k, n in enumerate(names) if k not in done)
    where = "" if within is None else f" inside {within[0]:g} to {within[1]:g}"
    return f"no overlap{where} to find the scale of {left} from: {spans}"
