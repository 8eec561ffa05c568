"""Faults of a recipe in the user's words: the dotted key, the fault, the nearest valid name."""

import difflib
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, Tag, ValidationError

from xrdkit.errors import RecipeError
from xrdkit.workflow.choices import UNTOLD

_SHOWN = 5
#: What is wanted, where pydantic says it in the words of a programmer.
_WANTED = {
    "dict_type": "should be a table",
    "model_type": "should be a table",
    "tuple_type": "should be a list in brackets, such as [1, 2]",
    "string_pattern_mismatch": "should be one line of text",
}


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the closest of `known`, or all of them where none is close."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"


def refusal(
    exc: ValidationError, model: type[BaseModel], raw: dict[str, Any], source: object
) -> RecipeError:
    """Return the RecipeError for what pydantic found wrong in `raw`."""
    faults, hint = [], None
    # Unknown keys first: a misspelt key is often why another one is missing.
    ordered = sorted(exc.errors(), key=lambda error: error["type"] != "extra_forbidden")
    for error in ordered[:_SHOWN]:
        place = _named(error["loc"], raw)
        dotted = ".".join(place)
        if error["type"] == "extra_forbidden":
            faults.append(f"unknown key {dotted!r}")
            hint = hint or nearest(place[-1], _keys(model, error["loc"][:-1]))
        elif error["type"] == "missing":
            faults.append(f"{dotted!r} is missing")
            hint = hint or f"write it into the recipe, or --set {dotted}=..."
        elif error["type"] == "value_error":
            faults.append(f"{dotted + ': ' if dotted else ''}{error['ctx']['error']}")
        else:
            wanted = _WANTED.get(error["type"], error["msg"])
            if "A-Za-z" in str(error.get("ctx", {}).get("pattern", "")):
                wanted = "should have letters, digits, _ and - only, 64 at most"
            faults.append(f"{dotted}: {wanted}, not {_shown(error['input'], error['type'])}")
    left = exc.error_count() - _SHOWN
    more = [f"and {left} more"] if left > 0 else []
    return RecipeError("; ".join([*faults, *more]), source=source, hint=hint)


def _shown(given: object, fault: str) -> str:
    if not isinstance(given, dict):
        return repr(given)
    # Which of several tables is meant could not be told: show what was said.
    return f"{given!r:.60}" if fault == UNTOLD else "a table"


def _named(loc: tuple[int | str, ...], raw: dict[str, Any]) -> list[str]:
    """Return a location with detectors by label and without pydantic's names of union members."""
    detectors = raw.get("detectors")
    labels = list(detectors) if isinstance(detectors, dict) else []
    out: list[str] = []
    for at, part in enumerate(loc):
        if at == 1 and loc[0] == "detectors" and isinstance(part, int) and part < len(labels):
            out.append(str(labels[part]))
        elif isinstance(part, int):
            out[-1:] = [f"{out[-1]}[{part}]"] if out else [f"[{part}]"]
        elif part.isidentifier():
            out.append(part)
    return out


def _keys(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys that the table at the location `loc` of a fault may have."""
    inner: Any = model
    for part in loc:
        owner = _model_in(inner)
        found = {} if owner is None else owner.model_fields
        named = {f.alias or key: f.annotation for key, f in found.items()}
        if part in named:
            inner = named[part]
        elif isinstance(part, str):
            # One of several kinds of table, or a type, which pydantic puts into locations.
            inner = _tagged(inner, part) or inner
    owner = _model_in(inner)
    hidden = {"label"}
    found = {} if owner is None else owner.model_fields
    return [f.alias or key for key, f in found.items() if key not in hidden]


def _tagged(annotation: Any, tag: str) -> Any:
    """Return the part of a union that has the `tag`, None where there is none."""
    if any(isinstance(m, Tag) and m.tag == tag for m in getattr(annotation, "__metadata__", ())):
        return typing.get_args(annotation)[0]
    for part in typing.get_args(annotation):
        found = _tagged(part, tag)
        if found is not None:
            return found
    return None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in typing.get_args(annotation):
        found = _model_in(part)
        if found is not None:
            return found
    return None
