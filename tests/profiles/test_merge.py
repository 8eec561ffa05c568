"""Profiles of several detectors to one: factor, errors, labels, and what is refused."""

import numpy as np
import pytest
import xarray as xr
from frames_in_memory import SHAPE, make_frames, reference_geometry
from profiles.known_profiles import known_profile
from scipy import stats

import xrdkit as xk
from xrdkit import errors, provenance, schema
from xrdkit.profiles import merge
from xrdkit.uncertainty import error_model

TRUE = 1.37
SMALL = np.linspace(0.1, 2.0, 96)  # bins of 0.02
WIDE = np.linspace(1.2, 6.0, 241)  # bins of 0.02, the same in the overlap
OFF = np.linspace(1.2, 6.0, 172)  # bins of about 0.028: nowhere the same


def curve(q):
    return 40.0 / (1 + (q / 0.8) ** 4) + 4.0 + 3 * np.exp(-0.5 * ((q - 3) / 0.2) ** 2)


def pair(rng, edges=WIDE, frames=1, strength=1, **options):
    saxs = known_profile(
        curve, rng, edges=SMALL, doses=(1.0,) * frames, pixels=300 * strength, **options
    )
    waxs = known_profile(
        lambda q: curve(q) / TRUE,
        rng,
        edges=edges,
        doses=(2.0,) * frames,
        pixels=150 * strength,
        **options,
    )
    return saxs, waxs


@pytest.mark.parametrize("edges", [WIDE, OFF], ids=["same bins", "other bins"])
def test_the_factor_and_its_error_are_right(edges):
    """Per draw: within 0.2 %; over draws: no bias, and pulls of standard deviation 1 ± 0.05."""
    saxs, waxs = pair(np.random.default_rng(1), edges, frames=800, strength=100)
    waxs = waxs.assign_coords(frame=saxs.frame)
    both = merge([saxs, waxs], names=["saxs", "waxs"])
    scale, sigma = both.scale.sel(profile="waxs"), both.scale_sigma.sel(profile="waxs")
    pull = ((scale - TRUE) / sigma).values
    assert abs(pull.mean()) < 3 / np.sqrt(800)
    assert pull.std() == pytest.approx(1.0, abs=0.05)
    assert np.abs(scale / TRUE - 1).max() < 2e-3
    assert float(sigma.mean()) / TRUE < 7e-4
    p_values = both.overlap_p_value.sel(profile="waxs").values
    assert stats.kstest(p_values, "uniform").pvalue > 0.05
    assert float((both.overlap_verdict.sel(profile="waxs") == "disagree").mean()) < 0.025


def test_one_strong_pair_gives_the_factor_within_two_thousandths():
    rng = np.random.default_rng(2)
    saxs = known_profile(curve, rng, edges=SMALL, pixels=20_000)
    waxs = known_profile(lambda q: curve(q) / TRUE, rng, edges=OFF, pixels=20_000)
    both = merge([saxs, waxs])
    assert float(both.scale[0, 1]) == pytest.approx(TRUE, rel=2e-3)
    assert float(both.scale_sigma[0, 1]) < 1.2e-3
    assert str(both.overlap_verdict[0, 1].values) == "agree"
    pull = ((both.intensity - curve(both.q)) / both.sigma).values
    assert np.std(pull) == pytest.approx(1.0, abs=0.12)


@pytest.mark.parametrize("counts", [1.0, 3.0, 10.0])
def test_few_counts_do_not_bias_the_factor(counts):
    """Weights by each curve's own counts would be off by about one count per bin."""
    rng = np.random.default_rng(3)
    edges = np.linspace(1.0, 3.0, 101)
    flat = known_profile(lambda q: counts / 100 + 0 * q, rng, edges=edges, doses=(1.0,) * 600)
    strong = known_profile(
        lambda q: counts / 25 / TRUE + 0 * q, rng, edges=edges, doses=(1.0,) * 600
    )
    both = merge([flat, strong])
    scale, sigma = both.scale[:, 1], both.scale_sigma[:, 1]
    # A ratio of counts has a bias of 1/n, here of all counts in the overlap.
    assert float(scale.mean()) / TRUE * 4 == pytest.approx(1.0, abs=4 * float(sigma.mean()) / 24)
    assert float(((scale * 4 - TRUE) / sigma / 4).std()) == pytest.approx(1.0, abs=0.05)
    p_values = both.overlap_p_value[:, 1].values
    assert stats.kstest(p_values, "uniform").pvalue > 0.01


