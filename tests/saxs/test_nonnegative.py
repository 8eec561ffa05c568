"""Least squares without negative values."""

import numpy as np
import pytest
from scipy.optimize import nnls

from xrdkit.saxs.nonnegative import nonnegative, nonnegative_rows


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_scipy(seed):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((40, 25))
    target = rng.standard_normal(40)
    gram, product = matrix.T @ matrix, matrix.T @ target
    free = np.zeros(25, dtype=bool)
    expected, _ = nnls(matrix, target)
    start = None if seed % 2 else rng.random(25) > 0.5
    found, positive = nonnegative(gram, product, free=free, start=start)
    np.testing.assert_allclose(found, expected, atol=1e-10)
    assert np.all(found[~positive] == 0)


def test_free_unknowns_may_be_negative():
    free = np.array([True, False, False])
    found, _ = nonnegative(np.eye(3), np.array([-1.0, -1.0, 2.0]), free=free)
    np.testing.assert_allclose(found, [-1, 0, 2])


@pytest.mark.parametrize("seed", range(5))
def test_nearly_parallel_columns(seed):
    """Smooth kernels make normal equations that are singular but for a trace of smoothing."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, 60)
    matrix = np.exp(-((x[:, None] - x[None, ::2]) ** 2) / 0.08)
    target = matrix @ (rng.random(30) > 0.8) + 1e-3 * rng.standard_normal(60)
    gram = matrix.T @ matrix + 1e-6 * np.eye(30)
    product = matrix.T @ target
    found, positive = nonnegative(gram, product, free=np.zeros(30, dtype=bool))
    slope = product - gram @ found
    assert np.all(found >= 0)
    assert np.all(np.abs(slope[positive]) < 1e-8 * np.abs(product).max())
    assert np.all(slope[~positive] < 1e-8 * np.abs(product).max())


def test_rows_are_what_each_gives_alone():
    rng = np.random.default_rng(1)
    matrix = rng.standard_normal((30, 12))
    gram = matrix.T @ matrix
    products = rng.standard_normal((5, 12))
    free = np.zeros(12, dtype=bool)
    found, positive = nonnegative_rows(gram, products, free=free)
    for product, row, where in zip(products, found, positive, strict=True):
        alone, there = nonnegative(gram, product, free=free)
        np.testing.assert_array_equal(row, alone)
        np.testing.assert_array_equal(where, there)
