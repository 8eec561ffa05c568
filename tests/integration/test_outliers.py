"""Outliers are found, and clean data are left alone however few, uneven or steep they are."""

from types import SimpleNamespace

import numpy as np
import pytest
from frames_in_memory import SHAPE, make_frames, reference_geometry

from xrdkit import IntegrationSpec, cake, integrate
from xrdkit.errors import FrameShapeMismatch, SpecError
from xrdkit.integration.outlier_kernels import log_tail
from xrdkit.integration.outlier_spec import OutlierSpec
from xrdkit.integration.outliers import find_outliers
from xrdkit.integration.spottiness import spottiness

G0 = reference_geometry()
Q = G0.radial(SHAPE, "q")
OMEGA = G0.solid_angle(SHAPE)
CHI = np.radians(G0.azimuth(SHAPE))
NONE_BAD = np.zeros(SHAPE, dtype=bool)
ZINGERS, SPOTS = OutlierSpec(), OutlierSpec(kinds="spots")


def pixels(bins=200, low=0.5, high=10.0, weight=OMEGA):
    """The assignment of the pixels of G0 to bins of q."""
    index = np.searchsorted(np.linspace(low, high, bins + 1), Q.ravel(), side="right") - 1
    index[(index < 0) | (index >= bins)] = bins
    return SimpleNamespace(
        index=index.astype(np.uint32), weight=weight.ravel(), radial=Q.ravel(), bins=bins
    )


PLAN = pixels()
USED = (PLAN.index < PLAN.bins).reshape(SHAPE)


def totals(counts, keep, plan=PLAN):
    """Sum over bins of S/N times the N of all pixels: the total that a profile stands for."""
    keep, index = (keep & USED).ravel(), plan.index
    norm = np.bincount(index[USED.ravel()], plan.weight[USED.ravel()], plan.bins)
    signal = np.bincount(index[keep], counts.ravel()[keep], plan.bins)
    left = np.bincount(index[keep], plan.weight[keep], plan.bins)
    return np.sum(signal[left > 0] / left[left > 0] * norm[left > 0])


def found(counts, settings=ZINGERS, plan=PLAN, **more):
    return find_outliers(counts, NONE_BAD, plan, settings, **more).mask.reshape(SHAPE)


