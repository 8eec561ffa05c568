"""Frozen specs made again from the plain values that provenance holds."""

import dataclasses
import enum
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from xrdkit.errors import RefusedError
from xrdkit.provenance import package_version

T = TypeVar("T")


def rebuilt(
    kind: type[T],
    record: Mapping[str, Any],
    *,
    version: str,
    given: Mapping[str, Any] | None = None,
) -> T:
    """Return the dataclass `kind` whose fields `record` holds as plain values.

    Nested dataclasses, tuples and enumerations come back by the annotations of the fields; `given`
    holds values that no record can, such as frames. Fields that the record does not have keep
    their defaults. `version` is that of the package that made the record. Raises RefusedError for
    a field that this version does not have, and what the dataclass raises for impossible values.
    """
    own = {f.name for f in dataclasses.fields(typing.cast(Any, kind))}
    unknown = sorted(set(record) - own)
    if unknown:
        raise RefusedError(
            f"{kind.__name__} has no {', '.join(unknown)} here: the result was made by xrdkit "
            f"{version}, this is {package_version()}",
            hint=f"replay it with xrdkit {version}",
        )
    hints = typing.get_type_hints(kind)
    values = {name: _value(value, hints[name]) for name, value in record.items()}
    try:
        return kind(**{**values, **(given or {})})
    except TypeError as exc:
        raise RefusedError(
            f"{kind.__name__} cannot be made from its record by xrdkit {version}: {exc}"
        ) from exc


def fields_that_hold(kind: type[Any], wanted: type[Any]) -> list[str]:
    """Return the names of the fields of a dataclass whose annotation admits the type `wanted`."""
    hints = typing.get_type_hints(kind)
    names = [f.name for f in dataclasses.fields(kind)]
    return [name for name in names if wanted in _parts(hints[name])]


def _parts(hint: Any) -> list[Any]:
    """Return an annotation with all annotations inside it."""
    parts = [part for inner in typing.get_args(hint) for part in _parts(inner)]
    return [hint, typing.get_origin(hint), *parts]


def _kind_of(record: Mapping[str, Any], kinds: list[type[Any]]) -> type[Any]:
    """Return the one of `kinds` that has every field of `record`, and its name where it has one.

    Of several, the one with the fewest fields besides.
    """
    fitting: dict[int, type[Any]] = {}
    for kind in kinds:
        hints = typing.get_type_hints(kind)
        own = {f.name for f in dataclasses.fields(kind)}
        named = {n: typing.get_args(h) for n, h in hints.items() if n in own and _is_literal(h)}
        if set(record) <= own and all(
            record.get(n, names[0]) in names for n, names in named.items()
        ):
            fitting.setdefault(len(own), kind)
    return fitting[min(fitting)] if fitting else kinds[0]


def _is_literal(hint: Any) -> bool:
    return typing.get_origin(hint) is typing.Literal


def _value(value: Any, hint: Any) -> Any:
    kinds = [part for part in _parts(hint) if isinstance(part, type)]
    if isinstance(value, Mapping):
        nested = [k for k in kinds if dataclasses.is_dataclass(k)]
        if nested:
            return rebuilt(_kind_of(value, nested), value, version=package_version())
        return {key: _value(item, Any) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_value(item, hint) for item in value)
    if isinstance(value, str):
        for kind in kinds:
            if issubclass(kind, enum.Enum):
                return kind(value)
    return value
