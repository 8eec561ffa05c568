"""Preferred orientation of a radial band of a cake: direction, Hermans' factor, isotropic part."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance, schema
from xrdkit.errors import EmptyResult, SpecError
from xrdkit.fitting import Verdict
from xrdkit.profiles.orientation_band import Band, Cells, azimuthal
from xrdkit.profiles.orientation_fit import AzimuthFit, fit_azimuth, hermans, order_in_plane
from xrdkit.profiles.orientation_shapes import SHAPES
from xrdkit.profiles.orientation_spec import OrientationSpec
from xrdkit.profiles.texture import cell_width, counting_of
from xrdkit.uncertainty import SOURCE, independent_sigma

Array = NDArray[np.float64]

#: Probability of isotropy above which there is no orientation to speak of, and that of a χ² below
#: which form and errors do not fit together.
_ISOTROPIC = 0.01
_WRONG = 1e-3
#: Deviation from the fit, of the mean intensity, up to which a fit whose errors it exceeds is still
#: a description: cells that edges of gaps cut are off by that much.
_GROSS = 0.02
#: Standard error of the oriented share above which maximum and isotropic part are not told apart.
_UNSURE = 0.25
#: What is not there without a maximum, and small A of I = 1 + A cos 2χ in the numbers that are.
_OF_A_MAXIMUM = ("mean_angle", "hermans_oriented", "fraction_oriented", "full_width")
_PER_AMPLITUDE = {"hermans": 4 / 15, "order_in_plane": 0.5}
NUMBERS = {
    "mean_angle": ("degree", "azimuth of the mean axis"),
    "hermans": ("1", "Hermans factor of the axis, of all intensity of the band"),
    "hermans_oriented": ("1", "Hermans factor of the axis, of the oriented part alone"),
    "order_in_plane": ("1", "mean of cos 2(chi - maximum) over the azimuth"),
    "fraction_oriented": ("1", "share of the oriented part in the intensity over azimuth"),
    "full_width": ("degree", "full width at half maximum of the oriented part"),
}


def orientation(cake: xr.Dataset, spec: OrientationSpec) -> xr.Dataset:
    """Return direction and degree of a preferred orientation for each frame of a cake.

    `cake` is a CAKE Dataset, ``intensity`` and ``sigma`` over (frame, azimuth, radial), with cells
    of equal width. The cells of the band `spec.range` are summed over the radial axis; gaps take
    nothing away, as the radial profile says what they hide. To the sum is fitted

        I(χ) = M [1 - w + w p(χ - χ0)],

    p one maximum of mean 1 with the period of 180°, averaged over the width of the cells, by
    maximum likelihood: variances are those of the counts that the fit expects, and of where the
    pixels of a cell lie in it (`xrdkit.profiles.orientation_band`).

    The result (ORIENTATION) holds for each frame, each with ``<name>_sigma``: ``mean_angle``, the
    azimuth of the axis that `spec.axis` asks for, in (-90, 90] degree; ``hermans`` of that axis,
    1 for all along the director, 0 for none, and -1/2 for all across; ``hermans_oriented``, the
    same without the isotropic part; ``order_in_plane`` ⟨cos 2(χ - χ0)⟩ of the scattering, for which
    nothing is assumed of the third dimension; ``fraction_oriented`` w; ``full_width`` of p at half
    maximum, degree. ``p_isotropic`` is the probability that an isotropic sample gives a second
    harmonic as strong (score test), ``gof`` √χ²r, and ``verdict`` with ``verdict_reason`` tells
    what the fit is worth; where nothing is oriented, what belongs to a maximum is NaN, and Hermans'
    factor is near 0 with the error of noise. ``intensity``, ``sigma`` and ``intensity_calculated``
    run over azimuth.

    Hermans' factor takes the sample to be symmetric about the director (`spec.director`, or the
    axis found): f = (3⟨cos²φ⟩ - 1)/2 with ⟨cos²φ⟩ = ∫ I cos²φ sin φ dφ / ∫ I sin φ dφ of the
    scattering. What scatters across its axis, such as fibres, has f = -2 times that of its
    scattering (addition theorem of the Legendre polynomials). Where χ² says that form or errors are
    wrong, standard errors are multiplied by √χ²r, and the verdict is misfit if the deviations are
    above 2 % of the mean intensity.

    Raises SchemaError for no CAKE or cells of unequal width, SpecError for no OrientationSpec,
    EmptyResult where the band has no bin. A frame without usable cells gets NaN and a verdict.
    Sources: J. J. Hermans et al., Recl. Trav. Chim. Pays-Bas 65 (1946) 427; L. E. Alexander, X-Ray
    Diffraction Methods in Polymer Science, Wiley 1969, chapter 4.
    """
    if not isinstance(spec, OrientationSpec):
        raise SpecError(f"spec is a {type(spec).__name__}, not an OrientationSpec")
    schema.validate(cake, schema.CAKE)
    radial = schema.radial_dim(cake)
    low, high = spec.range
    places = cake[radial].values
    band = cake.isel({radial: (places >= low) & (places <= high)})
    if band.sizes[radial] == 0:
        raise EmptyResult(
            f"no radial bin lies in {low:g} to {high:g}",
            hint=f"{radial} runs from {places.min():.4g} to {places.max():.4g}",
        )
    azimuth = np.radians(cake["azimuth"].values)
    width = cell_width(azimuth)
    series = schema.FRAME in cake.dims
    frames = _cells(band, radial)
    shape = SHAPES[spec.shape]
    rows, curves = [], []
    for cells in frames:
        flat = azimuthal(cells)
        fit = fit_azimuth(azimuth, width, flat, shape, isotropic=spec.isotropic)
        if fit is not None:
            # The radial profile is better known once the azimuthal one is.
            flat = azimuthal(cells, fit.calculated / fit.values[0])
            fit = fit_azimuth(azimuth, width, flat, shape, isotropic=spec.isotropic)
        rows.append(_numbers(fit, spec, flat))
        curves.append(_curves(fit, flat))
    data = _dataset(rows, curves, cake, series=series)
    inputs = [provenance.content_sha256(cake)]
    data = provenance.append(
        data, "orientation", spec, inputs=inputs, software=["numpy", "scipy"], history=cake
    )
    return schema.validate(data, schema.ORIENTATION)


def _cells(band: xr.Dataset, radial: str) -> list[Cells]:
    lead = (schema.FRAME,) if schema.FRAME in band.dims else ()
    order = (*lead, "azimuth", radial)
    shape = (-1, band.sizes["azimuth"], band.sizes[radial])

    def rows(array: xr.DataArray) -> Array:
        return np.asarray(array.transpose(*order).values, dtype=np.float64).reshape(shape)

    intensity, variance = rows(band["intensity"]), rows(independent_sigma(band)) ** 2
    pixels = rows(band["n_pixels"])
    counting = counting_of(band, order, shape)
    if counting is None:
        usable = np.where(variance > 0, variance, np.inf)
        weight = 1.0 / np.median(usable, axis=(1, 2), keepdims=True) * np.ones_like(usable)
        return [
            Cells(intensity=i, variance=v, weight=w, counts=None, count_variance=None, pixels=p)
            for i, v, w, p in zip(intensity, variance, weight, pixels, strict=True)
        ]
    return [
        Cells(intensity=i, variance=v, weight=n, counts=c, count_variance=s, pixels=p)
        for i, v, c, s, n, p in zip(intensity, variance, *counting, pixels, strict=True)
    ]


def _numbers(fit: AzimuthFit | None, spec: OrientationSpec, band: Band) -> dict[str, Any]:
    cells = int(np.isfinite(band.intensity).sum())
    if fit is None:
        return {
            "n_cells": cells,
            "verdict": str(Verdict.UNIDENTIFIABLE),
            "verdict_reason": "fewer than 8 azimuths with intensity in the band",
        }
    verdict, reason = _judged(fit)
    scale = math.sqrt(fit.chi2 / fit.freedom) if fit.p_value < _WRONG else 1.0
    across = spec.axis == "perpendicular"

    def turn(values: Array) -> float:
        if spec.director is None:
            return math.pi / 2 if across else 0.0
        return float(values[2]) - math.radians(spec.director)

    def factor(*, oriented: bool) -> Callable[[Array], float]:
        sign = -2.0 if across else 1.0
        return lambda v: sign * hermans(fit, v, turn(v), oriented=oriented)

    functions: dict[str, Callable[[Array], float]] = {
        "mean_angle": lambda v: math.degrees(v[2]) + (90.0 if across else 0.0),
        "hermans": factor(oriented=False),
        "hermans_oriented": factor(oriented=True),
        "order_in_plane": lambda v: order_in_plane(fit, v),
        "fraction_oriented": lambda v: float(v[1]),
        "full_width": lambda v: math.degrees(fit.shape.full_width(float(v[3]))),
    }
    out: dict[str, Any] = {"n_cells": cells, "p_isotropic": fit.p_isotropic}
    for name, function in functions.items():
        out[name] = function(fit.values)
        out[f"{name}_sigma"] = scale * fit.error(function)
    if verdict is Verdict.UNIDENTIFIABLE:
        # Without a direction there is no maximum either; how near to 0 the order is, is known.
        for name in _OF_A_MAXIMUM:
            out[name] = out[f"{name}_sigma"] = math.nan
        for name, share in _PER_AMPLITUDE.items():
            least = share * fit.noise * (2.0 if across and name == "hermans" else 1.0)
            out[f"{name}_sigma"] = max(out[f"{name}_sigma"], least)
    out["mean_angle"] = -((-out["mean_angle"] + 90.0) % 180.0 - 90.0)
    out["gof"] = math.sqrt(fit.chi2 / fit.freedom)
    return out | {"verdict": str(verdict), "verdict_reason": reason}


def _judged(fit: AzimuthFit) -> tuple[Verdict, str]:
    if not fit.p_isotropic < _ISOTROPIC:
        return (
            Verdict.UNIDENTIFIABLE,
            f"no preferred orientation: an isotropic sample gives as much with probability"
            f" {fit.p_isotropic:.2g}",
        )
    wrong = fit.p_value < _WRONG
    said = (
        f"χ²r is {fit.chi2 / fit.freedom:.3g}, with deviations of {fit.deviation:.1%} of the mean"
    )
    if wrong and fit.deviation > _GROSS:
        return (
            Verdict.MISFIT,
            f"{said}: several directions, another form of maximum, or errors that are too small",
        )
    if 3 in fit.held:
        wide = fit.shape.full_width(float(fit.values[3])) > 1.0
        why = "wider than this form can be" if wide else "narrower than the cells of azimuth"
        return Verdict.AT_BOUND, f"the maximum is {why}"
    share = math.sqrt(fit.covariance[1, 1])
    if share > _UNSURE:
        return (
            Verdict.OK,
            f"width and share of the maximum are hardly told apart (share ± {share:.2g});"
            " angle and Hermans factor are",
        )
    return Verdict.OK, f"{said}: more than noise, so errors are scaled" if wrong else ""


def _curves(fit: AzimuthFit | None, band: Band) -> dict[str, Array]:
    empty = np.full(band.intensity.size, np.nan)
    return {
        "intensity": band.intensity,
        "sigma": np.sqrt(band.variance),
        "intensity_calculated": empty if fit is None else fit.calculated,
    }


def _dataset(
    rows: list[dict[str, Any]], curves: list[dict[str, Array]], cake: xr.Dataset, *, series: bool
) -> xr.Dataset:
    lead = (schema.FRAME,) if series else ()
    variables: dict[str, Any] = {}

    def add(
        name: str, values: NDArray[Any], dims: tuple[str, ...], attrs: Mapping[str, str]
    ) -> None:
        variables[name] = ((*lead, *dims), values if series else values[0], dict(attrs))

    for name, (units, text) in NUMBERS.items():
        error = f"{name}_sigma"
        found = np.array([r.get(name, np.nan) for r in rows])
        add(name, found, (), {"units": units, "long_name": text, "ancillary_variables": error})
        sigma = np.array([r.get(error, np.nan) for r in rows])
        add(error, sigma, (), {"units": units, "long_name": f"standard error: {text}"})
    for name, text in (
        ("p_isotropic", "probability that isotropy gives as much"),
        ("gof", "goodness of fit √χ²r"),
        ("n_cells", "number of azimuths with intensity"),
    ):
        found = np.array([r.get(name, np.nan) for r in rows])
        add(name, found, (), {"units": "1", "long_name": text})
    for name, text in (
        ("verdict", "verdict on the fit"),
        ("verdict_reason", "reason of the verdict"),
    ):
        add(name, np.array([r[name] for r in rows]), (), {"long_name": text})
    unit = str(cake["intensity"].attrs["units"])
    for name, text in (
        ("intensity", "mean intensity of the band"),
        ("sigma", "standard error of the intensity"),
        ("intensity_calculated", "intensity of the fitted model"),
    ):
        values = np.stack([c[name] for c in curves])
        add(name, values, ("azimuth",), {"units": unit, "long_name": text})
    kept = {
        str(n): c.variable
        for n, c in cake.coords.items()
        if set(c.dims) <= {*lead, "azimuth"} and SOURCE not in c.dims
    }
    return xr.Dataset(variables, kept, {"schema": schema.ORIENTATION.name})
