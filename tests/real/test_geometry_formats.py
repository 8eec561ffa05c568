"""Geometries that others published with their frames, read from their files and held to the rings.

What is known: Dioptas shows frames upside down; the numbers that the beamline keeps in its headers
are Nika's, with x for the row and pixels counted from the middle of the first; Fit2D's tilts
are those of the same frames.
"""

from dataclasses import replace

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.calibration import CalibrationVerdict, find_orientation
from xrdkit.calibration.formats.pose import pose_of, transposed

TILTED = {
    "LaB6_tilt1_0043.hdf": (429.81, 9.22, "429.682", "9.159", "0.955", (2766.06, 289.12)),
    "LaB6_tilt5comb_0047.hdf": (420.51, 12.71, "420.53", "12.782", "45.70", (2760.96, 232.03)),
}


def off(found, truth, shape):
    """Return the rms difference of two geometries in 2θ, as pixels near the beam."""
    difference = found.two_theta(shape) - truth.two_theta(shape)
    return float(np.sqrt(np.mean(difference**2))) * truth.direct_distance / 75e-6


@pytest.mark.parametrize(
    ("name", "calibrant", "columns_told"),
    [("CeO2_Pilatus1M", "CeO2", True), ("LaB6_40keV_MarCCD", "LaB6", False)],
)
def test_frames_of_dioptas_are_found_to_be_upside_down(data_dir, name, calibrant, columns_told):
    folder = data_dir / "frames" / "dioptas"
    frames = xk.open_frames(folder / f"{name}.tif")
    mask = (frames["counts"].isel(frame=0) == 0).astype(np.uint16) if not columns_told else None
    as_written = xk.load_calibration(folder / f"{name}.poni")
    found = find_orientation(frames, as_written, calibrant=calibrant, mask=mask)
    assert (found.orientation, found.transposed, found.changed) == (2, False, True)
    assert found.sharpness[3, False] < 0.3
    # The beam of the MarCCD frame is in the middle of its columns.
    assert ((1, False) in found.alternatives) == (not columns_told)
    told = xk.load_calibration(folder / f"{name}.poni", format="dioptas")
    assert told.detector.orientation == 2
    if not columns_told:
        return  # the larger frame takes its time
    again = find_orientation(frames, told, calibrant=calibrant, mask=mask)
    assert not again.changed
    assert again.calibration.beam_center == found.calibration.beam_center


@pytest.mark.parametrize("name", TILTED)
def test_headers_with_the_numbers_of_nika_place_the_rings(data_dir, name):
    """The conversion of Nika's tilts: 0.5 px from the refined geometry; other signs are 8 or more.

    The distance is the header's 430.67 and 421.02 mm, 0.2 % and 0.1 % from the refined one.
    """
    path = data_dir / "frames" / "aps_usaxs_matilda" / "tilt_lab6" / name
    frames, header = xk.open_frames(path), xk.load_calibration(path)
    shape = (frames.sizes["y"], frames.sizes["x"])
    assert header.detector.shape == shape
    refined = xk.calibrate(frames, calibrant="LaB6", start=header)
    assert refined.verdict is CalibrationVerdict.ACCEPTED
    distance, tilt = TILTED[name][:2]
    assert refined.calibration.direct_distance == pytest.approx(distance * 1e-3, rel=1e-3)
    assert refined.calibration.tilt == pytest.approx(tilt, abs=0.1)
    assert off(header, refined.calibration, shape) < 0.6


@pytest.mark.parametrize("name", TILTED)
def test_published_values_of_fit2d_are_the_tilt_of_the_refined_geometry(data_dir, tmp_path, name):
    distance, tilt, d, lean, rotation, center = TILTED[name]
    text = f"directDist = {d}\ntilt = {lean}\ntiltPlanRotation = {rotation}\n" + (
        f"centerX = {center[0]}\ncenterY = {center[1]}\npixelX = 75\npixelY = 75\n"
    )
    (tmp_path / "fit2d.txt").write_text(text)
    start = xk.load_calibration(tmp_path / "fit2d.txt", wavelength=0.59040066)
    path = data_dir / "frames" / "aps_usaxs_matilda" / "tilt_lab6" / name
    refined = xk.calibrate(xk.open_frames(path), calibrant="LaB6", start=start)
    assert refined.verdict is CalibrationVerdict.ACCEPTED
    assert 1e3 * refined.calibration.direct_distance == pytest.approx(distance, rel=1e-3)
    ours, theirs = pose_of(refined.calibration), pose_of(start)
    assert np.degrees(ours.tilt - theirs.tilt) == pytest.approx(0, abs=0.15)
    assert np.degrees(ours.direction - theirs.direction) == pytest.approx(0, abs=1.5)
    assert np.degrees(ours.tilt) == pytest.approx(tilt, abs=0.1)


@pytest.mark.parametrize(
    ("file", "calibrant"),
    [
        ("aps_usaxs_matilda/tilt_lab6/LaB6_Normal_0042.hdf", "LaB6"),
        ("aps_usaxs_matilda/tilt_lab6/LaB6_tilt5comb_0047.hdf", "LaB6"),
        ("nexusformat/AgBehenate_228.hdf5", "AgBh"),
    ],
)
def test_headers_that_call_rows_x_are_found_to(data_dir, file, calibrant):
    path = data_dir / "frames" / file
    frames, header = xk.open_frames(path), xk.load_calibration(path)
    found = find_orientation(frames, header, calibrant=calibrant)
    assert not found.changed
    assert found.alternatives == ()
    # As one reads it who takes x for the column:
    naive = replace(transposed(header), detector=header.detector)
    found = find_orientation(frames, naive, calibrant=calibrant)
    assert (found.orientation, found.transposed) == (3, True)
    assert found.calibration.beam_center == pytest.approx(header.beam_center, abs=1e-9)


def test_the_header_of_silver_behenate_is_read_half_a_pixel_from_the_refined_centre(data_dir):
    path = data_dir / "frames" / "nexusformat" / "AgBehenate_228.hdf5"
    header = xk.load_calibration(path)
    assert header.direct_distance == pytest.approx(0.5138)
    assert header.wavelength == pytest.approx(0.73363, abs=1e-5)
    assert header.detector.shape == (195, 487)
    # -5.42 and 85.86 from the middle of the first pixel; the fit says -4.89 and 86.32.
    assert header.beam_center == pytest.approx((-4.89, 86.32), abs=0.05)


@pytest.mark.parametrize("kind", ["fit2d", "gsas", "nika", "dioptas"])
def test_published_geometries_survive_every_format(data_dir, tmp_path, kind):
    shape = (1043, 981)
    path = data_dir / "frames" / "dioptas" / "CeO2_Pilatus1M.poni"
    told = xk.load_calibration(path, format="dioptas", detector="Pilatus1M")
    assert told.detector.orientation == 2
    saved = xk.save_calibration(told, tmp_path / kind, format=kind)
    back = xk.load_calibration(saved, format=kind)
    assert back.detector == told.detector
    for ours, theirs in zip(back.positions(shape), told.positions(shape), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)
