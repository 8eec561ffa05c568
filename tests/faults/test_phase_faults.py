"""What users do wrong with the phase verbs, and patterns that hold no answer."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from powder_patterns import counted, stacked

import xrdkit as xk
from xrdkit.errors import (
    CurveError,
    EmptyResult,
    FitFailed,
    SchemaError,
    SpecError,
    StructureError,
)
from xrdkit.phase import Site, embedded_structure, powder_intensity

X = np.linspace(10, 60, 2500)
BOTH = ["Al2O3", "ZnO"]
COUNT = np.arange(X.size)


def silicon(seed=0, **settings):
    return counted(X, {"Si": 1.0}, wavelength=0.7, seed=seed, **settings)


@pytest.fixture(scope="module")
def mixture():
    return counted(X, {"Al2O3": 0.5, "ZnO": 0.5}, wavelength=0.7)


def changed(profile, intensity=None, sigma=None):
    other = profile.copy(deep=True)
    if intensity is not None:
        other["intensity"].values[:] = intensity
    if sigma is not None:
        other["sigma"].values[:] = sigma
    return other


EMPTY = {
    "zeros": 0.0,
    "a constant": 100.0,
    "below zero": -5.0,
    "a ramp": np.linspace(0.0, 1000.0, X.size),
    "noise": np.random.default_rng(1).poisson(100.0, X.size),
    "one point": np.where(COUNT == 900, 1e6, 100.0),
}


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("mode", ["rietveld", "pawley", "lebail"])
def test_no_phase_is_told_from_nothing(name, mode):
    empty = changed(silicon(), EMPTY[name])
    result = xk.refine_phases(empty, BOTH, xk.RefinementSpec(mode=mode))
    assert result.verdict != "ok"
    assert result.verdict_reason != ""
    if mode == "rietveld":
        # What is not there has no share of anything.
        fractions = result.weight_fraction.values
        assert result.phase_found.values.any() or np.isnan(fractions).all()


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_is_identified_in_nothing(name):
    result = xk.identify_phases(changed(silicon(), EMPTY[name]))
    assert not result.found.values.any()


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_point_is_a_point_without_data(value):
    holed = changed(silicon(), np.where(COUNT == 900, np.nan, silicon().intensity.values))
    broken = changed(silicon(), np.where(COUNT == 900, value, silicon().intensity.values))
    expected, result = (xk.refine_phases(p, ["Si"]) for p in (holed, broken))
    assert float(result.rwp) == float(expected.rwp) > 0.01
    assert np.isnan(result.intensity.values[900])
    assert np.isfinite(result.intensity_calculated.values[900])


@pytest.mark.parametrize("size", [1e-290, 1e290])
def test_numbers_that_cannot_be_squared_are_refused(size):
    good = silicon()
    for bad in (
        changed(good, good.intensity.values * size, good.sigma.values * size),
        changed(good, sigma=size),
    ):
        for verb in (lambda p: xk.refine_phases(p, ["Si"]), xk.identify_phases):
            with pytest.raises(CurveError, match="another unit"):
                verb(bad)


@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_the_unit_of_the_intensity_does_not_matter(factor):
    good = silicon()
    other = changed(good, good.intensity.values * factor, good.sigma.values * factor)
    expected, result = (xk.refine_phases(p, ["Si"]) for p in (good, other))
    assert result.verdict == "ok"
    np.testing.assert_allclose(result.lattice, expected.lattice, rtol=1e-7)
    np.testing.assert_allclose(result.gof, expected.gof, rtol=1e-6)


@pytest.mark.parametrize("sigma", [0.0, np.nan, np.inf])
def test_errors_that_weight_nothing_are_refused(sigma):
    for verb in (lambda p: xk.refine_phases(p, ["Si"]), xk.identify_phases, xk.fit_peaks):
        with pytest.raises(CurveError, match="standard error above 0"):
            verb(changed(silicon(), sigma=sigma))


def test_unsorted_and_repeated_angles_are_refused():
    good = silicon()
    mixed = np.random.default_rng(0).permutation(X.size)
    twice = np.sort(np.r_[COUNT, COUNT[500:600]])
    for order in (mixed, twice):
        for verb in (lambda p: xk.refine_phases(p, ["Si"]), xk.identify_phases, xk.fit_peaks):
            with pytest.raises(SchemaError, match="monotonic"):
                verb(good.isel(two_theta=order))


def test_angles_that_fall_give_the_same():
    good = silicon()
    expected = xk.refine_phases(good, ["Si"])
    result = xk.refine_phases(good.isel(two_theta=slice(None, None, -1)), ["Si"])
    np.testing.assert_array_equal(result.lattice, expected.lattice)


@pytest.mark.parametrize("points", [1, 2, 19])
def test_too_few_points_are_refused(points):
    few = silicon().isel(two_theta=slice(0, points))
    for verb in (lambda p: xk.refine_phases(p, ["Si"]), xk.identify_phases):
        with pytest.raises(EmptyResult, match="needs 20"):
            verb(few)


@pytest.mark.parametrize("wavelength", [7e-11, 7e-3, 0.0, -1.0, np.nan, np.inf, 70.0])
def test_wavelengths_in_other_units_are_refused(mixture, wavelength):
    known = mixture.wavelength
    other = mixture.assign_coords(wavelength=known.copy(data=np.full(known.shape, wavelength)))
    for verb in (lambda p: xk.refine_phases(p, BOTH), xk.identify_phases):
        with pytest.raises(CurveError, match="Å"):
            verb(other)


def test_wrong_wavelengths_and_wrong_cells_are_not_ok(mixture):
    known = mixture.wavelength
    for wavelength in (0.72, 0.735, 1.5406):
        other = mixture.assign_coords(wavelength=known.copy(data=np.full(known.shape, wavelength)))
        assert xk.refine_phases(other, BOTH).verdict != "ok"
    structure = embedded_structure("Si")
    for factor in (0.9, 0.97, 1.03, 1.1):
        cell = (*(factor * x for x in structure.cell[:3]), *structure.cell[3:])
        for mode in ("rietveld", "lebail"):
            spec = xk.RefinementSpec(mode=mode)
            result = xk.refine_phases(silicon(), [structure.with_cell(cell)], spec)
            assert result.verdict != "ok"


def test_a_missing_phase_and_wrong_ones_are_not_ok(mixture):
    for phases in (["ZnO"], ["Al2O3"], ["Si"], ["CeO2"]):
        for mode in ("rietveld", "pawley", "lebail"):
            result = xk.refine_phases(mixture, phases, xk.RefinementSpec(mode=mode))
            assert result.verdict != "ok"


def test_one_phase_under_two_names_is_no_second_phase(mixture):
    with pytest.raises(SpecError, match="are one structure"):
        xk.refine_phases(mixture, ["Al2O3", "corundum", "ZnO"])


def test_a_phase_without_lines_in_the_range_leaves_no_fractions(mixture):
    spec = xk.RefinementSpec(range=(13.5, 20.5))
    result = xk.refine_phases(mixture, [*BOTH, "Si"], spec)
    assert result.verdict != "ok"
    assert np.isnan(result.weight_fraction).all()
    assert int(result.phase_found[2]) == 0


def test_absent_phases_have_no_cell(mixture):
    result = xk.refine_phases(mixture, [*BOTH, "LaB6", "Si", "calcite"])
    assert result.phase_found.values.tolist() == [1, 1, 0, 0, 0]
    assert np.isnan(result.lattice.values[2:]).all()
    assert np.all(result.weight_fraction.values[2:] < 5 * result.weight_fraction_sigma.values[2:])


def test_more_free_lines_than_points_are_refused():
    atom = Site(label="Si", element="Si", position=(0.0, 0.0, 0.0))
    large = replace(
        embedded_structure("Si"),
        cell=(1.5, 1.7, 1.9, 80.0, 95.0, 100.0),
        operators=("x,y,z",),
        sites=(atom,),
    )
    for mode in ("pawley", "lebail"):
        spec = xk.RefinementSpec(mode=mode, range=(10, 30))
        with pytest.raises(FitFailed, match=r"free lines on 1\d\d\d points"):
            xk.refine_phases(silicon(), [large], spec)


def test_particles_as_large_as_pebbles_leave_no_fractions(mixture):
    def of(diameter):
        own = [xk.PhaseSpec(name=name, particle_diameter=diameter) for name in BOTH]
        return xk.refine_phases(mixture, BOTH, xk.RefinementSpec(of_phase=tuple(own)))

    assert np.isfinite(of(10.0).weight_fraction).all()
    assert np.isnan(of(1000.0).weight_fraction).all()


def test_a_blank_frame_leaves_the_others():
    series = stacked([silicon(seed=k) for k in range(3)])
    series.intensity.values[1] = np.nan
    refined = xk.refine_phases(series, ["Si"])
    assert refined.verdict.values.tolist() == ["ok", "not_converged", "ok"]
    assert np.isnan(refined.lattice.values[1]).all()
    matches = xk.identify_phases(series)
    assert matches.found.sum("candidate").values.tolist() == [1, 0, 1]
    assert np.isnan(matches.explained.values[1]).all()
    assert np.isnan(matches.unexplained.values[1])
    series.intensity.values[:] = np.nan
    with pytest.raises(EmptyResult):
        xk.identify_phases(series)


def test_dimensions_in_another_order_are_refused():
    turned = stacked([silicon(seed=k) for k in range(2)]).transpose()
    for verb in (lambda p: xk.refine_phases(p, ["Si"]), xk.identify_phases, xk.fit_peaks):
        with pytest.raises(SchemaError, match="dimensions"):
            verb(turned)


@pytest.mark.parametrize(
    "fields",
    [
        {"size": "false"},
        {"refine_zero": "yes"},
        {"strain": 1},
        {"background": 6.5},
        {"background": "6"},
        {"max_evaluations": 20.5},
        {"tails": (0.5,)},
        {"tails": 0.1},
        {"range": (1.0, 2.0, 3.0)},
        {"range": ("a", "b")},
        {"humps": (25.0, 10.0)},
        {"axial": "x"},
        {"instrument": {"w": 0.01}},
        {"of_phase": "ZnO"},
        {"of_phase": ({"name": "ZnO"},)},
    ],
    ids=str,
)
def test_settings_of_the_wrong_kind_are_refused(fields):
    with pytest.raises(SpecError, match=next(iter(fields))):
        xk.RefinementSpec(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"atoms": "O1.x"},
        {"atoms": (1,)},
        {"march_axis": "001"},
        {"march_axis": (0, None, 1)},
        {"harmonics": 4.0},
        {"harmonics": True},
        {"added_fraction": "0.3"},
        {"particle_diameter": "3"},
        {"name": 3},
    ],
    ids=str,
)
def test_settings_of_a_phase_of_the_wrong_kind_are_refused(fields):
    with pytest.raises(SpecError):
        xk.PhaseSpec(**{"name": "ZnO", **fields})


def test_numbers_of_other_libraries_are_numbers():
    spec = xk.RefinementSpec(
        background=np.int64(5), range=[12, 50], humps=[[25.0, 10.0]], zero=np.float32(0.1)
    )
    assert spec.background == 5


def test_arguments_of_the_wrong_kind_are_refused():
    for spec in ({}, None, "lebail"):
        with pytest.raises(SpecError, match="RefinementSpec"):
            xk.refine_phases(silicon(), ["Si"], spec)
    with pytest.raises(SpecError, match="cell_room"):
        xk.identify_phases(silicon(), cell_room="1")
    for fields in (
        {"wavelength": "CuKa"},
        {"wavelength": 0.7, "size": "5"},
        {"wavelength": 0.7, "fwhm": 1e-300},
        {"wavelength": 0.7, "strain": "0"},
    ):
        with pytest.raises(SpecError):
            powder_intensity("Si", X, **fields)


def test_atoms_of_one_name_are_not_refined(mixture):
    structure = embedded_structure("ZnO")
    same = replace(structure, sites=tuple(replace(s, label="A") for s in structure.sites))
    spec = xk.RefinementSpec(of_phase=(xk.PhaseSpec(name="ZnO", atoms=("A.b",)),))
    with pytest.raises(SpecError, match="2 sites are called 'A'"):
        xk.refine_phases(mixture, ["Al2O3", same], spec)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "data_x\n_cell_length_a 5.4\n",
        "<html>not found</html>",
        "data_x\nloop_\n_atom_site_label\n_atom_site_fract_x\nSi1\n",
    ],
    ids=["empty", "no atoms", "a web page", "a broken loop"],
)
def test_files_without_a_structure_are_refused(tmp_path, content):
    path = tmp_path / "x.cif"
    path.write_text(content)
    with pytest.raises(StructureError, match=r"x\.cif"):
        xk.refine_phases(silicon(), [path])


@pytest.mark.parametrize("mode", ["rietveld", "pawley", "lebail"])
def test_arguments_stay_and_results_repeat(mixture, mode):
    before = mixture.copy(deep=True)
    own = (xk.PhaseSpec(name="ZnO", mode="rietveld", harmonics=4, added_fraction=0.3),)
    spec = xk.RefinementSpec(mode=mode, of_phase=own)
    kept = copy.deepcopy(spec)
    first, second = (xk.refine_phases(mixture, BOTH, spec) for _ in range(2))
    assert first.identical(second)
    assert mixture.identical(before)
    assert spec == kept


def test_results_come_back_from_a_file(mixture, tmp_path):
    own = (
        xk.PhaseSpec(name="ZnO", mode="lebail"),
        xk.PhaseSpec(name="Al2O3", atoms=("*.b",), march_axis=(0, 0, 1), particle_diameter=3.0),
    )
    result = xk.refine_phases(mixture, BOTH, xk.RefinementSpec(of_phase=own))
    xk.save(mixture, tmp_path / "profile.nc")
    xk.save(result, tmp_path / "phases.nc")
    loaded = xk.load(tmp_path / "phases.nc")
    for name in result.variables:
        np.testing.assert_array_equal(loaded[name].values, result[name].values)
    again = xk.replay(tmp_path / "phases.nc", inputs=tmp_path)
    assert again.verdict == "same"
    assert again.max_difference == 0.0
