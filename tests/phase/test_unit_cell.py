"""Cells without atoms: made from a symbol, refined with free lines, refused for the rest."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.errors import SpecError, StructureError
from xrdkit.phase import (
    InstrumentWidths,
    PhaseSpec,
    RefinementSpec,
    embedded_spacings,
    embedded_structure,
    powder_intensity,
)
from xrdkit.phase.model import PatternModel

ANGLES = np.arange(20.0, 120.0, 0.02)
WIDTHS = InstrumentWidths(w=0.006, x=0.02)


@pytest.mark.parametrize(
    ("group", "given", "cell"),
    [
        ("F m -3 m", {"a": 0.5463}, (0.5463, 0.5463, 0.5463, 90, 90, 90)),
        ("F d -3 m", {"a": 0.5431}, (0.5431, 0.5431, 0.5431, 90, 90, 90)),
        ("R -3 c", {"a": 0.4759, "c": 1.2992}, (0.4759, 0.4759, 1.2992, 90, 90, 120)),
        ("R -3 c", {"a": 0.5128, "alpha": 55.3}, (0.5128, 0.5128, 0.5128, 55.3, 55.3, 55.3)),
        (
            "C 1 2/m 1",
            {"a": 0.494, "b": 0.853, "c": 0.503, "beta": 109.3},
            (0.494, 0.853, 0.503, 90, 109.3, 90),
        ),
        ("P m m m", {"a": 0.4, "b": 0.5, "c": 0.6, "gamma": 90.0}, (0.4, 0.5, 0.6, 90, 90, 90)),
    ],
)
def test_symmetry_completes_the_cell(group, given, cell):
    made = xk.unit_cell(group, name="new", **given)
    assert made.cell == pytest.approx(cell)
    assert made.sites == ()


@pytest.mark.parametrize(
    ("group", "given", "text"),
    [
        ("F m -3 n", {"a": 0.5}, "unknown space group"),
        (7, {"a": 0.5}, "is a symbol"),
        ("P 4/m m m", {"a": 0.5}, "needs c too"),
        ("P m -3 m", {"a": 0.5, "b": 0.6}, "b = 0.6 is not 0.5"),
        ("P 1 2/m 1", {"a": 0.5, "b": 0.6, "c": 0.7, "beta": 95, "alpha": 95}, "alpha = 95"),
        ("P m -3 m", {"a": 5.4e1}, "in nm"),
        ("P m -3 m", {"a": "wide"}, "no number"),
        ("P m -3 m", {"a": float("nan")}, "finite"),
    ],
)
def test_what_is_no_cell_is_refused(group, given, text):
    with pytest.raises(StructureError, match=text):
        xk.unit_cell(group, name="new", **given)


def test_a_cell_has_the_lines_of_the_structure():
    known = embedded_structure("Al2O3")
    bare = xk.unit_cell("R -3 c", name="bare", a=known.cell[0], c=known.cell[2])
    spec = RefinementSpec(mode="pawley")

    def lines(structure):
        made = PatternModel(
            [structure], ANGLES, spec, wavelengths=(1.54,), weights=(1.0,), integrated=False
        )
        return {tuple(h) for h in made.lines[0].hkl.tolist()}

    assert lines(bare) == lines(known)


@pytest.mark.parametrize("mode", ["pawley", "lebail"])
@pytest.mark.parametrize("off", [0.0, 0.002])
def test_a_cell_is_refined_without_atoms(mode, off):
    true = embedded_structure("Al2O3")
    spec = RefinementSpec(instrument=WIDTHS, background=3)
    made = PatternModel(
        [true], ANGLES, spec, wavelengths=(1.5405929,), weights=(1.0,), integrated=False
    )
    known = {**made.neutral_values(), "background0": 80.0, "background1": 0.0, "background2": 0.0}
    known |= {"phase0_scale": 2e3, "phase0_inverse_size": 0.01}
    counts = np.random.default_rng(1).poisson(made.pattern(known)).astype(float)
    profile = xk.pattern(ANGLES, counts, wavelength="CuKa1")
    bare = xk.unit_cell(
        "R -3 c", name="unknown", a=true.cell[0] * (1 + off), c=true.cell[2] * (1 + off)
    )
    result = xk.refine_phases(
        profile, [bare], RefinementSpec(mode=mode, instrument=WIDTHS, background=3)
    )
    assert result.verdict.item() == "ok"
    assert result.gof.item() == pytest.approx(1.0, abs=0.05)
    pull = (result.lattice.values[0] - true.cell[:3]) / result.lattice_sigma.values[0]
    assert np.abs(pull).max() < 4
    assert np.isnan(result.b_iso.values).all()
    assert np.isnan(result.weight_fraction.values).all()


def test_what_needs_atoms_is_refused():
    bare = xk.unit_cell("F m -3 m", name="bare", a=0.4)
    counts = np.random.default_rng(0).poisson(100.0, ANGLES.size).astype(float)
    profile = xk.pattern(ANGLES, counts, wavelength="CuKa1")
    with pytest.raises(StructureError, match="bare has a cell and no atoms: Rietveld"):
        xk.refine_phases(profile, [bare])
    free = {"name": "bare", "mode": "pawley"}
    for own, text in (
        (PhaseSpec(**free, added_fraction=0.2), "internal standard"),
        (PhaseSpec(**free, particle_diameter=2.0), "microabsorption"),
    ):
        with pytest.raises(StructureError, match=text):
            xk.refine_phases(profile, [bare], RefinementSpec(of_phase=(own,)))
    with pytest.raises(StructureError, match="identification needs them"):
        xk.identify_phases(profile, [bare])
    with pytest.raises(StructureError, match="a calculated pattern needs them"):
        powder_intensity(bare, ANGLES, wavelength=1.54)


def test_foreign_arguments_get_errors_of_our_own():
    with pytest.raises(StructureError, match="has a name, not 3"):
        embedded_structure(3)
    with pytest.raises(StructureError, match="has a name, not 3"):
        embedded_spacings(3)
    with pytest.raises(SpecError, match="'abc' are no angles"):
        powder_intensity("Si", "abc", wavelength=1.54)
    with pytest.raises(StructureError, match="is a name or a Structure, not 5"):
        powder_intensity(5, ANGLES, wavelength=1.54)
    profile = xk.pattern(ANGLES, np.ones(ANGLES.size), wavelength="CuKa1")
    for wrong in (3, "Si"):
        with pytest.raises(SpecError, match="no list of symbols"):
            xk.identify_phases(profile, elements=wrong)
    for wrong in ([3], ["Xx"]):
        with pytest.raises(SpecError, match="no chemical symbols"):
            xk.identify_phases(profile, elements=wrong)
