"""Masks as data: the no-data rule in every dtype, and work with reasons."""

import numpy as np
import pytest
from frames_in_memory import SHAPE, make_frames, reference_geometry

import xrdkit as xk
from xrdkit.errors import FrameShapeMismatch, SpecError
from xrdkit.masks import ALL_REASONS, MaskReason, no_data_reasons

DTYPES = [np.uint32, np.int64, np.uint64, np.float32, np.float64]


def frame_with_gaps():
    """100 pixels of 2^32-1 in a frame of Poisson counts."""
    frame = np.random.default_rng(7).poisson(9.0, SHAPE).astype(np.int64)
    rows, columns = np.random.default_rng(8).choice(400, (2, 100), replace=False)
    frame[rows, columns] = 2**32 - 1
    return frame


@pytest.mark.parametrize("dtype", DTYPES)
def test_copies_of_a_frame_lose_the_same_pixels(dtype):
    frame = frame_with_gaps()
    reasons = no_data_reasons(frame.astype(dtype))
    assert reasons.dtype == np.uint16
    np.testing.assert_array_equal(reasons > 0, frame == 2**32 - 1)
    assert set(np.unique(reasons)) == {0, MaskReason.SENTINEL}


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.float64])
def test_a_frame_that_was_float32_once_loses_them_too(dtype):
    frame = frame_with_gaps()
    passed = frame.astype(np.float32).astype(dtype)
    assert passed.max() == 2**32  # float32 cannot hold 2^32-1
    np.testing.assert_array_equal(no_data_reasons(passed) > 0, frame == 2**32 - 1)
    near = np.array([2**32 - 257, 2**32 + 513]).astype(dtype)
    assert not no_data_reasons(near).any()


def test_integration_uses_the_same_pixels_whatever_the_dtype():
    frame = frame_with_gaps()
    spec = xk.IntegrationSpec(bins=40, range=(1.0, 8.0))
    profiles = [
        xk.integrate(make_frames(frame.astype(t)), reference_geometry(), spec) for t in DTYPES
    ]
    good = np.asarray(frame != 2**32 - 1)
    q = reference_geometry().radial(SHAPE, "q")
    truth = np.histogram(q[good], np.linspace(1.0, 8.0, 41))[0]
    for profile in profiles:
        np.testing.assert_array_equal(profile.n_pixels.values[0], truth)
        np.testing.assert_array_equal(profile.intensity.values, profiles[0].intensity.values)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "u8", "i2", "i4", "i8", ">u4", ">i2", ">f8"])
def test_every_layout_of_memory_gives_the_same_reasons(dtype):
    values = np.random.default_rng(1).poisson(9.0, (30, 40)).astype(dtype)
    kind = np.dtype(dtype).kind
    values[3, 4] = np.iinfo(dtype).max if kind == "u" else -1
    before = values.copy()
    reasons = no_data_reasons(values)
    assert np.argwhere(reasons).tolist() == [[3, 4]]
    np.testing.assert_array_equal(no_data_reasons(values.T[::-1]), reasons.T[::-1])
    values.flags.writeable = False
    np.testing.assert_array_equal(no_data_reasons(values), reasons)
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("dtype", [np.int32, np.uint32, np.int64, np.float32, np.float64])
def test_16_bit_frames_stored_wider(dtype):
    values = np.full((5, 5), 3, dtype=dtype)
    values[1, 1] = 65535
    assert no_data_reasons(values)[1, 1] == MaskReason.SENTINEL
    values[2, 2] = 65536
    assert not no_data_reasons(values).any()
    assert np.argwhere(no_data_reasons(values, [65536])).tolist() == [[1, 1], [2, 2]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_of_which_a_dark_was_subtracted_may_be_negative(dtype):
    values = np.full((5, 5), 3, dtype=dtype)
    values[0, 0], values[1, 1], values[2, 2] = -1, np.nan, -np.inf
    reasons = no_data_reasons(values)
    assert reasons[0, 0] == MaskReason.SENTINEL
    assert reasons[1, 1] == reasons[2, 2] == MaskReason.NOT_FINITE
    values[4, 4] = -1.5
    assert np.argwhere(no_data_reasons(values)).tolist() == [[1, 1], [2, 2]]


def test_what_holds_no_counts_is_refused():
    for values in (np.array(["a"]), np.array([1j])):
        with pytest.raises(SpecError, match="no counts"):
            no_data_reasons(values)
    assert not no_data_reasons(np.array([[True, False]])).any()


def two_masks():
    hot = np.zeros((4, 6), dtype=np.uint16)
    hot[1, 1:3] = MaskReason.HOT
    stop = np.zeros((4, 6), dtype=bool)
    stop[1, 2:5] = True
    return hot, stop


def test_masks_are_combined_counted_and_described():
    hot, stop = two_masks()
    both = xk.combine_masks(hot, stop)
    assert both.dims == ("y", "x")
    assert both.values[1].tolist() == [0, 4, 4 | 256, 256, 256, 0]
    assert xk.count_reasons(both) == {"good": 20, "hot": 2, "user": 3}
    assert xk.describe_mask(both).splitlines() == [
        "left out             4 of 24 pixels  16.7 %",
        "hot                  2 of 24 pixels  8.33 %",
        "user                 3 of 24 pixels  12.5 %",
    ]
    assert hot.max() == 4


def test_what_is_no_mask_is_refused():
    hot, stop = two_masks()
    with pytest.raises(SpecError, match="no mask"):
        xk.combine_masks()
    with pytest.raises(FrameShapeMismatch, match=r"\(4, 6\).*\(6, 4\)"):
        xk.combine_masks(hot, stop.T)
    with pytest.raises(SpecError, match="holds no reasons"):
        xk.combine_masks(hot * 1.0)
    with pytest.raises(SpecError, match="no MaskReason bits"):
        xk.count_reasons(hot.astype(np.int64) * 1000)
    with pytest.raises(FrameShapeMismatch, match="shape"):
        xk.count_reasons(hot[None])
    assert ALL_REASONS == 1023


def test_a_mask_on_frames_is_left_out_by_integration():
    frames = make_frames(np.random.default_rng(2).poisson(20.0, (2, *SHAPE)).astype(np.int32))
    first = np.zeros(SHAPE, dtype=np.uint16)
    first[:50] = MaskReason.SHADOW
    second = np.zeros(SHAPE, dtype=bool)
    second[:, :30] = True
    before = frames.copy(deep=True)
    masked = xk.with_mask(xk.with_mask(frames, first), second)
    assert frames.identical(before)
    np.testing.assert_array_equal(masked.mask, xk.combine_masks(first, second))
    assert masked.mask.values[0, 0] == MaskReason.SHADOW | MaskReason.USER
    assert masked.counts.identical(frames.counts)
    spec = xk.IntegrationSpec(bins=30, range=(1.0, 8.0))
    profile = xk.integrate(masked, reference_geometry(), spec)
    q = reference_geometry().radial(SHAPE, "q")[50:, 30:]
    truth = np.histogram(q, np.linspace(1.0, 8.0, 31))[0]
    np.testing.assert_array_equal(profile.n_pixels.values, [truth, truth])
    with pytest.raises(FrameShapeMismatch, match="transposed"):
        xk.with_mask(frames, second.T)
