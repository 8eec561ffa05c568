"""Small-angle curves as programs write them: columns, resolution of q, and many files at once."""

import json

import curve_files as cf
import h5py
import numpy as np
import pytest

import xrdkit as xk
from xrdkit import errors
from xrdkit.curves import join_profiles

Q = np.geomspace(0.05, 4.0, 20)
I = 3.0 / Q  # noqa: E741 - the field's letter
S = 0.1 * I
D = 0.02 * Q + 1e-3


def text(tmp_path, header, columns, name="curve.dat"):
    rows = [" ".join(f"{v:.9g}" for v in row) for row in zip(*columns, strict=True)]
    path = tmp_path / name
    path.write_text("\n".join([*header, *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("# Q I dI dQ", "QISD"),
        ("<X>  <Q>  <I>  <err>", "XQIS"),
        ("q(1/nm), I(q), sigma, sigma_q", "QISD"),
        ("Q dQ I dI", "QDIS"),
        ("# q [1/nm]\tIntensity [1/cm]\terror\tresolution", "QISD"),
        ("The columns | Q (1/nm) | I(Q) (1/cm) | std. dev. I(Q) (1/cm) | sigmaQ |", "QIS-"),
        ("|Q (1/nm)|I(Q) (1/cm)|std. dev. I(Q) (1/cm)|sigmaQ|", "QISD"),
    ],
)
def test_names_of_columns_hold(tmp_path, header, order):
    table = {"Q": Q, "I": I, "S": S, "D": D, "X": 7 * np.ones(20), "-": D}
    unit = None if "1/nm" in header else "1/nm"
    data = xk.read_profile(text(tmp_path, [header], [table[c] for c in order]), unit=unit)
    np.testing.assert_allclose(data["q"], Q, rtol=1e-8)
    np.testing.assert_allclose(data["intensity"], I, rtol=1e-8)
    np.testing.assert_allclose(data["sigma"], S, rtol=1e-8)
    assert ("q_resolution" in data) == ("D" in order)
    if "D" in order:
        np.testing.assert_allclose(data["q_resolution"], D, rtol=1e-8)
        assert data["q_resolution"].attrs["units"] == "1/nm"
    assert ("columns_note" in data.attrs) == ("-" in order)


def test_a_fourth_column_without_a_name_is_not_taken_for_a_resolution(tmp_path):
    path = text(tmp_path, ["some sample"], (Q, I, S, D))
    data = xk.read_profile(path, unit="1/angstrom")
    assert "q_resolution" not in data
    assert "columns=(0, 1, 2, 3)" in data.attrs["columns_note"]
    data = xk.read_profile(path, unit="1/angstrom", columns=(0, 1, 2, 3))
    np.testing.assert_allclose(data["q_resolution"], 10 * D, rtol=1e-8)


def test_the_text_of_isis_has_its_resolution_below_a_fortran_format(tmp_path):
    header = [" SANS2D", " sample", "  20 0 0 0 1 20 0", "  0 0 0 0", " 3 (F12.5,2E16.6)"]
    data = xk.read_profile(text(tmp_path, header, (Q, I, S, D)), unit="1/angstrom")
    assert data.sizes["q"] == 20
    np.testing.assert_allclose(data["q_resolution"], 10 * D, rtol=1e-8)


@pytest.mark.parametrize("slit", [False, True], ids=["pinhole", "slit"])
def test_six_columns_of_nist(tmp_path, slit):
    head = "The 6 columns are | Q (1/A) | I(Q) (1/cm) | std. dev. I(Q) (1/cm) | sigmaQ | meanQ | F|"
    spread = np.full(20, -0.117) if slit else D
    data = xk.read_profile(text(tmp_path, [head], (Q, I, S, spread, Q, np.ones(20)), "a.ABS"))
    if slit:
        assert (data.attrs["slit_smeared"], "q_resolution" in data) == (1, False)
        assert data.attrs["slit_length"] == pytest.approx(1.17)
    else:
        np.testing.assert_allclose(data["q_resolution"], 10 * D, rtol=1e-8)
        assert "slit_smeared" not in data.attrs


def test_resolution_of_nxcansas(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as tree:
        group = tree.create_group("entry/data")
        group.attrs["canSAS_class"] = "SASdata"
        group["Q"], group["I"], group["Idev"], group["Spread"] = Q, I, S, 10 * D
        group["Q"].attrs.update({"units": "1/A", "resolutions": "Spread"})
        group["Spread"].attrs["units"] = "1/nm"
    np.testing.assert_allclose(xk.read_profile(path)["q_resolution"], 10 * D)
    with h5py.File(path, "a") as tree:
        del tree["entry/data/Spread"]
        tree["entry/data/Spread"] = np.ones(3)
    with pytest.raises(errors.CurveError, match=r"Spread has shape \(3,\)"):
        xk.read_profile(path)


def test_resolution_of_cansas_xml(tmp_path):
    content = cf.cansas().replace("</Idata>", '<Qdev unit="1/A">0.002</Qdev></Idata>')
    path = tmp_path / "a.xml"
    path.write_text(content)
    np.testing.assert_allclose(xk.read_profile(path)["q_resolution"], 0.02)
    path.write_text(content.replace("0.002", "0"))
    assert "q_resolution" not in xk.read_profile(path)


@pytest.mark.parametrize("scalar", [False, True], ids=["per point", "one for all"])
def test_nxcansas_of_a_slit_camera_has_both_resolutions(tmp_path, scalar):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as tree:
        group = tree.create_group("entry/data")
        group.attrs["canSAS_class"] = "SASdata"
        group["Q"], group["I"], group["Idev"] = Q, I, S
        group["dQl"], group["dQw"] = (1.17, 0.03) if scalar else (np.full(20, 1.17), 10 * D)
        group["Q"].attrs.update({"units": "1/A", "resolutions": "dQw,dQl"})
        for name in ("dQl", "dQw"):
            group[name].attrs["units"] = "1/nm"
    data = xk.read_profile(path)
    assert data.attrs["slit_length"] == pytest.approx(1.17)
    np.testing.assert_allclose(data["q_resolution"], 0.03 if scalar else 10 * D)


def test_cansas_xml_of_a_slit_camera_has_both_resolutions(tmp_path):
    widths = '<dQw unit="1/A">0.002</dQw><dQl unit="1/A">0.1</dQl></Idata>'
    path = tmp_path / "a.xml"
    path.write_text(cf.cansas().replace("</Idata>", widths))
    data = xk.read_profile(path)
    assert data.attrs["slit_length"] == pytest.approx(1.0)
    np.testing.assert_allclose(data["q_resolution"], 0.02)


def test_a_pdh_of_a_slit_camera_says_so(tmp_path):
    head = ["", "SAXS BOX", "  20  0 0 0 0 0 0 0", " 0.0 261.2", " 25.0 1.5"]
    path = text(tmp_path, head, (Q, I, S), "kratky.pdh")
    key = '<parameter key="CounterSlitLength"><value key="value">1.5</value>'
    tail = f'<?xml?><value>n_m^-1</value>{key}<value key="unit">{{}}</value></parameter>\n'
    rows = path.read_text()
    path.write_text(rows + tail.format("n_m^-1"))
    data = xk.read_profile(path)
    assert (data.attrs["slit_smeared"], data.attrs["slit_length_stated"]) == (1, 1.5)
    path.write_text(rows + tail.format("m_m"))
    assert "slit_smeared" not in xk.read_profile(path).attrs


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"resolution": -D}, "resolution of q is negative"),
        ({"resolution": D[1:]}, "resolution has 19 values"),
        ({"sigma": np.where(Q > 3, 0.0, S)}, "point 18: the standard error is zero"),
        ({"sigma": -S}, r"point 0: the standard error is zero, negative .* \(20 such\)"),
        ({"q": Q[::-1]}, "point 1: q is smaller .*sort=True"),
        ({"q": np.repeat(Q[::2], 2)}, r"q repeats the value before it \(10 such\)"),
        ({"q": Q - Q[3]}, "q is not positive"),
        ({"intensity": np.where(Q > 0.1, np.nan, I)}, "usable points, at least 10 .* NaN were"),
        ({"intensity": np.full(20, np.inf)}, "intensity is infinite"),
    ],
    ids=[
        "negative resolution",
        "short resolution",
        "zero error",
        "negative error",
        "unsorted",
        "duplicates",
        "zero q",
        "too few",
        "infinite",
    ],
)
def test_bad_curves_are_refused_with_the_place(change, words):
    values = {"q": Q, "intensity": I, "sigma": S, "resolution": D} | change
    with pytest.raises(errors.CurveError, match=words):
        xk.profile(**values, unit="1/nm")


