"""Geometry files of other programs: every pixel back in its place, and what each one means."""

import json
import logging
import math
import tempfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pyFAI
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyFAI.geometry import Geometry
from scipy.spatial.transform import Rotation

import xrdkit as xk
from xrdkit.calibration.formats.pose import as_stored, from_stored, pose_of, rotation
from xrdkit.errors import (
    CalibrationError,
    CalibrationImplausible,
    CalibrationSyntax,
    SpecError,
    StoreError,
)

SHAPE = (37, 53)
FORMATS = ("poni", "fit2d", "gsas", "nika")


def detector(orientation=3, shape=SHAPE):
    return xk.Detector(
        pixel_size_y=1.72e-4, pixel_size_x=1.5e-4, shape=shape, orientation=orientation
    )


def random_geometry(random, orientation, *, spin=True):
    return xk.Calibration(
        distance=random.uniform(0.05, 3.0),
        poni1=random.normal() / 10,
        poni2=random.normal() / 10,
        rot1=random.uniform(-0.9, 0.9),
        rot2=random.uniform(-0.9, 0.9),
        rot3=random.uniform(-3, 3) if spin else 0.0,
        wavelength=random.uniform(0.1, 2.3),
        detector=detector(orientation),
    )


def apart(first, second, shape=SHAPE):
    """Return by how much any pixel differs in place, m."""
    pairs = zip(first.positions(shape), second.positions(shape), strict=True)
    return max(float(np.max(np.abs(a - b))) for a, b in pairs)


