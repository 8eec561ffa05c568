"""CIF files of measured phases: setting, content and what is said about them."""

import logging

import pytest

from xrdkit.phase import cell_content, load_structure

EXPECTED = {
    "nac_11bm/CaF2.cif": ("F m -3 m", "Ca F2", 4, 3.178),
    "nac_11bm/NAC.cif": ("I 21 3", "Al2 Ca3 F14 Na2", 4, 2.997),
    "pbso4/PbSO4-Wyckoff.cif": ("P n m a", "O4 Pb S", 4, 6.324),
    "series_cucr2o4/CuO.cif": ("C 1 2/c 1", "Cu O", 4, 6.536),
    "series_cucr2o4/CuCr2O4.cif": ("F d d d:2", "Cr2 Cu O4", 8, 5.468),
    "srm660c/nist_srm660c_100a.cif": ("P m -3 m", "B6 La", 1, 4.711),
}


@pytest.mark.parametrize(("name", "expected"), EXPECTED.items(), ids=list(EXPECTED))
def test_setting_and_content(data_dir, caplog, name, expected):
    with caplog.at_level(logging.WARNING):
        structure = load_structure(data_dir / "powder" / name)
    content = cell_content(structure)
    found = (structure.space_group, str(content), content.units)
    assert found == expected[:3]
    assert content.density == pytest.approx(expected[3], abs=0.001)
    assert ("negative displacement" in caplog.text) == ("CuCr2O4" in name)
    assert "multiplicity" not in caplog.text
    assert "formula" not in caplog.text
    assert "density" not in caplog.text
