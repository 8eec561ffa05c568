"""Whole runs on a small simulated experiment."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from tiny_run import FRAMES

import xrdkit.workflow.engines as engines
from xrdkit.errors import (
    CalibrationImplausible,
    EmptyResult,
    FrameError,
    FrameFormatUnknown,
    FrameNotFound,
    LinkRefused,
    RecipeError,
    StoreFull,
    StoreLocked,
)
from xrdkit.provenance import steps
from xrdkit.store import load
from xrdkit.store.lock import FolderLock
from xrdkit.workflow import Done, Failed, Outcome, Skipped, load_recipe, run

RESULTS = ("saxs.profile.nc", "saxs.sizes.nc", "waxs.profile.nc", "waxs.phases.nc", "report.html")


def _run(path: Path, into: Path, *changes: str, **options: object) -> list[Outcome]:
    options = {"engine": "local", **options}
    return list(run(load_recipe(path, changes), into=into, **options))


def _bytes(into: Path, names: Iterable[str] = RESULTS) -> dict[str, bytes]:
    return {name: (into / name).read_bytes() for name in names}


def _kinds(outcomes: list[Outcome]) -> Counter[str]:
    return Counter(type(o).__name__ for o in outcomes)


@pytest.fixture(autouse=True, scope="module")
def quick_report() -> Iterator[None]:
    """Write a report of one line: drawing takes seconds, and its own tests draw."""

    def write(results: dict[str, xr.Dataset], path: Path, **options: object) -> None:
        path.write_text(f"{sorted(results)} {[f.code for f in options['failed']]}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xrdkit.workflow.products.write_report", write)
        yield


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of an undisturbed local run with both detectors."""
    into = tmp_path_factory.mktemp("whole")
    outcomes = _run(source / "both.toml", into)
    assert _kinds(outcomes) == {"Done": 12 + 5}
    return into


def test_a_run_gives_labelled_results(whole: Path) -> None:
    profile, sizes = load(whole / "saxs.profile.nc"), load(whole / "saxs.sizes.nc")
    phases = load(whole / "waxs.phases.nc")
    for data in (profile, sizes, phases):
        assert data["frame"].values.tolist() == list(range(FRAMES))
    assert sizes["cell_potential"].values.tolist() == [0.6] * 3 + [1.4] * 3
    assert sizes["cell_potential"].attrs["units"] == "V"
    assert sizes["source_file"].values.tolist() == [f"frame_{k:04d}.edf" for k in range(FRAMES)]
    assert [s.step for s in steps(sizes)] == ["open_frames", "integrate", "fit_sizes"]
    assert len(steps(sizes)[0].inputs) == FRAMES
    radius = sizes["mean_radius_number"].values
    # Median diameter 3 nm, then 5 nm, width 0.25: number mean radius D/2 exp(0.25²/2).
    np.testing.assert_allclose(radius[[0, -1]], [1.5476, 2.5794], rtol=0.02)
    assert phases["lattice"].sel(lattice_parameter="a").values.ravel() == pytest.approx(
        0.392, abs=0.002
    )
    assert not any(str(whole).encode() in content for content in _bytes(whole).values())


def test_processes_give_the_bytes_of_a_local_run(source: Path, whole: Path, tmp_path: Path) -> None:
    outcomes = _run(source / "both.toml", tmp_path, engine="processes", workers=2)
    assert not [o for o in outcomes if isinstance(o, Failed)]
    assert _bytes(tmp_path) == _bytes(whole)
    first = {p.name: p.read_bytes() for p in (whole / "parts").glob("part-*.nc")}
    assert first == {p.name: p.read_bytes() for p in (tmp_path / "parts").glob("part-*.nc")}


def test_a_rerun_does_only_what_is_missing(source: Path, whole: Path, tmp_path: Path) -> None:
    into = tmp_path / "into"
    shutil.copytree(whole, into)
    again = _run(source / "both.toml", into)
    assert _kinds(again) == {"Skipped": 17}
    (gone,) = (into / "parts").glob("part-saxs-000001-sizes-*.nc")
    gone.unlink()
    (into / "waxs.profile.nc").unlink()
    again = _run(source / "both.toml", into)
    done = {(o.label, o.product, o.block) for o in again if isinstance(o, Done)}
    assert done == {("saxs", "sizes", 1), ("waxs", "profile", None)}
    assert _bytes(into) == _bytes(whole)


