"""The pictures and the page of a calibration: right and wrong ones look different."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from calibration_store import judged, measured

from xrdkit.calibration.resolution import Resolution
from xrdkit.calibration.resolution_rings import RingWidth
from xrdkit.fitting import Verdict
from xrdkit.report.calibration import calibration_figure, residuals_figure
from xrdkit.report.calibration_page import calibration_page
from xrdkit.report.calibration_residuals import contiguous, residual_q, rings_of
from xrdkit.report.calibration_rings import ring_angles
from xrdkit.report.calibration_unrolled import pixels_at


@pytest.fixture(scope="module")
def standard(tmp_path_factory):
    return measured(tmp_path_factory.mktemp("standard"))


def resolution():
    ring = RingWidth(
        two_theta=5.0, fwhm=0.02, fwhm_sigma=0.001, lorentzian=0.1, lorentzian_sigma=0.02,
        correlation=0.0, asymmetry=0.0, asymmetry_sigma=0.01, gof=1.0,
    )  # fmt: skip
    return Resolution(
        calibrant="AgBh", wavelength=1.5406, two_theta_range=(1.5, 9.0), u=0.0, v=0.0, w=4e-4,
        x=0.0, y=0.0, covariance=((0.0,) * 5,) * 5, asymmetry=0.0, asymmetry_sigma=0.01, gof=1.0,
        verdict=Verdict.OK, rings=tuple(replace(ring, two_theta=a) for a in (1.5, 4.0, 9.0)),
    )  # fmt: skip


def test_residuals_in_q_follow_from_those_in_pixels(standard):
    result = standard[2]
    away = residual_q(result)
    # at small angles dq = 2π/λ · pixel/distance, λ in nm
    slope = 2 * np.pi / 0.15406 * 172e-6 / result.calibration.direct_distance
    np.testing.assert_allclose(away, slope * result.points["residual"], rtol=0.08, atol=1e-6)


def test_every_ring_of_the_calibrant_has_a_line(standard):
    result = standard[2]
    seen, absent = ring_angles(result, 20.0)
    known = np.degrees(rings_of(result).two_theta)
    np.testing.assert_allclose(np.sort([*seen, *absent]), known[known < 20.0])
    np.testing.assert_allclose(seen, [ring.two_theta for ring in result.rings])


def test_azimuths_are_cut_in_their_widest_gap():
    np.testing.assert_allclose(contiguous(np.array([170.0, -175.0, 179.0])), [170, 185, 179])
    around = np.linspace(-170, 180, 36)
    np.testing.assert_allclose(contiguous(around)[:-1], around[:-1])
    np.testing.assert_allclose(contiguous(np.array([-20.0, 30.0])), [-20, 30])


def panels(figure):
    return {axes.get_title(loc="left") or axes.get_xlabel(): axes for axes in figure.axes}


def test_the_picture_says_verdict_and_numbers_and_shows_all_panels(standard):
    frames, mask, result = standard
    figure = calibration_figure(frames, result, mask=mask)
    headline, numbers = figure.texts
    assert headline.get_text() == "ACCEPTED"
    assert numbers.get_text().startswith("AgBh at 1.5406 Å: 1000.")
    found = panels(figure)
    assert {title.split()[0] for title in found} >= {"Rings", "Caked:", "Residual", "and"}
    spots = next(axes for title, axes in found.items() if title.startswith("Residual map"))
    [dots] = [
        c for c in spots.collections if hasattr(c, "get_offsets") and len(c.get_offsets()) > 9
    ]
    used = result.points["used"].values
    np.testing.assert_allclose(dots.get_array(), residual_q(result)[used])
    cake = next(axes for title, axes in found.items() if title.startswith("Caked"))
    low, high = cake.get_xlim()
    lines = sorted(float(line.get_xdata()[0]) for line in cake.lines)
    known = np.degrees(rings_of(result).two_theta)
    np.testing.assert_allclose(lines, known[(known > low) & (known < high)])


def test_bright_rings_of_the_cake_lie_on_the_lines_only_where_the_geometry_is_right(standard):
    frames, mask, result = standard
    at = result.calibration
    wrong = replace(result, calibration=replace(at, distance=1.03 * at.distance))

    def on_line(some):
        cake = next(
            axes for axes in calibration_figure(frames, some, mask=mask).axes
            if axes.get_title(loc="left").startswith("Caked")
        )  # fmt: skip
        [image] = cake.images
        low, high = cake.get_xlim()
        curve = np.nanmean(np.log(np.asarray(image.get_array())), axis=0)
        strongest = low + (np.nanargmax(curve) + 0.5) * (high - low) / curve.size
        lines = np.array([line.get_xdata()[0] for line in cake.lines])
        return float(np.min(np.abs(lines - strongest)))

    assert on_line(result) < 0.02
    assert on_line(wrong) > 0.02


def test_a_wrong_one_is_red_and_says_why(standard):
    frames, mask, result = standard
    wrong = judged(result, "rejected", "points lie <astray>")
    headline, _, why = calibration_figure(frames, wrong, mask=mask).texts
    assert headline.get_text() == "REJECTED, must not be used"
    assert headline.get_color() == "#c0392b"
    assert why.get_text() == "points lie <astray>"
    page = calibration_page(frames, wrong, title="Wrong", mask=mask)
    assert "badge bad" in page
    assert "points lie &lt;astray&gt;" in page


def test_the_page_has_a_row_for_each_ring_and_each_sector(standard):
    frames, mask, result = standard
    page = calibration_page(frames, result, title="Lab", mask=mask)
    for sector in result.sectors:
        assert f"{sector.azimuth[0]:.0f} to {sector.azimuth[1]:.0f}<" in page
    for ring in result.rings:
        assert f"{ring.mean_q:+.5f}" in page
    assert result.sectors


def test_points_that_are_all_clipped_leave_the_rest(standard):
    frames, mask, result = standard
    none = result.points.assign(used=result.points["used"] & False)
    empty = replace(result, points=none, rings=(), rms_px=float("nan"))
    assert len(residuals_figure(empty).axes) == 0
    assert "<h2>Numbers</h2>" in calibration_page(frames, empty, title="Empty", mask=mask)


class Links(HTMLParser):
    """Collects what a page would load."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [(tag, k, v) for k, v in attrs if k in ("src", "href", "xlink:href")]
        self.found += [(tag, "", "")] * (tag in ("script", "link", "iframe"))


