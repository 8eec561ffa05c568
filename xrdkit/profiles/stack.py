"""Curves with their error sources as plain arrays, and back to the variables of a profile."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.errors import SchemaError
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
Flags = NDArray[np.bool_]

CORRECTION = "correction"
LEDGER = "ledger"
#: Source of the errors of a profile that states its total alone.
UNNAMED = "unnamed"
#: Sums over pixels: they add up where curves are added.
SUMS = ("n_pixels", "counts", "signal", "normalization")
SQUARED = {"count": "count2", "1/cm": "1/cm2", "1": "1"}


@dataclass(frozen=True, kw_only=True)
class Stack:
    """F curves of K points with all that is known of their errors."""

    intensity: Array
    """Shape (F, K); NaN where there is nothing."""
    sources: tuple[str, ...]
    """Names of the m sources of error."""
    errors: Array
    """Standard error from each source, shape (F, m, K); signed for those common to the points."""
    common_bins: Flags
    """Whether a source is common to the points of a curve, shape (m,)."""
    common_frames: Flags
    """Whether a source is one measurement for all curves, shape (m,)."""
    band: Array | None
    """Covariance of the independent sources between point k and k + b, shape (F, b, K); None where
    the points are independent."""
    sums: Mapping[str, Array]
    """Those of `SUMS` that are known, each (F, K)."""
    mean: Array | None
    """Mean position of the pixels, shape (F, K)."""
    spread: Array | None
    """Standard deviation of the positions of the pixels, shape (F, K)."""
    corrections: tuple[str, ...]
    """Names of the c corrections of the ledger."""
    ledger: Array | None
    """Factor of each correction, shape (F, c, K)."""

    @property
    def variance(self) -> Array:
        """Variance from the sources independent between points, shape (F, K)."""
        if self.band is not None:
            return self.band[:, 0]
        return np.asarray(np.sum(self.errors[:, ~self.common_bins] ** 2, axis=1))

    @property
    def sigma(self) -> Array:
        """Standard error from all sources, shape (F, K)."""
        shared = np.sum(self.errors[:, self.common_bins] ** 2, axis=1)
        return np.where(np.isfinite(self.intensity), np.sqrt(self.variance + shared), np.nan)


def read_stack(profile: xr.Dataset) -> Stack:
    """Return the curves of a PROFILE or CAKE Dataset; trailing dimensions become one.

    Raises SchemaError where there is no ``sigma``, or ``errors`` lack their flags.
    """
    if "sigma" not in profile:
        raise SchemaError("the profile has no 'sigma'", hint="errors are needed to weight by")
    rows = profile.sizes.get(schema.FRAME, 1)

    def flat(name: Hashable) -> Array:
        return np.asarray(profile[name].values, dtype=np.float64).reshape(rows, -1)

    def layers(name: str, dim: str) -> Array:
        lead = [d for d in (schema.FRAME, dim) if d in profile[name].dims]
        values = np.asarray(profile[name].transpose(*lead, ...).values, dtype=np.float64)
        return values.reshape(rows, profile.sizes[dim], -1)

    radial = schema.radial_dim(profile)
    intensity = flat("intensity")
    if ERRORS in profile:
        for flag in (BETWEEN_BINS, BETWEEN_FRAMES):
            if flag not in profile.coords:
                raise SchemaError(f"{ERRORS!r} has no coordinate {flag!r}")
        names = tuple(profile[SOURCE].values.astype(str).tolist())
        errors = layers(ERRORS, SOURCE)
        flags = [profile[f].values.astype(str) == COMMON for f in (BETWEEN_BINS, BETWEEN_FRAMES)]
    else:
        names, errors = (UNNAMED,), flat("sigma")[:, None]
        flags = [np.zeros(1, dtype=bool)] * 2
    optional = {
        n: flat(n) if n in profile else None for n in (f"{radial}_mean", f"{radial}_spread")
    }
    return Stack(
        intensity=intensity,
        sources=names,
        errors=errors,
        common_bins=flags[0],
        common_frames=flags[1],
        band=layers(COVARIANCE, OFFSET) if COVARIANCE in profile else None,
        sums={n: flat(n) for n in SUMS if n in profile},
        mean=optional[f"{radial}_mean"],
        spread=optional[f"{radial}_spread"],
        corrections=_labels(profile, CORRECTION) if LEDGER in profile else (),
        ledger=layers(LEDGER, CORRECTION) if LEDGER in profile else None,
    )


def stack_variables(stack: Stack, template: xr.Dataset, dims: tuple[str, ...]) -> dict[str, Any]:
    """Return the variables of `stack` for a Dataset, with units and names as in `template`.

    `dims` are those of the intensity, the radial one last; ``frame`` first where there is one.
    ``errors`` and ``covariance`` are given where they say more than ``sigma``.
    """
    radial = dims[-1]
    units = str(template["intensity"].attrs.get("units", "1"))
    sizes = dict(template.sizes)
    sizes |= {schema.FRAME: stack.intensity.shape[0]}
    if len(dims) - (schema.FRAME in dims) == 1:
        sizes[radial] = stack.intensity.shape[1]
    trailing = [d for d in dims if d != schema.FRAME]
    lead = [schema.FRAME] if schema.FRAME in dims else []

    def attributes(name: str, unit: str, text: str) -> dict[str, Any]:
        return (
            dict(template[name].attrs) if name in template else {"units": unit, "long_name": text}
        )

    def put(values: Array, attrs: dict[str, Any], *layer: str) -> tuple[list[str], Any, Any]:
        shape = [sizes[d] for d in lead] + ([values.shape[1]] if layer else [])
        return (
            [*lead, *layer, *trailing],
            values.reshape(*shape, *(sizes[d] for d in trailing)),
            attrs,
        )

    named = attributes("intensity", units, "scattered intensity")
    named["ancillary_variables"] = "sigma"
    out: dict[str, Any] = {
        "intensity": put(stack.intensity, named),
        "sigma": put(stack.sigma, attributes("sigma", units, "standard error of intensity")),
    }
    for name, values in stack.sums.items():
        unit = "count" if name in ("counts", "signal") else "1"
        kind = template[name].dtype if name in template else values.dtype
        out[name] = put(values.astype(kind), attributes(name, unit, name.replace("_", " ")))
    name_of_axis = schema.RADIAL_NAMES[radial]
    for suffix, where, text in (
        ("mean", stack.mean, f"mean {name_of_axis} of the pixels"),
        ("spread", stack.spread, f"standard deviation of the {name_of_axis} of the pixels"),
    ):
        if where is not None:
            label = attributes(f"{radial}_{suffix}", schema.RADIAL[radial], text)
            out[f"{radial}_{suffix}"] = put(where, label)
    if stack.sources != (UNNAMED,):
        label = attributes(ERRORS, units, "standard error of intensity from each source")
        out[ERRORS] = put(stack.errors, label, SOURCE)
    if stack.band is not None:
        text = "covariance of a bin with the one that lies the offset above"
        label = attributes(COVARIANCE, SQUARED.get(units, "1"), text)
        out[COVARIANCE] = put(stack.band, label, OFFSET)
    if stack.ledger is not None:
        label = attributes(LEDGER, "1", "factor by which a correction changed the bin")
        out[LEDGER] = put(stack.ledger, label, CORRECTION)
    return out


def stack_coordinates(stack: Stack) -> dict[str, Any]:
    """Return the label coordinates (``source`` with its flags, ``offset``, ``correction``)."""
    coords: dict[str, Any] = {}
    if stack.sources != (UNNAMED,):
        coords[SOURCE] = (SOURCE, list(stack.sources))
        for name, flags in (
            (BETWEEN_BINS, stack.common_bins),
            (BETWEEN_FRAMES, stack.common_frames),
        ):
            coords[name] = (SOURCE, [COMMON if f else INDEPENDENT for f in flags])
    if stack.band is not None:
        coords[OFFSET] = (OFFSET, np.arange(stack.band.shape[1]))
    if stack.ledger is not None:
        coords[CORRECTION] = (CORRECTION, list(stack.corrections))
    return coords


def _labels(profile: xr.Dataset, dim: str) -> tuple[str, ...]:
    return tuple(str(v) for v in profile[dim].values.tolist())
