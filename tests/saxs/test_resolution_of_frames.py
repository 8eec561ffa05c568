"""From frames that a broad beam blurred to sizes: resolution of beam and pixels, end to end."""

import numpy as np
import pytest
from frames_in_memory import make_frames
from scipy.ndimage import gaussian_filter

import xrdkit as xk
from xrdkit.geometry import Calibration, Detector
from xrdkit.saxs import SmearingSpec, sphere_intensity
from xrdkit.saxs.smearing import with_resolution

FINE, SHAPE, PIXEL = 3, (300, 300), 172e-6
#: Full width at half maximum of the direct beam on the detector, m.
BEAM = 4 * PIXEL
MEDIAN, WIDTH = 20.0, 0.04


def calibration(fine):
    detector = Detector(pixel_size_y=PIXEL / fine, pixel_size_x=PIXEL / fine)
    middle = 150.3 * PIXEL
    return Calibration(distance=1.0, poni1=middle, poni2=middle, wavelength=1.54, detector=detector)


@pytest.fixture(scope="module")
def profile():
    """Narrow spheres on pixels three times finer than those that are read, blurred and added up."""
    fine = calibration(FINE)
    q = fine.radial(tuple(FINE * n for n in SHAPE), unit="q")
    nodes = np.linspace(0.5 * q[q > 0].min(), q.max(), 4000)
    curve = sphere_intensity(
        nodes, median_number=MEDIAN, width=WIDTH, volume_fraction=0.01, contrast=10.0
    )
    image = np.exp(np.interp(q, nodes, np.log(curve)))
    blurred = gaussian_filter(image, BEAM / 2.3548 / PIXEL * FINE, truncate=6.0)
    coarse = blurred.reshape(SHAPE[0], FINE, SHAPE[1], FINE).mean(axis=(1, 3))
    counts = np.random.default_rng(0).poisson(500.0 * coarse)
    spec = xk.IntegrationSpec(bins=220, range=(0.08, 1.6), solid_angle=False)
    return xk.integrate(make_frames(counts), calibration(1), spec)


def test_sizes_from_blurred_frames(profile):
    known = with_resolution(profile, calibration(1), beam_fwhm=BEAM)
    settings = xk.SizeSpec(porod=False)
    sharp, blind = (xk.fit_sizes(p, settings).isel(frame=0) for p in (known, profile))
    mean = MEDIAN * np.exp(3.5 * WIDTH**2)
    width = mean * np.sqrt(np.expm1(WIDTH**2))
    assert "resolution" in sharp.attrs["smearing"]
    assert "Gaussian beam" in sharp.attrs["smearing"]
    assert str(sharp.verdict.values) == "ok"
    assert float(sharp.mean_radius_volume) == pytest.approx(mean, rel=1e-3)
    assert float(sharp.width_volume) == pytest.approx(width, rel=0.01)
    assert float(sharp.gof) < 1.15
    # Along the scan alone it is not the blur of these frames, nor is it if cut at three.
    for given in (SmearingSpec(across=0.0), SmearingSpec(cut=3.0)):
        short = xk.fit_sizes(known, xk.SizeSpec(porod=False, smearing=given)).isel(frame=0)
        assert float(short.gof) > 1.5 * float(sharp.gof)
    # Blind to the beam, the fit takes it for a wider distribution.
    assert float(blind.width_volume) > 1.3 * width
    assert float(blind.gof) > 20 * float(sharp.gof)
