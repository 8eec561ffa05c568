"""Calibration without a start on frames with faults: most are accepted, none of those is wrong."""

import numpy as np
import pytest
from frames_in_memory import make_frames
from hostile_frames import CONDITIONS, scene
from imperfect_frames import FAULTS, exposed, instrument_at, usual

import xrdkit as xk
from xrdkit.calibration import CalibrationVerdict
from xrdkit.calibration.frame import CalibrantFrame
from xrdkit.calibration.unassisted_ridges import (
    ridge_points,
    without_blind_areas,
    without_lonely_pixels,
)
from xrdkit.errors import CalibrationRejected

_SEEDS = 3


def outcome(counts, instrument, calibrant):
    """Return whether the frame was accepted and by how much q is off, share of the largest, rms."""
    truth = instrument.calibration
    try:
        result = xk.calibrate(
            make_frames(counts.astype(np.int32)),
            calibrant=calibrant,
            detector=truth.detector,
            wavelength=truth.wavelength,
        )
    except CalibrationRejected:
        return False, np.nan
    q, found = (c.radial(counts.shape, "q") for c in (truth, result.calibration))
    off = float(np.sqrt(np.mean((q - found) ** 2)) / q.max())
    return result.verdict is CalibrationVerdict.ACCEPTED, off


def check(outcomes, least=0.5):
    """Fail where anything accepted is wrong, or no more than a share `least` is accepted."""
    accepted = [off for good, off in outcomes if good]
    assert len(accepted) > least * len(outcomes), outcomes
    assert max(accepted) < 1e-3, outcomes


@pytest.mark.parametrize("fault", FAULTS)
def test_frames_with_a_fault(fault):
    outcomes = []
    for seed in range(_SEEDS):
        random = np.random.default_rng([31, seed, list(FAULTS).index(fault)])
        instrument, calibrant = usual(random)
        counts = FAULTS[fault](exposed(instrument, calibrant, random), instrument, random)
        outcomes.append(outcome(counts, instrument, calibrant))
    # An impurity as bright as most rings may mislead the search, but never to acceptance.
    check(outcomes, 0.3 if fault == "another phase" else 0.5)


def test_distances_of_two_decades():
    outcomes = []
    for calibrant, wavelength, angle in (
        ("LaB6", 0.4, 50.0),  # 0.09 m
        ("CeO2", 0.2, 14.0),  # 0.43 m
        ("AgBh", 1.2, 4.0),  # 1.5 m
        ("AgBh", 0.3, 0.7),  # 8.7 m
    ):
        random = np.random.default_rng(32)
        x, y = (float(v) for v in random.uniform(-0.2, 0.8, 2))
        instrument = instrument_at(random, angle=angle, center=(x, y), wavelength=wavelength)
        outcomes.append(outcome(exposed(instrument, calibrant, random), instrument, calibrant))
    check(outcomes)


def test_the_beam_beside_the_detector():
    outcomes = []
    for center in ((-0.4, 0.5), (1.3, -0.2), (0.5, 1.35)):
        random = np.random.default_rng(33)
        instrument = instrument_at(random, angle=30.0, center=center, wavelength=0.4)
        outcomes.append(outcome(exposed(instrument, "LaB6", random), instrument, "LaB6"))
    check(outcomes)


def test_a_bright_ring_is_not_lonely_and_a_hot_pixel_is():
    random = np.random.default_rng(34)
    rows, columns = np.mgrid[:200, :200] + 0.5
    ring = 2000.0 * np.exp(-0.5 * ((np.hypot(rows - 100, columns - 100) - 60) / 0.8) ** 2)
    counts = random.poisson(ring + 0.5).astype(float)
    counts[17, 33] = 400.0
    frame = CalibrantFrame(counts=counts, valid=np.ones(counts.shape, dtype=bool))
    kept = without_lonely_pixels(frame)
    assert list(zip(*np.nonzero(~kept.valid), strict=True)) == [(17, 33)]
    assert kept.counts[17, 33] == 0.0


def test_pixels_of_a_sparse_frame_are_joined():
    """A ring of half a count in a pixel is seen in sums of pixels."""
    random = np.random.default_rng(35)
    rows, columns = np.mgrid[:400, :400] + 0.5
    radius = np.hypot(rows - 200, columns - 200)
    mean = 0.5 * np.exp(-0.5 * ((radius - 120) / 1.7) ** 2) + 0.03
    counts = random.poisson(mean).astype(float)
    points = ridge_points(CalibrantFrame(counts=counts, valid=np.ones(counts.shape, dtype=bool)))
    assert points.step > 1
    assert len(points) > 100
    off = np.hypot(points.y - 200, points.x - 200) - 120
    assert np.median(np.abs(off)) < 1.5


def test_corners_beside_a_round_detector_are_no_data_to_the_last_pixel():
    """Where the disc comes near the edge of the frame, no square of empty pixels fits in."""
    random = np.random.default_rng(36)
    rows, columns = np.mgrid[:300, :300]
    inside = np.hypot(rows - 149.5, columns - 149.5) < 150.0
    counts = np.where(inside, random.poisson(3.0, inside.shape), 0.0)
    kept = without_blind_areas(CalibrantFrame(counts=counts, valid=np.ones((300, 300), bool)))
    assert np.count_nonzero(kept.valid & ~inside) == 0
    # Empty pixels among those that count are data.
    middle = np.hypot(rows - 149.5, columns - 149.5) < 140.0
    assert np.all(kept.valid[middle])
    assert np.count_nonzero(counts[middle] == 0) > 1000


@pytest.mark.parametrize("detector", ["Eiger 1M", "CCD"])
@pytest.mark.parametrize("condition", ["masked_by_value", "second_phase", "binned_unsaid"])
def test_other_detectors_and_conditions(detector, condition):
    """The benchmark of hostile frames has 20 conditions on seven detectors."""
    offered = CONDITIONS[condition](scene(detector, 3), np.random.default_rng(37))
    pixel = xk.Detector(pixel_size_y=offered.pixel, pixel_size_x=offered.pixel)
    try:
        result = xk.calibrate(
            make_frames(offered.frame),
            calibrant=offered.calibrant,
            detector=pixel,
            wavelength=offered.wavelength,
        )
    except CalibrationRejected:
        assert condition == "second_phase"
        return
    q, found = (c.radial(offered.frame.shape, "q") for c in (offered.truth, result.calibration))
    assert np.sqrt(np.mean((q - found) ** 2)) < 1e-3 * q.max()
