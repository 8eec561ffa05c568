"""Exports of patterns and refined phases, read back by our readers, by gemmi and by eye."""

import csv
import re

import gemmi
import numpy as np
import pytest
import xarray as xr

import xrdkit as xk
from xrdkit.errors import CurveError, EmptyResult, ResultExists, SchemaError
from xrdkit.provenance import append
from xrdkit.store.export import write_csv, write_gsas, write_pdcif, write_table, write_xye
from xrdkit.store.export.uncertain import with_uncertainty

ANGLES = np.linspace(20.0, 60.0, 81)
OPERATORS = ["x,y,z", "-y,x-y,z", "-x+y,-x,z", "-x,-y,z+1/2", "y,-x+y,z+1/2", "x-y,x,z+1/2"]
OPERATORS += ["y,x,z+1/2", "x-y,-y,z+1/2", "-x,-x+y,z+1/2", "-y,-x,z", "-x+y,y,z", "x,x-y,z"]
ZINCITE = {
    "name": "ZnO #1",
    "operators": OPERATORS,
    "space_group": "P 63 m c",
    "citation": "it's a test",
    "sites": [
        {"label": "Zn", "element": "Zn", "position": [1 / 3, 2 / 3, 0.0], "occupancy": 1.0,
         "b_iso": 0.6},
        {"label": "O", "element": "O", "position": [1 / 3, 2 / 3, 0.3826], "occupancy": 1.0,
         "b_iso": 0.8},
    ],
}  # fmt: skip


def result(frames=0, *, polarization=0.8, b_sigma=np.nan, sites=True) -> xr.Dataset:
    """What a refinement of two phases gives, with known numbers."""
    lead = ("frame",) if frames else ()
    shape = (frames,) if frames else ()

    def put(values, dims, unit, **attrs):
        array = np.broadcast_to(np.asarray(values, dtype=float), (*shape, *np.shape(values)))
        return ((*lead, *dims), array.copy(), {"units": unit, "long_name": "a number", **attrs})

    counts = np.round(100 + 900 * np.exp(-(((ANGLES - 40) / 2) ** 2)))
    numbers = {
        "weight_fraction": ([0.3383, 0.6617], [0.0011, 0.0025], ("phase",), "1"),
        "lattice": (
            [[0.324868, 0.324868, 0.520478], [0.54622, 0.54622, 0.54622]],
            [[4e-6, 4e-6, 7e-6], [6e-6, 6e-6, 6e-6]],
            ("phase", "lattice_parameter"),
            "nm",
        ),
        "lattice_angle": (
            [[90.0, 90.0, 120.0], [90.0, 90.0, 90.0]],
            np.zeros((2, 3)),
            ("phase", "lattice_angle_name"),
            "degree",
        ),
        "crystallite_size": ([129.7, np.nan], [6.2, np.nan], ("phase",), "nm"),
        "strain": ([0.000204, np.nan], [0.000037, np.nan], ("phase",), "1"),
        "b_iso": ([1.0, 0.5], [b_sigma, np.nan], ("phase",), "angstrom^2"),
    }
    data = {}
    for name, (values, errors, dims, unit) in numbers.items():
        data[name] = put(values, dims, unit, ancillary_variables=f"{name}_sigma")
        data[f"{name}_sigma"] = put(errors, dims, unit)
    data["intensity"] = put(counts, ("two_theta",), "count")
    data["sigma"] = put(np.sqrt(counts), ("two_theta",), "count")
    data["intensity_calculated"] = put(counts + 1.5, ("two_theta",), "count")
    data["background"] = put(np.full(counts.size, 99.5), ("two_theta",), "count")
    for name, value in (("rwp", 0.10139), ("rexp", 0.0756), ("gof", 1.3403)):
        data[name] = put(value, (), "1")
    for name, value in (("caglioti_u", 0.015), ("caglioti_v", -0.019), ("caglioti_w", 0.0138)):
        data[name] = put(value, (), "degree^2")
    data["lorentzian_x"] = put(0.02, (), "degree")
    data["lorentzian_y"] = put(np.nan, (), "degree")
    data["zero_shift"] = put(-0.0176, (), "degree")
    data["verdict"] = (lead, np.full(shape, "ok"), {"long_name": "verdict"})
    coords = {
        "phase": ["ZnO #1", "CaF2"],
        "lattice_parameter": ["a", "b", "c"],
        "lattice_angle_name": ["alpha", "beta", "gamma"],
        "two_theta": ("two_theta", ANGLES, {"units": "degree", "long_name": "angle"}),
        "wavelength": ("emission_line", [1.5405929, 1.5444274], {"units": "angstrom"}),
        "emission_weight": ("emission_line", [2 / 3, 1 / 3], {"units": "1"}),
        "temperature": ((), 295.0, {"units": "K", "long_name": "temperature"}),
        "sample_name": ((), "mix µ; 'a' \"b\"", {"long_name": "sample"}),
    }
    if frames:
        coords["frame"] = ("frame", 5 + np.arange(frames), {"long_name": "frame"})
    made = xr.Dataset(data, coords, {"schema": "xrdkit/phases/1"})
    phases = [ZINCITE] if sites else []
    return append(
        made, "refine_phases", {"phases": phases, "polarization_ratio": polarization}, inputs=[]
    )


