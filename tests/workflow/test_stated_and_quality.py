"""What is stated of the frames reaches the results; the quality of a series is told with them."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from fabio.edfimage import EdfImage

from xrdkit.errors import RecipeError
from xrdkit.profiles.quality import FLAGS, frame_quality
from xrdkit.provenance import steps
from xrdkit.store import load
from xrdkit.workflow import Done, Failed, Outcome, Skipped, load_recipe, make_plan, run
from xrdkit.workflow.quality import flagged_frames, judged
from xrdkit.workflow.replay import replay

# The frame that differs is in the middle, where it makes no trend.
FRAMES, SHAPE, CHANGED = 7, (60, 50), 3
RECIPE = """
schema = "xrdkit/recipe/1"
name = "made"
title = "Frames of one sample"

[detectors.d]
frames = "frame_*.edf"
calibration = "geometry.poni"

[detectors.d.integrate]
unit = "radius"
range = [1.0, 30.0]
bins = 40

[run]
block_frames = 3
"""
PONI = """poni_version: 2
Detector: Detector
Detector_config: {"pixel1": 1e-3, "pixel2": 1e-3, "max_shape": [60, 50]}
Distance: 1.0
Poni1: 0.03
Poni2: 0.025
Rot1: 0
Rot2: 0
Rot3: 0
Wavelength: 1e-10
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven frames of the same sample; in one of them the beam was a third stronger."""
    folder = tmp_path_factory.mktemp("made")
    rng = np.random.default_rng(11)
    for k in range(FRAMES):
        counts = rng.poisson(400.0 if k == CHANGED else 300.0, SHAPE).astype(np.int32)
        EdfImage(data=counts, header={"ExposureTime": "2.0 s"}).write(
            str(folder / f"frame_{k:04d}.edf")
        )
    (folder / "geometry.poni").write_text(PONI)
    (folder / "r.toml").write_text(RECIPE)
    return folder


@pytest.fixture(autouse=True, scope="module")
def quick_report() -> Iterator[None]:
    """Write a report of one line: drawing takes seconds, and its own tests draw."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "xrdkit.workflow.products.write_report", lambda r, path, **k: path.write_text("x")
        )
        yield


def go(folder: Path, into: Path, *changes: str, engine: str = "local") -> list[Outcome]:
    recipe = load_recipe(folder / "r.toml", [f"detectors.d.{c}" for c in changes])
    return list(run(recipe, into=into, engine=engine))


def whole(outcomes: list[Outcome], product: str = "quality") -> Done | Skipped:
    """Return the outcome of a result of the whole series."""
    (found,) = [o for o in outcomes if getattr(o, "product", "") == product and o.block is None]
    assert not isinstance(found, Failed)
    return found


def test_a_stated_value_wins_over_the_header_and_is_recorded(folder: Path, tmp_path: Path) -> None:
    change = ["integrate.normalization.time=frame"]
    go(folder, tmp_path / "header", *change)
    go(folder, tmp_path / "stated", *change, "stated.exposure_time=0.5")
    header = load(tmp_path / "header/d.profile.nc")
    stated = load(tmp_path / "stated/d.profile.nc")
    assert header["exposure_time"].values.tolist() == [2.0] * FRAMES
    assert stated["exposure_time"].values.tolist() == [0.5] * FRAMES
    assert stated["exposure_time"].attrs["source_key"] == "stated"
    assert stated["exposure_time"].attrs["header_value"] == 2.0
    np.testing.assert_allclose(stated["intensity"], 4 * header["intensity"], rtol=1e-14)
    assert steps(stated)[0].settings["stated"] == {"exposure_time": 0.5}
    assert steps(header)[0].settings["stated"] == {}
    again = replay(tmp_path / "stated/d.profile.nc", inputs=folder)
    assert (again.verdict, again.identical) == ("same", True)


def test_a_stated_value_makes_the_blocks_new(folder: Path, tmp_path: Path) -> None:
    first = go(folder, tmp_path)
    again = go(folder, tmp_path)
    other = go(folder, tmp_path, "stated.temperature=300.0")
    done = [sum(isinstance(o, Done) for o in outcomes) for outcomes in (first, again, other)]
    assert done[0] == done[2] > 0
    assert done[1] == 0


def test_what_no_header_tells_can_be_stated(folder: Path) -> None:
    change = "detectors.d.integrate.normalization.monitor=frame"
    with pytest.raises(Exception, match="monitor"):
        make_plan(load_recipe(folder / "r.toml", [change]))
    plan = make_plan(load_recipe(folder / "r.toml", [change, "detectors.d.stated.monitor=1e6"]))
    assert plan.series["d"].stated == {"monitor": 1e6}


