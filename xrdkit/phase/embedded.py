"""The structures that come with the package, by name, other name or formula."""

import difflib
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import StructureError
from xrdkit.phase.structure import Site, Structure
from xrdkit.phase.symmetry import find_group, triplets_of

Array = NDArray[np.float64]

#: Materials of which only the series of one spacing is of use: d001 in nm and its source.
_SERIES = {
    "AgBh": (5.8380, "Silver behenate: Huang, Toraya, Blanton & Wu, J. Appl. Cryst. 26 (1993) 180")
}


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, Any]]:
    text = files("xrdkit.phase").joinpath("library", "structures.toml").read_text("utf-8")
    return tomllib.loads(text)


@lru_cache(maxsize=1)
def _spellings() -> dict[str, tuple[tuple[str, str], ...]]:
    """Return, by lower-case name, what it may mean: (key of the table, name as it is written)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key, entry in _table().items():
        for name in dict.fromkeys([key, *entry["aliases"], entry["formula"]]):
            found.setdefault(name.lower(), []).append((key, name))
    # The key of an entry means that entry, whatever else has the same formula.
    return {
        name: tuple(m for m in meanings if m[0].lower() == name) or tuple(meanings)
        for name, meanings in found.items()
    }


def embedded_names() -> tuple[str, ...]:
    """Return the names of the embedded structures."""
    return tuple(_table())


def is_embedded(name: str) -> bool:
    """Return whether `name` is, in any case, a name, other name or formula of one structure."""
    told: object = name
    return isinstance(told, str) and len(_spellings().get(told.strip().lower(), ())) == 1


def embedded_structure(name: str) -> Structure:
    """Return an embedded structure by name, such as ``"LaB6"``, ``"corundum"`` or ``"Mg(OH)2"``.

    Upper and lower case are the same. Raises StructureError for unknown names, saying which are
    near, and for formulas of several structures (``"TiO2"``).
    """
    told: object = name
    if not isinstance(told, str):
        raise StructureError(f"an embedded structure has a name, not {told!r}")
    return _structure(name)


@lru_cache(maxsize=256)
def _structure(name: str) -> Structure:
    meanings = _spellings().get(name.strip().lower(), ())
    if len(meanings) != 1:
        raise _refusal(name, tuple(key for key, _ in meanings))
    key, written = meanings[0]
    entry = _table()[key]
    a, b, c, alpha, beta, gamma = (float(v) for v in entry["cell"])
    group = find_group(entry["space_group"], (alpha, beta, gamma))
    return Structure(
        name=written,
        cell=(a, b, c, alpha, beta, gamma),
        operators=triplets_of(group),
        sites=tuple(_site(*values) for values in entry["sites"]),
        space_group=group.xhm(),
        citation=entry["citation"],
    )


def embedded_spacings(name: str, count: int = 10) -> Array:
    """Return the first `count` spacings d in nm of a series 00l, as of ``"AgBh"``: d001/l.

    Raises StructureError for names without such a series.
    """
    told: object = name
    if not isinstance(told, str):
        raise StructureError(f"a series of spacings has a name, not {told!r}")
    for known, (spacing, _) in _SERIES.items():
        if known.lower() == name.strip().lower():
            return np.asarray(spacing / np.arange(1, count + 1))
    raise StructureError(f"no series of spacings {name!r}", hint=f"known: {', '.join(_SERIES)}")


def _site(
    label: str,
    element: str,
    x: float,
    y: float,
    z: float,
    b_iso: float,
    occupancy: float = 1.0,
) -> Site:
    return Site(label=label, element=element, position=(x, y, z), b_iso=b_iso, occupancy=occupancy)


def _refusal(name: str, meanings: tuple[str, ...]) -> StructureError:
    asked = name.strip().lower()
    if meanings:
        return StructureError(
            f"{name!r} may be {' or '.join(meanings)}", hint="give one of these names"
        )
    if asked in (known.lower() for known in _SERIES):
        return StructureError(
            f"of {name!r} only the spacings 00l are known", hint="they are in embedded_spacings()"
        )
    near = difflib.get_close_matches(asked, list(_spellings()), n=3, cutoff=0.75)
    written = dict.fromkeys(spelling for n in near for _, spelling in _spellings()[n])
    start = f"did you mean {' or '.join(written)}? " if written else ""
    return StructureError(
        f"unknown phase {name!r}",
        hint=f"{start}known: {', '.join(_table())}; or give the path of a CIF",
    )
