"""Preferred orientation: what the functions are, and that a fit finds them again."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.errors import SpecError
from xrdkit.phase import InstrumentWidths, PhaseSpec, RefinementSpec, embedded_structure
from xrdkit.phase.effects import GAUSS_NODES
from xrdkit.phase.effects.orientation import _harmonics, _invariants
from xrdkit.phase.model import PatternModel

ANGLES = np.linspace(15, 90, 3751)
WIDTHS = InstrumentWidths(w=0.006, x=0.02)


def model(spec, *names):
    return PatternModel(
        [embedded_structure(name) for name in names],
        ANGLES,
        spec,
        wavelengths=(1.5405929,),
        weights=(1.0,),
        integrated=False,
    )


def lines(spec, name, **values):
    made = model(spec, name)
    known = {**made.neutral_values(), **dict.fromkeys(GAUSS_NODES, 0.01), **values}
    return made.shapes(known, 0).lines.amplitude, made.lines[0].hkl


def test_plates_that_lie_flat_strengthen_their_basal_lines():
    spec = RefinementSpec(of_phase=(PhaseSpec(name="brucite", march_axis=(0, 0, 1)),))
    plain, hkl = lines(spec, "brucite")
    flat, _ = lines(spec, "brucite", phase0_march=0.5)
    basal = [tuple(h) == (0, 0, 1) for h in hkl]
    # cos α = 1 for (001): (r²)^(-3/2), and sin α = 1 for (110): (1/r)^(-3/2).
    assert (flat / plain)[basal] == pytest.approx(0.5**-3)
    upright = [tuple(h) == (1, 1, 0) for h in hkl]
    assert (flat / plain)[upright] == pytest.approx(0.5**1.5)


@pytest.mark.parametrize("r", [0.4, 0.8, 1.6])
def test_the_march_function_has_the_mean_1_over_all_directions(r):
    cosine = np.linspace(0, 1, 20_001)
    values = (r**2 * cosine**2 + (1 - cosine**2) / r) ** -1.5
    assert np.trapezoid(values, cosine) == pytest.approx(1.0, rel=1e-6)


#: Numbers of invariant harmonics of order 2, 4, 6 (Bunge, Texture Analysis (1982)).
@pytest.mark.parametrize(
    ("name", "expected"),
    [("CaF2", (0, 1, 1)), ("brucite", (1, 2, 3)), ("ZnO", (1, 1, 2)), ("rutile", (1, 2, 2))],
)
def test_symmetry_leaves_as_many_harmonics_as_it_should(name, expected):
    structure = embedded_structure(name)
    from xrdkit.phase.cell import metric

    axes = np.linalg.cholesky(np.linalg.inv(metric(structure.cell)))
    found = tuple(len(_invariants(structure.operators, axes, degree)) for degree in (2, 4, 6))
    assert found == expected


def test_harmonics_have_the_mean_square_1():
    u, w = np.polynomial.legendre.leggauss(12)
    around = np.arange(24) * np.pi / 12
    cosine, angle = np.meshgrid(u, around, indexing="ij")
    sine = np.sqrt(1 - cosine**2)
    directions = np.stack([sine * np.cos(angle), sine * np.sin(angle), cosine], axis=-1)
    values = _harmonics(directions.reshape(-1, 3), 4)
    weights = np.repeat(w, 24) / 48
    np.testing.assert_allclose(values.T @ (weights[:, np.newaxis] * values), np.eye(9), atol=1e-12)


def mixture(spec, values, seed):
    made = model(spec, "brucite", "CaF2")
    known = {
        **made.neutral_values(),
        "phase0_scale": 4e3,
        "phase1_scale": 2e3,
        "background0": 120.0,
        "background1": 0.0,
        "background2": 0.0,
        **values,
    }
    counts = np.random.default_rng(seed).poisson(made.pattern(known)).astype(float)
    return xk.pattern(ANGLES, counts, wavelength="CuKa1"), known


@pytest.mark.parametrize("r", [0.5, 0.65, 0.8])
def test_a_platy_mixture_gives_its_orientation_and_its_fractions(r):
    spec = RefinementSpec(
        of_phase=(PhaseSpec(name="brucite", march_axis=(0, 0, 1)),),
        instrument=WIDTHS,
        background=3,
    )
    profile, _ = mixture(spec, {"phase0_march": r}, seed=5)
    result = xk.refine_phases(profile, ["brucite", "CaF2"], spec)
    assert result.verdict.item() == "ok"
    assert result.march.values[0] == pytest.approx(r, abs=0.02)
    assert np.isnan(result.march.values[1])
    off = result.march.values[0] - r
    assert abs(off) < 4 * result.march_sigma.values[0]
    even, _ = mixture(spec, {"phase0_march": 1.0}, seed=6)
    plain = xk.refine_phases(even, ["brucite", "CaF2"], spec)
    change = result.weight_fraction.values[0] - plain.weight_fraction.values[0]
    assert abs(change) < 0.01


def test_harmonics_describe_a_marched_texture_where_none_would_fail():
    bare = RefinementSpec(instrument=WIDTHS, background=3)
    marched = RefinementSpec(
        of_phase=(PhaseSpec(name="brucite", march_axis=(0, 0, 1)),),
        instrument=WIDTHS,
        background=3,
    )
    profile, _ = mixture(marched, {"phase0_march": 0.7}, seed=7)
    without = xk.refine_phases(profile, ["brucite", "CaF2"], bare)
    spec = RefinementSpec(
        of_phase=(PhaseSpec(name="brucite", harmonics=8),), instrument=WIDTHS, background=3
    )
    result = xk.refine_phases(profile, ["brucite", "CaF2"], spec)
    truth = xk.refine_phases(profile, ["brucite", "CaF2"], marched)
    assert result.gof.item() < 1.1 < 1.5 < without.gof.item()
    off = result.weight_fraction.values[0] - truth.weight_fraction.values[0]
    assert abs(off) < 0.02


def test_settings_of_a_phase_that_is_not_there_are_refused():
    spec = RefinementSpec(of_phase=(PhaseSpec(name="CaF", march_axis=(1, 1, 1)),))
    profile = xk.pattern(ANGLES, np.full(ANGLES.size, 100.0), wavelength="CuKa1")
    with pytest.raises(SpecError, match="settings for CaF, not in the model"):
        xk.refine_phases(profile, ["CaF2"], spec)
