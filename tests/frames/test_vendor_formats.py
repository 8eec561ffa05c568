"""Formats of laboratory vendors: every table and packing, and files that fabio wrote."""

import fabio
import numpy as np
import pytest
from fabio.bruker100image import Bruker100Image
from fabio.brukerimage import BrukerImage
from fabio.dtrekimage import DtrekImage
from fabio.esperantoimage import EsperantoImage
from fabio.mar345image import Mar345Image
from fabio.numpyimage import NumpyImage
from fabio.tifimage import TifImage
from faults.frame_files import FILE_NAME, FORMATS
from faults.vendor_files import (
    bruker86_bytes,
    bruker100_bytes,
    esperanto_bytes,
    ge_bytes,
    mar345_bytes,
    raxis_bytes,
)

import xrdkit as xk
from xrdkit.errors import FrameCorrupt, FrameFormatUnknown
from xrdkit.masks import MaskReason

#: The dtypes in which detectors count, and those in which a format keeps one of them.
COUNTED = ("u2", "u4", "i4", "f4")
WIDER = {
    "u2": ("u2", "u4", "i4", "f4", "f8"),
    "u4": ("u4", "f8"),
    "i4": ("i4", "f8"),
    "f4": ("f4",),
}
BRUKER = {"bruker 86", "bruker 100", "bruker 100 of 4 bytes"}
ESPERANTO = {"esperanto", "esperanto packed"}
#: What no writer of a format can store: that is a property of the format.
CANNOT = {
    "u2": set(),
    "u4": {"bruker 100", "bruker 100 of 4 bytes", *ESPERANTO},
    "i4": {"marccd", "eiger", "ge", "mar345", "bruker 86", "raxis"},
    "f4": {
        "marccd",
        "cbf",
        "eiger",
        "ge",
        "mar345",
        "raxis",
        "tiff predictor",
        *BRUKER,
        *ESPERANTO,
    },
}


def counts(dtype, shape=(24, 20), top=None):
    """Return one frame of counts with some bright pixels, as a stack."""
    frame = np.random.default_rng(3).poisson(40, shape).astype(np.int64)
    frame[::7, ::5] = 60_000 if top is None else top
    return frame.astype(dtype)[None]


@pytest.mark.parametrize("dtype", COUNTED)
@pytest.mark.parametrize("name", FORMATS)
def test_counts_of_four_dtypes_survive_every_format(name, dtype, tmp_path):
    write, stored, several = FORMATS[name]
    kept = [kind for kind in WIDER[dtype] if kind in stored]
    assert bool(kept) == (name not in CANNOT[dtype])
    if not kept:
        return
    top = 60_000 if name != "raxis" else 59_968  # brighter pixels come in steps of 32 there
    stack = np.concatenate([counts(dtype, top=top), counts(dtype, top=top)[:, ::-1]])
    path = write(tmp_path / FILE_NAME.get(name, "a"), stack.astype(kept[0]))
    data = xk.open_frames(path)
    np.testing.assert_array_equal(data.counts.values, stack if several else stack[:1])
    assert not data.mask_reasons.values[0, 1:].any()


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "raxis"])
def test_marks_of_no_data_are_masked_in_every_format(name, tmp_path):
    write, stored, _ = FORMATS[name]
    kind = next(k for k in ("u4", "i4", "u2", "f4") if k in stored)
    stack = np.repeat(counts(kind, top=40), 2, axis=0)
    stack[0, 5, 6] = -1 if np.dtype(kind).kind == "i" else np.iinfo(kind).max
    reasons = xk.open_frames(write(tmp_path / FILE_NAME.get(name, "a"), stack)).mask_reasons
    assert np.argwhere(reasons.values[0, 1:]).tolist() == [[4, 6]]
    assert reasons.values[0, 5, 6] == MaskReason.SENTINEL


@pytest.mark.parametrize("top", [254, 255, 256, 65534, 65535, 65536, 999_999_999])
@pytest.mark.parametrize("width", [1, 2, 4])
def test_bruker_86_overflows(top, width, tmp_path):
    stack = counts("u4", top=top)
    (tmp_path / "a").write_bytes(bruker86_bytes(stack, width=width))
    np.testing.assert_array_equal(xk.open_frames(tmp_path / "a").counts.values, stack)


@pytest.mark.parametrize("top", [254, 255, 256, 65534, 65535, 65536, 2**31 - 2])
@pytest.mark.parametrize("width", [1, 2, 4])
def test_bruker_100_overflows(top, width, tmp_path):
    stack = counts("i4", top=top)
    (tmp_path / "a").write_bytes(bruker100_bytes(stack, width=width))
    data = xk.open_frames(tmp_path / "a")
    assert data.counts.dtype == np.int32
    np.testing.assert_array_equal(data.counts.values, stack)


@pytest.mark.parametrize("baseline", [-20, 0, 35])
def test_pixels_below_a_bruker_baseline_are_kept_and_not_masked(baseline, tmp_path):
    stack = counts("i4") - 45
    (tmp_path / "a").write_bytes(bruker100_bytes(stack, baseline=baseline))
    data = xk.open_frames(tmp_path / "a")
    assert data.counts.dtype == np.float64
    np.testing.assert_array_equal(data.counts.values, stack)
    assert (stack < -2).any()
    assert not data.mask_reasons.values.any()


