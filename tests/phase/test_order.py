"""Degree of order of alloys from superlattice lines, and contents from the cell."""

import numpy as np
import pytest
from powder_patterns import counted, stacked

import xrdkit as xk
from xrdkit.errors import SchemaError, SpecError
from xrdkit.phase import (
    CellCalibration,
    InstrumentWidths,
    PhaseSpec,
    content_from_cell,
    embedded_structure,
    order_parameter,
    order_ties,
    ordered_alloy,
    powder_lines,
)

X = np.linspace(10, 50, 1300)
KINDS = {"L1_2": {"a": 0.3854}, "L1_0": {"a": 0.2682, "c": 0.3675}}
NAME = "alloy"


def alloy(kind, order=None, **change):
    return ordered_alloy("Co", "Pt", kind=kind, order=order, name=NAME, **(KINDS[kind] | change))


def spec_for(structure, **change):
    return xk.RefinementSpec(
        instrument=InstrumentWidths(w=0.05**2),
        strain=False,
        background=4,
        of_phase=(PhaseSpec(name=NAME, atoms=("*.occupancy",)),),
        ties=order_ties(structure),
        **change,
    )


def pattern(kind, order, seed=0, top=2e4):
    one = alloy(kind, order)
    return counted(X, {one: 1.0}, wavelength=0.6, seed=seed, sizes={NAME: 12.0}, top=top)


@pytest.mark.parametrize("kind", KINDS)
def test_superlattice_lines_go_with_the_square_of_the_order(kind):
    def strengths(order):
        lines = powder_lines(alloy(kind, order), 0.6, 0.08)
        return {tuple(h): s for h, s in zip(lines.hkl.tolist(), lines.strength, strict=True)}

    half, most = strengths(0.4), strengths(0.8)
    ratios = np.array([most[h] / half[h] for h in half if half[h] > 1e-6 * max(half.values())])
    # Superlattice lines grow by (0.8/0.4)^2, fundamental ones stay.
    assert np.all(np.isclose(ratios, 4.0, rtol=1e-6) | np.isclose(ratios, 1.0, rtol=1e-6))
    assert np.isclose(ratios, 4.0, rtol=1e-6).any()
    assert np.isclose(ratios, 1.0, rtol=1e-6).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", [0.3, 0.8])
def test_the_order_comes_out(kind, order):
    start = alloy(kind)
    result = xk.refine_phases(pattern(kind, order), [start], spec_for(start))
    assert result.verdict.item() == "ok"
    told = order_parameter(result, start)
    error = told.order_parameter_sigma.item()
    assert error < 0.03
    assert told.order_parameter.item() == pytest.approx(order, abs=4 * error)


def test_errors_of_the_order_are_its_scatter():
    start = alloy("L1_2")
    pulls = []
    for seed in range(25):
        profile = pattern("L1_2", 0.6, seed=seed, top=3e3)
        told = order_parameter(xk.refine_phases(profile, [start], spec_for(start)), start)
        pulls.append((told.order_parameter.item() - 0.6) / told.order_parameter_sigma.item())
    # A standard deviation of 25 draws is known to 14 %.
    assert 0.65 < np.std(pulls) < 1.4
    assert abs(np.mean(pulls)) < 0.8


def test_a_composition_off_that_of_perfect_order_is_kept():
    rich = ordered_alloy("Co", "Pt", kind="L1_2", a=0.385, fraction=0.3, name=NAME)
    counts = dict(zip([s.label for s in rich.sites], rich.atoms_per_cell(), strict=True))
    assert counts["Co1"] + counts["Co2"] == pytest.approx(0.3 * 4)
    result = xk.refine_phases(pattern("L1_2", 0.5), [rich], spec_for(rich))
    known = [str(p) for p in result.parameter.values]
    co = [
        result.parameter_value.values[known.index(f"{NAME} atom_Co{k}_occupancy")] for k in (1, 2)
    ]
    assert 0.25 * co[0] + 0.75 * co[1] == pytest.approx(0.3, abs=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "B2"},
        {"order": 1.0},
        {"order": -0.1},
        {"fraction": 0.0},
        {"fraction": 0.4, "order": 0.9},
        {"c": 0.4},
    ],
)
def test_impossible_alloys_are_refused(change):
    with pytest.raises(SpecError):
        ordered_alloy("Co", "Pt", **({"kind": "L1_2", "a": 0.385} | change))


