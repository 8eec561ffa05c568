"""Joining the results of consecutive frames."""

import json

import numpy as np
import pytest
import xarray as xr
from result_datasets import profile

from xrdkit.errors import SchemaError
from xrdkit.provenance import append, steps
from xrdkit.workflow.merge import join


def test_parts_in_order_give_the_whole() -> None:
    data = profile(frames=5)
    before = data.copy(deep=True)
    parts = [data.isel(frame=slice(0, 2)), data.isel(frame=slice(2, 5))]
    xr.testing.assert_identical(join(parts), data)
    xr.testing.assert_identical(data, before)


def test_inputs_are_listed_together_and_steps_once() -> None:
    data = profile(frames=4)
    parts = [
        append(
            data.isel(frame=[k]), "open_frames", {"files": [f"{k}.edf"], "reader": None}, inputs=[h]
        )
        for k, h in enumerate(["aa", "bb", "aa"])
    ]
    (step,) = steps(join(parts))
    assert step.inputs == ("aa", "bb")
    assert step.settings["files"] == ["0.edf", "1.edf", "2.edf"]


def test_other_settings_do_not_mix() -> None:
    data = profile(frames=2)
    parts = [append(data.isel(frame=[k]), "integrate", {"bins": 10 + k}) for k in range(2)]
    with pytest.raises(SchemaError, match="different settings"):
        join(parts)


def test_other_bins_do_not_mix() -> None:
    data = profile(frames=2)
    other = data.isel(frame=[1]).assign_coords(q=("q", data["q"].values * 1.01, data["q"].attrs))
    with pytest.raises(SchemaError, match="do not fit"):
        join([data.isel(frame=[0]), other])


def test_a_coordinate_that_a_part_lacks_is_nan_there() -> None:
    data = profile(frames=3)
    whole = join([data.isel(frame=[0, 1]), data.isel(frame=[2]).drop_vars("exposure_time")])
    assert np.isnan(whole["exposure_time"].values).tolist() == [False, False, True]
    assert whole["exposure_time"].attrs["units"] == "s"


def test_labels_that_a_part_lacks_are_nan_there() -> None:
    def part(frame: int, labels: list[str]) -> xr.Dataset:
        return xr.Dataset(
            {
                "position": (("frame", "reflection"), np.arange(float(len(labels)))[None] + frame),
                "hkl": ("reflection", labels, {"long_name": "indices"}),
                "phase": ("reflection", [0] * len(labels)),
            },
            coords={"frame": [frame]},
            attrs={"provenance": json.dumps([])},
        )

    whole = join([part(0, ["111", "200"]), part(1, ["111", "200", "220"]), part(2, ["111", "220"])])
    assert whole["hkl"].values.tolist() == ["111", "200", "220"]
    assert whole["hkl"].attrs == {"long_name": "indices"}
    assert "reflection" not in whole.coords
    np.testing.assert_array_equal(whole["position"], [[0, 1, np.nan], [1, 2, 3], [2, np.nan, 3]])
