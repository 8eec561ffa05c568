"""Size fits fed with named sources of error and with the covariance of bins."""

import numpy as np
import pytest
import xarray as xr
from named_profiles import Smoothed, named

import xrdkit as xk
from xrdkit import schema, store
from xrdkit.workflow.merge import join

RUNS = 300
SHARE = 0.05
SPEC = xk.SizeSpec(contrast=10.0)
NUMBERS = (
    "mean_radius_volume",
    "width_volume",
    "mean_radius_number",
    "volume_fraction",
    "background_flat",
)


def stack(sets, rows: np.ndarray) -> xr.Dataset:
    sigma, _ = sets.noisy("E", 1)
    profiles = [xk.profile(sets.Q, row, sigma, unit="1/nm") for row in rows]
    return xr.concat(profiles, dim="frame", join="exact")


def runs(sets, kind: str, count: int = RUNS, width: float = 3.0) -> xr.Dataset:
    """Curves with errors of one kind: scatter, a common factor beside it, or correlated bins."""
    clean, (sigma, _) = sets.truth("E"), sets.noisy("E", 1)
    generator = np.random.default_rng(21)
    if kind == "correlated":
        smoothed = Smoothed(sigma, width=width)
        rows = clean + smoothed.draw(generator, count)
        return named(stack(sets, rows), {"counting": sigma}, band=smoothed.band)
    rows = clean + sigma * generator.standard_normal((count, sigma.size))
    if kind == "counting":
        return named(stack(sets, rows), {"counting": sigma})
    rows = rows * (1 + SHARE * generator.standard_normal((count, 1)))
    single = {"counting": 0.8 * sigma, "dark": 0.6 * sigma}
    return named(stack(sets, rows), single, {"transmission": SHARE * rows})


def pulls(sets, result: xr.Dataset) -> np.ndarray:
    truth = sets.lognormal_moments(5.0, 0.2)
    truth |= {"volume_fraction": 0.01, "background_flat": sets.BACKGROUND_E[0]}
    found = [(result[n] - truth[n]) / result[f"{n}_sigma"] for n in NUMBERS]
    return np.array([f.values for f in found])


@pytest.mark.parametrize("kind", ["counting", "common", "correlated"])
def test_pulls_have_unit_width(sets, kind):
    result = xk.fit_sizes(runs(sets, kind), SPEC)
    found = pulls(sets, result)
    assert np.all(np.abs(found.std(axis=1) - 1) < 0.1), found.std(axis=1)
    assert np.all(np.abs(found.mean(axis=1)) < 0.2)
    assert np.sqrt(np.mean(result.gof**2)) == pytest.approx(1.0, abs=0.02)
    assert set(result.verdict.values) == {"ok"}


def test_without_the_covariance_pulls_would_be_too_wide(sets):
    """What the tests above are worth: the same curves, taken for independent bins."""
    profile = runs(sets, "correlated", 60).drop_vars("covariance")
    result = xk.fit_sizes(profile, SPEC)
    assert np.all(pulls(sets, result).std(axis=1) > 1.5)
    assert "misfit" in result.verdict.values


def test_common_errors_neither_weight_nor_shrink(sets):
    profile = runs(sets, "common", 3)
    result = xk.fit_sizes(profile, SPEC)
    single = profile.drop_vars(["errors", "source", "source_bins", "source_frames"])
    sigma, _ = sets.noisy("E", 1)
    plain = xk.fit_sizes(single.assign(sigma=0.0 * single.sigma + sigma), SPEC)
    for name in ("mean_radius_volume", "volume_fraction", "gof", "mean_radius_volume_sigma"):
        np.testing.assert_allclose(result[name], plain[name], rtol=1e-6)
    np.testing.assert_allclose(result.sigma, np.broadcast_to(sigma, result.sigma.shape))
    expected = np.hypot(plain.volume_fraction_sigma, SHARE * result.volume_fraction)
    np.testing.assert_allclose(result.volume_fraction_sigma, expected, rtol=1e-5)
    expected = np.hypot(plain.background_flat_sigma, SHARE * result.background_flat)
    np.testing.assert_allclose(result.background_flat_sigma, expected, rtol=1e-5)
    variance = result.parameter_covariance.sel(parameter="amplitude_0", parameter_2="amplitude_0")
    np.testing.assert_allclose(np.sqrt(variance), result.scattering_volume_sigma, rtol=1e-9)


@pytest.mark.parametrize("method", ["lognormal", "tikhonov"])
def test_each_source_has_its_share(sets, method):
    profile = runs(sets, "common", 2)
    spec = xk.SizeSpec(contrast=10.0, contrast_sigma=0.1, method=method)
    result = xk.fit_sizes(profile, spec)
    schema.validate(result, schema.SIZES)
    smoothing = ["smoothing"] if method == "tikhonov" else []
    assert list(result.source.values) == [
        *("counting", "dark", "transmission", "contrast"),
        *smoothing,
    ]
    assert list(result.source_bins.values[:4]) == ["independent"] * 2 + ["common"] * 2
    names = ["mean_radius_volume", "width_volume", "volume_fraction", "scattering_volume"]
    for name in names:
        errors = result[f"{name}_errors"]
        assert errors.dims == ("frame", "source")
        assert errors.attrs["units"] == result[name].attrs["units"]
        total = np.sqrt((errors**2).sum("source"))
        np.testing.assert_allclose(total, result[f"{name}_sigma"], rtol=1e-9)
        ratio = errors.sel(source="counting") / errors.sel(source="dark")
        np.testing.assert_allclose(ratio, 0.8 / 0.6, rtol=1e-6)
    radius = result.mean_radius_volume_errors
    assert np.all(np.abs(radius.sel(source="transmission")) < 1e-9 * result.mean_radius_volume)
    assert np.all(radius.sel(source="contrast") == 0)
    fraction = result.volume_fraction_errors / result.volume_fraction
    np.testing.assert_allclose(fraction.sel(source="transmission"), SHARE, rtol=1e-6)
    np.testing.assert_allclose(fraction.sel(source="contrast"), -0.02, rtol=1e-9)


