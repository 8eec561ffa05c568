"""Calibration without a start: known poses are found, and what is no calibrant is refused."""

import numpy as np
import pytest
from calibrant_frames import behenate, errors, random_instrument
from frames_in_memory import make_frames
from scipy import ndimage

import xrdkit as xk
from xrdkit.calibration import CalibrationVerdict
from xrdkit.calibration.unassisted_centre import centre_votes, sharpened
from xrdkit.calibration.unassisted_check import SearchEvidence, search_reasons
from xrdkit.errors import CalibrationRejected, SpecError
from xrdkit.simulate import expose_calibrant, virtual_laboratory

#: cases A to E of the published comparison: pose, counts, and the error of the centre in pixels
CASES = {
    "A": ("centred", 2000.0, 0.05),
    "B": ("corner", 2000.0, 0.05),
    "C": ("tilted", 2000.0, 0.05),
    "D": ("outside", 2000.0, 0.05),
    "E": ("centred", 20.0, 0.1),
}


def cold(counts, truth, calibrant):
    """Calibrate an array without a start."""
    return xk.calibrate(
        make_frames(counts),
        calibrant=calibrant,
        detector=truth.detector,
        wavelength=truth.wavelength,
    )


def q_error(found, truth, shape):
    """Return the rms error of q over the largest q."""
    q, other = (c.radial(shape, "q") for c in (truth, found))
    return float(np.sqrt(np.mean((q - other) ** 2)) / q.max())


def not_accepted(counts, truth, calibrant):
    """Return whether a frame is refused or at least doubted."""
    try:
        result = cold(counts, truth, calibrant)
    except CalibrationRejected:
        return True
    assert result.reasons
    return result.verdict is CalibrationVerdict.DOUBTFUL


@pytest.mark.parametrize("case", CASES)
def test_rings_are_found_without_a_start(case):
    place, counts, limit = CASES[case]
    instrument = virtual_laboratory(place)
    truth = instrument.calibration
    result = cold(behenate(instrument, counts=counts, seed=5), truth, "AgBh")
    if case == "E" and result.verdict is CalibrationVerdict.DOUBTFUL:
        # Two rings so faint that silicon 20 times closer may not be excluded, which depends on
        # the noise.
        assert len(result.reasons) == 1
        assert "rings 1 and 2 of Si" in result.reasons[0]
    else:
        assert result.verdict is CalibrationVerdict.ACCEPTED, result.reasons
    distance, x, y = errors(result.calibration, truth)
    assert abs(distance) < 2e-4
    assert np.hypot(x, y) < 2 * limit
    assert result.calibration.tilt == pytest.approx(truth.tilt, abs=0.1)
    assert q_error(result.calibration, truth, instrument.shape) < 1e-4


@pytest.mark.parametrize("seed", [0, 1, 5, 7, 8, 11, 13, 18, 20, 23])
def test_random_poses_are_found(seed):
    """Beam on or off the detector, tilted or not, of three detectors and four calibrants."""
    instrument, calibrant, settings = random_instrument(seed)
    truth = instrument.calibration
    counts = expose_calibrant(instrument, calibrant, seed=seed, **settings)
    result = cold(counts, truth, calibrant)
    assert result.verdict is CalibrationVerdict.ACCEPTED, result.reasons
    assert q_error(result.calibration, truth, instrument.shape) < 1e-4


@pytest.mark.parametrize("counts", [2000.0, 20.0])
@pytest.mark.parametrize("calibrant", ["LaB6", "CeO2", "Si"])
def test_the_wrong_calibrant_is_not_accepted(calibrant, counts):
    """Two rings are in view: those of silicon would lie 0.07 pixels from where these are."""
    instrument = virtual_laboratory("centred")
    assert not_accepted(behenate(instrument, counts=counts), instrument.calibration, calibrant)


def test_a_shuffled_frame_is_not_accepted():
    instrument = virtual_laboratory("centred")
    counts = behenate(instrument)
    shuffled = np.random.default_rng(1).permutation(counts.ravel()).reshape(counts.shape)
    assert not_accepted(shuffled, instrument.calibration, "AgBh")


