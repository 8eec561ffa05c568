"""The vocabulary of header facts is that of the user guide, and its bounds and units make sense."""

import re
from pathlib import Path

import pytest

from xrdkit import units
from xrdkit.frames import READERS
from xrdkit.frames.vocabulary import COORDINATES, TEXTS

PAGE = (Path(__file__).parents[2] / "docs" / "frames.md").read_text()


def rows(heading):
    """Return the rows of the table under a heading of the page, cells split."""
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_guide_lists_every_fact_with_its_unit():
    told = {}
    for names, kinds, *_ in rows("Header facts"):
        found = re.findall(r"`(\w+)`", names)
        shared = kinds.split(", ")
        told.update(zip(found, shared if len(shared) > 1 else shared * len(found), strict=True))
    assert told == {name: what.unit or "text" for name, what in COORDINATES.items()}


def test_the_guide_lists_every_reader():
    assert {name.strip("`") for name, *_ in rows("Formats")} == {n for n, _ in READERS.items()}


@pytest.mark.parametrize("name", COORDINATES)
def test_units_are_known_and_bounds_are_ordered(name):
    what = COORDINATES[name]
    assert what.long_name
    assert what.low < what.high
    assert (name in TEXTS) == (what.unit == "")
    if what.unit and what.unit != "V/A":
        assert units.canonical(what.unit) == what.unit
