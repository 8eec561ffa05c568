"""Several methods on one profile, and their spread."""

import numpy as np
import pytest
import xarray as xr

import xrdkit as xk
from xrdkit import errors, provenance, schema

METHODS = ["lognormal", "tikhonov", "maxent", "montecarlo"]


def profile(sets, name="A", count=1):
    sigma, curves = sets.noisy(name, count)
    profiles = [xk.profile(sets.Q, row, sigma, unit="1/nm") for row in curves]
    many = xr.concat(profiles, dim="frame", join="exact")
    return many.isel(frame=0) if count == 1 else many


@pytest.fixture(scope="module")
def compared(sets):
    return xk.compare_size_methods(profile(sets), xk.SizeSpec(contrast=10.0))


def test_four_methods_agree_on_a_lognormal(compared):
    schema.validate(compared, schema.SIZE_METHODS)
    assert list(compared.size_method.values) == METHODS
    assert set(compared.verdict.values) == {"ok"}
    mean = compared.mean_radius_volume.values
    assert np.ptp(mean) < 1e-3 * mean.mean()
    assert float(compared.mean_radius_volume_method_spread) == pytest.approx(mean.std(ddof=1))
    assert compared.mean_radius_volume_method_spread.attrs["units"] == "nm"
    for name in ("width_volume", "volume_fraction", "specific_surface", "mode_radius_volume"):
        assert float(compared[f"{name}_method_spread"]) > 0
    assert np.isfinite(compared.mean_radius_number.values).tolist() == [True, False, False, False]
    assert compared.distribution_volume.dims == ("size_method", "radius")
    assert compared.intensity_calculated.dims == ("size_method", "q")
    assert compared.intensity.dims == ("q",)


def test_the_method_is_an_error_source(compared):
    assert list(compared.source.values) == ["fit", "method"]
    assert compared.mean_radius_volume_errors.dims == ("size_method", "source")
    for name in ("mean_radius_volume", "width_volume", "volume_fraction"):
        told = compared[f"{name}_errors"]
        np.testing.assert_array_equal(told.sel(source="fit"), compared[f"{name}_sigma"])
        spread = float(compared[f"{name}_method_spread"])
        np.testing.assert_allclose(told.sel(source="method"), spread)
        total = np.hypot(compared[f"{name}_sigma"], spread)
        np.testing.assert_allclose(compared[f"{name}_total_sigma"], total, rtol=1e-12)


def test_each_is_what_it_is_alone(sets, compared):
    alone = xk.fit_sizes(profile(sets), xk.SizeSpec(contrast=10.0, method="tikhonov"))
    inside = compared.sel(size_method="tikhonov")
    for name in ("mean_radius_volume", "width_volume_sigma", "distribution_volume", "gof"):
        np.testing.assert_array_equal(inside[name], alone[name])


def test_a_series_and_two_populations(sets):
    many = profile(sets, "B", 2)
    spec = xk.SizeSpec(contrast=10.0, populations=2, regularisation="discrepancy")
    result = xk.compare_size_methods(many, spec, methods=["lognormal", "tikhonov"])
    schema.validate(result, schema.SIZE_METHODS)
    assert result.mean_radius_volume.dims == ("frame", "size_method")
    assert result.mean_radius_volume_method_spread.dims == ("frame",)
    assert result.mean_radius_volume_errors.dims == ("frame", "size_method", "source")
    assert np.all(result.mean_radius_volume_method_spread < 0.01 * result.mean_radius_volume)
    assert [s.step for s in provenance.steps(result)][-1] == "compare_size_methods"
    assert np.all(result.modes.sel(size_method="tikhonov") == 2)


def test_named_sources_stay_beside_the_method(sets):
    data = profile(sets)
    share = 0.02 * np.abs(data.intensity.values)
    labels = {"source_bins": ["independent", "common"], "source_frames": ["independent", "common"]}
    data = data.assign(
        errors=(
            ("source", "q"),
            np.stack([data.sigma.values, share]),
            {"units": "1/cm", "long_name": "standard error by source"},
        )
    )
    data = data.assign(sigma=data.sigma.copy(data=np.hypot(data.sigma, share)))
    data = data.assign_coords(
        source=["counting", "scale"], **{k: ("source", v) for k, v in labels.items()}
    )
    result = xk.compare_size_methods(
        data, xk.SizeSpec(contrast=10.0), methods=["lognormal", "tikhonov"]
    )
    assert list(result.source.values) == ["counting", "scale", "smoothing", "method"]
    told = result.volume_fraction_errors
    np.testing.assert_allclose(np.abs(told.sel(source="scale")), 2e-4, rtol=0.02)
    assert float(told.sel(source="smoothing", size_method="lognormal")) == 0.0
    np.testing.assert_allclose(
        (told**2).sum("source") ** 0.5, result.volume_fraction_total_sigma, rtol=1e-9
    )


def test_a_method_that_finds_nothing_does_not_count(sets):
    noise = np.random.default_rng(2).standard_normal(sets.Q.shape)
    empty = xk.profile(sets.Q, 0.1 + 0.002 * noise, 0.002 + 0 * sets.Q, unit="1/nm")
    result = xk.compare_size_methods(empty, methods=["lognormal", "tikhonov"])
    assert set(result.verdict.values) == {"unidentifiable"}
    assert np.isnan(result.mean_radius_volume_method_spread)
    assert np.isnan(result.volume_fraction_total_sigma).all()


@pytest.mark.parametrize("methods", [["lognormal"], ["tikhonov", "tikhonov"], ["lognormal", "x"]])
def test_methods_that_cannot_be_compared(sets, methods):
    with pytest.raises(errors.SpecError, match="methods"):
        xk.compare_size_methods(profile(sets), methods=methods)


@pytest.mark.parametrize("methods", [None, 3, "tikhonov"], ids=str)
def test_methods_are_a_list_of_names(sets, methods):
    with pytest.raises(errors.SpecError, match="not a list of names"):
        xk.compare_size_methods(profile(sets), methods=methods)
