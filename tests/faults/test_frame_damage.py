"""A damaged, hostile or absurd frame file gives one clear error and never a plausible frame."""

import contextlib
import gzip
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from faults.frame_files import (
    FILE_NAME,
    FORMATS,
    bruker86_bytes,
    bruker100_bytes,
    cbf_bytes,
    edf_bytes,
    eiger,
    esperanto_bytes,
    ge_bytes,
    lima,
    mar345_bytes,
    marccd_bytes,
    nexus,
    npy_bytes,
    raxis_bytes,
    smv_bytes,
    stack_of,
    tiff_bytes,
    virtual,
)

import xrdkit as xk
from xrdkit.errors import (
    FrameCorrupt,
    FrameError,
    FrameFormatUnknown,
    FrameNotFound,
    FrameShapeMismatch,
    FrameTruncated,
    LimitExceeded,
    LinkRefused,
    SpecError,
    XrdkitError,
)

STACK = stack_of("u2")
PASSWORDS = Path("/etc/passwd")


def read_all(path):
    return xk.open_frames(path).counts.values


def h5_bytes(tmp_path, libver="earliest"):
    with h5py.File(tmp_path / "whole.h5", "w", libver=libver) as file:
        group = file.create_group("entry/data")
        group.attrs.update({"NX_class": "NXdata", "signal": "data"})
        group.create_dataset("data", data=STACK, chunks=(1, 11, 17), compression="gzip")
    return (tmp_path / "whole.h5").read_bytes()


CUT = {
    "edf": lambda _: edf_bytes(STACK[:1]),
    "edf of several frames": lambda _: edf_bytes(STACK),
    "edf gzip": lambda _: gzip.compress(edf_bytes(STACK[:1]), mtime=0),
    "tiff": lambda _: tiff_bytes(STACK),
    "bigtiff": lambda _: tiff_bytes(STACK, big=True, order=">", rows_per_strip=4),
    "tiff deflate": lambda _: tiff_bytes(STACK, packing="deflate"),
    "marccd": lambda _: marccd_bytes(STACK),
    "cbf": lambda _: cbf_bytes(STACK, comment="# Exposure_time 1.0 s"),
    "hdf5": h5_bytes,
    "hdf5 latest": lambda folder: h5_bytes(folder, "latest"),
    "smv": lambda _: smv_bytes(STACK),
    "npy": lambda _: npy_bytes(STACK),
    "bruker 86": lambda _: bruker86_bytes(STACK, width=1),
    "bruker 100": lambda _: bruker100_bytes(STACK.astype("i4"), baseline=40),
    "ge": lambda _: ge_bytes(STACK),
    "esperanto": lambda _: esperanto_bytes(STACK),
    "esperanto packed": lambda _: esperanto_bytes(STACK, packed=True),
    "raxis": lambda _: raxis_bytes(STACK),
    "mar345": lambda _: mar345_bytes(STACK.astype("u4") * 3),
}
#: bytes at the end of a CBF after the boundary of its data: their loss damages nothing
_HARMLESS = {"cbf": 8}


@pytest.mark.parametrize("name", CUT)
def test_a_cut_frame_is_never_read(name, tmp_path):
    whole = CUT[name](tmp_path)
    path = tmp_path / "cut"
    path.write_bytes(whole)
    assert read_all(path).size
    rng = np.random.default_rng(0)
    last = len(whole) - _HARMLESS.get(name, 0)
    boundary = len(whole) // len(STACK) if name == "edf of several frames" else 0
    offsets = {*rng.integers(0, last, 120).tolist(), 0, 1, 2, 3, 4, 7, last - 1}
    for offset in sorted(offsets):
        if boundary and offset and offset % boundary == 0:
            continue  # a file with fewer frames, whole in itself
        path.write_bytes(whole[:offset])
        with pytest.raises((FrameTruncated, FrameCorrupt)) as caught:
            read_all(path)
        assert caught.value.source == str(path), offset


FLIPPED = [name for name in CUT if "hdf5" not in name and name != "edf of several frames"]


