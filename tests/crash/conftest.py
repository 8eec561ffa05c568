"""One simulated experiment for all tests of whole runs."""

from pathlib import Path

import pytest
from tiny_run import make_source


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the experiment; tests do not change it."""
    return make_source(tmp_path_factory.mktemp("source"))
