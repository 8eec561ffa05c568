"""Texture: modulations of known amplitude and direction come back, with errors that hold."""

import numpy as np
import pytest
from frames_in_memory import SHAPE, make_frames, reference_geometry
from scipy.integrate import quad
from scipy.stats import kstest

from xrdkit import IntegrationSpec, Normalization, cake
from xrdkit.errors import SchemaError, SpecError
from xrdkit.profiles.texture import texture

G0 = reference_geometry()
OMEGA = G0.solid_angle(SHAPE)
CHI = np.radians(G0.azimuth(SHAPE))
GAPS = np.zeros(SHAPE, dtype=np.uint16)
GAPS[195:212] = 1
GAPS[:, 100:110] = 1
GAPS[243:, 198:209] = 1


def grid(counts, **settings):
    settings = {"bins": 12, "range": (2.0, 7.0), "azimuth_bins": 36, "mask": GAPS, **settings}
    return cake(make_frames(counts), G0, IntegrationSpec(**settings))


def turned(amplitude, direction):
    """Relative intensity 1 + c cos²(χ - χ0)."""
    return 1 + amplitude * np.cos(CHI - np.radians(direction)) ** 2


@pytest.mark.parametrize("amplitude", [0.1, 0.3, 2.0])
@pytest.mark.parametrize("direction", [-80.0, 0.0, 33.0])
def test_expected_counts_give_the_amplitude_to_a_hundredth(amplitude, direction):
    result = texture(grid(1e4 * OMEGA * turned(amplitude, direction)))
    np.testing.assert_allclose(result["cos2_amplitude"], amplitude, rtol=0.01)
    off = np.mod(result["phase"] - direction + 90, 180) - 90
    np.testing.assert_allclose(off, 0.0, atol=0.3)
    np.testing.assert_allclose(result["intensity"], 1e4 * (1 + amplitude / 2), rtol=2e-3)
    assert result["intensity"].dims == ("frame", "q")


@pytest.mark.parametrize("counts", [0.3, 3.0, 100.0])
def test_errors_hold_at_every_count_level(counts):
    """Pulls against the truth of a modulation of 0.3 at 40 degree, gaps included.

    Cells are 5 degree wide: those that gaps cut have their pixels to one side, which in cells of 10
    degree shows at 3e4 counts for each.
    """
    rng = np.random.default_rng(1)
    frames = rng.poisson(counts * OMEGA * turned(0.3, 40.0), (40, *SHAPE)).astype(np.uint32)
    result = texture(grid(frames, azimuth_bins=72))
    high = 0.15 / 1.15
    truth = {
        "cos_2chi": high * np.cos(np.radians(80.0)),
        "sin_2chi": high * np.sin(np.radians(80.0)),
        "intensity": counts * 1.15,
    }
    number = result["intensity"].size
    for name, value in truth.items():
        pull = ((result[name] - value) / result[f"{name}_sigma"]).values
        # The cells of gaps are not filled evenly: what that does is below a tenth of an error here.
        assert abs(pull.mean()) < 4 / np.sqrt(number) + 0.1
        assert pull.std() == pytest.approx(1.0, abs=4 / np.sqrt(2 * number))
    error = np.sqrt(np.mean((result["cos2_amplitude"] - 0.3).values ** 2))
    stated = float(result["cos2_amplitude_sigma"].mean())
    assert error == pytest.approx(stated, rel=0.15)
    assert result["gof"].values.mean() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("counts", [0.3, 3.0, 100.0])
def test_isotropic_frames_have_even_probabilities(counts):
    rng = np.random.default_rng(2)
    frames = rng.poisson(counts * OMEGA, (40, *SHAPE)).astype(np.uint32)
    result = texture(grid(frames))
    p = result["p_isotropic"].values.ravel()
    assert kstest(p, "uniform").pvalue > 0.01
    assert abs(np.mean(p < 0.05) - 0.05) < 4 * np.sqrt(0.05 * 0.95 / p.size)


