"""Curves that no instrument measures: each frame says so, and others lose nothing."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.saxs import sphere_intensity
from xrdkit.saxs.models import Flat, Model, Particles
from xrdkit.saxs.plausible import not_measured
from xrdkit.saxs.smearing import SmearingSpec

Q = np.geomspace(0.05, 4.0, 80)
CLEAN = sphere_intensity(Q, median_number=4.0, width=0.2, volume_fraction=0.01, contrast=10.0)


def profile(factor=1.0, error=1.0):
    noise = np.random.default_rng(3).standard_normal(Q.size)
    sigma = 0.01 * CLEAN
    return xk.profile(Q, (CLEAN + sigma * noise) * factor, sigma * factor * error, unit="1/nm")


def sizes(method):
    return lambda data: xk.fit_sizes(data, xk.SizeSpec(method=method))


VERBS = {
    "lognormal": sizes("lognormal"),
    "tikhonov": sizes("tikhonov"),
    "maxent": sizes("maxent"),
    "montecarlo": sizes("montecarlo"),
    "fit_model": lambda data: xk.fit_model(data, Model(components=(Particles(), Flat()))),
    "desmear": lambda data: xk.desmear(data, smearing=SmearingSpec(slit_length=0.2)),
    "guinier": xk.guinier,
    "pair_distances": xk.pair_distances,
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
@pytest.mark.parametrize(
    ("factor", "error", "reason"),
    [
        (1e300, 1.0, "their squares overflow"),
        (1e-300, 1.0, "their squares overflow"),
        (0.0, None, "0 everywhere"),
        (1.0, 1e-200, "standard errors"),
        (1.0, 1e200, "standard errors"),
    ],
    ids=["huge", "tiny", "zero", "sure", "unsure"],
)
def test_a_frame_that_was_not_measured_says_so_and_loses_nothing_else(verb, factor, error, reason):
    good = profile()
    bad = profile(factor, error) if error is not None else good.assign(intensity=0 * good.intensity)
    both = verb(xk.join_profiles([good, bad]))
    assert list(both["verdict"].values != "unidentifiable") == [True, False]
    assert reason in str(both["verdict_reason"].values[1])


@pytest.mark.parametrize("factor", [1e-20, 1e20], ids=["small", "large"])
def test_units_that_are_small_or_large_change_nothing(factor):
    assert not_measured(factor * CLEAN, 0.01 * factor * CLEAN) == ""
    one, other = (xk.fit_sizes(profile(f))["mean_radius_volume"] for f in (1.0, factor))
    assert float(other) == pytest.approx(float(one), rel=1e-6)


def test_what_stops_at_its_limit_is_named_in_words():
    q = np.geomspace(0.05, 4.0, 80)
    rod = q**-2.0
    result = xk.fit_sizes(xk.profile(q, rod, 0.01 * rod, unit="1/nm"))
    assert str(result["verdict"].values) == "at_bound"
    assert str(result["verdict_reason"].values).startswith("the width stopped at the limit")
