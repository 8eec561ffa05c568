"""Make the table of `xrdkit.phase.sphere_components`, and tell how far its lines are off.

Run by hand: `python tests/benchmarks/fit_sphere_components.py` (some two minutes).
"""

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import least_squares

from xrdkit.phase.sphere_components import GAUSSIANS, KNOTS, knot_axis
from xrdkit.phase.sphere_profile import sphere_line

GAUSS, LORENTZ, FOUR_LN2 = 2 * np.sqrt(np.log(2) / np.pi), 2 / np.pi, 4 * np.log(2)
OFFSETS = 0.15 * np.sinh(np.linspace(0, 6.2, 140))
SIGMAS = np.sort(np.concatenate([KNOTS, np.convolve(KNOTS, [0.5, 0.5], mode="valid")]))
#: Weight of the curvature of the splines, and of what they hold, from start to end.
STIFFNESS = (1e-2, 3e-3, 1e-3, 3e-4)
START = (-1.8, 0.0, -1.4, np.log(0.75), np.log(2.0), np.log(0.85), np.log(0.4))


def sums(table: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Return the sums of four (sigma, offset)."""
    rows = CubicSpline(knot_axis(np.square(KNOTS)), table)(knot_axis(sigma**2))
    share = np.exp(np.hstack([np.zeros((len(rows), 1)), rows[:, :3]]))
    share /= share.sum(axis=1, keepdims=True)
    width = np.exp(rows[:, 3:])
    total = np.zeros((len(rows), OFFSETS.size))
    for k in range(4):
        t = OFFSETS / width[:, k, None]
        shape = GAUSS * np.exp(-FOUR_LN2 * t**2) if k < GAUSSIANS else LORENTZ / (1 + 4 * t**2)
        total += (share[:, k] / width[:, k])[:, None] * shape
    return total


def main() -> None:
    exact = np.array([sphere_line(v).density(OFFSETS, 4 / 3 * np.exp(-3 * v**2)) for v in SIGMAS])
    top = exact[:, :1]
    weight = np.sqrt(np.gradient(OFFSETS) / ((exact + 1e-4 * top) * top))
    axis = knot_axis(np.square(KNOTS))

    def residual(flat: np.ndarray, stiffness: float) -> np.ndarray:
        table = flat.reshape(len(KNOTS), -1)
        slope = np.diff(table, axis=0) / np.diff(axis)[:, None]
        stiff = stiffness * np.diff(slope, axis=0)
        misfit = weight * (sums(table, SIGMAS) - exact)
        return np.concatenate([misfit.ravel(), stiff.ravel(), 0.3 * stiffness * table.ravel()])

    flat = np.tile(START, len(KNOTS))
    for stiffness in STIFFNESS:
        flat = least_squares(residual, flat, args=(stiffness,), max_nfev=40).x
    table = flat.reshape(len(KNOTS), -1)
    for row in table:
        print("    (" + ", ".join(f"{value:.4f}" for value in row) + "),")
    off = np.abs(sums(table, SIGMAS) - exact)
    tail = np.abs(sums(table, SIGMAS) / exact - 1)[:, -40:].max(axis=1)
    for sigma, error, far in zip(SIGMAS, (off / top).max(axis=1), tail, strict=True):
        print(f"sigma {sigma:.3f}: {100 * error:.2f} % of the top, tails {100 * far:.1f} %")


if __name__ == "__main__":
    main()
