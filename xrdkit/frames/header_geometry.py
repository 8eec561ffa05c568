"""Headers held against a calibration: pixel size, distance, wavelength, beam centre, shape."""

import math

import xarray as xr

from xrdkit.frames.contradiction import (
    Contradiction,
    HeaderTolerance,
    differs,
    distinct,
    numbers,
    source_key,
    unit_slip,
)
from xrdkit.geometry import Calibration, Detector
from xrdkit.units import wavelength_from_energy

#: A correction explains a beam centre that it brings this much closer, where not within tolerance.
_EXPLAINS = 0.2


def check_calibration(
    frames: xr.Dataset, calibration: Calibration, tolerance: HeaderTolerance
) -> list[Contradiction]:
    """Return what the headers say against a calibration."""
    found = check_detector(frames, calibration.detector, tolerance)
    distances = sorted({calibration.distance, calibration.direct_distance})
    found += _number(frames, "distance_header", distances, "m", tolerance.distance, "distance")
    waves = [calibration.wavelength]
    found += _number(
        frames, "wavelength_header", waves, "angstrom", tolerance.wavelength, "wavelength"
    )
    energies = [wavelength_from_energy(calibration.wavelength)]  # E = hc/λ both ways
    found += _number(
        frames, "photon_energy_header", energies, "keV", tolerance.wavelength, "photon energy"
    )
    return found + _beam_center(frames, calibration, tolerance)


def check_detector(
    frames: xr.Dataset, detector: Detector, tolerance: HeaderTolerance
) -> list[Contradiction]:
    """Return what the headers say against a detector."""
    found: list[Contradiction] = []
    for axis, size in (("x", detector.pixel_size_x), ("y", detector.pixel_size_y)):
        name = f"pixel_size_{axis}_header"
        what = f"pixel size along {axis}"
        found += _number(frames, name, [size], "m", tolerance.pixel_size, what)
    shape = (frames.sizes["y"], frames.sizes["x"])
    if detector.shape is not None and shape != tuple(detector.shape):
        turned = "; it is transposed" if shape[::-1] == tuple(detector.shape) else ""
        found.append(
            Contradiction(
                name="shape",
                header_value=shape,
                true_value=tuple(detector.shape),
                unit="pixel",
                source_key="counts",
                frames=tuple(range(frames.sizes["frame"])),
                message=f"frames of {shape[0]} x {shape[1]} pixels, the detector has "
                f"{detector.shape[0]} x {detector.shape[1]}{turned}",
            )
        )
    return found


def _number(
    frames: xr.Dataset, name: str, truths: list[float], unit: str, tolerance: float, what: str
) -> list[Contradiction]:
    """Return where the fact `name` is near none of `truths`."""
    values = numbers(frames, name)
    if values is None:
        return []
    found = []
    for (value,), where in distinct(values):
        truth = min(truths, key=lambda t: abs(value - t))
        if differs(value, truth, tolerance):
            off = 100 * (value / truth - 1)
            key = source_key(frames, name)
            found.append(
                Contradiction(
                    name=name,
                    header_value=value,
                    true_value=truth,
                    unit=unit,
                    source_key=key,
                    frames=where,
                    message=f"{what} {value:.6g} {unit} ({key}) is {off:+.2g} % off the "
                    f"{truth:.6g} {unit} of the calibration{unit_slip(value, truth, tolerance)}",
                )
            )
    return found


def _beam_center(
    frames: xr.Dataset, calibration: Calibration, tolerance: HeaderTolerance
) -> list[Contradiction]:
    names = ("beam_center_x_header", "beam_center_y_header")
    columns = [numbers(frames, name) for name in names]
    if columns[0] is None or columns[1] is None:
        return []
    shape = (frames.sizes["y"], frames.sizes["x"])
    truth = calibration.center_on_frame(shape)
    key = source_key(frames, *names)
    found = []
    for (x, y), where in distinct(columns[0], columns[1]):
        off = math.dist((x, y), truth)
        if off <= tolerance.beam_center:
            continue
        readings = {
            "x and y are swapped": (y, x),
            "y is counted from the last row": (x, shape[0] - y),
            "x is counted from the last column": (shape[1] - x, y),
            "x and y are counted from the last pixel": (shape[1] - x, shape[0] - y),
            "x and y are swapped, and y is counted from the last row": (y, shape[0] - x),
        }
        best = min(readings, key=lambda words: math.dist(readings[words], truth))
        rest = math.dist(readings[best], truth)
        why = ""
        if rest <= max(tolerance.beam_center, _EXPLAINS * off):
            why = f"; {best} (then it is {rest:.2g} px off)"
        found.append(
            Contradiction(
                name="beam_center_header",
                header_value=(x, y),
                true_value=truth,
                unit="pixel",
                source_key=key,
                frames=where,
                message=f"beam centre ({x:.2f}, {y:.2f}) px ({key}) is {off:.3g} px off the "
                f"({truth[0]:.2f}, {truth[1]:.2f}) px of the calibration{why}",
            )
        )
    return found
