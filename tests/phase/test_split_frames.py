"""From frames with counting noise, through split pixels, to a cell: errors hold to the end."""

from dataclasses import replace

import numpy as np
import pytest
from frames_in_memory import make_frames

import xrdkit as xk
from xrdkit.geometry import Calibration, Detector
from xrdkit.phase import InstrumentWidths, powder_intensity

PIXEL = 172e-6
SHAPE = (220, 240)
CALIBRATION = Calibration(
    distance=0.1,
    poni1=-10 * PIXEL,
    poni2=-20 * PIXEL,
    wavelength=0.6,
    detector=Detector(pixel_size_y=PIXEL, pixel_size_x=PIXEL, shape=SHAPE),
)
RUNS = 200
TRANSMISSION = 0.03
SPEC = xk.RefinementSpec(
    instrument=InstrumentWidths(w=0.05**2), strain=False, background=3, cell_search=0.0
)


def integrated(calibration=CALIBRATION, *, count=RUNS, splitting="full"):
    generator = np.random.default_rng(13)
    angle = CALIBRATION.radial(SHAPE, "two_theta")
    lines = powder_intensity("CeO2", angle.ravel(), wavelength=0.6, size=5.0, fwhm=0.05)
    mean = 40.0 * lines.reshape(SHAPE) / lines.max() + 20.0
    mean *= CALIBRATION.solid_angle(SHAPE) * CALIBRATION.polarization(SHAPE, 0.99)
    counts = generator.poisson(mean, (count, *SHAPE)).astype(np.int32)
    stated = 0.5 * (1 + TRANSMISSION * generator.standard_normal(count))
    spec = xk.IntegrationSpec(
        unit="two_theta",
        bins=230,
        range=(9.5, 24.0),
        splitting=splitting,
        polarization=0.99,
        normalization=xk.Normalization(
            transmission=[float(t) for t in stated],
            transmission_sigma=[0.5 * TRANSMISSION] * count,
        ),
    )
    return xk.integrate(make_frames(counts), calibration, spec)


def test_pulls_have_unit_width():
    result = xk.refine_phases(integrated(), ["CeO2"], SPEC)
    assert set(result.verdict.values) == {"ok"}
    assert not {"offset", "correction"} & set(result.dims)
    assert all("share errors" in reason for reason in result.verdict_reason.values)
    assert np.sqrt(np.mean(result.gof**2)) == pytest.approx(1.0, abs=0.02)
    cell = (result.lattice - 0.5411651).values[:, 0, 0] / result.lattice_sigma.values[:, 0, 0]
    assert abs(cell.mean()) < 0.3
    assert cell.std() == pytest.approx(1.0, abs=0.1)
    for name in ("scale", "crystallite_size"):
        # Pixels two bins wide smear the lines: sizes come out small, equally so in every frame.
        value, sigma = result[name].values[:, 0], result[f"{name}_sigma"].values[:, 0]
        spread = ((value - value.mean()) / sigma).std()
        assert spread == pytest.approx(1.0, abs=0.15)


def test_the_distance_is_a_source_of_error_of_the_cell():
    relative = 1e-3
    variance = np.zeros((6, 6))
    variance[0, 0] = (relative * CALIBRATION.distance) ** 2
    known = replace(CALIBRATION, covariance=tuple(tuple(row) for row in variance.tolist()))
    result = xk.refine_phases(integrated(known, count=1), ["CeO2"], SPEC)
    geometry = [s for s in result.source.values if s.startswith("geometry")]
    errors = result.lattice_errors.sel(source=geometry).values[0, :, 0, 0]
    assert np.count_nonzero(np.abs(errors) > 1e-9) == 1
    error = np.abs(errors).max()
    longer = replace(CALIBRATION, distance=CALIBRATION.distance * (1 + relative))
    moved = xk.refine_phases(integrated(longer, count=1), ["CeO2"], SPEC)
    plain = xk.refine_phases(integrated(count=1), ["CeO2"], SPEC)
    change = abs((moved.lattice - plain.lattice).values[0, 0, 0])
    assert change == pytest.approx(0.92 * relative * 0.5411651, rel=0.05)
    assert error == pytest.approx(change, rel=0.1)
    scatter = result.lattice_errors.sel(source="counting").values[0, 0, 0]
    total = result.lattice_sigma.values[0, 0, 0]
    assert total == pytest.approx(np.hypot(scatter, error), rel=1e-6)
