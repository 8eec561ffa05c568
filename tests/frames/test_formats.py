"""Every format and dtype comes back exactly, lazily, and without help from the file name."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from faults.frame_files import (
    FILE_NAME,
    FORMATS,
    edf_bytes,
    nexus,
    npy_bytes,
    stack_of,
    tiff_bytes,
    virtual,
)
from PIL import Image

import xrdkit as xk
from xrdkit import provenance, schema
from xrdkit.errors import FrameFormatUnknown, FrameShapeMismatch, LimitExceeded, SpecError
from xrdkit.limits import Limits
from xrdkit.masks import MaskReason, no_data_reasons

CASES = [(name, dtype) for name, (_, dtypes, _) in FORMATS.items() for dtype in dtypes]


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_every_format_and_dtype_is_exact(name, dtype, tmp_path):
    write, _, several = FORMATS[name]
    stack = stack_of(dtype)
    if name == "raxis":  # keeps 15 bits, and brighter pixels in steps
        stack = stack % 2**15
    path = write(tmp_path / FILE_NAME.get(name, "frames.dat"), stack)
    data = xk.open_frames(path)
    schema.validate(data, schema.FRAMES)
    wanted = stack if several else stack[:1]
    assert data.counts.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(data.counts.values, wanted)
    assert data.written.values.all()
    assert data.file_frame.values.tolist() == list(range(len(wanted)))


def test_there_are_at_least_eleven_formats():
    assert len(FORMATS) >= 11


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "f4"])
def test_lzw_written_by_another_library(dtype, tmp_path):
    frame = stack_of(dtype, frames=1, shape=(120, 170))[0]
    modes = {"u1": "L", "u2": "I;16", "i4": "I", "f4": "F"}
    size = frame.shape[::-1]
    Image.frombytes(modes[dtype], size, frame.tobytes()).save(
        tmp_path / "a.tif", compression="tiff_lzw"
    )
    np.testing.assert_array_equal(xk.open_frames(tmp_path / "a.tif").counts[0].values, frame)


INDEXERS = [
    {"frame": 2},
    {"frame": -1, "y": 3},
    {"frame": slice(1, None, 2)},
    {"frame": [4, 0, 3]},
    {"frame": [1, 1]},
    {"y": slice(2, 8, 3), "x": slice(None, None, -1)},
    {"frame": 0, "y": [7, 2], "x": [1, 5, 9]},
    {"frame": slice(3, 3)},
    {"frame": 1, "y": 2, "x": 3},
]


@pytest.mark.parametrize("name", ["edf", "tiff strips big-endian", "nexus", "eiger", "virtual"])
@pytest.mark.parametrize("indexer", INDEXERS, ids=str)
def test_any_selection_is_that_of_the_array(name, indexer, tmp_path):
    stack = stack_of("u2", frames=5)
    path = FORMATS[name][0](tmp_path / FILE_NAME.get(name, "a"), stack)
    lazy = xk.open_frames(path).counts
    held = lazy.copy(data=stack)
    np.testing.assert_array_equal(lazy.isel(indexer).values, held.isel(indexer).values)


def test_sentinels_are_the_same_pixels_in_every_dtype(tmp_path):
    frame = np.arange(11 * 17, dtype=np.int64).reshape(11, 17)
    frame[3, ::4] = 2**32 - 1
    found = {}
    for dtype in ("uint32", "int64", "float32", "float64"):
        path = tmp_path / dtype
        path.write_bytes(edf_bytes(frame.astype(dtype)[None]))
        counts = xk.open_frames(path).counts
        found[dtype] = no_data_reasons(counts[0].values, counts.attrs["sentinels"])
    for reasons in found.values():
        np.testing.assert_array_equal(reasons, found["uint32"])
    assert (found["uint32"] == MaskReason.SENTINEL).sum() == 5


def test_declared_sentinels_reach_the_consumer(tmp_path):
    (tmp_path / "a").write_bytes(edf_bytes(stack_of("i4"), keys={"Dummy": -10, "DDummy": 0.1}))
    counts = xk.open_frames(tmp_path / "a", sentinels=[7]).counts
    assert counts.attrs["sentinels"].tolist() == [-10, 7]
    assert xk.open_frames([tmp_path / "a"]).counts.attrs["sentinels"].tolist() == [-10]


def test_files_are_joined_in_natural_or_given_order(tmp_path):
    stack = stack_of("u2", frames=3)
    for number, frame in zip((1, 2, 10), stack, strict=True):
        (tmp_path / f"scan_{number}.edf").write_bytes(edf_bytes(frame[None]))
    data = xk.open_frames(str(tmp_path / "scan_*.edf"))
    np.testing.assert_array_equal(data.counts.values, stack)
    assert data.source_file.values.tolist() == ["scan_1.edf", "scan_2.edf", "scan_10.edf"]
    order = [tmp_path / f"scan_{n}.edf" for n in (10, 1)]
    np.testing.assert_array_equal(xk.open_frames(order).counts.values, stack[[2, 0]])
    np.testing.assert_array_equal(data.counts[[2, 0, 1]].values, stack[[2, 0, 1]])


def test_files_of_unequal_frames_are_not_joined(tmp_path):
    (tmp_path / "a").write_bytes(edf_bytes(stack_of("u2")))
    (tmp_path / "b").write_bytes(edf_bytes(stack_of("u2", shape=(17, 11))))
    (tmp_path / "c").write_bytes(tiff_bytes(stack_of("i4")))
    for other in "bc":
        with pytest.raises(FrameShapeMismatch, match=f"/{other}:"):
            xk.open_frames([tmp_path / "a", tmp_path / other])


def test_facts_missing_in_some_files_are_nan_there(tmp_path):
    (tmp_path / "a").write_bytes(edf_bytes(stack_of("u2", frames=1), keys={"ExposureTime": 2}))
    (tmp_path / "b").write_bytes(edf_bytes(stack_of("u2", frames=2)))
    data = xk.open_frames([tmp_path / "a", tmp_path / "b"])
    np.testing.assert_array_equal(data.exposure_time.values, [2, np.nan, np.nan])


def test_provenance_names_every_file_with_its_digest(tmp_path):
    write, _, _ = FORMATS["eiger"]
    data = xk.open_frames(write(tmp_path / "run_master.h5", stack_of("u4")))
    (step,) = provenance.steps(data)
    names = ["run_master.h5", "run_data_000001.h5", "run_data_000002.h5"]
    assert step.step == "open_frames"
    assert step.settings["files"] == names
    assert list(step.inputs) == [provenance.fingerprint(tmp_path / n) for n in names]


def test_opening_twice_gives_identical_datasets(tmp_path):
    path = FORMATS["eiger"][0](tmp_path / "run_master.h5", stack_of("u4"))
    assert xk.open_frames(path).identical(xk.open_frames(path))


def test_a_part_of_a_file_is_named_when_it_is_ambiguous(tmp_path):
    first, second = stack_of("u2"), stack_of("f4", shape=(5, 6))
    path = tmp_path / "two.h5"
    with h5py.File(path, "w") as file:
        file["saxs/images"], file["waxs/images"] = first, second
    with pytest.raises(FrameFormatUnknown, match=r"/saxs/images, /waxs/images.*two\.h5::/saxs"):
        xk.open_frames(path)
    np.testing.assert_array_equal(xk.open_frames(f"{path}::/waxs/images").counts.values, second)
    with pytest.raises(FrameFormatUnknown, match="group"):
        xk.open_frames(f"{path}::/waxs")


def test_tiles_of_a_virtual_dataset_leave_a_gap(tmp_path):
    stack = stack_of("u2", shape=(12, 9))
    data = xk.open_frames(virtual(tmp_path / "v.h5", stack, tiles=True))
    gap = np.zeros((12, 9), dtype=bool)
    gap[6] = True
    np.testing.assert_array_equal(data.mask.values == MaskReason.GAP, gap)
    values = data.counts.values
    np.testing.assert_array_equal(values[:, ~gap], stack[:, ~gap])
    assert (values[:, gap] == 65535).all()


def test_an_unknown_reader_is_refused_and_a_known_one_is_taken(tmp_path):
    (tmp_path / "a").write_bytes(npy_bytes(stack_of("u2")))
    assert xk.open_frames(tmp_path / "a", reader="npy").sizes["frame"] == 3
    with pytest.raises(SpecError, match="known: bruker, cbf, edf"):
        xk.open_frames(tmp_path / "a", reader="raw")


def test_a_thousand_frames_open_without_being_read(tmp_path):
    path = tmp_path / "big.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset(
            "entry/data/data", (1000, 1000, 1000), "u4", chunks=(1, 1000, 1000), compression=1
        )
        raw = np.zeros((1000, 1000), "u4")
        data[0] = raw
        packed = data.id.read_direct_chunk((0, 0, 0))[1]
        for k in range(1000):
            data.id.write_direct_chunk((k, 0, 0), packed)
    code = (
        "import resource, sys, xrdkit as xk\n"
        "import xrdkit.frames\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "data = xk.open_frames(sys.argv[1])\n"
        "assert data.counts.shape == (1000, 1000, 1000)\n"
        "assert all(int(data.counts[k].values.sum()) == 0 for k in range(0, 1000, 100))\n"
        "print((peak() - before) / 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 100  # MB; the stack is 4000 MB
    data = xk.open_frames(path, limits=Limits(bytes_held=10**8))
    with pytest.raises(LimitExceeded):
        data.counts.load()


def test_datasets_cross_process_borders(tmp_path):
    path = nexus(tmp_path / "a.h5", stack_of("u4"))
    code = (
        "import sys, multiprocessing as mp, xrdkit as xk\n"
        "def total(counts): return int(counts[1].values.sum())\n"
        "if __name__ == '__main__':\n"
        "    counts = xk.open_frames(sys.argv[1]).counts\n"
        "    with mp.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.apply(total, (counts,)))\n"
    )
    script = tmp_path / "spawned.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, str(script), str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert int(done.stdout) == int(stack_of("u4")[1].sum())
