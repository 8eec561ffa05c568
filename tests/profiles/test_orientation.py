"""Orientation: known directions and degrees come back, with errors that hold."""

import json

import numpy as np
import pytest
from frames_in_memory import SHAPE, make_frames, reference_geometry
from scipy.integrate import quad
from scipy.stats import kstest

import xrdkit as xk
from xrdkit import IntegrationSpec, OrientationSpec, cake
from xrdkit.errors import EmptyResult, SchemaError, SpecError
from xrdkit.profiles.orientation_shapes import SHAPES

G0 = reference_geometry()
OMEGA = G0.solid_angle(SHAPE)
CHI = np.radians(G0.azimuth(SHAPE))
#: Radial positions, degree: a ring on a falling slope.
RING = G0.two_theta(SHAPE)
GAPS = np.zeros(SHAPE, dtype=np.uint16)
GAPS[195:212] = 1
GAPS[:, 100:110] = 1
BAND = (3.0, 6.0)


def cells(counts, **settings):
    settings = {"bins": 12, "range": BAND, "azimuth_bins": 72, "mask": GAPS, **settings}
    settings = {"unit": "two_theta", **settings}
    return cake(make_frames(counts), G0, IntegrationSpec(**settings))


def oriented(direction, log_width, share, shape="maier_saupe"):
    """Relative intensity of every pixel, mean 1 over azimuth."""
    peak = SHAPES[shape].density(CHI - np.radians(direction), log_width)
    return 1 - share + share * peak


def expected_hermans(direction, log_width, share, *, shape="maier_saupe", axis=None):
    """Hermans' factor of the scattering about an axis by adaptive quadrature."""
    at = np.radians(direction if axis is None else axis)

    def density(phi):
        both = np.array([at + phi, at - phi]) - np.radians(direction)
        return float((1 - share + share * SHAPES[shape].density(both, log_width)).sum())

    above = quad(lambda p: density(p) * np.cos(p) ** 2 * np.sin(p), 0, np.pi / 2, limit=200)[0]
    below = quad(lambda p: density(p) * np.sin(p), 0, np.pi / 2, limit=200)[0]
    return 1.5 * above / below - 0.5


@pytest.mark.parametrize("shape", list(SHAPES))
def test_forms_have_mean_1_period_180_and_the_width_that_they_say(shape):
    form = SHAPES[shape]
    chi = np.linspace(-np.pi / 2, np.pi / 2, 4001)
    for width in (0.05, 0.3, 1.0):
        u = form.narrow(width)
        values = form.density(chi, u)
        assert np.trapezoid(values, chi) / np.pi == pytest.approx(1.0, abs=2e-5)
        np.testing.assert_allclose(form.density(chi + np.pi, u), values, rtol=1e-9)
        assert form.full_width(u) == pytest.approx(width, rel=1e-9)
        top, half = form.density(np.array([0.0, width / 2]), u)
        if width < 0.4:  # beyond, wrapped tails lift the half
            assert half / top == pytest.approx(0.5, abs=0.02 if shape == "lorentzian" else 1e-6)


@pytest.mark.parametrize("direction", [-80.0, 0.0, 33.0, 90.0])
@pytest.mark.parametrize("shape", list(SHAPES))
def test_expected_counts_give_direction_share_and_factor(direction, shape):
    u = SHAPES[shape].narrow(np.radians(40.0))
    counts = 1e4 * OMEGA * oriented(direction, u, 0.6, shape) * np.exp(-RING / 3)
    result = xk.orientation(cells(counts), OrientationSpec(range=BAND, shape=shape))
    off = np.mod(result["mean_angle"].values - direction + 90, 180) - 90
    np.testing.assert_allclose(off, 0.0, atol=0.05)
    np.testing.assert_allclose(result["fraction_oriented"], 0.6, atol=0.01)
    np.testing.assert_allclose(result["full_width"], 40.0, rtol=0.015)
    wanted = expected_hermans(direction, u, 0.6, shape=shape)
    np.testing.assert_allclose(result["hermans"], wanted, atol=0.004)
    wanted = expected_hermans(direction, u, 1.0, shape=shape)
    np.testing.assert_allclose(result["hermans_oriented"], wanted, atol=0.004)
    assert -90 < float(result["mean_angle"][0]) <= 90
    assert result["verdict"].values.tolist() == ["ok"]


