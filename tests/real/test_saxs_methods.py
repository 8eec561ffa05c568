"""Several methods on measured and foreign curves."""

import numpy as np
import pytest

import xrdkit as xk


def test_methods_on_a_colloid_that_is_no_dilute_sphere(data_dir):
    """The residuals are waves that no distribution of spheres describes.

    Form-free methods take them up with 4 % of the volume far below the main mode: means differ by
    far more than their stated errors, medians hardly. Peers say 98.1, 87.0 and 92.9 nm.
    """
    profile = xk.read_profile(data_dir / "saxs/esrf_colloid/Colloid_dilute.dat")
    result = xk.compare_size_methods(profile, xk.SizeSpec(range=(0.008, 0.45)))
    assert list(result.size_method.values) == ["lognormal", "tikhonov", "maxent", "montecarlo"]
    assert set(result.verdict.values) == {"misfit"}
    assert all("neighbouring residuals" in reason for reason in result.verdict_reason.values)
    mean = result.mean_radius_volume.values
    assert mean[0] == pytest.approx(98.88, abs=0.1)
    assert np.all((mean[1:] > 93) & (mean[1:] < 97))
    median = result.median_radius_volume.values
    np.testing.assert_allclose(median, 99.6, atol=1.0)
    spread = float(result.mean_radius_volume_method_spread)
    assert 1 < spread < 3
    assert spread > 10 * float(result.mean_radius_volume_sigma[0])
    density = result.distribution_volume.sel(size_method="tikhonov")
    radius, step = result.radius.values, np.diff(result.radius_edges.values)
    assert 0.02 < float((density.values * step)[radius < 80].sum()) < 0.08


@pytest.mark.parametrize("method", ["tikhonov", "maxent"])
def test_bimodal_curve_of_another_program(data_dir, method):
    profile = xk.read_profile(data_dir / "saxs/pyirena/bimodal-test1.h5", sort=True)
    result = xk.fit_sizes(profile, xk.SizeSpec(method=method, contrast=10.0))
    assert float(result.volume_fraction) == pytest.approx(0.02062, rel=0.02)
    assert float(result.mean_radius_volume) == pytest.approx(13.258, rel=0.02)
    assert float(result.background_flat) == pytest.approx(0.1, abs=0.01)


def test_bimodal_curve_by_four_methods(data_dir):
    profile = xk.read_profile(data_dir / "saxs/pyirena/bimodal-test1.h5", sort=True)
    result = xk.compare_size_methods(profile, xk.SizeSpec(contrast=10.0, populations=2))
    wrong = np.abs(result.volume_fraction - 0.02062)
    assert np.all(wrong < 2.5 * result.volume_fraction_total_sigma)
    assert np.all(np.abs(result.mean_radius_volume / 13.258 - 1) < 0.03)


def test_protein_by_any_distribution_of_spheres(data_dir):
    """The curve of a protein determines its radius of gyration, whatever the spheres."""
    path = data_dir / "saxs/raw_gi/glucose_isomerase.dat"
    profile = xk.read_profile(path, unit="1/angstrom")
    result = xk.fit_sizes(profile, xk.SizeSpec(method="tikhonov", range=(0.0, 2.0)))
    assert float(result.radius_of_gyration) == pytest.approx(3.336, rel=0.05)
