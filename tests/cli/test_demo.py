"""The demo: small frames through the whole chain, and what it says of wrong results."""

import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from rich.console import Console

from xrdkit.cli import demo as command
from xrdkit.cli.comparison import QUANTITIES, Comparison, compare, comparison, table
from xrdkit.errors import StoreError
from xrdkit.simulate import PotentialHold, pt_on_carbon, simulate_series, truth_dataset

RADIUS = QUANTITIES[0]
TRUTH = truth_dataset([pt_on_carbon()] * 3, time=[0.0, 3600.0, 7200.0], cell_potential=[1.0] * 3)


def result(offset: float = 0.0, sigma: float = 0.001) -> xr.Dataset:
    values = TRUTH["mean_radius_volume"].values + offset
    return xr.Dataset(
        {
            "mean_radius_volume": ("frame", values),
            "mean_radius_volume_sigma": ("frame", np.full(3, sigma)),
        },
        coords={"frame": [0, 1, 2]},
    )


def shown(comparisons: list[Comparison]) -> str:
    text = io.StringIO()
    Console(file=text, width=80).print(table(comparisons, TRUTH))
    return text.getvalue()


def test_deviation_is_counted_in_standard_errors() -> None:
    made = comparison(RADIUS, TRUTH, result(offset=0.002))
    assert made.pulls == pytest.approx([2.0, 2.0, 2.0])
    assert made.worst == pytest.approx(0.002 / TRUTH["mean_radius_volume"].values[0])
    assert not made.is_wrong
    text = shown([made])
    assert "+2.0 σ" in text
    assert "1.86878(100)" in text
    assert "all 3" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_gross_and_missing_numbers_are_wrong() -> None:
    assert comparison(RADIUS, TRUTH, result(offset=0.1)).is_wrong
    lost = result()
    lost["mean_radius_volume"][1] = math.nan
    made = comparison(RADIUS, TRUTH, lost)
    assert made.is_wrong
    assert made.worst == math.inf
    assert "no number" in shown([made])
    assert replace(made, frames=(), true=(), found=(), sigma=()).is_wrong


def test_frames_without_result_are_matched_by_number() -> None:
    truth = TRUTH.copy(deep=True)
    truth["mean_radius_volume"][:] = [1.0, 2.0, 3.0]
    found = result().isel(frame=[0, 2])
    made = comparison(RADIUS, truth, found)
    assert made.frames == (0, 2)
    assert made.true == (1.0, 3.0)


def test_missing_results_are_our_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        compare(TRUTH, tmp_path)


def test_whole_demo_finds_the_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import xrdkit.simulate

    short = PotentialHold(frames=4, resting_frames=1)
    monkeypatch.setattr(
        xrdkit.simulate,
        "simulate_series",
        lambda folder, coarse: simulate_series(folder, hold=short, coarse=coarse),
    )
    text = io.StringIO()
    console = Console(file=text, width=80)
    assert command.run_demo(tmp_path, console, coarse=2, engine="local") == 0
    assert "all 4" in text.getvalue()
    assert str(tmp_path / "results" / "report.html") in text.getvalue()
    assert (tmp_path / "results" / "report.html").stat().st_size > 10_000

    def swollen(truth: xr.Dataset, results: Path) -> list[Comparison]:
        return [replace(c, true=tuple(1.2 * t for t in c.true)) for c in compare(truth, results)]

    monkeypatch.setattr(command, "compare", swollen)
    assert command.run_demo(tmp_path, console, coarse=2, engine="local") == command.WRONG
    assert "grossly off the truth: Pt weight fraction" in text.getvalue()
