"""``xrdkit doctor``."""

import json
import sys
from dataclasses import replace

import pytest

from xrdkit.cli.main import main
from xrdkit.workflow import doctor
from xrdkit.workflow.upstream import lower_edge


@pytest.fixture(scope="module")
def check():
    """One real check."""
    return lower_edge()


def call(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["xrdkit", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code or 0


def test_it_ends_with_0_where_xrdkit_is_right(check, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "CHECKS", (lambda: check,))
    assert call(monkeypatch, "doctor") == 0
    out = capsys.readouterr().out
    assert "xrdkit 1 (right)" in out
    assert "xrdkit is right in every check" in out
    assert call(monkeypatch, "doctor", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["right"] is True
    assert record["checks"][0]["name"] == "lower_edge"


def test_it_ends_with_1_where_xrdkit_is_wrong(check, monkeypatch, capsys):
    monkeypatch.setattr(doctor, "CHECKS", (lambda: replace(check, xrdkit=463.6),))
    assert call(monkeypatch, "doctor") == 1
    assert "WRONG" in capsys.readouterr().out


def test_it_ends_with_1_where_a_check_cannot_be_made(monkeypatch, capsys):
    def broken():
        raise RuntimeError("no kernel")

    monkeypatch.setattr(doctor, "CHECKS", (broken,))
    assert call(monkeypatch, "doctor") == 1
    assert "broken could not be checked: RuntimeError: no kernel" in capsys.readouterr().out
