"""Every correction: golden numbers, the argument left alone, and the same answer as the verb's
own settings."""

import numpy as np
import pytest
import xarray as xr
from frames_in_memory import SHAPE, make_frames, reference_geometry

from xrdkit import IntegrationSpec, Normalization, correct, integrate
from xrdkit.averaging import average_frames
from xrdkit.corrections import (
    CORRECTIONS,
    Background,
    Dark,
    Dose,
    Flat,
    Polarization,
    SolidAngle,
)
from xrdkit.errors import CorrectionFailed, FrameShapeMismatch, SpecError

CALIBRATION = reference_geometry()
SPEC = IntegrationSpec(unit="q", bins=30, range=(1.0, 8.0), solid_angle=False)
RNG = np.random.default_rng(1)
IMAGE = RNG.poisson(200, SHAPE)
DARK = RNG.poisson(40, SHAPE)
RESPONSE = RNG.uniform(0.8, 1.2, SHAPE)


def profile_of(image):
    return integrate(make_frames(image), CALIBRATION, SPEC)


def every_correction():
    return {
        "solid_angle": SolidAngle(calibration=CALIBRATION),
        "polarization": Polarization(calibration=CALIBRATION, factor=0.9),
        "flat": Flat(response=RESPONSE),
        "dark": Dark(dark=average_frames(DARK)),
        "dose": Dose(values=(3.0,)),
        "background": Background(profile=profile_of(DARK)),
    }


def test_the_list_here_is_the_registry():
    assert set(every_correction()) == {name for name, _ in CORRECTIONS.items()}


@pytest.mark.parametrize("name", sorted(every_correction()))
def test_the_argument_is_unchanged_and_the_step_recorded(name):
    data = profile_of(IMAGE) if name == "background" else make_frames(IMAGE)
    before = data.copy(deep=True)
    result = correct(data, [every_correction()[name]])
    assert before.identical(data)
    assert not result.identical(data)
    assert f"correct:{type(every_correction()[name]).__name__}" in result.attrs["provenance"]


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("solid_angle", {"solid_angle": True}),
        ("polarization", {"polarization": 0.9}),
        ("flat", {"flat": RESPONSE}),
        ("dark", {"dark": DARK}),
        ("dose", {"normalization": Normalization(monitor=3.0)}),
    ],
)
def test_a_step_equals_the_setting_of_the_verb(name, spec):
    frames = make_frames(IMAGE)
    stepped = integrate(correct(frames, [every_correction()[name]]), CALIBRATION, SPEC)
    settings = {"unit": "q", "bins": 30, "range": (1.0, 8.0), "solid_angle": False, **spec}
    direct = integrate(frames, CALIBRATION, IntegrationSpec(**settings))
    for variable in ("intensity", "sigma", "n_pixels"):
        np.testing.assert_allclose(stepped[variable], direct[variable], rtol=1e-12)


def test_solid_angle_and_polarization_at_five_pixels():
    """Closed forms at pixel centres: cos^3 of atan(r/L), and P from 2 theta and chi."""
    pixel, distance = 172e-6, 0.3
    omega = CALIBRATION.solid_angle(SHAPE)
    polarization = CALIBRATION.polarization(SHAPE, 0.95)
    for row, column in ((0, 0), (243, 203), (10, 400), (480, 3), (200, 390)):
        dy, dx = (row + 0.5 - 243.5) * pixel, (column + 0.5 - 203.5) * pixel
        two_theta, chi = np.arctan2(np.hypot(dy, dx), distance), np.arctan2(dy, dx)
        assert omega[row, column] == pytest.approx(np.cos(two_theta) ** 3, rel=1e-12)
        expected = 0.5 * (
            1 + np.cos(two_theta) ** 2 - 0.95 * np.cos(2 * chi) * np.sin(two_theta) ** 2
        )
        assert polarization[row, column] == pytest.approx(expected, rel=1e-12)


def test_background_subtraction_adds_variances_and_the_error_of_its_scale():
    sample, below = profile_of(IMAGE), profile_of(DARK)
    step = Background(profile=below, scale=0.5, scale_sigma=0.1)
    result = correct(sample, [step])
    np.testing.assert_allclose(
        result["intensity"], sample["intensity"] - 0.5 * below["intensity"], rtol=1e-12
    )
    expected = sample["sigma"] ** 2 + 0.25 * below["sigma"] ** 2 + (0.1 * below["intensity"]) ** 2
    np.testing.assert_allclose(result["sigma"] ** 2, expected, rtol=1e-12)


def test_unusable_corrections_are_refused():
    frames, sample = make_frames(IMAGE), profile_of(IMAGE)
    with pytest.raises(FrameShapeMismatch):
        correct(frames, [Flat(response=np.ones((3, 4)))])
    with pytest.raises(CorrectionFailed):
        Flat(response=np.zeros(SHAPE))
    with pytest.raises(CorrectionFailed):
        correct(sample, [Flat(response=RESPONSE)])
    with pytest.raises(SpecError):
        Dose(values=(0.0,))
    with pytest.raises(SpecError):
        Polarization(calibration=CALIBRATION, factor=2.0)
    other = integrate(frames, CALIBRATION, IntegrationSpec(unit="q", bins=31, range=(1.0, 8.0)))
    with pytest.raises(CorrectionFailed, match="different bins"):
        correct(sample, [Background(profile=other)])


def test_averaging_leaves_no_data_out():
    stack = np.full((2, 4, 5), 8, dtype=np.uint32)
    stack[0, 1, 1] = 2**32 - 1
    stack[:, 2, 2] = 2**32 - 1
    mean = average_frames(stack)
    assert mean.mean[1, 1] == 8
    assert mean.variance[1, 1] == 8
    assert mean.variance[0, 0] == 4
    assert np.isnan(mean.mean[2, 2])
    one = average_frames(xr.DataArray(stack[1, 0:2]))
    assert one.frames == 1
