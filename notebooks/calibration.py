# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Calibration: from the rings of a standard to a geometry one can trust
#
# The frames are simulated, so that the truth is known. The steps are those of any instrument: find
# the geometry, look at it, see how sure it is, keep it, and take it for a measurement.

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

import xrdkit as xk
from xrdkit.calibration import CalibrantExposure
from xrdkit.errors import CalibrationRejected
from xrdkit.report.calibration import calibration_figure, residuals_figure, rings_figure
from xrdkit.simulate import (
    Exposure,
    expose_calibrant,
    pose,
    virtual_laboratory,
    virtual_waxs,
    write_tiff,
)
from xrdkit.workflow.frame_resolution import frame_resolution

folder = tempfile.TemporaryDirectory()
here = Path(folder.name)


def measure(name, instrument, calibrant, **settings):
    """Write a frame of a standard and open it: no number in it says where the detector is."""
    counts = expose_calibrant(instrument, calibrant, **settings)
    write_tiff(here / name, counts, instrument, Exposure(flux=1e9, time=1.0))
    return xk.open_frames(here / name)


# %% [markdown]
# ## Find the geometry
# LaB6 on a wide-angle detector, tilted by 1.2°, its beam behind a beam stop. What has to be given
# is the calibrant, the pixels and the wavelength. No start is needed.

# %%
virtual = virtual_waxs(coarse=2)
frames = measure("lab6.tif", virtual, "LaB6", counts=2000.0, fwhm=0.25, decay=30.0)
mask = virtual.mask()
result = xk.calibrate(
    frames, calibrant="LaB6", detector=virtual.calibration.detector, wavelength=0.7, mask=mask
)
print(result.verdict, *result.reasons)

# %% [markdown]
# ## Look at it
# Of a right geometry the dashes lie on the rings of the frame, the caked rings are straight and on
# their lines, and every ring runs straight along its dashes where it is unrolled.

# %%
rings_figure(frames, result, mask=mask)

# %% [markdown]
# Residuals are the distance of points from their rings: by place, by azimuth in one band per ring,
# and by ring. A pattern in them says what is wrong: waves in azimuth are a wrong centre or tilt, a
# slope over the rings a wrong distance, wavelength or calibrant.

# %%
residuals_figure(result)

# %% [markdown]
# ## How sure is it?
# Every number has a standard error, and `covariance` says how they hang together. The truth lies
# within a few errors.

# %%
at, truth = result.calibration, virtual.calibration
x, y = result.beam_center_px
true_x, true_y = truth.center_on_frame()
for name, found, sigma, true in (
    ("distance (mm)", 1e3 * at.direct_distance, 1e3 * result.sigma["direct_distance"], 60.0),
    ("beam x (pixel)", x, result.sigma["beam_center_x"], true_x),
    ("beam y (pixel)", y, result.sigma["beam_center_y"], true_y),
):
    print(f"{name:15} {found:9.4f} ± {sigma:.4f}   true {true:9.4f}")
print(f"tilt (degree)   {at.tilt:9.4f}            true {truth.tilt:9.4f}")
print(f"residual        {result.rms_px:.3f} pixel rms on {len(result.rings)} rings")

# %% [markdown]
# ## A frame that does not fit
# The same frame, called cerium oxide. A geometry that must not be used is an error, with the
# reasons and, where there is one, a hint at the cause. It carries what was found, to look at (and
# `force=True` returns it): here the rings of the frame do not lie on the dashes.

# %%
try:
    xk.calibrate(
        frames, calibrant="CeO2", start=replace(truth, distance=1.02 * truth.distance), mask=mask
    )
except CalibrationRejected as refusal:
    print(refusal)
    wrong = refusal.result
else:
    wrong = None

# %%
None if wrong is None else calibration_figure(frames, wrong, mask=mask)

# %% [markdown]
# ## Two distances give the wavelength
# One frame tells distance times wavelength. Silver behenate at two readings of a stage tells both:
# the wavelength that was believed is 0.09 % too long.

# %%
laboratory = virtual_laboratory("corner")
exposures = []
for place, distance in (("near", 0.4), ("far", 0.8)):
    geometry = pose(
        distance=distance,
        center=(60.0, 60.0),
        wavelength=1.5406,
        detector=laboratory.calibration.detector,
    )
    exposed = measure(
        f"{place}.tif", replace(laboratory, calibration=geometry), "AgBh", fwhm=0.03, decay=3.0
    )
    believed = replace(geometry, wavelength=1.542)
    single = xk.calibrate(exposed, calibrant="AgBh", start=believed)
    exposures.append(CalibrantExposure(result=single, place=place, translation=distance - 0.1))
several = xk.calibrate_several(exposures)
print(several.verdict, f"{several.wavelength:.5f} ± {several.wavelength_sigma:.5f} Å, true 1.54060")

# %% [markdown]
# ## Keep it
# One folder per instrument and day holds geometry, mask, resolution, pictures and a README.

# %%
store = here / "calibrations"
kept = xk.write_calibration(
    result,
    store,
    instrument="waxs",
    date="2026-11-01",
    frames=frames,
    mask=mask,
    resolution=frame_resolution(frames, result, mask=mask),
)
print((kept / "README.md").read_text(encoding="utf-8"))

# %% [markdown]
# ## Take it for a measurement
# The newest accepted calibration not after the day of the measurement. The same in a recipe:
# `calibration = {store = "calibrations", instrument = "waxs"}`, and in `refine_phases`
# `instrument = "stored"` for the resolution beside it.

# %%
chosen = xk.nearest_calibration(store, "waxs", "2026-11-03T10:20:00")
print(chosen.choice)
profile = xk.integrate(
    frames, chosen.calibration, xk.IntegrationSpec(unit="two_theta", bins=1000, mask=mask)
)
profile["intensity"].isel(frame=0).plot(x="two_theta", figsize=(9, 3))
# %% [markdown]
# A geometry file of pyFAI for other programs; of a doubtful or forced geometry it says so itself.

# %%
xk.save_calibration(result, here / "geometry.poni")
print((here / "geometry.poni").read_text(encoding="utf-8"))

# %%
np.testing.assert_equal(str(result.verdict), "accepted")
np.testing.assert_equal("rejected" if wrong is None else str(wrong.verdict), "rejected")
np.testing.assert_allclose(at.direct_distance, truth.direct_distance, rtol=5e-4)
np.testing.assert_allclose((x, y), (true_x, true_y), atol=0.05)
np.testing.assert_allclose(several.wavelength, 1.5406, rtol=3e-4)
np.testing.assert_array_equal(chosen.calibration.digest(), at.digest())
folder.cleanup()
