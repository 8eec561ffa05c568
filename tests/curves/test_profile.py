"""Arrays to profiles: units, strictness, what is recorded."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit import errors, provenance, schema

Q = np.linspace(0.1, 2.0, 20)
I = 1.0 / Q  # noqa: E741 - the field's letter


def test_q_is_stored_in_inverse_nanometre():
    data = xk.profile(Q, I, 0.1 * I, unit="1/angstrom")
    np.testing.assert_allclose(data.q, 10 * Q)
    np.testing.assert_array_equal(data.intensity, I)
    assert (data.q.units, data.intensity.units, data.sigma.units) == ("1/nm", "1/cm", "1/cm")
    assert data.intensity.ancillary_variables == "sigma"
    assert data.attrs["schema"] == schema.PROFILE.name
    schema.validate(data, schema.PROFILE)


def test_without_sigma_there_is_none():
    assert "sigma" not in xk.profile(Q, I, unit="1/nm")


def test_result_does_not_share_memory():
    intensity = I.copy()
    data = xk.profile(Q, intensity, unit="1/nm")
    intensity[:] = 7
    np.testing.assert_array_equal(data.intensity, I)


def test_rows_with_nan_are_dropped_and_counted():
    sigma = 0.1 * I
    intensity = I.copy()
    sigma[3] = intensity[7] = np.nan
    data = xk.profile(Q, intensity, sigma, unit="1/nm")
    assert data.attrs["dropped_points"] == 2
    assert data.sizes["q"] == 18
    assert Q[3] not in data.q.values


def test_pattern_carries_the_emission_lines():
    data = xk.pattern(10 * Q, I, wavelength="CuKa")
    np.testing.assert_allclose(data.wavelength, [1.5405929, 1.5444274])
    np.testing.assert_allclose(data.emission_weight, [2 / 3, 1 / 3])
    assert data.attrs["radiation"] == "CuKa"
    assert data.two_theta.units == "degree"
    assert data.intensity.units == "count"
    single = xk.pattern(10 * Q, I, wavelength=0.4139)
    assert single.sizes["emission_line"] == 1


def test_provenance_names_the_step_and_its_input():
    first, again = (xk.profile(Q, I, unit="1/nm") for _ in range(2))
    other = xk.profile(Q, 2 * I, unit="1/nm")
    (step,) = provenance.steps(first)
    assert step.step == "profile"
    assert step.settings["unit"] == "1/nm"
    assert provenance.steps(again) == [step]
    assert provenance.steps(other)[0].inputs != step.inputs


def test_sort_puts_points_in_order():
    order = np.random.default_rng(0).permutation(20)
    data = xk.profile(Q[order], I[order], 0.1 * I[order], unit="1/nm", sort=True)
    np.testing.assert_array_equal(data.intensity, I)
    np.testing.assert_array_equal(data.sigma, 0.1 * I)


def _with(position: int, value: float, base: np.ndarray) -> np.ndarray:
    changed = base.copy()
    changed[position] = value
    return changed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"q": _with(4, Q[3], Q)}, "point 4: q repeats"),
        ({"q": Q[::-1]}, "point 1: q is smaller"),
        ({"q": _with(0, 0.0, Q)}, "point 0: q is not positive"),
        ({"q": _with(5, np.inf, Q)}, "point 5: q is infinite"),
        ({"sigma": _with(2, 0.0, I)}, "point 2: the standard error is zero"),
        ({"sigma": -I}, "point 0: the standard error"),
        ({"intensity": _with(6, np.inf, I)}, "point 6: intensity is infinite"),
        ({"intensity": I[:-1]}, "19 values"),
        ({"intensity": np.stack([I, I])}, "2 dimensions"),
        ({"intensity": ["a"] * 20}, "does not consist of numbers"),
        ({"intensity": I + 1j}, "complex"),
        ({"q": Q[:9], "intensity": I[:9], "sigma": None}, "9 usable points"),
        ({"intensity": np.full(20, np.nan)}, "20 rows with NaN were dropped"),
    ],
)
def test_bad_arrays_are_refused_with_place_and_remedy(change, words):
    arguments = {"q": Q, "intensity": I, "sigma": 0.1 * I} | change
    with pytest.raises(errors.CurveError, match=words.replace("(", r"\(")):
        xk.profile(**arguments, unit="1/nm")


def test_units_and_wavelengths_must_be_known():
    with pytest.raises(errors.SpecError):
        xk.profile(Q, I, unit="nm")
    with pytest.raises(errors.SpecError):
        xk.profile(Q, I, unit="1/nm", intensity_unit="K")
    with pytest.raises(errors.SpecError):
        xk.pattern(Q, I, wavelength="CuKb")
    with pytest.raises(errors.SpecError):
        xk.pattern(Q, I, wavelength=1.54e-10)


def test_angles_in_hundredths_are_refused():
    with pytest.raises(errors.CurveError, match="centidegree"):
        xk.pattern(1000 * Q, I, wavelength="CuKa")
