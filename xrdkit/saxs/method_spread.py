"""The verb `compare_size_methods`: one profile, several methods, and how far they are apart.

Every method has assumptions that its standard error knows nothing of: a family of distributions,
smoothness, entropy, the random start. Where methods that describe the data equally well differ by
more than their errors, that difference is the honest error. It is told as a variable of its own,
the standard deviation of the methods' results, and as the error source ``method``.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.errors import SpecError
from xrdkit.provenance import append, content_sha256
from xrdkit.saxs.quantities import BY_SOURCE
from xrdkit.saxs.sizes import fit_sizes
from xrdkit.saxs.spec import (
    FORM_FREE,
    METHODS,
    REGULARISATIONS,
    TIKHONOV,
    Method,
    SizeSpec,
)
from xrdkit.schema import FRAME, SIZE_METHODS, validate
from xrdkit.uncertainty import BETWEEN_BINS, BETWEEN_FRAMES, COMMON, INDEPENDENT, SOURCE

#: The dimension. Not "method": ``data.sel(method=...)`` means something else in xarray.
SIZE_METHOD = "size_method"
#: Name of the error source.
METHOD = "method"
#: Source of all that a fit tells of its errors, where the profile names no sources.
FIT = "fit"
DEFAULT_METHODS: tuple[Method, ...] = ("lognormal", "tikhonov", "maxent", "montecarlo")
#: Numbers whose spread is told: weighted by volume, for form-free methods have no others.
SPREAD = (
    "mean_radius_volume",
    "width_volume",
    "median_radius_volume",
    "mode_radius_volume",
    "radius_of_gyration",
    "volume_fraction",
    "scattering_volume",
    "specific_surface",
    "surface_per_volume",
)
_DEFAULT = SizeSpec()
_UNUSABLE = ("unidentifiable", "not_converged")
#: Dimensions that mean something else in each method.
_OWN = ("population", "parameter", "parameter_2", SOURCE)


def compare_size_methods(
    profile: xr.Dataset,
    spec: SizeSpec = _DEFAULT,
    methods: Sequence[Method] = DEFAULT_METHODS,
) -> xr.Dataset:
    """Return the size distributions of a profile by several methods, with their spread.

    `profile` and `spec` are as for `fit_sizes`; `methods` takes the place of `spec.method`, and the
    first of them is the one to be quoted. Form-free methods always have one distribution, whatever
    `spec.populations`.

    The result (SIZE_METHODS) has the numbers and curves of `fit_sizes` along the dimension
    ``size_method`` (nm, 1/nm, 1; those of populations and parameters are left out), and

    - ``<name>_method_spread``: standard deviation of the number over the methods, unit of the
      number, NaN where fewer than two methods give it; methods that found nothing or did not
      converge do not count. For radii, widths, volume fraction and surfaces;
    - ``<name>_errors(size_method, source)``: the error of the number from each source; ``fit`` is
      all that the fit tells where the profile names no sources, ``method`` the spread. The sum in
      quadrature is ``<name>_total_sigma(size_method)``.

    The spread is no error of a mean: methods that share an assumption share its error.

    Raises SpecError for fewer than two methods or one twice, and what `fit_sizes` raises.
    """
    if not isinstance(spec, SizeSpec):
        raise SpecError(f"spec is a {type(spec).__name__}, not a SizeSpec")
    if isinstance(methods, str) or not isinstance(methods, Sequence):
        raise SpecError(f"methods is {methods!r}, not a list of names")
    names = list(methods)
    if len(names) < 2 or len(set(names)) < len(names):
        raise SpecError(f"methods {names} are not two different ones or more")
    if unknown := [name for name in names if name not in METHODS]:
        raise SpecError(f"methods {unknown} are unknown, there are {', '.join(METHODS)}")
    fits = [fit_sizes(profile, _spec_of(spec, name)) for name in names]
    result = _joined(fits, names)
    usable = ~np.isin(result["verdict"].values.astype(str), _UNUSABLE)
    spreads = {name: _spread(result[name], usable) for name in SPREAD if name in result}
    result = result.assign({f"{name}_method_spread": item for name, item in spreads.items()})
    result = _with_errors(result, fits, spreads)
    result = append(
        result.assign_attrs(schema=SIZE_METHODS.name),
        "compare_size_methods",
        {"spec": spec, "methods": names},
        inputs=[content_sha256(profile)],
        software=["numpy", "scipy", "lmfit", "numba"],
        history=profile,
    )
    return validate(result, SIZE_METHODS)


def _spec_of(spec: SizeSpec, method: Method) -> SizeSpec:
    populations = 1 if method in FORM_FREE else spec.populations
    rule: Any = spec.regularisation if method == TIKHONOV else REGULARISATIONS[0]
    return replace(spec, method=method, populations=populations, regularisation=rule)


def _joined(fits: list[xr.Dataset], names: Sequence[str]) -> xr.Dataset:
    """Return all numbers and curves along `SIZE_METHOD`, NaN where a method does not give one."""
    first = fits[0]
    variables: dict[str, xr.DataArray] = {}
    for key in dict.fromkeys(str(k) for fit in fits for k in fit.data_vars):
        known = [fit[key] for fit in fits if key in fit]
        if set(known[0].dims) & set(_OWN):
            continue
        if key in ("intensity", "sigma", "trust_radius_low", "trust_radius_high", "points"):
            variables[key] = known[0]
            continue
        empty = xr.full_like(known[0], np.nan) if known[0].dtype.kind == "f" else known[0]
        rows = [fit.get(key, empty) for fit in fits]
        label = xr.Variable(
            SIZE_METHOD, list(names), {"long_name": "method of the size distribution"}
        )
        stacked = xr.concat(
            [row.drop_vars(list(row.coords)) for row in rows],
            dim=SIZE_METHOD,
            combine_attrs="override",
        )
        order = [d for d in (FRAME, SIZE_METHOD) if d in stacked.dims]
        variables[key] = stacked.transpose(*order, ...).assign_coords({SIZE_METHOD: label})
    coords = {
        name: item.variable for name, item in first.coords.items() if not set(item.dims) & set(_OWN)
    }
    return xr.Dataset(variables, attrs=dict(first.attrs)).assign_coords(coords)


def _spread(numbers: xr.DataArray, usable: np.ndarray[Any, Any]) -> xr.DataArray:
    good = numbers.where(usable)
    enough = good.notnull().sum(SIZE_METHOD) >= 2
    what = f"{numbers.attrs['long_name']}: standard deviation over the methods"
    spread = good.std(SIZE_METHOD, ddof=1).where(enough)
    return spread.assign_attrs(units=numbers.attrs["units"], long_name=what)


def _with_errors(
    result: xr.Dataset, fits: list[xr.Dataset], spreads: dict[str, xr.DataArray]
) -> xr.Dataset:
    """Return `result` with errors by source, the last of which is the method."""
    flags: dict[str, dict[str, str]] = {}
    for fit in fits:
        for place, name in enumerate(fit[SOURCE].values if SOURCE in fit.coords else []):
            flags.setdefault(
                str(name),
                {k: str(fit[k].values[place]) for k in (BETWEEN_BINS, BETWEEN_FRAMES) if k in fit},
            )
    if not flags:
        flags = {FIT: {BETWEEN_BINS: INDEPENDENT, BETWEEN_FRAMES: INDEPENDENT}}
    flags[METHOD] = {BETWEEN_BINS: COMMON, BETWEEN_FRAMES: COMMON}
    sources = list(flags)
    out = result
    for name in BY_SOURCE:
        if name not in spreads:
            continue
        rows = []
        for place, fit in enumerate(fits):
            spread = spreads[name]
            if f"{name}_errors" in fit:
                told = _bare(fit[f"{name}_errors"])
                known = [str(s) for s in fit[SOURCE].values]
                parts = [
                    told.isel({SOURCE: known.index(s)}) if s in known else 0.0 * spread
                    for s in sources[:-1]
                ]
            else:
                parts = [result[f"{name}_sigma"].isel({SIZE_METHOD: place}, drop=True)]
            rows.append(xr.concat([_bare(p) for p in (*parts, spread)], dim=SOURCE))
        errors = xr.concat(rows, dim=SIZE_METHOD, combine_attrs="drop")
        order = [d for d in (FRAME, SIZE_METHOD, SOURCE) if d in errors.dims]
        units, what = result[name].attrs["units"], result[name].attrs["long_name"]
        text = f"error of the {what} from each source, that of the method with them"
        errors = errors.transpose(*order).assign_attrs(units=units, long_name=text)
        total = ((errors**2).sum(SOURCE, skipna=False) ** 0.5).assign_attrs(
            units=units, long_name=f"standard error with that of the method: {what}"
        )
        out = out.assign({f"{name}_errors": errors, f"{name}_total_sigma": total})
    labels = {
        key: (SOURCE, [flag.get(key, COMMON) for flag in flags.values()])
        for key in (BETWEEN_BINS, BETWEEN_FRAMES)
    }
    return out.assign_coords({SOURCE: sources, **labels})


def _bare(item: xr.DataArray) -> xr.DataArray:
    return item.drop_vars(list(item.coords)).drop_attrs()
