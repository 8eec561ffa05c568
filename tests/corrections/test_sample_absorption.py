"""Plates and capillaries against integrals over the sample, done another way."""

import numpy as np
import pytest
from frames_in_memory import SHAPE, make_frames, reference_geometry
from scipy.integrate import dblquad, quad

from xrdkit import correct
from xrdkit.corrections import CapillaryAbsorption, PlateAbsorption
from xrdkit.corrections.capillary_absorption import capillary_factor
from xrdkit.corrections.plate_absorption import plate_factor
from xrdkit.geometry import Calibration, Detector

G0 = reference_geometry()
#: A detector close by, so that beams leave at up to 60° off the cross-section of a capillary.
WIDE = Calibration(
    distance=0.05,
    poni1=0.04,
    poni2=0.02,
    wavelength=1.0,
    detector=Detector(pixel_size_y=1e-3, pixel_size_x=1e-3),
)
WIDE_SHAPE = (80, 90)
PIXELS = [(0, 0), (40, 20), (79, 89), (3, 60), (60, 5)]


def wide_factor(step: object, name: str) -> np.ndarray:
    return correct(make_frames(np.ones(WIDE_SHAPE)), [step])[f"factor_{name}"].values


def direction(row: int, column: int) -> np.ndarray:
    """Return the unit vector (up, sideways, along the beam) to a pixel of WIDE."""
    vector = np.array([(row + 0.5) * 1e-3 - 0.04, (column + 0.5) * 1e-3 - 0.02, 0.05])
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("pixel", [(0, 0), (243, 203), (10, 400), (480, 3), (200, 390)])
def test_plate_across_the_beam(pixel: tuple[int, int]) -> None:
    step = PlateAbsorption(calibration=G0, mu_t=1.2)
    found = correct(make_frames(np.ones(SHAPE)), [step])["factor_plate_absorption"].values[pixel]
    secant = 1.0 / np.cos(G0.two_theta(SHAPE)[pixel])
    x = 1.2 * (secant - 1.0)
    expected = -np.expm1(-x) / x if x > 0 else 1.0
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("pixel", PIXELS)
@pytest.mark.parametrize(("tilt", "azimuth"), [(0.0, 0.0), (30.0, 0.0), (55.0, 90.0), (70.0, -90)])
@pytest.mark.parametrize("mu_t", [0.05, 1.0, 4.0])
def test_tilted_plate_is_the_mean_over_its_depth(
    pixel: tuple[int, int], tilt: float, azimuth: float, mu_t: float
) -> None:
    step = PlateAbsorption(calibration=WIDE, mu_t=mu_t, tilt=tilt, tilt_azimuth=azimuth)
    found = wide_factor(step, "plate_absorption")[pixel]
    lean, turn = np.radians(tilt), np.radians(azimuth)
    normal = np.array([np.sin(lean) * np.sin(turn), np.sin(lean) * np.cos(turn), np.cos(lean)])
    incident, leaving = normal[2], normal @ direction(*pixel)

    def survives(depth: float) -> float:
        left = 1.0 - depth if leaving > 0 else depth
        return np.exp(-mu_t * (depth / incident + left / abs(leaving)))

    expected = quad(survives, 0.0, 1.0, epsabs=1e-13)[0] / np.exp(-mu_t / incident)
    assert found == pytest.approx(expected, rel=1e-3)
    assert found == pytest.approx(expected, rel=1e-8)


def test_reflection() -> None:
    """A thick plate: 2 sin b/(sin a + sin b); a thin one is penetrated."""
    step = PlateAbsorption(
        calibration=WIDE, mu_t=900.0, tilt=80.0, tilt_azimuth=-90.0, geometry="reflection"
    )
    found = wide_factor(step, "plate_absorption")
    surface = np.array([np.cos(np.radians(10.0)), 0.0, -np.sin(np.radians(10.0))])
    for pixel in PIXELS:
        leaves = surface @ direction(*pixel)
        if leaves > 0:
            expected = 2 * leaves / (np.sin(np.radians(10.0)) + leaves)
            assert found[pixel] == pytest.approx(expected, rel=1e-9)
        else:
            assert found[pixel] == pytest.approx(0.0, abs=1e-12)
    symmetric = plate_factor(900.0, 0.3, np.array([-0.3]), "reflection")
    assert symmetric[0] == pytest.approx(1.0, rel=1e-12)
    thin = plate_factor(0.2, 0.3, np.array([-0.3]), "reflection")
    assert thin[0] == pytest.approx(1 - np.exp(-0.4 / 0.3), rel=1e-12)
    assert np.isnan(plate_factor(0.2, 0.3, np.array([0.0]), "transmission")[0])


