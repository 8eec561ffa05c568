"""Broadening by direction: what symmetry leaves, the isotropic limit, and recovery from counts."""

import gemmi
import numpy as np
import pytest
import xarray as xr

import xrdkit as xk
from xrdkit.errors import SpecError
from xrdkit.phase import InstrumentWidths, PhaseSpec, RefinementSpec, embedded_structure
from xrdkit.phase.cell import inverse_d_squared, metric
from xrdkit.phase.effects.anisotropic import STRAIN_FWHM
from xrdkit.phase.model import PatternModel
from xrdkit.phase.strain_terms import strain_terms
from xrdkit.phase.symmetry import triplets_of

ANGLES = np.linspace(20, 120, 5001)
WIDTHS = InstrumentWidths(w=0.004, x=0.01)
STEPHENS = PhaseSpec(name="CeO2", strain_anisotropy="stephens")


def terms(symbol):
    return strain_terms(triplets_of(gemmi.find_spacegroup_by_name(symbol)))


def model(spec, *names):
    return PatternModel(
        [embedded_structure(name) for name in names],
        ANGLES,
        spec,
        wavelengths=(1.5405929,),
        weights=(1.0,),
        integrated=False,
    )


@pytest.mark.parametrize(
    ("symbol", "names"),
    [
        ("P -1", "400 040 004 220 202 022 301 310 103 130 031 013 211 121 112"),
        ("P 1 2/m 1", "400 040 004 220 202 022 301 103 121"),
        ("P 1 1 2/m", "400 040 004 220 202 022 310 130 112"),
        ("P m m m", "400 040 004 220 202 022"),
        ("P 4/m", "400 004 220 202 310"),
        ("P 4/m m m", "400 004 220 202"),
        ("R -3:H", "400 004 202 301 211"),
        ("P -3 m 1", "400 004 202 301"),
        ("P -3 1 m", "400 004 202 211"),
        ("R -3 m:R", "400 220 301 211"),
        ("P 6/m", "400 004 202"),
        ("P 6/m m m", "400 004 202"),
        ("P m -3", "400 220"),
        ("F d -3 m:2", "400 220"),
    ],
)
def test_symmetry_leaves_the_terms_that_stephens_lists(symbol, names):
    assert terms(symbol).names == tuple(f"S{n}" for n in names.split())


def test_the_terms_are_those_of_the_paper():
    h, k, m = np.random.default_rng(1).integers(-5, 6, (3, 40)).astype(float)
    hkl = np.stack([h, k, m], axis=1)
    cubic = terms("P m -3 m").values(hkl)
    np.testing.assert_allclose(cubic[0], h**4 + k**4 + m**4, rtol=1e-8, atol=1e-6)
    expected = 3 * (h**2 * k**2 + h**2 * m**2 + k**2 * m**2)
    np.testing.assert_allclose(cubic[1], expected, rtol=1e-8, atol=1e-6)
    hexagonal = dict(zip(*(lambda t: (t.names, t.values(hkl)))(terms("P 6/m m m")), strict=True))
    expected = h**4 + k**4 + 2 * h**3 * k + 2 * h * k**3 + 3 * h**2 * k**2
    np.testing.assert_allclose(hexagonal["S400"], expected, rtol=1e-8, atol=1e-6)
    expected = 3 * m**2 * (h**2 + k**2 + h * k)
    np.testing.assert_allclose(hexagonal["S202"], expected, rtol=1e-8, atol=1e-6)
    trigonal = dict(zip(*(lambda t: (t.names, t.values(hkl)))(terms("P -3")), strict=True))
    expected = 2 * m * (h**3 - k**3 - 3 * h * k**2)
    np.testing.assert_allclose(trigonal["S301"], expected, rtol=1e-8, atol=1e-6)
    expected = 4 * m * (h**2 * k + h * k**2)
    np.testing.assert_allclose(trigonal["S211"], expected, rtol=1e-8, atol=1e-6)
    monoclinic = dict(zip(*(lambda t: (t.names, t.values(hkl)))(terms("P 1 2/m 1")), strict=True))
    np.testing.assert_allclose(monoclinic["S301"], 2 * h**3 * m, rtol=1e-8, atol=1e-6)
    np.testing.assert_allclose(monoclinic["S121"], 4 * h * k**2 * m, rtol=1e-8, atol=1e-6)


