"""Particles with interference, against plain sums over radii; models for kinds of samples."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.errors import SpecError
from xrdkit.saxs.models import (
    Flat,
    LamellarStack,
    Model,
    Particles,
    emulsion,
    fit_model,
    lamellar_gel,
    porous_carbon,
    supported_catalyst,
)
from xrdkit.saxs.shapes import CoreShell, Sphere
from xrdkit.saxs.structure_factors import FractalAggregate, HardSphere, hard_sphere

Q = np.geomspace(0.02, 4.0, 120)
ETA = 0.25


def shares(median=6.0, s=0.15):
    radius = median * np.exp(np.linspace(-8 * s, 8 * s, 1501))
    share = np.exp(-0.5 * (np.log(radius / median) / s) ** 2)
    return radius, share / share.sum()


def volume(radius):
    return 4 / 3 * np.pi * radius**3


def test_each_particle_sits_among_its_own_size(curves):
    radius, share = shares()
    total = np.zeros_like(Q)
    for r, w in zip(radius, share, strict=True):
        s = hard_sphere(Q, radius=1.2 * r, effective_volume_fraction=ETA)
        total += 0.1 * w * volume(r) * curves.sphere_amplitude(Q * r) ** 2 * s
    values = {"amount": 1.0, "radius": 6.0, "width": 0.15}
    values |= {"effective_volume_fraction": ETA, "radius_ratio": 1.2}
    ours = Particles(structure=HardSphere()).curve(Q, values).value
    np.testing.assert_allclose(ours, total, rtol=2e-5)


def test_sizes_decoupled_from_places(curves):
    radius, share = shares()
    number = share / volume(radius)
    amplitude = volume(radius) * curves.sphere_amplitude(np.outer(Q, radius))
    square, mean = (amplitude**2) @ number, amplitude @ number
    middle = np.cbrt(share.sum() / number.sum() * 3 / (4 * np.pi))
    s = hard_sphere(Q, radius=middle, effective_volume_fraction=ETA)
    total = 0.1 * (square + mean**2 / number.sum() * (s - 1))
    values = {"amount": 1.0, "radius": 6.0, "width": 0.15}
    values |= {"effective_volume_fraction": ETA, "radius_ratio": 1.0}
    part = Particles(structure=HardSphere(approximation="decoupling"))
    np.testing.assert_allclose(part.curve(Q, values).value, total, rtol=1e-7)


def test_shells_count_to_the_sphere_of_interaction(curves):
    radius, share = shares(5.0)
    total = np.zeros_like(Q)
    for r, w in zip(radius, share, strict=True):
        core, whole = volume(r), volume(r + 2.0)
        amplitude = 25 * core * curves.sphere_amplitude(Q * r)
        amplitude += 5 * whole * curves.sphere_amplitude(Q * (r + 2.0))
        s = hard_sphere(Q, radius=r + 2.0, effective_volume_fraction=ETA)
        total += 0.1 * w * amplitude**2 / core * s
    part = Particles(
        shape=CoreShell(core_contrast=30.0, shell_contrast=5.0), structure=HardSphere()
    )
    values = {"amount": 1.0, "radius": 5.0, "width": 0.15, "shell_thickness": 2.0}
    values |= {"effective_volume_fraction": ETA, "radius_ratio": 1.0}
    ours = part.curve(Q, values).value
    # Ripples that the lattice of radii does not tell are faded, near minima of the shell.
    np.testing.assert_allclose(ours, total, rtol=2e-3)


def test_nothing_interferes_where_nothing_is_there(curves):
    dilute = Particles().curve(Q, {"amount": 1.0, "radius": 6.0, "width": 0.15}).value
    for part in (HardSphere(), HardSphere(approximation="decoupling")):
        values = {"amount": 1.0, "radius": 6.0, "width": 0.15}
        values |= {"effective_volume_fraction": 0.0, "radius_ratio": 1.0}
        ours = Particles(structure=part).curve(Q, values).value
        np.testing.assert_allclose(ours, dilute, rtol=1e-12)


def test_volume_fractions_stay_apart(curves):
    """φ follows from the scattering, η from the order: they are found each by itself."""
    part = Particles(structure=HardSphere(), contrast=10.0, contrast_sigma=0.1)
    values = {"amount": 2.0, "radius": 6.0, "width": 0.15}
    values |= {"effective_volume_fraction": 0.35, "radius_ratio": 1.0}
    clean = part.curve(curves.Q, values).value + 0.05
    result = fit_model(curves.exact(clean), Model(components=(part, Flat())))
    fraction = result.sel(derived="particles.volume_fraction")
    assert fraction["derived_value"].item() == pytest.approx(0.02, rel=1e-4)
    # The contrast counts twice: 2 % of 0.02.
    assert fraction["derived_sigma"].item() == pytest.approx(4e-4, rel=0.05)
    assert curves.value(result, "particles.effective_volume_fraction") == pytest.approx(
        0.35, rel=1e-4
    )


def test_aggregates_of_spheres_are_found(curves):
    part = Particles(structure=FractalAggregate())
    values = {"amount": 0.5, "radius": 4.0, "width": 0.12}
    values |= {"fractal_dimension": 1.9, "correlation_length": 60.0}
    clean = part.curve(curves.Q, values).value + 0.02
    result = fit_model(curves.noisy(clean, 2), Model(components=(part, Flat())))
    assert result["verdict"].item() == "ok", result["verdict_reason"].item()
    for key, truth in values.items():
        error = curves.value(result, f"particles.{key}", "sigma")
        assert abs(curves.value(result, f"particles.{key}") - truth) < 4 * error, key


def test_a_catalyst_is_metal_on_its_support(curves):
    q = curves.Q
    metal = {"amount": 0.05, "radius": 1.6, "width": 0.25}
    clean = Particles().curve(q, metal).value + 60.0 / (1 + (q * 6.0) ** 2) ** 2
    clean = clean + 2e-4 * q**-4 + 0.01
    result = fit_model(curves.noisy(clean, 1), supported_catalyst(contrast=110.0))
    assert result["verdict"].item() == "ok", result["verdict_reason"].item()
    assert result["component"].values.tolist() == ["metal", "support", "grains", "flat"]
    for key, truth in metal.items():
        error = curves.value(result, f"metal.{key}", "sigma")
        assert abs(curves.value(result, f"metal.{key}") - truth) < 4 * error, key
    assert "metal.volume_fraction" in result["derived"].values


def test_pores_end_where_the_surface_of_grains_begins(curves):
    q = curves.Q
    clean = curves.level(30.0, 1.5, 4.0, 4.0) + 2e-3 * q**-3.6 * np.exp(-((q * 1.5) ** 2) / 3)
    result = fit_model(curves.noisy(clean + 0.01, 1), porous_carbon())
    assert result["verdict"].item() == "ok", result["verdict_reason"].item()
    assert curves.value(result, "pores.radius_of_gyration") == pytest.approx(1.5, rel=0.02)
    assert curves.value(result, "surface.power") == pytest.approx(3.6, abs=0.05)
    assert curves.value(result, "surface.cutoff") == curves.value(
        result, "pores.radius_of_gyration"
    )


def test_droplets_keep_apart(curves):
    part = emulsion().components[0]
    values = {"amount": 1.0, "radius": 8.0, "width": 0.15}
    values |= {"effective_volume_fraction": 0.2, "radius_ratio": 1.0}
    clean = part.curve(curves.Q, values).value + 0.05
    result = fit_model(curves.noisy(clean, 1), emulsion())
    assert result["verdict"].item() == "ok", result["verdict_reason"].item()
    for key in ("radius", "width", "effective_volume_fraction"):
        error = curves.value(result, f"droplets.{key}", "sigma")
        assert abs(curves.value(result, f"droplets.{key}") - values[key]) < 4 * error, key


def test_orders_of_a_gel_share_one_spacing(curves):
    q = curves.Q

    def peak(height, place, width):
        return height * np.exp(-4 * np.log(2) * ((q - place) / width) ** 2)

    clean = peak(5.0, 0.6, 0.06) + peak(1.2, 1.2, 0.09) + 0.003 * q**-3.2 + 0.1
    result = fit_model(curves.noisy(clean, 1), lamellar_gel(orders=2))
    assert result["verdict"].item() == "ok", result["verdict_reason"].item()
    spacing = result["derived_value"].sel(derived="order_1.spacing").item()
    assert spacing == pytest.approx(2 * np.pi / 0.6, rel=2e-3)
    assert curves.value(result, "order_2.position") == pytest.approx(
        2 * curves.value(result, "order_1.position"), rel=1e-12
    )


def test_a_stack_is_found_by_its_orders(curves):
    values = {"amount": 0.4, "thickness": 3.0, "spacing": 9.0, "layers": 15.0, "caille": 0.08}
    clean = LamellarStack().curve(curves.Q, values).value + 0.05
    model = Model(components=(LamellarStack(), Flat()))
    result = fit_model(curves.noisy(clean, 1), model)
    assert result["verdict"].item() == "ok", result["verdict_reason"].item()
    for key, truth in values.items():
        error = curves.value(result, f"lamellar_stack.{key}", "sigma")
        assert abs(curves.value(result, f"lamellar_stack.{key}") - truth) < 4 * error, key


def shells(core=30.0, outer=5.0, **options):
    shape = CoreShell(core_contrast=core, shell_contrast=outer)
    return Model(components=(Particles(shape=shape, **options), Flat()))


def test_errors_of_the_contrasts_of_core_and_shell():
    """What one standard error of each does to the numbers, by fitting with the other contrast."""
    q = np.geomspace(0.05, 4.0, 150)
    values = {"amount": 0.01, "radius": 6.0, "width": 0.12, "shell_thickness": 2.0}
    clean = shells().components[0].curve(q, values).value + 0.01
    noise = np.random.default_rng(1).standard_normal(q.size)
    profile = xk.profile(q, clean * (1 + 0.01 * noise), 0.01 * clean, unit="1/nm")
    plain, core, shell, both = (
        fit_model(profile, model)
        for model in (
            shells(),
            shells(core=30.3),
            shells(outer=5.1),
            shells(core_contrast_sigma=0.3, shell_contrast_sigma=0.1),
        )
    )
    np.testing.assert_allclose(both["parameter_value"], plain["parameter_value"])
    for name in ("amount", "radius", "shell_thickness"):
        at = {"parameter": f"particles.{name}"}
        steps = [
            float((r["parameter_value"] - plain["parameter_value"]).sel(at)) for r in (core, shell)
        ]
        wanted = np.hypot(float(plain["parameter_sigma"].sel(at)), np.hypot(*steps))
        assert wanted > 2 * float(plain["parameter_sigma"].sel(at))
        assert float(both["parameter_sigma"].sel(at)) == pytest.approx(wanted, rel=0.1)
    at = {"derived": "particles.volume_fraction"}
    assert float(both["derived_sigma"].sel(at)) > 5 * float(plain["derived_sigma"].sel(at))


@pytest.mark.parametrize(
    "options",
    [
        {"core_contrast_sigma": -1.0},
        {"shape": Sphere(), "core_contrast_sigma": 1.0},
        {
            "shape": CoreShell(core_contrast=30.0, shell_contrast=5.0, fit_shell_contrast=True),
            "shell_contrast_sigma": 1.0,
        },
    ],
    ids=["negative", "no core", "fitted"],
)
def test_wrong_errors_of_contrasts(options):
    with pytest.raises(SpecError, match="contrast_sigma"):
        Particles(**({"shape": CoreShell(core_contrast=30.0, shell_contrast=5.0)} | options))


def spheres_of(q, *, eta=0.0):
    values = {"amount": 1.0, "radius": 6.0, "width": 0.08}
    if not eta:
        return Particles().curve(q, values).value
    values |= {"effective_volume_fraction": eta, "radius_ratio": 1.0}
    return Particles(structure=HardSphere()).curve(q, values).value


def test_interference_that_is_not_there_is_told():
    q = np.geomspace(0.1, 3.0, 120)
    clean = spheres_of(q) + 0.01
    sigma = 0.02 * clean
    said = 0
    for seed in range(4):
        noise = np.random.default_rng(seed).standard_normal(q.size)
        profile = xk.profile(q, clean + sigma * noise, sigma, unit="1/nm")
        result = fit_model(profile, Model(components=(Particles(structure=HardSphere()), Flat())))
        told = "no more interference" in str(result["verdict_reason"].values)
        said += told or str(result["verdict"].values) == "at_bound"
    assert said >= 3


@pytest.mark.parametrize("stated", [1.0, 10.0, 50.0])
def test_errors_that_are_too_large_hide_no_misfit(stated):
    """Interference left out, in curves whose stated errors are up to 50 times their scatter."""
    q = np.geomspace(0.1, 3.0, 200)
    clean = spheres_of(q, eta=0.15) + 0.01
    noise = np.random.default_rng(2).standard_normal(q.size)
    profile = xk.profile(q, clean * (1 + 0.005 * noise), stated * 0.005 * clean, unit="1/nm")
    wrong = fit_model(profile, Model(components=(Particles(), Flat())))
    assert str(wrong["verdict"].values) == "misfit"
    right = fit_model(profile, Model(components=(Particles(structure=HardSphere()), Flat())))
    assert str(right["verdict"].values) == "ok", str(right["verdict_reason"].values)
