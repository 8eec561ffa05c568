"""Le Bail and Pawley: lines of unknown intensity."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.errors import SpecError
from xrdkit.phase import InstrumentWidths, PhaseSpec, RefinementSpec
from xrdkit.phase.embedded import embedded_structure
from xrdkit.phase.model import PatternModel

ANGLES = np.arange(20.0, 90.0, 0.02)
WIDTHS = InstrumentWidths(w=0.006, x=0.02)


def simulated(names, scales, seed=0, **values):
    """Return counts of phases, and the model and values behind them."""
    spec = RefinementSpec(instrument=WIDTHS, background=3)
    structures = [embedded_structure(n) for n in names]
    made = PatternModel(
        structures, ANGLES, spec, wavelengths=(1.5405929,), weights=(1.0,), integrated=False
    )
    known = {**made.neutral_values(), "background0": 80.0, "background1": 0.0, "background2": 0.0}
    known |= {f"phase{p}_scale": s for p, s in enumerate(scales)} | values
    counts = np.random.default_rng(seed).poisson(made.pattern(known)).astype(float)
    return xk.pattern(ANGLES, counts, wavelength="CuKa1"), made, known


@pytest.mark.parametrize("mode", ["pawley", "lebail"])
def test_intensities_and_cell_come_back(mode):
    profile, made, known = simulated(["Al2O3"], [2e3], seed=1, phase0_inverse_size=0.01)
    spec = RefinementSpec(mode=mode, instrument=WIDTHS, background=3)
    result = xk.refine_phases(profile, ["Al2O3"], spec)
    assert result.verdict.item() == "ok"
    assert result.gof.item() == pytest.approx(1.0, abs=0.05)
    start = embedded_structure("Al2O3").cell
    off = (result.lattice.values[0] - start[:3]) / result.lattice_sigma.values[0]
    assert np.abs(off).max() < 4.0
    areas, _ = made.line_areas(known, 0)
    true = {" ".join(map(str, h)): a for h, a in zip(made.lines[0].hkl, areas, strict=True)}
    place = result.reflection_position.values
    # Lines that overlap are told apart by least squares only; Le Bail shares them as they began.
    apart = np.abs(place[:, np.newaxis] - place) + 10 * np.eye(place.size)
    strong = 0
    for label, alone, area, sigma in zip(
        result.reflection_hkl.values,
        apart.min(axis=1) > 1.0,
        result.reflection_intensity.values,
        result.reflection_intensity_sigma.values,
        strict=True,
    ):
        if true.get(str(label), 0.0) > 10.0 and (alone or mode == "pawley"):
            strong += 1
            assert area == pytest.approx(true[str(label)], abs=5 * sigma + 0.01 * area)
    assert strong >= 5
    assert np.isnan(result.weight_fraction.values).all()


def test_errors_of_the_cell_are_its_scatter():
    cells, errors, areas = [], [], []
    for seed in range(40):
        profile, _, _ = simulated(["ZnO"], [300.0], seed=seed, phase0_inverse_size=0.02)
        spec = RefinementSpec(mode="pawley", instrument=WIDTHS, background=3)
        result = xk.refine_phases(profile, ["ZnO"], spec)
        cells.append(result.lattice.values[0, [0, 2]])
        errors.append(result.lattice_sigma.values[0, [0, 2]])
        areas.append(
            (result.reflection_intensity.values[2], result.reflection_intensity_sigma.values[2])
        )
    # 40 draws know a standard deviation to 11 %.
    scatter = np.std(cells, axis=0, ddof=1)
    np.testing.assert_allclose(scatter, np.mean(errors, axis=0), rtol=0.35)
    values, sigmas = np.array(areas).T
    # Errors of the areas are those at fixed shapes: less than the scatter.
    assert sigmas.mean() < values.std(ddof=1) < 2.5 * sigmas.mean()


@pytest.mark.parametrize("mode", ["pawley", "lebail"])
def test_errors_of_the_areas_are_their_scatter(mode):
    """Areas that are shared out hold the noise of all points in reach of their lines."""
    areas, errors = [], []
    for seed in range(12):
        profile, _, _ = simulated(["CeO2"], [100.0], seed=seed)
        held = RefinementSpec(
            mode=mode,
            instrument=WIDTHS,
            background=3,
            lattice=False,
            refine_zero=False,
            size=False,
            strain=False,
            cell_search=0.0,
        )
        result = xk.refine_phases(profile, ["CeO2"], held)
        areas.append(result.reflection_intensity.values)
        errors.append(result.reflection_intensity_sigma.values)
    ratio = np.std(areas, axis=0, ddof=1) / np.mean(errors, axis=0)
    # The root of a mean of variances of 12 draws of so many lines is known to 9 %.
    assert 0.8 < np.sqrt(np.mean(ratio**2)) < 1.25


def test_one_phase_may_have_free_lines_beside_one_with_a_structure():
    profile, made, known = simulated(["Al2O3", "CaF2"], [2e3, 1e3], seed=3)
    spec = RefinementSpec(
        instrument=WIDTHS, background=3, of_phase=(PhaseSpec(name="CaF2", mode="pawley"),)
    )
    result = xk.refine_phases(profile, ["Al2O3", "CaF2"], spec)
    assert result.verdict.item() == "ok"
    assert result.scale.values[0] == pytest.approx(2e3, rel=0.02)
    assert np.isnan(result.weight_fraction.values).all()
    of_fluorite = result.reflection_phase.values == 1
    areas, _ = made.line_areas(known, 1)
    strongest = result.reflection_intensity.values[of_fluorite].max()
    assert strongest == pytest.approx(areas.max(), rel=0.03)


def test_a_wrong_cell_is_not_made_right_by_free_lines():
    profile, _, _ = simulated(["Al2O3"], [2e3], seed=4)
    spec = RefinementSpec(mode="pawley", instrument=WIDTHS, background=3)
    result = xk.refine_phases(profile, ["CaF2"], spec)
    assert result.verdict.item() != "ok"


@pytest.mark.parametrize("mode", ["pawley", "lebail"])
def test_free_lines_make_no_phase_of_noise(mode):
    counts = np.random.default_rng(8).poisson(100, ANGLES.size).astype(float)
    profile = xk.pattern(ANGLES, counts, wavelength="CuKa1")
    spec = RefinementSpec(mode=mode, instrument=WIDTHS, background=3)
    result = xk.refine_phases(profile, ["CaF2"], spec)
    assert result.verdict.item() != "ok"
    if mode == "pawley":
        # Le Bail gives every line a share of whatever is there.
        assert not result.phase_found.values.any()


def test_series_keep_free_lines_for_every_frame():
    one, _, _ = simulated(["CaF2"], [1e3], seed=5)
    two, _, _ = simulated(["CaF2"], [2e3], seed=6)
    rows = np.stack([one.intensity.values, two.intensity.values])
    both = one.drop_vars("intensity").assign(
        intensity=(("frame", "two_theta"), rows, one.intensity.attrs)
    )
    spec = RefinementSpec(mode="pawley", instrument=WIDTHS, background=3)
    result = xk.refine_phases(both, ["CaF2"], spec)
    ratio = result.reflection_intensity.values[1] / result.reflection_intensity.values[0]
    assert np.nanmax(result.reflection_intensity.values[0]) > 100
    assert ratio[0] == pytest.approx(2.0, rel=0.03)


@pytest.mark.parametrize(
    "settings",
    [
        {"mode": "le bail"},
        {"mode": "pawley", "b_iso": True},
        {"mode": "pawley", "of_phase": (PhaseSpec(name="ZnO", march_axis=(0, 0, 1)),)},
    ],
)
def test_settings_that_contradict_free_lines_are_refused(settings):
    with pytest.raises(SpecError):
        RefinementSpec(**settings)