def test_rings_that_are_not_concentric_are_not_accepted():
    """Half of the rings are wiped out and each of the others is displaced by itself."""
    instrument = virtual_laboratory("centred")
    truth = instrument.calibration
    counts = np.where(instrument.marked() > 0, 0, behenate(instrument)).astype(float)
    q = truth.radial(instrument.shape, "q")
    number = np.rint(q / (2 * np.pi / 5.838)).astype(int)
    random = np.random.default_rng(2)
    changed = np.full(counts.shape, 1.0)
    for ring in random.permutation(np.arange(1, number.max() + 1))[::2]:
        one = np.where(number == ring, counts, 0.0)
        moved = random.integers(-90, 90, 2)
        changed += np.maximum(ndimage.shift(one, moved, order=0), 0)
    assert not_accepted(random.poisson(changed).astype(np.int32), truth, "AgBh")


@pytest.mark.parametrize("level", [0.05, 3.0, 400.0])
def test_frames_without_rings_are_rejected(level):
    random = np.random.default_rng(3)
    truth = virtual_laboratory("centred").calibration
    with pytest.raises(CalibrationRejected):
        cold(random.poisson(level, size=(619, 487)).astype(np.int32), truth, "AgBh")


def test_what_cannot_be_known_is_asked_for():
    truth = virtual_laboratory("centred").calibration
    frames = make_frames(np.ones((619, 487), dtype=np.int32))
    with pytest.raises(SpecError, match="wavelength"):
        xk.calibrate(frames, calibrant="AgBh", detector=truth.detector)
    with pytest.raises(SpecError, match="detector"):
        xk.calibrate(frames, calibrant="AgBh", wavelength=1.0)
    with pytest.raises(SpecError, match="wavelength"):
        xk.calibrate(frames, calibrant="AgBh", detector=truth.detector, wavelength=1e-10)


@pytest.mark.parametrize("place", [(100.0, 200.0), (-400.0, 250.0)])
def test_normals_of_circles_meet_at_their_centre(place):
    random = np.random.default_rng(4)
    points = random.uniform(0, 500, (3000, 2))
    away = points - place
    radius = np.hypot(away[:, 0], away[:, 1])
    near = np.abs(radius / 60 - np.rint(radius / 60)) < 0.01
    points, away = points[near], away[near]
    angle = np.arctan2(away[:, 0], away[:, 1]) + random.normal(0, 0.05, len(away))
    normals = np.column_stack([np.sin(angle), np.cos(angle)])
    votes = centre_votes(points, normals, 3)
    found = max((sharpened(v, points, normals) for v in votes), key=lambda pair: pair[1])[0]
    assert np.hypot(*(found - place)) < 3


GOOD = {
    "rings": 6, "score": 1.0, "margin": 0.8, "missing": 0.0, "tilt": 2.0,
    "error": 1e-5,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "fatal", "text"),
    [
        ({"rings": 1}, True, "single ring"),
        ({"rings": 2, "others": ("rings 1 and 2 of Si",)}, False, "2 rings"),
        ({"score": -0.1}, True, "not on rings"),
        ({"missing": 0.5}, True, "50% of the rings"),
        ({"tilt": 60.0}, True, "implausible"),
        ({"score": 0.1}, False, "few of the bright"),
        ({"margin": 0.1}, False, "another geometry"),
        ({"missing": 0.3}, False, "30% of the rings"),
        ({"tilt": 30.0}, False, "unusual"),
        ({"error": 2e-3}, False, "q is known"),
        ({"score": 0.1, "error": 2e-3}, True, "leave q unknown"),
    ],
)
def test_each_kind_of_evidence_alone_keeps_from_acceptance(changes, fatal, text):
    assert search_reasons(SearchEvidence(**GOOD)) == ((), ())
    hard, soft = search_reasons(SearchEvidence(**{**GOOD, **changes}))
    assert text in (hard if fatal else soft)[0]
    assert bool(hard) is fatal
