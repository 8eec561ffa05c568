"""Solid angle, polarisation, efficiency and paths through gas: closed forms at single pixels."""

import numpy as np
import pytest
from frames_in_memory import SHAPE, make_frames, reference_geometry

from xrdkit import correct
from xrdkit.corrections import (
    AirAbsorption,
    DetectorEfficiency,
    Polarization,
    SolidAngle,
    linear_attenuation,
)
from xrdkit.errors import SpecError
from xrdkit.geometry import Calibration, Detector

PIXEL, DISTANCE = 172e-6, 0.3
PIXELS = [(0, 0), (243, 203), (10, 400), (480, 3), (200, 390)]
MO_KA1, CU_KA1, AG_KA1 = 0.70931715, 1.5405929, 0.55942178
G0 = reference_geometry()


def factor(step: object, name: str) -> np.ndarray:
    return correct(make_frames(np.ones(SHAPE)), [step])[f"factor_{name}"].values


def angles(row: int, column: int) -> tuple[float, float]:
    """Return 2θ and χ of a pixel of G0, which is not tilted."""
    dy, dx = (row + 0.5 - 243.5) * PIXEL, (column + 0.5 - 203.5) * PIXEL
    return np.arctan2(np.hypot(dy, dx), DISTANCE), np.arctan2(dy, dx)


def at_incidence(degree: float, wavelength: float) -> tuple[Calibration, tuple[int, int]]:
    """Return a geometry of one row whose last pixel is met at `degree` off normal, its shape."""
    detector = Detector(pixel_size_y=1e-3, pixel_size_x=1e-3)
    away = np.tan(np.radians(degree)) * 0.1
    calibration = Calibration(
        distance=0.1, poni1=0.5e-3, poni2=1.5e-3 - away, wavelength=wavelength, detector=detector
    )
    return calibration, (1, 2)


@pytest.mark.parametrize("pixel", PIXELS)
def test_solid_angle(pixel: tuple[int, int]) -> None:
    two_theta, _ = angles(*pixel)
    found = factor(SolidAngle(calibration=G0), "solid_angle")[pixel]
    assert found == pytest.approx(np.cos(two_theta) ** 3, rel=1e-12)


@pytest.mark.parametrize("polarization", [-1.0, 0.0, 0.95])
@pytest.mark.parametrize("pixel", PIXELS)
def test_polarization(pixel: tuple[int, int], polarization: float) -> None:
    two_theta, chi = angles(*pixel)
    expected = 1 + np.cos(two_theta) ** 2 - polarization * np.cos(2 * chi) * np.sin(two_theta) ** 2
    step = Polarization(calibration=G0, factor=polarization)
    found = correct(make_frames(np.ones(SHAPE)), [step])["factor_polarization"]
    assert found.values[pixel] == pytest.approx(expected / 2, rel=1e-12)
    assert found.attrs["polarization_factor"] == polarization


@pytest.mark.parametrize("pixel", PIXELS)
def test_efficiency(pixel: tuple[int, int]) -> None:
    mu, thickness = 1500.0, 450e-6
    step = DetectorEfficiency(calibration=G0, material="Si", thickness=thickness, mu=mu)
    way = thickness / np.cos(angles(*pixel)[0])
    expected = (1 - np.exp(-mu * way)) / (1 - np.exp(-mu * thickness))
    assert factor(step, "efficiency")[pixel] == pytest.approx(expected, rel=1e-10)


def efficiency(degree: float, wavelength: float, mu: float | None = None) -> float:
    calibration, shape = at_incidence(degree, wavelength)
    step = DetectorEfficiency(calibration=calibration, material="Si", thickness=450e-6, mu=mu)
    return correct(make_frames(np.ones(shape)), [step])["factor_efficiency"].values[0, 1]


@pytest.mark.parametrize(
    ("wavelength", "degree", "golden"),
    [
        (MO_KA1, 20, 1.0435),
        (MO_KA1, 40, 1.1909),
        (MO_KA1, 60, 1.5005),
        (CU_KA1, 60, 1.0013),
        (AG_KA1, 40, 1.2422),
        (AG_KA1, 60, 1.7059),
    ],
)
def test_efficiency_of_450_um_of_silicon(wavelength: float, degree: float, golden: float) -> None:
    assert efficiency(degree, wavelength) == pytest.approx(golden, abs=2e-4)


#: Mass attenuation of Si in cm²/g: J. H. Hubbell & S. M. Seltzer, NISTIR 5632 (1995).
NIST_SILICON = {8.0: 64.68, 10.0: 33.89, 15.0: 10.34, 20.0: 4.464, 30.0: 1.436}


@pytest.mark.parametrize("energy", sorted(NIST_SILICON))
def test_attenuation_of_silicon_is_that_of_the_tables(energy: float) -> None:
    found = linear_attenuation("Si", wavelength=12.398419843 / energy, density=1000.0)
    assert found == pytest.approx(100 * NIST_SILICON[energy], rel=0.015)