def test_every_bin_says_which_profiles_are_in_it():
    saxs, waxs = pair(np.random.default_rng(4))
    both = merge([saxs, waxs], names=["saxs", "waxs"])
    assert both.origin.attrs["flag_meanings"] == "saxs waxs"
    assert list(both.origin.attrs["flag_masks"]) == [1, 2]
    origin = both.origin.isel(frame=0)
    assert (origin.sel(q=slice(0, 1.19)) == 1).all()
    assert (origin.sel(q=slice(1.205, 1.985)) == 3).all()
    assert (origin.sel(q=slice(2.01, 6)) == 2).all()
    np.testing.assert_allclose(both.q_edges, np.append(SMALL, WIDE[WIDE > 2.001]))
    apart = merge(pair(np.random.default_rng(4), OFF), names=["saxs", "waxs"])
    assert set(np.unique(apart.origin)) == {1, 2}
    assert apart.sizes["q"] == 95 + 171
    assert "q_edges" not in apart.coords
    assert (np.diff(apart.q) > 0).all()
    # Its own bins: nothing was interpolated.
    kept = apart.isel(q=np.flatnonzero(apart.origin[0] == 1))
    np.testing.assert_array_equal(
        kept.intensity[0], pair(np.random.default_rng(4), OFF)[0].intensity[0]
    )


def test_combined_bins_are_those_of_all_counts():
    saxs, waxs = pair(np.random.default_rng(5))
    both = merge([saxs, waxs], scale=[1.0, TRUE])
    inside = both.sel(q=slice(1.205, 1.985))
    counts = (
        saxs.counts.sel(q=slice(1.205, 1.985)).values
        + waxs.counts.sel(q=slice(1.205, 1.985)).values
    )
    np.testing.assert_array_equal(inside.counts, counts)
    norm = inside.normalization
    np.testing.assert_allclose(inside.intensity, counts / norm, rtol=1e-9)
    np.testing.assert_allclose(inside.sigma, np.sqrt(counts) / norm, rtol=0.01)
    raw = both.counts / both.n_pixels
    np.testing.assert_allclose(both.ledger.prod("correction"), both.intensity / raw, rtol=1e-9)
    schema.validate(both, schema.PROFILE)


def test_errors_of_merged_means_are_the_scatter_of_many_draws():
    """The mean over the far part, over the near part, and over all, with monitors and dark."""
    rng = np.random.default_rng(6)
    pulls = []
    for _ in range(300):
        saxs, waxs = pair(rng, OFF, monitor=0.03, dark=3.0)
        both = merge([saxs, waxs], names=["saxs", "waxs"])
        model, truth = error_model(both, 0), curve(both.q.values)
        far, near = both.q.values > 2.5, both.q.values < 1.0
        maps = np.stack(
            [far / far.sum(), near / near.sum(), far / far.sum() - 0.2 * near / near.sum()]
        )
        error = np.sqrt(np.diag(model.propagate(maps)))
        pulls.append(maps @ (both.intensity[0].values - truth) / error)
    pulls = np.array(pulls)
    np.testing.assert_allclose(pulls.std(axis=0), 1.0, atol=0.12)
    np.testing.assert_allclose(pulls.mean(axis=0), 0.0, atol=0.18)


def test_the_monitor_of_a_scaled_profile_drops_out_and_that_of_the_reference_does_not():
    saxs, waxs = pair(np.random.default_rng(7), monitor=0.05)
    both = merge([saxs, waxs], names=["saxs", "waxs"])
    assert {"saxs/monitor", "waxs/monitor", "waxs/scale"} < set(both.source.values.tolist())
    relative = np.abs(both.errors / both.intensity).isel(frame=0)
    np.testing.assert_allclose(relative.sel(source="saxs/monitor"), 0.05, rtol=0.05)
    assert float(relative.sel(source="waxs/monitor").max()) < 0.001
    far = both.origin[0].values == 2
    own = relative.sel(source="waxs/scale").values
    assert np.ptp(own[far]) < 1e-12
    assert own[far].max() < 0.01
    assert np.all(own[both.origin[0].values == 1] == 0)
    assert float(both.scale_sigma[0, 1] / both.scale[0, 1]) == pytest.approx(0.07, abs=0.005)
    assert (both.source_bins.sel(source="waxs/scale") == "common").all()