def test_errors_of_the_dose_come_from_the_coordinates(folder: Path, tmp_path: Path) -> None:
    lines = ["monitor (count),monitor_sigma (count)", *["1e6,2e4"] * FRAMES]
    (tmp_path / "c.csv").write_text("\n".join(lines))
    normalization = "integrate.normalization.monitor"
    changes = [f"coordinates={tmp_path / 'c.csv'}", f"{normalization}=frame"]
    go(folder, tmp_path / "out", *changes, f"{normalization}_sigma=frame")
    profile = load(tmp_path / "out/d.profile.nc")
    share = profile["errors"].sel(source="monitor") / profile["intensity"]
    np.testing.assert_allclose(np.abs(share), 0.02, rtol=1e-12)
    assert profile["source_frames"].sel(source="monitor") == "independent"


def test_said_twice_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("\n".join(["monitor (count)", *["1e6"] * FRAMES]))
    changes = [
        f"detectors.d.coordinates={tmp_path / 'c.csv'}",
        "detectors.d.stated.monitor=1e6",
    ]
    with pytest.raises(RecipeError, match=r"'monitor' is stated by detectors\.d\.stated"):
        make_plan(load_recipe(folder / "r.toml", changes))


def test_quality_is_that_of_the_whole_series(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    go(folder, tmp_path / "plain")
    with caplog.at_level(logging.WARNING, logger="xrdkit.workflow.quality"):
        found = whole(go(folder, tmp_path / "out", "quality.alpha=0.001"))
    profile, quality = load(tmp_path / "out/d.profile.nc"), load(tmp_path / "out/d.quality.nc")
    xr.testing.assert_identical(profile, load(tmp_path / "plain/d.profile.nc"))
    expected = frame_quality(profile, alpha=0.001)
    for name in expected.data_vars:
        np.testing.assert_array_equal(quality[name], expected[name])
    assert quality["scale"].values[CHANGED] == pytest.approx(4 / 3, abs=0.02)
    assert found.flagged == (CHANGED,)
    assert flagged_frames(quality) == {"scale_changed": [CHANGED]}
    assert quality.sizes["frame"] == profile.sizes["frame"] == FRAMES
    assert [s.step for s in steps(quality)] == ["open_frames", "integrate", "frame_quality"]
    assert caplog.messages == [
        "d: 1 of 7 frames are flagged (none is left out): scale_changed 3",
    ]
    status = json.loads((tmp_path / "out/status.json").read_text())
    assert status["frames"]["flagged"] == 1
    assert "flagged" not in json.loads((tmp_path / "plain/status.json").read_text())["frames"]


def test_a_rerun_tells_the_flags_again_and_a_changed_setting_is_asked_anew(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = whole(go(folder, tmp_path, "quality.alpha=0.001"))
    caplog.clear()
    again = whole(go(folder, tmp_path, "quality.alpha=0.001"))
    assert isinstance(first, Done)
    assert isinstance(again, Skipped)
    assert (again.flagged, again.digest) == (first.flagged, first.digest)
    assert len(caplog.messages) == 1
    outcomes = go(folder, tmp_path, "quality.tolerance=0.5")
    assert all(isinstance(o, Skipped) for o in outcomes if o.block is not None)
    changed = whole(outcomes)
    assert isinstance(changed, Done)
    assert changed.flagged == ()


def test_the_bytes_do_not_depend_on_the_engine(folder: Path, tmp_path: Path) -> None:
    go(folder, tmp_path / "a", "quality.alpha=0.001")
    go(folder, tmp_path / "b", "quality.alpha=0.001", engine="processes")
    one, other = ((tmp_path / n / "d.quality.nc").read_bytes() for n in "ab")
    assert one == other


def test_quality_that_cannot_be_told_costs_no_profile(folder: Path, tmp_path: Path) -> None:
    dark = tmp_path / "dark.edf"
    EdfImage(data=np.full(SHAPE, 1000, np.int32), header={"ExposureTime": "2.0 s"}).write(str(dark))
    changes = [f"dark={dark}", "quality.alpha=0.01"]
    outcomes = go(folder, tmp_path / "out", *changes)
    (failure,) = [o for o in outcomes if isinstance(o, Failed)]
    assert (failure.product, failure.frame, failure.code) == ("quality", None, "XRK-K001")
    assert isinstance(whole(outcomes, "profile"), Done)
    assert not (tmp_path / "out/d.quality.nc").exists()
    again = go(folder, tmp_path / "out", *changes)
    assert [o.product for o in again if isinstance(o, Failed)] == ["quality"]


def test_the_quality_is_replayed(folder: Path, tmp_path: Path) -> None:
    go(folder, tmp_path, "quality.alpha=0.001")
    found = replay(tmp_path / "d.quality.nc", inputs=folder)
    assert (found.verdict, found.identical) == ("same", True)


def test_a_reference_is_the_label_of_a_frame(folder: Path, tmp_path: Path) -> None:
    go(folder, tmp_path)
    profile = load(tmp_path / "d.profile.nc").isel(frame=[0, 2, 3, 5, 6])
    values = {"alpha": 0.001, "reference": 3}
    told = judged(profile, values)
    assert steps(told)[-1].settings["reference"] == 2
    flags = told["flag"].values & FLAGS["scale_changed"]
    assert (flags != 0).tolist() == [True, True, False, True, True]
    with pytest.raises(ValueError, match="frame 4 gave no profile"):
        judged(profile, {**values, "reference": 4})
