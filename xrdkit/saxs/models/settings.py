"""A model as plain values, for provenance and recipes, and back."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from xrdkit.errors import SpecError
from xrdkit.saxs.models.component import Component
from xrdkit.saxs.models.debye_anderson import DebyeAnderson
from xrdkit.saxs.models.debye_chain import DebyeChain
from xrdkit.saxs.models.flat import Flat
from xrdkit.saxs.models.fractals import MassFractal, SurfaceFractal
from xrdkit.saxs.models.guinier_porod import GuinierPorod
from xrdkit.saxs.models.lamellar_stack import LamellarStack
from xrdkit.saxs.models.measured_curve import MeasuredCurve
from xrdkit.saxs.models.model import Choice, Model
from xrdkit.saxs.models.particles import Particles
from xrdkit.saxs.models.peak import Peak
from xrdkit.saxs.models.power_law import PowerLaw
from xrdkit.saxs.models.presets import preset
from xrdkit.saxs.models.teubner_strey import TeubnerStrey
from xrdkit.saxs.models.unified_level import UnifiedLevel
from xrdkit.saxs.quantity import Parameter, Part
from xrdkit.saxs.shapes import CoreShell, Cylinder, Disc, Lamella, Shape, Sphere, Spheroid
from xrdkit.saxs.structure_factors import STRUCTURE_FACTORS

COMPONENTS: dict[str, type[Component]] = {
    c.kind: c
    for c in (
        UnifiedLevel,
        PowerLaw,
        Flat,
        Peak,
        DebyeAnderson,
        TeubnerStrey,
        GuinierPorod,
        DebyeChain,
        MassFractal,
        SurfaceFractal,
        Particles,
        MeasuredCurve,
        LamellarStack,
    )
}
_PARTS: dict[str, type[Part]] = {**COMPONENTS, **STRUCTURE_FACTORS}
_SHAPES: dict[str, type[Shape]] = {
    shape.name: shape for shape in (Sphere, CoreShell, Spheroid, Cylinder, Disc, Lamella)
}


def model_settings(model: Model | Choice) -> dict[str, Any]:
    """Return a model as plain values."""
    if isinstance(model, Choice):
        return {"models": [model_settings(one) for one in model.models]}
    return {"components": [_settings(part) for part in model.components]}


def _settings(part: Part | Shape) -> dict[str, Any]:
    """Return a part as plain values: its kind and the fields that differ from their defaults."""
    found: dict[str, Any] = {"kind": part.label if isinstance(part, Shape) else part.kind}
    for field in dataclasses.fields(part):  # type: ignore[arg-type]  # all shapes are dataclasses
        value = getattr(part, field.name)
        if value == field.default:
            continue
        if isinstance(value, Part | Shape):
            value = _settings(value)
        elif isinstance(value, Parameter):
            value = {k: v for k, v in dataclasses.asdict(value).items() if v is not None}
        found[field.name] = value
    return found


def model_of(settings: Mapping[str, Any]) -> Model | Choice:
    """Return the model that plain values say, those of `model_settings` or of a recipe.

    Raises SpecError for unknown kinds and fields.
    """
    if not isinstance(settings, Mapping):
        raise SpecError(f"the settings of a model are a table, not {settings!r:.60}")
    if set(settings) == {"models"}:
        found = [model_of(one) for one in settings["models"]]
        models = tuple(one for one in found if isinstance(one, Model))
        if len(models) < len(found):
            raise SpecError("a choice of models holds another choice")
        return Choice(models=models)
    if "preset" in settings and set(settings) <= {"preset", "options"}:
        return preset(settings["preset"], settings.get("options", {}))
    if set(settings) != {"components"} or not isinstance(settings["components"], list | tuple):
        raise SpecError("a model is a table with a list 'components', or 'models', or a 'preset'")
    parts = [_part(one) for one in settings["components"]]
    components = tuple(part for part in parts if isinstance(part, Component))
    if len(components) < len(parts):
        raise SpecError("a structure factor or shape is no component of a model")
    return Model(components=components)


def _part(settings: object) -> Part | Shape:
    known: dict[str, type[Part] | type[Shape]] = {**_PARTS, **_SHAPES}
    if not isinstance(settings, Mapping) or settings.get("kind") not in known:
        kind = settings.get("kind") if isinstance(settings, Mapping) else settings
        raise SpecError(f"unknown component {kind!r}", hint=f"known: {', '.join(sorted(known))}")
    part = known[settings["kind"]]
    fields = {
        field.name
        for field in dataclasses.fields(part)  # type: ignore[arg-type]  # all shapes are such
    }
    given: dict[str, Any] = {}
    for name, value in settings.items():
        if name == "kind":
            continue
        if name not in fields:
            raise SpecError(
                f"{settings['kind']} has no {name!r}", hint=f"it has: {', '.join(sorted(fields))}"
            )
        given[name] = _value(value)
    return part(**given)


def _value(value: object) -> Any:
    if not isinstance(value, Mapping):
        return tuple(value) if isinstance(value, list) else value
    if "kind" in value:
        return _part(value)
    known = {field.name for field in dataclasses.fields(Parameter)}
    if not set(value) <= known:
        raise SpecError(
            f"a parameter has no {sorted(set(value) - known)[0]!r}",
            hint=f"it has: {', '.join(sorted(known))}",
        )
    return Parameter(**value)
