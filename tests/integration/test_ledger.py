"""The ledger: what each correction did to each bin, and what the result is without it."""

import dataclasses

import numpy as np
import pytest
from frames_in_memory import SHAPE, make_frames, reference_geometry

from xrdkit import IntegrationSpec, Normalization, cake, correct, integrate
from xrdkit.corrections import DeadTime, DetectorEfficiency
from xrdkit.errors import CorrectionFailed, SpecError

CALIBRATION = reference_geometry()
ALL = (
    *("dead_time", "dark", "efficiency", "flat", "solid_angle", "polarization"),
    *("monitor", "time", "transmission", "thickness", "absolute_scale", "background"),
)


def everything(splitting="none"):
    rng = np.random.default_rng(0)
    q = CALIBRATION.radial(SHAPE, "q")
    frames = make_frames(
        rng.poisson(200 * np.exp(-q / 5), (2, *SHAPE)).astype(np.uint32), exposure_time=[0.1, 0.1]
    )
    prepared = correct(
        frames,
        [
            DeadTime(dead_time=1e-6),
            DetectorEfficiency(calibration=CALIBRATION, material="Si", thickness=450e-6),
        ],
    )
    spec = IntegrationSpec(
        unit="q",
        bins=60,
        range=(1.0, 10.0),
        splitting=splitting,
        polarization=0.95,
        dark=rng.poisson(1.0, SHAPE),
        flat=rng.normal(1, 0.05, SHAPE),
        background=make_frames(rng.poisson(20.0, SHAPE), exposure_time=[0.1]),
        normalization=Normalization(
            monitor=[100.0, 150.0],
            time=2.0,
            transmission=0.8,
            thickness=0.1,
            absolute_scale=0.3,
        ),
        background_normalization=Normalization(monitor=90.0, time=2.0, thickness=0.1),
    )
    return prepared, spec


@pytest.mark.parametrize("splitting", ["none", "full"])
def test_the_product_of_the_factors_is_result_over_raw(splitting):
    frames, spec = everything(splitting)
    profile = integrate(frames, CALIBRATION, spec)
    assert tuple(profile["correction"].values) == ALL
    raw = profile["counts"] / profile["n_pixels"]
    product = profile["ledger"].prod("correction", skipna=False)
    np.testing.assert_allclose(product, profile["intensity"] / raw, rtol=1e-12)


def test_the_factors_are_what_the_formulas_say():
    frames, spec = everything()
    profile = integrate(frames, CALIBRATION, spec)
    ledger = profile["ledger"]
    for k, monitor in enumerate((100.0, 150.0)):
        np.testing.assert_allclose(ledger.sel(correction="monitor")[k], 1 / monitor)
    np.testing.assert_allclose(ledger.sel(correction="transmission"), 1 / 0.8)
    np.testing.assert_allclose(ledger.sel(correction="absolute_scale"), 0.3)
    alone = integrate(
        make_frames(CALIBRATION.solid_angle(SHAPE)),
        CALIBRATION,
        IntegrationSpec(unit="q", bins=60, range=(1.0, 10.0), solid_angle=False),
    )
    np.testing.assert_allclose(
        ledger.sel(correction="solid_angle")[0], 1 / alone["intensity"][0], rtol=2e-3
    )


@pytest.mark.parametrize("name", [n for n in ALL if n != "dead_time"])
def test_a_correction_that_is_left_out_leaves_no_trace(name):
    frames, spec = everything()
    without = integrate(frames, CALIBRATION, dataclasses.replace(spec, without=(name,)))
    assert name not in without["correction"].values
    with_it = integrate(frames, CALIBRATION, spec)
    assert not np.allclose(without["intensity"], with_it["intensity"], rtol=1e-4)
    raw = without["counts"] / without["n_pixels"]
    product = without["ledger"].prod("correction", skipna=False)
    np.testing.assert_allclose(product, without["intensity"] / raw, rtol=1e-12)


def test_without_a_correction_equals_not_asking_for_it():
    frames, spec = everything()
    without = integrate(
        frames, CALIBRATION, dataclasses.replace(spec, without=("polarization", "flat"))
    )
    never = integrate(frames, CALIBRATION, dataclasses.replace(spec, polarization=None, flat=None))
    for name in ("intensity", "sigma", "ledger"):
        np.testing.assert_array_equal(without[name], never[name])
    assert "polarization_factor" not in without.attrs


def test_a_cake_has_a_ledger_of_every_cell():
    frames, spec = everything()
    grid = cake(frames, CALIBRATION, dataclasses.replace(spec, azimuth_bins=8))
    assert grid["ledger"].dims == ("frame", "correction", "azimuth", "q")
    raw = grid["counts"] / grid["n_pixels"]
    product = grid["ledger"].prod("correction", skipna=False)
    np.testing.assert_allclose(product, grid["intensity"] / raw, rtol=1e-12)


def test_what_does_not_act_cannot_be_left_out_and_nothing_acts_twice():
    frames, spec = everything()
    with pytest.raises(SpecError, match="parallax"):
        integrate(frames, CALIBRATION, dataclasses.replace(spec, without=("parallax",)))
    twice = frames.assign(factor_solid_angle=(("y", "x"), CALIBRATION.solid_angle(SHAPE)))
    with pytest.raises(CorrectionFailed, match="solid_angle"):
        integrate(twice, CALIBRATION, spec)