def test_a_source_shared_by_both_cancels_in_the_factor():
    saxs, waxs = pair(np.random.default_rng(8), monitor=0.05)
    both = merge([saxs, waxs], shared=["monitor"])
    assert "monitor" in both.source.values
    assert float(both.scale_sigma[0, 1] / both.scale[0, 1]) < 0.006
    relative = (both.errors / both.intensity).isel(frame=0).sel(source="monitor")
    np.testing.assert_allclose(relative, -0.05, rtol=0.05)


def test_shapes_that_differ_are_said_to_disagree():
    rng = np.random.default_rng(9)
    saxs = known_profile(curve, rng, edges=SMALL, pixels=5000)
    for edges in (WIDE, OFF):
        waxs = known_profile(lambda q: curve(q) * (1 + 0.1 * q), rng, edges=edges, pixels=5000)
        both = merge([saxs, waxs])
        assert str(both.overlap_verdict[0, 1].values) == "disagree"
        assert float(both.overlap_p_value[0, 1]) < 1e-6
        assert str(both.overlap_verdict[0, 0].values) == "untested"


def test_three_profiles_join_through_the_one_between():
    rng = np.random.default_rng(10)
    parts = [
        known_profile(lambda q, s=s: curve(q) / s, rng, edges=e, pixels=3000)
        for s, e in ((1.0, np.linspace(0.1, 2, 96)), (3.0, np.linspace(1.5, 4, 101)),
                     (0.2, np.linspace(3.4, 8, 201)))
    ]  # fmt: skip
    names = ["far", "middle", "near"]
    one = merge(parts, names=names)
    np.testing.assert_allclose(one.scale[0], [1, 3, 0.2], rtol=0.01)
    pull = (one.scale[0, 1:] - np.array([3, 0.2])) / one.scale_sigma[0, 1:]
    assert np.abs(pull).max() < 3
    # The error of the middle factor moves the near part, too.
    near = one.isel(frame=0).sel(q=slice(5, 8))
    assert (np.abs(near.errors.sel(source="middle/scale")) > 0).all()
    back = merge(parts, names=names, reference=2)
    np.testing.assert_allclose(back.scale[0], [5, 15, 1], rtol=0.015)
    with pytest.raises(
        errors.CorrectionFailed, match=r"scale of near from: far 0.1 to 2, near 3.4"
    ):
        merge([parts[0], parts[2]], names=["far", "near"])


def test_stated_factors_and_their_errors():
    saxs, waxs = pair(np.random.default_rng(11), frames=2)
    plain = merge([saxs, waxs], scale="none")
    np.testing.assert_array_equal(plain.scale, 1.0)
    assert "profile_1/scale" not in plain.source.values
    far = plain.sel(q=slice(3, 6))
    np.testing.assert_array_equal(far.intensity, waxs.sel(q=slice(3, 6)).intensity)
    stated = merge([saxs, waxs], scale=[1.0, 2.0], scale_sigma=[0.0, 0.1])
    share = (stated.errors / stated.intensity).sel(source="profile_1/scale", q=slice(3, 6))
    np.testing.assert_allclose(share, 0.05)
    assert str(stated.source_frames.sel(source="profile_1/scale").values) == "common"
    assert (stated.overlap_verdict == "untested").all()


def test_split_pixels_keep_their_covariance_between_interleaved_bins():
    rng = np.random.default_rng(12)
    saxs = known_profile(lambda q: 9 + 0 * q, rng, edges=SMALL, split=0.4).isel(q=slice(1, None))
    waxs = known_profile(lambda q: 9 + 0 * q, rng, edges=OFF, split=0.4).isel(q=slice(1, None))
    both = merge([saxs, waxs], scale="none")
    model = error_model(both, 0)
    at = np.flatnonzero(both.origin[0] == 1)
    np.testing.assert_allclose(model.matrix()[np.ix_(at, at)], error_model(saxs, 0).matrix())
    assert both.sizes["offset"] == 4  # three bins of the other may lie between
    np.testing.assert_allclose(both.sigma[0] ** 2, both.covariance[0, 0], rtol=1e-9)


