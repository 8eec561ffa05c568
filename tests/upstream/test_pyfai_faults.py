"""Faults of pyFAI that xrdkit goes round: bare pyFAI fails, xrdkit passes.

What xrdkit gives is asserted with every pyFAI. What bare pyFAI gives is asserted for the versions
that were looked at; with any other a fault that is gone ends as a skipped test that says so, so
that a mended pyFAI is seen and breaks nothing.
"""

import logging
import math

import numpy as np
import pytest

from xrdkit.workflow import upstream

#: Versions of pyFAI that were seen to have every fault, as written in docs/benchmarks/pyfai.md.
SEEN = ("2026.9.0",)
#: What they give.
FOUND = {
    "lower_edge": 463.6439,
    "sector_across_cut": 2504.0,
    "mask_by_dtype": 3.818e7,
    "mask_by_name": 1.5348e7,
    "dark_variance": 1100.0,
    "low_counts": 3.170,
}


@pytest.fixture(scope="module")
def checks():
    """Every check by its name."""
    made = [make() for make in upstream.CHECKS]
    return {check.name: check for check in made}


def test_every_fault_has_a_figure(checks):
    assert set(checks) == set(FOUND)


@pytest.mark.parametrize("name", sorted(FOUND))
def test_xrdkit_passes(checks, name):
    check = checks[name]
    assert check.xrdkit_is_right, f"{check.quantity}: {check.xrdkit}, must be {check.truth}"


@pytest.mark.parametrize("name", sorted(FOUND))
def test_bare_pyfai_fails(checks, name):
    check, version = checks[name], upstream.pyfai_version()
    if version in SEEN:
        assert not check.pyfai_is_right, f"pyFAI {version} does not show: {check.title}"
        assert check.pyfai == pytest.approx(FOUND[name], rel=1e-3)
    elif math.isnan(check.pyfai):
        pytest.skip(f"pyFAI {version} could not be asked about: {check.title}")
    elif check.pyfai_is_right:
        pytest.skip(
            f"MENDED: pyFAI {version} no longer has the fault: {check.title}. "
            "Say so in docs/benchmarks/pyfai.md, and add the version to this test."
        )


def test_a_check_can_fail(checks):
    check = checks["lower_edge"]
    wrong = upstream.Check(**{**vars(check), "xrdkit": check.pyfai, "pyfai": check.truth})
    assert not wrong.xrdkit_is_right
    assert wrong.pyfai_is_right


def test_a_pyfai_that_raises_is_no_fault_of_xrdkit(monkeypatch, caplog):
    def gone(*_, **__):
        raise AttributeError("integrate1d")

    monkeypatch.setattr(upstream, "pyfai_integrate", gone)
    with caplog.at_level(logging.WARNING):
        check = upstream.lower_edge()
    assert np.isnan(check.pyfai)
    assert not check.pyfai_is_right
    assert check.xrdkit_is_right
    assert "could not be asked" in caplog.text
