"""The verdict: each kind of evidence alone turns acceptance into doubt or rejection."""

from dataclasses import replace

import numpy as np
import pytest

from xrdkit.calibration import CalibrationVerdict
from xrdkit.calibration.check import Evidence, azimuth_coverage, verdict
from xrdkit.calibration.unassisted_check import SearchEvidence, search_reasons

GOOD = Evidence(
    rings=8,
    rings_expected=9,
    points=700,
    clipped=0.02,
    coverage=300.0,
    rms=0.3,
    width=2.5,
    contrast=8.0,
    unexplained=0,
    distance_change=0.004,
    center_sigma=0.02,
    distance_sigma=1e-5,
    ring_misfit=0.03,
    ring_misfit_sigma=9.0,
    sector_misfit=0.03,
    sector_misfit_sigma=9.0,
    missing=0.0,
    other="",
)


def test_good_evidence_is_accepted_without_reasons():
    assert verdict(GOOD) == (CalibrationVerdict.ACCEPTED, ())
    two = replace(GOOD, rings=2, rings_expected=2)
    assert verdict(two)[0] is CalibrationVerdict.ACCEPTED


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"rings": 1, "rings_expected": 1}, "single ring"),
        ({"rings": 2, "rings_expected": 2, "distance_change": -0.05}, "two rings"),
        ({"coverage": 15.0}, "15 degree"),
        ({"rms": 1.5}, "1.50 px from rings"),
        ({"clipped": 0.3}, "30%"),
        ({"rings_expected": 16}, "8 of 16"),
        ({"contrast": 1.2}, "1.20 times"),
        ({"unexplained": 2}, "2 strong rings"),
        ({"distance_change": 0.2}, "20.0% from the start"),
        ({"center_sigma": 9.0}, "9.0 px"),
        ({"distance_sigma": 0.02}, "2.0%"),
        ({"ring_misfit": 0.2}, "whole rings lie 0.20"),
        ({"sector_misfit": 0.3}, "0.30 of their width off in some directions"),
        ({"missing": 0.3}, "30% of the rings"),
        ({"rings": 3, "rings_expected": 3, "excess": 5.0}, "counting explains 0.06 px"),
    ],
)
def test_weak_evidence_is_doubtful_and_says_why(changes, text):
    kind, reasons = verdict(replace(GOOD, **changes))
    assert kind is CalibrationVerdict.DOUBTFUL
    assert len(reasons) == 1
    assert text in reasons[0]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"points": 5}, "only 5 points"),
        ({"coverage": 5.0}, "5 degree"),
        ({"rms": 3.0}, "3.00 px"),
        ({"clipped": 0.6}, "60%"),
        ({"rings_expected": 40}, "8 of 40"),
        ({"contrast": 0.8}, "displaced rings"),
        ({"unexplained": 9}, "9 strong rings"),
        ({"distance_sigma": 0.2}, "20%"),
        ({"ring_misfit": 0.4}, "whole rings lie 0.40"),
        ({"missing": 0.6}, "60% of the rings"),
        ({"other": "CeO2 at 200 mm"}, "those of CeO2 at 200 mm"),
    ],
)
def test_bad_evidence_is_rejected_and_says_why(changes, text):
    kind, reasons = verdict(replace(GOOD, **changes))
    assert kind is CalibrationVerdict.REJECTED
    assert any(text in reason for reason in reasons)


def test_three_weak_signs_together_reject():
    two = {"unexplained": 2, "missing": 0.3}
    assert verdict(replace(GOOD, **two))[0] is CalibrationVerdict.DOUBTFUL
    kind, reasons = verdict(replace(GOOD, **two, clipped=0.3))
    assert kind is CalibrationVerdict.REJECTED
    assert len(reasons) == 3
    # What is merely not known well is no sign of another calibrant.
    assert verdict(replace(GOOD, **two, center_sigma=9.0))[0] is CalibrationVerdict.DOUBTFUL


def test_coverage_counts_sectors_once_and_across_the_cut():
    assert azimuth_coverage(np.array([])) == 0.0
    assert azimuth_coverage(np.array([1.0, 2.0, 4.9])) == 5.0
    assert azimuth_coverage(np.array([-1.0, 359.0, 1.0])) == 10.0
    assert azimuth_coverage(np.linspace(-180, 180, 4000)) == 360.0


def test_two_rings_that_points_scatter_about_are_no_evidence_without_a_start():
    two = SearchEvidence(
        rings=2, score=2.0, margin=1.0, missing=0.0, tilt=8.0, error=1e-5, excess=40.0, scatter=0.2
    )
    fatal, _ = search_reasons(two)
    assert "rings of anything" in fatal[0]
    for changes in ({"rings": 3}, {"excess": 3.0}, {"scatter": 0.05}):
        assert search_reasons(replace(two, **changes))[0] == ()
