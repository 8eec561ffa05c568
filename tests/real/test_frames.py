"""Every shipped detector file opens with the facts that its header has."""

import h5py
import hdf5plugin
import numpy as np
import pytest

import xrdkit as xk
from xrdkit.errors import FrameTruncated
from xrdkit.masks import no_data_reasons

assert hdf5plugin  # the reference values come through the filters it brings
APS = "aps_usaxs_matilda"
#: file or pattern -> (shape, dtype)
FILES = {
    f"{APS}/tilt_lab6/LaB6_Normal_0042.hdf": ((1, 512, 2068), "uint32"),
    f"{APS}/tilt_lab6/LaB6_tilt1_0043.hdf": ((1, 512, 2068), "uint32"),
    f"{APS}/tilt_lab6/LaB6_tilt5comb_0047.hdf": ((1, 512, 2068), "uint32"),
    f"{APS}/thermal_series/saxs/*.hdf": ((12, 195, 487), "int32"),
    f"{APS}/thermal_series/waxs/*.hdf": ((6, 512, 2068), "uint32"),
    "bioxtasraw/vac_007_data_000001.h5": ((2, 3262, 3108), "uint32"),
    "dioptas/CeO2_Pilatus1M.tif": ((1, 1043, 981), "int32"),
    "dioptas/LaB6_40keV_MarCCD.tif": ((1, 2048, 2048), "uint16"),
    "dioptas/lima_bslz4/marana_0000.h5": ((100, 2048, 2048), "uint16"),
    "gsas2_saxs_marccd/AgBehenate_003.tif": ((1, 1024, 1024), "uint16"),
    "gsas2_saxs_marccd/*_5s_*.tif": ((3, 1024, 1024), "uint16"),
    "jscatter/*.tiff": ((4, 619, 487), "int32"),
    "lightform_pixium/pixium_series_master.h5": ((6, 1441, 1440), "uint16"),
    "lightform_pixium/pixium_series_data_000001.h5": ((6, 1441, 1440), "uint16"),
    "nexusformat/AgBehenate_228.hdf5": ((1, 195, 487), "int32"),
}


def opened(data_dir, name):
    return xk.open_frames(str(data_dir / "frames" / name))


@pytest.mark.parametrize("name", FILES)
def test_every_file_opens(name, data_dir):
    shape, dtype = FILES[name]
    data = opened(data_dir, name)
    assert data.counts.shape == shape
    assert data.counts.dtype == dtype
    frame = data.counts[0].values
    good = no_data_reasons(frame, data.counts.attrs["sentinels"]) == 0
    assert 0.9 < good.mean() <= 1
    assert frame[good].min() >= 0
    # the hottest good pixel of all files has 2.6e7 counts; sentinels are above 2^31
    assert frame[good].max() < 2**31


def test_the_tables_cover_every_frame_file(data_dir):
    folder = data_dir / "frames"
    kinds = (".tif", ".tiff", ".h5", ".hdf", ".hdf5", ".edf", ".cbf")
    present = {p for p in folder.rglob("*") if p.suffix in kinds}
    assert present == {p for name in FILES for p in folder.glob(name)}


def test_pixels_are_those_of_the_files(data_dir):
    with h5py.File(data_dir / "frames/lightform_pixium/pixium_series_data_000001.h5") as file:
        wanted = file["entry/data/data"][4]
    data = opened(data_dir, "lightform_pixium/pixium_series_master.h5")
    np.testing.assert_array_equal(data.counts[4].values, wanted)
    path = data_dir / "frames/dioptas/CeO2_Pilatus1M.tif"
    raw = np.fromfile(path, "<i4", count=1043 * 981, offset=4096).reshape(1043, 981)
    np.testing.assert_array_equal(xk.open_frames(path).counts[0].values, raw)


