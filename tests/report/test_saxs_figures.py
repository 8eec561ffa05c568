"""Figures and parts of the page about small angles: what is drawn is what the result says."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.text import Text

import xrdkit as xk
from xrdkit import provenance
from xrdkit.errors import SchemaError, SpecError
from xrdkit.report import (
    plot_model,
    plot_orientation,
    plot_size_methods,
    plot_size_series,
    plot_sizes,
)
from xrdkit.report.canvas import inline_svg
from xrdkit.report.markup import element
from xrdkit.report.page import page
from xrdkit.report.pictures import Pictures
from xrdkit.report.saxs_section import has_numbers, saxs_part
from xrdkit.schema import ORIENTATION, SCATTERING_MODEL, validate


def words(figure):
    assert isinstance(figure, Figure)
    assert inline_svg(figure, "f").startswith("<svg")
    return [t.get_text() for t in figure.findobj(Text) if t.get_text()]


def variable(dims, values, units, name="number"):
    return (dims, np.asarray(values), {"units": units, "long_name": name})


def labels(axes):
    return [line.get_label() for line in axes.get_lines()]


def held(data, kind):
    data = provenance.append(data.assign_attrs(schema=kind.name), "simulate", {}, inputs=["a" * 64])
    return validate(data, kind)


@pytest.fixture
def two(sizes):
    """A fit of two populations with their curves and a band of the distribution."""
    data = sizes(3)
    half = data["intensity_calculated"].values / 2
    data["population_intensity"] = variable(
        ("frame", "population", "q"), np.stack([half, half], axis=1), "1/cm"
    )
    means = np.stack([data["mean_radius_volume"].values * f for f in (0.8, 1.5)], axis=1)
    data["population_mean_radius_volume"] = variable(("frame", "population"), means, "nm")
    data["distribution_volume_sigma"] = variable(
        ("frame", "radius"), 0.1 * data["distribution_volume"].values + 0.01, "1/nm"
    )
    data["trust_radius_low"] = variable((), 1.2, "nm")
    data["trust_radius_high"] = variable((), 30.0, "nm")
    return data.assign_coords(population=[0, 1])


def test_populations_band_and_untold_radii_are_drawn(two):
    found = words(plot_sizes(two, frame=1))
    assert {"population 0", "population 1", "± 1 sigma of the\nsmoothed distribution"} <= set(found)
    assert found.count("not told by q") == 1
    assert {"0", "1"} <= set(found)  # as in "population 0" of table and legend
    figure = plot_sizes(two, frame=1)
    curve = figure.axes[1]
    at = labels(curve).index("population 1")
    np.testing.assert_array_equal(
        curve.get_lines()[at].get_ydata(), two["population_intensity"].values[1, 1]
    )


def test_a_fit_without_extras_has_none(sizes):
    found = words(plot_sizes(sizes(1)))
    assert not any("population" in w or "smoothed" in w or "not told" in w for w in found)


def test_points_at_or_below_zero_are_counted(sizes):
    data = sizes(1)
    data["intensity"].values[0, -7:] = -1e-3
    found = words(plot_sizes(data))
    assert "data ± 1 sigma\n(7 points ≤ 0 not shown)" in found
    assert plot_sizes(data).axes[1].get_yscale() == "log"


def test_noise_around_zero_does_not_set_the_axis(sizes):
    data = sizes(1)
    data["intensity"].values[0, -40:] = 1e-12
    low, _ = plot_sizes(data).axes[1].get_ylim()
    assert low > 1e-5


def test_a_doubtful_verdict_is_on_the_picture(sizes):
    data = sizes(2)
    data["verdict"].values[1] = "misfit"
    assert "verdict: misfit" in words(plot_sizes(data, frame=1))
    assert not any("verdict" in w for w in words(plot_sizes(data, frame=0)))


def test_without_sigma_the_difference_is_in_percent(sizes):
    data = sizes(1).drop_vars("sigma")
    assert "difference\n(% of fit)" in words(plot_sizes(data))
    below = plot_sizes(data).axes[0]
    drawn = np.nanmax(np.abs(below.get_lines()[1].get_ydata()))
    one = data.isel(frame=0)
    calculated = one["intensity_calculated"].values
    wanted = np.max(100 * np.abs(one["intensity"].values - calculated) / calculated)
    assert drawn == pytest.approx(wanted)


def test_the_residual_of_a_curve_over_decades_has_no_gaps(sizes):
    data = sizes(1, points=700)
    q = np.geomspace(1e-3, 5, 700)
    data = data.assign_coords(q=("q", q, dict(data["q"].attrs)))
    line = plot_sizes(data).axes[0].get_lines()[1].get_ydata()
    assert np.isfinite(line).sum() == 700
    assert line.size == 700
    assert (
        plot_sizes(data.isel(q=(q < 0.1) | (q > 0.5))).axes[0].get_lines()[1].get_ydata().size
        == int(((q < 0.1) | (q > 0.5)).sum()) + 1
    )


def test_a_wide_distribution_has_a_logarithmic_axis(sizes):
    data = sizes(1)
    assert plot_sizes(data).axes[2].get_xscale() == "linear"
    flat = np.ones(data.sizes["radius"])
    data["distribution_volume"].values[0] = flat
    assert plot_sizes(data).axes[2].get_xscale() == "log"


def test_a_series_is_a_waterfall_beside_its_numbers(sizes):
    data = sizes(40)
    figure = plot_size_series(data)
    found = words(figure)
    assert {"particle radius (nm)", "mean radius (nm)", "width (std. dev.) (nm)"} <= set(found)
    left = figure.axes[0]
    curves = [line for line in left.get_lines() if len(line.get_xdata()) > 2]
    assert len(curves) == 15
    ticks = [float(t.get_text()) for t in left.get_yticklabels()]
    assert ticks[0] == 0
    assert ticks == sorted(ticks)
    assert left.get_ylabel() in ("time (s)", "time (min)")


def test_trends_are_drawn_where_the_result_has_them(sizes):
    data = sizes(12)
    before = plot_size_series(data).axes[1]
    data["mean_radius_volume_trend"] = data["mean_radius_volume"].copy()
    data["mean_radius_volume_trend_sigma"] = data["mean_radius_volume_sigma"].copy()
    after = plot_size_series(data).axes[1]
    assert "trend" in labels(after)
    assert "trend" not in labels(before)


def test_a_series_that_failed_is_drawn(sizes):
    assert "no distribution" in words(plot_size_series(sizes(3, failed=[0, 1, 2])))


def test_methods_stand_side_by_side_with_what_they_differ_by(sizes):
    one = sizes(1).isel(frame=0, drop=True)
    names = ("mean_radius_volume", "width_volume", "volume_fraction")
    kept = ["distribution_volume", "intensity_calculated", "gof", *names]
    kept += [f"{n}_sigma" for n in names]
    both = xr.concat([one[kept], one[kept] * 1.1], dim="size_method", data_vars="all")
    for name in kept:
        both[name].attrs = one[name].attrs
    both = both.assign_coords(size_method=["lognormal", "maxent"])
    both["radius"].attrs = one["radius"].attrs
    both["q"].attrs = one["q"].attrs
    for name in names:
        both[f"{name}_total_sigma"] = both[f"{name}_sigma"].copy()
        both[f"{name}_method_spread"] = one[name] * 0.1
        both[f"{name}_method_spread"].attrs = one[name].attrs
    both = both.assign(intensity=one["intensity"])
    both["verdict"] = both["gof"].astype(str).assign_attrs(one["verdict"].attrs)
    both["mean_radius_volume_total_sigma"] *= 3
    both["volume_fraction"] *= np.nan
    figure = plot_size_methods(both)
    found = words(figure)
    assert {"lognormal", "maxent", "mean radius, volume-weighted (nm)"} <= set(found)
    assert not any("volume fraction" in w for w in found)  # unknown in both
    assert len(figure.axes) == 3
    spans = [np.ptp(s[:, 0]) for c in figure.axes[1].collections for s in c.get_segments()]
    assert max(spans) == pytest.approx(6 * float(both["mean_radius_volume_sigma"][1]))
    data = both.assign_attrs(schema="xrdkit/size_methods/1")
    text = element("div", *saxs_part(data, Pictures())).html
    assert "spread between methods" in text


# Models and orientation


@pytest.fixture
def model():
    q = np.geomspace(0.05, 3, 90)
    parts = np.stack([100 * np.exp(-(q**2) * 30), np.full(90, 0.3)])
    total = parts.sum(axis=0)
    names = ["radius_of_gyration", "flat"]
    data = xr.Dataset(
        {
            "parameter_value": variable("parameter", [9.5, 0.3], ""),
            "parameter_sigma": variable("parameter", [0.12, np.nan], ""),
            "parameter_covariance": variable(("parameter", "parameter_2"), np.eye(2), ""),
            "parameter_verdict": ("parameter", ["ok", "ok"], {"long_name": "verdict"}),
            "component_intensity": variable(("component", "q"), parts, "1/cm"),
            "component_verdict": ("component", ["ok", "ok"], {"long_name": "verdict"}),
            "intensity": variable("q", total * 1.01, "1/cm"),
            "sigma": variable("q", 0.02 * total, "1/cm"),
            "intensity_calculated": variable("q", total, "1/cm"),
            "gof": variable((), 0.5, "1"),
            "sigma_scale": variable((), 1.0, "1"),
            "verdict": ((), "ok"),
            "verdict_reason": ((), "", {"long_name": "reason"}),
        },
        {
            "q": variable("q", q, "1/nm"),
            "parameter": names,
            "parameter_2": names,
            "parameter_unit": ("parameter", ["nm", "1/cm"], {"long_name": "unit"}),
            "component": ["guinier", "flat"],
        },
    )
    return held(data, SCATTERING_MODEL)


def test_a_model_shows_components_and_numbers(model):
    found = words(plot_model(model))
    assert {"guinier", "flat", "fit", "Parameters", "residual (σ)"} <= set(found)
    assert "9.50 ± 0.12 nm" in found
    assert "0.3 (no error) cm⁻¹" in found


def test_a_model_of_one_component_does_not_draw_it_twice(model):
    one = model.isel(component=[0])
    assert "guinier" not in words(plot_model(one))


def test_numbers_that_are_not_there_have_no_heading(model):
    nothing = model.assign_coords(derived=["specific_surface"], derived_unit=("derived", ["1/nm"]))
    nothing["derived_value"] = ("derived", [np.nan], {"units": "1", "long_name": "value"})
    nothing["derived_sigma"] = ("derived", [np.nan], {"units": "1", "long_name": "error"})
    assert "What follows" not in words(plot_model(nothing))
    told = nothing.assign(derived_value=nothing["derived_value"].fillna(2.0))
    assert "What follows" in words(plot_model(told))


@pytest.fixture
def oriented():
    chi = np.arange(-177.5, 180, 5.0)
    curve = 1 + 3 * np.cos(np.radians(chi - 30)) ** 2
    data = xr.Dataset(
        {
            **{
                name + suffix: variable("frame", [value, value], unit)
                for name, value, unit in (
                    ("mean_angle", 30.0, "degree"),
                    ("hermans", 0.4, "1"),
                    ("fraction_oriented", 0.6, "1"),
                    ("full_width", 80.0, "degree"),
                )
                for suffix in ("", "_sigma")
            },
            "intensity": variable(("frame", "azimuth"), [curve, curve], "count"),
            "sigma": variable(("frame", "azimuth"), [0.1 + 0 * chi] * 2, "count"),
            "intensity_calculated": variable(("frame", "azimuth"), [curve, curve], "count"),
            "p_isotropic": variable("frame", [1e-9, 1e-9], "1"),
            "gof": variable("frame", [1.0, 1.1], "1"),
            "verdict": ("frame", ["ok", "misfit"]),
            "verdict_reason": ("frame", ["", "several directions"], {"long_name": "reason"}),
        },
        {"azimuth": variable("azimuth", chi, "degree"), "frame": [0, 1]},
    )
    for name in ("mean_angle", "hermans"):
        data[f"{name}_sigma"].values[:] = 0.02
    return held(data, ORIENTATION)


def test_orientation_shows_the_axis_and_its_opposite(oriented):
    figure = plot_orientation(oriented)
    assert "axis 30.000 ± 0.020°" in words(figure)
    upright = [
        line.get_xdata()[0] for line in figure.axes[1].get_lines() if len(line.get_xdata()) == 2
    ]
    assert upright == [-150.0, 30.0, 210.0]
    assert "verdict: misfit" in words(plot_orientation(oriented, frame=1))


def test_the_page_has_all_of_them(model, oriented, sizes):
    text = page(
        {"saxs.sizes": sizes(6), "saxs.model": model, "waxs.orientation": oriented}, title="a test"
    )
    assert "Volume-weighted size distributions along the series" in text
    assert "<h3>Model</h3>" in text
    assert "<h3>Orientation</h3>" in text
    assert "several directions" in text
    assert "0.400 ± 0.020" in text
    assert "has no picture here" not in text


def test_numbers_of_other_results_are_listed():
    data = xr.Dataset(
        {
            "invariant": variable((), 2.5, "1/cm/nm3"),
            "invariant_sigma": variable((), 0.1, "1/cm/nm3"),
            "verdict": ((), "ok"),
        }
    )
    data.attrs["schema"] = "xrdkit/invariant/1"
    assert has_numbers(data)
    text = element("div", *saxs_part(data, Pictures())).html
    assert "<h3>Invariant</h3>" in text
    assert "2.50 ± 0.10" in text
    assert not has_numbers(data.drop_vars("invariant_sigma"))


@pytest.mark.parametrize(
    "plot",
    [plot_model, plot_orientation, plot_size_methods, plot_size_series, plot_sizes],
    ids=lambda plot: plot.__name__,
)
def test_figures_refuse_what_they_do_not_show(plot):
    q = np.geomspace(0.05, 4.0, 60)
    curve = xk.profile(q, np.exp(-(q**2)), 0.01 + 0 * q, unit="1/nm")
    for other in (curve, xk.guinier(curve), None):
        with pytest.raises(SchemaError):
            plot(other)


@pytest.mark.parametrize("frame", [1, -2, "x", 0.0], ids=str)
def test_figures_refuse_a_frame_that_is_not_there(frame):
    q = np.geomspace(0.05, 4.0, 60)
    fit = xk.fit_sizes(xk.profile(q, np.exp(-(q**2)), 0.01 + 0 * q, unit="1/nm"))
    assert words(plot_sizes(fit, frame=-1))
    with pytest.raises(SpecError, match="frame"):
        plot_sizes(fit, frame=frame)
