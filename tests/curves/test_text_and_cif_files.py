"""GSAS banks, powder CIF, Fit2D .chi, canSAS XML: text with declared units."""

import curve_files as cf
import numpy as np
import pytest

import xrdkit as xk
from xrdkit import errors, schema

ANGLE = [f"{a:.4f}" for a in cf.ANGLES]
COUNT = [f"{c:.0f}" for c in cf.COUNTS]


def put(tmp_path, content, name="measured.txt"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("detectors", [None, 4])
def test_gsas_std(tmp_path, detectors):
    path = put(tmp_path, cf.gsas_std(detectors=detectors), "a.XRA")
    data = xk.read_profile(path, wavelength="CuKa")
    np.testing.assert_allclose(data["two_theta"], cf.ANGLES)
    np.testing.assert_array_equal(data["intensity"], cf.COUNTS)
    np.testing.assert_allclose(data["sigma"], np.sqrt(cf.COUNTS / (detectors or 1)))
    schema.validate(data, schema.PROFILE)


def test_gsas_std_of_no_counts_has_the_error_of_one(tmp_path):
    values = cf.COUNTS.copy()
    values[4] = 0
    data = xk.read_profile(put(tmp_path, cf.gsas_std(values)), wavelength="CuKa")
    assert float(data["sigma"][4]) == 1.0


def test_gsas_esd(tmp_path):
    data = xk.read_profile(put(tmp_path, cf.gsas_esd()), wavelength="CuKa")
    np.testing.assert_allclose(data["sigma"], np.sqrt(cf.COUNTS), atol=0.005)
    np.testing.assert_array_equal(data["intensity"], cf.COUNTS)


def test_gsas_fxy_is_counts_without_error(tmp_path):
    rows = [f"{100 * float(a):.2f} {c}" for a, c in zip(ANGLE, COUNT, strict=True)]
    bank = "BANK 1 24 24 CONST 2000.0 50.0 0 0 FXY"
    data = xk.read_profile(put(tmp_path, "\n".join(["t", bank, *rows]).encode()), wavelength="CuKa")
    np.testing.assert_allclose(data["two_theta"], cf.ANGLES)
    assert "sigma" not in data
    assert data["intensity"].attrs["units"] == "count"


def test_a_bank_below_a_long_header(tmp_path):
    content = b"# a comment of the beamline\r\n" * 500 + cf.gsas_std()
    assert xk.read_profile(put(tmp_path, content), wavelength="CuKa").sizes["two_theta"] == 24


def test_gsas_banks_of_equal_angles_are_frames(tmp_path):
    content = cf.gsas_std() + b"\r\n".join(cf.gsas_std(cf.COUNTS + 1).split(b"\r\n")[1:])
    data = xk.read_profile(put(tmp_path, content), wavelength="CuKa")
    np.testing.assert_array_equal(data["intensity"].isel(frame=1), cf.COUNTS + 1)


def test_gsas_truncated_within_a_record(tmp_path):
    for cut in (284, 250, 150):
        with pytest.raises(errors.CurveError, match=r"declares 24|no number of STD"):
            xk.read_profile(put(tmp_path, cf.gsas_std()[:cut]), wavelength="CuKa")


def test_chi(tmp_path):
    data = xk.read_profile(put(tmp_path, cf.chi(), "a.chi"), wavelength=0.5)
    np.testing.assert_allclose(data["two_theta"], cf.ANGLES)
    assert data.attrs["source_format"] == "chi"
    for axis, factor in (("Q (Inverse Nanometres)", 1), ("Q (Inverse Angstroms)", 10)):
        data = xk.read_profile(put(tmp_path, cf.chi(axis)))
        np.testing.assert_allclose(data["q"], factor * cf.ANGLES)
    with pytest.raises(errors.CurveError, match="no angle or q"):
        xk.read_profile(put(tmp_path, cf.chi("Radial Distance (mm)")))
    with pytest.raises(errors.CurveError, match="has 24 points, line 4 declares 25"):
        xk.read_profile(put(tmp_path, cf.chi(count=25)), wavelength=0.5)


def test_cansas_xml(tmp_path):
    data = xk.read_profile(put(tmp_path, cf.cansas().encode()))
    np.testing.assert_allclose(data["q"], 10 * np.linspace(0.01, 0.5, 20), rtol=1e-5)
    assert data["intensity"].attrs["units"] == "1/cm"
    assert data["sample_name"].item() == "silica"
    with pytest.raises(errors.CurveError, match="unknown unit 'furlong'"):
        xk.read_profile(put(tmp_path, cf.cansas(q_unit="furlong").encode()))
    assert "sigma" not in xk.read_profile(put(tmp_path, cf.cansas(error="0").encode()))


def test_cansas_xml_of_several_names_asks_for_one(tmp_path):
    path = put(tmp_path, cf.cansas(names=("buffer", "protein")).encode())
    with pytest.raises(errors.CurveError, match=r"2 curves of different names .*'protein'"):
        xk.read_profile(path)
    assert xk.read_profile(path, scan="protein").sizes == xk.read_profile(path, scan=0).sizes
    with pytest.raises(errors.CurveError, match="no scan 'lysozyme'"):
        xk.read_profile(path, scan="lysozyme")


def test_pdcif_of_counts(tmp_path):
    content = cf.pdcif_loop(["_pd_meas_2theta_scan", "_pd_meas_counts_total"], [ANGLE, COUNT])
    data = xk.read_profile(put(tmp_path, content, "a.cif"))
    np.testing.assert_allclose(data["two_theta"], cf.ANGLES)
    np.testing.assert_allclose(data["sigma"], np.sqrt(cf.COUNTS))
    np.testing.assert_allclose(data["wavelength"], [1.5405929, 1.5444274])
    assert data["temperature"].item() == 295.0
    assert "Doe" not in str(data)


def test_pdcif_reads_uncertainties_in_parentheses(tmp_path):
    values = ["1234(56)", "12.34(56)", "1.2e3(4)", ".5(1)"]
    names = ["_pd_proc_2theta_corrected", "_pd_proc_intensity_total"]
    full = [*values, *[f"{c}({int(np.sqrt(int(c)))})" for c in COUNT[4:]]]
    data = xk.read_profile(put(tmp_path, cf.pdcif_loop(names, [ANGLE, full])))
    np.testing.assert_allclose(data["intensity"][:4], [1234, 12.34, 1200, 0.5])
    np.testing.assert_allclose(data["sigma"][:4], [56, 0.56, 400, 0.1])
    assert data["intensity"].attrs["units"] == "1"


def test_pdcif_weights_become_errors_and_weight_zero_leaves_a_point_out(tmp_path):
    weight = [f"{1 / max(c, 1):.6g}" for c in cf.COUNTS]
    weight[7] = "0"
    names = ["_pd_proc_2theta_corrected", "_pd_proc_intensity_total", "_pd_proc_ls_weight"]
    data = xk.read_profile(put(tmp_path, cf.pdcif_loop(names, [ANGLE, COUNT, weight])))
    kept = np.delete(np.arange(24), 7)
    np.testing.assert_allclose(data["two_theta"], cf.ANGLES[kept])
    np.testing.assert_allclose(data["sigma"], np.sqrt(cf.COUNTS[kept]), rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "wavelength", "lines"),
    [
        ("'Cu K\\a'", "1.54184", (1.5405929, 1.5444274)),
        ("'CuK\\a'", "1.54056", (1.5405929, 1.5444274)),
        ("'Cu K\\a~1~'", "1.54056", (1.5405929,)),
        ("'Cu K\\alpha1'", "1.54056(1)", (1.5405929,)),
        ("synchrotron", "1.54056", (1.54056,)),
        ("'Cu K\\a'", "?", (1.5405929, 1.5444274)),
        ("'Cu K\\a'", "0.7093", (0.7093,)),
    ],
)
def test_one_wavelength_of_a_cif_may_stand_for_two(tmp_path, kind, wavelength, lines):
    loop = "loop_\n_diffrn_radiation_wavelength\n_diffrn_radiation_wavelength_wt\n"
    two = f"{loop}1.540600 1.0\n1.544390 0.5\n"
    assert two in cf.PDCIF_HEAD
    content = cf.pdcif_loop(["_pd_meas_2theta_scan", "_pd_meas_counts_total"], [ANGLE, COUNT])
    text = content.decode().replace(two, f"_diffrn_radiation_wavelength {wavelength}\n")
    data = xk.read_profile(put(tmp_path, text.replace("'Cu K\\a'", kind, 1).encode()))
    np.testing.assert_allclose(data["wavelength"], lines)


