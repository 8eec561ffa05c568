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
# # A first profile: from detector frames to phases and sizes
#
# A fuel-cell catalyst, platinum particles on carbon, ages while its potential is held. A SAXS and a
# WAXS detector look at it at the same time. The frames are simulated, so that the answer is known:
# one distribution of particle sizes lies behind both detectors.
#
# The steps are those of any experiment: open frames, load the calibration, integrate, fit.

# %%
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.ticker import NullFormatter

import xrdkit as xk
from xrdkit.simulate import PotentialHold, read_truth, simulate_series

# %% [markdown]
# ## Frames
# Six frames of each detector: EDF files from the SAXS detector, an Eiger master with its data file
# from the WAXS detector, beside them the geometry as PONI, a mask, and the truth.

# %%
folder = tempfile.TemporaryDirectory()
series = simulate_series(folder.name, hold=PotentialHold(frames=6, resting_frames=2))
sorted(str(p.relative_to(series.folder)) for p in series.folder.rglob("*") if p.is_file())

# %% [markdown]
# `open_frames` reads no pixel yet. What the headers state is a coordinate with a unit; what they do
# not state is not there.

# %%
saxs = xk.open_frames(series.saxs_frames)
waxs = xk.open_frames(series.waxs_frames)
waxs

# %%
masks = {name: xk.load_mask(series.folder / name / "mask.edf") for name in ("saxs", "waxs")}
figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
for axis, (name, frames) in zip(axes, {"saxs": saxs, "waxs": waxs}.items(), strict=True):
    counts = frames["counts"].isel(frame=-1).values.astype(float)
    counts[np.asarray(masks[name]) > 0] = np.nan
    axis.imshow(np.log10(counts + 1), origin="lower", cmap="viridis")
    axis.set(title=f"{name}, last frame, log counts", xlabel="x (pixel)", ylabel="y (pixel)")

# %% [markdown]
# ## Profiles
# `integrate` sums the counts of the pixels of each bin. Solid angle and polarisation are corrected;
# with the monitor, the transmission, the thickness and the factor of the instrument the SAXS
# intensity is absolute, in 1/cm. Each value has its standard error from the counts.

# %%
saxs_profile = xk.integrate(
    saxs,
    xk.load_calibration(series.folder / "saxs" / "geometry.poni"),
    xk.IntegrationSpec(
        unit="q",
        bins=400,
        range=(0.25, 5.0),
        polarization=0.99,
        mask=masks["saxs"],
        normalization=xk.Normalization(
            monitor="frame", transmission=0.9, thickness=1e-3, absolute_scale=760.53
        ),
    ),
)
waxs_profile = xk.integrate(
    waxs,
    xk.load_calibration(series.folder / "waxs" / "geometry.poni"),
    xk.IntegrationSpec(
        unit="two_theta", bins=1200, range=(8.0, 50.0), polarization=0.99, mask=masks["waxs"]
    ),
)


def ticks_of_q(axis):
    """Label the q axis at round numbers."""
    axis.set_xticks([0.3, 1.0, 3.0], ["0.3", "1", "3"])
    axis.xaxis.set_minor_formatter(NullFormatter())


figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
saxs_profile["intensity"].isel(frame=[0, -1]).plot.line(
    x="q", ax=axes[0], xscale="log", yscale="log"
)
ticks_of_q(axes[0])
waxs_profile["intensity"].isel(frame=[0, -1]).plot.line(x="two_theta", ax=axes[1])

# %% [markdown]
# ## Sizes
# Lognormal spheres, a flat background and a Porod background are fitted together.

# %%
sizes = xk.fit_sizes(saxs_profile, xk.SizeSpec(method="lognormal", contrast=142.2))
sizes[["mean_radius_volume", "mean_radius_volume_sigma", "volume_fraction", "gof", "verdict"]]

# %%
last = sizes.isel(frame=-1)
error = saxs_profile["sigma"].isel(frame=-1)
figure, axes = plt.subplots(
    2, 1, figsize=(7, 6), sharex=True, height_ratios=(3, 1), layout="constrained"
)
axes[0].loglog(last["q"], last["intensity"], ".", label="measured")
axes[0].loglog(last["q"], last["intensity_calculated"], label="fitted")
axes[0].loglog(last["q"], last["background"], "--", label="background")
axes[0].set_ylabel("intensity (1/cm)")
axes[0].legend()
axes[1].plot(last["q"], (last["intensity"] - last["intensity_calculated"]) / error, ".")
ticks_of_q(axes[1])
axes[1].set(xlabel="q (1/nm)", ylabel="residual / sigma")

# %% [markdown]
# ## Phases
# The same for the lines: both structures are known, cells, sizes and amounts are fitted.

# %%
phases = xk.refine_phases(waxs_profile, ["Pt", "C"], xk.RefinementSpec(background=10))
phases[["weight_fraction", "crystallite_size", "lattice", "rwp", "gof", "verdict"]]

# %%
last = phases.isel(frame=-1)
error = waxs_profile["sigma"].isel(frame=-1)
figure, axes = plt.subplots(
    2, 1, figsize=(9, 6), sharex=True, height_ratios=(3, 1), layout="constrained"
)
axes[0].plot(last["two_theta"], last["intensity"], ".", ms=2, label="measured")
axes[0].plot(last["two_theta"], last["intensity_calculated"], label="fitted")
axes[0].plot(last["two_theta"], last["background"], "--", label="background")
axes[0].set_ylabel("intensity (count)")
axes[0].legend()
axes[1].plot(
    last["two_theta"], (last["intensity"] - last["intensity_calculated"]) / error, ".", ms=2
)
axes[1].set(xlabel="2θ (degree)", ylabel="residual / sigma")

# %% [markdown]
# ## Found and true
# Both detectors must tell of the same particles. Line broadening gives the volume-weighted column
# length L_vol; for spheres that is 3/2 of the volume-weighted mean radius.

# %%
truth = read_truth(series.truth)
platinum = phases.sel(phase="Pt")
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
hours = truth["time"] / 3600
axis.plot(hours, truth["mean_radius_volume"], "k-", label="truth")
axis.errorbar(
    hours, sizes["mean_radius_volume"], 3 * sizes["mean_radius_volume_sigma"], fmt="o", label="SAXS"
)
axis.errorbar(
    hours,
    platinum["crystallite_size"] / 1.5,
    3 * platinum["crystallite_size_sigma"] / 1.5,
    fmt="s",
    mfc="none",
    label="WAXS, 2/3 L_vol",
)
axis.set(xlabel="time (h)", ylabel="volume-weighted mean radius (nm)", title="bars: 3 sigma")
axis.legend()

# %% [markdown]
# A result is one netCDF file. `load` checks its digest; every step is recorded in it.

# %%
path = series.folder / "sizes.nc"
xk.save(sizes, path)
xr.testing.assert_identical(xk.load(path), sizes)

# %%
np.testing.assert_allclose(sizes["mean_radius_volume"], truth["mean_radius_volume"], rtol=5e-3)
np.testing.assert_allclose(
    platinum["crystallite_size"], truth["crystallite_size"].sel(phase="Pt"), rtol=1e-2
)
np.testing.assert_allclose(
    platinum["weight_fraction"], truth["weight_fraction"].sel(phase="Pt"), atol=0.01
)
folder.cleanup()
