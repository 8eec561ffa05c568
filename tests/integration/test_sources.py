"""Named sources of error: each against the scatter over draws of what it stands for."""

import dataclasses

import numpy as np
import pytest
from frames_in_memory import make_frames

from xrdkit import IntegrationSpec, Normalization, correct, integrate
from xrdkit.corrections import Flat
from xrdkit.geometry import Calibration, Detector
from xrdkit.uncertainty import error_model

#: The reference geometry with pixels four times as large: many draws of small frames.
PIXEL, SHAPE = 4 * 172e-6, (122, 102)
CALIBRATION = Calibration(
    distance=0.3,
    poni1=61 * PIXEL,
    poni2=51 * PIXEL,
    wavelength=1.0,
    detector=Detector(pixel_size_y=PIXEL, pixel_size_x=PIXEL, shape=SHAPE),
)
BINS = {"unit": "q", "bins": 40, "range": (2.0, 10.0)}
#: What is measured, and how well.
TRUE = {"monitor": 2000.0, "time": 2.0, "transmission": 0.7, "thickness": 0.1}
ERROR = {"monitor": 60.0, "time": 0.01, "transmission": 0.02, "thickness": 0.004}
BELOW = {"monitor": 3000.0, "time": 1.0, "transmission": 0.8, "thickness": 0.1}
SCALE, SCALE_ERROR = 0.04, 0.0012
BETA, BETA_ERROR = 0.9, 0.03
DARK_LEVEL, SAMPLE_LEVEL, BELOW_LEVEL = 4.0, 30.0, 12.0


def level(calibration, scale):
    q = calibration.radial(SHAPE, "q")
    return scale * (1 + 5 * np.exp(-q / 3))


def frames_and_spec(rng, *, draw=()):
    """Return sample frames and the spec of their reduction; sources in `draw` err by chance."""

    def counts(expected, name):
        return rng.poisson(expected) if name in draw else expected

    def drawn(name, value, sigma):
        return value + sigma * rng.standard_normal() if name in draw else value

    dark = np.full(SHAPE, DARK_LEVEL)
    sample = make_frames(counts(level(CALIBRATION, SAMPLE_LEVEL) + dark, "counting"))
    below = make_frames(counts(level(CALIBRATION, BELOW_LEVEL) + dark, "background"))
    known = {n: drawn(n, TRUE[n], ERROR[n]) for n in TRUE if n != "thickness"}
    known_below = {
        n: drawn(f"background_{n}", BELOW[n], ERROR[n]) for n in TRUE if n != "thickness"
    }
    thickness = drawn("thickness", TRUE["thickness"], ERROR["thickness"])
    sigmas = {f"{n}_sigma": ERROR[n] for n in TRUE}
    flat_error = 0.02 * np.ones(SHAPE)
    flat = np.ones(SHAPE)
    if "flat" in draw:
        flat = flat + flat_error * rng.standard_normal(SHAPE)
    sample = correct(sample, [Flat(response=flat, sigma=flat_error)])
    spec = IntegrationSpec(
        **BINS,
        dark=counts(dark, "dark"),
        background=below,
        background_scale=drawn("background_scale", BETA, BETA_ERROR),
        background_scale_sigma=BETA_ERROR,
        normalization=Normalization(
            **known,
            **sigmas,
            thickness=thickness,
            absolute_scale=drawn("absolute_scale", SCALE, SCALE_ERROR),
            absolute_scale_sigma=SCALE_ERROR,
        ),
        background_normalization=Normalization(**known_below, **sigmas, thickness=thickness),
    )
    return sample, spec


@pytest.fixture(scope="module")
def budget():
    rng = np.random.default_rng(0)
    frames, spec = frames_and_spec(rng)
    return integrate(frames, CALIBRATION, spec)


INDEPENDENT = ("counting", "dark", "flat", "background")
COMMON = (
    *("monitor", "time", "transmission", "thickness", "absolute_scale", "background_scale"),
    *("background_monitor", "background_time", "background_transmission"),
)


def test_every_source_is_named_and_flagged(budget):
    flags = dict(zip(budget["source"].values, budget["source_bins"].values, strict=True))
    assert {n for n, f in flags.items() if f == "independent"} == set(INDEPENDENT)
    assert {n for n, f in flags.items() if f == "common"} == set(COMMON)
    frames = dict(zip(budget["source"].values, budget["source_frames"].values, strict=True))
    assert {n for n, f in frames.items() if f == "independent"} == {"counting"}


def test_sources_add_in_quadrature(budget):
    whole = np.sqrt((budget["errors"] ** 2).sum("source"))
    np.testing.assert_allclose(whole, budget["sigma"], rtol=1e-12)


@pytest.mark.parametrize("name", INDEPENDENT)
def test_an_independent_source_is_the_scatter_of_its_draws(budget, name):
    rng = np.random.default_rng(1)
    draws = 200
    found = [
        integrate(*_call(rng, (name,)))["intensity"].values[0]
        for _ in range(draws)
    ]  # fmt: skip
    scatter = np.std(found, axis=0, ddof=1)
    predicted = budget["errors"].sel(source=name).values[0]
    # 200 draws of 40 bins know the ratio to 1 %.
    ratio = np.sqrt(np.mean((scatter / predicted) ** 2))
    assert ratio == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("name", COMMON)
