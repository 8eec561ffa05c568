"""Virtual instruments as they stand at many beamlines."""

from xrdkit.errors import SpecError
from xrdkit.geometry import Detector
from xrdkit.simulate.instrument import VirtualInstrument, coarser, pose

#: Wavelength of both presets, ångström (17.7 keV): SAXS and WAXS look at one sample in one beam.
WAVELENGTH = 0.7


def virtual_saxs(*, coarse: int = 1) -> VirtualInstrument:
    """Return a Pilatus-1M-like SAXS detector: 1043 x 981 pixels of 172 µm at 1.5 m, 0.7 Å.

    It covers q from 0.15 to about 9 1/nm. `coarse` joins that many pixels along each side.
    """
    detector = Detector(pixel_size_y=172e-6, pixel_size_x=172e-6, shape=(1043, 981))
    instrument = VirtualInstrument(
        name="virtual SAXS 1M",
        calibration=pose(
            distance=1.5,
            center=(452.3, 388.6),
            tilt=0.25,
            tilt_azimuth=40.0,
            wavelength=WAVELENGTH,
            detector=detector,
        ),
        gap_rows=tuple((195 + 212 * k, 212 + 212 * k) for k in range(4)),
        gap_columns=((487, 494),),
        beamstop_radius=2.2e-3,
        beamstop_arm=1.6e-3,
        beamstop_azimuth=-115.0,
        dead_pixels=30,
        hot_pixels=20,
        pixel_seed=1,
        dtype="int32",
        saturation=1_000_000,
        background=2e-3,
    )
    return instrument if coarse == 1 else coarser(instrument, coarse)


def virtual_waxs(*, coarse: int = 1) -> VirtualInstrument:
    """Return an Eiger-1M-like WAXS detector: 1065 x 1030 pixels of 75 µm at 60 mm, 0.7 Å.

    The beam meets it off its middle, so that 2θ goes from 2 to about 53°: Pt 111 to 422. `coarse`
    joins that many pixels along each side.
    """
    detector = Detector(pixel_size_y=75e-6, pixel_size_x=75e-6, shape=(1065, 1030))
    instrument = VirtualInstrument(
        name="virtual WAXS 1M",
        calibration=pose(
            distance=0.06,
            center=(338.7, 371.2),
            tilt=1.2,
            tilt_azimuth=25.0,
            wavelength=WAVELENGTH,
            detector=detector,
        ),
        gap_rows=((514, 551),),
        beamstop_radius=1.8e-3,
        beamstop_arm=1.0e-3,
        beamstop_azimuth=200.0,
        dead_pixels=60,
        hot_pixels=25,
        pixel_seed=2,
        dtype="uint32",
        saturation=2_000_000,
        background=5e-3,
    )
    return instrument if coarse == 1 else coarser(instrument, coarse)


#: pose -> (distance m, (x, y) of the beam in pixels, tilt degree, azimuth of the tilt degree).
_POSES = {
    "centred": (1.0, (244.0, 310.0), 0.0, 0.0),
    "corner": (1.0, (60.0, 60.0), 0.0, 0.0),
    "tilted": (0.8, (200.0, 330.0), 2.0, 30.0),
    "outside": (0.6, (240.0, -120.0), 0.0, 0.0),
}


def virtual_laboratory(place: str = "centred") -> VirtualInstrument:
    """Return a Pilatus-300K-like detector at 1.5406 Å in one of four poses, for calibrations.

    619 x 487 pixels of 172 µm; `place` is ``"centred"`` (1 m), ``"corner"`` (1 m, beam at row and
    column 60), ``"tilted"`` (0.8 m, 2°) or ``"outside"`` (0.6 m, beam 120 rows off the detector).
    Raises SpecError for another `place`.
    """
    if place not in _POSES:
        raise SpecError(f"unknown place {place!r}", hint=", ".join(_POSES))
    distance, center, tilt, azimuth = _POSES[place]
    detector = Detector(pixel_size_y=172e-6, pixel_size_x=172e-6, shape=(619, 487))
    return VirtualInstrument(
        name="virtual laboratory 300K",
        calibration=pose(
            distance=distance,
            center=center,
            tilt=tilt,
            tilt_azimuth=azimuth,
            wavelength=1.5406,
            detector=detector,
        ),
        gap_rows=((195, 212), (407, 424)),
        beamstop_radius=15 * 172e-6,
        dtype="int32",
        polarization=0.0,
    )