def test_what_a_coarse_table_read_linearly_makes_of_mo_radiation() -> None:
    """Between 15 and 20 keV attenuation goes as E^-2.9: a straight line is 12 % too high.

    1.180 (40°) and 1.459 (60°), which are sometimes quoted, follow from that line.
    """
    energy, density = 17.479, 2.33
    low, high = NIST_SILICON[15.0], NIST_SILICON[20.0]
    straight = density * np.interp(energy, [15.0, 20.0], [low, high])
    power = density * low * (energy / 15.0) ** (np.log(high / low) / np.log(20.0 / 15.0))
    assert straight == pytest.approx(17.30, abs=0.01)
    assert 100 * power == pytest.approx(linear_attenuation("Si", wavelength=MO_KA1), rel=0.005)
    assert efficiency(40, MO_KA1, 100 * straight) == pytest.approx(1.180, abs=2e-3)
    assert efficiency(60, MO_KA1, 100 * straight) == pytest.approx(1.459, abs=2e-3)


def test_attenuation_goes_with_the_density_and_needs_one() -> None:
    half = linear_attenuation("CdTe", wavelength=0.5, density=2925.0)
    assert linear_attenuation("CdTe", wavelength=0.5) == pytest.approx(2 * half, rel=1e-12)
    for material, wavelength in (("CsI", 1.0), ("S i", 1.0), ("", 1.0), ("Si", 20.0), ("Si", 0.0)):
        with pytest.raises(SpecError):
            linear_attenuation(material, wavelength=wavelength)
    with pytest.raises(SpecError, match="kg/m³"):
        linear_attenuation("Si", wavelength=1.0, density=0.0)


#: Mass attenuation of dry air in cm²/g (NISTIR 5632) and its density at 20 °C, 1 atm, kg/m³.
@pytest.mark.parametrize(("energy", "mass_attenuation"), [(8.0, 9.921), (20.0, 0.7779)])
def test_air(energy: float, mass_attenuation: float) -> None:
    mu = mass_attenuation * 1.2041 / 10
    record = AirAbsorption(calibration=at_incidence(45, 12.398419843 / energy)[0]).record()
    assert record["attenuation"] == pytest.approx(mu, rel=0.015)


@pytest.mark.parametrize("pixel", PIXELS)
def test_air_and_flight_tube(pixel: tuple[int, int]) -> None:
    parts = (("helium", 0.15), ("vacuum", 0.05), ("kapton", 50e-6))
    step = AirAbsorption(calibration=G0, parts=parts, pressure=90_000.0, temperature=300.0)
    gas = 90_000.0 / (8.314462618 * 300.0)
    air = linear_attenuation(
        "N1.5617O0.4195Ar0.0093C0.0003", wavelength=1.0, density=gas * 28.9644e-3
    )
    helium = linear_attenuation("He", wavelength=1.0, density=gas * 4.002602e-3)
    kapton = linear_attenuation("kapton", wavelength=1.0)
    two_theta, _ = angles(*pixel)

    def depth(secant: float) -> float:
        rest = 0.3 - 0.15 - 0.05 - 50e-6
        return secant * (rest * air + 0.15 * helium + 50e-6 * kapton)

    expected = np.exp(depth(1.0) - depth(1.0 / np.cos(two_theta)))
    assert factor(step, "air_absorption")[pixel] == pytest.approx(expected, rel=1e-12)


def test_a_tilted_detector_sees_longer_ways_through_air_only() -> None:
    """On a tilted detector the rest of the way is what is left of |r|."""
    tilted = Calibration(
        distance=0.3,
        poni1=0.04,
        poni2=0.03,
        rot1=0.3,
        rot2=-0.2,
        wavelength=2.0,
        detector=Detector(pixel_size_y=PIXEL, pixel_size_x=PIXEL),
    )
    shape = (400, 300)
    step = AirAbsorption(calibration=tilted)
    found = correct(make_frames(np.ones(shape)), [step])["factor_air_absorption"].values
    t1, t2, t3 = tilted.positions(shape)
    longer = np.sqrt(t1**2 + t2**2 + t3**2) - tilted.direct_distance
    np.testing.assert_allclose(found, np.exp(-step.record()["attenuation"] * longer), rtol=1e-12)
    vacuum = AirAbsorption(calibration=tilted, gas="vacuum")
    none = correct(make_frames(np.ones(shape)), [vacuum])["factor_air_absorption"].values
    assert np.all(none == 1.0)


def test_pixels_behind_the_sample_see_no_slab() -> None:
    behind = Calibration(
        distance=0.1,
        poni1=0.0,
        poni2=0.0,
        rot1=2.5,
        wavelength=1.0,
        detector=Detector(pixel_size_y=PIXEL, pixel_size_x=PIXEL),
    )
    frames = make_frames(np.ones((4, 5)))
    alone = correct(frames, [AirAbsorption(calibration=behind)])["factor_air_absorption"].values
    assert np.all((alone > 0.99) & (alone <= 1.0))
    parts = AirAbsorption(calibration=behind, parts=(("helium", 0.01),))
    assert np.all(np.isnan(correct(frames, [parts])["factor_air_absorption"].values))
