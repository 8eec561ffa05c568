"""Every component: golden numbers, derivatives, starts, and what it is at its limits."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf

from xrdkit.errors import SpecError
from xrdkit.saxs.models import (
    COMPONENTS,
    DebyeAnderson,
    DebyeChain,
    Flat,
    GuinierPorod,
    LamellarStack,
    MassFractal,
    MeasuredCurve,
    Particles,
    Peak,
    PowerLaw,
    SurfaceFractal,
    TeubnerStrey,
    UnifiedLevel,
    free,
)
from xrdkit.saxs.shapes import CoreShell
from xrdkit.saxs.structure_factors import FractalAggregate, HardSphere, StickyHardSphere

Q = np.geomspace(1e-4, 8.0, 150)

#: One of each, and what else its form allows, with parameters in the middle of the range.
EXAMPLES = {
    "unified_level": (
        UnifiedLevel(),
        {"guinier": 30.0, "radius_of_gyration": 4.0, "prefactor": 0.2, "power": 3.9, "cutoff": 0.5},
    ),
    "unified_level, mass fractal": (
        UnifiedLevel(),
        {"guinier": 30.0, "radius_of_gyration": 40.0, "prefactor": 0.02, "power": 2.2, "cutoff": 3},
    ),
    "unified_level, between": (
        UnifiedLevel(),
        {
            "guinier": 30.0,
            "radius_of_gyration": 4.0,
            "prefactor": 0.2,
            "power": 2.97,
            "cutoff": 0.5,
        },
    ),
    "unified_level, packed": (
        UnifiedLevel(packing=free()),
        {
            "guinier": 30.0,
            "radius_of_gyration": 4.0,
            "prefactor": 0.2,
            "power": 3.9,
            "cutoff": 0.5,
            "packing": 2.5,
            "correlation_distance": 12.0,
        },
    ),
    "power_law": (PowerLaw(), {"prefactor": 2.0, "power": 3.3, "cutoff": 0.7}),
    "flat": (Flat(), {"level": 0.3}),
    "peak": (Peak(), {"height": 3.0, "position": 1.2, "width": 0.3}),
    "peak, lorentzian": (
        Peak(shape="lorentzian"),
        {"height": 3.0, "position": 1.2, "width": 0.3},
    ),
    "peak, pseudo_voigt": (
        Peak(shape="pseudo_voigt"),
        {"height": 3.0, "position": 1.2, "width": 0.3, "mixing": 0.4},
    ),
    "debye_anderson": (DebyeAnderson(), {"intensity_zero": 4.0, "correlation_length": 2.5}),
    "teubner_strey": (
        TeubnerStrey(),
        {"intensity_zero": 4.0, "period": 12.0, "correlation_length": 5.0},
    ),
    "guinier_porod": (
        GuinierPorod(),
        {"guinier": 5.0, "radius_of_gyration": 3.0, "dimension": 1.0, "power": 3.8},
    ),
    "debye_chain": (DebyeChain(), {"intensity_zero": 4.0, "radius_of_gyration": 6.0}),
    "mass_fractal": (
        MassFractal(),
        {"intensity_zero": 4.0, "correlation_length": 20.0, "fractal_dimension": 1.9},
    ),
    "surface_fractal": (
        SurfaceFractal(),
        {"intensity_zero": 4.0, "correlation_length": 20.0, "fractal_dimension": 2.4},
    ),
    "particles": (Particles(), {"amount": 1.3, "radius": 5.0, "width": 0.2}),
    "particles, hard spheres": (
        Particles(distribution="schulz", structure=HardSphere(radius_ratio=free(1.1))),
        {
            "amount": 1.3,
            "radius": 5.0,
            "width": 0.15,
            "effective_volume_fraction": 0.3,
            "radius_ratio": 1.1,
        },
    ),
    "particles, sticky": (
        Particles(structure=StickyHardSphere()),
        {
            "amount": 1.3,
            "radius": 5.0,
            "width": 0.15,
            "effective_volume_fraction": 0.2,
            "stickiness": 0.3,
            "well_width": 0.05,
            "radius_ratio": 1.0,
        },
    ),
    "particles, aggregates": (
        Particles(structure=FractalAggregate()),
        {
            "amount": 1.3,
            "radius": 5.0,
            "width": 0.15,
            "fractal_dimension": 2.1,
            "correlation_length": 40.0,
        },
    ),
    "particles, decoupled": (
        Particles(structure=HardSphere(approximation="decoupling")),
        {
            "amount": 1.3,
            "radius": 5.0,
            "width": 0.15,
            "effective_volume_fraction": 0.3,
            "radius_ratio": 1.0,
        },
    ),
    "particles, core-shell": (
        Particles(shape=CoreShell(core_contrast=30.0, shell_contrast=5.0), structure=HardSphere()),
        {
            "amount": 0.01,
            "radius": 5.0,
            "width": 0.15,
            "shell_thickness": 2.0,
            "effective_volume_fraction": 0.2,
            "radius_ratio": 1.0,
        },
    ),
    "lamellar_stack": (
        LamellarStack(),
        {"amount": 1.3, "thickness": 2.0, "spacing": 8.0, "layers": 12.4, "caille": 0.1},
    ),
    "measured_curve": (
        MeasuredCurve(q=(1e-5, 1.0, 10.0), intensity=(3.0, 2.0, 1.0), sigma=(0.1, 0.1, 0.2)),
        {"scale": 1.7},
    ),
}

GOLDEN = [
    (
        UnifiedLevel(),
        {"guinier": 100, "radius_of_gyration": 5, "prefactor": 0.01, "power": 4, "cutoff": 0},
        1.0,
        0.0335797,
    ),
    (PowerLaw(), {"prefactor": 2.0, "power": 4.0, "cutoff": 0.0}, 0.5, 32.0),
    (Peak(), {"height": 3.0, "position": 1.0, "width": 0.2}, 1.1, 1.5),
    (Peak(shape="lorentzian"), {"height": 3.0, "position": 1.0, "width": 0.2}, 0.9, 1.5),
    (DebyeAnderson(), {"intensity_zero": 4.0, "correlation_length": 2.0}, 0.5, 1.0),
    (
        TeubnerStrey(),
        {"intensity_zero": 1.0, "period": 2 * math.pi, "correlation_length": 1.0},
        1.0,
        0.8,
    ),
    (
        GuinierPorod(),
        {"guinier": 1.0, "radius_of_gyration": 1.0, "dimension": 0.0, "power": 4.0},
        3.0,
        0.0601490,
    ),
    (DebyeChain(), {"intensity_zero": 1.0, "radius_of_gyration": 2.0}, 0.5, 0.735759),
    (
        MassFractal(),
        {"intensity_zero": 1.0, "correlation_length": 2.0, "fractal_dimension": 2.0},
        0.5,
        0.5,
    ),
    (
        SurfaceFractal(),
        {"intensity_zero": 1.0, "correlation_length": 2.0, "fractal_dimension": 2.0},
        0.5,
        0.25,
    ),
    (MeasuredCurve(q=(1.0, 2.0), intensity=(2.0, 4.0)), {"scale": 0.5}, 1.5, 1.5),
    (
        LamellarStack(),
        {"amount": 1.0, "thickness": 2.0, "spacing": 8.0, "layers": 12.0, "caille": 0.1},
        0.78,
        22.640721,
    ),
    (Particles(), {"amount": 1.0, "radius": 5.0, "width": 0.005}, 0.001, 52.3655),
]


def test_every_component_has_an_example():
    assert {name.split(",")[0] for name in EXAMPLES} == set(COMPONENTS)


@pytest.mark.parametrize(
    ("part", "values", "q", "golden"),
    GOLDEN,
    ids=[f"{g[0].kind}-{k}" for k, g in enumerate(GOLDEN)],
)
def test_golden_numbers(part, values, q, golden):
    assert part.curve(np.array([q]), values).value[0] == pytest.approx(golden, rel=2e-6)


@pytest.mark.parametrize("name", EXAMPLES)
def test_slopes_are_those_of_differences(name):
    part, values = EXAMPLES[name]
    here = part.curve(Q, values)
    assert np.all(np.isfinite(here.value))
    assert set(here.slopes) == {item.name for item in part.quantities} == set(values)
    for key, slope in here.slopes.items():
        step = 1e-5 * max(abs(values[key]), 1e-3)
        up = part.curve(Q, {**values, key: values[key] + step}).value
        down = part.curve(Q, {**values, key: values[key] - step}).value
        difference = (up - down) / (2 * step)
        size = np.abs(difference).max()
        # Differences lose what is small beside the intensity.
        floor = 1e-9 * np.abs(here.value) / step
        np.testing.assert_array_less(
            np.abs(slope - difference), 2e-6 * size + 1e-5 * np.abs(difference) + floor, err_msg=key
        )


@pytest.mark.parametrize("name", EXAMPLES)
def test_amplitudes_are_linear(name):
    part, values = EXAMPLES[name]
    linear = [item.name for item in part.quantities if item.amplitude]
    doubled = {**values, **{key: 2 * values[key] for key in linear}}
    once, twice = part.curve(Q, values).value, part.curve(Q, doubled).value
    np.testing.assert_allclose(twice, 2 * once if linear else once, rtol=1e-12)


@pytest.mark.parametrize("name", EXAMPLES)
def test_candidates_give_a_value_to_all_that_has_none(name):
    part, _ = EXAMPLES[name]
    wanted = {
        item.name
        for item in part.quantities
        if not item.amplitude
        and item.start is None
        and part.stated(item.name).value is None
        and item.name not in ("cutoff",)
    }
    for candidate in part.candidates(Q):
        assert wanted <= set(candidate)


@pytest.mark.parametrize("name", EXAMPLES)
def test_derived_numbers_have_the_gradients_of_differences(name):
    part, values = EXAMPLES[name]
    if name.startswith("unified_level"):
        values = {**values, "power": 4.0, "prefactor": 0.4}
    for key, item in part.derived(values).items():
        for by, slope in item.gradient.items():
            step = 1e-6 * abs(values[by])
            up = part.derived({**values, by: values[by] + step})[key].value
            down = part.derived({**values, by: values[by] - step})[key].value
            assert slope == pytest.approx((up - down) / (2 * step), rel=1e-4, abs=1e-8), (key, by)


def test_a_level_is_the_published_equation():
    q, g, rg, b, p, rc = Q, 30.0, 4.0, 0.2, 4.3, 0.5
    by_hand = (
        g * np.exp(-(q**2) * rg**2 / 3)
        + b * np.exp(-(q**2) * rc**2 / 3) * (erf(q * rg / np.sqrt(6)) ** 3 / q) ** p
    )
    values = {"guinier": g, "radius_of_gyration": rg, "prefactor": b, "power": p, "cutoff": rc}
    np.testing.assert_allclose(UnifiedLevel().curve(q, values).value, by_hand, rtol=2e-5)


def test_equal_spheres_have_a_polydispersity_index_of_one():
    # I(0) = 0.1 V, the surface scatters 0.1·2π S/V q⁻⁴ for φΔρ² = 1; Rg² = 3R²/5.
    radius = 5.0
    volume, surface = 4 / 3 * np.pi * radius**3, 4 * np.pi * radius**2
    values = {
        "guinier": 0.1 * volume,
        "radius_of_gyration": np.sqrt(0.6) * radius,
        "prefactor": 0.1 * 2 * np.pi * surface / volume,
        "power": 4.0,
        "cutoff": 0.0,
    }
    assert UnifiedLevel().derived(values)["polydispersity_index"].value == pytest.approx(1.0)


def test_lognormal_spheres_are_found_back_from_a_level():
    median, s = 4.0, 0.3
    mean = {n: median**n * np.exp(n * n * s * s / 2) for n in (2, 3, 6, 8)}
    values = {
        "guinier": 0.1 * 4 / 3 * np.pi * mean[6] / mean[3],
        "radius_of_gyration": np.sqrt(0.6 * mean[8] / mean[6]),
        "prefactor": 0.1 * 2 * np.pi * 3 * mean[2] / mean[3],
        "power": 4.0,
        "cutoff": 0.0,
    }
    found = UnifiedLevel().derived(values)
    assert found["lognormal_width"].value == pytest.approx(s, rel=1e-9)
    assert found["median_radius_number"].value == pytest.approx(median, rel=1e-9)


def test_a_level_without_a_surface_says_nothing_of_spheres():
    values = {
        "guinier": 1.0,
        "radius_of_gyration": 4.0,
        "prefactor": 0.2,
        "power": 2.0,
        "cutoff": 0.0,
    }
    assert all(math.isnan(item.value) for item in UnifiedLevel().derived(values).values())


@pytest.mark.parametrize("dimension", [1.4, 2.0, 2.7])
def test_a_mass_fractal_is_the_transform_of_its_correlation(dimension):
    length, q = 3.0, 0.9

    def over(q):
        return quad(
            lambda r: r ** (dimension - 1) * np.exp(-r / length) * np.sinc(q * r / np.pi),
            0.0,
            60.0 * length,
            limit=500,
        )[0]

    values = {"intensity_zero": 1.0, "correlation_length": length, "fractal_dimension": dimension}
    ours = MassFractal().curve(np.array([q]), values).value[0]
    assert ours == pytest.approx(over(q) / over(0.0), rel=1e-7)


def test_fractals_end_in_their_powers():
    for part, dimension, power in ((MassFractal(), 1.8, 1.8), (SurfaceFractal(), 2.3, 3.7)):
        values = {"intensity_zero": 1.0, "correlation_length": 1e4, "fractal_dimension": dimension}
        low, high = part.curve(np.array([1.0, 10.0]), values).value
        assert -np.log10(high / low) == pytest.approx(power, abs=1e-3)


def test_guinier_and_porod_meet_without_a_step():
    values = {"guinier": 5.0, "radius_of_gyration": 3.0, "dimension": 1.0, "power": 3.8}
    joint = np.sqrt(2.8 * 2 / 2) / 3.0
    below, above = (
        GuinierPorod().curve(np.array([joint * (1 - 1e-9), joint * (1 + 1e-9)]), values).value
    )
    assert below == pytest.approx(above, rel=1e-7)


def test_random_two_phase_structure_is_the_transform_of_an_exponential():
    length, q = 2.5, 0.7
    over = quad(lambda r: r * np.exp(-r / length) * np.sin(q * r) / q, 0, 200, limit=500)[0]
    zero = quad(lambda r: r * r * np.exp(-r / length), 0, 200)[0]
    values = {"intensity_zero": 1.0, "correlation_length": length}
    assert DebyeAnderson().curve(np.array([q]), values).value[0] == pytest.approx(
        over / zero, rel=1e-7
    )


def test_two_interwoven_phases_are_the_transform_of_a_damped_wave():
    length, period, q = 5.0, 12.0, 0.6
    k = 2 * np.pi / period

    def over(q):
        return quad(
            lambda r: r * np.exp(-r / length) * np.sin(k * r) / k * np.sinc(q * r / np.pi),
            0,
            300,
            limit=1000,
        )[0]

    values = {"intensity_zero": 1.0, "period": period, "correlation_length": length}
    ours = TeubnerStrey().curve(np.array([q]), values).value[0]
    assert ours == pytest.approx(over(q) / over(0.0), rel=1e-6)


def test_stacks_of_all_lengths_are_the_mean_of_stacks():
    """Each is Nallet's sum; lengths have chances p^N, and count by their lamellae."""
    q, d, eta, mean = np.linspace(0.3, 3.0, 40), 8.0, 0.1, 5.0
    lengths = np.arange(1, 200)
    chance = (1 - 1 / mean) ** lengths
    total = np.zeros_like(q)
    for count, weight in zip(lengths, chance, strict=True):
        s = np.ones_like(q)
        for n in range(1, count):
            damp = eta / (4 * np.pi**2) * (np.log(np.pi * n) + np.euler_gamma)
            s += 2 * (1 - n / count) * np.cos(q * d * n) * np.exp(-damp * (q * d) ** 2)
        total += weight * count * s
    total /= (chance * lengths).sum()
    sheet = 0.1 * 2 * np.pi * 2.0 / q**2 * np.sinc(q / np.pi) ** 2
    values = {"amount": 1.0, "thickness": 2.0, "spacing": d, "layers": mean, "caille": eta}
    ours = LamellarStack().curve(q, values).value
    np.testing.assert_allclose(ours, sheet * total, rtol=1e-5, atol=1e-9)


