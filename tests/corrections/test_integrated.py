"""Corrections attached to frames do what they say once the frames are integrated."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from frames_in_memory import SHAPE, make_frames, reference_geometry

from xrdkit import IntegrationSpec, Normalization, correct, integrate
from xrdkit.averaging import average_frames
from xrdkit.corrections import (
    AirAbsorption,
    CapillaryAbsorption,
    Correction,
    Dark,
    DeadTime,
    DetectorEfficiency,
    Dose,
    Flat,
    Parallax,
    PlateAbsorption,
    Polarization,
    SolidAngle,
)
from xrdkit.errors import CorrectionFailed

G0 = reference_geometry()
RNG = np.random.default_rng(1)
IMAGE = RNG.poisson(200, SHAPE)
DARK = RNG.poisson(40, SHAPE)
RESPONSE = RNG.uniform(0.8, 1.2, SHAPE)
SPEC = {"unit": "q", "bins": 30, "range": (1.0, 8.0), "solid_angle": False}
PLAIN = IntegrationSpec(**SPEC)


@pytest.mark.parametrize(
    ("step", "setting"),
    [
        (SolidAngle(calibration=G0), {"solid_angle": True}),
        (Polarization(calibration=G0, factor=0.9), {"polarization": 0.9}),
        (Flat(response=RESPONSE), {"flat": RESPONSE}),
        (Dark(dark=average_frames(DARK)), {"dark": DARK}),
        (
            Dose(name="monitor", values=(3.0,), sigma=(0.2,)),
            {"normalization": Normalization(monitor=3.0, monitor_sigma=0.2)},
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, dict) else "",
)
def test_a_step_equals_the_setting_of_the_verb(step: Correction, setting: dict) -> None:
    frames = make_frames(IMAGE)
    stepped = integrate(correct(frames, [step]), G0, PLAIN)
    direct = integrate(frames, G0, IntegrationSpec(**{**SPEC, **setting}))
    for name in ("intensity", "sigma", "n_pixels", "errors", "ledger"):
        np.testing.assert_allclose(stepped[name], direct[name], rtol=1e-12)
    assert stepped["source"].values.tolist() == direct["source"].values.tolist()
    with pytest.raises(CorrectionFailed):
        integrate(correct(frames, [step]), G0, IntegrationSpec(**{**SPEC, **setting}))


FACTORS: dict[str, Callable[[], Correction]] = {
    "solid_angle": lambda: SolidAngle(calibration=G0),
    "polarization": lambda: Polarization(calibration=G0, factor=-0.5),
    "flat": lambda: Flat(response=RESPONSE),
    "efficiency": lambda: DetectorEfficiency(calibration=G0, material="Si", thickness=320e-6),
    "air_absorption": lambda: AirAbsorption(calibration=G0, parts=(("helium", 0.1),)),
    "plate_absorption": lambda: PlateAbsorption(calibration=G0, mu_t=1.5, tilt=30.0),
    "capillary_absorption": lambda: CapillaryAbsorption(calibration=G0, mu_r=1.5),
}


@pytest.mark.parametrize("name", FACTORS)
def test_a_factor_put_into_the_frames_is_taken_out(name: str) -> None:
    frames = make_frames(np.ones(SHAPE))
    factor = correct(frames, [FACTORS[name]()])[f"factor_{name}"].values
    measured = correct(make_frames(500.0 * factor), [FACTORS[name]()])
    profile = integrate(measured, G0, PLAIN)
    np.testing.assert_allclose(profile["intensity"], 500.0, rtol=1e-9)
    raw = integrate(make_frames(500.0 * factor), G0, PLAIN)["intensity"].values
    assert np.max(np.abs(raw / 500.0 - 1)) > 1e-4
    ledger = profile["ledger"].sel(correction=name)
    np.testing.assert_allclose(ledger, 500.0 / raw, rtol=1e-6)


def test_all_factors_together_and_the_ledger_says_what_each_did() -> None:
    frames = make_frames(np.ones(SHAPE))
    steps = [make() for make in FACTORS.values()]
    attached = correct(frames, steps)
    whole = np.prod([attached[f"factor_{name}"].values for name in FACTORS], axis=0)
    dose = Dose(name="time", values=(4.0,))
    profile = integrate(correct(make_frames(2000.0 * whole), [*steps, dose]), G0, PLAIN)
    np.testing.assert_allclose(profile["intensity"], 500.0, rtol=1e-9)
    assert profile["ledger"]["correction"].values.tolist() == [*FACTORS, "time"]
    raw = (profile["counts"] / profile["n_pixels"]).values
    product = profile["ledger"].prod("correction").values
    np.testing.assert_allclose(product * raw, profile["intensity"], rtol=1e-6)


def by_name(profile: xr.Dataset, name: str) -> np.ndarray:
    return profile["errors"].sel(source=name).values


@pytest.mark.parametrize("name", ["monitor", "time", "transmission", "thickness", "ring_current"])
def test_scaling_is_exact_and_its_error_common(name: str) -> None:
    values, sigma = (0.125, 0.5), (0.01, 0.02)
    frames = make_frames(np.stack([IMAGE, IMAGE]))
    plain = integrate(frames, G0, PLAIN)
    divided = integrate(correct(frames, [Dose(name=name, values=values, sigma=sigma)]), G0, PLAIN)
    for k, (g, u) in enumerate(zip(values, sigma, strict=True)):
        np.testing.assert_array_equal(divided["intensity"][k], plain["intensity"][k] / g)
        error = np.abs(by_name(divided, name)[k])
        np.testing.assert_allclose(error, divided["intensity"][k] * u / g, rtol=1e-12)
        np.testing.assert_array_equal(by_name(divided, "counting")[k], plain["sigma"][k] / g)
    at = divided["source"].values.tolist().index(name)
    assert divided["source_bins"].values[at] == "common"
    assert divided["source_frames"].values[at] == "independent"
    one = integrate(correct(frames, [Dose(name=name, values=(0.5,), sigma=(0.1,))]), G0, PLAIN)
    assert one["source_frames"].values[one["source"].values.tolist().index(name)] == "common"


def test_doses_multiply_in_any_order() -> None:
    frames = make_frames(IMAGE)
    doses = [
        Dose(name="monitor", values=(0.25,), sigma=(0.01,)),
        Dose(name="transmission", values=(0.5,), sigma=(0.03,)),
        Dose(name="thickness", values=(2.0,)),
    ]
    one, other = (integrate(correct(frames, order), G0, PLAIN) for order in (doses, doses[::-1]))
    np.testing.assert_array_equal(one["intensity"], other["intensity"])
    np.testing.assert_array_equal(
        one["intensity"], integrate(frames, G0, PLAIN)["intensity"] / (0.25 * 0.5 * 2.0)
    )
    relative = np.hypot(0.01 / 0.25, 0.03 / 0.5)
    total = np.hypot(by_name(one, "counting"), relative * one["intensity"])
    np.testing.assert_allclose(one["sigma"], total, rtol=1e-12)


def test_the_error_of_the_flat_field_is_a_source() -> None:
    """e = S/(N² g) √(Σ σ²) over the pixels of a bin."""
    sigma = RNG.uniform(0.01, 0.05, SHAPE)
    frames = correct(make_frames(IMAGE), [Flat(response=RESPONSE, sigma=sigma)])
    profile = integrate(frames, G0, PLAIN)
    edges = profile["q_edges"].values
    index = np.digitize(G0.radial(SHAPE, "q"), edges) - 1
    for k in (0, 7, 29):
        here = index == k
        norm = RESPONSE[here].sum()
        expected = IMAGE[here].sum() / norm**2 * np.sqrt(np.sum(sigma[here] ** 2))
        assert by_name(profile, "flat")[0, k] == pytest.approx(expected, rel=1e-9)
    assert profile["source_bins"].sel(source="flat") == "independent"
    assert profile["source_frames"].sel(source="flat") == "common"


@pytest.mark.parametrize("loss", [1e-3, 0.05, 0.2])
@pytest.mark.parametrize("model", ["non_paralyzable", "paralyzable"])
def test_dead_time(model: str, loss: float) -> None:
    """Poisson counts thinned by the model come back; too many counts are no data."""
    tau, exposure = 1e-7, 0.02
    busy = loss / (1 - loss) if model == "non_paralyzable" else -np.log1p(-loss)
    arrived = busy * exposure / tau
    registered = np.full(SHAPE, (1 - loss) * arrived)
    limit = exposure / tau / (1.0 if model == "non_paralyzable" else np.e)
    registered[200:210, 200:260] = 1.01 * limit
    frames = make_frames(registered, exposure_time=[exposure])
    step = DeadTime(dead_time=tau, model=model)
    profile = integrate(correct(frames, [step]), G0, PLAIN)
    np.testing.assert_allclose(profile["intensity"], arrived, rtol=1e-9)
    plain = integrate(make_frames((1 - loss) * arrived * np.ones(SHAPE)), G0, PLAIN)
    assert int(plain["n_pixels"].sum() - profile["n_pixels"].sum()) > 100
    inflated = (profile["sigma"] * np.sqrt(profile["n_pixels"])).values
    bare = (plain["sigma"] * np.sqrt(plain["n_pixels"])).values
    # Nothing is known better than Poisson counts as many as arrived are.
    assert np.all(inflated / np.sqrt(arrived) > 1.0)
    assert np.all(inflated > bare)
    np.testing.assert_allclose(
        profile["ledger"].sel(correction="dead_time"), 1 / (1 - loss), rtol=1e-6
    )


def test_pulls_with_dead_time_are_one() -> None:
    """Counters that lose 20 %, simulated event by event."""
    rng = np.random.default_rng(5)
    tau, arrived = 2.5e-4, 1000.0
    frames = []
    for _ in range(4):
        # Busy for τ after each event. The time of the 601st is a sum of as many waits.
        now = rng.gamma(601, 1 / arrived, SHAPE) + 600 * tau
        counts = np.full(SHAPE, 600.0)
        while True:
            inside = now <= 1.0
            if not inside.any():
                break
            counts += inside
            now = now + tau + rng.exponential(1 / arrived, SHAPE)
        frames.append(counts)
    data = make_frames(np.stack(frames), exposure_time=np.ones(4))
    spec = IntegrationSpec(unit="q", bins=450, range=(1.0, 8.0), solid_angle=False)
    profile = integrate(correct(data, [DeadTime(dead_time=tau)]), G0, spec)
    # The estimate is biased by τ (dm/dn) of its value: 2.5e-4 · 1.25 of 1000 counts.
    pull = (profile["intensity"] - profile["intensity"].mean()) / profile["sigma"]
    assert float(profile["intensity"].mean()) == pytest.approx(arrived, rel=1e-3)
    assert float(pull.std()) == pytest.approx(1.0, abs=0.05)


def test_parallax_puts_rings_where_they_belong() -> None:
    """Rings drawn where a thick sensor counts them come out at their own q."""
    near = replace(G0, distance=0.05)
    step = Parallax(calibration=near, material="Si", thickness=1e-3)
    shift = correct(make_frames(np.ones(SHAPE)), [step])["radial_shift"].values
    entry = near.radial(SHAPE, "q", shift=shift)
    centre = 30.0
    image = 1e6 * np.exp(-0.5 * ((entry - centre) / 0.2) ** 2)
    spec = IntegrationSpec(unit="q", bins=400, range=(28.0, 32.0), solid_angle=False)

    def position(frames: xr.Dataset) -> float:
        profile = integrate(frames, near, spec)
        q, level = profile["q_mean"][0], profile["intensity"][0]
        return float((q * level).sum() / level.sum())

    assert position(correct(make_frames(image), [step])) == pytest.approx(centre, rel=1e-5)
    assert position(make_frames(image)) / centre - 1 > 1e-3
