"""A detector on an arm or a stage: positions not measured, errors, files of pyFAI, refusals."""

import json
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from frames_in_memory import make_frames

import xrdkit as xk
from xrdkit.calibration import (
    CalibrationVerdict,
    Goniometer,
    Motion,
    load_goniometer,
    save_goniometer,
)
from xrdkit.calibration.angle import on_detector, two_theta_and_slopes, values_of
from xrdkit.calibration.rings import calibrant_rings
from xrdkit.errors import CalibrationRejected, CalibrationSyntax, SpecError
from xrdkit.geometry import PARAMETERS
from xrdkit.simulate import VirtualInstrument, expose_calibrant

SHAPE = (195, 487)
DETECTOR = xk.Detector(pixel_size_y=172e-6, pixel_size_x=172e-6, shape=SHAPE)
OFFSETS = (0.3, 0.017, 0.041, 0.012, -0.008, 0.0)
SCALE = -1.003 * math.radians(1.0)
BELIEVED = Motion(parameter="rot1", motor="arm", scale=-math.radians(1.0), refine=True)
TRUTH = Goniometer(
    offsets=OFFSETS, motions=(replace(BELIEVED, scale=SCALE),), wavelength=0.7, detector=DETECTOR
)
NOMINAL = Goniometer(
    offsets=(0.301, 0.0174, 0.0405, 0.011, -0.007, 0.0), motions=(BELIEVED,), wavelength=0.7,
    detector=DETECTOR,
)  # fmt: skip
POSITIONS = (8.0, 14.0, 20.0, 27.0, 35.0, 45.0)


@cache
def scan(seed=0, *, truth=TRUTH, nominal=NOMINAL, positions=POSITIONS, counts=300.0):
    results = []
    for k, position in enumerate(positions):
        at = truth.calibration(position)
        instrument = VirtualInstrument(name="arm", calibration=at, dtype="int32")
        raw = expose_calibrant(
            instrument, "LaB6", counts=counts, fwhm=0.1, decay=60.0, seed=100 * seed + k
        )
        start = nominal.calibration(position)
        results.append(xk.calibrate(make_frames(raw), calibrant="LaB6", start=start))
    return results


def rms_dq(found, truth):
    q, true = found.radial(SHAPE, "q"), truth.radial(SHAPE, "q")
    return np.sqrt(np.mean((q - true) ** 2)) / true.max()


def test_positions_that_were_not_measured_are_predicted():
    """Between, before and beyond the scan: rms dq below 1e-4 of the largest q."""
    result = xk.calibrate_goniometer(scan(), POSITIONS, motions=[BELIEVED])
    assert result.verdict is CalibrationVerdict.ACCEPTED, result.reasons
    found = result.goniometer
    assert found.motions[0].scale == pytest.approx(SCALE, rel=1e-4)
    for position in (10.3, 24.0, 40.0, 3.0, 60.0):
        assert rms_dq(found.calibration(position), TRUTH.calibration(position)) < 1e-4
    # The scale that was believed misses by far.
    assert rms_dq(NOMINAL.calibration(40.0), TRUTH.calibration(40.0)) > 1e-3
    assert max(result.rms_px) < 0.1


def drawn(result, truth, random):
    """Return `result` with its points on the true rings but for errors of their σ."""
    points = result.points
    calibration = truth
    rings = calibrant_rings("LaB6", calibration.wavelength)
    y, x = points["y"].values, points["x"].values
    for _ in range(3):
        at = on_detector(y, x, SHAPE, DETECTOR)
        angle, slopes = two_theta_and_slopes(*at, values_of(calibration))
        up, across = -slopes[:, 1] * 172e-6, -slopes[:, 2] * 172e-6
        miss = (rings.two_theta[points["ring"].values] - angle) / (up**2 + across**2)
        y, x = y + miss * up, x + miss * across
    away = random.normal(size=y.size) * points["sigma"].values / np.hypot(up, across)
    moved = points.assign(
        y=points["y"].copy(data=y + away * up), x=points["x"].copy(data=x + away * across)
    )
    return replace(result, points=moved)


