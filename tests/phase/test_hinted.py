"""Phases that seem absent because a fit starts far from their orientation."""

import numpy as np
import pytest
from powder_patterns import counted, integrated

import xrdkit as xk
from xrdkit.phase import InstrumentWidths, PhaseSpec, RefinementSpec, embedded_structure
from xrdkit.phase.model import PatternModel

X = np.arange(8.0, 60.0, 0.02)
WIDTHS = InstrumentWidths(w=0.08**2)


def oriented(march, share, seed=0, plates="brucite"):
    """Return corundum with `share` of oriented plates (001)."""
    names = ("Al2O3", plates)
    spec = RefinementSpec(
        instrument=WIDTHS,
        of_phase=(PhaseSpec(name=plates, march_axis=(0, 0, 1), march=march),),
        background=1,
    )
    model = PatternModel(
        [embedded_structure(n) for n in names],
        X,
        spec,
        wavelengths=(1.0,),
        weights=(1.0,),
        integrated=True,
    )
    values = model.plan(width=0.1, scales=(1.0, 1.0), background=(0,)).values
    values |= {"phase0_scale": 1 - share, "phase1_scale": share}
    values |= {f"phase{p}_inverse_size": 1 / 40 for p in (0, 1)}
    mean = model.phases(values).sum(axis=0)
    mean = mean / mean.max() * 2e4 + 100
    counts = np.random.default_rng(seed).poisson(mean).astype(float)
    return integrated(xk.pattern(X, counts, np.sqrt(mean), wavelength=1.0))


@pytest.mark.parametrize(
    ("march", "share", "start"),
    [(0.15, 0.005, 1.0), (0.15, 0.4, 5.0), (0.5, 0.005, 0.2), (2.0, 0.005, 5.0), (4.0, 0.4, 0.2)],
)
def test_a_phase_is_found_wherever_its_orientation_starts(march, share, start):
    spec = RefinementSpec(
        instrument=WIDTHS,
        of_phase=(PhaseSpec(name="brucite", march_axis=(0, 0, 1), march=start),),
        background=3,
        strain=False,
    )
    result = xk.refine_phases(oriented(march, share), ["Al2O3", "brucite"], spec)
    assert list(result.phase_found.values) == [1, 1]
    error = result.march_sigma.values[1]
    assert result.march.values[1] == pytest.approx(march, abs=4 * error + 0.02 * march)
    assert result.verdict.item() == "ok"
    assert result.gof.item() < 1.1


def test_a_phase_that_is_not_there_is_not_found_with_an_orientation_free():
    spec = RefinementSpec(
        instrument=WIDTHS,
        of_phase=(PhaseSpec(name="brucite", march_axis=(0, 0, 1)),),
        background=3,
        strain=False,
    )
    for seed in range(6):
        profile = counted(
            X, {"Al2O3": 1.0}, wavelength=1.0, seed=seed, sizes={"Al2O3": 40.0}, fwhm=0.08
        )
        result = xk.refine_phases(profile, ["Al2O3", "brucite"], spec)
        assert list(result.phase_found.values) == [1, 0]
