"""Desmearing against curves that are known before they are smeared."""

import json

import numpy as np
import pytest
import xarray as xr

import xrdkit as xk
from xrdkit import errors
from xrdkit.saxs import desmear
from xrdkit.saxs.smearing import BeamProfile, SmearingSpec, pinhole_smearing, slit_smearing
from xrdkit.uncertainty import error_model

Q = np.geomspace(0.04, 5.0, 200)


def curve(sets, q, *, flat=0.0, porod=0.0, width=0.2):
    blocks = np.array_split(q, max(1, q.size // 300))
    spheres = [sets.spheres(5.0, width, 0.01, q=block) for block in blocks]
    return np.concatenate(spheres) + flat + porod * q**-4.0


def profile(intensity, sigma, **attrs):
    return xk.profile(Q, intensity, sigma, unit="1/nm").assign_attrs(attrs)


def smeared(smearing, sets, seed, *, relative=0.01, **background):
    """Truth, and one noisy smeared curve with its errors."""
    clean = smearing.apply(curve(sets, smearing.q_model, **background))
    sigma = relative * clean + 1e-3
    noise = np.random.default_rng(seed).standard_normal(Q.size)
    return curve(sets, Q, **background), clean + sigma * noise, sigma


CASES = {
    "slit": (slit_smearing(Q, 0.3), {}),
    "long slit": (slit_smearing(Q, 1.5), {}),
    "slit and backgrounds": (slit_smearing(Q, 0.3), {"flat": 0.1, "porod": 2e-4}),
    "trapezoid": (slit_smearing(Q, BeamProfile.trapezoid(0.2, 0.6)), {}),
    "resolution": (pinhole_smearing(Q, 0.1 * Q), {}),
}
GIVEN = {
    "slit": SmearingSpec(slit_length=0.3),
    "long slit": SmearingSpec(slit_length=1.5),
    "slit and backgrounds": SmearingSpec(slit_length=0.3),
    "trapezoid": SmearingSpec(slit_length=0.6, slit_flat=0.2),
    "resolution": SmearingSpec(relative_width=0.1),
}


@pytest.mark.parametrize("name", CASES)
def test_the_truth_comes_back_within_the_errors(sets, name):
    smearing, background = CASES[name]
    pulls, gofs = [], []
    for seed in range(4):
        truth, intensity, sigma = smeared(smearing, sets, seed, **background)
        found = desmear(profile(intensity, sigma), smearing=GIVEN[name])
        pulls.append((found.intensity.values - truth) / found.sigma.values)
        gofs.append(float(found.gof))
        assert str(found.verdict.values) == "ok"
    pulls = np.array(pulls)
    # Intervals of smoothed curves cover on average over the curve, where it is smooth too often.
    assert 0.61 < np.mean(np.abs(pulls) < 1) < 0.93
    assert np.mean(np.abs(pulls) < 2) > 0.91
    assert np.mean(gofs) == pytest.approx(1.0, abs=0.1)


def test_a_slit_is_undone_to_a_percent(sets):
    truth, intensity, sigma = smeared(slit_smearing(Q, 0.3), sets, 0, relative=1e-3)
    data = profile(intensity, sigma, slit_smeared=1, slit_length=0.3)
    found = desmear(data)
    inner = Q < 0.6
    # Smearing takes a fifth of this curve.
    assert np.max(np.abs(intensity / truth - 1)[inner]) > 0.2
    assert np.max(np.abs(found.intensity / truth - 1)[inner]) < 0.02
    assert np.std((found.intensity_smeared - intensity) / sigma) < 1.1


def test_a_power_law_is_undone_beyond_the_data():
    """∫₀^l (q²+u²)⁻² du /l is known; its tail beyond the last point is part of every ray."""
    length = 1.0
    clean = (length / (Q**2 + length**2) + np.arctan(length / Q) / Q) / (2 * Q**2) / length
    found = desmear(profile(clean, 0.01 * clean), smearing=SmearingSpec(slit_length=length))
    assert found.intensity.values == pytest.approx(Q**-4.0, rel=1e-3)


def test_errors_that_are_stated_too_small_are_scaled(sets):
    _, intensity, sigma = smeared(CASES["slit"][0], sets, 3)
    raw, small = (
        desmear(profile(intensity, s), smearing=GIVEN["slit"]) for s in (sigma, sigma / 3)
    )
    assert float(small.sigma_scale) == pytest.approx(3 * float(raw.sigma_scale), rel=0.02)
    assert small.sigma.values == pytest.approx(raw.sigma.values, rel=0.05)
    plain = desmear(profile(intensity, sigma / 3), smearing=GIVEN["slit"], scale_errors=False)
    assert float(plain.sigma_scale) == 1.0
    assert plain.sigma.values == pytest.approx(small.sigma.values / small.sigma_scale.values)
    assert float(plain.gof) == float(small.gof)


def test_without_errors_they_are_found(sets):
    smearing = CASES["slit"][0]
    clean = smearing.apply(curve(sets, smearing.q_model, flat=0.1))
    noise = np.random.default_rng(1).standard_normal(Q.size)
    data = xk.profile(Q, clean * (1 + 0.02 * noise), unit="1/nm")
    found = desmear(data, smearing=GIVEN["slit"])
    assert np.isnan(found.gof)
    assert float(found.sigma_scale) == pytest.approx(0.02, rel=0.1)
    pulls = ((found.intensity - curve(sets, Q, flat=0.1)) / found.sigma).values
    assert np.mean(np.abs(pulls) < 2) > 0.9


def test_correlations_of_neighbours_are_told(sets):
    _, intensity, sigma = smeared(CASES["slit"][0], sets, 2)
    found = desmear(profile(intensity, sigma), smearing=GIVEN["slit"])
    model = error_model(found)
    assert model.sources == ("desmearing",)
    assert np.allclose(model.sigma, found.sigma)
    assert model.correlated
    # A mean over the curve is better than its points, but not as if these were independent.
    weights = np.full((1, 50), 0.02)
    some = np.zeros(200, dtype=bool)
    some[:50] = True
    mean = np.sqrt(model.propagate(weights, some)[0, 0])
    alone = np.sqrt(np.sum((0.02 * model.sigma[:50]) ** 2))
    assert alone < mean < np.mean(model.sigma[:50])


def test_a_common_source_goes_through_as_it_is(sets):
    """One wrong transmission is the same share of a curve before and after desmearing."""
    _, intensity, sigma = smeared(CASES["slit"][0], sets, 4)
    data = profile(intensity, np.hypot(sigma, 0.03 * intensity))
    data = data.assign(
        errors=(
            ("source", "q"),
            np.stack([sigma, 0.03 * intensity]),
            {"units": "1/cm", "long_name": "e"},
        )
    ).assign_coords(
        source=["counting", "transmission"],
        source_bins=("source", ["independent", "common"]),
        source_frames=("source", ["independent", "independent"]),
    )
    found = desmear(data, smearing=GIVEN["slit"])
    assert found.source.values.tolist() == ["desmearing", "transmission"]
    share = (found.errors.sel(source="transmission") / found.intensity).values
    # Beyond, noise is as large as the curve, and the stated error is a share of that too.
    assert share[:150] == pytest.approx(0.03, rel=0.02)
    total = np.sqrt((found.errors**2).sum("source"))
    assert np.allclose(found.sigma, total)


def test_frames_one_by_one_and_a_bad_one(sets):
    first, second = (
        profile(*smeared(CASES["slit"][0], sets, s)[1:], slit_smeared=1, slit_length=0.3)
        for s in (5, 6)
    )
    dark = first.copy()
    dark["intensity"] = (-first.intensity).assign_attrs(first.intensity.attrs)
    data = xr.concat([first, dark, second], dim="frame").assign_coords(
        temperature=("frame", [1, 2, 3])
    )
    before = data.copy(deep=True)
    found = desmear(data)
    xr.testing.assert_identical(data, before)
    assert found.verdict.values.tolist() == ["ok", "unidentifiable", "ok"]
    assert "nowhere above zero" in str(found.verdict_reason.values[1])
    assert np.all(np.isnan(found.intensity[1]))
    assert found.temperature.values.tolist() == [1, 2, 3]
    for frame, single in ((0, first), (2, second)):
        alone = desmear(single)
        assert np.array_equal(found.intensity[frame], alone.intensity)
        assert np.array_equal(found.sigma[frame], alone.sigma)
        width = alone.sizes["offset"]
        assert np.array_equal(found.covariance[frame, :width], alone.covariance)


def test_the_result_is_no_longer_smeared(sets):
    _, intensity, sigma = smeared(CASES["slit"][0], sets, 7)
    data = profile(intensity, sigma, slit_smeared=1, slit_length=0.3)
    found = desmear(data, range=(0.1, 4.0))
    assert "slit" in found.attrs["desmeared"]
    assert not [name for name in found.attrs if name.startswith("slit")]
    assert float(found.q[0]) >= 0.1
    assert float(found.q[-1]) <= 4.0
    with pytest.raises(errors.CurveError, match="nothing is known"):
        desmear(found)
    assert json.loads(found.attrs["provenance"])[-1]["step"] == "desmear"
    fit = xk.fit_sizes(found, xk.SizeSpec(contrast=10.0))
    assert fit.attrs["smearing"] == "none"
    assert float(fit.mean_radius_volume) == pytest.approx(5.75137, rel=0.02)


def test_points_without_a_value_are_bridged(sets):
    truth, intensity, sigma = smeared(CASES["slit"][0], sets, 8)
    data = profile(intensity, sigma)
    data["intensity"][90:95] = np.nan
    found = desmear(data, smearing=GIVEN["slit"])
    pulls = ((found.intensity - truth) / found.sigma).values
    assert np.all(np.isfinite(pulls))
    assert np.max(np.abs(pulls[88:97])) < 4


@pytest.mark.parametrize(
    ("change", "options", "error", "match"),
    [
        (lambda d: d, {}, errors.CurveError, "nothing is known"),
        (lambda d: d.assign_attrs(slit_smeared=1), {}, errors.CurveError, "length is not stated"),
        (lambda d: d.isel(q=slice(12)), {}, errors.EmptyResult, "12 points"),
        (lambda d: d, {"range": (5.0, 1.0)}, errors.SpecError, "range"),
        (lambda d: d, {"smearing": "no"}, errors.SpecError, "SmearingSpec"),
        (lambda d: d.rename(q="two_theta"), {}, errors.SchemaError, "two_theta|unit"),
    ],
    ids=["not smeared", "no length", "few points", "range", "smearing", "angles"],
)
def test_what_is_refused(sets, change, options, error, match):
    _, intensity, sigma = smeared(CASES["slit"][0], sets, 9)
    with pytest.raises(error, match=match):
        desmear(change(profile(intensity, sigma)), **options)
