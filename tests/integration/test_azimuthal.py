"""Integration against closed forms, direct sums and the traps that other programs fall into."""

import numpy as np
import pytest
import xarray as xr
from frames_in_memory import SHAPE, make_frames, reference_geometry

from xrdkit import IntegrationSpec, Normalization, integrate
from xrdkit.errors import (
    CorrectionFailed,
    EmptyResult,
    FrameShapeMismatch,
    SpecError,
)

CALIBRATION = reference_geometry()
PLAIN = {"solid_angle": False, "polarization": None}


def flat_spec(**changes):
    return IntegrationSpec(**{"unit": "q", "bins": 20, "range": (2.0, 10.0), **PLAIN, **changes})


def test_the_first_bin_holds_only_its_own_pixels():
    q = CALIBRATION.radial(SHAPE, "q")
    frames = make_frames(np.where(q < 2, 1000, 1).astype(np.uint32))
    result = integrate(frames, CALIBRATION, flat_spec())
    assert result["intensity"].values[0, 0] == 1.0
    assert result["n_pixels"].values[0, 0] == 4276
    reached = result["n_pixels"].values > 0
    np.testing.assert_array_equal(result["intensity"].values[reached], 1.0)


@pytest.mark.parametrize("unit", ["q", "two_theta"])
@pytest.mark.parametrize("spacing", ["linear", "log"])
def test_sums_equal_a_float64_histogram(unit, spacing):
    rng = np.random.default_rng(1)
    image = rng.poisson(50, SHAPE)
    spec = IntegrationSpec(unit=unit, bins=157, range=(1.0, 9.0), spacing=spacing, polarization=0.9)
    result = integrate(make_frames(image), CALIBRATION, spec)
    radial = CALIBRATION.radial(SHAPE, unit).ravel()
    weight = (CALIBRATION.solid_angle(SHAPE) * CALIBRATION.polarization(SHAPE, 0.9)).ravel()
    edges = result[f"{unit}_edges"].values
    inside = radial < edges[-1]  # numpy closes the last bin
    counts = np.histogram(radial[inside], edges, weights=image.ravel()[inside])[0]
    norm = np.histogram(radial[inside], edges, weights=weight[inside])[0]
    np.testing.assert_allclose(result["intensity"].values[0], counts / norm, rtol=1e-12)
    np.testing.assert_allclose(result["normalization"].values[0], norm, rtol=1e-12)
    np.testing.assert_array_equal(result["signal"].values[0], counts)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (170, 190), (-190, -170), (0, 360), (-180, 180), (-10, 10), (350, 370), (530, 550),
        (80, 100), (-100, -80), (179, 181), (0, 90), (90, 180), (180, 270), (270, 360),
        (-180, -90), (720, 730), (45, 400), (0, 720),
    ],
)  # fmt: skip
def test_sectors_keep_every_pixel_across_the_cut(low, high):
    chi = CALIBRATION.azimuth(SHAPE)
    q = CALIBRATION.radial(SHAPE, "q")
    spec = flat_spec(range=(4.0, 8.0), azimuth_range=(low, high))
    result = integrate(make_frames(np.ones(SHAPE, np.uint16)), CALIBRATION, spec)
    # independent rule: an angle is inside where some whole turn brings it into [low, high)
    inside = np.zeros(SHAPE, bool)
    for turn in range(-3, 4):
        inside |= (chi + 360 * turn >= low) & (chi + 360 * turn < high)
    expected = inside & (q >= 4) & (q < 8)
    assert result["n_pixels"].sum() == expected.sum()


def test_adjacent_sectors_add_up_to_the_whole():
    image = np.random.default_rng(3).poisson(3, SHAPE)
    whole = integrate(make_frames(image), CALIBRATION, flat_spec())
    parts = [
        integrate(make_frames(image), CALIBRATION, flat_spec(azimuth_range=(a, a + 45.0)))
        for a in np.arange(-170.0, 190.0, 45.0)
    ]
    for name in ("signal", "n_pixels"):
        np.testing.assert_array_equal(sum(p[name].values for p in parts), whole[name].values)


