"""What a refinement says of the mass of each phase up to the factor of the instrument."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from xrdkit.phase.fit import FrameFit
from xrdkit.phase.fractions import mass_scales


def put_mass_scales(data: dict[str, Any], put: Any, fits: Sequence[FrameFit], unit: str) -> None:
    """Add ``mass_scale(phase)``, its standard error and its covariance to `data`.

    `put` makes a variable of the rows of all frames; `unit` is that of the intensity.
    """
    values, covariances = [], []
    for fit in fits:
        found = mass_scales(fit)
        names = fit.outcome.names
        slopes = np.array([[g.get(n, 0.0) * fit.plan.units[n] for n in names] for _, g in found])
        with np.errstate(invalid="ignore"):
            covariance = slopes @ fit.outcome.full_covariance() @ slopes.T
        value = np.array([v for v, _ in found])
        absent = np.isnan(value) | ~slopes.any(axis=1)
        covariance[absent] = covariance[:, absent] = np.nan
        values.append(value)
        covariances.append(covariance)
    table = np.array(covariances)
    with np.errstate(invalid="ignore"):
        sigma = np.sqrt(np.diagonal(table, axis1=-2, axis2=-1))
    units = f"{unit} g/cm^2"
    text = "scale times density: mass fraction over mass attenuation, times a constant"
    data["mass_scale"] = put(
        np.array(values),
        ("phase",),
        units=units,
        long_name=text,
        ancillary_variables="mass_scale_sigma",
    )
    data["mass_scale_sigma"] = put(
        sigma, ("phase",), units=units, long_name="standard error of mass_scale, scaled by the GoF"
    )
    data["mass_scale_covariance"] = put(
        table,
        ("phase", "phase_other"),
        units=f"({units})^2",
        long_name="covariance of mass_scale, scaled by the GoF",
    )
