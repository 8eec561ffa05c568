"""Pictures of phase fits, series of them and fitted peaks say what they show, and hide nothing."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.text import Annotation, Text

import xrdkit as xk
from xrdkit.errors import SpecError
from xrdkit.report import plot_peaks, plot_phase_series, plot_phases, write_report
from xrdkit.report.pattern_axes import broken, root_ticks
from xrdkit.report.phase_series_figure import flagged
from xrdkit.report.residual import gap_starts


def words(figure):
    figure.draw_without_rendering()
    return [t.get_text() for t in figure.findobj(Text) if t.get_text()]


def curves(axes, label):
    return next(line for line in axes.get_lines() if line.get_label() == label)


def main_axes(figure):
    return next(a for a in figure.axes if "intensity" in a.get_ylabel())


def residual_axes(figure):
    return next(a for a in figure.axes if a.get_ylabel().startswith(("residual", "difference")))


@pytest.fixture(scope="module")
def peaks():
    x = np.linspace(30, 50, 1001)
    rng = np.random.default_rng(5)
    model = 40 + sum(900 * np.exp(-(((x - c) / 0.12) ** 2)) for c in (33.0, 38.5, 46.0))
    counts = rng.poisson(model).astype(float)
    return xk.fit_peaks(xk.pattern(x, counts, np.sqrt(counts + 1), wavelength=1.54))


def test_weight_fractions_stand_with_their_errors_above_the_picture(phases):
    data = phases(1)
    data["weight_fraction"].values[0] = (0.31234, 0.68766)
    found = words(plot_phases(data))
    assert "Pt 31.23 ± 0.40 wt%" in found
    assert "C 68.77 ± 0.40 wt%" in found


def test_a_single_phase_has_no_fraction(phases):
    assert not any("wt%" in w for w in words(plot_phases(phases(1, names=("Pt",)))))


def test_a_fit_that_is_not_ok_says_so_in_the_picture(phases):
    found = words(plot_phases(phases(20), frame=6))
    assert any(w.startswith("Rwp 3.") and w.endswith(", misfit") for w in found)


def test_the_difference_is_plain_where_asked(phases):
    data = phases(1)
    axes = residual_axes(plot_phases(data, difference="plain"))
    assert axes.get_ylabel() == "difference\n(counts)"
    wanted = (data["intensity"] - data["intensity_calculated"]).values[0]
    np.testing.assert_allclose(axes.get_lines()[1].get_ydata(), wanted)


def test_zoom_shows_that_part_alone(phases):
    figure = plot_phases(phases(1), zoom=(25.0, 30.0))
    x = curves(main_axes(figure), "observed").get_xdata()
    assert x.min() >= 25.0
    assert x.max() <= 30.0
    low, high = main_axes(figure).get_xlim()
    assert 24.8 < low < 25.0
    assert 30.0 < high < 30.2


@pytest.mark.parametrize(
    "settings",
    [{"zoom": (70.0, 80.0)}, {"scale": "log"}, {"difference": "relative"}],
    ids=["no points", "scale", "difference"],
)
def test_what_cannot_be_drawn_is_refused(phases, settings):
    with pytest.raises(SpecError):
        plot_phases(phases(1), **settings)


@pytest.mark.parametrize(("scale", "said"), [("root", True), ("linear", False)])
def test_the_scale_can_be_chosen_and_is_named(phases, scale, said):
    data = phases(1)
    data["intensity"].values[0, 100] = 1e6 if scale == "linear" else 300.0
    label = main_axes(plot_phases(data, scale=scale)).get_ylabel()
    assert ("square-root scale" in label) is said


def test_no_line_crosses_a_gap(phases):
    data = phases(1).isel(q=np.r_[0:200, 300:500])
    figure = plot_phases(data)
    x = curves(main_axes(figure), "calculated").get_xdata()
    y = curves(main_axes(figure), "calculated").get_ydata()
    assert np.isnan(y[200])
    assert x[199] < x[200] < x[201]
    assert np.isfinite(np.delete(y, 200)).all()
    assert np.isnan(residual_axes(figure).get_lines()[1].get_ydata()[200])


def test_changing_steps_are_no_gaps():
    steps = np.concatenate([np.full(300, 0.01), np.full(300, 0.03)])
    x = np.cumsum(steps)
    assert gap_starts(x).size == 0
    assert broken(x, x)[0] is x


def test_points_beyond_the_axis_of_the_residual_are_marked(phases):
    data = phases(1, points=2000)
    data["intensity"].values[0, 700] += 1e4 * data["sigma"].values[0, 700]
    data["intensity"].values[0, 900] -= 1e4 * data["sigma"].values[0, 900]
    axes = residual_axes(plot_phases(data))
    marks = {line.get_marker(): line.get_xdata() for line in axes.get_lines()}
    np.testing.assert_allclose(marks["^"], data["q"].values[700])
    np.testing.assert_allclose(marks["v"], data["q"].values[900])


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (3.0, 8000.0), (0.0, 2.5e6), (90.0, 110.0)])
def test_ticks_of_a_square_root_axis_are_round_and_apart(low, high):
    ticks = np.array(root_ticks(low, high))
    assert ticks.size >= 1
    assert ticks.min() >= low
    assert ticks.max() <= high
    first = ticks[ticks > 0] / 10.0 ** np.floor(np.log10(ticks[ticks > 0]) + 1e-9)
    assert set(np.round(first, 6)) <= {1.0, 2.0, 5.0}
    apart = np.diff(np.sqrt(ticks)) / (np.sqrt(high) - np.sqrt(low))
    assert (apart >= 0.085 - 1e-12).all()


def test_series_stands_beside_its_map(phases):
    found = words(plot_phase_series(phases(20)))
    wanted = {
        "time (s)",
        "q (nm⁻¹)",
        "weight fraction\n(%)",
        "change of cell\n(10⁻³)",
        "crystallite size\n(nm)",
        "goodness of fit\n(1 = as noise)",
        "▶ flagged: frame 6",
    }
    assert wanted <= set(found)


def test_frames_are_flagged_by_verdict_and_by_the_series(phases):
    data = phases(20)
    assert np.flatnonzero(flagged(data)).tolist() == [6]
    text = np.array([""] * 20, dtype="<U40")
    text[11] = "step in a of Pt (7.0 standard errors)"
    data["frame_flag"] = ("frame", text)
    assert np.flatnonzero(flagged(data)).tolist() == [6, 11]
    assert "▶ flagged: frames 6, 11" in words(plot_phase_series(data))


def test_clean_series_has_no_flag(phases):
    assert not any("flagged" in w for w in words(plot_phase_series(phases(5))))


def test_cells_are_drawn_as_their_change(phases):
    data = phases(5)
    data["lattice"].values[:, 0] = (0.4 * (1 + 1e-3 * np.arange(5)))[:, None]
    axes = next(
        a for a in plot_phase_series(data).axes if a.get_xlabel().startswith("change of cell")
    )
    np.testing.assert_allclose(axes.get_lines()[0].get_xdata(), np.arange(5), atol=1e-9)


def test_a_coordinate_that_comes_back_is_not_an_axis(phases):
    found = words(plot_phase_series(phases(20), against="cell_voltage"))
    assert "frame" in found
    assert "cell voltage (V)" not in found


@pytest.mark.parametrize("failed", [[0], [0, 1, 2]], ids=["first", "all"])
def test_series_with_failed_fits_is_drawn(phases, failed):
    found = words(plot_phase_series(phases(3, failed=failed)))
    assert any(w.startswith("▶ flagged") for w in found)


def test_narrow_line_keeps_its_brightness_in_the_map(phases):
    data = phases(4, points=6000)
    data["intensity"].values[2, 3000] = 1e5
    image = plot_phase_series(data).axes[0].collections[0].get_array()
    assert image[2].max() == 1e5


def test_series_leaves_its_argument_alone(phases, peaks):
    for data, plot in ((phases(4), plot_phase_series), (peaks, plot_peaks)):
        before = data.copy(deep=True)
        plot(data)
        assert data.identical(before)


def test_peaks_are_named_by_their_place(peaks):
    figure = plot_peaks(peaks)
    found = words(figure)
    named = sorted(float(t.get_text()) for t in figure.findobj(Annotation))
    np.testing.assert_allclose(named, [33.0, 38.5, 46.0], atol=0.02)
    assert {"observed", "calculated", "background", "peaks", "residual (σ)"} <= set(found)


def test_doubtful_peaks_have_another_colour(peaks):
    data = peaks.copy(deep=True)
    data["peak_verdict"] = data["peak_verdict"].astype("<U20")
    data["peak_verdict"].values[1] = "at_bound"
    strip = next(a for a in plot_peaks(data).axes if not a.axison)
    good, bad = strip.get_lines()
    assert good.get_xdata().size == 2
    np.testing.assert_allclose(bad.get_xdata(), data["position"].values[1])


def test_page_shows_peaks_and_flags(phases, peaks, tmp_path):
    data = phases(8)
    text = np.array([""] * 8, dtype="<U60")
    text[4] = "step in a of <Pt> (7.0 standard errors)"
    data["frame_flag"] = xr.Variable("frame", text)
    results = {"waxs.phases": data, "waxs.peaks": peaks}
    html = write_report(results, tmp_path / "page.html", title="t").read_text()
    assert "Flagged frames" in html
    assert "step in a of &lt;Pt&gt; (7.0 standard errors)" in html
    assert "FWHM (°)" in html
    assert "has no picture here" not in html
