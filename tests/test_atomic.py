"""Whatever call of the operating system fails: the old file or the new one, never a part."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xrdkit import atomic
from xrdkit.atomic import sweep, write_file
from xrdkit.errors import StoreError, StoreFull

CALLS = ("open", "stat", "write", "fsync", "close", "link", "replace", "unlink")
OLD, NEW = b"old" * 1000, b"new" * 2000


class FailingOs:
    """The os module, whose n-th call fails."""

    def __init__(self, nth: int, code: int, *, links: bool = True) -> None:
        self.nth, self.code, self.links = nth, code, links
        self.made: list[str] = []

    def __getattr__(self, name: str) -> Any:
        value = getattr(os, name)
        return self._counted(name, value) if name in CALLS else value

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            self.made.append(name)
            if len(self.made) == self.nth:
                if name == "close":
                    call(*args, **kwargs)  # the kernel frees the descriptor all the same
                raise OSError(self.code, os.strerror(self.code))
            if name == "link" and not self.links:
                raise OSError(errno.EPERM, "no hard links here")
            return call(*args, **kwargs)

        return wrapped


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE])
@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("links", [True, False])
def test_the_nth_call_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, overwrite: bool, links: bool
) -> None:
    monkeypatch.setattr(atomic, "_CHUNK", 2500)  # several calls of write
    for nth in range(1, 40):
        folder = tmp_path / str(nth)
        folder.mkdir()
        path = folder / "a.nc"
        if overwrite:
            path.write_bytes(OLD)
        failing = FailingOs(nth, code, links=links)
        monkeypatch.setattr(atomic, "os", failing)
        error: StoreError | None = None
        try:
            write_file(path, NEW, overwrite=overwrite)
        except StoreError as exc:
            error = exc
        monkeypatch.setattr(atomic, "os", os)
        left = [p.name for p in folder.iterdir() if p.name != "a.nc"]
        found = path.read_bytes() if path.exists() else None
        assert found in (NEW, OLD if overwrite else None)
        made, failed = failing.made, failing.made[nth - 1 : nth]
        if not failed:
            assert error is None
            assert found == NEW
            break
        after_the_name = {"replace", "link"} & set(made[: nth - 1])
        if error is None:
            assert found == NEW
        elif not after_the_name:
            assert found == (OLD if overwrite else None)
            assert isinstance(error, StoreFull) == (code == errno.ENOSPC)
        if failed != ["unlink"]:
            assert not left
        sweep(folder)
        assert [p.name for p in folder.iterdir() if p.name != "a.nc"] == []
    else:
        pytest.fail("the calls never ended")
    assert {"open", "write", "fsync", "close", "link" if not overwrite else "replace"} <= set(made)


def test_a_name_that_comes_to_exist_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.nc"
    real = atomic._write_partial

    def slow(partial: str, folder: int, payload: bytes) -> None:
        real(partial, folder, payload)
        path.write_bytes(OLD)

    monkeypatch.setattr(atomic, "_write_partial", slow)
    with pytest.raises(StoreError, match="exists"):
        write_file(path, NEW, overwrite=False)
    assert path.read_bytes() == OLD
    assert [p.name for p in tmp_path.iterdir()] == ["a.nc"]


def test_a_missing_or_file_like_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="folder"):
        write_file(tmp_path / "no" / "a.nc", NEW, overwrite=True)
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="folder"):
        write_file(tmp_path / "file" / "a.nc", NEW, overwrite=True)


def test_a_folder_at_the_target_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.nc").mkdir()
    with pytest.raises(StoreError, match="regular"):
        write_file(tmp_path / "a.nc", NEW, overwrite=True)


def test_sweep_takes_only_strays(tmp_path: Path) -> None:
    (tmp_path / "a.nc").touch()
    (tmp_path / ".hidden").touch()
    (tmp_path / ".a.nc.1f-00ff.partial").touch()
    (tmp_path / ".b.nc.1f-00ff.partial").symlink_to(tmp_path / "a.nc")
    assert sweep(tmp_path) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == [".hidden", "a.nc"]


_WRITER = """
import sys
from pathlib import Path
from xrdkit import atomic
atomic._CHUNK = 4096
sizes = [300_000, 500_000]
print("ready", flush=True)
k = 0
while True:
    k += 1
    atomic.write_file(Path(sys.argv[1]), bytes([k % 251]) * sizes[k % 2], overwrite=True)
"""


@pytest.mark.crash
def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    for k in range(10):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE
        ) as writer:
            writer.stdout.readline()
            time.sleep(0.011 * (k + 1))
            writer.send_signal(signal.SIGKILL)
        if path.exists():
            content = path.read_bytes()
            assert len(content) in (300_000, 500_000)
            assert len(set(content)) == 1
    sweep(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]
