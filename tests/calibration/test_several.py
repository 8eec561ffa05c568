"""Several distances, calibrants and detectors at once: wavelength, errors, and refusals."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from calibrant_frames import FADING, FWHM, beside
from frames_in_memory import make_frames

import xrdkit as xk
from xrdkit.calibration import CalibrantExposure, CalibrationVerdict
from xrdkit.calibration.derived import derived, derived_covariance
from xrdkit.calibration.joint import distances, joint_fit, wavelength_at_start
from xrdkit.calibration.several_model import several_model
from xrdkit.calibration.view import ring_view
from xrdkit.errors import CalibrationRejected, SpecError
from xrdkit.simulate import expose_calibrant, pose, virtual_laboratory, virtual_saxs, virtual_waxs

BASE = virtual_laboratory("corner")
WAVELENGTH = 1.5406
#: the wavelength that the frames are calibrated with, 0.1 % off
HELD = 1.001 * WAVELENGTH


def truth_at(distance, *, tilt=0.0, center=(60.0, 60.0)):
    return pose(
        distance=distance, center=center, tilt=tilt, tilt_azimuth=30.0,
        wavelength=WAVELENGTH, detector=BASE.calibration.detector,
    )  # fmt: skip


@cache
def exposed(distance, *, tilt=0.0, calibrant="AgBh", seed=0, held=HELD, center=(60.0, 60.0)):
    """Return the calibration of one frame with the wavelength held."""
    truth = truth_at(distance, tilt=tilt, center=center)
    instrument = replace(BASE, calibration=truth)
    counts = expose_calibrant(
        instrument, calibrant, counts=2000.0, fwhm=FWHM, seed=int(1000 * distance) + seed, **FADING
    )
    start = replace(beside(truth), wavelength=held)
    return xk.calibrate(make_frames(counts), calibrant=calibrant, start=start)


def pair(*, tilt=0.0, seed=0, held=HELD, error=0.0, readings=True):
    """Return exposures at 0.4 and 0.8 m on a stage whose readings start elsewhere."""
    return [
        CalibrantExposure(
            result=exposed(distance, tilt=tilt, seed=seed, held=held),
            place=place,
            translation=distance - 0.15 + more if readings else None,
        )
        for place, distance, more in (("near", 0.4, 0.0), ("far", 0.8, error))
    ]


def rms_dq(found, truth):
    shape = truth.detector.shape
    q, true = found.radial(shape, "q"), truth.radial(shape, "q")
    return np.sqrt(np.mean((q - true) ** 2)) / true.max()


@pytest.mark.parametrize("tilt", [0.0, 1.5])
def test_two_distances_give_wavelength_and_geometry(tilt):
    """Wavelength and distances to 0.01 %, centre to 0.05 px, rms dq below 1e-4 of the largest q."""
    exposures = pair(tilt=tilt)
    result = xk.calibrate_several(exposures)
    assert result.verdict is CalibrationVerdict.ACCEPTED, result.reasons
    assert abs(result.wavelength / WAVELENGTH - 1.0) < 1e-4
    assert result.wavelength_sigma / WAVELENGTH < 5e-5
    for place, distance in (("near", 0.4), ("far", 0.8)):
        found, truth = result.calibrations[place], truth_at(distance, tilt=tilt)
        assert abs(found.direct_distance / distance - 1.0) < 1e-4
        assert np.subtract(found.beam_center, truth.beam_center) == pytest.approx(0.0, abs=0.05)
        assert rms_dq(found, truth) < 1e-4
        assert found.wavelength == result.wavelength
        assert found.covariance[5][5] == pytest.approx(result.wavelength_sigma**2)
        assert found.tilt == pytest.approx(tilt, abs=0.05)
    # Held at 0.1 % more, each frame by itself puts the detector 0.1 % too near.
    alone = exposures[0].result.calibration.direct_distance
    assert alone / 0.4 - 1.0 == pytest.approx(-1e-3, abs=2e-4)


def test_errors_of_wavelength_and_distance_are_the_scatter_of_repeats():
    """30 repeats know a spread to 13 %: each within 0.7 to 1.35, their mean square near 1."""
    pull = []
    for seed in range(30):
        result = xk.calibrate_several(pair(seed=100 + seed, held=WAVELENGTH))
        found = result.calibrations["near"]
        away = derived(found)[0] - derived(truth_at(0.4))[0]
        sigma = np.sqrt(np.diag(derived_covariance(found)))
        pull.append((away / sigma)[[0, 1, 2, 5]])
    spread = np.std(pull, axis=0, ddof=1)
    assert np.all(spread > 0.75)
    assert np.all(spread < 1.35)
    # The centre is off by 0.6 of its error, which 30 repeats know to 0.18: these rings are narrower
    # than a pixel.
    assert np.all(np.abs(np.mean(pull, axis=0)) < 1.0)
    assert math.sqrt(np.mean(spread**2)) == pytest.approx(1.0, abs=0.2)


def test_one_distance_is_refused_because_the_wavelength_makes_up_for_it():
    one = pair()[:1]
    with pytest.raises(CalibrationRejected, match=r"one distance.*correlation 0\.9999") as caught:
        xk.calibrate_several(one)
    assert "refine_wavelength=False" in caught.value.hint
    other = CalibrantExposure(
        result=exposed(0.4, calibrant="C14H30O", center=(240.0, 310.0)), place="elsewhere"
    )
    with pytest.raises(CalibrationRejected, match="one distance"):
        xk.calibrate_several([*one, other])


def test_the_correlation_of_one_distance_is_almost_one_and_that_of_a_stage_is_not():
    def correlation(exposures):
        now = {each.place: each.result.calibration for each in exposures}
        model = several_model(
            calibrations=now,
            place=list(now),
            detector=dict.fromkeys(now, "detector"),
            translation={each.place: each.translation for each in exposures},
            tilted=set(),
            refine_wavelength=True,
            common_rotations=True,
            translation_sigma=0.0,
        )
        views = [ring_view(each.place, each.result, now[each.place]) for each in exposures]
        return wavelength_at_start(views, model)

    alone, sigma = correlation(pair()[:1])
    assert alone > 0.9999
    assert sigma / WAVELENGTH > 3e-4
    both, better = correlation(pair())
    assert both < 0.995
    assert better < 0.05 * sigma
    assert correlation(pair(readings=False))[0] > 0.9999


def test_two_distances_that_are_not_known_do_not_give_the_wavelength():
    with pytest.raises(CalibrationRejected, match="the distances make up for it"):
        xk.calibrate_several(pair(readings=False))
    held = xk.calibrate_several(pair(readings=False), refine_wavelength=False)
    assert held.wavelength == HELD
    assert held.wavelength_sigma == 0.0
    assert math.isnan(held.wavelength_correlation)
    assert held.calibrations["far"].covariance[5] == (0.0,) * 6


def test_errors_of_the_stage_go_into_the_wavelength():
    """σ(λ)/λ = √2 σ_z/Δz where the stage decides."""
    result = xk.calibrate_several(pair(), translation_sigma=1e-4)
    assert result.wavelength_sigma / WAVELENGTH == pytest.approx(math.sqrt(2) * 1e-4 / 0.4, rel=0.1)
    wrong = xk.calibrate_several(pair(error=2e-4), translation_sigma=1e-4)
    # The curvature of the rings knows the wavelength to 0.09 % and takes part of it back.
    assert wrong.wavelength / result.wavelength - 1.0 == pytest.approx(-5e-4, rel=0.2)


def test_three_readings_that_contradict_the_rings_are_doubted():
    def three(error):
        places = (("near", 0.4, 0.0), ("middle", 0.6, error), ("far", 0.8, 0.0))
        return [
            CalibrantExposure(result=exposed(d), place=place, translation=d + more)
            for place, d, more in places
        ]

    good = xk.calibrate_several(three(0.0))
    assert good.verdict is CalibrationVerdict.ACCEPTED, good.reasons
    assert abs(good.wavelength / WAVELENGTH - 1.0) < 1e-4
    bad = xk.calibrate_several(three(1e-3))
    assert bad.verdict is CalibrationVerdict.DOUBTFUL
    assert any("contradict" in reason for reason in bad.reasons)
    assert bad.probability < 1e-6
    assert bad.wavelength_sigma > 3 * good.wavelength_sigma


def test_two_calibrants_at_each_place_share_its_geometry():
    exposures = [
        CalibrantExposure(
            result=exposed(d, calibrant=name, center=(240.0, 310.0)), place=place, translation=d
        )
        for place, d in (("near", 0.4), ("far", 0.8))
        for name in ("AgBh", "C14H30O")
    ]
    result = xk.calibrate_several(exposures)
    assert set(result.calibrations) == {"near", "far"}
    assert set(result.rms_px) == {"near", "far"}
    assert abs(result.wavelength / WAVELENGTH - 1.0) < 1e-4
    single = xk.calibrate_several([e for e in exposures if e.result.calibrant == "AgBh"])
    assert result.wavelength_sigma < single.wavelength_sigma
    for place, d in (("near", 0.4), ("far", 0.8)):
        assert abs(result.calibrations[place].direct_distance / d - 1.0) < 1e-4


def test_saxs_and_waxs_have_one_wavelength():
    """The wide rings give the wavelength by the curvature of their tangents; both use it."""
    exposures = []
    instruments = {"saxs": (virtual_saxs(coarse=2), "AgBh", 0.03), "waxs": (
        virtual_waxs(coarse=2), "LaB6", 0.25)}  # fmt: skip
    for name, (instrument, calibrant, fwhm) in instruments.items():
        truth = instrument.calibration
        counts = expose_calibrant(
            instrument, calibrant, counts=20000.0, fwhm=fwhm, decay=30.0, seed=3
        )
        start = replace(beside(truth, pixels=(2.0, -2.0)), wavelength=1.0005 * truth.wavelength)
        found = xk.calibrate(make_frames(counts), calibrant=calibrant, start=start)
        exposures.append(CalibrantExposure(result=found, place=name, detector=name))
    result = xk.calibrate_several(exposures)
    assert list(result.calibrations) == ["saxs", "waxs"]
    assert abs(result.wavelength / 0.7 - 1.0) < 1e-4
    for name, (instrument, _, _) in instruments.items():
        found, truth = result.calibrations[name], instrument.calibration
        assert abs(found.direct_distance / truth.direct_distance - 1.0) < 2e-4
        assert rms_dq(found, truth) < 1e-4


def test_slopes_of_a_joint_fit_are_those_of_differences():
    exposures = pair(tilt=1.5)
    now = {each.place: each.result.calibration for each in exposures}
    model = several_model(
        calibrations=now,
        place=list(now),
        detector=dict.fromkeys(now, "detector"),
        translation={each.place: each.translation for each in exposures},
        tilted=set(now),
        refine_wavelength=True,
        common_rotations=True,
        translation_sigma=0.0,
    )
    views = [ring_view(each.place, each.result, now[each.place]) for each in exposures]
    for place, view in enumerate(views):
        geometry, by_theta = model.geometry(place, model.start)
        slopes = distances(view, geometry)[1] @ by_theta
        for k in range(model.start.size):
            step = np.zeros(model.start.size)
            step[k] = 1e-7
            up, down = (
                distances(view, model.geometry(place, model.start + side * step)[0])[0]
                for side in (1, -1)
            )
            scale = max(np.abs(slopes[:, k]).max(), 1.0)
            np.testing.assert_allclose(slopes[:, k], (up - down) / 2e-7, rtol=0, atol=1e-5 * scale)
    fit = joint_fit(views, model)
    assert fit.freedom == 3
    assert (
        np.linalg.eigvalsh(fit.covariance / np.outer(*2 * (np.sqrt(np.diag(fit.covariance)),)))[0]
        > 0
    )


def test_arguments_stay_and_the_same_input_gives_the_same_bytes():
    exposures = pair()
    before = exposures[0].result.points.copy(deep=True)
    first, second = (xk.calibrate_several(exposures) for _ in range(2))
    assert exposures[0].result.points.identical(before)
    for place in first.calibrations:
        assert first.calibrations[place].digest() == second.calibrations[place].digest()


def test_settings_that_cannot_be_are_refused():
    near, far = pair()
    rejected = replace(near.result, verdict=CalibrationVerdict.REJECTED)
    other = exposed(0.8, held=1.02 * WAVELENGTH)
    cases = [
        ("no exposure", [], {}),
        ("rotations", [near, far], {"rotations": "free"}),
        ("translation_sigma", [near, far], {"translation_sigma": -1.0}),
        ("differ in detector", [near, replace(far, place="near")], {}),
        ("beyond 100 m", [near, replace(far, translation=math.nan)], {}),
        ("rejected", [replace(near, result=rejected), far], {}),
        ("wavelengths from", [near, replace(far, result=other)], {}),
    ]
    for text, exposures, settings in cases:
        with pytest.raises(SpecError, match=text):
            xk.calibrate_several(exposures, **settings)
    turned = replace(
        far.result,
        calibration=replace(
            far.result.calibration,
            detector=replace(far.result.calibration.detector, orientation=2),
        ),
    )
    with pytest.raises(SpecError, match="orientation"):
        xk.calibrate_several([near, replace(far, result=turned)])
