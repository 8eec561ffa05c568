"""What each named source of error contributes to the errors of the main numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.phase.fit import FrameFit
from xrdkit.phase.quantify import PhaseNumbers
from xrdkit.uncertainty import COVARIANCE, ERRORS, SOURCE

#: Variable -> what `PhaseNumbers.gradients` calls it, and what it is.
_BY_SOURCE = (
    ("weight_fraction", "weight_fraction", "1", "mass fraction"),
    ("crystallite_size", "size", "nm", "column length"),
    ("scale", "scale", "", "scale"),
)


def errors_by_source(
    data: dict[str, Any],
    put: Any,
    profile: xr.Dataset,
    unit: str,
    fits: Sequence[FrameFit],
    numbers: Sequence[Sequence[PhaseNumbers]],
) -> None:
    """Add ``<name>_errors(source, phase)`` to `data` where `profile` names sources of errors.

    `put` makes a variable of the rows of all frames; `unit` is that of the intensity; `numbers` are
    those of each frame and phase. Errors from sources common to all points are signed; those from
    the others hold the goodness of fit, as the standard errors do. NaN where a number is missing.
    """
    if ERRORS not in profile:
        return
    order = [str(name) for name in profile[SOURCE].values]

    def errors(fit: FrameFit, gradient: dict[str, float] | None) -> list[float]:
        if not gradient:
            return [np.nan] * len(order)
        found = dict(zip(fit.sources, fit.sources_of(gradient), strict=True))
        return [float(found[name]) for name in order]

    pairs = list(zip(fits, numbers, strict=True))
    end = "from each source, signed where common to all points"
    for name, key, units, text in _BY_SOURCE:
        rows = [[errors(fit, n.gradients.get(key)) for n in row] for fit, row in pairs]
        data[f"{name}_errors"] = put(
            np.swapaxes(np.array(rows), 1, 2),
            (SOURCE, "phase"),
            units=units or f"{unit} cm",
            long_name=f"error of the {text} {end}",
        )
    cells = [[[errors(fit, n.gradients.get(k)) for k in "abc"] for n in row] for fit, row in pairs]
    data["lattice_errors"] = put(
        np.moveaxis(np.array(cells), 3, 1),
        (SOURCE, "phase", "lattice_parameter"),
        units="nm",
        long_name=f"error of the cell length {end}",
    )
    if COVARIANCE in profile:
        data["neighbour_correlation"] = put(
            np.array([f.neighbour_correlation for f in fits]),
            (),
            units="1",
            long_name="mean correlation of the independent errors of neighbouring points",
        )
        data["points_effective"] = put(
            np.array([f.points_effective for f in fits]),
            (),
            units="1",
            long_name="number of independent points that tell as much as the points fitted",
        )
