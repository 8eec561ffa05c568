"""Files of diffractometers: what is read from each format, and what never is."""

import curve_files as cf
import numpy as np
import pytest

import xrdkit as xk
from xrdkit import errors, schema

LISTED = cf.ANGLES + 0.01 * np.sin(cf.ANGLES)
KA1, KA2 = 1.5405929, 1.5444274

#: One scan of counts of each format: bytes, facts that it states.
SAMPLE = {"sample_name": "mix 3", "tube_voltage": 40.0}
FORMATS = {
    "xrdml": (cf.xrdml(), {"sample_name": "corundum", "tube_voltage": 45.0, "tube_current": 40.0}),
    "ras": (cf.ras(cf.ras_scan()), {"sample_name": "zincite", "tube_current": 30.0}),
    "rasx": (cf.rasx(), {"sample_name": "zincite", "goniometer_radius": 300.0}),
    "brml": (cf.brml(cf.brml_range()), {**SAMPLE, "goniometer_radius": 280.0}),
    "bruker_raw1": (cf.raw1(), {"sample_name": "quartz"}),
    "bruker_raw2": (cf.raw2(), {"temperature": 295.0}),
    "bruker_raw3": (cf.raw3(), {**SAMPLE, "goniometer_radius": 217.5, "tube_current": 30.0}),
    "bruker_raw4": (cf.raw4(), {**SAMPLE, "tube_current": 25.0}),
    "uxd": (cf.uxd(), {**SAMPLE, "goniometer_radius": 217.5}),
}
TIMES = {"ras": 2.0, "rasx": 2.0, "xrdml": 2.5}


def put(tmp_path, content, name="measured.bin"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_counts_angles_lines_and_facts(tmp_path, name):
    content, stated = FORMATS[name]
    data = xk.read_profile(put(tmp_path, content))
    schema.validate(data, schema.PROFILE)
    np.testing.assert_allclose(data["two_theta"], cf.ANGLES, atol=1e-6)
    np.testing.assert_array_equal(data["intensity"], cf.COUNTS)
    np.testing.assert_allclose(data["sigma"], np.sqrt(cf.COUNTS), rtol=1e-12)
    assert data["intensity"].attrs["units"] == "count"
    np.testing.assert_allclose(data["wavelength"], (KA1, KA2), rtol=1e-12)
    np.testing.assert_allclose(data["emission_weight"], [2 / 3, 1 / 3])
    assert abs(data["wavelength_stated"].item() - KA1) < 5e-5
    assert data["wavelength_stated"].item() != KA1
    for fact, value in stated.items():
        assert data[fact].item() == value, fact
    assert data["exposure_time"].item() == pytest.approx(TIMES.get(name, 2.0))
    assert data.attrs["source_format"] == name.replace("raw2", "raw1")


@pytest.mark.parametrize("name", FORMATS)
def test_no_name_of_a_person_is_kept(tmp_path, name):
    data = xk.read_profile(put(tmp_path, FORMATS[name][0]))
    assert "Doe" not in str({c: data[c].values for c in data.coords}) + str(data.attrs)


@pytest.mark.parametrize("name", FORMATS)
def test_a_result_with_facts_is_saved_and_loaded(tmp_path, name):
    data = xk.read_profile(put(tmp_path, FORMATS[name][0]))
    xk.save(data, tmp_path / "a.nc")
    assert xk.load(tmp_path / "a.nc").drop_attrs().identical(data.drop_attrs())


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9, 1.0])
def test_a_truncated_file_raises_an_error_of_ours(tmp_path, name, part):
    content = FORMATS[name][0]
    path = put(tmp_path, content[: int(part * len(content)) - 20])
    if name != "uxd" or part < 0.9:
        with pytest.raises(errors.XrdkitError, match=r"measured\.bin"):
            xk.read_profile(path)
        return
    # Pairs of text may end anywhere: what is read is what is there, but for a cut last number.
    data = xk.read_profile(path)
    kept = data.sizes["two_theta"]
    np.testing.assert_allclose(data["two_theta"], cf.ANGLES[:kept], atol=1e-6)
    np.testing.assert_array_equal(data["intensity"][: kept - 1], cf.COUNTS[: kept - 1])


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_bytes_raise_errors_of_ours_or_give_a_valid_profile(tmp_path, name):
    rng = np.random.default_rng(5)
    content = FORMATS[name][0]
    refused = 0
    for _ in range(40):
        damaged = bytearray(content)
        for at in rng.integers(0, len(content), 6):
            damaged[at] = rng.integers(0, 256)
        try:
            data = xk.read_profile(put(tmp_path, bytes(damaged)), wavelength="CuKa")
        except errors.XrdkitError:
            refused += 1
        else:
            schema.validate(data, schema.PROFILE)
    assert refused > 0


