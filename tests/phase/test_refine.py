"""Refinements of patterns with known truth."""

import numpy as np
import pytest
import xarray as xr
from powder_patterns import counted, integrated, stacked

import xrdkit as xk
from xrdkit import provenance, schema
from xrdkit.errors import EmptyResult, SchemaError
from xrdkit.phase import (
    InstrumentWidths,
    embedded_structure,
    instrument_widths,
    powder_intensity,
)
from xrdkit.phase.intensity import scattering_envelope

SHARP = InstrumentWidths(w=0.05**2)
X = np.linspace(8, 60, 1300)


def catalyst(seed: int | None = 0, size: float = 4.0, **change: object) -> xr.Dataset:
    settings = {"wavelength": 0.7, "sizes": {"Pt": size, "C": 1.5}, "seed": seed, **change}
    return counted(X, {"Pt": 0.02, "C": 0.6}, **settings)


def test_sizes_of_nanoparticles_on_carbon_are_recovered():
    spec = xk.RefinementSpec(instrument=SHARP, strain=False)
    for size in (2.0, 3.0, 4.0, 6.0):
        result = xk.refine_phases(catalyst(size=size), ["Pt", "C"], spec)
        assert result.verdict.item() == "ok"
        assert result.crystallite_size.values == pytest.approx([size, 1.5], rel=0.05)
        assert result.crystallite_size.values[0] == pytest.approx(size, rel=0.01)
        assert result.lattice.values[0, 0] == pytest.approx(0.39237, rel=2e-4)
        truth = 0.02 * 21.451 / (0.02 * 21.451 + 0.6 * 2.2805)
        assert result.weight_fraction.values[0] == pytest.approx(truth, abs=0.01)
        assert result.gof.item() == pytest.approx(1.0, abs=0.08)


def test_errors_have_the_right_size():
    spec = xk.RefinementSpec(instrument=SHARP, strain=False, background=3)
    truth = {"size": 5.0, "a": 0.4757 / 0.4759355, "w": None}
    pulls = []
    x = np.linspace(10, 45, 600)
    for seed in range(24):
        profile = counted(
            x,
            {"CeO2": 0.3, "Si": 0.7},
            wavelength=0.6,
            seed=seed,
            sizes={"CeO2": truth["size"], "Si": 30.0},
            cells={"CeO2": truth["a"]},
            top=2000,
        )
        result = xk.refine_phases(profile, ["CeO2", "Si"], spec)
        assert result.verdict.item() == "ok"
        shares = np.array([0.3 * 7.2132, 0.7 * 2.32911])
        expected = {
            "crystallite_size": [truth["size"], 30.0],
            "weight_fraction": shares / shares.sum(),
        }
        for name, values in expected.items():
            pulls.append((result[name].values - values) / result[name + "_sigma"].values)
        cells = np.array([0.5411651 * truth["a"], 0.5431144])
        pulls.append((result.lattice.values[:, 0] - cells) / result.lattice_sigma.values[:, 0])
    spread = np.std(np.array(pulls).reshape(24, -1), axis=0)
    middle = np.mean(np.array(pulls).reshape(24, -1), axis=0)
    assert np.all(spread > 0.65)
    assert np.all(spread < 1.4)
    assert np.all(np.abs(middle) < 0.75)


def test_strain_cell_and_zero_of_a_laboratory_doublet():
    x = np.arange(20, 120, 0.02)
    lines = [(1.5405929, 2 / 3), (1.5444274, 1 / 3)]
    total = np.zeros(x.size)
    for wavelength, weight in lines:
        part = powder_intensity("LaB6", x - 0.03, wavelength=wavelength, strain=0.002, fwhm=0.08)
        total += weight * part
    ratio = np.cos(np.radians(26.6)) ** 2
    total *= (1 + ratio * np.cos(np.radians(x)) ** 2) / (1 + ratio)
    counts = np.random.default_rng(3).poisson(total / total.max() * 5000 + 50).astype(float)
    profile = xk.pattern(x, counts, wavelength="CuKa")
    spec = xk.RefinementSpec(
        monochromator_two_theta=26.6, instrument=InstrumentWidths(w=0.08**2), size=False
    )
    result = xk.refine_phases(profile, ["LaB6"], spec)
    assert result.verdict.item() == "ok"
    assert result.lattice.values[0, 0] == pytest.approx(0.4156826, rel=2e-5)
    assert result.zero_shift.item() == pytest.approx(0.03, abs=0.001)
    assert result.strain.item() == pytest.approx(0.002, rel=0.03)
    assert np.isnan(result.crystallite_size.item())


