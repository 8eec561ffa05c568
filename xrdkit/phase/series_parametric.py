"""Curves over the frames of a series: the joint fit of its entries, and what the result says."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.errors import SpecError
from xrdkit.phase.judgement import is_blank, judge
from xrdkit.phase.observation import Observation
from xrdkit.phase.parametric import Joint, JointFit, curves_of
from xrdkit.phase.parametric_spec import ParametricTie
from xrdkit.phase.series import Entry, frame_of

Array = NDArray[np.float64]

#: χ² that rises by this many standard deviations more than chance is a wrong curve.
_WRONG = 5.0


def coordinates_of(profile: xr.Dataset, ties: Sequence[ParametricTie]) -> list[Array]:
    """Return the coordinate of each tie (frames,).

    Raises SpecError where the profile has no frames, or no such finite coordinate on them.
    """
    if schema.FRAME not in profile.dims:
        raise SpecError("parametric ties need a series: the profile has no frames")
    found = []
    for tie in ties:
        on_frame = [str(n) for n, c in profile.coords.items() if c.dims == (schema.FRAME,)]
        if tie.along not in on_frame:
            raise SpecError(
                f"{tie.parameter}: no coordinate {tie.along!r} on the frames",
                hint=f"known are {', '.join(on_frame)}",
            )
        values = np.asarray(profile[tie.along].values)
        if values.dtype.kind not in "fiu" or not np.all(np.isfinite(values)):
            raise SpecError(f"{tie.parameter}: {tie.along} is not a finite number in each frame")
        found.append(values.astype(float))
    return found


def joint_fit(
    entries: Sequence[Entry],
    observed: Observation,
    ties: Sequence[ParametricTie],
    coordinates: Sequence[Array],
) -> tuple[list[Entry], Joint]:
    """Return the entries of a series with some parameters on curves, and the curves.

    Frames without an acceptable fit take no part. Raises SpecError where none is left.
    """
    taking = {k: e.fit for k, e in enumerate(entries) if e.leads and e.fit is not None}
    if not taking:
        raise SpecError("no frame has a fit that curves could go through")
    curves, keys = curves_of(ties, coordinates, taking)
    frames = {k: frame_of(observed, k) for k in taking}
    joint = JointFit(frames, taking, curves, keys).run()
    result = list(entries)
    for k, fit in joint.fits.items():
        verdict, reason = judge(frames[k], fit)
        blank = is_blank(frames[k], fit)
        result[k] = replace(entries[k], fit=fit.slim(), verdict=verdict, reason=reason, blank=blank)
    return result, joint


def with_curves(result: xr.Dataset, joint: Joint, profile: xr.Dataset) -> xr.Dataset:
    """Return the result of a series with the coefficients of its curves.

    ``parametric_coefficient(parametric)`` with ``_sigma`` and the covariance; the coordinates
    ``parametric`` ("ZnO.a c1"), ``parametric_unit``, ``parametric_of`` and ``parametric_reference``
    say what they are. ``parametric_chi2_increase`` is what χ² (per χ² per degree of freedom) rises
    by for ``parametric_constraints`` fewer parameters, ``parametric_verdict`` whether that is too
    much: "misfit" where it is five standard deviations above chance.
    """
    names, units, owners, references = [], [], [], []
    for curve, unit in zip(joint.curves, joint.units, strict=True):
        own = str(profile[curve.tie.along].attrs.get("units", "1"))
        for name, power in curve.terms():
            names.append(f"{curve.tie.parameter} {name}")
            owners.append(curve.tie.parameter)
            references.append(curve.reference if curve.tie.form == "polynomial" else np.nan)
            units.append(_unit(unit, own, power))
    sigma = np.sqrt(np.diagonal(joint.covariance))
    free = max(joint.constraints, 1)
    wrong = joint.increase - joint.constraints > _WRONG * np.sqrt(2.0 * free)
    verdict = "misfit" if wrong else "ok"
    if not joint.converged:
        verdict = "not_converged"
    text = "coefficient of the curve of a parameter over the frames; unit in parametric_unit"
    one = {"units": "1"}
    return result.assign(
        parametric_coefficient=(
            "parametric",
            joint.coefficients,
            {"long_name": text, "ancillary_variables": "parametric_coefficient_sigma", **one},
        ),
        parametric_coefficient_sigma=(
            "parametric",
            sigma,
            {"long_name": "standard error of parametric_coefficient", **one},
        ),
        parametric_covariance=(
            ("parametric", "parametric_other"),
            joint.covariance,
            {"long_name": "covariance of the coefficients", **one},
        ),
        parametric_chi2_increase=(
            (),
            joint.increase,
            {"long_name": "rise of χ² on the curves, over χ² per degree of freedom", **one},
        ),
        parametric_constraints=(
            (),
            joint.constraints,
            {"long_name": "parameters of frames less coefficients of curves", **one},
        ),
        parametric_verdict=((), verdict, {"long_name": "whether the curves describe the series"}),
    ).assign_coords(
        parametric=("parametric", names, {"long_name": "coefficient of a curve"}),
        parametric_unit=("parametric", units, {"long_name": "unit of the coefficient"}),
        parametric_of=("parametric", owners, {"long_name": "parameter that the curve is of"}),
        parametric_reference=(
            "parametric",
            references,
            {"long_name": "where the polynomial is centred, unit of its coordinate", **one},
        ),
    )


def _unit(parameter: str, coordinate: str, power: int) -> str:
    if power == 99:
        return coordinate
    base = parameter or "1"
    return base if power == 0 else f"{base} {coordinate}^{power}"
