"""Writers of detector files as detectors write them: Eiger master and data, EDF, TIFF."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
from fabio.edfimage import EdfImage
from fabio.tifimage import TifImage
from numpy.typing import NDArray

from xrdkit.errors import SpecError
from xrdkit.masks import MaskReason
from xrdkit.simulate.expose import Exposure
from xrdkit.simulate.instrument import VirtualInstrument

Frame = NDArray[np.integer]
_HEAD = "/entry/instrument/detector"
#: Bits of Dectris' pixel_mask: no sensor, dead.
_NO_SENSOR, _DEAD = 1, 2


def write_eiger(
    master: str | Path,
    frames: Iterable[Frame],
    instrument: VirtualInstrument,
    exposure: Exposure,
    *,
    start: str = "2025-01-01T00:00:00",
    frames_per_file: int = 100,
) -> Path:
    """Write frames as ``NAME_master.h5`` and ``NAME_data_000001.h5`` ..., return the master.

    Frames are chunked one by one and packed with bitshuffle-LZ4; the master links to the data files
    and holds the facts where Dectris' firmware puts them. `start` is the date (ISO 8601) written as
    that of the first frame. Frames are consumed one at a time. Raises SpecError where the name does
    not end in ``_master.h5``, a frame has another shape, or there is none.
    """
    path = Path(master)
    if not path.name.endswith("_master.h5"):
        raise SpecError(f"an Eiger master is called NAME_master.h5, not {path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    stem = path.name.removesuffix("_master.h5")
    links: list[tuple[str, str]] = []
    total = 0
    source = iter(frames)
    while block := list(islice(source, frames_per_file)):
        name = f"data_{len(links) + 1:06d}"
        data = path.with_name(f"{stem}_{name}.h5")
        _write_data(data, block, instrument, first=total + 1)
        links.append((name, data.name))
        total += len(block)
    if total == 0:
        raise SpecError("no frame to write")
    with h5py.File(path, "w") as file:
        entry = _group(file, "/entry", "NXentry")
        group = _group(entry, "data", "NXdata")
        for name, target in links:
            group[name] = h5py.ExternalLink(target, "/entry/data/data")
        _write_facts(file, instrument, exposure, total=total, start=start)
    return path


def write_edf(
    path: str | Path,
    frame: Frame,
    instrument: VirtualInstrument,
    exposure: Exposure,
    *,
    start: str = "2025-01-01T00:00:00",
    monitor: float | None = None,
) -> Path:
    """Write one frame as EDF with the header keys of ESRF's SAXS beamlines; return the path.

    The header holds SI units (ExposureTime s, WaveLength m, PSize m, SampleDistance m, Center
    pixel), `start` as Time, and `monitor` (count) as Intensity0 where given.
    """
    _check(frame, instrument)
    calibration = instrument.calibration
    x, y = calibration.center_on_frame()
    header = {
        "Title": instrument.name,
        "Time": start,
        "ExposureTime": repr(exposure.time),
        "WaveLength": repr(calibration.wavelength * 1e-10),
        "PSize_1": repr(calibration.detector.pixel_size_x),
        "PSize_2": repr(calibration.detector.pixel_size_y),
        "SampleDistance": repr(calibration.direct_distance),
        "Center_1": f"{x:.3f}",
        "Center_2": f"{y:.3f}",
    }
    if monitor is not None:
        header["Intensity0"] = repr(monitor)
    target = _parent(path)
    EdfImage(data=frame, header=header).write(str(target))
    return target


def write_tiff(
    path: str | Path, frame: Frame, instrument: VirtualInstrument, exposure: Exposure
) -> Path:
    """Write one frame as TIFF with the text header of a Pilatus; return the path."""
    _check(frame, instrument)
    calibration = instrument.calibration
    detector = calibration.detector
    x, y = calibration.center_on_frame()
    text = "\n".join(
        (
            f"# Pixel_size {detector.pixel_size_x:.6e} m x {detector.pixel_size_y:.6e} m",
            f"# Exposure_time {exposure.time:.7f} s",
            f"# Count_cutoff {instrument.saturation} counts",
            f"# Wavelength {calibration.wavelength:.6f} A",
            f"# Detector_distance {calibration.direct_distance:.6f} m",
            f"# Beam_xy ({x:.2f}, {y:.2f}) pixels",
        )
    )
    target = _parent(path)
    TifImage(data=frame, header={"ImageDescription": text}).write(str(target))
    return target


def write_mask(path: str | Path, mask: NDArray[np.uint16]) -> Path:
    """Write a mask as EDF of uint8, 1 where a pixel is left out; return the path."""
    target = _parent(path)
    EdfImage(data=(mask > 0).astype(np.uint8), header={"Title": "mask"}).write(str(target))
    return target


def _write_data(
    path: Path, block: list[Frame], instrument: VirtualInstrument, *, first: int
) -> None:
    shape = instrument.shape
    with h5py.File(path, "w") as file:
        group = _group(_group(file, "/entry", "NXentry"), "data", "NXdata")
        data = group.create_dataset(
            "data",
            shape=(len(block), *shape),
            dtype=instrument.dtype,
            chunks=(1, *shape),
            **hdf5plugin.Bitshuffle(nelems=0, cname="lz4"),
        )
        data.attrs["image_nr_low"] = np.int64(first)
        data.attrs["image_nr_high"] = np.int64(first + len(block) - 1)
        for index, frame in enumerate(block):
            _check(frame, instrument)
            data[index] = frame


def _write_facts(
    file: h5py.File,
    instrument: VirtualInstrument,
    exposure: Exposure,
    *,
    total: int,
    start: str,
) -> None:
    calibration, detector = instrument.calibration, instrument.calibration.detector
    _group(file, "/entry/instrument", "NXinstrument")
    _group(file, "/entry/instrument/beam", "NXbeam")
    _group(file, _HEAD, "NXdetector")
    _group(file, f"{_HEAD}/detectorSpecific", "NXcollection")
    _group(file, "/entry/sample", "NXsample")
    x, y = calibration.center_on_frame()
    facts: list[tuple[str, object, str]] = [
        ("/entry/start_time", start, ""),
        ("/entry/sample/beam_transmission", exposure.transmission, ""),
        ("/entry/instrument/beam/incident_wavelength", calibration.wavelength, "angstrom"),
        (f"{_HEAD}/description", instrument.name, ""),
        (f"{_HEAD}/count_time", exposure.time, "s"),
        (f"{_HEAD}/frame_time", exposure.time, "s"),
        (f"{_HEAD}/x_pixel_size", detector.pixel_size_x, "m"),
        (f"{_HEAD}/y_pixel_size", detector.pixel_size_y, "m"),
        (f"{_HEAD}/beam_center_x", x, "pixel"),
        (f"{_HEAD}/beam_center_y", y, "pixel"),
        (f"{_HEAD}/detector_distance", calibration.direct_distance, "m"),
        (f"{_HEAD}/saturation_value", np.int64(instrument.saturation), ""),
        (f"{_HEAD}/bit_depth_image", np.int64(8 * np.dtype(instrument.dtype).itemsize), ""),
        (f"{_HEAD}/detectorSpecific/data_collection_date", start, ""),
        (f"{_HEAD}/detectorSpecific/nimages", np.int64(total), ""),
        (f"{_HEAD}/detectorSpecific/ntrigger", np.int64(1), ""),
        (f"{_HEAD}/detectorSpecific/x_pixels_in_detector", np.int64(instrument.shape[1]), ""),
        (f"{_HEAD}/detectorSpecific/y_pixels_in_detector", np.int64(instrument.shape[0]), ""),
    ]
    for name, value, unit in facts:
        file[name] = value
        if unit:
            file[name].attrs["units"] = unit
    marked = instrument.marked()
    mask = np.where(marked & MaskReason.GAP, _NO_SENSOR, 0) | np.where(
        marked & MaskReason.DEAD, _DEAD, 0
    )
    file.create_dataset(
        f"{_HEAD}/detectorSpecific/pixel_mask",
        data=mask.astype(np.uint32),
        chunks=instrument.shape,
        **hdf5plugin.Bitshuffle(nelems=0, cname="lz4"),
    )


def _group(parent: h5py.Group, name: str, kind: str) -> h5py.Group:
    group = parent.create_group(name)
    group.attrs["NX_class"] = kind
    return group


def _check(frame: Frame, instrument: VirtualInstrument) -> None:
    if frame.shape != instrument.shape or frame.dtype != instrument.dtype:
        raise SpecError(
            f"a frame of {frame.shape} {frame.dtype} is not from {instrument.name}: "
            f"{instrument.shape} {instrument.dtype}"
        )


def _parent(path: str | Path) -> Path:
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    return target
