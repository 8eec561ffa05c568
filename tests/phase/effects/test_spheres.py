"""Lognormal spheres as sums of lines, and what a fit may be told of them."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.errors import SpecError
from xrdkit.phase import InstrumentWidths, PhaseSpec, RefinementSpec, embedded_structure
from xrdkit.phase.cell import inverse_d_squared
from xrdkit.phase.model import PatternModel
from xrdkit.phase.profile_function import one_node, sum_lines
from xrdkit.phase.sphere_components import GAUSSIANS, sphere_components
from xrdkit.phase.sphere_profile import column_lengths, sphere_line

NARROW = InstrumentWidths(w=1e-6)


def line_of(variance, offsets):
    """Return the sum of the components for L_vol = 1."""
    parts = sphere_components(variance)
    total = np.zeros(offsets.size)
    whole = np.zeros(4, dtype=np.int64), np.full(4, offsets.size)
    mixing = np.where(np.arange(4) < GAUSSIANS, 0.0, 1.0)
    shape = np.zeros(4), parts.width, mixing, parts.share
    sum_lines(offsets, np.ones(offsets.size), *whole, *shape, *one_node(4), total)
    return total


#: Largest difference in shares of the top: the ripples of spheres of one size are not followed.
@pytest.mark.parametrize(
    ("sigma", "most"),
    [(0.0, 0.032), (0.1, 0.023), (0.2, 0.005), (0.3, 0.004), (0.55, 0.005), (0.8, 0.008)],
)
def test_components_add_up_to_the_line_of_spheres(sigma, most):
    offsets = np.linspace(-6, 6, 2401)
    exact = sphere_line(sigma).density(offsets, 4 / 3 * np.exp(-3 * sigma**2))
    assert np.abs(line_of(sigma**2, offsets) - exact).max() < most * exact.max()


@pytest.mark.parametrize("sigma", [0.15, 0.2, 0.4, 0.75])
def test_tails_of_components_are_those_of_spheres(sigma):
    offsets = np.linspace(8, 30, 50)
    exact = sphere_line(sigma).density(offsets, 4 / 3 * np.exp(-3 * sigma**2))
    np.testing.assert_allclose(line_of(sigma**2, offsets), exact, rtol=0.05)


@pytest.mark.parametrize("variance", [0.001, 0.03, 0.2, 0.6])
def test_slopes_of_components_are_differences(variance):
    step = 1e-7
    up, down = sphere_components(variance + step), sphere_components(variance - step)
    parts = sphere_components(variance)
    slope = np.log(up.share / down.share) / (2 * step)
    np.testing.assert_allclose(parts.share_slope, slope, rtol=1e-5, atol=1e-4)
    slope = (up.width - down.width) / (2 * step)
    np.testing.assert_allclose(parts.width_slope, slope, rtol=1e-5, atol=1e-5)
    assert parts.share.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("wavelength", [0.5, 1.5405929])
def test_a_line_of_the_model_is_that_of_spheres_in_the_reciprocal_lattice(wavelength):
    """Also where it is so broad that 2θ and sin θ are no longer proportional across it."""
    ceria = embedded_structure("CeO2")
    centre = np.sqrt(inverse_d_squared(np.array([[1, 1, 1]]), ceria.cell))[0]
    s = np.linspace(centre - 0.45, centre + 0.45, 800)
    x = 2 * np.degrees(np.arcsin(s * wavelength / 20))
    spec = RefinementSpec(instrument=NARROW, size_profile="lognormal", size_sigma=0.3, background=1)
    model = PatternModel(
        [ceria], x, spec, wavelengths=(wavelength,), weights=(1.0,), integrated=True
    )
    size, _ = column_lengths(4.0, 0.3)
    values = {**model.neutral_values(), "phase0_inverse_size": 1 / size, "phase0_scale": 1.0}
    shapes = model.shapes(values, 0)
    alone = np.arange(len(shapes.position)) % len(model.lines[0].hkl) == 0
    shapes.lines.amplitude[~alone] = 0.0
    total = np.zeros(x.size)
    nodes = shapes.nodes
    window = shapes.window(model.axes[0], model.reach(0))
    shape = shapes.place, shapes.spread, shapes.mixing, shapes.lines.amplitude
    sum_lines(
        model.axes[0], model.envelope[0], *window, *shape, nodes.first, nodes.shift, nodes.weight,
        total,
    )  # fmt: skip
    jacobian = np.cos(np.radians(x / 2))
    line = total / model.envelope[0] * jacobian
    exact = sphere_line(0.3).density(s - centre, 4.0) * jacobian
    assert np.abs(line / line.sum() - exact / exact.sum()).max() < 0.006 * exact.max() / exact.sum()


def measured(seed, phases=("Pt", "CeO2")):
    structures = [embedded_structure(name) for name in phases]
    spec = RefinementSpec(
        instrument=InstrumentWidths(w=0.004),
        of_phase=(PhaseSpec(name="Pt", size_profile="lognormal"),),
        background=2,
    )
    x = np.linspace(20, 110, 3001)
    model = PatternModel(
        structures, x, spec, wavelengths=(1.5405929,), weights=(1.0,), integrated=False
    )
    values = {
        **model.neutral_values(),
        "phase0_scale": 30.0,
        "phase0_inverse_size": 0.2,
        "phase0_size_variance": 0.09,
        "phase1_scale": 10.0,
        "phase1_inverse_size": 0.05,
        "background0": 150.0,
        "background1": -10.0,
    }
    counts = np.random.default_rng(seed).poisson(model.pattern(values)).astype(float)
    return xk.pattern(x, counts, wavelength="CuKa1"), spec


def test_one_phase_of_two_has_spheres():
    profile, spec = measured(seed=1)
    result = xk.refine_phases(profile, ["Pt", "CeO2"], spec)
    assert result.verdict.item() == "ok"
    truth = {
        "crystallite_size": 5.0,
        "diameter_volume": 20 / 3,
        "mean_diameter": 20 / 3 * np.exp(-0.27),
        "column_length_area": 40 / 9 * np.exp(-0.09),
        "size_sigma": 0.3,
    }
    for name, value in truth.items():
        found, error = result[name].values[0], result[f"{name}_sigma"].values[0]
        assert abs(found - value) < 4 * error, name
        assert error < 0.06 * value, name
    assert np.isnan(result.mean_diameter.values[1])
    assert np.isnan(result.size_sigma_sigma.values[1])
    assert result.crystallite_size.values[1] == pytest.approx(20.0, rel=0.05)
    assert "lognormal (Pt), lorentzian (CeO2)" in result.crystallite_size.long_name


def test_a_held_width_of_the_distribution_has_no_error():
    profile, spec = measured(seed=2)
    held = RefinementSpec(
        instrument=spec.instrument,
        of_phase=(PhaseSpec(name="Pt", size_profile="lognormal", size_sigma=0.3),),
        refine_size_sigma=False,
        background=2,
    )
    result = xk.refine_phases(profile, ["Pt", "CeO2"], held)
    assert result.size_sigma.values[0] == pytest.approx(0.3)
    assert np.isnan(result.size_sigma_sigma.values[0])
    assert result.crystallite_size.values[0] == pytest.approx(5.0, rel=0.03)
    assert not any("variance" in name for name in result.parameter.values)


@pytest.mark.parametrize("mode", ["pawley", "rietveld"])
def test_areas_of_lines_count_all_components(mode):
    profile, spec = measured(seed=3)
    plain = xk.refine_phases(profile, ["Pt", "CeO2"], spec)
    own = (PhaseSpec(name="Pt", size_profile="lognormal", mode=mode),)
    free = RefinementSpec(instrument=spec.instrument, of_phase=own, background=2)
    result = xk.refine_phases(profile, ["Pt", "CeO2"], free)
    one = plain.reflection_intensity.values[plain.reflection_phase.values == 0][:5]
    two = result.reflection_intensity.values[result.reflection_phase.values == 0][:5]
    np.testing.assert_allclose(two, one, rtol=0.05)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"size_profile": "lognormal"}, "needs size=True and the widths"),
        ({"size_profile": "gaussian"}, "is not one of"),
        ({"size_sigma": 0.9}, "outside 0.0 to 0.8"),
        ({"size_sigma": -0.1}, "outside 0.0 to 0.8"),
        ({"of_phase": (PhaseSpec(name="Pt", size_profile="lognormal"),)}, "needs size=True"),
    ],
    ids=["instrument", "name", "wide", "negative", "phase"],
)
def test_settings_that_are_none_are_refused(settings, text):
    with pytest.raises(SpecError, match=text):
        RefinementSpec(**settings)


@pytest.mark.parametrize("settings", [{"size_profile": "sphere"}, {"size_sigma": 1.0}])
def test_settings_of_a_phase_that_are_none_are_refused(settings):
    with pytest.raises(SpecError, match="Pt: size_"):
        PhaseSpec(name="Pt", **settings)
