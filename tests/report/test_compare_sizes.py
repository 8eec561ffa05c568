"""Particle sizes beside crystallite sizes."""

import numpy as np
import pytest
import xarray as xr

import xrdkit as xk
from xrdkit.errors import SchemaError
from xrdkit.provenance import steps
from xrdkit.schema import PHASES, SIZES


def _fill(schema, values, dims, **sizes):
    """Return a Dataset that keeps `schema`, with `values` for some of its variables."""
    variables, frame = {}, "frame" in sizes
    for name, field in schema.fields.items():
        wanted = [d for d in field.dims if d != "frame?" or frame]
        wanted = ["frame" if d == "frame?" else "q" if d == "<radial>" else d for d in wanted]
        shape = tuple(sizes.get(d, dims.get(d)) for d in wanted)
        content = np.broadcast_to(values.get(name, 1.0), shape).copy()
        attrs = {"long_name": name} | ({"units": field.units[0]} if field.units else {})
        variables[name] = (wanted, content, attrs)
    coords = {name: variables.pop(name) for name in list(variables) if name in dims}
    coords["q"] = ("q", np.arange(1.0, 1.0 + dims["q"]), {"units": "1/nm", "long_name": "q"})
    data = xr.Dataset(variables, coords, {"schema": schema.name})
    if frame:
        data = data.assign_coords(
            frame=("frame", np.arange(sizes["frame"]), {"long_name": "frame"})
        )
    return data


def particles(radius, sigma, **sizes):
    values = {"mean_radius_volume": radius, "mean_radius_volume_sigma": sigma}
    return _fill(SIZES, values, {"q": 5, "radius": 4}, **sizes)


def crystallites(size, sigma, **sizes):
    values = {"crystallite_size": size, "crystallite_size_sigma": sigma}
    dims = {"q": 5, "phase": 2, "lattice_parameter": 6}
    data = _fill(PHASES, values, dims, **sizes)
    return data.assign_coords(phase=("phase", ["Pt", "PtO"], {"long_name": "phase"}))


def test_a_sphere_that_is_one_crystal_agrees():
    # Diameter 4 nm: columns of 3 nm.
    result = xk.compare_sizes(particles(2.0, 0.05), crystallites([3.0, 2.0], [0.1, 0.02]))
    assert result["particle_diameter"].values.tolist() == [4.0, 4.0]
    np.testing.assert_allclose(result["crystallite_diameter"], [4.0, 8 / 3])
    assert result["agreement"].values.tolist() == ["agree", "particles_larger"]
    assert result["difference_sigma"].values[0] == pytest.approx(np.hypot(0.1, 0.1 / 0.75))
    np.testing.assert_allclose(result["size_ratio"], [1.0, 1.5])
    assert steps(result)[-1].step == "compare_sizes"


def test_columns_of_lognormal_spheres_are_three_quarters_of_the_same_mean():
    """L_vol is the mean over the volume of chords along one direction: 3 <D⁴>/4 <D³>."""
    rng = np.random.default_rng(1)
    diameter = np.exp(rng.normal(np.log(4.0), 0.3, 200_000))
    column = np.sum(diameter**4) / np.sum(diameter**3) * 0.75
    radius = 0.5 * np.sum(diameter**4) / np.sum(diameter**3)
    result = xk.compare_sizes(particles(radius, 0.01), crystallites(column, 0.01))
    assert result["agreement"].values.tolist() == ["agree", "agree"]


def test_what_is_not_known_is_not_compared():
    result = xk.compare_sizes(
        particles([2.0, np.nan], 0.01, frame=2), crystallites(9.0, 0.1, frame=2)
    )
    assert result["agreement"].values.tolist() == [["crystallites_larger"] * 2, ["unknown"] * 2]


def test_one_pattern_serves_all_frames():
    result = xk.compare_sizes(particles([2.0, 3.0], 0.01, frame=2), crystallites(3.0, 0.01))
    assert result["agreement"].values.tolist() == [["agree"] * 2, ["particles_larger"] * 2]


def test_frames_that_do_not_belong_together_are_refused():
    with pytest.raises(SchemaError, match="2 frames"):
        xk.compare_sizes(particles(2.0, 0.1, frame=2), crystallites(3.0, 0.1, frame=3))
    with pytest.raises(SchemaError):
        xk.compare_sizes(crystallites(3.0, 0.1), particles(2.0, 0.1))