@pytest.mark.parametrize("name", FLIPPED)
def test_flipped_bytes_give_our_errors_or_pixels_but_nothing_foreign(name, tmp_path):
    whole = CUT[name](tmp_path)
    path = tmp_path / "flipped"
    rng = np.random.default_rng(1)
    for turn in range(150):
        damaged = bytearray(whole)
        end = len(whole) if turn % 2 else min(len(whole), 1500)  # the header is what decides
        for at in rng.integers(0, end, 3):
            damaged[at] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        with contextlib.suppress(XrdkitError):
            read_all(path)


EDF = [
    ({"Dim_1": -5}, FrameCorrupt, "-5"),
    ({"Dim_1": "abc"}, FrameCorrupt, "abc"),
    ({"Dim_2": None}, FrameCorrupt, "dim_2"),
    ({"Dim_1": 40000, "Dim_2": 40000, "Size": None}, LimitExceeded, "pixels"),
    ({"Dim_1": 10**30, "Size": None}, LimitExceeded, "pixels"),
    ({"Dim_1": 170, "Size": None}, FrameTruncated, "bytes"),
    ({"Dim_1": 7, "Size": None}, FrameCorrupt, "more bytes"),
    ({"DataType": "UnsignedInteger"}, FrameCorrupt, "374 bytes"),
    ({"DataType": "Quaternion"}, FrameCorrupt, "Quaternion"),
    ({"ByteOrder": "Middle"}, FrameCorrupt, "Middle"),
    ({"Compression": "GzipCompression"}, FrameFormatUnknown, "Gzip"),
    ({"DataValueOffset": "100"}, FrameFormatUnknown, "DataValueOffset"),
    ({"EDF_BinaryFileName": "/etc/passwd"}, LinkRefused, "another file"),
    ({"dim_1": 18}, FrameCorrupt, "twice"),
]


@pytest.mark.parametrize(("keys", "error", "says"), EDF, ids=str)
def test_nonsense_in_an_edf_header(keys, error, says, tmp_path):
    path = tmp_path / "a.edf"
    path.write_bytes(edf_bytes(STACK[:1], keys=keys))
    with pytest.raises(error, match=says):
        read_all(path)


def test_an_edf_header_without_end_is_bounded(tmp_path):
    (tmp_path / "a").write_bytes(b"{\nDim_1 = 5 ;\n" + b"x" * 2**22)
    with pytest.raises(LimitExceeded, match="header bytes"):
        xk.open_frames(tmp_path / "a")


def test_frames_of_unequal_shape_in_one_file(tmp_path):
    other = stack_of("u2", frames=1, shape=(5, 5))
    (tmp_path / "a").write_bytes(edf_bytes(STACK[:1]) + edf_bytes(other))
    with pytest.raises(FrameShapeMismatch, match="frame 1"):
        xk.open_frames(tmp_path / "a")


def patched_tiff(offset_in_entry, tag, code, value):
    """Return a one-page TIFF with one directory field overwritten."""
    raw = bytearray(tiff_bytes(STACK[:1]))
    (at,) = struct.unpack_from("<I", raw, 4)
    (count,) = struct.unpack_from("<H", raw, at)
    for k in range(count):
        entry = at + 2 + 12 * k
        if struct.unpack_from("<H", raw, entry)[0] == tag:
            struct.pack_into(code, raw, entry + offset_in_entry, value)
    return bytes(raw), at, count


TIFF = [
    (256, 100_000, FrameCorrupt, "strip|bytes"),
    (257, 0, FrameCorrupt, "0 x 17"),
    (273, 10**9, FrameTruncated, "early"),
    (279, 5, FrameTruncated, "5 of 374"),
    (277, 3, FrameFormatUnknown, "3 channels"),
    (258, 12, FrameFormatUnknown, "12 bits"),
    (259, 34712, FrameFormatUnknown, "34712"),
    (259, 8, FrameCorrupt, "damaged"),
    (259, 5, FrameCorrupt, "damaged"),
    (339, 3, None, ""),
]