def test_a_damaged_part_or_result_is_made_again(source: Path, whole: Path, tmp_path: Path) -> None:
    into = tmp_path / "into"
    shutil.copytree(whole, into)
    (part,) = (into / "parts").glob("part-waxs-000002-profile-*.nc")
    (record,) = (into / "parts").glob("part-waxs-000000-phases-*.json")
    for path in (part, into / "saxs.sizes.nc"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.write_bytes(content)
    record.write_text("{")
    done = {
        (o.label, o.product, o.block)
        for o in _run(source / "both.toml", into)
        if isinstance(o, Done)
    }
    assert done == {("waxs", "profile", 2), ("waxs", "phases", 0), ("saxs", "sizes", None)}
    assert _bytes(into) == _bytes(whole)


def test_a_changed_setting_makes_only_what_depends_on_it(source: Path, tmp_path: Path) -> None:
    _run(source / "saxs.toml", tmp_path)
    changed = _run(source / "saxs.toml", tmp_path, "detectors.saxs.fit_sizes.porod=false")
    done = [(o.product, o.block) for o in changed if isinstance(o, Done)]
    assert done == [("sizes", 0), ("sizes", 1), ("sizes", 2), ("sizes", None), ("report", None)]
    changed = _run(source / "saxs.toml", tmp_path, "detectors.saxs.integrate.bins=60")
    assert _kinds(changed) == {"Done": 9}
    assert load(tmp_path / "saxs.profile.nc").sizes["q"] == 60
    assert _kinds(_run(source / "saxs.toml", tmp_path, "title=Other words")) == {
        "Skipped": 6,
        "Done": 3,
    }


def test_more_frames_add_to_a_run(source: Path, tmp_path: Path) -> None:
    files = sorted((source / "saxs").glob("frame_*.edf"))
    text = (source / "saxs.toml").read_text().replace('coordinates = "conditions.csv"', "")
    (tmp_path / "r.toml").write_text(text.replace('"saxs/', f'"{source}/saxs/'))
    recipe = load_recipe(tmp_path / "r.toml")
    some = list(run(recipe, sources=files[:4], into=tmp_path / "a", engine="local"))
    assert _kinds(some) == {"Done": 4 + 3}
    more = list(run(recipe, sources={"saxs": files}, into=tmp_path / "a", engine="local"))
    assert _kinds(more) == {"Skipped": 4, "Done": 2 + 3}
    list(run(recipe, sources=files, into=tmp_path / "b", engine="local"))
    names = ("saxs.profile.nc", "saxs.sizes.nc")
    assert _bytes(tmp_path / "a", names) == _bytes(tmp_path / "b", names)


def _copy(source: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "source"
    shutil.copytree(source, copy)
    return copy


@pytest.mark.parametrize("engine", ["local", "processes"])
def test_one_bad_frame_stops_nothing(source: Path, tmp_path: Path, engine: str) -> None:
    copy = _copy(source, tmp_path)
    bad = copy / "saxs" / "frame_0002.edf"
    bad.write_bytes(bad.read_bytes()[:-1000])
    (copy / "saxs" / "frame_0005.edf").write_text("no frame")
    outcomes = _run(copy / "saxs.toml", tmp_path / "into", engine=engine, workers=1)
    failures = {o.frame: o.code for o in outcomes if isinstance(o, Failed)}
    assert failures == {2: "XRK-F002", 5: "XRK-F004"}
    sizes = load(tmp_path / "into" / "saxs.sizes.nc")
    assert sizes["frame"].values.tolist() == [0, 1, 3, 4]
    assert sizes["time"].values.tolist() == [0.0, 600.0, 1800.0, 2400.0]
    status = json.loads((tmp_path / "into" / "status.json").read_text())
    assert status["frames"] == {"total": 6, "done": 4, "failed": 2, "left": 0}
    assert "XRK-F002" in (tmp_path / "into" / "report.html").read_text()


def test_a_frame_that_fails_is_reported_again_and_not_computed_again(
    source: Path, tmp_path: Path
) -> None:
    # All pixels of frame 3 masked as no data: its header is fine, its integration fails.
    copy = _copy(source, tmp_path)
    path = copy / "saxs" / "frame_0003.edf"
    content = path.read_bytes()
    start = content.index(b"}\n") + 2
    path.write_bytes(content[:start] + b"\xff" * (len(content) - start))
    first = _run(copy / "saxs.toml", tmp_path / "into")
    failures = [o for o in first if isinstance(o, Failed)]
    assert [(o.frame, o.product, o.code) for o in failures] == [(3, "profile", "XRK-K001")]
    again = _run(copy / "saxs.toml", tmp_path / "into")
    assert [o for o in again if isinstance(o, Failed)] == failures
    assert not [o for o in again if isinstance(o, Done)]


def test_unwritten_frames_are_reported(source: Path, tmp_path: Path) -> None:
    copy = _copy(source, tmp_path)
    (data,) = (copy / "waxs").glob("*data*.h5")
    with h5py.File(data, "r+") as tree:
        name = "entry/data/data"
        kept = tree[name][:4]
        options = {"chunks": (1, *kept.shape[1:]), "maxshape": (None, *kept.shape[1:])}
        del tree[name]
        tree.create_dataset(name, data=kept, **options)
    text = (copy / "both.toml").read_text().replace("[detectors.waxs.refine_phases]", "[unused]")
    text = text[text.index("[detectors.waxs]") : text.index("[unused]")]
    (copy / "waxs.toml").write_text(f'name="w"\ntitle="W"\n{text}\n[run]\nblock_frames = 3\n')
    outcomes = _run(copy / "waxs.toml", tmp_path / "into")
    failures = [(o.frame, o.code) for o in outcomes if isinstance(o, Failed)]
    assert failures == [(4, "XRK-F002"), (5, "XRK-F002")]
    assert load(tmp_path / "into" / "waxs.profile.nc")["frame"].values.tolist() == [0, 1, 2, 3]


def test_a_fit_that_fails_leaves_the_profile(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import xrdkit.workflow.station as station

    real = station.fit_sizes

    def fragile(profile: xr.Dataset, spec: object) -> xr.Dataset:
        if 4 in profile["frame"].values:
            raise ZeroDivisionError("a fault of ours")
        return real(profile, spec)

    monkeypatch.setattr(station, "fit_sizes", fragile)
    outcomes = _run(source / "saxs.toml", tmp_path)
    (failure,) = [o for o in outcomes if isinstance(o, Failed)]
    assert (failure.frame, failure.product, failure.code) == (4, "sizes", "XRK-0000")
    assert "ZeroDivisionError: a fault of ours" in failure.message
    assert load(tmp_path / "saxs.profile.nc").sizes["frame"] == FRAMES
    assert load(tmp_path / "saxs.sizes.nc")["frame"].values.tolist() == [0, 1, 2, 3, 5]
    monkeypatch.undo()
    again = _run(source / "saxs.toml", tmp_path)
    assert not [o for o in again if isinstance(o, Failed)]
    assert load(tmp_path / "saxs.sizes.nc").sizes["frame"] == FRAMES


def test_results_of_which_nothing_is_left_do_not_stay(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import xrdkit.workflow.station as station

    def empty(profile: xr.Dataset, spec: object) -> xr.Dataset:
        raise EmptyResult("no point is left")

    _run(source / "saxs.toml", tmp_path)
    monkeypatch.setattr(station, "fit_sizes", empty)
    outcomes = _run(source / "saxs.toml", tmp_path, "detectors.saxs.fit_sizes.porod=false")
    assert {o.product for o in outcomes if isinstance(o, Failed)} == {"sizes"}
    assert not (tmp_path / "saxs.sizes.nc").exists()
    assert (tmp_path / "saxs.profile.nc").exists()


def test_a_full_disk_is_a_failure_and_a_rerun_goes_on(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import xrdkit.workflow.parts as parts

    real, count = parts.save, [0]

    def full(*args: object, **options: object) -> object:
        count[0] += 1
        if count[0] == 3:
            raise StoreFull("cannot be written: No space left on device")
        return real(*args, **options)

    monkeypatch.setattr(parts, "save", full)
    outcomes = _run(source / "saxs.toml", tmp_path)
    assert {o.code for o in outcomes if isinstance(o, Failed)} == {"XRK-W001"}
    again = _run(source / "saxs.toml", tmp_path)
    assert not [o for o in again if isinstance(o, Failed)]
    assert load(tmp_path / "saxs.sizes.nc").sizes["frame"] == FRAMES


def test_a_worker_that_dies_fails_its_block_only(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, killed = engines._Worker.give, []

    def give(self: engines._Worker, block: object) -> None:
        real(self, block)
        if not killed:
            killed.append(block.frames)
            os.kill(self._process.pid, 9)

    monkeypatch.setattr(engines._Worker, "give", give)
    outcomes = _run(source / "saxs.toml", tmp_path, engine="processes", workers=1)
    failures = [o for o in outcomes if isinstance(o, Failed)]
    assert tuple(o.frame for o in failures) == killed[0]
    assert all("-9" in o.message and o.again for o in failures)
    assert load(tmp_path / "saxs.sizes.nc").sizes["frame"] == FRAMES - 2
    again = _run(source / "saxs.toml", tmp_path)
    assert not [o for o in again if isinstance(o, Failed)]
    assert load(tmp_path / "saxs.sizes.nc").sizes["frame"] == FRAMES


def test_what_cannot_be_used_is_refused_before_anything_is_written(
    source: Path, tmp_path: Path
) -> None:
    copy, into = _copy(source, tmp_path), tmp_path / "into"
    recipe, poni = copy / "saxs.toml", copy / "saxs" / "geometry.poni"
    with pytest.raises(FrameNotFound, match=r"nothing_\*"):
        _run(recipe, into, f"detectors.saxs.frames={copy}/nothing_*.edf")
    (copy / "text.edf").write_text("not a frame")
    with pytest.raises(FrameFormatUnknown, match=r"text\.edf"):
        _run(recipe, into, f"detectors.saxs.frames={copy}/text.edf")
    with pytest.raises(FrameError, match=r"no_mask\.edf"):
        _run(recipe, into, f"detectors.saxs.mask={copy}/no_mask.edf")
    text = poni.read_text()
    poni.write_text(text.replace("Distance: 1.49", "Distance: 1490"))
    assert poni.read_text() != text
    with pytest.raises(CalibrationImplausible, match=r"geometry\.poni"):
        _run(recipe, into)
    poni.write_text(text)
    (copy / "conditions.csv").write_text("time (s)\n1\n")
    with pytest.raises(RecipeError, match="1 rows for 6 frames"):
        _run(recipe, into)
    with pytest.raises(RecipeError, match="did you mean 'local'"):
        _run(source / "saxs.toml", into, engine="locale")
    with pytest.raises(RecipeError, match="workers"):
        _run(source / "saxs.toml", into, workers=0)
    with pytest.raises(RecipeError, match="did you mean 'saxs'"):
        _run(source / "saxs.toml", into, sources={"sax": "x"})
    with pytest.raises(RecipeError, match="which of saxs, waxs"):
        _run(source / "both.toml", into, sources="x")
    assert not into.exists()


def test_one_run_per_folder(source: Path, tmp_path: Path) -> None:
    with FolderLock(tmp_path), pytest.raises(StoreLocked):
        _run(source / "saxs.toml", tmp_path)


def test_results_never_go_through_a_link(source: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    into = tmp_path / "into"
    into.mkdir()
    (into / "parts").symlink_to(outside)
    with pytest.raises(LinkRefused):
        _run(source / "saxs.toml", into)
    (into / "parts").unlink()
    (into / "saxs.sizes.nc").symlink_to(outside / "target")
    outcomes = _run(source / "saxs.toml", into)
    assert [o.code for o in outcomes if isinstance(o, Failed)] == ["XRK-N003"]
    assert not list(outside.iterdir())


def test_the_journal_tells_what_happened(source: Path, tmp_path: Path) -> None:
    outcomes = _run(source / "saxs.toml", tmp_path)
    lines = [json.loads(x) for x in (tmp_path / "journal.jsonl").read_text().splitlines()]
    assert lines[0]["event"] == "start"
    assert lines[0]["recipe_sha256"] == load_recipe(source / "saxs.toml").digest()
    assert len([x for x in lines if x["event"] == "outcome"]) == len(outcomes)
    assert lines[-1]["event"] == "end"
    assert all(isinstance(o, Done) and not isinstance(o, Skipped) for o in outcomes)
    status = json.loads((tmp_path / "status.json").read_text())
    assert status["state"] == "done"
    assert status["results"] == ["saxs.profile.nc", "saxs.sizes.nc"]