def test_bins_that_nobody_fills_are_left_out():
    saxs, waxs = pair(np.random.default_rng(17), OFF, frames=2)
    for name in ("intensity", "sigma"):
        waxs[name][:, :20] = np.nan
        waxs[name][0, 30] = np.nan
    both = merge([saxs, waxs], scale="none")
    assert both.sizes["q"] == 95 + 171 - 20
    assert int(both.intensity.isnull().sum()) == 1
    empty = both.intensity.isnull()
    assert (both.n_pixels.where(empty, 0) == 0).all()
    assert (both.origin.where(empty, 0) == 0).all()


def test_rebinning_takes_whole_bins_and_keeps_all_counts():
    saxs, waxs = pair(np.random.default_rng(13), OFF, split=0.3)
    edges = np.linspace(0.1, 6.0, 60)
    both = merge([saxs, waxs], scale=[1.0, TRUE], rebin=edges)
    assert float(both.counts.sum()) == pytest.approx(float(saxs.counts.sum() + waxs.counts.sum()))
    np.testing.assert_array_equal(both.q_edges, edges)
    variance = error_model(both, 0)
    ones = np.ones((1, both.sizes["q"]))
    assert variance.propagate(ones)[0, 0] > float((both.sigma**2).sum())
    inside = both.sel(q=slice(2.2, 5.9))
    one = waxs.isel(q=(waxs.q >= edges[40]) & (waxs.q < edges[41]))
    model = error_model(waxs, 0)
    where = np.flatnonzero(((waxs.q >= edges[40]) & (waxs.q < edges[41])).values)
    weight = (one.normalization / one.normalization.sum()).values[0]
    expected = TRUE * np.sqrt(weight @ model.matrix()[np.ix_(where, where)] @ weight)
    at = both.isel(q=40)
    np.testing.assert_allclose(at.sigma[0], expected, rtol=1e-9)
    np.testing.assert_allclose(at.intensity[0], TRUE * one.signal.sum() / one.normalization.sum())
    assert (np.abs(inside.q_mean - inside.q) < 0.05).all()


def test_angles_become_q_by_their_wavelength():
    rng = np.random.default_rng(14)
    saxs, waxs = pair(rng)
    k = 40 * np.pi / 1.0
    angle = {"units": "degree", "long_name": "scattering angle"}

    def to_angle(q):
        return 2 * np.rad2deg(np.arcsin(q / k))

    turned = waxs.drop_vars(["q_mean", "q_spread"]).rename(q="two_theta", q_edges="two_theta_edges",
                                                           q_edge="two_theta_edge")  # fmt: skip
    turned = turned.assign_coords(
        two_theta=("two_theta", to_angle(waxs.q.values), angle),
        two_theta_edges=("two_theta_edge", to_angle(WIDE), angle),
    )
    both, known = merge([saxs, turned]), merge([saxs, waxs])
    assert "two_theta" not in both.dims
    np.testing.assert_allclose(both.q, known.q, rtol=1e-9)
    np.testing.assert_allclose(both.scale, known.scale, rtol=1e-3)
    many = turned.drop_vars("wavelength").assign_coords(
        wavelength=("emission_line", [1.0, 1.1], waxs.wavelength.attrs)
    )
    with pytest.raises(errors.SchemaError, match="one wavelength"):
        merge([saxs, many])


def test_curves_without_frames_and_without_sources():
    q = np.linspace(0.1, 2, 60)
    a = xk.profile(q, curve(q), 0.01 * curve(q), unit="1/nm")
    b = xk.profile(q + 1.5, curve(q + 1.5) / 2, 0.01 * curve(q + 1.5), unit="1/nm",
                   intensity_unit="1")  # fmt: skip
    both = merge([a, b])
    assert "frame" not in both.dims
    assert both.intensity.dims == ("q",)
    assert both.intensity.attrs["units"] == "1/cm"
    assert float(both.scale[1]) == pytest.approx(2.0, abs=3 * float(both.scale_sigma[1]))
    with pytest.raises(errors.SchemaError, match="1/cm and 1"):
        merge([a, b], scale="none")