def written(tmp_path, text, name="geometry.txt"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_pixel_comes_back_from_every_format(tmp_path, kind, orientation):
    random = np.random.default_rng(orientation)
    for k in range(25):
        calibration = random_geometry(random, orientation)
        path = xk.save_calibration(calibration, tmp_path / f"{k}", format=kind)
        back = xk.load_calibration(path)
        assert back.detector == calibration.detector
        assert back.wavelength == pytest.approx(calibration.wavelength, rel=1e-15)
        assert apart(back, calibration) < 1e-9


@pytest.mark.parametrize("kind", [*FORMATS, "dioptas"])
def test_no_geometry_is_too_odd_to_come_back(tmp_path, kind):
    rng = np.random.default_rng(7)
    for number in range(60):
        shape = tuple(int(n) for n in rng.integers(1, 40, 2))
        pixel = float(10 ** rng.uniform(-5.3, -3.5))
        most = (0.0, 1e-3, 0.3, 1.2)[number % 4]  # rad: none, hardly any, some, nearly edge on
        calibration = xk.Calibration(
            distance=float(10 ** rng.uniform(-2, 1.5)),
            poni1=float(rng.uniform(-1, 1)),
            poni2=float(rng.uniform(-1, 1)),
            rot1=float(rng.uniform(-most, most)),
            rot2=float(rng.uniform(-most, most)),
            rot3=(0.0, math.pi, -math.pi, float(rng.uniform(-4, 4)))[number // 4 % 4],
            wavelength=float(rng.uniform(0.05, 5)),
            detector=xk.Detector(
                pixel_size_y=pixel * float(rng.uniform(0.3, 3)),
                pixel_size_x=pixel,
                shape=shape,
                orientation=1 + number % 4 if number % 3 else 3,
            ),
        )
        path = xk.save_calibration(calibration, tmp_path / "geometry.txt", format=kind)
        back = xk.load_calibration(path)
        assert back.detector == calibration.detector
        assert back.wavelength == pytest.approx(calibration.wavelength, rel=1e-12)
        away = np.subtract(back.positions(shape), calibration.positions(shape))
        assert np.abs(away).max() < 1e-9, calibration


def test_a_distance_in_the_wrong_unit_is_warned_of(tmp_path, caplog):
    for name, text in (
        ("fit2d.txt", "directDist = 8.4\ncenterX = 10\ncenterY = 20\nwavelength = 1.0\n"),
        ("long.txt", "directDist = 42053\ncenterX = 10\ncenterY = 20\nwavelength = 1.0\n"),
    ):
        caplog.clear()
        (tmp_path / name).write_text(text)
        xk.load_calibration(tmp_path / name, detector="Pilatus300k")
        assert "unusual" in caplog.text


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", ["fit2d", "gsas", "nika"])
def test_a_program_without_orientation_sees_the_angles_of_the_stored_frame(
    tmp_path, kind, orientation
):
    """Without our note, what is written is the geometry of the frame row by row as it is."""
    calibration = random_geometry(np.random.default_rng(7), orientation, spin=False)
    path = xk.save_calibration(calibration, tmp_path / "all", format=kind)
    lines = path.read_text().splitlines()
    bare = written(tmp_path, "\n".join(line for line in lines if "xrdkit" not in line))
    seen = xk.load_calibration(bare, detector=detector(3))
    assert seen.detector.orientation == 3
    difference = seen.two_theta(SHAPE) - calibration.two_theta(SHAPE)
    assert float(np.max(np.abs(difference))) * calibration.distance < 1e-9


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
def test_dioptas_gets_the_geometry_of_the_frame_upside_down(tmp_path, orientation):
    calibration = random_geometry(np.random.default_rng(8), orientation)
    path = xk.save_calibration(calibration, tmp_path / "dioptas.poni", format="dioptas")
    # pyFAI's own 2θ is of single precision; its places are not.
    place = pyFAI.load(str(path)).position_array(SHAPE, corners=False)
    theirs = np.arctan2(np.hypot(place[..., 1], place[..., 2]), place[..., 0])
    np.testing.assert_allclose(theirs[::-1], calibration.two_theta(SHAPE), rtol=0, atol=1e-12)
    text = path.read_text()
    # What Dioptas writes itself has no note, and looks like a file of pyFAI.
    path.write_text("".join(x for x in text.splitlines(True) if "upside down" not in x))
    back = xk.load_calibration(path, format="dioptas")
    assert back.detector.orientation == 2
    np.testing.assert_allclose(
        back.two_theta(SHAPE), calibration.two_theta(SHAPE), rtol=0, atol=1e-12
    )
    path.write_text(text)
    for kind in (None, "dioptas"):
        same = xk.load_calibration(path, format=kind)
        assert same.detector == calibration.detector
        away = np.subtract(same.positions(SHAPE), calibration.positions(SHAPE))
        assert np.abs(away).max() < 1e-9
    # A record that a program appended since is not ours: the note does not speak of it.
    path.write_text(text + text.replace("upside down", "so"))
    assert xk.load_calibration(path).detector.orientation == 2


@pytest.mark.parametrize("orientation", [1, 2, 3, 4])
def test_the_stored_view_keeps_every_angle_and_comes_back(orientation):
    random = np.random.default_rng(9)
    mirrored = {1: (-1, -1), 2: (-1, 1), 3: (1, 1), 4: (1, -1)}[orientation]
    for _ in range(10):
        calibration = random_geometry(random, orientation)
        stored = as_stored(calibration)
        ours, theirs = calibration.positions(SHAPE), stored.positions(SHAPE)
        for sign, a, b in zip((*mirrored, 1), ours, theirs, strict=True):
            np.testing.assert_allclose(sign * a, b, rtol=0, atol=1e-12)
        assert apart(from_stored(stored, orientation), calibration) < 1e-12


def test_the_matrix_is_that_of_the_positions():
    calibration = random_geometry(np.random.default_rng(10), 3)
    turn = rotation(calibration)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-15)
    y, x = 20, 31
    point = np.array(
        [
            (y + 0.5) * 1.72e-4 - calibration.poni1,
            (x + 0.5) * 1.5e-4 - calibration.poni2,
            calibration.distance,
        ]
    )
    place = [float(t[y, x]) for t in calibration.positions(SHAPE)]
    np.testing.assert_allclose(turn @ point, place, atol=1e-15)
    pose = pose_of(calibration)
    assert pose.direct_distance == pytest.approx(calibration.direct_distance, rel=1e-15)
    assert math.degrees(pose.tilt) == pytest.approx(calibration.tilt, rel=1e-12)
    centre = (pose.center[0] / 1.5e-4, pose.center[1] / 1.72e-4)
    assert centre == pytest.approx(calibration.beam_center, rel=1e-12)


# Fit2D, against pyFAI


def pyfai_of(calibration):
    own = calibration.detector
    device = pyFAI.detectors.Detector(own.pixel_size_y, own.pixel_size_x, max_shape=own.shape)
    values = [getattr(calibration, k) for k in ("distance", "poni1", "poni2", "rot1", "rot2")]
    made = Geometry(*values, calibration.rot3, detector=device)
    made.wavelength = calibration.wavelength * 1e-10
    return made


@pytest.mark.parametrize("kind", ["json", "lines", "colons"])
def test_what_pyfai_calls_fit2d_is_read_as_pyfai_reads_it(tmp_path, kind):
    random = np.random.default_rng(11)
    keys = ("directDist", "centerX", "centerY", "tilt", "tiltPlanRotation", "pixelX", "pixelY")
    for _ in range(20):
        calibration = random_geometry(random, 3)
        fit2d = pyfai_of(calibration).getFit2D()
        values = {key: float(fit2d[key]) for key in (*keys, "wavelength")}
        text = {
            "json": json.dumps(values, indent=1),
            "lines": "\n".join(f"{k} = {v!r}" for k, v in values.items()),
            "colons": "\n".join(f"{k}: {v!r}" for k, v in values.items()),
        }[kind]
        ours = xk.load_calibration(written(tmp_path, text), detector=detector())
        device = pyFAI.detectors.Detector(1.72e-4, 1.5e-4, max_shape=SHAPE)
        theirs = Geometry(1, detector=device)
        theirs.setFit2D(**{key: values[key] for key in keys})
        place = theirs.position_array(SHAPE, corners=False)
        for axis, t in ((1, 0), (2, 1), (0, 2)):
            np.testing.assert_allclose(place[..., axis], ours.positions(SHAPE)[t], atol=1e-9)


def test_our_fit2d_text_holds_the_numbers_of_pyfai(tmp_path):
    calibration = random_geometry(np.random.default_rng(12), 3)
    text = xk.save_calibration(calibration, tmp_path / "f", format="fit2d").read_text()
    ours = dict(line.split("  #")[0].split(" = ") for line in text.splitlines() if " = " in line)
    theirs = pyfai_of(calibration).getFit2D()
    for key, value in ours.items():
        assert float(value) == pytest.approx(theirs[key], rel=1e-9), key


FIT2D_LOG = """INFO: Refined Beam centre =      950.000     910.000 (pixels)
INFO: Refined Beam centre =       45.1       42.7 (mm)
INFO: Refined sample to detector distance =       79.1 mm
INFO: Refined Beam centre =      956.389     913.277 (pixels)
INFO: Refined Beam centre =       45.165      42.770 (mm)
INFO: Refined sample to detector distance =       80.637 mm
INFO: Refined wavelength =      0.70848 Angstroms
      Energy (keV) =     17.50014
INFO: Refined tilt plane rotation angle =       86.421 degrees
INFO: Refined tilt angle =       -0.750 degrees
INFO: ROT X =       -0.047   ROT Y =       -0.749 degrees
"""


def test_the_text_of_a_fit2d_calibration_is_read(tmp_path):
    """Numbers of a published log; the pixel size follows from the centre in both units."""
    found = xk.load_calibration(written(tmp_path, FIT2D_LOG))
    assert found.direct_distance == pytest.approx(0.080637, rel=1e-12)
    assert found.beam_center == pytest.approx((956.389, 913.277), abs=1e-9)
    assert found.tilt == pytest.approx(0.75, abs=1e-9)
    assert found.wavelength == 0.70848
    assert found.detector.pixel_size_x == pytest.approx(47.22e-6, rel=2e-4)
    # The two rotations that Fit2D itself prints: about x and y, the detector leads away by them.
    a, b = pose_of(found).slopes
    assert math.degrees(math.asin(b)) == pytest.approx(-0.047, abs=6e-4)
    assert math.degrees(math.asin(a)) == pytest.approx(-0.749, abs=6e-4)
    exact = replace(detector(), pixel_size_x=47.2245e-6, pixel_size_y=46.8314e-6)
    assert xk.load_calibration(written(tmp_path, FIT2D_LOG), detector=exact).detector == exact


# GSAS-II: numbers of a published file (GSAS-II tutorials, PythonScript)

IMCTRL = """type:PWDR
wavelength:0.241591903732
calibrant:Si    SRM640c
distance:799.996
center:[207.19238005247112, 204.69313574215306]
Oblique:[0.5, False]
tilt:-0.208383931505
rotation:3.38243362973
azmthOff:0.0
LRazimuth:[0.0, 360.0]
DetDepth:0.0629011186503
varyList:{'dist': False, 'det-X': True}
dark image:['', -1.0]
"""


def gsas_two_theta(x, y, distance, center, tilt, phi):
    """Return 2θ of points in mm: R T Rᵀ of the detector plane, then along the beam."""
    turn = Rotation.from_euler("z", phi, degrees=True)
    lean = Rotation.from_euler("x", tilt, degrees=True)
    flat = np.stack([x - center[0], y - center[1], np.zeros_like(x)], axis=-1).reshape(-1, 3)
    place = (turn * lean * turn.inv()).apply(flat)
    place[:, 2] += distance / math.cos(math.radians(tilt))
    return np.arctan2(np.hypot(place[:, 0], place[:, 1]), place[:, 2]).reshape(x.shape)


def test_image_controls_mean_what_gsas_ii_makes_of_them(tmp_path, caplog):
    path = written(tmp_path, IMCTRL)
    pixels = xk.Detector(pixel_size_y=2e-4, pixel_size_x=2e-4, shape=(2048, 2048))
    with caplog.at_level(logging.WARNING, logger="xrdkit"):
        found = xk.load_calibration(path, detector=pixels)
    assert "DetDepth" in caplog.text
    assert found.wavelength == 0.241591903732
    assert found.distance == pytest.approx(0.799996, rel=1e-12)
    centers = (np.arange(2048) + 0.5) * 0.2
    x, y = np.meshgrid(centers[::50], centers[::50])
    for tilt, phi in ((-0.208383931505, 3.38243362973), (35.0, -102.16), (-20.0, 70.0)):
        text = IMCTRL.replace("tilt:-0.208383931505", f"tilt:{tilt}")
        text = text.replace("rotation:3.38243362973", f"rotation:{phi}")
        found = xk.load_calibration(written(tmp_path, text), detector=pixels)
        center = (207.19238005247112, 204.69313574215306)
        theirs = gsas_two_theta(x, y, 799.996, center, tilt, phi)
        ours = found.two_theta((2048, 2048))[::50, ::50]
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_an_azimuth_offset_turns_about_the_beam(tmp_path):
    pixels = xk.Detector(pixel_size_y=2e-4, pixel_size_x=2e-4)
    plain = xk.load_calibration(written(tmp_path, IMCTRL), detector=pixels)
    text = IMCTRL.replace("azmthOff:0.0", "azmthOff:30.0")
    turned = xk.load_calibration(written(tmp_path, text), detector=pixels)
    by = (turned.azimuth(SHAPE) - plain.azimuth(SHAPE)) % 360.0
    np.testing.assert_allclose(by, 30.0, atol=1e-9)
    np.testing.assert_allclose(turned.two_theta(SHAPE), plain.two_theta(SHAPE), atol=1e-12)


def test_the_short_example_of_gsas_ii_is_read(tmp_path):
    text = "#comment\ntype:PWDR\nwavelength:0.62\ndistance:1000.0\n" + (
        "center:[ 200.0  200.0]\ntilt:-0.1\nrotation:270.0\n"
    )
    found = xk.load_calibration(written(tmp_path, text), detector="Perkin")
    assert found.beam_center == pytest.approx((1000.0, 1000.0))
    assert found.detector.shape == (2048, 2048)


# Nika

NIKA = "Nika_SampleToDetectorDistacne=420.66;Nika_Wavelength=0.59040066;Nika_XrayEnergy=21;" + (
    "Nika_PixelSizeX=0.075;Nika_PixelSizeY=0.075;Nika_HorizontalTilt=-9.416;"
    "Nika_VerticalTilt=9.134;Nika_BeamCenterX=231.53;Nika_BeamCenterY=2760.46;"
)


def test_nika_turns_about_its_tilt_vector(tmp_path):
    found = xk.load_calibration(written(tmp_path, NIKA))
    turn = Rotation.from_rotvec([9.134, -9.416, 0.0], degrees=True)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    flat = 0.075 * np.stack([x - 231.53, y - 2760.46, np.zeros_like(x)], axis=-1)
    place = turn.apply(flat.reshape(-1, 3)) + np.array([0, 0, 420.66])
    for axis, t in ((1, 0), (0, 1), (2, 2)):
        ours = found.positions(SHAPE)[t].ravel()
        np.testing.assert_allclose(ours, 1e-3 * place[:, axis], rtol=0, atol=1e-12)
    assert found.beam_center == pytest.approx((232.03, 2760.96))


def test_the_axes_of_nika_are_swapped_where_it_was_given_hdf5_frames(tmp_path):
    path = written(tmp_path, NIKA)
    straight, swapped = xk.load_calibration(path), xk.load_calibration(path, transposed=True)
    assert swapped.beam_center == pytest.approx((2760.96, 232.03))
    np.testing.assert_allclose(
        swapped.two_theta(SHAPE), straight.two_theta(SHAPE[::-1]).T, rtol=0, atol=1e-13
    )
    named = xk.Detector(pixel_size_y=75e-6, pixel_size_x=75e-6, shape=(512, 2068))
    found = xk.load_calibration(path, transposed=True, detector=named)
    assert found.detector == named


def test_the_energy_stands_in_for_the_wavelength_of_nika(tmp_path):
    text = NIKA.replace("Nika_Wavelength=0.59040066;", "")
    assert xk.load_calibration(written(tmp_path, text)).wavelength == pytest.approx(
        0.5904, rel=1e-4
    )


# NeXus


def nexus(path, *, units=True, wavelength=True, **detector_values):
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        instrument = entry.create_group("instrument")
        group = instrument.create_group("detector")
        group.attrs["NX_class"] = "NXdetector"
        for name, (value, unit) in detector_values.items():
            item = group.create_dataset(name, data=value)
            if units and unit:
                item.attrs["units"] = unit
        if wavelength:
            beam = instrument.create_group("beam")
            beam.attrs["NX_class"] = "NXbeam"
            beam["incident_wavelength"] = [0.7]
            beam["incident_wavelength"].attrs["units"] = "angstrom"
        group.create_dataset("data", shape=(2, *SHAPE), dtype="u4")
    return path


SIMPLE = {
    "distance": ([1500.0], "mm"),
    "beam_center_x": ([25.5], "pixel"),
    "beam_center_y": ([-3.25], "pixel"),
    "x_pixel_size": (0.15, "mm"),
    "y_pixel_size": (172.0, "um"),
}


def test_a_detector_of_nexus_without_tilt_is_read(tmp_path):
    found = xk.load_calibration(nexus(tmp_path / "a.nxs", **SIMPLE))
    assert found.distance == pytest.approx(1.5)
    assert found.beam_center == pytest.approx((25.5, -3.25))
    assert found.detector.pixel_size_y == pytest.approx(1.72e-4, rel=1e-15)
    assert found.detector.pixel_size_x == pytest.approx(1.5e-4, rel=1e-15)
    assert found.detector.shape == SHAPE
    assert found.wavelength == pytest.approx(0.7, rel=1e-15)
    metres = {**SIMPLE, "beam_center_x": (3.825, "mm"), "beam_center_y": (-5.59e-4, "m")}
    assert apart(xk.load_calibration(nexus(tmp_path / "b.nxs", **metres)), found) < 1e-15


def test_units_that_are_not_stated_are_guessed_only_where_one_is_possible(tmp_path, caplog):
    bare = {**SIMPLE, "y_pixel_size": (0.172, "")}
    with caplog.at_level(logging.WARNING, logger="xrdkit"):
        found = xk.load_calibration(nexus(tmp_path / "a.nxs", units=False, **bare))
    assert "distance has no unit; taken as mm" in caplog.text
    assert "beam_center_x has no unit; taken as pixels" in caplog.text
    assert found.distance == pytest.approx(1.5)
    unclear = {**SIMPLE, "y_pixel_size": (2.0, "")}
    with pytest.raises(CalibrationSyntax, match="y_pixel_size 2 has no unit"):
        xk.load_calibration(nexus(tmp_path / "b.nxs", units=False, **unclear))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("detector_orientation", np.diag([1.0, 0.9, 0.9]), "no unit matrix"),
        ("polar_angle", 12.0, "on an arm at 12"),
        ("depends_on", "transformations/yaw", "no module says how"),
        ("beam_center_y", [1.0, 2.0], "does not say beam_center_y"),
        ("distance", [100.0, 200.0], "does not say distance, or more than one"),
    ],
)
def test_a_detector_of_nexus_that_stands_otherwise_is_refused(tmp_path, name, value, says):
    path = nexus(tmp_path / "a.nxs", **SIMPLE)
    with h5py.File(path, "a") as file:
        group = file["entry/instrument/detector"]
        if name in group:
            del group[name]
        group[name] = value
    with pytest.raises(CalibrationSyntax, match=says):
        xk.load_calibration(path)


