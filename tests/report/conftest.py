"""Made-up results of a platinum on carbon catalyst that look like real ones."""

import numpy as np
import pytest
import xarray as xr

from xrdkit import provenance
from xrdkit.geometry import Calibration, Detector
from xrdkit.masks import MASK_ATTRS, MaskReason
from xrdkit.schema import FRAMES, PHASES, PROFILE, SIZES, validate

N_Q = 500


def variable(dims, values, units, name):
    return (dims, values, {"units": units, "long_name": name})


def held(kind, data, settings=None):
    data = data.assign_attrs(schema=kind.name)
    data = provenance.append(
        data, "simulate", settings or {"bins": N_Q}, inputs=["ab" * 32], software=["numpy"]
    )
    return validate(data, kind)


def along(count):
    """Coordinates of a potential hold."""
    step = np.arange(count)
    voltage = np.where((step // 5) % 2 == 0, 0.6, 1.0)
    return {
        "frame": ("frame", step),
        "time": ("frame", 30.0 * step, {"units": "s", "long_name": "time"}),
        "cell_voltage": ("frame", voltage, {"units": "V", "long_name": "cell voltage"}),
    }


def pick(data, count):
    return data if count is not None else data.isel(frame=0, drop=True)


def wide_q(points=N_Q):
    return np.linspace(10.0, 60.0, points)


def pattern(q, size):
    """Platinum lines over a carbon hump; returns calculated, background, line positions."""
    a = 0.3923
    hkl = np.sqrt([3, 4, 8, 11, 12, 16, 19])
    strength = np.array([100, 52, 38, 45, 14, 7, 20.0])
    lines = 2 * np.pi * hkl / a
    background = 20 + 160 * np.exp(-0.5 * ((q - 17.8) / 3.2) ** 2) + 300 / q
    width = 2 * np.pi * 0.9 / size / 2
    total = background.copy()
    for where, height in zip(lines, strength, strict=True):
        total = total + 9 * height / (1 + ((q - where) / width) ** 2)
    return total, background, lines


def make_profile(count=20, points=N_Q, seed=1):
    rng = np.random.default_rng(seed)
    n = count or 1
    q = wide_q(points)
    sizes = 3.0 + 1.3 * (1 - np.exp(-np.arange(n) / max(n / 2, 1)))
    model = np.stack([pattern(q, s)[0] for s in sizes])
    sigma = np.sqrt(model / 6)
    pixels = np.full(model.shape, 900)
    intensity = model + sigma * rng.standard_normal(model.shape)
    intensity[:, :4], sigma[:, :4], pixels[:, :4] = np.nan, np.nan, 0
    dims = ("frame", "q")
    data = xr.Dataset(
        {
            "intensity": variable(dims, intensity, "count", "scattered intensity"),
            "sigma": variable(dims, sigma, "count", "standard error of intensity"),
            "n_pixels": variable(dims, pixels, "1", "number of pixels in the bin"),
        },
        coords={**along(n), "q": ("q", q, {"units": "1/nm", "long_name": "q"})},
    )
    return held(PROFILE, pick(data, count))


def make_phases(count=20, points=N_Q, seed=1, names=("Pt", "C"), failed=()):
    rng = np.random.default_rng(seed)
    n = count or 1
    profile = make_profile(n, points, seed)
    q = profile["q"].values
    sizes = 3.0 + 1.3 * (1 - np.exp(-np.arange(n) / max(n / 2, 1)))
    fits = [pattern(q, s) for s in sizes]
    p = len(names)
    shape = (n, p)
    size = np.stack([sizes, np.full(n, 1.4), np.full(n, 20.0)][:p], axis=1)
    size = size + 0.03 * rng.standard_normal(shape)
    weight = np.stack([0.4 + 0.002 * rng.standard_normal(n)] * p, axis=1)
    weight[:, -1] = 1 - weight[:, :-1].sum(axis=1)
    cell = np.zeros((n, p, 3))
    cell[:, 0] = (0.3923 + 2e-5 * rng.standard_normal(n))[:, None]
    cell[:, 1:] = np.array([0.2464, 0.2464, 0.6711])
    verdict = np.array(["ok"] * n, dtype="<U16")
    if n > 6:
        verdict[6] = "misfit"
    values = {
        "weight_fraction": (("frame", "phase"), weight, "1", 0.004),
        "lattice": (("frame", "phase", "lattice_parameter"), cell, "nm", 3e-5),
        "crystallite_size": (("frame", "phase"), size, "nm", 0.035),
        "strain": (("frame", "phase"), 0 * size + 0.0021, "1", 2e-4),
    }
    data = xr.Dataset(
        {
            "intensity": profile["intensity"],
            "sigma": profile["sigma"],
            "intensity_calculated": variable(
                ("frame", "q"), np.stack([f[0] for f in fits]), "count", "calculated intensity"
            ),
            "background": variable(
                ("frame", "q"), np.stack([f[1] for f in fits]), "count", "background"
            ),
            "rwp": variable("frame", 0.034 + 0.001 * rng.random(n), "1", "weighted profile R"),
            "gof": variable("frame", 1.02 + 0.05 * rng.random(n), "1", "goodness of fit"),
            "verdict": ("frame", verdict),
        },
        coords={
            "phase": list(names),
            "lattice_parameter": ["a", "b", "c"],
            "reflection_position": variable(
                "reflection", np.concatenate([fits[0][2], [18.7, 37.5]]), "1/nm", "reflection"
            ),
            "reflection_phase": ("reflection", [names[0]] * 7 + [names[-1]] * 2),
        },
    )
    for name, (dims, value, units, error) in values.items():
        data[name] = variable(dims, value, units, name.replace("_", " "))
        data[f"{name}_sigma"] = variable(dims, np.full(value.shape, error), units, "standard error")
    for index in failed:
        for name in data.data_vars:
            if data[name].dtype.kind == "f" and name not in ("intensity", "sigma"):
                data[name].values[index] = np.nan
        data["verdict"].values[index] = "not_converged"
    data["q"].attrs.update(units="1/nm", long_name="q")
    return held(PHASES, pick(data, count))


def make_sizes(count=20, points=160, seed=2, failed=()):
    rng = np.random.default_rng(seed)
    n = count or 1
    q = np.geomspace(0.08, 5.0, points)
    radius = np.geomspace(0.5, 8.0, 240)
    means = 1.6 + 0.55 * (1 - np.exp(-np.arange(n) / max(n / 2, 1)))
    spread = 0.25

    def curve(mean):
        log = np.exp(-(np.log(radius / mean) ** 2) / (2 * spread**2)) / radius / spread / 2.5066
        x = np.outer(q, radius)
        form = (3 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2
        step = np.gradient(radius)
        return form @ (log * radius**3 * step) * 0.9, log

    drawn = [curve(m) for m in means]
    background = 0.02 + 2e-5 * q**-4 + 0 * means[:, None]
    model = np.stack([d[0] for d in drawn]) + background
    sigma = 0.015 * model + 4e-4
    density = np.stack([d[1] for d in drawn])
    number = density / radius**3
    number /= (number * np.gradient(radius)).sum(axis=1, keepdims=True)
    dims = ("frame", "q")
    data = xr.Dataset(
        {
            "intensity": variable(
                dims, model + sigma * rng.standard_normal(model.shape), "1/cm", "intensity"
            ),
            "sigma": variable(dims, sigma, "1/cm", "standard error of intensity"),
            "intensity_calculated": variable(dims, model, "1/cm", "calculated intensity"),
            "background": variable(dims, background, "1/cm", "background"),
            "distribution_volume": variable(
                ("frame", "radius"), density, "1/nm", "volume-weighted size distribution"
            ),
            "distribution_number": variable(
                ("frame", "radius"), number, "1/nm", "number-weighted size distribution"
            ),
            "gof": variable("frame", 0.97 + 0.06 * rng.random(n), "1", "goodness of fit"),
            "verdict": ("frame", np.array(["ok"] * n, dtype="<U16")),
        },
        coords={
            **along(n),
            "q": ("q", q, {"units": "1/nm", "long_name": "q"}),
            "radius": ("radius", radius, {"units": "nm", "long_name": "particle radius"}),
        },
    )
    scatter = 1 + 0.004 * rng.standard_normal(n)
    for name, value, units, error in (
        ("mean_radius_volume", means * np.exp(spread**2 / 2) * scatter, "nm", 0.009),
        ("mean_radius_number", means * np.exp(-2.5 * spread**2) * scatter, "nm", 0.011),
        ("width_volume", 0.25 * means * scatter, "nm", 0.006),
        ("width_number", 0.21 * means * scatter, "nm", 0.007),
        ("volume_fraction", 4.1e-4 * scatter, "1", 2.6e-6),
    ):
        data[name] = variable("frame", value, units, name.replace("_", " "))
        data[f"{name}_sigma"] = variable("frame", np.full(n, error), units, "standard error")
    for index in failed:
        for name in data.data_vars:
            if data[name].dtype.kind == "f" and name not in ("intensity", "sigma"):
                data[name].values[index] = np.nan
        data["verdict"].values[index] = "not_converged"
    return held(SIZES, pick(data, count))


def make_calibration(shape=(300, 340)):
    return Calibration(
        distance=0.12,
        poni1=0.004,
        poni2=0.006,
        rot1=0.02,
        wavelength=0.1839,
        detector=Detector(pixel_size_y=172e-6, pixel_size_x=172e-6, shape=shape),
    )


def make_frames(count=5, shape=(300, 340), seed=3):
    rng = np.random.default_rng(seed)
    calibration = make_calibration(shape)
    q = calibration.radial(shape, "q")
    mask = np.zeros(shape, dtype=np.uint16)
    mask[:, 165:172] = MaskReason.GAP
    mask[145:151, :] = MaskReason.GAP
    dark = np.hypot(np.arange(shape[0])[:, None] - 23, np.arange(shape[1])[None, :] - 21) < 12
    mask[dark] |= np.uint16(MaskReason.BEAMSTOP)
    raw = []
    for i in range(count):
        mean = pattern(np.clip(q, 4, None), 3.0 + 0.2 * i)[0]
        counts = rng.poisson(mean).astype(np.uint32)
        counts[dark] = 0
        counts[mask == MaskReason.GAP] = 2**32 - 1
        raw.append(counts)
    data = xr.Dataset(
        {
            "counts": (
                ("frame", "y", "x"),
                np.stack(raw),
                {"units": "count", "long_name": "counts", "sentinels": np.array([2**32 - 1])},
            ),
            "mask": (("y", "x"), mask, MASK_ATTRS),
        },
        coords={"frame": np.arange(count)},
    )
    return held(FRAMES, data)


@pytest.fixture(scope="session")
def profile():
    return make_profile


@pytest.fixture(scope="session")
def phases():
    return make_phases


@pytest.fixture(scope="session")
def sizes():
    return make_sizes


@pytest.fixture(scope="session")
def frames():
    return make_frames


@pytest.fixture(scope="session")
def calibration():
    return make_calibration


@pytest.fixture(scope="session")
def whole():
    """Everything a fuel cell run hands to the report."""
    return {
        "waxs.profile": make_profile(),
        "waxs.phases": make_phases(),
        "saxs.sizes": make_sizes(),
    }
