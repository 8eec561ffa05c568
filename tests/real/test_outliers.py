"""Outliers in frames that others measured: grains go, weak and uneven data stay."""

import numpy as np
import pytest

import xrdkit as xk

ZINGERS, SPOTS = xk.OutlierSpec(), xk.OutlierSpec(kinds="spots")


def placed(distance, x, y, wavelength, pixel):
    """Return an untilted geometry of a direct distance (m) and a centre, edges at integers."""
    return xk.Calibration(
        distance=distance,
        poni1=y * pixel,
        poni2=x * pixel,
        wavelength=wavelength,
        detector=xk.Detector(pixel_size_y=pixel, pixel_size_x=pixel),
    )


def reduced(frames, geometry, outliers, **settings):
    spec = xk.IntegrationSpec(polarization=0.99, outliers=outliers, **settings)
    return xk.integrate(frames, geometry, spec).isel(frame=0)


@pytest.fixture(scope="module")
def grainy(data_dir):
    """LaB6 with few grains: the brightest pixel holds 2.4e7 counts, a ring 1e3 to 1e4."""
    path = data_dir / "frames/aps_usaxs_matilda/tilt_lab6/LaB6_Normal_0042.hdf"
    start = placed(0.41623, 2831.86, 272.80, 0.59040066, 75e-6)
    frames = xk.open_frames(path).load()
    geometry = xk.calibrate(frames, calibrant="LaB6", start=start).calibration
    return frames, geometry


def test_whole_grains_are_spots(grainy):
    frames, geometry = grainy
    raw = reduced(frames, geometry, None)
    clean = reduced(frames, geometry, SPOTS)
    ratio = (raw["intensity"] / clean["intensity"]).values
    assert np.nanmax(ratio) > 10
    # The background between the rings, four fifths of the bins, is what it was.
    assert np.nanpercentile(ratio, 70) < 1.01
    assert np.nanmin(ratio) > 0.999
    lost = int(clean["n_outliers"].sum())
    assert 1e-3 < lost / int(raw["n_pixels"].sum()) < 1e-2


def test_large_grains_are_no_zingers(grainy):
    frames, geometry = grainy
    raw = reduced(frames, geometry, None)
    kept = reduced(frames, geometry, ZINGERS)
    spots = reduced(frames, geometry, SPOTS)
    brightest = int(np.nanargmax(kept["spottiness"]))
    assert float(kept["spottiness"][brightest]) > 100
    assert float(spots["spottiness"].max()) < 10
    assert float(abs(kept["counts"][brightest] / raw["counts"][brightest] - 1)) < 0.01
    assert float(kept["counts"].sum() / raw["counts"].sum()) > 0.98


def test_weak_laboratory_data_lose_nothing(data_dir):
    """6 counts per pixel and a beamstop whose rim lets the beam through."""
    frames = xk.open_frames(data_dir / "frames/jscatter/BSA11mg.tiff")
    geometry = placed(1.12984, 197.5, 373.0, 1.3414, 172e-6)
    raw, kept = (reduced(frames, geometry, o, bins=100, range=(0.2, 2.4)) for o in (None, ZINGERS))
    assert int(kept["n_outliers"].sum()) == 0
    np.testing.assert_array_equal(kept["intensity"], raw["intensity"])


def test_a_nearly_dark_frame_loses_nothing(data_dir):
    """10 million pixels with 0.014 counts each."""
    frames = xk.open_frames(data_dir / "frames/bioxtasraw/vac_007_data_000001.h5").isel(frame=[0])
    geometry = placed(2.0, 1550.0, 1600.0, 1.0, 75e-6)
    raw, kept = (reduced(frames, geometry, o, bins=300, range=(0.1, 3.5)) for o in (None, ZINGERS))
    assert int(kept["n_outliers"].sum()) <= 3
    assert float(kept["counts"].sum() / raw["counts"].sum()) > 0.9999


def test_a_ccd_is_judged_by_its_own_scatter(data_dir):
    """Glassy carbon is smooth; counts of a taper spread over neighbours and scatter less than
    photons do. The rim of the beamstop and two pixels beside it are what stands out."""
    frames = xk.open_frames(data_dir / "frames/gsas2_saxs_marccd/GC_5s_200.tif")
    geometry = placed(0.564415, 482.66, 569.82, 1.0332, 158e-6)
    mask = frames["counts"][0].values == 0
    settings = {"bins": 400, "range": (0.5, 9.0), "mask": mask}
    raw = reduced(frames, geometry, None, **settings)
    kept = reduced(frames, geometry, ZINGERS, **settings)
    assert int(kept["n_outliers"].sum()) <= 10
    assert float(abs(kept["intensity"] / raw["intensity"] - 1).max()) < 2e-3


def test_rings_of_many_grains_lose_little(data_dir):
    folder = data_dir / "frames/lightform_pixium"
    frames = xk.open_frames(folder / "pixium_series_master.h5").isel(frame=[0])
    geometry = xk.load_calibration(folder / "DLS_CeO2_1200mm_pyFAI.poni")
    settings = {"unit": "two_theta", "bins": 1000, "range": (1.2, 9.0)}
    settings["mask"] = xk.load_mask(folder / "DLS_CeO2_1200mm.mask")
    raw = reduced(frames, geometry, None, **settings)
    kept = reduced(frames, geometry, ZINGERS, **settings)
    assert int(kept["n_outliers"].sum()) < 5e-4 * int(raw["n_pixels"].sum())
    change = abs(kept["intensity"] / raw["intensity"] - 1).values
    assert np.nanpercentile(change, 90) < 0.005
