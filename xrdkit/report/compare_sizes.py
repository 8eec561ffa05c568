"""Sizes of particles from small angles beside sizes of crystallites from line widths."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import SchemaError
from xrdkit.provenance import append, content_sha256
from xrdkit.schema import FRAME, PHASES, SIZE_COMPARISON, SIZES, validate

#: L_vol of a sphere of diameter D is 3D/4 (P. Scherrer, Göttinger Nachr. 2 (1918) 98; A. R. Stokes,
#: A. J. C. Wilson, Proc. Camb. Phil. Soc. 38 (1942) 313).
_COLUMN = 0.75
#: Standard errors of the difference up to which sizes agree.
_AGREE = 2.0


def compare_sizes(sizes: xr.Dataset, phases: xr.Dataset) -> xr.Dataset:
    """Return particle diameters of `sizes` (SIZES) beside crystallite diameters of `phases`.

    Both are volume-weighted means of a diameter, in nm: ``particle_diameter`` = 2 ∫R f_v dR from
    small angles, ``crystallite_diameter`` = 4 L_vol/3 from line widths (PHASES), per ``phase``, of
    spherical crystallites: over any distribution of spheres L_vol = 3 <D⁴>/4 <D³>. The two are
    equal where every particle is one crystal. ``difference`` = particle - crystallite with its
    standard error, ``size_ratio``, and ``agreement``: ``agree`` (within 2 standard errors),
    ``particles_larger`` (polycrystalline, amorphous shells, strain taken for size),
    ``crystallites_larger`` (large crystals that small angles do not see, or dilute ones of another
    phase) or ``unknown``. Frames are compared one by one where both have as many.

    Raises SchemaError for other Datasets, and for different numbers of frames.
    """
    validate(sizes, SIZES)
    validate(phases, PHASES)
    counts = [data.sizes[FRAME] for data in (sizes, phases) if FRAME in data.dims]
    if len(set(counts)) > 1:
        raise SchemaError(
            f"{counts[0]} frames of sizes cannot be compared with {counts[1]} of phases",
            hint="select the same frames of both",
        )
    series = bool(counts)
    diameter = 2.0 * np.asarray(sizes["mean_radius_volume"].values, dtype=np.float64)[..., None]
    diameter_sigma = 2.0 * np.asarray(sizes["mean_radius_volume_sigma"].values)[..., None]
    column = np.asarray(phases["crystallite_size"].values, dtype=np.float64) / _COLUMN
    column_sigma = np.asarray(phases["crystallite_size_sigma"].values) / _COLUMN
    shape = np.broadcast_shapes(diameter.shape, column.shape)
    diameter, diameter_sigma = (np.broadcast_to(a, shape) for a in (diameter, diameter_sigma))
    column, column_sigma = (np.broadcast_to(a, shape) for a in (column, column_sigma))
    difference = diameter - column
    error = np.hypot(diameter_sigma, column_sigma)
    ratio = diameter / column
    ratio_error = ratio * np.hypot(diameter_sigma / diameter, column_sigma / column)
    dims = ((FRAME,) if series else ()) + ("phase",)
    numbers = {
        "particle_diameter": (diameter, diameter_sigma, "nm", "volume-weighted mean diameter"),
        "crystallite_diameter": (column, column_sigma, "nm", "diameter 4 L_vol/3 of crystallites"),
        "difference": (difference, error, "nm", "particle minus crystallite diameter"),
        "size_ratio": (ratio, ratio_error, "1", "particle over crystallite diameter"),
    }
    variables = {}
    for name, (value, sigma, unit, what) in numbers.items():
        attrs = {"units": unit, "long_name": what, "ancillary_variables": f"{name}_sigma"}
        variables[name] = (dims, np.array(value), attrs)
        text = f"standard error: {what}"
        variables[f"{name}_sigma"] = (dims, np.array(sigma), {"units": unit, "long_name": text})
    variables["agreement"] = (
        dims,
        _agreement(difference, error),
        {"long_name": "whether particle and crystallite sizes agree within 2 standard errors"},
    )
    coords = {"phase": phases["phase"].variable}
    for data in (phases, sizes):
        if FRAME in data.dims and FRAME in data.coords:
            coords[FRAME] = data[FRAME].variable
    result = xr.Dataset(variables, coords, {"schema": SIZE_COMPARISON.name})
    result = append(
        result,
        "compare_sizes",
        {"column_over_diameter": _COLUMN, "agree_within": _AGREE},
        inputs=[content_sha256(sizes), content_sha256(phases)],
        history=sizes,
    )
    return validate(result, SIZE_COMPARISON)


def _agreement(difference: NDArray[np.float64], error: NDArray[np.float64]) -> NDArray[np.str_]:
    known = np.isfinite(difference) & np.isfinite(error)
    larger = np.where(difference > 0, "particles_larger", "crystallites_larger")
    with np.errstate(invalid="ignore"):
        within = np.abs(difference) <= _AGREE * error
    return np.where(~known, "unknown", np.where(within, "agree", larger)).astype(str)
