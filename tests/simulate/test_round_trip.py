"""Simulated files through the package's own readers and verbs, back to the truth."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import xrdkit as xk
from xrdkit.errors import StoreError
from xrdkit.masks import NO_DATA_32, MaskReason, no_data_reasons
from xrdkit.simulate import (
    Exposure,
    PotentialHold,
    SimulatedSeries,
    expose,
    read_truth,
    simulate_series,
    virtual_saxs,
    virtual_waxs,
    write_edf,
    write_eiger,
    write_tiff,
)

LIGHT = Exposure(flux=1e9, time=0.5)


def test_every_format_is_read_exactly(tmp_path: Path) -> None:
    saxs, waxs = virtual_saxs(coarse=8), virtual_waxs(coarse=8)
    frame = expose(saxs, np.full(saxs.shape, 7.0), seed=1)
    stack = [expose(waxs, np.full(waxs.shape, 70.0), seed=k) for k in range(3)]
    edf = xk.open_frames(write_edf(tmp_path / "a.edf", frame, saxs, LIGHT, monitor=12.0))
    tif = xk.open_frames(write_tiff(tmp_path / "a.tif", frame, saxs, LIGHT))
    eiger = xk.open_frames(
        write_eiger(tmp_path / "b_master.h5", stack, waxs, LIGHT, frames_per_file=2)
    )
    for read, wanted in ((edf, [frame]), (tif, [frame]), (eiger, stack)):
        values = read["counts"].values
        assert values.dtype == wanted[0].dtype
        np.testing.assert_array_equal(values, wanted)
        assert read["exposure_time"].values[0] == 0.5
        assert read["wavelength_header"].values[0] == pytest.approx(0.7)
    assert edf["monitor"].values == [12.0]
    for read, instrument in ((edf, saxs), (tif, saxs), (eiger, waxs)):
        raw = read["counts"].values[0]
        lost = no_data_reasons(raw, read["counts"].attrs.get("sentinels", ()))
        np.testing.assert_array_equal(lost > 0, instrument.marked() > 0)
    marked = waxs.marked()
    np.testing.assert_array_equal(
        (eiger["mask"].values & MaskReason.GAP) > 0, (marked & MaskReason.GAP) > 0
    )
    np.testing.assert_array_equal(eiger["mask"].values > 0, marked > 0)
    assert (eiger["counts"].values[0][marked > 0] == NO_DATA_32).all()


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> SimulatedSeries:
    folder = tmp_path_factory.mktemp("series")
    return simulate_series(folder, hold=PotentialHold(frames=3, resting_frames=1), coarse=2)


def integrated(series: SimulatedSeries, name: str, spec: xk.IntegrationSpec) -> xr.Dataset:
    files = series.saxs_frames if name == "saxs" else series.waxs_frames
    calibration = xk.load_calibration(series.folder / name / "geometry.poni")
    return xk.integrate(xk.open_frames(files), calibration, spec)


def test_sizes_come_back(series: SimulatedSeries) -> None:
    truth = read_truth(series.truth)
    pixel = virtual_saxs(coarse=2).pixel_solid_angle
    profile = integrated(
        series,
        "saxs",
        xk.IntegrationSpec(
            bins=200,
            range=(0.3, 5.0),
            polarization=0.99,
            mask=xk.load_mask(series.folder / "saxs" / "mask.edf"),
            normalization=xk.Normalization(
                monitor="frame", transmission=0.9, thickness=1e-3, absolute_scale=1e-5 / pixel
            ),
        ),
    )
    found = xk.fit_sizes(profile, xk.SizeSpec(contrast=142.2))
    for name, limit in (
        ("mean_radius_volume", 2e-3),
        ("mean_radius_number", 4e-3),
        ("width_volume", 1e-2),
        ("volume_fraction", 2e-3),
    ):
        np.testing.assert_allclose(found[name], truth[name], rtol=limit, err_msg=name)


def test_phases_come_back(series: SimulatedSeries) -> None:
    truth = read_truth(series.truth).sel(phase="Pt")
    profile = integrated(
        series,
        "waxs",
        xk.IntegrationSpec(
            unit="two_theta",
            bins=600,
            range=(8.0, 50.0),
            polarization=0.99,
            mask=xk.load_mask(series.folder / "waxs" / "mask.edf"),
        ),
    )
    spec = xk.RefinementSpec(background=10, strain=False, profile_reach=100.0)
    found = xk.refine_phases(profile, ["Pt", "C"], spec).sel(phase="Pt")
    np.testing.assert_allclose(found["crystallite_size"], truth["crystallite_size"], rtol=0.02)
    np.testing.assert_allclose(found["weight_fraction"], truth["weight_fraction"], atol=0.01)
    lattice = found["lattice"].sel(lattice_parameter="a")
    np.testing.assert_allclose(lattice, truth["lattice"].sel(lattice_parameter="a"), rtol=1e-4)


def test_folder_that_cannot_be_written_is_our_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="cannot be written") as caught:
        simulate_series(tmp_path / "file" / "series", coarse=8)
    assert caught.value.source is not None