@pytest.mark.parametrize("level", [0.1, 1.0, 10.0, 1e3, 1e4])
def test_errors_hold_from_a_tenth_to_ten_thousand_counts(level):
    rng = np.random.default_rng(int(level * 10))
    frames = make_frames(rng.poisson(level, (40, *SHAPE)).astype(np.uint32))
    result = integrate(frames, CALIBRATION, flat_spec(bins=100))
    pull = (result["intensity"] - level) / result["sigma"]
    assert 0.95 < float(pull.std()) < 1.05
    # sigma follows the counts, so that its weights pull the mean by about half a count a bin
    assert abs(float(pull.mean())) < 0.1


def test_a_bin_without_counts_has_the_error_of_one_count():
    frames = make_frames(np.zeros(SHAPE, np.uint16))
    result = integrate(frames, CALIBRATION, flat_spec())
    np.testing.assert_array_equal(result["intensity"].values, 0.0)
    np.testing.assert_allclose(result["sigma"].values, 1 / result["n_pixels"].values)


def test_empty_bins_are_nan_and_zero_is_a_measurement():
    mask = CALIBRATION.radial(SHAPE, "q") > 6
    frames = make_frames(np.zeros(SHAPE, np.int32))
    result = integrate(frames, CALIBRATION, flat_spec(mask=mask))
    empty = result["n_pixels"].values == 0
    assert empty.any()
    assert not empty.all()
    np.testing.assert_array_equal(np.isnan(result["intensity"].values), empty)
    np.testing.assert_array_equal(np.isnan(result["sigma"].values), empty)


def test_the_same_frame_in_any_dtype_gives_the_same_profile():
    image = np.random.default_rng(5).poisson(20, SHAPE).astype(np.int64)
    image[100:110, 200:210] = 2**32 - 1
    reference = integrate(make_frames(image.astype(np.uint32)), CALIBRATION, flat_spec())
    for dtype in (np.int64, np.float32, np.float64, np.uint64):
        other = integrate(make_frames(image.astype(dtype)), CALIBRATION, flat_spec())
        xr.testing.assert_equal(reference["intensity"], other["intensity"])
    assert float(reference["intensity"].max()) < 25


def test_dark_is_subtracted_with_its_variance():
    rng = np.random.default_rng(7)
    pulls = []
    for _ in range(12):
        dark = make_frames(rng.poisson(1000, SHAPE), exposure_time=10.0)
        light = make_frames(rng.poisson(100 + 500, SHAPE), exposure_time=5.0)
        result = integrate(light, CALIBRATION, flat_spec(dark=dark, bins=100))
        pulls.append(((result["intensity"] - 100) / result["sigma"]).values)
    assert 0.95 < np.std(pulls) < 1.05
    assert abs(np.mean(pulls)) < 0.1


def test_background_of_other_dose_leaves_the_sample():
    rng = np.random.default_rng(8)
    pulls = []
    for _ in range(12):
        empty = make_frames(rng.poisson(30 * 4, SHAPE), exposure_time=4.0, transmission=1.0)
        light = make_frames(
            rng.poisson(0.5 * 2 * (7 + 30), SHAPE), exposure_time=2.0, transmission=0.5
        )
        spec = flat_spec(
            bins=100,
            background=empty,
            normalization=Normalization(time="frame", transmission="frame"),
        )
        result = integrate(light, CALIBRATION, spec)
        pulls.append(((result["intensity"] - 7) / result["sigma"]).values)
    assert 0.95 < np.std(pulls) < 1.05
    assert abs(np.mean(pulls)) < 0.1


def test_a_dark_shared_by_sample_and_background_cancels_in_the_error():
    dark = np.full(SHAPE, 1000.0)
    same = make_frames(np.full(SHAPE, 1100))
    result = integrate(same, CALIBRATION, flat_spec(dark=dark, background=same))
    n = result["n_pixels"].values
    np.testing.assert_allclose(result["sigma"].values, np.sqrt(2 * 1100 / n), rtol=1e-12)
    np.testing.assert_allclose(result["intensity"].values, 0.0, atol=1e-9)


def test_flat_field_restores_a_uniform_frame_and_drops_dead_pixels():
    flat = np.random.default_rng(9).uniform(0.5, 1.5, SHAPE)
    flat[50, 60:70] = 0.0
    result = integrate(make_frames(100.0 * flat), CALIBRATION, flat_spec(flat=flat))
    np.testing.assert_allclose(result["intensity"].values, 100.0, rtol=1e-12)
    assert int(result["n_pixels"].sum()) < int(
        integrate(make_frames(flat), CALIBRATION, flat_spec())["n_pixels"].sum()
    )


