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
        (
            "sasdata/apoferritin.txt",
            {"unit": "1/angstrom", "header_lines": 5},
            395,
            0.055,
            3.995,
        ),
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
        ("sasdata/apoferritin.txt", "line 5: '3"),
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
