"""Metric tensors, their slopes, and the ties of the crystal systems."""

import gemmi
import numpy as np
import pytest

from xrdkit.phase.cell import (
    cell_ties,
    inverse_d_squared,
    inverse_d_squared_slope,
    volume,
)
from xrdkit.phase.symmetry import find_group, operators, triplets_of

TRICLINIC = (0.51, 0.62, 0.73, 81.0, 94.0, 107.0)
HKL = np.array([[1, 0, 0], [0, 2, -1], [3, -1, 2], [-2, 4, 5]])


def test_spacings_and_volume_agree_with_gemmi():
    cell = gemmi.UnitCell(*(10 * v for v in TRICLINIC[:3]), *TRICLINIC[3:])
    expected = [cell.calculate_1_d2(hkl.tolist()) * 100 for hkl in HKL]
    np.testing.assert_allclose(inverse_d_squared(HKL, TRICLINIC), expected, rtol=1e-12)
    assert volume(TRICLINIC) == pytest.approx(cell.volume / 1000, rel=1e-12)


@pytest.mark.parametrize("index", range(6))
def test_slopes_agree_with_differences(index):
    step = 1e-6
    up, down = list(TRICLINIC), list(TRICLINIC)
    up[index] += step
    down[index] -= step
    expected = (inverse_d_squared(HKL, up) - inverse_d_squared(HKL, down)) / (2 * step)
    got = inverse_d_squared_slope(HKL, TRICLINIC, index)
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("symbol", "angles", "free"),
    [
        ("P -1", (80, 85, 95), (0, 1, 2, 3, 4, 5)),
        ("C 1 2/c 1", (90, 99, 90), (0, 1, 2, 4)),
        ("P n m a", (90, 90, 90), (0, 1, 2)),
        ("P 42/m n m", (90, 90, 90), (0, 2)),
        ("R -3 c", (90, 90, 120), (0, 2)),
        ("R -3 c", (55, 55, 55), (0, 3)),
        ("P 63 m c", (90, 90, 120), (0, 2)),
        ("F m -3 m", (90, 90, 90), (0,)),
    ],
)
def test_symmetry_leaves_the_right_cell_parameters_free(symbol, angles, free):
    ties = cell_ties(operators(triplets_of(find_group(symbol, angles)))[0])
    assert ties.free == free
    done = ties.complete((1.0, 2.0, 3.0, *angles))
    assert done[0] == 1.0
    if free == (0,):
        assert done == (1.0, 1.0, 1.0, 90.0, 90.0, 90.0)
