"""Mass fractions from a standard that was measured by itself, and what is amorphous."""

from functools import lru_cache

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.errors import SchemaError, SpecError
from xrdkit.phase import RefinementSpec, embedded_structure, mass_attenuation, powder_intensity
from xrdkit.phase.content import linear_absorption

ANGLES = np.arange(18.0, 100.0, 0.02)
RADIATION = 1.5405929
SPEC = RefinementSpec(background=12, size=False, strain=False)
GLASS = {"SiO2": 1.0}


def measured(shares, *, glass=0.0, seed=0, level=4e3):
    """Return the pattern of a thick flat sample of mass shares, the rest silica glass."""
    mu = mass_attenuation(shares | ({"SiO2": glass} if glass else {}), RADIATION)
    total = np.zeros(ANGLES.size)
    for name, share in shares.items():
        seen = share / (embedded_structure(name).density * mu)
        total += seen * powder_intensity(name, ANGLES, wavelength=RADIATION, fwhm=0.08)
    polarisation = 0.5 * (1 + np.cos(np.radians(ANGLES)) ** 2)
    hump = 2.0 * glass / mu * np.exp(-0.5 * ((ANGLES - 22.0) / 5.0) ** 2)
    mean = level * (total * polarisation + hump) + 60.0
    counts = np.random.default_rng(seed).poisson(mean).astype(float)
    return xk.pattern(ANGLES, counts, wavelength="CuKa1")


@lru_cache
def standard(seed=50, **change):
    return xk.refine_phases(measured({"Al2O3": 1.0}, seed=seed, **change), ["Al2O3"], SPEC)


SHARES = {"ZnO": 0.45, "CaF2": 0.25}
MIXTURE = SHARES | {"SiO2": 0.3}


@lru_cache
def sample(seed=1, **change):
    profile = measured(SHARES, glass=0.3, seed=seed, **change)
    return xk.refine_phases(profile, list(SHARES), SPEC)


def test_mass_attenuation_is_that_of_the_solids():
    for name, formula in (("Al2O3", "Al2O3"), ("ZnO", "ZnO"), ("CaF2", "CaF2")):
        one = embedded_structure(name)
        assert mass_attenuation({formula: 1.0}, RADIATION) == pytest.approx(
            linear_absorption(one, RADIATION) / one.density, rel=1e-4
        )
    # International Tables C: 31.8 cm²/g for Al2O3 at Cu Kα within a few percent.
    assert mass_attenuation({"Al2O3": 1.0}, RADIATION) == pytest.approx(31.5, rel=0.03)


@pytest.mark.parametrize(
    "composition",
    [{"Al2O3": 0.9}, {"Xx2": 1.0}, {"Ca(OH)2": 1.0}, {"": 1.0}, {"Al": -0.5, "Zn": 1.5}],
)
def test_compositions_that_are_none_are_refused(composition):
    with pytest.raises(SpecError):
        mass_attenuation(composition, RADIATION)


def test_glass_is_what_the_phases_leave():
    result = xk.absolute_fractions(
        sample(), standard(), attenuation=MIXTURE, standard_attenuation={"Al2O3": 1.0}
    )
    assert result.amorphous_fraction.item() == pytest.approx(0.30, abs=0.01)
    found = dict(zip(result.phase.values, result.absolute_fraction.values, strict=True))
    for name, share in SHARES.items():
        assert found[name] == pytest.approx(share, abs=0.01)
    assert result.absolute_fraction.sum() + result.amorphous_fraction == pytest.approx(1.0)
    # Among themselves they are what the fit says.
    np.testing.assert_allclose(
        result.absolute_fraction / result.absolute_fraction.sum(), result.weight_fraction
    )
    assert xk.provenance.steps(result)[-1].step == "absolute_fractions"


