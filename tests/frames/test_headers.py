"""Header facts: named, with unit and source key; nonsense is absent, never 0 or 1."""

import h5py
import numpy as np
import pytest
from faults.frame_files import (
    bruker86_bytes,
    bruker100_bytes,
    cbf_bytes,
    edf_bytes,
    eiger,
    esperanto_bytes,
    ge_bytes,
    mar345_bytes,
    marccd_bytes,
    nexus,
    raxis_bytes,
    smv_bytes,
    stack_of,
    tiff_bytes,
)

import xrdkit as xk
from xrdkit.errors import FrameShapeMismatch
from xrdkit.frames.headers import (
    COORDINATES,
    convert,
    fact,
    number,
    quantity,
    text_fact,
    time_fact,
)
from xrdkit.frames.vocabulary import TEXTS
from xrdkit.masks import MaskReason

STACK = stack_of("u2")
PILATUS = (
    "# Detector: PILATUS 1M, S/N 10-0113\n# 2014/Oct/24 16:33:09.123\n"
    "# Pixel_size 172e-6 m x 173e-6 m\n"
    "# Exposure_time 3.0000000 s\n# Exposure_period 3.5 s\n# Wavelength 0.4066 A\n"
    "# Detector_distance 0.21143 m\n# Beam_xy (498.18, 515.77) pixels\n"
    "# Silicon sensor, thickness 0.000450 m\n# Tau = 124.0e-09 s\n# Count_cutoff 1097223 counts\n"
    "# Threshold_setting: 15000 eV\n# Detector_2theta 0.0000 deg.\n"
    "# Filter_transmission 1.0000\n# Image_path: /data/jane_doe/\n"
)
PILATUS_FACTS = {
    "exposure_time": 3.0,
    "exposure_period": 3.5,
    "sensor_thickness": 450e-6,
    "dead_time_header": 124e-9,
    "count_cutoff": 1097223.0,
    "threshold_energy": 15.0,
    "detector_angle_header": 0.0,
    "wavelength_header": 0.4066,
    "distance_header": 0.21143,
    "beam_center_x_header": 498.18,
    "beam_center_y_header": 515.77,
    "pixel_size_x_header": 172e-6,
    "pixel_size_y_header": 173e-6,
}
SAXSLAB = (
    '<?xml version="1.0" ?><SAXSLABparameters><param name="det_exposure_time">1200.0</param>'
    '<param name="wavelength">1.3414</param><param name="detector_dist">1129.8375</param>'
    '<param name="beamcenter_actual">372.50    196.98</param>'
    '<param name="sample_transfact"></param><param name="saxsconf_Imon"></param>'
    '<param name="livetime">1190.0</param><param name="det_exposure_period">1203</param>'
    '<param name="det_count_cutoff">1077896</param><param name="det_threshold_setting">4024'
    '</param><param name="det_tau">383.8e-09</param><param name="det_thickness">0.000320</param>'
    '<param name="sample_thickness">0.15</param><param name="sample_temp">25</param>'
    '<param name="det_pixel_size">172e-6 173e-6</param><param name="sample_ID">buffer</param>'
    '<param name="start_timestamp">Tue Mar 27 14:35:42 2018</param>'
    '<param name="Img.Operator">Jane Doe</param></SAXSLABparameters>'
)
SAXSLAB_FACTS = {
    "exposure_time": 1200.0,
    "live_time": 1190.0,
    "exposure_period": 1203.0,
    "count_cutoff": 1077896.0,
    "threshold_energy": 4.024,
    "dead_time_header": 383.8e-9,
    "sensor_thickness": 320e-6,
    "thickness": 0.15,
    "temperature": 298.15,
    "pixel_size_x_header": 172e-6,
    "pixel_size_y_header": 173e-6,
    "wavelength_header": 1.3414,
    "distance_header": 1.1298375,
    "beam_center_x_header": 196.98,
    "beam_center_y_header": 372.5,
}
EDF_KEYS = {
    "ExposureTime": "0.5",
    "WaveLength": "7.0e-11",
    "SampleDistance": "150_cm",
    "Center_1": "56.5",
    "Center_2": "48.25",
    "PSize_1": "172e-6",
    "PSize_2": "0.173 mm",
    "Intensity0": "2000",
    "Intensity1": "1500",
    "SampleTemperature": "25_degC",
    "SampleThickness": "1.5 mm",
    "PhotonEnergy": "17.7 keV",
    "Detector": "Maxipix",
    "Time": "2025-01-02T03:04:05",
    "User": "Jane Doe",
}
EDF_FACTS = {
    "exposure_time": 0.5,
    "wavelength_header": 0.7,
    "distance_header": 1.5,
    "beam_center_x_header": 56.5,
    "beam_center_y_header": 48.25,
    "pixel_size_x_header": 172e-6,
    "pixel_size_y_header": 173e-6,
    "monitor": 2000.0,
    "monitor_after": 1500.0,
    "thickness": 0.15,
    "photon_energy_header": 17.7,
    "transmission": 0.75,
    "temperature": 298.15,
}
MARCCD_FACTS = {
    "exposure_time": 2.5,
    "wavelength_header": 0.4066,
    "distance_header": 0.25,
    "beam_center_x_header": 512.5,
    "beam_center_y_header": 498.25,
    "pixel_size_x_header": 79e-6,
    "pixel_size_y_header": 79.5e-6,
}
SMV_KEYS = {
    "TIME": "1.5",
    "WAVELENGTH": "0.9795",
    "DISTANCE": "250.0",
    "PIXEL_SIZE": "0.1024",
    "BEAM_CENTER_X": "105.0",
    "BEAM_CENTER_Y": "104.0",
    "TWOTHETA": "-3.0",
    "CCD_IMAGE_SATURATION": "65535",
}
SMV_FACTS = {
    "beam_center_x_header": 105.0 / 0.1024,
    "beam_center_y_header": 104.0 / 0.1024,
    "detector_angle_header": -3.0,
    "count_cutoff": 65535.0,
    "exposure_time": 1.5,
    "wavelength_header": 0.9795,
    "distance_header": 0.25,
    "pixel_size_x_header": 102.4e-6,
    "pixel_size_y_header": 102.4e-6,
}
BRUKER_KEYS = {
    "USER": "Jane Doe",
    "SITE": "?",
    "SAMPLE": "corundum plate",
    "CREATED": "03-Feb-2021   04:05:06",
    "CUMULAT": "60.000000",
    "ELAPSDA": "59.9",
    "ANGLES": "12.5 0.0 0.0 54.7",
    "CENTER": "512.5 498.25 511 500",
    "DISTANC": "20.0 20.5",
    "WAVELEN": "1.541838 1.540562 1.544390",
    "DETTYPE": "VANTEC2000 PIXPERCM: 72.85",
}
BRUKER_FACTS = {
    "exposure_time": 60.0,
    "wavelength_header": 1.541838,
    "distance_header": 0.205,
    "beam_center_x_header": 512.5,
    "beam_center_y_header": 498.25,
    "detector_angle_header": 12.5,
}
ESPERANTO_FACTS = {
    "exposure_time": 2.5,
    "wavelength_header": 0.2952,
    "distance_header": 0.2505,
    "beam_center_x_header": 128.25,
    "beam_center_y_header": 130.5,
    "pixel_size_x_header": 75e-6,
    "pixel_size_y_header": 76e-6,
    "sensor_thickness": 450e-6,
    "count_cutoff": 1e6,
}
MAR345_FACTS = {
    "exposure_time": 30.0,
    "wavelength_header": 0.71,
    "distance_header": 0.25,
    "beam_center_x_header": 8.5,
    "beam_center_y_header": 5.25,
    "pixel_size_x_header": 100e-6,
    "pixel_size_y_header": 101e-6,
    "detector_angle_header": 5.5,
}
RAXIS_FACTS = {
    "exposure_time": 150.0,
    "wavelength_header": 0.71073,
    "distance_header": 0.1275,
    "beam_center_x_header": 8.5,
    "beam_center_y_header": 5.25,
    "pixel_size_x_header": 100e-6,
    "pixel_size_y_header": 101e-6,
    "detector_angle_header": -20.0,
}
DTREK_KEYS = {
    "DETECTOR_NAMES": "PXD_",
    "PXD_DETECTOR_DESCRIPTION": "HyPix-6000",
    "PXD_SPATIAL_DISTORTION_INFO": "387.5 400.25 0.1 0.101",
    "PXD_GONIO_VALUES": "0 15.5 0 0 0 60",
    "SOURCE_WAVELENGTH": "2 1.5405 1.5444",
    "ROTATION": "0 0.5 0.5 20 0 0 0 0 0 0",
    "SATURATED_VALUE": "1048575",
    "DTREK_DATE_TIME": "03-Feb-2021 04:05:06",
    "SCAN_USER": "Jane Doe",
}
DTREK_FACTS = {
    "exposure_time": 20.0,
    "wavelength_header": 1.5405,
    "distance_header": 0.06,
    "beam_center_x_header": 387.5,
    "beam_center_y_header": 400.25,
    "pixel_size_x_header": 100e-6,
    "pixel_size_y_header": 101e-6,
    "detector_angle_header": 15.5,
    "count_cutoff": 1048575.0,
}
#: EPICS area detector: time stamp in 65002, then texts; 65020 is nothing that EPICS defines.
EPICS_TAGS = {
    65002: 1109010134,
    65010: b"AcquireTime:0.5",
    65011: b"AcquirePeriod:0.6",
    65012: b"Model:Eiger2 4M",
    65013: b"I0_cts:2000000",
    65014: b"I0_gain:1e8",
    65015: b"UserName:Jane Doe",
    65016: b"PhotonEnergy:17700",
    65017: b"SampleTitle:CeO2 capillary",
    65020: b"SampleThickness:3",
}
EPICS_FACTS = {
    "exposure_time": 0.5,
    "exposure_period": 0.6,
    "monitor": 0.02,
    "monitor_raw": 2e6,
    "monitor_gain": 1e8,
    "photon_energy_header": 17.7,
}
VENDORS = {
    "bruker 86": (bruker86_bytes(STACK, keys=BRUKER_KEYS), BRUKER_FACTS, "2021-02-03T04:05:06"),
    "bruker 100": (bruker100_bytes(STACK, keys=BRUKER_KEYS), BRUKER_FACTS, "2021-02-03T04:05:06"),
    "esperanto": (esperanto_bytes(STACK), ESPERANTO_FACTS, "2021-02-03T04:05:06"),
    "ge": (ge_bytes(STACK), {"exposure_time": 0.25, "exposure_period": 0.3}, "2019-03-05T10:11:12"),
    "raxis": (raxis_bytes(STACK), RAXIS_FACTS, None),
    "mar345": (mar345_bytes(STACK), MAR345_FACTS, "2013-11-03T10:02:39"),
    "dtrek": (smv_bytes(STACK, keys=DTREK_KEYS), DTREK_FACTS, "2021-02-03T04:05:06"),
    "epics tiff": (
        tiff_bytes(STACK[:1], tags=EPICS_TAGS),
        EPICS_FACTS,
        "2025-02-21T18:22:14+00:00",
    ),
    "edf": (edf_bytes(STACK[:1], keys=EDF_KEYS), EDF_FACTS, "2025-01-02T03:04:05"),
    "dectris tiff": (
        tiff_bytes(STACK[:1], tags={270: PILATUS.replace("\n", "\r\n").encode()}),
        PILATUS_FACTS,
        "2014-10-24T16:33:09.123000",
    ),
    "saxslab tiff": (
        tiff_bytes(STACK[:1], tags={315: SAXSLAB.encode()}),
        SAXSLAB_FACTS,
        "2018-03-27T14:35:42",
    ),
    "marccd": (marccd_bytes(STACK), MARCCD_FACTS, "2013-11-03T10:02:39"),
    "cbf": (cbf_bytes(STACK, comment=PILATUS), PILATUS_FACTS, "2014-10-24T16:33:09.123000"),
    "smv": (smv_bytes(STACK, keys=SMV_KEYS), SMV_FACTS, None),
}


