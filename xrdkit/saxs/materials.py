"""Substances by name, with density and source: ``library/materials.toml``."""

import difflib
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any

from xrdkit.errors import SpecError


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, Any]]:
    text = files("xrdkit.saxs").joinpath("library", "materials.toml").read_text("utf-8")
    return tomllib.loads(text)


@lru_cache(maxsize=1)
def _spellings() -> dict[str, str]:
    """Return the key of the table by name in lower case."""
    found: dict[str, str] = {}
    for key, entry in _table().items():
        for name in (key, *entry["aliases"]):
            found[name.lower()] = key
    return found


def material_names() -> tuple[str, ...]:
    """Return the names of the substances that are known."""
    return tuple(_table())


def material_entry(name: str) -> dict[str, Any]:
    """Return ``formula``, ``density`` and ``density_sigma`` (g/cm³), ``source`` of a substance.

    Upper and lower case are the same. Raises SpecError for a name that is not known, saying which
    are near.
    """
    told: object = name
    if not isinstance(told, str):
        raise SpecError(f"the name of a material is a {type(told).__name__}, not a text")
    key = _spellings().get(name.strip().lower())
    if key is None:
        near = difflib.get_close_matches(name.strip().lower(), _spellings(), n=3)
        raise SpecError(
            f"material {name!r} is not known",
            hint=f"near: {', '.join(near)}"
            if near
            else "Material(formula=..., density=...) takes any; xrdkit.saxs.material_names() are",
        )
    return _table()[key]
