"""Transmission of a sample, T = (S/M)/(S_0/M_0), and the thickness that follows from it.

S and S_0 are the counts of the (attenuated) direct beam with and without the sample, M and M_0 what
the incident monitor counted meanwhile; a beam on the detector or a diode in the beamstop serve
alike. All errors add relatively: u(T)²/T² = Σ u(S)²/S² + Σ u(M)²/M². Thickness: t = -ln(T)/μ.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import schema
from xrdkit.averaging import AveragedFrame, average_frames
from xrdkit.corrections.attenuation import linear_attenuation
from xrdkit.errors import CorrectionFailed, FrameShapeMismatch, SpecError
from xrdkit.masks import declared_sentinels, no_data_reasons
from xrdkit.units import wavelength_from_energy

Array = NDArray[np.float64]

#: A transmission above 1 by more than this many standard errors is an error of the measurement.
_ABOVE_ONE_SIGMAS = 3.0
#: Relative standard error of tabulated attenuation between 5 and 100 keV.
ATTENUATION_RELATIVE_SIGMA = 0.01


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One reading of a monitor: an ion chamber, a diode, a scaler."""

    value: float
    """What it read less its own dark reading, any unit."""
    sigma: float
    """Standard error of `value`, same unit; √value for a counter of photons."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value > 0):
            raise SpecError(f"a monitor reading must be positive, not {self.value}")
        if not (math.isfinite(self.sigma) and self.sigma >= 0):
            raise SpecError(f"the error of a monitor reading cannot be {self.sigma}")

    @property
    def relative(self) -> float:
        """Relative standard error."""
        return self.sigma / self.value


@dataclass(frozen=True, kw_only=True)
class Transmission:
    """Share of the beam that goes through a sample."""

    value: float
    """T; a little above 1 where the error allows it."""
    sigma: float
    """Its standard error."""


@dataclass(frozen=True, kw_only=True)
class Thickness:
    """Thickness of a sample along the beam."""

    value: float
    """cm."""
    sigma: float
    """Its standard error, cm."""


def transmission(
    sample_beam: xr.Dataset,
    empty_beam: xr.Dataset,
    *,
    region: NDArray[Any] | None = None,
    center: tuple[float, float] | None = None,
    radius: float | None = None,
    sample_monitor: Reading | None = None,
    empty_monitor: Reading | None = None,
    background: xr.Dataset | NDArray[Any] | None = None,
) -> Transmission:
    """Return the transmission from frames with the direct beam, with and without the sample.

    Both are FRAMES Datasets; several frames of one kind are averaged. The beam is summed over
    `region`, (y, x) and true there, or over the pixels whose centres lie within `radius` of
    `center` = (x, y), all in pixels with the centre of the first at (0.5, 0.5). Per frame the two
    monitors say what came in; without them the sums are divided by the exposure times that the
    frames carry. `background` is a frame without beam, scaled by exposure where both state it.

    Raises SpecError for a region or monitors that are not stated in one of these ways;
    FrameShapeMismatch for unequal shapes; CorrectionFailed for pixels of the beam without a value
    (saturated, masked), a beam without counts, and T above 1 by more than three standard errors.
    """
    beams = {"sample": sample_beam, "empty": empty_beam}
    for beam in beams.values():
        schema.validate(beam, schema.FRAMES)
    shapes = {name: beam["counts"].shape[1:] for name, beam in beams.items()}
    if shapes["sample"] != shapes["empty"]:
        raise FrameShapeMismatch(
            f"frames of {shapes['sample']} pixels with the sample, {shapes['empty']} without"
        )
    inside = _region(region, center, radius, shapes["sample"])
    dark = None if background is None else average_frames(background)
    if dark is not None and dark.mean.shape != inside.shape:
        raise FrameShapeMismatch(f"background of {dark.mean.shape}, frames of {inside.shape}")
    if (sample_monitor is None) != (empty_monitor is None):
        raise SpecError("one monitor reading alone says nothing: give both or none")
    sums = {name: _beam(name, beam, inside, dark) for name, beam in beams.items()}
    if sample_monitor is None or empty_monitor is None:
        sample_monitor, empty_monitor = (_exposure(name, beam) for name, beam in beams.items())
    return transmission_from_monitors(
        sample=sums["sample"].reading,
        empty=sums["empty"].reading,
        sample_monitor=sample_monitor,
        empty_monitor=empty_monitor,
        shared=_shared(sums["sample"], sums["empty"]),
    )


def transmission_from_monitors(
    *,
    sample: Reading,
    empty: Reading,
    sample_monitor: Reading,
    empty_monitor: Reading,
    shared: float = 0.0,
) -> Transmission:
    """Return the transmission from readings behind the sample and of the incident beam.

    `sample` and `empty` are read behind the sample and without it, `sample_monitor` and
    `empty_monitor` before it meanwhile. `shared` is the relative covariance of `sample` and `empty`
    where one background was taken from both. Raises CorrectionFailed where T is above 1 by more
    than three standard errors.
    """
    value = (sample.value / sample_monitor.value) / (empty.value / empty_monitor.value)
    parts = (sample, empty, sample_monitor, empty_monitor)
    relative = math.sqrt(max(sum(r.relative**2 for r in parts) - 2 * shared, 0.0))
    sigma = value * relative
    if value > 1 + _ABOVE_ONE_SIGMAS * sigma:
        raise CorrectionFailed(
            f"transmission is {value:.4g} ± {sigma:.2g}, above 1",
            hint="are sample and empty beam swapped, or was a gain or attenuator changed between?",
        )
    return Transmission(value=value, sigma=sigma)


def thickness_from_transmission(
    transmission: Transmission,
    material: str,
    *,
    density: float,
    energy: float,
    density_sigma: float = 0.0,
    attenuation_relative_sigma: float = ATTENUATION_RELATIVE_SIGMA,
) -> Thickness:
    """Return the thickness t = -ln(T)/μ in cm of a sample of known substance.

    `material` is a formula or a name that `linear_attenuation` knows, `density` its mass density
    and `density_sigma` the standard error of that, g/cm³; `energy` is that of the photons in keV.
    Tabulated attenuation is trusted to `attenuation_relative_sigma`. Raises SpecError for settings
    that are not usable, CorrectionFailed where T is not below 1.
    """
    if not (math.isfinite(density) and density > 0 and density_sigma >= 0):
        raise SpecError(f"density {density} ± {density_sigma} g/cm³ is not usable")
    if not 0 < transmission.value < 1:
        raise CorrectionFailed(
            f"transmission {transmission.value:.4g} ± {transmission.sigma:.2g} gives no thickness",
            hint="it must lie between 0 and 1",
        )
    wavelength = wavelength_from_energy(energy)
    mu = linear_attenuation(material, wavelength=wavelength, density=1e3 * density) / 100
    value = -math.log(transmission.value) / mu
    relative = math.hypot(
        transmission.sigma / transmission.value / (mu * value),
        density_sigma / density,
        attenuation_relative_sigma,
    )
    return Thickness(value=value, sigma=value * relative)


@dataclass(frozen=True, kw_only=True)
class _Beam:
    reading: Reading
    """Counts per frame, less the background."""
    dark_variance: float
    """Variance of the background in it."""


def _shared(one: _Beam, other: _Beam) -> float:
    """Return the relative covariance of two sums from which one background was taken."""
    if one.dark_variance == 0 or other.dark_variance == 0:
        return 0.0
    together = math.sqrt(one.dark_variance * other.dark_variance)
    return together / (one.reading.value * other.reading.value)


def _region(
    region: NDArray[Any] | None,
    center: tuple[float, float] | None,
    radius: float | None,
    shape: tuple[int, ...],
) -> NDArray[np.bool_]:
    circle = center is not None and radius is not None
    if (region is None) == (not circle):
        raise SpecError("say where the beam is: either region, or center and radius")
    if region is not None:
        inside = np.asarray(region) != 0
        if inside.shape != shape:
            raise FrameShapeMismatch(f"region of {inside.shape} pixels, frames of {shape}")
    else:
        x0, y0 = center or (0.0, 0.0)
        y, x = np.indices(shape) + 0.5
        inside = np.hypot(x - x0, y - y0) <= (radius or 0.0)
    if not inside.any():
        raise SpecError("no pixel lies in the region of the beam")
    return inside


def _beam(
    name: str, beam: xr.Dataset, inside: NDArray[np.bool_], dark: AveragedFrame | None
) -> _Beam:
    """Return the counts of the beam per frame with their Poisson error."""
    number = beam.sizes[schema.FRAME]
    masked = np.asarray(beam["mask"].values) != 0 if "mask" in beam else np.zeros_like(inside)
    total = 0.0
    for k in range(number):
        raw = np.asarray(beam["counts"][k].values)
        bad = (no_data_reasons(raw, declared_sentinels(beam["counts"].attrs)) != 0) | masked
        if np.any(bad & inside):
            raise CorrectionFailed(
                f"{np.count_nonzero(bad & inside)} pixels of the {name} beam have no value",
                frame=k,
                hint="saturated or masked: attenuate the beam, or leave gaps out of the region",
            )
        total += float(np.sum(raw[inside], dtype=np.float64))
    counts, variance = total / number, max(total, 1.0) / number**2
    below = below_variance = 0.0
    if dark is not None:
        if not np.all(np.isfinite(dark.mean[inside])):
            raise CorrectionFailed("pixels of the background have no value in the region")
        time = _time(beam)
        scale = 1.0 if dark.exposure_time is None or time is None else time / dark.exposure_time
        below = scale * float(np.sum(dark.mean[inside]))
        below_variance = scale**2 * float(np.sum(dark.variance[inside]))
    signal, sigma = counts - below, math.sqrt(variance + below_variance)
    if signal <= sigma:
        raise CorrectionFailed(
            f"the {name} beam has {signal:.4g} ± {sigma:.2g} counts in the region",
            hint="is the beam there? is the beamstop out?",
        )
    reading = Reading(value=signal, sigma=sigma)
    return _Beam(reading=reading, dark_variance=below_variance)


def _time(beam: xr.Dataset) -> float | None:
    if "exposure_time" not in beam.coords:
        return None
    times = np.unique(np.atleast_1d(beam["exposure_time"].values).astype(float))
    if times.size != 1:
        raise CorrectionFailed("the frames of a beam have unequal exposure times")
    return float(times[0])


def _exposure(name: str, beam: xr.Dataset) -> Reading:
    time = _time(beam)
    if time is None:
        raise SpecError(
            f"neither monitors are given nor do the frames of the {name} beam carry exposure_time",
            hint="give sample_monitor and empty_monitor",
        )
    return Reading(value=time, sigma=0.0)
