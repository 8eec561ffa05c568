"""Warren and Averbach: orders of one reflection with known columns and strain."""

import numpy as np
import pytest
import xarray as xr

import xrdkit as xk
from xrdkit import schema, store
from xrdkit.errors import CurveError, SchemaError, SpecError
from xrdkit.phase import InstrumentWidths
from xrdkit.phase.size_strain_fourier import line_coefficients
from xrdkit.phase.sphere_profile import column_lengths

WAVELENGTH, CELL = 1.5405929, 0.5411651
INSTRUMENT = InstrumentWidths(w=0.05**2, x=0.02)
DOUBLET = ((1.5405929, 2 / 3), (1.5444274, 1 / 3))
#: h² + k² + l² and heights of 111 and 222.
ORDERS = ((3, 1.0), (12, 0.25))


def sphere_coefficients(lengths, mean, sigma):
    """The mean of 1 - 3L/(2D) + L³/(2D³), weighted by volume, of lognormal diameters."""
    u = np.linspace(-6, 6, 401)
    weight = np.exp(-(u**2) / 2)
    diameter = mean * np.exp(2.5 * sigma**2 + sigma * u)
    y = np.minimum(lengths[:, np.newaxis] / diameter, 1.0)
    return (1 - 1.5 * y + 0.5 * y**3) @ (weight / weight.sum())


def line(s, place, wavelength, size, strain, widths):
    """The exact line over s about `place`, from its transform."""
    lengths = np.linspace(0, 2000, 100_001)
    theta = np.arcsin(0.05 * wavelength * place)
    per_degree = np.radians(np.cos(theta)) / (0.1 * wavelength)
    gauss, lorentz = np.sqrt(widths.w) * per_degree, widths.x / np.cos(theta) * per_degree
    fall = -2 * (np.pi * lengths * place * strain) ** 2 - np.pi * lorentz * lengths
    fall -= (np.pi * gauss * lengths) ** 2 / (4 * np.log(2))
    step = lengths[1]
    values = np.fft.hfft(size(lengths) * np.exp(fall) * step)
    offset = np.fft.fftfreq(values.size, step)
    order = np.argsort(offset)
    return np.interp(s - place, offset[order], values[order])


def pattern(size, strain, seed, *, emission=((WAVELENGTH, 1.0),), widths=INSTRUMENT, orders=ORDERS):
    x = np.arange(18, 130, 0.03)
    half = np.radians(x / 2)
    total = np.zeros(x.size)
    for wavelength, weight in emission:
        s = 20 * np.sin(half) / wavelength
        for squared, height in orders:
            place = np.sqrt(squared) / CELL
            part = line(s, place, wavelength, size, strain, widths)
            total += weight * height * part * np.cos(half)
    total = total / total.max() * 2e4 + 200
    counts = total if seed is None else np.random.default_rng(seed).poisson(total).astype(float)
    name = WAVELENGTH if len(emission) == 1 else "CuKa"
    return xk.pattern(x, counts, np.sqrt(total), wavelength=name)


def fitted(profile, squares=(3, 12), **settings):
    angles = 2 * np.degrees(np.arcsin(0.05 * WAVELENGTH * np.sqrt(squares) / CELL))
    return xk.fit_peaks(profile, xk.PeakSpec(positions=tuple(float(a) for a in angles), **settings))


def spheres(mean, sigma):
    grid = np.linspace(0, 400, 8001)
    known = sphere_coefficients(grid, mean, sigma)
    return lambda lengths: np.interp(lengths, grid, known, right=0.0)


@pytest.mark.parametrize(
    ("mean", "sigma", "strain"),
    [(12.0, 0.2, 0.002), (12.0, 0.3, 0.0), (8.0, 0.3, 0.003), (20.0, 0.25, 0.002)],
)
def test_known_columns_without_noise(mean, sigma, strain):
    volume, area = column_lengths(mean, sigma)
    peaks = fitted(pattern(spheres(mean, sigma), strain, None))
    result = xk.warren_averbach(peaks, [0, 1], instrument=INSTRUMENT)
    schema.validate(result, schema.WARREN_AVERBACH)
    assert result.verdict.item() == "ok"
    assert result.area_size.item() == pytest.approx(area, rel=0.005)
    assert result.volume_size.item() == pytest.approx(volume, rel=0.01)
    if strain > 0:
        assert result.rms_strain_half.item() == pytest.approx(strain, rel=0.02)
    lengths = result.column_length.values
    seen = np.isfinite(result.size_coefficient.values)
    true = sphere_coefficients(lengths, mean, sigma)
    np.testing.assert_allclose(result.size_coefficient.values[seen], true[seen], atol=0.012)


