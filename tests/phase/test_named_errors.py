"""Refinements fed with named sources of error and with the covariance of bins."""

import numpy as np
import pytest
import xarray as xr
from named_profiles import Smoothed, named
from powder_patterns import counted

import xrdkit as xk
from xrdkit import schema, store
from xrdkit.phase import InstrumentWidths
from xrdkit.workflow.merge import join

RUNS = 200
SHARE = 0.05
X = np.linspace(9.5, 23, 240)
PARTS = {"CeO2": 0.3, "Si": 0.7}
SETTINGS = {
    "instrument": InstrumentWidths(w=0.05**2),
    "strain": False,
    "background": 3,
    "cell_search": 0.0,
}
SPEC = xk.RefinementSpec(**SETTINGS)


def base(parts: dict[str, float]) -> xr.Dataset:
    settings = {"wavelength": 0.6, "seed": None, "sizes": {"CeO2": 5.0, "Si": 12.0}, "top": 8000}
    return counted(X, parts, **settings)


def stack(clean: xr.Dataset, rows: np.ndarray) -> xr.Dataset:
    sigma = np.broadcast_to(np.sqrt(clean.intensity.values), rows.shape)
    dims = ("frame", "two_theta")
    return clean.drop_vars(["intensity", "sigma"]).assign(
        intensity=(dims, rows, clean.intensity.attrs), sigma=(dims, sigma, clean.sigma.attrs)
    )


def runs(kind: str, count: int = RUNS, parts: dict[str, float] | None = None) -> xr.Dataset:
    """Patterns with errors of one kind: scatter, a common factor beside it, or correlated bins."""
    clean = base(parts or {"CeO2": 0.3})
    mean = clean.intensity.values
    sigma = np.sqrt(mean)
    generator = np.random.default_rng(31)
    if kind == "correlated":
        smoothed = Smoothed(sigma, width=3.0)
        rows = mean + smoothed.draw(generator, count)
        return named(stack(clean, rows), {"counting": sigma}, band=smoothed.band)
    rows = mean + sigma * generator.standard_normal((count, sigma.size))
    if kind == "counting":
        return named(stack(clean, rows), {"counting": sigma})
    rows = rows * (1 + SHARE * generator.standard_normal((count, 1)))
    single = {"counting": 0.8 * sigma, "dark": 0.6 * sigma}
    return named(stack(clean, rows), single, {"transmission": SHARE * rows})


def pulls(result: xr.Dataset, phases: list[str]) -> np.ndarray:
    """Deviations from the fit of the pattern without noise over the errors."""
    truth = xk.refine_phases(base({p: PARTS[p] for p in phases}), phases, SPEC)
    found = []
    for name in ("lattice", "crystallite_size", "scale", "weight_fraction"):
        pull = (result[name] - truth[name]) / result[f"{name}_sigma"]
        if name == "lattice":
            pull = pull.isel(lattice_parameter=0)
        if name != "weight_fraction" or len(phases) > 1:
            found.append(pull.transpose("phase", "frame").values)
    return np.concatenate(found)


@pytest.mark.parametrize("kind", ["counting", "common", "correlated"])
def test_pulls_have_unit_width(kind):
    result = xk.refine_phases(runs(kind), ["CeO2"], SPEC)
    found = pulls(result, ["CeO2"])
    assert np.all(np.abs(found.std(axis=1) - 1) < 0.1), found.std(axis=1)
    assert np.all(np.abs(found.mean(axis=1)) < 0.2)
    assert np.sqrt(np.mean(result.gof**2)) == pytest.approx(1.0, abs=0.02)
    assert set(result.verdict.values) == {"ok"}


def test_fractions_of_two_phases_have_honest_errors_with_correlated_bins():
    result = xk.refine_phases(runs("correlated", RUNS, PARTS), ["CeO2", "Si"], SPEC)
    spread = pulls(result, ["CeO2", "Si"]).std(axis=1)
    # The widths of eight numbers, each with a standard error of 0.05 after 200 runs.
    assert np.all(np.abs(spread - 1) < 0.15), spread
    assert np.all(np.abs(spread[-2:] - 1) < 0.1), spread
    assert np.sqrt(np.mean(spread**2)) == pytest.approx(1.0, abs=0.1)
    assert set(result.verdict.values) == {"ok"}


