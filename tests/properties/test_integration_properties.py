"""What holds for any mask, range and number of bins."""

import numpy as np
from frames_in_memory import make_frames
from hypothesis import given, settings
from hypothesis import strategies as st

from xrdkit import Calibration, Detector, IntegrationSpec, integrate
from xrdkit.errors import EmptyResult

SHAPE = (23, 31)
CALIBRATION = Calibration(
    distance=0.1,
    poni1=0.004,
    poni2=0.005,
    rot1=0.1,
    rot2=-0.05,
    wavelength=1.0,
    detector=Detector(pixel_size_y=4e-4, pixel_size_x=4e-4, shape=SHAPE),
)


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    masked=st.floats(0, 1),
    low=st.floats(0.0, 8.0),
    width=st.floats(0.01, 12.0),
    bins=st.integers(1, 80),
    sector=st.none() | st.tuples(st.floats(-400, 400), st.floats(1, 500)),
)
def test_no_data_is_nan_and_counts_are_conserved(seed, masked, low, width, bins, sector):
    rng = np.random.default_rng(seed)
    image = rng.poisson(2.0, SHAPE)
    mask = rng.random(SHAPE) < masked
    azimuth_range = None if sector is None else (sector[0], sector[0] + sector[1])
    spec = IntegrationSpec(
        unit="q", bins=bins, range=(low, low + width), mask=mask, azimuth_range=azimuth_range
    )
    try:
        result = integrate(make_frames(image), CALIBRATION, spec)
    except EmptyResult:
        return
    empty = result["n_pixels"].values == 0
    for name in ("intensity", "sigma", "q_mean"):
        np.testing.assert_array_equal(np.isnan(result[name].values), empty)
    assert np.all(result["sigma"].values[~empty] > 0)
    q = CALIBRATION.radial(SHAPE, "q")
    inside = ~mask & (q >= low) & (q < low + width)
    if sector is not None and sector[1] < 360:
        turned = np.mod(CALIBRATION.azimuth(SHAPE) - azimuth_range[0], 360.0)
        inside &= turned < azimuth_range[1] - azimuth_range[0]
    assert result["n_pixels"].sum() == inside.sum()
    total = float((result["intensity"] * result["normalization"]).sum())
    np.testing.assert_allclose(total, image[inside].sum(), rtol=1e-9)


@settings(max_examples=100, deadline=None)
@given(cut=st.integers(1, SHAPE[0] - 1), seed=st.integers(0, 1000))
def test_two_halves_of_a_detector_add_up_to_the_whole(cut, seed):
    image = np.random.default_rng(seed).poisson(3.0, SHAPE)
    upper = np.zeros(SHAPE, dtype=bool)
    upper[:cut] = True
    edges = np.linspace(0.5, 12.0, 30)
    parts = []
    for mask in (None, upper, ~upper):
        spec = IntegrationSpec(unit="q", edges=edges, mask=mask)
        result = integrate(make_frames(image), CALIBRATION, spec)
        parts.append([result[n].values for n in ("signal", "normalization", "n_pixels")])
    for whole, first, second in zip(*parts, strict=True):
        np.testing.assert_allclose(whole, first + second, rtol=1e-12)