CASES = {
    "narrow": (0.5, 0.3, 0.6, 3.0),
    "weak": (3.0, 1.0, 0.5, -40.0),
    "few counts": (0.3, 0.5, 0.7, 80.0),
}


@pytest.mark.parametrize("case", list(CASES))
def test_errors_hold_for_poisson_counts(case):
    """Pulls of 60 frames against the truth, gaps included; a slope over the band."""
    level, width, share, direction = CASES[case]
    u = SHAPES["maier_saupe"].narrow(width)
    rng = np.random.default_rng(1)
    mean = level * OMEGA * oriented(direction, u, share) * np.exp(-RING / 4)
    frames = rng.poisson(mean, (60, *SHAPE)).astype(np.uint32)
    result = xk.orientation(cells(frames), OrientationSpec(range=BAND))
    truth = {
        "mean_angle": direction,
        "hermans": expected_hermans(direction, u, share),
        "fraction_oriented": share,
        "full_width": np.degrees(width),
    }
    assert np.mean(result["verdict"].values == "ok") > 0.95
    for name, value in truth.items():
        error = result[name].values - value
        if name == "mean_angle":
            error = np.mod(error + 90, 180) - 90
        pull = error / result[f"{name}_sigma"].values
        share_within = np.mean(np.abs(pull) < 1)
        assert abs(share_within - 0.683) < 3.3 * np.sqrt(0.683 * 0.317 / 60), (name, share_within)
        assert abs(np.median(pull)) < 3.3 * 1.25 / np.sqrt(60), (name, np.median(pull))
    gof = result["gof"].values
    # Cells that gaps cut have their pixels to one side, which shows where the maximum is narrow.
    assert gof.mean() == pytest.approx(1.0, abs=0.1 if case == "narrow" else 0.04)


ABUNDANT = {
    "30 counts": (30.0, 0.3, 0.6, 3.0),
    "100 counts": (100.0, 0.3, 0.6, 3.0),
    "narrow": (30.0, 0.15, 0.6, 17.0),
    "narrower than cells": (30.0, 0.08, 0.5, 17.0),
}


@pytest.mark.parametrize("case", list(ABUNDANT))
def test_errors_hold_where_counts_abound(case):
    """Pixels do not fill the cells evenly, least at the edges of gaps: that is in the errors.

    It is the same in all frames, so that coverage has no meaning; no pull may be far above 1.
    """
    level, width, share, direction = ABUNDANT[case]
    u = SHAPES["maier_saupe"].narrow(width)
    rng = np.random.default_rng(1)
    mean = level * OMEGA * oriented(direction, u, share) * np.exp(-RING / 4)
    frames = rng.poisson(mean, (12, *SHAPE)).astype(np.uint32)
    result = xk.orientation(cells(frames), OrientationSpec(range=BAND))
    assert set(result["verdict"].values) == {"ok"}
    truth = {
        "mean_angle": (direction, 0.04),
        "hermans": (expected_hermans(direction, u, share), 0.0015),
        "fraction_oriented": (share, 0.0025),
        "full_width": (np.degrees(width), 0.07),
    }
    for name, (value, most) in truth.items():
        sigma = result[f"{name}_sigma"].values
        pull = (result[name].values - value) / sigma
        assert np.sqrt(np.mean(pull**2)) < 1.8, (name, np.sqrt(np.mean(pull**2)))
        assert sigma.max() < most, name


