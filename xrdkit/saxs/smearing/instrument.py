"""Resolution of q from what is known of an instrument: beam on the detector, pixels, wavelengths.

    σ_q² = (dq/dr)² (σ_beam² + p²/12) + (q σ_λ/λ)²,    dq/dr = 2π cos θ cos²2θ / (λ L)

r is the distance on the detector from the beam, L that of the detector, σ_beam the standard
deviation of the direct beam on the detector in one direction, which has divergence and size of the
beam in it, p the pitch of the pixels. Source: J. S. Pedersen, D. Posselt & K. Mortensen, J. Appl.
Cryst. 23 (1990) 321. For a beam that is not measured, of two round apertures of radius r_1 and r_2
at the distances L_1 from each other and L from the detector (D. F. R. Mildner & J. M. Carpenter, J.
Appl. Cryst. 17 (1984) 249):

    σ_beam² = (r_1 L/L_1)²/4 + (r_2 (L_1 + L)/L_1)²/4
"""

import math

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from xrdkit.errors import SchemaError, SpecError
from xrdkit.geometry import Calibration
from xrdkit.provenance import append, content_sha256
from xrdkit.schema import FRAME, PROFILE, mean_positions, radial_dim, validate

Array = NDArray[np.float64]

#: Standard deviations at which the Gaussian of a beam is cut off. With 3 the blur of a frame is
#: seen to be too small where counts tell 1 % of a minimum.
BEAM_CUT = 5.0
_FWHM = math.sqrt(8.0 * math.log(2.0))


def pinhole_resolution(
    q: ArrayLike,
    calibration: Calibration,
    *,
    beam_fwhm: float,
    wavelength_spread: float = 0.0,
) -> Array:
    """Return the standard deviation of q, 1/nm, at `q` (1/nm, any shape).

    `beam_fwhm` is the full width at half maximum of the direct beam on the detector, m (that of a
    beam with a standard deviation s is 2.355 s); `wavelength_spread` the standard deviation of the
    wavelength over the wavelength. Detectors are taken as normal to the beam. The spread of pixels
    within a bin is not part of it (`position_spreads`).

    Raises SpecError for widths that are negative or not finite, and q beyond 4π/λ.
    """
    for name, value in (("beam_fwhm", beam_fwhm), ("wavelength_spread", wavelength_spread)):
        if not (math.isfinite(value) and value >= 0):
            raise SpecError(f"{name} is {value}, not a number from 0 up")
    if wavelength_spread >= 1:
        raise SpecError(f"wavelength_spread is {wavelength_spread}: it is a share, 1e-4 to 0.1")
    if not beam_fwhm < calibration.direct_distance:
        raise SpecError(f"beam_fwhm {beam_fwhm} m is no beam: it is in metres")
    position = np.asarray(q, dtype=np.float64)
    wavelength = calibration.wavelength / 10.0
    sine = position * wavelength / (4.0 * np.pi)
    if not np.all((sine >= 0) & (sine < 1)):
        raise SpecError(f"q beyond 0 to {4 * np.pi / wavelength:.4g} 1/nm does not occur")
    theta = np.arcsin(sine)
    slope = (
        2.0
        * np.pi
        * np.cos(theta)
        * np.cos(2.0 * theta) ** 2
        / (wavelength * calibration.direct_distance)
    )
    detector = calibration.detector
    pixel = 0.5 * (detector.pixel_size_x**2 + detector.pixel_size_y**2) / 12.0
    place = (beam_fwhm / _FWHM) ** 2 + pixel
    result: Array = np.sqrt(slope**2 * place + (position * wavelength_spread) ** 2)
    return result


def resolution_across(calibration: Calibration, *, beam_fwhm: float) -> float:
    """Return the standard deviation of q at right angles to the scan, 1/nm, near the beam.

    That of beam and pixels, as in `pinhole_resolution`: 2π/(λL) √(σ_beam² + p²/12).
    """
    return float(pinhole_resolution(0.0, calibration, beam_fwhm=beam_fwhm))


def aperture_beam_fwhm(
    source_radius: float, sample_radius: float, collimation: float, distance: float
) -> float:
    """Return the width (2.355 standard deviations), m, of the beam of two round apertures.

    `source_radius` and `sample_radius` are the radii of the apertures, `collimation` the distance
    between them, `distance` that from sample to detector, all in m. Raises SpecError for what is
    not positive.
    """
    lengths = (source_radius, sample_radius, collimation, distance)
    if not all(math.isfinite(v) and v > 0 for v in lengths):
        raise SpecError(f"apertures and distances {lengths} m are not all positive")
    first = 0.5 * source_radius * distance / collimation
    second = 0.5 * sample_radius * (collimation + distance) / collimation
    return _FWHM * math.hypot(first, second)


def with_resolution(
    profile: xr.Dataset,
    calibration: Calibration,
    *,
    beam_fwhm: float,
    wavelength_spread: float = 0.0,
) -> xr.Dataset:
    """Return `profile` with its resolution, by which fits smear their models.

    That is the variable ``q_resolution`` along the scan and the attribute ``q_resolution_across``
    at right angles to it: a round beam smears a ring both ways, and close to the centre as much.
    The attribute ``q_resolution_cut`` is 5 standard deviations.

    `profile` (PROFILE) is a curve over q of this instrument; the other arguments and the formula
    are those of `pinhole_resolution`. What it had of both is replaced. Raises
    SchemaError for another axis than q, SpecError as `pinhole_resolution`.
    """
    validate(profile, PROFILE)
    if radial_dim(profile) != "q":
        raise SchemaError(f"resolution is one of q, the profile is over {radial_dim(profile)}")
    rows = mean_positions(profile)
    found = pinhole_resolution(
        rows, calibration, beam_fwhm=beam_fwhm, wavelength_spread=wavelength_spread
    )
    dims = (FRAME, "q") if FRAME in profile.dims else ("q",)
    attrs = {"units": "1/nm", "long_name": "standard deviation of q from beam, pixels, wavelengths"}
    values = found if FRAME in profile.dims else found[0]
    result = profile.assign(q_resolution=(dims, values, attrs))
    result.attrs["q_resolution_across"] = resolution_across(calibration, beam_fwhm=beam_fwhm)
    result.attrs["q_resolution_cut"] = BEAM_CUT
    settings = {
        "calibration": calibration,
        "beam_fwhm": beam_fwhm,
        "wavelength_spread": wavelength_spread,
    }
    result = append(
        result, "with_resolution", settings, inputs=[content_sha256(profile)], history=profile
    )
    return validate(result, PROFILE)