@pytest.mark.parametrize(
    ("value", "sigma", "text"),
    [
        (5.41151, 0.00019, "5.41151(19)"),
        (5.41151, 0.00021, "5.4115(2)"),
        (5.41151, 0.000996, "5.4115(10)"),
        (0.3383, 0.0011, "0.3383(11)"),
        (1234.4, 57.3, "1234(57)"),
        (1234.4, 1.96, "1234(2)"),
        (-0.00004, 0.02, "0.00(2)"),
        (12.5, 0.0, "12.5"),
        (12.5, np.nan, "12.5"),
        (np.nan, 1.0, "?"),
        (1e-7, 2.5e-9, "0.000000100(2)"),
        (3.0, np.inf, "3"),
    ],
)
def test_uncertainties_follow_the_rule_of_19(value, sigma, text):
    assert with_uncertainty(value, sigma, missing="?") == text


def test_uncertainties_tell_value_and_error_within_rounding():
    rng = np.random.default_rng(3)
    for exponent in range(-9, 4):
        sigma = rng.uniform(1, 10) * 10.0**exponent
        value = rng.normal() * 1000 * sigma
        body, digits = re.fullmatch(r"(.*)\((\d+)\)", with_uncertainty(value, sigma)).groups()
        last = 10.0 ** -(len(body.partition(".")[2]))
        assert abs(float(body) - value) <= 0.5001 * last
        assert abs(int(digits) * last - sigma) <= 0.5001 * last
        assert 2 <= int(digits) <= 19 or last == 1.0


def test_pdcif_comes_back_by_our_reader(tmp_path):
    data = result()
    before = data.copy(deep=True)
    (file,) = write_pdcif(data, tmp_path / "mix 3.cif")
    xr.testing.assert_identical(data, before)
    back = xk.read_profile(file)
    np.testing.assert_allclose(back["two_theta"], ANGLES, rtol=1e-9)
    np.testing.assert_allclose(back["intensity"], data["intensity"], rtol=1e-9)
    np.testing.assert_allclose(back["sigma"], data["sigma"], rtol=1e-9)
    np.testing.assert_allclose(back["wavelength"], [1.5405929, 1.5444274])
    np.testing.assert_allclose(back["emission_weight"], [2 / 3, 1 / 3], rtol=1e-5)
    assert back["temperature"].item() == 295.0
    with pytest.raises(ResultExists):
        write_pdcif(data, file)


def test_pdcif_is_cif_for_gemmi(tmp_path):
    (file,) = write_pdcif(result(), tmp_path / "mix.cif")
    pattern, zincite, fluorite = gemmi.cif.read(str(file))
    table = pattern.find(["_pd_phase_name", "_pd_phase_mass_%", "_pd_phase_block_id"])
    rows = [[gemmi.cif.as_string(cell) for cell in row] for row in table]
    assert rows[0] == ["ZnO #1", "33.83(11)", "mix_phase_1|xrdkit"]
    assert rows[1][1] == "66.2(2)"
    points = pattern.find(["_pd_calc_intensity_total", "_pd_proc_intensity_bkg_calc"])
    assert (float(points[40][0]), float(points[40][1])) == (1001.5, 99.5)
    assert gemmi.cif.as_string(pattern.find_value("_pd_spec_description")) == "mix ?; 'a' \"b\""
    assert zincite.find_value("_cell_length_a") == "3.24868(4)"
    assert zincite.find_value("_cell_length_c") == "5.20478(7)"
    assert zincite.find_value("_xrdkit_crystallite_size_nm") == "130(6)"
    assert fluorite.find_value("_xrdkit_crystallite_size_nm") is None
    structure = gemmi.make_small_structure_from_block(zincite)
    assert structure.spacegroup.hm == "P 63 m c"
    np.testing.assert_allclose([s.u_iso * 8 * np.pi**2 for s in structure.sites], [0.6, 0.8],
                               rtol=1e-5)  # fmt: skip
    assert [r[0] for r in zincite.find(["_atom_site_site_symmetry_multiplicity"])] == ["2", "2"]