def test_pdcif_takes_the_axis_that_fits(tmp_path):
    names = ["_pd_meas_2theta_scan", "_pd_meas_counts_total"]
    content = cf.pdcif_loop(names, [ANGLE, COUNT]).decode()
    other = "loop_\n_pd_proc_2theta_corrected\n" + "\n".join(ANGLE[:5]) + "\n"
    data = xk.read_profile(put(tmp_path, (content + other).encode()))
    np.testing.assert_allclose(data["two_theta"], cf.ANGLES)
    content = content.replace("_pd_meas_2theta_scan", "_pd_meas_other")
    with pytest.raises(errors.CurveError, match="corrected has 5 values for 24 intensities"):
        xk.read_profile(put(tmp_path, (content + other).encode()))


def test_pdcif_range_of_equal_steps(tmp_path):
    head = "_pd_meas_2theta_range_min 20.0\n_pd_meas_2theta_range_max 31.5\n"
    for step, words in (("0.5", None), ("0.25", "do not go from 20 to 31.5")):
        extra = f"{head}_pd_meas_2theta_range_inc {step}\n".encode()
        content = cf.pdcif_loop(["_pd_meas_counts_total"], [COUNT])
        path = put(tmp_path, content.replace(b"loop_", extra + b"loop_", 1))
        if words is None:
            np.testing.assert_allclose(xk.read_profile(path)["two_theta"], cf.ANGLES)
        else:
            with pytest.raises(errors.CurveError, match=words):
                xk.read_profile(path)