REPEATED = {
    "xrdml": cf.xrdml([cf.COUNTS, cf.COUNTS + 1]),
    "ras": cf.ras(cf.ras_scan(), cf.ras_scan(values=cf.COUNTS + 1)),
    "rasx": cf.rasx(scans=2),
    "brml": cf.brml(cf.brml_range(), cf.brml_range(cf.COUNTS + 1)),
    "bruker_raw1": cf.raw1(ranges=2),
    "bruker_raw1_once": cf.raw1(ranges=2, repeat_magic=False),
    "bruker_raw2": cf.raw2(ranges=2),
    "bruker_raw3": cf.raw3(ranges=2),
    "bruker_raw4": cf.raw4(ranges=2),
    "uxd": cf.uxd(ranges=2),
}


@pytest.mark.parametrize("name", REPEATED)
def test_repeated_scans_become_frames(tmp_path, name):
    path = put(tmp_path, REPEATED[name])
    data = xk.read_profile(path)
    schema.validate(data, schema.PROFILE)
    assert data.sizes["frame"] == 2
    assert data["exposure_time"].dims == ("frame",)
    second = xk.read_profile(path, scan=1)
    np.testing.assert_array_equal(second["intensity"], data["intensity"].isel(frame=1))
    with pytest.raises(errors.CurveError, match="holds 2 scans"):
        xk.read_profile(path, scan=2)
    xk.save(data, tmp_path / "a.nc")
    xk.load(tmp_path / "a.nc")


def test_scans_over_other_angles_ask_for_one(tmp_path):
    path = put(tmp_path, cf.ras(cf.ras_scan(), cf.ras_scan(angles=cf.ANGLES + 30)))
    with pytest.raises(errors.CurveError, match=r"positions of scans 0 and 1 differ.*50 to 61\.5"):
        xk.read_profile(path)
    assert float(xk.read_profile(path, scan=1)["two_theta"][0]) == 50.0


def test_scans_of_other_axes_ask_for_one(tmp_path):
    content = cf.ras(cf.ras_scan(), cf.ras_scan(MEAS_SCAN_AXIS_X="Omega"))
    path = put(tmp_path, content)
    with pytest.raises(errors.CurveError, match=r"scan 1: the scan moves Omega.*\[0\]"):
        xk.read_profile(path)
    assert xk.read_profile(path, scan=0)["scan_axis"].item() == "TwoThetaTheta"


ROCKING = {
    "xrdml": cf.xrdml().replace(b'axis="2Theta"', b'axis="Chi"'),
    "rasx": cf.rasx(axis="Omega"),
    "brml": cf.brml(cf.brml_range(axis="Chi")),
    "bruker_raw3": cf.raw3(kind=3),
    "bruker_raw4": cf.raw4(moved="Theta"),
    "uxd": cf.uxd(drive="THETA"),
}


@pytest.mark.parametrize("name", ROCKING)
def test_a_scan_of_another_axis_is_no_pattern(tmp_path, name):
    with pytest.raises(errors.CurveError, match=r"scan 0: (the scan moves|its scan type)"):
        xk.read_profile(put(tmp_path, ROCKING[name]))


def test_xrdml_positions_may_be_a_list(tmp_path):
    data = xk.read_profile(put(tmp_path, cf.xrdml(positions=LISTED)))
    np.testing.assert_allclose(data["two_theta"], LISTED, rtol=1e-9)
    with pytest.raises(errors.CurveError, match="23 positions for 24 intensities"):
        xk.read_profile(put(tmp_path, cf.xrdml(positions=LISTED[1:])))


def test_xrdml_attenuation_enters_the_error(tmp_path):
    factor = np.where(np.arange(24) < 12, 1.0, 8.3)
    listed = f"<beamAttenuationFactors>{cf.words(factor)}</beamAttenuationFactors>"
    old = xk.read_profile(put(tmp_path, cf.xrdml([cf.COUNTS * factor], extra=listed)))
    new = xk.read_profile(put(tmp_path, cf.xrdml(extra=listed, data="counts")))
    for data in (old, new):
        np.testing.assert_allclose(data["intensity"], cf.COUNTS * factor)
        np.testing.assert_allclose(data["sigma"], np.sqrt(cf.COUNTS) * factor)
    short = "<beamAttenuationFactors>1 2</beamAttenuationFactors>"
    with pytest.raises(errors.CurveError, match="2 values for 24"):
        xk.read_profile(put(tmp_path, cf.xrdml(extra=short)))


