"""Series of patterns: warm starts checked from fresh ones, and what is said of each frame."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from powder_patterns import counted, stacked

import xrdkit as xk
from xrdkit.phase import InstrumentWidths, powder_intensity, series
from xrdkit.phase.series_steps import find_steps

X = np.linspace(10, 45, 1100)
SPEC = xk.RefinementSpec(instrument=InstrumentWidths(w=0.05**2), strain=False, background=4)
PHASES = ["CeO2", "Si"]


def frame(
    number: int,
    share: float = 0.5,
    cell: float = 1.0,
    silicon: float = 1.0,
    size: float = 40.0,
) -> xr.Dataset:
    """Return a pattern of ceria (cell times `cell`) and silicon with its own noise."""
    parts = {"CeO2": share, "Si": 4.0 * (1.0 - share) * silicon}
    return counted(
        X,
        {name: part for name, part in parts.items() if part > 0},
        wavelength=0.6,
        seed=number,
        sizes={"CeO2": size, "Si": size},
        cells={"CeO2": cell},
        top=2e4,
    )


def ramp(count: int, **change) -> list[xr.Dataset]:
    return [frame(k, 0.7 - 0.4 * k / count, 1.0 + 1e-3 * k / count, **change) for k in range(count)]


def blank(number: int) -> xr.Dataset:
    other = frame(number).copy(deep=True)
    mean = 200.0 * (1.0 + 0.5 * np.exp(-X / 20.0))
    other["intensity"][:] = np.random.default_rng(number).poisson(mean)
    other["sigma"][:] = np.sqrt(mean)
    return other


def test_a_clean_ramp_has_no_flag_and_is_what_single_fits_say():
    frames = ramp(45)
    result = xk.refine_phases(stacked(frames), PHASES, SPEC)
    assert list(result.verdict.values) == ["ok"] * 45
    assert list(result.frame_flag.values) == [""] * 45
    assert float(result.step_significance.max()) < 5
    checked = np.flatnonzero(result.start_check.values != "")
    assert list(checked) == [20, 40, 44]
    assert set(result.start_check.values[checked]) == {"agrees"}
    assert float(result.start_disagreement.max()) < 1e-3
    np.testing.assert_array_equal(result.temperature, 300.0 + np.arange(45))
    for number in (1, 13, 30, 43):
        alone = xk.refine_phases(frames[number], PHASES, SPEC)
        for name in ("lattice", "weight_fraction", "crystallite_size", "scale"):
            error = alone[f"{name}_sigma"].values
            apart = np.abs(result[name].values[number] - alone[name].values)
            assert np.all(apart <= 1e-3 * error), (number, name)
            np.testing.assert_allclose(result[f"{name}_sigma"].values[number], error, rtol=2e-3)
    truth = 0.5411651 * (1.0 + 1e-3 * np.arange(45) / 45)
    pulls = (result.lattice.values[:, 0, 0] - truth) / result.lattice_sigma.values[:, 0, 0]
    assert 0.7 < np.sqrt(np.mean(pulls**2)) < 1.35


def test_the_order_of_phases_does_not_matter():
    frames = stacked(ramp(8))
    one = xk.refine_phases(frames, PHASES, SPEC)
    other = xk.refine_phases(frames, PHASES[::-1], SPEC).isel(phase=[1, 0])
    assert list(other.phase.values) == list(one.phase.values)
    for name in ("lattice", "weight_fraction", "crystallite_size", "scale"):
        apart = np.abs(one[name] - other[name]).values
        assert np.all(apart <= 1e-3 * one[f"{name}_sigma"].values), name


@pytest.mark.parametrize("solver", ["leastsq", "least_squares"])
def test_the_solvers_agree_on_a_series(solver):
    frames = stacked(ramp(3))
    own = xk.refine_phases(frames, PHASES, SPEC)
    other = xk.refine_phases(frames, PHASES, replace(SPEC, solver=solver))
    for name in ("lattice", "weight_fraction", "crystallite_size", "scale"):
        apart = np.abs(own[name] - other[name]).values
        assert np.all(apart <= 1e-3 * own[f"{name}_sigma"].values), name


def test_what_happens_in_a_series_is_flagged_where_it_happens():
    frames = ramp(36)
    frames[6] = blank(6)
    frames[11] = frames[11].copy(deep=True)
    frames[11]["intensity"][:] = np.nan
    for k in range(18, 36):
        share = 0.7 - 0.4 * k / 36
        frames[k] = frame(k, share, (1.0 + 1e-3 * k / 36) * (1 + 4e-4))
    foreign = powder_intensity("NaCl", X, wavelength=0.6, size=40.0, fwhm=0.05)
    for k in (29, 30):
        counts = np.random.default_rng(100 + k).poisson(6000 * foreign / foreign.max())
        frames[k] = frames[k].assign(
            intensity=frames[k].intensity + counts,
            sigma=np.sqrt(frames[k].sigma ** 2 + counts).assign_attrs(frames[k].sigma.attrs),
        )
        frames[k]["intensity"].attrs = frames[0].intensity.attrs
    result = xk.refine_phases(stacked(frames), PHASES, SPEC)
    flags = {k: str(flag) for k, flag in enumerate(result.frame_flag.values) if flag}
    assert sorted(flags) == [6, 11, 18, 29, 30, 31]
    assert flags[6] == "blank"
    assert flags[11] == "no fit"
    assert flags[18].startswith("step in a of CeO2")
    assert flags[29].startswith("misfit; step in goodness of fit")
    assert flags[30] == "misfit"
    assert flags[31].startswith("step in goodness of fit")
    assert result.step_of.values[18] == "a of CeO2"
    assert result.start_check.values[18] == "agrees"
    assert np.isnan(result.lattice.values[[6, 11]]).all()
    assert not result.phase_found.values[[6, 11]].any()


def test_phases_come_and_go_by_evidence():
    there = [5 <= k < 27 for k in range(32)]
    frames = [frame(k, 0.5, silicon=0.05 * here) for k, here in enumerate(there)]
    result = xk.refine_phases(stacked(frames), PHASES, SPEC)
    np.testing.assert_array_equal(result.phase_found.values[:, 1], there)
    np.testing.assert_array_equal(np.isfinite(result.lattice.values[:, 1, 0]), there)
    flags = {k: str(flag) for k, flag in enumerate(result.frame_flag.values) if flag}
    assert "Si appears" in flags[5]
    assert "Si disappears" in flags[27]
    assert sorted(flags) == [5, 27]
    gone = ~np.array(there)
    share, error = result.weight_fraction.values[:, 1], result.weight_fraction_sigma.values[:, 1]
    assert np.all(np.abs(share[gone]) < 4 * error[gone])


def test_a_collapsed_start_is_found_out_and_does_not_stay(monkeypatch):
    """A first fit without size broadening hands its fault on; every frame looks acceptable."""
    fresh, calls = series.cold_fit, []

    def collapsed(frame, structures, spec, observed, **how):
        calls.append(how)
        first = len(calls) == 1
        return fresh(
            frame, structures, replace(spec, size=False) if first else spec, observed, **how
        )

    frames = stacked(ramp(24, size=300.0))
    sound = xk.refine_phases(frames, PHASES, SPEC)
    monkeypatch.setattr(series, "cold_fit", collapsed)
    result = xk.refine_phases(frames, PHASES, SPEC)
    assert set(sound.start_check.values[:21]) == {"", "agrees"}
    assert list(result.start_check.values[:21]) == ["replaced"] * 21
    assert list(result.verdict.values) == ["ok"] * 24
    for name in ("lattice", "weight_fraction", "crystallite_size"):
        apart = np.abs(result[name] - sound[name]).values
        assert np.all(apart <= 1e-3 * sound[f"{name}_sigma"].values), name


def fitted(values: np.ndarray, errors: float, found: np.ndarray | None = None) -> xr.Dataset:
    """Return a result with one cell length and nothing else that changes."""
    count = values.size
    cells = np.full((count, 1, 3), np.nan)
    cells[:, 0, 0] = values
    there = np.ones(count, dtype=np.int8) if found is None else found
    return xr.Dataset(
        {
            "lattice": (("frame", "phase", "lattice_parameter"), cells),
            "lattice_sigma": (
                ("frame", "phase", "lattice_parameter"),
                np.full(cells.shape, errors),
            ),
            "weight_fraction": (("frame", "phase"), np.ones((count, 1))),
            "weight_fraction_sigma": (("frame", "phase"), np.zeros((count, 1))),
            "phase_found": (("frame", "phase"), there[:, np.newaxis]),
            "verdict": ("frame", np.where(there > 0, "ok", "misfit")),
            "gof": ("frame", np.ones(count)),
            "intensity": (("frame", "two_theta"), np.ones((count, 100))),
        },
        coords={"phase": ["Si"], "lattice_parameter": ["a", "b", "c"]},
    )


def test_a_drift_however_steep_or_bent_is_no_step():
    k = np.arange(40)
    noise = np.random.default_rng(0).normal(0, 1e-6, 40)
    for drift in (1e-3 * k, 1e-5 * k**2, -1e-4 * np.sqrt(k + 4)):
        assert find_steps(fitted(0.5 + drift + noise, 1e-6)).frames == []


@pytest.mark.parametrize("at", [2, 17, 37])
def test_a_step_is_where_it_is(at):
    k = np.arange(40)
    noise = np.random.default_rng(1).normal(0, 1e-6, 40)
    steps = find_steps(fitted(0.5 + 1e-4 * k + 1.2e-5 * (k >= at) + noise, 1e-6))
    assert steps.frames == [at]
    assert steps.of[at] == "a of Si"
    assert steps.significance[at] == pytest.approx(12 / np.sqrt(2), rel=0.4)


def test_a_gap_in_a_drift_is_no_step():
    k = np.arange(40)
    found = (np.abs(k - 20) > 2).astype(np.int8)
    noise = np.random.default_rng(2).normal(0, 1e-6, 40)
    values = np.where(found, 0.5 + 1e-4 * k + noise, 0.7)
    assert find_steps(fitted(values, 1e-6, found)).frames == []


def test_too_few_frames_have_no_steps():
    steps = find_steps(fitted(np.array([0.5, 0.6, 0.5]), 1e-6))
    assert steps.frames == []
    assert np.isnan(steps.significance).all()
