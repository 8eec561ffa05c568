"""What is kept between calls belongs to its own input, whatever else is integrated or changed."""

import dataclasses
import threading

import numpy as np
import pytest
from frames_in_memory import make_frames

import xrdkit as xk
from xrdkit import Calibration, Detector, IntegrationSpec, Normalization, cake, integrate
from xrdkit.averaging import AveragedFrame
from xrdkit.corrections import Dark
from xrdkit.integration import assignment, reduction

SHAPE = (20, 30)
CALIBRATION = Calibration(
    distance=0.1,
    poni1=0.004,
    poni2=0.005,
    rot1=0.1,
    wavelength=1.0,
    detector=Detector(pixel_size_y=4e-4, pixel_size_x=4e-4),
)
IMAGE = np.random.default_rng(1).poisson(50, SHAPE)


def forget():
    reduction._PLANS.clear()
    assignment._ASSIGNMENTS.clear()


def values(profile):
    return profile.drop_attrs()


def test_frames_of_another_shape_have_plans_of_their_own():
    spec = IntegrationSpec(edges=np.linspace(0.5, 12, 20), polarization=0.9)
    turned = make_frames(IMAGE.reshape(SHAPE[::-1]))
    forget()
    alone = integrate(turned, CALIBRATION, spec)
    forget()
    integrate(make_frames(IMAGE), CALIBRATION, spec)
    assert values(integrate(turned, CALIBRATION, spec)).identical(values(alone))


def test_edges_may_change_after_they_were_used():
    forget()
    edges = np.linspace(0.5, 12, 20)
    first = integrate(make_frames(IMAGE), CALIBRATION, IntegrationSpec(edges=edges))
    before = first.copy(deep=True)
    edges *= 10
    assert first.identical(before)
    again = integrate(
        make_frames(IMAGE), CALIBRATION, IntegrationSpec(edges=np.linspace(0.5, 12, 20))
    )
    assert values(again).identical(values(before))


def test_results_may_be_changed():
    spec = IntegrationSpec(bins=20, range=(0.5, 12))
    first = integrate(make_frames(IMAGE), CALIBRATION, spec)
    before = first.copy(deep=True)
    for name in first.variables:
        if first[name].dtype.kind == "f" and name not in first.indexes:
            first[name].values[...] = -7.0
    assert integrate(make_frames(IMAGE), CALIBRATION, spec).identical(before)


def test_darks_may_change_after_they_were_used():
    forget()
    mean = np.full(SHAPE, 3.0)
    dark = AveragedFrame(mean=mean, variance=mean / 2, exposure_time=None, frames=2)
    spec = IntegrationSpec(bins=20, range=(0.5, 12))
    gappy = IMAGE.astype(float)
    gappy[4] = np.nan

    def reduced(array):
        steps = [Dark(dark=dataclasses.replace(dark, mean=array))]
        return values(integrate(xk.correct(make_frames(gappy), steps), CALIBRATION, spec))

    first = reduced(mean)
    mean[:] = 20.0
    assert reduced(np.full(SHAPE, 3.0)).identical(first)


@pytest.mark.parametrize("splitting", ["none", "full"])
def test_each_setting_has_its_own_plan(splitting):
    """Every variant gives the same with a full memory as with an empty one."""
    rng = np.random.default_rng(5)
    base = IntegrationSpec(
        bins=20, range=(0.5, 12), splitting=splitting, mask=rng.random(SHAPE) < 0.1
    )
    flipped = dataclasses.replace(CALIBRATION.detector, orientation=1)
    hole = IMAGE.astype(float)
    hole[10:14] = np.nan
    changes = [
        {},
        {"unit": "two_theta"},
        {"azimuth_range": (0, 90)},
        {"azimuth_slice": (45, 80)},
        {"range": (0.5, 11.9)},
        {"polarization": 0.9},
        {"polarization": -0.9},
        {"polarization": 0.9, "without": ("polarization",)},
        {"solid_angle": False},
        {"flat": np.full(SHAPE, 2.0)},
        {"dark": np.full(SHAPE, 2.0)},
        {"dark": np.full((2, *SHAPE), 2.0)},
        {"background": np.full(SHAPE, 2.0)},
        {"background": hole},
        {"mask": None},
    ]
    jobs = [
        (calibration, dataclasses.replace(base, **change))
        for change in changes
        for calibration in (CALIBRATION, dataclasses.replace(CALIBRATION, detector=flipped))
    ]
    alone = []
    for calibration, spec in jobs:
        forget()
        alone.append(values(integrate(make_frames(IMAGE), calibration, spec)))
    for _ in range(2):
        for (calibration, spec), wanted in zip(jobs, alone, strict=True):
            found = values(integrate(make_frames(IMAGE), calibration, spec))
            assert found.identical(wanted), spec
    distinct = {a["intensity"].values.tobytes() + a["sigma"].values.tobytes() for a in alone}
    # Left out is as not asked for; a slice of (45, 80) is not (0, 90).
    assert len(distinct) == len(jobs) - 2


