"""What profiles say of their smearing, and fits that smear their models by it."""

from functools import lru_cache

import numpy as np
import pytest
import xarray as xr

import xrdkit as xk
from xrdkit import errors
from xrdkit.geometry import Calibration, Detector
from xrdkit.saxs import (
    BeamProfile,
    SmearingSpec,
    pinhole_smearing,
    slit_smearing,
    smearing_of,
)
from xrdkit.saxs.models import DebyeAnderson, Flat, Model, ModelSpec
from xrdkit.saxs.smearing import aperture_beam_fwhm, pinhole_resolution, with_resolution

Q = np.geomspace(0.04, 5.0, 200)
DISTANCE, PIXEL, WAVELENGTH = 1.3, 172e-6, 1.54
CALIBRATION = Calibration(
    distance=DISTANCE,
    poni1=0.1,
    poni2=0.1,
    wavelength=WAVELENGTH,
    detector=Detector(pixel_size_y=PIXEL, pixel_size_x=PIXEL),
)


def plain(**attrs):
    return xk.profile(Q, 1.0 / Q, 0.01 / Q, unit="1/nm").assign_attrs(attrs)


def with_dq(profile, dq):
    return profile.assign(
        q_resolution=("q", dq, {"units": "1/nm", "long_name": "standard deviation of q"})
    )


def test_nothing_is_said():
    assert smearing_of(plain()) is None
    assert smearing_of(plain(), given="auto") is None
    spread = xr.DataArray(0.01 * Q, dims="q", attrs={"units": "1/nm", "long_name": "spread"})
    assert smearing_of(plain().assign(q_spread=spread)) is None


def test_the_slit_of_a_profile():
    data = plain(slit_smeared=1, slit_length=0.3)
    found = smearing_of(data)
    assert found is slit_smearing(Q, 0.3)
    assert smearing_of(data, given="none") is None
    assert smearing_of(data, given=SmearingSpec(slit_length=0.0)) is None
    assert smearing_of(data, given=SmearingSpec(slit_length=0.5)) is slit_smearing(Q, 0.5)
    assert smearing_of(data, given=SmearingSpec(slit_flat=0.1)) is slit_smearing(Q, 0.3, flat=0.1)
    wide = smearing_of(data.assign_attrs(slit_width=0.02, slit_flat=0.2))
    assert wide is slit_smearing(Q, 0.3, flat=0.2, width=0.02)
    beam = BeamProfile.trapezoid(0.1, 0.2)
    assert smearing_of(data, given=SmearingSpec(slit_profile=beam)) is slit_smearing(Q, beam)


def test_the_resolution_of_a_profile():
    data = with_dq(plain(), 0.03 * Q)
    found = smearing_of(data)
    assert "3 % of q" in found.label
    assert smearing_of(data, given=SmearingSpec(relative_width=0.0)) is None
    other = smearing_of(data, given=SmearingSpec(relative_width=0.05))
    assert "5 % of q" in other.label
    partly = smearing_of(with_dq(plain(), np.where(Q > 1, 0.03 * Q, np.nan)))
    rows = partly.apply(partly.q_model**-4.0) * Q**4
    assert rows[Q < 1] == pytest.approx(1.0, abs=1e-6)
    assert np.all(rows[Q > 1] > 1.005)


def test_each_frame_has_its_own():
    data = xr.concat([plain(), plain()], dim="frame")
    own = np.stack([0.02 * Q, 0.04 * Q])
    data = data.assign(
        q_resolution=(("frame", "q"), own, {"units": "1/nm", "long_name": "resolution"}),
        q_mean=(("frame", "q"), np.stack([Q, 1.001 * Q]), {"units": "1/nm", "long_name": "mean"}),
    )
    first, second = (smearing_of(data, frame=k) for k in (0, 1))
    assert np.array_equal(first.q, Q)
    assert np.array_equal(second.q, 1.001 * Q)
    assert "2 % of q" in first.label
    assert "4 % of q" in second.label


@pytest.mark.parametrize(
    ("data", "given", "error", "match"),
    [
        (plain(slit_smeared=1), None, errors.CurveError, "give the half length"),
        (
            plain(slit_smeared=1, slit_length_stated=1.5),
            None,
            errors.CurveError,
            "states 1.5 1/nm for the detector",
        ),
        (plain(slit_smeared=1, slit_length=-1.0), None, errors.CurveError, "slit_length"),
        (plain(), "slit", errors.SpecError, "neither"),
        (plain(), {"slit_length": 1}, errors.SpecError, "neither"),
        (plain().rename(q="two_theta"), None, errors.SchemaError, "over two_theta"),
    ],
    ids=["no length", "detector only", "negative", "word", "mapping", "angles"],
)
def test_what_is_refused(data, given, error, match):
    with pytest.raises(error, match=match):
        smearing_of(data, given=given)


