"""Errors by the scatter of whole lines: grains and orientation beside counting noise."""

from dataclasses import replace

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.errors import SpecError
from xrdkit.phase import ParametricTie, RefinementSpec, embedded_structure
from xrdkit.phase.model import PatternModel

X = np.arange(20.0, 100.0, 0.02)
MIXTURE = {"Al2O3": 0.4, "ZnO": 0.35, "CaF2": 0.25}
MASS = np.array([v * embedded_structure(n).density for n, v in MIXTURE.items()])
TRUE = MASS / MASS.sum()


def grainy(scatter, seed, names=tuple(MIXTURE)):
    """Return counts of a mixture whose lines are each stronger or weaker by `scatter`."""
    rng = np.random.default_rng(seed)
    structures = [embedded_structure(n) for n in names]
    model = PatternModel(
        structures,
        X,
        RefinementSpec(background=2),
        wavelengths=(1.5405929,),
        weights=(1.0,),
        integrated=False,
    )
    for p, known in enumerate(model.known):
        factors = np.exp(scatter * rng.normal(size=known.area.size))
        model.known[p] = replace(known, area=known.area * factors)
    values = model.neutral_values() | {"background0": 100.0, "background1": 0.0}
    values |= {f"phase{p}_scale": 2e3 * MIXTURE[n] for p, n in enumerate(names)}
    values |= {key: 0.006 for key in values if key.startswith("gauss")}
    return xk.pattern(X, rng.poisson(model.pattern(values)).astype(float), wavelength="CuKa1")


def pulls(scatter, correction, seeds=range(16)):
    found = []
    for seed in seeds:
        spec = RefinementSpec(esd_correction=correction)
        result = xk.refine_phases(grainy(scatter, seed), list(MIXTURE), spec)
        off = result.weight_fraction.values - TRUE
        found.append(off / result.weight_fraction_sigma.values)
    return float(np.sqrt(np.mean(np.square(found))))


@pytest.mark.parametrize("scatter", [0.05, 0.2])
def test_errors_by_lines_hold_where_lines_scatter(scatter):
    assert pulls(scatter, "gof") > 6.0
    assert pulls(scatter, "lines") < 2.2


def test_errors_by_lines_are_those_of_noise_where_there_is_but_noise():
    # 16 draws of two independent fractions are known to 13 %.
    assert 0.65 < pulls(0.0, "lines") < 1.35
    profile = grainy(0.0, 3)
    plain, lines = (
        xk.refine_phases(profile, list(MIXTURE), RefinementSpec(esd_correction=c))
        for c in ("gof", "lines")
    )
    ratio = lines.parameter_sigma / plain.parameter_sigma
    assert ratio.min() >= 1 - 1e-9
    assert float(ratio.median()) < 1.3
    np.testing.assert_array_equal(plain.parameter_value, lines.parameter_value)
    assert plain.verdict_reason.item() == ""


def test_the_verdict_says_by_how_much_errors_are_too_small():
    result = xk.refine_phases(grainy(0.1, 4), list(MIXTURE))
    assert "lines differ from the structures by more than chance" in result.verdict_reason.item()
    spec = RefinementSpec(esd_correction="lines")
    assert (
        "lines differ"
        not in xk.refine_phases(grainy(0.1, 4), list(MIXTURE), spec).verdict_reason.item()
    )


@pytest.mark.parametrize("scatter", [0.0, 0.1])
def test_tied_parameters_have_the_errors_of_what_they_follow(scatter):
    spec = RefinementSpec(
        esd_correction="lines", ties=("ZnO.scale = 2 * CaF2.scale",), strain=False, size=False
    )
    result = xk.refine_phases(grainy(scatter, 5), list(MIXTURE), spec)
    sigma = dict(
        zip(result.parameter.values.tolist(), result.parameter_sigma.values.tolist(), strict=True)
    )
    assert sigma["ZnO scale"] == pytest.approx(2 * sigma["CaF2 scale"], rel=1e-6)
    assert sigma["CaF2 scale"] > 0


def test_a_single_line_keeps_the_error_of_its_points():
    profile = grainy(0.1, 6, names=("CaF2",))
    results = [
        xk.refine_phases(
            profile,
            ["CaF2"],
            RefinementSpec(
                range=(26, 31), background=2, refine_zero=False, strain=False, esd_correction=c
            ),
        )
        for c in ("gof", "lines")
    ]
    np.testing.assert_array_equal(results[0].scale_sigma, results[1].scale_sigma)


def test_series_of_curves_have_no_errors_by_lines():
    with pytest.raises(SpecError, match="single frames"):
        RefinementSpec(esd_correction="lines", parametric=(ParametricTie(parameter="CaF2.a"),))
