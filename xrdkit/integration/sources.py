"""The error of an intensity by named source, and the covariance between bins.

Independent between bins: counting, dark, flat and other pixel factors, counting of the background.
Common to all bins: the factors of the dose, the absolute scale, the scale of the background, and
the principal components of the geometry. A measurement that enters twice (one dark for sample and
background, one absolute scale for both) enters here with its net effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xrdkit.integration.assignment import Array
from xrdkit.integration.dose import DoseFactor
from xrdkit.integration.level import Level, scaled_band
from xrdkit.integration.weights import WeightSums
from xrdkit.uncertainty import COMMON, INDEPENDENT


@dataclass(frozen=True, kw_only=True)
class Source:
    """One named source of error on the K bins of one frame."""

    name: str
    """Its name."""
    error: Array
    """Standard error, shape (K,); signed where it is common to the bins."""
    between_bins: str
    """``"independent"`` or ``"common"``."""
    between_frames: str
    """``"independent"`` or ``"common"``."""


@dataclass(frozen=True, kw_only=True)
class ErrorBudget:
    """All sources of one frame."""

    sources: tuple[Source, ...]
    """The sources, in a fixed order."""
    band: Array
    """Covariance of bin k and k + b from the sources independent between bins, shape (B, K)."""

    @property
    def sigma(self) -> Array:
        """Standard error from all sources, shape (K,)."""
        return np.sqrt(np.sum([s.error**2 for s in self.sources], axis=0))


@dataclass(frozen=True, kw_only=True)
class BackgroundShare:
    """The background as it enters every frame: its level, already times β."""

    level: Level
    """Level of the background frames."""
    doses: tuple[DoseFactor, ...]
    """Factors of its dose."""
    scale: float
    """β."""
    scale_sigma: float
    """Standard error of β."""


def error_budget(
    sample: Level,
    weights: WeightSums,
    doses: tuple[DoseFactor, ...],
    frame: int,
    *,
    background: BackgroundShare | None,
    dark_frames: int,
    scale_relative: float,
    geometry: Mapping[str, Array],
) -> ErrorBudget:
    """Return the sources of error of frame number `frame`.

    `sample` and `background` are levels before they are subtracted, `weights` the sums over the
    pixels of the frame, `dark_frames` the number of dark frames (0: no dark), `scale_relative` the
    relative standard error of the absolute scale, `geometry` the signed error of the intensity by
    principal component of the calibration.
    """
    below = None if background is None else background.level
    net = sample.intensity if below is None else sample.intensity - below.intensity
    bands = {"counting": sample.counting}
    frames = {"counting": INDEPENDENT}
    if dark_frames:
        answer = sample.per_dark if below is None else sample.per_dark - below.per_dark
        bands["dark"] = scaled_band(_floored(weights, dark_frames), answer)
        frames["dark"] = COMMON
    for name, band in weights.factor_bands.items():
        answer = sample.per_weight if below is None else sample.per_weight - below.per_weight
        bands[name] = scaled_band(band, answer)
        frames[name] = COMMON
    if below is not None:
        bands["background"] = below.counting
        frames["background"] = COMMON
    sources = [
        Source(
            name=name,
            error=np.sqrt(band[0]),
            between_bins=INDEPENDENT,
            between_frames=frames[name],
        )
        for name, band in bands.items()
    ]
    sources += _dose_sources(sample, doses, frame, background)
    if background is not None and background.scale_sigma > 0:
        error = -background.level.intensity * background.scale_sigma / background.scale
        sources.append(_common("background_scale", error))
    if scale_relative > 0:
        sources.append(_common("absolute_scale", net * scale_relative))
    sources += [_common(name, error) for name, error in geometry.items()]
    return ErrorBudget(sources=tuple(sources), band=np.sum(list(bands.values()), axis=0))


def _floored(weights: WeightSums, frames: int) -> Array:
    """Return the covariance of the summed dark, no variance below that of one count."""
    share = np.divide(
        weights.unit[0],
        weights.norms[0],
        out=np.zeros(weights.dark.size),
        where=weights.norms[0] > 0,
    )
    band = weights.dark_band.copy()
    band[0] = np.maximum(band[0], share / frames**2)
    return band


def _common(name: str, error: Array, frames: str = COMMON) -> Source:
    return Source(name=name, error=error, between_bins=COMMON, between_frames=frames)


def _dose_sources(
    sample: Level, doses: tuple[DoseFactor, ...], frame: int, background: BackgroundShare | None
) -> list[Source]:
    """Return the errors of the factors of the dose: I goes as 1/g, the background adds to it."""
    sources = []
    shared = set()
    for dose in doses:
        if dose.sigma is None:
            continue
        answer = -sample.intensity
        if background is not None and any(_is_same(dose, d) for d in background.doses):
            shared.add(dose.name)
            answer = answer + background.level.intensity
        frames = COMMON if dose.is_common else INDEPENDENT
        sources.append(_common(dose.name, answer * dose.relative[frame], frames))
    if background is None:
        return sources
    for dose in background.doses:
        if dose.sigma is None or dose.name in shared:
            continue
        # Frames of one background that err independently have been added up already.
        relative = dose.relative
        weight = dose.values / dose.values.sum()
        total = float(relative[0]) if dose.is_common else float(np.hypot.reduce(relative * weight))
        sources.append(_common(f"background_{dose.name}", background.level.intensity * total))
    return sources


def _is_same(one: DoseFactor, other: DoseFactor) -> bool:
    """Return whether two factors are one measurement: one number for all frames, with one error."""
    return (
        one.name == other.name
        and one.is_common
        and other.is_common
        and one.relative[0] == other.relative[0]
        and one.values[0] == other.values[0]
    )
