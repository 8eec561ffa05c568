"""Whether two calibrations of one detector differ by more than their errors."""

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from xrdkit.calibration.derived import derived, derived_covariance
from xrdkit.errors import SpecError
from xrdkit.geometry import Calibration

Array = NDArray[np.float64]
#: variances of smaller share than this are those of a combination that is exact
_SINGULAR = 1e-11


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One number of two calibrations compared."""

    value: float
    """The second less the first."""
    sigma: float
    """Standard error of it, both calibrations in quadrature; NaN where not known."""

    @property
    def significance(self) -> float:
        """|value|/sigma: 0 where equal, infinite where exact numbers differ, NaN if not known."""
        if self.value == 0.0:
            return 0.0
        return abs(self.value) / self.sigma if self.sigma != 0.0 else math.inf


@dataclass(frozen=True, kw_only=True)
class CalibrationDifference:
    """How a calibration differs from an earlier one of the same detector."""

    direct_distance: Difference
    """Sample to where the beam meets the detector, m."""
    beam_center_x: Difference
    """Column of the beam centre as frames are stored, pixel."""
    beam_center_y: Difference
    """Row of the beam centre as frames are stored, pixel."""
    rot1: Difference
    """Tilt about the vertical axis, degree."""
    rot2: Difference
    """Tilt about the horizontal axis, degree."""
    wavelength: Difference
    """Wavelength, ångström."""
    relative_distance: float
    """Difference of the direct distances over that of the first."""
    chi2: float
    """All six together, their correlations included: dᵀ (C_a + C_b)⁻¹ d; NaN where not known."""
    freedom: int
    """Numbers with errors that `chi2` weighs."""

    @property
    def probability(self) -> float:
        """Chance of a `chi2` as large between two calibrations of an instrument that stood still.

        NaN where the errors are not known.
        """
        if math.isnan(self.chi2):
            return math.nan
        if self.freedom == 0:
            return 0.0 if self.chi2 > 0 else 1.0
        return float(stats.chi2.sf(self.chi2, self.freedom))

    def to_dict(self) -> dict[str, Any]:
        """Return the differences as plain values; what is not known or infinite is None."""
        table: dict[str, Any] = {}
        for field in fields(self):
            found = getattr(self, field.name)
            if isinstance(found, Difference):
                numbers = (found.value, found.sigma, found.significance)
                names = ("value", "sigma", "significance")
                table[field.name] = dict(zip(names, map(_plain, numbers), strict=True))
            else:
                table[field.name] = _plain(found)
        return {**table, "probability": _plain(self.probability)}


def compare_calibrations(a: Calibration, b: Calibration) -> CalibrationDifference:
    """Return the differences `b` less `a` with their standard errors.

    Both are taken as measured apart from each other: σ² = σ_a² + σ_b², by the delta method from the
    covariances. Numbers that both calibrations take as exact have σ = 0, among them a tilt that was
    not refined. Raises SpecError where the two are not of one detector: other pixels, another
    orientation or shape.
    """
    for name in ("pixel_size_y", "pixel_size_x", "orientation", "shape"):
        first, second = getattr(a.detector, name), getattr(b.detector, name)
        same = first == second or (name == "shape" and None in (first, second))
        if not same and not (
            name.startswith("pixel") and math.isclose(first, second, rel_tol=1e-6)
        ):
            raise SpecError(
                f"detector {name} is {first} in one calibration and {second} in the other",
                hint="only calibrations of one detector can be compared",
            )
    turned = np.ones(6)
    turned[1] = -1.0 if a.detector.columns_reversed else 1.0
    turned[2] = -1.0 if a.detector.rows_reversed else 1.0
    value = (derived(b)[0] - derived(a)[0]) * turned
    covariance = (derived_covariance(a) + derived_covariance(b)) * np.outer(turned, turned)
    sigma = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    each = [Difference(value=float(v), sigma=float(s)) for v, s in zip(value, sigma, strict=True)]
    chi2, freedom = _chi2(value, covariance)
    return CalibrationDifference(
        direct_distance=each[0],
        beam_center_x=each[1],
        beam_center_y=each[2],
        rot1=each[3],
        rot2=each[4],
        wavelength=each[5],
        relative_distance=float(value[0]) / a.direct_distance,
        chi2=chi2,
        freedom=freedom,
    )


def _chi2(value: Array, covariance: Array) -> tuple[float, int]:
    """Return dᵀ C⁻¹ d and the rank of C; infinite where exact numbers differ."""
    if not np.all(np.isfinite(covariance)):
        return math.nan, 0
    scale = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    known = scale > 0
    if np.any(value[~known] != 0.0):
        return math.inf, int(np.count_nonzero(known))
    if not np.any(known):
        return 0.0, 0
    scaled = value[known] / scale[known]
    weight, vectors = np.linalg.eigh(
        covariance[np.ix_(known, known)] / np.outer(scale, scale)[np.ix_(known, known)]
    )
    kept = weight > _SINGULAR
    along = vectors.T @ scaled
    return float(np.sum(along[kept] ** 2 / weight[kept])), int(np.count_nonzero(kept))


def _plain(number: float) -> float | None:
    return number if math.isfinite(number) else None
