"""Two polymers over a 25/225 °C cycle on a SAXS and a WAXS detector, the heater as background.

Rings of the crystals vanish in the melt and return; nothing else is known of the truth.
"""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.corrections import Background

SERIES = "frames/aps_usaxs_matilda/thermal_series"
WAVELENGTH = 0.59040066
DOSE = xk.Normalization(monitor="frame")


def standing(distance, x, y, pixel):
    """Return a geometry without tilt; the files count centres from pixel centres."""
    return xk.Calibration(
        distance=distance,
        poni1=(y + 0.5) * pixel,
        poni2=(x + 0.5) * pixel,
        wavelength=WAVELENGTH,
        detector=xk.Detector(pixel_size_y=pixel, pixel_size_x=pixel),
    )


def net_of_heater(profile, blanks):
    """Return the frames that are no blank, less the mean of the blanks (by dose)."""
    blank = profile.isel(frame=blanks[:1])
    rest = [k for k in range(profile.sizes["frame"]) if k not in blanks]
    return xk.correct(profile.isel(frame=rest), [Background(profile=blank)])


def crystalline(net, below, peak, above):
    """Return the height of a peak over the mean of what lies on both sides of it, (frame,)."""
    left, right = (net.intensity.sel(q=slice(*part)).mean("q") for part in (below, above))
    return np.asarray((net.intensity.sel(q=slice(*peak)).max("q") / ((left + right) / 2)).values)


def test_saxs_rings_melt_and_return(data_dir):
    """The header's pixels of 150 µm are 172 µm; x and y are swapped there. The distance in the
    header was refined with the wrong pixels, so that their ratio is right: the heater's polyimide
    window shows its ring at 15.5 Å (4.05 1/nm)."""
    frames = xk.open_frames(str(data_dir / SERIES / "saxs" / "*.hdf"))
    distance = float(frames.distance_header[0]) * 172 / 150
    geometry = standing(
        distance, float(frames.beam_center_y_header[0]), float(frames.beam_center_x_header[0]),
        172e-6,
    )  # fmt: skip
    shadow = np.zeros(frames.counts.shape[1:], dtype=bool)
    shadow[:, :4] = True
    spec = xk.IntegrationSpec(
        bins=340, range=(0.5, 17.4), polarization=0.99, mask=shadow, normalization=DOSE
    )
    profile = xk.integrate(frames, geometry, spec)
    assert not profile.intensity.isnull().any()
    blanks = [k for k, n in enumerate(profile.source_file.values) if n.startswith("HeaterBlank")]
    two = profile.intensity.isel(frame=blanks)
    # The same heater twice at unequal doses: by dose the two agree.
    assert float(np.median(two[1] / two[0])) == pytest.approx(1.0, abs=0.005)
    window = two[0].sel(q=slice(3, 5.5))
    assert float(window.q[int(np.argmax(window.values))]) == pytest.approx(4.05, abs=0.04)
    net = net_of_heater(profile, blanks)
    height = crystalline(net, (9.1, 9.3), (9.8, 10.3), (10.8, 11.0))
    hot = net.temperature.values > 400
    assert hot.sum() == 4
    assert height[hot].max() < 1.1
    assert height[~hot].min() > 1.5
    bright = net.intensity > 1e4
    assert float((net.sigma / net.intensity).where(bright).median()) < 0.01


def test_waxs_takes_the_geometry_of_the_standard(data_dir):
    """LaB6 on the same detector gives the geometry, the frames of the heater the background."""
    start = standing(0.41623, 2831.36, 272.3, 75e-6)
    standard = data_dir / "frames/aps_usaxs_matilda/tilt_lab6/LaB6_Normal_0042.hdf"
    result = xk.calibrate(xk.open_frames(standard), calibrant="LaB6", start=start)
    assert str(result.verdict) == "accepted"
    frames = xk.open_frames(str(data_dir / SERIES / "waxs" / "*.hdf"))
    spec = xk.IntegrationSpec(bins=600, range=(14.6, 44.5), polarization=0.99, normalization=DOSE)
    profile = xk.integrate(frames, result.calibration, spec)
    assert not profile.intensity.isnull().any()
    net = net_of_heater(profile, [0])
    assert float(net.intensity.min()) > 0
    height = crystalline(net, (17.2, 17.4), (17.6, 17.9), (18.1, 18.3))
    hot = net.temperature.values > 400
    assert hot.sum() == 2
    assert height[hot].max() < 1.1
    assert height[~hot].min() > 1.15
