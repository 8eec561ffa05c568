"""The report on the installation: right where xrdkit is right, and silent about people."""

import getpass
import json
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from xrdkit.workflow import doctor
from xrdkit.workflow.upstream import Check

GOOD = Check(
    name="a",
    title="title",
    quantity="quantity",
    truth=2.0,
    pyfai=3.0,
    xrdkit=2.0,
    tolerance=1e-6,
    way_round="so",
)


def test_right_is_when_every_check_is_right(monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", (lambda: GOOD,))
    assert doctor.diagnose().right
    monkeypatch.setattr(doctor, "CHECKS", (lambda: GOOD, lambda: replace(GOOD, xrdkit=2.1)))
    assert not doctor.diagnose().right


def test_a_check_that_raises_is_reported_and_not_right(monkeypatch):
    def broken():
        raise ValueError("no such thing")

    monkeypatch.setattr(doctor, "CHECKS", (lambda: GOOD, broken))
    found = doctor.diagnose()
    assert not found.right
    assert found.failed == {"broken": "ValueError: no such thing"}
    assert found.checks == (GOOD,)


def test_the_environment_is_whole_and_names_nobody(monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", (lambda: replace(GOOD, pyfai=float("nan")),))
    record = doctor.diagnose().to_plain()
    text = json.dumps(record, allow_nan=False)
    facts = record["environment"]
    assert facts["python"] == platform.python_version()
    assert facts["codecs"]["bitshuffle"] is True
    assert facts["codecs"]["lz4"] is True
    assert facts["libraries"]["pyFAI"] == record["pyfai"]
    assert facts["cores_usable"] >= 1
    assert facts["temporary_folder_is_writable"] is True
    assert record["checks"][0]["pyfai"] is None
    words = text.replace('"', " ").split()
    for secret in (platform.node(), getpass.getuser(), str(Path.home()), str(Path.cwd())):
        assert secret not in words
    assert "/" not in text


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    assert doctor._can_write(tmp_path)
    assert not doctor._can_write(tmp_path / "nowhere")


@pytest.mark.parametrize("value", [2.0, 2.0 + 1e-6, 2.0 - 1e-6])
def test_within_the_tolerance_is_right(value):
    assert replace(GOOD, xrdkit=value).xrdkit_is_right