def test_a_refined_displacement_parameter_shifts_those_of_the_atoms(tmp_path):
    (file,) = write_pdcif(result(b_sigma=0.08), tmp_path / "mix.cif")
    block = gemmi.cif.read(str(file))[1]
    atoms = [row[0] for row in block.find(["_atom_site_U_iso_or_equiv"])]
    # Mean 0.7 Å² before, 1.0 Å² refined: 0.9 and 1.1 Å².
    assert atoms == [f"{0.9 / 8 / np.pi**2:.4f}(10)", f"{1.1 / 8 / np.pi**2:.4f}(10)"]


def test_pdcif_of_results_that_hold_less(tmp_path):
    bare = result(sites=False).drop_vars(
        [n for n in result() if n.startswith(("strain", "b_iso", "lattice_angle", "rexp"))]
    )
    (file,) = write_pdcif(bare.drop_attrs(), tmp_path / "mix.cif")
    blocks = gemmi.cif.read(str(file))
    assert len(blocks) == 3
    assert blocks[1].find_value("_cell_length_a") == "3.24868(4)"
    assert xk.read_profile(file).sizes["two_theta"] == 81


def test_pdcif_of_a_profile_over_q_and_of_counts(tmp_path):
    q = np.linspace(5.0, 50.0, 30)
    curve = xk.profile(q, 3 / q, 0.1 / q, unit="1/nm", intensity_unit="1")
    (file,) = write_pdcif(curve, tmp_path / "q.cif")
    back = xk.read_profile(file)
    np.testing.assert_allclose(back["q"], q, rtol=1e-9)
    np.testing.assert_allclose(back["sigma"], 0.1 / q, rtol=1e-8)
    counts = xk.pattern(ANGLES, np.arange(81.0), wavelength=0.4139)
    (file,) = write_pdcif(counts, tmp_path / "c.cif")
    back = xk.read_profile(file)
    np.testing.assert_array_equal(back["intensity"], np.arange(81.0))
    np.testing.assert_allclose(back["sigma"], np.sqrt(np.maximum(np.arange(81.0), 1)))
    np.testing.assert_allclose(back["wavelength"], [0.4139])


def test_pdcif_has_a_file_for_each_frame_and_leaves_gaps_out(tmp_path):
    data = result(frames=2)
    data["intensity"][1, :10] = np.nan
    files = write_pdcif(data, tmp_path / "a.cif")
    assert [f.name for f in files] == ["a-000005.cif", "a-000006.cif"]
    assert xk.read_profile(files[1]).sizes["two_theta"] == 71


def test_a_series_with_an_empty_frame_is_written_without_it(tmp_path, caplog):
    data = result(frames=2)
    data["intensity"][0] = np.nan
    data["caglioti_w"][0] = np.nan
    (cif,) = write_pdcif(data, tmp_path / "b.cif")
    assert cif.name == "b-000006.cif"
    assert "no file for frames without a point: b-000005" in caplog.text
    (xye,) = write_xye(data, tmp_path / "b.xye")
    assert xye.name == "b-000006.xye"
    pattern, instrument = write_gsas(data, tmp_path / "b.fxye")
    assert pattern.name == "b-000006.fxye"
    assert "nan" not in instrument.read_text()
    data["intensity"][1] = np.nan
    for write in (write_pdcif, write_xye, write_gsas):
        with pytest.raises(EmptyResult, match="no frame has a point"):
            write(data, tmp_path / "c.cif")
    with pytest.raises(EmptyResult):
        write_pdcif(data.isel(frame=0), tmp_path / "c.cif")


def test_fxye_comes_back_by_our_reader(tmp_path):
    data = result()
    pattern, instrument = write_gsas(data, tmp_path / "mix.fxye")
    back = xk.read_profile(pattern, wavelength="CuKa")
    np.testing.assert_allclose(back["two_theta"], ANGLES, atol=1e-8)
    np.testing.assert_allclose(back["intensity"], data["intensity"], rtol=1e-9)
    np.testing.assert_allclose(back["sigma"], data["sigma"], rtol=1e-9)
    assert instrument.name == "mix.instprm"


def parameters(file):
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    return dict(line.split(":", 1) for line in lines)


