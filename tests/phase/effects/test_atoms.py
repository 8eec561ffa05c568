"""Refined atoms: coordinates, displacement parameters and occupancies come back."""

from dataclasses import replace

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.errors import SpecError
from xrdkit.phase import InstrumentWidths, PhaseSpec, RefinementSpec, embedded_structure
from xrdkit.phase.model import PatternModel

ANGLES = np.arange(20.0, 140.0, 0.03)
WIDTHS = InstrumentWidths(w=0.008, x=0.02)


def measured(structure, scale, seed):
    spec = RefinementSpec(instrument=WIDTHS, background=2)
    made = PatternModel(
        [structure], ANGLES, spec, wavelengths=(1.5405929,), weights=(1.0,), integrated=False
    )
    known = {**made.neutral_values(), "phase0_scale": scale, "background0": 60.0}
    pattern = made.pattern({**known, "background1": 0.0})
    return xk.pattern(
        ANGLES, np.random.default_rng(seed).poisson(pattern).astype(float), wavelength="CuKa1"
    )


def moved(structure, label, **changes):
    sites = [replace(s, **changes) if s.label == label else s for s in structure.sites]
    return replace(structure, sites=tuple(sites))


def refined(profile, structure, *atoms):
    spec = RefinementSpec(
        instrument=WIDTHS,
        background=2,
        size=False,
        strain=False,
        of_phase=(PhaseSpec(name=structure.name, atoms=atoms),),
    )
    result = xk.refine_phases(profile, [structure], spec)
    table = zip(
        result.parameter.values,
        result.parameter_value.values,
        result.parameter_sigma.values,
        strict=True,
    )
    return result, {str(name): (float(v), float(s)) for name, v, s in table}


def test_a_coordinate_and_displacements_come_back():
    corundum = embedded_structure("Al2O3")
    labels = [s.label for s in corundum.sites]
    oxygen = next(s for s in corundum.sites if s.element == "O")
    x, y, z = oxygen.position
    true = moved(corundum, oxygen.label, position=(x + 0.006, y, z), b_iso=0.7)
    result, found = refined(measured(true, 3e3, seed=1), corundum, "*.*")
    assert result.verdict.item() == "ok"
    assert result.gof.item() == pytest.approx(1.0, abs=0.05)
    value, sigma = found[f"Al2O3 atom_{oxygen.label}_x"]
    assert sigma < 2e-4
    assert value == pytest.approx(x + 0.006, abs=5 * sigma)
    value, sigma = found[f"Al2O3 atom_{oxygen.label}_b"]
    assert value == pytest.approx(0.7, abs=5 * sigma)
    counts = np.array(true.atoms_per_cell())
    mean = counts @ [s.b_iso for s in true.sites] / counts.sum()
    assert result.b_iso.item() == pytest.approx(mean, abs=0.05)
    assert len(labels) == 2


def test_an_occupancy_comes_back():
    zincite = embedded_structure("ZnO")
    zinc = next(s for s in zincite.sites if s.element == "Zn")
    oxygen = next(s for s in zincite.sites if s.element == "O")
    true = moved(zincite, oxygen.label, occupancy=0.8)
    _, found = refined(measured(true, 4e3, seed=2), zincite, f"{oxygen.label}.occupancy")
    value, sigma = found[f"ZnO atom_{oxygen.label}_occupancy"]
    assert value == pytest.approx(0.8, abs=5 * sigma)
    assert sigma < 0.02
    assert zinc.occupancy == 1.0


def test_names_that_mean_nothing_are_refused():
    profile = measured(embedded_structure("CaF2"), 1e3, seed=3)
    for name in ("O1.x", "*.w", "b", "*.x"):
        with pytest.raises(SpecError, match="CaF2"):
            refined(profile, embedded_structure("CaF2"), name)
    with pytest.raises(SpecError, match="one thing"):
        RefinementSpec(b_iso=True, of_phase=(PhaseSpec(name="CaF2", atoms=("*.b",)),))


def test_the_table_of_parameters_has_all_that_was_refined():
    profile = measured(embedded_structure("CaF2"), 1e3, seed=4)
    result = xk.refine_phases(
        profile, ["CaF2"], RefinementSpec(instrument=WIDTHS, background=2, refine_zero=True)
    )
    labels = result.parameter.values.tolist()
    assert {"zero", "CaF2 scale", "CaF2 a", "background0", "background1"} <= set(labels)
    cell = result.parameter_value.values[labels.index("CaF2 a")]
    assert cell == result.lattice.values[0, 0]
    assert result.parameter_unit.values[labels.index("CaF2 a")] == "nm"
    sigma = result.parameter_sigma.values[labels.index("CaF2 a")]
    assert sigma == pytest.approx(result.lattice_sigma.values[0, 0])
