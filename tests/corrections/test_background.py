"""Background profiles: each source of error is followed, and the sum is what repeats show."""

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from frames_in_memory import SHAPE, make_frames, reference_geometry

from xrdkit import IntegrationSpec, Normalization, cake, correct, integrate, schema
from xrdkit.corrections import Background
from xrdkit.errors import CorrectionFailed, SchemaError
from xrdkit.uncertainty import error_model

CALIBRATION = reference_geometry()
RNG = np.random.default_rng(3)
BINS = 6
Flags = dict[str, tuple[str, str]]
FLAGS: Flags = {
    "counting": ("independent", "independent"),
    "dark": ("independent", "common"),
    "flat": ("independent", "common"),
    "monitor": ("common", "independent"),
    "transmission": ("common", "common"),
    "absolute_scale": ("common", "common"),
}


def profile(
    level: float,
    errors: dict[str, float],
    frames: int | None = None,
    band: float | None = None,
    flags: Flags = FLAGS,
) -> xr.Dataset:
    """Return a profile whose sources have these relative errors; `band`: correlation of k, k+1."""
    lead = () if frames is None else (frames,)
    shape = (*lead, BINS)
    dims = ("q",) if frames is None else ("frame", "q")
    intensity = level * (1 + np.arange(BINS)) * np.ones(shape)
    rows = np.stack([u * intensity for u in errors.values()], axis=len(lead))
    signed = [flags[n][0] == "common" for n in errors]
    text = {"units": "count", "long_name": "text"}
    data = xr.Dataset(
        {
            "intensity": (dims, intensity, text),
            "sigma": (dims, np.sqrt(np.sum(rows**2, axis=len(lead))), text),
            "n_pixels": (dims, np.full(shape, 50), {**text, "units": "1"}),
            "errors": ((*dims[:-1], "source", "q"), rows, text),
        },
        coords={
            "q": ("q", np.linspace(1, 2, BINS), {"units": "1/nm", "long_name": "q"}),
            "source": list(errors),
            "source_bins": ("source", [flags[n][0] for n in errors]),
            "source_frames": ("source", [flags[n][1] for n in errors]),
        },
        attrs={"schema": "xrdkit/profile/1"},
    )
    if band is not None:
        single = [k for k, s in enumerate(signed) if not s]
        variance = np.sum(np.take(rows, single, axis=len(lead)) ** 2, axis=len(lead))
        beside = np.zeros(shape)
        beside[..., :-1] = band * np.sqrt(variance[..., :-1] * variance[..., 1:])
        both = np.stack([variance, beside], axis=len(lead))
        data["covariance"] = ((*dims[:-1], "offset", "q"), both, {**text, "units": "count2"})
        data = data.assign_coords(offset=[0, 1])
    return schema.validate(data, schema.PROFILE)


def by_name(data: xr.Dataset) -> dict[str, np.ndarray]:
    return {str(n): data["errors"].sel(source=n).values for n in data["source"].values}


def test_every_source_is_followed() -> None:
    sample = profile(
        10.0, {"counting": 0.1, "dark": 0.05, "monitor": 0.02, "transmission": 0.03}, 3
    )
    below = profile(
        4.0, {"counting": 0.2, "dark": 0.1, "monitor": 0.01, "transmission": 0.02, "flat": 0.07}
    )
    result = correct(sample, [Background(profile=below, scale=0.5, scale_sigma=0.1)])
    schema.validate(result, schema.PROFILE)
    high, low = sample["intensity"].values, below["intensity"].values * np.ones((3, 1))
    np.testing.assert_allclose(result["intensity"], high - 0.5 * low, rtol=1e-12)
    expected = {
        "counting": 0.1 * high,
        "dark": np.abs(0.05 * high - 0.5 * 0.1 * low),
        "monitor": 0.02 * high,
        "transmission": 0.03 * high,
        "background": 0.5 * 0.2 * low,
        "background_monitor": -0.5 * 0.01 * low,
        "background_transmission": -0.5 * 0.02 * low,
        "background_flat": 0.5 * 0.07 * low,
        "background_scale": -0.1 * low,
    }
    found = by_name(result)
    assert set(found) == set(expected)
    for name, error in expected.items():
        np.testing.assert_allclose(found[name], error, rtol=1e-12, err_msg=name)
    total = np.sqrt(sum(e**2 for e in expected.values()))
    np.testing.assert_allclose(result["sigma"], total, rtol=1e-12)
    flags = {
        str(n): (str(b), str(f))
        for n, b, f in zip(
            result["source"].values,
            result["source_bins"].values,
            result["source_frames"].values,
            strict=True,
        )
    }
    # One background under all frames: what is wrong with it is wrong with all of them.
    assert flags["background"] == ("independent", "common")
    assert flags["background_monitor"] == ("common", "common")
    assert flags["background_scale"] == ("common", "common")
    assert flags["counting"] == ("independent", "independent")