def test_predicted_errors_are_the_scatter_of_repeats():
    """50 repeats with points drawn from their errors know a spread to 10 %."""
    positions = POSITIONS[:4]
    results = scan()[:4]
    random = np.random.default_rng(1)
    pull = []
    for _ in range(50):
        draws = [
            drawn(result, TRUTH.calibration(position), random)
            for result, position in zip(results, positions, strict=True)
        ]
        found = xk.calibrate_goniometer(draws, positions, motions=[BELIEVED]).goniometer
        at, true = found.calibration(30.0), TRUTH.calibration(30.0)
        sigma = np.sqrt(np.diag(at.covariance))[:5]
        away = [getattr(at, name) - getattr(true, name) for name in PARAMETERS[:5]]
        turned = (found.motions[0].scale - SCALE) / math.sqrt(found.covariance[5][5])
        pull.append([*(away / sigma), turned])
    spread = np.std(pull, axis=0, ddof=1)
    assert np.all(spread > 0.75)
    assert np.all(spread < 1.3)
    assert math.sqrt(np.mean(spread**2)) == pytest.approx(1.0, abs=0.15)
    assert np.all(np.abs(np.mean(pull, axis=0)) < 0.5)


def test_an_arm_of_known_scale_gives_the_wavelength():
    exact = replace(BELIEVED, scale=SCALE, refine=False)
    truth = replace(TRUTH, wavelength=0.7007)
    start = replace(NOMINAL, motions=(exact,))
    results = scan(truth=truth, nominal=start)
    result = xk.calibrate_goniometer(results, POSITIONS, motions=[exact], refine_wavelength=True)
    assert result.goniometer.wavelength == pytest.approx(0.7007, rel=1e-4)
    assert result.wavelength_sigma < 2e-5
    position = 30.0
    at = result.goniometer.calibration(position)
    assert rms_dq(at, truth.calibration(position)) < 1e-4
    assert at.covariance[5][5] == pytest.approx(result.wavelength_sigma**2)


def test_a_motion_that_the_frames_contradict_is_doubted():
    wrong = replace(BELIEVED, refine=False)
    result = xk.calibrate_goniometer(scan(), POSITIONS, motions=[wrong])
    assert result.verdict is CalibrationVerdict.DOUBTFUL
    assert any("contradict" in reason for reason in result.reasons)


def test_geometry_and_covariance_follow_from_the_motors():
    motions = (
        Motion(parameter="rot2", motor="nu", scale=0.02),
        Motion(parameter="distance", motor="tx", scale=1e-3),
        Motion(parameter="rot2", motor="tx", scale=1e-5),
        Motion(parameter="rot3", motor="nu", scale=0.1),
    )
    mixed = np.random.default_rng(2).normal(size=(10, 10)) * 1e-6
    covariance = mixed @ mixed.T
    goniometer = Goniometer(
        offsets=OFFSETS, motions=motions, wavelength=0.7, detector=DETECTOR,
        covariance=tuple(map(tuple, covariance)),
    )  # fmt: skip
    assert goniometer.motors == ("nu", "tx")
    at = goniometer.calibration({"nu": 3.0, "tx": 20.0})
    assert (at.distance, at.rot2, at.rot3) == pytest.approx((0.32, -0.008 + 0.0602, 0.3))
    slopes = np.zeros((6, 10))
    slopes[:5, :5], slopes[5, 9] = np.eye(5), 1.0
    slopes[4, 5], slopes[0, 6], slopes[4, 7] = 3.0, 20.0, 20.0
    np.testing.assert_allclose(at.covariance, slopes @ covariance @ slopes.T, rtol=1e-12, atol=0)
    for position, text in (
        (3.0, "does not name"),
        ({"nu": 1.0}, "the motors are"),
        ({"nu": 1.0, "tx": math.nan}, "finite"),
        ({"nu": 1.0, "tx": "2"}, "not a number"),
    ):
        with pytest.raises(SpecError, match=text):
            goniometer.calibration(position)


def test_files_are_those_of_pyfai(tmp_path):
    from pyFAI.goniometer import Goniometer as Theirs

    motions = (
        Motion(parameter="rot2", motor="nu", scale=0.02),
        Motion(parameter="distance", motor="tx", scale=1e-3),
        Motion(parameter="rot2", motor="tx", scale=1e-5),
    )
    mixed = np.random.default_rng(5).normal(size=(9, 9)) * 1e-6
    ours = Goniometer(
        offsets=OFFSETS, motions=motions, wavelength=0.7, detector=DETECTOR,
        covariance=tuple(map(tuple, mixed @ mixed.T)),
    )  # fmt: skip
    path = save_goniometer(ours, tmp_path / "arm.json")
    position = {"nu": 7.0, "tx": -4.0}
    theirs = Theirs.sload(str(path)).get_ai((7.0, -4.0))
    at = ours.calibration(position)
    np.testing.assert_allclose(
        theirs.center_array(SHAPE, unit="2th_rad"), at.two_theta(SHAPE), rtol=0, atol=1e-12
    )
    again = load_goniometer(path).calibration(position)
    np.testing.assert_allclose(again.covariance, at.covariance, rtol=1e-12)
    assert replace(again, covariance=None) == replace(at, covariance=None)
    resaved = save_goniometer(load_goniometer(path), tmp_path / "again.json")
    assert load_goniometer(resaved) == load_goniometer(path)


