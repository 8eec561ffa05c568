"""Baxter's factor Q(k) of hard and sticky spheres: S = 1/|Q|², k = qd with d the diameter.

Q(k) = 1 + 12η [α E_a + β E_b - (λ/12) E_0], E_n = ∫₀¹ tⁿ exp(ikt) dt, E_a = (E_0 - E_2)/2,
E_b = E_0 - E_1 (R. J. Baxter, J. Chem. Phys. 49 (1968) 2770; S. V. G. Menon, C. Manohar, K. S. Rao,
J. Chem. Phys. 95 (1991) 9186). The integrals are taken by their series below k = 1, where closed
forms lose digits.
"""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_SERIES_BELOW = 1.0
_TERMS = 20
_HIGHEST = 3


def moments(k: Array) -> tuple[Complex, ...]:
    """Return E_0 to E_3 of `k`, each of its shape."""
    small = np.abs(k) < _SERIES_BELOW
    safe = np.where(small, 1.0, k)
    wave = np.exp(1j * safe)
    found: list[Complex] = [(wave - 1.0) / (1j * safe)]
    for n in range(1, _HIGHEST + 1):
        found.append((wave - n * found[-1]) / (1j * safe))
    if small.any():
        low = 1j * k[small]
        for n in range(_HIGHEST + 1):
            total = np.zeros_like(low)
            for m in reversed(range(_TERMS)):
                total = total * low + 1.0 / (math.factorial(m) * (m + n + 1))
            found[n][small] = total
    return tuple(found)


def baxter(
    k: Array, eta: float, alpha: float, beta: float, stick: float
) -> tuple[Array, Array, tuple[Array, Array, Array, Array]]:
    """Return S, dS/d ln k, and dS by η (α, β, λ held), α, β and λ = `stick`."""
    e0, e1, e2, e3 = moments(k)
    first, second = 0.5 * (e0 - e2), e0 - e1
    shape = alpha * first + beta * second - stick / 12.0 * e0
    q = 1.0 + 12.0 * eta * shape
    s = 1.0 / (q.real**2 + q.imag**2)

    def slope(by: Complex) -> Array:
        result: Array = -2.0 * s * s * (q.real * by.real + q.imag * by.imag)
        return result

    # dE_n/dk = i E_(n+1).
    turned = 1j * (0.5 * alpha * (e1 - e3) + beta * (e1 - e2) - stick / 12.0 * e1)
    by_log_k = slope(12.0 * eta * k * turned)
    parts = (
        slope(12.0 * shape),
        slope(12.0 * eta * first),
        slope(12.0 * eta * second),
        slope(-eta * e0),
    )
    return s, by_log_k, parts