@pytest.mark.parametrize(
    ("unit", "kelvin"), [(' unit="K"', 301.0), (' unit="deg C"', 574.15), ("", None)]
)
def test_xrdml_temperature_needs_its_unit(tmp_path, unit, kelvin):
    readings = f"<nonAmbientValues{unit}>300 301 302</nonAmbientValues>"
    points = f'<nonAmbientPoints type="Temperature">{readings}</nonAmbientPoints></scan>'
    data = xk.read_profile(put(tmp_path, cf.xrdml().replace(b"</scan>", points.encode())))
    assert (data["temperature"].item() if "temperature" in data.coords else None) == kelvin


def test_xrdml_counting_times_that_differ_give_rates(tmp_path):
    time = np.where(np.arange(24) < 12, 1.0, 4.0)
    extra = f"<countingTimes>{cf.words(time)}</countingTimes>"
    data = xk.read_profile(put(tmp_path, cf.xrdml(extra=extra)))
    np.testing.assert_allclose(data["intensity"], cf.COUNTS / time)
    np.testing.assert_allclose(data["sigma"], np.sqrt(cf.COUNTS) / time)
    assert data["intensity"].attrs["units"] == "1"
    assert "differs between points" in data.attrs["intensity_note"]
    assert "exposure_time" not in data.coords


@pytest.mark.parametrize(
    ("optics", "lines"),
    [
        ('<monochromator name="Hybrid"><crystal>Ge 220</crystal></monochromator>', 1),
        ('<xRayMirror name="Inc. hybrid" hybrid="true"/>', 1),
        ('<xRayMirror name="Bragg-Brentano HD" hybrid="false"/>', 2),
        ('<monochromator name="flat"><crystal>Graphite</crystal></monochromator>', 2),
    ],
    ids=["germanium", "hybrid", "mirror", "graphite"],
)
def test_only_germanium_and_hybrids_leave_one_line(tmp_path, optics, lines):
    assert xk.read_profile(put(tmp_path, cf.xrdml(optics=optics))).sizes["emission_line"] == lines


def test_rigaku_and_bruker_say_when_one_line_is_left(tmp_path):
    assert xk.read_profile(put(tmp_path, cf.rasx(wave="Ka1"))).attrs["radiation"] == "CuKa1"
    content = cf.brml(cf.brml_range(optic="Ge022ACC"))
    assert xk.read_profile(put(tmp_path, content)).attrs["radiation"] == "CuKa1"


def test_a_wavelength_that_is_given_holds_unless_it_contradicts(tmp_path):
    path = put(tmp_path, cf.xrdml())
    assert xk.read_profile(path, wavelength="CuKa1").sizes["emission_line"] == 1
    with pytest.raises(errors.CurveError, match="states a wavelength"):
        xk.read_profile(path, wavelength="MoKa")


def test_brml_divides_by_the_absorber_for_the_error(tmp_path):
    factor = np.where(np.arange(24) < 12, 1.0, 8.3)
    for described in (True, False):
        content = cf.brml(cf.brml_range(factor=factor, described=described))
        data = xk.read_profile(put(tmp_path, content))
        np.testing.assert_allclose(data["intensity"], cf.COUNTS * factor)
        np.testing.assert_allclose(data["sigma"], np.sqrt(cf.COUNTS) * factor)


def test_raw3_takes_measured_angles(tmp_path):
    data = xk.read_profile(put(tmp_path, cf.raw3(measured=True)))
    np.testing.assert_allclose(data["two_theta"], cf.ANGLES + 0.001)
    np.testing.assert_array_equal(data["intensity"], cf.COUNTS)


@pytest.mark.parametrize("size", [4, 8, 12])
def test_raw4_steps_by_the_size_of_a_point(tmp_path, size):
    data = xk.read_profile(put(tmp_path, cf.raw4(size=size)))
    np.testing.assert_array_equal(data["intensity"], cf.COUNTS)


def test_raw4_without_whole_counts_has_no_error_and_no_unit(tmp_path):
    path = put(tmp_path, cf.raw4(cf.COUNTS + 0.37))
    data = xk.read_profile(path)
    assert "sigma" not in data
    assert data["intensity"].attrs["units"] == "1"
    assert "no unit" in data.attrs["intensity_note"]
    assert xk.read_profile(path, intensity_unit="count")["intensity"].attrs["units"] == "count"


