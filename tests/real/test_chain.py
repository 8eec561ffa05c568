"""From a measured detector frame to a lattice parameter, with the geometry others published."""

import pytest

import xrdkit as xk


@pytest.mark.parametrize(
    ("frame", "geometry", "phase", "reach", "lattice_angstrom"),
    [
        ("CeO2_Pilatus1M.tif", "CeO2_Pilatus1M.poni", "CeO2", (6.0, 30.0), 5.4113),
        ("LaB6_40keV_MarCCD.tif", "LaB6_40keV_MarCCD.poni", "LaB6", (3.0, 22.0), 4.1569),
    ],
)
def test_a_calibrant_frame_gives_its_lattice_parameter(
    data_dir, frame, geometry, phase, reach, lattice_angstrom
):
    """The geometry files refer to the frame upside down."""
    folder = data_dir / "frames" / "dioptas"
    frames = xk.open_frames(folder / frame).isel(y=slice(None, None, -1))
    calibration = xk.load_calibration(folder / geometry)
    spec = xk.IntegrationSpec(unit="two_theta", bins=1200, range=reach, polarization=0.99)
    profile = xk.integrate(frames, calibration, spec)
    result = xk.refine_phases(profile, [phase])
    found = result["lattice"].sel(phase=phase).values.ravel() * 10
    assert abs(found[0] / lattice_angstrom - 1) < 300e-6
    assert set(found) == {found[0]}