@pytest.mark.parametrize("share", [1e-4, 0.01, 0.3])
@pytest.mark.parametrize("others", [0, 3, 50, 20000])
def test_the_tail_is_that_of_the_binomial(share, others):
    from scipy.stats import binom

    for above in (1, 4, 30):
        total = others + round(others * share / (1 - share)) + above
        n = total - others
        expected = binom.logsf(n - 1, total, share)
        if n >= total * share + 2 * np.sqrt(total * share * (1 - share)) and expected > -700:
            np.testing.assert_allclose(log_tail(n, others, share), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("settings", [ZINGERS, SPOTS])
@pytest.mark.parametrize("mean", [0.01, 0.05, 0.5, 5.0])
def test_clean_counts_lose_nothing(mean, settings):
    """The bias of the total stays below a tenth of its standard error, over ten frames."""
    rng = np.random.default_rng(1)
    lost, total = 0.0, 0.0
    for _ in range(10):
        counts = rng.poisson(mean * OMEGA)
        lost += totals(counts, USED) - totals(counts, ~found(counts, settings))
        total += counts[USED].sum()
    assert abs(lost) < 0.1 * np.sqrt(total)


def test_bins_of_a_few_pixels_keep_their_only_count():
    """Where the rest of a bin holds nothing, a rate of zero would condemn any count."""
    counts = np.random.default_rng(2).poisson(0.003 * OMEGA)
    plan = pixels(bins=150_000, low=0.0)
    assert np.bincount(plan.index)[:-1].max() < 100
    assert not found(counts, plan=plan).any()


@pytest.mark.parametrize("mean", [0.01, 0.05, 0.5, 5.0])
def test_zingers_are_found_and_nothing_else(mean):
    """One pixel in a thousand gets 20 to 1e5 counts, evenly on a logarithmic scale."""
    rng = np.random.default_rng(3)
    hit = hits = removed = 0
    with_them = without = clean_total = 0.0
    for _ in range(10):
        clean = rng.poisson(mean * OMEGA)
        zinger = rng.random(SHAPE) < 1e-3
        counts = clean + zinger * np.floor(10 ** rng.uniform(np.log10(20), 5, SHAPE))
        mask = found(counts)
        zinger &= USED
        hit, hits, removed = hit + (mask & zinger).sum(), hits + zinger.sum(), removed + mask.sum()
        with_them += totals(counts, ~mask)
        without += totals(clean, ~zinger)
        clean_total += totals(clean, USED)
    assert hit / hits > 0.99
    assert hit / removed > 0.95
    assert abs(with_them / without - 1) < 1e-3


@pytest.mark.parametrize("settings", [ZINGERS, SPOTS])
@pytest.mark.parametrize("mean", [5.0, 100.0, 1e4])
def test_an_anisotropic_pattern_is_no_outlier(mean, settings):
    """cos² χ of amplitude 0.3: at 1e4 counts a third of the pixels is improbable in its bin."""
    counts = np.random.default_rng(4).poisson(mean * OMEGA * (1 + 0.3 * np.cos(CHI) ** 2))
    mask = found(counts, settings)
    assert mask.sum() <= 1
    assert abs(totals(counts, ~mask) / totals(counts, USED) - 1) < 1e-6


@pytest.mark.parametrize("settings", [ZINGERS, SPOTS])
@pytest.mark.parametrize("mean", [1e3, 1e5])
def test_a_steep_curve_in_wide_bins_is_no_outlier(mean, settings):
    """q⁻⁴ in 20 bins: the first spans a factor of 40."""
    plan = pixels(bins=20, low=0.3)
    rate = mean * OMEGA * (0.3 / np.maximum(Q, 0.3)) ** 4
    assert not found(np.random.default_rng(5).poisson(rate), settings, plan).any()


@pytest.mark.parametrize("settings", [ZINGERS, SPOTS])
@pytest.mark.parametrize("bins", [20, 200])
def test_a_sharp_ring_is_no_outlier(bins, settings):
    """A ring of three pixels at half height, also where it lies inside one bin."""
    rate = 1e5 * OMEGA * (np.exp(-0.5 * ((Q - 5) / 0.05) ** 2) + 1e-3)
    mask = found(np.random.default_rng(6).poisson(rate), settings, pixels(bins=bins))
    assert mask.sum() <= 1


def test_a_flat_that_was_left_out_makes_few_outliers():
    """5 % from pixel to pixel at 1e5 counts is 16 times the scatter of counting."""
    rng = np.random.default_rng(7)
    counts = rng.poisson(1e5 * OMEGA * (1 + 0.05 * rng.standard_normal(SHAPE)))
    mask = found(counts)
    assert mask.sum() < 1e-4 * USED.sum()
    assert abs(totals(counts, ~mask) / totals(counts, USED) - 1) < 1e-5


def test_polarization_that_was_left_out_makes_no_outliers():
    counts = np.random.default_rng(8).poisson(1e4 * G0.polarization(SHAPE, 0.99))
    assert not found(counts).any()


def test_zingers_on_an_anisotropic_ring_are_found():
    rng = np.random.default_rng(9)
    rate = 100 * OMEGA * (np.exp(-0.5 * ((Q - 5) / 0.05) ** 2) + 0.01)
    counts = rng.poisson(rate * (1 + 0.3 * np.cos(CHI) ** 2))
    zinger = USED & (rng.random(SHAPE) < 1e-3)
    mask = found(counts + 1000 * zinger)
    np.testing.assert_array_equal(mask, zinger)


def test_a_huge_spot_hides_no_others():
    """2e7 counts in one pixel; the rate of its bin is 2e4 with it, and 5 without."""
    counts = np.random.default_rng(10).poisson(5.0 * OMEGA)
    at = np.flatnonzero(PLAN.index == 100)
    counts.ravel()[at[::100]] += 50
    counts.ravel()[at[50]] += 20_000_000
    expected = np.zeros(SHAPE, dtype=bool)
    expected.ravel()[[*at[::100], at[50]]] = True
    np.testing.assert_array_equal(found(counts), expected)


def grain(height):
    """A ring with a grain of a Gaussian of σ 2 pixels on it, and where the grain is."""
    rate = 20 * OMEGA * (np.exp(-0.5 * ((Q - 5) / 0.1) ** 2) + 0.1)
    y, x = np.unravel_index(np.argmin(np.abs(Q - 5) + np.abs(CHI - 1)), SHAPE)
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]]
    shape = np.exp(-0.5 * ((row - y) ** 2 + (column - x) ** 2) / 4)
    return np.random.default_rng(11).poisson(rate + height * shape), height * shape, rate


