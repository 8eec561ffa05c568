"""Why pixels are left out, as lazily as the counts themselves."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from faults.frame_files import edf_bytes

import xrdkit as xk
from xrdkit.masks import MaskReason, no_data_reasons


def stack() -> np.ndarray:
    """Return three frames with gaps, each with another dead pixel."""
    counts = np.random.default_rng(0).poisson(9, (3, 12, 10)).astype(np.int64)
    counts[:, 5] = 2**32 - 1
    for k in range(3):
        counts[k, 0, k] = 2**32 - 1
    return counts


@pytest.mark.parametrize("dtype", [np.uint32, np.int64, np.float32, np.float64])
def test_the_same_reasons_in_every_dtype(tmp_path: Path, dtype: type) -> None:
    np.save(tmp_path / "a.npy", stack().astype(dtype))
    frames = xk.open_frames(tmp_path / "a.npy")
    np.testing.assert_array_equal(
        frames["mask_reasons"].values,
        np.where(stack() == 2**32 - 1, MaskReason.SENTINEL, MaskReason.GOOD),
    )


@pytest.mark.parametrize(
    ("value", "dtype"), [(65535, np.uint16), (65535, np.int32), (-1, np.int32), (-2, np.float32)]
)
def test_other_marks(tmp_path: Path, value: int, dtype: type) -> None:
    counts = np.full((1, 6, 7), 3, dtype=dtype)
    counts[0, 2, 3] = value
    np.save(tmp_path / "a.npy", counts)
    reasons = xk.open_frames(tmp_path / "a.npy")["mask_reasons"].values
    assert np.argwhere(reasons).tolist() == [[0, 2, 3]]


def test_a_part_is_judged_by_the_whole_frame(tmp_path: Path) -> None:
    counts = np.full((1, 6, 7), 3, dtype=np.uint32)
    counts[0, 0, 0], counts[0, 5, 6] = 65535, 70000  # a valid pixel is brighter: 65535 is a count
    np.save(tmp_path / "a.npy", counts)
    reasons = xk.open_frames(tmp_path / "a.npy")["mask_reasons"]
    assert not reasons.isel(y=slice(0, 2)).values.any()
    turned = reasons.isel(y=slice(None, None, -1), frame=0)
    np.testing.assert_array_equal(turned.values, no_data_reasons(counts[0])[::-1])


def test_the_mask_of_the_file_is_among_them(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        data = entry.create_group("data")
        data.attrs["NX_class"] = "NXdata"
        with h5py.File(tmp_path / "m_data_000001.h5", "w") as other:
            other["entry/data/data"] = stack().astype(np.uint32)
        data["data_000001"] = h5py.ExternalLink("m_data_000001.h5", "/entry/data/data")
        detector = entry.create_group("instrument/detector/detectorSpecific")
        mask = np.zeros((12, 10), np.uint32)
        mask[11, 9], mask[11, 8] = 1, 2
        detector["pixel_mask"] = mask
    frames = xk.open_frames(tmp_path / "m.h5")
    reasons = frames["mask_reasons"].values
    assert np.all(reasons[:, 11, 9] == MaskReason.GAP)
    assert np.all(reasons[:, 11, 8] == MaskReason.DEAD)
    np.testing.assert_array_equal(reasons[:, :11] > 0, stack()[:, :11] == 2**32 - 1)
    assert set(frames["mask_reasons"].attrs) == {"long_name", "flag_masks", "flag_meanings"}


def cutoff_frames(tmp_path: Path, dtype: str = "u4", **keys: object) -> Path:
    counts = np.full((2, 6, 7), 3, dtype=dtype)
    counts[:, 2, 3:5] = 999, 1000
    counts[1, 4, 5] = 70_000
    counts[:, 0, 0] = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else -1
    (tmp_path / "a.edf").write_bytes(edf_bytes(counts, keys=keys))
    return tmp_path / "a.edf"


@pytest.mark.parametrize("dtype", ["u4", "i4", "f4", "f8"])
def test_counts_from_the_cutoff_of_the_header_on_are_saturated(tmp_path: Path, dtype: str) -> None:
    frames = xk.open_frames(cutoff_frames(tmp_path, dtype, Count_cutoff=1000))
    assert frames["counts"].attrs["saturation"] == 1000.0
    assert frames["count_cutoff"].values.tolist() == [1000.0, 1000.0]
    reasons = frames["mask_reasons"].values
    saturated = np.argwhere(reasons & MaskReason.SATURATED).tolist()
    assert saturated == [[0, 2, 4], [1, 2, 4], [1, 4, 5]]
    # what is no data is not saturated as well
    assert (reasons[:, 0, 0] == MaskReason.SENTINEL).all()


def test_without_a_cutoff_nothing_is_saturated(tmp_path: Path) -> None:
    frames = xk.open_frames(cutoff_frames(tmp_path))
    assert "saturation" not in frames["counts"].attrs
    assert not (frames["mask_reasons"].values & MaskReason.SATURATED).any()


@pytest.mark.parametrize(("cutoff", "full"), [(999.5, 1), (1000, 1), (1000.5, 0), (1e9, 0)])
def test_a_cutoff_between_or_beyond_the_values_of_a_dtype(
    tmp_path: Path, cutoff: float, full: int
) -> None:
    counts = np.full((1, 6, 7), 3, dtype=np.uint16)
    counts[0, 2, 3] = 1000
    np.save(tmp_path / "a.npy", counts)
    frames = xk.open_frames(tmp_path / "a.npy", stated={"count_cutoff": cutoff})
    assert (frames["mask_reasons"].values == MaskReason.SATURATED).sum() == full


def test_a_stated_cutoff_wins_and_of_several_the_smallest_counts(tmp_path: Path) -> None:
    path = cutoff_frames(tmp_path, Count_cutoff=10)
    frames = xk.open_frames(path, stated={"count_cutoff": [5000.0, 70_000.0]})
    assert frames["counts"].attrs["saturation"] == 5000.0
    reasons = frames["mask_reasons"].isel(y=slice(1, None)).values
    assert np.argwhere(reasons).tolist() == [[1, 3, 5]]
