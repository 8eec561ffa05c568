"""Frames that no geometry explains, and settings that are wrong: refused, with the likely cause.

The long run over many seeds is `tests/benchmarks/bench_calibration_rejections.py`.
"""

from dataclasses import replace

import numpy as np
import pytest
from calibrant_frames import behenate, beside
from disturbed_frames import DISTURBANCES, PATTERNS
from frames_in_memory import make_frames

import xrdkit as xk
from xrdkit.calibration import CalibrationVerdict, unassisted_ridges
from xrdkit.calibration.rings import calibrant_rings
from xrdkit.calibration.unassisted_ridges import ridge_points
from xrdkit.errors import CalibrationRejected, EmptyResult, FrameShapeMismatch, SpecError
from xrdkit.simulate import expose_calibrant, virtual_laboratory

INSTRUMENT = virtual_laboratory("tilted")
TRUTH = INSTRUMENT.calibration


def tried(counts, calibrant="AgBh", **changes):
    """Calibrate an array without a start, as of the instrument here."""
    settings = {"detector": replace(TRUTH.detector, shape=None), "wavelength": TRUTH.wavelength}
    return xk.calibrate(make_frames(counts), calibrant=calibrant, **{**settings, **changes})


@pytest.fixture(scope="module")
def rings():
    """A frame of silver behenate, 0 where it has no pixels."""
    counts = behenate(INSTRUMENT, counts=2000.0, seed=3)
    return np.where(INSTRUMENT.marked() > 0, 0, counts)


@pytest.fixture(scope="module")
def wide():
    """Instrument and frame of CeO2 at a short wavelength, with rings up to 30 degree."""
    geometry = beside(
        replace(TRUTH, wavelength=0.4, distance=0.12 * TRUTH.distance / TRUTH.direct_distance),
        stretch=1.0,
        pixels=(0.0, 0.0),
    )
    instrument = replace(INSTRUMENT, calibration=geometry)
    counts = expose_calibrant(instrument, "CeO2", counts=800.0, fwhm=0.25, seed=4)
    return geometry, np.where(instrument.marked() > 0, 0, counts)


@pytest.mark.parametrize("kind", DISTURBANCES)
def test_a_disturbed_calibrant_frame_is_rejected(rings, kind):
    angle = calibrant_rings("AgBh", TRUTH.wavelength).two_theta
    changed = DISTURBANCES[kind](rings.astype(float), TRUTH, angle, np.random.default_rng(11))
    with pytest.raises(CalibrationRejected):
        tried(changed.astype(np.int32))


@pytest.mark.parametrize("kind", ["pixels permuted", "rows permuted", "half rotated"])
def test_a_disturbed_calibrant_frame_is_rejected_from_its_true_geometry(rings, kind):
    angle = calibrant_rings("AgBh", TRUTH.wavelength).two_theta
    changed = DISTURBANCES[kind](rings.astype(float), TRUTH, angle, np.random.default_rng(12))
    with pytest.raises(CalibrationRejected):
        xk.calibrate(make_frames(changed.astype(np.int32)), calibrant="AgBh", start=TRUTH)


def test_a_frame_turned_as_a_whole_is_a_calibrant_frame_even_with_half_of_its_rings_masked(rings):
    """Nothing in it is wrong: the geometry of the turned frame is found, not that of the old."""
    angle = TRUTH.two_theta(INSTRUMENT.shape)
    table = calibrant_rings("AgBh", TRUTH.wavelength).two_theta
    number = np.searchsorted(0.5 * (table[1:] + table[:-1]), angle)
    left_out = np.isin(number, np.random.default_rng(14).permutation(8)[:4])
    mask = (INSTRUMENT.marked() > 0) | left_out
    result = tried(np.rot90(np.where(left_out, 0, rings)), mask=np.rot90(mask))
    turned, true = (
        result.calibration.radial(INSTRUMENT.shape[::-1], "q"),
        np.rot90(TRUTH.radial(INSTRUMENT.shape, "q")),
    )
    assert np.sqrt(np.mean((turned - true) ** 2)) < 1e-3 * true.max()


@pytest.mark.parametrize("kind", PATTERNS)
def test_a_pattern_that_is_no_powder_of_this_calibrant_is_rejected(kind):
    pattern = PATTERNS[kind](INSTRUMENT.shape, np.random.default_rng(13)).astype(np.int32)
    with pytest.raises(CalibrationRejected):
        tried(pattern, "LaB6", wavelength=0.6)