@pytest.mark.parametrize("method", ["lognormal", "tikhonov"])
def test_a_common_error_is_what_it_moves(sets, method):
    """Signed, for an error of any shape: the fit of the curve with the error added."""
    clean, (sigma, _) = sets.truth("E"), sets.noisy("E", 1)
    bend = 2e-3 * clean * np.log(sets.Q)
    rows = clean + 0.3 * sigma * np.random.default_rng(4).standard_normal(sigma.size)
    profile = named(stack(sets, rows[None]), {"counting": sigma}, {"flat": bend})
    spec = xk.SizeSpec(contrast=10.0, method=method)
    before = xk.fit_sizes(profile, spec)
    after = xk.fit_sizes(profile.assign(intensity=profile.intensity + bend), spec)
    # The form-free fit chooses its smoothness anew, from a residual that the error has changed.
    allowed = 0.03 if method == "lognormal" else 0.25
    for name in ("mean_radius_volume", "volume_fraction"):
        error = before[f"{name}_errors"].sel(source="flat").item()
        moved = (after[name] - before[name]).item()
        assert error == pytest.approx(moved, rel=allowed)
        assert abs(error) > 1e-4 * before[name].item()


def test_a_form_free_fit_knows_of_correlated_bins(sets):
    spec = xk.SizeSpec(contrast=10.0, method="tikhonov")
    profile = runs(sets, "correlated", 30)
    aware = xk.fit_sizes(profile, spec)
    blind = xk.fit_sizes(profile.drop_vars("covariance"), spec)
    assert np.sqrt(np.mean(aware.gof**2)) == pytest.approx(1.0, abs=0.05)
    # Smooth noise can look like a trace of large particles; then the mean radius is off, and told.
    doubted = aware.verdict.values != "ok"
    assert doubted.sum() <= 6
    assert set(aware.verdict.values[doubted]) <= {"at_bound"}
    assert np.all(np.abs(pulls(sets, aware)[0][doubted]) > 1.5)
    # Mean radius and flat background; fractions are known better than stated (0.8).
    found = pulls(sets, aware)[[0, 4]].std(axis=1)
    assert np.all(np.abs(found - 1) < 0.3), found
    assert np.all(pulls(sets, blind)[[0, 4]].std(axis=1) > 1.4)


def test_points_that_share_pixels_are_counted_and_told(sets):
    result = xk.fit_sizes(runs(sets, "correlated", 2), SPEC)
    np.testing.assert_allclose(result.neighbour_correlation, 2 / 3, atol=0.01)
    np.testing.assert_allclose(result.points_effective, 200 / 3, rtol=0.03)
    assert all("share errors (mean correlation 0.67)" in r for r in result.verdict_reason.values)
    independent = xk.fit_sizes(runs(sets, "counting", 2), SPEC)
    assert "points_effective" not in independent
    assert np.all(independent.verdict_reason.values == "")


def test_gaps_and_ranges_keep_the_covariance_in_step(sets):
    profile = runs(sets, "correlated", 1).isel(frame=0)
    spec = xk.SizeSpec(contrast=10.0, range=(0.06, 4.0))
    gaps = np.isin(np.arange(200), [50, 51, 90, 120])
    holes = {n: profile[n].where(~gaps) for n in ("intensity", "sigma", "errors", "covariance")}
    holed = xk.fit_sizes(profile.assign(holes), spec)
    whole = xk.fit_sizes(profile, spec)
    for name in ("mean_radius_volume_sigma", "volume_fraction_sigma", "neighbour_correlation"):
        assert float(holed[name]) == pytest.approx(float(whole[name]), rel=0.1)


def test_a_falling_axis_gives_the_same(sets):
    profile = runs(sets, "correlated", 1).isel(frame=0)
    # Of the point k and the one after it, in the order of the curve.
    n, band = profile.sizes["q"], profile.covariance.values
    turned = np.zeros_like(band)
    for offset, row in enumerate(band):
        turned[offset, : n - offset] = row[: n - offset][::-1]
    down = profile.isel(q=slice(None, None, -1))
    down = down.assign(covariance=(down.covariance.dims, turned, down.covariance.attrs))
    spec = xk.SizeSpec(range=(0.06, 4.0))
    found, expected = xk.fit_sizes(down, spec), xk.fit_sizes(profile, spec)
    for name in ("mean_radius_volume_sigma", "points_effective", "gof"):
        assert float(found[name]) == pytest.approx(float(expected[name]), rel=1e-12)


def test_results_are_kept_and_joined(sets, tmp_path):
    profile = runs(sets, "correlated", 4).assign_coords(frame=np.arange(4))
    spec = xk.SizeSpec(contrast=10.0, contrast_sigma=0.1)
    whole = xk.fit_sizes(profile, spec)
    before = profile.copy(deep=True)
    parts = [xk.fit_sizes(profile.isel(frame=s), spec) for s in (slice(0, 2), slice(2, 4))]
    assert profile.identical(before)
    joined = join(parts)
    for name in whole.data_vars:
        xr.testing.assert_equal(joined[name], whole[name])
    stored = store.save(whole, tmp_path / "sizes.nc")
    loaded = store.load(stored.path)
    for name in ("volume_fraction_errors", "points_effective"):
        xr.testing.assert_identical(loaded[name], whole[name])
    assert list(loaded.source_frames.values) == ["independent", "common"]
