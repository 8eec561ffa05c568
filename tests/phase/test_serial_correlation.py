"""Standard errors where residuals hang together: the factor of Bérar & Lelann."""

from dataclasses import replace

import numpy as np
import pytest
from powder_patterns import counted
from scipy.ndimage import gaussian_filter1d

import xrdkit as xk
from xrdkit.errors import SpecError
from xrdkit.phase import InstrumentWidths
from xrdkit.phase.serial_correlation import OF_WHITE_NOISE, berar_lelann_factor

X = np.linspace(10, 45, 1800)
SPEC = xk.RefinementSpec(
    instrument=InstrumentWidths(w=0.05**2),
    strain=False,
    background=3,
    esd_correction="berar_lelann",
)


def misfitting(seed, size=6.0, share=0.06):
    """Return a pattern whose lines deviate by smooth noise, as shapes and grains make them."""
    clean = counted(
        X, {"CeO2": 1.0}, wavelength=0.6, seed=None, sizes={"CeO2": 30.0}, top=3e4, fwhm=0.08
    )
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter1d(rng.normal(size=X.size), size) * np.sqrt(2 * np.sqrt(np.pi) * size)
    mean = clean.intensity.values
    counts = rng.poisson(mean) + share * (mean - mean.min()) * smooth
    sigma = np.sqrt(mean)
    attrs = clean.intensity.attrs
    return clean.assign(
        intensity=(clean.intensity.dims, counts, attrs),
        sigma=(clean.intensity.dims, sigma, clean.sigma.attrs),
    )


def test_white_noise_has_the_factor_of_chance():
    # The mean of x z² and such over normal deviates is 1.2696; 4e5 of them know it to 0.1 %.
    noise = np.random.default_rng(0).normal(size=400_000)
    assert berar_lelann_factor(noise) == pytest.approx(OF_WHITE_NOISE, rel=2e-3)


def test_the_formula_by_hand():
    # Signs + + + - : z of 0, z(2), z(5), 0.
    r = np.array([1.0, 1.0, 2.0, -1.0])
    z = [np.sqrt(2 * np.pi * x) / (2 + np.sqrt(2 * np.pi * x)) for x in (2.0, 5.0)]
    alone = 1 + (1 - z[0] ** 2) * 1 + (1 - z[1] ** 2) * 4 + 1
    both = (z[0] * 1 + z[1] * 2) ** 2
    assert berar_lelann_factor(r) == pytest.approx(np.sqrt((alone + both) / 7))


def test_signs_that_alternate_give_1_and_long_runs_their_length():
    assert berar_lelann_factor(np.array([1.0, -1.0] * 50)) == 1.0
    # Very large residuals of one sign, 10 at a time: 9 of each run add up coherently.
    runs = 1e6 * np.concatenate([np.ones(10), -np.ones(10)] * 5)
    assert berar_lelann_factor(runs) == pytest.approx(np.sqrt((1 + 81) / 10), rel=1e-4)


@pytest.mark.parametrize("residual", [np.zeros(5), np.zeros(0), np.ones(1), np.array([np.nan, 1])])
def test_what_has_no_neighbours_has_factor_1(residual):
    assert berar_lelann_factor(residual) == 1.0


def test_plain_errors_are_too_small_where_residuals_hang_together_and_corrected_ones_less_so():
    pulls = []
    for seed in range(24):
        result = xk.refine_phases(misfitting(seed), ["CeO2"], replace(SPEC, instrument=None))
        apart = result.lattice.values[0, 0] - 0.5411651
        corrected = result.lattice_sigma.values[0, 0]
        factor = result.berar_lelann_factor.item()
        gof = result.gof.item()
        pulls.append(
            [apart / s for s in (corrected * 1 / (factor * gof), corrected / factor, corrected)]
        )
        assert factor > 1.5
    plain, by_gof, corrected = np.std(np.array(pulls), axis=0)
    # A standard deviation of 24 draws is known to 15 %.
    assert plain > by_gof > 1.35
    assert 0.5 < corrected < 1.3
    assert corrected < by_gof / 1.5


def test_each_correction_gives_its_errors_and_the_factor_is_always_told():
    profile = misfitting(3)
    found = {
        kind: xk.refine_phases(profile, ["CeO2"], replace(SPEC, esd_correction=kind))
        for kind in ("none", "gof", "berar_lelann")
    }
    gof, factor = found["gof"].gof.item(), found["gof"].berar_lelann_factor.item()
    for name in ("lattice_sigma", "scale_sigma", "crystallite_size_sigma", "parameter_sigma"):
        plain = found["none"][name].values
        np.testing.assert_allclose(found["gof"][name].values, gof * plain, rtol=1e-9)
        corrected = found["berar_lelann"][name].values
        np.testing.assert_allclose(corrected, gof * factor * plain, rtol=1e-9)
    for name in ("lattice", "scale", "rwp", "berar_lelann_factor"):
        for kind in ("none", "berar_lelann"):
            np.testing.assert_array_equal(found[kind][name], found["gof"][name])
    notes = [found[k].lattice_sigma.attrs["long_name"] for k in ("none", "gof", "berar_lelann")]
    assert notes == [
        "standard error of lattice",
        "standard error of lattice, scaled by the GoF",
        "standard error of lattice, scaled by the GoF and the factor of Bérar & Lelann",
    ]
    assert [f.berar_lelann_factor.attrs["applied"] for f in found.values()] == [0, 0, 1]


def test_a_good_fit_has_the_factor_of_white_noise():
    profile = counted(X, {"CeO2": 1.0}, wavelength=0.6, seed=5, sizes={"CeO2": 30.0})
    result = xk.refine_phases(profile, ["CeO2"], replace(SPEC, esd_correction="gof"))
    assert result.berar_lelann_factor.item() == pytest.approx(OF_WHITE_NOISE, abs=0.04)


def test_an_unknown_correction_is_refused():
    with pytest.raises(SpecError, match="berar_lelann"):
        xk.RefinementSpec(esd_correction="lelann")
