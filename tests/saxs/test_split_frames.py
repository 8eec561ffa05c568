"""From frames with counting noise, through split pixels, to sizes: errors hold to the end."""

import numpy as np
import pytest
from frames_in_memory import make_frames

import xrdkit as xk
from xrdkit.geometry import Calibration, Detector
from xrdkit.saxs import sphere_intensity

PIXEL = 172e-6
SHAPE = (110, 120)
CALIBRATION = Calibration(
    distance=1.0,
    poni1=20 * PIXEL,
    poni2=30 * PIXEL,
    wavelength=1.0,
    detector=Detector(pixel_size_y=PIXEL, pixel_size_x=PIXEL, shape=SHAPE),
)
RUNS = 200
#: Counts of a pixel per 1/cm.
SCALE = 30.0
#: Relative standard errors of the transmission of each frame and of the absolute scale.
TRANSMISSION, ABSOLUTE = 0.03, 0.02
NUMBERS = ("mean_radius_volume", "width_volume", "volume_fraction")


def fitted(splitting, *, scale_sigma=None, drop=(), count=RUNS):
    generator = np.random.default_rng(12)
    q = CALIBRATION.radial(SHAPE, "q").ravel()
    truth = {"median_number": 6.0, "width": 0.2, "volume_fraction": 0.01, "contrast": 10.0}
    mean = (sphere_intensity(q, **truth) + 0.1).reshape(SHAPE) * CALIBRATION.solid_angle(SHAPE)
    counts = generator.poisson(SCALE * mean, (RUNS, *SHAPE)).astype(np.int32)[:count]
    # What was measured is not what was there.
    stated = 0.5 * (1 + TRANSMISSION * generator.standard_normal(RUNS))[:count]
    spec = xk.IntegrationSpec(
        unit="q",
        bins=220,
        range=(0.08, 1.45),
        splitting=splitting,
        normalization=xk.Normalization(
            transmission=[float(t) for t in stated],
            transmission_sigma=[0.5 * TRANSMISSION] * count,
            absolute_scale=0.5 / SCALE,
            absolute_scale_sigma=scale_sigma,
        ),
    )
    profile = xk.integrate(make_frames(counts), CALIBRATION, spec).drop_vars(list(drop))
    return xk.fit_sizes(profile, xk.SizeSpec(contrast=10.0))


def pulls(result):
    mean = 6.0 * np.exp(3 * 0.04 + 0.02)
    truth = (mean, mean * np.sqrt(np.exp(0.04) - 1), 0.01)
    return np.array(
        [
            ((result[n] - t) / result[f"{n}_sigma"]).values
            for n, t in zip(NUMBERS, truth, strict=True)
        ]
    )


@pytest.mark.parametrize("splitting", ["none", "full"])
def test_pulls_have_unit_width(splitting):
    result = fitted(splitting)
    found = pulls(result)
    assert np.all(np.abs(found.std(axis=1) - 1) < 0.1), found.std(axis=1)
    # Splitting smears the curve by a pixel, which the model of a point does not know.
    assert np.all(np.abs(found.mean(axis=1)) < (0.5 if splitting == "none" else 1.0))
    assert np.sqrt(np.mean(result.gof**2)) == pytest.approx(1.0, abs=0.02)
    assert set(result.verdict.values) == {"ok"}
    told = ["share errors" in reason for reason in result.verdict_reason.values]
    assert all(told) == any(told) == (splitting == "full")


def test_without_the_covariance_pulls_would_be_too_wide():
    blind = fitted("full", drop=["covariance"], count=80)
    assert np.all(pulls(blind)[:2].std(axis=1) > 1.2)


def test_fractions_carry_the_whole_error_of_scale_and_transmission():
    result = fitted("full", scale_sigma=ABSOLUTE * 0.5 / SCALE, count=2)
    share = result.volume_fraction_errors / result.volume_fraction
    np.testing.assert_allclose(share.sel(source="absolute_scale"), ABSOLUTE, rtol=1e-6)
    assert np.all(share.sel(source="transmission") < 0)
    np.testing.assert_allclose(share.sel(source="transmission"), -TRANSMISSION, rtol=0.1)
    assert np.all(np.abs(share.sel(source="counting")) < 0.1 * TRANSMISSION)
    radius = result.mean_radius_volume_errors / result.mean_radius_volume
    assert np.all(np.abs(radius.sel(source=["absolute_scale", "transmission"])) < 1e-9)


def test_grids_of_radii_follow_the_axis_and_not_the_pixels():
    """Pixels of the first bin may all lie at one side of it."""
    result = fitted("none", count=3)
    assert result.distribution_volume.sizes["radius"] == result.sizes["radius"]
    mean = np.trapezoid(result.distribution_volume * result.radius, result.radius, axis=-1)
    np.testing.assert_allclose(mean, result.mean_radius_volume, rtol=1e-4)
