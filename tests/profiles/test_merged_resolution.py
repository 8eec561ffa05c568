"""What merged profiles say of their resolution of q."""

import numpy as np
import pytest
from profiles.known_profiles import known_profile

from xrdkit.errors import SchemaError
from xrdkit.profiles import merge

SMALL = np.linspace(0.1, 2.0, 96)
WIDE = np.linspace(1.2, 6.0, 241)


def curve(q):
    return 40.0 / (1 + (q / 0.8) ** 4) + 4.0


def resolved(edges, seed, width, frames=1):
    one = known_profile(
        curve, np.random.default_rng(seed), edges=edges, doses=(1.0,) * frames, pixels=3000
    )
    attrs = {"units": "1/nm", "long_name": "standard deviation of q"}
    told = one.assign(q_resolution=("q", width * np.ones(one.sizes["q"]), attrs))
    return told.assign_attrs(q_resolution_across=width / 2)


def test_bins_keep_the_resolution_of_their_profile():
    both = merge([resolved(WIDE, 1, 0.04), resolved(SMALL, 2, 0.01)])
    width = both.q_resolution
    assert width.attrs["units"] == "1/nm"
    np.testing.assert_allclose(width.sel(q=slice(0, 1.15)), 0.01)
    np.testing.assert_allclose(width.sel(q=slice(2.05, 6)), 0.04)
    shared = both.origin.values.reshape(-1) == 3
    assert shared.any()
    mixed = np.sqrt((0.04**2 + 0.01**2) / 2)
    np.testing.assert_allclose(width.values.reshape(-1)[shared], mixed)
    assert both.attrs["q_resolution_across"] == 0.005


def test_alike_frames_have_one_resolution():
    both = merge([resolved(SMALL, 1, 0.01, frames=3), resolved(WIDE, 2, 0.04, frames=3)])
    assert both.q_resolution.dims == ("q",)


def test_what_is_told_of_one_alone_is_refused():
    with pytest.raises(SchemaError, match=r"'profile_0' tells .* 'profile_1' does not"):
        merge([resolved(SMALL, 1, 0.01), resolved(WIDE, 2, 0.04).drop_vars("q_resolution")])


def test_slit_and_pinhole_are_refused():
    slit = resolved(WIDE, 2, 0.04).assign_attrs(slit_smeared=1, slit_length=0.3)
    with pytest.raises(SchemaError, match="slit_smeared is None in 'profile_0' and 1"):
        merge([resolved(SMALL, 1, 0.01), slit])
