"""Masks from files of four kinds, and what is refused."""

import os
import struct

import numpy as np
import pytest
from fabio.edfimage import EdfImage
from fabio.fit2dmaskimage import Fit2dMaskImage
from fabio.tifimage import TifImage

import xrdkit as xk
from xrdkit.errors import (
    EmptyResult,
    FrameCorrupt,
    FrameFormatUnknown,
    FrameNotFound,
    FrameShapeMismatch,
    FrameTruncated,
    LimitExceeded,
)
from xrdkit.masks import MASK_ATTRS, MaskReason

BAD = np.zeros((37, 64), dtype=np.uint8)
BAD[3, 5] = BAD[20:24, 40:60] = 1


def write(path, values):
    if path.suffix == ".npy":
        np.save(path, values)
    else:
        kind = {".edf": EdfImage, ".tif": TifImage, ".mask": TifImage, ".msk": Fit2dMaskImage}
        kind[path.suffix](data=values).write(str(path))
    return path


@pytest.mark.parametrize("name", ["m.edf", "m.tif", "m.mask", "m.npy", "m.msk"])
def test_every_kind_gives_the_same_mask(tmp_path, name):
    mask = xk.load_mask(write(tmp_path / name, BAD))
    assert mask.dims == ("y", "x")
    assert mask.dtype == np.uint16
    np.testing.assert_array_equal(mask.values, BAD * np.uint16(MaskReason.USER))
    assert set(mask.attrs) == {*MASK_ATTRS, "source_file", "source_sha256"}
    assert mask.attrs["source_file"] == name


@pytest.mark.parametrize("name", ["m.edf", "m.npy"])
def test_flip_turns_the_rows(tmp_path, name):
    path = write(tmp_path / name, BAD)
    flipped = xk.load_mask(path, flip=True)
    np.testing.assert_array_equal(flipped.values, xk.load_mask(path).values[::-1])


def test_booleans_and_floats_are_masks_too(tmp_path):
    for values in (BAD.astype(bool), BAD * 0.5, BAD.astype(np.int32) * -1):
        np.save(tmp_path / "m.npy", values)
        assert (xk.load_mask(tmp_path / "m.npy").values > 0).sum() == BAD.sum()


def test_a_mask_of_another_shape_is_refused(tmp_path):
    path = write(tmp_path / "m.npy", BAD)
    assert xk.load_mask(path, shape=(37, 64)).shape == (37, 64)
    with pytest.raises(FrameShapeMismatch, match=r"m\.npy.*\(37, 64\).*\(64, 37\)"):
        xk.load_mask(path, shape=(64, 37))
    np.save(path, np.zeros((2, 5, 5)))
    with pytest.raises(FrameShapeMismatch, match=r"m\.npy"):
        xk.load_mask(path)


def test_a_mask_that_leaves_nothing_is_refused(tmp_path):
    with pytest.raises(EmptyResult, match=r"all\.npy"):
        xk.load_mask(write(tmp_path / "all.npy", np.ones((4, 4))))


def test_a_frame_is_no_mask(tmp_path):
    reasons = np.zeros((20, 20), dtype=np.uint16)
    reasons[:8, :8] = np.arange(64).reshape(8, 8)
    np.save(tmp_path / "reasons.npy", reasons)
    assert int((xk.load_mask(tmp_path / "reasons.npy") != 0).sum()) == 63
    np.save(tmp_path / "frame.npy", np.arange(400).reshape(20, 20))
    with pytest.raises(FrameFormatUnknown, match="399 different values"):
        xk.load_mask(tmp_path / "frame.npy")


def test_code_in_a_mask_is_not_run(tmp_path):
    marker = tmp_path / "ran"

    class Exploit:
        def __reduce__(self):
            return os.mkdir, (str(marker),)

    np.save(tmp_path / "m.npy", np.array([[Exploit()]], dtype=object), allow_pickle=True)
    with pytest.raises(FrameCorrupt, match="NPY"):
        xk.load_mask(tmp_path / "m.npy")
    assert not marker.exists()


@pytest.mark.parametrize("name", ["m.edf", "m.tif", "m.npy", "m.msk"])
@pytest.mark.parametrize("share", [0.03, 0.4, 0.97])
def test_a_cut_mask_is_never_a_smaller_mask(tmp_path, name, share):
    path = write(tmp_path / name, BAD)
    whole = xk.load_mask(path).values
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    try:
        cut = xk.load_mask(path).values
    except (FrameCorrupt, FrameFormatUnknown, FrameTruncated) as refusal:
        cut, message = whole, str(refusal)
    else:
        message = name
    np.testing.assert_array_equal(cut, whole)
    assert name in message


def test_files_that_are_no_masks(tmp_path):
    with pytest.raises(FrameNotFound, match=r"absent\.edf"):
        xk.load_mask(tmp_path / "absent.edf")
    for name, content in (("a.txt", b"hello"), ("empty.npy", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FrameFormatUnknown, match=name.replace(".", r"\.")):
            xk.load_mask(tmp_path / name)
    np.save(tmp_path / "text.npy", np.array([["a", "b"]]))
    with pytest.raises(FrameCorrupt, match="not numbers"):
        xk.load_mask(tmp_path / "text.npy")


def test_a_mask_beyond_the_limits_is_refused(tmp_path):
    path = write(tmp_path / "m.npy", BAD)
    with pytest.raises(LimitExceeded, match=r"m\.npy"):
        xk.load_mask(path, limits=xk.Limits(pixels=100))


def test_headers_that_ask_for_too_much_are_refused_before_anything_is_allocated(tmp_path):
    edf = b"{\nDim_1 = 400000 ;\nDim_2 = 400000 ;\nDataType = UnsignedByte ;\n}\n"
    msk = b"M\0\0\0A\0\0\0S\0\0\0K\0\0\0" + struct.pack("<II", 400000, 400000) + bytes(1024)
    sides = b"".join(struct.pack("<HHII", tag, 4, 1, 400000) for tag in (256, 257))
    tiff = b"II*\0" + struct.pack("<IH", 8, 2) + sides + bytes(4)
    for name, content in (("a.edf", edf), ("a.msk", msk), ("a.tif", tiff)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LimitExceeded, match=name.replace(".", r"\.")):
            xk.load_mask(tmp_path / name)


def test_a_tiff_that_points_to_itself_is_refused(tmp_path):
    path = write(tmp_path / "loop.tif", BAD)
    content = bytearray(path.read_bytes())
    (at,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, at)
    struct.pack_into("<I", content, at + 2 + 12 * entries, at)
    path.write_bytes(content)
    with pytest.raises(FrameCorrupt, match="circle"):
        xk.load_mask(path)
