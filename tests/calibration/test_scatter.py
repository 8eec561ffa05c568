"""Errors that points share, found in their residuals: covariances against the scatter of draws."""

import math

import numpy as np
import pytest

from xrdkit.calibration.scatter import groups_of, scatter_of, whole_errors

DRAWS = 300
#: what 300 draws know of a standard deviation, 4 %, three times
CLOSE = 3.0 / math.sqrt(2.0 * DRAWS)


def points(rings=8, each=60):
    """Return ring, azimuth (degree), row, column and slopes in (distance, x, y) of full rings."""
    ring = np.repeat(np.arange(rings), each)
    azimuth = np.tile(np.linspace(-180.0, 180.0, each, endpoint=False), rings)
    radius = 120.0 + 110.0 * ring
    turn = np.radians(azimuth)
    y, x = 1000.0 + radius * np.sin(turn), 1000.0 + radius * np.cos(turn)
    slopes = np.column_stack([radius / 1000.0, -np.cos(turn), -np.sin(turn)])
    return ring, azimuth, y, x, slopes


def pulls(errors_of, *, seed=0):
    """Return fitted parameters over their predicted errors, (draws, 3), and their mean inflation.

    `errors_of(random, ring, azimuth, y, x)` draws the error of every point in pixels; the fit has
    weights of errors of 0.05 to 0.12 px from ring to ring.
    """
    ring, azimuth, y, x, slopes = points()
    error = 0.05 + 0.01 * ring
    weighted = slopes / error[:, None]
    random = np.random.default_rng(seed)
    groups = groups_of(ring, azimuth, y, x, error)
    away, sigma, inflation = [], [], []
    for _ in range(DRAWS):
        drawn = errors_of(random, ring, azimuth, y, x) / error
        found = np.linalg.lstsq(weighted, drawn, rcond=None)[0]
        scatter, mean = scatter_of(drawn - weighted @ found, weighted, groups)
        away.append(found)
        sigma.append(np.diag(scatter.covariance(weighted)) * mean)
        inflation.append(scatter.inflation(weighted))
    return np.std(away, axis=0) / np.sqrt(np.mean(sigma, axis=0)), np.mean(inflation)


def noise(random, ring, *_):
    return random.normal(size=ring.size) * (0.05 + 0.01 * ring)


def shared(random, labels, size):
    _, place = np.unique(labels, return_inverse=True)
    return size * random.normal(size=place.max() + 1)[place]


def test_independent_errors_stay_what_they_are():
    ratio, inflation = pulls(noise)
    np.testing.assert_allclose(ratio, 1.0, atol=CLOSE)
    assert inflation == pytest.approx(1.0, abs=0.05)


def test_the_size_of_the_errors_is_that_of_the_residuals():
    ratio, _ = pulls(lambda *given: 3.0 * noise(*given))
    np.testing.assert_allclose(ratio, 1.0, atol=CLOSE)


def test_spots_that_reach_into_neighbours():
    def smoothed(random, ring, *_):
        errors = noise(random, ring)
        for number in np.unique(ring):
            here = ring == number
            own = errors[here]
            errors[here] = own + 0.5 * (np.roll(own, 1) + np.roll(own, -1))
        return errors

    ratio, inflation = pulls(smoothed)
    assert inflation > 1.8
    np.testing.assert_allclose(ratio, 1.0, atol=0.12)


def test_modules_that_are_not_where_they_should_be():
    """Shifts of squares of 250 px anywhere, not those the program sorts points by: within 25 %."""

    def moved(random, ring, azimuth, y, x):
        down, right = random.uniform(0.0, 250.0, 2)
        place = (y + down) // 250.0 * 100 + (x + right) // 250.0
        return noise(random, ring) + shared(random, place, 0.08)

    ratio, inflation = pulls(moved)
    assert inflation > 3.0
    np.testing.assert_allclose(ratio, 1.0, atol=0.25)


def test_rings_that_are_off_as_a_whole_widen_the_distance_alone():
    def off(random, ring, *_):
        return noise(random, ring) + shared(random, ring, 0.08)

    ratio, _ = pulls(off)
    # Eight rings of which the fit takes one number know their spread to a quarter.
    assert ratio[0] == pytest.approx(1.0, abs=0.2)
    np.testing.assert_allclose(ratio[1:], 1.0, atol=CLOSE)


def test_errors_of_rings_are_drawn_to_each_other_as_far_as_chance_goes():
    random = np.random.default_rng(4)
    ring = np.repeat(np.arange(30), 8)
    sigma = np.full(ring.size, 0.1)
    used = np.ones(ring.size, dtype=bool)
    found, unsure = whole_errors(0.1 * random.normal(size=ring.size), used, sigma, ring)
    # Eight points alone would know their spread to 27 %.
    assert np.std(found[::8]) / 0.1 < 0.08
    assert np.mean(found) == pytest.approx(0.1, rel=0.1)
    # What is left of 2/ν of a ring by itself.
    assert np.all((unsure > 0.0) & (unsure < 0.4 * 2.0 / 7.0))


