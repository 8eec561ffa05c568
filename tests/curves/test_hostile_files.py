"""Files made to harm or to mislead."""

import io
import zipfile

import curve_files as cf
import numpy as np
import pytest

import xrdkit as xk
from xrdkit import errors

BOMB = """<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>"""
OUTSIDE = """<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>"""


def put(tmp_path, content, name="measured.bin"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("head", [BOMB, OUTSIDE, "<!doctype x>"], ids=["bomb", "outside", "small"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_with_a_document_type_is_refused(tmp_path, head, encoding):
    text = cf.cansas(head=head).replace('version="1.0"', f'version="1.0" encoding="{encoding}"', 1)
    with pytest.raises(errors.RefusedError, match="document type or entities"):
        xk.read_profile(put(tmp_path, text.encode(encoding)))


def test_a_document_type_within_an_archive_is_refused(tmp_path):
    content = cf.brml(cf.brml_range().replace("<RawData>", BOMB + "<RawData>", 1))
    with pytest.raises(
        errors.RefusedError, match=r"Experiment0/RawData0\.xml: has a document type"
    ):
        xk.read_profile(put(tmp_path, content))


def test_xml_in_utf16_is_read(tmp_path):
    text = cf.cansas().replace('version="1.0"', 'version="1.0" encoding="utf-16"', 1)
    assert xk.read_profile(put(tmp_path, text.encode("utf-16"))).sizes["q"] == 20


def test_xml_of_an_odd_encoding_or_kind_is_refused(tmp_path):
    odd = cf.cansas().replace('version="1.0"', 'version="1.0" encoding="utf-7"', 1)
    with pytest.raises(errors.CurveError, match="encoding 'utf-7'"):
        xk.read_profile(put(tmp_path, odd.encode()))
    with pytest.raises(errors.CurveError, match="XML of the kind 'svg'"):
        xk.read_profile(put(tmp_path, b"<?xml version='1.0'?><svg/>"))
    with pytest.raises(errors.CurveError, match="no whole XML"):
        xk.read_profile(put(tmp_path, cf.xrdml()[:-40]))


def test_deep_xml_harms_nothing(tmp_path):
    deep = "<?xml version='1.0'?><SASroot>" + "<a>" * 100_000 + "</a>" * 100_000 + "</SASroot>"
    with pytest.raises(errors.CurveError, match="no SASdata"):
        xk.read_profile(put(tmp_path, deep.encode()))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    name = "Experiment0/RawData0.xml"
    content = cf.zipped({name: "<RawData>" + " " * 200_000_000 + "</RawData>"})
    assert len(content) < 400_000
    with pytest.raises(errors.LimitExceeded, match="grows from"):
        xk.read_profile(put(tmp_path, content))


def test_limits_hold_for_members_and_for_the_tree(tmp_path):
    content = cf.brml(cf.brml_range())
    with pytest.raises(errors.LimitExceeded):
        xk.read_profile(put(tmp_path, content), limits=xk.Limits(bytes_held=len(content) + 10))
    xml = cf.xrdml()
    with pytest.raises(errors.LimitExceeded):
        xk.read_profile(put(tmp_path, xml), limits=xk.Limits(bytes_held=2 * len(xml)))


def test_a_member_that_lies_about_its_size_is_an_error(tmp_path):
    content = bytearray(cf.rasx())
    at = content.rindex(b"PK\x01\x02")
    size = content[at + 24 : at + 28]
    content[at + 24 : at + 28] = (int.from_bytes(size, "little") + 100).to_bytes(4, "little")
    with pytest.raises(errors.CurveError, match=r"damaged|size that it declares"):
        xk.read_profile(put(tmp_path, bytes(content)))


def test_archives_of_other_things_are_named(tmp_path):
    with pytest.raises(errors.CurveError, match=r"without scans of \.rasx or \.brml"):
        xk.read_profile(put(tmp_path, cf.zipped({"../../etc/cron": "x", "word/document.xml": "x"})))
    with pytest.raises(errors.CurveError, match="no whole zip"):
        xk.read_profile(put(tmp_path, cf.rasx()[:500]))


def test_members_of_one_name_are_refused(tmp_path):
    image = io.BytesIO()
    with zipfile.ZipFile(image, "w") as archive:
        archive.writestr("Experiment0/RawData0.xml", cf.brml_range())
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("Experiment0/RawData0.xml", cf.brml_range(cf.COUNTS + 1))
    with pytest.raises(errors.RefusedError, match="same name"):
        xk.read_profile(put(tmp_path, image.getvalue()))


def test_an_encrypted_member_is_refused(tmp_path):
    content = bytearray(cf.brml(cf.brml_range()))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(errors.RefusedError, match="encrypted"):
        xk.read_profile(put(tmp_path, bytes(content)))


@pytest.mark.parametrize(
    ("at", "form", "value"),
    [(716, "I", 2**32 - 1), (712, "I", 2**31), (712 + 252, "I", 3), (712 + 176, "d", np.nan)],
    ids=["points", "header", "size of a point", "step"],
)
def test_absurd_fields_of_raw3_allocate_nothing(tmp_path, at, form, value):
    content = bytearray(cf.raw3())
    cf.put(content, at, form, value)
    with pytest.raises(errors.CurveError):
        xk.read_profile(put(tmp_path, bytes(content)))


def test_a_chain_of_raw4_that_stands_still_is_an_error(tmp_path):
    content = bytearray(cf.raw4())
    cf.put(content, 65, "I", 0)
    with pytest.raises(errors.CurveError, match="segment of kind 10"):
        xk.read_profile(put(tmp_path, bytes(content)))


def test_many_ranges_that_are_not_there(tmp_path):
    content = bytearray(cf.raw3())
    cf.put(content, 12, "I", 90_000)
    with pytest.raises(errors.CurveError, match="asks for byte"):
        xk.read_profile(put(tmp_path, bytes(content)))


def test_text_of_latin_1_with_crlf_and_a_huge_header(tmp_path):
    header = ["# Temperatur 25 °C".encode("latin-1")] * 50_000
    rows = [f"{a:.4f}\t{c:.0f}".encode() for a, c in zip(cf.ANGLES, cf.COUNTS, strict=True)]
    data = xk.read_profile(put(tmp_path, b"\r\n".join([*header, *rows]), "a.xy"), wavelength="CuKa")
    np.testing.assert_allclose(data["two_theta"], cf.ANGLES)


def test_text_of_spreadsheets_in_utf_16(tmp_path):
    rows = [f"{a:.4f}\t{c:.0f}" for a, c in zip(cf.ANGLES, cf.COUNTS, strict=True)]
    content = "\r\n".join(rows).encode("utf-16")
    data = xk.read_profile(put(tmp_path, content, "a.xy"), wavelength="CuKa")
    np.testing.assert_allclose(data["two_theta"], cf.ANGLES)
    with pytest.raises(errors.CurveError, match="UTF-16 text and is none"):
        xk.read_profile(put(tmp_path, content[:-1], "a.xy"), wavelength="CuKa")


def test_the_number_of_scans_is_limited(tmp_path):
    with pytest.raises(errors.LimitExceeded):
        xk.read_profile(put(tmp_path, cf.raw1(ranges=3)), limits=xk.Limits(frames=2))


def test_decimal_commas_are_named(tmp_path):
    rows = [
        f"{a:.4f}\t{c:.1f}".replace(".", ",") for a, c in zip(cf.ANGLES, cf.COUNTS, strict=True)
    ]
    with pytest.raises(errors.CurveError, match="decimal point"):
        xk.read_profile(put(tmp_path, "\n".join(rows).encode(), "a.xy"), wavelength="CuKa")


def test_a_wide_table_asks_for_its_columns(tmp_path):
    rows = [" ".join(f"{a + k:.4f}" for k in range(10)) for a in cf.ANGLES]
    path = put(tmp_path, "\n".join(rows).encode(), "a.xy")
    with pytest.raises(errors.CurveError, match="10 columns"):
        xk.read_profile(path, wavelength="CuKa")
    data = xk.read_profile(path, wavelength="CuKa", columns=(0, 4))
    np.testing.assert_allclose(data["intensity"], cf.ANGLES + 4)


def test_a_wavelength_in_nm_is_contradicted_by_the_file(tmp_path):
    with pytest.raises(errors.CurveError, match=r"states a wavelength of 1\.54059 Å, 0\.154"):
        xk.read_profile(put(tmp_path, cf.xrdml()), wavelength=0.15406)
    lines = ["# q (1/A)", *[f"{a / 100:.6f} 1" for a in cf.ANGLES]]
    with pytest.raises(errors.CurveError, match="states 1/angstrom"):
        xk.read_profile(put(tmp_path, "\n".join(lines).encode()), unit="1/nm")


def test_names_of_files_decide_nothing(tmp_path):
    for name, content in (("a.raw", cf.gsas_std()), ("a.txt", cf.raw4()), ("a.xye", cf.rasx())):
        data = xk.read_profile(put(tmp_path, content, name), wavelength="CuKa")
        np.testing.assert_array_equal(data["intensity"], cf.COUNTS)
