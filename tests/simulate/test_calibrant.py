"""Rings of calibrants where pyFAI and the certificates have them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from xrdkit.errors import SpecError
from xrdkit.simulate import (
    CalibrantRings,
    expose_calibrant,
    virtual_laboratory,
    virtual_waxs,
)


def test_lab6_rings_follow_the_certified_cell() -> None:
    rings = CalibrantRings(name="LaB6").two_theta(wavelength=0.7)
    spacing = 0.7 / (2 * np.sin(np.radians(rings[:3]) / 2))
    np.testing.assert_allclose(spacing, 4.15683 / np.sqrt([1, 2, 3]), rtol=2e-5)


def test_curve_peaks_on_the_rings_with_the_width_asked_for() -> None:
    rings = CalibrantRings(name="LaB6", fwhm=0.1, decay=20.0, diffuse=0.0)
    angle = np.linspace(9.0, 10.5, 3001)
    q = 40 * math.pi * np.sin(np.radians(angle) / 2) / 0.7
    curve = rings.intensity(q, wavelength=0.7)
    centre = rings.two_theta(wavelength=0.7)[0]
    assert angle[curve.argmax()] == pytest.approx(centre, abs=1e-3)
    assert curve.max() == pytest.approx(math.exp(-centre / 20.0), rel=1e-3)
    above = angle[curve > curve.max() / 2]
    assert above[-1] - above[0] == pytest.approx(0.1, abs=2e-3)


@pytest.mark.parametrize("place", ["centred", "corner", "tilted", "outside"])
def test_rings_on_the_frame_lie_where_the_geometry_says(place: str) -> None:
    instrument = virtual_laboratory(place)
    frame = expose_calibrant(instrument, "AgBh", fwhm=0.04, decay=2.3, diffuse=0.0, seed=5)
    angle = instrument.calibration.radial(instrument.shape, "two_theta")
    good = instrument.mask(margin=3) == 0
    rings = CalibrantRings(name="AgBh").two_theta(wavelength=1.5406)
    seen = [r for r in rings if angle[good].min() + 0.1 < r < angle[good].max() - 0.1]
    assert len(seen) >= 2
    weight = instrument.calibration.solid_angle(instrument.shape)
    weight *= instrument.calibration.polarization(instrument.shape, 0.0)
    for ring in seen[:3]:
        near = good & (np.abs(angle - ring) < 0.1)
        apart = angle[near] - ring
        model = 2000 * math.exp(-ring / 2.3) * 2.0 ** (-4 * (apart / 0.04) ** 2) * weight[near]
        slope = model * 8 * math.log(2) * apart / 0.04**2
        shift = ((frame[near] - 0.2 - model) * slope).sum() / (slope**2).sum()
        error = math.sqrt((frame[near] * slope**2).sum()) / (slope**2).sum()
        assert abs(shift) < 4 * error + 2e-5
        assert error < 2e-4


def test_weaker_light_gives_fewer_counts() -> None:
    instrument = replace(virtual_waxs(coarse=4), background=0.0)
    good = instrument.mask() == 0
    strong, weak = (
        expose_calibrant(instrument, counts=c, background=0.0, fwhm=0.4, seed=1)[good].sum()
        for c in (2000.0, 20.0)
    )
    assert strong / weak == pytest.approx(100.0, rel=0.01)


def test_unknown_calibrants_and_widths_are_refused() -> None:
    with pytest.raises(SpecError, match="Unobtainium"):
        expose_calibrant(virtual_waxs(coarse=8), "Unobtainium")
    with pytest.raises(SpecError, match="fwhm"):
        CalibrantRings(name="LaB6", fwhm=0.0)
