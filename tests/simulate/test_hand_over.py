"""From frames to fractions: what integration hands over to refinement."""

from dataclasses import replace

import numpy as np
import pytest
from frames_in_memory import make_frames

import xrdkit as xk
from xrdkit.errors import CurveError
from xrdkit.geometry import Detector
from xrdkit.phase import embedded_structure
from xrdkit.simulate import (
    CrystalPhase,
    Exposure,
    Sample,
    VirtualInstrument,
    expected_counts,
    expose,
    pose,
)

PIXEL = 150e-6
SHAPE = (700, 700)
WAVELENGTH = 0.5


def tilted(tilt):
    detector = Detector(pixel_size_y=PIXEL, pixel_size_x=PIXEL, shape=SHAPE)
    calibration = pose(
        distance=0.12,
        center=(60.0, 620.0),
        tilt=tilt,
        tilt_azimuth=40.0,
        wavelength=WAVELENGTH,
        detector=detector,
    )
    return VirtualInstrument(name="corner", calibration=calibration, polarization=0.99)


def with_b(name, extra):
    structure = embedded_structure(name)
    sites = tuple(replace(s, b_iso=s.b_iso + extra) for s in structure.sites)
    return replace(structure, sites=sites)


def frame(instrument, shares, extra=0.3, seed=0):
    phases = {n: with_b(n, extra) for n in shares}
    volume = {n: w / phases[n].density for n, w in shares.items()}
    total = sum(volume.values())
    crystals = tuple(
        CrystalPhase(structure=phases[n], volume_fraction=0.6 * v / total, size=80.0)
        for n, v in volume.items()
    )
    sample = Sample(crystals=crystals, flat=5.0, line_width=0.12)
    exposure = Exposure(flux=5e10, time=1.0)
    counts = expose(instrument, expected_counts(instrument, sample, exposure), seed=seed)
    return make_frames(counts[np.newaxis] if counts.ndim == 2 else counts)


@pytest.mark.parametrize("tilt", [0.0, 12.0])
def test_fractions_and_displacements_come_through_a_frame(tilt):
    instrument = tilted(tilt)
    weights = {"Al2O3": 0.4, "ZnO": 0.25, "CaF2": 0.35}
    frames = frame(instrument, weights, seed=int(tilt))
    spec = xk.IntegrationSpec(unit="two_theta", bins=1500, range=(8.0, 42.0), polarization=0.99)
    profile = xk.integrate(frames, instrument.calibration, spec)
    result = xk.refine_phases(
        profile, list(weights), xk.RefinementSpec(b_iso=True, background=4, strain=False)
    )
    assert result["verdict"].values.item() == "ok"
    found = dict(zip(result.phase.values, result.weight_fraction.values.ravel(), strict=True))
    assert all(abs(100 * (found[n] - w)) < 0.3 for n, w in weights.items())
    added = dict(zip(result.phase.values, result.b_iso.values.ravel(), strict=True))
    for name in weights:
        structure = with_b(name, 0.3)
        counts = np.array(structure.atoms_per_cell())
        true = counts @ [s.b_iso for s in structure.sites] / counts.sum()
        assert added[name] == pytest.approx(true, abs=0.02)


def test_a_profile_that_is_not_corrected_is_refused():
    instrument = tilted(0.0)
    frames = frame(instrument, {"CaF2": 1.0})
    for settings in ({"solid_angle": False, "polarization": 0.99}, {"polarization": None}):
        spec = xk.IntegrationSpec(unit="two_theta", bins=500, range=(8.0, 40.0), **settings)
        profile = xk.integrate(frames, instrument.calibration, spec)
        with pytest.raises(CurveError, match="not corrected for"):
            xk.refine_phases(profile, ["CaF2"])
