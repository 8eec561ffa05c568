"""Widths of an instrument from the rings of a calibrant whose widths are known."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.calibration import Instrument, instrument_resolution, load_instrument, save_instrument
from xrdkit.calibration.resolution import WIDTHS, Resolution
from xrdkit.calibration.rings import calibrant_rings
from xrdkit.errors import CalibrationSyntax, FitFailed, SchemaError, SpecError
from xrdkit.phase.widths import InstrumentWidths

LIGHT = 0.5
TRUE = {"u": 0.02, "v": -0.006, "w": 0.0025, "x": 0.004, "y": 0.03}


def voigt(angle, at, true=TRUE, skew=0.0):
    """Return a ring of height 1 at `at` (degree), from the formulas of Thompson, Cox & Hastings."""
    half = np.radians(at) / 2
    gauss = np.sqrt(true["u"] * np.tan(half) ** 2 + true["v"] * np.tan(half) + true["w"])
    lorentz = true["x"] / np.cos(half) + true["y"] * np.tan(half)
    powers = (1.0, 2.69269, 2.42843, 4.47163, 0.07842, 1.0)
    width = sum(c * gauss ** (5 - k) * lorentz**k for k, c in enumerate(powers)) ** 0.2
    q = lorentz / width
    share = 1.36603 * q - 0.47719 * q**2 + 0.11116 * q**3
    t = (angle - at) / (width * np.where(angle > at, 1 + skew, 1 - skew))
    return share / (1 + 4 * t**2) + (1 - share) * np.exp(-4 * np.log(2) * t**2)


def pattern(rng, *, counts=3e4, step=0.006, skew=0.0, calibrant="LaB6", high=40.0):
    """Return a counted pattern of a calibrant as a profile over 2θ."""
    angle = np.arange(4.0, high, step)
    mean = np.full(angle.size, 0.02 * counts)
    inside = angle[:, None] + step * np.linspace(-0.45, 0.45, 10)
    for at in np.degrees(calibrant_rings(calibrant, LIGHT).two_theta):
        mean += counts * np.exp(-at / 15) * voigt(inside, at, skew=skew).mean(axis=1)
    seen = rng.poisson(mean).astype(float)
    return xk.pattern(
        angle, seen, np.sqrt(np.maximum(seen, 1)), wavelength=LIGHT, intensity_unit="count"
    )


def test_known_widths_come_out_within_their_errors():
    rng = np.random.default_rng(5)
    pulls, gofs = [], []
    for _ in range(8):
        found = instrument_resolution(pattern(rng), calibrant="LaB6")
        sigma = found.sigma()
        pulls.append([(found.widths()[n] - TRUE[n]) / sigma[n] for n in WIDTHS])
        gofs.append(found.gof)
        assert found.verdict == "ok"
        assert len(found.rings) > 15
    spread = np.std(pulls)
    # 40 pulls: a spread of 1 is known to 11 %.
    assert 0.75 < spread < 1.35
    assert np.all(np.abs(np.mean(pulls, axis=0)) < 1.2)
    assert np.mean(gofs) == pytest.approx(1.0, abs=0.15)


@pytest.fixture(scope="module")
def skewed():
    return instrument_resolution(pattern(np.random.default_rng(3), skew=0.1), calibrant="lab6")


def test_the_curve_gives_the_width_of_a_ring_where_there_was_none(skewed):
    x = np.linspace(-1, 1, 200_001)
    for at in (10.0, 25.0):
        above = voigt(at + x, at) > 0.5
        assert skewed.fwhm(at)[0] == pytest.approx(np.ptp(x[above]), rel=0.01)


def test_asymmetry_is_that_of_the_rings(skewed):
    assert skewed.asymmetry == pytest.approx(0.1, abs=4 * skewed.asymmetry_sigma)
    assert 0 < skewed.asymmetry_sigma < 0.01


def test_the_phase_refinement_takes_the_widths_as_they_are(skewed):
    assert InstrumentWidths(**skewed.widths()).u == skewed.u


def test_a_profile_over_q_gives_the_same():
    over_angle = pattern(np.random.default_rng(4))
    angle = over_angle["two_theta"].values
    q = 4 * np.pi / LIGHT * np.sin(np.radians(angle) / 2)
    over_q = xk.profile(
        q, over_angle["intensity"].values.ravel(), over_angle["sigma"].values.ravel(),
        unit="1/angstrom", intensity_unit="count",
    )  # fmt: skip
    one = instrument_resolution(over_angle, calibrant="LaB6")
    two = instrument_resolution(over_q, calibrant="LaB6", wavelength=LIGHT)
    np.testing.assert_allclose(two.fwhm([10.0, 30.0]), one.fwhm([10.0, 30.0]), rtol=2e-3)
    with pytest.raises(SpecError, match="one wavelength"):
        instrument_resolution(over_q, calibrant="LaB6")


def test_too_few_rings_are_refused():
    few = pattern(np.random.default_rng(0), high=13.0)
    with pytest.raises(FitFailed, match="5 are needed"):
        instrument_resolution(few, calibrant="LaB6")


def test_another_calibrant_is_refused():
    with pytest.raises(FitFailed):
        instrument_resolution(pattern(np.random.default_rng(0), high=25.0), calibrant="alpha_Al2O3")


def test_a_profile_without_errors_is_refused():
    bare = pattern(np.random.default_rng(0), high=13.0).drop_vars("sigma")
    with pytest.raises(SchemaError, match="sigma"):
        instrument_resolution(bare, calibrant="LaB6")


def instrument(function):
    return Instrument(
        name="virtual", detector="Detector", shape=(10, 20), dtype="uint32", saturation=1e6,
        resolution=0.05, resolution_function=function,
    )  # fmt: skip


def test_it_is_written_with_units_and_read_back_the_same(skewed, tmp_path):
    path = save_instrument(instrument(skewed), tmp_path / "instrument.toml")
    assert load_instrument(path) == instrument(skewed)
    text = path.read_text()
    assert 'schema = "xrdkit/resolution/1"' in text
    assert "degree2: H_G^2" in text


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("resolution/1", "resolution/9", "schema"),
        ("\nu = ", "\nuu = ", "cannot be read"),
        ("\nasymmetry = ", "\nasymmetry = 1e999 # ", "not finite"),
        ('verdict = "ok"', 'verdict = "fine"', "cannot be read"),
        ("\ncovariance = [[", "\ncovariance = [[0.0], [", "5 x 5"),
    ],
)
def test_a_broken_table_is_refused(skewed, tmp_path, old, new, says):
    path = save_instrument(instrument(skewed), tmp_path / "instrument.toml")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(CalibrationSyntax, match=says):
        load_instrument(path)


def test_a_resolution_that_is_none_is_refused(skewed):
    values = {**{f: getattr(skewed, f) for f in Resolution.__dataclass_fields__}, "x": -1.0}
    with pytest.raises(SpecError, match="x, y of 0 or more"):
        Resolution(**values)
