"""Curves over a series refined from all patterns at once."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from powder_patterns import counted, stacked

import xrdkit as xk
from xrdkit.errors import SpecError
from xrdkit.phase import InstrumentWidths, ParameterSpec, ParametricTie
from xrdkit.phase.parametric_spec import Curve

X = np.linspace(10, 45, 1100)
PHASES = ["CeO2", "Si"]
CERIA = 0.5411651
SPEC = xk.RefinementSpec(instrument=InstrumentWidths(w=0.05**2), strain=False, background=4)
CELL = ParametricTie(parameter="CeO2.a", degree=2, reference=300.0)
TRUTH = CERIA * np.array([1.0, 2e-5, 3e-7])


def expanding(frames=8, seed=0, top=1500.0, curve=TRUTH) -> xr.Dataset:
    """Return a series whose ceria expands as a polynomial of T - 300 K, 0 to `frames` - 1."""
    patterns = []
    for k in range(frames):
        cell = np.polynomial.polynomial.polyval(k, curve) / CERIA
        patterns.append(
            counted(
                X,
                {"CeO2": 0.5, "Si": 1.0},
                wavelength=0.6,
                seed=100 * seed + k,
                sizes=dict.fromkeys(PHASES, 30.0),
                cells={"CeO2": float(cell)},
                top=top,
            )
        )
    return stacked(patterns)


@pytest.mark.parametrize("form", ["polynomial", "einstein"])
def test_slopes_of_curves(form):
    t = np.array([5.0, 40.0, 120.0, 290.0])
    curve = Curve.of(ParametricTie(parameter="a", form=form, degree=3), t)
    c = np.array([0.5, 0.02, 0.7, -0.3])[: curve.count]
    values, slopes = curve.at(c)
    for k in range(curve.count):
        up, down = c.copy(), c.copy()
        up[k] += 1e-6
        down[k] -= 1e-6
        numeric = (curve.at(up)[0] - curve.at(down)[0]) / 2e-6
        np.testing.assert_allclose(slopes[:, k], numeric, atol=1e-8)
    assert np.isfinite(values).all()


def test_the_truth_comes_out_with_smaller_errors_than_from_single_frames():
    series = expanding()
    free = xk.refine_phases(series, PHASES, SPEC)
    tied = xk.refine_phases(series, PHASES, replace(SPEC, parametric=(CELL,)))
    assert list(tied.verdict.values) == ["ok"] * 8
    assert tied.parametric_verdict.item() == "ok"
    assert list(tied.parametric.values) == ["CeO2.a c0", "CeO2.a c1", "CeO2.a c2"]
    assert list(tied.parametric_unit.values) == ["nm", "nm K^-1", "nm K^-2"]
    off = (tied.parametric_coefficient.values - TRUTH) / tied.parametric_coefficient_sigma.values
    assert np.abs(off).max() < 4
    cell, error = (tied[n].values[:, 0, 0] for n in ("lattice", "lattice_sigma"))
    curve = np.polynomial.polynomial.polyval(np.arange(8.0), tied.parametric_coefficient.values)
    np.testing.assert_allclose(cell, curve, rtol=1e-12)
    # Three coefficients in eight frames: the mean variance falls to 3/8.
    ratio = np.mean(error**2) / np.mean(free.lattice_sigma.values[:, 0, 0] ** 2)
    assert ratio == pytest.approx(3 / 8, rel=0.1)
    # What is on no curve keeps its error, but for sizes that move by a fraction of theirs.
    np.testing.assert_allclose(
        tied.lattice_sigma.values[:, 1], free.lattice_sigma.values[:, 1], rtol=0.1
    )
    # The curve through the single cells, weighted, is the joint fit to first order.
    weight = 1 / free.lattice_sigma.values[:, 0, 0]
    design = np.arange(8.0)[:, np.newaxis] ** np.arange(3)
    c = np.linalg.lstsq(
        design * weight[:, np.newaxis], free.lattice.values[:, 0, 0] * weight, rcond=None
    )[0]
    sigma = tied.parametric_coefficient_sigma.values
    assert np.all(np.abs(c - tied.parametric_coefficient.values) < 0.2 * sigma)


def test_the_joint_fit_is_that_of_one_large_matrix():
    """Errors by Schur complements, against the inverse of the normal matrix of all frames."""
    from xrdkit.phase.minimise import slopes_of, tied_of
    from xrdkit.phase.observation import observe
    from xrdkit.phase.parametric import JointFit
    from xrdkit.phase.refine import resolve
    from xrdkit.phase.series import Series, frame_of

    spec = replace(SPEC, esd_correction="none", ties=("CeO2.inverse_size = Si.inverse_size",))
    observed = observe(expanding(4), spec)
    series = Series(observed, resolve(PHASES), spec)
    series.run()
    fits = {k: e.fit for k, e in enumerate(series.entries)}
    frames = {k: frame_of(observed, k) for k in fits}
    curve = Curve.of(replace(CELL, degree=1), 300.0 + np.arange(4.0))
    joint = JointFit(frames, fits, [curve], ["phase0_a"]).run()
    assert joint.converged
    blocks, tops, unit = [], [], None
    for k, fit in joint.fits.items():
        tied = tied_of(fits[k].plan, last=["phase0_a"])
        slopes = slopes_of(fit.model, frames[k], fit.plan, tied, fit.values)
        at = tied.free.index("phase0_a")
        unit = fit.plan.units["phase0_a"]
        tops.append(np.outer(slopes[:, at] / unit, [1.0, float(k)]))
        blocks.append(np.delete(slopes, at, axis=1))
    points = sum(len(b) for b in blocks)
    whole = np.zeros((points, 2 + sum(b.shape[1] for b in blocks)))
    row, column = 0, 2
    for block, top in zip(blocks, tops, strict=True):
        whole[row : row + len(block), :2] = top
        whole[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    normal = whole.T @ whole
    size = np.sqrt(np.diagonal(normal))
    covariance = np.linalg.inv(normal / np.outer(size, size)) / np.outer(size, size)
    np.testing.assert_allclose(joint.covariance, covariance[:2, :2], rtol=1e-5)
    first = joint.fits[0]
    tied = tied_of(fits[0].plan, last=["phase0_a"])
    for k, name in enumerate(n for n in tied.free if n != "phase0_a"):
        expected = np.sqrt(covariance[2 + k, 2 + k]) * first.plan.units[name]
        assert first.sigma(name) == pytest.approx(expected, rel=1e-5), name
    # And the gradient of all of it vanishes.
    residual = np.concatenate([f.outcome.residual for f in joint.fits.values()])
    gradient = np.abs(whole.T @ residual) * np.sqrt(np.diagonal(covariance))
    assert gradient.max() < 0.02


def test_errors_of_coefficients_are_their_scatter():
    spec = replace(SPEC, parametric=(replace(CELL, degree=1, reference=302.0),))
    pulls = []
    line = CERIA * np.array([1.0, 2e-5])
    for seed in range(20):
        result = xk.refine_phases(expanding(5, seed=seed, curve=line), PHASES, spec)
        truth = np.array([np.polynomial.polynomial.polyval(2.0, line), line[1]])
        sigma = result.parametric_coefficient_sigma.values
        pulls.append((result.parametric_coefficient.values - truth) / sigma)
    # The standard deviation of 40 draws is known to 11 %.
    assert 0.7 < np.std(pulls) < 1.35
    assert np.abs(np.mean(pulls)) < 0.5


def test_one_value_for_all_frames_and_two_curves():
    spec = replace(
        SPEC,
        refine_zero=True,
        parametric=(ParametricTie(parameter="zero", degree=0), replace(CELL, degree=2)),
    )
    result = xk.refine_phases(expanding(), PHASES, spec)
    zero, error = result.zero_shift.values, result.zero_shift_sigma.values
    assert np.ptp(zero) < 1e-12
    assert np.ptp(error) < 1e-9
    assert abs(zero[0]) < 4 * error[0]
    assert list(result.parametric_of.values) == ["zero"] + ["CeO2.a"] * 3
    assert result.parametric_unit.values[0] == "degree"
    covariance = result.parametric_covariance.values
    np.testing.assert_allclose(
        np.sqrt(np.diag(covariance)), result.parametric_coefficient_sigma.values
    )
    free = xk.refine_phases(expanding(), PHASES, replace(SPEC, refine_zero=True))
    assert error[0] < 0.5 * free.zero_shift_sigma.values.mean()


def test_an_einstein_curve_is_found():
    t = np.linspace(20.0, 300.0, 7)
    theta, c0, c1 = 250.0, CERIA, CERIA * 2e-5
    cells = c0 + c1 * theta / np.expm1(theta / t)
    frames = stacked(
        [
            counted(
                X,
                {"CeO2": 1.0},
                wavelength=0.6,
                seed=k,
                sizes={"CeO2": 40.0},
                cells={"CeO2": float(a / CERIA)},
                top=5e3,
            )
            for k, a in enumerate(cells)
        ]
    ).assign_coords(temperature=("frame", t, {"units": "K"}))
    tie = ParametricTie(parameter="CeO2.a", form="einstein", einstein_temperature=400.0)
    result = xk.refine_phases(frames, ["CeO2"], replace(SPEC, parametric=(tie,)))
    values, sigma = (
        result[n].values for n in ("parametric_coefficient", "parametric_coefficient_sigma")
    )
    assert np.all(np.abs(values - [c0, c1, theta]) < 4 * sigma)
    assert sigma[2] < 30.0
    assert list(result.parametric_unit.values) == ["nm", "nm K^-1", "K"]


def test_a_wrong_curve_is_told():
    bent = CERIA * np.array([1.0, 0.0, 6e-5])
    spec = replace(SPEC, parametric=(replace(CELL, degree=1),))
    result = xk.refine_phases(expanding(curve=bent), PHASES, spec)
    assert result.parametric_verdict.item() == "misfit"
    assert result.parametric_chi2_increase.item() > 50
    assert result.parametric_constraints.item() == 6


def test_frames_without_a_fit_or_the_phase_take_no_part():
    series = expanding()
    series["intensity"][2] = np.nan
    silicon = counted(X, {"Si": 1.0}, wavelength=0.6, seed=77, sizes={"Si": 30.0}, top=1500.0)
    series["intensity"][5] = silicon.intensity.values
    series["sigma"][5] = silicon.sigma.values
    result = xk.refine_phases(series, PHASES, replace(SPEC, parametric=(CELL,)))
    assert np.isnan(result.lattice.values[2]).all()
    assert np.isnan(result.lattice.values[5, 0]).all()
    assert result.parametric_constraints.item() == 6 - 3
    off = (
        result.parametric_coefficient.values - TRUTH
    ) / result.parametric_coefficient_sigma.values
    assert np.abs(off).max() < 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"parametric": (replace(CELL, along="pressure"),)}, "temperature"),
        ({"parametric": (replace(CELL, parameter="CeO2.b"),)}, "CeO2.a"),
        ({"parametric": (CELL, CELL)}, "two curves"),
        ({"parametric": (replace(CELL, degree=4),)}, "5 coefficients"),
        ({"parametric": (CELL,), "lattice": False}, "refined in no frame"),
        (
            {
                "parametric": (CELL,),
                "parameters": (ParameterSpec(name="CeO2.a", value=0.5412, free=False),),
            },
            "refined in no frame",
        ),
    ],
)
def test_impossible_curves_are_refused(change, words):
    with pytest.raises(SpecError) as caught:
        xk.refine_phases(expanding(4), PHASES, replace(SPEC, **change))
    assert words in str(caught.value)


def test_a_single_pattern_has_no_curve():
    with pytest.raises(SpecError, match="the profile has no frames"):
        xk.refine_phases(expanding(2).isel(frame=0), PHASES, replace(SPEC, parametric=(CELL,)))


@pytest.mark.parametrize(
    "change",
    [
        {"parameter": ""},
        {"degree": -1},
        {"degree": 1.5},
        {"form": "spline"},
        {"reference": float("nan")},
        {"einstein_temperature": 0.0},
        {"along": 3},
    ],
)
def test_settings_are_checked(change):
    with pytest.raises(SpecError):
        ParametricTie(**({"parameter": "a"} | change))
