"""Weighted means of curves, with every source of error carried the way it hangs together."""

import numpy as np
from numpy.typing import NDArray

from xrdkit.profiles.stack import Stack

Array = NDArray[np.float64]

#: Modes kept of a source that is common to the points but independent between the curves, and the
#: share of its variance at which no more are needed.
MAX_MODES = 4
CAPTURED = 0.999


def combine(stack: Stack, weights: Array) -> tuple[Stack, list[tuple[str, list[Array]]]]:
    """Return the weighted mean of the curves of `stack` as a stack of one, less its common modes.

    `weights` (F, K) need not be normalised; points without intensity, or of weight 0, are left
    out, and NaN stands where no curve has any. With A = weight / Σ weight:

    * I = Σ A I, which is S/N of the added sums where the weights are N g, and no less exact where a
      background was subtracted;
    * sources independent between points: √(Σ A² e²), and Σ A e where all curves share them;
    * sources common to the points: Σ A e where the curves share them, else Σ A² e eᵀ as its
      principal modes, returned beside the stack as (source, modes), each (K,);
    * covariance bands Σ A_k A_l C_kl; the shared sources are taken to correlate neighbours as the
      band of their curve says.

    The errors of sources of the last-but-one kind are zero in the stack; `with_modes` puts them in.
    """
    used = np.isfinite(stack.intensity) & (weights > 0)
    total = np.sum(np.where(used, weights, 0.0), axis=0)
    empty = total == 0
    share = np.where(used, weights, 0.0) / np.where(empty, 1.0, total)

    def mean(values: Array) -> Array:
        out = np.sum(share * np.where(used, values, 0.0), axis=0)
        return np.asarray(np.where(empty, np.nan, out))

    errors = np.zeros((1, len(stack.sources), total.size))
    modes: list[tuple[str, list[Array]]] = []
    for m, source in enumerate(stack.sources):
        part = share * np.where(used, stack.errors[:, m], 0.0)
        if stack.common_frames[m]:
            errors[0, m] = np.sum(part, axis=0)
        elif stack.common_bins[m]:
            modes.append((source, principal_modes(part)))
        else:
            errors[0, m] = np.sqrt(np.sum(part**2, axis=0))
    where = None if stack.mean is None else mean(stack.mean)
    combined = Stack(
        intensity=mean(stack.intensity)[None],
        sources=stack.sources,
        errors=np.where(empty, np.nan, errors),
        common_bins=stack.common_bins,
        common_frames=stack.common_frames,
        band=None if stack.band is None else _band(stack, share, used, empty)[None],
        sums={n: np.sum(np.where(used, v, 0), axis=0)[None] for n, v in stack.sums.items()},
        mean=None if where is None else where[None],
        spread=None
        if stack.spread is None or stack.mean is None or where is None
        else np.sqrt(mean(stack.spread**2 + (stack.mean - where) ** 2))[None],
        corrections=stack.corrections,
        ledger=None,
    )
    if stack.ledger is not None:
        combined = _with_ledger(combined, stack, share, used, empty)
    return combined, modes


def with_modes(rows: list[Stack], modes: list[list[tuple[str, list[Array]]]]) -> Stack:
    """Return stacks of one curve under one another, with the `modes` of each put into its errors.

    A source of several modes becomes several: ``monitor``, ``monitor_2`` ...
    """
    first = rows[0]
    depth: dict[str, int] = {}
    for row in modes:
        for source, found in row:
            depth[source] = max(depth.get(source, 1), len(found))
    names: list[str] = []
    origin: list[int] = []
    layers: list[Array] = []
    for m, source in enumerate(first.sources):
        for number in range(depth.get(source, 1)):
            names.append(source if number == 0 else f"{source}_{number + 1}")
            origin.append(m)
            layer = np.stack([r.errors[0, m] for r in rows])
            for at, row in enumerate(modes):
                own = dict(row).get(source)
                if own is not None:
                    values = own[number] if number < len(own) else np.zeros(layer.shape[1])
                    layer[at] = np.where(np.isfinite(rows[at].intensity[0]), values, np.nan)
            layers.append(layer)

    def under(pick: list[Array | None]) -> Array | None:
        there = [p for p in pick if p is not None]
        return np.concatenate(there) if len(there) == len(rows) else None

    return Stack(
        intensity=np.concatenate([r.intensity for r in rows]),
        sources=tuple(names),
        errors=np.stack(layers, axis=1) if layers else first.errors[:0].reshape(len(rows), 0, -1),
        common_bins=first.common_bins[origin],
        common_frames=first.common_frames[origin],
        band=under([r.band for r in rows]),
        sums={n: np.concatenate([r.sums[n] for r in rows]) for n in first.sums},
        mean=under([r.mean for r in rows]),
        spread=under([r.spread for r in rows]),
        corrections=first.corrections,
        ledger=under([r.ledger for r in rows]),
    )


