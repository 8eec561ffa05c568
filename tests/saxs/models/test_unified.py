"""Levels of the unified equation, as many as the curve tells."""

import numpy as np
import pytest

from xrdkit.saxs.models import fit_model, unified


def levels_of(result):
    value = result["parameter_value"]
    there = value.notnull()
    names = [str(n).split(".")[0] for n in value["parameter"].values[there.values]]
    return sorted(set(names))


@pytest.mark.parametrize("seed", range(3))
def test_one_level_is_not_taken_for_more(seed, curves):
    clean = curves.level(300.0, 6.0, 0.9, 4.0) + 0.05
    result = fit_model(curves.noisy(clean, seed), unified("auto", max_levels=3))
    assert result["verdict"].item() == "ok", result["verdict_reason"].item()
    assert levels_of(result) == ["flat", "level_1"]


@pytest.mark.parametrize("seed", range(3))
def test_two_levels_are_told_from_one_and_three(seed, curves):
    result = fit_model(curves.noisy(curves.two_levels(), seed), unified("auto", max_levels=3))
    assert result["verdict"].item() == "ok", result["verdict_reason"].item()
    assert levels_of(result) == ["flat", "level_1", "level_2"]
    for name, truth in curves.TWO_LEVELS.items():
        error = curves.value(result, name, "sigma")
        assert abs(curves.value(result, name) - truth) < 4 * error, name


def test_a_slope_below_all_levels_is_seen(curves):
    clean = (
        curves.level(300.0, 6.0, 0.9, 4.0)
        + 1e-4 * curves.Q**-3.8 * np.exp(-((curves.Q * 6.0) ** 2) / 3)
        + 0.05
    )
    result = fit_model(curves.noisy(clean, 1), unified("auto", max_levels=2))
    assert result["verdict"].item() == "ok", result["verdict_reason"].item()
    assert levels_of(result) == ["flat", "level_1", "power_law"]
    assert curves.value(result, "power_law.power") == pytest.approx(3.8, abs=0.1)


def test_structures_that_keep_apart_are_seen(curves):
    x = curves.Q * 15.0
    theta = curves.sphere_amplitude(x)
    clean = curves.level(300.0, 4.0, 3.0, 4.0) / (1 + 3.0 * theta) + 0.05
    result = fit_model(curves.noisy(clean, 1), unified("auto", max_levels=2))
    assert result["verdict"].item() == "ok", result["verdict_reason"].item()
    assert levels_of(result) == ["flat", "level_1"]
    assert curves.value(result, "level_1.correlation_distance") == pytest.approx(15.0, rel=0.02)
    assert curves.value(result, "level_1.packing") == pytest.approx(3.0, rel=0.1)


def test_the_criterion_of_every_candidate_is_told(curves):
    result = fit_model(curves.noisy(curves.two_levels(), 1), unified("auto", max_levels=2))
    assert result.sizes["candidate"] == 10
    chosen = int(result["chosen"])
    assert result["candidate_components"].values[chosen] == "level_1+level_2+flat"
    assert result["candidate_bic"].values[chosen] < result["candidate_bic"].values[0] - 100
