"""Absurd or wrong input to the integration gives one clear error, and never a plausible number."""

import dataclasses

import numpy as np
import pytest
import xarray as xr
from frames_in_memory import make_frames

import xrdkit as xk
from xrdkit import Calibration, Detector, IntegrationSpec, Normalization, cake, integrate
from xrdkit.averaging import average_frames
from xrdkit.corrections import Background, Dark, DeadTime, Dose, Flat, Polarization, SolidAngle
from xrdkit.errors import (
    CorrectionFailed,
    EmptyResult,
    FrameShapeMismatch,
    LimitExceeded,
    SchemaError,
    SpecError,
    XrdkitError,
)

SHAPE = (20, 30)
CALIBRATION = Calibration(
    distance=0.1,
    poni1=0.004,
    poni2=0.005,
    wavelength=1.0,
    detector=Detector(pixel_size_y=4e-4, pixel_size_x=4e-4, shape=SHAPE),
)
COUNTS = np.random.default_rng(1).poisson(50, (3, *SHAPE))
ONES = np.ones(SHAPE)


def run(frames=None, **settings):
    frames = make_frames(COUNTS) if frames is None else frames
    return integrate(
        frames, CALIBRATION, IntegrationSpec(**({"bins": 20, "range": (0.5, 12.0)} | settings))
    )


@pytest.mark.parametrize("name", ["mask", "flat", "dark", "background"])
@pytest.mark.parametrize(
    "value",
    [
        np.zeros((5, 5)),
        ONES.T,
        np.ones((0, *SHAPE)),
        "mask.edf",
        7,
        np.full(SHAPE, 1j),
        np.full(SHAPE, "a"),
        np.ones(SHAPE, dtype="M8[s]"),
        np.full(SHAPE, np.nan),
        xr.Dataset(),
    ],
    ids=["small", "turned", "none", "path", "number", "complex", "text", "dates", "nan", "empty"],
)
def test_maps_of_another_kind_are_refused(name, value):
    with pytest.raises(XrdkitError):
        run(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("range", v) for v in (5, ("a", "b"), (5, 1), (1, 1), (1, 2, 3), (0.5, 1e300))),
        *(("edges", v) for v in (5, [1], ["a", "b"], [3, 2, 1], [1, 1, 2], [1, np.nan], [1, 2j])),
        ("edges", np.linspace(0, 10, 1_000_002)),
        *(("azimuth_range", v) for v in (5, ("a", "b"), (0, 0), (np.inf, 1), (1e17, 2e17))),
        *(("azimuth_slice", v) for v in (5, (0,), (0, 0), (0, -10), (np.nan, 1))),
        *((n, v) for n in ("gain", "background_scale") for v in (0, -1, "1", None, np.nan, 1e300)),
        *(("readout_noise", v) for v in (-1, "a", None, np.inf, 1e300)),
        *(("background_scale_sigma", v) for v in (-1, "a", np.nan)),
        *(("polarization", v) for v in (2, "x", np.nan)),
        *(("without", v) for v in ("polarization", None, (1,))),
        *(("solid_angle", v) for v in ("yes", None)),
        *((n, v) for n in ("normalization", "background_normalization") for v in (5, {})),
        *(("outliers", v) for v in ("zingers", True)),
    ],
)
def test_settings_of_another_kind_are_refused(name, value):
    with pytest.raises(SpecError, match=name):
        IntegrationSpec(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("monitor", v) for v in (0, -1, np.nan, "x", ["a"], [[1, 2]], [], 1j, {})),
        ("transmission", 1.1),
        *(("absolute_scale", v) for v in ("a", 0, [1, 2], np.inf)),
    ],
)
def test_doses_of_another_kind_are_refused(name, value):
    with pytest.raises(SpecError, match=name):
        Normalization(**{name: value})


def test_coordinates_that_are_no_numbers_are_refused():
    times = np.array([1, 2, 3], dtype="m8[s]").astype("m8[ns]")
    with pytest.raises(CorrectionFailed, match="time is of timedelta64"):
        run(make_frames(COUNTS, exposure_time=times), normalization=Normalization(time="frame"))
    with pytest.raises(CorrectionFailed, match="monitor"):
        run(make_frames(COUNTS, monitor=["a"] * 3), normalization=Normalization(monitor="frame"))


def test_cakes_beyond_memory_are_refused():
    spec = IntegrationSpec(bins=100_000, azimuth_bins=100_000)
    with pytest.raises(LimitExceeded, match="100000 x 100000"):
        cake(make_frames(COUNTS), CALIBRATION, spec)


@pytest.mark.parametrize(
    "frames",
    [
        make_frames(COUNTS).isel(frame=0),
        make_frames(COUNTS).transpose("frame", "x", "y"),
        make_frames(COUNTS).drop_attrs(),
        make_frames(COUNTS)["counts"],
        COUNTS,
        None,
    ],
    ids=["single", "turned", "bare", "DataArray", "array", "nothing"],
)
def test_what_is_no_series_of_frames_is_refused(frames):
    with pytest.raises(SchemaError):
        integrate(frames, CALIBRATION, IntegrationSpec())


