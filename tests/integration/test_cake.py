"""Cakes against direct sums, and against the profile that they add up to."""

import numpy as np
import pytest
from frames_in_memory import SHAPE, make_frames, reference_geometry

from xrdkit import IntegrationSpec, cake, integrate
from xrdkit.errors import SpecError

CALIBRATION = reference_geometry()
IMAGE = np.random.default_rng(1).poisson(5, SHAPE)


def cake_spec(**changes):
    settings = {"unit": "q", "bins": 20, "range": (2.0, 8.0), "polarization": 0.9}
    return IntegrationSpec(**{**settings, **changes})


def test_cells_equal_a_float64_histogram():
    # The borders avoid the axes and diagonals, on which pixel centres lie to the last bit.
    spec = cake_spec(azimuth_bins=24, azimuth_range=(-177.3, 182.7))
    result = cake(make_frames(IMAGE), CALIBRATION, spec)
    q, chi = CALIBRATION.radial(SHAPE, "q").ravel(), CALIBRATION.azimuth(SHAPE).ravel()
    chi[chi < -177.3] += 360.0
    weight = (CALIBRATION.solid_angle(SHAPE) * CALIBRATION.polarization(SHAPE, 0.9)).ravel()
    grid = [np.linspace(-177.3, 182.7, 25), result["q_edges"].values]
    inside = q < 8.0
    counts = np.histogram2d(chi[inside], q[inside], grid, weights=IMAGE.ravel()[inside])[0]
    norm = np.histogram2d(chi[inside], q[inside], grid, weights=weight[inside])[0]
    np.testing.assert_array_equal(result["signal"].values[0], counts)
    np.testing.assert_allclose(result["normalization"].values[0], norm, rtol=1e-12)
    seen = norm > 0
    np.testing.assert_allclose(
        result["intensity"].values[0][seen], counts[seen] / norm[seen], rtol=1e-12
    )
    np.testing.assert_allclose(result["azimuth"].values[[0, -1]], [-169.8, 175.2])


@pytest.mark.parametrize("sector", [None, (0.0, 360.0), (170.0, 190.0), (-10.0, 10.0), (90, 200)])
def test_cells_add_up_to_the_profile(sector):
    spec = cake_spec(azimuth_bins=7, azimuth_range=sector)
    cells = cake(make_frames(IMAGE), CALIBRATION, spec)
    whole = integrate(make_frames(IMAGE), CALIBRATION, spec)
    for name in ("signal", "n_pixels"):
        np.testing.assert_array_equal(cells[name].sum("azimuth"), whole[name])
    np.testing.assert_allclose(
        cells["normalization"].sum("azimuth"), whole["normalization"], rtol=1e-12
    )


def test_each_row_is_the_profile_of_its_sector():
    spec = cake_spec(azimuth_bins=4, azimuth_range=(170.0, 210.0))
    cells = cake(make_frames(IMAGE), CALIBRATION, spec)
    np.testing.assert_allclose(cells["azimuth"], [175.0, -175.0, -165.0, -155.0])
    for row in range(4):
        sector = (170.0 + 10 * row, 180.0 + 10 * row)
        slice_ = integrate(make_frames(IMAGE), CALIBRATION, cake_spec(azimuth_range=sector))
        for name in ("intensity", "sigma", "n_pixels"):
            np.testing.assert_array_equal(cells[name].values[0, row], slice_[name].values[0])


def test_cells_without_pixels_are_nan():
    spec = cake_spec(azimuth_bins=720, bins=200, range=(0.1, 8.0))
    cells = cake(make_frames(IMAGE), CALIBRATION, spec)
    empty = cells["n_pixels"].values == 0
    assert empty.any()
    np.testing.assert_array_equal(np.isnan(cells["intensity"].values), empty)
    np.testing.assert_array_equal(np.isnan(cells["sigma"].values), empty)


def test_the_argument_is_unchanged_and_settings_are_checked():
    frames = make_frames(IMAGE, monitor=[3.0])
    before = frames.copy(deep=True)
    result = cake(frames, CALIBRATION, cake_spec())
    assert before.identical(frames)
    assert '"step":"cake"' in result.attrs["provenance"]
    assert result.attrs["schema"] == "xrdkit/cake/1"
    np.testing.assert_array_equal(result["monitor"], [3.0])
    with pytest.raises(SpecError, match="azimuth_bins"):
        cake_spec(azimuth_bins=0)
