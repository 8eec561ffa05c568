"""Curve files: what is read, what is stated, and what is refused."""

import h5py
import numpy as np
import pytest

import xrdkit as xk
from xrdkit import errors, schema

Q = np.linspace(0.1, 2.0, 12)
I = 3.0 / Q  # noqa: E741 - the field's letter
S = 0.1 * I


def rows(separator: str = "  ", columns=(Q, I, S)) -> list[str]:
    return [separator.join(f"{v:.8g}" for v in row) for row in zip(*columns, strict=True)]


def write(tmp_path, lines, name="curve.dat"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("separator", [" ", "\t", ",", ", ", ";", "   "])
def test_columns_with_any_separator(tmp_path, separator):
    path = write(tmp_path, ["# made here", "x y e", *rows(separator), "", "# end"])
    data = xk.read_profile(path, unit="1/nm")
    np.testing.assert_allclose(data.q, Q, rtol=1e-7)
    np.testing.assert_allclose(data.intensity, I, rtol=1e-7)
    np.testing.assert_allclose(data.sigma, S, rtol=1e-7)
    assert data.intensity.units == "1"
    assert data.attrs["source_file"] == "curve.dat"
    schema.validate(data, schema.PROFILE)


@pytest.mark.parametrize(
    ("header", "factor"),
    [
        ("q (A^-1)\tI(q)", 10),
        ("q_invA,I_cm-1,err", 10),
        ("#   q[nm-1] counts", 1),
        ("# Q (1/nm)  I(Q) (1/cm)", 1),
        ("# q_nm^-1 I", 1),
        ("Q [1/Å] I sigma", 10),
        ("# Q(Angstrom^-1)", 10),
    ],
)
def test_unit_stated_in_the_header(tmp_path, header, factor):
    data = xk.read_profile(write(tmp_path, [header, *rows()]))
    np.testing.assert_allclose(data.q, factor * Q, rtol=1e-7)
    assert data.intensity.units == ("1/cm" if "cm" in header else "1")


def test_unit_is_never_guessed(tmp_path):
    for header in ("q I sigma", "# q (1/nm) or q (1/A)", "# sample q1A", "# thickness 1/nm"):
        with pytest.raises(errors.CurveError, match="does not state the unit"):
            xk.read_profile(write(tmp_path, [header, *rows()]))


def test_contradiction_of_file_and_argument(tmp_path):
    path = write(tmp_path, ["# q (1/A)", *rows()])
    with pytest.raises(errors.CurveError, match="states 1/angstrom"):
        xk.read_profile(path, unit="1/nm")
    with pytest.raises(errors.CurveError, match="is none of"):
        xk.read_profile(path, unit="nm")


def test_two_columns_have_no_sigma_and_columns_choose(tmp_path):
    path = write(tmp_path, rows(columns=(Q, I)))
    assert "sigma" not in xk.read_profile(path, unit="1/nm")
    path = write(tmp_path, rows(columns=(S, Q, I)))
    data = xk.read_profile(path, unit="1/nm", columns=(1, 2))
    np.testing.assert_allclose(data.intensity, I, rtol=1e-7)
    for wrong in ((0,), (0, 0), (0, 5), (-1, 2)):
        with pytest.raises(errors.CurveError, match="columns"):
            xk.read_profile(path, unit="1/nm", columns=wrong)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0.55 abc 0.1", r"line 7: '0.55 abc 0.1' is not 3 numbers"),
        ("0.55 1.0", r"line 7: '0.55 1.0' is not 3 numbers"),
        ("0,55 1,0 0,1", "line 7"),
        ("0.05 1.0 0.1", "line 7: q is smaller"),
        ("0.9 1.0 0", "line 7: the standard error"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, words):
    lines = rows()
    with pytest.raises(errors.CurveError, match=words) as caught:
        xk.read_profile(write(tmp_path, ["# header", *lines[:5], line, *lines[6:]]), unit="1/nm")
    assert "curve.dat" in str(caught.value)


def test_a_corrupt_line_never_hides_the_lines_before_it(tmp_path):
    lines = rows(columns=(np.arange(1.0, 41.0), np.ones(40)))
    lines[10] = "11 x"
    with pytest.raises(errors.CurveError, match="line 11"):
        xk.read_profile(write(tmp_path, lines), unit="1/nm")


def test_nan_rows_are_dropped_and_counted(tmp_path):
    lines = rows()
    lines[4] = lines[4].rsplit(maxsplit=1)[0] + " NAN"
    data = xk.read_profile(write(tmp_path, lines), unit="1/nm")
    assert (data.attrs["dropped_points"], data.sizes["q"]) == (1, 11)


def test_numeric_header_is_skipped_on_request(tmp_path):
    path = write(tmp_path, ["1 2 3", "units (F12.5)", *rows()])
    with pytest.raises(errors.CurveError, match="header_lines"):
        xk.read_profile(path, unit="1/nm")
    assert xk.read_profile(path, unit="1/nm", header_lines=2).sizes["q"] == 12


def test_range_leaves_points_out(tmp_path):
    q = np.concatenate([[-0.2, -0.1, 0.0], Q])
    path = write(tmp_path, rows(columns=(q, np.ones(15))))
    with pytest.raises(errors.CurveError, match="line 1: q is not positive"):
        xk.read_profile(path, unit="1/nm")
    assert xk.read_profile(path, unit="1/nm", range=(0.05, 10)).sizes["q"] == 12


def test_prn_pattern(tmp_path):
    angle = np.arange(5.0, 6.0, 0.02)
    lines = [f" {a:g}   {c}  \r" for a, c in zip(angle, range(50), strict=True)]
    path = write(tmp_path, [*lines, "\r"], "sample.prn")
    data = xk.read_profile(path, wavelength="CuKa")
    np.testing.assert_allclose(data.two_theta, angle)
    np.testing.assert_array_equal(data.intensity, np.arange(50))
    assert data.intensity.units == "count"
    with pytest.raises(errors.CurveError, match="unit"):
        xk.read_profile(path)
    with pytest.raises(errors.CurveError, match="wavelength"):
        xk.read_profile(path, unit="degree")


def test_wavelength_stated_in_the_header(tmp_path):
    path = write(tmp_path, ["# Wavelength: 4.066e-11 m", "# 2th_deg  I", *rows(columns=(Q, I))])
    assert float(xk.read_profile(path).wavelength[0]) == pytest.approx(0.4066)
    with pytest.raises(errors.CurveError, match=r"0\.4066"):
        xk.read_profile(path, wavelength="CuKa")


def fxye(count: int = 12, kind: str = "CONS 50.0 0.1 0 0 FXYE") -> list[str]:
    body = [f"{100 * a:.4f} {i:.5f} {s:.5f}" for a, i, s in zip(Q, I, S, strict=True)]
    title = "title, 25 K"
    return [title, "# Calibrated wavelength = 0.413909", f"BANK 1 {count} {count} {kind}", *body]


def test_fxye_is_in_hundredths_of_a_degree(tmp_path):
    data = xk.read_profile(write(tmp_path, fxye(), "run.fxye"))
    np.testing.assert_allclose(data.two_theta, Q, atol=1e-6)
    np.testing.assert_allclose(data.sigma, S, atol=1e-5)
    assert float(data.wavelength[0]) == 0.413909


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (fxye(13), "has 12 points, its BANK line declares 13"),
        (fxye(kind="CONST 1000 2.5 0 0 STD"), "line 4: a record of STD has 80"),
        (fxye(kind="RALF 96 0 96 0.0013 FXYE"), "RALF FXYE"),
        (fxye(kind="CONST 1000 2.5 0 0 ALT"), "CONST ALT"),
        ([*fxye(), *fxye()[2:-2]], "has 10 points, its BANK line declares 12"),
        ([*fxye(), "60 x 1"], "line 16"),
    ],
)
def test_fxye_that_is_not_whole_is_refused(tmp_path, lines, words):
    with pytest.raises(errors.CurveError, match=words):
        xk.read_profile(write(tmp_path, lines, "run.fxye"), wavelength=0.4139)