def test_errors_are_of_the_size_of_the_scatter():
    mean, sigma, strain = 12.0, 0.3, 0.002
    volume, area = column_lengths(mean, sigma)
    size = spheres(mean, sigma)
    pulls, curves, strains = [], [], []
    for seed in range(24):
        peaks = fitted(pattern(size, strain, seed))
        result = xk.warren_averbach(peaks, [0, 1], instrument=INSTRUMENT)
        assert result.verdict.item() == "ok"
        pulls.append(
            [
                (result[name].item() - true) / result[f"{name}_sigma"].item()
                for name, true in (("area_size", area), ("rms_strain_half", strain))
            ]
        )
        assert result.volume_size.item() == pytest.approx(volume, rel=0.02)
        true = sphere_coefficients(result.column_length.values, mean, sigma)
        curves.append((result.size_coefficient - true) / result.size_coefficient_sigma)
        strains.append((result.mean_square_strain - strain**2) / result.mean_square_strain_sigma)
    for table, every in ((pulls, 1), (curves, 4), (strains, 4)):
        found = np.array([np.asarray(row) for row in table])
        known = np.isfinite(found).all(axis=0)
        known[: every - 1] = False
        found = found[:, known][:, ::every]
        assert found.shape[1] >= 2
        # 24 draws know the mean to 0.2 and the width to 0.14 of a standard error.
        assert np.abs(found.mean(axis=0)).max() < 1.0
        assert np.all((found.std(axis=0) > 0.55) & (found.std(axis=0) < 1.5))


def test_the_distribution_of_columns():
    mean, sigma = 12.0, 0.3
    area = column_lengths(mean, sigma)[1]
    lengths = np.arange(0, 60, 0.02)
    curvature = np.gradient(np.gradient(sphere_coefficients(lengths, mean, sigma), 0.02), 0.02)
    peaks = fitted(pattern(spheres(mean, sigma), 0.002, 3))
    result = xk.warren_averbach(peaks, [0, 1], instrument=INSTRUMENT)
    true = np.interp(result.column_length.values, lengths, area * curvature)
    found, error = result.column_fraction.values, result.column_fraction_sigma.values
    known = np.isfinite(found)
    assert known.sum() > 10
    assert np.abs((found - true)[known] / error[known]).max() < 4
    top = np.nanargmax(np.where(known, found, np.nan))
    assert result.column_length.values[top] == pytest.approx(8.0, abs=3.0)


def test_the_doublet_is_folded_out():
    mean, sigma, strain = 12.0, 0.25, 0.002
    volume, area = column_lengths(mean, sigma)
    profile = pattern(spheres(mean, sigma), strain, None, emission=DOUBLET)
    result = xk.warren_averbach(fitted(profile), [0, 1], instrument=INSTRUMENT)
    assert result.verdict.item() == "ok"
    assert result.area_size.item() == pytest.approx(area, rel=0.03)
    assert result.volume_size.item() == pytest.approx(volume, rel=0.02)
    assert result.rms_strain_half.item() == pytest.approx(strain, rel=0.05)


def test_a_measured_standard_does_what_its_widths_do():
    mean, sigma, strain = 12.0, 0.3, 0.002
    size = spheres(mean, sigma)
    peaks = fitted(pattern(size, strain, 5))
    wide = InstrumentWidths(w=0.1**2, x=0.08)
    peaks = fitted(pattern(size, strain, 5, widths=wide))
    large = pattern(lambda lengths: np.ones_like(lengths), 0.0, 6, widths=wide)
    standard = fitted(large)
    one = xk.warren_averbach(peaks, [0, 1], instrument=wide)
    other = xk.warren_averbach(peaks, [0, 1], standard=standard)
    assert other.verdict.item() == "ok"
    for name in ("area_size", "volume_size", "rms_strain_half"):
        error = np.hypot(one[f"{name}_sigma"].item(), other[f"{name}_sigma"].item())
        assert abs(one[name].item() - other[name].item()) < 3 * error
        # Noise of the standard counts.
        assert other[f"{name}_sigma"].item() > one[f"{name}_sigma"].item()


