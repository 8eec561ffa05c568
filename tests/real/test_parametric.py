"""Curves over the temperature of a measured series."""

import re
from dataclasses import replace

import numpy as np
import xarray as xr

import xrdkit as xk


def warm_chromite(folder) -> xr.Dataset:
    """The patterns of CuCr2O4 with CuO above its transition, 140 to 290 K."""
    frames, temperature = [], []
    for path in sorted(folder.glob("*.fxye")):
        head, body = path.read_text().split("FXYE", 1)
        kelvin = float(re.search(r"Temp \(K\) =\s*([0-9.]+)", head).group(1))
        if kelvin < 140:
            continue
        rows = np.array([[float(v) for v in line.split()] for line in body.splitlines() if line])
        frames.append(xk.pattern(rows[:, 0] / 100, rows[:, 1], rows[:, 2], wavelength=0.413263))
        temperature.append(kelvin)
    both = xr.concat(frames, "frame", combine_attrs="override", join="override")
    return both.assign_coords(
        wavelength=frames[0].wavelength,
        emission_weight=frames[0].emission_weight,
        temperature=("frame", temperature, {"units": "K"}),
    )


def test_the_cell_of_copper_oxide_on_lines_over_temperature(data_dir):
    folder = data_dir / "powder" / "series_cucr2o4"
    series = warm_chromite(folder)
    phases = [folder / "CuCr2O4.cif", folder / "CuO.cif"]
    spec = xk.RefinementSpec(
        range=(2, 30), polarization_ratio=0.01, geometry="debye_scherrer", background=10
    )
    free = xk.refine_phases(series, phases, spec)
    lines = tuple(
        xk.ParametricTie(parameter=f"CuO.{name}", degree=1) for name in ("a", "b", "c", "beta")
    )
    tied = xk.refine_phases(series, phases, replace(spec, parametric=lines))
    assert list(tied.verdict.values) == ["ok"] * series.sizes["frame"]
    assert tied.parametric_verdict.item() == "ok"
    # Two numbers for n frames: errors fall by the root of 2/n.
    ratio = (tied.lattice_sigma / free.lattice_sigma).sel(phase="CuO").values
    expected = np.sqrt(2 / series.sizes["frame"])
    np.testing.assert_allclose(np.sqrt(np.mean(ratio**2, axis=0)), expected, rtol=0.15)
    # What the frames say by themselves scatters about the lines.
    apart = (free.lattice - tied.lattice).sel(phase="CuO") / free.lattice_sigma.sel(phase="CuO")
    assert float(np.abs(apart).max()) < 3.5
    # The other phase keeps its cell.
    moved = (free.lattice - tied.lattice).sel(phase="CuCr2O4")
    assert np.all(np.abs(moved) < 0.5 * free.lattice_sigma.sel(phase="CuCr2O4"))
