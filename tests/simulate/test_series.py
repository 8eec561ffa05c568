"""The simulated potential hold: files, conditions and truth belong together."""

import csv
import tomllib
from pathlib import Path

import fabio
import h5py
import hdf5plugin
import numpy as np
import pytest

from xrdkit.calibration import load_calibration
from xrdkit.errors import SpecError
from xrdkit.simulate import (
    LognormalSpheres,
    PotentialHold,
    SimulatedSeries,
    pt_on_carbon,
    read_truth,
    simulate_series,
    truth_dataset,
    virtual_saxs,
    virtual_waxs,
    write_truth,
)
from xrdkit.simulate.truth import write_toml

PLAN = PotentialHold(frames=4, resting_frames=1)
assert hdf5plugin.BSHUF_ID  # the import registers the codec


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> SimulatedSeries:
    return simulate_series(tmp_path_factory.mktemp("series"), hold=PLAN, coarse=4, seed=7)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_same_seed_gives_the_same_files(series: SimulatedSeries, tmp_path: Path) -> None:
    again = simulate_series(tmp_path, hold=PLAN, coarse=4, seed=7)
    first, second = files(series.folder), files(again.folder)
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []
    other = files(simulate_series(tmp_path / "other", hold=PLAN, coarse=4, seed=8).folder)
    assert other["saxs/frame_0000.edf"] != first["saxs/frame_0000.edf"]


def test_geometry_and_masks_are_the_true_ones(series: SimulatedSeries) -> None:
    for name, instrument in (("saxs", virtual_saxs(coarse=4)), ("waxs", virtual_waxs(coarse=4))):
        poni = load_calibration(series.folder / name / "geometry.poni")
        for key in ("distance", "poni1", "poni2", "rot1", "rot2", "rot3", "wavelength"):
            true = getattr(instrument.calibration, key)
            assert getattr(poni, key) == pytest.approx(true, abs=1e-12)
        assert poni.detector == instrument.calibration.detector
        with fabio.open(str(series.folder / name / "mask.edf")) as image:
            np.testing.assert_array_equal(image.data > 0, instrument.mask() > 0)


def test_frames_differ_and_carry_their_monitor(series: SimulatedSeries) -> None:
    with series.conditions.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(series.saxs_frames) == PLAN.frames
    assert [float(r["cell_potential (V)"]) for r in rows] == [0.6, 1.4, 1.4, 1.4]
    assert [float(r["time (s)"]) for r in rows] == [0.0, 600.0, 1200.0, 1800.0]
    seen = []
    for row, path in zip(rows, series.saxs_frames, strict=True):
        with fabio.open(str(path)) as image:
            assert float(image.header["Intensity0"]) == float(row["monitor (count)"])
            seen.append(image.data)
    assert all((seen[0] != other).any() for other in seen[1:])
    with h5py.File(series.waxs_frames) as file:
        assert file["entry/data/data_000001"].shape == (4, *virtual_waxs(coarse=4).shape)


def test_truth_is_that_of_the_samples(series: SimulatedSeries) -> None:
    truth = read_truth(series.truth)
    assert truth.sizes == {"frame": 4, "phase": 2, "lattice_parameter": 3}
    first, last = (LognormalSpheres(median_radius=r, width=0.25) for r in (1.5, 2.5))
    radius = truth["mean_radius_volume"].values
    assert radius[0] == pytest.approx(first.mean_radius_volume)
    assert radius[-1] == pytest.approx(last.mean_radius_volume)
    np.testing.assert_allclose(np.diff(radius**3)[1:], np.diff(radius**3)[0])
    platinum = truth.sel(phase="Pt")
    np.testing.assert_allclose(platinum["crystallite_size"], 1.5 * radius)
    fraction = platinum["weight_fraction"].values
    assert fraction[0] == pytest.approx(0.3)
    assert fraction[-1] == pytest.approx(0.27 / 0.97)
    assert truth["weight_fraction"].sum("phase").values == pytest.approx(1.0)
    assert (np.diff(platinum["lattice"].sel(lattice_parameter="a")) > 0).all()
    assert all("units" in v.attrs and "long_name" in v.attrs for v in truth.data_vars.values())
    settings = tomllib.loads((series.folder / "truth.toml").read_text())
    assert settings["hold"]["last_diameter"] == 5.0
    assert settings["saxs"]["shape"] == list(virtual_saxs(coarse=4).shape)


def test_impossible_holds_and_missing_truths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no hold"):
        PotentialHold(frames=3, resting_frames=2)
    with pytest.raises(SpecError, match="dissolved"):
        PotentialHold(dissolved=1.0)
    with pytest.raises(SpecError, match="positive"):
        PotentialHold(interval=0.0)
    with pytest.raises(SpecError, match="no truth"):
        read_truth(tmp_path / "truth.nc")


def test_truth_needs_the_same_phases(tmp_path: Path) -> None:
    from xrdkit.simulate import Sample

    made = truth_dataset([pt_on_carbon()], time=[0.0], cell_potential=[0.6])
    assert read_truth(write_truth(tmp_path / "t.nc", made)).identical(made)
    with pytest.raises(SpecError, match="same crystalline phases"):
        truth_dataset([pt_on_carbon(), Sample()], time=[0.0, 1.0], cell_potential=[1.0, 1.0])


def test_toml_round_trip(tmp_path: Path) -> None:
    tables = {
        "a": {"x": 1.5e-9, "flag": True, "text": 'a "b" \\', "none": None},
        "b": {"c": {"n": 2}},
    }
    path = write_toml(tmp_path / "t.toml", tables)
    read = tomllib.loads(path.read_text())
    assert read == {"a": {"x": 1.5e-9, "flag": True, "text": 'a "b" \\'}, "b": {"c": {"n": 2}}}
    with pytest.raises(SpecError, match="not a mapping"):
        write_toml(path, {"a": 3})
    with pytest.raises(SpecError, match="NoneType"):
        write_toml(path, {"a": {"list": [1, None]}})