def test_without_the_instrument_columns_seem_shorter():
    peaks = fitted(pattern(spheres(12.0, 0.2), 0.0, None, widths=InstrumentWidths(w=0.3**2)))
    bare = xk.warren_averbach(peaks, [0, 1])
    right = xk.warren_averbach(peaks, [0, 1], instrument=InstrumentWidths(w=0.3**2))
    assert bare.volume_size.item() < 0.95 * right.volume_size.item()
    assert right.volume_size.item() == pytest.approx(column_lengths(12.0, 0.2)[0], rel=0.02)


def test_frames_that_cannot_be_used_say_so(tmp_path):
    good = pattern(spheres(12.0, 0.3), 0.002, 1)
    rows = np.stack(
        [good.intensity.values, np.random.default_rng(0).poisson(200.0, good.intensity.size)]
    )
    dims = ("frame", "two_theta")
    both = good.drop_vars(["intensity", "sigma"]).assign(
        intensity=(dims, rows, good.intensity.attrs),
        sigma=(dims, np.sqrt(rows), good.sigma.attrs),
    )
    peaks = fitted(both.assign_coords(frame=[0, 1], temperature=("frame", [300.0, 400.0])))
    result = xk.warren_averbach(peaks, [0, 1], instrument=INSTRUMENT)
    assert list(result.verdict.values) == ["ok", "unidentifiable"]
    assert "peak 0 is absent" in result.verdict_reason.values[1]
    assert np.isnan(result.size_coefficient.values[1]).all()
    assert np.isnan(result.area_size.values[1])
    np.testing.assert_array_equal(result.temperature, [300, 400])
    path = tmp_path / "columns.nc"
    store.save(result, path)
    assert store.load(path).identical(result)


def test_lines_as_sharp_as_the_instrument_have_no_size():
    peaks = fitted(pattern(lambda lengths: np.ones_like(lengths), 0.0, 2))
    result = xk.warren_averbach(peaks, [0, 1], instrument=INSTRUMENT)
    assert result.verdict.item() == "unidentifiable"
    assert "longer than these lines tell" in result.verdict_reason.item()


def test_what_makes_no_sense_is_refused():
    profile = pattern(spheres(12.0, 0.2), 0.001, 1)
    peaks = fitted(profile)
    for wrong in ([0], [0, 0], [0, 2], [0, -1], 3, "01", [0.0, 1.0]):
        with pytest.raises(SpecError, match="no two or more numbers of peaks"):
            xk.warren_averbach(peaks, wrong)
    with pytest.raises(SpecError, match="not both"):
        xk.warren_averbach(peaks, [0, 1], instrument=INSTRUMENT, standard=peaks)
    with pytest.raises(SchemaError):
        xk.warren_averbach(profile, [0, 1])
    with pytest.raises(CurveError, match="'pearson7' have no transform"):
        xk.warren_averbach(fitted(profile, shape="pearson7"), [0, 1])
    others = fitted(
        pattern(spheres(12.0, 0.2), 0.001, 1, orders=((3, 1.0), (8, 0.5))), squares=(3, 8)
    )
    with pytest.raises(SpecError, match="no orders of one reflection"):
        xk.warren_averbach(others, [0, 1])
    far = xk.warren_averbach(peaks, [0, 1], standard=others)
    assert "no line near that of peak 1" in far.verdict_reason.item()


def test_a_line_without_background_points_is_left_alone():
    peaks = fitted(pattern(spheres(12.0, 0.2), 0.001, 1))
    place = float(peaks.position.values[0])
    narrow = peaks.isel(two_theta=np.abs(peaks.two_theta.values - place) < 1.0)
    assert line_coefficients(narrow, 0, np.linspace(0, 20, 11)) is None


def test_over_q_and_over_angle_agree():
    profile = pattern(spheres(8.0, 0.25), 0.002, None, widths=InstrumentWidths(w=0.02**2))
    q = 40 * np.pi * np.sin(np.radians(profile.two_theta.values / 2)) / WAVELENGTH
    slope = np.gradient(q, profile.two_theta.values)
    over_q = xk.profile(
        q, profile.intensity.values / slope, profile.sigma.values / slope, unit="1/nm"
    )
    places = tuple(float(2 * np.pi * np.sqrt(n) / CELL) for n in (3, 12))
    peaks = xk.fit_peaks(over_q, xk.PeakSpec(positions=places))
    one = xk.warren_averbach(peaks, [0, 1])
    other = xk.warren_averbach(fitted(profile), [0, 1])
    for name in ("area_size", "volume_size"):
        assert one[name].item() == pytest.approx(other[name].item(), rel=0.02)
    assert isinstance(one, xr.Dataset)
