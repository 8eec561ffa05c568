"""Recipe tables made from the frozen specs of the verbs, so that no field is written twice."""

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, create_model, model_validator

from xrdkit.errors import SpecError
from xrdkit.workflow.choices import name_key, one_of

CONFIG = ConfigDict(
    frozen=True, extra="forbid", allow_inf_nan=False, strict=True, validate_default=True
)
_PLAIN = (bool, int, float, str, type(None))


class Settings(BaseModel):
    """A table of a recipe with the fields of one spec."""

    model_config = CONFIG
    spec_type: ClassVar[type[Any]]
    own_fields: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="after")
    def _the_spec_accepts_it(self) -> Self:
        self.spec()
        return self

    def spec(self, **inputs: Any) -> Any:
        """Return the spec; `inputs` fill fields that a recipe cannot hold, such as frames.

        Raises SpecError where the spec does not accept the values.
        """
        hints = typing.get_type_hints(self.spec_type)
        values = {
            name: _value(getattr(self, name), hints[name])
            for name in type(self).model_fields
            if name not in self.own_fields
        }
        try:
            return self.spec_type(**values, **inputs)
        except TypeError as exc:
            raise SpecError(f"{self.spec_type.__name__} cannot be made: {exc}") from exc


class _Kinded(Settings):
    """A table that is one of several: where its spec has no ``name``, ``kind`` says which."""

    own_fields: ClassVar[frozenset[str]] = frozenset({"kind"})


@cache
def settings_model(
    spec: type[Any], base: type[Settings] = Settings, without: tuple[str, ...] = ()
) -> type[Settings]:
    """Return the table for a frozen dataclass, with the further fields of `base`.

    Fields whose type TOML cannot express (frames, Datasets) are left out, as are those named in
    `without`; arrays are lists of numbers. The fields are checked by type and range when the recipe
    is read.
    """
    hints = typing.get_type_hints(spec)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(spec):
        kind = _toml_type(hints[field.name])
        if kind is not None and kind is not type(None) and field.name not in without:
            fields[field.name] = (kind, _default(field))
    told = name_key(spec)
    if told is not None and issubclass(base, _Kinded):
        fields[told[0]] = (Literal[told[1]], told[1])
    name = f"{spec.__name__}Settings"
    model = create_model(name, __base__=base, __doc__=spec.__doc__, **fields)
    model.spec_type = spec
    return model


def can_be_written(spec: type[Any], without: tuple[str, ...] = ()) -> bool:
    """Return whether TOML can express every field of a dataclass that has no default.

    Fields named in `without` are not asked about.
    """
    hints = typing.get_type_hints(spec)
    return all(
        _toml_type(hints[field.name]) is not None
        for field in dataclasses.fields(spec)
        if field.name not in without
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    )


def _toml_type(hint: Any) -> Any:
    """Return the type of a recipe value for an annotation, or None where TOML has none."""
    if hint in _PLAIN:
        return hint
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return hint
    if origin in (types.UnionType, typing.Union):
        return _union(args)
    if origin is tuple:
        kinds = [k if k is Ellipsis else _toml_type(k) for k in args]
        return None if None in kinds else types.GenericAlias(tuple, tuple(kinds))
    if origin in (list, Sequence):
        kind = _toml_type(args[0])
        return None if kind is None else types.GenericAlias(tuple, (kind, ...))
    if origin in (dict, Mapping):
        kind = _toml_type(args[1])
        return None if kind is None or args[0] is not str else types.GenericAlias(dict, (str, kind))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return Literal[tuple(member.value for member in hint)]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return settings_model(hint, _base(hint))
    return None


def _union(args: tuple[Any, ...]) -> Any:
    if complex in args:  # numpy's ArrayLike: anything that can be an array
        numbers: Any = tuple[float, ...]
        return numbers | None if type(None) in args else numbers
    tables = [arg for arg in args if dataclasses.is_dataclass(arg) and isinstance(arg, type)]
    others = [kind for arg in args if arg not in tables and (kind := _toml_type(arg)) is not None]
    if not tables and not [k for k in others if k is not type(None)]:
        return None
    return one_of({table: settings_model(table, _base(table)) for table in tables}, others)


def _base(spec: type[Any]) -> type[Settings]:
    told = name_key(spec)
    return _Kinded if told is not None and told[0] == "kind" else Settings


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return _as_toml(field.default_factory())
    return ... if field.default is dataclasses.MISSING else _as_toml(field.default)


def _as_toml(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, list | tuple):
        return tuple(_as_toml(item) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        model = settings_model(type(value), _base(type(value)))
        return model(**{name: _as_toml(getattr(value, name)) for name in model.model_fields})
    return value


def _value(value: Any, hint: Any) -> Any:
    """Return a recipe value as the spec wants it: specs for tables, members for enumerations."""
    if isinstance(value, Settings):
        return value.spec()
    if isinstance(value, tuple):
        return tuple(_value(item, Any) for item in value)
    for kind in (hint, *typing.get_args(hint)):
        if isinstance(kind, type) and issubclass(kind, enum.Enum) and isinstance(value, str):
            return kind(value)
    return value
