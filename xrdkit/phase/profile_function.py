"""The Thompson-Cox-Hastings pseudo-Voigt and its derivatives, summed over lines.

Omega = eta Lor + (1 - eta) Gau, area 1 per degree; H and eta follow from the Gaussian and
Lorentzian FWHM. Thompson, Cox & Hastings, J. Appl. Cryst. 20 (1987) 79. Asymmetric lines are sums
of symmetric ones at nodes beside their position (`effects.axial`).
"""

import numpy as np
from numpy.typing import NDArray

from xrdkit.compiled import compiled

Array = NDArray[np.float64]
Index = NDArray[np.int64]

#: Derivatives of a line: by amplitude, position, width, mixing; through its nodes by the Bragg
#: angle and the parameters of the nodes.
_PLAIN, _OF_NODES = 4, 4
CHANNELS = _PLAIN + _OF_NODES

_GAUSS_AREA = 2.0 * np.sqrt(np.log(2.0) / np.pi)
_LORENTZ_AREA = 2.0 / np.pi
_FOUR_LN2 = 4.0 * np.log(2.0)
#: Beyond this many FWHM a Gaussian is below 1e-30 of its top.
_GAUSS_REACH = 5.0


def combined_width(gauss: Array, lorentz: Array) -> tuple[Array, Array]:
    """Return H (FWHM) and eta (mixing) of the pseudo-Voigt for two FWHM in the same unit."""
    g, x = gauss, lorentz
    h5 = (
        g**5
        + 2.69269 * g**4 * x
        + 2.42843 * g**3 * x**2
        + 4.47163 * g**2 * x**3
        + 0.07842 * g * x**4
        + x**5
    )
    h = h5**0.2
    q = x / h
    return h, 1.36603 * q - 0.47719 * q**2 + 0.11116 * q**3


def combined_width_slope(
    gauss: Array, lorentz: Array, h: Array
) -> tuple[Array, Array, Array, Array]:
    """Return ∂H/∂gauss, ∂H/∂lorentz, ∂eta/∂gauss, ∂eta/∂lorentz of `combined_width`."""
    g, x = gauss, lorentz
    to_gauss = (
        5 * g**4
        + 4 * 2.69269 * g**3 * x
        + 3 * 2.42843 * g**2 * x**2
        + 2 * 4.47163 * g * x**3
        + 0.07842 * x**4
    ) / (5 * h**4)
    to_lorentz = (
        2.69269 * g**4
        + 2 * 2.42843 * g**3 * x
        + 3 * 4.47163 * g**2 * x**2
        + 4 * 0.07842 * g * x**3
        + 5 * x**4
    ) / (5 * h**4)
    q = x / h
    to_q = 1.36603 - 2 * 0.47719 * q + 3 * 0.11116 * q**2
    return to_gauss, to_lorentz, -to_q * q / h * to_gauss, to_q * (1.0 - q * to_lorentz) / h


def integral_breadth(h: float, eta: float) -> float:
    """Return area over height of the pseudo-Voigt of FWHM `h`, in the unit of `h`."""
    return float(h / (eta * _LORENTZ_AREA + (1.0 - eta) * _GAUSS_AREA))


def one_node(number: int) -> tuple[Index, Array, Array]:
    """Return the nodes of symmetric lines, as `sum_lines` takes them."""
    return np.arange(number + 1, dtype=np.int64), np.zeros(number), np.ones(number)


@compiled(fastmath=True)
def sum_lines(
    x: Array,
    envelope: Array,
    first: Index,
    last: Index,
    position: Array,
    width: Array,
    mixing: Array,
    amplitude: Array,
    node_first: Index,
    node_shift: Array,
    node_weight: Array,
    total: Array,
    edge: float = 0.0,
) -> None:
    """Add lines times `envelope` (n,) to `total` (n,), each from point `first` to before `last`.

    ``edge`` is taken from a Lorentzian of height 1, which ends where it falls below it: sums of
    lines that end with a step would jump where lines move past points.
    """
    shape = np.empty(x.size)
    for k in range(position.size):
        a, b = first[k], last[k]
        if b <= a:
            continue
        h, eta, amp = width[k], mixing[k], amplitude[k]
        shape[a:b] = 0.0
        for n in range(node_first[k], node_first[k + 1]):
            at = position[k] + node_shift[n]
            lorentz = node_weight[n] * amp * eta * _LORENTZ_AREA / h
            gauss = node_weight[n] * amp * (1.0 - eta) * _GAUSS_AREA / h
            inverse = 1.0 / h
            if lorentz != 0.0:
                for i in range(a, b):
                    t = (x[i] - at) * inverse
                    shape[i] += lorentz * max(1.0 / (1.0 + 4.0 * t * t) - edge, 0.0)
            low = max(a, np.searchsorted(x, at - _GAUSS_REACH * h))
            high = min(b, np.searchsorted(x, at + _GAUSS_REACH * h))
            for i in range(low, high):
                t = (x[i] - at) * inverse
                shape[i] += gauss * np.exp(-_FOUR_LN2 * t * t)
        for i in range(a, b):
            total[i] += envelope[i] * shape[i]


