"""Geometry, dead areas and beamstop of the virtual instruments."""

import math

import numpy as np
import pytest

from xrdkit.errors import SpecError
from xrdkit.geometry import Detector
from xrdkit.masks import MaskReason
from xrdkit.simulate import (
    VirtualInstrument,
    coarser,
    pose,
    virtual_laboratory,
    virtual_saxs,
    virtual_waxs,
)

DETECTOR = Detector(pixel_size_y=172e-6, pixel_size_x=150e-6, shape=(60, 50))


@pytest.mark.parametrize("tilt", [0.0, 2.0, 13.0])
@pytest.mark.parametrize("azimuth", [-170.0, 30.0, 90.0])
def test_pose_puts_beam_distance_and_tilt_where_asked(tilt: float, azimuth: float) -> None:
    made = pose(
        distance=0.4,
        center=(-20.5, 71.25),
        tilt=tilt,
        tilt_azimuth=azimuth,
        wavelength=1.0,
        detector=DETECTOR,
    )
    assert made.beam_center == pytest.approx((-20.5, 71.25), abs=1e-9)
    assert made.direct_distance == pytest.approx(0.4, rel=1e-12)
    assert made.tilt == pytest.approx(tilt, abs=1e-6)


def test_pose_turns_the_tilt_as_pyfai_does() -> None:
    from pyFAI.geometry import Geometry

    made = pose(
        distance=0.8,
        center=(200.0, 330.0),
        tilt=2.0,
        tilt_azimuth=30.0,
        wavelength=1.5406,
        detector=DETECTOR,
    )
    fit2d = Geometry(
        made.distance,
        made.poni1,
        made.poni2,
        made.rot1,
        made.rot2,
        made.rot3,
        pixel1=172e-6,
        pixel2=150e-6,
    ).getFit2D()
    assert fit2d["tilt"] == pytest.approx(2.0, abs=1e-6)
    assert fit2d["tiltPlanRotation"] == pytest.approx(30.0, abs=0.05)


def test_masks_hold_what_was_asked_for() -> None:
    instrument = virtual_waxs()
    marked = instrument.marked()
    gap = (marked & MaskReason.GAP) > 0
    assert gap[514:551].all()
    assert gap.sum() == 37 * 1030
    assert ((marked & MaskReason.DEAD) > 0).sum() == instrument.dead_pixels
    full = instrument.mask()
    assert ((full & MaskReason.HOT) > 0).sum() == instrument.hot_pixels
    assert not ((full & MaskReason.HOT) > 0)[gap].any()
    radius = instrument.beamstop_radius / 75e-6
    disc = math.pi * (radius + 2) ** 2
    stopped = ((full & MaskReason.BEAMSTOP) > 0).sum()
    assert disc < stopped < disc + 400 * (1e-3 / 75e-6 + 6)
    x, y = instrument.calibration.beam_center
    assert full[int(y), int(x)] & MaskReason.BEAMSTOP


def test_shade_is_closed_inside_and_open_outside() -> None:
    instrument = virtual_laboratory("centred")
    shade = instrument.shade()
    y, x = np.mgrid[:619, :487] + 0.5
    radius = np.hypot(y - 310.0, x - 244.0)
    assert (shade[radius < 14.4] == 0).all()
    assert (shade[radius > 15.6] == 1).all()
    assert shade.sum() == pytest.approx(shade.size - math.pi * 15**2, abs=3)


def test_coarser_covers_the_same_angles() -> None:
    fine, coarse = virtual_saxs(), virtual_saxs(coarse=4)
    assert coarse.shape == (260, 245)
    q, rough = (i.calibration.radial(i.shape, "q") for i in (fine, coarse))
    assert rough.max() == pytest.approx(q.max(), rel=0.01)
    assert coarse.calibration.direct_distance == fine.calibration.direct_distance
    assert len(coarse.gap_rows) == 4
    with pytest.raises(SpecError, match="at least 16"):
        coarser(fine, 100)
    with pytest.raises(SpecError, match="at least 16"):
        coarser(fine, 0)


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ({"saturation": 2**32 - 1}, "saturation"),
        ({"dtype": "float32"}, "dtype"),
        ({"gap_rows": ((10, 61),)}, "gap"),
        ({"beamstop_radius": -1.0}, "beamstop_radius"),
        ({"background": math.nan}, "background"),
        ({"polarization": 1.1}, "polarization"),
        ({"dead_pixels": 2000}, "half of the pixels"),
    ],
)
def test_impossible_instruments_are_refused(fault: dict[str, object], name: str) -> None:
    made = pose(distance=0.4, center=(20.0, 30.0), wavelength=1.0, detector=DETECTOR)
    with pytest.raises(SpecError, match=name):
        VirtualInstrument(name="x", calibration=made, **fault)


def test_unknown_place_is_refused() -> None:
    with pytest.raises(SpecError, match="corner"):
        virtual_laboratory("nowhere")