def test_the_energy_stands_in_for_the_wavelength_of_nexus(tmp_path):
    path = nexus(tmp_path / "a.nxs", wavelength=False, **SIMPLE)
    with pytest.raises(CalibrationSyntax, match="does not say the wavelength"):
        xk.load_calibration(path)
    assert xk.load_calibration(path, wavelength=0.7).wavelength == 0.7
    with h5py.File(path, "a") as file:
        group = file.create_group("entry/instrument/mono")
        group.attrs["NX_class"] = "NXmonochromator"
        group["energy"] = 12398.419843320026
        group["energy"].attrs["units"] = "eV"
    assert xk.load_calibration(path).wavelength == pytest.approx(1.0, rel=1e-9)


def transformation(parent, name, kind, value, unit, vector, depends_on, offset=None):
    item = parent.create_dataset(name, data=value)
    item.attrs["transformation_type"] = kind
    item.attrs["units"] = unit
    item.attrs["vector"] = vector
    item.attrs["depends_on"] = depends_on
    if offset is not None:
        item.attrs["offset"] = offset
        item.attrs["offset_units"] = "mm"


@pytest.mark.parametrize(
    ("fast", "slow", "orientation"),
    [
        ((-1, 0, 0), (0, -1, 0), 2),  # as Dectris writes: the first row on top
        ((-1, 0, 0), (0, 1, 0), 3),
        ((1, 0, 0), (0, -1, 0), 1),
        ((1, 0, 0), (0, 1, 0), 4),
        ((0, -1, 0), (-1, 0, 0), None),  # stood on its side
    ],
)
def test_a_module_of_nexus_stands_where_its_chain_puts_it(tmp_path, fast, slow, orientation):
    """Every pixel against the chain carried out with rotations of SciPy."""
    path = nexus(tmp_path / "m.nxs", distance=(999.0, "mm"))
    with h5py.File(path, "a") as file:
        group = file["entry/instrument/detector"]
        chain = group.create_group("transformations")
        transformation(chain, "z", "translation", 250.0, "mm", (0, 0, 1), ".")
        transformation(chain, "arm", "rotation", 12.0, "deg", (1, 0, 0), "z", (0.5, -1.0, 0.25))
        transformation(chain, "yaw", "rotation", -0.2, "rad", (0, 1, 0), "arm")
        module = group.create_group("module")
        at = "/entry/instrument/detector/transformations/yaw"
        transformation(module, "module_offset", "translation", 0, "mm", (0, 0, 1), at, (3, 4, 0))
        for name, vector, size in (("fast", fast, 0.15), ("slow", slow, 0.172)):
            item = f"{name}_pixel_direction"
            transformation(module, item, "translation", size, "mm", vector, "module_offset")
        module["data_size"] = SHAPE
    found = xk.load_calibration(path)
    assert orientation is None or found.detector.orientation == orientation
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    place = x[..., None] * 0.15 * np.array(fast) + y[..., None] * 0.172 * np.array(slow)
    place = Rotation.from_rotvec([0, -0.2, 0]).apply((place + np.array([3, 4, 0])).reshape(-1, 3))
    place = Rotation.from_rotvec([12.0, 0, 0], degrees=True).apply(place)
    place = 1e-3 * (place + np.array([0.5, -1.0, 250.25])).reshape(*SHAPE, 3)
    theirs = (place[..., 1], -place[..., 0], place[..., 2])
    for ours, expected in zip(found.positions(SHAPE), theirs, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        ("loop", "do not end"),
        ("outside", "is not in the file"),
        ("oblique", "not at right angles"),
        ("behind", "from the front"),
        ("untyped", "a vector and a type"),
    ],
)
def test_a_chain_that_leads_nowhere_is_refused(tmp_path, harm, says):
    path = nexus(tmp_path / "m.nxs")
    with h5py.File(path, "a") as file:
        group = file["entry/instrument/detector"]
        away = -250.0 if harm == "behind" else 250.0
        end = {"loop": "z", "outside": "/elsewhere/z"}.get(harm, ".")
        kind = "dance" if harm == "untyped" else "translation"
        transformation(group, "z", kind, away, "mm", (0, 0, 1), end)
        module = group.create_group("module")
        at = "/entry/instrument/detector/z"
        fast = (-1, -1, 0) if harm == "oblique" else (-1, 0, 0)
        transformation(module, "fast_pixel_direction", "translation", 0.1, "mm", fast, at)
        transformation(module, "slow_pixel_direction", "translation", 0.1, "mm", (0, -1, 0), at)
        module["data_size"] = SHAPE
    with pytest.raises(CalibrationSyntax, match=says):
        xk.load_calibration(path)


