"""Shifts and widths of lines by the instrument against numbers worked out by hand."""

import numpy as np
import pytest

from xrdkit.phase import RefinementSpec, embedded_structure
from xrdkit.phase.effects import GAUSS_NODES
from xrdkit.phase.model import PatternModel


def shapes(spec, **values):
    model = PatternModel(
        [embedded_structure("Si")],
        np.linspace(20, 100, 4001),
        spec,
        wavelengths=(1.5405929,),
        weights=(1.0,),
        integrated=False,
        emission_widths=(values.pop("natural", 0.0),),
    )
    known = {**model.neutral_values(), **dict.fromkeys(GAUSS_NODES, 0.01), **values}
    return model.shapes(known, 0)


def test_a_sample_behind_the_axis_and_a_deep_one_lower_the_angle():
    spec = RefinementSpec(goniometer_radius=200.0)
    plain = shapes(spec)
    theta = np.radians(plain.position) / 2
    low = shapes(spec, displacement=0.1)
    np.testing.assert_allclose(
        low.position - plain.position, -np.degrees(2 * 0.1 / 200) * np.cos(theta), rtol=1e-9
    )
    deep = shapes(spec, penetration=0.2)
    np.testing.assert_allclose(
        deep.position - plain.position, -np.degrees(0.2 / 400) * np.sin(2 * theta), rtol=1e-9
    )


def test_a_flat_sample_lowers_the_mean_as_rays_of_all_slopes_do():
    plain, flat = shapes(RefinementSpec()), shapes(RefinementSpec(divergence=1.0))
    half = np.radians(1.0) / 2
    slopes = np.linspace(-half, half, 20_001)
    cotangent = 1 / np.tan(np.radians(plain.position) / 2)
    rays = -np.degrees(2 * slopes**2)[:, np.newaxis] * cotangent
    np.testing.assert_allclose(flat.position - plain.position, rays.mean(axis=0), rtol=1e-3)
    wider = flat.lines.gauss_squared - plain.lines.gauss_squared
    np.testing.assert_allclose(wider, 8 * np.log(2) * rays.var(axis=0), rtol=1e-3)


def test_natural_widths_of_the_radiation_widen_lines_as_their_wavelengths_spread():
    broad = shapes(RefinementSpec(), natural=5e-4)
    tan = np.tan(np.radians(broad.position) / 2)
    np.testing.assert_allclose(broad.lines.lorentz, np.degrees(2 * 5e-4 / 1.5405929) * tan)


def test_tails_keep_the_area_and_reach_as_far_as_they_say():
    spec = RefinementSpec(tails=(0.1, 0.4))
    found = shapes(spec)
    nodes = found.nodes
    for k in range(3):
        own = slice(nodes.first[k], nodes.first[k + 1])
        assert nodes.weight[own].sum() == pytest.approx(1.0)
        assert np.sum(nodes.weight[own][1:]) == pytest.approx(0.1)
        assert 0.38 < np.abs(nodes.shift[own]).max() < 0.4
