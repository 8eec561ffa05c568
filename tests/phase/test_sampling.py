"""Points that cannot tell of the lines, and phases that a range cannot tell of."""

import numpy as np
import pytest
from powder_patterns import counted

import xrdkit as xk

X = np.arange(15.0, 75.0, 0.02)
MIXTURE = {"Al2O3": 0.4, "ZnO": 0.35, "CaF2": 0.25}


def pattern(two_theta=X, seed=0, **settings):
    return counted(two_theta, MIXTURE, wavelength=1.0, seed=seed, fwhm=0.08, **settings)


def limited(profile, highest):
    clipped = np.minimum(profile.intensity.values, highest)
    return profile.assign(intensity=(profile.intensity.dims, clipped, profile.intensity.attrs))


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_clipped_lines_are_told(share):
    result = xk.refine_phases(limited(pattern(), 1e4 * share), list(MIXTURE))
    assert result.verdict.item() == "misfit"
    assert "at one highest value" in result.verdict_reason.item()


@pytest.mark.parametrize("settings", [{}, {"seed": None}, {"top": 30.0, "background": 2.0}])
def test_lines_that_end_by_themselves_are_not_called_clipped(settings):
    result = xk.refine_phases(pattern(**settings), list(MIXTURE))
    assert result.verdict.item() == "ok"


def test_a_digitised_pattern_is_not_called_clipped():
    profile = counted(X, {"Si": 1.0}, wavelength=1.0, fwhm=0.3, top=100.0, seed=None)
    rounded = np.round(profile.intensity.values)
    profile = profile.assign(intensity=(profile.intensity.dims, rounded, profile.intensity.attrs))
    assert "highest value" not in xk.refine_phases(profile, ["Si"]).verdict_reason.item()


@pytest.mark.parametrize("every", [10, 25])
def test_lines_between_the_points_are_no_result(every):
    for seed in range(4):
        result = xk.refine_phases(pattern(X[seed::every], seed=seed), list(MIXTURE))
        assert result.verdict.item() != "ok"


@pytest.mark.parametrize("every", [3, 6])
def test_few_points_on_each_line_are_enough(every):
    apart = []
    for seed in range(6):
        result = xk.refine_phases(pattern(X[seed % every :: every], seed=seed), list(MIXTURE))
        assert result.verdict.item() == "ok"
        apart.append((result.lattice / result.lattice_sigma).values[:, 0])
        volume = result.weight_fraction / [3.987, 5.675, 3.181]
        error = result.weight_fraction_sigma / [3.987, 5.675, 3.181]
        share = volume / volume.sum()
        assert np.all(np.abs(share - list(MIXTURE.values())) < 5 * error / volume.sum())


def test_what_lies_just_outside_the_range_may_be_there_in_any_amount():
    """A tail of a line of corundum reaches into the range, and that is all that there is of it."""
    profile = pattern(np.arange(20.0, 22.0, 0.02))
    spec = xk.RefinementSpec(background=4)
    result = xk.refine_phases(profile, list(MIXTURE), spec)
    assert result.phase_found.sel(phase="ZnO").item() == 1
    unseen = [n for n in MIXTURE if result.phase_found.sel(phase=n).item() == 0]
    assert unseen
    assert np.isnan(result.weight_fraction.values).all()
    assert "no line tells how much there may be of" in result.verdict_reason.item()