@pytest.mark.parametrize("stretch", [0.996, 0.999, 1.004])
def test_a_line_standard_at_short_wavelength_far_from_its_start(stretch):
    x = np.linspace(3, 25, 1500)
    profile = counted(x, {"LaB6": 1.0}, wavelength=0.4, fwhm=0.06, cells={"LaB6": stretch}, top=1e5)
    spec = xk.RefinementSpec(refine_instrument=True, size=False, strain=False)
    result = xk.refine_phases(profile, ["LaB6"], spec)
    assert result.verdict.item() == "ok"
    assert result.lattice.values[0, 0] == pytest.approx(0.4156826 * stretch, rel=3e-5)
    tangent = np.tan(np.radians(7.0))
    squared = result.caglioti_u * tangent**2 + result.caglioti_v * tangent + result.caglioti_w
    assert np.sqrt(squared.item()) == pytest.approx(0.06, rel=0.02)


def test_the_instrument_of_a_standard_serves_the_samples():
    x = np.linspace(5, 45, 2500)
    standard = counted(x, {"LaB6": 1.0}, wavelength=0.5, fwhm=0.08, top=1e5)
    settings = xk.RefinementSpec(refine_instrument=True, size=False, strain=False)
    instrument = instrument_widths(xk.refine_phases(standard, ["LaB6"], settings))
    sample = counted(x, {"CeO2": 1.0}, wavelength=0.5, fwhm=0.08, sizes={"CeO2": 12.0}, top=1e5)
    spec = xk.RefinementSpec(instrument=instrument, strain=False)
    result = xk.refine_phases(sample, ["CeO2"], spec)
    assert result.crystallite_size.item() == pytest.approx(12.0, rel=0.02)
    assert "instrument removed" in result.crystallite_size.attrs["long_name"]
    with pytest.raises(SchemaError, match="size or strain were refined"):
        instrument_widths(result)
    with pytest.raises(SchemaError, match="no phase refinement"):
        instrument_widths(sample)


def test_a_frame_without_data_leaves_the_others_alone():
    series = stacked([catalyst(seed=0), catalyst(seed=1), catalyst(seed=2)])
    series["intensity"][1] = np.nan
    spec = xk.RefinementSpec(instrument=SHARP, strain=False)
    result = xk.refine_phases(series, ["Pt", "C"], spec)
    assert list(result.verdict.values) == ["ok", "not_converged", "ok"]
    assert "points with data" in result.verdict_reason.values[1]
    assert np.isnan(result.crystallite_size.values[1]).all()
    assert np.isnan(result.rwp.values[1])
    with pytest.raises(EmptyResult):
        xk.refine_phases(series.isel(frame=[1]), ["Pt", "C"], spec)


def test_q_and_two_theta_give_the_same_answer():
    profile = catalyst()
    q = 4 * np.pi * np.sin(np.radians(X) / 2) / 0.07
    other = xk.profile(
        q, profile.intensity.values, profile.sigma.values, unit="1/nm", intensity_unit="count"
    )
    other = integrated(
        other.assign_coords(wavelength=profile.wavelength, emission_weight=profile.emission_weight)
    )
    spec = xk.RefinementSpec(instrument=SHARP, strain=False)
    first = xk.refine_phases(profile, ["Pt", "C"], spec)
    second = xk.refine_phases(other, ["Pt", "C"], spec)
    for name in ("weight_fraction", "crystallite_size", "lattice", "rwp"):
        np.testing.assert_allclose(second[name].values, first[name].values, rtol=1e-6)
    assert second.reflection_position.attrs["units"] == "1/nm"
    place = second.reflection_position.values[second.reflection_phase.values == 0][0]
    assert place == pytest.approx(2 * np.pi * np.sqrt(3) / 0.39237, rel=1e-3)


