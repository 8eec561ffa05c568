"""Variables of a Dataset, made of what each frame gives."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.schema import FRAME
from xrdkit.uncertainty import ERRORS, independent_sigma


class Variables:
    """Variables by name, with ``frame`` first where there is a series of frames."""

    def __init__(self, series: bool) -> None:
        self.series = series
        self.variables: dict[str, Any] = {}

    def add(
        self, name: str, rows: Sequence[Any], dims: tuple[str, ...], units: str | None, what: str
    ) -> None:
        """Add a variable of one row for each frame.

        ``<name>_sigma``, added after ``<name>`` or ``<name>_value``, is named there as its error.
        """
        attrs = {"long_name": what} if units is None else {"units": units, "long_name": what}
        if self.series:
            self.variables[name] = ((FRAME, *dims), np.array(rows), attrs)
        else:
            self.variables[name] = (dims, np.array(rows[0]), attrs)
        if name.endswith("_sigma"):
            stem = name.removesuffix("_sigma")
            value = stem if stem in self.variables else f"{stem}_value"
            self.variables[value][2]["ancillary_variables"] = name

    def measured(self, profile: xr.Dataset) -> None:
        """Add the intensity of `profile`, and the standard errors that weight a fit of it."""
        self.variables["intensity"] = profile["intensity"].variable
        if "sigma" in profile:
            sigma = independent_sigma(profile)
            if ERRORS in profile:
                what = "standard error of intensity from the sources that scatter point by point"
                sigma = sigma.assign_attrs(long_name=f"{what}, which weights the fit")
            self.variables["sigma"] = sigma.variable