def test_a_resolution_in_another_unit_is_refused():
    data = with_dq(plain(), 0.01 * Q)
    data["q_resolution"].attrs["units"] = "1/angstrom"
    with pytest.raises(errors.SchemaError, match="1/angstrom"):
        smearing_of(data)


def spheres(q):
    """1 % of spheres of set A by a plain sum over 301 radii."""
    median = 5.0 * np.exp(3 * 0.2**2)
    radius = median * np.exp(np.linspace(-1.2, 1.2, 301))
    density = np.exp(-0.5 * (np.log(radius / median) / 0.2) ** 2) / (
        radius * 0.2 * np.sqrt(2 * np.pi)
    )
    volume = 4 / 3 * np.pi * radius**3
    share = 0.1 * density * np.gradient(radius) * volume
    out = []
    for block in np.array_split(np.ravel(q), 20):
        x = np.outer(block, radius)
        out.append((3 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2 @ share)
    return np.concatenate(out).reshape(np.shape(q))


@lru_cache
def smeared_spheres(how):
    """Spheres and q⁻⁴, smeared by a slit of 0.3 1/nm or a pinhole of 5 % (trapezoid rule)."""
    if how == "slit":
        along = np.linspace(0, 1, 201) * np.arcsinh(0.3 / Q)[:, None]
        rays = Q[:, None] * np.cosh(along)
        weight = rays * np.gradient(along, axis=1)
    else:
        v = np.linspace(-3, 3, 81)
        rays = Q[:, None] * (1 + 0.05 * v)
        weight = np.broadcast_to(np.exp(-0.5 * v**2), rays.shape).copy()
    weight[:, [0, -1]] *= 0.5
    weight /= weight.sum(axis=1, keepdims=True)
    return np.sum(weight * spheres(rays), axis=1), np.sum(weight * rays**-4.0, axis=1)


def smeared_curve(how, background):
    bare, steep = smeared_spheres(how)
    return bare + background.get("flat", 0.0) + background.get("porod", 0.0) * steep


@pytest.mark.parametrize("background", [{}, {"flat": 0.1, "porod": 2e-4}], ids=["bare", "steep"])
@pytest.mark.parametrize("how", ["slit", "pinhole"])
def test_a_smeared_curve_without_noise_gives_its_truth(sets, how, background):
    clean = smeared_curve(how, background)
    if how == "slit":
        data = xk.profile(Q, clean, 0.005 * clean, unit="1/nm")
        data = data.assign_attrs(slit_smeared=1, slit_length=0.3)
    else:
        data = with_dq(xk.profile(Q, clean, 0.005 * clean, unit="1/nm"), 0.05 * Q)
    found = xk.fit_sizes(data, xk.SizeSpec(contrast=10.0))
    truth = sets.lognormal_moments(5.0, 0.2) | {"volume_fraction": 0.01}
    for name, value in truth.items():
        assert float(found[name]) == pytest.approx(value, rel=2e-4), name
    if background:
        assert float(found.background_porod) == pytest.approx(2e-4, rel=2e-3)
    assert how[:4] in found.attrs["smearing"] or "resolution" in found.attrs["smearing"]
    # What a fit that knows nothing of it makes of the same curve.
    blind = xk.fit_sizes(data, xk.SizeSpec(contrast=10.0, smearing="none"))
    assert blind.attrs["smearing"] == "none"
    wrong = [abs(float(blind[name]) / value - 1) for name, value in truth.items()]
    assert max(wrong) > 0.01


@pytest.mark.parametrize("method", ["schulz", "tikhonov"])
def test_other_methods_are_smeared_too(method):
    clean = smeared_curve("slit", {})
    sigma = 0.005 * clean + 1e-5
    data = xk.profile(Q, clean, sigma, unit="1/nm").assign_attrs(slit_smeared=1, slit_length=0.3)
    found = xk.fit_sizes(data, xk.SizeSpec(contrast=10.0, method=method))
    assert float(found.mean_radius_volume) == pytest.approx(5.75137, rel=5e-3)
    assert float(found.volume_fraction) == pytest.approx(0.01, rel=5e-3)


def test_models_are_smeared_too():
    """A Debye-Anderson curve behind a slit, by the trapezoid rule."""
    along = np.linspace(0, 1, 2001) * np.arcsinh(0.3 / Q)[:, None]
    rays = Q[:, None] * np.cosh(along)
    curve = np.trapezoid(rays * 50.0 / (1 + (8.0 * rays) ** 2) ** 2, along, axis=1) / 0.3 + 0.02
    data = xk.profile(Q, curve, 0.01 * curve, unit="1/nm")
    data = data.assign_attrs(slit_smeared=1, slit_length=0.3)
    found, blind = (
        xk.fit_model(data, Model(components=(DebyeAnderson(), Flat())), ModelSpec(smearing=s))
        for s in ("auto", "none")
    )
    values = dict(zip(found.parameter.values, found.parameter_value.values, strict=True))
    lengths = [v for k, v in values.items() if k.endswith("correlation_length")]
    heights = [v for k, v in values.items() if k.endswith("intensity_zero")]
    assert lengths == pytest.approx([8.0], rel=1e-3)
    assert heights == pytest.approx([50.0], rel=1e-3)
    assert float(found.gof) < 0.01
    assert float(blind.gof) > 3


def test_a_series_is_what_single_fits_are():
    clean = smeared_curve("slit", {})
    sigma = 0.01 * clean + 1e-5
    noise = np.random.default_rng(0).standard_normal((3, Q.size))
    curves = [
        xk.profile(Q, clean + sigma * row, sigma, unit="1/nm").assign_attrs(
            slit_smeared=1, slit_length=0.3
        )
        for row in noise
    ]
    together = xk.fit_sizes(xr.concat(curves, dim="frame"), xk.SizeSpec(contrast=10.0))
    for k, curve in enumerate(curves):
        single = xk.fit_sizes(curve, xk.SizeSpec(contrast=10.0))
        for name in ("mean_radius_volume", "width_volume_sigma", "intensity_calculated"):
            assert np.array_equal(single[name], together[name][k])


def test_resolution_of_a_beam_by_rays():
    """Rays that miss the middle of their pixel, by beam, pixel and wavelength."""
    random = np.random.default_rng(3)
    number, fwhm, spread = 400_000, 600e-6, 0.01
    for q in (0.3, 2.0, 8.0):
        wavelength = 0.1 * WAVELENGTH
        radius = DISTANCE * np.tan(2 * np.arcsin(q * wavelength / (4 * np.pi)))
        place = radius + fwhm / 2.3548 * random.standard_normal(number)
        place += PIXEL * random.uniform(-0.5, 0.5, number)
        colour = wavelength * (1 + spread * random.standard_normal(number))
        seen = 4 * np.pi / colour * np.sin(0.5 * np.arctan(place / DISTANCE))
        found = pinhole_resolution(q, CALIBRATION, beam_fwhm=fwhm, wavelength_spread=spread)
        assert float(found) == pytest.approx(np.std(seen), rel=0.01)


def test_beam_of_two_apertures_by_rays():
    random = np.random.default_rng(4)
    first, second = 0.3e-3, 0.2e-3
    inner = np.sqrt(random.uniform(0, 1, (2, 200_000)))
    turn = random.uniform(0, 2 * np.pi, (2, 200_000))
    source, sample = np.array([[first], [second]]) * inner * np.cos(turn)
    place = sample + (sample - source) / 1.5 * 2.0
    expected = 2.3548 * np.std(place)
    assert aperture_beam_fwhm(first, second, 1.5, 2.0) == pytest.approx(expected, rel=0.01)


def test_resolution_goes_with_the_profile():
    data = plain()
    before = data.copy(deep=True)
    found = with_resolution(data, CALIBRATION, beam_fwhm=500e-6)
    xr.testing.assert_identical(data, before)
    dq = pinhole_resolution(Q, CALIBRATION, beam_fwhm=500e-6)
    assert np.array_equal(found.q_resolution, dq)
    across = pinhole_resolution(0.0, CALIBRATION, beam_fwhm=500e-6)
    assert found.attrs["q_resolution_across"] == pytest.approx(float(across))
    seen = smearing_of(found)
    assert seen is slit_smearing(Q, BeamProfile.gaussian(float(across), 5.0), dq=dq, cut=5.0)
    shorter = smearing_of(found, given=SmearingSpec(cut=3.0))
    assert shorter is slit_smearing(Q, BeamProfile.gaussian(float(across)), dq=dq)
    assert "Gaussian beam" in seen.label
    along = smearing_of(found, given=SmearingSpec(across=0.0))
    assert along is pinhole_smearing(Q, dq, cut=5.0)
    assert smearing_of(plain(), given=SmearingSpec(across=0.01)) is slit_smearing(
        Q, BeamProfile.gaussian(0.01)
    )
    frames = xr.concat([data, data], dim="frame")
    assert with_resolution(frames, CALIBRATION, beam_fwhm=1e-4).q_resolution.dims == ("frame", "q")
    with pytest.raises(errors.SchemaError):
        with_resolution(data.rename(q="two_theta"), CALIBRATION, beam_fwhm=1e-4)


@pytest.mark.parametrize(
    "call",
    [
        lambda: pinhole_resolution(Q, CALIBRATION, beam_fwhm=-1e-4),
        lambda: pinhole_resolution(Q, CALIBRATION, beam_fwhm=500.0),
        lambda: pinhole_resolution(Q, CALIBRATION, beam_fwhm=1e-4, wavelength_spread=1.5),
        lambda: pinhole_resolution(90.0, CALIBRATION, beam_fwhm=1e-4),
        lambda: aperture_beam_fwhm(0.0, 1e-4, 1.0, 1.0),
    ],
    ids=["negative", "not in metres", "spread", "q", "aperture"],
)
def test_widths_that_are_none(call):
    with pytest.raises(errors.SpecError):
        call()
