"""Tables of values that belong to frames."""

from pathlib import Path

import numpy as np
import pytest

from xrdkit.errors import InputError, RecipeError
from xrdkit.workflow.coordinates import read_coordinates


def _table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "c.csv"
    path.write_text(text)
    return path


def test_columns_become_coordinates(tmp_path: Path) -> None:
    path = _table(
        tmp_path, "# a note\ntime (s),cell_voltage [V],current (mA/cm2)\n0,0.6,1\n9,1.4,2"
    )
    found = read_coordinates(path, 2)
    assert {n: a.attrs["units"] for n, a in found.items()} == {
        "time": "s",
        "cell_voltage": "V",
        "current": "mA/cm2",
    }
    np.testing.assert_array_equal(found["cell_voltage"], [0.6, 1.4])
    assert found["cell_voltage"].attrs["long_name"] == "cell voltage"


def test_a_column_frame_gives_the_order(tmp_path: Path) -> None:
    found = read_coordinates(_table(tmp_path, "frame,t (s)\n2,20\n0,0\n1,10\n"), 3)
    np.testing.assert_array_equal(found["t"], [0, 10, 20])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("t (s)\n1\n", "1 rows for 2"),
        ("t\n1\n2\n", "unit"),
        ("t (s)\n1\nx\n", "row 2, column 't': 'x' is not a finite number"),
        ("t (s);u (V)\n1;2\n1;2\n", "commas between columns"),
        ("t (s)\n1\nnan\n", "row 2"),
        ("t (s)\n1\n\n\n", "1 rows"),
        ("t (s),u (V)\n1,2\n1\n", "row 2 has 1 values"),
        ("frame,t (s)\n0,1\n0,2\n", "does not number"),
        ("frame,t (s)\n0.5,1\n1,2\n", "row 1"),
        ("t (s),t (s)\n1,1\n2,2\n", "two columns"),
        ("intensity (count)\n1\n2\n", "name of a result"),
        ("frame\n0\n1\n", "no column"),
        ("", "empty"),
        ("1t (s)\n1\n2\n", "name with its unit"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        read_coordinates(_table(tmp_path, text), 2)


def test_a_table_in_another_encoding_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "latin.csv"
    file.write_bytes("angle (°)\n1\n2\n".encode("latin-1"))
    with pytest.raises(RecipeError, match="UTF-8 text"):
        read_coordinates(file, 2)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv"):
        read_coordinates(tmp_path / "none.csv", 2)