@pytest.mark.parametrize("calibrant", ["LaB6", "Si", "alpha_Al2O3", "NaCl"])
def test_another_calibrant_is_rejected_and_the_right_one_named(wide, calibrant):
    geometry, counts = wide
    with pytest.raises(CalibrationRejected) as refusal:
        tried(counts, calibrant, wavelength=geometry.wavelength)
    named = float(refusal.value.hint.split("the rings fit CeO2 at ")[1].split(" mm")[0])
    assert named == pytest.approx(120.0, rel=2e-3)


def test_the_right_calibrant_is_accepted(wide):
    geometry, counts = wide
    result = tried(counts, "CeO2", wavelength=geometry.wavelength)
    assert result.verdict is CalibrationVerdict.ACCEPTED, result.reasons
    assert result.calibration.direct_distance == pytest.approx(0.12, rel=1e-3)
    assert result.rival is None


@pytest.mark.timeout(300)
def test_a_wavelength_ten_times_too_small_is_rejected_and_the_right_one_named(wide):
    geometry, counts = wide
    with pytest.raises(CalibrationRejected) as refusal:
        tried(counts, "CeO2", wavelength=0.04)
    named = float(refusal.value.hint.split("wavelength of about ")[1].split(" Å")[0])
    # Distance and tilt take up part of a wrong wavelength: two digits are told.
    assert named == pytest.approx(geometry.wavelength, rel=0.02)
    assert "nanometre" in refusal.value.hint


def test_a_wavelength_a_quarter_too_large_is_not_accepted(wide):
    """Distance, centre and tilt take up so much of it here that it may be doubtful alone."""
    try:
        result = tried(wide[1], "CeO2", wavelength=0.5)
    except CalibrationRejected:
        return
    assert result.verdict is CalibrationVerdict.DOUBTFUL
    assert "not of this calibrant" in " ".join(result.reasons)


def test_the_pixel_size_is_not_in_the_rings_but_a_start_or_the_shape_of_the_frame_tells(rings):
    """All lengths times two, and every angle is the same: tilted or not, no ring can tell."""
    large = xk.Detector(pixel_size_y=344e-6, pixel_size_x=344e-6)
    twice = replace(
        TRUTH,
        distance=2 * TRUTH.distance,
        poni1=2 * TRUTH.poni1,
        poni2=2 * TRUTH.poni2,
        detector=replace(large, shape=INSTRUMENT.shape),
    )
    assert TRUTH.tilt > 1
    assert np.allclose(
        twice.two_theta(INSTRUMENT.shape), TRUTH.two_theta(INSTRUMENT.shape), rtol=1e-12
    )
    # 619 x 487 pixels are a Pilatus 300K of 172 µm.
    result = tried(rings, detector=large)
    assert result.calibration.direct_distance == pytest.approx(2 * TRUTH.direct_distance, rel=1e-3)
    assert result.verdict is CalibrationVerdict.DOUBTFUL
    assert "172 µm, 344 are given: every length scales with it" in result.reasons[0]
    # A start of the true distance with pixels of twice the size.
    with pytest.raises(CalibrationRejected) as refusal:
        xk.calibrate(
            make_frames(rings), calibrant="AgBh", start=replace(TRUTH, detector=twice.detector)
        )
    assert "0.5 times the distance" in refusal.value.hint


def test_a_start_far_away_is_named(rings):
    far = beside(TRUTH, stretch=1.3, pixels=(40.0, 0.0))
    with pytest.raises(CalibrationRejected) as refusal:
        xk.calibrate(make_frames(rings), calibrant="AgBh", start=far)
    x, y = TRUTH.beam_center
    assert f"centre ({x:.1f}, {y:.1f}); the start has" in refusal.value.hint


def test_saturation_few_counts_and_masks_are_named(rings):
    full = np.minimum(rings * 4000.0, 65535).astype(np.uint16)
    full[100:500, 100:400] = 65534
    with pytest.raises(CalibrationRejected, match=r"% of the pixels stand at 65534: saturated"):
        tried(full, "Cr2O3")
    few = np.random.default_rng(5).poisson(rings * 2e-6).astype(np.int32)
    with pytest.raises(CalibrationRejected, match="expose longer"):
        tried(few)
    angle = TRUTH.two_theta(INSTRUMENT.shape)
    hidden = (angle < 1.05 * angle.max()) & (angle > 0.02 * angle.max())
    hidden[:12] = False
    with pytest.raises(CalibrationRejected, match="% of the frame are masked"):
        tried(rings, mask=hidden)


