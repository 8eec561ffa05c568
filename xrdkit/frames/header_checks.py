"""Headers held against themselves, what was stated, and the detectors that makers build."""

import re
from collections.abc import Callable

import numpy as np
import xarray as xr

from xrdkit.frames.contradiction import (
    Contradiction,
    HeaderTolerance,
    Value,
    differs,
    distinct,
    numbers,
    source_key,
    unit_slip,
)
from xrdkit.frames.known_detectors import KnownDetector, detector_named, detectors_of
from xrdkit.frames.stated import STATED
from xrdkit.frames.vocabulary import COORDINATES
from xrdkit.units import wavelength_from_energy

Check = Callable[[xr.Dataset, HeaderTolerance], list[Contradiction]]
#: Rounding of the numbers that headers print.
_ROUNDING = 1e-6
#: Standards by which a frame is often called, and how file and sample names write them.
_STANDARDS = {
    "silver behenate": r"behen|(?<![a-z])agbe?h?(?![a-z])",
    "LaB6": r"lab6",
    "CeO2": r"ceo2|ceria",
    "glassy carbon": r"glassy|(?<![a-z])gc(?![a-z])",
    "corundum": r"al2o3|corundum",
    "silicon": r"srm640|(?<![a-z])si640",
}


def _contradiction(
    frames: xr.Dataset,
    name: str,
    values: tuple[Value, Value],
    where: tuple[int, ...],
    message: str,
) -> Contradiction:
    return Contradiction(
        name=name,
        header_value=values[0],
        true_value=values[1],
        unit=COORDINATES[name].unit if name in COORDINATES else "pixel",
        source_key=source_key(frames, name) if name in frames.coords else "counts",
        frames=where,
        message=message,
    )


def stated_against_header(frames: xr.Dataset, tolerance: HeaderTolerance) -> list[Contradiction]:
    """Return where what the user stated differs from what the header said."""
    found = []
    everywhere = tuple(range(frames.sizes["frame"]))
    for name in COORDINATES:
        attrs = frames[name].attrs if name in frames.coords else {}
        if attrs.get("source_key") != STATED or "header_value" not in attrs:
            continue
        said, unit = attrs["header_value"], COORDINATES[name].unit
        values = np.unique(frames[name].values)
        if isinstance(said, str):
            same = values.tolist() == [said]
        else:
            same = not any(differs(float(v), float(said), _ROUNDING) for v in values)
        if not same:
            truth: Value = values[0].item() if values.size == 1 else tuple(values.tolist())
            key = str(attrs.get("header_key", ""))
            words = ", ".join(str(v) for v in values[:3])
            found.append(
                Contradiction(
                    name=name,
                    header_value=said,
                    true_value=truth,
                    unit=unit,
                    source_key=key,
                    frames=everywhere,
                    message=f"{name}: the header says {said} {unit} ({key}), stated is {words}",
                )
            )
    return found


def live_against_exposure(frames: xr.Dataset, tolerance: HeaderTolerance) -> list[Contradiction]:
    """Return where the exposure is not the live time."""
    return [
        _contradiction(
            frames,
            "exposure_time",
            (exposure, live),
            where,
            f"exposure time {exposure:g} s ({source_key(frames, 'exposure_time')}), live time "
            f"{live:g} s ({source_key(frames, 'live_time')}): one of them is wrong, and with it the"
            " dose",
        )
        for (exposure, live), where in _pairs(frames, "exposure_time", "live_time")
        if differs(exposure, live, tolerance.time)
    ]


def exposure_against_period(frames: xr.Dataset, tolerance: HeaderTolerance) -> list[Contradiction]:
    """Return where an exposure is longer than the time to the next one."""
    return [
        _contradiction(
            frames,
            "exposure_period",
            (period, exposure),
            where,
            f"an exposure of {exposure:g} s does not fit into a period of {period:g} s",
        )
        for (exposure, period), where in _pairs(frames, "exposure_time", "exposure_period")
        if exposure > period * (1 + _ROUNDING)
    ]


def wavelength_against_energy(
    frames: xr.Dataset, tolerance: HeaderTolerance
) -> list[Contradiction]:
    """Return where wavelength and photon energy are not one: λ = hc/E."""
    found = []
    pairs = _pairs(frames, "wavelength_header", "photon_energy_header")
    for (wave, energy), where in pairs:
        truth = wavelength_from_energy(energy)
        if differs(wave, truth, tolerance.wavelength):
            words = (
                f"wavelength {wave:.6g} Å ({source_key(frames, 'wavelength_header')}), but "
                f"{energy:.6g} keV ({source_key(frames, 'photon_energy_header')}) are {truth:.6g} Å"
            )
            words += unit_slip(wave, truth, tolerance.wavelength)
            found.append(_contradiction(frames, "wavelength_header", (wave, truth), where, words))
    return found


