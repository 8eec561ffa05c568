"""One writer per folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from xrdkit.errors import StoreError, StoreLocked
from xrdkit.store.lock import FolderLock


def test_one_writer_per_folder(tmp_path: Path) -> None:
    with FolderLock(tmp_path):
        with pytest.raises(StoreLocked), FolderLock(tmp_path):
            pytest.fail("two hold the lock")
        other = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sys; from pathlib import Path; from xrdkit.store.lock import FolderLock\n"
                "FolderLock(Path(sys.argv[1])).__enter__()",
                str(tmp_path),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "StoreLocked" in other.stderr
    with FolderLock(tmp_path):
        pass


def test_a_link_for_a_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError), FolderLock(tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()