def test_the_argument_is_unchanged_and_the_result_is_complete():
    profile = catalyst()
    profile["intensity"][400:410] = np.nan
    before = profile.copy(deep=True)
    result = xk.refine_phases(profile, ["Pt", "graphite"], xk.RefinementSpec(strain=False))
    xr.testing.assert_identical(profile, before)
    schema.validate(result, schema.PHASES)
    steps = [s.step for s in provenance.steps(result)]
    assert steps[-1] == "refine_phases"
    assert steps[:-1] == [s.step for s in provenance.steps(profile)]
    for name, variable in result.data_vars.items():
        assert "long_name" in variable.attrs, name
        if name + "_sigma" in result:
            assert variable.attrs["ancillary_variables"] == f"{name}_sigma"
    assert np.isnan(result.intensity.values[400:410]).all()
    assert np.isfinite(result.intensity_calculated.values).all()
    total = result.background + result.intensity_phase.sum("phase")
    np.testing.assert_allclose(result.intensity_calculated, total, rtol=1e-12)
    assert result.weight_fraction.sum().item() == pytest.approx(1.0)
    again = xk.refine_phases(profile, ["Pt", "graphite"], xk.RefinementSpec(strain=False))
    assert provenance.content_sha256(again) == provenance.content_sha256(result)


def test_a_growing_series_is_followed_with_one_verdict_per_frame():
    sizes = np.linspace(3.0, 5.0, 6)
    series = stacked([catalyst(seed=k, size=float(s)) for k, s in enumerate(sizes)])
    spec = xk.RefinementSpec(instrument=SHARP, strain=False)
    result = xk.refine_phases(series, ["Pt", "C"], spec)
    assert list(result.verdict.values) == ["ok"] * 6
    np.testing.assert_allclose(result.crystallite_size[:, 0], sizes, rtol=0.03)
    assert result.lattice.dims == ("frame", "phase", "lattice_parameter")
    np.testing.assert_array_equal(result.temperature, series.temperature)
    alone = xk.refine_phases(series.isel(frame=5, drop=True), ["Pt", "C"], spec)
    np.testing.assert_allclose(result.crystallite_size[5], alone.crystallite_size, rtol=5e-3)


def test_a_blank_frame_and_a_new_phase_in_a_series_are_flagged():
    blank = catalyst(seed=2).copy(deep=True)
    smooth = 200 + 100 * np.exp(-X / 20)
    blank["intensity"][:] = np.random.default_rng(9).poisson(smooth)
    blank["sigma"][:] = np.sqrt(smooth)
    other = catalyst(seed=3).copy(deep=True)
    stranger = powder_intensity("NaCl", X, wavelength=0.7, size=30.0, fwhm=0.05)
    other["intensity"][:] += 4000 * stranger / stranger.max()
    series = stacked([catalyst(seed=0), blank, other, catalyst(seed=4)])
    result = xk.refine_phases(
        series, ["Pt", "C"], xk.RefinementSpec(instrument=SHARP, strain=False)
    )
    assert list(result.verdict.values) == ["ok", "misfit", "misfit", "ok"]
    assert "belongs to no phase" in result.verdict_reason.values[2]


@pytest.mark.parametrize("seed", range(6))
def test_noise_without_lines_is_never_ok(seed):
    counts = np.random.default_rng(seed).poisson(400, X.size).astype(float)
    profile = integrated(xk.pattern(X, counts, wavelength=0.7))
    for phases in (["Pt"], ["Al2O3", "ZnO"]):
        assert xk.refine_phases(profile, phases).verdict.item() != "ok"


@pytest.mark.parametrize("level", [0.0, 7.0])
def test_a_constant_is_never_ok(level):
    profile = integrated(xk.pattern(X, np.full(X.size, level), wavelength=0.7))
    result = xk.refine_phases(profile, ["Pt"])
    assert result.verdict.item() != "ok"
    assert result.verdict_reason.item()


def test_the_wrong_structure_is_never_ok():
    profile = counted(X, {"CeO2": 1.0}, wavelength=0.7, fwhm=0.1)
    for wrong in ("LaB6", "ZnO", "Pt"):
        assert xk.refine_phases(profile, [wrong]).verdict.item() != "ok"


