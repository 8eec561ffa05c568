"""Transmission from beams and monitors, and the thickness that follows from it."""

import numpy as np
import pytest
import xraydb
from frames_in_memory import make_frames

from xrdkit.corrections import (
    Reading,
    Transmission,
    thickness_from_transmission,
    transmission,
    transmission_from_monitors,
)
from xrdkit.errors import CorrectionFailed, FrameShapeMismatch, SpecError

SHAPE = (40, 50)
CENTER, RADIUS = (30.0, 20.0), 8.0
TRUE = 0.731
Y, X = np.indices(SHAPE) + 0.5
SPOT = np.exp(-((X - CENTER[0]) ** 2 + (Y - CENTER[1]) ** 2) / 8)
AT = {"center": CENTER, "radius": RADIUS}


def beam(rng, level, *, frames=1, dark=0.0, **coords):
    return make_frames(rng.poisson(level * SPOT + dark, (frames, *SHAPE)), **coords)


def counter(value):
    return Reading(value=value, sigma=np.sqrt(value))


def test_transmission_of_a_known_pair():
    """Twice the incident beam with the sample: only the ratio of normalised sums counts."""
    rng = np.random.default_rng(1)
    found = transmission(
        beam(rng, 2000 * TRUE),
        beam(rng, 1000),
        sample_monitor=counter(2e6),
        empty_monitor=counter(1e6),
        **AT,
    )
    total = 1000 * SPOT[np.hypot(X - CENTER[0], Y - CENTER[1]) <= RADIUS].sum()
    expected = np.sqrt(1 / (2 * TRUE * total) + 1 / total + 1 / 2e6 + 1 / 1e6)
    assert found.sigma / found.value == pytest.approx(expected, rel=0.01)
    assert found.value == pytest.approx(TRUE, abs=4 * found.sigma)


def test_the_error_describes_the_scatter():
    """Counting of both beams, three frames each, one dark for both, and both monitors."""
    rng = np.random.default_rng(2)
    pulls = []
    for _ in range(400):
        monitors = rng.poisson([3000, 5000])
        found = transmission(
            beam(rng, 30 * TRUE, frames=3, dark=2.0),
            beam(rng, 50, frames=3, dark=2.0),
            sample_monitor=counter(monitors[0]),
            empty_monitor=counter(monitors[1]),
            background=rng.poisson(2.0, SHAPE),
            **AT,
        )
        pulls.append((found.value - TRUE) / found.sigma)
    assert np.std(pulls) == pytest.approx(1.0, abs=0.11)
    assert abs(np.mean(pulls)) < 0.2


def test_region_and_circle_are_the_same():
    rng = np.random.default_rng(3)
    pair = beam(rng, 500, exposure_time=[2.0]), beam(rng, 1000, exposure_time=[1.0])
    inside = np.hypot(X - CENTER[0], Y - CENTER[1]) <= RADIUS
    circle = transmission(*pair, **AT)
    assert transmission(*pair, region=inside) == circle
    # By exposure time, where no monitor is given.
    assert circle.value == pytest.approx(0.25, rel=0.05)


def test_the_background_is_scaled_by_exposure():
    rng = np.random.default_rng(4)
    dark = make_frames(np.full(SHAPE, 100), exposure_time=[10.0])
    long = beam(rng, 50_000, dark=30.0, exposure_time=[3.0])
    short = beam(rng, 50_000, dark=10.0, exposure_time=[1.0])
    same = {"sample_monitor": counter(1e9), "empty_monitor": counter(1e9)}
    found = transmission(long, short, background=dark, **same, **AT)
    assert found.value == pytest.approx(1.0, abs=4 * found.sigma)
    assert found.sigma < 2e-3


def test_what_cannot_be_a_transmission_is_refused():
    rng = np.random.default_rng(5)
    weak, strong = beam(rng, 700), beam(rng, 1000)
    same = {"sample_monitor": counter(1e6), "empty_monitor": counter(1e6)}
    with pytest.raises(CorrectionFailed, match=r"above 1 .*swapped"):
        transmission(strong, weak, **same, **AT)
    # One within its error is a measurement of a thin sample.
    thin = transmission(beam(rng, 1000), beam(rng, 1000), **same, **AT)
    assert thin.value == pytest.approx(1.0, abs=4 * thin.sigma)
    with pytest.raises(CorrectionFailed, match="is the beam there"):
        transmission(beam(rng, 0), strong, **same, **AT)
    saturated = strong.copy(deep=True)
    saturated.counts.attrs["sentinels"] = np.array([int(saturated.counts.max())])
    with pytest.raises(CorrectionFailed, match=r"empty beam have no value.*attenuate"):
        transmission(weak, saturated, **same, **AT)
    mask = (("y", "x"), np.hypot(X - 30, Y - 20) < 1)
    with pytest.raises(CorrectionFailed, match="sample beam have no value"):
        transmission(weak.assign(mask=mask), strong, **same, **AT)


