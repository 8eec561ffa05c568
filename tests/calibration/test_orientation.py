"""Which way round a frame is stored: found from rings, refused where no ring can tell."""

from dataclasses import replace

import numpy as np
import pytest
from calibrant_frames import behenate
from frames_in_memory import make_frames

import xrdkit as xk
from xrdkit.calibration import find_orientation
from xrdkit.calibration.formats.pose import transposed
from xrdkit.errors import CalibrationRejected, FrameShapeMismatch, SpecError
from xrdkit.simulate import virtual_laboratory

TURNED = {
    1: (slice(None, None, -1), slice(None, None, -1)),
    2: (slice(None, None, -1), slice(None)),
    3: (slice(None), slice(None)),
    4: (slice(None), slice(None, None, -1)),
}


@pytest.fixture(scope="module")
def tilted():
    instrument = virtual_laboratory("tilted")
    return behenate(instrument), instrument.calibration


@pytest.fixture(scope="module")
def corner():
    instrument = virtual_laboratory("corner")
    return behenate(instrument), instrument.calibration


def stored(counts, orientation):
    """Return frames whose rows and columns run as `orientation` says, truth being 3."""
    return make_frames(counts[(..., *TURNED[orientation])])


@pytest.mark.parametrize("place", ["tilted", "corner"])
@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
def test_each_orientation_is_found_and_calibrates(place, orientation, request):
    counts, truth = request.getfixturevalue(place)
    frames = stored(counts, orientation)
    found = find_orientation(frames, truth, calibrant="AgBh")
    assert found.orientation == found.calibration.detector.orientation == orientation
    assert not found.transposed
    assert found.changed == (orientation != 3)
    # At equal distance from both edges, x and y can be swapped.
    assert found.alternatives == (((orientation, True),) if place == "corner" else ())
    assert found.contrast > 3
    np.testing.assert_array_equal(
        found.calibration.two_theta(counts.shape[-2:]),
        truth.two_theta(counts.shape[-2:])[TURNED[orientation]],
    )
    refined = xk.calibrate(frames, calibrant="AgBh", start=found.calibration)
    assert refined.verdict == "accepted"
    assert refined.rms_px < 0.3


def test_swapped_axes_are_found(tilted):
    counts, truth = tilted
    swapped = replace(transposed(truth), detector=truth.detector)  # a header with x for the row
    found = find_orientation(make_frames(counts), swapped, calibrant="AgBh")
    assert (found.orientation, found.transposed, found.changed) == (3, True, True)
    assert found.calibration.beam_center == pytest.approx(truth.beam_center)
    assert found.calibration.rot1 == pytest.approx(truth.rot1)


def test_a_distance_that_is_off_does_not_matter(tilted):
    counts, truth = tilted
    for scale in (0.98, 1.02):
        start = replace(truth, distance=truth.distance * scale)
        assert find_orientation(stored(counts, 2), start, calibrant="AgBh").orientation == 2


@pytest.mark.parametrize("counts", [20.0, 2000.0])
def test_the_middle_of_a_frame_is_refused(counts):
    """The beam is a pixel off the middle: what rings say of that is the start, not the frame."""
    instrument = virtual_laboratory("centred")
    with pytest.raises(CalibrationRejected, match="in every order"):
        find_orientation(
            make_frames(behenate(instrument, counts=counts)),
            instrument.calibration,
            calibrant="AgBh",
        )


def test_a_beam_in_the_middle_of_the_columns_tells_rows_alone():
    instrument = virtual_laboratory("corner")
    truth = instrument.calibration
    width = 2 * truth.beam_center[0]
    counts = behenate(instrument)[..., : round(width)]
    cut = replace(truth, detector=replace(truth.detector, shape=counts.shape[-2:]))
    found = find_orientation(make_frames(counts[..., ::-1, :]), cut, calibrant="AgBh")
    assert found.orientation == 2
    assert (1, False) in found.alternatives
    assert {way[0] in (1, 2) for way in found.alternatives if not way[1]} == {True}


def test_a_start_that_is_far_off_is_refused_or_the_answer_fits_no_worse_than_the_right_way(tilted):
    """A wrong way may happen to undo an error of the start; then it does fit the rings."""
    counts, truth = tilted
    shape = counts.shape[-2:]
    right = replace(truth, detector=replace(truth.detector, orientation=2)).two_theta(shape)
    answers = 0
    for dx, dy in ((3, 3), (-3, 2), (6, -6), (10, 10), (20, 5), (-15, 15)):
        start = replace(truth, poni1=truth.poni1 + dy * 172e-6, poni2=truth.poni2 + dx * 172e-6)
        meant = replace(start, detector=replace(start.detector, orientation=2)).two_theta(shape)
        try:
            found = find_orientation(stored(counts, 2), start, calibrant="AgBh")
        except CalibrationRejected:
            assert max(abs(dx), abs(dy)) > 3
            continue
        answers += 1
        ours = found.calibration.two_theta(shape)
        assert np.sqrt(np.mean((ours - right) ** 2)) <= np.sqrt(np.mean((meant - right) ** 2))
    assert answers >= 2


def test_what_cannot_be_told_is_refused(tilted):
    counts, truth = tilted
    with pytest.raises(CalibrationRejected, match="in no orientation"):
        find_orientation(stored(counts, 3), truth, calibrant="LaB6")
    flat = np.random.default_rng(1).poisson(20, counts.shape).astype(np.uint32)
    with pytest.raises(CalibrationRejected, match="in no orientation"):
        find_orientation(make_frames(flat), truth, calibrant="AgBh")
    with pytest.raises(SpecError, match="not known"):
        find_orientation(stored(counts, 3), truth, calibrant="cheese")
    other = replace(truth, detector=replace(truth.detector, shape=(10, 20)))
    with pytest.raises(FrameShapeMismatch):
        find_orientation(stored(counts, 3), other, calibrant="AgBh")


@pytest.mark.parametrize("orientation", [1, 2, 4])
def test_a_turned_frame_with_its_orientation_gives_the_same_profile(tilted, orientation):
    """Intensity over q of the frame turned and of the frame as it was, to 1e-6 and better."""
    counts, truth = tilted
    spec = xk.IntegrationSpec(bins=300, polarization=None)
    plain = xk.integrate(stored(counts, 3), truth, spec)
    turned = replace(truth, detector=replace(truth.detector, orientation=orientation))
    other = xk.integrate(stored(counts, orientation), turned, spec)
    for name in ("intensity", "sigma", "q"):
        np.testing.assert_allclose(other[name].values, plain[name].values, rtol=1e-9)
    assert np.isfinite(plain["intensity"].values).sum() > 250