TEXT_FACTS = {
    "edf": {"detector_name": "Maxipix"},
    "dectris tiff": {"detector_name": "PILATUS 1M", "sensor_material": "Silicon"},
    "cbf": {"detector_name": "PILATUS 1M", "sensor_material": "Silicon"},
    "saxslab tiff": {"sample_name": "buffer"},
    "bruker 86": {"detector_name": "VANTEC2000", "sample_name": "corundum plate"},
    "bruker 100": {"detector_name": "VANTEC2000", "sample_name": "corundum plate"},
    "raxis": {"detector_name": "R-AXIS4"},
    "dtrek": {"detector_name": "HyPix-6000"},
    "epics tiff": {"detector_name": "Eiger2 4M", "sample_name": "CeO2 capillary"},
}


def facts_of(data):
    return {n: float(data[n].values[0]) for n in COORDINATES if n in data and n not in TEXTS}


def texts_of(data):
    return {n: str(data[n].values[0]) for n in TEXTS if n in data and n != "start_time"}


@pytest.mark.parametrize("vendor", VENDORS)
def test_facts_of_each_vendor(vendor, tmp_path):
    raw, wanted, start = VENDORS[vendor]
    (tmp_path / "a").write_bytes(raw)
    data = xk.open_frames(tmp_path / "a")
    # the header of an image plate holds 32-bit floats
    assert facts_of(data) == pytest.approx(wanted, rel=1e-7 if vendor == "raxis" else 1e-12)
    assert ("start_time" in data) == (start is not None)
    if start:
        assert data.start_time.values[0] == start
    for name in wanted:
        attrs = data[name].attrs
        assert attrs["units"] == COORDINATES[name].unit
        assert attrs["long_name"]
        assert attrs["source_key"]
    assert texts_of(data) == TEXT_FACTS.get(vendor, {})
    assert "Doe" not in str(data.drop_vars(["counts", "mask_reasons"]).to_dict())
    assert "Doe" not in str(data.to_dict(data=True)) + repr(data)


