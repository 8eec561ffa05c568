"""save and load: what goes in comes out, and nothing else is accepted."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from result_datasets import profile

from xrdkit.errors import LinkRefused, ResultCorrupt, ResultExists, SchemaError, StoreError
from xrdkit.provenance import content_sha256
from xrdkit.store import load, save, verify
from xrdkit.store.seal import sealed


def test_a_result_survives_identically(tmp_path: Path) -> None:
    data = profile()
    before = data.copy(deep=True)
    stored = save(data, tmp_path / "a.nc")
    xr.testing.assert_identical(data, before)
    back = load(tmp_path / "a.nc")
    xr.testing.assert_identical(back, before)
    assert {n: v.dtype for n, v in back.variables.items()} == {
        n: v.dtype for n, v in before.variables.items()
    }
    assert back.attrs["one_number"].shape == (1,)
    assert back["mask"].attrs["sentinels"].shape == (1,)
    assert type(back.attrs["polarization_factor"]) is float
    assert stored == verify(tmp_path / "a.nc")
    assert stored.content_sha256 == content_sha256(before)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_plain_xarray_opens_it(tmp_path: Path, engine: str) -> None:
    data = profile()
    stored = save(data, tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", engine=engine) as opened:
        xr.testing.assert_equal(opened.load(), data)
        assert opened.attrs["content_sha256"] == stored.content_sha256
        assert opened["intensity"].attrs == data["intensity"].attrs


def test_a_lazy_dataset_is_saved_and_stays_lazy(tmp_path: Path) -> None:
    save(profile(), tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as opened:
        opened.attrs.pop("content_sha256")
        opened.attrs.pop("single_value_arrays")
        save(opened, tmp_path / "b.nc")
        assert not opened["intensity"].variable._in_memory
    xr.testing.assert_equal(load(tmp_path / "b.nc"), profile())


def test_same_content_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from result_datasets import profile; from xrdkit.store import save\n"
        "print(save(profile(), sys.argv[2]).file_sha256)"
    )
    here = save(profile(), tmp_path / "here.nc").file_sha256
    for seed in ("1", "2"):
        there = subprocess.run(
            [
                sys.executable,
                "-c",
                program,
                str(Path(__file__).parents[1]),
                f"{tmp_path}/{seed}.nc",
            ],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        )
        assert there.stdout.strip() == here


def test_nothing_is_overwritten_unless_asked(tmp_path: Path) -> None:
    first = save(profile(), tmp_path / "a.nc")
    with pytest.raises(ResultExists):
        save(profile(seed=2), tmp_path / "a.nc")
    assert verify(tmp_path / "a.nc") == first
    second = save(profile(seed=2), tmp_path / "a.nc", overwrite=True)
    assert verify(tmp_path / "a.nc") == second != first


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("dangling", [True, False])
def test_a_symbolic_link_is_never_written_through(
    tmp_path: Path, overwrite: bool, dangling: bool
) -> None:
    outside = tmp_path / "precious"
    if not dangling:
        outside.write_text("precious")
    (tmp_path / "a.nc").symlink_to(outside)
    with pytest.raises(LinkRefused):
        save(profile(), tmp_path / "a.nc", overwrite=overwrite)
    assert (tmp_path / "a.nc").is_symlink()
    assert outside.exists() != dangling
    if not dangling:
        assert outside.read_text() == "precious"


def _broken(change: str) -> xr.Dataset:
    data = profile()
    match change:
        case "no schema":
            data.attrs.pop("schema")
        case "unknown schema":
            data.attrs["schema"] = "xrdkit/profile/99"
        case "missing variable":
            data = data.drop_vars("intensity")
        case "no unit":
            data["intensity"].attrs.pop("units")
        case "truth value":
            data.attrs["flag"] = True
        case "list":
            data.attrs["list"] = [1, 2]
        case "none":
            data["q"].attrs["none"] = None
        case "dict":
            data.attrs["dict"] = {"a": 1}
        case "text array":
            data.attrs["texts"] = np.array(["a"])
        case "null character":
            data.attrs["text"] = "a\0b"
        case "big integer":
            data.attrs["big"] = 2**64
        case "slash":
            data.attrs["a/b"] = 1
        case "complex":
            data["wave"] = ("q", np.ones(data.sizes["q"], dtype=complex))
        case "object":
            data["thing"] = ("none_such", np.array([object()], dtype=object))
        case "multi-index":
            data = data.assign_coords(a=("frame", [0, 1, 2]), b=("frame", [0, 1, 2]))
            data = data.set_index(frame=["a", "b"])
        case "negative error":
            data["sigma"] = -data["sigma"]
    return data


@pytest.mark.parametrize(
    "change",
    [
        "no schema",
        "unknown schema",
        "missing variable",
        "no unit",
        "truth value",
        "list",
        "none",
        "dict",
        "text array",
        "null character",
        "big integer",
        "slash",
        "complex",
        "object",
        "multi-index",
        "negative error",
    ],
)
def test_what_is_no_result_is_not_saved(tmp_path: Path, change: str) -> None:
    with pytest.raises(SchemaError):
        save(_broken(change), tmp_path / "a.nc")
    assert not list(tmp_path.iterdir())


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    save(profile(), path)
    good = path.read_bytes()
    rng = np.random.default_rng(7)
    for _ in range(200):
        bad = bytearray(good)
        bad[rng.integers(len(good))] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad)
        with pytest.raises(StoreError):
            load(path)


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 100, 5000, -1, -80])
def test_a_cut_file_is_found(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.nc"
    save(profile(), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StoreError):
        load(path)


def test_a_changed_value_under_a_new_seal_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    save(profile(), path)
    with h5py.File(path, "r+") as tree:
        tree["scale"][()] = 99.0
    path.write_bytes(sealed(path.read_bytes()))
    with pytest.raises(ResultCorrupt, match="digest"):
        load(path)


@pytest.mark.parametrize("kind", ["external", "soft", "raw", "virtual", "group"])
def test_links_and_foreign_storage_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.nc"
    save(profile(), path)
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 800)
    with h5py.File(path, "r+") as tree:
        if kind == "external":
            tree["leak"] = h5py.ExternalLink(str(secret), "/")
        elif kind == "soft":
            tree["leak"] = h5py.SoftLink("/intensity")
        elif kind == "raw":
            tree.create_dataset("leak", (100,), "f8", external=[(str(secret), 0, 800)])
        elif kind == "virtual":
            layout = h5py.VirtualLayout((4,), "f8")
            layout[:] = h5py.VirtualSource(str(secret), "x", (4,))
            tree.create_virtual_dataset("leak", layout)
        else:
            tree.create_group("leak")
    path.write_bytes(sealed(path.read_bytes()))
    with pytest.raises(StoreError if kind == "group" else LinkRefused):
        load(path)


@pytest.mark.parametrize("kind", ["absent", "folder", "text", "pipe", "plain netcdf", "empty"])
def test_what_is_no_result_is_not_loaded(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.nc"
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("q intensity")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "plain netcdf":
        profile().to_netcdf(path, engine="h5netcdf")
    elif kind == "empty":
        path.touch()
    with pytest.raises(StoreError) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.nc"
    with h5py.File(path, "w") as tree:
        tree.create_dataset("zeros", (2**40,), "f8", chunks=(2**20,), compression="gzip")
    path.write_bytes(sealed(path.read_bytes()))
    with pytest.raises(Exception, match="bytes held"):
        load(path)


@pytest.mark.parametrize("result", [[1.0], None, np.ones(3)], ids=["list", "nothing", "array"])
def test_what_is_no_dataset_is_refused(tmp_path, result):
    with pytest.raises(SchemaError, match="is no Dataset"):
        save(result, tmp_path / "a.nc")
    assert not list(tmp_path.iterdir())
