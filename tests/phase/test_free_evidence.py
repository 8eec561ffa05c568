"""Phases with free lines that are not there, beside strong ones that fit less than perfectly."""

import numpy as np
import pytest
from powder_patterns import counted
from scipy.ndimage import gaussian_filter1d

import xrdkit as xk
from xrdkit.phase import PhaseSpec, embedded_structure

X = np.linspace(12, 60, 2400)
STRONG = {"Al2O3": 1.0, "CeO2": 0.2}


def misfitting(parts, misfit, seed):
    """Return a pattern whose lines deviate by `misfit` of their height, smoothly."""
    profile = counted(
        X, parts, wavelength=0.9, seed=seed, sizes=dict.fromkeys(parts, 35.0), top=2e4, fwhm=0.08
    )
    counts = profile.intensity.values
    smooth = gaussian_filter1d(np.random.default_rng(seed + 7).normal(size=X.size), 4) * 3.76
    changed = counts + misfit * (counts - np.percentile(counts, 5)) * smooth
    return profile.assign(intensity=(profile.intensity.dims, changed, profile.intensity.attrs))


def refined(profile, free, mode="pawley"):
    spec = xk.RefinementSpec(background=5, of_phase=(PhaseSpec(name=free, mode=mode),))
    return xk.refine_phases(profile, [*STRONG, free], spec)


@pytest.mark.parametrize(("free", "seed"), [("ZnO", 0), ("ZnO", 1), ("ZnO", 2), ("LiFePO4", 1)])
def test_free_lines_under_imperfect_strong_ones_are_no_phase(free, seed):
    result = refined(misfitting(STRONG, 0.065, seed), free)
    assert list(result.phase_found.values) == [1, 1, 0]
    assert result.gof.item() > 1.2


@pytest.mark.parametrize("mode", ["pawley", "lebail"])
def test_free_lines_on_noise_are_no_phase(mode):
    result = refined(misfitting(STRONG, 0.0, 1), "ZnO", mode)
    assert list(result.phase_found.values) == [1, 1, 0]


@pytest.mark.parametrize("mode", ["pawley", "lebail"])
@pytest.mark.parametrize("misfit", [0.065, 0.2])
@pytest.mark.parametrize("free", ["ZnO", "Si"])
def test_no_free_lines_are_found_beside_a_bad_misfit_of_others(mode, misfit, free):
    """Sharing out gives every line whatever is in its reach; that is no evidence of a phase."""
    found = [
        int(refined(misfitting(STRONG, misfit, seed), free, mode).phase_found.values[2])
        for seed in range(20, 24)
    ]
    assert found == [0] * 4


@pytest.mark.parametrize(("misfit", "seed"), [(0.3, 3)])
def test_many_free_lines_do_not_take_the_place_of_a_strong_phase(misfit, seed):
    """A hundred wide lines beside corundum explain its misfit better than chance would have it."""
    result = refined(misfitting(STRONG, misfit, seed), "LiFePO4")
    assert list(result.phase_found.values) == [1, 1, 0]


@pytest.mark.parametrize(
    ("mode", "misfit", "share"),
    [
        ("pawley", 0.0, 0.005),
        ("pawley", 0.065, 0.02),
        ("pawley", 0.15, 0.05),
        ("pawley", 0.1, 5.0),
        ("lebail", 0.0, 0.005),
        ("lebail", 0.065, 0.03),
        ("lebail", 0.15, 0.1),
        ("lebail", 0.1, 5.0),
    ],
)
def test_phases_with_free_lines_of_their_own_are_found(mode, misfit, share):
    for seed in range(30, 34):
        result = refined(misfitting(STRONG | {"ZnO": share}, misfit, seed), "ZnO", mode)
        assert result.phase_found.values[2] == 1
        if misfit == 0.0:
            error = result.lattice_sigma.sel(phase="ZnO", lattice_parameter="a").item()
            found = result.lattice.sel(phase="ZnO", lattice_parameter="a").item()
            assert found == pytest.approx(embedded_structure("ZnO").cell[0], abs=4 * error)
