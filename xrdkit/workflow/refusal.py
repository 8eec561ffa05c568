"""Faults of a recipe in the user's words: the dotted key, the fault, the nearest valid name."""

import difflib
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from xrdkit.errors import RecipeError

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
            hint = hint or nearest(place[-1], _keys(model, place[:-1]))
        elif error["type"] == "missing":
            faults.append(f"{dotted!r} is missing")
            hint = hint or f"write it into the recipe, or --set {dotted}=..."
        elif error["type"] == "value_error":
            faults.append(f"{dotted + ': ' if dotted else ''}{error['ctx']['error']}")
        else:
            given = error["input"]
            shown = "a table" if isinstance(given, dict) else repr(given)
            wanted = _WANTED.get(error["type"], error["msg"])
            if "A-Za-z" in str(error.get("ctx", {}).get("pattern", "")):
                wanted = "should have letters, digits, _ and - only, 64 at most"
            faults.append(f"{dotted}: {wanted}, not {shown}")
    left = exc.error_count() - _SHOWN
    more = [f"and {left} more"] if left > 0 else []
    return RecipeError("; ".join([*faults, *more]), source=source, hint=hint)


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


def _keys(model: type[BaseModel], place: list[str]) -> list[str]:
    """Return the keys that the table at `place` may have."""
    inner: Any = model
    names = [p for at, p in enumerate(place) if not (at == 1 and place[0] == "detectors")]
    for name in names:
        found = {f.alias or key: f.annotation for key, f in inner.model_fields.items()}
        # A table of a list is named with its number: of_phase[0].
        inner = _model_in(found.get(name.partition("[")[0]))
        if inner is None:
            return []
    hidden = {"label"}
    return [f.alias or key for key, f in inner.model_fields.items() if key not in hidden]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in typing.get_args(annotation):
        found = _model_in(part)
        if found is not None:
            return found
    return None
