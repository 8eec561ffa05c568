"""Laboratory patterns as they should not be: a number is right within its error, or not ok."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import xarray as xr

import xrdkit as xk
from xrdkit.phase import embedded_structure, powder_intensity

X = np.arange(18.0, 100.0, 0.02)
MIXTURE = {"Al2O3": 0.4, "ZnO": 0.35, "CaF2": 0.25}
NAMES = list(MIXTURE)
MASS = np.array([v * embedded_structure(n).density for n, v in MIXTURE.items()])
TRUE = MASS / MASS.sum()
DOUBLET = ((1.5405929, 2 / 3), (1.5444274, 1 / 3))
RNG = np.random.default_rng(12)


@cache
def lines(zero: float = 0.0, beta: float = 0.0, points: int = 0) -> np.ndarray:
    """Lines of the mixture, 8000 counts high, on the points of X or on others."""
    x = grid(points) - zero
    total = np.zeros(x.size)
    for wavelength, weight in (*DOUBLET, (1.39222, beta)):
        if weight:
            for name, volume in MIXTURE.items():
                total += (
                    weight * volume * powder_intensity(name, x, wavelength=wavelength, fwhm=0.08)
                )
    total *= (1 + np.cos(np.radians(x)) ** 2) / 2
    return 8e3 * total / total.max()


def grid(points: int) -> np.ndarray:
    """X, or so many points closer together at low angles."""
    return 18.0 + 82.0 * np.linspace(0, 1, points) ** 1.6 if points else X


def counted(mean: np.ndarray, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(mean).astype(float)


def pattern(counts, x=X, sigma=None, wavelength="CuKa") -> xr.Dataset:
    errors = np.sqrt(np.maximum(counts, 1.0)) if sigma is None else sigma
    return xk.pattern(x, counts, errors, wavelength=wavelength)


def background(x=X):
    return 150.0 * (1.0 + np.exp(-x / 20.0))


GOOD = counted(lines() + background())


def holed():
    y = GOOD.copy()
    y[(X > 28) & (X < 33)] = np.nan
    y[RNG.integers(0, X.size, 500)] = np.nan
    return y


def spiked():
    y = GOOD.copy()
    y[5::997] = 1e5
    return y


CASES = {
    "as it should be": lambda: pattern(GOOD),
    "wavelength off by 1 %": lambda: pattern(GOOD, wavelength=1.5405929 * 1.01),
    "another anode": lambda: pattern(GOOD, wavelength="MoKa"),
    "half of the doublet": lambda: pattern(GOOD, wavelength="CuKa1"),
    "zero of half a degree": lambda: pattern(counted(lines(zero=0.5) + background())),
    "zero of minus half a degree": lambda: pattern(counted(lines(zero=-0.5) + background())),
    "jump of the background": lambda: pattern(GOOD + 3000.0 * (X > 60)),
    "twice the time from 60 degree": lambda: pattern(np.where(X > 60, 2.0 * GOOD, GOOD)),
    "few points": lambda: pattern(GOOD[::25], X[::25]),
    "hardly any points": lambda: pattern(GOOD[500:560], X[500:560]),
    "four degree": lambda: pattern(GOOD[650:850], X[650:850]),
    "no monochromator": lambda: pattern(counted(lines(beta=0.02) + 4 * background())),
    "a huge background": lambda: pattern(counted(0.3 * lines() + 1e6)),
    "a hump of glass": lambda: pattern(
        counted(lines() + background() + 3e3 * np.exp(-((X - 25) ** 2) / 60))
    ),
    "below zero": lambda: pattern(GOOD - 500.0, sigma=np.sqrt(GOOD)),
    "far below zero": lambda: pattern(GOOD - 2e5, sigma=np.sqrt(GOOD)),
    "steps that grow": lambda: pattern(
        counted(lines(points=4000) + background(grid(4000))), grid(4000)
    ),
    "gaps": lambda: pattern(holed(), sigma=np.sqrt(GOOD)),
    "cosmic rays": lambda: pattern(spiked()),
    "a dead detector": lambda: pattern(np.where((X > 45) & (X < 50), 0.0, GOOD)),
    "a saturated detector": lambda: pattern(np.minimum(GOOD, 2500.0)),
    "errors ten times too large": lambda: pattern(GOOD, sigma=10 * np.sqrt(GOOD)),
    "errors ten times too small": lambda: pattern(GOOD, sigma=0.1 * np.sqrt(GOOD)),
    "errors of one": lambda: pattern(GOOD, sigma=np.ones(X.size)),
    "counts per second": lambda: pattern(GOOD / 1e4, sigma=np.sqrt(GOOD) / 1e4),
}


@pytest.mark.parametrize("name", CASES)
def test_a_number_is_right_within_its_error_or_not_ok(name):
    result = xk.refine_phases(CASES[name](), NAMES, xk.RefinementSpec(background=8))
    if result.verdict.item() != "ok":
        assert result.verdict_reason.item()
        return
    for k, phase in enumerate(NAMES):
        off, error = (
            abs(result.weight_fraction.values[k] - TRUE[k]),
            result.weight_fraction_sigma.values[k],
        )
        told = "lines differ" in result.verdict_reason.item()
        assert told or np.isnan(off) or off < 5 * error, (phase, off, error)
        cell = embedded_structure(phase).cell[0]
        away = abs(result.lattice.values[k, 0] - cell)
        assert np.isnan(away) or away < 5 * result.lattice_sigma.values[k, 0] + 2e-5 * cell


@pytest.mark.parametrize("phases", [["Al2O3", "ZnO"], ["Si", "CeO2", "Pt"], ["CaF2"]])
def test_a_wrong_list_of_phases_is_not_ok(phases):
    result = xk.refine_phases(pattern(GOOD), phases, xk.RefinementSpec(background=8))
    assert result.verdict.item() != "ok"


def test_phases_that_are_not_there_take_no_share():
    result = xk.refine_phases(
        pattern(GOOD), [*NAMES, "anatase", "Si"], xk.RefinementSpec(background=8)
    )
    assert list(result.phase_found.values) == [1, 1, 1, 0, 0]
    np.testing.assert_allclose(result.weight_fraction.values[:3], TRUE, atol=0.006)


def test_a_phase_that_is_listed_twice_with_another_cell_is_found_once():
    zincite = embedded_structure("ZnO")
    a, b, c, *angles = zincite.cell

    for factor in (1.0005, 1.02):
        double = replace(zincite, name="again", cell=(a * factor, b * factor, c * factor, *angles))
        result = xk.refine_phases(
            pattern(GOOD), ["Al2O3", zincite, double, "CaF2"], xk.RefinementSpec(background=8)
        )
        assert int(result.phase_found.values[1:3].sum()) == 1
        np.testing.assert_allclose(result.weight_fraction.values[[0, 3]], TRUE[[0, 2]], atol=0.006)


def test_a_series_of_such_patterns_loses_none_that_is_good():
    rows = [
        GOOD,
        holed(),
        np.zeros(X.size),
        spiked(),
        np.full(X.size, np.nan),
        counted(lines() + background(), seed=3),
    ]
    one = pattern(GOOD)
    table = np.array(rows)
    series = one.drop_vars(["intensity", "sigma"]).assign(
        intensity=(("frame", "two_theta"), table, one.intensity.attrs),
        sigma=(("frame", "two_theta"), np.sqrt(np.fmax(table, 1.0)), one.sigma.attrs),
    )
    result = xk.refine_phases(series, NAMES, xk.RefinementSpec(background=8))
    assert [str(v) for v in result.verdict.values[[0, 1, 5]]] == ["ok"] * 3
    assert all(v != "ok" for v in result.verdict.values[[2, 3, 4]])
    assert np.isnan(result.lattice.values[[2, 4]]).all()
    for k in (0, 1, 5):
        np.testing.assert_allclose(result.weight_fraction.values[k], TRUE, atol=0.01)
