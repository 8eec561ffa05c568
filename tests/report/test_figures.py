"""Every figure is a matplotlib Figure with the right words on it."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.text import Text

from xrdkit.masks import MaskReason
from xrdkit.report import plot_frame, plot_phases, plot_profile, plot_series, plot_sizes
from xrdkit.report.canvas import inline_svg
from xrdkit.report.comparison_figure import comparison, comparison_figure


def words(figure):
    assert isinstance(figure, Figure)
    svg = inline_svg(figure, "f")
    assert svg.startswith("<svg viewBox=")
    assert svg.endswith("</svg>")
    found = [t.get_text() for t in figure.findobj(Text)]
    return [w for w in found if w]


def test_frame_names_reasons_and_axes(frames, calibration):
    found = words(plot_frame(frames(1), calibration=calibration()))
    assert "As recorded" in found
    assert "As used: 95.6 % of the pixels" in found
    assert "beamstop: 437 px" in found
    assert "module gap: 4,098 px" in found
    assert "x (pixel)" in found
    assert "counts per pixel" in found
    assert "50 nm⁻¹" in found


def test_mask_given_in_addition_is_counted(frames):
    mask = xr.DataArray(np.zeros((300, 340), dtype=bool), dims=("y", "x"))
    mask[200:210, 200:210] = True
    assert "user's mask: 100 px" in words(plot_frame(frames(1), mask=mask))


def test_a_frame_without_counts_is_drawn(frames):
    data = frames(1).drop_vars("mask")
    data["counts"].values[:] = 0
    assert "As used: all pixels" in words(plot_frame(data))


def test_a_frame_masked_everywhere_is_drawn(frames):
    data = frames(1)
    data["mask"].values[:] = MaskReason.USER
    assert "As used: 0.0 % of the pixels" in words(plot_frame(data))


def test_single_profile_has_band_and_units(profile):
    found = words(plot_profile(profile(None)))
    assert {"± 1 sigma", "q (nm⁻¹)", "intensity (counts)"} <= set(found)


def test_series_of_profiles_is_curves_and_a_map(profile):
    found = words(plot_profile(profile(20)))
    assert {"Curves along the series", "All 20 frames", "time (s)", "19"} <= set(found)


def test_one_frame_of_a_series_can_be_asked_for(profile):
    assert "± 1 sigma" in words(plot_profile(profile(20), frame=3))


def test_two_theta_profile_says_so(profile):
    data = profile(None).rename(q="two_theta")
    data["two_theta"].attrs.update(units="degree")
    assert "2θ (°)" in words(plot_profile(data))


def test_phases_show_curves_marks_and_residual(phases):
    found = words(plot_phases(phases(3), frame=1))
    wanted = {"observed", "calculated", "background", "residual (σ)", "Pt", "C", "q (nm⁻¹)"}
    assert wanted <= set(found)


def test_reflections_by_number_of_the_phase(phases):
    data = phases(3)
    owner = xr.DataArray([0] * 7 + [1] * 2, dims="reflection")
    by_number = plot_phases(data.assign_coords(reflection_phase=owner))
    assert inline_svg(by_number, "f") == inline_svg(plot_phases(data), "f")


def test_without_sigma_no_error_is_made_up(phases):
    found = words(plot_phases(phases(1).drop_vars("sigma")))
    assert "difference\n(counts)" in found
    assert "residual (σ)" not in found


def test_without_reflections_there_are_no_marks(phases):
    data = phases(1).drop_vars(["reflection_position", "reflection_phase"])
    assert "Pt" not in words(plot_phases(data))


def test_towering_line_gets_a_square_root_axis_that_says_so(phases):
    data = phases(1)
    data["intensity"].values[0, 100] = 1e6
    assert "intensity (counts), square-root scale" in words(plot_phases(data))


def test_sizes_name_the_weighting_with_the_mean(sizes):
    found = words(plot_sizes(sizes(3)))
    assert "particle radius (nm)" in found
    assert "intensity (cm⁻¹)" in found
    assert "data ± 1 sigma" in found
    assert any(w.startswith("volume-weighted\nmean 1.6") for w in found)
    assert any(w.startswith("number-weighted\nmean 1.3") for w in found)


def test_only_the_distributions_of_the_result_are_drawn(sizes):
    found = words(plot_sizes(sizes(1).drop_vars("distribution_number")))
    assert not any("number-weighted" in w for w in found)


@pytest.mark.parametrize("frame", [0, 1])
def test_failed_fit_is_drawn_without_a_curve(sizes, phases, frame):
    assert "no distribution" in words(plot_sizes(sizes(2, failed=[0, 1]), frame=frame))
    assert "observed" in words(plot_phases(phases(2, failed=[0, 1]), frame=frame))


def test_series_of_phases_has_a_panel_for_each_kind(phases):
    found = set(words(plot_series(phases(20))))
    wanted = {
        "crystallite size (nm)",
        "weight fraction (%)",
        "Pt lattice a (nm)",
        "C lattice c (nm)",
        "strain (10⁻³)",
        "Rwp (%)",
        "goodness of fit",
        "time (s)",
        "cell voltage (V)",
    }
    assert wanted <= found
    assert "Pt lattice b (nm)" not in found


def test_series_against_another_coordinate(sizes):
    found = words(plot_series(sizes(20), against="cell_voltage"))
    assert "cell voltage (V)" in found
    assert "time (s)" not in found


def test_long_series_is_dots_and_medians(sizes):
    lines = plot_series(sizes(600)).axes[0].get_lines()
    assert max(len(line.get_xdata()) for line in lines) == 600
    assert min(len(line.get_xdata()) for line in lines) == 60


def test_wild_value_of_a_failed_fit_does_not_set_the_scale(phases):
    data = phases(20)
    data["crystallite_size"].values[6, 0] = 1e6
    assert plot_series(data).axes[0].get_ylim()[1] < 10


def test_comparison_uses_diameters_of_spheres(sizes, phases):
    small, wide = sizes(4), phases(4)
    particles, platinum, carbon = comparison(small, wide)
    np.testing.assert_allclose(particles.value, 2 * small["mean_radius_volume"])
    np.testing.assert_allclose(particles.sigma, 2 * small["mean_radius_volume_sigma"])
    np.testing.assert_allclose(platinum.value, wide["crystallite_size"].isel(phase=0) * 4 / 3)
    assert carbon.label == "C crystals, 4/3 × column length"
    found = words(comparison_figure(small, wide))
    assert {"volume-weighted mean diameter (nm)", "time (s)"} <= set(found)


def test_plots_leave_their_argument_alone(profile, phases, sizes, frames):
    for data, plot in (
        (profile(3), plot_profile),
        (phases(3), plot_phases),
        (sizes(3), plot_sizes),
        (sizes(3), plot_series),
        (frames(2), plot_frame),
    ):
        before = data.copy(deep=True)
        plot(data)
        assert data.identical(before)


def test_notebooks_show_a_figure_as_it_is(profile):
    svg = plot_profile(profile(None))._repr_svg_()
    assert "<svg" in svg
    assert "var(--" not in svg


def test_pyplot_is_not_touched():
    import subprocess
    import sys

    code = "import sys, xrdkit.report; raise SystemExit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_only_the_fitted_part_of_a_pattern_is_shown(phases):
    data = phases(None)
    outside = (data["q"] < 25) | (data["q"] > 50)
    data["intensity"].values[outside.values] = np.nan
    low, high = plot_phases(data).axes[0].get_xlim()
    assert 24 < low < 25.2
    assert 49.8 < high < 51


def test_circles_are_named_inside_the_picture(frames, calibration):
    figure = plot_frame(frames(1), calibration=calibration())
    labels = [t for t in figure.findobj(Text) if t.get_text().endswith(" nm⁻¹")]
    assert len(labels) >= 2
    for label in labels:
        x, y = label.get_position()
        assert 0 < x < 340
        assert 0 < y < 300


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
def test_the_cross_is_where_the_angle_is_smallest(frames, calibration, orientation):
    geometry = calibration()
    detector = replace(geometry.detector, shape=(300, 340), orientation=orientation)
    geometry = replace(geometry, detector=detector, rot1=0.0, rot2=0.0)
    picture = plot_frame(frames(1), calibration=geometry).axes[1]
    (cross,) = [line for line in picture.lines if line.get_marker() == "+"]
    row, column = np.unravel_index(np.argmin(geometry.two_theta((300, 340))), (300, 340))
    assert cross.get_xdata()[0] == pytest.approx(column + 0.5, abs=0.5)
    assert cross.get_ydata()[0] == pytest.approx(row + 0.5, abs=0.5)
