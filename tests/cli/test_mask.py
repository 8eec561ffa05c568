"""``xrdkit mask`` as a user types it: what it prints, writes and refuses."""

import json

import numpy as np
import pytest
import typer
from fabio.edfimage import EdfImage
from typer.testing import CliRunner

import xrdkit as xk
from xrdkit.cli.mask import mask
from xrdkit.masks import MaskReason
from xrdkit.simulate import virtual_laboratory

APP = typer.Typer()
APP.command()(mask)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three frames of a detector with gaps, a beamstop of 15 pixels, hot and dead pixels."""
    place = tmp_path_factory.mktemp("mask")
    instrument = virtual_laboratory("centred")
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:619, :487] + 0.5
    r = np.hypot(y - 310, x - 244)
    rate = np.where(r < 15, 0.0, 2000 / (1 + (r / 20) ** 2) + 20)
    for k in range(3):
        frame = rng.poisson(rate).astype(np.int32)
        frame[100, 100:400:50] = 0
        frame[500, 100:400:50] = 100_000 + rng.integers(0, 500, 6)
        frame[195:212] = frame[407:424] = -1
        EdfImage(data=frame).write(str(place / f"f{k}.edf"))
    xk.save_calibration(instrument.calibration, place / "geometry.poni")
    drawn = np.zeros((619, 487), dtype=np.uint8)
    drawn[:10] = 1
    np.save(place / "drawn.npy", drawn)
    return place


def run(*words):
    return CliRunner().invoke(APP, [str(word) for word in words])


def test_it_writes_a_mask_with_reasons_and_a_picture(folder, tmp_path):
    into = tmp_path / "new" / "mask.edf"
    outcome = run(
        folder / "f*.edf", "--calibration", folder / "geometry.poni", "--into", into, "--json",
        "--mask", folder / "drawn.npy",
    )  # fmt: skip
    assert outcome.exit_code == 0, outcome.output
    fields = json.loads(outcome.stdout)
    assert fields["frames"] == 3
    assert fields["shape"] == [619, 487]
    assert fields["notes"] == []
    pixels = fields["pixels"]
    assert pixels["hot"] == pixels["dead"] == 6
    assert pixels["sentinel"] == 34 * 487
    assert pixels["user"] == 10 * 487
    assert pixels["beamstop"] == pytest.approx(np.pi * 15**2, rel=0.1)
    back = xk.load_mask(into)
    assert xk.count_reasons(back) == pixels
    assert back.values[100, 100] == MaskReason.DEAD
    assert back.values[500, 150] == MaskReason.HOT
    assert back.values[310, 244] == MaskReason.BEAMSTOP
    assert (tmp_path / "new" / "mask.edf.png").read_bytes().startswith(b"\x89PNG")


def test_without_json_it_is_text_for_a_person(folder, tmp_path):
    outcome = run(folder / "f0.edf", "--into", tmp_path / "m.tif")
    assert outcome.exit_code == 0, outcome.output
    for word in ("1 frame(s)", "hot", "dead", "one frame", "without a calibration", "m.tif.png"):
        assert word in outcome.stdout


def test_flip_writes_the_last_row_first(folder, tmp_path):
    run(folder / "f0.edf", folder / "f1.edf", "--into", tmp_path / "m.mask", "--flip")
    mask = xk.load_mask(tmp_path / "m.mask")
    assert mask.values[618 - 500, 150] == MaskReason.USER


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("absent.edf", "--into", "m.edf"), "absent.edf"),
        (("f0.edf", "--into", "m.jpg"), "m.jpg"),
        (("f0.edf", "--into", "m.edf", "--calibration", "absent.poni"), "absent.poni"),
        (("f0.edf", "--into", "m.edf", "--mask", "f0.edf"), "f0.edf"),
        (("f0.edf", "--into", "m.edf", "--alpha", "2"), "alpha"),
    ],
)
def test_wrong_usage_is_one_message_and_exit_code_two(folder, tmp_path, monkeypatch, words, says):
    monkeypatch.chdir(tmp_path)
    paths = [folder / w if w.startswith("f0") else w for w in words]
    outcome = run(*paths)
    assert outcome.exit_code == 2
    assert says in outcome.stderr
    assert outcome.stderr.startswith("error XRK-")
    assert "Traceback" not in outcome.output
    assert list(tmp_path.iterdir()) == []