def test_a_whole_grain_is_a_spot():
    counts, extra, rate = grain(1e5)
    mask = found(counts, SPOTS)
    assert mask[extra > 8 * np.sqrt(rate)].all()
    assert not mask[extra < 1e-3].any()
    clean = totals(rate, USED)
    assert abs(totals(counts, USED) / clean - 1) > 1.0
    assert abs(totals(counts, ~mask) / clean - 1) < 3 / np.sqrt(clean)


def test_gain_and_readout_noise_widen_what_is_probable():
    """Counts of variance 40 each (analogue units): Poisson limits would take many for outliers."""
    rng = np.random.default_rng(12)
    counts = 40.0 * rng.poisson(10.0 * OMEGA) + rng.normal(0, 30, SHAPE)
    assert not found(counts, gain=40.0, readout_noise=30.0).any()
    zinger = USED & (rng.random(SHAPE) < 1e-3)
    mask = found(counts + 4000.0 * zinger, gain=40.0, readout_noise=30.0)
    np.testing.assert_array_equal(mask, zinger)


def test_hot_pixels_of_the_dark_are_expected():
    rng = np.random.default_rng(13)
    dark = np.where(rng.random(SHAPE) < 1e-3, 5000.0, 2.0)
    counts = rng.poisson(3.0 * OMEGA + dark)
    assert not found(counts, dark=dark).any()
    assert found(counts).sum() == (USED & (dark > 2)).sum()


def test_left_out_pixels_do_not_enter_and_are_not_found_again():
    counts = np.random.default_rng(14).poisson(5.0 * OMEGA)
    bad = np.zeros(SHAPE, dtype=bool)
    bad[100:120, 50:350] = True
    counts[bad] = 1_000_000
    counts[300, 300] += 500
    before = counts.copy(), bad.copy()
    result = find_outliers(counts, bad, PLAN, ZINGERS)
    np.testing.assert_array_equal(np.flatnonzero(result.mask), [300 * SHAPE[1] + 300])
    assert result.per_bin.sum() == 1
    assert result.per_bin[PLAN.index[300 * SHAPE[1] + 300]] == 1
    np.testing.assert_array_equal(counts, before[0])
    np.testing.assert_array_equal(bad, before[1])


def test_impossible_settings_are_refused():
    with pytest.raises(SpecError, match="kinds"):
        OutlierSpec(kinds="stars")
    for alpha in (0.0, 1.0, float("nan"), True):
        with pytest.raises(SpecError, match="alpha"):
            OutlierSpec(alpha=alpha)
    counts = np.zeros(SHAPE)
    with pytest.raises(SpecError, match="gain"):
        found(counts, gain=0.0)
    with pytest.raises(SpecError, match="readout_noise"):
        found(counts, readout_noise=-1.0)
    with pytest.raises(FrameShapeMismatch, match="dark"):
        found(counts, dark=np.zeros((2, 2)))
    with pytest.raises(FrameShapeMismatch):
        find_outliers(np.zeros((3, 3)), np.zeros((3, 3), dtype=bool), PLAN, ZINGERS)


