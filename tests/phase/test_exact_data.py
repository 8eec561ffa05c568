"""Patterns without noise, and errors that are far too small or too large, through all verbs.

A simulated pattern is fitted to rounding, which differs between processors: nothing may rest on it.
"""

import numpy as np
import pytest
import xarray as xr
from powder_patterns import counted, stacked

import xrdkit as xk
from xrdkit.phase import InstrumentWidths, embedded_structure
from xrdkit.phase.size_strain import size_strain

X = np.linspace(12, 50, 1900)
MIXTURE = {"Al2O3": 0.5, "ZnO": 0.5}
NAMES = list(MIXTURE)
SPEC = xk.RefinementSpec(background=6, strain=False)


def exact(parts=MIXTURE, **settings) -> xr.Dataset:
    """A pattern without noise and on a background that the model can follow."""
    sizes = dict.fromkeys(parts, 40.0)
    profile = counted(X, parts, wavelength=0.7, seed=None, sizes=sizes, background=0.0, **settings)
    counts = profile.intensity.values + 100.0
    dims = profile.intensity.dims
    return profile.assign(
        intensity=(dims, counts, profile.intensity.attrs),
        sigma=(dims, np.sqrt(counts), profile.sigma.attrs),
    )


def weighted(profile, factor):
    sigma = profile.sigma * factor
    return profile.assign(sigma=sigma.assign_attrs(profile.sigma.attrs))


@pytest.mark.parametrize("factor", [1e-8, 1e-4, 1.0, 1e3])
def test_a_refinement_of_an_exact_pattern_is_exact(factor):
    result = xk.refine_phases(weighted(exact(), factor), NAMES, SPEC)
    assert list(result.phase_found.values) == [1, 1]
    assert result.verdict.item() in ("ok", "misfit")
    for k, name in enumerate(NAMES):
        cell = embedded_structure(name).cell
        assert result.lattice.values[k, 0] == pytest.approx(cell[0], rel=5e-6)
    density = np.array([embedded_structure(n).density for n in NAMES])
    np.testing.assert_allclose(result.weight_fraction.values, density / density.sum(), atol=2e-3)
    for name in ("weight_fraction_sigma", "lattice_sigma", "rwp", "gof", "berar_lelann_factor"):
        values = result[name].values
        assert np.all(values[np.isfinite(values)] >= 0)


@pytest.mark.parametrize("mode", ["rietveld", "pawley"])
def test_errors_beyond_all_signal_leave_no_result(mode):
    spec = xk.RefinementSpec(mode=mode, background=3, strain=False)
    result = xk.refine_phases(weighted(exact({"CeO2": 1.0}), 1e9), ["CeO2"], spec)
    assert result.verdict.item() != "ok"


def test_the_size_of_the_errors_changes_no_number():
    results = [
        xk.refine_phases(weighted(exact(), factor), NAMES, SPEC) for factor in (1e-4, 1.0, 1e4)
    ]
    for other in (results[0], results[2]):
        for name in ("lattice", "weight_fraction"):
            np.testing.assert_allclose(other[name], results[1][name], rtol=1e-4)


@pytest.mark.parametrize("mode", ["pawley", "lebail"])
@pytest.mark.parametrize("factor", [1e-4, 1.0, 10.0])
def test_free_lines_of_an_exact_pattern(mode, factor):
    spec = xk.RefinementSpec(mode=mode, background=3, strain=False)
    result = xk.refine_phases(weighted(exact({"CeO2": 1.0}), factor), ["CeO2"], spec)
    assert list(result.phase_found.values) == [1]
    assert result.lattice.values[0, 0] == pytest.approx(
        embedded_structure("CeO2").cell[0], rel=1e-5
    )
    areas, errors = result.reflection_intensity.values, result.reflection_intensity_sigma.values
    assert np.nanmax(areas) > 0
    assert np.all(errors[np.isfinite(errors)] >= 0)


def test_an_absent_phase_is_not_found_in_an_exact_pattern():
    result = xk.refine_phases(exact(), [*NAMES, "Si", "anatase"], SPEC)
    assert list(result.phase_found.values[:2]) == [1, 1]
    # What rounding and the ends of lines leave is no share of anything.
    assert np.all(result.weight_fraction.values[2:] < 2e-3)


def test_a_series_of_one_exact_pattern_has_no_step():
    result = xk.refine_phases(stacked([exact()] * 6), NAMES, SPEC)
    assert list(result.frame_flag.values) == [""] * 6
    assert np.ptp(result.lattice.values[:, 0, 0]) < 1e-7


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_peaks_of_an_exact_pattern(factor):
    profile = weighted(exact({"Si": 1.0}), factor)
    peaks = xk.fit_peaks(profile)
    found = np.isfinite(peaks.position.values)
    if factor <= 1.0:
        assert found.sum() >= 5
    refined = xk.refine_phases(profile, ["Si"], SPEC).reflection_position.values
    strong = found & (peaks.height.values > 2e3)
    for place in peaks.position.values[strong]:
        assert np.nanmin(np.abs(refined - place)) < 0.01
    table = size_strain(peaks, instrument=InstrumentWidths(w=0.05**2))
    sigma = table.size_sigma.values
    assert np.all(sigma[np.isfinite(sigma)] >= 0)


@pytest.mark.parametrize("level", [0.0, 100.0, -5.0])
@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_a_constant_tells_nothing(level, factor):
    flat = exact()
    dims = flat.intensity.dims
    flat = flat.assign(
        intensity=(dims, np.full(X.size, level), flat.intensity.attrs),
        sigma=(dims, np.full(X.size, 10.0 * factor), flat.sigma.attrs),
    )
    result = xk.refine_phases(flat, NAMES, SPEC)
    assert result.verdict.item() != "ok"
    assert not result.phase_found.values.any()
    assert np.isnan(result.weight_fraction.values).all()
    assert np.isnan(result.lattice.values).all()
    peaks = xk.fit_peaks(flat)
    assert not np.isfinite(peaks.position.values).any()
    assert not xk.identify_phases(flat).found.values.any()
