"""|F|² and its slopes by direct summation over the symmetry operators, compiled."""

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled

Array = NDArray[np.float64]

#: Slopes per site: ∂/∂x, ∂/∂y, ∂/∂z, ∂/∂B, ∂/∂occupancy.
SLOPES = 5
_TWELFTH_TURNS = np.exp(2j * np.pi * np.arange(24) / 24)


@compiled()
def sum_structure_factors(
    hkl: NDArray[np.int64],
    factor: Array,
    rotations: NDArray[np.int64],
    translations: NDArray[np.int64],
    centric: bool,
    reach: int,
    turns: NDArray[np.complex128],
    positions: Array,
    occupancy: Array,
    b_iso: Array,
    share: Array,
    s_squared: Array,
    regular: Array,
    loss: Array,
    squared: Array,
    slopes: Array,
) -> None:
    """Fill `squared` (n,) with the Friedel mean of |F|², and `slopes` (n, site, 5) where it is.

    `hkl` (n, 3); `factor` (n,) the sum of the centring phases; `rotations` (m, 3, 3) and
    `translations` (m, 3, in 1/24) the operators of `Cosets`; `reach` the largest |index| of hR;
    `turns` (24,) the roots of unity; `positions` (site, 3) exactly on their special positions;
    `share` (site,) the atoms in one cell over the number of summed operators; `s_squared` (n,) in
    1/Å²; `regular` (site, n) = f0 + f', `loss` (site,) = f''. With C the sum of the regular and D
    that of the loss terms, the mean of |F(h)|² and |F(-h)|² is |C|² + |D|². `slopes` of no
    reflection (0, site, 5) are left out.
    """
    n_sites = positions.shape[0]
    n_operators = rotations.shape[0]
    wanted = slopes.shape[0] > 0
    powers = np.empty((n_sites, 3, 2 * reach + 1), dtype=np.complex128)
    for j in range(n_sites):
        for axis in range(3):
            for k in range(-reach, reach + 1):
                angle = 2.0 * np.pi * k * positions[j, axis]
                powers[j, axis, k + reach] = complex(np.cos(angle), np.sin(angle))
    geometric = np.empty(n_sites, dtype=np.complex128)
    gradient = np.empty((n_sites, 3), dtype=np.complex128)
    weighted = np.empty(n_sites)
    for n in range(hkl.shape[0]):
        if factor[n] == 0.0:
            squared[n] = 0.0
            if wanted:
                slopes[n] = 0.0
            continue
        geometric[:] = 0.0
        gradient[:] = 0.0
        for o in range(n_operators):
            h = k = m = shift = 0
            for i in range(3):
                h += hkl[n, i] * rotations[o, i, 0]
                k += hkl[n, i] * rotations[o, i, 1]
                m += hkl[n, i] * rotations[o, i, 2]
                shift += hkl[n, i] * translations[o, i]
            turn = turns[shift % 24]
            for j in range(n_sites):
                term = (
                    turn
                    * powers[j, 0, h + reach]
                    * powers[j, 1, k + reach]
                    * powers[j, 2, m + reach]
                )
                geometric[j] += term
                if wanted:
                    gradient[j, 0] += h * term
                    gradient[j, 1] += k * term
                    gradient[j, 2] += m * term
        if centric:
            # The other half are the conjugates: h·x is odd in R, so its gradient is i times that.
            for j in range(n_sites):
                geometric[j] = 2.0 * geometric[j].real
                for axis in range(3):
                    gradient[j, axis] = complex(0.0, 2.0 * gradient[j, axis].imag)
        ordinary = 0j
        lossy = 0j
        for j in range(n_sites):
            weighted[j] = share[j] * factor[n] * np.exp(-b_iso[j] * s_squared[n])
            amplitude = occupancy[j] * weighted[j] * geometric[j]
            ordinary += regular[j, n] * amplitude
            lossy += loss[j] * amplitude
        squared[n] = abs(ordinary) ** 2 + abs(lossy) ** 2
        if wanted:
            for j in range(n_sites):
                pull = 2.0 * weighted[j]
                pull_c = np.conj(ordinary) * regular[j, n] + np.conj(lossy) * loss[j]
                for axis in range(3):
                    turned = pull_c * 2j * np.pi * gradient[j, axis]
                    slopes[n, j, axis] = pull * occupancy[j] * turned.real
                filled = pull * (pull_c * geometric[j]).real
                slopes[n, j, 3] = -s_squared[n] * occupancy[j] * filled
                slopes[n, j, 4] = filled


def roots_of_unity() -> NDArray[np.complex128]:
    """Return exp(2πi k/24) (24,)."""
    return _TWELFTH_TURNS