def test_numbers_of_nika_in_a_beamline_file_come_first(tmp_path):
    values = {**SIMPLE, "distance": (420.66, "mm"), "y_pixel_size": (0.15, "mm")}
    path = nexus(tmp_path / "a.hdf", wavelength=False, **values)
    with h5py.File(path, "a") as file:
        for name, value in (("center_x", 231.53), ("center_y", 2760.46)):
            file[f"entry/Metadata/waxs_ccd_{name}_pixel"] = [value]
        file["entry/Metadata/wavelength"] = [0.59040066]
        file["entry/Metadata/wavelength_EGU"] = np.array([b"A"], dtype="S256")
        file["entry/Metadata/waxs_ccd_tilt_x"] = [-9.416]
        file["entry/Metadata/waxs_ccd_tilt_y"] = [9.134]
    found = xk.load_calibration(path)
    assert found.beam_center == pytest.approx((2760.96, 232.03))
    assert found.detector.shape == SHAPE
    text = written(tmp_path, NIKA.replace("0.075", "0.15"))
    assert apart(found, xk.load_calibration(text, transposed=True)) < 1e-12


def test_nexus_files_without_one_placed_detector_are_refused(tmp_path):
    with h5py.File(tmp_path / "none.h5", "w") as file:
        file["entry/x"] = 1
    with pytest.raises(CalibrationSyntax, match="no NXdetector"):
        xk.load_calibration(tmp_path / "none.h5")
    device = pyFAI.detector_factory("Pilatus100k")
    device.save(str(tmp_path / "pyfai.h5"))
    with pytest.raises(CalibrationSyntax, match="pixels of a detector, not where it stands"):
        xk.load_calibration(tmp_path / "pyfai.h5")
    path = nexus(tmp_path / "two.nxs", **SIMPLE)
    with h5py.File(path, "a") as file:
        file.copy("entry/instrument/detector", "entry/instrument/second")
    with pytest.raises(CalibrationSyntax, match="holds 2 detectors"):
        xk.load_calibration(path)
    (tmp_path / "cut.nxs").write_bytes(path.read_bytes()[:900])
    with pytest.raises(CalibrationSyntax, match=r"cut\.nxs"):
        xk.load_calibration(tmp_path / "cut.nxs")