FACTS = {
    "dioptas/CeO2_Pilatus1M.tif": {
        "exposure_time": 3.0,
        "distance_header": 0.21143,
        "beam_center_x_header": 498.18,
        "beam_center_y_header": 515.77,
        "pixel_size_x_header": 172e-6,
    },
    "dioptas/LaB6_40keV_MarCCD.tif": {"exposure_time": 5.0, "pixel_size_x_header": 79e-6},
    "gsas2_saxs_marccd/GC_5s_200.tif": {"exposure_time": 5.0, "pixel_size_y_header": 158e-6},
    "jscatter/calibration.tiff": {
        "exposure_time": 30.0,
        "wavelength_header": 1.3414,
        "distance_header": 0.1798375,
        "beam_center_x_header": 243.48,
        "beam_center_y_header": 507.74,
    },
    "jscatter/buffer.tiff": {"exposure_time": 1185.0, "distance_header": 1.1298375},
    "lightform_pixium/pixium_series_master.h5": {
        "wavelength_header": 0.1393,
        "distance_header": 1.1938977,
        "pixel_size_x_header": 296e-6,
    },
    "nexusformat/AgBehenate_228.hdf5": {
        "exposure_time": 5.0,
        "wavelength_header": 0.73362836,
        "distance_header": 0.5138,
        "pixel_size_x_header": 172e-6,
        "beam_center_x_header": 85.86,
        "beam_center_y_header": -5.42,
        "monitor": 147121 / 1e7,
    },
    f"{APS}/tilt_lab6/LaB6_tilt1_0043.hdf": {
        "exposure_time": 5.0,
        "wavelength_header": 0.59040066,
        "distance_header": 0.43067,
        "monitor": 2330322 / 1e8,
    },
    "dioptas/lima_bslz4/marana_0000.h5": {"exposure_time": 0.1},
}


@pytest.mark.parametrize("name", FACTS)
def test_header_facts(name, data_dir):
    data = opened(data_dir, name)
    found = {key: float(data[key].values[0]) for key in FACTS[name]}
    assert found == pytest.approx(FACTS[name], rel=1e-7)


@pytest.mark.parametrize("name", ["BSA11mg", "buffer", "emptycell", "calibration"])
def test_an_empty_transmission_is_absent(name, data_dir):
    data = opened(data_dir, f"jscatter/{name}.tiff")
    assert not {"transmission", "monitor", "temperature"} & set(data.coords)


def test_the_dose_of_the_thermal_series_survives_its_gain_changes(data_dir):
    data = opened(data_dir, f"{APS}/thermal_series/saxs/P*.hdf")
    assert set(data.monitor_gain.values) == {1e7, 1e8}
    rate = data.monitor / data.exposure_time
    assert float(rate.std() / rate.mean()) < 0.05
    two = data.exposure_time.values == 2
    assert ((data.monitor.values[two] > 0.0132) & (data.monitor.values[two] < 0.0141)).all()
    celsius = data.temperature.values - 273.15
    named = [225 if "225C" in f else 25 for f in data.source_file.values]
    np.testing.assert_allclose(celsius, named, atol=0.6)
    assert all(str(t).startswith("2025-02-21T") for t in data.start_time.values)


def test_heater_blanks_have_no_temperature(data_dir):
    data = opened(data_dir, f"{APS}/thermal_series/saxs/HeaterBlank_*.hdf")
    assert "temperature" not in data


def test_declared_frames_that_were_not_written(data_dir):
    data = opened(data_dir, "dioptas/lima_bslz4/marana_0000.h5")
    assert np.flatnonzero(data.written.values).tolist() == [0, 1]
    assert (data.counts[:2].values > 0).mean() > 0.5
    for frame in (2, 50, 99):
        with pytest.raises(FrameTruncated) as caught:
            data.counts[frame].load()
        assert caught.value.frame == frame


def test_no_names_of_people_leave_the_files(data_dir):
    data = opened(data_dir, "nexusformat/AgBehenate_228.hdf5")
    assert "Schaefer" not in str(data.to_dict()) + str(data.attrs)
    assert "GUP" not in str(data.to_dict())