def test_a_ring_of_coarse_powder_keeps_its_own_scatter():
    random = np.random.default_rng(5)
    ring = np.repeat(np.arange(6), 100)
    sigma = np.full(ring.size, 0.02)
    used = np.ones(ring.size, dtype=bool)
    extra = np.where(ring == 2, 0.4, 0.0)
    residual = random.normal(size=ring.size) * np.hypot(sigma, extra)
    found, _ = whole_errors(residual, used, sigma, ring)
    assert found[ring == 2][0] == pytest.approx(0.4, rel=0.2)
    assert np.all(found[ring != 2] < 0.03)


def test_perfect_points_and_few_of_them_are_no_failure():
    ring, azimuth, y, x, slopes = points(rings=2, each=4)
    error = np.full(ring.size, 0.1)
    groups = groups_of(ring, azimuth, y, x, error)
    scatter, mean = scatter_of(np.zeros(ring.size), slopes, groups)
    assert mean == 0.0
    assert np.all(np.isfinite(scatter.covariance(slopes)))
    few = scatter_of(
        np.full(3, 0.1), slopes[:3], groups_of(*(v[:3] for v in (ring, azimuth, y, x, error)))
    )
    assert np.all(np.isfinite(few[0].covariance(slopes[:3])))
    assert np.all(
        whole_errors(np.zeros(3), np.ones(3, dtype=bool), np.ones(3), np.arange(3))[0] == 1.0
    )


def test_unsure_weights_widen_a_mean_as_meier_says():
    """1/W [1 + 4 Σ w (1 - w)/ν], w the shares of the groups in the weight W."""
    number = np.array([4, 7, 9])
    ring = np.repeat(np.arange(3), number)
    slopes = np.repeat(np.array([1.0, 2.0, 0.5]), number)[:, None]
    unsure = np.repeat(2.0 / (number - 1), number)
    groups = groups_of(ring, np.arange(20.0), np.arange(20.0), np.zeros(20), np.ones(20))
    z = np.random.default_rng(1).normal(size=20)
    plain, _ = scatter_of(z, slopes, groups)
    wider, _ = scatter_of(z, slopes, groups, unsure)
    weight = number * np.array([1.0, 4.0, 0.25])
    share = weight / weight.sum()
    added = np.sum(4.0 * share * (1.0 - share) / (number - 1)) / weight.sum()
    assert wider.covariance(slopes)[0, 0] - plain.covariance(slopes)[0, 0] == pytest.approx(added)


def test_one_ring_has_no_weight_to_be_unsure_of():
    ring, azimuth, y, x, slopes = points(rings=1, each=12)
    groups = groups_of(ring, azimuth, y, x, np.ones(12))
    z = np.random.default_rng(2).normal(size=12)
    plain, _ = scatter_of(z, slopes, groups)
    wider, _ = scatter_of(z, slopes, groups, np.full(12, 0.2))
    np.testing.assert_allclose(wider.covariance(slopes), plain.covariance(slopes), atol=1e-12)


@pytest.mark.parametrize("sizes", [(0.1, 0.18, 0.19, 0.22), (0.05, 0.3, 0.12, 0.4)])
def test_few_points_on_few_rings_err_as_predicted(sizes):
    """Four rings of 6 to 14 points, each with a scatter of its own that has to be found.

    Without what weights from so few points add, errors would be predicted 3 to 21 % too small.
    """
    number, draws = (8, 14, 9, 6), DRAWS
    ring = np.repeat(np.arange(4), number)
    turn = np.concatenate([np.linspace(0.1, 1.9, each) for each in number])
    radius = 90.0 + 50.0 * ring
    slopes = np.column_stack([radius / 200.0, -np.cos(turn), -np.sin(turn)])
    y, x = radius * np.sin(turn), radius * np.cos(turn)
    sigma, used = np.full(ring.size, 0.03), np.ones(ring.size, dtype=bool)
    random = np.random.default_rng(3)
    pull = []
    for _ in range(draws):
        drawn = random.normal(size=ring.size) * np.array(sizes)[ring]
        error, unsure = np.full(ring.size, 0.2), np.zeros(ring.size)
        for _ in range(6):
            weighted = slopes / error[:, None]
            found = np.linalg.lstsq(weighted, drawn / error, rcond=None)[0]
            error, unsure = whole_errors(drawn - slopes @ found, used, sigma, ring)
        weighted = slopes / error[:, None]
        groups = groups_of(ring, np.degrees(turn), y, x, error)
        scatter, mean = scatter_of((drawn - slopes @ found) / error, weighted, groups, unsure)
        pull.append(found**2 / np.diag(scatter.covariance(weighted)) / mean)
    np.testing.assert_allclose(np.sqrt(np.mean(pull, axis=0)), 1.0, atol=CLOSE)