def threshold_against_energy(frames: xr.Dataset, tolerance: HeaderTolerance) -> list[Contradiction]:
    """Return where a counter is set above the photons that it should count."""
    return [
        _contradiction(
            frames,
            "threshold_energy",
            (threshold, energy),
            where,
            f"a threshold of {threshold:g} keV counts no photons of {energy:.5g} keV",
        )
        for (threshold, wave), where in _pairs(frames, "threshold_energy", "wavelength_header")
        if threshold > (energy := wavelength_from_energy(wave))
    ]


def sample_against_file(frames: xr.Dataset, tolerance: HeaderTolerance) -> list[Contradiction]:
    """Return where file and header call the sample by the names of different standards."""
    if "sample_name" not in frames.coords or "source_file" not in frames.coords:
        return []
    found: dict[tuple[str, str], list[int]] = {}
    pairs = zip(frames["sample_name"].values, frames["source_file"].values, strict=True)
    for place, (sample, file) in enumerate(pairs):
        said, named = _standards(str(sample)), _standards(str(file))
        if said and named and not said & named:
            found.setdefault((str(sample), str(file)), []).append(place)
    return [
        _contradiction(
            frames,
            "sample_name",
            (sample, file),
            tuple(where),
            f"the header calls the sample {sample!r}, the file is {file!r}",
        )
        for (sample, file), where in found.items()
    ]


def detector_by_name(frames: xr.Dataset, tolerance: HeaderTolerance) -> list[Contradiction]:
    """Return where frames or pixels are not those of the detector that the header names."""
    if "detector_name" not in frames.coords:
        return []
    shape = (frames.sizes["y"], frames.sizes["x"])
    found = []
    for name in np.unique(frames["detector_name"].values):
        known = detector_named(str(name))
        if known is None:
            continue
        where = tuple(int(k) for k in np.flatnonzero(frames["detector_name"].values == name))
        if not known.holds(shape):
            found.append(
                _contradiction(
                    frames,
                    "shape",
                    (shape, known.shape),
                    where,
                    f"frames of {shape[0]} x {shape[1]} pixels, a {known.name} has "
                    f"{known.shape[0]} x {known.shape[1]}",
                )
            )
        else:
            found += _pitches(frames, (known,), shape, tolerance)
    return found


def detector_by_shape(frames: xr.Dataset, tolerance: HeaderTolerance) -> list[Contradiction]:
    """Return where the pixels are not those of any detector that has this shape."""
    shape = (frames.sizes["y"], frames.sizes["x"])
    known = detectors_of(shape)
    return _pitches(frames, known, shape, tolerance) if known else []


def _pitches(
    frames: xr.Dataset,
    known: tuple[KnownDetector, ...],
    shape: tuple[int, int],
    tolerance: HeaderTolerance,
) -> list[Contradiction]:
    found = []
    for index, axis in enumerate("yx"):
        name = f"pixel_size_{axis}_header"
        values = numbers(frames, name)
        for (pitch,), where in distinct(values) if values is not None else ():
            if any(d.has_pitch(index, pitch, shape, tolerance.pixel_size) for d in known):
                continue
            truth = min((d.pixel_size[index] for d in known), key=lambda t: abs(t - pitch))
            names = " or ".join(dict.fromkeys(d.name for d in known))
            words = (
                f"pixels of {1e6 * pitch:.4g} µm along {axis} ({source_key(frames, name)}), "
                f"those of a {names} ({shape[0]} x {shape[1]}) are {1e6 * truth:.4g} µm"
            )
            words += unit_slip(pitch, truth, tolerance.pixel_size)
            found.append(_contradiction(frames, name, (pitch, truth), where, words))
    return found


def _pairs(
    frames: xr.Dataset, first: str, second: str
) -> list[tuple[tuple[float, ...], tuple[int, ...]]]:
    one, other = numbers(frames, first), numbers(frames, second)
    return [] if one is None or other is None else list(distinct(one, other))


def _standards(text: str) -> set[str]:
    return {name for name, pattern in _STANDARDS.items() if re.search(pattern, text.lower())}


#: What is asked of every header, in order; of two that find the same fact the first is heard.
CHECKS: tuple[Check, ...] = (
    stated_against_header,
    live_against_exposure,
    exposure_against_period,
    wavelength_against_energy,
    threshold_against_energy,
    detector_by_name,
    detector_by_shape,
    sample_against_file,
)
