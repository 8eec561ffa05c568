"""Reading within bounds, and our errors for those of the operating system."""

import errno
import hashlib
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

import xrdkit as xk
from xrdkit import files
from xrdkit.errors import StoreError, StoreFull, XrdkitError
from xrdkit.files import endless_heap, file_sha256, read_at_most, store_error


@pytest.mark.parametrize(("size", "most", "got"), [(0, 5, 0), (5, 5, 5), (6, 5, 6), (99, 5, 6)])
def test_no_more_than_one_byte_beyond_the_bound_is_read(tmp_path, size, most, got):
    path = tmp_path / "a"
    content = bytes(k % 251 for k in range(size))
    path.write_bytes(content)
    assert read_at_most(path, most) == content[:got]


def test_what_is_no_regular_file_is_neither_read_nor_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, said in ((tmp_path / "pipe", "not a regular file"), (tmp_path, "a folder")):
        with pytest.raises(OSError, match=said) as caught:
            read_at_most(path, 10)
        assert said in caught.value.strerror


@pytest.mark.parametrize("name", ["absent", "nul\0character"])
def test_a_name_without_a_file(tmp_path, name):
    with pytest.raises(FileNotFoundError) as caught:
        read_at_most(f"{tmp_path}/{name}", 10)
    assert caught.value.strerror


def test_the_digest_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"frame" * 1000)
    assert file_sha256(tmp_path / "a") == hashlib.sha256(b"frame" * 1000).hexdigest()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_or_quota_has_an_error_of_its_own(code):
    error = store_error(OSError(code, os.strerror(code)), "a.nc")
    assert type(error) is StoreFull
    assert "free some space" in str(error)
    other = store_error(OSError(errno.EIO, "no luck"), "a.nc", "the folder cannot be made")
    assert type(other) is StoreError
    assert str(other) == "a.nc: the folder cannot be made: no luck"


def with_a_text(folder):
    """Return an HDF5 file with a text of free length in an attribute, and the place of its heap."""
    path = folder / "texts.h5"
    with h5py.File(path, "w") as file:
        file.create_group("entry").attrs["canSAS_class"] = "SASentry"
        file["entry/numbers"] = np.arange(10.0)
    return path, path.read_bytes().index(b"GCOL\x01")


def damaged(path, at, value):
    """Write one byte of a file."""
    content = bytearray(path.read_bytes())
    content[at] = value
    path.write_bytes(content)
    return path


def test_a_sound_file_of_hdf5_has_no_endless_heap(tmp_path):
    path, _ = with_a_text(tmp_path)
    assert endless_heap(path) is None
    for content in (b"", b"GCOL", b"GCOL\x01\0\0\0" * 100):
        (tmp_path / "other").write_bytes(content)
        assert endless_heap(tmp_path / "other") is None


def test_free_space_without_length_is_found(tmp_path):
    path, heap = with_a_text(tmp_path)
    # The first text is said to be 5 steps longer than it is: what follows is empty free space.
    assert endless_heap(damaged(path, heap + 24, 8 + 40)) == heap + 16 + 16 + 48


def test_both_ends_of_a_long_file_are_looked_through(tmp_path, monkeypatch):
    path, heap = with_a_text(tmp_path)
    damaged(path, heap + 24, 48)
    content = path.read_bytes()
    monkeypatch.setattr(files, "_LOOKED_THROUGH", len(content))
    for before, after, found in ((0, 9, True), (9, 0, True), (9, 9, False)):
        path.write_bytes(bytes(before * len(content)) + content + bytes(after * len(content)))
        assert (endless_heap(path) is not None) == found


@pytest.mark.parametrize("reader", [xk.read_profile, xk.open_frames])
def test_no_reader_waits_for_ever(tmp_path, reader):
    path, heap = with_a_text(tmp_path)
    with pytest.raises(XrdkitError, match="is damaged: its texts have free space of no length"):
        reader(damaged(path, heap + 24, 48))


@pytest.mark.parametrize("reader", ["read_profile", "open_frames"])
def test_an_attribute_of_no_possible_type_does_not_end_the_process(tmp_path, reader):
    path, _ = with_a_text(tmp_path)
    name = b"canSAS_class\0"
    kind = path.read_bytes().index(name) + 16
    assert path.read_bytes()[kind : kind + 2] == b"\x19\x01"  # a sequence that is a text
    damaged(path, kind + 1, 255)
    code = (
        "import sys, xrdkit\nfrom xrdkit.errors import XrdkitError\n"
        f"try: xrdkit.{reader}(sys.argv[1])\nexcept XrdkitError as e: print(e)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "holds no" in done.stdout