def test_without_the_covariance_pulls_would_be_too_wide():
    """What the tests above are worth: the same patterns, taken for independent bins."""
    profile = runs("correlated", 30).drop_vars("covariance")
    result = xk.refine_phases(profile, ["CeO2"], SPEC)
    assert np.all(pulls(result, ["CeO2"]).std(axis=1) > 1.3)


def test_each_source_has_its_share_and_common_ones_do_not_touch_fractions():
    profile = runs("common", 2, PARTS)
    before = profile.copy(deep=True)
    result = xk.refine_phases(profile, ["CeO2", "Si"], SPEC)
    assert profile.identical(before)
    schema.validate(result, schema.PHASES)
    assert list(result.source.values) == ["counting", "dark", "transmission"]
    for name in ("weight_fraction", "lattice", "crystallite_size", "scale"):
        errors = result[f"{name}_errors"]
        assert errors.dims[:3] == ("frame", "source", "phase")
        assert errors.attrs["units"] == result[name].attrs["units"]
        total = np.sqrt((errors**2).sum("source"))
        np.testing.assert_allclose(total, result[f"{name}_sigma"], rtol=1e-9)
        ratio = errors.sel(source="counting") / errors.sel(source="dark")
        np.testing.assert_allclose(ratio, 0.8 / 0.6, rtol=1e-6)
        common = errors.sel(source="transmission")
        if name == "scale":
            np.testing.assert_allclose(common / result.scale, SHARE, rtol=0.01)
        else:
            assert np.all(np.abs(common) < 0.02 * result[f"{name}_sigma"])
    sigma = np.hypot(profile.errors.sel(source="counting"), profile.errors.sel(source="dark"))
    np.testing.assert_allclose(result.sigma, sigma)


def test_a_wrong_geometry_moves_the_cell_as_its_error_says():
    """Signed: an error of the angles, common to all points, as the curve feels it."""
    shift = 1e-3
    clean = base({"CeO2": 0.3})
    mean = clean.intensity.values
    moved = np.interp(X, X + shift, mean)
    profile = named(clean, {"counting": np.sqrt(mean)}, {"geometry_1": moved - mean})
    before = xk.refine_phases(profile, ["CeO2"], SPEC)
    shifted = profile.assign(intensity=(("two_theta",), moved, clean.intensity.attrs))
    after = xk.refine_phases(shifted, ["CeO2"], SPEC)
    error = before.lattice_errors.sel(source="geometry_1", phase="CeO2").values[0]
    change = (after.lattice - before.lattice).values[0, 0]
    assert error == pytest.approx(change, rel=0.02)
    assert error < -1e-5


def test_points_that_share_pixels_are_counted_and_told():
    result = xk.refine_phases(runs("correlated", 2), ["CeO2"], SPEC)
    np.testing.assert_allclose(result.neighbour_correlation, 2 / 3, atol=0.01)
    np.testing.assert_allclose(result.points_effective, 80, rtol=0.03)
    assert all("share errors (mean correlation 0.67)" in r for r in result.verdict_reason.values)
    assert "points_effective" not in xk.refine_phases(runs("counting", 1), ["CeO2"], SPEC)


def test_results_are_kept_and_joined(tmp_path):
    profile = runs("correlated", 3, PARTS).assign_coords(frame=np.arange(3))
    holes = profile.intensity.copy()
    holes[1] = np.nan
    profile = profile.assign(intensity=holes)
    whole = xk.refine_phases(profile, ["CeO2", "Si"], SPEC)
    assert np.isnan(whole.lattice_errors.values[1]).all()
    assert np.isfinite(whole.lattice_errors.values[2]).all()
    loaded = store.load(store.save(whole, tmp_path / "phases.nc").path)
    for name in ("weight_fraction_errors", "lattice_errors", "points_effective"):
        xr.testing.assert_identical(loaded[name], whole[name])
    first, last = (xk.refine_phases(profile.isel(frame=[k]), ["CeO2", "Si"], SPEC) for k in (0, 2))
    joined = join([first, last])
    assert joined.lattice_errors.dims == ("frame", "source", "phase", "lattice_parameter")
    np.testing.assert_allclose(joined.lattice_errors[0], whole.lattice_errors[0])
