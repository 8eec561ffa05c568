"""What holds between the numbers of one reduction, whatever was asked for."""

import dataclasses

import numpy as np
from frames_in_memory import make_frames
from hypothesis import given, settings
from hypothesis import strategies as st

import xrdkit as xk
from xrdkit import Calibration, Detector, IntegrationSpec, Normalization, cake, integrate
from xrdkit.corrections import DeadTime, Dose, Flat
from xrdkit.errors import EmptyResult

SHAPE = (17, 23)
CALIBRATION = Calibration(
    distance=0.1,
    poni1=0.004,
    poni2=0.005,
    rot1=0.1,
    rot2=-0.05,
    wavelength=1.0,
    detector=Detector(pixel_size_y=4e-4, pixel_size_x=4e-4, shape=SHAPE),
    covariance=tuple(map(tuple, np.diag([1e-4, 1e-5, 1e-5, 1e-4, 1e-4, 1e-5]) ** 2)),
)


@st.composite
def reductions(draw):
    """Return frames and a spec with any set of corrections and errors."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    level = draw(st.sampled_from([0.05, 1.0, 30.0, 1e4]))
    number = draw(st.integers(1, 3))
    counts = rng.poisson(level, (number, *SHAPE)).astype(np.float64)
    if draw(st.booleans()):
        counts[rng.random(counts.shape) < 0.2] = np.nan
    frames = make_frames(
        counts, exposure_time=rng.uniform(0.5, 2, number), monitor=rng.uniform(10, 20, number)
    )
    steps = []
    if draw(st.booleans()):
        steps.append(DeadTime(dead_time=1e-6))
    if draw(st.booleans()):
        steps.append(Dose(name="extra", values=(2.0,), sigma=(0.1,)))
    flat = rng.uniform(0.5, 1.5, SHAPE)
    if draw(st.booleans()):
        flat[rng.random(SHAPE) < 0.1] = 0.0
        steps.append(Flat(response=flat, sigma=0.02 * flat))
    dose = draw(st.booleans())
    low = draw(st.floats(0.0, 4.0))
    sector = draw(st.none() | st.tuples(st.floats(-200, 200), st.floats(30, 360)))
    spec = IntegrationSpec(
        bins=draw(st.integers(1, 60)),
        range=(low, low + draw(st.floats(2.0, 12.0))),
        azimuth_range=None if sector is None else (sector[0], sector[0] + sector[1]),
        azimuth_bins=draw(st.integers(1, 9)),
        splitting=draw(st.sampled_from(["none", "full"])),
        solid_angle=draw(st.booleans()),
        polarization=draw(st.none() | st.floats(-1, 1)),
        mask=rng.random(SHAPE) < 0.05,
        gain=draw(st.sampled_from([1.0, 0.3, 7.0])),
        readout_noise=draw(st.sampled_from([0.0, 2.0])),
        dark=make_frames(rng.poisson(1.0, (4, *SHAPE)), exposure_time=[1.0] * 4)
        if draw(st.booleans())
        else None,
        background=make_frames(
            rng.poisson(0.3 * level, (2, *SHAPE)), exposure_time=[1.0, 2.0], monitor=[9.0, 11.0]
        )
        if draw(st.booleans())
        else None,
        background_scale=0.7,
        background_scale_sigma=0.05,
        normalization=Normalization(
            monitor="frame",
            time="frame",
            thickness=0.1,
            thickness_sigma=0.01,
            absolute_scale=3.0,
            absolute_scale_sigma=0.2,
        )
        if dose
        else None,
    )
    return xk.correct(frames, steps), spec


def reduced(verb, frames, spec, calibration=CALIBRATION):
    try:
        return verb(frames, calibration, spec)
    except EmptyResult:
        return None


def close(one, other, rtol=1e-9):
    scale = np.nanmax(np.abs(other), initial=0.0)
    np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-12 * scale)


@settings(max_examples=150, deadline=None)
@given(reductions())
def test_errors_ledger_and_covariance_hang_together(given_):
    frames, spec = given_
    profile = reduced(integrate, frames, spec)
    if profile is None:
        return
    full = profile["n_pixels"].values > 0
    for name in ("intensity", "sigma"):
        np.testing.assert_array_equal(np.isfinite(profile[name].values), full)
    close(np.sqrt((profile["errors"] ** 2).sum("source", skipna=False)), profile["sigma"].values)
    own = profile["errors"].sel(source=profile["source_bins"].values == "independent")
    assert np.all(own.values[np.isfinite(own.values)] >= 0)
    if "covariance" in profile:
        close(profile["covariance"].sel(offset=0), (own**2).sum("source", skipna=False).values)
    if "ledger" in profile:
        raw = (profile["counts"] / profile["n_pixels"]).values
        product = profile["ledger"].prod("correction", skipna=False).values
        known = np.isfinite(product) & (raw > 0)
        close((raw * product)[known], profile["intensity"].values[known])
    level = profile["signal"] / profile["normalization"]
    if spec.background is None:
        close(level.values[full], profile["intensity"].values[full])
    for k in range(profile.sizes["frame"]):
        model = xk.error_model(profile, frame=k)
        at = np.flatnonzero(full[k])
        if at.size == 0:
            continue
        matrix = model.propagate(np.eye(at.size), full[k])
        close(np.sqrt(np.diag(matrix)), profile["sigma"].values[k][at])
        size = np.sqrt(np.diag(matrix))
        values = np.linalg.eigvalsh(matrix / np.outer(size, size))
        assert values[0] >= -1e-12 * max(values[-1], 1.0), values[[0, -1]]


@settings(max_examples=100, deadline=None)
@given(reductions())
def test_cells_of_a_cake_add_up_to_the_profile(given_):
    frames, spec = given_
    cells = reduced(cake, frames, spec)
    if cells is None:
        return
    profile = integrate(frames, CALIBRATION, spec)
    for name in ("counts", "n_pixels", "normalization", "signal"):
        close(cells[name].sum("azimuth").values, profile[name].values)
    empty = cells["n_pixels"].values == 0
    np.testing.assert_array_equal(np.isnan(cells["intensity"].values), empty)


@settings(max_examples=100, deadline=None)
@given(reductions(), st.randoms(use_true_random=False))
def test_each_frame_is_reduced_by_itself(given_, random):
    frames, spec = given_
    whole = reduced(integrate, frames, spec)
    if whole is None:
        return
    order = list(range(frames.sizes["frame"]))
    random.shuffle(order)
    shuffled = integrate(frames.isel(frame=order), CALIBRATION, spec)
    assert shuffled.drop_attrs().identical(whole.isel(frame=order).drop_attrs())
    for k in order:
        single = integrate(frames.isel(frame=[k]), CALIBRATION, spec)
        assert single.drop_attrs().identical(whole.isel(frame=[k]).drop_attrs())


@settings(max_examples=100, deadline=None)
@given(reductions(), st.integers(0, 1000))
def test_however_a_pixel_is_left_out_the_profile_is_the_same(given_, seed):
    frames, spec = given_
    # Errors of the geometry are those of all pixels of a bin, whichever of them a frame lacks.
    exact = dataclasses.replace(CALIBRATION, covariance=None)
    hole = np.random.default_rng(seed).random(SHAPE) < 0.3
    by_mask = reduced(integrate, frames, dataclasses.replace(spec, mask=spec.mask | hole), exact)
    if by_mask is None:
        return
    marked = frames.copy(deep=True)
    counts = marked["counts"].values
    ways = {"nan": np.nan, "-1": -1.0, "2^32-1": 2.0**32 - 1}
    results = {}
    for name, value in ways.items():
        counts[:, hole] = value
        results[name] = integrate(marked, exact, spec)
    frame_mask = frames.assign(mask=(("y", "x"), hole.astype(np.uint16)))
    results["mask of the frames"] = integrate(frame_mask, exact, spec)
    if "factor_flat" not in frames:
        results["flat"] = integrate(
            frames, exact, dataclasses.replace(spec, flat=np.where(hole, 0.0, 1.0))
        )
    # The background may have pixels that the frames lack: it keeps them unless they are masked.
    for way, result in results.items():
        names = ["counts", "n_pixels", "signal", "normalization", "q_mean"]
        if spec.background is None:
            names += ["intensity", "sigma"]
        for name in names:
            if name == "n_pixels" or spec.background is None or way not in ways:
                close(result[name].values, by_mask[name].values, rtol=1e-7)


@settings(max_examples=100, deadline=None)
@given(reductions(), st.floats(1e-6, 1e6))
def test_a_constant_dose_divides_everything(given_, dose):
    frames, spec = given_
    if spec.background is not None:
        spec = dataclasses.replace(spec, background=None)
    plain = reduced(integrate, frames, spec)
    if plain is None:
        return
    divided = integrate(
        xk.correct(frames, [Dose(name="constant", values=(dose,))]), CALIBRATION, spec
    )
    for name in ("intensity", "sigma", "errors"):
        # Slopes by which the geometry moves intensities are differences, and round as such.
        close(divided[name].values * dose, plain[name].values, rtol=1e-6)


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), bins=st.integers(1, 200), margin=st.floats(0.6, 5))
def test_splitting_keeps_every_count_and_every_pixel(seed, bins, margin):
    image = np.random.default_rng(seed).poisson(5.0, SHAPE)
    q = CALIBRATION.radial(SHAPE, "q")
    spec = IntegrationSpec(bins=bins, range=(0.0, q.max() + margin), splitting="full")
    profile = integrate(make_frames(image), CALIBRATION, spec)
    # Shares are kept in single precision.
    np.testing.assert_allclose(profile["n_pixels"].sum(), image.size, rtol=1e-6)
    np.testing.assert_allclose(profile["counts"].sum(), image.sum(), rtol=1e-6)
