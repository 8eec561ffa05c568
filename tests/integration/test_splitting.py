"""Full pixel splitting: shares against sub-pixels, and the covariance it makes between bins."""

import numpy as np
import pytest
from frames_in_memory import SHAPE, make_frames, reference_geometry

from xrdkit import IntegrationSpec, integrate
from xrdkit.geometry import Calibration, Detector
from xrdkit.integration.splitting import split_pixels
from xrdkit.uncertainty import error_model

CALIBRATION = reference_geometry()
PLAIN = {"solid_angle": False, "polarization": None, "splitting": "full"}
TILTED = Calibration(
    distance=0.3,
    poni1=0.03,
    poni2=0.05,
    rot1=0.15,
    rot2=-0.12,
    wavelength=1.0,
    detector=Detector(pixel_size_y=172e-6, pixel_size_x=172e-6, shape=SHAPE),
)


def owners(split):
    """Return pixel and bin of every share."""
    counts = np.diff(split.pointer)
    pixel = np.repeat(np.arange(counts.size), counts)
    return pixel, split.first[pixel].astype(int) + np.arange(pixel.size) - split.pointer[pixel]


def subpixel_sums(calibration, unit, edges, image, number):
    """Return Σ a n and Σ a with every pixel cut into number x number points."""
    steps = (np.arange(number) + 0.5) / number - 0.5
    total, area = np.zeros(edges.size - 1), np.zeros(edges.size - 1)
    for y in steps:
        for x in steps:
            place = (
                np.searchsorted(edges, calibration.radial(SHAPE, unit, (y, x)), side="right") - 1
            )
            good = (place >= 0) & (place < edges.size - 1)
            total += np.bincount(place[good], image[good], edges.size - 1)
            area += np.bincount(place[good], minlength=edges.size - 1)
    return total / number**2, area / number**2


@pytest.mark.parametrize("bins", [100, 200, 400])
@pytest.mark.parametrize("calibration", [CALIBRATION, TILTED], ids=["normal", "tilted 11 degree"])
def test_shares_equal_16_x_16_sub_pixels(calibration, bins):
    q = calibration.radial(SHAPE, "q")
    image = 1e3 * np.exp(-q / 3) + 200 * np.exp(-(((q - 5) / 0.05) ** 2))
    edges = np.linspace(2, 10, bins + 1)
    result = integrate(
        make_frames(image), calibration, IntegrationSpec(unit="q", edges=edges, **PLAIN)
    )
    total, area = subpixel_sums(calibration, "q", edges, image, 16)
    relative = result["intensity"].values[0] / (total / area) - 1
    assert np.sqrt(np.mean(relative**2)) < 2e-3
    np.testing.assert_allclose(result["n_pixels"].values[0], area, rtol=6e-3)


@pytest.mark.parametrize("unit", ["q", "two_theta", "d", "radius"])
def test_the_shares_of_a_pixel_within_the_range_add_up_to_one(unit):
    radial = CALIBRATION.radial(SHAPE, unit)
    inner, outer = np.percentile(radial[np.isfinite(radial)], [20, 80])
    edges = np.geomspace(inner, outer, 300)
    split = split_pixels(CALIBRATION, SHAPE, unit, edges)
    pixel, place = owners(split)
    assert place.min() >= 0
    assert place.max() <= edges.size - 2
    assert split.share.min() >= 0
    whole = np.bincount(pixel, split.share, radial.size)
    interior = ((radial > inner * 1.02) & (radial < outer * 0.98)).ravel()
    np.testing.assert_allclose(whole[interior], 1.0, atol=1e-6)


def test_pixels_at_the_beam_are_counted_on_sub_pixels():
    edges = np.linspace(0.0, 0.6, 61)
    image = np.ones(SHAPE)
    split = split_pixels(CALIBRATION, SHAPE, "q", edges)
    _, place = owners(split)
    mine = np.bincount(place, split.share, 60)
    _, area = subpixel_sums(CALIBRATION, "q", edges, image, 48)
    # Area of a ring in pixels: 2π q Δq over the size of a pixel in q.
    np.testing.assert_allclose(mine, area, rtol=0.02, atol=0.02)
    assert mine.sum() == pytest.approx(area.sum(), rel=1e-3)


