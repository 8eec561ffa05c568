"""Preferred orientation: how the intensity of each radial bin of a cake changes with azimuth."""

import math

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance, schema
from xrdkit.errors import SchemaError, SpecError
from xrdkit.profiles.harmonics import Modulation, fit_modulation
from xrdkit.uncertainty import ERRORS, SOURCE, independent_sigma

Array = NDArray[np.float64]

_COUNTING = "counting"


def texture(cake: xr.Dataset, *, harmonics: int = 3, director: float | None = None) -> xr.Dataset:
    """Return amplitude and direction of the azimuthal modulation of every radial bin of a cake.

    `cake` is a CAKE Dataset, ``intensity`` and ``sigma`` over (frame, azimuth, radial), with cells
    of equal width; cells without pixels (NaN) are left out. `harmonics` is the number H of even
    harmonics, 1 to 12; `director` the azimuth, degree, from which orientation counts (None: that of
    the highest intensity, `phase`). To each bin is fitted

        I(χ) = I_0 [1 + Σ_k (a_k cos 2kχ + b_k sin 2kχ)],  k = 1 .. H,

    averaged over the width of the cells, by maximum likelihood: the variance of a cell is that of
    the counts that the fit expects there, so that cells with few counts do not pull. Odd harmonics
    are left out: a pattern of small angles has the same intensity at χ and χ + 180 degree.

    The result holds over (frame, radial), with ``_sigma`` for each:

    * ``intensity`` I_0, the mean over azimuth, in the unit of the cake;
    * ``cos_2chi``, ``sin_2chi``: a_1 and b_1, which have no bias where nothing is oriented;
    * ``amplitude`` A = √(a_1² + b_1²), and ``phase`` χ_0 = atan2(b_1, a_1)/2 in (-90, 90] degree:
      I = I_0 [1 + A cos 2(χ - χ_0)] where it is the only harmonic;
    * ``cos2_amplitude`` c = 2A/(1 - A): that of I ∝ 1 + c cos²(χ - χ_0);
    * ``hermans``, Hermans' orientation parameter f = (3⟨cos²φ⟩ - 1)/2 with φ the azimuth from the
      director and ⟨cos²φ⟩ = ∫ I cos²φ sin φ dφ/∫ I sin φ dφ over 0 to 90 degree: 1 for all along
      the director, 0 for isotropic, -1/2 for all across. Its error leaves out that of χ_0.

    ``p_isotropic`` is the probability of a modulation cos 2(χ - χ_0) at least as significant for an
    isotropic sample (score test), ``gof`` the χ² of the fit over its degrees of freedom, and
    ``n_cells`` the number of cells. Bins with fewer cells than 2H + 2, or without counts, are NaN.

    Errors common to all bins (monitor, thickness) cancel and are not in these. Raises SchemaError
    for no CAKE, SpecError for other settings. Sources: J. J. Hermans et al., Recl. Trav. Chim.
    Pays-Bas 65 (1946) 427; C. R. Rao, Proc. Camb. Phil. Soc. 44 (1948) 50.
    """
    if isinstance(harmonics, bool) or not isinstance(harmonics, int) or not 1 <= harmonics <= 12:
        raise SpecError(f"harmonics must be a whole number of 1 to 12, not {harmonics!r}")
    if director is not None and not math.isfinite(director):
        raise SpecError(f"director must be an azimuth in degree, not {director}")
    schema.validate(cake, schema.CAKE)
    radial = schema.radial_dim(cake)
    lead = (schema.FRAME,) if schema.FRAME in cake.dims else ()
    order = (*lead, radial, "azimuth")
    azimuth = np.radians(cake["azimuth"].values)
    cells = cake["intensity"].transpose(*order).values
    rows = cells.shape[:-1]
    flat = (-1, azimuth.size)
    fitted = fit_modulation(
        azimuth,
        cell_width(azimuth),
        cells.reshape(flat),
        independent_sigma(cake).transpose(*order).values.reshape(flat) ** 2,
        harmonics,
        counting_of(cake, order, flat),
    )
    unit = str(cake["intensity"].attrs["units"])
    out = {
        name: ((*lead, radial), values.reshape(rows), {"units": units, "long_name": text})
        for name, (values, units, text) in _results(fitted, unit, director).items()
    }
    coords = {n: c for n, c in cake.coords.items() if not {"azimuth", SOURCE} & set(c.dims)}
    kept = {n: c for n, c in coords.items() if set(c.dims) <= {*lead, radial}}
    data = xr.Dataset(out, coords=kept, attrs={"schema": "xrdkit/texture/1"})
    settings = {"harmonics": harmonics, "director": director}
    inputs = [provenance.content_sha256(cake)]
    return provenance.append(data, "texture", settings, inputs=inputs, history=cake)


