"""The promises that every registered correction keeps, walked by one test each."""

import json
from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
import xarray as xr
from frames_in_memory import make_frames, reference_geometry

from xrdkit import IntegrationSpec, correct, integrate
from xrdkit.averaging import average_frames
from xrdkit.canonical import canonical_json
from xrdkit.corrections import (
    CORRECTIONS,
    AbsoluteIntensity,
    AirAbsorption,
    Background,
    CapillaryAbsorption,
    Correction,
    Dark,
    DeadTime,
    DetectorEfficiency,
    Dose,
    Flat,
    Parallax,
    PlateAbsorption,
    Polarization,
    SolidAngle,
    acts_on,
)
from xrdkit.errors import CorrectionFailed, FrameShapeMismatch, SpecError
from xrdkit.provenance import steps

CALIBRATION = reference_geometry()
SHAPE = CALIBRATION.detector.shape
SPEC = IntegrationSpec(unit="q", bins=30, range=(1.0, 8.0), solid_angle=False)
RNG = np.random.default_rng(1)
IMAGE = RNG.poisson(200, SHAPE)
DARK = RNG.poisson(40, SHAPE)
RESPONSE = RNG.uniform(0.8, 1.2, SHAPE)


def frames_of(image: np.ndarray) -> xr.Dataset:
    """Return frames that carry what corrections may ask for."""
    return make_frames(image, exposure_time=[2.0])


def profile_of(image: np.ndarray) -> xr.Dataset:
    return integrate(make_frames(image), CALIBRATION, SPEC)


#: name -> a usual instance
EXAMPLES: dict[str, Callable[[], Correction]] = {
    "solid_angle": lambda: SolidAngle(calibration=CALIBRATION),
    "polarization": lambda: Polarization(calibration=CALIBRATION, factor=0.9),
    "flat": lambda: Flat(response=RESPONSE, sigma=0.01 * RESPONSE),
    "dark": lambda: Dark(dark=average_frames(DARK)),
    "dead_time": lambda: DeadTime(dead_time=2e-7),
    "dose": lambda: Dose(name="monitor", values=(3.0,), sigma=(0.1,)),
    "efficiency": lambda: DetectorEfficiency(
        calibration=CALIBRATION, material="Si", thickness=450e-6
    ),
    "parallax": lambda: Parallax(calibration=CALIBRATION, material="CdTe", thickness=1e-3),
    "air_absorption": lambda: AirAbsorption(calibration=CALIBRATION, parts=(("helium", 0.2),)),
    "plate_absorption": lambda: PlateAbsorption(calibration=CALIBRATION, mu_t=0.8, tilt=20.0),
    "capillary_absorption": lambda: CapillaryAbsorption(calibration=CALIBRATION, mu_r=0.7),
    "background": lambda: Background(profile=profile_of(DARK), scale=0.9, scale_sigma=0.01),
    "absolute_intensity": lambda: AbsoluteIntensity(scale=0.02, sigma=0.001),
}


def subject(step: Correction) -> xr.Dataset:
    """Return a Dataset of the kind that `step` corrects."""
    return frames_of(IMAGE) if acts_on(type(step)) == "frames" else profile_of(IMAGE)


ALL = pytest.mark.parametrize("name", sorted(EXAMPLES))


def test_the_examples_here_are_the_registry() -> None:
    assert set(EXAMPLES) == {name for name, _ in CORRECTIONS.items()}
    for name, make in EXAMPLES.items():
        assert type(make()) is CORRECTIONS.get(name)


@ALL
def test_the_argument_is_unchanged_and_something_is_done(name: str) -> None:
    step = EXAMPLES[name]()
    data = subject(step)
    before = data.copy(deep=True)
    result = correct(data, [step])
    assert before.identical(data)
    assert set(result.variables) - set(data.variables) or not result.equals(data)
    if acts_on(type(step)) == "frames":
        xr.testing.assert_identical(result["counts"], data["counts"])


@ALL
def test_what_is_attached_is_labelled(name: str) -> None:
    step = EXAMPLES[name]()
    data = subject(step)
    result = correct(data, [step])
    for new in set(result.data_vars) - set(data.data_vars):
        assert result[new].attrs["units"], new
        assert result[new].attrs["long_name"], new
        assert result[new].dtype == np.float64, new


@ALL
def test_the_step_is_recorded_in_canonical_json(name: str) -> None:
    step = EXAMPLES[name]()
    text = canonical_json(step.record())
    assert json.loads(text)
    assert canonical_json(EXAMPLES[name]().record()) == text
    (recorded,) = steps(correct(subject(step), [step]))[-1:]
    assert recorded.step == f"correct:{type(step).__name__}"
    assert canonical_json(recorded.settings) == text
    # Every setting is there, by its own name; as it was given where it is a plain value.
    record = step.record()
    assert {f.name for f in fields(step)} <= set(record)
    for f in fields(step):
        value = getattr(step, f.name)
        if value is None or isinstance(value, str | float | tuple):
            assert record[f.name] == value, f.name


@ALL
def test_acting_twice_is_refused_or_seen(name: str) -> None:
    step = EXAMPLES[name]()
    data = subject(step)
    once = correct(data, [step])
    if acts_on(type(step)) == "frames":
        with pytest.raises(CorrectionFailed, match="twice"):
            correct(once, [step])
        with pytest.raises(CorrectionFailed, match="twice"):
            correct(data, [step, step])
        return
    if name == "absolute_intensity":
        with pytest.raises(CorrectionFailed, match="already"):
            correct(once, [step])
        return
    again = correct(once, [step])
    assert sum(s.step == f"correct:{type(step).__name__}" for s in steps(again)) == 2


