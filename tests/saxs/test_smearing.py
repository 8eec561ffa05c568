"""Smearing as a matrix against brute-force integrals of models that the package does not know."""

import numpy as np
import pytest

from xrdkit.errors import SpecError
from xrdkit.saxs.smearing import (
    BeamProfile,
    SmearingSpec,
    build_smearing,
    pinhole_smearing,
    read_beam_profile,
    slit_smearing,
)

Q = np.geomspace(0.04, 5.0, 200)
#: Points over which the slow integrals are taken.
SOME = np.arange(0, 200, 13)
LENGTH = 0.3
#: Number median (nm), relative width, coefficient of q⁻⁴.
MODELS = {
    "spheres of 5 nm": (5.0, 0.2, 0.0),
    "narrow": (5.0, 0.03, 0.0),
    "large and narrow": (30.0, 0.03, 0.0),
    "on a steep background": (5.0, 0.2, 2e-4),
    "mostly steep background": (5.0, 0.2, 1.0),
}


def form_factor(x):
    return (3.0 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2


def model(name):
    """Return I(q) by a plain sum over radii."""
    median_number, s, porod = MODELS[name]
    median = median_number * np.exp(3 * s**2)
    radius = median * np.exp(np.linspace(-6 * s, 6 * s, 401))
    volume = 4 / 3 * np.pi * radius**3
    # 1 % of volume, contrast 10 (1e10 1/cm²): 0.1 is 1e-21 cm³/nm³ times 1e20 1/cm⁴.
    density = np.exp(-0.5 * (np.log(radius / median) / s) ** 2) / (radius * s * np.sqrt(2 * np.pi))
    share = 0.01 * 0.1 * 10.0**2 * density * volume * np.gradient(radius)

    def intensity(q):
        flat = np.ravel(q)
        blocks = np.array_split(flat, max(1, flat.size // 4000))
        curve = [form_factor(np.outer(block, radius)) @ share for block in blocks]
        return (np.concatenate(curve) + porod * flat**-4.0).reshape(np.shape(q))

    return intensity


def by_slit(intensity, q, weight, reach, points=4001):
    """∫W(u) I(√(q²+u²)) du by the trapezoid rule, over asinh(u/q)."""
    t = np.linspace(0, np.arcsinh(reach / q), points)
    u = q * np.sinh(t)
    rays = weight(u) * q * np.cosh(t)
    return np.trapezoid(intensity(np.hypot(q, u)) * rays, t) / np.trapezoid(rays, t)


def by_pinhole(intensity, q, dq, cut, points=2001):
    v = np.linspace(-cut * dq, cut * dq, points)
    rays = np.exp(-0.5 * (v / dq) ** 2)
    return np.trapezoid(intensity(q + v) * rays, v) / np.trapezoid(rays, v)


def even(u):
    return np.ones_like(u)


@pytest.mark.parametrize("name", MODELS)
def test_slit(name):
    intensity = model(name)
    smearing = slit_smearing(Q, LENGTH)
    found = smearing.apply(intensity(smearing.q_model))
    expected = [by_slit(intensity, q, even, LENGTH) for q in Q[SOME]]
    assert found[SOME] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("cut", [2.5, 3.0])
@pytest.mark.parametrize("name", MODELS)
def test_pinhole(name, cut):
    intensity = model(name)
    smearing = pinhole_smearing(Q, 0.05 * Q, cut=cut)
    found = smearing.apply(intensity(smearing.q_model))
    expected = [by_pinhole(intensity, q, 0.05 * q, cut) for q in Q[SOME]]
    assert found[SOME] == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize("length", [0.05, 1.0, 20.0])
def test_a_slit_smears_a_power_law_as_known(length):
    """∫₀^l (q²+u²)⁻² du = [u/(q²+u²) + atan(u/q)/q]/2q² up to l."""
    smearing = slit_smearing(Q, length)
    found = smearing.apply(smearing.q_model**-4.0)
    known = (length / (Q**2 + length**2) + np.arctan(length / Q) / Q) / (2 * Q**2) / length
    assert found == pytest.approx(known, rel=2e-6)


def test_a_slit_without_end_makes_a_cube_of_a_fourth_power():
    smearing = slit_smearing(Q[:100], 500.0)
    found = 500.0 * smearing.apply(smearing.q_model**-4.0)
    assert found == pytest.approx(np.pi / 4 * Q[:100] ** -3.0, rel=1e-4)


@pytest.mark.parametrize(
    "beam",
    [
        BeamProfile.trapezoid(0.1, 0.3),
        BeamProfile.trapezoid(0.0, 0.3),
        BeamProfile.measured(
            np.linspace(-0.5, 0.5, 41), np.exp(-0.5 * (np.linspace(-0.5, 0.5, 41) / 0.12) ** 2)
        ),
    ],
    ids=["trapezoid", "triangle", "measured"],
)
def test_beams_that_are_not_even(beam):
    intensity = model("on a steep background")
    smearing = slit_smearing(Q, beam)
    found = smearing.apply(intensity(smearing.q_model))
    few = SOME[::3]
    # So many points that the trapezoid rule sees the corners of the beam.
    expected = [by_slit(intensity, q, beam.weight, beam.reach, 10001) for q in Q[few]]
    assert found[few] == pytest.approx(expected, rel=1e-5)


def test_slit_with_width_and_resolution():
    intensity = model("narrow")
    width, relative = 0.02, 0.03
    smearing = slit_smearing(Q, LENGTH, width=width, dq=relative * Q)
    found = smearing.apply(intensity(smearing.q_model))
    for place in (0, 120):
        q = Q[place]

        def slit(p):
            return np.array([by_slit(intensity, x, even, LENGTH, 801) for x in p])

        dq = relative * q
        v = np.linspace(-3 * dq, 3 * dq, 25)
        rays = np.exp(-0.5 * (v / dq) ** 2)
        nodes, weights = np.polynomial.legendre.leggauss(6)
        inner = sum(w / 2 * slit(q + v + width * x) for x, w in zip(nodes, weights, strict=True))
        expected = np.trapezoid(inner * rays, v) / np.trapezoid(rays, v)
        assert found[place] == pytest.approx(expected, rel=1e-4)


def test_a_round_beam_smears_both_ways():
    """Over the plane of the detector, for Guinier's law and q⁻⁴, by a sum over a fine net."""
    sigma, radius = 0.015, 8.0
    q = np.array([0.06, 0.1, 0.2, 0.4])
    net = np.linspace(-3, 3, 241)
    weight = np.exp(-0.5 * net**2)
    weight /= weight.sum()
    places = np.hypot(q[:, None, None] + sigma * net[:, None], sigma * net)
    smearing = slit_smearing(q, BeamProfile.gaussian(sigma), dq=sigma)
    for law in (lambda x: np.exp(-((radius * x) ** 2) / 3), lambda x: (x + 0.05) ** -4.0):
        expected = np.einsum("i,j,qij->q", weight, weight, law(places))
        assert smearing.apply(law(smearing.q_model)) == pytest.approx(expected, rel=1e-3)
        one_way = pinhole_smearing(q, sigma)
        assert abs(one_way.apply(law(one_way.q_model)) / expected - 1)[0] > 0.004


def test_bins_are_two_points_as_they_are_without_smearing():
    spread = 0.04 * Q
    smearing = build_smearing(Q, spread=spread)
    found = smearing.apply(smearing.q_model**-4.0)
    assert found == pytest.approx(0.5 * ((Q + spread) ** -4 + (Q - spread) ** -4), rel=1e-6)


def test_moments_of_bins_and_resolution_add():
    """A parabola of q rises by the variance, that of the Gaussian less what the cut takes."""
    spread, dq = 0.02 * Q, 0.03 * Q
    smearing = pinhole_smearing(Q, dq, spread=spread, cut=5.0)
    rise = smearing.apply(smearing.q_model**2) - Q**2
    cut = 1.0 - 2 * 5.0 * np.exp(-12.5) / np.sqrt(2 * np.pi)
    assert rise == pytest.approx(spread**2 + cut * dq**2, rel=1e-5)


@pytest.mark.parametrize(
    "smearing",
    [
        slit_smearing(Q, 2.0),
        pinhole_smearing(Q, 0.2 * Q),
        slit_smearing(Q, BeamProfile.trapezoid(0.2, 0.5), width=0.01, dq=0.1 * Q),
    ],
    ids=["slit", "pinhole", "both"],
)
def test_what_is_flat_stays_flat(smearing):
    assert smearing.apply(np.ones(smearing.q_model.size)) == pytest.approx(1.0, abs=1e-13)
    assert smearing.matrix.shape == (Q.size, smearing.q_model.size)
    assert np.all(np.diff(smearing.q_model) > 0)
    assert smearing.q_model[0] > 0


def test_several_columns_at_once():
    smearing = slit_smearing(Q, LENGTH)
    columns = np.stack([smearing.q_model**-2.0, smearing.q_model**-4.0], axis=1)
    found = smearing.apply(columns)
    assert found.shape == (Q.size, 2)
    assert np.array_equal(found[:, 1], smearing.apply(columns[:, 1]))
    assert found == pytest.approx(smearing.matrix @ columns, rel=1e-12)


def test_the_same_settings_give_the_same_object():
    first = slit_smearing(Q, LENGTH)
    assert slit_smearing(Q.copy(), LENGTH) is first
    other = slit_smearing(Q, 0.31)
    assert other is not first
    assert other.digest != first.digest
    assert len({first, other}) == 2


def test_a_resolution_beyond_the_centre_stays_finite():
    smearing = pinhole_smearing(Q, 0.8 * Q)
    assert smearing.q_model[0] > 0.02 * Q[0]
    assert np.all(np.isfinite(smearing.apply(smearing.q_model**-4.0)))


def test_points_need_no_order():
    backwards = slit_smearing(Q[::-1], LENGTH)
    forwards = slit_smearing(Q, LENGTH)
    found = backwards.apply(backwards.q_model**-3.0)[::-1]
    assert found == pytest.approx(forwards.apply(forwards.q_model**-3.0), rel=1e-12)


def test_labels_say_what_smears():
    assert slit_smearing(Q, LENGTH).label == "even slit of half length 0.3 1/nm"
    assert "trapezoidal" in slit_smearing(Q, LENGTH, flat=0.1).label
    assert "measured" in slit_smearing(Q, BeamProfile.measured([0, 1, 2], [0, 1, 0])).label
    both = slit_smearing(Q, LENGTH, dq=0.05 * Q, width=0.01).label
    assert "half width 0.01" in both
    assert "5 % of q" in both


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: slit_smearing([0.0, 1.0], 0.3), "not positive"),
        (lambda: slit_smearing([1.0, np.nan], 0.3), "finite"),
        (lambda: slit_smearing(Q, -0.3), "trapezoid"),
        (lambda: slit_smearing(Q, 0.3, flat=0.4), "trapezoid"),
        (lambda: slit_smearing(Q, BeamProfile.trapezoid(0.1, 0.2), flat=0.1), "its own"),
        (lambda: slit_smearing(Q, 0.3, width=-1.0), "width"),
        (lambda: pinhole_smearing(Q, [0.1, 0.2]), "2 values"),
        (lambda: pinhole_smearing(Q, -0.1), "negative"),
        (lambda: pinhole_smearing(Q, 0.1, cut=0.5), "cut"),
        (lambda: SmearingSpec(slit_length=-1.0), "slit_length"),
        (lambda: SmearingSpec(slit_length=0.1, slit_flat=0.2), "beyond"),
        (lambda: SmearingSpec(relative_width=2.0), "relative_width"),
        (lambda: SmearingSpec(cut=0.0), "cut"),
        (lambda: SmearingSpec(slit_profile="beam.pdh"), "BeamProfile"),
        (
            lambda: SmearingSpec(slit_profile=BeamProfile.trapezoid(0.1, 0.2), slit_length=0.2),
            "slit_profile, or",
        ),
        (lambda: BeamProfile.gaussian(0.0), "Gaussian"),
        (lambda: SmearingSpec(across=-0.1), "across"),
        (lambda: BeamProfile.measured([0, 1], [1, 1]), "3 points"),
        (lambda: BeamProfile.measured([0, 2, 1], [1, 1, 1]), "increase"),
        (lambda: BeamProfile.measured([0, 1, 2], [1, np.nan, 1]), "finite"),
        (lambda: BeamProfile.measured([0, 1, 2], [1, -1, 1]), "negative"),
        (lambda: BeamProfile.measured([0, 1, 2], [1, 1, 1], centre=3.0), "centre"),
        (lambda: BeamProfile(points=((0.0, 1.0), (1.0, 2.0))), "add up"),
        (lambda: BeamProfile(points=((0.5, 1.0), (1.5, 1.0))), "from 0"),
    ],
    ids=range(24),
)
def test_what_is_refused(call, match):
    with pytest.raises(SpecError, match=match):
        call()