def test_links_out_of_a_nexus_file_are_not_followed(tmp_path):
    path = nexus(tmp_path / "a.nxs", **{k: v for k, v in SIMPLE.items() if k != "distance"})
    nexus(tmp_path / "other.nxs", **SIMPLE)
    with h5py.File(path, "a") as file:
        there = "entry/instrument/detector/distance"
        file[there] = h5py.ExternalLink("other.nxs", f"/{there}")
    with pytest.raises(CalibrationSyntax, match="no NXdetector with distance"):
        xk.load_calibration(path)


# what a file does not say


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (IMCTRL, "does not say the pixel size"),
        (IMCTRL.replace("wavelength:0.241591903732\n", ""), "does not say the wavelength"),
        (NIKA.replace("Nika_PixelSizeX=0.075;", ""), "does not say the pixel size"),
        ("directDist = 100\ncenterX = 1\ncenterY = 2\n", "does not say the wavelength"),
        ("directDist = 100\ncenterX = 1\n", "without centre y"),
        ("directDist = 100\ncenterX = 1\ncenterY = 2\ntilt = 3\n", "without tilt plane rotation"),
        ("tiltPlanRotation=1\ncenterX = 1\ncenterY = 2\ntilt = 3\n", "without direct distance"),
        (NIKA.replace("Nika_BeamCenterX=231.53;", ""), "without SampleToCCDDistance, BeamCenter"),
        (NIKA + "BeamCenterX=7", "given twice and differs"),
        (NIKA.replace("=9.134", "=9.1.34"), "not a number"),
        (IMCTRL.replace("tilt:-0.2", "tilt:x"), "not a number"),
        (IMCTRL.replace("distance:799.996\n", ""), "without distance"),
        (IMCTRL + "det2theta:30\n", "on an arm"),
        (IMCTRL.replace("[207.19238005247112,", "["), "not [x, y]"),
        (IMCTRL.replace("tilt:-0.2", "tilt:-190.2"), "not within 90"),
    ],
)
def test_what_is_missing_or_wrong_is_named(tmp_path, text, says):
    with pytest.raises(CalibrationSyntax) as caught:
        xk.load_calibration(written(tmp_path, text))
    assert says in str(caught.value)
    assert "geometry.txt" in str(caught.value)


