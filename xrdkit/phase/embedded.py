"""The structures that come with the package, by name."""

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any

from xrdkit.errors import StructureError
from xrdkit.phase.structure import Site, Structure
from xrdkit.phase.symmetry import find_group, triplets_of


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, Any]]:
    text = files("xrdkit.phase").joinpath("library", "structures.toml").read_text("utf-8")
    return tomllib.loads(text)


def embedded_names() -> tuple[str, ...]:
    """Return the names that `embedded_structure` knows."""
    return tuple(_table())


@lru_cache(maxsize=64)
def embedded_structure(name: str) -> Structure:
    """Return an embedded structure such as ``"LaB6"``; raise StructureError for unknown names.

    ``"graphite"`` is another name of ``"C"``.
    """
    entry = _table().get("C" if name == "graphite" else name)
    if entry is None:
        raise StructureError(
            f"unknown phase {name!r}",
            hint=f"known: {', '.join(_table())}; or give the path of a CIF",
        )
    a, b, c, alpha, beta, gamma = entry["cell"]
    group = find_group(entry["space_group"], (alpha, beta, gamma))
    sites = tuple(
        Site(label=label, element=element, position=(x, y, z), b_iso=b_iso)
        for label, element, x, y, z, b_iso in entry["sites"]
    )
    return Structure(
        name=name,
        cell=(float(a), float(b), float(c), float(alpha), float(beta), float(gamma)),
        operators=triplets_of(group),
        sites=sites,
        space_group=group.xhm(),
        citation=entry["citation"],
    )
