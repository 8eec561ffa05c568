"""Dead time: both models inverted exactly, and their error against simulated counters."""

import numpy as np
import pytest

from xrdkit.dead_time import true_counts
from xrdkit.errors import SpecError

MODELS = ("non_paralyzable", "paralyzable")
TAU, EXPOSURE = 2e-7, 0.5
LOSSES = [1e-3, 0.01, 0.05, 0.1, 0.2]


def registered(arrived: float, model: str) -> float:
    """Return the expected registered counts of `arrived` ones."""
    busy = arrived * TAU / EXPOSURE
    return arrived / (1 + busy) if model == "non_paralyzable" else arrived * np.exp(-busy)


def arrived_at(loss: float, model: str) -> float:
    """Return the counts of which the share `loss` is lost."""
    busy = loss / (1 - loss) if model == "non_paralyzable" else -np.log1p(-loss)
    return busy * EXPOSURE / TAU


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", MODELS)
def test_what_was_lost_comes_back(model: str, loss: float) -> None:
    arrived = arrived_at(loss, model)
    counts = registered(arrived, model)
    assert counts == pytest.approx((1 - loss) * arrived, rel=1e-12)
    found, variance = true_counts([counts, 0.0], TAU, EXPOSURE, model)
    np.testing.assert_allclose(found, [arrived, 0.0], rtol=1e-10)
    assert variance[1] == 0.0
    # Above that of Poisson counts as many as arrived, which is above that of those registered.
    assert variance[0] > arrived > counts


@pytest.mark.parametrize("model", MODELS)
def test_the_variance_is_the_slope_squared_times_that_of_the_counts(model: str) -> None:
    n = registered(arrived_at(0.15, model), model)
    above, below = (true_counts(n + d, TAU, EXPOSURE, model)[0] for d in (1.0, -1.0))
    share = n * TAU / EXPOSURE
    of_counts = n * ((1 - share) ** 2 if model == "non_paralyzable" else 1 - 2 * share)
    expected = ((above - below) / 2) ** 2 * of_counts
    assert true_counts(n, TAU, EXPOSURE, model)[1] == pytest.approx(expected, rel=1e-8)


def simulate(model: str, arrived: float, busy: float, pixels: int) -> np.ndarray:
    """Return the counts that `pixels` counters register in a time of 1; `busy` is τ."""
    rng = np.random.default_rng(11)
    gaps = rng.exponential(1.0 / arrived, (pixels, int(arrived + 8 * np.sqrt(arrived) + 20)))
    if model == "non_paralyzable":
        # Events that arrive within τ do nothing: the clock starts anew after it.
        gaps[:, 1:] += busy
        return np.sum(np.cumsum(gaps, axis=1) <= 1.0, axis=1)
    kept = gaps > busy
    kept[:, 0] = True
    return np.sum(kept & (np.cumsum(gaps, axis=1) <= 1.0), axis=1)


@pytest.mark.parametrize("loss", [0.01, 0.1, 0.2])
@pytest.mark.parametrize("model", MODELS)
def test_pulls_of_simulated_counters_are_one(model: str, loss: float) -> None:
    """4000 counters that 1000 photons reach."""
    arrived = 1000.0
    busy = (loss / (1 - loss) if model == "non_paralyzable" else -np.log1p(-loss)) / arrived
    counts = simulate(model, arrived, busy, 4000)
    assert counts.mean() == pytest.approx((1 - loss) * arrived, rel=0.002)
    found, variance = true_counts(counts, busy, 1.0, model)
    pull = (found - arrived) / np.sqrt(variance)
    # 4000 values: the standard deviation is known to 1.1 %, and the estimate is biased by τ/T.
    assert np.std(pull) == pytest.approx(1.0, abs=0.04)
    assert abs(np.mean(found) / arrived - 1) < 0.003
    # Counts taken as Poisson's would be given an error too large by 25 % at a loss of 20 %.
    share = counts * busy
    of_counts = (1 - share) ** 2 if model == "non_paralyzable" else 1 - 2 * share
    naive = np.std((found - arrived) / np.sqrt(variance / of_counts))
    assert naive == pytest.approx(1 - loss, abs=0.03)


@pytest.mark.parametrize(
    ("model", "limit"), [("non_paralyzable", 1.0), ("paralyzable", np.exp(-1))]
)
def test_more_than_a_counter_can_register_is_no_number(model: str, limit: float) -> None:
    most = limit * EXPOSURE / TAU
    counts = np.array([0.999 * most, 1.001 * most, 2 * most])
    found, variance = true_counts(counts, TAU, EXPOSURE, model)
    assert np.isfinite(found).tolist() == [True, False, False]
    assert np.isfinite(variance).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("tau", "exposure", "model"),
    [(-1e-7, 1.0, MODELS[0]), (1.0, 1.0, MODELS[0]), (1e-7, 0.0, MODELS[0]), (1e-7, 1.0, "both")],
)
def test_what_makes_no_sense_is_refused(tau: float, exposure: float, model: str) -> None:
    with pytest.raises(SpecError):
        true_counts([1.0], tau, exposure, model)