def test_what_has_no_order_is_refused():
    start = alloy("L1_2")
    with pytest.raises(SpecError, match="no ordered_alloy"):
        order_ties(embedded_structure("Pt"))
    silicon = counted(X, {"Si": 1.0}, wavelength=0.6, sizes={"Si": 30.0}, top=2e4)
    absent = order_parameter(xk.refine_phases(silicon, ["Si", start], spec_for(start)), start)
    assert np.isnan(absent.order_parameter)
    plain = xk.refine_phases(pattern("L1_2", 0.5), [start])
    with pytest.raises(SchemaError, match="occupancies of Co1"):
        order_parameter(plain, start)


CALIBRATION = CellCalibration(
    quantity="a",
    coefficients=(0.5, 100.0, 1000.0),
    sigmas=(0.01, 2.0, 0.0),
    reference=0.541,
    range=(0.540, 0.542),
    name="cerium",
    source="a line drawn for this test",
)


def cells(factors=(1.0,)):
    frames = [
        counted(X, {"CeO2": 1.0}, wavelength=0.6, seed=k, sizes={"CeO2": 30.0}, cells={"CeO2": f})
        for k, f in enumerate(factors)
    ]
    spec = xk.RefinementSpec(instrument=InstrumentWidths(w=0.05**2), strain=False, background=4)
    return xk.refine_phases(frames[0] if len(frames) == 1 else stacked(frames), ["CeO2"], spec)


def test_a_content_and_its_error_follow_from_the_cell():
    result = cells()
    told = content_from_cell(result, CALIBRATION)
    a, error = (result[n].values[0, 0] for n in ("lattice", "lattice_sigma"))
    v = a - 0.541
    assert told.cerium.item() == pytest.approx(0.5 + 100 * v + 1000 * v**2)
    expected = np.sqrt(((100 + 2000 * v) * error) ** 2 + 0.01**2 + (2 * v) ** 2)
    assert told.cerium_sigma.item() == pytest.approx(expected)
    assert told.cerium_verdict.item() == "ok"
    assert told.cerium.attrs["source"] == CALIBRATION.source


def test_beyond_its_range_a_calibration_says_nothing():
    told = content_from_cell(cells((1.0, 1.004)), CALIBRATION)
    assert list(told.cerium_verdict.values) == ["ok", "outside"]
    assert np.isfinite(told.cerium.values[0])
    assert np.isnan([told.cerium.values[1], told.cerium_sigma.values[1]]).all()


def test_a_volume_of_a_cubic_cell_has_three_times_the_relative_error():
    result = cells()
    volume = CellCalibration(
        quantity="volume", coefficients=(0.0, 1.0), range=(0.1, 0.2), source="itself", unit="nm^3"
    )
    told = content_from_cell(result, volume)
    a, error = (result[n].values[0, 0] for n in ("lattice", "lattice_sigma"))
    assert told["content"].item() == pytest.approx(a**3)
    assert told["content_sigma"].item() == pytest.approx(3 * a**2 * error)


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": "d"},
        {"source": " "},
        {"coefficients": ()},
        {"sigmas": (1.0,)},
        {"range": (1.0, 1.0)},
        {"name": "a b"},
        {"reference": float("inf")},
    ],
)
def test_calibrations_are_checked(change):
    fields = {"quantity": "a", "coefficients": (0.0, 1.0), "range": (0.1, 1.0), "source": "x"}
    with pytest.raises(SpecError):
        CellCalibration(**(fields | change))


def test_a_phase_and_a_name_must_be_clear():
    result = cells()
    with pytest.raises(SpecError, match="no phase"):
        content_from_cell(result, CALIBRATION, phase="Si")
    with pytest.raises(SpecError, match="already"):
        content_from_cell(content_from_cell(result, CALIBRATION), CALIBRATION)
    with pytest.raises(SchemaError):
        content_from_cell(pattern("L1_2", 0.5), CALIBRATION)