def test_the_instrument_file_has_the_units_of_gsas_2(tmp_path):
    _, file = write_gsas(result(), tmp_path / "mix.fxye")
    found = parameters(file)
    assert found["Type"] == "PXC"
    assert (float(found["Lam1"]), float(found["Lam2"])) == (1.5405929, 1.5444274)
    assert float(found["I(L2)/I(L1)"]) == 0.5
    assert float(found["Zero"]) == -0.0176
    # P + (1 - P) cos² is (1 + 0.8 cos²)/1.8.
    assert float(found["Polariz."]) == pytest.approx(1 / 1.8, abs=1e-6)
    # A Gaussian of 0.0138 degree² FWHM² has a variance of 0.0138/(8 ln 2) degree².
    assert float(found["W"]) == pytest.approx(138 / (8 * np.log(2)), rel=1e-6)
    assert float(found["X"]) == pytest.approx(2.0)
    assert float(found["Y"]) == 0.0
    assert "Gonio. radius" not in found
    data = result().assign_coords(goniometer_radius=((), 217.5, {"units": "mm"}))
    _, file = write_gsas(data, tmp_path / "radius.fxye")
    assert float(parameters(file)["Gonio. radius"]) == 217.5


def test_widths_of_zero_are_no_start(tmp_path):
    data = result()
    for name in ("caglioti_u", "caglioti_v", "caglioti_w"):
        data[name] = data[name] * 0.0
    _, file = write_gsas(data, tmp_path / "mix.fxye")
    assert float(parameters(file)["W"]) == 5.0
    assert "start values" in file.read_text()


def test_polarisation_is_stated_by_someone(tmp_path):
    angle = xk.pattern(ANGLES, np.ones(81), np.ones(81), wavelength=0.5)
    with pytest.raises(SchemaError, match="polarisation"):
        write_gsas(angle, tmp_path / "a.fxye")
    assert not (tmp_path / "a.fxye").exists()
    _, file = write_gsas(angle, tmp_path / "a.fxye", polarization_ratio=0.0)
    assert float(parameters(file)["Polariz."]) == 1.0
    assert float(parameters(file)["Lam"]) == 0.5
    assert "start values" in file.read_text()
    corrected = angle.assign_attrs(polarization_factor=0.99)
    _, file = write_gsas(corrected, tmp_path / "b.fxye")
    assert float(parameters(file)["Polariz."]) == 1.0
    _, file = write_gsas(result(polarization=None), tmp_path / "c.fxye")
    assert float(parameters(file)["Polariz."]) == 1.0


def test_a_pattern_over_q_is_written_over_angles(tmp_path):
    q = 40 * np.pi * np.sin(np.radians(ANGLES / 2)) / 0.5
    data = xk.profile(q, np.ones(81), np.ones(81), unit="1/nm", intensity_unit="1")
    with pytest.raises(SchemaError, match="no wavelength"):
        write_gsas(data, tmp_path / "a.fxye", polarization_ratio=0.0)
    beam = xr.Variable("emission_line", [0.5], {"units": "angstrom", "long_name": "wavelength"})
    pattern, _ = write_gsas(
        data.assign_coords(wavelength=beam), tmp_path / "a.fxye", polarization_ratio=0.0
    )
    np.testing.assert_allclose(xk.read_profile(pattern)["two_theta"], ANGLES, rtol=1e-7)


def test_xye_comes_back_with_unit_lines_and_errors(tmp_path):
    data = result()
    (file,) = write_xye(data, tmp_path / "a.xye")
    back = xk.read_profile(file)
    np.testing.assert_allclose(back["two_theta"], ANGLES, rtol=1e-9)
    np.testing.assert_allclose(back["wavelength"], data["wavelength"])
    assert back["intensity"].attrs["units"] == "count"
    single = xk.pattern(ANGLES, np.ones(81), np.ones(81), wavelength=0.4139)
    (file,) = write_xye(single, tmp_path / "b.xye")
    assert float(xk.read_profile(file)["wavelength"][0]) == 0.4139


