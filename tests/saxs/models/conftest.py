"""Curves of models as a fixture."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def curves() -> ModuleType:
    path = Path(__file__).with_name("model_curves.py")
    spec = importlib.util.spec_from_file_location("model_curves", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