def test_one_measurement_in_both_subtracts_and_a_new_one_adds() -> None:
    sample = profile(10.0, {"counting": 0.1, "absolute_scale": 0.02, "dark": 0.04})
    below = profile(9.0, {"counting": 0.1, "absolute_scale": 0.02, "dark": 0.04})
    found = by_name(correct(sample, [Background(profile=below)]))
    net = sample["intensity"].values - below["intensity"].values
    np.testing.assert_allclose(found["absolute_scale"], 0.02 * net, rtol=1e-12)
    np.testing.assert_allclose(found["dark"], 0.04 * net, rtol=1e-12)
    apart = Background(profile=below, separate=("absolute_scale", "dark"))
    found = by_name(correct(sample, [apart]))
    np.testing.assert_allclose(found["dark"], 0.04 * sample["intensity"], rtol=1e-12)
    np.testing.assert_allclose(found["background_dark"], 0.04 * below["intensity"], rtol=1e-12)
    np.testing.assert_allclose(
        found["background_absolute_scale"], -0.02 * below["intensity"], rtol=1e-12
    )


def test_two_backgrounds_keep_their_names_apart() -> None:
    sample = profile(10.0, {"counting": 0.1, "monitor": 0.01}, 2)
    cell = profile(2.0, {"counting": 0.1, "monitor": 0.01})
    solvent = profile(3.0, {"counting": 0.2, "monitor": 0.02})
    steps = [
        Background(profile=cell, scale_sigma=0.05),
        Background(profile=solvent, scale=0.9, scale_sigma=0.01),
    ]
    found = by_name(correct(sample, steps))
    low, high = cell["intensity"].values, solvent["intensity"].values
    both = np.hypot(0.1 * low, 0.9 * 0.2 * high)
    np.testing.assert_allclose(found["background"], np.ones((2, 1)) * both, rtol=1e-12)
    np.testing.assert_allclose(found["background_scale_2"][0], -0.01 * high, rtol=1e-12)
    np.testing.assert_allclose(found["background_monitor"][1], -0.01 * low, rtol=1e-12)
    np.testing.assert_allclose(found["background_monitor_2"][1], -0.9 * 0.02 * high, rtol=1e-12)


@pytest.mark.parametrize("frames", [None, 3])
def test_covariance_between_bins(frames: int | None) -> None:
    sample = profile(10.0, {"counting": 0.1, "dark": 0.05}, frames, band=0.4)
    below = profile(6.0, {"counting": 0.2, "dark": 0.05}, band=0.4)
    result = correct(sample, [Background(profile=below, scale=0.5)])
    schema.validate(result, schema.PROFILE)
    model = error_model(result, 0)
    matrix = model.matrix()
    high, low = 10.0 * (1 + np.arange(BINS)), 6.0 * (1 + np.arange(BINS))
    size = np.sqrt((0.1 * high) ** 2 + (0.1 * low) ** 2 + (0.05 * (high - 0.5 * low)) ** 2)
    np.testing.assert_allclose(np.sqrt(np.diag(matrix)), size, rtol=1e-12)
    beside = np.diag(matrix, 1) / (size[:-1] * size[1:])
    np.testing.assert_allclose(beside, 0.4, rtol=1e-9)
    np.testing.assert_allclose(result["sigma"].values.reshape(-1, BINS)[0], size, rtol=1e-12)
    whole = correct(sample, [Background(profile=below.drop_vars(["covariance", "offset"]))])
    assert whole["covariance"].sizes["offset"] == 2