def test_what_is_missing_can_be_given_and_a_contradiction_is_refused(tmp_path):
    path = written(tmp_path, "directDist = 100\ncenterX = 1\ncenterY = 2\n")
    found = xk.load_calibration(path, wavelength=1.0, detector="Pilatus1M")
    assert found.detector.shape == (1043, 981)
    assert found.beam_center == pytest.approx((1.0, 2.0))
    with pytest.raises(CalibrationSyntax, match=r"a wavelength of 0\.59"):
        xk.load_calibration(written(tmp_path, NIKA), wavelength=1.0)
    with pytest.raises(CalibrationSyntax, match=r"pixels of 7\.5e-05 m along y, Pilatus1M has"):
        xk.load_calibration(written(tmp_path, NIKA), detector="Pilatus1M")
    with pytest.raises(CalibrationImplausible, match=r"geometry\.txt.*distance"):
        xk.load_calibration(
            written(tmp_path, "directDist = 1e9\ncenterX = 1\ncenterY = 2\n"),
            wavelength=1.0,
            detector="Pilatus1M",
        )


def test_a_poni_file_takes_what_it_does_not_say(tmp_path):
    path = xk.save_calibration(random_geometry(np.random.default_rng(1), 3), tmp_path / "a.poni")
    whole = xk.load_calibration(path)
    bare = written(tmp_path, path.read_text().replace("Wavelength", "#Wavelength"))
    with pytest.raises(CalibrationSyntax, match="missing: Wavelength"):
        xk.load_calibration(bare)
    assert xk.load_calibration(bare, wavelength=whole.wavelength) == whole
    with pytest.raises(CalibrationSyntax, match="wavelength"):
        xk.load_calibration(path, wavelength=whole.wavelength * 1.01)
    turned = xk.load_calibration(path, orientation=2)
    np.testing.assert_array_equal(turned.two_theta(SHAPE), whole.two_theta(SHAPE)[::-1])
    other = replace(whole.detector, orientation=4)
    assert xk.load_calibration(path, detector=other).detector == other
    with pytest.raises(CalibrationSyntax, match="in the detector given"):
        xk.load_calibration(path, detector="Pilatus1M")