@pytest.mark.parametrize("splitting", ["none", "full"])
def test_threads_give_the_same_bits(splitting):
    frames = make_frames(np.stack([IMAGE, IMAGE.T.reshape(SHAPE)]))
    specs = [
        IntegrationSpec(bins=30 + k, range=(0.5, 12), splitting=splitting, polarization=0.9)
        for k in range(4)
    ]
    wanted = [values(integrate(frames, CALIBRATION, spec)) for spec in specs]
    forget()
    found = {}

    def work(number):
        found[number] = [
            values(integrate(frames, CALIBRATION, specs[(number + k) % 4])) for k in range(4)
        ]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 1, 2, 3]
    for number, results in found.items():
        for k, result in enumerate(results):
            assert result.identical(wanted[(number + k) % 4])


@pytest.mark.parametrize("splitting", ["none", "full"])
@pytest.mark.parametrize("single", [200, 5000])
def test_a_frame_has_the_same_bits_in_any_series(splitting, single):
    """Whatever its neighbours lack: gaps of more than 4096 pixels, and single pixels of its own."""
    rng = np.random.default_rng(3)
    shape = (300, 300)
    counts = rng.poisson(5, (4, *shape)).astype(float)
    counts[:, 100:130] = np.nan
    counts[2, :, 40:60] = np.nan
    for k in range(4):
        at = rng.integers(0, 300, (2, single * (k + 1)))
        counts[k][at[0], at[1]] = np.nan
    calibration = dataclasses.replace(
        CALIBRATION, poni1=0.012, detector=Detector(pixel_size_y=1e-4, pixel_size_x=1e-4)
    )
    spec = IntegrationSpec(
        bins=150,
        range=(0.5, 20),
        splitting=splitting,
        polarization=0.9,
        flat=rng.normal(1, 0.1, shape),
        dark=rng.poisson(1, shape),
    )
    frames = make_frames(counts)
    whole = integrate(frames, calibration, spec)
    for k in (1, 2, 3):
        for order in ([k], [0, k], [k, 3, 0]):
            part = integrate(frames.isel(frame=order), calibration, spec)
            at = order.index(k)
            assert values(part.isel(frame=at)).identical(values(whole.isel(frame=k)))


def test_arguments_are_not_changed():
    rng = np.random.default_rng(9)
    frames = make_frames(np.stack([IMAGE] * 2), exposure_time=[1.0, 2.0], monitor=[1.0, 3.0])
    dark = make_frames(IMAGE // 10, exposure_time=[1.0])
    background = make_frames(IMAGE // 2, exposure_time=[1.0], monitor=[2.0])
    mask, flat = rng.random(SHAPE) < 0.1, rng.random(SHAPE) + 0.5
    arguments = (frames, dark, background)
    before = [data.copy(deep=True) for data in arguments]
    arrays = mask.copy(), flat.copy()
    spec = IntegrationSpec(
        bins=20,
        dark=dark,
        background=background,
        mask=mask,
        flat=flat,
        splitting="full",
        polarization=0.5,
        normalization=Normalization(monitor="frame", time="frame"),
    )
    integrate(frames, CALIBRATION, spec)
    cake(frames, CALIBRATION, spec)
    for data, copy in zip(arguments, before, strict=True):
        assert data.identical(copy)
    np.testing.assert_array_equal(mask, arrays[0])
    np.testing.assert_array_equal(flat, arrays[1])