def test_eiger_facts_and_pixel_mask(tmp_path):
    data = xk.open_frames(eiger(tmp_path / "run_master.h5", STACK))
    assert facts_of(data) == pytest.approx(
        {
            "exposure_time": 0.25,
            "wavelength_header": 0.7,
            "photon_energy_header": 17.712,
            "threshold_energy": 8.856,
            "sensor_thickness": 450e-6,
            "exposure_period": 0.2501,
            "count_cutoff": 900_000.0,
            "distance_header": 0.3,
            "beam_center_x_header": 8.5,
            "beam_center_y_header": 5.25,
            "pixel_size_x_header": 75e-6,
            "pixel_size_y_header": 75e-6,
        }
    )
    assert texts_of(data) == {"detector_name": "Dectris EIGER2 4M", "sensor_material": "Si"}
    reasons = [MaskReason.GAP, MaskReason.DEAD, MaskReason.HOT, MaskReason.USER, MaskReason.USER]
    assert data.mask.values[0, :5].tolist() == [int(r) for r in reasons]
    assert not data.mask.values[1:].any()


def test_a_pixel_mask_of_another_shape_is_refused(tmp_path):
    path = nexus(tmp_path / "a.h5", STACK)
    with h5py.File(path, "a") as file:
        file["entry/instrument/detector/pixel_mask"] = np.zeros((5, 5), "u4")
    with pytest.raises(FrameShapeMismatch, match="pixel_mask"):
        xk.open_frames(path)