def test_the_area_of_a_peak_is_its_integral():
    for shape, mixing in (("gaussian", {}), ("lorentzian", {}), ("pseudo_voigt", {"mixing": 0.3})):
        part, values = Peak(shape=shape), {"height": 3.0, "position": 50.0, "width": 0.3, **mixing}
        whole = quad(
            lambda t, part=part, values=values: (
                0.15
                / np.cos(t) ** 2
                * part.curve(np.array([50.0 + 0.15 * np.tan(t)]), values).value[0]
            ),
            -np.pi / 2 + 1e-9,
            np.pi / 2 - 1e-9,
        )[0]
        assert part.derived(values)["area"].value == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Peak(shape="square"), "square"),
        (lambda: Peak(mixing=0.3), "no mixing"),
        (lambda: UnifiedLevel(power=9.0), "outside 0.5 to 6"),
        (lambda: UnifiedLevel(guinier="much"), "guinier"),
        (lambda: UnifiedLevel(guinier=float("nan")), "guinier"),
        (lambda: MeasuredCurve(q=(1.0,), intensity=(2.0,)), "2 points"),
        (lambda: MeasuredCurve(q=(1.0, 2.0), intensity=(2.0, math.nan)), "finite"),
        (lambda: Particles(shape="ball"), "Shape"),
        (lambda: Particles(distribution="flat"), "distribution"),
        (lambda: Particles(contrast=0.0), "contrast"),
        (lambda: Particles(structure=Flat()), "structure factor"),
    ],
    ids=range(11),
)
def test_what_makes_no_sense_is_refused(make, match):
    with pytest.raises(SpecError, match=match.replace(".", r"\.")):
        make()