def test_a_lopsided_beam_is_folded():
    """A ray at -u reaches the same q as one at u."""
    place = np.linspace(-0.1, 0.3, 401)
    beam = BeamProfile.measured(place, np.ones(401), centre=0.0)
    smearing, inner, outer = (slit_smearing(Q, x) for x in (beam, 0.1, 0.3))
    found = smearing.apply(smearing.q_model**-4.0)
    parts = [0.25 * inner.apply(inner.q_model**-4.0), 0.75 * outer.apply(outer.q_model**-4.0)]
    assert found == pytest.approx(sum(parts), rel=2e-3)


def test_a_detector_slit_makes_a_trapezoid_of_an_even_beam():
    """Whole lengths 0.8 and 0.5: even up to 0.15, zero from 0.65 on."""
    beam = BeamProfile.trapezoid(0.4, 0.4).seen_through(0.5)
    known = BeamProfile.trapezoid(0.15, 0.65)
    u = np.linspace(0, 0.7, 141)
    assert beam.weight(u) == pytest.approx(known.weight(u), abs=1e-6)
    assert beam.reach == pytest.approx(0.65)
    triangle = BeamProfile.trapezoid(0.25, 0.25).seen_through(0.5)
    assert triangle.weight(u) == pytest.approx(BeamProfile.trapezoid(0.0, 0.5).weight(u), abs=1e-6)
    short = BeamProfile.gaussian(0.2).seen_through(1e-3)
    inner = u[u < 0.59]
    assert short.weight(inner) == pytest.approx(BeamProfile.gaussian(0.2).weight(inner), abs=1e-2)
    assert "detector slit" in slit_smearing(Q, beam).label
    with pytest.raises(SpecError, match="detector slit"):
        known.seen_through(0.0)


def test_beam_profile_of_a_file(tmp_path):
    place = np.linspace(-2.0, 3.0, 101)
    level = np.clip(np.minimum(place + 1.0, 2.5 - place), 0.0, 1.0)
    path = tmp_path / "beam.pdh"
    rows = "\n".join(f"{x:.6e} {y:.6e} 0.0" for x, y in zip(place, level, strict=True))
    path.write_text(f"BEAM\nSAXS BOX\n 101 0 0 0 0 0 0 0\n0.0 261.2 0.0 1.0 0.1542\n{rows}\n<xml/>")
    beam = read_beam_profile(path, scale=0.5)
    # A trapezoid from -1 to 2.5 with shoulders at 0 and 1.5, halved: middle 0.75/2.
    assert beam.reach == pytest.approx(0.875, abs=0.03)
    assert beam.weight(np.array([0.0]))[0] == pytest.approx(1.0 / 0.625, rel=0.02)
    smooth = BeamProfile.trapezoid(0.375, 0.875)
    read, known = slit_smearing(Q, beam), slit_smearing(Q, smooth)
    assert read.apply(read.q_model**-4.0) == pytest.approx(
        known.apply(known.q_model**-4.0), rel=2e-3
    )
