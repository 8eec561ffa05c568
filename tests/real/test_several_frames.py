"""Joint fits of measured calibrant frames: what they give, and that they refuse what they cannot.

Three frames of one detector at one nominal wavelength of 0.59040066 Å, each tilted otherwise, and
one frame of silver behenate.
"""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.calibration import CalibrantExposure, CalibrationVerdict
from xrdkit.errors import CalibrationRejected
from xrdkit.simulate import pose

#: file, then the published direct distance m, beam centre px, tilt and its direction degree
TILTED = {
    "normal": ("LaB6_Normal_0042.hdf", 0.41623, (2831.86, 272.80), 0.0, 0.0),
    "tilt1": ("LaB6_tilt1_0043.hdf", 0.429682, (2766.06, 289.12), 9.159, 0.955),
    "tilt5": ("LaB6_tilt5comb_0047.hdf", 0.42053, (2760.96, 232.03), 12.782, 45.70),
}


@pytest.fixture(scope="module")
def tilted(data_dir):
    exposures = []
    detector = xk.Detector(pixel_size_y=75e-6, pixel_size_x=75e-6)
    for name, (file, distance, center, tilt, azimuth) in TILTED.items():
        frames = xk.open_frames(data_dir / "frames/aps_usaxs_matilda/tilt_lab6" / file)
        start = pose(
            distance=distance, center=center, tilt=tilt, tilt_azimuth=azimuth,
            wavelength=0.59040066, detector=detector,
        )  # fmt: skip
        result = xk.calibrate(frames, calibrant="LaB6", start=start)
        exposures.append(CalibrantExposure(result=result, place=name))
    return exposures


def test_one_wavelength_explains_three_tilts(tilted):
    result = xk.calibrate_several(tilted, rotations="own", refine_wavelength=False)
    assert result.verdict is CalibrationVerdict.ACCEPTED, result.reasons
    for each in tilted:
        found = result.calibrations[each.place]
        alone = each.result.calibration
        error = each.result.sigma["direct_distance"]
        assert found.direct_distance == pytest.approx(alone.direct_distance, abs=2 * error)
        assert found.tilt == pytest.approx(alone.tilt, abs=0.1)


def test_three_tilts_are_not_one_tilt(tilted):
    result = xk.calibrate_several(tilted, rotations="common", refine_wavelength=False)
    assert result.verdict is CalibrationVerdict.DOUBTFUL
    assert any("common tilts" in reason for reason in result.reasons)


def test_distances_that_are_not_known_do_not_give_the_wavelength(tilted):
    """Rings to 27° whose points scatter by half a pixel know it to half a percent."""
    with pytest.raises(CalibrationRejected, match=r"wavelength to 0\.\d\d% only"):
        xk.calibrate_several(tilted, rotations="own")


def test_one_frame_of_behenate_does_not_give_the_wavelength(data_dir):
    frames = xk.open_frames(data_dir / "frames/gsas2_saxs_marccd/AgBehenate_003.tif")
    mask = (frames["counts"].isel(frame=0) == 0).astype(np.uint16)
    detector = xk.Detector(pixel_size_y=158e-6, pixel_size_x=158e-6)
    start = pose(distance=0.564415, center=(482.66, 569.82), wavelength=1.0332, detector=detector)
    result = xk.calibrate(frames, calibrant="AgBh", start=start, mask=mask)
    with pytest.raises(CalibrationRejected, match=r"one distance.*correlation 0\.9999"):
        xk.calibrate_several([CalibrantExposure(result=result, place="saxs")])
