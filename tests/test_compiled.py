"""Compiled kernels where a cache can be written, and where none can."""

import numpy as np
import pytest
from numba.core import caching

from xrdkit.compiled import compiled


def total(values: np.ndarray) -> float:
    result = 0.0
    for value in values:
        result += value
    return result


def test_a_kernel_is_cached() -> None:
    kernel = compiled()(total)
    assert kernel(np.arange(4.0)) == 6.0
    assert kernel._cache.cache_path


def test_without_a_place_for_the_cache_it_is_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(caching.CompileResultCacheImpl, "_locator_classes", [])
    assert compiled(fastmath=True)(total)(np.arange(4.0)) == 6.0
