"""The synthetic curves as a fixture."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def sets() -> ModuleType:
    path = Path(__file__).with_name("synthetic_sets.py")
    spec = importlib.util.spec_from_file_location("synthetic_sets", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