def test_empty_bins_and_the_ledger() -> None:
    sample, below = profile(10.0, {"counting": 0.1}, 2), profile(5.0, {"counting": 0.1})
    below["intensity"][2] = np.nan
    below["sigma"][2] = np.nan
    below["errors"][:, 2] = np.nan
    below["n_pixels"][2] = 0
    ones = np.full((2, 1, BINS), 2.0)
    sample["ledger"] = (
        ("frame", "correction", "q"),
        ones,
        {"units": "1", "long_name": "factor of each correction"},
    )
    sample = sample.assign_coords(correction=["solid_angle"])
    result = correct(sample, [Background(profile=below)])
    schema.validate(result, schema.PROFILE)
    for name in ("intensity", "sigma"):
        assert np.isnan(result[name].values[:, 2]).all()
        assert np.isfinite(np.delete(result[name].values, 2, axis=1)).all()
    assert np.isnan(result["errors"].values[:, :, 2]).all()
    assert result["n_pixels"].values[0].tolist() == [50, 50, 0, 50, 50, 50]
    assert result["ledger"].sel(correction="background").values[0, 0] == pytest.approx(0.5)
    assert result["ledger"].prod("correction", skipna=False).values[1, 0] == pytest.approx(1.0)
    full = below.fillna(5.0)
    again = correct(
        correct(sample, [Background(profile=full, scale=0.5)]), [Background(profile=full)]
    )
    assert again["ledger"]["correction"].values.tolist() == ["solid_angle", "background"]
    ratio = again["intensity"] / sample["intensity"]
    np.testing.assert_allclose(again["ledger"].sel(correction="background"), ratio, rtol=1e-12)


def test_profiles_with_a_total_error_only() -> None:
    sample, below = (
        profile(v, {"counting": 0.1}).drop_vars(
            ["errors", "source", "source_bins", "source_frames"]
        )
        for v in (10.0, 4.0)
    )
    plain = correct(sample, [Background(profile=below, scale=0.5)])
    assert "errors" not in plain
    expected = np.hypot(0.1 * sample["intensity"], 0.05 * below["intensity"])
    np.testing.assert_allclose(plain["sigma"], expected, rtol=1e-12)
    scaled = correct(sample, [Background(profile=below, scale=0.5, scale_sigma=0.2)])
    np.testing.assert_allclose(
        scaled["sigma"], np.hypot(expected, 0.2 * below["intensity"]), rtol=1e-12
    )
    assert set(by_name(scaled)) == {"counting", "background", "background_scale"}
    assert scaled["source_bins"].values.tolist()[-1] == "common"


def test_profiles_that_do_not_fit_are_refused() -> None:
    sample, below = profile(10.0, {"counting": 0.1}, 3), profile(4.0, {"counting": 0.1})
    with pytest.raises(CorrectionFailed, match="different bins"):
        correct(sample, [Background(profile=below.isel(q=slice(1, None)))])
    with pytest.raises(CorrectionFailed, match="2 frames of background for 3"):
        correct(sample, [Background(profile=profile(4.0, {"counting": 0.1}, 2))])
    with pytest.raises(CorrectionFailed, match="sigma of both"):
        correct(sample, [Background(profile=below.drop_vars("sigma"))])
    other = below.copy()
    for name in ("intensity", "sigma", "errors"):
        other[name] = other[name].assign_attrs(units="1/cm")
    with pytest.raises(CorrectionFailed, match="different units"):
        correct(sample, [Background(profile=other)])
    with pytest.raises(SchemaError):
        correct(sample.rename(q="distance"), [Background(profile=below)])


