"""Fits of single peaks: truth, errors, search, series."""

import numpy as np
import pytest
import xarray as xr
from named_profiles import Smoothed, named

import xrdkit as xk
from xrdkit import schema, store
from xrdkit.errors import CurveError, SpecError
from xrdkit.phase.peak_kernels import add_peak, add_slopes
from xrdkit.phase.peak_shapes import FORMS, SHAPES, height_factor, peak_curve, voigt_widths
from xrdkit.phase.peaks_data import observe_peaks
from xrdkit.phase.peaks_model import Peak, peak_intensity
from xrdkit.phase.peaks_search import search
from xrdkit.phase.profile_function import combined_width

X = np.arange(20.0, 40.0, 0.02)
BACKGROUND = 100 + 60 * np.exp(-X / 20)
PEAKS = (
    Peak(area=150, position=22.0, fwhm=0.14, form=0.3),
    Peak(area=300, position=26.0, fwhm=0.25, form=0.6),
    Peak(area=200, position=30.0, fwhm=0.15, form=0.5),
    Peak(area=250, position=30.4, fwhm=0.20, form=0.5),
    Peak(area=600, position=36.0, fwhm=0.30, form=0.4),
)


def mean_of(peaks=PEAKS, wavelength="CuKa", shape="pseudo_voigt") -> np.ndarray:
    empty = xk.pattern(X, BACKGROUND, wavelength=wavelength)
    emission = observe_peaks(empty, xk.PeakSpec()).emission
    return BACKGROUND + sum(peak_intensity(X, p, shape, emission) for p in peaks)


def pattern(mean: np.ndarray, seed: int | None, wavelength="CuKa") -> xr.Dataset:
    counts = mean if seed is None else np.random.default_rng(seed).poisson(mean).astype(float)
    return xk.pattern(X, counts, np.sqrt(mean), wavelength=wavelength)


def series(rows: np.ndarray, sigma: np.ndarray, wavelength="CuKa") -> xr.Dataset:
    one = xk.pattern(X, rows[0], sigma, wavelength=wavelength)
    dims = ("frame", "two_theta")
    both = one.drop_vars(["intensity", "sigma"]).assign(
        intensity=(dims, rows, one.intensity.attrs),
        sigma=(dims, np.broadcast_to(sigma, rows.shape), one.sigma.attrs),
    )
    return both.assign_coords(frame=np.arange(len(rows)))