def cell_width(azimuth: Array) -> float:
    """Return the width of the cells, radian; raise SchemaError where they are unequal."""
    if azimuth.size < 4:
        raise SchemaError(f"{azimuth.size} cells of azimuth are too few for a modulation")
    steps = np.mod(np.diff(azimuth), 2 * np.pi)
    if np.ptp(steps) > 1e-6:
        raise SchemaError("the cells of azimuth are of unequal width")
    return float(steps.mean())


def counting_of(
    cake: xr.Dataset, order: tuple[str, ...], flat: tuple[int, ...]
) -> tuple[Array, Array, Array] | None:
    """Return counts, their variance and N g of every cell; None where the cake has none."""
    needed = {"counts", "normalization", ERRORS} <= set(cake.data_vars)
    if not needed or _COUNTING not in cake[SOURCE].values.astype(str):
        return None
    counts = cake["counts"].transpose(*order).values.reshape(flat)
    norm = cake["normalization"].transpose(*order).values.reshape(flat)
    error = cake[ERRORS].sel({SOURCE: _COUNTING}).transpose(*order).values.reshape(flat)
    return counts, (error * norm) ** 2, norm


def _results(
    fitted: Modulation, unit: str, director: float | None
) -> dict[str, tuple[NDArray[np.generic], str, str]]:
    """Return values, unit and name of every variable, one entry for each row of the fit."""
    mean, first, second = fitted.value[:, 0], fitted.value[:, 1], fitted.value[:, 2]
    with np.errstate(invalid="ignore", divide="ignore"):
        high = np.hypot(first, second)
        amplitude = high / mean
        phase = np.degrees(np.arctan2(second, first)) / 2
        zero = np.zeros(mean.size)
        one = np.ones(mean.size)
        sigma = {
            "intensity": fitted.sigma([one, zero, zero]),
            "cos_2chi": fitted.sigma([-first / mean**2, 1 / mean, zero]),
            "sin_2chi": fitted.sigma([-second / mean**2, zero, 1 / mean]),
            "amplitude": fitted.sigma(
                [-high / mean**2, first / (high * mean), second / (high * mean)]
            ),
            "phase": np.degrees(fitted.sigma([zero, -second / high**2, first / high**2])) / 2,
        }
        sigma["cos2_amplitude"] = 2 * sigma["amplitude"] / (1 - amplitude) ** 2
        values = {
            "intensity": (mean, unit, "intensity, mean over azimuth"),
            "cos_2chi": (first / mean, "1", "relative amplitude of cos 2 chi"),
            "sin_2chi": (second / mean, "1", "relative amplitude of sin 2 chi"),
            "amplitude": (amplitude, "1", "relative amplitude of cos 2(chi - phase)"),
            "phase": (phase, "degree", "azimuth of the highest intensity"),
            "cos2_amplitude": (
                2 * amplitude / (1 - amplitude),
                "1",
                "amplitude c of 1 + c cos^2(chi - phase)",
            ),
        }
    origin = np.radians(phase) if director is None else np.full(mean.size, np.radians(director))
    hermans, sigma["hermans"] = _hermans(fitted, origin)
    values["hermans"] = (hermans, "1", "Hermans orientation parameter")
    out: dict[str, tuple[NDArray[np.generic], str, str]] = {}
    for name, (value, units, text) in values.items():
        out[name] = (value, units, text)
        out[f"{name}_sigma"] = (sigma[name], units, f"standard error of the {text}")
    out["p_isotropic"] = (fitted.p_isotropic, "1", "probability that isotropy gives as much")
    out["gof"] = (fitted.chi2_per_dof, "1", "chi squared over its degrees of freedom")
    out["n_cells"] = (fitted.cells, "1", "number of cells of azimuth")
    return out


def _hermans(fitted: Modulation, origin: Array) -> tuple[Array, Array]:
    """Return Hermans' parameter from the azimuth `origin`, radian, and its standard error.

    With u = cos φ, ∫ cos 2kφ sin φ dφ = 1/(1 - 4k²) and ∫ cos 2kφ cos²φ sin φ dφ is half of that
    plus a quarter of those of k - 1 and k + 1.
    """
    number = (fitted.value.shape[1] - 1) // 2
    order = np.arange(number + 2)
    plain = 1.0 / (1.0 - 4.0 * order.astype(float) ** 2)
    squared = 0.5 * plain[:-1] + 0.25 * (plain[np.abs(order[:-1] - 1)] + plain[1:])
    below = [np.full(origin.size, plain[0])]
    above = [np.full(origin.size, squared[0])]
    for k in range(1, number + 1):
        for wave in (np.cos(2 * k * origin), np.sin(2 * k * origin)):
            below.append(plain[k] * wave)
            above.append(squared[k] * wave)
    lower, upper = np.stack(below, axis=1), np.stack(above, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        bottom = np.sum(lower * fitted.value, axis=1)
        ratio = np.sum(upper * fitted.value, axis=1) / bottom
        gradient = 1.5 * (upper - ratio[:, None] * lower) / bottom[:, None]
    return 1.5 * ratio - 0.5, fitted.sigma(list(gradient.T))
