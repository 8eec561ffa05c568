"""Identification: what is there is found, what is not there is not."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.errors import CurveError, SpecError
from xrdkit.phase import (
    InstrumentWidths,
    PhaseSpec,
    RefinementSpec,
    embedded_names,
    embedded_structure,
    powder_intensity,
)
from xrdkit.phase.model import PatternModel
from xrdkit.phase.polarization import polarization_factor

ANGLES = np.arange(12.0, 110.0, 0.02)
LINES = ((1.5405929, 2 / 3), (1.5444274, 1 / 3))


def measured(
    shares, *, seed=0, top=2e4, fwhm=0.1, stretch=1.0, shift=0.0, size=60.0, angles=ANGLES
):
    """Return a laboratory pattern of mass shares; `shift`: that of a sample too low, degree."""
    total = np.zeros(angles.size)
    places = angles + shift * np.cos(np.radians(angles / 2))
    for name, share in shares.items():
        structure = embedded_structure(name) if isinstance(name, str) else name
        a, b, c, *corners = structure.cell
        structure = structure.with_cell((stretch * a, stretch * b, stretch * c, *corners))
        for wavelength, weight in LINES:
            total += (
                weight
                * share
                / structure.density
                * powder_intensity(structure, places, wavelength=wavelength, fwhm=fwhm, size=size)
            )
    total *= polarization_factor(angles, 1.0)
    total *= top / total.max()
    total += 40.0 + 400.0 * np.exp(-angles / 15.0)
    counts = np.random.default_rng(seed).poisson(total).astype(float)
    return xk.pattern(angles, counts, wavelength="CuKa")


def found(result):
    order = np.argsort(result["rank"].values)
    return [str(result.candidate.values[k]) for k in order if result.found.values[k]]


@pytest.mark.parametrize("name", embedded_names())
def test_each_embedded_structure_is_found_alone(name):
    result = xk.identify_phases(measured({name: 1.0}, seed=len(name)))
    assert found(result) == [name]
    best = result.sel(candidate=name)
    assert best.stretch.item() == pytest.approx(1.0, abs=1.5e-3)
    assert best.explained.item() > 0.5


def test_of_random_mixtures_most_is_found_and_nothing_else():
    """Phases whose free lines are too few, beside two others that cover them, are not found."""
    names = [n for n in embedded_names() if n not in ("C", "fluorapatite", "Au", "diamond")]
    wanted, missed, wrong = 0, [], []
    for seed in range(20, 40):
        random = np.random.default_rng([7, seed])
        chosen = [str(n) for n in random.choice(names, 3, replace=False)]
        shares = dict(zip(chosen, random.dirichlet([2.0, 2.0, 2.0]), strict=True))
        result = found(xk.identify_phases(measured(shares, seed=seed)))
        intensity = {
            n: s
            / embedded_structure(n).density
            * powder_intensity(n, ANGLES, wavelength=1.54).sum()
            for n, s in shares.items()
        }
        strong = [n for n in chosen if intensity[n] > 0.06 * sum(intensity.values())]
        wanted += len(strong)
        missed += [(seed, n) for n in strong if n not in result]
        wrong += [(seed, n) for n in result if n not in chosen]
    assert wrong == []
    assert len(missed) < 0.15 * wanted, missed


def test_noise_and_a_glass_are_no_phase():
    for seed in range(10):
        random = np.random.default_rng(seed)
        hump = 50 + 500 * np.exp(-0.5 * ((ANGLES - 25) / 6) ** 2)
        profile = xk.pattern(ANGLES, random.poisson(hump).astype(float), wavelength="CuKa")
        assert found(xk.identify_phases(profile)) == []


def test_what_is_not_among_the_candidates_is_not_made_of_them():
    others = [n for n in embedded_names() if n not in ("calcite", "LiFePO4", "quartz")]
    for name in ("calcite", "LiFePO4", "quartz"):
        result = xk.identify_phases(measured({name: 1.0}), others)
        assert found(result) == []
        assert result.unexplained.item() == pytest.approx(1.0)


def test_a_cell_that_differs_is_found_within_the_room_given():
    profile = measured({"ZnO": 1.0}, stretch=1.006)
    result = xk.identify_phases(profile)
    assert found(result) == ["ZnO"]
    assert result.stretch.sel(candidate="ZnO").item() == pytest.approx(1.006, abs=1e-3)
    assert found(xk.identify_phases(profile, cell_room=0.002)) == []


def test_elements_and_frames():
    one, two = measured({"ZnO": 1.0}), measured({"CaF2": 1.0})
    rows = np.stack([one.intensity.values, two.intensity.values])
    both = one.drop_vars("intensity").assign(
        intensity=(("frame", "two_theta"), rows, one.intensity.attrs)
    )
    result = xk.identify_phases(both, elements=["Zn", "O", "Ca", "F", "Ce"])
    assert set(result.candidate.values.tolist()) == {"CeO2", "ZnO", "CaF2"}
    assert result.found.sel(candidate="ZnO").values.tolist() == [1, 0]
    assert result.found.sel(candidate="CaF2").values.tolist() == [0, 1]
    before = both.copy(deep=True)
    xk.identify_phases(both, ["ZnO"])
    assert both.identical(before)


def test_settings_that_make_no_sense_are_refused():
    profile = measured({"ZnO": 1.0})
    with pytest.raises(SpecError, match="cell_room"):
        xk.identify_phases(profile, cell_room=0.2)
    with pytest.raises(SpecError, match="no candidate is made of"):
        xk.identify_phases(profile, elements=["Xe"])


def test_lines_in_gaps_of_the_data_explain_nothing():
    whole = measured({"Al2O3": 0.5, "CaF2": 0.5}, seed=4)
    for low, high in ((27.5, 36.5), (42.0, 58.5)):
        gap = (whole.two_theta > low) & (whole.two_theta < high)
        cut = whole.isel(two_theta=np.flatnonzero(~gap.values))
        result = xk.identify_phases(cut)
        assert set(found(result)) == {"Al2O3", "CaF2"}
        # Two phases make all of it; what their lines in the gap would have is not counted.
        assert result.explained.sel(candidate=["Al2O3", "CaF2"]).sum() < 1.02
        assert abs(result.unexplained.item()) < 0.2


#: Those that are most alike, and some that are like no other.
ALIKE = ("Au", "Ag", "Al", "Si", "CeO2", "CaF2", "hydroxyapatite", "fluorapatite", "ZnO", "LiCoO2")


@pytest.mark.parametrize("name", ALIKE)
@pytest.mark.parametrize("shift", [-0.2, 0.1])
def test_a_sample_too_high_or_too_low_is_no_other_phase(name, shift):
    result = xk.identify_phases(measured({name: 1.0}, shift=shift, seed=3))
    assert found(result) == [name]
    assert result.line_shift.item() == pytest.approx(shift, abs=0.03)
    assert result.stretch.sel(candidate=name).item() == pytest.approx(1.0, abs=5e-4)


def test_the_phases_of_a_mixture_are_shifted_alike():
    shares = {"Al2O3": 0.5, "CaF2": 0.3, "ZnO": 0.2}
    result = xk.identify_phases(measured(shares, shift=-0.15, seed=1))
    assert set(found(result)) == set(shares)
    assert result.line_shift.item() == pytest.approx(-0.15, abs=0.03)


def test_a_displacement_that_is_known_is_taken_off():
    # 2 s/R in radians is the shift at 2θ = 0.
    known = xk.RefinementSpec(goniometer_radius=200.0, displacement=1.0)
    profile = measured({"Au": 1.0}, shift=float(np.degrees(2 * 1.0 / 200)))
    result = xk.identify_phases(profile, spec=known, shift_room=0.0)
    assert found(result) == ["Au"]
    assert result.line_shift.item() == pytest.approx(0.573, abs=1e-3)
    assert found(xk.identify_phases(profile, ["Au"], shift_room=0.0)) == []


def test_integrated_frames_have_no_displaced_sample():
    flat = measured({"Si": 1.0})
    frames = flat.assign_attrs(solid_angle_corrected=1, polarization_factor=0.99)
    result = xk.identify_phases(frames)
    assert found(result) == ["Si"]
    assert result.line_shift.item() == 0.0


@pytest.mark.parametrize("name", ["Pt", "CeO2", "Ni", "MgO", "Si", "quartz", "calcite", "ZnO"])
def test_crystals_of_four_nanometres_are_found(name):
    assert found(xk.identify_phases(measured({name: 1.0}, size=4.0))) == [name]


@pytest.mark.parametrize("name", ["Ni", "Si", "CeO2", "CaF2", "NaCl", "LaB6", "Pt"])
def test_proportions_count_more_than_a_cell_that_differs(name):
    # Of nickel with a cell 0.9 % larger, diamond has the cell, but not the lines h00.
    assert found(xk.identify_phases(measured({name: 1.0}, stretch=1.009)))[0] == name


@pytest.mark.parametrize("name", ["Co", "MgO", "Al2O3", "rutile", "Fe3O4", "LaB6", "NaCl", "Cu2O"])
def test_a_phase_that_is_no_candidate_is_not_replaced_by_what_misses_its_places(name):
    others = [n for n in embedded_names() if n != name]
    for seed, shift in ((0, 0.0), (1, 0.1)):
        assert (
            found(xk.identify_phases(measured({name: 1.0}, seed=seed, shift=shift), others)) == []
        )


def test_a_phase_between_the_lines_of_two_others_is_found():
    shares = {"Al2O3": 0.52, "zircon": 0.35, "Fe3O4": 0.13}
    for seed in range(3):
        assert set(found(xk.identify_phases(measured(shares, seed=seed, top=6e3)))) == set(shares)


def test_two_lines_that_are_all_there_is_suffice():
    angles = np.arange(20.0, 60.0, 0.02)
    for name in ("Ni", "Cu", "Pt", "Al"):
        assert found(xk.identify_phases(measured({name: 1.0}, angles=angles))) == [name]


@pytest.mark.parametrize(
    ("name", "axis"), [("brucite", (0, 0, 1)), ("calcite", (1, 0, 4)), ("Al", (1, 1, 1))]
)
def test_oriented_crystals_alone_are_found(name, axis):
    spec = RefinementSpec(
        instrument=InstrumentWidths(w=0.1**2),
        of_phase=(PhaseSpec(name=name, march_axis=axis, march=0.5),),
        background=1,
    )
    wavelengths, weights = zip(*LINES, strict=True)
    model = PatternModel(
        [embedded_structure(name)],
        ANGLES,
        spec,
        wavelengths=wavelengths,
        weights=weights,
        integrated=False,
    )
    values = model.plan(width=0.1, scales=(1.0,), background=(0,)).values
    mean = model.phases(values | {"phase0_inverse_size": 1 / 40}).sum(axis=0)
    counts = np.random.default_rng(0).poisson(mean / mean.max() * 2e4 + 60).astype(float)
    profile = xk.pattern(ANGLES, counts, wavelength="CuKa")
    assert found(xk.identify_phases(profile)) == [name]


def test_a_profile_without_wavelength_is_refused():
    profile = measured({"Si": 1.0}).drop_vars(["wavelength", "emission_weight"])
    with pytest.raises(CurveError, match="wavelength"):
        xk.identify_phases(profile)


@pytest.mark.parametrize("room", [-0.1, 0.6, np.nan, "0.1"])
def test_rooms_that_make_no_sense_are_refused(room):
    with pytest.raises(SpecError, match="shift_room"):
        xk.identify_phases(measured({"Si": 1.0}), ["Si"], shift_room=room)
