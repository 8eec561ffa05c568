"""Units as NXcanSAS spells them."""

import xarray as xr

#: The absolute unit that NXcanSAS has for intensities; everything else is arbitrary.
_ABSOLUTE = "1/cm"


def intensity_unit(variable: xr.DataArray) -> str:
    """Return ``"1/cm"`` or ``"arbitrary"``."""
    return _ABSOLUTE if variable.attrs.get("units") == _ABSOLUTE else "arbitrary"