def pdh(unit: str = "n_m^-1", count: int = 12) -> list[str]:
    head = ["", "SAXS BOX", f"  {count}  0  0", " 0.0 261.2", " 25.0 1.5"]
    return [*head, *rows(), "<?xml version='1.0'?>", f'<value key="unit">{unit}</value>']


def test_pdh(tmp_path):
    data = xk.read_profile(write(tmp_path, pdh(), "kratky.pdh"))
    np.testing.assert_allclose(data.q, Q, rtol=1e-7)
    data = xk.read_profile(write(tmp_path, pdh("A^-1"), "kratky.pdh"))
    np.testing.assert_allclose(data.q, 10 * Q, rtol=1e-7)
    with pytest.raises(errors.CurveError, match="line 18"):
        xk.read_profile(write(tmp_path, pdh(count=13), "kratky.pdh"))


def canonical_file(path, *, entries=("first",), default=None, resolutions=None, q_unit="1/A"):
    with h5py.File(path, "w") as tree:
        for name in entries:
            group = tree.create_group(f"{name}/data")
            group.attrs["canSAS_class"] = "SASdata"
            group["Q"], group["I"], group["Idev"] = Q, I, S
            if q_unit:
                group["Q"].attrs["units"] = q_unit
            group["I"].attrs.update({"units": "1/cm", "uncertainties": "Idev"})
            if resolutions:
                group["Q"].attrs["resolutions"] = resolutions
                group["dQl"] = np.full(Q.shape, 0.117)
        if default:
            tree.attrs["default"] = default
            tree[default].attrs["default"] = "data"
    return path


