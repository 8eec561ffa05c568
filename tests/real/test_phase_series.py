"""Measured series refined in one call."""

import re
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import xrdkit as xk


@pytest.fixture(scope="module")
def chromite(data_dir) -> xr.Dataset:
    """CuCr2O4 with CuO from 6.8 to 288.7 K at a synchrotron, refined as one series."""
    folder = data_dir / "powder" / "series_cucr2o4"
    temperature, rows = [], []
    for path in sorted(folder.glob("*.fxye")):
        head, body = path.read_text().split("FXYE", 1)
        temperature.append(float(re.search(r"Temp \(K\) =\s*([0-9.]+)", head).group(1)))
        rows.append(
            [[float(v) for v in line.split()] for line in body.splitlines() if line.strip()]
        )
    angle, counts, sigma = np.moveaxis(np.array(rows), 2, 0)
    one = xk.pattern(angle[0] / 100, counts[0], sigma[0], wavelength=0.413263)
    series = one.drop_vars(["intensity", "sigma"]).assign(
        intensity=(("frame", "two_theta"), counts, one.intensity.attrs),
        sigma=(("frame", "two_theta"), sigma, one.sigma.attrs),
    )
    series = series.assign_coords(
        temperature=("frame", temperature, {"units": "K", "long_name": "temperature"})
    )
    spec = xk.RefinementSpec(
        range=(2, 30), polarization_ratio=0.01, geometry="debye_scherrer", background=10
    )
    return xk.refine_phases(series, [folder / "CuCr2O4.cif", folder / "CuO.cif"], spec)


def test_copper_chromite_becomes_tetragonal_near_130_kelvin(chromite):
    """Below it b and c differ, as an order parameter does; above it they are one length.

    The transition is at 130 K: Suchomel et al., Phys. Rev. B 86 (2012) 054406.
    """
    assert chromite.sizes["frame"] == 17
    assert list(chromite.verdict.values) == ["ok"] * 17
    temperature = chromite.temperature.values
    a, b, c = np.moveaxis(chromite.lattice.values[:, 0], 1, 0)
    apart = b - c
    cold = temperature < 105
    assert np.all(np.diff(apart[cold]) < 2e-5)
    assert apart[0] == pytest.approx(5.6e-4, rel=0.05)
    assert np.all(apart[temperature < 115] > 1.5e-4)
    assert np.all(np.abs(apart[temperature > 130]) < 2e-5)
    assert np.all(np.diff(a) > 0)
    assert np.all(chromite.phase_found.values == 1)
    assert np.all(chromite.rwp.values < 0.18)


def test_no_frame_of_a_gradual_change_is_flagged(chromite):
    assert list(chromite.frame_flag.values) == [""] * 17
    assert chromite.temperature.attrs["units"] == "K"


@pytest.mark.parametrize("solver", ["leastsq", "least_squares"])
def test_the_solvers_end_in_the_same_minimum_of_a_mixture(data_dir, solver):
    """Rwp is twice that of counting: steps of Gauss and Newton converge slowly there."""
    text = (data_dir / "powder" / "cpd_round_robin" / "cpd-1g.prn").read_text()
    rows = np.array([[float(v) for v in row.split()] for row in text.splitlines() if row.strip()])
    profile = xk.pattern(rows[:, 0], rows[:, 1], wavelength="CuKa")
    spec = xk.RefinementSpec(range=(20, 130), monochromator_two_theta=26.6, goniometer_radius=173.0)
    phases = ["Al2O3", "ZnO", "CaF2"]
    own = xk.refine_phases(profile, phases, spec)
    other = xk.refine_phases(profile, phases, replace(spec, solver=solver))
    for name in ("lattice", "weight_fraction", "crystallite_size", "strain", "scale"):
        apart = np.abs(own[name] - other[name]).values
        here = np.isfinite(apart)
        assert here.any()
        assert np.all(apart[here] <= 1e-3 * own[f"{name}_sigma"].values[here]), name
