"""From the refinement of a line standard to the instrument of the samples."""

import numpy as np
import xarray as xr

from xrdkit.errors import SchemaError
from xrdkit.phase.result import INSTRUMENT
from xrdkit.phase.widths import InstrumentWidths

_VARIABLES = {key: name for key, name, _, _ in INSTRUMENT}


def instrument_widths(result: xr.Dataset) -> InstrumentWidths:
    """Return the line shapes of the instrument that a refinement of a line standard found.

    result: of `refine_phases` with ``refine_instrument=True, size=False, strain=False``; of several
    frames the median is taken. Raises SchemaError where the result is no such refinement or not
    every verdict is ok.
    """
    if any(name not in result for name in _VARIABLES.values()):
        raise SchemaError("this Dataset is no phase refinement: it has no instrument widths")
    if not bool((result["verdict"] == "ok").all()):
        raise SchemaError("the refinement of the line standard is not ok: do not use its widths")
    if bool(np.isfinite(result["crystallite_size"]).any() | np.isfinite(result["strain"]).any()):
        raise SchemaError(
            "size or strain were refined: the Lorentzian widths of the instrument are in them",
            hint="refine the standard with refine_instrument=True, size=False, strain=False",
        )
    medians = {key: float(np.median(result[name])) for key, name in _VARIABLES.items()}
    tails = medians.pop("tail_fraction"), medians.pop("tail_width")
    return InstrumentWidths(**medians, tails=tails)