@pytest.mark.parametrize("kind", ["fit2d", "gsas", "nika"])
def test_a_foreign_file_of_a_turned_frame_takes_the_orientation(tmp_path, kind):
    """The numbers are those of the frame upside down; orientation 2 finds the stored rows."""
    shown = random_geometry(np.random.default_rng(3), 3)
    text = xk.save_calibration(shown, tmp_path / "a", format=kind).read_text()
    bare = written(tmp_path, "\n".join(k for k in text.splitlines() if "xrdkit" not in k))
    found = xk.load_calibration(bare, detector=detector(), orientation=2)
    np.testing.assert_allclose(
        found.two_theta(SHAPE), shown.two_theta(SHAPE)[::-1], rtol=0, atol=1e-12
    )


def test_our_own_note_is_not_contradicted_or_damaged(tmp_path):
    path = xk.save_calibration(
        random_geometry(np.random.default_rng(3), 2), tmp_path / "a", format="gsas"
    )
    assert xk.load_calibration(path, orientation=2).detector.orientation == 2
    with pytest.raises(CalibrationSyntax, match="says orientation 2, 4 is given"):
        xk.load_calibration(path, orientation=4)
    with pytest.raises(CalibrationSyntax, match="columns and rows"):
        xk.load_calibration(path, transposed=True)
    harmed = path.read_text().replace('"orientation": 2', '"orientation": 7')
    with pytest.raises(CalibrationSyntax, match="note is damaged"):
        xk.load_calibration(written(tmp_path, harmed))