def test_profiles_as_csv_come_back(tmp_path):
    one = xk.pattern(ANGLES, 100 + ANGLES, np.sqrt(100 + ANGLES), wavelength="CuKa")
    lines = {name: one[name] for name in ("wavelength", "emission_weight")}
    data = xr.concat([one, 2 * one], "frame", combine_attrs="override").assign_coords(lines)
    data["intensity"].attrs["units"] = data["sigma"].attrs["units"] = "count"
    data["intensity"][1, 3] = np.nan
    back = xk.read_profile(write_csv(data.isel(frame=0, drop=True), tmp_path / "a.csv"))
    np.testing.assert_array_equal(back["two_theta"], ANGLES)
    np.testing.assert_array_equal(back["sigma"], data["sigma"][0])
    np.testing.assert_allclose(back["emission_weight"], [2 / 3, 1 / 3])
    assert back["intensity"].attrs["units"] == "count"
    file = write_csv(data, tmp_path / "b.csv")
    with pytest.raises(CurveError, match="positions of scans 0 and 1 differ"):
        xk.read_profile(file)
    assert xk.read_profile(file, scan=1).attrs["dropped_points"] == 1
    file.write_text(file.read_text()[:-40])
    with pytest.raises(CurveError, match=r"line 163: \d+ cells below"):
        xk.read_profile(file)


def test_a_stored_result_is_for_load(tmp_path):
    xk.save(result(), tmp_path / "a.nc")
    with pytest.raises(CurveError, match=r"xrdkit\.load"):
        xk.read_profile(tmp_path / "a.nc")


TABLE = """\
| phase | wt% | a (Å) | c (Å) | size (nm) | strain (%) | Rwp (%) | GoF | verdict |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| ZnO #1 | 33.83(11) | 3.24868(4) | 5.20478(7) | 130(6) | 0.020(4) | 10.14 | 1.34 | ok |
| CaF2 | 66.2(2) | 5.46220(6) |  |  |  |  |  |  |
"""


def test_the_table_for_a_paper(tmp_path):
    assert write_table(result(), tmp_path / "t.md").read_text() == TABLE
    latex = write_table(result(), tmp_path / "t.tex").read_text()
    assert r"ZnO \#1 & 33.83(11) & 3.24868(4) & 5.20478(7)" in latex
    assert latex.count(r"\\") == 3
    with write_table(result(), tmp_path / "t.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0]["size (nm)"] == "130(6)"
    assert rows[1]["c (Å)"] == ""


def test_the_table_of_a_series_has_rows_of_phases_by_frame(tmp_path):
    with write_table(result(frames=2), tmp_path / "t.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["frame"], r["phase"]) for r in rows] == [
        ("5", "ZnO #1"), ("5", "CaF2"), ("6", "ZnO #1"), ("6", "CaF2"),
    ]  # fmt: skip
    assert [r["GoF"] for r in rows] == ["1.34", "", "1.34", ""]


def test_a_refined_displacement_parameter_has_a_column(tmp_path):
    assert "B (Å²)" not in write_table(result(), tmp_path / "a.csv").read_text()
    assert "1.00(8)" in write_table(result(b_sigma=0.08), tmp_path / "b.csv").read_text()


def test_what_a_refinement_adds_is_told(tmp_path):
    data = result()
    told = {
        "absolute_fraction": ([0.2, 0.4], [0.002, 0.002]),
        "march": ([0.7, 1.0], [0.03, np.nan]),
    }
    for name, (values, errors) in told.items():
        data[name] = ("phase", values, {"units": "1", "long_name": name})
        data[f"{name}_sigma"] = ("phase", errors, {"units": "1", "long_name": name})
    data["amorphous_fraction"] = ((), 0.4, {"units": "1", "long_name": "amorphous"})
    data["amorphous_fraction_sigma"] = ((), 0.011, {"units": "1", "long_name": "error"})
    data["axial_divergence"] = ((), 0.031, {"units": "1", "long_name": "heights"})
    with write_table(data, tmp_path / "t.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [r["wt% absolute"] for r in rows] == ["20.0(2)", "40.0(2)"]
    assert [r["amorphous wt%"] for r in rows] == ["40.0(11)", ""]
    assert [r["March r"] for r in rows] == ["0.70(3)", ""]
    assert rows[0]["Rwp (%)"] == "10.14"
    (file,) = write_pdcif(data, tmp_path / "a.cif")
    assert gemmi.cif.read(str(file))[1].find_value("_xrdkit_absolute_mass_fraction") == "0.200(2)"
    _, instrument = write_gsas(data, tmp_path / "a.fxye")
    assert parameters(instrument)["SH/L"] == "0.031"


def test_a_table_of_something_else_is_refused(tmp_path):
    with pytest.raises(SchemaError, match="refined phases"):
        write_table(xk.pattern(ANGLES, np.ones(81), wavelength=0.5), tmp_path / "t.md")
    with pytest.raises(SchemaError, match=r"\.csv, \.md, \.tex, not '\.doc'"):
        write_table(result(), tmp_path / "t.doc")