def test_how_the_beam_is_stated():
    rng = np.random.default_rng(6)
    pair = beam(rng, 700), beam(rng, 1000)
    same = {"sample_monitor": counter(1e6), "empty_monitor": counter(1e6)}
    for wrong in ({}, {"center": CENTER}, {**AT, "region": np.ones(SHAPE)}):
        with pytest.raises(SpecError, match="either region"):
            transmission(*pair, **same, **wrong)
    with pytest.raises(SpecError, match="no pixel"):
        transmission(*pair, **same, center=(-100, 0), radius=3)
    with pytest.raises(FrameShapeMismatch):
        transmission(*pair, **same, region=np.ones((3, 3)))
    with pytest.raises(FrameShapeMismatch):
        transmission(pair[0], make_frames(np.ones((3, 3), dtype=int)), **same, **AT)
    with pytest.raises(FrameShapeMismatch):
        transmission(*pair, **same, **AT, background=np.ones((3, 3)))
    with pytest.raises(SpecError, match="both or none"):
        transmission(*pair, **AT, sample_monitor=counter(1e6))
    with pytest.raises(SpecError, match="give sample_monitor"):
        transmission(*pair, **AT)
    for value, sigma in ((0.0, 1.0), (np.nan, 1.0), (1.0, -1.0)):
        with pytest.raises(SpecError):
            Reading(value=value, sigma=sigma)


def test_frames_are_left_alone():
    rng = np.random.default_rng(7)
    pair = beam(rng, 700, exposure_time=[1.0]), beam(rng, 1000, exposure_time=[1.0])
    before = [p.copy(deep=True) for p in pair]
    transmission(*pair, **AT)
    assert all(a.identical(b) for a, b in zip(before, pair, strict=True))


def test_transmission_from_a_diode_and_an_ion_chamber():
    found = transmission_from_monitors(
        sample=Reading(value=3.0, sigma=0.03),
        empty=Reading(value=5.0, sigma=0.05),
        sample_monitor=Reading(value=2.0, sigma=0.04),
        empty_monitor=Reading(value=2.0, sigma=0.0),
    )
    assert found.value == pytest.approx(0.6)
    assert found.sigma == pytest.approx(0.6 * np.sqrt(0.01**2 + 0.01**2 + 0.02**2))


def test_thickness_of_a_known_foil():
    """Forward from xraydb's attenuation; errors of T, of the density and of the tables."""
    mu = xraydb.material_mu("SiO2", 12_000.0, density=2.2)
    true = Transmission(value=float(np.exp(-mu * 0.05)), sigma=0.004)
    found = thickness_from_transmission(true, "SiO2", density=2.2, energy=12.0)
    assert found.value == pytest.approx(0.05, rel=1e-9)
    from_t = true.sigma / true.value / mu
    assert found.sigma == pytest.approx(np.hypot(from_t, 0.01 * 0.05), rel=1e-6)
    loose = thickness_from_transmission(
        true, "SiO2", density=2.2, density_sigma=0.22, energy=12.0, attenuation_relative_sigma=0.0
    )
    assert loose.sigma == pytest.approx(np.hypot(from_t, 0.1 * 0.05), rel=1e-6)
    step = thickness_from_transmission(
        Transmission(value=true.value + 1e-6, sigma=0.0), "SiO2", density=2.2, energy=12.0
    )
    assert (found.value - step.value) / 1e-6 == pytest.approx(from_t / true.sigma, rel=1e-4)
    with pytest.raises(CorrectionFailed, match="gives no thickness"):
        thickness_from_transmission(
            Transmission(value=1.001, sigma=0.01), "C", density=1.5, energy=12.0
        )
    with pytest.raises(SpecError):
        thickness_from_transmission(true, "SiO2", density=-1.0, energy=12.0)
    with pytest.raises(SpecError):
        thickness_from_transmission(true, "Qq7", density=1.0, energy=12.0)
