"""Absorption and roughness: the formulas against known numbers, and what a fit makes of them."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit import provenance
from xrdkit.errors import SpecError
from xrdkit.phase import (
    Absorption,
    InstrumentWidths,
    PhaseSpec,
    RefinementSpec,
    Roughness,
    embedded_structure,
)
from xrdkit.phase.cylinder import cylinder_transmission
from xrdkit.phase.effects import GAUSS_NODES
from xrdkit.phase.model import PatternModel

ANGLES = np.linspace(15, 120, 5251)
WIDTHS = InstrumentWidths(w=0.006, x=0.02)
ROUND = tuple(float(v) for v in np.linspace(0.0, 180.0, 19))


def model(spec, angles=ANGLES, name="CeO2"):
    return PatternModel(
        [embedded_structure(name)],
        angles,
        spec,
        wavelengths=(1.5405929,),
        weights=(1.0,),
        integrated=False,
    )


def factor(angles=ANGLES, **asked):
    """Return 2θ of lines and their amplitudes over those without absorption."""
    made, plain = model(RefinementSpec(**asked), angles), model(RefinementSpec(), angles)
    wide = dict.fromkeys(GAUSS_NODES, 0.01)
    one = made.shapes({**made.neutral_values(), **wide}, 0).lines
    other = plain.shapes({**plain.neutral_values(), **wide}, 0).lines
    return one.angle, one.amplitude / other.amplitude


@pytest.mark.parametrize("mu_r", [0.1, 0.5, 1.0, 2.0, 5.0])
def test_the_cylinder_forwards_against_its_chords(mu_r):
    # Where a chord of length c = 2R cos u is passed as a whole, A = 1/(πR²) ∫ c exp(-µc) dy.
    u = np.linspace(-np.pi / 2, np.pi / 2, 200_001)
    falling = np.exp(-2.0 * mu_r * np.cos(u))
    expected = np.trapezoid(2.0 * np.cos(u) ** 2 * falling, u) / np.pi
    assert cylinder_transmission(mu_r, (0.0,))[0][0] == pytest.approx(expected, rel=2e-4)


def test_the_cylinder_against_tables():
    # International Tables C (2004), table 6.3.3.2: A*(0) = 5.091 for µR = 1, and A(180)/A(0).
    value, _ = cylinder_transmission(1.0, (0.0, 180.0))
    assert 1 / value[0] == pytest.approx(5.091, abs=5e-4)
    assert value[1] / value[0] == pytest.approx(1.5023, abs=2e-4)
    value, _ = cylinder_transmission(0.5, (0.0, 180.0))
    assert value[1] / value[0] == pytest.approx(1.1219, abs=2e-4)


@pytest.mark.parametrize(("mu_r", "within"), [(0.2, 0.003), (0.5, 0.004), (1.0, 0.012)])
def test_the_cylinder_against_the_polynomial_of_rouse_and_hewat(mu_r, within):
    sine = np.sin(np.radians(ROUND) / 2) ** 2
    polynomial = np.exp(-(1.7133 - 0.0368 * sine) * mu_r + (0.0927 + 0.375 * sine) * mu_r**2)
    np.testing.assert_allclose(cylinder_transmission(mu_r, ROUND)[0], polynomial, rtol=within)


@pytest.mark.parametrize("mu_r", [0.3, 1.0, 5.0])
def test_the_integral_has_converged(mu_r):
    fine, fine_slope = cylinder_transmission(mu_r, ROUND, points=300)
    value, slope = cylinder_transmission(mu_r, ROUND)
    np.testing.assert_allclose(value, fine, rtol=2e-4)
    np.testing.assert_allclose(slope, fine_slope, rtol=2e-4)


def test_the_grid_of_angles_is_fine_enough():
    for mu_r in (0.5, 2.0, 5.0):
        angle, found = factor(
            geometry="debye_scherrer", absorption=Absorption(kind="capillary", amount=mu_r)
        )
        seen = angle < 175
        direct = cylinder_transmission(mu_r, (0.0, *angle[seen]))[0]
        np.testing.assert_allclose(found[seen], direct[1:] / direct[0], rtol=1e-3)


def test_plates_have_their_formulas():
    angle, found = factor(absorption=Absorption(kind="plate_reflection", amount=0.3))
    sine = np.sin(np.radians(angle) / 2)
    np.testing.assert_allclose(found, 1 - np.exp(-0.6 / sine), rtol=1e-9)
    angle, found = factor(absorption=Absorption(kind="plate_symmetric", amount=1.2))
    cosine = np.cos(np.radians(angle) / 2)
    np.testing.assert_allclose(found, np.exp(-1.2 * (1 / cosine - 1)) / cosine, rtol=1e-9)
    angles = np.linspace(15, 80, 3001)
    angle, found = factor(angles, absorption=Absorption(kind="plate_normal", amount=1.2))
    seen = angle < 80
    depth = (np.arange(2000) + 0.5) / 2000
    outs = 1 / np.cos(np.radians(angle[seen]))[:, None]
    mean = np.exp(-1.2 * (depth + (1 - depth) * outs)).mean(axis=1) / np.exp(-1.2)
    np.testing.assert_allclose(found[seen], mean, rtol=1e-6)
    with pytest.raises(SpecError, match="lets nothing out"):
        factor(absorption=Absorption(kind="plate_normal", amount=1.2))


@pytest.mark.parametrize(
    ("rough", "law"),
    [
        (Roughness(model="suortti", a=0.3, b=0.5), lambda w: 0.3 + 0.7 * np.exp(-0.5 * w)),
        (Roughness(model="pitschke", a=0.1, b=0.04), lambda w: 1 - 0.1 * (w - 0.04 * w**2)),
    ],
    ids=["suortti", "pitschke"],
)
def test_roughness_weakens_low_lines(rough, law):
    angle, found = factor(roughness=rough)
    way = 1 / np.sin(np.radians(angle) / 2)
    np.testing.assert_allclose(found, law(way) / law(1.0), rtol=1e-9)
    assert np.all(np.diff(found) > 0)


def counted(spec, seed, name="CeO2", **values):
    made = model(spec, name=name)
    known = {**made.neutral_values(), "background0": 100.0, "background1": 0.0, "background2": 0.0}
    known |= {"phase0_scale": 4e3, "phase0_inverse_size": 0.02, **values}
    counts = np.random.default_rng(seed).poisson(made.pattern(known)).astype(float)
    return xk.pattern(ANGLES, counts, wavelength="CuKa1")


COMMON = {"instrument": WIDTHS, "background": 3, "strain": False}


@pytest.mark.parametrize(
    ("geometry", "kind", "amount"),
    [
        ("debye_scherrer", "capillary", 1.2),
        ("debye_scherrer", "plate_symmetric", 0.6),
        ("bragg_brentano", "plate_reflection", 0.35),
    ],
)
def test_absorption_is_found_with_its_error(geometry, kind, amount):
    pulls = []
    for seed in range(8):
        spec = RefinementSpec(
            geometry=geometry,
            absorption=Absorption(kind=kind, amount=0.5, refine=True),
            **COMMON,
        )
        profile = counted(spec, seed, absorption=amount)
        result = xk.refine_phases(profile, ["CeO2"], spec)
        assert result.verdict.item() == "ok"
        assert "takes their error" in result.verdict_reason.item()
        pulls.append((result.absorption.item() - amount) / result.absorption_sigma.item())
    assert abs(np.mean(pulls)) < 4 / np.sqrt(8)
    assert 0.3 < np.std(pulls) < 2.0


def test_known_absorption_leaves_b_right_and_none_makes_it_wrong():
    spec = RefinementSpec(
        geometry="debye_scherrer",
        absorption=Absorption(kind="capillary", amount=1.5),
        b_iso=True,
        **COMMON,
    )
    profile = counted(spec, 3)
    right = xk.refine_phases(profile, ["CeO2"], spec)
    own = embedded_structure("CeO2")
    counts = np.array(own.atoms_per_cell())
    true = counts @ [s.b_iso for s in own.sites] / counts.sum()
    assert abs(right.b_iso.values[0] - true) < 4 * right.b_iso_sigma.values[0]
    plain = RefinementSpec(geometry="debye_scherrer", b_iso=True, **COMMON)
    wrong = xk.refine_phases(profile, ["CeO2"], plain)
    # Capillaries let high angles out more easily: B seems smaller.
    assert wrong.b_iso.values[0] < true - 10 * wrong.b_iso_sigma.values[0]


def test_absorption_beside_b_is_told_to_be_one_thing():
    spec = RefinementSpec(
        geometry="debye_scherrer",
        absorption=Absorption(kind="capillary", amount=1.0, refine=True),
        b_iso=True,
        **COMMON,
    )
    result = xk.refine_phases(counted(spec, 5), ["CeO2"], spec)
    assert "absorption and CeO2 b_iso are hardly told apart" in result.verdict_reason.item()


def test_roughness_is_found():
    spec = RefinementSpec(roughness=Roughness(model="suortti", a=0.5, b=0.3, refine=True), **COMMON)
    profile = counted(spec, 2, roughness_a=0.3, roughness_b=0.6)
    result = xk.refine_phases(profile, ["CeO2"], spec)
    for name, true in (("roughness_a", 0.3), ("roughness_b", 0.6)):
        assert abs(result[name].item() - true) < 4 * result[name + "_sigma"].item()


def test_what_is_corrected_already_is_refused():
    spec = RefinementSpec(
        geometry="debye_scherrer", absorption=Absorption(kind="capillary", amount=1.0), **COMMON
    )
    profile = counted(spec, 1)
    xk.refine_phases(profile, ["CeO2"], spec)
    listed = profile.assign_coords(correction=["solid_angle", "capillary_absorption"])
    with pytest.raises(SpecError, match="corrected for capillary absorption already"):
        xk.refine_phases(listed, ["CeO2"], spec)
    # The record tells where the coordinate is gone, and the coordinate where both are there.
    recorded = provenance.append(profile, "correct:PlateAbsorption", {})
    with pytest.raises(SpecError, match="corrected for plate absorption already"):
        xk.refine_phases(recorded, ["CeO2"], spec)
    left_out = recorded.assign_coords(correction=["solid_angle"])
    xk.refine_phases(left_out, ["CeO2"], spec)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"absorption": Absorption(kind="capillary", amount=1.0)}, "does not belong to geometry"),
        (
            {
                "absorption": Absorption(kind="plate_reflection", amount=1.0),
                "geometry": "debye_scherrer",
            },
            "does not belong to geometry",
        ),
        (
            {
                "roughness": Roughness(model="suortti", a=0.5, b=0.5),
                "geometry": "debye_scherrer",
            },
            "a surface that reflects",
        ),
    ],
    ids=["capillary that reflects", "thin plate in transmission", "rough capillary"],
)
def test_samples_belong_to_their_geometry(settings, text):
    profile = counted(RefinementSpec(**COMMON), 1)
    with pytest.raises(SpecError, match=text):
        xk.refine_phases(profile, ["CeO2"], RefinementSpec(**settings))


@pytest.mark.parametrize(
    ("kind", "settings", "text"),
    [
        (Absorption, {"kind": "sphere", "amount": 1.0}, "not one of: capillary"),
        (Absorption, {"kind": "capillary", "amount": 7.0}, "at most 5"),
        (Absorption, {"kind": "capillary", "amount": 0.0}, "not above 0"),
        (Absorption, {"kind": "capillary", "amount": True}, "not above 0"),
        (Absorption, {"kind": "capillary", "amount": 1.0, "refine": 1}, "neither true nor false"),
        (Roughness, {"model": "sparks", "a": 0.1, "b": 0.1}, "not one of: suortti"),
        (Roughness, {"model": "suortti", "a": 1.1, "b": 0.1}, "outside 0.0 to 1.0"),
        (Roughness, {"model": "pitschke", "a": 0.1, "b": 1.0}, "outside 0.0 to 0.5"),
        (RefinementSpec, {"absorption": 0.5}, "is no Absorption"),
        (
            RefinementSpec,
            {
                "mode": "pawley",
                "absorption": Absorption(kind="capillary", amount=1.0, refine=True),
            },
            "free lines tell neither",
        ),
    ],
    ids=lambda v: None if isinstance(v, type | str) else "settings",
)
def test_settings_out_of_range_are_refused(kind, settings, text):
    with pytest.raises(SpecError, match=text):
        kind(**settings)


def test_one_amount_for_all_phases():
    spec = RefinementSpec(
        geometry="debye_scherrer",
        absorption=Absorption(kind="capillary", amount=0.5, refine=True),
        of_phase=(PhaseSpec(name="Si"),),
        **COMMON,
    )
    made = PatternModel(
        [embedded_structure("CeO2"), embedded_structure("Si")],
        ANGLES,
        spec,
        wavelengths=(1.5405929,),
        weights=(1.0,),
        integrated=False,
    )
    known = {**made.neutral_values(), "background0": 100.0, "background1": 0.0, "background2": 0.0}
    known |= {"phase0_scale": 3e3, "phase1_scale": 5e3, "absorption": 1.1}
    known |= {"phase0_inverse_size": 0.02, "phase1_inverse_size": 0.02}
    counts = np.random.default_rng(4).poisson(made.pattern(known)).astype(float)
    result = xk.refine_phases(xk.pattern(ANGLES, counts, wavelength="CuKa1"), ["CeO2", "Si"], spec)
    assert result.absorption.dims == ()
    assert abs(result.absorption.item() - 1.1) < 4 * result.absorption_sigma.item()