@pytest.mark.parametrize(("tag", "value", "error", "says"), TIFF)
def test_nonsense_in_a_tiff_directory(tag, value, error, says, tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(patched_tiff(8, tag, "<I", value)[0])
    if error is None:  # 16-bit floats exist: only a stated dtype could tell
        assert read_all(path).dtype == np.float16
        return
    if tag == 256:
        error = (FrameCorrupt, FrameTruncated)
    with pytest.raises(error, match=says):
        read_all(path)


def test_an_absurd_tiff_is_refused_before_memory_is_taken(tmp_path):
    raw = bytearray(patched_tiff(8, 256, "<I", 100_000)[0])
    (tmp_path / "a").write_bytes(raw)
    at = struct.unpack_from("<I", raw, 4)[0]
    struct.pack_into("<I", raw, at + 2 + 12 + 8, 100_000)
    (tmp_path / "a").write_bytes(raw)
    with pytest.raises(LimitExceeded, match="10,000,000,000 pixels"):
        xk.open_frames(tmp_path / "a")


def test_directories_in_a_circle_end(tmp_path):
    raw, at, count = patched_tiff(8, 0, "<I", 0)
    looped = bytearray(raw)
    struct.pack_into("<I", looped, at + 2 + 12 * count, at)
    (tmp_path / "a").write_bytes(looped)
    with pytest.raises(FrameCorrupt, match="circle"):
        xk.open_frames(tmp_path / "a")


@pytest.mark.parametrize("end", [b"", b"\0" * 10**6])
def test_a_deflate_strip_unpacks_to_its_promise_only(end, tmp_path):
    raw = bytearray(tiff_bytes(STACK[:1], packing="deflate"))
    bomb = zlib.compress(bytes(10**8) if end else bytes(10))
    size = struct.unpack_from("<I", raw, 4)[0] - 8
    raw[8 : 8 + size] = bomb.ljust(size, b"\0")[:size] if not end else raw[8 : 8 + size]
    if not end:
        (tmp_path / "a").write_bytes(raw)
        with pytest.raises((FrameTruncated, FrameCorrupt)):
            read_all(tmp_path / "a")
        return
    at = struct.unpack_from("<I", raw, 4)[0]
    for k in range(struct.unpack_from("<H", raw, at)[0]):
        entry = at + 2 + 12 * k
        tag = struct.unpack_from("<H", raw, entry)[0]
        if tag == 273:
            struct.pack_into("<I", raw, entry + 8, len(raw))
        if tag == 279:
            struct.pack_into("<I", raw, entry + 8, len(bomb))
    (tmp_path / "a").write_bytes(bytes(raw) + bomb)
    with pytest.raises(FrameCorrupt, match="more than 374 bytes"):
        read_all(tmp_path / "a")


CBF = [
    ("Fastest-Dimension: 17", "Fastest-Dimension: 18", FrameCorrupt),
    ("Elements: 187", "Elements: 1870000", FrameCorrupt),
    ("X-Binary-Size: ", "X-Binary-Size: 9", (FrameTruncated, FrameCorrupt)),
    ("X-Binary-Size: ", "X-Size: ", FrameCorrupt),
    ("16-bit integer", "80-bit integer", FrameCorrupt),
    ("x-CBF_BYTE_OFFSET", "x-CBF_PACKED", FrameFormatUnknown),
    ("Content-MD5: ", "Content-MD5: !", FrameCorrupt),
]


@pytest.mark.parametrize(("old", "new", "error"), CBF)
def test_nonsense_in_a_cbf_header(old, new, error, tmp_path):
    path = tmp_path / "a.cbf"
    path.write_bytes(cbf_bytes(STACK).replace(old.encode(), new.encode()))
    with pytest.raises(error):
        read_all(path)


def test_huge_cbf_dimensions_are_a_limit(tmp_path):
    raw = cbf_bytes(STACK).replace(b"Elements: 187", b"Elements: 1600000000")
    (tmp_path / "a").write_bytes(raw)
    with pytest.raises(LimitExceeded):
        xk.open_frames(tmp_path / "a")


def test_one_flipped_bit_of_a_cbf_is_told_by_its_digest(tmp_path):
    raw = bytearray(cbf_bytes(STACK))
    at = raw.index(b"\x0c\x1a\x04\xd5") + 50
    raw[at] ^= 1
    (tmp_path / "a").write_bytes(raw)
    with pytest.raises(FrameCorrupt, match=r"frame 0: .*MD5"):
        read_all(tmp_path / "a")


def test_a_cbf_without_digest_is_counted(tmp_path):
    raw = bytearray(cbf_bytes(STACK, md5=False))
    (tmp_path / "a").write_bytes(raw)
    np.testing.assert_array_equal(read_all(tmp_path / "a"), STACK[:1])
    at = raw.index(b"\x0c\x1a\x04\xd5") + 4
    raw[at : at + 40] = b"\1" * 40
    (tmp_path / "a").write_bytes(raw)
    with pytest.raises(FrameCorrupt):
        read_all(tmp_path / "a")


def test_what_is_no_frame_file(tmp_path):
    folder, fifo, text = tmp_path / "d.edf", tmp_path / "f.edf", tmp_path / "t.edf"
    folder.mkdir()
    os.mkfifo(fifo)
    text.write_text("Sample 12, measured at night\n" * 30)
    (tmp_path / "empty.tif").touch()
    (tmp_path / "a.json").write_text('{\n  "Dim_1" : 5 = 6;\n}\n')
    loop = tmp_path / "loop.cbf"
    loop.symlink_to(loop)
    for path, error, says in (
        (tmp_path / "absent.edf", FrameNotFound, "no such file"),
        (folder, FrameNotFound, "folder"),
        (fifo, FrameNotFound, "not a regular file"),
        (loop, FrameNotFound, "cannot be opened"),
        (Path("/dev/zero"), FrameNotFound, "not a regular file"),
        (text, FrameFormatUnknown, "no frame format"),
        (tmp_path / "a.json", FrameFormatUnknown, "readers: bruker, cbf, edf"),
        (tmp_path / "empty.tif", FrameTruncated, "empty"),
    ):
        with pytest.raises(error, match=says) as caught:
            xk.open_frames(path)
        assert caught.value.source == str(path)
    for pattern in ("none_*.edf", "*/frames_*.edf"):
        with pytest.raises(FrameNotFound):
            xk.open_frames(str(tmp_path / pattern))
    with pytest.raises(FrameNotFound):
        xk.open_frames([])


def test_pickled_objects_are_never_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    with pytest.raises(FrameCorrupt, match="object"):
        xk.open_frames(tmp_path / "a.npy")


VENDOR = [
    (bruker86_bytes, {"NOVERFL": 10**9}, FrameCorrupt, "overflows"),
    (bruker86_bytes, {"NPIXELB": 3}, FrameCorrupt, "3 bytes"),
    (bruker86_bytes, {"NROWS": -4}, FrameCorrupt, "NROWS"),
    (bruker86_bytes, {"NROWS": 10**6, "NCOLS": 10**6}, LimitExceeded, "pixels"),
    (bruker86_bytes, {"HDRBLKS": 10**6}, LimitExceeded, "header bytes"),
    (bruker86_bytes, {"HDRBLKS": "many"}, FrameCorrupt, "HDRBLKS"),
    (bruker86_bytes, {"COMPRES": "HUFFMAN"}, FrameFormatUnknown, "HUFFMAN"),
    (bruker86_bytes, {"LINEAR": "a b"}, FrameCorrupt, "LINEAR"),
    (bruker86_bytes, {"NROWS": 1000}, FrameTruncated, "bytes"),
    (bruker100_bytes, {"NOVERFL": "0 0 0", "NEXP": "1 1"}, FrameCorrupt, "baseline"),
    (bruker100_bytes, {"NOVERFL": "-1 1 0"}, FrameCorrupt, "overflows"),
]


@pytest.mark.parametrize(
    ("make", "keys", "error", "says"), VENDOR, ids=[f"{k} {row[3]}" for k, row in enumerate(VENDOR)]
)
def test_nonsense_in_a_bruker_header(make, keys, error, says, tmp_path):
    (tmp_path / "a").write_bytes(make(STACK, keys=keys))
    with pytest.raises(error, match=says):
        read_all(tmp_path / "a")


def test_a_table_of_overflows_that_no_header_announces_is_told(tmp_path):
    raw = bruker86_bytes(STACK, width=1, announced=False)
    (tmp_path / "a").write_bytes(raw)
    with pytest.raises(FrameCorrupt, match="does not announce"):
        xk.open_frames(tmp_path / "a")


def test_nonsense_in_the_headers_of_other_vendors(tmp_path):
    path = tmp_path / "a"
    mar, esperanto = mar345_bytes(STACK), esperanto_bytes(STACK)
    ge = bytearray(ge_bytes(STACK))
    struct.pack_into("<H", ge, 28, 24)
    cases = [
        (mar345_bytes(STACK, bright=10**9), FrameCorrupt, "bright"),
        (mar.replace(struct.pack("<4i", 1234, 17, 0, 1), struct.pack("<4i", 1234, 17, 0, 2)),
         FrameFormatUnknown, "format 2"),
        (mar.replace(b"X: 0017", b"X: 0018"), FrameCorrupt, "18 x 0011 pixels"),
        (mar.replace(b"CCP4", b"XXXX"), FrameCorrupt, "no packed image"),
        (esperanto.replace(b"4BYTE_LONG", b"ZIP_BLOCKS"), FrameFormatUnknown, "ZIP_BLOCKS"),
        (esperanto.replace(b"IMAGE 17 11", b"IMAGE 0  11"), FrameCorrupt, "11 x 0"),
        (esperanto.replace(b"25 LINES", b"99 LINES"), FrameTruncated, "header"),
        (esperanto.replace(b"IMAGE 17", b"IMAGE ab"), FrameCorrupt, "IMAGE"),
        (bytes(ge), FrameCorrupt, "24 bits"),
        (raxis_bytes(STACK, ratio=0.5), FrameCorrupt, "ratio"),
        (raxis_bytes(STACK, ratio=float("nan")), FrameCorrupt, "ratio"),
        (raxis_bytes(STACK) + b"0", FrameCorrupt, "more bytes"),
        (bytes(20_000), FrameFormatUnknown, "begins with zeros"),
    ]  # fmt: skip
    for raw, error, says in cases:
        path.write_bytes(raw)
        with pytest.raises(error, match=says):
            read_all(path)


needs_passwords = pytest.mark.skipif(not PASSWORDS.exists(), reason="no /etc/passwd here")


@needs_passwords
def test_external_storage_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("entry/data/data", (10, 10), "u1", external=[(str(PASSWORDS), 0, 100)])
    for name in (path, f"{path}::/entry/data/data"):
        with pytest.raises(LinkRefused, match="passwd"):
            xk.open_frames(name)


@needs_passwords
def test_external_storage_behind_a_link_or_source_is_refused(tmp_path):
    with h5py.File(tmp_path / "inner.h5", "w") as file:
        file.create_dataset("data", (3, 10, 10), "u1", external=[(str(PASSWORDS), 0, 300)])
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["entry/data/data_000001"] = h5py.ExternalLink("inner.h5", "/data")
    layout = h5py.VirtualLayout((3, 10, 10), "u1")
    layout[:] = h5py.VirtualSource("inner.h5", "data", (3, 10, 10))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    for name in ("link.h5", "virtual.h5"):
        with pytest.raises(LinkRefused, match="passwd"):
            xk.open_frames(tmp_path / name)


@pytest.mark.parametrize("target", ["../outside.h5", "/srv/outside.h5", "sly.h5"])
def test_links_out_of_the_folder_are_refused(target, tmp_path):
    nexus(tmp_path / "outside.h5", STACK)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "sly.h5").symlink_to(tmp_path / "outside.h5")
    with h5py.File(inside / "link.h5", "w") as file:
        file["entry/data/data_000001"] = h5py.ExternalLink(target, "/entry/data/frames")
    with pytest.raises((LinkRefused, FrameTruncated)):
        read_all(inside / "link.h5")
    layout = h5py.VirtualLayout(STACK.shape, STACK.dtype)
    layout[:] = h5py.VirtualSource(target, "entry/data/frames", STACK.shape)
    with h5py.File(inside / "virtual.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    with pytest.raises((LinkRefused, FrameTruncated)):
        read_all(inside / "virtual.h5")


def test_a_missing_source_or_data_file_is_told(tmp_path):
    with pytest.raises(FrameTruncated, match=r"v_part1\.h5"):
        xk.open_frames(virtual(tmp_path / "v.h5", STACK, missing=True))
    master = eiger(tmp_path / "run_master.h5", STACK)
    (tmp_path / "run_data_000002.h5").unlink()
    with pytest.raises(FrameTruncated, match=r"run_data_000002\.h5"):
        xk.open_frames(master)


def test_a_source_with_fewer_frames_than_mapped_is_told(tmp_path):
    path = virtual(tmp_path / "v.h5", STACK)
    with h5py.File(tmp_path / "v_part0.h5", "w") as file:
        file["data"] = STACK[:1]
    with pytest.raises(FrameTruncated):
        read_all(path)


def test_circles_of_links_end(tmp_path):
    with h5py.File(tmp_path / "soft.h5", "w") as file:
        group = file.create_group("entry")
        group.attrs.update({"NX_class": "NXdata", "signal": "a"})
        group["a"], group["b"] = h5py.SoftLink("/entry/b"), h5py.SoftLink("/entry/a")
    with h5py.File(tmp_path / "hard.h5", "w") as file:
        file["entry/inner/data"] = STACK
        file["entry/inner/again"] = file["entry"]
    with h5py.File(tmp_path / "far.h5", "w") as file:
        file["entry/data/data_000001"] = h5py.ExternalLink("far.h5", "/entry/data/data_000001")
    layout = h5py.VirtualLayout(STACK.shape, STACK.dtype)
    layout[:] = h5py.VirtualSource(".", "data", STACK.shape)
    with h5py.File(tmp_path / "self.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    for name in ("soft", "hard", "far", "self"):
        with pytest.raises(LinkRefused):
            read_all(tmp_path / f"{name}.h5")


def test_deep_and_wide_trees_are_refused(tmp_path):
    with h5py.File(tmp_path / "deep.h5", "w") as file:
        file["/".join(["g"] * 40) + "/data"] = STACK
    with pytest.raises(LinkRefused, match="deeper than 32"):
        xk.open_frames(tmp_path / "deep.h5")
    with h5py.File(tmp_path / "wide.h5", "w", libver="latest") as file:
        for k in range(100_001):
            file[f"s{k}"] = h5py.SoftLink("/x")
    with pytest.raises(LinkRefused, match="100,000 objects"):
        xk.open_frames(tmp_path / "wide.h5")


def test_absurd_hdf5_shapes_are_limits(tmp_path):
    shapes = {"pixels": (2, 10**6, 10**6), "frames": (10**12, 2, 2)}
    for says, shape in shapes.items():
        with h5py.File(tmp_path / f"{says}.h5", "w") as file:
            file.create_dataset("data", shape, "u1", chunks=(1, 2, 2))
        with pytest.raises(LimitExceeded, match=says):
            xk.open_frames(tmp_path / f"{says}.h5")
    with h5py.File(tmp_path / "chunk.h5", "w") as file:
        file.create_dataset("data", (10**5, 10**3, 10), "f4", chunks=(10**5, 10**3, 10))
    with pytest.raises(LimitExceeded, match="limit"):
        xk.open_frames(tmp_path / "chunk.h5", limits=xk.Limits(bytes_held=10**9))


def test_bombs_take_no_memory(tmp_path):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    with (tmp_path / "tail.edf.gz").open("wb") as stream:
        stream.write(packer.compress(edf_bytes(STACK[:1])))
        for _ in range(300):
            stream.write(packer.compress(bytes(10**6)))
        stream.write(packer.flush())
    (tmp_path / "head.edf.gz").write_bytes(gzip.compress(b"{\n" + b" " * 3 * 10**8))
    keys = {"Dim_1": 2**14, "Dim_2": 2**14, "Size": None}
    (tmp_path / "short.edf.gz").write_bytes(gzip.compress(edf_bytes(STACK[:1], keys=keys)))
    with (tmp_path / "zeros.ge.gz").open("wb") as stream:
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        for _ in range(300):
            stream.write(packer.compress(bytes(10**6)))
        stream.write(packer.flush())
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        data = file.create_dataset(
            "data", (32000, 32000), "u4", chunks=(1000, 32000), compression="gzip"
        )
        data[:1000] = 0
    code = (
        "import resource, sys, xrdkit as xk, xrdkit.frames\n"
        "from xrdkit.errors import XrdkitError\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n"
        "        xk.open_frames(name).counts.values\n"
        "        sys.exit(name + ' was read')\n"
        "    except XrdkitError as error:\n"
        "        pass\n"
        "print((peak() - before) / 1024)\n"
    )
    names = [str(p) for p in sorted(tmp_path.iterdir())]
    done = subprocess.run(
        [sys.executable, "-c", code, *names], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 200


def test_a_checksum_of_hdf5_is_enforced(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", data=STACK, chunks=(1, 11, 17), fletcher32=True)
        at = data.id.get_chunk_info(1).byte_offset
    raw = bytearray(path.read_bytes())
    raw[at + 9] ^= 4
    path.write_bytes(raw)
    counts = xk.open_frames(path).counts
    np.testing.assert_array_equal(counts[0].values, STACK[0])
    with pytest.raises(FrameCorrupt, match="frame 1"):
        counts[1].load()


@pytest.mark.parametrize("at", range(16))
def test_sizes_inside_a_packed_chunk_are_checked_before_the_filter(at, tmp_path):
    stack = stack_of("u2", shape=(64, 128))  # two blocks of 8192 bytes
    path = nexus(tmp_path / "a.h5", stack)
    with h5py.File(path) as file:
        start = file["entry/data/frames"].id.get_chunk_info(1).byte_offset
    raw = bytearray(path.read_bytes())
    raw[start + at] ^= 0x11
    path.write_bytes(raw)
    counts = xk.open_frames(path).counts
    np.testing.assert_array_equal(counts[2].values, stack[2])
    with pytest.raises(FrameCorrupt, match="frame 1"):
        counts[1].load()


def test_a_master_and_its_data_files_are_not_counted_twice(tmp_path):
    eiger(tmp_path / "run_master.h5", STACK)
    with pytest.raises(SpecError, match="name the master file only"):
        xk.open_frames(str(tmp_path / "run_*.h5"))
    data = xk.open_frames(str(tmp_path / "run_data_*.h5"))
    np.testing.assert_array_equal(data.counts.values, STACK)


def test_unwritten_frames_are_reported_and_never_zero(tmp_path):
    data = xk.open_frames(lima(tmp_path / "a.h5", STACK, declared=10))
    assert data.written.values.tolist() == [True] * 3 + [False] * 7
    np.testing.assert_array_equal(data.counts[:3].values, STACK)
    for key in (3, slice(0, 5), [9]):
        with pytest.raises(FrameTruncated) as caught:
            data.counts[key].load()
        assert caught.value.frame == (9 if key == [9] else 3)
    aborted = xk.open_frames(eiger(tmp_path / "run_master.h5", STACK, declared=5))
    assert aborted.written.values.tolist() == [True] * 3 + [False] * 2
    with pytest.raises(FrameTruncated, match=r"run_master\.h5, frame 4"):
        aborted.counts[4].load()
    with h5py.File(tmp_path / "never.h5", "w") as file:
        file.create_dataset("data", (4, 8, 8), "u2")
    with pytest.raises(FrameTruncated):
        read_all(tmp_path / "never.h5")
    np.testing.assert_array_equal(data.counts.isel(frame=data.written.values).values, STACK)


def test_unwritten_frames_of_a_virtual_source_are_unwritten(tmp_path):
    path = virtual(tmp_path / "v.h5", STACK)
    with h5py.File(tmp_path / "v_part0.h5", "w") as file:
        data = file.create_dataset("data", (2, 11, 17), "u2", chunks=(1, 11, 17))
        data[0] = STACK[0]
    data = xk.open_frames(path)
    assert data.written.values.tolist() == [True, False, True]
    np.testing.assert_array_equal(data.counts[2].values, STACK[2])


def test_a_file_that_changes_after_opening_is_told(tmp_path):
    path = tmp_path / "a.edf"
    path.write_bytes(edf_bytes(STACK))
    counts = xk.open_frames(path).counts
    path.write_bytes(edf_bytes(STACK)[:-10])
    with pytest.raises(FrameTruncated):
        counts[2].load()
    path.unlink()
    with pytest.raises(FrameNotFound):
        counts[0].load()


@pytest.mark.parametrize("name", FORMATS)
def test_frame_errors_are_os_errors_too(name, tmp_path):
    path = FORMATS[name][0](tmp_path / FILE_NAME.get(name, "a"), stack_of("u2"))
    os.truncate(path, 40)
    with pytest.raises(OSError, match=r"XRK-F|cut|ends|holds|truncated|cannot|states") as caught:
        read_all(path)
    assert isinstance(caught.value, FrameError)