def test_rows_without_a_resolution_are_dropped_and_counted():
    spread = D.copy()
    spread[4] = np.nan
    data = xk.profile(Q, I, S, resolution=spread, unit="1/nm")
    assert (data.attrs["dropped_points"], data.sizes["q"]) == (1, 19)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("#  R  P(R)  Error", "distance distribution"),
        ("   ####      G N O M    Version 5", "indirect transformation"),
    ],
)
def test_tables_of_distances_are_no_curves(tmp_path, head, words):
    with pytest.raises(errors.CurveError, match=words):
        xk.read_profile(text(tmp_path, [head], (Q, I, S)), unit="1/angstrom")


def test_a_unit_that_only_the_user_states_is_remembered(tmp_path):
    plain, said = text(tmp_path, ["Q I"], (Q, I)), text(tmp_path, ["Q(1/A) I"], (Q, I), "b.dat")
    assert xk.read_profile(plain, unit="1/A").attrs["q_unit_declared"] == "1/angstrom"
    stated = xk.read_profile(said, unit="1/A").attrs
    assert "q_unit_declared" not in stated
    assert stated["q_unit_stated"] == "1/angstrom"


# Many files


def files(tmp_path, number=3, **grid):
    for k in range(number):
        q = grid.get(f"q{k}", Q)
        text(tmp_path, ["# Q (1/nm)  I  dI  dQ"], (q, (k + 1) / q, 0.1 / q, D), f"c{k}.dat")
    return [tmp_path / f"c{k}.dat" for k in range(number)]