def test_solid_angle_and_polarization_are_divided_out_exactly():
    weight = CALIBRATION.solid_angle(SHAPE) * CALIBRATION.polarization(SHAPE, 0.99)
    spec = flat_spec(solid_angle=True, polarization=0.99)
    result = integrate(make_frames(123.0 * weight), CALIBRATION, spec)
    np.testing.assert_allclose(result["intensity"].values, 123.0, rtol=1e-12)
    assert result.attrs["solid_angle_corrected"] == 1
    assert result.attrs["polarization_factor"] == 0.99


def test_normalisation_divides_each_frame_by_its_own_dose():
    stack = np.stack([np.full(SHAPE, 10), np.full(SHAPE, 60)])
    frames = make_frames(stack, monitor=[1e5, 3e5], exposure_time=[1.0, 2.0])
    spec = flat_spec(normalization=Normalization(monitor="frame", time="frame", absolute_scale=1e6))
    result = integrate(frames, CALIBRATION, spec)
    np.testing.assert_allclose(result["intensity"].values, 100.0, rtol=1e-12)
    assert result["intensity"].attrs["units"] == "1/cm"
    np.testing.assert_array_equal(result["monitor"].values, [1e5, 3e5])
    relative = integrate(frames, CALIBRATION, flat_spec(normalization=Normalization(time="frame")))
    assert relative["intensity"].attrs["units"] == "1"


def test_counts_are_conserved():
    image = np.random.default_rng(11).poisson(4, SHAPE)
    image[::7, ::5] = -1
    result = integrate(make_frames(image), CALIBRATION, IntegrationSpec(unit="q", bins=333))
    total = float((result["intensity"] * result["normalization"]).sum())
    assert total == pytest.approx(image[image >= 0].sum(), rel=1e-12)


def test_mean_position_lies_in_its_bin():
    result = integrate(make_frames(np.ones(SHAPE)), CALIBRATION, flat_spec())
    edges = result["q_edges"].values
    mean = result["q_mean"].values[0]
    assert np.all((edges[:-1] <= mean) & (mean < edges[1:]))


def test_the_argument_is_unchanged_and_provenance_grows():
    frames = make_frames(np.ones(SHAPE, np.uint16), monitor=[5.0])
    before = frames.copy(deep=True)
    result = integrate(frames, CALIBRATION, flat_spec())
    assert before.identical(frames)
    assert '"step":"integrate"' in result.attrs["provenance"]
    assert CALIBRATION.digest() in result.attrs["provenance"]


def test_wrong_settings_and_inputs_are_refused():
    ones = make_frames(np.ones(SHAPE))
    for changes in (
        {"bins": 0},
        {"bins": 2.5},
        {"range": (5.0, 2.0)},
        {"range": (float("nan"), 2.0)},
        {"polarization": 5.0},
        {"unit": "furlong"},
        {"edges": [1.0, 1.0, 2.0]},
        {"splitting": "bbox"},
    ):
        with pytest.raises(SpecError):
            flat_spec(**changes)
    with pytest.raises(EmptyResult):
        integrate(ones, CALIBRATION, flat_spec(range=(100.0, 200.0)))
    with pytest.raises(EmptyResult):
        integrate(ones, CALIBRATION, flat_spec(mask=np.ones(SHAPE)))
    with pytest.raises(SpecError, match="background_normalization"):
        flat_spec(background=np.ones(SHAPE), normalization=Normalization(transmission=0.8))
    blank = make_frames(np.full((2, *SHAPE), np.nan))
    with pytest.raises(EmptyResult, match="of all 2 frames"):
        integrate(blank, CALIBRATION, flat_spec())
    with pytest.raises(FrameShapeMismatch):
        integrate(make_frames(np.ones(SHAPE).T), CALIBRATION, flat_spec())
    with pytest.raises(FrameShapeMismatch):
        integrate(ones, CALIBRATION, flat_spec(dark=np.ones((3, 3))))
    with pytest.raises(CorrectionFailed, match="monitor"):
        integrate(ones, CALIBRATION, flat_spec(normalization=Normalization(monitor="frame")))
    off = make_frames(np.ones((2, *SHAPE)), monitor=[1.0, 0.0])
    with pytest.raises(CorrectionFailed, match="frame 1"):
        integrate(off, CALIBRATION, flat_spec(normalization=Normalization(monitor="frame")))
