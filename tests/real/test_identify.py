"""Identification on measured patterns."""

from pathlib import Path

import gemmi
import numpy as np
import pytest

import xrdkit as xk
from xrdkit.phase import embedded_names

LABORATORY = xk.RefinementSpec(monochromator_two_theta=26.6)


def found(result):
    order = np.argsort(result["rank"].values)
    return [str(result.candidate.values[k]) for k in order if result.found.values[k]]


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("corundum", {"Al2O3"}, {"Al2O3"}),
        ("zincite", {"ZnO"}, {"ZnO"}),
        ("fluorite", {"CaF2"}, {"CaF2"}),
        # Weighed: 1.2 % corundum, 4.0 % zincite; and 1.4 % fluorite, 5.0 % corundum.
        ("cpd-1a", {"CaF2", "ZnO"}, {"CaF2", "ZnO", "Al2O3"}),
        ("cpd-1c", {"ZnO", "Al2O3"}, {"CaF2", "ZnO", "Al2O3"}),
        ("cpd-1e", {"CaF2", "ZnO", "Al2O3"}, {"CaF2", "ZnO", "Al2O3"}),
        ("cpd-1g", {"CaF2", "ZnO", "Al2O3"}, {"CaF2", "ZnO", "Al2O3"}),
    ],
)
def test_the_round_robin_is_named(data_dir, name, least, most):
    text = (data_dir / "powder" / "cpd_round_robin" / f"{name}.prn").read_text()
    rows = np.array([[float(v) for v in r.split()] for r in text.splitlines() if r.strip()])
    profile = xk.pattern(rows[:, 0], rows[:, 1], wavelength="CuKa")
    names = set(found(xk.identify_phases(profile, spec=LABORATORY)))
    assert least <= names <= most


@pytest.mark.parametrize(
    ("file", "cif", "wavelength"),
    [
        ("pbso4/PBSO4.XRA", "pbso4/PbSO4-Wyckoff.cif", "CuKa"),
        ("nac_11bm/11BM_NAC.fxye", "nac_11bm/NAC.cif", 0.413909),
        ("series_cucr2o4/OH_00.fxye", "series_cucr2o4/CuCr2O4.cif", 0.413263),
    ],
)
def test_a_structure_is_found_where_it_is_a_candidate_and_nothing_in_its_place(
    data_dir, file, cif, wavelength
):
    folder: Path = data_dir / "powder"
    profile = xk.read_profile(folder / file, wavelength=wavelength)
    assert found(xk.identify_phases(profile)) == []
    structure = xk.load_structure(folder / cif)
    result = xk.identify_phases(profile, [*embedded_names(), structure])
    assert found(result) == [structure.name]


def test_a_line_standard_in_regions_is_named(data_dir):
    """The certification scan: 24 regions with gaps between them, each with its own step."""
    document = gemmi.cif.read(str(data_dir / "powder" / "srm660c" / "nist_srm660c_100a.cif"))
    block = next(b for b in document if b.name.endswith("_meas"))
    tags = ("2theta_corrected", "intensity_total", "ls_weight")
    rows = block.find([f"_pd_proc_{t}" for t in tags])
    table = np.array([[float(v) for v in row] for row in rows])
    angle, rate, weight = table[np.unique(table[:, 0], return_index=True)[1]].T
    profile = xk.pattern(angle, rate, 1 / np.sqrt(weight), wavelength="CuKa")
    result = xk.identify_phases(profile, spec=LABORATORY)
    assert found(result) == ["LaB6"]
