"""Recipe values that may be of several kinds: which one a value is meant as.

A table for one of several dataclasses says which by a key: ``name`` where they have such a field
(shapes), ``kind`` otherwise (structure factors). Faults are told of the kind that is meant alone.
"""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Tag

#: Type of the fault that no kind, or an unknown one, is said.
UNTOLD = "kind_untold"
_TABLE, _LIST, _PLAIN = "(table)", "(list)", "(plain)"


def name_key(kind: type[Any]) -> tuple[str, str] | None:
    """Return the key that tells a dataclass from others, with its value; None where it has none."""
    for field in dataclasses.fields(kind):
        if field.name == "name" and isinstance(field.default, str):
            return "name", field.default
    said = getattr(kind, "kind", None)
    return ("kind", said) if isinstance(said, str) else None


def one_of(tables: Mapping[type[Any], type[BaseModel]], others: list[Any]) -> Any:
    """Return the type of a value that is one of `tables` (by dataclass) or of `others`.

    Whether a value is a table, a list or plain decides which of them it is held against; among
    several tables the key of each.
    """
    keys = {kind: name_key(kind) for kind in tables}
    named = {told[1]: tables[kind] for kind, told in keys.items() if told is not None}
    key = next((told[0] for told in keys.values() if told is not None), "")
    several = len(tables) > 1 and len(named) == len(tables)
    dicts = [kind for kind in others if typing.get_origin(kind) is dict]
    lists = [kind for kind in others if typing.get_origin(kind) is tuple]
    plain = [kind for kind in others if kind not in dicts and kind not in lists]
    if several:
        branches = {f"({said})": [table] for said, table in named.items()}
    else:
        branches = {_TABLE: [*tables.values(), *dicts]}
    branches |= {_LIST: lists, _PLAIN: plain}
    branches = {tag: kinds for tag, kinds in branches.items() if kinds}
    if len(branches) == 1 or (len(branches) == 2 and plain == [type(None)]):
        return typing.Union[(*tables.values(), *others)]

    def branch(value: Any) -> str | None:
        if isinstance(value, BaseModel):
            said = getattr(value, key, None) if several else None
            return _TABLE if said is None else f"({said})"
        if isinstance(value, Mapping):
            tag = f"({value.get(key)})" if several else _TABLE
        elif isinstance(value, list | tuple):
            tag = _LIST
        else:
            return _PLAIN if value is None or set(plain) != {type(None)} else None
        return tag if tag in branches else None

    tagged = [
        Annotated[typing.Union[tuple(kinds)], Tag(tag)]  # noqa: UP007 - known at run time only
        for tag, kinds in branches.items()
    ]
    return Annotated[
        typing.Union[tuple(tagged)],  # noqa: UP007 - as above
        Discriminator(
            branch,
            custom_error_type=UNTOLD,
            custom_error_message=_wanted(key, named, lists, plain),
        ),
    ]


def _wanted(key: str, named: Mapping[str, Any], lists: list[Any], plain: list[Any]) -> str:
    """Return what a value should be, for one that is none of it."""
    wanted = []
    if named:
        wanted.append(f"a table with {key} = {', '.join(map(repr, named))}")
    elif not lists:
        wanted.append("a table")
    if lists:
        wanted.append("a list in brackets")
    for kind in plain:
        if typing.get_origin(kind) is Literal:
            wanted.append(", ".join(map(repr, typing.get_args(kind))))
        elif kind is not type(None):
            wanted.append({str: "text", int: "a whole number"}.get(kind, "a number"))
    return "should be " + " or ".join(wanted)