def test_a_common_source_moves_all_bins_as_its_error_says(budget, name):
    """One standard error up and down: the exact answer to first order, sign included."""

    class Once:
        def __init__(self, sign):
            self.sign = sign

        def standard_normal(self, *_):
            return self.sign

    up, down = (
        integrate(*_call(Once(0.1 * sign), (name,)))["intensity"].values[0] for sign in (1, -1)
    )
    predicted = budget["errors"].sel(source=name).values[0]
    np.testing.assert_allclose((up - down) / 0.2, predicted, rtol=2e-3)


def _call(rng, draw):
    frames, spec = frames_and_spec(rng, draw=draw)
    return frames, CALIBRATION, spec


def test_all_sources_together_are_the_scatter_of_draws(budget):
    """All bins move together, so that even 1000 draws know the ratio to 2.2 % only."""
    rng = np.random.default_rng(2)
    found = np.stack(
        [
            integrate(*_call(rng, (*INDEPENDENT, *COMMON)))["intensity"].values[0]
            for _ in range(1000)
        ]
    )
    ratio = found.std(axis=0, ddof=1) / budget["sigma"].values[0]
    assert np.sqrt(np.mean(ratio**2)) == pytest.approx(1.0, abs=0.05)
    # The mean over all bins keeps the common part: it does not shrink with the number of bins.
    model = error_model(budget, 0)
    estimator = np.full((1, found.shape[1]), 1 / found.shape[1])
    error = np.sqrt(model.propagate(estimator)[0, 0])
    assert found.mean(axis=1).std(ddof=1) == pytest.approx(error, rel=0.08)
    alone = np.sqrt((estimator[0] ** 2 * model.sigma**2).sum())
    assert error > 3 * alone


def test_one_number_for_all_frames_is_common_to_them_and_one_each_is_not():
    frames = make_frames(np.full((2, *SHAPE), 100.0), monitor=[1.0, 2.0], monitor_sigma=[0.1, 0.1])
    spec = IntegrationSpec(
        **BINS,
        normalization=Normalization(
            monitor="frame", monitor_sigma="frame", transmission=0.5, transmission_sigma=0.01
        ),
    )
    profile = integrate(frames, CALIBRATION, spec)
    flags = dict(zip(profile["source"].values, profile["source_frames"].values, strict=True))
    assert flags == {"counting": "independent", "monitor": "independent", "transmission": "common"}
    relative = profile["errors"].sel(source="monitor") / profile["intensity"]
    np.testing.assert_allclose(relative.values[:, 0], [-0.1, -0.05], rtol=1e-12)


def test_a_dark_and_a_thickness_that_sample_and_background_share_cancel():
    dark = np.full(SHAPE, 50.0)
    frames = make_frames(np.full(SHAPE, 500.0))
    same = IntegrationSpec(
        **BINS,
        dark=dark,
        background=make_frames(np.full(SHAPE, 500.0)),
        normalization=Normalization(thickness=0.1, thickness_sigma=0.01),
    )
    errors = integrate(frames, CALIBRATION, same)["errors"]
    np.testing.assert_allclose(errors.sel(source="dark"), 0.0, atol=1e-12)
    np.testing.assert_allclose(errors.sel(source="thickness"), 0.0, atol=1e-12)


@pytest.mark.parametrize("splitting", ["none", "full"])
def test_gain_and_readout_noise_are_the_scatter_of_an_integrating_detector(splitting):
    rng = np.random.default_rng(3)
    gain, readout = 4.0, 6.0
    photons = rng.poisson(20.0, (100, *SHAPE))
    counts = gain * photons + readout * rng.standard_normal(photons.shape) + 100.0
    spec = IntegrationSpec(
        **BINS,
        solid_angle=False,
        splitting=splitting,
        gain=gain,
        readout_noise=readout,
    )
    # An offset that is known exactly: gain times it is variance too, which the test takes off.
    profile = integrate(make_frames(counts), CALIBRATION, spec)
    z = (profile["intensity"].values - 180.0) / profile["sigma"].values
    share = np.sqrt((gain * 80.0 + readout**2) / (gain * 180.0 + readout**2))
    assert z.std() == pytest.approx(share, rel=0.03)


def test_the_covariance_holds_the_independent_sources_of_split_pixels():
    rng = np.random.default_rng(4)
    frames, spec = frames_and_spec(rng)
    profile = integrate(frames, CALIBRATION, dataclasses.replace(spec, splitting="full"))
    independent = profile["errors"].sel(source=list(INDEPENDENT))
    np.testing.assert_allclose(
        (independent**2).sum("source"), profile["covariance"].sel(offset=0), rtol=1e-12
    )
    assert profile["covariance"].attrs["units"] == "1/cm2"