def test_files_become_frames_in_their_order(tmp_path):
    data = xk.read_profiles(files(tmp_path)[::-1])
    assert dict(data.sizes) == {"frame": 3, "q": 20}
    assert data["source_file"].values.tolist() == ["c2.dat", "c1.dat", "c0.dat"]
    np.testing.assert_allclose(data["intensity"], np.array([3, 2, 1])[:, None] / Q, rtol=1e-7)
    assert data["q_resolution"].dims == ("q",)
    steps = json.loads(data.attrs["provenance"])
    assert [s["step"] for s in steps] == ["read_profile", "join_profiles"]
    assert len(steps[-1]["inputs"]) == 3


def test_curves_of_other_positions_keep_their_own(tmp_path):
    data = xk.read_profiles(files(tmp_path, q1=1.07 * Q))
    assert data.sizes["q"] == 40
    own = data["intensity"].isel(frame=1).dropna("q")
    np.testing.assert_allclose(own["q"], 1.07 * Q, rtol=1e-8)
    np.testing.assert_allclose(own, 2 / (1.07 * Q), rtol=1e-7)
    assert np.isfinite(data["q_resolution"]).all()


def test_curves_of_different_kinds_are_not_joined(tmp_path):
    one, two = (xk.read_profile(f) for f in files(tmp_path, 2))
    before = one.copy(deep=True)
    for other, words in (
        (two.drop_vars("sigma"), "one has sigma"),
        (two.drop_vars("q_resolution"), "one has q_resolution"),
        (two.assign_attrs(slit_smeared=1), "values of slit_smeared"),
        (xk.profile(Q, I, S, resolution=D, unit="1/nm"), "units of the intensity"),
    ):
        with pytest.raises(errors.CurveError, match=words):
            join_profiles([one, other])
    assert before.identical(one)
    with pytest.raises(errors.CurveError, match="takes a list"):
        xk.read_profiles(tmp_path / "c0.dat")


def test_a_series_of_curves_gives_the_sizes_of_each(tmp_path):
    q = np.geomspace(0.1, 3.0, 60)
    curves = []
    for k, radius in enumerate((4.0, 5.0)):
        grid = q * (1 + 0.03 * k)
        x = grid * radius
        form = (3 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2 + 1e-4
        curves.append(xk.profile(grid, 10 * form, 0.02 * form + 1e-4, unit="1/nm"))
    together = xk.fit_sizes(join_profiles(curves))
    for k, curve in enumerate(curves):
        alone = xk.fit_sizes(curve)
        for name in ("mean_radius_volume", "mean_radius_volume_sigma", "background_flat", "gof"):
            np.testing.assert_allclose(together[name][k], alone[name], rtol=1e-6)
