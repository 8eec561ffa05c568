"""Counts on the virtual detector against closed forms and Poisson statistics."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest

from xrdkit.errors import EmptyResult, SpecError
from xrdkit.masks import MaskReason
from xrdkit.simulate import (
    Exposure,
    VirtualInstrument,
    expected_counts,
    expose,
    virtual_laboratory,
    virtual_saxs,
    virtual_waxs,
)

LIGHT = Exposure(flux=1e9, time=2.0, thickness=0.05, transmission=0.7)


@dataclass(frozen=True)
class Curve:
    """a + b/q⁴ + Gaussian lines, or a constant."""

    flat: float = 1.0
    porod: float = 0.0
    line: float = 0.0
    center: float = 20.0
    width: float = 0.5

    def intensity(self, q: np.ndarray, *, wavelength: float) -> np.ndarray:
        line = self.line * np.exp(-0.5 * ((q - self.center) / self.width) ** 2)
        return self.flat + self.porod / np.maximum(q, 0.02) ** 4 + line


def clean(instrument: VirtualInstrument) -> VirtualInstrument:
    return replace(
        instrument,
        beamstop_radius=0.0,
        beamstop_arm=0.0,
        gap_rows=(),
        gap_columns=(),
        dead_pixels=0,
        hot_pixels=0,
        background=0.0,
    )


def test_flat_scatterer_gives_solid_angle_times_polarization() -> None:
    instrument = clean(virtual_waxs(coarse=8))
    mean = expected_counts(instrument, Curve(flat=3.0), LIGHT)
    geometry, shape = instrument.calibration, instrument.shape
    pixel = geometry.detector.pixel_size_x * geometry.detector.pixel_size_y
    wanted = 3.0 * 1e9 * 2.0 * 0.05 * 0.7 * pixel / geometry.distance**2
    weight = geometry.solid_angle(shape) * geometry.polarization(shape, 0.99)
    np.testing.assert_allclose(mean, wanted * weight, rtol=1e-6)


@pytest.mark.parametrize(
    "curve", [Curve(flat=0.0, porod=1.0), Curve(flat=0.1, line=1.0, center=3.0, width=0.05)]
)
def test_curve_is_averaged_over_the_pixel(curve: Curve) -> None:
    instrument = clean(virtual_saxs(coarse=4))
    mean = expected_counts(instrument, curve, LIGHT)
    geometry, shape = instrument.calibration, instrument.shape
    detector = geometry.detector
    fine = np.zeros(shape)
    parts = (np.arange(16) + 0.5) / 16 - 0.5
    for dy in parts:
        for dx in parts:
            moved = replace(
                geometry,
                poni1=geometry.poni1 - dy * detector.pixel_size_y,
                poni2=geometry.poni2 - dx * detector.pixel_size_x,
            )
            fine += curve.intensity(moved.radial(shape, "q"), wavelength=0.7)
    q = geometry.radial(shape, "q")
    wanted = fine / 256 * geometry.solid_angle(shape) * geometry.polarization(shape, 0.99)
    scale = LIGHT.counts_per_cross_section(instrument)
    # Below 0.3 1/nm a pixel is too large for any four points on q⁻⁴; the beamstop stands there.
    far = q > 0.3
    np.testing.assert_allclose(mean[far], scale * wanted[far], rtol=2e-3)
    centre = curve.intensity(q, wavelength=0.7) * geometry.solid_angle(shape)
    assert np.abs(centre[far] / (fine[far] / 256) - 1).max() > 5e-3


def test_counts_are_poisson_about_the_expectation() -> None:
    instrument = clean(virtual_laboratory("centred"))
    mean = expected_counts(instrument, Curve(flat=50.0), Exposure(flux=1e9, time=1.0))
    frame = expose(instrument, mean, seed=3).astype(float)
    assert 50 < mean.mean() < 1e4
    pull = (frame - mean) / np.sqrt(mean)
    assert abs(pull.mean()) < 4 / math.sqrt(pull.size)
    assert pull.std() == pytest.approx(1.0, abs=4 / math.sqrt(2 * pull.size))
    assert (frame.sum() - mean.sum()) ** 2 < 16 * mean.sum()


def test_seed_decides_the_frame() -> None:
    instrument = virtual_saxs(coarse=8)
    mean = expected_counts(instrument, Curve(), LIGHT)
    first = expose(instrument, mean, seed=1)
    np.testing.assert_array_equal(first, expose(instrument, mean, seed=1))
    assert (first != expose(instrument, mean, seed=2)).any()


@pytest.mark.parametrize(
    ("instrument", "gap", "dead"),
    [(virtual_saxs(coarse=4), -1, -2), (virtual_waxs(coarse=4), 2**32 - 1, 2**32 - 1)],
    ids=["pilatus", "eiger"],
)
def test_gaps_and_dead_pixels_hold_the_detectors_marks(
    instrument: VirtualInstrument, gap: int, dead: int
) -> None:
    frame = expose(instrument, expected_counts(instrument, Curve(), LIGHT), seed=0)
    assert frame.dtype == instrument.dtype
    marked = instrument.marked()
    is_gap = (marked & MaskReason.GAP) > 0
    is_dead = (marked & MaskReason.DEAD) > 0
    assert is_dead.any()
    assert (frame[is_gap] == gap).all()
    assert (frame[is_dead] == dead).all()
    sensor = frame[~is_gap & ~is_dead].astype(np.int64)
    assert sensor.min() >= 0
    assert sensor.max() <= instrument.saturation


def test_hot_pixels_stand_out_and_saturation_cuts() -> None:
    instrument = virtual_waxs(coarse=4)
    mean = expected_counts(instrument, Curve(), LIGHT)
    frame = expose(instrument, mean, seed=0)
    rows, columns = instrument.hot()
    assert (frame[rows, columns] > 50 * np.median(mean)).all()
    low = replace(instrument, saturation=300)
    bright = expose(low, np.full(instrument.shape, 1e4), seed=0)
    good = instrument.marked() == 0
    assert (bright[good] == 300).all()


def test_beamstop_keeps_only_the_background() -> None:
    instrument = replace(virtual_saxs(coarse=2), background=0.25)
    mean = expected_counts(instrument, Curve(porod=1.0), LIGHT)
    shadow = instrument.shade() == 0
    assert shadow.sum() > 100
    np.testing.assert_allclose(mean[shadow], 0.5)
    assert mean[~shadow].min() > 0.5


@pytest.mark.parametrize(
    "fault", [{"flux": 0.0}, {"time": math.inf}, {"transmission": 1.2}, {"thickness": -1.0}]
)
def test_impossible_exposures_are_refused(fault: dict[str, float]) -> None:
    with pytest.raises(SpecError, match=next(iter(fault))):
        Exposure(**{"flux": 1.0, "time": 1.0, **fault})


def test_negative_curves_are_refused() -> None:
    with pytest.raises(EmptyResult, match="negative"):
        expected_counts(virtual_saxs(coarse=8), Curve(flat=-1.0), LIGHT)
