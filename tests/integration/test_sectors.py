"""Sectors modulo 360 degree, slices around a centre, and the cakes that add up to the whole."""

import numpy as np
import pytest
from frames_in_memory import SHAPE, make_frames, reference_geometry

from xrdkit import IntegrationSpec, cake, integrate
from xrdkit.errors import SpecError

CALIBRATION = reference_geometry()
BINS = {"unit": "q", "bins": 20, "range": (4.0, 8.0), "solid_angle": False}
SECTORS = [
    *[(170, 190), (-190, -170), (0, 360), (-10, 10), (-180, 180), (350, 10), (350, 370)],
    *[(0, 20), (20, 40), (160, 180), (180, 200), (-20, 0), (90, 270), (270, 90), (-90, 90)],
    *[(45, 46), (359, 1), (179, -179), (-360, -340), (700, 740), (5, 365), (-370, -10)],
    *[(100, 330), (30, 29)],
]


def in_direction(low, high):
    """Return where a pixel lies between two directions, found by turning vectors, not angles."""
    t1, t2, _ = CALIBRATION.positions(SHAPE)
    width = high - low if high - low >= 360 else (high - low) % 360
    if width >= 360:
        return np.ones(SHAPE, dtype=bool)
    turned = (t2 + 1j * t1) * np.exp(-1j * np.radians(low))
    angle = np.degrees(np.arctan2(turned.imag, turned.real)) % 360
    # The pixel that lies on a border to rounding belongs to either side here.
    return angle < width


@pytest.mark.parametrize("splitting", ["none", "full"])
@pytest.mark.parametrize(("low", "high"), SECTORS)
def test_a_sector_keeps_every_count(low, high, splitting):
    rng = np.random.default_rng(0)
    image = rng.poisson(20.0, SHAPE)
    spec = IntegrationSpec(**BINS, azimuth_range=(low, high), splitting=splitting)
    profile = integrate(make_frames(image), CALIBRATION, spec)
    q = CALIBRATION.radial(SHAPE, "q")
    where = in_direction(low, high) & (q >= 4) & (q < 8)
    if splitting == "none":
        assert abs(profile["counts"].sum() - image[where].sum()) <= 20 * _on_border(low, high)
    else:
        # Pixels across the inner and outer edge count in part.
        assert profile["counts"].sum() == pytest.approx(image[where].sum(), rel=0.03)


def _on_border(low, high):
    """Return how many pixels lie on a border of the sector to rounding."""
    azimuth = CALIBRATION.azimuth(SHAPE)
    away = [np.abs((azimuth - edge + 180) % 360 - 180) for edge in (low, high)]
    return 3 * int(np.count_nonzero(np.minimum(*away) < 1e-9))


@pytest.mark.parametrize(
    ("centre", "width"), [(0, 20), (180, 10), (-90, 60), (350, 40), (7.5, 360)]
)
def test_a_slice_is_the_sector_around_its_centre(centre, width):
    rng = np.random.default_rng(1)
    frames = make_frames(rng.poisson(20.0, SHAPE))
    slice_ = integrate(frames, CALIBRATION, IntegrationSpec(**BINS, azimuth_slice=(centre, width)))
    pair = (centre - width / 2, centre + width / 2)
    sector = integrate(frames, CALIBRATION, IntegrationSpec(**BINS, azimuth_range=pair))
    for name in ("intensity", "sigma", "n_pixels", "counts"):
        np.testing.assert_array_equal(slice_[name], sector[name])


@pytest.mark.parametrize("splitting", ["none", "full"])
@pytest.mark.parametrize("sector", [None, (350, 80), (-30, 330)])
def test_the_cells_of_a_cake_add_up_to_the_profile(sector, splitting):
    rng = np.random.default_rng(2)
    frames = make_frames(rng.poisson(5.0, SHAPE))
    spec = IntegrationSpec(**BINS, azimuth_range=sector, azimuth_bins=24, splitting=splitting)
    grid, profile = cake(frames, CALIBRATION, spec), integrate(frames, CALIBRATION, spec)
    for name in ("counts", "normalization", "n_pixels"):
        np.testing.assert_allclose(grid[name].sum("azimuth"), profile[name], rtol=1e-12)
    if splitting == "full":
        # Sectors share no pixel, so that their covariances add up as well.
        scale = grid["normalization"].shift(q=-1) * grid["normalization"]
        total = (grid["covariance"].sel(offset=1) * scale).sum("azimuth")
        whole = profile["normalization"].shift(q=-1) * profile["normalization"]
        expected = profile["covariance"].sel(offset=1) * whole
        np.testing.assert_allclose(total[:, :-1], expected[:, :-1], rtol=1e-6)


def test_sectors_that_say_nothing_or_two_things_are_refused():
    for wrong in (
        {"azimuth_range": (10, 10)},
        {"azimuth_slice": (0, 0)},
        {"azimuth_slice": (0, -5)},
        {"azimuth_range": (0, np.inf)},
        {"azimuth_range": (0, 10), "azimuth_slice": (5, 10)},
    ):
        with pytest.raises(SpecError, match="azimuth"):
            IntegrationSpec(**BINS, **wrong)