def test_parts_of_frames_are_not_taken_for_whole_ones():
    with pytest.raises(FrameShapeMismatch):
        run(make_frames(COUNTS).isel(y=slice(0, 10)))
    with pytest.raises(EmptyResult):
        run(make_frames(COUNTS).isel(frame=[]))


@pytest.mark.parametrize("verb", [integrate, cake])
@pytest.mark.parametrize("splitting", ["none", "full"])
def test_a_blank_frame_is_nan_and_says_so_without_losing_the_others(verb, splitting):
    blank = np.where(np.arange(3)[:, None, None] == 1, np.nan, COUNTS)
    frames, spec = make_frames(blank), IntegrationSpec(bins=20, splitting=splitting)
    found, others = (verb(f, CALIBRATION, spec) for f in (frames, frames.isel(frame=[0, 2])))
    assert found["verdict"].values.tolist() == ["ok", "unidentifiable", "ok"]
    reasons = found["verdict_reason"].values.tolist()
    assert reasons == ["", "no valid pixel is left in any bin: the frame is blank or masked", ""]
    one = found.isel(frame=1)
    assert not one["n_pixels"].values.any()
    assert np.isnan(one["intensity"].values).all()
    assert np.isnan(one["sigma"].values).all()
    assert "verdict" not in others
    for name, variable in others.data_vars.items():
        if "frame" in variable.dims:
            kept = found[name].isel(frame=[0, 2])
            np.testing.assert_array_equal(kept, variable, err_msg=str(name))


def test_frames_that_are_all_blank_are_refused():
    with pytest.raises(EmptyResult, match="no valid pixel is left in any bin") as caught:
        run(make_frames(np.full((1, *SHAPE), np.nan)))
    assert caught.value.frame == 0


@pytest.mark.parametrize(
    "extra",
    [
        {"dark": (("y", "x"), ONES)},
        {"factor_x_sigma": (("y", "x"), ONES)},
        {"factor_x": (("y", "x"), np.full(SHAPE, "a"))},
        {"factor_x": (("y",), np.ones(SHAPE[0]))},
        {"dose_x": (("frame",), ["a"] * 3)},
        {"dose_x": (("frame",), [1.0, 0.0, 1.0])},
    ],
    ids=["dark alone", "error alone", "text", "line", "dose of text", "dose 0"],
)
def test_attached_variables_that_cannot_be_are_refused(extra):
    with pytest.raises(XrdkitError):
        run(make_frames(COUNTS).assign(extra))


DARK = Dark(dark=average_frames(COUNTS))


@pytest.mark.parametrize(
    ("steps", "settings"),
    [
        ([DARK], {"dark": COUNTS}),
        ([DARK, DARK], {}),
        ([Flat(response=ONES)], {"flat": ONES}),
        ([SolidAngle(calibration=CALIBRATION)], {}),
        ([Polarization(calibration=CALIBRATION, factor=0.5)], {"polarization": 0.5}),
        ([Dose(name="time", values=(2.0,))], {"normalization": Normalization(time=1.0)}),
        ([DeadTime(dead_time=1e-7)] * 2, {}),
    ],
)
def test_no_correction_acts_twice(steps, settings):
    with pytest.raises(CorrectionFailed, match="already"):
        run(xk.correct(make_frames(COUNTS, exposure_time=[1.0] * 3), steps), **settings)


@pytest.mark.parametrize("name", ["flat", "dark", "counting", "background_scale", "geometry_1"])
def test_doses_cannot_take_the_name_of_something_else(name):
    with pytest.raises(SpecError, match=name):
        Dose(name=name, values=(2.0,))


def test_two_corrections_of_one_name_are_refused():
    frames = make_frames(COUNTS).assign(
        factor_mine=(("y", "x"), ONES), dose_mine=("frame", np.ones(3))
    )
    with pytest.raises(CorrectionFailed, match="two corrections are called 'mine'"):
        run(frames)


@pytest.mark.parametrize("step", [DARK, Flat(response=2 * ONES), DeadTime(dead_time=1e-7)])
def test_corrections_of_the_background_alone_are_not_lost(step):
    frames = make_frames(COUNTS, exposure_time=[1.0] * 3)
    corrected = xk.correct(frames.isel(frame=[0]), [step])
    with pytest.raises(CorrectionFailed, match="the background frames carry"):
        run(frames, background=corrected)
    both = run(xk.correct(frames, [step]), background=corrected)
    sample_alone = run(xk.correct(frames, [step]), background=frames.isel(frame=[0]))
    np.testing.assert_array_equal(both["intensity"], sample_alone["intensity"])


