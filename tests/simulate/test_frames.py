"""Files as written, read back with independent libraries."""

from pathlib import Path

import fabio
import h5py
import hdf5plugin
import numpy as np
import pytest

from xrdkit.errors import SpecError
from xrdkit.masks import MaskReason
from xrdkit.simulate import (
    Exposure,
    expose,
    virtual_saxs,
    virtual_waxs,
    write_edf,
    write_eiger,
    write_mask,
    write_tiff,
)

LIGHT = Exposure(flux=1e9, time=0.5, transmission=0.8)
WAXS, SAXS = virtual_waxs(coarse=8), virtual_saxs(coarse=8)


def frames(number: int) -> list[np.ndarray]:
    return [expose(WAXS, np.full(WAXS.shape, 40.0 + k), seed=k) for k in range(number)]


def test_eiger_holds_every_count_behind_external_links(tmp_path: Path) -> None:
    made = frames(5)
    path = write_eiger(tmp_path / "a" / "run_master.h5", made, WAXS, LIGHT, frames_per_file=2)
    names = sorted(p.name for p in path.parent.iterdir())
    assert names == [f"run_data_{k:06d}.h5" for k in (1, 2, 3)] + ["run_master.h5"]
    with h5py.File(path) as file:
        links = sorted(file["entry/data"])
        assert links == ["data_000001", "data_000002", "data_000003"]
        assert isinstance(file["entry/data"].get(links[0], getlink=True), h5py.ExternalLink)
        data = [file["entry/data"][name] for name in links]
        assert [d.attrs["image_nr_low"] for d in data] == [1, 3, 5]
        assert [d.attrs["image_nr_high"] for d in data] == [2, 4, 5]
        assert data[0].chunks == (1, *WAXS.shape)
        assert str(hdf5plugin.BSHUF_ID) in data[0]._filters
        np.testing.assert_array_equal(np.concatenate([d[...] for d in data]), made)
        assert data[0].dtype == np.uint32


def test_eiger_master_states_the_facts_where_dectris_does(tmp_path: Path) -> None:
    path = write_eiger(tmp_path / "run_master.h5", frames(2), WAXS, LIGHT)
    with h5py.File(path) as file:
        head = file["entry/instrument/detector"]
        assert file["entry/instrument/beam/incident_wavelength"][()] == 0.7
        assert head["count_time"][()] == 0.5
        assert head["count_time"].attrs["units"] == "s"
        assert head["x_pixel_size"][()] == WAXS.calibration.detector.pixel_size_x
        x, y = WAXS.calibration.beam_center
        assert (head["beam_center_x"][()], head["beam_center_y"][()]) == (x, y)
        assert head["detector_distance"][()] == pytest.approx(0.06)
        special = head["detectorSpecific"]
        assert (special["nimages"][()], special["ntrigger"][()]) == (2, 1)
        mask = special["pixel_mask"][...]
        marked = WAXS.marked()
        np.testing.assert_array_equal(mask == 1, (marked & MaskReason.GAP) > 0)
        np.testing.assert_array_equal(mask == 2, (marked & MaskReason.DEAD) > 0)


def test_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    paths = [
        write_eiger(tmp_path / name / "run_master.h5", frames(2), WAXS, LIGHT) for name in "ab"
    ]
    for suffix in ("master", "data_000001"):
        first, second = (p.with_name(f"run_{suffix}.h5").read_bytes() for p in paths)
        assert first == second


def test_edf_and_tiff_hold_every_count_and_the_facts(tmp_path: Path) -> None:
    frame = expose(SAXS, np.full(SAXS.shape, 7.0), seed=1)
    edf = write_edf(tmp_path / "a.edf", frame, SAXS, LIGHT, monitor=1234.5)
    tif = write_tiff(tmp_path / "a.tif", frame, SAXS, LIGHT)
    for path in (edf, tif):
        with fabio.open(str(path)) as image:
            np.testing.assert_array_equal(image.data, frame)
            assert image.data.dtype == frame.dtype
            header = dict(image.header)
        if path == edf:
            assert float(header["ExposureTime"]) == 0.5
            assert float(header["WaveLength"]) == pytest.approx(0.7e-10, rel=1e-12)
            assert float(header["SampleDistance"]) == pytest.approx(1.5)
            assert float(header["Intensity0"]) == 1234.5
    assert b"# Exposure_time 0.5000000 s" in tif.read_bytes()


def test_mask_file_is_one_where_pixels_are_left_out(tmp_path: Path) -> None:
    mask = SAXS.mask()
    with fabio.open(str(write_mask(tmp_path / "mask.edf", mask))) as image:
        np.testing.assert_array_equal(image.data, (mask > 0).astype(np.uint8))


def test_wrong_names_shapes_and_types_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"NAME_master\.h5"):
        write_eiger(tmp_path / "run.h5", frames(1), WAXS, LIGHT)
    with pytest.raises(SpecError, match="no frame"):
        write_eiger(tmp_path / "run_master.h5", [], WAXS, LIGHT)
    with pytest.raises(SpecError, match="is not from"):
        write_edf(tmp_path / "a.edf", frames(1)[0], SAXS, LIGHT)
    with pytest.raises(SpecError, match="is not from"):
        write_tiff(tmp_path / "a.tif", frames(1)[0].astype(np.int64), WAXS, LIGHT)
