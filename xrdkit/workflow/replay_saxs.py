"""Verbs of small-angle scattering, done again from what their steps recorded."""

from collections.abc import Callable
from typing import Any

import xarray as xr

from xrdkit.geometry import Calibration
from xrdkit.profiles import OrientationSpec, orientation
from xrdkit.provenance import Step
from xrdkit.saxs import (
    SizeSpec,
    SmearingSpec,
    desmear,
    fit_sizes,
    smooth_trend,
    with_resolution,
)
from xrdkit.saxs.correlation import CorrelationSpec, correlation_function
from xrdkit.saxs.distances import DistanceSpec, pair_distances
from xrdkit.saxs.guinier import guinier
from xrdkit.saxs.guinier_spec import GuinierSpec
from xrdkit.saxs.invariant import InvariantSpec, invariant
from xrdkit.saxs.kratky import KratkySpec, kratky
from xrdkit.saxs.method_spread import compare_size_methods
from xrdkit.saxs.models import ModelSpec, fit_model, model_of
from xrdkit.saxs.porod import PorodSpec, porod
from xrdkit.saxs.posterior import PosteriorSpec, sample_sizes
from xrdkit.workflow.rebuilt import rebuilt

Again = Callable[[Step, xr.Dataset], xr.Dataset]


def _with_spec(verb: Callable[[xr.Dataset, Any], xr.Dataset], kind: type[Any]) -> Again:
    """Return what does a verb again whose settings are its spec."""

    def again(step: Step, data: xr.Dataset) -> xr.Dataset:
        return verb(data, rebuilt(kind, step.settings, version=step.version))

    return again


def _fit_model(step: Step, data: xr.Dataset) -> xr.Dataset:
    spec = rebuilt(ModelSpec, step.settings["spec"], version=step.version)
    return fit_model(data, model_of(step.settings["model"]), spec)


def _methods(step: Step, data: xr.Dataset) -> xr.Dataset:
    spec = rebuilt(SizeSpec, step.settings["spec"], version=step.version)
    return compare_size_methods(data, spec, methods=step.settings["methods"])


def _sampled(step: Step, data: xr.Dataset) -> xr.Dataset:
    spec = rebuilt(SizeSpec, step.settings["spec"], version=step.version)
    sampling = rebuilt(PosteriorSpec, step.settings["sampling"], version=step.version)
    return sample_sizes(data, spec, sampling)


def _desmear(step: Step, data: xr.Dataset) -> xr.Dataset:
    wanted = dict(step.settings)
    if isinstance(wanted["smearing"], dict):
        wanted["smearing"] = rebuilt(SmearingSpec, wanted["smearing"], version=step.version)
    if wanted["range"] is not None:
        wanted["range"] = tuple(wanted["range"])
    return desmear(data, **wanted)


def _resolution(step: Step, data: xr.Dataset) -> xr.Dataset:
    wanted = dict(step.settings)
    calibration = rebuilt(Calibration, wanted.pop("calibration"), version=step.version)
    return with_resolution(data, calibration, **wanted)


def _trend(step: Step, data: xr.Dataset) -> xr.Dataset:
    return smooth_trend(data, **step.settings)


#: Name of a step -> what does it again.
SAXS_STEPS: dict[str, Again] = {
    "fit_sizes": _with_spec(fit_sizes, SizeSpec),
    "fit_model": _fit_model,
    "compare_size_methods": _methods,
    "sample_sizes": _sampled,
    "guinier": _with_spec(guinier, GuinierSpec),
    "porod": _with_spec(porod, PorodSpec),
    "invariant": _with_spec(invariant, InvariantSpec),
    "kratky": _with_spec(kratky, KratkySpec),
    "pair_distances": _with_spec(pair_distances, DistanceSpec),
    "correlation_function": _with_spec(correlation_function, CorrelationSpec),
    "desmear": _desmear,
    "with_resolution": _resolution,
    "smooth_trend": _trend,
    "orientation": _with_spec(orientation, OrientationSpec),
}