def test_counts_without_noise_and_the_errors_of_cells():
    u = SHAPES["maier_saupe"].narrow(0.3)
    counts = 100.0 * OMEGA * oriented(3.0, u, 0.6) * np.exp(-RING / 4)
    result = xk.orientation(cells(np.round(counts)), OrientationSpec(range=BAND)).isel(frame=0)
    assert float(result["gof"]) < 1
    assert float(result["mean_angle"]) == pytest.approx(3.0, abs=0.03)
    assert float(result["fraction_oriented"]) == pytest.approx(0.6, abs=0.002)
    assert float(result["hermans"]) == pytest.approx(expected_hermans(3.0, u, 0.6), abs=0.002)
    assert float(result["full_width"]) == pytest.approx(np.degrees(0.3), abs=0.1)


def test_isotropic_frames_are_called_so_and_have_even_probabilities():
    rng = np.random.default_rng(2)
    frames = rng.poisson(3.0 * OMEGA * np.exp(-RING / 4), (60, *SHAPE)).astype(np.uint32)
    result = xk.orientation(cells(frames), OrientationSpec(range=BAND))
    p = result["p_isotropic"].values
    assert kstest(p, "uniform").pvalue > 0.01
    assert np.mean(result["verdict"].values == "unidentifiable") > 0.95
    assert "no preferred orientation" in str(result["verdict_reason"].values[np.argmax(p)])
    none = result.isel(frame=result["verdict"].values == "unidentifiable")
    for name in ("mean_angle", "fraction_oriented", "full_width", "hermans_oriented"):
        assert np.isnan(none[name]).all()
        assert np.isnan(none[f"{name}_sigma"]).all()
    # A maximum is looked for in all directions: its factor is positive, of the size of its error.
    assert 0 < float((none["hermans"] / none["hermans_sigma"]).mean()) < 2
    assert float((none["hermans"] / none["hermans_sigma"]).max()) < 4


def test_gaps_with_part_of_a_steep_band_take_nothing_away():
    """A square mask that hides the bright inner half of the band over a fifth of the azimuths."""
    mask = GAPS.copy()
    mask[(RING < 4.0) & (np.abs(np.degrees(CHI) - 40) < 35)] = 1
    u = SHAPES["maier_saupe"].narrow(0.7)
    counts = 1e4 * OMEGA * oriented(40.0, u, 0.5) * np.exp(-RING / 0.7)
    result = xk.orientation(cells(counts, mask=mask, bins=60), OrientationSpec(range=BAND))
    np.testing.assert_allclose(result["mean_angle"], 40.0, atol=0.3)
    np.testing.assert_allclose(result["fraction_oriented"], 0.5, atol=0.02)


def test_harmonics_and_fit_agree_where_both_describe_the_cells():
    """`texture` of one bin as wide as the band against the fit, for the same frames."""
    rng = np.random.default_rng(3)
    u = SHAPES["maier_saupe"].narrow(1.2)
    frames = rng.poisson(10.0 * OMEGA * oriented(25.0, u, 0.4), (20, *SHAPE)).astype(np.uint32)
    result = xk.orientation(cells(frames), OrientationSpec(range=BAND))
    harmonic = xk.texture(cells(frames, bins=1), harmonics=4).isel(two_theta=0)
    error = np.hypot(result["hermans_sigma"], harmonic["hermans_sigma"])
    assert float(np.abs(result["hermans"] - harmonic["hermans"]).max()) < 0.02
    assert float((np.abs(result["hermans"] - harmonic["hermans"]) / error).max()) < 2
    np.testing.assert_allclose(result["mean_angle"], harmonic["phase"], atol=1.5)


