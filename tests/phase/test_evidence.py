"""Whether a phase is there, where a fit is exact to the last bit."""

import dataclasses

import numpy as np
import pytest
from powder_patterns import counted

import xrdkit as xk
from xrdkit.phase import embedded_structure
from xrdkit.phase.evidence import gain_of, is_evident, scale_ratio
from xrdkit.phase.fit import Frame, cold_fit
from xrdkit.phase.observation import observe


@pytest.fixture(scope="module")
def outcome():
    """Return the outcome of a fit, with the noise of counts."""
    spec = xk.RefinementSpec(background=3)
    observed = observe(counted(np.linspace(10, 60, 1500), {"Si": 1.0}, wavelength=0.7), spec)
    x, y, sigma = observed.two_theta, observed.intensity[0], observed.sigma[0]
    frame = Frame(two_theta=x, intensity=y, sigma=sigma, limits=(float(x[0]), float(x[-1])))
    return cold_fit(frame, [embedded_structure("Si")], spec, observed).outcome


def exact(outcome, scale):
    """Return the outcome as if nothing were left of the data, with another scale of the phase."""
    values = outcome.values | {"phase0_scale": scale}
    table = dataclasses.replace(outcome.table, values=values)
    residual = np.zeros_like(outcome.residual)
    return dataclasses.replace(outcome, table=table, residual=residual, chi2=0.0)


def test_an_exact_fit_is_evidence_of_the_phase_that_it_has(outcome):
    fitted = exact(outcome, outcome.values["phase0_scale"])
    assert fitted.gof == 0.0
    assert np.isfinite(gain_of(fitted, 0))
    assert gain_of(fitted, 0) > gain_of(outcome, 0)
    assert is_evident(fitted, 0, 1500)


def test_an_exact_fit_is_no_evidence_of_a_phase_at_rounding(outcome):
    fitted = exact(outcome, 1e-8 * outcome.sigma(scaled=False)["phase0_scale"])
    assert gain_of(fitted, 0) < 1e-6
    assert not is_evident(fitted, 0, 1500)
    assert scale_ratio(exact(outcome, 0.0), 0) == 0.0


def test_what_chi_squared_gains_is_held_against_the_noise(outcome):
    assert outcome.noise == pytest.approx(outcome.gof)
    assert exact(outcome, 1.0).noise == 1e-3
