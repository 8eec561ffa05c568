"""Doubts about the unit of q are said, and change nothing."""

import numpy as np
import pytest
import xarray as xr

import xrdkit as xk
from xrdkit.saxs.plausible import size_doubt, unit_doubt

FIELD = np.geomspace(0.01, 0.5, 60)  # as files in 1/angstrom have it


def curve(q, unit):
    x = q / q[0] * 0.5
    form = (3 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2 + 1e-3
    return xk.profile(q, form, 0.02 * form, unit=unit)


@pytest.mark.parametrize(
    ("q", "unit", "words"),
    [
        (FIELD, "1/nm", "if it is in 1/angstrom, sizes are ten times smaller"),
        (FIELD, "1/angstrom", ""),
        (10 * FIELD, "1/nm", ""),
        (10 * FIELD, "1/angstrom", "if it is in 1/nm, sizes are ten times larger"),
    ],
    ids=["angstrom as nm", "angstrom", "nm", "nm as angstrom"],
)
def test_a_range_that_the_other_unit_explains_better_is_doubted(q, unit, words):
    said = unit_doubt(curve(q, unit))
    assert words in said
    assert bool(said) == bool(words)


def test_what_a_file_states_is_doubted_only_where_no_small_angles_are(tmp_path):
    for q, doubted in ((FIELD, False), (10 * FIELD, True)):
        path = tmp_path / "a.dat"
        np.savetxt(path, np.stack([q, 1 / q], axis=1), header="Q (1/A)  I")
        said = unit_doubt(xk.read_profile(path))
        assert ("ten times larger" in said) == doubted
    np.savetxt(path, np.stack([FIELD, 1 / FIELD], axis=1), header="Q (1/nm)  I")
    assert unit_doubt(xk.read_profile(path)) == ""


def test_what_integration_gives_is_not_doubted():
    data = curve(FIELD, "1/nm")
    kept = {k: v for k, v in data.attrs.items() if k != "q_unit_declared"}
    assert unit_doubt(data.drop_attrs(deep=False).assign_attrs(kept)) == ""


def test_the_doubt_is_in_the_reason_of_every_frame_and_moves_no_number():
    data = curve(FIELD, "1/nm")
    plain = data.assign_attrs(q_unit_declared="1/m")  # no doubt is known for this
    series = xr.concat([data, data], dim="frame", combine_attrs="override").assign_coords(
        frame=[0, 1]
    )
    doubted, calm = xk.fit_sizes(series), xk.fit_sizes(plain)
    assert all("ten times smaller" in str(r) for r in doubted["verdict_reason"].values)
    assert "ten times" not in str(calm["verdict_reason"].values)
    for name in ("mean_radius_volume", "mean_radius_volume_sigma", "gof"):
        np.testing.assert_array_equal(doubted[name].values[0], calm[name].values)
    assert str(doubted["verdict"].values[0]) == str(calm["verdict"].values)


@pytest.mark.parametrize(("radius", "doubted"), [(0.05, True), (0.3, False), (np.nan, False)])
def test_no_particle_is_smaller_than_an_atom(radius, doubted):
    assert bool(size_doubt(radius)) == doubted
