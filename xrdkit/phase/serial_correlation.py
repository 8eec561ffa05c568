"""What neighbouring residuals of one sign say of standard errors: the factor of Bérar & Lelann.

A model that misses the shape of a line leaves residuals that hang together over several points.
These tell less than independent ones, and the errors of a fit that takes them for independent are
too small. J.-F. Bérar & P. Lelann, J. Appl. Cryst. 24 (1991) 1, add such neighbours coherently, in
proportion z to how likely they belong together:

    S' = Σ (1 - zᵢ²) rᵢ² + Σ_runs (Σ zᵢ rᵢ)²,    factor = √(S'/Σ rᵢ²)

with r the weighted residual, zᵢ = √(2π x)/(2 + √(2π x)), x = rᵢ² + rᵢ₋₁², where rᵢ has the sign of
rᵢ₋₁, and 0 elsewhere; runs are stretches of z > 0. z is the density of χ² of two degrees of freedom
at x over the sum of those of one and of two.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky_banded, solve_banded

from xrdkit.fitting import FitOutcome
from xrdkit.phase.spec import EsdCorrection
from xrdkit.uncertainty import ErrorModel

Array = NDArray[np.float64]

#: Mean factor of white noise of the stated size, where chance makes neighbours alike: √1.269.
OF_WHITE_NOISE = 1.127


def berar_lelann_factor(residual: Array) -> float:
    """Return what the errors of a fit with the weighted `residual` (n,) are to be multiplied by.

    Errors are those times the goodness of fit. At least 1; 1.13 (`OF_WHITE_NOISE`) for noise that
    is independent and of the stated size, larger where the model misses something.
    """
    r = np.asarray(residual, dtype=float)
    total = float(r @ r)
    if r.size < 2 or not 0.0 < total < np.inf:
        return 1.0
    together = np.sqrt(2.0 * np.pi * (r[1:] ** 2 + r[:-1] ** 2))
    z = np.zeros(r.size)
    z[1:] = np.where(r[1:] * r[:-1] > 0, together / (2.0 + together), 0.0)
    starts = np.flatnonzero(z == 0.0)
    runs = np.add.reduceat(z * r, starts)
    changed = float(np.sum((1.0 - z**2) * r**2) + runs @ runs)
    return max(float(np.sqrt(changed / total)), 1.0)


def serial_factor(outcome: FitOutcome, errors: ErrorModel | None) -> float:
    """Return the factor of a fit; what neighbours are known to share is taken out before."""
    residual = outcome.residual
    if errors is not None and errors.correlated:
        try:
            root = cholesky_banded(errors.band, lower=True)
        except (LinAlgError, ValueError):
            return float("nan")
        residual = solve_banded((len(root) - 1, 0), root, residual)
    return berar_lelann_factor(residual)


def with_esd_correction(
    outcome: FitOutcome, errors: ErrorModel | None, correction: EsdCorrection
) -> FitOutcome:
    """Return the outcome with the errors that `correction` asks for."""
    if correction in ("gof", "lines"):
        return outcome
    factor = 1.0 if correction == "none" else outcome.gof * serial_factor(outcome, errors)
    return replace(outcome, error_scale=factor)
