"""Numbers without a model of curves that resolution or a slit smears: the truth comes back."""

import model_free_curves as curves
import numpy as np
import pytest

import xrdkit as xk
from xrdkit.errors import CurveError, SpecError
from xrdkit.saxs import SmearingSpec, sphere_intensity
from xrdkit.saxs.smearing import build_smearing, slit_smearing
from xrdkit.saxs.smearing.beam_profile import BeamProfile

Q = np.geomspace(0.04, 5.0, 200)
RADIUS, FORWARD, SURFACE = 5.12446, 89.850, 5.4290e-3
#: Standard deviation of q along the scan and at right angles to it, 1/nm.
RESOLUTIONS = {
    "a tenth of q": (0.10 * Q, 0.0),
    "a round beam": (np.full(Q.size, 0.03), 0.03),
    "a wide beam": (np.full(Q.size, 0.06), 0.0),
}


def spheres(q):
    return sphere_intensity(q, median_number=5.0, width=0.2, volume_fraction=0.01, contrast=10.0)


def smeared(resolution, count, seed=5):
    along, across = RESOLUTIONS[resolution]
    beam = BeamProfile.gaussian(across, 3.0) if across else None
    operator = build_smearing(Q, dq=along, profile=beam)
    clean = operator.apply(spheres(operator.q_model))
    sigma = np.sqrt((0.006 * clean) ** 2 + (2e-4) ** 2 + 2e-5 * clean / Q)
    data = curves.series(Q, curves.noisy(clean, sigma, count, seed), sigma)
    attrs = {"units": "1/nm", "long_name": "standard deviation of q"}
    data = data.assign(q_resolution=("q", along, attrs))
    return data.assign_attrs(q_resolution_across=across) if across else data


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_guinier(resolution):
    """60 draws of a right error leave 0.68 within one by ± 0.06."""
    data = smeared(resolution, 60)
    result = xk.guinier(data)
    assert set(result.verdict.values) == {"ok"}
    for name, true in (("radius_of_gyration", RADIUS), ("forward_intensity", FORWARD)):
        found = curves.score(result, name, true)
        assert abs(found["bias"]) < 4e-3
        assert 0.5 <= found["cov68"] <= 0.87
    blind = xk.guinier(data, xk.GuinierSpec(smearing="none"))
    off = [
        abs(curves.score(blind, name, true)["bias"]) / curves.score(blind, name, true)["error"]
        for name, true in (("radius_of_gyration", RADIUS), ("forward_intensity", FORWARD))
    ]
    assert max(off) > 0.8


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_invariant_and_surface(resolution):
    data = smeared(resolution, 60)
    result = xk.invariant(data, xk.InvariantSpec(contrast=10.0))
    found = curves.score(result, "volume_fraction", 0.01)
    assert abs(found["bias"]) < 1e-3
    assert 0.5 <= found["cov68"] <= 0.87
    surface = curves.score(result, "surface_per_volume", SURFACE)
    assert abs(surface["bias"]) < 0.02
    assert surface["cov95"] > 0.9
    blind = xk.invariant(data, xk.InvariantSpec(contrast=10.0, smearing="none"))
    assert curves.score(blind, "volume_fraction", 0.01)["cov95"] < 0.3


def test_porod_of_a_surface_without_end():
    """K q⁻⁴ with q known to 15 %: it seems larger by 10 · 0.15² and more."""
    q = np.geomspace(0.3, 3.0, 150)
    operator = build_smearing(q, dq=0.15 * q)

    def two_phases(q):
        return 4.0 * 6.0**4 / (1.0 + (6.0 * q) ** 2) ** 2

    clean = operator.apply(two_phases(operator.q_model)) + 0.01
    sigma = 0.01 * clean
    data = curves.series(q, curves.noisy(clean, sigma, 40, 8), sigma)
    attrs = {"units": "1/nm", "long_name": "standard deviation of q"}
    data = data.assign(q_resolution=("q", 0.15 * q, attrs))
    found = curves.score(xk.porod(data), "porod_constant", 4.0)
    assert abs(found["bias"]) < 0.01
    assert found["cov95"] > 0.85
    blind = curves.score(xk.porod(data, xk.PorodSpec(smearing="none")), "porod_constant", 4.0)
    assert blind["bias"] > 0.2


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_pair_distances(resolution):
    result = xk.pair_distances(smeared(resolution, 10))
    assert set(result.verdict.values) == {"ok"}
    for name, true in (("radius_of_gyration", RADIUS), ("forward_intensity", FORWARD)):
        found = curves.score(result, name, true)
        assert abs(found["bias"]) < 5e-3
        assert found["cov95"] > 0.7


def test_pair_distances_behind_a_slit():
    operator = slit_smearing(Q, 0.3)
    clean = operator.apply(spheres(operator.q_model))
    sigma = 0.005 * clean + 2e-4
    data = curves.series(Q, curves.noisy(clean, sigma, 8, 6), sigma)
    with pytest.raises(CurveError, match="half length"):
        xk.pair_distances(data.assign_attrs(slit_smeared=1))
    result = xk.pair_distances(data.assign_attrs(slit_smeared=1, slit_length=0.3))
    stated = xk.DistanceSpec(smearing=SmearingSpec(slit_length=0.3))
    again = xk.pair_distances(data.isel(frame=0), stated)
    assert float(again.radius_of_gyration) == float(result.radius_of_gyration[0])
    for name, true in (("radius_of_gyration", RADIUS), ("forward_intensity", FORWARD)):
        found = curves.score(result, name, true)
        assert abs(found["bias"]) < 5e-3
        assert found["cov95"] > 0.7


@pytest.mark.parametrize("case", ["a tenth of q", "as wide as the lowest q"])
def test_correlation_function(case):
    q = np.geomspace(0.05, 4.0, 250)
    thin, thick, spread = 4.0, 8.0, (1.2, 2.4)
    width = 0.1 * q if case == "a tenth of q" else np.full(q.size, 0.05)
    operator = build_smearing(q, dq=width)
    data = []
    for values in (
        operator.apply(curves.lamellae(operator.q_model, thin, thick, spread)),
        curves.lamellae(q, thin, thick, spread),
    ):
        data.append(xk.profile(q, values, 0.01 * values, unit="1/nm"))
    attrs = {"units": "1/nm", "long_name": "standard deviation of q"}
    resolved = data[0].assign(q_resolution=("q", width, attrs))
    spec = xk.CorrelationSpec(largest=20.0)
    sharp, blind = (xk.correlation_function(d, spec) for d in (data[1], data[0]))
    found = xk.correlation_function(resolved, spec)
    off, before = (float(abs(d.correlation - sharp.correlation).max()) for d in (found, blind))
    if case == "a tenth of q":
        assert off < 0.2 * before
        assert found.verdict == sharp.verdict
    else:  # What the lowest points see lies below the data: nothing can be taken off.
        assert off == pytest.approx(before, rel=0.01)
        assert found.verdict == "misfit"
        assert "below the data" in str(found.verdict_reason.values)


@pytest.mark.parametrize(
    "spec",
    [
        xk.GuinierSpec,
        xk.PorodSpec,
        xk.InvariantSpec,
        xk.KratkySpec,
        xk.DistanceSpec,
        xk.CorrelationSpec,
    ],
)
def test_wrong_settings(spec):
    with pytest.raises(SpecError, match="SmearingSpec"):
        spec(smearing="maybe")
