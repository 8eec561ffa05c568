"""The headers of the shipped frames: what each vendor tells, and what in it is wrong.

True geometry is that of the published or refined calibrations of these frames, in pixels whose
edges are at integers, on the frame as it is stored.
"""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.frames.vocabulary import TEXTS
from xrdkit.masks import MaskReason

APS = "aps_usaxs_matilda"


def opened(data_dir, name, **options):
    return xk.open_frames(str(data_dir / "frames" / name), **options)


def placed(distance, x, y, wavelength, pixel, shape):
    """Return an untilted geometry: distance in mm, beam centre in pixels."""
    return xk.Calibration(
        distance=distance * 1e-3,
        poni1=y * pixel,
        poni2=x * pixel,
        wavelength=wavelength,
        detector=xk.Detector(pixel_size_y=pixel, pixel_size_x=pixel, shape=shape),
    )


EIGER = {"wavelength": 0.59040066, "pixel": 75e-6, "shape": (512, 2068)}
TRUTH = {
    "dioptas/CeO2_Pilatus1M.tif": placed(208.714, 487.26, 530.41, 0.4066, 172e-6, (1043, 981)),
    "dioptas/LaB6_40keV_MarCCD.tif": placed(196.7, 1023.4, 1021.51, 0.31, 79e-6, (2048, 2048)),
    f"{APS}/tilt_lab6/LaB6_Normal_0042.hdf": placed(416.63, 2831.86, 272.80, **EIGER),
    f"{APS}/tilt_lab6/LaB6_tilt1_0043.hdf": placed(429.81, 2766.06, 289.12, **EIGER),
    f"{APS}/tilt_lab6/LaB6_tilt5comb_0047.hdf": placed(420.51, 2760.96, 232.03, **EIGER),
    "nexusformat/AgBehenate_228.hdf5": placed(515.375, -4.89, 86.32, 0.73363, 172e-6, (195, 487)),
    "jscatter/calibration.tiff": placed(180.93, 243.97, 508.63, 1.3414, 172e-6, (619, 487)),
    "jscatter/buffer.tiff": placed(1129.84, 197.0, 372.5, 1.3414, 172e-6, (619, 487)),
    "gsas2_saxs_marccd/AgBehenate_003.tif": placed(
        564.90, 482.02, 569.10, 1.0332, 158e-6, (1024, 1024)
    ),
}
SWAPPED = ("beam_center_header", "x and y are swapped")
#: file -> (name, words of the message) of each contradiction, and of no other.
WRONG = {
    "dioptas/CeO2_Pilatus1M.tif": [
        ("distance_header", "1.3 % off"),
        ("beam_center_header", "18.3 px off"),
    ],
    "dioptas/LaB6_40keV_MarCCD.tif": [
        ("wavelength_header", "wavelength 1.03318"),
        ("beam_center_header", "px off"),
    ],
    f"{APS}/tilt_lab6/LaB6_Normal_0042.hdf": [("distance_header", "-0.56 % off"), SWAPPED],
    f"{APS}/tilt_lab6/LaB6_tilt1_0043.hdf": [SWAPPED],
    f"{APS}/tilt_lab6/LaB6_tilt5comb_0047.hdf": [SWAPPED],
    "nexusformat/AgBehenate_228.hdf5": [SWAPPED, ("sample_name", "Glassy carbon C6 fixed")],
    "jscatter/calibration.tiff": [("distance_header", "-0.6 % off")],
    "jscatter/buffer.tiff": [("exposure_time", "1185 s")],
    "gsas2_saxs_marccd/AgBehenate_003.tif": [
        ("distance_header", "distance 1.864 m"),
        ("wavelength_header", "1.5 angstrom"),
        ("beam_center_header", "px off"),
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_headers_are_caught_and_no_other(name, data_dir):
    found = xk.compare_headers(opened(data_dir, name), TRUTH[name])
    assert [c.name for c in found] == [expected for expected, _ in WRONG[name]]
    for contradiction, (_, says) in zip(found, WRONG[name], strict=True):
        assert says in contradiction.message
        if contradiction.name != "sample_name":
            assert contradiction.source_key in contradiction.message


def test_a_swapped_centre_is_half_a_pixel_off_once_swapped_back(data_dir):
    for name in ("nexusformat/AgBehenate_228.hdf5", f"{APS}/tilt_lab6/LaB6_tilt1_0043.hdf"):
        found = xk.compare_headers(opened(data_dir, name), TRUTH[name])[0]
        back = np.subtract(TRUTH[name].beam_center, found.header_value[::-1])
        assert back == pytest.approx([0.5, 0.5], abs=0.06)


def test_pixels_of_150_um_on_a_pilatus_of_172_um(data_dir):
    frames = opened(data_dir, f"{APS}/thermal_series/saxs/*.hdf")
    found = {c.name: c for c in xk.compare_headers(frames)}
    assert set(found) == {"pixel_size_x_header", "pixel_size_y_header"}
    for one in found.values():
        assert one.header_value == pytest.approx(150e-6)
        assert one.true_value == pytest.approx(172e-6)
        assert one.frames == tuple(range(12))
        assert "Pilatus 100k" in one.message


@pytest.mark.parametrize(
    "name",
    [
        f"{APS}/thermal_series/waxs/*.hdf",
        "lightform_pixium/pixium_series_master.h5",
        "bioxtasraw/vac_007_data_000001.h5",
        "dioptas/lima_bslz4/marana_0000.h5",
        "gsas2_saxs_marccd/*_5s_*.tif",
    ],
)
def test_headers_that_agree_with_themselves(name, data_dir):
    assert xk.compare_headers(opened(data_dir, name)) == []


def test_a_stated_exposure_wins_over_the_wrong_one(data_dir):
    frames = opened(data_dir, "jscatter/buffer.tiff", stated={"exposure_time": 1200.0})
    assert frames.exposure_time.values.tolist() == [1200.0]
    found = xk.compare_headers(frames)
    # the period of the detector, 1192.9 s, leaves no room for what is stated here
    assert [c.name for c in found] == ["exposure_time", "exposure_period"]
    assert (found[0].header_value, found[0].true_value) == (1185.0, 1200.0)
    assert found[0].source_key == "det_exposure_time"


#: file -> facts beyond those of `test_frames.py`
FACTS = {
    "jscatter/buffer.tiff": {
        "live_time": 1200.0,
        "exposure_period": 1192.9,
        "count_cutoff": 1077896.0,
        "threshold_energy": 4.024,
        "dead_time_header": 383.8e-9,
        "sensor_thickness": 320e-6,
        "thickness": 0.1,
        "detector_name": "PILATUS 300K-20Hz",
        "sensor_material": "Silicon",
    },
    "dioptas/CeO2_Pilatus1M.tif": {
        "count_cutoff": 1097223.0,
        "threshold_energy": 15.0,
        "detector_angle_header": 0.0,
        "detector_name": "PILATUS 1M-F",
    },
    "nexusformat/AgBehenate_228.hdf5": {
        "photon_energy_header": 16.90014329,
        "detector_name": "Pilatus 100K",
        "sample_name": "Glassy carbon C6 fixed",
    },
    f"{APS}/tilt_lab6/LaB6_tilt1_0043.hdf": {
        "photon_energy_header": 20.99997643,
        "monitor_after": 2816083 / 1e6,
        "thickness": 0.1,
        "detector_name": "EIGER2 CdTe 1M-W",
        "sample_name": "LaB6_tilt1",
    },
    "dioptas/lima_bslz4/marana_0000.h5": {"detector_name": "MARANA-4BV11"},
}


@pytest.mark.parametrize("name", FACTS)
def test_more_facts_of_each_vendor(name, data_dir):
    data = opened(data_dir, name)
    for fact, value in FACTS[name].items():
        found = data[fact].values[0]
        assert found == value if fact in TEXTS else found == pytest.approx(value, rel=1e-7), fact


@pytest.mark.parametrize("name", ["BSA11mg", "emptycell", "calibration"])
def test_an_empty_parameter_is_absent(name, data_dir):
    data = opened(data_dir, f"jscatter/{name}.tiff")
    absent = {"transmission", "monitor", "temperature", "sample_name", "photon_energy_header"}
    assert not absent & set(data.coords)


def test_a_centre_in_millimetres_without_a_unit_is_not_taken_for_pixels(data_dir):
    data = opened(data_dir, "nexusformat/AgBehenate_228.hdf5")
    for axis, pixels in (("x", 85.86), ("y", -5.42)):  # beam_center_x says 14.76792 of nothing
        found = data[f"beam_center_{axis}_header"]
        assert found.values.tolist() == [pixels]
        assert found.attrs["source_key"].endswith(f"pin_ccd_center_{axis}_pixel")


def test_a_thickness_of_zero_is_absent(data_dir):
    assert "thickness" not in opened(data_dir, "nexusformat/AgBehenate_228.hdf5").coords


def test_two_detectors_see_the_same_transmission(data_dir):
    """Diode over monitor, sample over blank: read with the frame (WAXS) or before it (SAXS)."""
    found = {}
    for kind in ("saxs", "waxs"):
        data = opened(data_dir, f"{APS}/thermal_series/{kind}/*.hdf")
        names = [str(name) for name in data.source_file.values]
        ratio = dict(zip(names, (data.monitor_after / data.monitor).values, strict=True))
        blank = ratio["HeaterBlank_0060.hdf"]
        found[kind] = {n: float(r / blank) for n, r in ratio.items() if n.startswith("PU")}
    assert len(found["waxs"]) == 5
    for name, transmission in found["waxs"].items():
        assert 0.9 < transmission < 1.0
        assert found["saxs"][name] == pytest.approx(transmission, abs=0.006)


def test_saturation_of_the_pilatus_files(data_dir):
    frames = opened(data_dir, "jscatter/*.tiff")
    assert frames["counts"].attrs["saturation"] == min(frames.count_cutoff.values) == 1077896.0
    reasons = frames["mask_reasons"].values
    assert not (reasons & MaskReason.SATURATED).any()
    low = opened(data_dir, "jscatter/calibration.tiff", stated={"count_cutoff": 1000.0})
    counts, full = low["counts"].values, low["mask_reasons"].values & MaskReason.SATURATED
    np.testing.assert_array_equal(full > 0, counts >= 1000)
    assert full.any()


@pytest.mark.parametrize(
    "name",
    ["nexusformat/AgBehenate_228.hdf5", f"{APS}/tilt_lab6/*.hdf", "jscatter/*.tiff"],
)
def test_no_user_proposal_or_folder_is_copied(name, data_dir):
    data = opened(data_dir, name).drop_vars(["counts", "mask_reasons"])
    text = str(data.to_dict())
    for private in ("Schaefer", "GUP26110", "TiltsTest", "1009732", "TUM", "testA_12889", "badpix"):
        assert private not in text
