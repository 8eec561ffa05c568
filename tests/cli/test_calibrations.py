"""``xrdkit calibrations`` as a user types it: output and exit codes."""

import json

import pytest
from calibration_store import judged, measured, moved, store
from typer.testing import CliRunner

from xrdkit.cli.main import app
from xrdkit.workflow import write_calibration as writing


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A store of three days: accepted, rejected, moved by 2 mm."""
    root = tmp_path_factory.mktemp("store")
    standard = measured(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "_pictures", lambda *_: None)
        store(root, standard, "2026-01-10")
        bad = judged(standard[2], "rejected", "points lie astray")
        store(root, standard, "2026-02-10", result=bad, force=True)
        store(root, standard, "2026-03-10", result=moved(standard[2], 2.0))
    return root


def run(*words):
    return CliRunner().invoke(app, ["calibrations", *map(str, words)])


def test_the_list_has_a_line_for_each_with_its_numbers(root):
    outcome = run("list", root)
    assert outcome.exit_code == 0, outcome.output
    lines = outcome.stdout.splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["lab", "2026-01-10", "accepted"],
        ["lab", "2026-02-10", "rejected"],
        ["lab", "2026-03-10", "accepted"],
    ]
    assert "mm, beam (59.99, 60.00) px" in lines[0]
    rows = [json.loads(line) for line in run("list", root, "--json").stdout.splitlines()]
    assert rows[2]["distance_m"] - rows[0]["distance_m"] == pytest.approx(2e-3, rel=0.01)
    assert 0 < rows[0]["distance_sigma_m"] < 1e-3
    assert rows[1]["reasons"] == ["points lie astray"]


def test_one_is_shown_as_its_readme(root):
    folder = root / "lab" / "2026-01-10"
    outcome = run("show", folder)
    assert outcome.exit_code == 0
    assert (folder / "README.md").read_text(encoding="utf-8") in outcome.stdout
    assert run("show", root / "lab" / "2026-02-10").exit_code == 3


def test_the_one_for_a_day_is_shown_with_the_reason(root):
    outcome = run("show", root, "--instrument", "lab", "--when", "2026-03-01")
    assert outcome.exit_code == 0
    assert outcome.stdout.startswith("lab 2026-01-10: newest accepted one not after 2026-03-01")
    said = json.loads(
        run("show", root, "--instrument", "lab", "--when", "2026-04-01", "--json").stdout
    )
    assert said["folder"].endswith("2026-03-10")
    assert "passed over: 2026-02-10: rejected" in said["choice"]


def test_the_check_says_what_to_look_at_and_what_is_broken(root, tmp_path):
    outcome = run("check", root)
    assert outcome.exit_code == 3
    assert "moved: 2026-01-10 to 2026-03-10: direct distance +2" in outcome.stdout
    assert "3 calibrations, 0 errors, 2 warnings" in outcome.stdout
    broken = tmp_path / "waxs" / "2026-01-01"
    broken.mkdir(parents=True)
    outcome = run("check", tmp_path, "--json")
    assert outcome.exit_code == 4
    assert json.loads(outcome.stdout)["level"] == "error"
    assert run("list", tmp_path).stdout.split()[:3] == ["waxs", "2026-01-01", "unreadable"]


@pytest.mark.parametrize(
    "words",
    [
        ("list", "nowhere"),
        ("check", "nowhere"),
        ("show", "nowhere"),
        ("show", "--when", "2026-01-01"),
        ("show", "nowhere", "--instrument", "lab", "--when", "2026-01-01"),
    ],
)
def test_wrong_use_is_exit_code_2(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = run(*words)
    assert outcome.exit_code == 2
    assert outcome.stderr
