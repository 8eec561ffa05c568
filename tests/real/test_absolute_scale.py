"""Glassy carbon on a MarCCD: its published absolute curve, and the scale that standards give."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.corrections import AbsoluteIntensity, ScaleVerdict, absolute_scale

FOLDER = "frames/gsas2_saxs_marccd"
PIXEL = 158e-6
TRANSMISSION = 0.818
#: Thickness in the header of the published curve, cm.
THICKNESS = 0.106
#: q of the comparison, 1/nm. The beamstop hides what is below.
RANGE = (0.31, 2.0)
#: ADU per photon and read-out noise in ADU, from the scatter of the frames themselves (below).
GAIN, READOUT = 1.1, 4.0


def useless(counts):
    """Return the pixels off the disc, behind the beamstop and behind its arm, seen on the frame."""
    y, x = np.indices(counts.shape) + 0.5
    tip, end = np.array([475.0, 578.0]), np.array([70.0, 775.0])
    along = (end - tip) / np.hypot(*(end - tip))
    forth = (x - tip[0]) * along[0] + (y - tip[1]) * along[1]
    aside = (y - tip[1]) * along[0] - (x - tip[0]) * along[1]
    arm = (forth > -10) & (np.abs(aside) < 15)
    return arm | (np.hypot(x - 484.5, y - 571.5) < 21.5) | (np.hypot(x - 512, y - 512) > 500)


@pytest.fixture(scope="module")
def folder(data_dir):
    return data_dir / FOLDER


@pytest.fixture(scope="module")
def published(folder):
    """The published curve, with its errors, 1/cm."""
    columns = np.loadtxt(folder / "GC calibrated data.txt", unpack=True, comments="#")
    return xk.profile(*columns, unit="1/angstrom")


@pytest.fixture(scope="module")
def carbon(folder):
    """Normalised profile of glassy carbon less the empty beam, not on the absolute scale."""
    rings = xk.open_frames(folder / "AgBehenate_003.tif")
    start = xk.Calibration(
        distance=0.564415,
        poni1=569.82 * PIXEL,
        poni2=482.66 * PIXEL,
        wavelength=1.0332,
        detector=xk.Detector(pixel_size_y=PIXEL, pixel_size_x=PIXEL),
    )
    dark_corners = (rings.counts.isel(frame=0) == 0).astype(np.uint16)
    result = xk.calibrate(rings, calibrant="AgBh", start=start, mask=dark_corners)
    # Its rings are doublets, hence doubtful; the scale depends little on it.
    assert str(result.verdict) != "rejected"
    assert result.calibration.direct_distance == pytest.approx(0.5649, rel=2e-3)
    frames = xk.open_frames(folder / "GC_5s_200.tif")
    spec = xk.IntegrationSpec(
        bins=300,
        range=(0.31, 3.3),
        polarization=0.99,
        mask=useless(frames.counts[0].values),
        dark=xk.open_frames(folder / "Dark_5s_003.tif"),
        background=xk.open_frames(folder / "Empty_5s_014.tif"),
        normalization=xk.Normalization(
            time="frame", transmission=TRANSMISSION, transmission_sigma=0.005, thickness=THICKNESS
        ),
        background_normalization=xk.Normalization(
            time="frame", transmission=1.0, thickness=THICKNESS
        ),
        gain=GAIN,
        readout_noise=READOUT,
    )
    profile = xk.integrate(frames, result.calibration, spec)
    assert not profile.intensity.isnull().any()
    return profile


def test_gain_of_the_camera_from_the_scatter_of_its_pixels(folder):
    """Neighbouring pixels share light, so that single pixels scatter too little; sums of 6 x 6 and
    8 x 8 agree. Second differences take the slope of the scattering out."""
    counts, dark = (
        xk.open_frames(folder / name).counts[0].values.astype(float)
        for name in ("GC_5s_200.tif", "Dark_5s_003.tif")
    )
    net, good = counts - dark, ~useless(counts)

    def ratio(size):
        n = 1024 // size
        shape = (n, size, n, size)
        block = net[: n * size, : n * size].reshape(shape).sum(axis=(1, 3))
        whole = good[: n * size, : n * size].reshape(shape).all(axis=(1, 3))
        bend = block[:, :-2] - 2 * block[:, 1:-1] + block[:, 2:]
        middle = block[:, 1:-1] / size**2
        use = whole[:, :-2] & whole[:, 1:-1] & whole[:, 2:] & (middle > 60) & (middle < 200)
        spread = 1.4826 * np.median(np.abs(bend[use]))
        return spread**2 / 6 / np.median(block[:, 1:-1][use])

    assert ratio(1) < 0.2
    assert ratio(6) == pytest.approx(GAIN, rel=0.1)
    assert ratio(8) == pytest.approx(GAIN, rel=0.15)


def test_glassy_carbon_reproduces_its_published_absolute_curve(carbon, published):
    """Within 8 % over 0.031 to 0.2 1/Å with one constant; the largest difference found is 6.3 %.

    It is no constant: K falls by 7 % over that range, far beyond the counting errors and for a
    cause that is not known (no flat field; the curve was measured on another camera), and the
    verdict says so.
    """
    scale = absolute_scale(carbon, standard=published, range=RANGE)
    absolute = xk.correct(carbon, [AbsoluteIntensity(scale=scale)]).sel(q=slice(*RANGE))
    q = absolute.q.values
    there = np.exp(np.interp(q, published.q.values, np.log(published.intensity.values)))
    away = absolute.intensity[0].values / there - 1
    assert np.abs(away).max() < 0.08
    assert np.abs(away).max() == pytest.approx(0.063, abs=0.005)
    assert scale.verdict is ScaleVerdict.DRIFT
    assert scale.drift == pytest.approx(-0.073, abs=0.01)
    assert scale.sigma_statistical / scale.value < 0.005
    assert scale.sigma_drift / scale.value == pytest.approx(0.021, abs=0.003)
    sources = dict(scale.measured_sources)
    assert sources["transmission"] / scale.value == pytest.approx(0.005 / TRANSMISSION, rel=0.05)
    # Every bin carries the error of the scale, and with it covers most of the difference.
    inside = np.abs(away) * there < 2 * absolute.sigma[0].values
    assert inside.mean() > 0.9


def test_the_scale_of_srm_3600_on_the_same_profile(carbon, published):
    """This coupon is of another batch: its published curve lies about 10 % above SRM 3600. K from
    SRM 3600 is 8 % smaller than K from the published curve, as the two curves differ."""
    own = absolute_scale(carbon, standard=published, range=RANGE)
    srm = absolute_scale(carbon, range=RANGE)
    batch = absolute_scale(published, range=RANGE)
    assert srm.value / own.value == pytest.approx(0.922, abs=0.01)
    assert srm.value / own.value == pytest.approx(batch.value, abs=batch.sigma)
    assert srm.sigma_standard / srm.value == pytest.approx(0.0258, abs=1e-4)
    # Its shape is not that of SRM 3600 either, and the verdict says so.
    assert srm.verdict is ScaleVerdict.DRIFT
    assert srm.drift == pytest.approx(0.067, abs=0.01)