def test_the_page_needs_nothing_outside_itself_and_has_all_numbers(standard):
    frames, mask, result = standard
    page = calibration_page(frames, result, title="lab & co", mask=mask, resolution=resolution())
    links = Links()
    links.feed(page)
    assert all(v.startswith(("data:image/png", "#")) for _, _, v in links.found)
    assert re.search(r"<h1>lab &amp; co</h1>", page)
    assert len(re.findall(r"Figure \d", page)) == 3
    for ring in result.rings:
        assert f"{ring.two_theta:.3f}" in page
    for word in ("± ", "1/nm", "degree²", "badge good", "Resolution"):
        assert word in page
    assert page == calibration_page(
        frames, result, title="lab & co", mask=mask, resolution=resolution()
    )


def test_a_pixel_is_found_again_from_its_angles(standard):
    at = standard[2].calibration
    for turned in (at, replace(at, rot1=0.3, rot2=-0.2, rot3=0.5)):
        shape = (619, 487)
        rows, columns = np.mgrid[0 : shape[0] : 31, 0 : shape[1] : 29]
        angle, chi = np.degrees(turned.two_theta(shape)), turned.azimuth(shape)
        row, column = pixels_at(turned, shape, angle[rows, columns], chi[rows, columns])
        np.testing.assert_array_equal(row, rows)
        np.testing.assert_array_equal(column, columns)
    far = pixels_at(at, (619, 487), np.array([80.0, 170.0]), np.array([0.0, 0.0]))
    np.testing.assert_array_equal(far, -1)


def test_an_unrolled_ring_is_straight_only_where_the_centre_is_right(standard):
    frames, mask, result = standard
    at = result.calibration
    beside = replace(result, calibration=replace(at, poni2=at.poni2 + 5 * 172e-6))

    def straight(some):
        """Return the largest distance of the brightest pixel of the inner ring from its place."""
        axes = next(
            axes for axes in calibration_figure(frames, some, mask=mask).axes
            if axes.get_title(loc="left").startswith("Rings unrolled")
        )  # fmt: skip
        image = np.asarray(axes.images[0].get_array())
        middle = int(axes.get_yticks()[0] - 0.5)
        strip = image[: 2 * middle + 1]
        counted = np.isfinite(strip).all(axis=0)
        return np.abs(np.argmax(strip[:, counted], axis=0) - middle).max()

    assert straight(result) <= 1
    assert straight(beside) >= 4