def test_the_arguments_are_not_changed_and_the_steps_are_recorded():
    saxs, waxs = pair(np.random.default_rng(15), monitor=0.01, split=0.2)
    before = [p.copy(deep=True) for p in (saxs, waxs)]
    both = merge([saxs, waxs])
    for old, new in zip(before, (saxs, waxs), strict=True):
        xr.testing.assert_identical(old, new)
    step = provenance.steps(both)[-1]
    assert step.step == "merge"
    assert step.inputs == tuple(provenance.content_sha256(p) for p in before)


def test_a_merged_profile_is_a_result_like_others(tmp_path):
    both = merge(pair(np.random.default_rng(18), OFF, monitor=0.01, split=0.2, frames=2))
    xk.save(both, tmp_path / "merged.nc")
    xr.testing.assert_equal(xk.load(tmp_path / "merged.nc"), both)


def test_what_cannot_be_merged_is_said():
    saxs, waxs = pair(np.random.default_rng(16), frames=2)
    with pytest.raises(errors.SpecError, match="two profiles or more"):
        merge([saxs])
    with pytest.raises(errors.SpecError, match="two profiles or more"):
        merge(saxs)
    with pytest.raises(errors.SpecError, match="different names"):
        merge([saxs, waxs], names=["a", "a"])
    with pytest.raises(errors.SpecError, match="no blank"):
        merge([saxs, waxs], names=["a b", "a"])
    with pytest.raises(errors.SpecError, match="reference 2"):
        merge([saxs, waxs], reference=2)
    with pytest.raises(errors.SpecError, match="'auto'"):
        merge([saxs, waxs], scale="auto")
    with pytest.raises(errors.SpecError, match="1 factors"):
        merge([saxs, waxs], scale=[1.0])
    with pytest.raises(errors.SpecError, match="positive"):
        merge([saxs, waxs], scale=[1.0, -1.0])
    with pytest.raises(errors.SpecError, match="'flat'"):
        merge([saxs, waxs], shared=["flat"])
    with pytest.raises(errors.SpecError, match="increase"):
        merge([saxs, waxs], rebin=[1.0, 1.0])
    with pytest.raises(errors.SchemaError, match="2, 1 frames"):
        merge([saxs, waxs.isel(frame=[0])])
    with pytest.raises(errors.SchemaError, match="no 'sigma'"):
        merge([saxs, waxs.drop_vars("sigma")])
    with pytest.raises(errors.CorrectionFailed, match=r"no overlap inside 0\.2 to 0\.5"):
        merge([saxs, waxs], overlap=(0.2, 0.5))
    dead = known_profile(lambda q: 0 * q, np.random.default_rng(1), edges=WIDE, doses=(1.0, 1.0))
    with pytest.raises(errors.CorrectionFailed, match="not above its noise"):
        merge([saxs, dead])


def test_a_profile_is_merged_once_and_only_with_ones_corrected_alike():
    calibration = reference_geometry()
    rng = np.random.default_rng(3)
    frames = make_frames(rng.poisson(100.0, SHAPE))
    one, two, bare = (
        xk.integrate(frames, calibration, xk.IntegrationSpec(bins=40, range=pair, polarization=f))
        for pair, f in (((1.0, 5.0), 0.9), ((4.0, 9.0), 0.9), ((4.0, 9.0), None))
    )
    assert merge([one, two]).sizes["profile"] == 2
    with pytest.raises(errors.SpecError, match="are the same"):
        merge([one, one])
    with pytest.raises(errors.SpecError, match=r"polarization_factor is 0\.9 and None"):
        merge([one, bare])


def test_what_is_no_profile_is_refused_by_name():
    for verb in (xk.average, xk.counting_interval, xk.frame_quality, xk.texture):
        with pytest.raises(errors.SchemaError, match="is no Dataset"):
            verb(None)
