"""Bad pixels and shadows of measured frames, judged by eye once and held to that here."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.masks import MaskReason, no_data_reasons

PIXEL = 172e-6


def standing(distance, x, y, pixel, wavelength):
    detector = xk.Detector(pixel_size_y=pixel, pixel_size_x=pixel)
    return xk.Calibration(
        distance=distance, poni1=y * pixel, poni2=x * pixel, wavelength=wavelength,
        detector=detector,
    )  # fmt: skip


def test_a_bright_grain_is_no_hot_pixel(data_dir):
    """The brightest pixel of the tilt frames, 2.4e7 counts, belongs to a grain of LaB6."""
    folder = data_dir / "frames/aps_usaxs_matilda/tilt_lab6"
    frames = xk.open_frames(str(folder / "*.hdf"))
    mask = xk.find_bad_pixels(frames).values
    for k in range(frames.sizes["frame"]):
        raw = frames.counts[k].values
        bright = np.where(no_data_reasons(raw) == 0, raw.astype(float), 0.0)
        top = np.argpartition(bright.ravel(), -300)[-300:]
        assert not mask.ravel()[top].any()
    hot = np.argwhere(mask & MaskReason.HOT)
    assert 150 < len(hot) < 400
    # Each is far above the median of its surroundings in every frame.
    for y, x in hot[::10]:
        part = frames.counts[:, max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4].values.astype(float)
        assert (frames.counts[:, y, x].values > 1.3 * np.median(part, axis=(1, 2))).all()


def test_the_dead_column_of_a_pilatus_is_found(data_dir):
    frames = xk.open_frames(
        str(data_dir / "frames/aps_usaxs_matilda/thermal_series/saxs" / "*.hdf")
    )
    counts = xk.count_reasons(xk.find_bad_pixels(frames))
    mask = xk.find_bad_pixels(frames).values
    assert (mask[2:-2, 243] == MaskReason.DEAD).mean() > 0.95
    assert counts["good"] > 0.997 * mask.size


@pytest.mark.parametrize("name", ["AgBehenate_003.tif", "GC_5s_200.tif", "Empty_5s_014.tif"])
def test_beamstop_and_arm_of_a_marccd(data_dir, name):
    frames = xk.open_frames(data_dir / "frames/gsas2_saxs_marccd" / name)
    mask = xk.find_shadow(frames, standing(0.5649, 482.02, 569.10, 158e-6, 1.0332)).values
    y, x = np.mgrid[:1024, :1024] + 0.5
    stop, arm = (mask & MaskReason.BEAMSTOP) > 0, mask > 0
    assert stop[566:572, 479:485].all()
    # Along the arm to the lower left all is masked, off it and within the disc nothing.
    for share in (0.2, 0.4, 0.6, 0.8):
        at = int(569 + share * (775 - 569)), int(482 + share * (75 - 482))
        assert arm[at[0] - 5 : at[0] + 6, at[1] - 5 : at[1] + 6].any()
    disc = np.hypot(y - 512, x - 512) < 490
    assert 0.003 < (arm & disc).sum() / disc.sum() < 0.015
    assert not arm[650:900, 550:800].any()


def test_the_arm_of_a_pilatus_with_grainy_rings(data_dir):
    """The rings of CeO2 are grainy; the arm lets a part of the light through."""
    folder = data_dir / "frames/dioptas"
    calibration = xk.load_calibration(folder / "CeO2_Pilatus1M.poni")
    frames = xk.open_frames(folder / "CeO2_Pilatus1M.tif").isel(y=slice(None, None, -1))
    mask = xk.find_shadow(frames, calibration).values[::-1]
    assert (mask > 0).mean() < 0.02
    assert mask[560:590, 650].any()
    assert mask[600:650, 880].any()
