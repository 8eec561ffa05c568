"""The pattern of an ideal powder on its absolute scale."""

import numpy as np
import pytest

from xrdkit.constants import ELECTRON_RADIUS_CM
from xrdkit.errors import SpecError, StructureError
from xrdkit.phase import embedded_structure, powder_intensity
from xrdkit.phase.intensity import scattering_envelope
from xrdkit.phase.positions import bragg_angle, q_of_two_theta, two_theta_of_q


def test_lines_lie_where_bragg_says():
    x = np.linspace(20, 25, 50_001)
    y = powder_intensity("Si", x, wavelength=1.0, fwhm=0.01)
    d = 5.431144 / np.sqrt(3)
    expected = np.degrees(2 * np.arcsin(1.0 / (2 * d)))
    # no Si line lies between 20 and 25 degree at 1 Å but none at all: 111 is at 18.4
    assert expected < 20
    assert y.max() < 1e-3 * powder_intensity("Si", np.array([expected]), wavelength=1.0)[0]
    near = np.linspace(expected - 0.05, expected + 0.05, 10_001)
    top = near[np.argmax(powder_intensity("Si", near, wavelength=1.0, fwhm=0.01))]
    assert top == pytest.approx(expected, abs=1e-4)


def test_tiny_crystals_at_high_angle_scatter_like_their_atoms():
    """Far out the lines of 1 nm crystals merge, and dΣ/dΩ is rₑ² ⟨f²⟩ exp(-2Bs²) per volume."""
    platinum, wavelength = embedded_structure("Pt"), 0.7
    x = np.linspace(60, 120, 4000)
    y = powder_intensity(platinum, x, wavelength=wavelength, size=0.6)
    s = np.sin(np.radians(x / 2)) / wavelength
    atoms = ELECTRON_RADIUS_CM**2 * scattering_envelope(platinum, s, wavelength)
    assert np.mean(y / (atoms / (platinum.volume * 1e-21))) == pytest.approx(1.0, abs=0.05)


def test_intensity_of_a_line_is_that_of_the_kinematic_theory():
    """∫ dΣ/dΩ over the ring of Pt 111 = rₑ² λ³ m|F|² / (4 V² sin θ)."""
    platinum, wavelength = embedded_structure("Pt"), 0.7
    theta = np.arcsin(wavelength * np.sqrt(3) / (2 * 3.9237))
    centre = np.degrees(2 * theta)
    x = np.linspace(centre - 0.3, centre + 0.3, 6001)
    y = powder_intensity(platinum, x, wavelength=wavelength, fwhm=0.02)
    ring = np.trapezoid(y * 2 * np.pi * np.sin(np.radians(x)), np.radians(x))
    s = np.array([np.sin(theta) / wavelength])
    f_squared = 16 * scattering_envelope(platinum, s, wavelength)[0] / 4
    cubic = wavelength**3 / 3.9237**6 * 1e24
    expected = ELECTRON_RADIUS_CM**2 * cubic * 8 * f_squared / (4 * np.sin(theta))
    assert ring == pytest.approx(expected, rel=1e-4)


def test_size_and_strain_broaden_as_their_definitions_say():
    x = np.linspace(15, 19.5, 45_001)
    y = powder_intensity("Pt", x, wavelength=0.7, size=20.0, fwhm=1e-3)
    above = x[y >= 0.5 * y.max()]
    centre = x[np.argmax(y)]
    width = np.degrees(2 / np.pi * 0.07 / 20.0) / np.cos(np.radians(centre / 2))
    assert above[-1] - above[0] == pytest.approx(width, rel=0.01)
    y = powder_intensity("Pt", x, wavelength=0.7, strain=0.005, fwhm=1e-3)
    above = x[y >= 0.5 * y.max()]
    width = np.degrees(8 / np.pi * 0.005) * np.tan(np.radians(centre / 2))
    assert above[-1] - above[0] == pytest.approx(width, rel=0.01)


def test_shape_and_order_of_the_angles_do_not_matter():
    x = np.array([[30.0, 17.8, 25.0], [40.0, 17.7, 8.0]])
    grid = powder_intensity("Pt", x, wavelength=0.7, size=4.0)
    assert grid.shape == (2, 3)
    for i in range(2):
        for j in range(3):
            one = powder_intensity("Pt", x[i, j : j + 1], wavelength=0.7, size=4.0)
            assert grid[i, j] == pytest.approx(one[0], rel=1e-9)
    assert powder_intensity("Pt", np.array([]), wavelength=0.7).size == 0


@pytest.mark.parametrize(
    "change",
    [
        {"wavelength": 100.0},
        {"size": 0.0},
        {"size": -3.0},
        {"strain": -0.1},
        {"fwhm": 0.0},
        {"two_theta": np.array([0.0, 10.0])},
        {"two_theta": np.array([np.nan])},
        {"two_theta": np.array([190.0])},
    ],
)
def test_values_outside_their_range_are_refused(change):
    settings = {"two_theta": np.array([10.0, 20.0]), "wavelength": 0.7, **change}
    with pytest.raises(SpecError):
        powder_intensity("Pt", settings.pop("two_theta"), **settings)


def test_an_unknown_name_is_refused():
    with pytest.raises(StructureError, match="known: LaB6"):
        powder_intensity("Unobtainium", np.array([10.0]), wavelength=0.7)


def test_angles_and_q_are_inverse_to_each_other():
    q = np.array([5.0, 30.0, 80.0])
    np.testing.assert_allclose(q_of_two_theta(two_theta_of_q(q, 0.7), 0.7), q, rtol=1e-12)
    assert np.isnan(two_theta_of_q(np.array([200.0]), 0.7))[0]
    assert np.isnan(bragg_angle(np.array([100.0**2]), 0.7))[0]
