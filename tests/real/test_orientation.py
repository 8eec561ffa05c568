"""Orientation of a rolled titanium alloy and of a grainy powder."""

import numpy as np
import pytest

import xrdkit as xk


def band(spacing, half):
    q = 2 * np.pi / spacing
    return (q - half, q + half)


@pytest.fixture(scope="module")
def alloy(data_dir):
    folder = data_dir / "frames" / "lightform_pixium"

    def cells(ends, bins=20):
        spec = xk.IntegrationSpec(
            unit="q",
            bins=bins,
            range=ends,
            azimuth_bins=72,
            polarization=0.95,
            mask=xk.load_mask(folder / "DLS_CeO2_1200mm.mask"),
        )
        frames = xk.open_frames(folder / "pixium_series_master.h5").isel(frame=[0, 5])
        calibration = xk.load_calibration(folder / "DLS_CeO2_1200mm_pyFAI.poni")
        return xk.cake(frames, calibration, spec)

    return cells


def test_rolled_titanium_has_the_directions_of_its_sheet(alloy):
    """α 101 lies along x, α 002 along y; the same in both frames, which are seconds apart."""
    for spacing, along in ((0.2244, 0.0), (0.2355, 90.0)):
        ends = band(spacing, 0.25)
        found = xk.orientation(alloy(ends), xk.OrientationSpec(range=ends))
        off = np.mod(found["mean_angle"].values - along + 90, 180) - 90
        assert np.abs(off).max() < 8
        assert float(found["p_isotropic"].max()) < 1e-6
        np.testing.assert_allclose(*found["hermans"].values, atol=0.01)
        # Coarse grains make spots on the rings, which no smooth maximum describes.
        assert set(found["verdict"].values) == {"misfit"}


def test_fit_and_harmonics_agree_on_a_broad_maximum(alloy):
    ends = band(0.2244, 0.25)
    found = xk.orientation(alloy(ends), xk.OrientationSpec(range=ends))
    harmonic = xk.texture(alloy(ends, bins=1), harmonics=4).isel(q=0)
    difference = np.abs(found["hermans"].values - harmonic["hermans"].values)
    assert np.all(difference < 2 * found["hermans_sigma"].values)
    np.testing.assert_allclose(found["mean_angle"], harmonic["phase"], atol=1.0)


def test_a_grainy_powder_is_a_misfit_and_not_a_direction(data_dir):
    folder = data_dir / "frames" / "dioptas"
    ends = band(0.31243, 0.4)
    calibration = xk.load_calibration(
        folder / "CeO2_Pilatus1M.poni", format="dioptas", detector="Pilatus1M"
    )
    spec = xk.IntegrationSpec(unit="q", bins=20, range=ends, azimuth_bins=72, polarization=0.95)
    cells = xk.cake(xk.open_frames(folder / "CeO2_Pilatus1M.tif"), calibration, spec)
    found = xk.orientation(cells, xk.OrientationSpec(range=ends)).isel(frame=0)
    assert str(found["verdict"].values) == "misfit"
    assert "errors" in str(found["verdict_reason"].values)
    assert abs(float(found["hermans"])) < 0.02