def test_lattice_spacings_are_split_like_the_same_edges_in_q():
    edges = np.linspace(2.0, 10.0, 101)
    in_q = split_pixels(CALIBRATION, SHAPE, "q", edges)
    in_d = split_pixels(CALIBRATION, SHAPE, "d", 2 * np.pi / edges[::-1])
    for split, order in ((in_q, 1), (in_d, -1)):
        pixel, place = owners(split)
        total = np.bincount(place, split.share * (1 + pixel % 7), 100)[::order]
        if order == 1:
            expected = total
    np.testing.assert_allclose(total, expected, rtol=1e-6)


def test_nothing_leaks_over_the_lower_edge():
    q = CALIBRATION.radial(SHAPE, "q")
    frames = make_frames(np.where(q < 1.9, 1000, 1).astype(np.uint32))
    spec = IntegrationSpec(unit="q", bins=20, range=(2.0, 10.0), **PLAIN)
    np.testing.assert_allclose(integrate(frames, CALIBRATION, spec)["intensity"].values, 1.0)


def correlation(model, offset):
    root = np.sqrt(model.band[0])
    return model.band[offset, :-offset] / (root[:-offset] * root[offset:])


@pytest.mark.parametrize("bins", [200, 400, 800])
def test_predicted_correlation_is_that_of_repeated_frames(bins):
    rng = np.random.default_rng(5)
    frames = make_frames(rng.poisson(100.0, (60, *SHAPE)).astype(np.uint32))
    spec = IntegrationSpec(unit="q", bins=bins, range=(2.0, 10.0), **PLAIN)
    profile = integrate(frames, CALIBRATION, spec)
    z = (profile["intensity"].values - 100.0) / profile["sigma"].values
    assert z.std() == pytest.approx(1.0, abs=0.02)
    model = error_model(profile, 0)
    for offset in (1, 2):
        found = np.mean(z[:, :-offset] * z[:, offset:]) / z.var()
        assert found == pytest.approx(np.mean(correlation(model, offset)), abs=0.03)


@pytest.mark.parametrize("bins", [400, 800])
def test_the_error_of_a_constant_through_the_profile_is_its_scatter(bins):
    rng = np.random.default_rng(6)
    frames = make_frames(rng.poisson(30.0, (200, *SHAPE)).astype(np.uint16))
    spec = IntegrationSpec(unit="q", bins=bins, range=(2.0, 10.0), **PLAIN)
    profile = integrate(frames, CALIBRATION, spec)
    model = error_model(profile, 0)
    weight = 1 / model.independent**2
    estimator = (weight / weight.sum())[None]
    error = np.sqrt(model.propagate(estimator)[0, 0])
    naive = 1 / np.sqrt(weight.sum())
    pull = (profile["intensity"].values @ estimator[0] - 30.0) / error
    assert pull.std() == pytest.approx(1.0, abs=0.1)
    # Bins taken as independent would claim an error that is far too small.
    assert error / naive > 1.3


def test_the_sum_over_all_bins_has_the_error_of_all_counts():
    rng = np.random.default_rng(7)
    image = rng.poisson(50.0, SHAPE)
    q = CALIBRATION.radial(SHAPE, "q")
    spec = IntegrationSpec(unit="q", bins=500, range=(0.0, 20.0), **PLAIN)
    profile = integrate(make_frames(image.astype(np.int32)), CALIBRATION, spec)
    model = error_model(profile, 0)
    there = np.isfinite(model.band[0])
    estimator = np.where(there, profile["n_pixels"].values[0], 0.0)[None]
    assert q.max() < 20
    assert profile["counts"].sum() == pytest.approx(image.sum(), rel=1e-6)
    assert model.propagate(estimator)[0, 0] == pytest.approx(image.sum(), rel=2e-3)


def test_masked_pixels_take_all_their_shares_with_them():
    rng = np.random.default_rng(8)
    image = rng.poisson(50.0, SHAPE).astype(np.uint32)
    spec = IntegrationSpec(unit="q", bins=300, range=(2.0, 10.0), **PLAIN)
    mask = rng.random(SHAPE) < 0.01
    marked = np.where(mask, np.uint32(2**32 - 1), image)
    by_mask = integrate(
        make_frames(image),
        CALIBRATION,
        IntegrationSpec(unit="q", bins=300, range=(2.0, 10.0), mask=mask, **PLAIN),
    )
    by_value = integrate(make_frames(marked), CALIBRATION, spec)
    for name in ("intensity", "sigma", "n_pixels", "q_mean", "q_spread", "covariance"):
        np.testing.assert_allclose(by_value[name], by_mask[name], rtol=1e-9, atol=1e-12)
