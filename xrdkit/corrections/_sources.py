"""Named sources of error of a profile as plain arrays, and what a subtraction makes of them."""

from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.uncertainty import (
    BETWEEN_BINS,
    BETWEEN_FRAMES,
    COMMON,
    COVARIANCE,
    ERRORS,
    INDEPENDENT,
    OFFSET,
    SOURCE,
)

Array = NDArray[np.float64]
#: Measured anew with every exposure: never the same in profile and background.
OF_THE_EXPOSURE = frozenset({"monitor", "time", "transmission"})


@dataclass(frozen=True, kw_only=True)
class Source:
    """The error from one source; `error` has the shape of the intensity, (frame?, radial)."""

    error: Array
    """Units of the intensity; signed where common between bins, else not negative."""
    bins: str
    """``"independent"`` or ``"common"`` between bins."""
    frames: str
    """``"independent"`` or ``"common"`` between frames."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """All sources of a profile."""

    named: dict[str, Source] = field(default_factory=dict)
    """Sources by name; empty where the profile has a total error only."""
    sigma: Array
    """Total error, shape of the intensity."""
    band: Array | None = None
    """Covariance of bin k and k + offset of the independent sources, shape (offset, frame?,
    radial); None where no pixel was split."""

    @classmethod
    def of(cls, profile: xr.Dataset, like: xr.DataArray) -> "Sources":
        """Return the sources of `profile`, spread to the frames of the intensity `like`.

        A profile without ``frame`` is one measurement for all frames of `like`: its sources are
        common to them.
        """
        one_for_all = "frame" in like.dims and "frame" not in profile.dims

        bare = xr.DataArray(like.values, dims=like.dims)

        def whole(array: xr.DataArray) -> Array:
            spread = xr.DataArray(array.values, dims=array.dims).broadcast_like(bare)
            return np.asarray(spread.transpose(*like.dims).values, dtype=np.float64)

        sigma = whole(profile["sigma"])
        if ERRORS not in profile or BETWEEN_BINS not in profile.coords:
            return cls(sigma=sigma)
        named: dict[str, Source] = {}
        for k, name in enumerate(profile[SOURCE].values):
            row = profile[ERRORS].isel({SOURCE: k}, drop=True)
            frames = COMMON if one_for_all else str(profile[BETWEEN_FRAMES].values[k])
            bins = str(profile[BETWEEN_BINS].values[k])
            named[str(name)] = Source(error=whole(row), bins=bins, frames=frames)
        band = None
        if COVARIANCE in profile:
            rows = [
                whole(profile[COVARIANCE].isel({OFFSET: b}, drop=True))
                for b in range(profile.sizes[OFFSET])
            ]
            band = np.stack(rows)
        return cls(named=named, sigma=sigma, band=band)

    def with_names(self) -> "Sources":
        """Return the sources, a total error alone as that of counting."""
        if self.named:
            return self
        single = Source(error=self.sigma, bins=INDEPENDENT, frames=INDEPENDENT)
        return replace(self, named={"counting": single})

    def total(self) -> Array:
        """Return the error from all sources, shape of the intensity."""
        if not self.named:
            return self.sigma
        return np.sqrt(sum((s.error**2 for s in self.named.values()), np.zeros_like(self.sigma)))

    def attach(self, data: xr.Dataset, empty: NDArray[np.bool_]) -> xr.Dataset:
        """Return `data` with these sources as ``errors``, ``sigma`` and ``covariance``.

        All are NaN where `empty`, shape of the intensity.
        """
        dims = [str(d) for d in data["intensity"].dims]
        unit = str(data["intensity"].attrs["units"])
        at = dims.index("frame") + 1 if "frame" in dims else 0
        labels = {
            SOURCE: list(self.named),
            BETWEEN_BINS: [s.bins for s in self.named.values()],
            BETWEEN_FRAMES: [s.frames for s in self.named.values()],
        }
        attrs = {name: dict(data[name].attrs) if name in data.variables else {} for name in labels}
        errors = np.stack([np.where(empty, np.nan, s.error) for s in self.named.values()], axis=at)
        text = {"units": unit, "long_name": "error of intensity from each source"}
        result = _without(data, ERRORS, *labels).assign_coords(
            {name: (SOURCE, np.array(words), attrs[name]) for name, words in labels.items()}
        )
        sigma = np.where(empty, np.nan, self.total())
        result = result.assign(
            {
                ERRORS: ([*dims[:at], SOURCE, *dims[at:]], errors, _attrs(data, ERRORS, text)),
                "sigma": (dims, sigma, dict(data["sigma"].attrs)),
            }
        )
        if self.band is None:
            return result
        text = {
            "units": {"count": "count2", "1/cm": "1/cm2"}.get(unit, "1"),
            "long_name": "covariance between bin k and bin k + offset",
        }
        band = np.moveaxis(np.where(empty, np.nan, self.band), 0, at)
        offset = (OFFSET, np.arange(self.band.shape[0]), _attrs(data, OFFSET, {}))
        return (
            _without(result, COVARIANCE, OFFSET)
            .assign_coords({OFFSET: offset})
            .assign(
                {
                    COVARIANCE: (
                        [*dims[:at], OFFSET, *dims[at:]],
                        band,
                        _attrs(data, COVARIANCE, text),
                    )
                }
            )
        )


def subtract(
    mine: Sources,
    theirs: Sources,
    *,
    scale: float,
    scale_error: Array,
    separate: frozenset[str] = frozenset(),
) -> Sources:
    """Return the sources of I - β I_b from those of I and of I_b, with β = `scale`.

    `scale_error` is -I_b u(β), shape of the intensity; sources named in `separate` are never taken
    as one measurement. Where pixels were split, the covariance of what both share has the mean
    correlation of the two profiles.
    """
    has_band = mine.band is not None or theirs.band is not None
    mine, theirs = mine.with_names(), theirs.with_names()
    out = dict(mine.named)
    cross = []
    for name, below in theirs.named.items():
        own = mine.named.get(name)
        if own is not None and _is_same(name, mine, theirs, separate):
            net = own.error - scale * below.error
            if own.bins == INDEPENDENT:
                cross.append((own.error, scale * below.error))
                net = np.abs(net)
            out[name] = replace(own, error=net)
            continue
        sign = scale if below.bins == INDEPENDENT else -scale
        _add(out, _renamed(name), replace(below, error=sign * below.error))
    if np.any(scale_error != 0):
        _add(out, "background_scale", Source(error=scale_error, bins=COMMON, frames=COMMON))
    band = _net_band(mine, theirs, scale, cross) if has_band else None
    return Sources(named=out, sigma=mine.sigma, band=band)


def _is_same(name: str, mine: Sources, theirs: Sources, separate: frozenset[str]) -> bool:
    """Return whether a source of both profiles is one measurement, such as one flat field.

    Its flags say so, unless it belongs to each exposure.
    """
    own, below = mine.named[name], theirs.named[name]
    flags = {own.frames, below.frames} == {COMMON} and own.bins == below.bins
    return flags and name not in separate | OF_THE_EXPOSURE and not name.startswith("background")


def _renamed(name: str) -> str:
    if name.startswith("background"):
        return name
    return "background" if name == "counting" else f"background_{name}"


def _add(out: dict[str, Source], name: str, source: Source) -> None:
    """Put `source` into `out`: joined with one of that name and kind, else under a free name."""
    known = out.get(name)
    if known is None:
        out[name] = source
    elif source.bins == known.bins == INDEPENDENT and source.frames == known.frames:
        out[name] = replace(known, error=np.hypot(known.error, source.error))
    else:
        number = 2
        while f"{name}_{number}" in out:
            number += 1
        out[f"{name}_{number}"] = source


def _net_band(
    mine: Sources, theirs: Sources, scale: float, cross: list[tuple[Array, Array]]
) -> Array:
    bands = [_band(mine), _band(theirs)]
    rows = max(b.shape[0] for b in bands)
    bands = [np.concatenate([b, np.zeros((rows - b.shape[0], *b.shape[1:]))]) for b in bands]
    out = bands[0] + scale**2 * bands[1]
    for k in range(rows):
        n = out.shape[-1] - k
        correlation = sum(_correlation(b, k) for b in bands) / len(bands)
        for own, below in cross:
            both = own[..., :n] * below[..., k:] + below[..., :n] * own[..., k:]
            out[k][..., :n] -= correlation * both
    return out


def _band(sources: Sources) -> Array:
    if sources.band is not None:
        return sources.band
    single = [s.error**2 for s in sources.named.values() if s.bins == INDEPENDENT]
    return np.sum(single, axis=0)[None] if single else np.zeros((1, *sources.sigma.shape))


def _correlation(band: Array, offset: int) -> Array:
    n = band.shape[-1] - offset
    size = np.sqrt(band[0][..., :n] * band[0][..., offset:])
    out: Array = np.divide(band[offset][..., :n], size, out=np.zeros_like(size), where=size > 0)
    return out


def _without(data: xr.Dataset, *names: str) -> xr.Dataset:
    return data.drop_vars([n for n in names if n in data.variables])


def _attrs(data: xr.Dataset, name: str, otherwise: dict[str, str]) -> dict[str, object]:
    return dict(data[name].attrs) if name in data.variables else dict(otherwise)
