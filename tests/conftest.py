"""What all tests share: where the measured data are, and quiet, bounded threads."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of measured data: $XRDKIT_DATA, or ../shared/data beside the checkout."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("XRDKIT_DATA", default))
    if not (folder / "frames").is_dir():
        pytest.skip("measured data are not here: set XRDKIT_DATA to their folder")
    return folder