def truth(peak: Peak, weight: float = 1.0) -> dict[str, float]:
    top = height_factor("pseudo_voigt", peak.form)[0]
    return {
        "position": peak.position,
        "area": peak.area,
        "fwhm": peak.fwhm,
        "eta": peak.form,
        "integral_breadth": peak.fwhm / top,
        "height": weight * peak.area * top / peak.fwhm,
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_have_area_one_their_width_and_right_slopes(shape):
    x = np.linspace(-400, 400, 800001)
    form = FORMS[shape].start
    skew = 0.3 if FORMS[shape].split else 0.0
    value, *slopes = peak_curve(shape, x, 2.0, form, skew)
    # The tails of a Lorentzian beyond are some 1e-3.
    assert np.trapezoid(value, x) == pytest.approx(1, abs=3e-3)
    above = x[value > value.max() / 2]
    assert np.ptp(above) == pytest.approx(2.0, abs=3e-3)
    assert value.max() == pytest.approx(height_factor(shape, form)[0] / 2.0)
    near = np.linspace(-5, 5, 401) + 1e-3
    h = 1e-6
    arguments = (near, 2.0, form, skew)
    _, *slopes = peak_curve(shape, *arguments)
    for k, slope in enumerate(slopes):
        up, down = list(arguments), list(arguments)
        up[k], down[k] = up[k] + h, down[k] - h
        numeric = (peak_curve(shape, *up)[0] - peak_curve(shape, *down)[0]) / (2 * h)
        np.testing.assert_allclose(slope, numeric, atol=2e-6)


def test_widths_of_a_voigt_come_back():
    for gauss, lorentz in ((1.0, 0.0), (1.0, 0.01), (0.7, 0.5), (0.01, 1.0), (0.0, 1.0)):
        h, eta = combined_width(np.array(gauss), np.array(lorentz))
        assert voigt_widths(float(h), float(eta)) == pytest.approx((gauss, lorentz), abs=1e-6)


@pytest.mark.parametrize("wavelength", ["CuKa", 1.54])
@pytest.mark.parametrize("shape", SHAPES)
def test_noiseless_peaks_are_recovered(shape, wavelength):
    skew = 0.25 if FORMS[shape].split else 0.0
    form = FORMS[shape].start if not FORMS[shape].free else 0.6
    peaks = [
        Peak(area=p.area, position=p.position, fwhm=p.fwhm, form=form, asymmetry=skew)
        for p in PEAKS
    ]
    mean = mean_of(peaks, wavelength, shape)
    result = xk.fit_peaks(pattern(mean, None, wavelength), xk.PeakSpec(shape=shape))
    schema.validate(result, schema.PEAKS)
    assert result.sizes["peak"] == len(peaks)
    np.testing.assert_allclose(result.position, [p.position for p in peaks], atol=2e-3)
    np.testing.assert_allclose(result.area, [p.area for p in peaks], rtol=0.05)
    np.testing.assert_allclose(result.fwhm, [p.fwhm for p in peaks], rtol=0.03)
    if skew:
        np.testing.assert_allclose(result.asymmetry, skew, atol=0.03)


@pytest.mark.parametrize("wavelength", ["CuKa", 1.54])
def test_pulls_have_unit_width(wavelength):
    """100 patterns of five peaks, two of them overlapping: 500 numbers of each kind."""
    mean = mean_of(wavelength=wavelength)
    rows = np.random.default_rng(11).poisson(mean, (100, mean.size)).astype(float)
    spec = xk.PeakSpec(positions=tuple(p.position for p in PEAKS))
    result = xk.fit_peaks(series(rows, np.sqrt(mean), wavelength), spec)
    weight = 2 / 3 if wavelength == "CuKa" else 1.0
    for k in range(len(PEAKS)):
        for name, value in truth(PEAKS[k], weight).items():
            pull = (result[name][:, k] - value) / result[f"{name}_sigma"][:, k]
            assert abs(float(pull.mean())) < 0.4, name
    for name in truth(PEAKS[0]):
        values = np.array([truth(p, weight)[name] for p in PEAKS])
        pull = ((result[name] - values) / result[f"{name}_sigma"]).values
        assert np.isfinite(pull).mean() > 0.97
        assert np.nanstd(pull) == pytest.approx(1.0, abs=0.1), name
    assert float(result.gof.mean()) == pytest.approx(1.0, abs=0.02)


def test_bare_counts_are_weighted_by_what_is_expected():
    """Weights from the counts themselves would make areas too small."""
    spec = xk.PeakSpec(shape="gaussian", positions=(36.0,), range=(34, 38.5))
    peaks = [Peak(area=15, position=36.0, fwhm=0.3, form=0.0)]
    mean = 4.0 + (mean_of(peaks, shape="gaussian") - BACKGROUND)
    rows = np.random.default_rng(3).poisson(mean, (60, mean.size)).astype(float)
    profile = series(rows, np.sqrt(mean)).drop_vars("sigma")
    profile["intensity"].attrs.pop("ancillary_variables", None)
    result = xk.fit_peaks(profile, spec)
    pull = (result.area - 15) / result.area_sigma
    assert abs(float(pull.mean())) < 0.3


@pytest.mark.parametrize("level", [3.0, 100.0])
def test_noise_alone_shows_a_peak_as_rarely_as_said(level):
    """500 patterns at a rate of at most 1 %: more than 11 would be a chance of 1 in 180."""
    generator = np.random.default_rng(1)
    false = 0
    for _ in range(500):
        counts = generator.poisson(level * (1 + np.exp(-X / 10))).astype(float)
        band = np.maximum(counts, 1)[None]
        found, _ = search(X, counts, band, widths=(0.05, 1.0), false_alarm=0.01)
        false += bool(found)
    assert false <= 11


def test_noise_alone_gives_a_result_that_says_so():
    result = xk.fit_peaks(pattern(BACKGROUND, 5))
    assert result.sizes["peak"] == 0
    assert result.verdict.item() == "unidentifiable"
    assert "no peak above a significance of" in result.verdict_reason.item()


def test_noise_that_neighbours_share_is_no_peak():
    generator = np.random.default_rng(2)
    smoothed = Smoothed(np.sqrt(BACKGROUND), width=4.0)
    draws = BACKGROUND + smoothed.draw(generator, 300)
    known = sum(
        bool(search(X, d, smoothed.band, widths=(0.05, 1.0), false_alarm=0.05)[0]) for d in draws
    )
    taken = sum(
        bool(search(X, d, smoothed.band[:1], widths=(0.05, 1.0), false_alarm=0.05)[0])
        for d in draws[:30]
    )
    assert known <= 27  # 15 expected at most
    assert taken > 20


@pytest.mark.parametrize(
    ("strength", "least", "most"), [(4, 0.0, 0.4), (7, 0.5, 1.0), (10, 0.95, 1.0)]
)
def test_recall_grows_with_significance(strength, least, most):
    """Strength: height over its error with shape and background known."""
    bell = np.exp(-4 * np.log(2) * ((X - 30.013) / 0.2) ** 2)
    mean = 100 + strength * np.sqrt(100 / np.sum(bell**2)) * bell
    generator = np.random.default_rng(4)
    seen = 0
    for _ in range(100):
        counts = generator.poisson(mean).astype(float)
        found, _ = search(
            X, counts, np.maximum(counts, 1)[None], widths=(0.05, 1.0), false_alarm=0.01
        )
        seen += any(abs(c.position - 30.013) < 0.1 for c in found)
    assert least <= seen / 100 <= most


def test_a_series_is_followed_with_peaks_that_come_and_go():
    frames = 6
    rows = []
    for f in range(frames):
        peaks = [
            Peak(area=300, position=24.0 + 0.05 * f, fwhm=0.2, form=0.5),
            Peak(area=250, position=33.0, fwhm=0.25, form=0.5),
        ]
        if f >= 3:
            peaks.append(Peak(area=200, position=28.0, fwhm=0.2, form=0.5))
        if f == 2:
            peaks = peaks[:1]
        rows.append(np.random.default_rng(f).poisson(mean_of(peaks, 1.54)).astype(float))
    profile = series(np.array(rows), np.sqrt(np.mean(rows, axis=0) + 1), 1.54)
    before = profile.copy(deep=True)
    result = xk.fit_peaks(profile)
    assert profile.identical(before)
    assert result.position.dims == ("frame", "peak")
    assert result.sizes["peak"] == 3
    np.testing.assert_allclose(result.position[:, 0], 24.0 + 0.05 * np.arange(frames), atol=0.01)
    assert list(np.isfinite(result.area[:, 1].values)) == [False] * 3 + [True] * 3
    assert list(np.isfinite(result.area[:, 2].values)) == [True, True, False, True, True, True]
    assert result.peak_verdict.values[0, 1] == "absent"
    assert result.group.values[0, 1] == -1


def test_positions_that_are_given_are_the_only_peaks_and_may_be_absent():
    spec = xk.PeakSpec(positions=(36.02, 33.0, 26.0))
    result = xk.fit_peaks(pattern(mean_of(), 1), spec)
    assert result.sizes["peak"] == 3
    np.testing.assert_allclose(result.position, [36.0, np.nan, 26.0], atol=0.01)


def test_profiles_in_q_and_their_d():
    q = np.linspace(5, 40, 2000)
    shape = peak_curve("pseudo_voigt", q - 20.0, 0.3, 0.5)[0]
    mean = 100 + 500 * shape
    counts = np.random.default_rng(1).poisson(mean).astype(float)
    profile = xk.profile(q, counts, np.sqrt(mean), unit="1/nm", intensity_unit="count")
    result = xk.fit_peaks(profile)
    assert result.position.item() == pytest.approx(20.0, abs=4 * result.position_sigma.item())
    assert result.position.attrs["units"] == "1/nm"
    assert result.position_d.item() == pytest.approx(2 * np.pi / result.position.item())
    ratio = result.position_d_sigma / result.position_d
    assert float(ratio[0]) == pytest.approx(float(result.position_sigma[0] / result.position[0]))


def test_wide_bins_do_not_widen_peaks():
    """With the spread of the pixels of each bin known, the width is that before binning."""
    fine = np.arange(20.0, 40.0, 0.005)
    wide = fine.reshape(-1, 20)
    peak = Peak(area=500, position=30.0, fwhm=0.2, form=0.5)
    values = (
        np.interp(fine, X, BACKGROUND) + peak_curve("pseudo_voigt", fine - 30.0, 0.2, 0.5)[0] * 500
    )
    profile = xk.pattern(
        wide.mean(axis=1), values.reshape(wide.shape).mean(axis=1), wavelength=1.54
    )
    label = {"units": "degree", "long_name": "spread"}
    spread = profile.assign(two_theta_spread=("two_theta", wide.std(axis=1), label))
    spec = xk.PeakSpec(positions=(peak.position,))
    with_spread, without = xk.fit_peaks(spread, spec), xk.fit_peaks(profile, spec)
    assert with_spread.fwhm.item() == pytest.approx(0.2, rel=0.01)
    assert without.fwhm.item() > 0.204


def test_named_sources_are_told_and_common_ones_shift_all_areas():
    mean = mean_of(wavelength=1.54)
    clean = pattern(mean, 3, 1.54)
    single = {"counting": 0.8 * np.sqrt(mean), "dark": 0.6 * np.sqrt(mean)}
    profile = named(clean, single, {"transmission": 0.05 * clean.intensity.values})
    result = xk.fit_peaks(profile)
    assert list(result.source.values) == ["counting", "dark", "transmission"]
    for name in ("position", "area", "fwhm"):
        errors = result[f"{name}_errors"]
        assert errors.dims == ("source", "peak")
        np.testing.assert_allclose(
            np.sqrt((errors**2).sum("source")), result[f"{name}_sigma"], rtol=1e-6
        )
    share = result.area_errors.sel(source="transmission") / result.area
    np.testing.assert_allclose(share, 0.05, rtol=0.05)
    assert np.all(np.abs(result.position_errors.sel(source="transmission")) < 1e-3)


def test_pulls_have_unit_width_where_neighbours_share_errors():
    """120 patterns with noise of bins three bins wide; without the covariance they would be 1.6."""
    peaks = [Peak(area=300, position=30.0, fwhm=0.3, form=0.5)]
    mean = mean_of(peaks, 1.54)
    near = (X > 26) & (X < 34)
    smoothed = Smoothed(np.sqrt(mean), width=3.0)
    rows = mean + smoothed.draw(np.random.default_rng(8), 120)
    profile = series(rows, np.sqrt(mean), 1.54)
    profile = named(profile, {"counting": np.sqrt(mean)}, band=smoothed.band)
    spec = xk.PeakSpec(positions=(30.0,), range=(float(X[near][0]), float(X[near][-1])))
    result = xk.fit_peaks(profile, spec)
    for name, value in truth(peaks[0]).items():
        pull = ((result[name] - value) / result[f"{name}_sigma"]).values
        # The width of 120 pulls has an error of 0.065.
        assert np.nanstd(pull) == pytest.approx(1.0, abs=0.2), name
    assert float(result.gof.mean()) == pytest.approx(1.0, abs=0.05)


def test_results_are_kept(tmp_path):
    result = xk.fit_peaks(pattern(mean_of(), 1))
    assert store.load(store.save(result, tmp_path / "peaks.nc").path).identical(
        store.load(tmp_path / "peaks.nc")
    )
    assert result.identical(xk.fit_peaks(pattern(mean_of(), 1)))


def test_a_frame_without_data_leaves_nothing_and_says_so():
    rows = np.stack([mean_of(), np.full(X.size, np.nan)])
    result = xk.fit_peaks(series(rows, np.sqrt(BACKGROUND)))
    assert np.isnan(result.position.values[1]).all()
    assert result.verdict.values[1] == "not_converged"
    assert "only 0 points" in result.verdict_reason.values[1]


def test_a_wrong_shape_is_told():
    box = BACKGROUND + 2000 * (np.abs(X - 30) < 0.5)
    result = xk.fit_peaks(pattern(box, 1), xk.PeakSpec(positions=(30.0,)))
    assert result.peak_verdict.values[0] == "misfit"
    assert result.verdict.item() == "misfit"


@pytest.mark.parametrize(
    "settings",
    [
        {"shape": "voigt"},
        {"range": (30, 20)},
        {"widths": (0.0, -1.0)},
        {"false_alarm": 0.0},
        {"reach": 1.0},
        {"background": 0},
        {"positions": ()},
        {"most_peaks": True},
    ],
)
def test_settings_that_make_no_sense(settings):
    with pytest.raises(SpecError):
        xk.PeakSpec(**settings)


def test_profiles_that_cannot_be_used():
    good = pattern(mean_of(), None)
    with pytest.raises(SpecError, match="holds no point"):
        xk.fit_peaks(good, xk.PeakSpec(range=(80, 90)))
    with pytest.raises(SpecError, match="position"):
        xk.fit_peaks(good, xk.PeakSpec(positions=(80.0,)))
    bare = xk.profile(X, BACKGROUND, unit="1/nm")
    with pytest.raises(CurveError, match="no sigma"):
        xk.fit_peaks(bare)


@pytest.mark.parametrize("size", [1e-12, 1e-3])
def test_bumps_of_noise_are_no_peaks_whatever_the_errors_say(size):
    rows = mean_of() + 12.0 * np.random.default_rng(3).standard_normal(X.size)
    honest = xk.pattern(X, rows, np.full(X.size, 12.0), wavelength="CuKa")
    wrong = honest.assign(sigma=honest.sigma.copy(data=np.full(X.size, size)))
    expected, found = xk.fit_peaks(honest), xk.fit_peaks(wrong)
    assert found.sizes["peak"] == expected.sizes["peak"] == len(PEAKS)
    off = found.position.values - expected.position.values
    assert np.all(np.abs(off) < 0.1 * expected.position_sigma.values)
    ratio = found.position_sigma.values / expected.position_sigma.values
    assert np.all(np.abs(ratio - 1) < 0.05)
    assert "times more than their errors say" in found.verdict_reason.item()
    assert "times more" not in expected.verdict_reason.item()
    # Neither the goodness of fit nor the significance says that there are 1e12 counts.
    assert found.gof.item() > 1e3
    np.testing.assert_allclose(found.significance, expected.significance, rtol=0.15)


def test_compiled_peaks_are_those_of_the_shapes():
    rng = np.random.default_rng(0)
    x = np.linspace(20, 24, 401)
    for _ in range(5):
        centre, width, form, lean, area = rng.uniform([21, 0.1, 0, -0.5, 10], [23, 0.5, 1, 0.5, 99])
        curves = peak_curve("split_pseudo_voigt", x - centre, width, form, lean)
        total = np.ones(x.size)
        add_peak(x, centre, width, form, lean, area, total)
        np.testing.assert_allclose(total, 1 + area * curves[0], rtol=1e-12)
        out, factors = np.zeros((6, x.size)), rng.uniform(1, 2, 5)
        add_slopes(x, centre, width, form, lean, factors, np.array([4, 0, -1, 2, 5]), out)
        for row, number in ((4, 0), (0, 1), (2, 3), (5, 4)):
            wanted = factors[number] * curves[number]
            np.testing.assert_allclose(out[row], wanted, rtol=1e-9, atol=1e-12)
        assert not out[[1, 3]].any()


def test_what_is_no_spec_is_refused():
    with pytest.raises(SpecError, match=r"spec is a PeakSpec, not \{\}"):
        xk.fit_peaks(pattern(mean_of(), seed=3), {})