@pytest.mark.parametrize(
    ("counts", "cause"), [(np.zeros((60, 50)), "counted anything"), (np.ones((60, 50)), "all pix")]
)
def test_an_empty_frame_says_so(counts, cause):
    with pytest.raises(CalibrationRejected, match=cause):
        tried(counts.astype(np.int32))


@pytest.mark.parametrize("value", [np.nan, -1.0], ids=["nan", "negative"])
def test_a_frame_without_a_valid_pixel_says_so(value):
    with pytest.raises(EmptyResult, match="not a number"):
        tried(np.full((60, 50), value))


@pytest.mark.parametrize(
    ("wavelength", "cause"),
    [
        (-1.0, "outside 0.01 to 10"),
        (1.5406e-10, "metre are 1.5406 Å"),
        (0.0071, "nanometre are 0.071 Å"),
        (12.398, "photon energy of 12.398 keV is 1.00003 Å"),
        (float("nan"), "outside"),
        ("Cu", "not a number"),
    ],
)
def test_an_impossible_wavelength_names_the_likely_unit(wavelength, cause):
    blank = np.ones((60, 50), dtype=np.int32)
    with pytest.raises(SpecError, match=cause):
        tried(blank, wavelength=wavelength)
    with pytest.raises(SpecError, match=cause):
        xk.calibrate(make_frames(blank), calibrant="AgBh", start=TRUTH, wavelength=wavelength)


@pytest.mark.parametrize(
    ("name", "near"), [("AgBe", "AgBh"), ("ceo", "CeO2"), ("LaB", "LaB6"), ("Sl", "Si")]
)
def test_an_unknown_calibrant_lists_near_names(name, near):
    with pytest.raises(SpecError, match="not known") as refusal:
        tried(np.ones((60, 50), dtype=np.int32), name)
    assert near in refusal.value.hint.split("?")[0]


@pytest.mark.parametrize(
    ("name", "meant"), [("silver behenate", "AgBh"), ("Corundum", "alpha_Al2O3"), ("lab6", "LaB6")]
)
def test_calibrants_have_other_names(name, meant):
    assert calibrant_rings(name, 0.5).name == meant


def test_a_detector_of_another_shape_is_named_with_a_remedy():
    with pytest.raises(FrameShapeMismatch, match="pixel size alone"):
        tried(np.ones((60, 50), dtype=np.int32), detector="Pilatus1M")


def test_a_result_tells_residuals_by_ring_and_by_direction_in_pixels_and_in_q(wide):
    geometry, counts = wide
    result = tried(counts, "CeO2", wavelength=geometry.wavelength)
    used = result.points["used"].values
    residual = result.points["residual"].values[used]
    assert sum(ring.points for ring in result.rings) == used.sum()
    assert sum(sector.points for sector in result.sectors) == used.sum()
    assert [s.azimuth[1] - s.azimuth[0] for s in result.sectors] == [30.0] * len(result.sectors)
    for group in (result.rings, result.sectors):
        total = sum(g.points * g.rms_px**2 for g in group) / used.sum()
        assert np.sqrt(total) == pytest.approx(np.sqrt(np.mean(residual**2)), rel=1e-9)
    # q per pixel at a ring, from two radii on the plane across the beam
    ring = result.rings[3]
    distance = result.calibration.direct_distance
    pixel = 172e-6
    radius = distance * np.tan(np.radians(ring.two_theta)) + np.array([0.0, pixel])
    q = result.calibration.q_of_two_theta(np.arctan(radius / distance))
    assert ring.rms_q == pytest.approx(ring.rms_px * (q[1] - q[0]), rel=0.03)
    assert ring.mean_q == pytest.approx(ring.mean_px * (q[1] - q[0]), rel=0.03, abs=1e-6)


def test_ridges_are_looked_for_once_however_many_explanations_are_tried(monkeypatch):
    calls = []

    def counted(frame):
        calls.append(frame)
        return ridge_points(frame)

    monkeypatch.setattr(unassisted_ridges, "ridge_points", counted)
    random = np.random.default_rng(21)
    with pytest.raises(CalibrationRejected):
        tried(random.poisson(20.0, size=(200, 180)).astype(np.int32))
    assert len(calls) == 1
