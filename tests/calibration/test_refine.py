"""Refinement against known truth: accuracy, predicted errors, gaps, and refusals."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from calibrant_frames import behenate, beside, errors
from frames_in_memory import make_frames

import xrdkit as xk
from xrdkit.calibration import CalibrationVerdict
from xrdkit.calibration.angle import PARAMETERS, on_detector, two_theta_and_slopes, values_of
from xrdkit.calibration.rings import calibrant_rings
from xrdkit.errors import (
    CalibrationRejected,
    EmptyResult,
    FrameShapeMismatch,
    SchemaError,
    SpecError,
)
from xrdkit.simulate import expose_calibrant, virtual_laboratory, virtual_waxs

PLACES = ["centred", "corner", "tilted", "outside"]


@pytest.fixture(scope="module")
def corner():
    instrument = virtual_laboratory("corner")
    return make_frames(behenate(instrument)), instrument.calibration


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
def test_angles_at_points_are_those_of_the_pixel_maps(orientation):
    detector = xk.Detector(pixel_size_y=1e-4, pixel_size_x=2e-4, orientation=orientation)
    calibration = xk.Calibration(
        distance=0.3, poni1=0.01, poni2=0.05, rot1=0.1, rot2=-0.2, rot3=0.3,
        wavelength=1.0, detector=detector,
    )  # fmt: skip
    shape = (23, 31)
    y, x = np.meshgrid(np.arange(23) + 0.5, np.arange(31) + 0.5, indexing="ij")
    at = on_detector(y.ravel(), x.ravel(), shape, detector)
    values = values_of(calibration)
    angle, slopes = two_theta_and_slopes(*at, values)
    np.testing.assert_allclose(angle, calibration.two_theta(shape).ravel(), rtol=0, atol=1e-14)
    for k in range(len(PARAMETERS)):
        up, down = list(values), list(values)
        up[k] += 1e-6
        down[k] -= 1e-6
        rise = two_theta_and_slopes(*at, tuple(up))[0] - two_theta_and_slopes(*at, tuple(down))[0]
        np.testing.assert_allclose(slopes[:, k], rise / 2e-6, rtol=0, atol=1e-8)


@pytest.mark.parametrize("place", PLACES)
def test_geometry_is_found_from_a_start_beside_it(place):
    """Cases A to D, within the limits asked for: distance 0.01 %, centre 0.05 px, no wrong tilt."""
    instrument = virtual_laboratory(place)
    truth = instrument.calibration
    result = xk.calibrate(make_frames(behenate(instrument)), calibrant="AgBh", start=beside(truth))
    distance, x, y = errors(result.calibration, truth)
    assert abs(distance) < 1e-4
    assert abs(x) < 0.05
    assert abs(y) < 0.05
    assert result.verdict is CalibrationVerdict.ACCEPTED
    assert result.reasons == ()
    assert result.calibration.tilt == pytest.approx(truth.tilt, abs=0.05)
    shape = instrument.shape
    found, true = (c.radial(shape, "q") for c in (result.calibration, truth))
    assert np.sqrt(np.mean((found - true) ** 2)) < 1e-4 * true.max()


def test_a_frame_a_hundred_times_weaker_still_gives_the_geometry():
    """Case E: 20 counts at most."""
    instrument = virtual_laboratory("centred")
    truth = instrument.calibration
    frames = make_frames(behenate(instrument, counts=20.0, seed=5))
    result = xk.calibrate(frames, calibrant="AgBh", start=beside(truth))
    distance, x, y = errors(result.calibration, truth)
    assert abs(distance) < 1.5e-4
    assert np.hypot(x, y) < 0.06
    assert abs(distance) < 4 * result.sigma["direct_distance"] / truth.direct_distance


def test_predicted_errors_are_the_scatter_of_repeats():
    """20 repeats know a spread to 16 %: each ratio within 0.55 to 1.6, together 0.7 to 1.45."""
    instrument = virtual_laboratory("corner")
    truth = instrument.calibration
    found, sigma = [], []
    for seed in range(20):
        frames = make_frames(behenate(instrument, seed=100 + seed))
        result = xk.calibrate(frames, calibrant="AgBh", start=beside(truth))
        found.append(errors(result.calibration, truth))
        s = result.sigma
        distance = s["direct_distance"] / truth.direct_distance
        sigma.append([distance, s["beam_center_x"], s["beam_center_y"]])
    ratio = np.std(found, axis=0, ddof=1) / np.mean(sigma, axis=0)
    assert np.all(ratio > 0.55)
    assert np.all(ratio < 1.6)
    assert 0.7 < np.sqrt(np.mean(ratio**2)) < 1.45


def test_tilted_wide_angle_frame_with_gaps_and_bad_pixels():
    """LaB6 to 53° on a detector tilted by 1.2°, from an untilted start."""
    instrument = virtual_waxs(coarse=2)
    truth = instrument.calibration
    frames = make_frames(expose_calibrant(instrument, "LaB6", counts=3000.0, fwhm=0.25, decay=30.0))
    result = xk.calibrate(frames, calibrant="LaB6", start=beside(truth, pixels=(3.0, -2.0)))
    distance, x, y = errors(result.calibration, truth)
    assert abs(distance) < 5e-5
    assert np.hypot(x, y) < 0.02
    assert result.tilt_refined
    assert result.calibration.tilt == pytest.approx(truth.tilt, abs=5e-3)
    assert len(result.rings) > 15
    assert result.rms_px < 0.05


def test_orientation_gives_the_same_place_for_a_flipped_frame():
    instrument = virtual_laboratory("tilted")
    truth = instrument.calibration
    upside_down = make_frames(np.ascontiguousarray(behenate(instrument)[::-1]))
    start = beside(truth)
    flipped = replace(start, detector=replace(start.detector, orientation=2))
    result = xk.calibrate(upside_down, calibrant="AgBh", start=flipped)
    assert np.all(np.abs(errors(result.calibration, truth)) < (1e-4, 0.05, 0.05))
    x, y = result.beam_center_px
    rows = instrument.shape[0]
    assert (x, rows - y) == pytest.approx(truth.beam_center, abs=0.05)


def test_result_holds_what_it_promises(corner):
    frames, truth = corner
    before = frames.copy(deep=True)
    result = xk.calibrate(frames, calibrant="agbh", start=beside(truth))
    xr.testing.assert_identical(frames, before)
    assert result.calibrant == "AgBh"
    assert result.covariance.shape == (5, 5)
    np.testing.assert_allclose(result.covariance, result.covariance.T)
    for k, name in enumerate(PARAMETERS):
        assert result.sigma[name] == pytest.approx(np.sqrt(result.covariance[k, k]))
    assert result.calibration.detector.shape == (619, 487)
    used = result.points["used"].values
    assert sum(ring.points for ring in result.rings) == used.sum()
    rms = np.sqrt(np.mean(result.points["residual"].values[used] ** 2))
    assert result.rms_px == pytest.approx(rms)
    for variable in result.points.data_vars.values():
        assert {"units", "long_name"} <= set(variable.attrs)
    spacing = [ring.d_spacing for ring in result.rings]
    assert spacing == sorted(spacing, reverse=True)
    assert result.rings[0].d_spacing == pytest.approx(58.38)
    fields = result.to_dict()
    assert fields["verdict"] == "accepted"
    assert fields["distance_m"] == pytest.approx(1.0, abs=1e-4)
    assert fields["beam_center_px"] == pytest.approx([60.0, 60.0], abs=0.05)
    assert fields["tilt_deg"] < 0.05
    assert {"rms_px", "reasons", "poni"} <= set(fields)


def test_same_input_same_bytes(corner):
    frames, truth = corner
    first, second = (xk.calibrate(frames, calibrant="AgBh", start=beside(truth)) for _ in range(2))
    assert first.calibration.digest() == second.calibration.digest()
    assert first.to_dict() == second.to_dict()


def test_frames_are_averaged_and_masked_pixels_ignored(corner):
    frames, truth = corner
    raw = frames["counts"].values[0]
    spoiled = raw.copy()
    spoiled[200:260, 150:260] = 50_000
    mask = xr.DataArray(np.zeros(raw.shape, dtype=np.uint16), dims=("y", "x"))
    mask[200:260, 150:260] = 256
    start = beside(truth)
    plain = xk.calibrate(make_frames(raw), calibrant="AgBh", start=start, mask=mask)
    masked = xk.calibrate(make_frames(spoiled), calibrant="AgBh", start=start, mask=mask)
    assert masked.calibration == plain.calibration
    twice = xk.calibrate(
        make_frames(np.stack([raw, spoiled])), calibrant="AgBh", start=start, frame=0
    )
    assert twice.calibration == xk.calibrate(frames, calibrant="AgBh", start=start).calibration
    mean = xk.calibrate(make_frames(np.stack([raw, raw])), calibrant="AgBh", start=start)
    assert mean.calibration == twice.calibration


@pytest.mark.parametrize("calibrant", ["LaB6", "CeO2", "Si", "NaCl", "alpha_Al2O3"])
def test_another_calibrant_is_not_accepted(calibrant):
    """A ceria frame taken for silicon fits well 0.4 % off: the missing rings give it away."""
    instrument = virtual_waxs(coarse=2)
    frames = make_frames(
        expose_calibrant(
            instrument, "CeO2" if calibrant != "CeO2" else "LaB6", counts=3000.0, fwhm=0.25
        )
    )
    start = beside(instrument.calibration, stretch=1.0, pixels=(1.0, 1.0))
    try:
        result = xk.calibrate(frames, calibrant=calibrant, start=start)
    except CalibrationRejected as refusal:
        reasons = [str(refusal)]
    else:
        assert result.verdict is CalibrationVerdict.DOUBTFUL
        reasons = list(result.reasons)
    assert reasons


@pytest.mark.parametrize("level", [0.05, 3.0, 400.0])
def test_frames_without_rings_are_rejected(level, corner):
    random = np.random.default_rng(3)
    flat = make_frames(random.poisson(level, size=(619, 487)).astype(np.int32))
    with pytest.raises(CalibrationRejected):
        xk.calibrate(flat, calibrant="AgBh", start=beside(corner[1]))


def test_settings_that_contradict_the_frame_are_refused(corner):
    frames, truth = corner
    start = beside(truth)
    cases = [
        (SpecError, "unobtainium", {"calibrant": "unobtainium"}),
        (SpecError, "known", {"calibrant": "/etc/passwd"}),
        (SpecError, "pixel_size_y", {"detector": "Eiger1M"}),
        (SpecError, "ångström", {"wavelength": 1.5406e-10}),
        (SpecError, "frame 3", {"frame": 3}),
        (FrameShapeMismatch, "mask", {"mask": xr.DataArray(np.zeros((3, 3)), dims=("y", "x"))}),
        (EmptyResult, "no pixel", {"mask": xr.DataArray(np.ones((619, 487)), dims=("y", "x"))}),
        (FrameShapeMismatch, "619", {"detector": "Pilatus1M"}),
    ]
    for error, text, changes in cases:
        settings = {"calibrant": "AgBh", "start": start, **changes}
        with pytest.raises(error, match=text):
            xk.calibrate(frames, **settings)
    with pytest.raises(SchemaError):
        xk.calibrate(xr.Dataset(), calibrant="AgBh", start=start)


def test_a_named_detector_brings_its_name_and_gaps(corner):
    frames, truth = corner
    result = xk.calibrate(frames, calibrant="AgBh", start=beside(truth), detector="Pilatus300k")
    assert result.calibration.detector.name == "Pilatus300k"
    assert np.all(np.abs(errors(result.calibration, truth)) < (1e-4, 0.05, 0.05))


def test_rings_are_those_of_bragg():
    rings = calibrant_rings("LaB6", 1.5406)
    np.testing.assert_allclose(2 * rings.d_spacing * np.sin(rings.two_theta / 2), 1.5406)
    assert np.all(np.diff(rings.two_theta) > 0)
    with pytest.raises(SpecError, match="no ring"):
        calibrant_rings("diamond", 9.0)
