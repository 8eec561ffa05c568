"""What a fit is called, where the truth is known."""

import numpy as np
import pytest
import xarray as xr
from powder_patterns import counted, integrated

import xrdkit as xk
from xrdkit.phase import embedded_structure
from xrdkit.phase.broad_residual import broad_residual, may_be_broad
from xrdkit.phase.fit import Frame, cold_fit
from xrdkit.phase.observation import observe
from xrdkit.simulate import pt_on_carbon

EDGES = np.linspace(12.5, 76.0, 801)
LAYER = xk.RefinementSpec(background=10, strain=False, profile_reach=100.0)


def layer(seed: int, top: float, loading: float, diameter: float) -> xr.Dataset:
    """Return a WAXS profile of a Pt/C layer with `top` counts per pixel, 400 pixels in each bin."""
    q = (EDGES[1:] + EDGES[:-1]) / 2
    curve = pt_on_carbon(loading=loading, median_diameter=diameter).intensity(q, wavelength=0.7)
    mean = curve / curve.max() * top
    counts = np.random.default_rng(seed).poisson(400 * mean) / 400
    profile = xk.profile(q, counts, np.sqrt(mean / 400), unit="1/nm")
    return integrated(
        profile.assign_coords(
            wavelength=("emission_line", [0.7], {"units": "angstrom", "long_name": "wavelength"}),
            emission_weight=("emission_line", [1.0], {"units": "1", "long_name": "weight"}),
        )
    )


CASES = [
    (seed, top, loading, diameter)
    for seed, (top, loading) in enumerate([(30, 0.2), (300, 0.3), (3000, 0.6)])
    for diameter in (2.0, 3.0, 5.0)
]


@pytest.mark.parametrize("case", CASES)
def test_broad_lines_of_a_missing_phase_are_seen(case):
    """Without graphite its broad lines stay, and the background bends to take half of them."""
    alone = xk.refine_phases(layer(*case), ["Pt"], LAYER)
    assert alone.verdict.item() == "misfit"
    reason = alone.verdict_reason.item()
    assert "broad scattering near" in reason or "belongs to no phase" in reason
    assert xk.refine_phases(layer(*case), ["Pt", "C"], LAYER).verdict.item() == "ok"


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("phases", [("Pt",), ("Pt", "C")])
def test_the_cheap_test_for_broad_structure_never_says_no_wrongly(case, phases):
    """Where splines find structure, second differences must have let them look."""
    spec = xk.RefinementSpec(background=3, strain=False, profile_reach=100.0)
    observed = observe(layer(*case), spec)
    structures = [embedded_structure(name) for name in phases]
    x, y, sigma = observed.two_theta, observed.intensity[0], observed.sigma[0]
    frame = Frame(two_theta=x, intensity=y, sigma=sigma, limits=(float(x[0]), float(x[-1])))
    fit = cold_fit(frame, structures, spec, observed)
    found = broad_residual(frame, fit, fit.model.typical_width(fit.values, 0))
    assert found is not None
    if len(phases) == 1:
        assert may_be_broad(frame, fit, 0.4)
    else:
        assert found.share < 0.4
    for share in (0.1, 0.2, 0.4, 0.6):
        assert may_be_broad(frame, fit, share) or found.share < share


def test_a_hundred_right_fits_raise_no_alarm():
    """Sharp and broad lines, 100 to 300 000 counts: 100 fits of the model that made the data."""
    random = np.random.default_rng(11)
    instrument = xk.phase.InstrumentWidths(w=0.05**2)
    spec = xk.RefinementSpec(instrument=instrument, strain=False)
    alarms = []
    for seed in range(100):
        phase = ("LaB6", "CeO2", "Pt", "CaF2")[seed % 4]
        profile = counted(
            np.linspace(10, 45, 700),
            {phase: 1.0},
            wavelength=0.6,
            seed=seed,
            top=10 ** random.uniform(2, 5.5),
            sizes={phase: random.uniform(2, 60)},
        )
        result = xk.refine_phases(profile, [phase], spec)
        if result.verdict.item() != "ok" or result.verdict_reason.item():
            alarms.append((seed, result.verdict_reason.item()))
    assert alarms == []


def test_a_spot_on_a_known_line_is_no_foreign_peak():
    """A grain that fills one line must not be reported as an unknown phase."""
    x = np.linspace(10, 45, 1750)
    profile = counted(x, {"LaB6": 1.0}, wavelength=0.6, top=5000)
    line = 2 * np.degrees(np.arcsin(0.6 / 2 / (4.156826 / np.sqrt(6))))
    spot = 40000 * np.exp(-4 * np.log(2) * ((x - line) / 0.05) ** 2)
    grainy = profile.assign(
        intensity=profile.intensity.copy(data=profile.intensity + spot),
        sigma=profile.sigma.copy(data=np.sqrt(profile.sigma**2 + spot)),
    )
    result = xk.refine_phases(grainy, ["LaB6"])
    assert result.verdict.item() == "misfit"
    assert "far stronger than the structure says" in result.verdict_reason.item()
    foreign = profile.assign(
        intensity=profile.intensity.copy(data=profile.intensity + np.roll(spot, 60)),
        sigma=profile.sigma.copy(data=np.sqrt(profile.sigma**2 + np.roll(spot, 60))),
    )
    result = xk.refine_phases(foreign, ["LaB6"])
    assert "belongs to no phase" in result.verdict_reason.item()


def test_errors_stated_too_small_are_said_and_no_misfit():
    """Wrong by 10 everywhere: the fit is right, and the reader learns what its errors stand for."""
    profile = counted(np.linspace(10, 45, 1200), {"LaB6": 1.0}, wavelength=0.6, top=1e5)
    small = profile.assign(sigma=profile.sigma / 10)
    small["sigma"].attrs = profile["sigma"].attrs
    result = xk.refine_phases(small, ["LaB6"])
    assert result.verdict.item() == "ok"
    assert "times the counting errors" in result.verdict_reason.item()
