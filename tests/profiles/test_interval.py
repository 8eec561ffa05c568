"""Intervals of intensity cover what they promise, down to one count for each bin."""

import numpy as np
import pytest
from frames_in_memory import SHAPE, make_frames, reference_geometry
from scipy.stats import gamma

from xrdkit import IntegrationSpec, Normalization, integrate
from xrdkit.errors import SchemaError, SpecError
from xrdkit.profiles.interval import counting_interval

G0 = reference_geometry()
OMEGA = G0.solid_angle(SHAPE)
Q = G0.radial(SHAPE, "q")


def profile_of(counts, **settings):
    settings = {"bins": 100, "range": (1.0, 9.0), **settings}
    return integrate(make_frames(counts), G0, IntegrationSpec(**settings))


def sparse(mean_per_bin, frames, seed):
    """Return expectations (frame, bin) and frames of them: `mean_per_bin` counts in every bin.

    Each frame has 0.5 to 1.5 of the mean, so that the steps of whole counts average out.
    """
    rng = np.random.default_rng(seed)
    weight = profile_of(np.zeros(SHAPE, dtype=np.uint16))["normalization"].values[0]
    k = np.clip(np.searchsorted(np.linspace(1.0, 9.0, 101), Q, side="right") - 1, 0, 99)
    truth = mean_per_bin / weight * np.linspace(0.5, 1.5, frames)[:, None]
    return truth, np.stack([rng.poisson(t[k] * OMEGA).astype(np.uint16) for t in truth])


@pytest.mark.parametrize(
    ("splitting", "mean"),
    [(s, m) for s in ("none", "full") for m in (1.0, 3.0, 10.0, 100.0) if (s, m) != ("full", 1.0)],
)
def test_two_thirds_of_the_intervals_hold_the_truth(splitting, mean):
    """With splitting it is 0.73 at one count for each bin: shares of counts are no whole counts."""
    truth, counts = sparse(mean, 60, seed=1)
    result = counting_interval(profile_of(counts, splitting=splitting))
    inside = (result["intensity_low"].values <= truth) & (truth <= result["intensity_high"].values)
    # The outer bins share pixels with what lies beyond them.
    assert 0.63 < inside[:, 1:-1].mean() < 0.73


def test_the_ends_are_quantiles_of_the_gamma_distribution():
    _, counts = sparse(3.0, 1, seed=3)
    profile = profile_of(counts)
    result = counting_interval(profile, 0.9)
    for name, part in (("intensity_low", 0.05), ("intensity_high", 0.95)):
        expected = gamma.ppf(part, profile["counts"].values + 0.5) / profile["normalization"].values
        np.testing.assert_allclose(result[name].values, expected, rtol=1e-9)
        assert result[name].attrs["units"] == "count"
    assert (profile["counts"].values == 0).any()


def test_a_gain_scales_the_counts():
    """40 units for each photon: 120 units are three photons."""
    _, counts = sparse(3.0, 1, seed=4)
    plain = counting_interval(profile_of(counts))
    scaled = counting_interval(profile_of(40 * counts, gain=40.0))
    for name in ("intensity_low", "intensity_high"):
        np.testing.assert_allclose(scaled[name], 40 * plain[name], rtol=1e-9)


def test_many_counts_give_the_standard_error():
    counts = np.random.default_rng(5).poisson(1e4 * OMEGA)
    profile = profile_of(counts, normalization=Normalization(monitor=7.0, monitor_sigma=0.1))
    result = counting_interval(profile)
    for name, sign in (("intensity_low", -1), ("intensity_high", 1)):
        reach = sign * (result[name] - profile["intensity"]) / profile["sigma"]
        np.testing.assert_allclose(reach, 1.0, atol=2e-3)


def test_dark_and_background_shift_the_interval():
    rng = np.random.default_rng(6)
    counts = rng.poisson(0.02 * OMEGA)
    without = counting_interval(profile_of(counts))
    dark = np.full(SHAPE, 3.0)
    shifted = counting_interval(profile_of(counts + 3, dark=dark))
    # Three counts more of dark on each pixel widen it, and it no longer ends at zero.
    assert (shifted["intensity_low"] < 0).any()
    assert not (without["intensity_low"] < 0).any()
    middle = 0.5 * (shifted["intensity_low"] + shifted["intensity_high"])
    off = (middle - shifted["intensity"]) / shifted["sigma"]
    assert float(abs(off).max()) < 0.05


def test_bins_without_pixels_have_no_interval_and_the_profile_is_unchanged():
    counts = np.random.default_rng(7).poisson(0.1 * OMEGA)
    profile = profile_of(counts, range=(1.0, 30.0))
    before = profile.copy(deep=True)
    result = counting_interval(profile)
    assert before.identical(profile)
    empty = profile["n_pixels"].values == 0
    assert empty.any()
    for name in ("intensity_low", "intensity_high"):
        np.testing.assert_array_equal(np.isnan(result[name].values), empty)
    assert '"step":"counting_interval"' in result.attrs["provenance"]


def test_what_cannot_have_an_interval_is_refused():
    profile = profile_of(np.ones(SHAPE, dtype=np.uint16))
    for level in (0.0, 1.0, -1.0, True, "0.9"):
        with pytest.raises(SpecError, match="level"):
            counting_interval(profile, level)
    with pytest.raises(SchemaError, match="counts"):
        counting_interval(profile.drop_vars("counts"))
    with pytest.raises(SchemaError, match="counting"):
        counting_interval(profile.isel(source=profile["source"] != "counting"))
