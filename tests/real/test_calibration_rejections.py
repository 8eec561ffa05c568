"""Real frames that must not give a geometry: no calibrant, another calibrant, or disturbed."""

from functools import lru_cache

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.calibration import CalibrationVerdict
from xrdkit.errors import CalibrationRejected

#: file, its calibrant, edge of the pixels in m, wavelength in ångström
CERIA = ("dioptas/CeO2_Pilatus1M.tif", "CeO2", 172e-6, 0.4066)
TILTED = ("aps_usaxs_matilda/tilt_lab6/LaB6_tilt5comb_0047.hdf", "LaB6", 75e-6, 0.59040066)
BEHENATE = ("nexusformat/AgBehenate_228.hdf5", "AgBh", 172e-6, 0.73363)
LABORATORY = ("jscatter/calibration.tiff", "AgBh", 172e-6, 1.3414)
PAIRS = [
    *((CERIA, name) for name in ("AgBh", "LaB6", "Si", "alpha_Al2O3", "NaCl")),
    *((TILTED, name) for name in ("AgBh", "CeO2", "Si", "alpha_Al2O3")),
    *((BEHENATE, name) for name in ("LaB6", "CeO2", "Si", "alpha_Al2O3")),
    *((LABORATORY, name) for name in ("LaB6", "CeO2", "Si", "C14H30O")),
]
NOTHING = {
    "glassy carbon": ("gsas2_saxs_marccd/GC_5s_200.tif", 158e-6, 1.0332),
    "empty": ("gsas2_saxs_marccd/Empty_5s_014.tif", 158e-6, 1.0332),
    "dark": ("gsas2_saxs_marccd/Dark_5s_003.tif", 158e-6, 1.0332),
    "BSA": ("jscatter/BSA11mg.tiff", 172e-6, 1.3414),
    "buffer": ("jscatter/buffer.tiff", 172e-6, 1.3414),
}


@lru_cache(maxsize=2)
def opened(path):
    """Return the frames of a file, read once for tests in a row."""
    return xk.open_frames(path).load()


def tried(folder, frame, calibrant, **changes):
    """Calibrate a frame without a start, or as `changes` say."""
    file, _, pixel, wavelength = frame
    detector = xk.Detector(pixel_size_y=pixel, pixel_size_x=pixel)
    settings = {"detector": detector, "wavelength": wavelength, **changes}
    return xk.calibrate(opened(folder / "frames" / file), calibrant=calibrant, **settings)


@pytest.mark.parametrize("calibrant", ["AgBh", "LaB6"])
@pytest.mark.parametrize("name", NOTHING)
def test_frames_of_no_calibrant_are_rejected(data_dir, name, calibrant):
    file, pixel, wavelength = NOTHING[name]
    with pytest.raises(CalibrationRejected):
        tried(data_dir, (file, "", pixel, wavelength), calibrant)


@pytest.mark.parametrize(
    ("frame", "calibrant"), PAIRS, ids=[f"{frame[0].split('/')[-1]}-{n}" for frame, n in PAIRS]
)
def test_another_calibrant_is_rejected(data_dir, frame, calibrant):
    with pytest.raises(CalibrationRejected):
        tried(data_dir, frame, calibrant)


@pytest.mark.parametrize("calibrant", ["LaB6", "Si"])
def test_the_calibrant_of_the_frame_is_named(data_dir, calibrant):
    with pytest.raises(CalibrationRejected) as refusal:
        tried(data_dir, CERIA, calibrant)
    assert "CeO2 at 208.7" in refusal.value.hint


def test_the_wavelength_of_the_frame_is_named(data_dir):
    with pytest.raises(CalibrationRejected) as refusal:
        tried(data_dir, CERIA, "CeO2", wavelength=0.5)
    named = float(refusal.value.hint.split("wavelength of about ")[1].split(" Å")[0])
    assert named == pytest.approx(0.4066, rel=0.02)


def test_pixels_that_the_header_contradicts_are_doubted(data_dir):
    twice = xk.Detector(pixel_size_y=344e-6, pixel_size_x=344e-6)
    result = tried(data_dir, CERIA, "CeO2", detector=twice)
    assert result.verdict is CalibrationVerdict.DOUBTFUL
    assert "172 µm, 344 are given" in result.reasons[0]
    assert result.calibration.direct_distance == pytest.approx(2 * 0.208714, rel=2e-3)


@pytest.mark.parametrize("calibrant", ["LaB6", "Si", "NaCl", "alpha_Al2O3"])
def test_another_calibrant_is_rejected_from_the_true_geometry(data_dir, calibrant):
    truth = tried(data_dir, CERIA, "CeO2")
    assert truth.verdict is CalibrationVerdict.ACCEPTED
    with pytest.raises(CalibrationRejected):
        xk.calibrate(
            opened(data_dir / "frames" / CERIA[0]), calibrant=calibrant, start=truth.calibration
        )


@pytest.mark.parametrize("kind", ["pixels", "rows", "blocks", "quadrants"])
def test_a_shuffled_frame_is_rejected(data_dir, kind):
    frames = opened(data_dir / "frames" / CERIA[0])
    counts = frames["counts"].values[0].astype(float)
    counts = np.where(counts < 0, 0, counts)
    random = np.random.default_rng(6)
    if kind == "pixels":
        counts = random.permutation(counts.ravel()).reshape(counts.shape)
    elif kind == "rows":
        counts = counts[random.permutation(len(counts))]
    elif kind == "quadrants":
        counts = np.roll(counts, (500, 430), axis=(0, 1))
    else:
        cut = counts[:1040, :960].reshape(26, 40, 24, 40).swapaxes(1, 2).reshape(-1, 40, 40)
        cut = cut[random.permutation(len(cut))].reshape(26, 24, 40, 40)
        counts[:1040, :960] = cut.swapaxes(1, 2).reshape(1040, 960)
    shuffled = frames.assign(counts=(frames["counts"].dims, counts[None], frames["counts"].attrs))
    _, _, pixel, wavelength = CERIA
    detector = xk.Detector(pixel_size_y=pixel, pixel_size_x=pixel)
    with pytest.raises(CalibrationRejected):
        xk.calibrate(shuffled, calibrant="CeO2", detector=detector, wavelength=wavelength)