SPEC = {"unit": "q", "bins": 100, "range": (1.0, 8.0), "solid_angle": False}
MONITORS, TIMES, BETA = (4.0, 0.7), (3.0, 11.0), 0.9
RATE, UNDER = 0.30, 0.12  # per pixel, monitor and second


def net_of_profiles(counts: np.ndarray, empty: np.ndarray) -> xr.Dataset:
    sample, below = (
        integrate(
            make_frames(image),
            CALIBRATION,
            IntegrationSpec(normalization=Normalization(monitor=m, time=t), **SPEC),
        )
        for image, m, t in zip((counts, empty), MONITORS, TIMES, strict=True)
    )
    return correct(sample, [Background(profile=below, scale=BETA)])


def net_of_frames(counts: np.ndarray, empty: np.ndarray) -> xr.Dataset:
    own, other = (Normalization(monitor=m, time=t) for m, t in zip(MONITORS, TIMES, strict=True))
    spec = IntegrationSpec(
        normalization=own,
        background=empty,
        background_normalization=other,
        background_scale=BETA,
        **SPEC,
    )
    return integrate(make_frames(counts), CALIBRATION, spec)


@pytest.mark.parametrize("net", [net_of_profiles, net_of_frames])
def test_pulls_with_unequal_monitors_and_times(
    net: Callable[[np.ndarray, np.ndarray], xr.Dataset],
) -> None:
    """Frames over a background of another dose: (I - truth)/σ has a standard deviation of 1."""
    rng = np.random.default_rng(17)
    doses = [m * t for m, t in zip(MONITORS, TIMES, strict=True)]
    pulls = []
    for _ in range(50):
        counts = rng.poisson((RATE + BETA * UNDER) * doses[0], SHAPE)
        profile = net(counts, rng.poisson(UNDER * doses[1], SHAPE))
        pulls.append((profile["intensity"].values - RATE) / profile["sigma"].values)
    # 5000 pulls: their standard deviation is known to 1 %.
    assert np.std(pulls) == pytest.approx(1.0, abs=0.03)
    assert abs(np.mean(pulls)) < 0.05


def test_both_ways_to_subtract_agree() -> None:
    rng = np.random.default_rng(18)
    counts, empty = rng.poisson(5.0, SHAPE), rng.poisson(1.0, SHAPE)
    one, other = net_of_profiles(counts, empty), net_of_frames(counts, empty)
    np.testing.assert_allclose(one["intensity"], other["intensity"], rtol=1e-12)
    np.testing.assert_allclose(one["sigma"], other["sigma"], rtol=1e-12)
    assert one["source"].values.tolist() == other["source"].values.tolist()
    np.testing.assert_allclose(
        one["ledger"].prod("correction"), other["ledger"].prod("correction"), rtol=1e-12
    )


def test_cakes() -> None:
    """Sectors are subtracted one by one, with sources and covariance as in profiles."""
    rng = np.random.default_rng(19)
    spec = IntegrationSpec(
        unit="q",
        bins=20,
        range=(1.0, 8.0),
        azimuth_bins=4,
        splitting="full",
        normalization=Normalization(monitor=2.0, monitor_sigma=0.1),
    )
    sample, below = (
        cake(make_frames(rng.poisson(level, SHAPE)), CALIBRATION, spec) for level in (9.0, 2.0)
    )
    net = correct(sample, [Background(profile=below, scale=0.5, scale_sigma=0.05)])
    schema.validate(net, schema.CAKE)
    np.testing.assert_array_equal(net["intensity"], sample["intensity"] - 0.5 * below["intensity"])
    assert net["errors"].dims == sample["errors"].dims
    total = np.sqrt((net["errors"] ** 2).sum("source"))
    np.testing.assert_allclose(net["sigma"], total, rtol=1e-12)
    expected = sample["covariance"] + 0.25 * below["covariance"]
    np.testing.assert_allclose(net["covariance"], expected, rtol=1e-12)
    profile = integrate(make_frames(rng.poisson(9.0, SHAPE)), CALIBRATION, spec)
    for data, other in ((profile, below), (sample, profile)):
        with pytest.raises(CorrectionFailed):
            correct(data, [Background(profile=other)])