def test_dead_time_acts_on_the_background_or_on_neither():
    frames = make_frames(COUNTS, exposure_time=[1e-3] * 3)
    below = make_frames(COUNTS[:1] // 2, exposure_time=[1e-3])
    step = DeadTime(dead_time=5e-6)
    counted = 50 / (1 - 50 * 5e-3) - 25 / (1 - 25 * 5e-3)
    net = run(xk.correct(frames, [step]), background=below)["intensity"]
    assert float(net.mean()) == pytest.approx(counted, rel=0.02)
    left_out = run(
        xk.correct(frames, [step]), background=xk.correct(below, [step]), without=("dead_time",)
    )
    np.testing.assert_array_equal(left_out["intensity"], run(frames, background=below)["intensity"])
    with pytest.raises(CorrectionFailed, match="background"):
        run(xk.correct(frames, [step]), background=COUNTS[0])


def test_dead_time_takes_one_exposure_for_all_frames():
    one = xk.correct(
        make_frames(COUNTS).assign_coords(exposure_time=1e-3), [DeadTime(dead_time=1e-6)]
    )
    each = xk.correct(make_frames(COUNTS, exposure_time=[1e-3] * 3), [DeadTime(dead_time=1e-6)])
    np.testing.assert_array_equal(run(one)["intensity"], run(each)["intensity"])


def test_darks_of_unequal_exposure_are_scaled_by_their_total():
    dark = make_frames(np.stack([2 * ONES, 20 * ONES]), exposure_time=[1.0, 10.0])
    dark["counts"][0, 5] = np.nan  # two counts per second in these pixels, too
    frames = make_frames(np.full((1, *SHAPE), 12), exposure_time=[3.0])
    signal = run(frames, dark=dark, solid_angle=False)["intensity"].values
    np.testing.assert_allclose(signal[np.isfinite(signal)], 6.0, rtol=1e-12)


def test_darks_as_array_keep_the_no_data_values_of_their_file():
    counts = np.full((2, *SHAPE), 5, dtype="u4")
    counts[:, 7] = 4_000_000
    dark = make_frames(counts)
    dark["counts"].attrs["sentinels"] = np.array([4_000_000])
    for name in ("dark", "background"):
        whole, bare = (run(**{name: d})["intensity"] for d in (dark, dark["counts"]))
        np.testing.assert_array_equal(whole, bare)


def test_one_number_in_a_list_is_one_measurement():
    stated = Normalization(monitor=(5.0,), monitor_sigma=(0.1,))
    profile = run(normalization=stated)
    assert profile["source_frames"].sel(source="monitor") == "common"


@pytest.mark.parametrize("splitting", ["none", "full"])
@pytest.mark.parametrize("low", [0.0, -1.0])
def test_spacings_from_zero(splitting, low):
    plain = run(unit="d", edges=[0.2, 0.6, 1.0, 2.0, 5.0], splitting=splitting)
    wide = run(unit="d", edges=[low, 0.2, 0.6, 1.0, 2.0, 5.0], splitting=splitting)
    np.testing.assert_array_equal(wide["intensity"][:, 1:], plain["intensity"])


@pytest.mark.parametrize("splitting", ["none", "full"])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_storage_of_the_counts_makes_no_difference(kind, order, splitting):
    counts = COUNTS * 601  # not exact in halves of a float32
    plain = run(make_frames(counts.astype("f8")), splitting=splitting)
    stored = run(make_frames(np.asfortranarray(counts.astype(order + kind))), splitting=splitting)
    assert stored.drop_attrs().identical(plain.drop_attrs())


@pytest.mark.parametrize(
    ("data", "steps"),
    [
        (None, [Dose(values=(1.0,))]),
        (COUNTS, [Dose(values=(1.0,))]),
        (make_frames(COUNTS), Dose(values=(1.0,))),
        (make_frames(COUNTS), [Dose]),
        (make_frames(COUNTS), ["dose"]),
        (make_frames(COUNTS), None),
    ],
    ids=["nothing", "array", "step alone", "class", "name", "no steps"],
)
def test_only_lists_of_corrections_correct_only_datasets(data, steps):
    with pytest.raises(XrdkitError):
        xk.correct(data, steps)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dose(values=("a",)),
        lambda: Dose(values=2.0),
        lambda: Dose(values=(2.0,), sigma=0.1),
        lambda: Flat(response="flat.edf"),
        lambda: Dark(dark=ONES),
    ],
    ids=["dose of text", "bare dose", "bare error", "flat by path", "dark as array"],
)
def test_corrections_of_another_kind_are_refused(make):
    with pytest.raises(XrdkitError):
        make()


def test_backgrounds_with_other_corrections_are_refused():
    profile = run(polarization=0.9)
    for settings in ({}, {"polarization": 0.5}, {"polarization": 0.9, "solid_angle": False}):
        with pytest.raises(CorrectionFailed, match="same corrections"):
            xk.correct(profile, [Background(profile=run(**settings))])
    with pytest.raises(SpecError, match="scale"):
        Background(profile=profile, scale="a")


def test_errors_of_what_is_no_profile_are_refused():
    with pytest.raises(SchemaError, match="no profile"):
        xk.error_model(None)
    with pytest.raises(SchemaError, match="no frame 3"):
        xk.error_model(run(), frame=3)


def test_calibration_of_another_detector_is_refused():
    other = dataclasses.replace(CALIBRATION.detector, shape=SHAPE[::-1])
    with pytest.raises(FrameShapeMismatch, match="transposed"):
        integrate(
            make_frames(COUNTS),
            dataclasses.replace(CALIBRATION, detector=other),
            IntegrationSpec(),
        )