def test_a_file_that_pyfai_wrote_is_read(tmp_path):
    from pyFAI.detectors import Pilatus100k
    from pyFAI.goniometer import GeometryTransformation
    from pyFAI.goniometer import Goniometer as Theirs

    change = GeometryTransformation(
        param_names=["dist", "poni1", "poni2", "rot1", "rot2", "scale"],
        pos_names=["pos"],
        dist_expr="dist", poni1_expr="poni1", poni2_expr="poni2", rot1_expr="rot1",
        rot2_expr="(pos - 1) * scale * pi / 180 + rot2", rot3_expr="0.0",
    )  # fmt: skip
    written = Theirs(
        [0.7, 0.01, 0.04, 0.001, -0.002, 1.01], change, detector=Pilatus100k(), wavelength=1e-10
    )
    path = tmp_path / "theirs.json"
    written.save(str(path))
    found = load_goniometer(path).calibration(25.0)
    theirs = written.get_ai(25.0).center_array((195, 487), unit="2th_rad")
    np.testing.assert_allclose(found.two_theta((195, 487)), theirs, rtol=0, atol=1e-12)
    assert found.wavelength == 1.0
    assert found.covariance is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"rot1_expr": "sin(pos)"}, "linear"),
        ({"rot1_expr": "pos * pos"}, "linear"),
        ({"rot1_expr": "1 / pos"}, "linear"),
        ({"rot1_expr": "pos + unheard"}, "no value"),
        ({"rot1_expr": "1 / 0"}, "not a formula"),
        ({"rot1_expr": "__import__('os').getcwd()"}, "linear"),
        ({"rot1_expr": "1 +"}, "not a formula"),
        ({"rot1_expr": "(" * 400}, "longer"),
        ({"rot1_expr": None}, "rot1_expr"),
        ({"content": "ExtendedTransformation"}, "ExtendedTransformation"),
        ({"param_names": ["one"]}, "param_names"),
    ],
)
def test_files_that_cannot_be_are_refused(tmp_path, change, text):
    motions = (Motion(parameter="rot1", scale=0.02),)
    ours = Goniometer(offsets=OFFSETS, motions=motions, wavelength=0.7, detector=DETECTOR)
    path = save_goniometer(ours, tmp_path / "arm.json")
    table = json.loads(path.read_text())
    table["trans_function"].update(change)
    path.write_text(json.dumps(table))
    with pytest.raises(CalibrationSyntax, match=text) as caught:
        load_goniometer(path)
    assert "arm.json" in str(caught.value)
    for content in ("[]", "{", '{"content": "nothing"}'):
        path.write_text(content)
        with pytest.raises(CalibrationSyntax):
            load_goniometer(path)


def test_settings_that_cannot_be_are_refused():
    results = scan(positions=(10.0, 22.0, 38.0), counts=100.0)
    moved = replace(results[1], calibration=replace(results[1].calibration, wavelength=0.71))
    cases = [
        ("positions", results, [1.0, 2.0], [BELIEVED]),
        ("two frames", results[:1], [1.0], [BELIEVED]),
        ("two frames", results, [1.0, 2.0, 3.0], []),
        ("one position", results, [1.0, 1.0, 1.0], [BELIEVED]),
        ("calibrated with", [results[0], moved], [1.0, 2.0], [BELIEVED]),
        ("twice", results, [1.0, 2.0, 3.0], [BELIEVED, BELIEVED]),
    ]
    for text, frames, positions, motions in cases:
        with pytest.raises(SpecError, match=text):
            xk.calibrate_goniometer(frames, positions, motions=motions)
    for settings, text in (
        ({"parameter": "rot4", "scale": 1.0}, "not known"),
        ({"parameter": "rot3", "scale": 1.0, "refine": True}, "rot3"),
        ({"parameter": "rot1", "motor": "two theta", "scale": 1.0}, "name"),
        ({"parameter": "rot1", "scale": math.inf}, "scale"),
    ):
        with pytest.raises(SpecError, match=text):
            Motion(**settings)
    both = [BELIEVED, Motion(parameter="poni2", motor="arm", scale=1e-4, refine=True),
            Motion(parameter="rot2", motor="arm", scale=0.0, refine=True),
            Motion(parameter="distance", motor="arm", scale=0.0, refine=True)]  # fmt: skip
    with pytest.raises(CalibrationRejected):
        xk.calibrate_goniometer(results[:2], [10.0, 22.0], motions=both, refine_wavelength=True)