def test_pdcif_over_q(tmp_path):
    names = ["_pd_proc_recip_len_Q", "_pd_proc_intensity_total"]
    data = xk.read_profile(put(tmp_path, cf.pdcif_loop(names, [ANGLE, COUNT])))
    np.testing.assert_allclose(data["q"], 10 * cf.ANGLES)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"data_x\n_pd_phase_name a\n_cell_length_a 4\n", "holds no powder pattern"),
        (b"data_x\n_pd_phase_name 'a\nloop_\n", "is no CIF"),
        (cf.pdcif_loop(["_pd_meas_2theta_scan"], [ANGLE]), "holds no powder pattern"),
        (
            cf.pdcif_loop(
                ["_pd_meas_2theta_scan", "_pd_meas_counts_total"], [ANGLE, [*COUNT[:-1], "many"]]
            ),
            "number 24 is 'many'",
        ),
    ],
    ids=["structure alone", "broken", "no intensity", "words"],
)
def test_a_cif_that_holds_no_pattern_says_so(tmp_path, content, words):
    with pytest.raises(errors.CurveError, match=words):
        xk.read_profile(put(tmp_path, content, "a.cif"))


def test_a_cif_of_several_patterns_asks_for_one(tmp_path):
    one = cf.pdcif_loop(["_pd_meas_2theta_scan", "_pd_meas_counts_total"], [ANGLE, COUNT])
    path = put(tmp_path, one + one.replace(b"data_mixture", b"data_calc"), "a.cif")
    with pytest.raises(errors.CurveError, match=r"different names .*'mixture', 'calc'"):
        xk.read_profile(path)
    assert xk.read_profile(path, scan="calc").sizes["two_theta"] == 24