def test_errors_are_the_scatter():
    pulls = []
    for seed in range(25):
        result = xk.absolute_fractions(
            sample(seed, level=300.0),
            standard(seed + 500, level=300.0),
            attenuation=MIXTURE,
            standard_attenuation={"Al2O3": 1.0},
        )
        pulls.append(
            (result.amorphous_fraction.item() - 0.3) / result.amorphous_fraction_sigma.item()
        )
    # A standard deviation of 25 draws is known to 14 %.
    assert 0.65 < np.std(pulls) < 1.4
    assert abs(np.mean(pulls)) < 0.8


def test_errors_of_attenuations_and_of_the_standard_go_through():
    one, other = sample(), standard()
    given = {"attenuation": 40.0, "standard_attenuation": 31.0}
    plain = xk.absolute_fractions(one, other, **given)
    share = plain.absolute_fraction.values
    for change, relative in (
        ({"attenuation_sigma": 4.0}, 0.1),
        ({"standard_attenuation_sigma": 3.1}, 0.1),
        ({"standard_fraction": 0.9, "standard_fraction_sigma": 0.045}, 0.05),
    ):
        with_error = xk.absolute_fractions(one, other, **(given | change))
        part = change.get("standard_fraction", 1.0)
        np.testing.assert_allclose(with_error.absolute_fraction, part * share)
        expected = part * np.hypot(plain.absolute_fraction_sigma.values, relative * share)
        np.testing.assert_allclose(with_error.absolute_fraction_sigma, expected)
        whole = part * np.hypot(plain.amorphous_fraction_sigma.item(), relative * share.sum())
        assert with_error.amorphous_fraction_sigma.item() == pytest.approx(whole)


def test_a_longer_exposure_of_the_standard_is_taken_out():
    long = xk.absolute_fractions(
        sample(),
        standard(level=8e3),
        attenuation=MIXTURE,
        standard_attenuation={"Al2O3": 1.0},
        exposure_ratio=2.0,
    )
    assert long.amorphous_fraction.item() == pytest.approx(0.30, abs=0.01)


def test_frames_of_a_series_have_their_own_fractions():
    import xarray as xr

    both = [measured(SHARES, glass=0.3, seed=s) for s in (1, 2)]
    series = xr.concat(both, "frame", combine_attrs="override", join="exact")
    series = series.assign_coords(
        wavelength=both[0].wavelength, emission_weight=both[0].emission_weight
    )
    result = xk.absolute_fractions(
        xk.refine_phases(series, list(SHARES), SPEC),
        standard(),
        attenuation=MIXTURE,
        standard_attenuation={"Al2O3": 1.0},
    )
    assert result.amorphous_fraction.dims == ("frame",)
    np.testing.assert_allclose(result.amorphous_fraction, 0.3, atol=0.01)


@pytest.mark.parametrize(
    "change",
    [
        {"attenuation": -1.0},
        {"standard_attenuation": float("nan")},
        {"attenuation_sigma": -1.0},
        {"standard_fraction": 0.0},
        {"standard_fraction": 1.1},
        {"exposure_ratio": 0.0},
        {"standard_phase": "Si"},
        {"attenuation": {"Zn": 0.2}},
    ],
)
def test_impossible_numbers_are_refused(change):
    with pytest.raises(SpecError):
        xk.absolute_fractions(
            sample(), standard(), **({"attenuation": 40.0, "standard_attenuation": 31.0} | change)
        )


def test_results_that_do_not_belong_together_are_refused():
    one, other = sample(), standard()
    given = {"attenuation": 40.0, "standard_attenuation": 31.0}
    with pytest.raises(SchemaError):
        xk.absolute_fractions(one, measured({"Al2O3": 1.0}), **given)
    with pytest.raises(SpecError, match="wavelengths"):
        xk.absolute_fractions(one, other.assign_coords(wavelength=[0.7]), **given)
    with pytest.raises(SpecError, match="which phase"):
        xk.absolute_fractions(one, one, **given)
    done = xk.absolute_fractions(one, other, **given)
    with pytest.raises(SpecError, match="already"):
        xk.absolute_fractions(done, other, **given)
