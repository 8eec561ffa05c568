"""Beamstop, holder and shadow against known truth, and what must not be taken for one."""

import numpy as np
import pytest
from frames_in_memory import make_frames
from scipy import ndimage

import xrdkit as xk
from xrdkit.errors import EmptyResult, FrameShapeMismatch, SpecError
from xrdkit.masks import MaskReason

SHAPE = (487, 407)
PIXEL = 172e-6
CENTRE = (203.5, 243.5)


def geometry(**change):
    values = {"poni1": CENTRE[1] * PIXEL, "poni2": CENTRE[0] * PIXEL} | change
    detector = xk.Detector(pixel_size_y=PIXEL, pixel_size_x=PIXEL, shape=SHAPE)
    return xk.Calibration(distance=1.0, wavelength=1.0, detector=detector, **values)


def pattern(*, anisotropy=0.0):
    """Return a decay with three rings, (y, x), median 1; cos 2χ of the amplitude given."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    across, up = x - CENTRE[0], y - CENTRE[1]
    r = np.hypot(up, across)
    rate = 20 / (1 + (r / 40) ** 3) + 0.3
    for radius in (60, 120, 180):
        rate += 3 * np.exp(-0.5 * ((r - radius) / 3) ** 2)
    rate *= 1 + anisotropy * np.cos(2 * (np.arctan2(up, across) - 0.4))
    return rate / np.median(rate), r, across, up


def shaded(level, *, anisotropy=0.0, seed=3):
    """Return a frame, and where its beamstop with arm and its shadow of half the light are."""
    rate, r, across, up = pattern(anisotropy=anisotropy)
    along, beside = up * np.cos(0.2) - across * np.sin(0.2), across * np.cos(0.2) + up * np.sin(0.2)
    stop = (r < 16) | ((np.abs(beside) < 5) & (along > 0))
    shadow = (across + 0.35 * up > 490 - CENTRE[0] - 0.35 * CENTRE[1]) & ~stop
    rate = level * np.where(stop, 0.01, np.where(shadow, 0.5, 1.0)) * rate
    frame = np.random.default_rng(seed).poisson(rate).astype(np.int32)
    frame[195:212] = -1
    return frame, stop, shadow


def overlap(found, true, good):
    return np.count_nonzero(found & true & good) / np.count_nonzero((found | true) & good)


@pytest.mark.parametrize("anisotropy", [0.0, 0.3])
@pytest.mark.parametrize("level", [3.0, 30.0, 3000.0])
def test_beamstop_and_shadow_are_found(level, anisotropy):
    frame, stop, shadow = shaded(level, anisotropy=anisotropy)
    mask = xk.find_shadow(make_frames(frame), geometry()).values
    good = frame >= 0
    assert overlap(mask > 0, stop | shadow, good) >= 0.9
    assert overlap((mask & MaskReason.BEAMSTOP) > 0, stop, good) >= 0.9
    assert overlap((mask & MaskReason.SHADOW) > 0, shadow, good) >= 0.9
    lit = good & ~stop & ~shadow
    assert np.count_nonzero((mask > 0) & lit) <= 0.01 * np.count_nonzero(lit)
    assert not mask[~good].any()


@pytest.mark.parametrize("anisotropy", [0.0, 0.3])
@pytest.mark.parametrize("level", [0.1, 3.0, 1000.0])
def test_without_a_shadow_none_is_found(level, anisotropy):
    rate = level * pattern(anisotropy=anisotropy)[0]
    frame = np.random.default_rng(5).poisson(rate)
    mask = xk.find_shadow(make_frames(frame), geometry())
    assert np.count_nonzero(mask) <= 0.01 * frame.size


def test_grainy_rings_are_no_shadow():
    """Between the grains of a ring it is dark, and next to the ring it is not."""
    rate, r, across, up = pattern()
    rng = np.random.default_rng(9)
    angle = np.arctan2(up, across)
    for radius in (60, 120, 180):
        ring = np.exp(-0.5 * ((r - radius) / 2) ** 2)
        for at in rng.uniform(-np.pi, np.pi, 25):
            off = (angle - at + np.pi) % (2 * np.pi) - np.pi
            rate = rate + 40 * ring * np.exp(-0.5 * (off / 0.05) ** 2)
    frame = rng.poisson(50 * rate)
    mask = xk.find_shadow(make_frames(frame), geometry())
    assert np.count_nonzero(mask) <= 0.01 * frame.size


def test_the_polarisation_of_a_wide_detector_is_no_shadow():
    wide = geometry(poni1=0.01, poni2=0.035)
    wide = xk.Calibration(
        distance=0.06, poni1=0.01, poni2=0.035, wavelength=1.0, detector=wide.detector
    )
    rate = 100 * wide.solid_angle(SHAPE) * wide.polarization(SHAPE, 0.99)
    assert rate.min() < 0.2 * rate.max()
    mask = xk.find_shadow(make_frames(np.random.default_rng(1).poisson(rate)), wide)
    assert np.count_nonzero(mask) <= 0.01 * rate.size


def test_the_level_under_everything_goes_with_the_dark():
    """An offset of 200 counts makes the arm look transparent until it is subtracted."""
    frame, stop, _ = shaded(100.0)
    frames = make_frames(np.where(frame < 0, -1, frame + 200))
    frames["dark"] = (("y", "x"), np.full(SHAPE, 200.0))
    mask = xk.find_shadow(frames, geometry()).values
    assert overlap((mask & MaskReason.BEAMSTOP) > 0, stop, frame >= 0) >= 0.9


def test_frames_are_summed_and_stay_as_they_are():
    counts = np.stack([shaded(1.0, seed=k)[0] for k in range(6)])
    _, stop, shadow = shaded(1.0)
    frames = make_frames(counts)
    before = frames.copy(deep=True)
    mask = xk.find_shadow(frames, geometry()).values
    assert frames.identical(before)
    assert overlap(mask > 0, stop | shadow, counts[0] >= 0) >= 0.9


def test_the_border_is_where_the_shadow_ends():
    frame, stop, shadow = shaded(3000.0)
    mask = xk.find_shadow(make_frames(frame), geometry()).values > 0
    wrong = mask != (stop | shadow)
    wrong[frame < 0] = False
    inside = ndimage.binary_erosion(stop | shadow, iterations=2)
    outside = ~ndimage.binary_dilation(stop | shadow, iterations=2)
    near_gap = ndimage.binary_dilation(frame < 0, iterations=3)
    assert not np.any(wrong & (inside | outside) & ~near_gap)


def test_impossible_wishes_are_refused():
    frames = make_frames(shaded(3.0)[0])
    for wrong in ({"darker": 0.2}, {"darker": 1.0}, {"least_area": 0}):
        with pytest.raises(SpecError, match=next(iter(wrong))):
            xk.find_shadow(frames, geometry(), **wrong)
    with pytest.raises(SpecError, match="not a Calibration"):
        xk.find_shadow(frames, "geometry.poni")
    with pytest.raises(FrameShapeMismatch, match="transposed"):
        xk.find_shadow(frames.isel(y=slice(0, 100)), geometry())
    with pytest.raises(EmptyResult, match="no pixel"):
        xk.find_shadow(make_frames(np.full(SHAPE, -1, dtype=np.int32)), geometry())