@ALL
def test_another_kind_of_dataset_is_refused(name: str) -> None:
    step = EXAMPLES[name]()
    wrong = profile_of(IMAGE) if acts_on(type(step)) == "frames" else frames_of(IMAGE)
    for data in (wrong, xr.Dataset({"counts": ("x", [1.0])})):
        with pytest.raises(CorrectionFailed, match=type(step).__name__):
            correct(data, [step])


@ALL
def test_a_correction_is_frozen_and_takes_keywords_only(name: str) -> None:
    step = EXAMPLES[name]()
    first = fields(step)[0].name
    with pytest.raises(FrozenInstanceError):
        setattr(step, first, getattr(step, first))
    with pytest.raises(TypeError):
        type(step)(*(getattr(step, f.name) for f in fields(step)))


@pytest.mark.parametrize(
    "name", sorted(set(EXAMPLES) - {"dose", "dead_time", "background", "absolute_intensity"})
)
def test_maps_fit_the_frames_and_nothing_else(name: str) -> None:
    with pytest.raises(FrameShapeMismatch):
        correct(make_frames(np.ones((5, 6)), exposure_time=[1.0]), [EXAMPLES[name]()])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dose(values=(0.0,)),
        lambda: Dose(values=()),
        lambda: Dose(name="transmission", values=(1.1,)),
        lambda: Dose(name="Monitor", values=(1.0,)),
        lambda: Dose(values=(1.0, 2.0), sigma=(0.1,)),
        lambda: Dose(values=(1.0,), sigma=(-0.1,)),
        lambda: Polarization(calibration=CALIBRATION, factor=2.0),
        lambda: Flat(response=np.zeros(SHAPE)),
        lambda: Flat(response=RESPONSE, sigma=-RESPONSE),
        lambda: Flat(response=RESPONSE, sigma=RESPONSE[1:]),
        lambda: DeadTime(dead_time=0.0),
        lambda: DeadTime(dead_time=0.2),
        lambda: DeadTime(dead_time=1e-7, model="extending"),
        lambda: DetectorEfficiency(calibration=CALIBRATION, material="Si", thickness=0.45),
        lambda: DetectorEfficiency(calibration=CALIBRATION, material="Xx", thickness=450e-6),
        lambda: DetectorEfficiency(calibration=CALIBRATION, material="CsI", thickness=450e-6),
        lambda: DetectorEfficiency(
            calibration=CALIBRATION, material="Si", thickness=450e-6, density=2.3, mu=1.0
        ),
        lambda: Parallax(calibration=CALIBRATION, material="Si", thickness=450e-6, mu=-1.0),
        lambda: AirAbsorption(calibration=CALIBRATION, gas="aire"),
        lambda: AirAbsorption(calibration=CALIBRATION, parts=(("helium", -1.0),)),
        lambda: AirAbsorption(calibration=CALIBRATION, parts=(("heliun", 1.0),)),
        lambda: AirAbsorption(calibration=CALIBRATION, pressure=-1.0),
        lambda: AirAbsorption(calibration=CALIBRATION, temperature=20.0),
        lambda: PlateAbsorption(calibration=CALIBRATION, mu_t=0.0),
        lambda: PlateAbsorption(calibration=CALIBRATION, mu_t=1.0, tilt=90.0),
        lambda: PlateAbsorption(calibration=CALIBRATION, mu_t=60.0),
        lambda: PlateAbsorption(calibration=CALIBRATION, mu_t=1.0, geometry="both"),
        lambda: CapillaryAbsorption(calibration=CALIBRATION, mu_r=50.0),
        lambda: CapillaryAbsorption(calibration=CALIBRATION, mu_r=1.0, beam=1.5),
        lambda: Background(profile=profile_of(DARK), scale=-1.0),
        lambda: Background(profile=profile_of(DARK), scale_sigma=float("nan")),
    ],
)
def test_settings_out_of_range_are_refused(make: Callable[[], Correction]) -> None:
    with pytest.raises((SpecError, CorrectionFailed)):
        make()


def test_what_the_frames_lack_is_named() -> None:
    with pytest.raises(CorrectionFailed, match="exposure_time"):
        correct(make_frames(IMAGE), [DeadTime(dead_time=1e-7)])
    with pytest.raises(CorrectionFailed, match="exposure above 0"):
        correct(make_frames(IMAGE, exposure_time=[0.0]), [DeadTime(dead_time=1e-7)])
    with pytest.raises(CorrectionFailed, match="3 values for 1 frames"):
        correct(make_frames(IMAGE), [Dose(values=(1.0, 2.0, 3.0))])
    with pytest.raises(CorrectionFailed, match=r"0\.4 m long, the detector is at 0\.3 m"):
        correct(
            make_frames(IMAGE), [AirAbsorption(calibration=CALIBRATION, parts=(("helium", 0.4),))]
        )


def test_several_doses_have_names_of_their_own() -> None:
    frames = make_frames(np.stack([IMAGE, IMAGE]))
    doses = [
        Dose(name="monitor", values=(2.0, 3.0), sigma=(0.1, 0.2)),
        Dose(name="transmission", values=(0.5,), sigma=(0.01,)),
        Dose(values=(7.0,)),
    ]
    result = correct(frames, doses)
    assert result["dose_monitor"].values.tolist() == [2.0, 3.0]
    assert result["dose_monitor_sigma"].values.tolist() == [0.1, 0.2]
    assert result["dose_monitor_sigma"].attrs["source_frames"] == "independent"
    assert result["dose_transmission_sigma"].values.tolist() == [0.01, 0.01]
    assert result["dose_transmission_sigma"].attrs["source_frames"] == "common"
    assert "dose_dose_sigma" not in result


def test_averaging_leaves_no_data_out() -> None:
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
