"""A frame to be fitted, and a fitted one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from xrdkit.fitting import FitOutcome
from xrdkit.phase.model import PatternModel
from xrdkit.phase.parameters import Plan
from xrdkit.uncertainty import ErrorModel, effective_points

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Chord:
    """The Jacobian of a fit, to start the next one with."""

    names: tuple[str, ...]
    """Parameters, the order of its columns."""
    slopes: Array
    """Derivatives of the weighted pattern by the parameters in natural units (n, p)."""
    sigma: Array
    """Errors that weighted it (n,)."""

    def under(self, sigma: Array, names: tuple[str, ...]) -> Array | None:
        """Return the Jacobian for other errors; None for other points or parameters."""
        if self.names != names or self.sigma.shape != sigma.shape:
            return None
        return np.asarray(self.slopes * (self.sigma / sigma)[:, np.newaxis])


@dataclass(frozen=True, kw_only=True)
class FrameFit:
    """A fitted frame."""

    model: PatternModel
    """The model on the points with data."""
    origin: Plan
    """All parameters as they are of phases that are not there, what may be free, bounds, units."""
    plan: Plan
    """Parameters as they were in the last fit."""
    outcome: FitOutcome
    """Result in natural units of `plan`."""
    values: dict[str, float]
    """Every parameter in physical units."""
    found: tuple[bool, ...]
    """Whether there is evidence for each phase."""
    chi2_background: float
    """χ² of the best background alone."""
    sources: tuple[str, ...] = ()
    """Named sources of error: those that scatter from point to point, then common ones."""
    neighbour_correlation: float = 0.0
    """Mean correlation of neighbouring points."""
    points_effective: float = float("nan")
    """Number of independent points that tell as much."""
    serial_factor: float = float("nan")
    """Factor of Bérar & Lelann for errors, whether or not they were multiplied by it."""
    tried: tuple[float, ...] = ()
    """Scale over its standard error at which each absent phase was tried in vain; 0: not tried."""
    chord: Chord | None = field(default=None, repr=False)
    """Jacobian for the next frame; None where it was let go."""

    @cached_property
    def phases(self) -> Array:
        """Contribution of each phase at the points with data (phase, n)."""
        return self.model.phases(self.values)

    @cached_property
    def background(self) -> Array:
        """Background at the points with data (n,)."""
        return self.model.background(self.values)

    def sigma(self, name: str) -> float:
        """Standard error of a parameter in physical units; NaN where it was not free."""
        return self._sigma.get(name, float("nan"))

    @cached_property
    def _sigma(self) -> dict[str, float]:
        units = self.plan.units
        return {name: error * units[name] for name, error in self.outcome.sigma().items()}

    def sigma_of(self, gradient: Mapping[str, float]) -> float:
        """Standard error of a number with a `gradient` per physical unit of each parameter."""
        return self.outcome.sigma_of({n: g * self.plan.units[n] for n, g in gradient.items()})

    def sources_of(self, gradient: Mapping[str, float]) -> Array:
        """Error of such a number from each of `sources`, signed where common to all points."""
        return self.outcome.sources_of({n: g * self.plan.units[n] for n, g in gradient.items()})

    def slim(self) -> "FrameFit":
        """Return the fit without its Jacobian, the bulk of it, and with its curves."""
        other = replace(self, chord=None, outcome=replace(self.outcome, slopes=None))
        other.__dict__.update(phases=self.phases, background=self.background)
        return other


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The data of one frame that are fitted, and the limits of the background."""

    two_theta: Array
    """Angles of points with data (n,), degree."""
    intensity: Array
    """(n,)"""
    sigma: Array
    """(n,), above 0."""
    limits: tuple[float, float]
    """Angles between which the background is defined, degree."""
    errors: ErrorModel | None = None
    """Model of (intensity - truth)/sigma, where more is known of it than that it scatters."""

    @cached_property
    def fewer(self) -> float:
        """Share of the points that tell something of their own, 1 where none share errors."""
        if self.errors is None:
            return 1.0
        return effective_points(self.errors) / self.two_theta.size

    @property
    def points(self) -> float:
        """Number of independent points that tell as much."""
        return self.fewer * self.two_theta.size