def test_a_weak_modulation_is_significant_where_counts_allow():
    rng = np.random.default_rng(3)
    shape = OMEGA * turned(0.1, 20.0)
    few, many = (texture(grid(rng.poisson(n * shape)))["p_isotropic"] for n in (0.1, 1000.0))
    assert float(many.max()) < 1e-6
    assert float(few.min()) > 1e-4


@pytest.mark.parametrize("director", [None, 30.0, 120.0])
def test_hermans_parameter_is_that_of_its_integral(director):
    """I = 1 + 0.8 cos 2(χ - 30) + 0.3 cos 4(χ - 30), integrated numerically."""

    def shape(phi):
        return 1 + 0.8 * np.cos(2 * phi) + 0.3 * np.cos(4 * phi)

    counts = 1e5 * OMEGA * shape(CHI - np.radians(30.0))
    result = texture(grid(counts, azimuth_bins=72), director=director)
    turn = np.radians(0.0 if director is None else director - 30.0)
    above = quad(lambda p: shape(p + turn) * np.cos(p) ** 2 * np.sin(p), 0, np.pi / 2)[0]
    below = quad(lambda p: shape(p + turn) * np.sin(p), 0, np.pi / 2)[0]
    expected = 1.5 * above / below - 0.5
    np.testing.assert_allclose(result["hermans"], expected, atol=0.004)
    assert (expected > 0) == (director != 120.0)


def test_hermans_parameter_is_0_for_isotropy_and_its_error_holds():
    rng = np.random.default_rng(4)
    frames = rng.poisson(30.0 * OMEGA * turned(1.0, 10.0), (40, *SHAPE)).astype(np.uint32)
    flat = texture(grid(1e4 * OMEGA), director=0.0)
    np.testing.assert_allclose(flat["hermans"], 0.0, atol=1e-3)
    result = texture(grid(frames), director=10.0)
    relative = 0.5 / 1.5
    pull = (
        (result["hermans"] - 4 * relative / (15 - 5 * relative)) / result["hermans_sigma"]
    ).values
    assert abs(pull.mean()) < 0.4
    assert pull.std() == pytest.approx(1.0, abs=0.13)


def test_errors_common_to_all_cells_cancel():
    counts = np.random.default_rng(5).poisson(100 * OMEGA * turned(0.3, 40.0))
    plain = texture(grid(counts))
    unsure = texture(grid(counts, normalization=Normalization(monitor=2.0, monitor_sigma=0.2)))
    for name in ("amplitude", "amplitude_sigma", "p_isotropic"):
        np.testing.assert_allclose(unsure[name], plain[name], rtol=1e-6)
    np.testing.assert_allclose(unsure["intensity"], plain["intensity"] / 2, rtol=1e-9)


def test_cells_of_a_few_sectors_do_not_determine_it():
    counts = np.random.default_rng(6).poisson(100 * OMEGA)
    result = texture(grid(counts, azimuth_range=(0.0, 30.0), azimuth_bins=6))
    assert np.isnan(result["amplitude"]).all()
    assert np.isnan(result["p_isotropic"]).all()
    np.testing.assert_array_equal(result["n_cells"], 6)


def test_the_cake_is_unchanged_and_settings_are_checked():
    cells = grid(np.random.default_rng(7).poisson(OMEGA))
    before = cells.copy(deep=True)
    result = texture(cells)
    assert before.identical(cells)
    assert '"step":"texture"' in result.attrs["provenance"]
    with pytest.raises(SpecError, match="harmonics"):
        texture(cells, harmonics=0)
    with pytest.raises(SpecError, match="director"):
        texture(cells, director=float("nan"))
    with pytest.raises(SchemaError):
        texture(cells.isel(azimuth=0, drop=True))
    with pytest.raises(SchemaError, match="unequal"):
        texture(cells.isel(azimuth=[0, 1, 2, 5, 6]))