@pytest.mark.parametrize("name", ["CeO2", "Al2O3", "rutile", "LiFePO4"])
def test_the_isotropic_limit_is_the_isotropic_strain(name):
    anisotropic = RefinementSpec(
        of_phase=(PhaseSpec(name=name, strain_anisotropy="stephens"),), instrument=WIDTHS
    )
    made, plain = model(anisotropic, name), model(RefinementSpec(instrument=WIDTHS), name)
    e, common = 0.003, {"background0": 0.0, "phase0_scale": 1.0, "phase0_inverse_size": 0.02}
    found = strain_terms(made.structures[0].operators)
    sizes = found.isotropic(np.linalg.inv(metric(made.structures[0].cell)))
    values = {
        f"phase0_{n}": s * (STRAIN_FWHM * e) ** 2 for n, s in zip(found.names, sizes, strict=True)
    }
    one = made.phases({**made.neutral_values(), **common, **values})[0]
    other = plain.phases({**plain.neutral_values(), **common, "phase0_strain": e})[0]
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9 * other.max())


def counted(spec, values, seed, name="CeO2"):
    made = model(spec, name)
    known = {**made.neutral_values(), "background0": 150.0, "background1": 20.0, **values}
    known = {**known, **{f"background{k}": 0.0 for k in range(2, spec.background)}}
    counts = np.random.default_rng(seed).poisson(made.pattern(known)).astype(float)
    return xk.pattern(ANGLES, counts, wavelength="CuKa1")


CUBIC = RefinementSpec(of_phase=(STEPHENS,), instrument=WIDTHS, background=3)
#: e of 100 lines 0.004, of 111 lines 0.0015: (8e/π)² M² with M = h²/a².
TRUE = {"S400": (STRAIN_FWHM * 0.004) ** 2 / 0.5411651**4}
TRUE["S220"] = ((STRAIN_FWHM * 0.0015) ** 2 * 9 / 0.5411651**4 - 3 * TRUE["S400"]) / 9


def test_the_terms_of_a_cubic_crystal_are_found_with_their_errors():
    pulls = []
    for seed in range(12):
        values = {"phase0_scale": 2000.0, "phase0_inverse_size": 1 / 60.0}
        values |= {f"phase0_{n}": v for n, v in TRUE.items()}
        result = xk.refine_phases(counted(CUBIC, values, seed), ["CeO2"], CUBIC)
        assert result.verdict.item() == "ok"
        assert list(result.strain_term.values) == ["S400", "S220"]
        assert result.anisotropic_strain.attrs["units"] == "1/nm^4"
        off = result.anisotropic_strain.values[0] - list(TRUE.values())
        pulls.append(off / result.anisotropic_strain_sigma.values[0])
        off = result.crystallite_size.values[0] - 60.0
        pulls[-1] = [*pulls[-1], off / result.crystallite_size_sigma.values[0]]
    pulls = np.array(pulls)
    assert np.all(np.abs(pulls.mean(axis=0)) < 4 / np.sqrt(12))
    assert np.all(np.abs(pulls.std(axis=0) - 1.0) < 0.7)
    assert np.abs(pulls).max() < 4