def principal_modes(parts: Array) -> list[Array]:
    """Return vectors v with Σ v vᵀ = Σ_f p_f p_fᵀ, few of them, for `parts` p of shape (F, K).

    Frames of one shape need one vector. Otherwise up to `MAX_MODES` are kept, enough for `CAPTURED`
    of the variance, and the variance of each point, which stays exact, is shared among them.
    """
    spread = np.sqrt(np.sum(parts**2, axis=0))
    active = np.flatnonzero(np.any(parts != 0, axis=1))
    if active.size == 0:
        return [np.zeros(parts.shape[1])]
    if active.size == 1:
        return [parts[active[0]].copy()]
    scaled = parts[active] / np.where(spread > 0, spread, 1.0)
    values, vectors = np.linalg.eigh(scaled @ scaled.T)
    order = np.argsort(values)[::-1][:MAX_MODES]
    reached = np.cumsum(values[order]) / max(float(np.sum(values)), np.finfo(float).tiny)
    order = order[: 1 + int(np.sum(reached < CAPTURED))]
    kept = vectors[:, order].T @ scaled
    size = np.sqrt(np.sum(kept**2, axis=0))
    kept = kept * np.where(size > 0, spread / np.where(size > 0, size, 1.0), 0.0)
    total = np.sum(parts, axis=0)
    return [v if float(v @ total) >= 0 else -v for v in kept]


def _band(stack: Stack, share: Array, used: NDArray[np.bool_], empty: NDArray[np.bool_]) -> Array:
    """Return the band of the mean, shape (b, K), NaN where nothing is."""
    band = stack.band
    if band is None:  # pragma: no cover - only called with one
        return np.zeros((0, share.shape[1]))
    n = share.shape[1]
    single = ~stack.common_bins
    value = np.where(used[:, None], stack.errors, 0.0)
    root = np.sqrt(np.where(used, band[:, 0], 0.0))
    parts = [value[:, m] for m in np.flatnonzero(single & stack.common_frames)]
    linear = [np.sum(share * p, axis=0) for p in parts]
    out = np.zeros((band.shape[1], n))
    for b in range(min(band.shape[1], n)):
        low, high = slice(0, n - b), slice(b, n)
        joint = share[:, low] * share[:, high] * (used[:, low] & used[:, high])
        covariance = np.where(joint > 0, band[:, b, low], 0.0)
        if parts:
            product = root[:, low] * root[:, high]
            correlation = covariance / np.where(product > 0, product, 1.0)
            covariance = covariance - correlation * sum(p[:, low] * p[:, high] for p in parts)
            weight = np.sum(joint, axis=0)
            typical = np.sum(joint * correlation, axis=0) / np.where(weight > 0, weight, 1.0)
            out[b, low] = typical * sum(e[low] * e[high] for e in linear)
        out[b, low] += np.sum(joint * covariance, axis=0)
    return np.where(empty, np.nan, out)


def _with_ledger(
    combined: Stack,
    stack: Stack,
    share: Array,
    used: NDArray[np.bool_],
    empty: NDArray[np.bool_],
) -> Stack:
    """Put in the ledger of a mean: weighted means of the logarithms of the factors.

    Their product is the mean intensity over the mean raw counts only for factors that all curves
    share; what is left goes to the correction that differs most between the curves.
    """
    ledger = stack.ledger
    if ledger is None:
        return combined
    usable = used[:, None] & np.isfinite(ledger) & (ledger > 0)
    logs = np.where(usable, np.log(np.where(usable, ledger, 1.0)), 0.0)
    middle = np.sum(share[:, None] * logs, axis=0)
    factors = np.exp(middle)
    if {"counts", "n_pixels"} <= set(combined.sums) and ledger.shape[1]:
        counts, pixels = combined.sums["counts"][0], combined.sums["n_pixels"][0]
        with np.errstate(invalid="ignore", divide="ignore"):
            wanted = combined.intensity[0] * pixels / counts / np.prod(factors, axis=0)
        good = np.isfinite(wanted) & (wanted > 0)
        scatter = np.sum(share[:, None] * usable * (logs - middle) ** 2, axis=(0, 2))
        varying = int(np.argmax(scatter))
        factors[varying] *= np.where(good, wanted, 1.0)
    factors = np.where(empty, np.nan, factors)[None]
    return Stack(**{**vars(combined), "ledger": factors})