def by_cartesian_integral(mu_r: float, direct: np.ndarray, beam: float) -> float:
    """Return the mean attenuation of a lying cylinder; `direct` (up, along the axis, forward)."""
    up, _, forward = direct
    kappa = np.hypot(up, forward)

    def survives(y: float, z: float) -> float:
        way_in = z + np.sqrt(1.0 - y * y)
        b = (y * up + z * forward) / kappa
        way_out = (-b + np.sqrt(max(b * b - (y * y + z * z - 1.0), 0.0))) / kappa
        return float(np.exp(-mu_r * (way_in + way_out)))

    total, _ = dblquad(
        lambda z, y: survives(y, z),
        -beam,
        beam,
        lambda y: -np.sqrt(max(1 - y * y, 0.0)),
        lambda y: np.sqrt(max(1 - y * y, 0.0)),
        epsabs=1e-7,
        epsrel=1e-6,
    )
    return total / (2 * (np.arcsin(beam) + beam * np.sqrt(1 - beam * beam)))


@pytest.mark.parametrize(("mu_r", "beam"), [(0.3, 1.0), (1.0, 0.4), (2.5, 1.0)])
def test_capillary_is_the_integral_over_its_cross_section(mu_r: float, beam: float) -> None:
    step = CapillaryAbsorption(calibration=WIDE, mu_r=mu_r, beam=beam)
    found = wide_factor(step, "capillary_absorption")
    forward = by_cartesian_integral(mu_r, np.array([0.0, 0.0, 1.0]), beam)
    for pixel in PIXELS:
        expected = by_cartesian_integral(mu_r, direction(*pixel), beam) / forward
        assert found[pixel] == pytest.approx(expected, rel=2e-4)


def test_a_standing_capillary_is_a_lying_one_turned() -> None:
    lying = CapillaryAbsorption(calibration=WIDE, mu_r=0.8)
    standing = CapillaryAbsorption(calibration=WIDE, mu_r=0.8, axis_azimuth=90.0)
    turned = Calibration(
        distance=0.05, poni1=0.02, poni2=0.04, wavelength=1.0, detector=WIDE.detector
    )
    transposed = CapillaryAbsorption(calibration=turned, mu_r=0.8)
    frames = make_frames(np.ones(WIDE_SHAPE[::-1]))
    other = correct(frames, [transposed])["factor_capillary_absorption"].values
    np.testing.assert_allclose(wide_factor(standing, "capillary_absorption"), other.T, rtol=1e-9)
    assert not np.allclose(wide_factor(lying, "capillary_absorption"), other.T, rtol=1e-3)


@pytest.mark.parametrize("mu_r", [0.1, 0.5, 1.0, 3.0, 5.0])
def test_capillary_forward_and_backward(mu_r: float) -> None:
    """Forward every way is the chord, backward twice the way in: integrals over one variable."""

    def chord(y: float) -> float:
        return 2 * np.sqrt(1 - y * y)

    forward = quad(lambda y: chord(y) * np.exp(-mu_r * chord(y)), -1, 1)[0] / np.pi
    backward = quad(lambda y: -np.expm1(-2 * mu_r * chord(y)) / (2 * mu_r), -1, 1)[0] / np.pi
    found = capillary_factor(mu_r, np.array([0.0, np.pi]), np.ones(2))
    np.testing.assert_allclose(found, [forward, backward], rtol=1e-9)
    if mu_r == 1.0:
        # International Tables C, table 6.3.3.2: 1/A = 5.09 at θ = 0.
        assert 1 / found[0] == pytest.approx(5.09, abs=5e-3)


def test_beams_along_the_axis_are_left_out() -> None:
    calibration = Calibration(
        distance=0.05,
        poni1=0.0,
        poni2=-0.4,
        wavelength=1.0,
        detector=Detector(pixel_size_y=1e-3, pixel_size_x=1e-3),
    )
    frames = make_frames(np.ones((3, 4)))
    step = CapillaryAbsorption(calibration=calibration, mu_r=1.0)
    assert np.all(np.isnan(correct(frames, [step])["factor_capillary_absorption"]))
