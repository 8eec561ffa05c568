"""One frame of several profiles on common bins: scaled, weighted, with one list of sources."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import SpecError
from xrdkit.profiles.combining import combine
from xrdkit.profiles.expected import counting_of
from xrdkit.profiles.scales import Scale, label, scale_source
from xrdkit.profiles.stack import Stack

Array = NDArray[np.float64]

#: Name of the factor of a profile in the ledger.
MERGE_SCALE = "merge_scale"
_ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source of error of the merged profile."""

    name: str
    common_bins: bool
    common_frames: bool


def sources_of(
    stacks: Sequence[Stack],
    names: Sequence[str],
    shared: Sequence[str],
    scaled: Sequence[int],
    *,
    stated: bool,
) -> list[Source]:
    """Return the sources of error of the merged profile: independent ones, common ones, factors.

    `scaled` are the numbers of the profiles whose factor has an error; `stated` whether it is the
    same for all frames. Raises SpecError for a shared source that is not common to the bins of two
    profiles, or flagged otherwise in one than in another.
    """
    for source in shared:
        holders = [s for s in stacks if source in s.sources]
        flags = [bool(s.common_bins[s.sources.index(source)]) for s in holders]
        if len(flags) < 2 or not all(flags):
            raise SpecError(
                f"shared source {source!r} is not common to the bins of two profiles",
                hint=f"sources: {', '.join(sorted({n for s in stacks for n in s.sources}))}",
            )
    found: dict[str, Source] = {}
    for common in (False, True):
        for stack, name in zip(stacks, names, strict=True):
            for m, source in enumerate(stack.sources):
                if bool(stack.common_bins[m]) != common:
                    continue
                key = label(name, source, shared) if common else source
                new = Source(
                    name=key, common_bins=common, common_frames=bool(stack.common_frames[m])
                )
                if found.setdefault(key, new) != new:
                    raise SpecError(f"source {source!r} is flagged unlike in two profiles")
    for j in scaled:
        key = scale_source(names[j])
        found[key] = Source(name=key, common_bins=True, common_frames=stated)
    return list(found.values())


def joined_curve(
    placed: Sequence[Stack],
    frame: int,
    scales: Sequence[Scale],
    sources: Sequence[Source],
    names: Sequence[str],
    shared: Sequence[str],
) -> tuple[Stack, NDArray[np.int64]]:
    """Return frame number `frame` of the merged profile, and which profiles are in each bin.

    `placed` are the profiles on the common bins. Where several have a bin they are weighted by the
    inverse of the variance that their common mean implies.
    """
    parts = _scaled(placed, frame, scales, sources, names, shared)
    weights = _weights(parts)
    curve, _ = combine(parts, weights)
    flags = {
        "common_bins": np.array([s.common_bins for s in sources], dtype=bool),
        "common_frames": np.array([s.common_frames for s in sources], dtype=bool),
    }
    there = np.isfinite(parts.intensity) & (weights > 0)
    bits = 1 << np.arange(len(placed), dtype=np.int64)
    return Stack(**{**vars(curve), **flags}), np.asarray(np.sum(there * bits[:, None], axis=0))


def _scaled(
    placed: Sequence[Stack],
    frame: int,
    scales: Sequence[Scale],
    sources: Sequence[Source],
    names: Sequence[str],
    shared: Sequence[str],
) -> Stack:
    """Return one frame of every profile, scaled, as the curves of one stack."""
    number = {s.name: m for m, s in enumerate(sources)}
    size = placed[0].intensity.shape[1]
    errors = np.zeros((len(placed), len(sources), size))
    for j, (stack, scale) in enumerate(zip(placed, scales, strict=True)):
        for m, source in enumerate(stack.sources):
            key = label(names[j], source, shared) if stack.common_bins[m] else source
            errors[j, number[key]] += scale.factor * stack.errors[frame, m]
        for key, change in scale.response.items():
            errors[j, number[key]] += scale.factor * stack.intensity[frame] * change
    factors = np.array([s.factor for s in scales])[:, None]
    sums = {}
    for name in placed[0].sums:
        if all(name in s.sums for s in placed):
            values = np.stack([s.sums[name][frame] for s in placed])
            sums[name] = values / factors if name == "normalization" else values
    band = None
    if any(s.band is not None for s in placed):
        depth = max(1 if s.band is None else s.band.shape[1] for s in placed)
        band = np.zeros((len(placed), depth, size))
        for j, s in enumerate(placed):
            own = s.variance[frame][None] if s.band is None else s.band[frame]
            band[j, : own.shape[0]] = own * factors[j] ** 2
    corrections, ledger = _ledger(placed, frame, factors)
    return Stack(
        intensity=np.stack([s.intensity[frame] for s in placed]) * factors,
        sources=tuple(s.name for s in sources),
        errors=errors,
        common_bins=np.array([s.common_bins for s in sources], dtype=bool),
        # Between profiles: an error common to the bins has one name for one measurement.
        common_frames=np.array([s.common_bins for s in sources], dtype=bool),
        band=band,
        sums=sums,
        mean=_stacked([s.mean for s in placed], frame),
        spread=_stacked([s.spread for s in placed], frame),
        corrections=corrections,
        ledger=ledger,
    )


def _stacked(values: Sequence[Array | None], frame: int) -> Array | None:
    there = [v[frame] for v in values if v is not None]
    return np.stack(there) if len(there) == len(values) else None


def _ledger(
    placed: Sequence[Stack], frame: int, factors: Array
) -> tuple[tuple[str, ...], Array | None]:
    ledgers = [s.ledger for s in placed]
    if any(ledger is None for ledger in ledgers):
        return (), None
    names = list(dict.fromkeys(n for s in placed for n in s.corrections))
    size = placed[0].intensity.shape[1]
    out = np.ones((len(placed), len(names) + 1, size))
    for j, stack in enumerate(placed):
        for m, name in enumerate(stack.corrections):
            if stack.ledger is not None:
                out[j, names.index(name)] = stack.ledger[frame, m]
        out[j, -1] = factors[j]
    return (*names, MERGE_SCALE), out


def _weights(parts: Stack) -> Array:
    """Return the inverse of the variance of each curve about the mean of all, shape (J, K)."""
    there = np.isfinite(parts.intensity)
    counting = counting_of(parts)
    variance = parts.variance
    value = np.where(there, parts.intensity, 0.0)
    start = counting.slope if counting.known else variance
    weights = np.where(there & (start > 0), 1 / np.where(start > 0, start, 1.0), 0.0)
    alone = np.sum(there, axis=0) < 2
    for _ in range(_ROUNDS):
        total = np.sum(weights, axis=0)
        mean = np.sum(weights * value, axis=0) / np.where(total > 0, total, 1.0)
        expected = counting.variance(parts.intensity, np.maximum(mean, 0.0))
        usable = np.where(expected > 0, expected, variance)
        good = there & (usable > 0)
        weights = np.where(good, 1 / np.where(good, usable, 1.0), 0.0)
    # A bin of one curve, and one that no variance is known of, takes what there is.
    return np.where(alone | (np.sum(weights, axis=0) == 0), 1.0 * there, weights)
