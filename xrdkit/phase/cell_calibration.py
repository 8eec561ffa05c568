"""Content from the cell: a composition that a calibration reads off a refined cell.

Vegard's rule and what replaces it: x = Σ c_k (v - v₀)^k of a cell length, the volume or c/a. The
package holds no calibration: coefficients are given with their errors, range and source.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance, schema
from xrdkit.errors import SchemaError, SpecError
from xrdkit.phase.phase_spec import is_number

Array = NDArray[np.float64]

_UNITS = {"a": "nm", "b": "nm", "c": "nm", "volume": "nm^3", "c_over_a": "1"}


@dataclass(frozen=True, kw_only=True)
class CellCalibration:
    """A content as a polynomial of a cell; raises SpecError for impossible settings."""

    quantity: Literal["a", "b", "c", "volume", "c_over_a"]
    """What of the cell: a length (nm), the volume (nm³) or c/a."""
    coefficients: tuple[float, ...]
    """c₀, c₁ ...: x = Σ c_k (v - v₀)^k, v in the unit of `quantity`."""
    sigmas: tuple[float, ...] | None = None
    """Standard errors of the coefficients, taken as independent; None: exact."""
    reference: float = 0.0
    """v₀."""
    range: tuple[float, float]
    """Of v, where the calibration holds; beyond it the content is NaN."""
    name: str = "content"
    """What x is, such as ``"lithium"``; letters, digits and ``_``."""
    unit: str = "1"
    """Unit of x."""
    source: str
    """Where the calibration comes from: a reference, or a measurement of your own."""

    def __post_init__(self) -> None:
        if self.quantity not in _UNITS:
            raise SpecError(f"quantity {self.quantity!r} is not one of: {', '.join(_UNITS)}")
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise SpecError(f"name {self.name!r} is no name of a variable")
        if not isinstance(self.source, str) or not self.source.strip():
            raise SpecError("a calibration needs its source")
        numbers = [*self.coefficients, self.reference, *self.range, *(self.sigmas or ())]
        if not self.coefficients or not all(is_number(n) and math.isfinite(n) for n in numbers):
            raise SpecError("coefficients, sigmas, reference and range are finite numbers")
        if self.sigmas is not None and (
            len(self.sigmas) != len(self.coefficients) or min(self.sigmas) < 0
        ):
            raise SpecError("sigmas has one number from 0 upwards for each coefficient")
        if len(self.range) != 2 or not self.range[0] < self.range[1]:
            raise SpecError(f"range {self.range} is not low < high")


def content_from_cell(
    result: xr.Dataset, calibration: CellCalibration, *, phase: str | None = None
) -> xr.Dataset:
    """Return the result of a refinement with the content that the cell of a phase tells.

    result: of `refine_phases`. phase: whose cell; None: the only one. Adds ``<name>`` and
    ``<name>_sigma`` (frames), from the errors of the cell and of the coefficients, and
    ``<name>_verdict``: "ok", "absent" where there is no cell, or "outside" the range of the
    calibration; NaN but where it is ok. Lengths that symmetry keeps equal move together in a
    volume, others are taken as independent.

    Raises SchemaError for what is no result of a refinement, SpecError for an unknown phase and a
    name that the result has already.
    """
    if result.attrs.get("schema") != schema.PHASES.name:
        raise SchemaError("the result is not one of refine_phases")
    names = [str(n) for n in result["phase"].values]
    if phase is None and len(names) > 1:
        raise SpecError(f"the cell of which phase? there are {', '.join(names)}")
    if phase is not None and phase not in names:
        raise SpecError(f"no phase {phase!r}: there are {', '.join(names)}")
    name = calibration.name
    if name in result.variables:
        raise SpecError(f"the result has {name!r} already")
    one = result.isel(phase=0 if phase is None else names.index(phase))
    value, error = _quantity(one, calibration.quantity)
    v = value - calibration.reference
    powers = v[..., np.newaxis] ** np.arange(len(calibration.coefficients))
    x = powers @ np.array(calibration.coefficients)
    slope = np.polynomial.polynomial.polyval(
        v, np.polynomial.polynomial.polyder(calibration.coefficients)
    )
    own = np.array(calibration.sigmas or (0.0,) * len(calibration.coefficients))
    sigma = np.sqrt((slope * error) ** 2 + powers**2 @ own**2)
    low, high = calibration.range
    verdict = np.where(
        np.isnan(value), "absent", np.where((value < low) | (value > high), "outside", "ok")
    )
    good = verdict == "ok"
    lead = one["lattice"].dims[:-1]
    text = f"from the cell ({calibration.quantity}) by a calibration"
    made = result.assign(
        {
            name: (
                lead,
                np.where(good, x, np.nan),
                {
                    "units": calibration.unit,
                    "long_name": f"{name} {text}",
                    "ancillary_variables": f"{name}_sigma",
                    "source": calibration.source,
                },
            ),
            f"{name}_sigma": (
                lead,
                np.where(good, sigma, np.nan),
                {"units": calibration.unit, "long_name": f"standard error of {name}"},
            ),
            f"{name}_verdict": (lead, verdict, {"long_name": f"whether the cell tells {name}"}),
        }
    )
    return provenance.append(
        made,
        "content_from_cell",
        {"calibration": calibration, "phase": phase},
        inputs=[provenance.content_sha256(result)],
        history=result,
    )


def _quantity(one: xr.Dataset, quantity: str) -> tuple[Array, Array]:
    """Return a number of the cell of one phase (frames,) and its standard error."""
    lengths, errors = (np.asarray(one[n].values) for n in ("lattice", "lattice_sigma"))
    if quantity in "abc":
        k = "abc".index(quantity)
        return lengths[..., k], errors[..., k]
    if quantity == "c_over_a":
        ratio = lengths[..., 2] / lengths[..., 0]
        same = _tied(lengths, errors, 0, 2)
        apart = np.hypot(errors[..., 0] / lengths[..., 0], errors[..., 2] / lengths[..., 2])
        return ratio, np.where(same, 0.0, ratio * apart)
    angles = np.asarray(one["lattice_angle"].values)
    angle_errors = np.radians(np.asarray(one["lattice_angle_sigma"].values))
    cos, sin = np.cos(np.radians(angles)), np.sin(np.radians(angles))
    root2 = 1.0 - (cos**2).sum(axis=-1) + 2.0 * cos.prod(axis=-1)
    volume = lengths.prod(axis=-1) * np.sqrt(root2)
    relative = errors / lengths
    together = _tied(lengths, errors, 0, 1), _tied(lengths, errors, 0, 2)
    first = relative[..., 0] * (1.0 + together[0] + together[1])
    second = np.where(together[0], 0.0, relative[..., 1])
    second = np.where(_tied(lengths, errors, 1, 2) & ~together[0], 2.0 * second, second)
    third = np.where(
        together[1] | _tied(lengths, errors, 1, 2) & ~together[0], 0.0, relative[..., 2]
    )
    total = first**2 + second**2 + third**2
    for k in range(3):
        i, j = (k + 1) % 3, (k + 2) % 3
        slope = sin[..., k] * (cos[..., k] - cos[..., i] * cos[..., j]) / root2
        total = total + (slope * np.nan_to_num(angle_errors[..., k])) ** 2
    return volume, volume * np.sqrt(total)


def _tied(lengths: Array, errors: Array, i: int, j: int) -> NDArray[np.bool_]:
    """Whether symmetry keeps two lengths equal: they and their errors are the same number."""
    return np.asarray((lengths[..., i] == lengths[..., j]) & (errors[..., i] == errors[..., j]))