@pytest.mark.parametrize("strength", [1.0, 4.0, 15.0])
def test_fibres_are_told_by_what_they_scatter_across_themselves(strength):
    """Rods with the distribution exp(m cos²β) of axes about 70°, each scattering at right angles.

    The intensity at the angle φ from the director is the share of rods that lie across it,
    ∫ f(cos ψ sin φ) dψ; Hermans' factor of the rods is known by itself.
    """
    psi = np.linspace(0, np.pi, 721)
    phi = CHI - np.radians(70.0)
    table = np.linspace(0, np.pi / 2, 400)
    seen = np.trapezoid(np.exp(strength * (np.cos(psi) * np.sin(table[:, None])) ** 2), psi, axis=1)
    intensity = np.interp(np.arcsin(np.abs(np.sin(phi))), table, seen)
    u = np.linspace(0, 1, 20001)
    weight = np.exp(strength * u**2)
    wanted = 1.5 * np.trapezoid(weight * u**2, u) / np.trapezoid(weight, u) - 0.5
    spec = OrientationSpec(range=BAND, axis="perpendicular")
    result = xk.orientation(cells(1e3 * OMEGA * intensity / intensity.mean()), spec)
    np.testing.assert_allclose(result["mean_angle"], 70.0, atol=0.1)
    np.testing.assert_allclose(result["hermans"], wanted, atol=0.012)
    along = xk.orientation(
        cells(1e3 * OMEGA * intensity / intensity.mean()), OrientationSpec(range=BAND)
    )
    np.testing.assert_allclose(along["mean_angle"], -20.0, atol=0.1)


def test_a_director_that_is_stated_counts():
    u = SHAPES["maier_saupe"].narrow(0.6)
    counts = 1e4 * OMEGA * oriented(30.0, u, 0.8)
    for director in (30.0, 75.0, 120.0):
        spec = OrientationSpec(range=BAND, director=director)
        result = xk.orientation(cells(counts), spec)
        wanted = expected_hermans(30.0, u, 0.8, axis=director)
        np.testing.assert_allclose(result["hermans"], wanted, atol=0.004)


def test_two_directions_are_a_misfit_and_errors_grow():
    u = SHAPES["maier_saupe"].narrow(0.4)
    both = 0.5 * oriented(20.0, u, 0.8) + 0.5 * oriented(110.0, u, 0.6)
    counts = np.random.default_rng(4).poisson(30.0 * OMEGA * both)
    result = xk.orientation(cells(counts), OrientationSpec(range=BAND))
    assert result["verdict"].values.tolist() == ["misfit"]
    assert "several directions" in str(result["verdict_reason"].values[0])
    assert float(result["gof"][0]) > 1.5


def test_a_frame_without_intensity_has_nan_and_a_verdict():
    u = SHAPES["maier_saupe"].narrow(0.4)
    frames = np.stack([np.zeros(SHAPE), 100 * OMEGA * oriented(20.0, u, 0.8)])
    result = xk.orientation(cells(frames), OrientationSpec(range=BAND))
    assert result["verdict"].values.tolist() == ["unidentifiable", "ok"]
    assert np.isnan(result["mean_angle"].values[0])
    assert np.isfinite(result["mean_angle"].values[1])
    alone = xk.orientation(cells(frames[1]), OrientationSpec(range=BAND))
    np.testing.assert_array_equal(result["hermans"].values[1], alone["hermans"].values[0])


def test_the_cake_is_unchanged_and_settings_are_checked():
    data = cells(np.random.default_rng(7).poisson(3 * OMEGA))
    before = data.copy(deep=True)
    result = xk.orientation(data, OrientationSpec(range=BAND))
    assert before.identical(data)
    assert json.loads(result.attrs["provenance"])[-1]["step"] == "orientation"
    single = xk.orientation(data.isel(frame=0), OrientationSpec(range=BAND))
    assert single["mean_angle"].dims == ()
    np.testing.assert_array_equal(single["hermans"], result["hermans"][0])
    with pytest.raises(EmptyResult, match=r"no radial bin lies in 40 to 50"):
        xk.orientation(data, OrientationSpec(range=(40, 50)))
    with pytest.raises(SchemaError, match="unequal"):
        xk.orientation(data.isel(azimuth=[0, 1, 2, 5, 6]), OrientationSpec(range=BAND))
    with pytest.raises(SpecError, match="not an OrientationSpec"):
        xk.orientation(data, (3.0, 6.0))
    for wrong in ({"range": (2, 1)}, {"axis": "x"}, {"shape": "voigt"}, {"director": np.nan}):
        with pytest.raises(SpecError, match=next(iter(wrong))):
            OrientationSpec(**{"range": BAND, **wrong})