def test_settings_that_mean_nothing_are_refused(tmp_path):
    calibration = random_geometry(np.random.default_rng(3), 3)
    with pytest.raises(SpecError, match="no format 'nexus' to write"):
        xk.save_calibration(calibration, tmp_path / "a", format="nexus")
    path = xk.save_calibration(calibration, tmp_path / "a")
    for wrong in ({"format": "xds"}, {"orientation": 5}, {"wavelength": 1e-10}):
        with pytest.raises(SpecError):
            xk.load_calibration(path, **wrong)
    with pytest.raises(CalibrationSyntax, match="not an HDF5 file"):
        xk.load_calibration(path, format="nexus")
    with pytest.raises(CalibrationSyntax, match="no such file"):
        xk.load_calibration(tmp_path / "absent.nxs", format="nexus")
    unknown = replace(calibration, detector=detector(2, shape=None))
    with pytest.raises(CalibrationSyntax, match="how many rows"):
        xk.save_calibration(unknown, tmp_path / "b", format="gsas")
    behind = replace(calibration, rot1=2.0, rot2=0.1)
    with pytest.raises(CalibrationSyntax, match="from the front"):
        xk.save_calibration(behind, tmp_path / "b", format="fit2d")
    with pytest.raises(StoreError, match="nowhere"):
        xk.save_calibration(calibration, tmp_path / "nowhere" / "b", format="nika")
    assert not (tmp_path / "b").exists()


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_damage_gives_another_error_or_a_number_out_of_range(data):
    """Lines dropped, doubled, cut or overwritten: our error, or a possible geometry."""
    fit2d = "directDist = 100\ncenterX = 1\ncenterY = 2\ntilt = 3\ntiltPlanRotation = 4\n"
    fit2d += "wavelength = 1\n"
    text = data.draw(st.sampled_from([IMCTRL, NIKA.replace(";", "\n"), FIT2D_LOG, fit2d]))
    lines = text.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        k = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["drop", "double", "cut", "text", "value"]))
        mark = "=" if "=" in lines[k] else ":"
        lines[k : k + 1] = {
            "drop": ["# dropped"],
            "double": [lines[k], lines[k]],
            "cut": [lines[k][: data.draw(st.integers(0, 60))]],
            "text": [data.draw(st.text(max_size=30))],
            "value": [f"{lines[k].partition(mark)[0]}{mark}{data.draw(st.floats())}"],
        }[kind]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged.txt"
        path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
        try:
            found = xk.load_calibration(path, detector=None if "Beam" in text else detector())
        except CalibrationError as refusal:
            assert "damaged.txt" in str(refusal)  # noqa: PT017
            return
    assert 5e-3 <= found.distance <= 100
    assert 0.01 <= found.wavelength <= 10
    assert abs(found.tilt) < 90
    assert np.all(np.isfinite(found.two_theta(SHAPE)))
