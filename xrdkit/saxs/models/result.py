"""Fits of single frames to one labelled Dataset (SCATTERING_MODEL)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.saxs.models.component import Component
from xrdkit.saxs.models.describe import FrameModel, missing
from xrdkit.saxs.models.model import Choice, Model
from xrdkit.saxs.variables import Variables
from xrdkit.schema import FRAME, SCATTERING_MODEL
from xrdkit.uncertainty import (
    BETWEEN_BINS,
    BETWEEN_FRAMES,
    COVARIANCE,
    ERRORS,
    SOURCE,
)

_INTENSITY = "intensity"


class Labels:
    """Names, units and meanings of all that a model, or any of a choice, can have."""

    def __init__(self, models: Sequence[Model], unit: str) -> None:
        self.components: dict[str, str] = {}
        self.parameters: dict[str, tuple[str, str]] = {}
        self.derived: dict[str, tuple[str, str]] = {}
        for model in models:
            for name, part in zip(model.names, model.components, strict=True):
                self.components[name] = part.kind
                for key, item in part.derived(_ones(part.quantities)).items():
                    self.derived[f"{name}.{key}"] = (_units(item.unit, unit), item.what)
            for entry in model.entries:
                quantity = entry.quantity
                self.parameters[entry.name] = (_units(quantity.unit, unit), quantity.what)


def collect(frames: Sequence[FrameModel], *, profile: xr.Dataset, models: Choice) -> xr.Dataset:
    """Return the fits of all frames of `profile` as one Dataset, without provenance."""
    unit = str(profile["intensity"].attrs["units"])
    labels = Labels(models.models, unit)
    builder = Variables(FRAME in profile.dims)
    _parameters(builder, frames, labels)
    _derived(builder, frames, labels)
    _curves(builder, frames, profile, labels, unit)
    for name, what in (
        ("gof", "goodness of fit √χ²r, NaN without errors of the intensity"),
        ("sigma_scale", "factor that the standard errors were multiplied by"),
        ("bic", "information criterion n ln(χ²/n) + k ln n of the model"),
        ("points", "number of points fitted"),
    ):
        builder.add(name, [getattr(f, name) for f in frames], (), "1", what)
    if len(models.models) > 1:
        count = len(models.models)
        rows = [f.candidates or [np.nan] * count for f in frames]
        what = "information criterion of every model of the choice, lower is better"
        builder.add("candidate_bic", rows, ("candidate",), "1", what)
        builder.add("chosen", [f.chosen for f in frames], (), "1", "candidate taken, -1: none")
    builder.add("verdict", [str(f.verdict) for f in frames], (), None, "verdict on the fit")
    builder.add("verdict_reason", [f.reason for f in frames], (), None, "reason of the verdict")
    coords = _coordinates(profile, labels, models)
    coords |= _sources(builder, frames, profile, labels)
    return xr.Dataset(builder.variables, coords, {"schema": SCATTERING_MODEL.name})


def _parameters(builder: Variables, frames: Sequence[FrameModel], labels: Labels) -> None:
    names = list(labels.parameters)
    dims, mixed = ("parameter",), "unit of each in parameter_unit"
    builder.add(
        "parameter_value", [missing(f.values, names) for f in frames], dims, "", f"value, {mixed}"
    )
    builder.add(
        "parameter_sigma",
        [missing(f.sigma, names) for f in frames],
        dims,
        "",
        f"standard error of the value, {mixed}; NaN at a bound, 0 where fixed",
    )
    rows = [[[f.covariance.get((a, b), np.nan) for b in names] for a in names] for f in frames]
    builder.add(
        "parameter_covariance",
        rows,
        ("parameter", "parameter_2"),
        "",
        "covariance of the values, multiplied by the square of sigma_scale but for the share of"
        " error sources common to all points",
    )
    states = [[f.states.get(name, "absent") for name in names] for f in frames]
    what = "free, fixed, tied, at_bound, undetermined, idle (nothing depends on it) or absent"
    builder.add("parameter_verdict", states, dims, None, what)


def _derived(builder: Variables, frames: Sequence[FrameModel], labels: Labels) -> None:
    names = list(labels.derived)
    if not names:
        return
    for name, at, what in (
        ("derived_value", 0, "number"),
        ("derived_sigma", 1, "standard error of the number"),
    ):
        rows = [missing({key: pair[at] for key, pair in f.derived.items()}, names) for f in frames]
        text = f"{what} that follows from parameters, unit of each in derived_unit"
        builder.add(name, rows, ("derived",), "", text)


def _curves(
    builder: Variables,
    frames: Sequence[FrameModel],
    profile: xr.Dataset,
    labels: Labels,
    unit: str,
) -> None:
    empty = np.full(profile.sizes["q"], np.nan)
    builder.add(
        "intensity_calculated",
        [empty if f.calculated is None else f.calculated for f in frames],
        ("q",),
        unit,
        "intensity of the fitted model",
    )
    builder.add(
        "component_intensity",
        [[f.curves.get(name, empty) for name in labels.components] for f in frames],
        ("component", "q"),
        unit,
        "intensity of each component of the fitted model",
    )
    states = [[f.components.get(name, "absent") for name in labels.components] for f in frames]
    what = "ok, or absent: not in the model, or no more of it than its error"
    builder.add("component_verdict", states, ("component",), None, what)
    builder.measured(profile)


def _coordinates(profile: xr.Dataset, labels: Labels, models: Choice) -> dict[str, Any]:
    names, derived = labels.parameters, labels.derived
    coords: dict[str, Any] = {
        "q": profile["q"].variable,
        "parameter": ("parameter", list(names), {"long_name": "parameter of the model"}),
        "parameter_2": ("parameter_2", list(names), {"long_name": "parameter of the model"}),
        "parameter_unit": _text("parameter", [u for u, _ in names.values()], "unit"),
        "parameter_name": _text("parameter", [w for _, w in names.values()], "what it is"),
        "component": (
            "component",
            list(labels.components),
            {"long_name": "component of the model"},
        ),
        "component_kind": _text("component", list(labels.components.values()), "kind"),
    }
    if derived:
        coords["derived"] = ("derived", list(derived), {"long_name": "derived number"})
        coords["derived_unit"] = _text("derived", [u for u, _ in derived.values()], "unit")
        coords["derived_name"] = _text("derived", [w for _, w in derived.values()], "what it is")
    if len(models.models) > 1:
        text = ["+".join(map(_said, model.names, model.components)) for model in models.models]
        coords["candidate"] = ("candidate", np.arange(len(text)), {"long_name": "candidate"})
        coords["candidate_components"] = _text("candidate", text, "components of the candidate")
    for key, coordinate in profile.coords.items():
        if coordinate.dims == (FRAME,):
            coords[str(key)] = coordinate.variable
    return coords


def _text(dim: str, values: list[str], what: str) -> tuple[str, list[str], dict[str, str]]:
    return (dim, values, {"long_name": what})


def _sources(
    builder: Variables, frames: Sequence[FrameModel], profile: xr.Dataset, labels: Labels
) -> dict[str, Any]:
    """Add errors by source where the profile names sources; return the coordinates of these."""
    if ERRORS not in profile:
        return {}
    named = [key for key in (SOURCE, BETWEEN_BINS, BETWEEN_FRAMES) if key in profile.coords]
    empty = np.full(profile.sizes[SOURCE], np.nan)
    for dim, names in (("parameter", labels.parameters), ("derived", labels.derived)):
        if names:
            builder.add(
                f"{dim}_errors",
                [[f.errors.get(name, empty) for name in names] for f in frames],
                (dim, SOURCE),
                "",
                "error of the value from each source, signed where common to all points",
            )
    if COVARIANCE in profile:
        what = "mean correlation of the independent errors of neighbouring points"
        found = [f.neighbour_correlation for f in frames]
        builder.add("neighbour_correlation", found, (), "1", what)
        what = "number of independent points that tell as much as the points fitted"
        builder.add("points_effective", [f.effective_points for f in frames], (), "1", what)
    # Errors of a fit come in the order of its error model: those that scatter, then common ones.
    single = profile[BETWEEN_BINS].values.astype(str) != "common"
    order = np.concatenate([np.flatnonzero(single), np.flatnonzero(~single)])
    return {
        key: (SOURCE, [str(v) for v in profile[key].values[order]], dict(profile[key].attrs))
        for key in named
    }


def _said(name: str, part: Component) -> str:
    return f"{name} packed" if "packing" in {item.name for item in part.quantities} else name


def _units(text: str, unit: str) -> str:
    return text.replace(_INTENSITY, unit)


def _ones(quantities: Sequence[Any]) -> dict[str, float]:
    return {item.name: 1.0 for item in quantities}
