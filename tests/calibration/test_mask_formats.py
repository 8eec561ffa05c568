"""Masks written for other programs and read back, rows as they lie in the frame file."""

import fabio
import numpy as np
import pytest
from fabio.fit2dmaskimage import Fit2dMaskImage

import xrdkit as xk
from xrdkit.errors import FrameCorrupt, FrameShapeMismatch, SpecError, StoreError
from xrdkit.masks import ALL_REASONS, MaskReason

NAMES = ["m.edf", "m.tif", "m.npy", "m.msk", "m.mask"]


def reasons(shape=(37, 45)):
    """All 1023 combinations of reasons, not alike from the top and from the bottom."""
    bits = np.zeros(shape, dtype=np.uint16)
    bits.ravel()[: ALL_REASONS + 1] = np.arange(ALL_REASONS + 1)
    return bits


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_round_trips_are_exact(tmp_path, name, flip):
    bits = reasons()
    path = xk.save_mask(bits, tmp_path / name, flip=flip)
    back = xk.load_mask(path, flip=flip, shape=bits.shape)
    if name in ("m.edf", "m.tif"):
        np.testing.assert_array_equal(back.values, bits)
    else:
        np.testing.assert_array_equal(back.values, (bits > 0) * np.uint16(MaskReason.USER))
    turned = xk.load_mask(path, flip=not flip)
    np.testing.assert_array_equal(turned.values, back.values[::-1])


@pytest.mark.parametrize("name", NAMES)
def test_other_programs_see_every_pixel(tmp_path, name):
    """pyFAI keeps 8 bits of a mask: 256 (the user's) would be a good pixel."""
    bits = reasons()
    path = xk.save_mask(bits, tmp_path / name)
    if name.endswith(".npy"):
        seen = np.load(path)
    elif name.endswith(".mask"):
        seen = fabio.tifimage.TifImage().read(str(path)).data
    else:
        seen = fabio.open(str(path)).data
    np.testing.assert_array_equal(np.ascontiguousarray(seen, dtype=np.int8) != 0, bits != 0)


def test_pyfai_takes_the_mask(tmp_path):
    from pyFAI.detectors import Detector

    path = xk.save_mask(reasons(), tmp_path / "m.edf")
    detector = Detector(1e-4, 1e-4, max_shape=(37, 45))
    detector.mask = fabio.open(str(path)).data
    np.testing.assert_array_equal(detector.mask != 0, reasons() != 0)


@pytest.mark.parametrize("columns", [31, 32, 33, 64, 100])
def test_fit2d_masks_are_those_of_fabio(tmp_path, columns):
    bad = np.random.default_rng(columns).random((20, columns)) < 0.3
    ours = xk.save_mask(bad, tmp_path / "ours.msk").read_bytes()
    Fit2dMaskImage(data=bad.astype(np.uint8)).write(str(tmp_path / "theirs.msk"))
    assert ours == (tmp_path / "theirs.msk").read_bytes()
    np.testing.assert_array_equal(fabio.open(str(tmp_path / "ours.msk")).data, bad)


def test_the_first_row_written_is_that_of_the_frame(tmp_path):
    bad = np.zeros((8, 64), dtype=bool)
    bad[0] = True
    for flip, row in ((False, 0), (True, 7)):
        path = xk.save_mask(bad, tmp_path / "m.msk", flip=flip)
        assert np.argwhere(fabio.open(str(path)).data.all(axis=1)).tolist() == [[row]]


def test_a_mask_drawn_with_pillow_as_dioptas_does_is_read(tmp_path):
    """Dioptas writes 8-bit TIFF, deflated where it can, of what it shows: the last row first."""
    from PIL import Image

    bad = (reasons() > 500).astype(np.uint8)
    for compression in (None, "tiff_deflate"):
        path = tmp_path / "d.mask"
        Image.fromarray(bad[::-1]).save(path, "tiff", compression=compression)
        mask = xk.load_mask(path, flip=True)
        np.testing.assert_array_equal(mask.values > 0, bad > 0)


def test_format_goes_before_the_name(tmp_path):
    path = xk.save_mask(reasons(), tmp_path / "folder" / "mask.dat", format="msk")
    assert path.read_bytes().startswith(b"M\0\0\0A")
    with pytest.raises(SpecError, match=r"mask\.dat"):
        xk.save_mask(reasons(), path)
    with pytest.raises(SpecError, match="hdf5"):
        xk.save_mask(reasons(), path, format="hdf5")


def test_more_than_64_reasons_are_no_image_where_the_header_says_so(tmp_path):
    path = xk.save_mask(reasons(), tmp_path / "m.tif")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"xrdkit mask", b"another mas"))
    with pytest.raises(xk_error("FrameFormatUnknown"), match="an image"):
        xk.load_mask(path)
    even = content[:8] + b"\x04\x00" + content[10:]
    path.write_bytes(even)
    with pytest.raises(FrameCorrupt, match="no reasons"):
        xk.load_mask(path)


def xk_error(name):
    from xrdkit import errors

    return getattr(errors, name)


def test_what_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        xk.save_mask(reasons(), tmp_path / "file" / "m.edf")
    (tmp_path / "m.edf").mkdir()
    with pytest.raises(StoreError, match=r"m\.edf"):
        xk.save_mask(reasons(), tmp_path / "m.edf")
    with pytest.raises(FrameShapeMismatch, match="shape"):
        xk.save_mask(reasons().ravel(), tmp_path / "n.edf")
