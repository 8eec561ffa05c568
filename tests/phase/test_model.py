"""The Jacobian of the whole pattern against differences."""

from dataclasses import replace

import numpy as np
import pytest

from xrdkit.phase import (
    Absorption,
    InstrumentWidths,
    PhaseSpec,
    RefinementSpec,
    Roughness,
    embedded_structure,
)
from xrdkit.phase.model import PatternModel

WIDE = {"profile_reach": 1000.0, "background": 3}
CASES = {
    "laboratory": RefinementSpec(
        refine_displacement=True, displacement=0.05, goniometer_radius=173.0, b_iso=True, **WIDE
    ),
    "standard": RefinementSpec(size=False, strain=False, refine_instrument=True, **WIDE),
    "axial": RefinementSpec(
        axial=0.06,
        tails=(0.04, 0.3),
        refine_tails=True,
        refine_axial=True,
        refine_penetration=True,
        penetration=0.2,
        goniometer_radius=217.5,
        **WIDE,
    ),
    "oriented": RefinementSpec(
        of_phase=(
            PhaseSpec(
                name="Al2O3", march_axis=(0, 0, 1), march=0.7, atoms=("O*.*", "Al*.z", "Al*.b")
            ),
            PhaseSpec(name="CaF2", harmonics=6),
        ),
        **WIDE,
    ),
    "voigt": RefinementSpec(
        instrument=InstrumentWidths(u=0.01, v=-0.002, w=0.004, x=0.01, y=0.02),
        size_profile="voigt",
        refine_zero=True,
        **WIDE,
    ),
    "anisotropic": RefinementSpec(
        of_phase=(
            PhaseSpec(
                name="Al2O3",
                strain_anisotropy="stephens",
                strain_mixing=0.6,
                refine_strain_mixing=True,
                size_axis=(0, 0, 1),
                size_ratio=1.7,
                size_profile="voigt",
            ),
            PhaseSpec(name="CaF2", strain_anisotropy="stephens"),
        ),
        instrument=InstrumentWidths(u=0.01, v=-0.002, w=0.004, x=0.01, y=0.02),
        **WIDE,
    ),
    "capillary": RefinementSpec(
        geometry="debye_scherrer",
        absorption=Absorption(kind="capillary", amount=0.8, refine=True),
        b_iso=True,
        **WIDE,
    ),
    "thin and rough": RefinementSpec(
        absorption=Absorption(kind="plate_reflection", amount=0.4, refine=True),
        roughness=Roughness(model="suortti", a=0.5, b=0.6, refine=True),
        **WIDE,
    ),
    "plate and rough": RefinementSpec(
        absorption=Absorption(kind="plate_symmetric", amount=0.9, refine=True),
        roughness=Roughness(model="pitschke", a=0.1, b=0.05, refine=True),
        **WIDE,
    ),
    "plate across the beam": RefinementSpec(
        absorption=Absorption(kind="plate_normal", amount=0.9, refine=True), **WIDE
    ),
    "spheres": RefinementSpec(
        instrument=InstrumentWidths(u=0.01, v=-0.002, w=0.004, x=0.01, y=0.02, axial=0.04),
        of_phase=(
            PhaseSpec(
                name="Al2O3",
                size_profile="lognormal",
                size_sigma=0.3,
                harmonics=2,
                strain_anisotropy="stephens",
            ),
            PhaseSpec(name="CaF2", size_profile="lognormal"),
        ),
        humps=((30.0, 6.0), (55.0, 12.0)),
        **WIDE,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_jacobian_agrees_with_differences(case):
    spec = CASES[case]
    structures = [embedded_structure("Al2O3"), embedded_structure("CaF2")]
    doublet = case == "laboratory"
    model = PatternModel(
        structures,
        np.linspace(20, 80, 1500),
        spec,
        wavelengths=(1.5405929, 1.5444274) if doublet else (1.2,),
        weights=(2 / 3, 1 / 3) if doublet else (1.0,),
        emission_widths=(4e-4, 5e-4) if doublet else (),
        integrated=False,
    )
    begin = model.plan(
        width=0.15,
        scales=[30.0, 50.0],
        background=[100.0, -20.0, 5.0, 30.0, 60.0][: 3 + len(spec.humps)],
    )
    begin = replace(begin, values={**begin.values, "gauss_low": 0.02, "gauss_high": 0.05})
    names = sorted(begin.free)
    slopes = model.slopes(begin.values, names)
    assert len(names) >= 12
    for name, row in zip(names, slopes, strict=True):
        step = 1e-4 * begin.units[name]
        up = model.pattern({**begin.values, name: begin.values[name] + step})
        down = model.pattern({**begin.values, name: begin.values[name] - step})
        expected = (up - down) / (2 * step)
        assert np.abs(row - expected).max() < 1e-5 * np.abs(expected).max(), name


def test_phases_and_background_add_up_and_with_spec_leaves_the_model_alone():
    spec = RefinementSpec(background=2)
    structures = [embedded_structure("Si")]
    model = PatternModel(
        structures,
        np.linspace(20, 60, 500),
        spec,
        wavelengths=(1.0,),
        weights=(1.0,),
        integrated=True,
    )
    begin = model.plan(
        width=0.2,
        scales=[2.0],
        background=[5, 1],
    )
    whole = model.pattern(begin.values)
    parts = model.background(begin.values) + model.phases(begin.values).sum(axis=0)
    np.testing.assert_allclose(whole, parts, rtol=1e-14)
    assert model.with_spec(replace(spec, profile_reach=5.0)).spec.profile_reach == 5.0
    assert model.spec is spec