@pytest.mark.parametrize(
    "content",
    [
        cf.ras(cf.ras_scan(values=cf.COUNTS / 2.0, unit="cps")),
        cf.rasx(values=cf.COUNTS / 2.0, unit="cps"),
        cf.uxd(cf.COUNTS / 2.0, marker="_2THETACPS"),
        cf.uxd(cf.COUNTS / 2.0, marker="_CPS"),
    ],
    ids=["ras", "rasx", "uxd pairs", "uxd"],
)
def test_rates_times_the_counting_time_are_counts(tmp_path, content):
    data = xk.read_profile(put(tmp_path, content))
    np.testing.assert_array_equal(data["intensity"], cf.COUNTS)
    np.testing.assert_allclose(data["sigma"], np.sqrt(cf.COUNTS))


def test_rates_that_are_no_counts_have_no_invented_error(tmp_path):
    rate = cf.ras(cf.ras_scan(values=cf.COUNTS / 2.0 + 0.137, unit="cps"))
    data = xk.read_profile(put(tmp_path, rate))
    assert "sigma" not in data
    assert data["intensity"].attrs["units"] == "1"
    timeless = cf.ras(cf.ras_scan(unit="cps", MEAS_SCAN_SPEED=""))
    data = xk.read_profile(put(tmp_path, timeless))
    assert "does not tell the counting time" in data.attrs["intensity_note"]


def test_a_unit_that_is_not_known_is_no_counts(tmp_path):
    data = xk.read_profile(put(tmp_path, cf.ras(cf.ras_scan(unit=""))))
    np.testing.assert_array_equal(data["intensity"], cf.COUNTS)
    assert "sigma" not in data
    assert data["intensity"].attrs["units"] == "1"


@pytest.mark.parametrize("axis", ["2-Theta/Theta", "TwoTheta", "Theta/2-Theta", "TwoThetaOmega"])
def test_names_of_the_axis_of_rigaku(tmp_path, axis):
    content = cf.ras(cf.ras_scan(MEAS_SCAN_AXIS_X=axis))
    assert xk.read_profile(put(tmp_path, content))["scan_axis"].item() == axis


def test_uxd_without_a_drive_is_what_its_marker_says(tmp_path):
    pairs = cf.uxd().replace(b"_DRIVE='COUPLED'\r\n", b"")
    assert xk.read_profile(put(tmp_path, pairs)).sizes["two_theta"] == 24
    single = cf.uxd(marker="_COUNTS").replace(b"_DRIVE='COUPLED'\r\n", b"")
    with pytest.raises(errors.CurveError, match="not named"):
        xk.read_profile(put(tmp_path, single))


def test_a_raw_file_of_stoe_is_named(tmp_path):
    with pytest.raises(errors.CurveError, match=r"STOE .* powder CIF"):
        xk.read_profile(put(tmp_path, b"RAW_1.06Powdat" + bytes(500)))


def test_an_attenuator_of_unknown_use_is_refused(tmp_path):
    factor = np.where(np.arange(24) < 12, 1.0, 10.0)
    with pytest.raises(errors.CurveError, match=r"attenuator of factor 10 .* from 26 on"):
        xk.read_profile(put(tmp_path, cf.ras(cf.ras_scan(factor=factor))))


def test_a_wrong_number_of_points_is_named(tmp_path):
    for content, words in (
        (cf.ras(cf.ras_scan(MEAS_DATA_COUNT="25")), "has 24 points, its header declares 25"),
        (cf.rasx(points=23), "has 24 points, its header declares 23"),
        (cf.brml(cf.brml_range().replace("<MeasurementPoints>24", "<MeasurementPoints>20")), "20"),
    ):
        with pytest.raises(errors.CurveError, match=words):
            xk.read_profile(put(tmp_path, content))


def test_nan_is_dropped_and_disorder_is_named(tmp_path):
    values = cf.COUNTS.copy()
    values[3] = np.nan
    data = xk.read_profile(put(tmp_path, cf.raw3(values)))
    assert data.attrs["dropped_points"] == 1
    angles = cf.ANGLES.copy()
    angles[5] = angles[4] - 0.1
    path = put(tmp_path, cf.ras(cf.ras_scan(angles=angles)))
    with pytest.raises(errors.CurveError, match=r"line \d+: two_theta is smaller"):
        xk.read_profile(path)
    assert xk.read_profile(path, sort=True).sizes["two_theta"] == 24
