"""Curve files of instruments and laboratories."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit import errors


@pytest.mark.parametrize(
    ("name", "options", "size", "first", "last"),
    [
        ("esrf_colloid/Colloid_dilute.dat", {}, 1416, 0.00796857, 0.493531),
        ("raw_gi/glucose_isomerase.dat", {"unit": "1/angstrom"}, 474, 0.100967, 2.82997),
        ("sasdata/1umSlitSmearSphere.ABS", {}, 150, 0.001, 0.1),
        ("sasdata/Anton-Paar.pdh", {}, 673, 0.06604, 4.5017),
        ("sasdata/sphere_80.txt", {"unit": "1/angstrom"}, 99, 0.010101, 1.0),
        ("sasdata/apoferritin.txt", {"unit": "1/angstrom"}, 395, 0.055, 3.995),
        ("sasdata/Ludox_silica.xml", {}, 92, 0.0714, 2.51694),
        ("sasdata/33837rear_1D_1.75_16.5_NXcanSAS.h5", {}, 66, 0.0416, 6.18924),
        ("srm3600/srm3600_glassy_carbon.csv", {}, 59, 0.0827568, 2.47402),
        ("didsr/data-veroclear.txt", {"range": (0.01, 2.0)}, 367, 0.142296, 18.3309),
        ("pyirena/bimodal-test1.h5", {"sort": True}, 91, 0.0401571, 3.8503),
        ("pyirena/TestUnifiedFit.h5", {}, 514, 0.00138673, 3.00029),
        ("pyirena/CS_300A_10A_50_20_0.h5", {}, 800, 0.001, 10.0),
    ],
)
def test_small_angle_curves(data_dir, name, options, size, first, last):
    data = xk.read_profile(data_dir / "saxs" / name, **options)
    assert data.sizes["q"] == size
    np.testing.assert_allclose([data.q[0], data.q[-1]], [first, last], rtol=1e-5)
    assert data.q.units == "1/nm"


def test_colloid_rows_with_nan_are_counted(data_dir):
    data = xk.read_profile(data_dir / "saxs/esrf_colloid/Colloid_dilute.dat")
    assert data.attrs["dropped_points"] == 17


def test_facts_that_files_state(data_dir):
    standard = xk.read_profile(data_dir / "saxs/srm3600/srm3600_glassy_carbon.csv")
    assert standard.intensity.units == "1/cm"
    slit = xk.read_profile(data_dir / "saxs/sasdata/1umSlitSmearSphere.ABS")
    assert slit.attrs["slit_length"] == pytest.approx(1.17)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("raw_gi/glucose_isomerase.dat", "does not state the unit"),
        ("sasdata/apoferritin.txt", "does not state the unit"),
        ("raw_gi/glucose_isomerase.ift", r"holds a distance distribution p\(r\)"),
        ("raw_gi/glucose_isomerase.out", "report of an indirect transformation"),
        ("didsr/data-veroclear.txt", "line 13: q is not positive"),
        ("pyirena/bimodal-test1.h5", "point 71: q is smaller"),
    ],
)
def test_curves_that_need_a_word_say_which(data_dir, name, words):
    with pytest.raises(errors.CurveError, match=words):
        xk.read_profile(data_dir / "saxs" / name)


@pytest.mark.parametrize(
    "name", ["cpd-1a", "cpd-1c", "cpd-1e", "cpd-1g", "corundum", "fluorite", "zincite"]
)
def test_round_robin_patterns(data_dir, name):
    path = data_dir / "powder/cpd_round_robin" / f"{name}.prn"
    data = xk.read_profile(path, wavelength="CuKa")
    assert data.sizes["two_theta"] == 7251
    np.testing.assert_allclose(np.diff(data.two_theta), 0.02, atol=2e-5)
    assert np.all(data.intensity.values == np.round(data.intensity.values))


@pytest.mark.parametrize(
    ("name", "size", "wavelength"),
    [
        ("nac_11bm/11BM_NAC.fxye", 59498, 0.413909),
        ("peaks_11bm/11bmb_8714.fxye", 49493, 0.413259),
        ("series_cucr2o4/OH_00.fxye", 12799, 0.413263),
    ],
)
def test_synchrotron_patterns(data_dir, name, size, wavelength):
    data = xk.read_profile(data_dir / "powder" / name)
    assert data.sizes["two_theta"] == size
    assert float(data.wavelength[0]) == pytest.approx(wavelength)
    assert bool((data.sigma > 0).all())


def test_published_reduction_states_unit_and_wavelength(data_dir):
    data = xk.read_profile(data_dir / "frames/dioptas/CeO2_Pilatus1M.xy")
    assert data.sizes["two_theta"] == 1512
    assert float(data.wavelength[0]) == pytest.approx(0.4066)


def _vendor(data_dir, name, **options):
    return xk.read_profile(data_dir / "powder/vendor" / name, **options)


def test_panalytical_scan(data_dir):
    data = _vendor(data_dir, "panalytical_powder.xrdml")
    assert data.sizes["two_theta"] == 5027
    np.testing.assert_allclose(data["two_theta"][[0, -1]], [4.00656514, 69.99936587], rtol=1e-12)
    np.testing.assert_allclose(data["sigma"], np.sqrt(np.maximum(data["intensity"], 1)))
    assert data["goniometer_radius"].item() == 240.0
    assert data["exposure_time"].item() == 39.27
    assert data.attrs["radiation"] == "CuKa"


def test_rigaku_counts_and_what_only_claims_to_be(data_dir):
    whole = _vendor(data_dir, "rigaku_zno_counts.rasx")
    assert whole.sizes["two_theta"] == 7001
    assert float(whole["intensity"][0]) == 253
    np.testing.assert_allclose(whole["sigma"][0], np.sqrt(253))
    summed = _vendor(data_dir, "rigaku_powder.rasx")
    assert summed.attrs["radiation"] == "CuKa1"  # two Ge(220) crystals
    assert "sigma" not in summed
    assert "no whole numbers" in summed.attrs["intensity_note"]


def test_rigaku_scans_of_three_points_are_no_curve(data_dir):
    for scan in (None, 0, 1):
        with pytest.raises(errors.CurveError, match="3 usable points"):
            _vendor(data_dir, "rigaku_multiscan.ras", scan=scan)


def test_bruker_absorber_is_in_the_intensities(data_dir):
    data = _vendor(data_dir, "bruker_absorber.brml")
    assert data.sizes["two_theta"] == 2001
    counts = (data["intensity"] / data["sigma"]) ** 2  # N f over √N f
    attenuated = np.abs(data["intensity"] / np.maximum(counts, 1) - 8.3) < 1e-3
    assert int(attenuated.sum()) == 29
    assert float(data["intensity"].max()) == pytest.approx(495559.8, abs=0.2)
    changes = np.flatnonzero(np.diff(attenuated.values.astype(int)))
    steps = np.abs(np.diff(np.log(np.maximum(data["intensity"].values, 1))))[changes]
    assert steps.max() < 0.2  # no step by 8.3 where the absorber comes and goes
    assert data.attrs["radiation"] == "CuKa1"


def test_bruker_version_4_has_the_structure_that_its_header_says(data_dir):
    data = _vendor(data_dir, "bruker_raw4_scrambled.raw")
    assert data.sizes["two_theta"] == 7134
    assert data["exposure_time"].item() == pytest.approx(0.31, abs=1e-3)
    assert "sigma" not in data


def test_gsas_standard_records(data_dir):
    data = xk.read_profile(data_dir / "powder/pbso4/PBSO4.XRA", wavelength="CuKa")
    np.testing.assert_allclose(data["two_theta"], 10 + 0.025 * np.arange(6001), rtol=1e-12)
    np.testing.assert_array_equal(data["intensity"][:4], [179, 147, 165, 172])
    np.testing.assert_array_equal(data["intensity"][-2:], [328, 368])
    np.testing.assert_allclose(data["sigma"], np.sqrt(data["intensity"]))


def test_srm_660c_as_powder_cif(data_dir):
    path = data_dir / "powder/srm660c/nist_srm660c_100a.cif"
    with pytest.raises(errors.CurveError, match="holds 2 curves of different names"):
        xk.read_profile(path)
    data = xk.read_profile(path, scan="pd_proc_660_cert_cif_mosaic_consensus_100a_meas")
    assert data.sizes["two_theta"] == 5332
    assert data.attrs["radiation"] == "CuKa"
    # The weight is τ²/(N + 1): rate and error tell N and τ of every point.
    variance = data["sigma"].values ** 2
    assert data["intensity"].attrs["units"] == "1"
    np.testing.assert_allclose(variance[0], 1 / 1.03e-1, rtol=1e-12)


def test_facts_of_11bm(data_dir):
    folder = data_dir / "powder/series_cucr2o4"
    warm = [
        float(xk.read_profile(folder / f"OH_{k}.fxye")["temperature"]) for k in ("00", "28", "53")
    ]
    np.testing.assert_allclose(warm[0], 6.778)
    assert warm == sorted(warm)


def test_cansas_xml_of_a_neutron_instrument(data_dir):
    data = xk.read_profile(data_dir / "saxs/sasdata/Ludox_silica.xml")
    np.testing.assert_allclose([data.q[0], data.q[-1]], [0.0714, 2.51694], rtol=1e-5)
    assert data["intensity"].attrs["units"] == "1/cm"
    assert bool((data["sigma"] > 0).all())