@compiled(fastmath=True)
def sum_lines_and_slopes(
    x: Array,
    envelope: Array,
    first: Index,
    last: Index,
    position: Array,
    width: Array,
    mixing: Array,
    amplitude: Array,
    node_first: Index,
    node_shift: Array,
    node_weight: Array,
    node_slopes: Array,
    rows: Index,
    chain: Array,
    total: Array,
    slopes: Array,
    edge: float = 0.0,
) -> None:
    """As `sum_lines`, and add the derivatives to ``slopes`` (parameter, n).

    ``rows`` (m,) are those of `slopes` that these lines touch; ``chain`` (line, m, 8) the
    derivatives of amplitude, position, width, mixing, Bragg angle and the three parameters of the
    nodes; ``node_slopes`` (8, nodes) those of shift and weight by the last four.
    """
    room = x.size
    shape, to_position = np.empty(room), np.empty(room)
    to_width, to_mixing = np.empty(room), np.empty(room)
    to_node = np.zeros((_OF_NODES, room))
    used = np.zeros(_OF_NODES, dtype=np.bool_)
    for m in range(rows.size):
        for c in range(_OF_NODES):
            for k in range(position.size):
                if chain[k, m, _PLAIN + c] != 0.0:
                    used[c] = True
                    break
    for k in range(position.size):
        a, b = first[k], last[k]
        if b <= a:
            continue
        h, eta, amp = width[k], mixing[k], amplitude[k]
        inverse = 1.0 / h
        shape[a:b], to_position[a:b] = 0.0, 0.0
        to_width[a:b], to_mixing[a:b] = 0.0, 0.0
        skewed = node_first[k + 1] - node_first[k] > 1
        if skewed:
            to_node[:, a:b] = 0.0
        for n in range(node_first[k], node_first[k + 1]):
            at, share = position[k] + node_shift[n], node_weight[n]
            low = max(a, np.searchsorted(x, at - _GAUSS_REACH * h))
            high = min(b, np.searchsorted(x, at + _GAUSS_REACH * h))
            top = _LORENTZ_AREA * inverse
            for i in range(a, b):
                t = (x[i] - at) * inverse
                bell = 1.0 / (1.0 + 4.0 * t * t)
                raised = bell - edge
                if raised < 0.0:
                    bell, raised = 0.0, 0.0
                lor = share * top * raised
                shape[i] += eta * lor
                slope = eta * share * top * bell * 8.0 * bell * t * inverse
                to_position[i] += slope
                to_width[i] += slope * t - eta * lor * inverse
                to_mixing[i] += lor
            if skewed:
                for c in range(_OF_NODES):
                    by_shift, by_weight = node_slopes[2 * c, n], node_slopes[2 * c + 1, n]
                    if not used[c] or (by_shift == 0.0 and by_weight == 0.0):
                        continue
                    by_shift *= share
                    for i in range(a, b):
                        t = (x[i] - at) * inverse
                        bell = 1.0 / (1.0 + 4.0 * t * t)
                        raised = bell - edge
                        if raised > 0.0:
                            lean = 8.0 * bell * bell * t * inverse * by_shift
                            to_node[c, i] += eta * top * (lean + raised * by_weight)
            top = _GAUSS_AREA * inverse
            rest = 1.0 - eta
            for i in range(low, high):
                t = (x[i] - at) * inverse
                bell = top * np.exp(-_FOUR_LN2 * t * t)
                gau = share * bell
                shape[i] += rest * gau
                slope = rest * gau * 2.0 * _FOUR_LN2 * t * inverse
                to_position[i] += slope
                to_width[i] += slope * t - rest * gau * inverse
                to_mixing[i] -= gau
                if skewed:
                    for c in range(_OF_NODES):
                        if used[c]:
                            to_node[c, i] += slope * node_slopes[2 * c, n]
                            to_node[c, i] += rest * bell * node_slopes[2 * c + 1, n]
        for i in range(a, b):
            weight = envelope[i]
            total[i] += amp * weight * shape[i]
            shape[i] *= weight
            to_position[i] *= amp * weight
            to_width[i] *= amp * weight
            to_mixing[i] *= amp * weight
        if skewed:
            for c in range(_OF_NODES):
                for i in range(a, b):
                    to_node[c, i] *= amp * envelope[i]
        for m in range(rows.size):
            row = rows[m]
            c0, c1, c2, c3 = chain[k, m, 0], chain[k, m, 1], chain[k, m, 2], chain[k, m, 3]
            if c1 == 0.0 and c2 == 0.0 and c3 == 0.0:
                if c0 != 0.0:
                    for i in range(a, b):
                        slopes[row, i] += c0 * shape[i]
            else:
                for i in range(a, b):
                    slopes[row, i] += (
                        c0 * shape[i] + c1 * to_position[i] + c2 * to_width[i] + c3 * to_mixing[i]
                    )
            if skewed:
                for c in range(_OF_NODES):
                    factor = chain[k, m, _PLAIN + c]
                    if factor != 0.0:
                        for i in range(a, b):
                            slopes[row, i] += factor * to_node[c, i]