def test_nxcansas(tmp_path):
    data = xk.read_profile(canonical_file(tmp_path / "a.h5"))
    np.testing.assert_allclose(data.q, 10 * Q)
    np.testing.assert_array_equal(data.sigma, S)
    assert data.intensity.units == "1/cm"
    assert data.attrs["entry"] == "/first/data"


def test_nxcansas_with_several_curves(tmp_path):
    path = canonical_file(tmp_path / "a.h5", entries=("first", "second"))
    with pytest.raises(errors.CurveError, match="2 curves"):
        xk.read_profile(path)
    assert xk.read_profile(path, entry="second/data").attrs["entry"] == "/second/data"
    with pytest.raises(errors.CurveError, match="has no data"):
        xk.read_profile(path, entry="third")
    path = canonical_file(tmp_path / "b.h5", entries=("first", "second"), default="second")
    assert xk.read_profile(path).attrs["entry"] == "/second/data"


def test_nxcansas_of_a_slit_camera_says_so(tmp_path):
    data = xk.read_profile(canonical_file(tmp_path / "a.h5", resolutions="dQw,dQl"))
    assert data.attrs["slit_smeared"] == 1
    assert data.attrs["slit_length"] == pytest.approx(1.17)
    assert xk.fit_sizes(data).attrs["smearing"] == "even slit of half length 1.17 1/nm"


def test_nxcansas_without_unit_needs_one(tmp_path):
    path = canonical_file(tmp_path / "a.h5", q_unit=None)
    with pytest.raises(errors.CurveError, match="does not state the unit"):
        xk.read_profile(path)
    np.testing.assert_allclose(xk.read_profile(path, unit="1/nm").q, Q)
    path = canonical_file(tmp_path / "b.h5", q_unit="furlong")
    with pytest.raises(errors.CurveError, match="furlong"):
        xk.read_profile(path)


def test_nxcansas_links_to_other_files_are_refused(tmp_path):
    canonical_file(tmp_path / "elsewhere.h5")
    path = canonical_file(tmp_path / "a.h5")
    with h5py.File(path, "a") as tree:
        del tree["first/data/I"]
        tree["first/data/I"] = h5py.ExternalLink("elsewhere.h5", "/first/data/I")
    with pytest.raises(errors.LinkRefused, match="link to another file"):
        xk.read_profile(path)


def test_files_that_are_no_curves(tmp_path):
    with pytest.raises(errors.CurveError, match="no such file"):
        xk.read_profile(tmp_path / "absent.dat", unit="1/nm")
    with pytest.raises(errors.CurveError, match="not a file"):
        xk.read_profile(tmp_path, unit="1/nm")
    for content, words in [
        (b"", "empty"),
        (b"\x00\x01\x02" * 99, "not a text file"),
        (b"hello world\n" * 20, "no columns of numbers"),
        (b"\x89HDF\r\n\x1a\n" + b"\x00" * 90, "HDF5"),
        (b"0,1 1,5\n0,2 1,4\n" * 10, "decimal point"),
    ]:
        path = tmp_path / "bad.dat"
        path.write_bytes(content)
        with pytest.raises(errors.CurveError, match=words):
            xk.read_profile(path, unit="1/nm")


def test_size_limit(tmp_path):
    path = write(tmp_path, rows())
    with pytest.raises(errors.LimitExceeded):
        xk.read_profile(path, unit="1/nm", limits=xk.Limits(bytes_held=100))


@pytest.mark.parametrize("kind", [OSError, RuntimeError, KeyError, ValueError, OverflowError])
def test_whatever_hdf5_says_of_a_damaged_file_is_our_error(tmp_path, monkeypatch, kind):
    path = canonical_file(tmp_path / "a.h5")

    def damaged(*_):
        raise kind("bad object header")

    monkeypatch.setattr(h5py.Group, "visititems", damaged)
    with pytest.raises(errors.CurveError, match=r"a\.h5.*bad object header"):
        xk.read_profile(path)
