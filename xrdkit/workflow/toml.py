"""TOML text to plain values, within bounds, and ``key=value`` overrides on top."""

import datetime
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from xrdkit.errors import RecipeError
from xrdkit.files import read_at_most

MAX_BYTES = 1_000_000
MAX_DEPTH = 16


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file with lists as tuples.

    Raises RecipeError where the file cannot be read, is above 1 MB, nests deeper than 16 levels or
    is no TOML; the message has the line.
    """
    text = _text(path)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise RecipeError(f"is not valid TOML: {exc}", source=path) from exc
    except RecursionError as exc:
        raise RecipeError(f"nests deeper than {MAX_DEPTH} levels", source=path) from exc
    if _depth(raw) > MAX_DEPTH:
        raise RecipeError(f"nests deeper than {MAX_DEPTH} levels", source=path)
    return {key: with_tuples(value) for key, value in raw.items()}


def parse_overrides(overrides: Iterable[str]) -> dict[tuple[str, ...], Any]:
    """Return {keys: value} for texts like ``detectors.waxs.integrate.bins=500``.

    A value is read as TOML; what is no TOML (a bare path or name) is taken as text. Raises
    RecipeError for a text without ``=``, an empty key, or a key that is given twice.
    """
    out: dict[tuple[str, ...], Any] = {}
    for text in overrides:
        key, equals, value = text.partition("=")
        keys = tuple(part.strip() for part in key.split("."))
        if not equals or not all(keys):
            raise RecipeError(
                f"--set {text!r} is not key=value",
                hint="for example --set detectors.waxs.integrate.bins=500",
            )
        if keys in out:
            raise RecipeError(f"--set {'.'.join(keys)} is given twice")
        if len(keys) > MAX_DEPTH:
            raise RecipeError(f"--set {key!r} nests deeper than {MAX_DEPTH} levels")
        out[keys] = _override_value(value.strip())
    return out


def merged(raw: dict[str, Any], overrides: dict[tuple[str, ...], Any]) -> dict[str, Any]:
    """Return `raw` with the overrides put in; `raw` is not changed.

    Raises RecipeError where a key leads through something that is not a table.
    """
    out = _copied(raw)
    for keys, value in overrides.items():
        table = out
        for at, key in enumerate(keys[:-1]):
            inner = table.setdefault(key, {})
            if not isinstance(inner, dict):
                raise RecipeError(
                    f"--set {'.'.join(keys)}: {'.'.join(keys[: at + 1])} is not a table"
                )
            table = inner
        table[keys[-1]] = value
    return out


def with_tuples(value: Any) -> Any:
    """Return `value` with every list in it as a tuple, so that what is frozen stays so."""
    if isinstance(value, list | tuple):
        return tuple(with_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: with_tuples(item) for key, item in value.items()}
    return value


def _text(path: Path) -> str:
    try:
        content = read_at_most(path, MAX_BYTES)
    except OSError as exc:
        raise RecipeError(f"cannot be read: {exc.strerror}", source=path) from exc
    if len(content) > MAX_BYTES:
        raise RecipeError("is larger than 1 MB", source=path, hint="is it a recipe?")
    try:
        return content.decode("utf-8-sig")  # some editors put a mark before the first letter
    except UnicodeDecodeError as exc:
        raise RecipeError("is not UTF-8 text", source=path, hint="is it a recipe?") from exc


def _depth(value: Any) -> int:
    deepest, stack = 0, [(value, 0)]
    while stack:
        item, depth = stack.pop()
        deepest = max(deepest, depth)
        if isinstance(item, dict):
            stack.extend((inner, depth + 1) for inner in item.values())
        elif isinstance(item, list):
            stack.extend((inner, depth + 1) for inner in item)
    return deepest


def _override_value(text: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    value = parsed.get("value")
    is_date = isinstance(value, datetime.date | datetime.time)
    if set(parsed) != {"value"} or isinstance(value, dict) or is_date or _depth(value) > MAX_DEPTH:
        return text
    return with_tuples(value)


def _copied(value: dict[str, Any]) -> dict[str, Any]:
    return {k: _copied(v) if isinstance(v, dict) else v for k, v in value.items()}