def test_a_phase_that_is_not_there_is_reported_as_absent():
    profile = counted(X, {"CeO2": 1.0}, wavelength=0.7, fwhm=0.1)
    result = xk.refine_phases(profile, ["CeO2", "Al2O3"])
    assert result.verdict.item() == "ok"
    assert list(result.phase_found.values) == [1, 0]
    assert result.weight_fraction.values[1] < 0.01
    assert 0 < result.weight_fraction_sigma.values[1] < 0.01
    assert np.isnan(result.lattice.values[1]).all()


def test_free_displacement_parameters_are_found():
    profile = counted(X, {"Si": 1.0}, wavelength=0.7, fwhm=0.1, top=1e5)
    result = xk.refine_phases(profile, ["Si"], xk.RefinementSpec(b_iso=True))
    assert abs(result.b_iso.item() - 0.47) < 4 * result.b_iso_sigma.item() + 0.01


def debye_sum(diameter: float, two_theta: np.ndarray, wavelength: float) -> np.ndarray:
    """Return the scattering of one platinum sphere, Σ f² sin(qr)/(qr) over all pairs."""
    a = 0.39237
    reach = int(diameter / a) + 2
    axis = np.arange(-reach, reach + 1)
    corners = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    faces = ([0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5])
    atoms = np.concatenate([corners + np.array(face) for face in faces])
    atoms = atoms[np.linalg.norm(atoms, axis=1) * a <= diameter / 2]
    # Twice the squared distances of a face-centred lattice are integers in units of a².
    pairs = [np.round(2 * ((atoms[i + 1 :] - p) ** 2).sum(1)) for i, p in enumerate(atoms)]
    counts = np.bincount(np.concatenate(pairs).astype(int))
    shells = np.nonzero(counts)[0]
    s = np.sin(np.radians(two_theta) / 2) / wavelength
    q = 40 * np.pi * s
    total = np.full(two_theta.size, float(len(atoms)))
    damping = np.exp(-2 * 0.32 * s**2)
    for shell in shells:
        r = a * np.sqrt(shell / 2)
        total += 2 * counts[shell] * damping * np.sin(q * r) / (q * r)
    f_squared = scattering_envelope(embedded_structure("Pt"), s, wavelength) / damping
    return f_squared * total


@pytest.mark.parametrize("diameter", [2.0, 3.0])
def test_the_cell_of_nanoparticles_is_that_of_a_debye_sum(diameter):
    """Lines of 1 to 2 degree, moved by f² and by 1/q, still give the cell within 200 ppm."""
    x = np.linspace(10, 75, 1600)
    y = debye_sum(diameter, x, 0.7)
    counts = np.random.default_rng(0).poisson(y / y.max() * 2e4 + 100).astype(float)
    profile = integrated(xk.pattern(x, counts, wavelength=0.7))
    spec = xk.RefinementSpec(
        instrument=InstrumentWidths(w=1e-6), strain=False, size_profile="voigt"
    )
    result = xk.refine_phases(profile, ["Pt"], spec)
    assert result.verdict.item() == "ok"
    assert result.lattice.values[0, 0] == pytest.approx(0.39237, rel=200e-6)
    # A sphere's lines are no pseudo-Voigt, hence the wide tolerance: D = 4/3 L_vol.
    assert result.crystallite_size.item() * 4 / 3 == pytest.approx(diameter, rel=0.12)


@pytest.mark.parametrize(
    ("seed", "ceria", "size", "top"), [(29, 0.6706, 25.66, 66528.0), (85, 0.8372, 6.76, 36485.0)]
)
def test_a_weak_phase_beside_broad_strong_lines_is_not_lost(seed, ceria, size, top):
    """From one width for both, the silicon lines ran away to a background of infinite width."""
    profile = counted(
        np.linspace(10, 45, 900),
        {"CeO2": ceria, "Si": 0.5},
        wavelength=0.6,
        seed=seed,
        sizes={"CeO2": size, "Si": 30.0},
        top=top,
    )
    result = xk.refine_phases(profile, ["CeO2", "Si"])
    assert result.verdict.item() == "ok"
    mass = np.array([ceria * 7.2132, 0.5 * 2.32911])
    assert result.weight_fraction.values == pytest.approx(mass / mass.sum(), abs=0.02)
    assert result.crystallite_size.values[0] == pytest.approx(size, rel=0.15)
