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
# # Sizes from small-angle curves
#
# Nanoparticles grow in a reactor, and every ten minutes a curve is measured. Here the curves are
# simulated, so that the answer is known: lognormal spheres whose median radius goes from 3 to 5 nm,
# with a volume fraction of 1 %, on a flat background.
#
# The steps are those of any batch: read the files, fit, look, compare methods, follow the series,
# hand the results on.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import xrdkit as xk
from xrdkit.store.export import write_csv, write_nxcansas

folder = tempfile.TemporaryDirectory()
here = Path(folder.name)

# %% [markdown]
# ## Curves
# Text files with q in 1/Å, intensity in 1/cm and its standard error, as many instruments write
# them.

# %%
rng = np.random.default_rng(7)
hours = np.linspace(0, 4, 24)
medians = 3 + 2 * (1 - np.exp(-hours / 1.5))  # number-weighted, nm
width = 0.18
contrast = 10.0  # 1e10 1/cm²
q = np.geomspace(0.005, 0.45, 160)  # 1/Å


def spheres(q_nm, median):
    """Intensity in 1/cm of lognormal spheres with a volume fraction of 1 %."""
    step = np.linspace(-7, 7, 401)
    radii = median * np.exp(3 * width**2 + width * step)
    share = np.exp(-(step**2) / 2)
    share /= share.sum()  # by volume
    x = q_nm[:, None] * radii
    form = (3 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2
    return 0.01 * 1e-21 * (contrast * 1e10) ** 2 * form @ (share * 4 / 3 * np.pi * radii**3)


for k, median in enumerate(medians):
    model = spheres(10 * q, median) + 0.05
    sigma = np.hypot(0.02 * model, 0.004)
    table = np.stack([q, model + sigma * rng.standard_normal(q.size), sigma], axis=1)
    np.savetxt(here / f"run_{k:02d}.dat", table, header="Q(1/A)  I(1/cm)  error")

curve = xk.read_profile(here / "run_00.dat")
curve

# %% [markdown]
# The unit stands in the file. Where it does not, `unit=` has to say it; it is never guessed, and
# the result remembers who said so.

# %%
plain = here / "plain.dat"
np.savetxt(plain, table)
try:
    xk.read_profile(plain)
except xk.errors.CurveError as exc:
    print(exc)
doubted = xk.fit_sizes(xk.read_profile(plain, unit="1/nm"))
print(doubted["verdict_reason"].item())

# %% [markdown]
# ## One curve
# A lognormal distribution, a flat and a Porod background are fitted together: no window, no start
# value. Numbers come with standard errors and a verdict.

# %%
spec = xk.SizeSpec(method="lognormal", contrast=contrast)
one = xk.fit_sizes(curve, spec)
for name in ("mean_radius_volume", "mean_radius_number", "width_volume", "volume_fraction"):
    print(f"{name:20} {one[name].item():.5f} ± {one[name + '_sigma'].item():.5f}")
print(one["verdict"].item(), one["verdict_reason"].item())

# %%
xk.plot_sizes(one)

# %% [markdown]
# Without the assumption of a form: the smoothest distribution that the data allow, with its band.
# The shaded radii are those that the range of q cannot tell.

# %%
free = xk.fit_sizes(curve, xk.SizeSpec(method="tikhonov", contrast=contrast))
xk.plot_sizes(free)

# %% [markdown]
# The two agree, and both with the truth. What a method adds is a difference that no error bar of a
# single method holds.

# %%
truth = medians[0] * np.exp(3.5 * width**2)
for result, name in ((one, "lognormal"), (free, "tikhonov")):
    mean, error = result["mean_radius_volume"].item(), result["mean_radius_volume_sigma"].item()
    print(f"{name:10} {mean:.3f} ± {error:.3f} nm, true {truth:.3f} nm")

# %% [markdown]
# ## The series
# Every curve is a frame and is fitted by itself. Time is a coordinate of the frames.

# %%
series = xk.read_profiles(sorted(here.glob("run_*.dat")))
series = series.assign_coords(time=("frame", 3600 * hours, {"units": "s", "long_name": "time"}))
sizes = xk.fit_sizes(series, spec)
xk.plot_size_series(sizes)

# %% [markdown]
# Growth is slow: a smooth trend is a fair assumption. It is ours, and stands beside the fits.

# %%
smooth = xk.smooth_trend(sizes, along="time")
course = medians * np.exp(3.5 * width**2)
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
axis.errorbar(
    hours, sizes["mean_radius_volume"], sizes["mean_radius_volume_sigma"], fmt="o", label="fits"
)
trend, band = smooth["mean_radius_volume_trend"], smooth["mean_radius_volume_trend_sigma"]
axis.plot(hours, trend, "k-", label="trend")
axis.fill_between(hours, trend - band, trend + band, color="k", alpha=0.2)
axis.plot(hours, course, "r--", label="truth")
axis.set(xlabel="time (h)", ylabel="volume-weighted mean radius (nm)")
axis.legend()

# %% [markdown]
# ## Hand on
# One netCDF file for the result with its history; tables for a spreadsheet; NXcanSAS with the fit
# beside the data for other programs.

# %%
xk.save(smooth, here / "sizes.nc")
write_csv(smooth, here / "sizes.csv")
write_csv(sizes, here / "distribution.csv", along="radius")
write_nxcansas(sizes, here / "sizes.h5")
print((here / "sizes.csv").read_text().splitlines()[0][:120])

# %%
pull = (sizes["mean_radius_volume"] - course) / sizes["mean_radius_volume_sigma"]
np.testing.assert_array_equal(sizes["verdict"], "ok")
np.testing.assert_array_less(np.abs(pull), 4)
np.testing.assert_allclose(trend, course, atol=0.06)
np.testing.assert_allclose(sizes["volume_fraction"], 0.01, rtol=0.03)
folder.cleanup()
