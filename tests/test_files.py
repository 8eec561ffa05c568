"""Reading within bounds, and our errors for those of the operating system."""

import errno
import hashlib
import os

import pytest

from xrdkit.errors import StoreError, StoreFull
from xrdkit.files import file_sha256, read_at_most, store_error


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
