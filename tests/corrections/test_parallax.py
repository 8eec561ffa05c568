"""Parallax: the mean depth of absorption by integration, and the same displacement as pyFAI."""

import numpy as np
import pytest
from frames_in_memory import make_frames
from pyFAI.integrator.azimuthal import AzimuthalIntegrator
from pyFAI.parallax import Parallax as Reference
from pyFAI.parallax import ThinSensor
from scipy.integrate import quad

from xrdkit import correct
from xrdkit.corrections import Parallax
from xrdkit.corrections.parallax import mean_displacement
from xrdkit.geometry import Calibration, Detector

PIXEL = 172e-6
SHAPE = (300, 400)


def geometry(**turns: float) -> Calibration:
    return Calibration(
        distance=0.08,
        poni1=0.03,
        poni2=0.02,
        wavelength=0.5,
        detector=Detector(pixel_size_y=PIXEL, pixel_size_x=PIXEL, shape=SHAPE),
        **turns,
    )


@pytest.mark.parametrize("tangent", [0.01, 0.3, 1.0, 1.7])
@pytest.mark.parametrize("depth", [1e-3, 0.5, 5.0, 60.0])
def test_displacement_is_the_mean_over_the_absorbed_photons(tangent: float, depth: float) -> None:
    thickness = 500e-6
    mu = depth / thickness
    secant = np.hypot(1.0, tangent)

    def absorbed(z: float) -> float:
        return float(np.exp(-depth * z * secant))

    mean = quad(lambda z: z * absorbed(z), 0, 1, epsabs=1e-14)[0] / quad(absorbed, 0, 1)[0]
    found = mean_displacement(np.array([tangent]), mu, thickness)[0]
    assert found == pytest.approx(mean * thickness * tangent, rel=1e-6)


@pytest.mark.parametrize("turns", [{}, {"rot1": 0.3, "rot2": -0.2, "rot3": 0.1}])
@pytest.mark.parametrize(("thickness", "mu"), [(450e-6, 300.0), (1e-3, 5000.0), (320e-6, 20_000)])
def test_axes_are_those_of_pyfai(turns: dict[str, float], thickness: float, mu: float) -> None:
    calibration = geometry(**turns)
    step = Parallax(calibration=calibration, material="Si", thickness=thickness, mu=mu)
    shift = correct(make_frames(np.ones(SHAPE)), [step])["radial_shift"]
    peer = AzimuthalIntegrator(
        dist=0.08, poni1=0.03, poni2=0.02, pixel1=PIXEL, pixel2=PIXEL, wavelength=0.5e-10, **turns
    )
    plain = peer.array_from_unit(SHAPE, typ="center", unit="q_nm^-1")
    peer.parallax = Reference(ThinSensor(thickness=thickness, mu=mu))
    expected = peer.array_from_unit(SHAPE, typ="center", unit="q_nm^-1")
    q = calibration.radial(SHAPE, "q", shift=shift.values)
    assert np.max(np.abs(q / expected - 1)) < 1e-5
    # and it matters: more than that by an order and a half
    assert np.max(np.abs(plain / expected - 1)) > 3e-4
    chi = np.degrees(peer.chiArray(SHAPE))
    found = calibration.azimuth(SHAPE, shift=shift.values)
    turned = np.abs(np.mod(found - chi + 180, 360) - 180)
    assert np.max(turned) < 1e-2


def test_entry_and_shift_fit_together() -> None:
    """The entry point of every pixel, displaced by what its angle gives, is the pixel."""
    calibration = geometry()
    step = Parallax(calibration=calibration, material="CdTe", thickness=1e-3)
    shift = correct(make_frames(np.ones(SHAPE)), [step])["radial_shift"].values
    y, x = (np.arange(SHAPE[0]) + 0.5) * PIXEL, (np.arange(SHAPE[1]) + 0.5) * PIXEL
    seen = np.hypot(y[:, None] - 0.03, x[None, :] - 0.02)
    again = mean_displacement((seen - shift) / 0.08, step.record()["attenuation"], 1e-3)
    np.testing.assert_allclose(again, shift, rtol=1e-9, atol=1e-15)
    assert shift.min() >= 0
    assert shift.max() < 1e-3
