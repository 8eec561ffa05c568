"""Values of a CIF data block by their tags, in the old and the dotted spelling."""

import math

import gemmi

from xrdkit.errors import StructureError

#: Categories whose tags newer files write with a dot, as ``_cell.length_a``; longest first.
_CATEGORIES = (
    "_space_group_symop",
    "_atom_site_aniso",
    "_symmetry_equiv",
    "_space_group",
    "_atom_site",
    "_exptl_crystal",
    "_chemical",
    "_cell",
)


def spellings(tag: str) -> tuple[str, ...]:
    """Return `tag` and, where its category is known, its spelling with a dot."""
    for category in _CATEGORIES:
        if tag.startswith(category + "_"):
            return tag, f"{category}.{tag[len(category) + 1 :]}"
    return (tag,)


def text(block: gemmi.cif.Block, *tags: str) -> str:
    """Return the first of `tags` that has a value, without quotes; empty where none has."""
    for tag in tags:
        for spelling in spellings(tag):
            value = block.find_value(spelling)
            if value is not None and known(value):
                return str(gemmi.cif.as_string(value)).strip()
    return ""


def column(block: gemmi.cif.Block, *tags: str) -> list[str]:
    """Return the values of the first of `tags` that is there, without quotes."""
    for tag in tags:
        for spelling in spellings(tag):
            values = [gemmi.cif.as_string(v).strip() for v in block.find_values(spelling)]
            if values:
                return values
    return []


def rows(block: gemmi.cif.Block, tags: tuple[str, ...], needed: int) -> list[dict[str, str]]:
    """Return the rows of the loop that has the first `needed` of `tags`, by tag.

    Values that are absent, unknown (?) or inapplicable (.) are left out of a row.
    """
    for form in (0, -1):
        names = [spellings(tag)[form] for tag in tags]
        table = block.find(names[:needed] + ["?" + n for n in names[needed:]])
        if len(table) > 0:
            return [
                {
                    tag: gemmi.cif.as_string(row[k]).strip()
                    for k, tag in enumerate(tags)
                    if row.has(k) and known(row[k])
                }
                for row in table
            ]
    return []


def known(value: str) -> bool:
    """Return whether a raw value is neither absent (.) nor unknown (?)."""
    return gemmi.cif.as_string(value).strip() not in ("", "?", ".")


def number(value: str, what: str) -> float:
    """Return a number such as ``0.1234(5)`` or ``1/3``; `what` names it in the StructureError."""
    bare = value.strip().strip("'\"")
    parsed = float(gemmi.cif.as_number(bare))
    if math.isfinite(parsed):
        return parsed
    top, slash, bottom = bare.partition("/")
    if slash and top.lstrip("+-").isdigit() and bottom.isdigit() and int(bottom) > 0:
        return int(top) / int(bottom)
    raise StructureError(f"{what} is {value!r}, not a number")