def test_isotropic_strain_leaves_what_anisotropic_explains():
    values = {"phase0_scale": 2000.0, "phase0_inverse_size": 1 / 60.0}
    values |= {f"phase0_{n}": v for n, v in TRUE.items()}
    profile = counted(CUBIC, values, 1)
    plain = xk.refine_phases(profile, ["CeO2"], RefinementSpec(instrument=WIDTHS, background=3))
    better = xk.refine_phases(profile, ["CeO2"], CUBIC)
    assert plain.gof.item() > 1.5
    assert better.gof.item() == pytest.approx(1.0, abs=0.05)
    # The mean of the strains of its reflections, between those of 111 and 100.
    assert 0.0015 < better.strain.values[0] < 0.004


def test_the_mixing_is_found():
    own = PhaseSpec(
        name="CeO2", strain_anisotropy="stephens", strain_mixing=0.8, refine_strain_mixing=True
    )
    spec = RefinementSpec(of_phase=(own,), instrument=WIDTHS, background=3, size=False)
    values = {"phase0_scale": 3000.0, "phase0_strain_mixing": 0.3}
    values |= {f"phase0_{n}": v for n, v in TRUE.items()}
    result = xk.refine_phases(counted(spec, values, 3), ["CeO2"], spec)
    at = list(result.parameter.values).index("CeO2 strain_mixing")
    assert result.parameter_value.values[at] == pytest.approx(0.3, abs=0.05)
    off = abs(result.parameter_value.values[at] - 0.3)
    assert off < 4 * result.parameter_sigma.values[at]


def test_variances_below_0_are_told():
    # Lines of 111 narrower than the size alone would make them.
    values = {"phase0_scale": 4000.0, "phase0_inverse_size": 1 / 20.0}
    values |= {"phase0_S400": TRUE["S400"], "phase0_S220": -0.36 * TRUE["S400"]}
    result = xk.refine_phases(counted(CUBIC, values, 4), ["CeO2"], CUBIC)
    assert result.verdict.item() == "at_bound"
    assert "variance of 1/d² is below 0" in result.verdict_reason.item()
    assert "1 1 1" in result.verdict_reason.item()


def test_where_there_is_no_strain_none_is_found():
    own = PhaseSpec(name="brucite", strain_anisotropy="stephens")
    spec = RefinementSpec(of_phase=(own,), instrument=WIDTHS, background=3)
    off, shares = [], []
    for seed in range(10):
        values = {"phase0_scale": 6e3, "phase0_inverse_size": 1 / 60.0}
        result = xk.refine_phases(counted(spec, values, seed, "brucite"), ["brucite"], spec)
        assert result.verdict.item() in ("ok", "at_bound")
        pull = result.anisotropic_strain / result.anisotropic_strain_sigma
        shares.append(pull.values[0])
        size = result.crystallite_size.values[0] - 60.0
        off.append(size / result.crystallite_size_sigma.values[0])
    # Variances of either sign, so that the size is right on the average.
    assert np.all(np.abs(np.mean(shares, axis=0)) < 4 / np.sqrt(10))
    assert abs(np.mean(off)) < 4 / np.sqrt(10)


def test_lines_of_one_spacing_have_widths_of_their_own():
    hkl = [tuple(int(i) for i in h) for h in model(CUBIC, "CeO2").lines[0].hkl]
    assert (5, 1, 1) in hkl
    assert (3, 3, 3) in hkl
    merged = [tuple(int(i) for i in h) for h in model(RefinementSpec(), "CeO2").lines[0].hkl]
    assert ((5, 1, 1) in merged) != ((3, 3, 3) in merged)


def test_plates_are_found_with_their_ratio():
    own = PhaseSpec(name="brucite", size_axis=(0, 0, 1))
    spec = RefinementSpec(of_phase=(own,), instrument=WIDTHS, background=3, strain=False)
    values = {"phase0_scale": 4e4, "phase0_inverse_size": 1 / 40.0, "phase0_size_ratio": 0.4}
    profile = counted(spec, values, 5, "brucite")
    result = xk.refine_phases(profile, ["brucite"], spec)
    assert result.verdict.item() == "ok"
    assert result.size_ratio.values[0] == pytest.approx(0.4, rel=0.05)
    assert abs(result.size_ratio.values[0] - 0.4) < 4 * result.size_ratio_sigma.values[0]
    assert result.crystallite_size.values[0] == pytest.approx(40.0, rel=0.05)
    assert "across size_axis (brucite)" in result.crystallite_size.attrs["long_name"]


