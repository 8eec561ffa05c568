"""Measured series: what changed is found, by how much, and nothing is called good that is not."""

import numpy as np
import pytest

import xrdkit as xk

SERIES = "frames/aps_usaxs_matilda/thermal_series"
WAVELENGTH = 0.59040066


@pytest.fixture(scope="module")
def thermal(data_dir):
    """Profiles of the SAXS detector, by the geometry in its header (pixels of 172 µm)."""
    frames = xk.open_frames(str(data_dir / SERIES / "saxs" / "*.hdf"))
    pixel = 172e-6
    geometry = xk.Calibration(
        distance=float(frames.distance_header[0]) * 172 / 150,
        poni1=(float(frames.beam_center_x_header[0]) + 0.5) * pixel,
        poni2=(float(frames.beam_center_y_header[0]) + 0.5) * pixel,
        wavelength=WAVELENGTH,
        detector=xk.Detector(pixel_size_y=pixel, pixel_size_x=pixel),
    )
    shadow = np.zeros(frames.counts.shape[1:], dtype=bool)
    shadow[:, :4] = True
    spec = xk.IntegrationSpec(
        bins=340,
        range=(0.5, 17.4),
        polarization=0.99,
        mask=shadow,
        normalization=xk.Normalization(monitor="frame"),
    )
    return xk.integrate(frames, geometry, spec)


def has(quality, name):
    names = quality.flag.attrs["flag_meanings"].split()
    return (quality.flag.values & quality.flag.attrs["flag_masks"][names.index(name)]) > 0


@pytest.mark.parametrize("polymer", ["PU", "PPOH"])
def test_melting_is_a_change_of_shape(thermal, polymer):
    order = ["25C_orig", "225C_1", "25C_2", "225C_3", "25C_4"]
    files = [str(f) for f in thermal.source_file.values]
    at = [next(k for k, f in enumerate(files) if f.startswith(f"{polymer}_{o}")) for o in order]
    quality = xk.frame_quality(thermal.isel(frame=at))
    assert has(quality, "shape_changed").tolist() == [False, True, True, True, True]
    assert quality.keep.values.tolist() == [True, False, False, False, False]
    change = quality.shape_change.values
    # The melt differs by half; what crystallised again, by a tenth.
    assert change[[1, 3]].min() > 0.4
    assert change[[2, 4]].max() < 0.2
    assert not has(quality, "dropped_beam").any()


def test_two_frames_of_one_heater_agree_within_half_a_percent(thermal):
    """Their counts tell the two apart: level by 0.2 %, shape by 0.4 %, far beyond counting."""
    blanks = [k for k, f in enumerate(thermal.source_file.values) if f.startswith("HeaterBlank")]
    two = thermal.isel(frame=blanks)
    quality = xk.frame_quality(two)
    assert float(quality.scale[1]) == pytest.approx(1.0, abs=0.003)
    assert 0.002 < float(quality.shape_change[1]) < 0.005
    assert has(quality, "shape_changed")[1]
    assert xk.frame_quality(two, tolerance=0.005).keep.all()
    both = xk.average(two)
    assert int(both.n_frames[0]) == 2
    ratio = both.intensity[0] / two.intensity[0]
    assert float(np.abs(ratio - 1).median()) < 0.005


def test_frames_of_a_powder_series_scatter_by_its_grains(data_dir):
    """Six frames of CeO2: rings of few grains differ by 1 %, above the counts of the panel."""
    folder = data_dir / "frames" / "lightform_pixium"
    frames = xk.open_frames(folder / "pixium_series_master.h5")
    spec = xk.IntegrationSpec(
        unit="two_theta",
        edges=np.linspace(1.2, 9.0, 201),
        mask=xk.load_mask(folder / "DLS_CeO2_1200mm.mask"),
        polarization=0.99,
    )
    calibration = xk.load_calibration(folder / "DLS_CeO2_1200mm_pyFAI.poni")
    profile = xk.integrate(frames, calibration, spec)
    quality = xk.frame_quality(profile)
    assert not (has(quality, "blank") | has(quality, "dropped_beam")).any()
    assert 0.005 < float(quality.shape_change.max()) < 0.015
    assert np.abs(quality.scale - 1).max() < 0.01
    assert xk.frame_quality(profile, tolerance=0.015).keep.all()


def test_protein_and_its_buffer_are_told_apart(data_dir):
    folder = data_dir / "frames" / "jscatter"
    frames = xk.open_frames([folder / "BSA11mg.tiff", folder / "buffer.tiff"])
    pixel = 172e-6
    calibration = xk.Calibration(
        distance=1.12984,
        poni1=372.5 * pixel,
        poni2=197 * pixel,
        wavelength=1.3414,
        detector=xk.Detector(pixel_size_y=pixel, pixel_size_x=pixel),
    )
    spec = xk.IntegrationSpec(
        bins=150, range=(0.2, 3.5), spacing="log", polarization=None,
        normalization=xk.Normalization(time=(1200.0, 1185.0)),
    )  # fmt: skip
    quality = xk.frame_quality(xk.integrate(frames, calibration, spec), reference=1)
    assert has(quality, "shape_changed").tolist() == [True, False]
    assert float(quality.shape_change[0]) > 0.2