AREA_DETECTOR = {
    "SDD": (513.8, "SDD: distance between sample and detector, mm"),
    "PresetTime": (5.0, "specified time for this exposure, s"),
    "I0_cts": (2e6, "I0 counts"),
    "I0_gain": (1e8, "I0 V/A gain"),
    "TR_cts": (3e5, "TR counts"),
    "TR_gain": (1e6, "TR V/A gain"),
    "monoE": (21.0, "monochromator energy, keV"),
    "Model": (b"EIGER2 CdTe 1M-W", "Camera model"),
    "linkam_T96_temp": (225.0, "stage"),
    "NDArrayEpicsTSSec": (1109010134, "seconds past epoch"),
    "wavelength": (0.5904, "monochromator wavelength, A"),
    "UserName": (b"Jane Doe", "user name"),
}


def area_detector(path, **changed):
    nexus(path, STACK[:1])
    with h5py.File(path, "a") as file:
        group = file.create_group("entry/Metadata")
        for name, (value, text) in AREA_DETECTOR.items():
            group[name] = [changed.get(name, value)]
            group[name].attrs["NDAttrDescription"] = np.bytes_(text)
        sample = file.create_group("entry/sample")
        sample.attrs["NX_class"] = "NXsample"
        sample["name"], sample["thickness"] = b"polymer", [1.0]
        sample["thickness"].attrs["units"] = "mm"
        sample["temperature"] = [20.0]
        sample["temperature"].attrs["units"] = "C"
        file["entry/start_time"] = "Tue Oct 18 14:16:18 2022"
        return path


def test_area_detector_facts_with_gain_and_time_stamp(tmp_path):
    data = xk.open_frames(area_detector(tmp_path / "a.h5"))
    assert facts_of(data) == pytest.approx(
        {
            "exposure_time": 5.0,
            "wavelength_header": 0.5904,
            "distance_header": 0.5138,
            "monitor": 0.02,
            "monitor_raw": 2e6,
            "monitor_gain": 1e8,
            "monitor_after": 0.3,
            "monitor_after_raw": 3e5,
            "monitor_after_gain": 1e6,
            "photon_energy_header": 21.0,
            "thickness": 0.1,
            "temperature": 498.15,
        }
    )
    assert texts_of(data) == {"detector_name": "EIGER2 CdTe 1M-W", "sample_name": "polymer"}
    assert data.start_time.values[0] == "2025-02-21T18:22:14+00:00"
    assert data.monitor.attrs["source_key"] == "/entry/Metadata/I0_cts / /entry/Metadata/I0_gain"