def test_an_ellipsoid_is_a_stretched_sphere():
    own = PhaseSpec(name="brucite", size_axis=(0, 0, 1))
    made = model(RefinementSpec(of_phase=(own,), instrument=WIDTHS), "brucite")
    values = {**made.neutral_values(), "phase0_inverse_size": 1 / 20.0, "phase0_size_ratio": 0.5}
    lines, hkl = made.shapes(values, 0).lines, made.lines[0].hkl
    spheres = {**values, "phase0_size_ratio": 1.0}
    factor = (lines.lorentz - 0.01 * np.sqrt(lines.secant_squared)) / (
        made.shapes(spheres, 0).lines.lorentz - 0.01 * np.sqrt(lines.secant_squared)
    )
    squared = inverse_d_squared(hkl, made.structures[0].cell)
    cosine = hkl[:, 2] ** 2 / made.structures[0].cell[2] ** 2 / squared
    np.testing.assert_allclose(factor, np.sqrt(1 + 3 * cosine), rtol=1e-9)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"strain_anisotropy": "popa"}, "not one of: stephens"),
        ({"strain_mixing": 0.5}, "belongs to strain_anisotropy"),
        ({"size_axis": (0, 0, 0)}, "no direction"),
        ({"size_ratio": 2.0}, "needs size_axis"),
        ({"size_axis": (0, 0, 1), "size_profile": "lognormal"}, "no size_axis"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, text):
    with pytest.raises(SpecError, match=text):
        PhaseSpec(name="CeO2", **settings)


def test_an_axis_that_symmetry_repeats_is_refused():
    spec = RefinementSpec(of_phase=(PhaseSpec(name="CeO2", size_axis=(0, 0, 1)),))
    with pytest.raises(SpecError, match="several widths"):
        model(spec, "CeO2")
    with pytest.raises(SpecError, match="strain=True"):
        RefinementSpec(of_phase=(STEPHENS,), strain=False)


@pytest.mark.parametrize("mode", ["pawley", "lebail"])
def test_free_lines_have_anisotropic_strain_too(mode):
    spec = RefinementSpec(mode=mode, of_phase=(STEPHENS,), instrument=WIDTHS, background=3)
    values = {"phase0_scale": 2000.0, "phase0_inverse_size": 1 / 60.0}
    values |= {f"phase0_{n}": v for n, v in TRUE.items()}
    result = xk.refine_phases(counted(CUBIC, values, 0), ["CeO2"], spec)
    assert result.verdict.item() == "ok"
    off = result.anisotropic_strain.values[0] - list(TRUE.values())
    assert np.all(np.abs(off) < 4 * result.anisotropic_strain_sigma.values[0])


def test_a_series_follows_strain_that_fades():
    rows = []
    shares = [1.0, 0.7, 0.4, 0.1]
    for k, share in enumerate(shares):
        values = {"phase0_scale": 2000.0, "phase0_inverse_size": 1 / 60.0}
        values |= {f"phase0_{n}": share * v for n, v in TRUE.items()}
        rows.append(counted(CUBIC, values, k))
    series = xr.concat(rows, "frame", combine_attrs="override").assign_coords(frame=range(4))
    result = xk.refine_phases(series, ["CeO2"], CUBIC)
    assert list(result.verdict.values) == ["ok"] * 4
    found = result.anisotropic_strain.sel(phase="CeO2", strain_term="S400")
    error = result.anisotropic_strain_sigma.sel(phase="CeO2", strain_term="S400")
    off = found.values - np.array(shares) * TRUE["S400"]
    assert np.all(np.abs(off) < 4 * error.values)