def test_a_linear_scale_is_applied(tmp_path):
    stack = counts("u2")
    (tmp_path / "a").write_bytes(bruker86_bytes(stack, width=2, keys={"LINEAR": "0.1 5"}))
    data = xk.open_frames(tmp_path / "a")
    np.testing.assert_allclose(data.counts.values, stack * 0.1 + 5, rtol=1e-15)


@pytest.mark.parametrize("shape", [(24, 20), (16, 16), (17, 33), (9, 5)])
def test_esperanto_of_any_width(shape, tmp_path):
    stack = counts("i4", shape, top=2**31 - 2)
    stack[0, 1::3, 2::4] = -5
    for packed in (False, True):
        (tmp_path / "a").write_bytes(esperanto_bytes(stack, packed=packed))
        np.testing.assert_array_equal(xk.open_frames(tmp_path / "a").counts.values, stack)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("top", [32767, 32768, 65535, 65536, 131071, 2**31 - 2])
def test_mar345_pixels_of_more_than_15_bits(top, order, tmp_path):
    stack = counts("u4", (40, 40), top=top)
    (tmp_path / "a").write_bytes(mar345_bytes(stack, order=order))
    np.testing.assert_array_equal(xk.open_frames(tmp_path / "a").counts.values, stack)


@pytest.mark.parametrize(("ratio", "top"), [(8.0, 2**15 * 8 - 8), (32.0, 2**15 * 32 - 32)])
def test_the_second_photomultiplier_of_an_image_plate(ratio, top, tmp_path):
    stack = counts("u4", top=top)
    stack[0, 1, 1], stack[0, 2, 2] = 2**15 - 1, 2**15
    (tmp_path / "a.osc").write_bytes(raxis_bytes(stack, ratio=ratio))
    found = xk.open_frames(tmp_path / "a.osc").counts
    np.testing.assert_array_equal(found.values, stack)
    np.testing.assert_array_equal(found[0].values, fabio.open(str(tmp_path / "a.osc")).data)


def test_ge_frames_without_a_header_are_told_by_their_size(tmp_path):
    frame = np.zeros((1, 2048, 2048), np.uint16)
    frame[0, 7, 9] = 11
    path = tmp_path / "a.ge2"
    path.write_bytes(ge_bytes(np.concatenate([frame, frame + 1]), blank=True))
    data = xk.open_frames(path)
    assert data.counts.shape == (2, 2048, 2048)
    assert [int(data.counts[k, 7, 9]) for k in (0, 1)] == [11, 12]
    path.write_bytes(ge_bytes(frame, blank=True)[:-2])
    with pytest.raises(FrameFormatUnknown, match="cut"):
        xk.open_frames(path)


#: What fabio writes exactly, and reads again.
WRITERS = {
    "tiff": (TifImage, COUNTED),
    "dtrek": (DtrekImage, COUNTED),
    "npy": (NumpyImage, COUNTED),
    "bruker 100": (Bruker100Image, ("i4",)),
    "esperanto": (EsperantoImage, ("i4",)),
}


@pytest.mark.parametrize(
    ("name", "dtype"), [(name, dtype) for name, (_, kinds) in WRITERS.items() for dtype in kinds]
)
def test_files_of_fabio_are_read_exactly(name, dtype, tmp_path):
    frame = counts(dtype, (256, 256))[0]
    path = tmp_path / "a.dat"
    WRITERS[name][0](data=frame).write(str(path))
    path = next(tmp_path.iterdir())  # one writer adds an ending
    data = xk.open_frames(path)
    np.testing.assert_array_equal(data.counts[0].values, frame)
    assert data.counts.dtype == frame.dtype


def test_fabio_packs_mar345_as_the_scanner_does(tmp_path):
    image = Mar345Image(data=counts("u4", (300, 300), top=80_000)[0])
    image.byteorder = "<"
    image.write(str(tmp_path / "a.mar3450"))
    found = xk.open_frames(tmp_path / "a.mar3450").counts[0].values
    np.testing.assert_array_equal(found, image.data)
    np.testing.assert_array_equal(found, fabio.open(str(tmp_path / "a.mar3450")).data)


def test_what_writers_of_fabio_lose(tmp_path):
    """These are why a file is worth keeping in the format of its detector."""
    full = counts("u4", (256, 256), top=2**32 - 1)[0]
    path = tmp_path / "a"
    Bruker100Image(data=full).write(str(path))
    assert xk.open_frames(path).counts[0].values[0, 0] == -1
    BrukerImage(data=counts("u4", (256, 256), top=300)[0]).write(str(path))
    with pytest.raises(OSError, match="could not identify"):
        fabio.open(str(path))
    with pytest.raises(FrameCorrupt, match="does not announce"):
        xk.open_frames(path)
    frame = counts("i4", (256, 256), top=300)[0]
    Bruker100Image(data=frame, header={"NOVERFL": "0 0 0"}).write(str(path))
    baseline = frame.min() + 1  # taken off the raster, and left out of NEXP
    assert xk.open_frames(path).counts[0].values[0, 0] == 300 - baseline
    EsperantoImage(data=counts("i4", (300, 260))[0]).write(str(path))
    assert xk.open_frames(path).counts.shape == (1, 300, 300)
