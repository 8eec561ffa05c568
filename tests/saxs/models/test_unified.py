"""Levels of the unified equation, as many as the curve tells."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.saxs.models import MassFractal, UnifiedLevel, fit_model, unified


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
    assert result.sizes["candidate"] == 12
    chosen = int(result["chosen"])
    assert result["candidate_components"].values[chosen] == "level_1+level_2+flat"
    assert result["candidate_bic"].values[chosen] < result["candidate_bic"].values[0] - 100


def drawn(clean, relative=0.01, seed=3, count=3):
    rng = np.random.default_rng(seed)
    sigma = relative * clean
    return [
        xk.profile(HOSTILE_Q, clean + sigma * rng.standard_normal(clean.size), sigma, unit="1/nm")
        for _ in range(count)
    ]


HOSTILE_Q = np.geomspace(0.01, 5.0, 200)
POWERS = {
    "q^-4": ((1e-3, 4.0),),
    "q^-3.3": ((1e-2, 3.3),),
    "q^-2": ((0.1, 2.0),),
    "rough grains of chains": ((1e-4, 4.0), (0.02, 2.0)),
}


@pytest.mark.parametrize("case", POWERS)
def test_power_laws_have_no_size(case):
    """What has no knee is no level: the curve of a power law has no size to be found."""
    clean = sum(b * HOSTILE_Q**-p for b, p in POWERS[case]) + 0.005
    for profile in drawn(clean):
        result = fit_model(profile, unified("auto"))
        chosen = str(result["candidate_components"].values[int(result["chosen"])])
        assert "level" not in chosen
        assert str(result["verdict"].values) == "ok"
        powers = [
            (float(result["parameter_value"][k]), float(result["parameter_sigma"][k]))
            for k, name in enumerate(result["parameter"].values)
            if str(name).endswith(".power") and np.isfinite(result["parameter_value"][k])
        ]
        for (found, error), (_, true) in zip(sorted(powers)[::-1], POWERS[case], strict=True):
            assert abs(found - true) < max(4 * error, 0.01)


def test_a_knee_below_the_range_has_no_size():
    level = UnifiedLevel()
    size = 800.0
    values = {"guinier": 1e7, "radius_of_gyration": size, "power": 4.0, "cutoff": 0.0}
    clean = level.curve(HOSTILE_Q, values | {"prefactor": 1.62e7 / size**4}).value
    for profile in drawn(clean):
        automatic = fit_model(profile, unified("auto"))
        names = automatic["parameter"].values.tolist()
        known = automatic["parameter_value"].values
        sizes = [v for n, v in zip(names, known, strict=True) if n.endswith("radius_of_gyration")]
        assert not np.isfinite(sizes).any()
        stated = fit_model(profile, unified(1, power_law=False, packing=False))
        assert str(stated["verdict"].values) != "ok"


@pytest.mark.parametrize("case", ["fractal", "pores"])
def test_one_structure_that_is_no_level_is_not_called_ok(case):
    """Fractals of exponential end, and random pores: no level of the unified equation is exact."""
    if case == "fractal":
        values = {"intensity_zero": 1e3, "correlation_length": 30.0, "fractal_dimension": 2.1}
        clean = MassFractal().curve(HOSTILE_Q, values).value + 0.01
    else:
        clean = 1e-4 * HOSTILE_Q**-3.7 + 20.0 / (1 + (HOSTILE_Q * 0.6) ** 2) ** 2 + 0.02
    for profile in drawn(clean):
        result = fit_model(profile, unified("auto"))
        # Whether levels that run into each other come to rest is a matter of rounding.
        assert str(result["verdict"].values) in ("misfit", "not_converged")


def test_levels_apart_are_called_ok():
    level = UnifiedLevel()
    clean = 1e-4 * np.ones_like(HOSTILE_Q)
    sizes = []
    for g, rg, b, p, rc in ((1.0, 3.0, 0.02, 4.0, 0.0), (2e4, 60.0, 0.02, 2.4, 3.0)):
        sizes.append(rg)
        values = {"guinier": g, "radius_of_gyration": rg, "prefactor": b, "power": p, "cutoff": rc}
        clean = clean + level.curve(HOSTILE_Q, values).value
    for profile in drawn(clean):
        result = fit_model(profile, unified("auto"))
        assert str(result["verdict"].values) == "ok", str(result["verdict_reason"].values)
        for number, true in enumerate(sizes, 1):
            name = f"level_{number}.radius_of_gyration"
            found = float(result["parameter_value"].sel(parameter=name))
            error = float(result["parameter_sigma"].sel(parameter=name))
            assert abs(found - true) < 4 * error
