"""Fit of one or more parametric distributions of spheres with their background.

I(q) = Σ_k a_k ∫ f_k(R) V(R) P(qR) dR + b + B q⁻⁴; free are the location (ln R) and width (ln s) of
each f_k, its amplitude a_k = φ_k Δρ², b and B. Derivatives are analytic.
"""

from dataclasses import dataclass

import lmfit
import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import FitOutcome, Values, Verdict, least_squares
from xrdkit.saxs.background import POROD, background_chi2
from xrdkit.saxs.distribution import Array, Family, Weights, lattice_weights
from xrdkit.saxs.kernel import Kernel
from xrdkit.saxs.start import Start, location_range, starts
from xrdkit.uncertainty import ErrorModel

_MAX_STARTS = 4
#: Above this χ²r further starts are tried.
_GOOD = 1.5
_LEAST_SHARE = 1e-3


def location_name(k: int) -> str:
    """Return the name of the parameter ln R of population `k`."""
    return f"location_{k}"


def width_name(k: int) -> str:
    """Return the name of the parameter ln s of population `k`."""
    return f"log_width_{k}"


def amplitude_name(k: int) -> str:
    """Return the name of the parameter φΔρ² of population `k`, (1e10 1/cm²)²."""
    return f"amplitude_{k}"


def population_names(k: int) -> tuple[str, str, str]:
    """Return the names of the parameters of population `k`: location, width, amplitude."""
    return location_name(k), width_name(k), amplitude_name(k)


@dataclass(frozen=True, kw_only=True)
class ParametricFit:
    """What the fit of one curve gives."""

    outcome: FitOutcome
    """Parameters, covariance and residual."""
    calculated: Array
    """Model at every q of the profile, unit of the intensity."""
    background: Array
    """Its background."""
    upper: dict[str, float]
    """Standard error of backgrounds that were set to 0 because they came out negative."""
    background_chi2: float
    """χ² of the background without particles."""


class Model:
    """Intensity and derivatives over all q of a profile, kept for the last parameters asked for."""

    def __init__(
        self,
        family: Family,
        kernel: Kernel,
        background: dict[str, Array],
        populations: int,
    ) -> None:
        self.family = family
        self.kernel = kernel
        self.background = background
        self.populations = populations
        self._asked: tuple[float, ...] | None = None
        self._columns: list[Array] = []

    def columns(self, values: Values) -> list[Array]:
        """Return (column, d/d location, d/d ln s), shape (q, 3), of every population."""
        asked = tuple(
            values[name(k)] for k in range(self.populations) for name in (location_name, width_name)
        )
        if asked != self._asked:
            self._columns = [self._column(self.weights(values, k)) for k in range(self.populations)]
            self._asked = asked
        return self._columns

    def weights(self, values: Values, k: int, *, lowest_power: int = -1) -> Weights:
        """Return the distribution of population `k` on its lattice."""
        return lattice_weights(
            self.family,
            values[location_name(k)],
            float(np.exp(values[width_name(k)])),
            lowest_power=lowest_power,
        )

    def behind(self, values: Values) -> Array:
        """Return the background."""
        total = np.zeros_like(self.kernel.q)
        for name, column in self.background.items():
            total += values[name] * column
        return total

    def intensity(self, values: Values) -> Array:
        """Return particles and background."""
        total = self.behind(values)
        for k, columns in enumerate(self.columns(values)):
            total = total + values[amplitude_name(k)] * columns[:, 0]
        return total

    def slope(self, values: Values, name: str) -> Array:
        """Return the derivative of the intensity by one parameter."""
        if name in self.background:
            return self.background[name]
        kind, _, number = name.rpartition("_")
        column = self.columns(values)[int(number)]
        if kind == "amplitude":
            return column[:, 0]
        amplitude = values[amplitude_name(int(number))]
        return amplitude * column[:, 1 if kind == "location" else 2]

    def _column(self, weights: Weights) -> Array:
        return self.kernel.apply(weights.level, weights.first, weights.table)


def fit_parametric(
    family: Family,
    kernel: Kernel,
    valid: NDArray[np.bool_],
    intensity: Array,
    sigma: Array,
    background: dict[str, Array],
    *,
    populations: int,
    max_evaluations: int,
    errors: ErrorModel | None = None,
) -> ParametricFit | None:
    """Fit one curve; the result does not depend on any other. None where no size adds anything.

    `kernel` has all points of the profile; `valid` ones carry `intensity` and `sigma` (shape of the
    valid ones); `errors` is the model of (intensity - truth)/sigma where more is known than sigma.
    Several starts are tried until one describes the data; the best is returned.
    Raises FitFailed where the model is not finite.
    """
    weight = 1.0 / sigma
    model = Model(family, kernel, background, populations)
    best: ParametricFit | None = None
    candidates = [
        start
        for start in starts(
            family,
            kernel.q,
            valid,
            intensity,
            weight,
            background,
            populations,
            kernel.smearing,
        )
        if max(start.amplitudes) > 0
    ]
    for start in candidates[:_MAX_STARTS]:
        fit = _fit(
            model, _parameters(model, start), valid, intensity, weight, errors, max_evaluations
        )
        if best is None or fit.outcome.chi2 < best.outcome.chi2:
            best = fit
        if best.outcome.gof**2 < _GOOD and best.outcome.verdict is Verdict.OK:
            break
    if best is None or not any(best.outcome.values[amplitude_name(k)] for k in range(populations)):
        return None
    return best


def _parameters(model: Model, start: Start) -> lmfit.Parameters:
    parameters = lmfit.Parameters()
    low, high = location_range(model.kernel.q)
    narrow, wide = np.log(model.family.width_range)
    for k in range(model.populations):
        parameters.add(location_name(k), value=start.locations[k], min=low, max=high)
        parameters.add(width_name(k), value=np.log(start.widths[k]), min=narrow, max=wide)
        # From 0 a population could not move in size.
        amplitude = max(start.amplitudes[k], _LEAST_SHARE * max(start.amplitudes))
        parameters.add(amplitude_name(k), value=amplitude)
    for name in model.background:
        parameters.add(name, value=start.background[name])
    return parameters


def _fit(
    model: Model,
    parameters: lmfit.Parameters,
    valid: NDArray[np.bool_],
    intensity: Array,
    weight: Array,
    errors: ErrorModel | None,
    max_evaluations: int,
) -> ParametricFit:
    def residual(values: Values) -> Array:
        return (model.intensity(values)[valid] - intensity) * weight

    def jacobian(values: Values, names: tuple[str, ...]) -> Array:
        return np.stack([model.slope(values, n)[valid] * weight for n in names], axis=1)

    def minimise(start: lmfit.Parameters) -> FitOutcome:
        return least_squares(
            residual, start, jacobian=jacobian, errors=errors, max_evaluations=max_evaluations
        )

    outcome = minimise(parameters)
    upper: dict[str, float] = {}
    if POROD in model.background and outcome.values[POROD] < 0:
        # A surface cannot scatter less than nothing.
        upper = {POROD: outcome.sigma(scaled=False, common=False)[POROD]}
        again = outcome.parameters.copy()
        again[POROD].set(value=0.0, vary=False)
        outcome = minimise(again)
    values = outcome.values
    return ParametricFit(
        outcome=outcome,
        calculated=model.intensity(values),
        background=model.behind(values),
        upper=upper,
        background_chi2=background_chi2(
            {n: c[valid] * weight for n, c in model.background.items()}, intensity * weight
        ),
    )
