"""Where the points of a profile lie: mean and spread of the pixels of each bin."""

import numpy as np
import pytest
from frames_in_memory import SHAPE, make_frames, reference_geometry

from xrdkit import IntegrationSpec, integrate
from xrdkit.schema import mean_positions, position_spreads

CALIBRATION = reference_geometry()


@pytest.mark.parametrize("splitting", ["none", "full"])
def test_mean_and_spread_are_those_of_the_pixels(splitting):
    rng = np.random.default_rng(0)
    weight = rng.uniform(0.5, 1.5, SHAPE)
    edges = np.linspace(1.0, 9.0, 31)
    spec = IntegrationSpec(
        unit="q", edges=edges, flat=weight, solid_angle=False, splitting=splitting
    )
    profile = integrate(make_frames(np.ones(SHAPE)), CALIBRATION, spec)
    q = CALIBRATION.radial(SHAPE, "q").ravel()
    w = weight.ravel()
    place = np.searchsorted(edges, q, side="right") - 1
    for k in (0, 7, 29):
        mine = place == k
        mean = np.average(q[mine], weights=w[mine])
        spread = np.sqrt(np.average((q[mine] - mean) ** 2, weights=w[mine]))
        if splitting == "none":
            assert profile["q_mean"].values[0, k] == pytest.approx(mean, rel=1e-12)
            assert profile["q_spread"].values[0, k] == pytest.approx(spread, rel=1e-9)
        else:
            # Pixels across an edge widen a bin by their own size, 0.04 1/nm here.
            assert profile["q_mean"].values[0, k] == pytest.approx(mean, abs=2e-3)
            assert spread < profile["q_spread"].values[0, k] < 1.1 * spread


def decay(q):
    return 1e6 * q**-4.0


@pytest.mark.parametrize("high", [2.0, 5.0])
def test_a_steep_decay_is_seen_without_bias_in_wide_bins(high):
    """50 linear bins from 0.2: bin centres are off by 1 to 7 %, mean and spread by 0.05 and 0.6 %.

    The first bin to 5 1/nm spans a factor of 1.5 in q, which second order does not describe.
    """
    q = np.maximum(CALIBRATION.radial(SHAPE, "q"), 1e-3)
    spec = IntegrationSpec(unit="q", bins=50, range=(0.2, high), solid_angle=False)
    profile = integrate(make_frames(decay(q)), CALIBRATION, spec)
    mean, spread = mean_positions(profile)[0], position_spreads(profile)[0]
    seen = 0.5 * (decay(mean + spread) + decay(mean - spread))
    bias = np.abs(seen / profile["intensity"].values[0] - 1)[:5]
    steep = 0 if high == 2.0 else 1
    assert np.all(bias[steep:] < 3e-3)
    assert np.all(bias < 7e-3)
    centre = np.abs(decay(profile["q"].values) / profile["intensity"].values[0] - 1)[:5]
    assert centre.max() > 0.02


def test_profiles_without_a_spread_have_none():
    profile = integrate(make_frames(np.ones(SHAPE)), CALIBRATION, IntegrationSpec(bins=10))
    bare = profile.drop_vars("q_spread")
    np.testing.assert_array_equal(position_spreads(bare), np.zeros((1, 10)))