def test_a_transmission_measured_before_the_frame_keeps_its_ratio(tmp_path):
    path = area_detector(tmp_path / "a.h5")
    counters = {"TrPD": 4e5, "TrPDgain": 1e6, "TrI0": 2e5, "TrI0gain": 1e8}
    with h5py.File(path, "a") as file:
        group = file["entry/Metadata"]
        del group["TR_cts"]
        for name, value in counters.items():
            group[f"Pin_{name}"] = [value]
    data = xk.open_frames(path)
    assert float(data.monitor_after[0]) == pytest.approx(0.02 * (4e5 / 1e6) / (2e5 / 1e8))
    assert data.monitor_after.attrs["source_key"] == "Pin_TrPD / Pin_TrI0 * monitor"
    with h5py.File(path, "a") as file:
        file["entry/Metadata/Pin_TrI0gain"][0] = 0.0
    assert "monitor_after" not in xk.open_frames(path)


def test_an_absent_stage_and_a_dead_monitor_are_absent(tmp_path):
    data = xk.open_frames(area_detector(tmp_path / "a.h5", linkam_T96_temp=0.0, I0_gain=0.0))
    assert "temperature" not in data
    assert "monitor" not in data
    assert "monitor_after" in data


def test_one_value_per_frame_is_kept_per_frame(tmp_path):
    path = nexus(tmp_path / "a.h5", STACK)
    with h5py.File(path, "a") as file:
        group = file.create_group("entry/instrument/detector")
        group["count_time"] = [0.1, -1.0, np.nan]
        monitor = file.create_group("entry/control")
        monitor.attrs["NX_class"] = "NXmonitor"
        monitor["data"] = [10, 20, 30]
        group["distance"] = 12.0  # without a unit
        group["beam_center_x"] = 3.0
        group["beam_center_x"].attrs["units"] = "furlong"
    data = xk.open_frames(path)
    np.testing.assert_array_equal(data.exposure_time.values, [0.1, np.nan, np.nan])
    assert data.monitor.values.tolist() == [10, 20, 30]
    assert "distance_header" not in data
    assert "beam_center_x_header" not in data


@pytest.mark.parametrize("text", ["", "  ", "?", "Unknown", "(nil)", "x" * 81, None, 3, b""])
def test_text_that_tells_nothing_is_absent(text):
    assert text_fact("sample_name", text, "k") == {}


def test_a_detector_keeps_its_name_and_not_its_serial_number():
    found = text_fact("detector_name", "MARANA-4BV11 (SN : CSC-00376)", "k")
    assert str(found["detector_name"].values) == "MARANA-4BV11"


NONSENSE = ["", "abc", "1.0 2.0", "nan", "inf", "0", "-3", "1e400", "1,5", "0x10", "١", None, True]


@pytest.mark.parametrize("value", NONSENSE, ids=repr)
def test_nonsense_is_absent(value):
    assert fact("exposure_time", value, "s", "k") == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wavelength_header", "1e-10"),
        ("wavelength_header", "500"),
        ("distance_header", "513.8"),
        ("pixel_size_x_header", "172"),
        ("transmission", "1.2"),
        ("transmission", "0"),
        ("temperature", "0"),
    ],
)
def test_impossible_values_are_absent(name, value):
    assert fact(name, value, COORDINATES[name].unit, "k") == {}


@pytest.mark.parametrize("text", ["1.5", "1e-3", b"+2", " 7. ", ".5", 3, np.float32(2)])
def test_numbers_are_read(text):
    value = text.decode() if isinstance(text, bytes) else text
    assert number(text) == float(value)


def test_quantities_and_units():
    assert quantity("0.21 m") == (0.21, "m")
    assert quantity("10_mm") == (10.0, "mm")
    assert quantity("1.0e-10") == (1e-10, "")
    assert quantity("ten mm") is None
    assert convert(1, "mm", "m") == 1e-3
    assert convert(12.398419843320026, "keV", "angstrom") == pytest.approx(1)
    assert convert(25, "degC", "K") == 298.15
    assert convert(1, "mm", "s") is None
    assert convert(0, "keV", "angstrom") is None
    assert time_fact("once upon a time", "k") == {}
    assert time_fact("0001-01-01", "k") == {}
