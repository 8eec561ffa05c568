"""Least-squares fits: lmfit as the face, an honest covariance and our own verdict behind it."""

from xrdkit.fitting.marquardt import Minimum, levenberg_marquardt
from xrdkit.fitting.minimise import SOLVERS, ResidualErrors, Solver, least_squares, without
from xrdkit.fitting.outcome import LEAST_GOF, Array, FitOutcome, Table, Values, Verdict

__all__ = [
    "LEAST_GOF",
    "SOLVERS",
    "Array",
    "FitOutcome",
    "Minimum",
    "ResidualErrors",
    "Solver",
    "Table",
    "Values",
    "Verdict",
    "least_squares",
    "levenberg_marquardt",
    "without",
]