@pytest.mark.parametrize("mean", [0.05, 0.5, 5.0, 1e4])
def test_spottiness_is_zero_for_a_smooth_frame(mean):
    rng = np.random.default_rng(15)
    score = []
    for _ in range(5):
        value, error = spottiness(rng.poisson(mean * OMEGA), NONE_BAD, PLAN)
        score.append(value / error)
    score = np.concatenate(score)
    score = score[np.isfinite(score)]  # a bin beside the beam may hold one count
    assert score.size > 990
    assert abs(score.mean()) < 4 / np.sqrt(score.size)
    assert 0.93 < score.std() < 1.07


@pytest.mark.parametrize("mean", [0.5, 5.0, 1e4])
def test_spottiness_is_the_relative_variance_of_the_rate(mean):
    """Rates of a gamma distribution of relative variance 0.2: five grains in every pixel."""
    rng = np.random.default_rng(16)
    values = []
    for _ in range(10):
        rate = mean * OMEGA * rng.gamma(5.0, 0.2, SHAPE)
        values.append(spottiness(rng.poisson(rate), NONE_BAD, PLAN)[0])
    values = np.concatenate(values)
    assert abs(values.mean() - 0.2) < 4 * values.std() / np.sqrt(values.size)
    assert abs(values.mean() - 0.2) < 0.01


def test_spottiness_of_too_few_counts_is_not_known():
    counts = np.zeros(SHAPE)
    counts[243, 300] = 1
    value, error = spottiness(counts, NONE_BAD, PLAN)
    assert np.isnan(value).all()
    assert np.isnan(error).all()


@pytest.mark.parametrize("splitting", ["none", "full"])
@pytest.mark.parametrize("verb", [integrate, cake])
def test_verbs_leave_outliers_out_and_say_how_many(verb, splitting):
    rng = np.random.default_rng(17)
    clean = rng.poisson(5.0 * OMEGA, (2, *SHAPE))
    zinger = USED & (rng.random(clean.shape) < 1e-3)
    settings = {"bins": 50, "range": (0.5, 7.0), "azimuth_bins": 4, "splitting": splitting}
    asked, not_asked = IntegrationSpec(**settings, outliers=ZINGERS), IntegrationSpec(**settings)
    result = verb(make_frames(clean + 1000 * zinger), G0, asked)
    expected = verb(make_frames(np.where(zinger, 2**32 - 1, clean)), G0, not_asked)
    whole = verb(make_frames(clean), G0, not_asked)
    np.testing.assert_allclose(result["intensity"], expected["intensity"], rtol=1e-12)
    np.testing.assert_allclose(result["sigma"], expected["sigma"], rtol=1e-12)
    if splitting == "none":
        removed = whole["n_pixels"] - result["n_pixels"]
        np.testing.assert_array_equal(result["n_outliers"], removed)
    assert result["spottiness"].dims == result["intensity"].dims
    score = (result["spottiness"] / result["spottiness_sigma"]).values
    score = score[np.isfinite(score)]
    assert abs(score.mean()) < 4 / np.sqrt(score.size)
    assert "n_outliers" not in whole


def test_outliers_are_part_of_the_provenance():
    counts = make_frames(np.ones(SHAPE, dtype=np.uint16))
    spec = IntegrationSpec(bins=10, range=(1.0, 5.0), outliers=OutlierSpec(alpha=0.01))
    assert (
        '"outliers":{"alpha":0.01,"kinds":"zingers"}'
        in (integrate(counts, G0, spec).attrs["provenance"])
    )
