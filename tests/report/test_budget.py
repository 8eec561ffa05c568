"""What the report says of errors, corrections, outliers and the quality of a series."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import xrdkit.report
import xrdkit.report.page as page_module
from xrdkit.geometry import Calibration, Detector
from xrdkit.integration import IntegrationSpec, Normalization, integrate
from xrdkit.integration.outlier_spec import OutlierSpec
from xrdkit.profiles.quality import frame_quality
from xrdkit.report.budget import axis_error, factors, neighbour_correlation, shares
from xrdkit.report.budget_table import budget
from xrdkit.report.markup import join
from xrdkit.report.quality_table import quality_table

SHAPE = (80, 70)


def made(frames=3, level=200.0, scale=None):
    rng = np.random.default_rng(4)
    levels = level * np.array(scale or [1.0] * frames)[:, None, None]
    counts = rng.poisson(np.broadcast_to(levels, (frames, *SHAPE))).astype(np.int32)
    data = xr.Dataset(
        {"counts": (("frame", "y", "x"), counts, {"units": "count", "long_name": "counts"})},
        coords={"frame": ("frame", np.arange(frames), {"long_name": "frame number"})},
        attrs={"schema": "xrdkit/frames/1"},
    )
    data["counts"].attrs["sentinels"] = np.array([], dtype=np.int64)
    return data


def reduced(frames=3, scale=None, **settings):
    spec = IntegrationSpec(bins=30, range=(2.0, 9.0), **settings)
    return integrate(made(frames, scale=scale), calibration(), spec)


def calibration(covariance=None):
    return Calibration(
        distance=0.5,
        poni1=0.04,
        poni2=0.035,
        wavelength=1.0,
        detector=Detector(pixel_size_y=1e-3, pixel_size_x=1e-3, shape=SHAPE),
        covariance=covariance,
    )


def dosed(**settings):
    return reduced(
        normalization=Normalization(
            monitor=(100.0, 110.0, 120.0),
            monitor_sigma=(1.0, 1.1, 1.2),
            transmission=0.5,
            transmission_sigma=0.02,
        ),
        **settings,
    )


def text_of(parts):
    return join(parts).html


def test_shares_are_medians_of_the_sources():
    profile = dosed()
    told = {s.name: s for s in shares(profile)}
    assert list(told) == ["counting", "monitor", "transmission", "total"]
    assert told["monitor"].relative == pytest.approx(0.01, rel=1e-12)
    assert told["transmission"].relative == pytest.approx(0.04, rel=1e-12)
    counts = profile["counts"].values
    counting = float(np.median(1 / np.sqrt(counts[counts > 0])))
    assert told["counting"].relative == pytest.approx(counting, rel=1e-9)
    kinds = [(s.between_bins, s.between_frames) for s in told.values()]
    assert kinds == [
        ("independent", "independent"),
        ("common", "independent"),
        ("common", "common"),
        ("", ""),
    ]
    squares = [told[n].relative ** 2 for n in ("counting", "monitor", "transmission")]
    assert told["total"].relative == pytest.approx(np.sqrt(sum(squares)), rel=0.01)


def test_factors_are_those_of_the_ledger():
    told = {f.name: f for f in factors(dosed())}
    assert told["monitor"].median == pytest.approx(1 / 110, rel=1e-12)
    assert (told["monitor"].low, told["monitor"].high) == pytest.approx((1 / 120, 1 / 100))
    assert told["transmission"].median == told["transmission"].high == pytest.approx(2.0)
    assert told["solid_angle"].low >= 1.0


def test_empty_bins_do_not_count():
    profile = dosed()
    holes = profile.copy(deep=True)
    for name in ("intensity", "sigma", "errors", "ledger"):
        holes[name].loc[{"q": profile["q"][:5]}] = np.nan
    assert {s.name: s.relative for s in shares(holes)}["monitor"] == pytest.approx(0.01)
    assert np.isfinite([f.median for f in factors(holes)]).all()
    empty = profile.assign(intensity=np.nan * profile["intensity"])
    assert np.isnan([s.relative for s in shares(empty)]).all()


def test_a_frame_alone_is_told_without_the_column_between_frames():
    one = dosed().isel(frame=0)
    assert shares(one)[1].relative == pytest.approx(0.01, rel=1e-12)
    text = text_of(budget(one))
    assert "between bins" in text
    assert "between frames" not in text


def test_split_pixels_are_told_by_the_correlation_of_neighbours():
    assert neighbour_correlation(reduced()) is None
    split = reduced(splitting="full")
    first = split["covariance"].isel(frame=0).values
    at = 10
    one = first[1, at] / np.sqrt(first[0, at] * first[0, at + 1])
    found = neighbour_correlation(split)
    assert 0 < found < 1
    assert found == pytest.approx(one, rel=0.5)
    assert f"{found:.2f} (mean)" in text_of(budget(split))


def test_the_error_of_the_axis_is_told():
    assert axis_error(reduced()) is None
    variance = np.zeros((6, 6))
    variance[0, 0] = (0.5 * 1e-3) ** 2  # the distance is known to a thousandth
    known = calibration(tuple(map(tuple, variance.tolist())))
    profile = integrate(made(), known, IntegrationSpec(bins=30, range=(2.0, 4.0)))
    size, relative = axis_error(profile)
    assert relative == pytest.approx(1e-3, rel=0.01)  # q goes as 1/distance at small angles
    assert size == pytest.approx(3e-3, rel=0.1)
    assert "0.1 % (median), from the geometry" in text_of(budget(profile))


def test_outliers_are_counted():
    text = text_of(budget(reduced(outliers=OutlierSpec(kinds="zingers"))))
    assert "pixels left out" in text
    assert "spottiness" in text
    assert "spottiness" not in text_of(budget(reduced()))


def test_a_profile_that_tells_nothing_has_no_tables(profile):
    assert text_of(budget(profile())) == ""


def judged(scale, **settings):
    return frame_quality(reduced(frames=len(scale), scale=scale), **settings)


def test_flagged_frames_are_listed_with_what_is_wrong():
    scale = [1.0, 1.0, 1.0, 1.3, 1.0, 1.0, 1.0]
    text = text_of(quality_table(judged(scale, alpha=1e-4)))
    assert ">1 flagged</span> of 7 frames; all of them are in the results." in text
    assert text.count("<tr>") == 2
    assert ">3</th><td" in text
    assert "scale changed" in text
    assert "below 10⁻⁶" in text
    assert "None of" not in text


def test_a_good_series_is_said_to_be_good():
    text = text_of(quality_table(judged([1.0] * 6, alpha=1e-6)))
    assert "None of 6 frames is flagged. Chance of such a trend" in text
    assert "<table" not in text


def test_the_page_has_it_all():
    found = judged([1.0, 1.0, 1.0, 1.3, 1.0, 1.0, 1.0], alpha=1e-4)
    text = page_module.page({"waxs.profile": reduced(7), "waxs.quality": found}, title="x")
    for words in (
        "Where the errors come from",
        "What the corrections did",
        "Frames held against one another",
        "quality of 7 frames: ",
        "1 flagged",
    ):
        assert words in text


def test_the_numbers_need_no_matplotlib():
    program = (
        "import sys, xrdkit.report.budget, xrdkit.report\n"
        "before = 'matplotlib' in sys.modules\n"
        "from xrdkit.report import plot_profile\n"
        "sys.exit(0 if not before and 'matplotlib' in sys.modules else 1)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_package_offers_what_it_names():
    for name in xrdkit.report.__all__:
        assert getattr(xrdkit.report, name).__name__ == name
    with pytest.raises(AttributeError, match="plot_nothing"):
        xrdkit.report.plot_nothing  # noqa: B018
