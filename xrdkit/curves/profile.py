"""Plain arrays to a labelled profile: `profile` for q, `pattern` for the scattering angle."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from xrdkit.canonical import sha256_array
from xrdkit.curves.columns import Columns, checked, columns
from xrdkit.errors import CurveError, SpecError
from xrdkit.provenance import append
from xrdkit.radiation import Radiation, radiation
from xrdkit.schema import PROFILE, RADIAL, RADIAL_NAMES, validate
from xrdkit.units import canonical, factor

INTENSITY_UNITS = ("1/cm", "count", "1")
#: Attribute with the unit of q where the user stated it, and not the file.
DECLARED = "q_unit_declared"
#: Attribute with the unit of q that the file stated.
STATED = "q_unit_stated"
RESOLUTION = "q_resolution"


def profile(
    q: ArrayLike,
    intensity: ArrayLike,
    sigma: ArrayLike | None = None,
    *,
    unit: str,
    resolution: ArrayLike | None = None,
    intensity_unit: str = "1/cm",
    sort: bool = False,
) -> xr.Dataset:
    """Return a curve over the scattering vector as a profile Dataset (PROFILE), q in 1/nm.

    `q`, `intensity` and `sigma` have shape (n,). `unit` is the unit of `q`, ``"1/nm"`` or
    ``"1/angstrom"``; `intensity_unit` is ``"1/cm"`` (absolute), ``"count"`` or ``"1"`` (arbitrary)
    and holds for `sigma` too, the standard error. Without `sigma` the Dataset has no ``sigma``.
    `resolution`, shape (n,), is the standard deviation of q behind each point, in the unit of `q`;
    it becomes the variable ``q_resolution`` in 1/nm, with which models are smeared.
    Rows with NaN are dropped and counted in the attribute ``dropped_points``; `sort` puts points
    in order that are not. The result holds copies.

    Raises CurveError for fewer than 10 points, q that is not positive and strictly increasing,
    sigma that is not positive, a resolution that is negative, values that are not numbers;
    SpecError for an unknown unit.
    """
    scale = factor(unit, RADIAL["q"])
    curve = columns(q, intensity, sigma, resolution)
    kept, dropped = checked(curve, name="q", sort=sort)
    data = build(
        kept,
        radial="q",
        scale=scale,
        intensity_unit=intensity_unit,
        dropped=dropped,
        attrs={DECLARED: canonical(unit)},
    )
    settings = {"unit": canonical(unit), "intensity_unit": canonical(intensity_unit), "sort": sort}
    return append(data, "profile", settings, inputs=_digests(curve))


def pattern(
    two_theta: ArrayLike,
    intensity: ArrayLike,
    sigma: ArrayLike | None = None,
    *,
    wavelength: float | str,
    intensity_unit: str = "count",
    sort: bool = False,
) -> xr.Dataset:
    """Return a powder pattern over the scattering angle as a profile Dataset (PROFILE).

    `two_theta` in degree, `intensity` and `sigma` have shape (n,). `wavelength` is a number in
    ångström or the name of an anode line such as ``"CuKa"`` (see `xrdkit.radiation`); it becomes
    the coordinates ``wavelength`` and ``emission_weight`` over ``emission_line`` and the attribute
    ``radiation``. Rows with NaN are dropped and counted in the attribute ``dropped_points``; `sort`
    puts points in order that are not.

    Raises CurveError as `profile` does, and for angles of 180° or more; SpecError for an unknown
    wavelength.
    """
    beam = radiation(wavelength)
    curve = columns(two_theta, intensity, sigma)
    kept, dropped = checked(curve, name="two_theta", sort=sort)
    data = build(
        kept,
        radial="two_theta",
        scale=1.0,
        intensity_unit=intensity_unit,
        dropped=dropped,
        beam=beam,
    )
    settings = {"wavelength": wavelength, "intensity_unit": canonical(intensity_unit), "sort": sort}
    return append(data, "pattern", settings, inputs=_digests(curve))


def build(
    curve: Columns,
    *,
    radial: str,
    scale: float,
    intensity_unit: str,
    dropped: int,
    beam: Radiation | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Return checked columns as a validated profile Dataset without provenance.

    `radial` is ``"q"`` or ``"two_theta"``, `scale` brings the abscissa to its stored unit. Raises
    CurveError for angles of 180° or more, SpecError for a unit that no intensity has.
    """
    if canonical(intensity_unit) not in INTENSITY_UNITS:
        raise SpecError(f"intensity_unit {intensity_unit!r} is none of {INTENSITY_UNITS}")
    abscissa = curve.abscissa * scale
    if radial == "two_theta" and abscissa[-1] >= 180:
        raise CurveError(
            f"{curve.place(-1)}: two_theta reaches {abscissa[-1]:g} degree",
            source=curve.source,
            hint="angles are in degree; unit='centidegree' reads files in hundredths",
        )
    units = canonical(intensity_unit)
    described: dict[str, Any] = {"units": units, "long_name": "scattered intensity"}
    variables: dict[str, Any] = {"intensity": (radial, curve.intensity.copy(), described)}
    if curve.sigma is not None:
        described["ancillary_variables"] = "sigma"
        variables["sigma"] = (
            radial,
            curve.sigma.copy(),
            {"units": units, "long_name": "standard error of the intensity"},
        )
    axis = {"units": RADIAL[radial], "long_name": RADIAL_NAMES[radial]}
    if radial == "q" and curve.resolution is not None:
        axis["ancillary_variables"] = RESOLUTION
        variables[RESOLUTION] = (
            radial,
            curve.resolution * scale,
            {"units": RADIAL[radial], "long_name": "standard deviation of q behind each point"},
        )
    coords: dict[str, Any] = {radial: (radial, abscissa, axis)}
    extra: dict[str, Any] = dict(attrs or {})
    if beam is not None:
        coords.update(_lines(beam))
        extra["radiation"] = beam.name
    data = xr.Dataset(
        variables, coords, {"schema": PROFILE.name, "dropped_points": dropped, **extra}
    )
    return validate(data, PROFILE)


def _lines(beam: Radiation) -> dict[str, Any]:
    dim = "emission_line"
    lines: dict[str, Any] = {
        "wavelength": (
            dim,
            np.array(beam.wavelengths),
            {"units": "angstrom", "long_name": "wavelength of the emission line"},
        ),
        "emission_weight": (
            dim,
            np.array(beam.weights),
            {"units": "1", "long_name": "share of the emission line in the intensity"},
        ),
    }
    if beam.widths:
        lines["emission_width"] = (
            dim,
            np.array(beam.widths),
            {"units": "angstrom", "long_name": "natural full width of the emission line"},
        )
    return lines


def _digests(curve: Columns) -> Sequence[str]:
    arrays = (curve.abscissa, curve.intensity, curve.sigma, curve.resolution)
    return [sha256_array(a) for a in arrays if a is not None]
