"""A measured blank in the background."""

import numpy as np
import pytest
import xarray as xr
from named_profiles import named

import xrdkit as xk
from xrdkit.errors import CurveError, SchemaError
from xrdkit.phase import InstrumentWidths, RefinementSpec, embedded_structure
from xrdkit.phase.model import PatternModel

ANGLES = np.arange(10.0, 70.0, 0.03)
WIDTHS = InstrumentWidths(w=0.006, x=0.02)
SPEC = RefinementSpec(instrument=WIDTHS, strain=False, background=2)
TRUE = 0.7


def glass(angles):
    """A capillary: no smooth curve that two terms could follow, with a line of its own."""
    halo = 900 * np.exp(-(((angles - 23) / 6) ** 2)) * (1 + 0.3 * np.sin(angles))
    return 150 + halo + 800 * np.exp(-(((angles - 44.0) / 0.3) ** 2))


def phases():
    made = PatternModel(
        [embedded_structure("CeO2"), embedded_structure("Si")],
        ANGLES,
        SPEC,
        wavelengths=(1.5405929,),
        weights=(1.0,),
        integrated=False,
    )
    known = {**made.neutral_values(), "background0": 30.0, "background1": 0.0}
    known |= {"phase0_scale": 300.0, "phase1_scale": 500.0}
    known |= {"phase0_inverse_size": 0.02, "phase1_inverse_size": 0.02}
    return made.pattern(known)


CLEAN = phases()


def patterns(seed, *, longer=1.0):
    """Return a pattern and its blank, counted `longer` times as long."""
    random = np.random.default_rng(seed)
    counts = random.poisson(CLEAN + TRUE * glass(ANGLES)).astype(float)
    x = ANGLES[::2] + 0.01
    empty = random.poisson(longer * glass(x)) / longer
    profile = xk.pattern(ANGLES, counts, wavelength="CuKa1")
    sigma = np.sqrt(np.maximum(empty, 1.0) / longer)
    return profile, xk.pattern(x, empty, sigma, wavelength="CuKa1")


@pytest.mark.parametrize("longer", [1.0, 16.0])
def test_a_blank_is_scaled_and_its_noise_counts(longer):
    pulls, gofs = [], []
    for seed in range(16):
        profile, blank = patterns(seed, longer=longer)
        result = xk.refine_phases(profile, ["CeO2", "Si"], SPEC, blank=blank)
        assert result.verdict.item() == "ok"
        fraction = result.weight_fraction.values[0]
        truth = 300.0 * embedded_structure("CeO2").density
        truth /= truth + 500.0 * embedded_structure("Si").density
        pulls.append(
            [
                (result.blank_scale.item() - TRUE) / result.blank_scale_sigma.item(),
                (fraction - truth) / result.weight_fraction_sigma.values[0],
            ]
        )
        gofs.append(result.gof.item())
    pulls = np.array(pulls)
    scale, fraction = pulls.mean(axis=0)
    assert abs(fraction) < 4 / np.sqrt(16)
    assert np.all(np.abs(pulls.std(axis=0) - 1) < 0.6)
    if longer > 1:
        assert abs(scale) < 4 / np.sqrt(16)
    else:
        # Noise in what is scaled draws its factor towards 0, as of any regression.
        assert -2.5 < scale < 0
    # Interpolated between its points a blank is smoother than its noise: a little below 1.
    assert 0.9 < np.mean(gofs) < 1.02


def test_without_it_the_pattern_is_not_explained():
    profile, _ = patterns(3)
    result = xk.refine_phases(profile, ["CeO2", "Si"], SPEC)
    assert result.verdict.item() == "misfit"
    assert "blank_scale" not in result


def test_a_series_shares_one_blank():
    rows, blank = zip(*(patterns(seed) for seed in range(3)), strict=True)
    series = xr.concat(rows, "frame", combine_attrs="override").assign_coords(frame=range(3))
    result = xk.refine_phases(series, ["CeO2", "Si"], SPEC, blank=blank[0])
    assert list(result.verdict.values) == ["ok"] * 3
    np.testing.assert_allclose(result.blank_scale, TRUE, rtol=0.03)
    steps = xk.phase.refine.provenance.steps(result)
    assert len(steps[-1].inputs) == 2


def test_named_errors_get_the_blank_as_a_source():
    profile, blank = patterns(5)
    sources = {"counting": np.sqrt(np.maximum(profile.intensity.values, 1.0))}
    whole = named(profile.assign(sigma=profile.intensity.copy(data=sources["counting"])), sources)
    result = xk.refine_phases(whole, ["CeO2", "Si"], SPEC, blank=blank)
    assert list(result.source.values) == ["counting", "blank"]
    parts = result.weight_fraction_errors.sel(source="blank").values
    assert np.all(np.abs(parts) > 0)
    assert result.gof.item() == pytest.approx(0.97, abs=0.06)


def test_points_without_blank_are_left_out():
    profile, blank = patterns(6)
    short = blank.isel(two_theta=blank.two_theta.values > 20)
    result = xk.refine_phases(profile, ["CeO2", "Si"], SPEC, blank=short)
    left = np.isfinite(result.intensity.values)
    assert not left[ANGLES < 19.9].any()
    assert left[ANGLES > 20.1].all()
    hole = blank.assign(
        intensity=blank.intensity.where((blank.two_theta < 30) | (blank.two_theta > 32))
    )
    result = xk.refine_phases(profile, ["CeO2", "Si"], SPEC, blank=hole)
    left = np.isfinite(result.intensity.values)
    assert not left[(ANGLES > 30.1) & (ANGLES < 31.9)].any()
    assert left[(ANGLES < 29.9) | (ANGLES > 32.1)].all()


def test_the_slope_by_the_scale_is_the_blank():
    profile, blank = patterns(7)
    del profile
    from xrdkit.phase.blank import Blank

    shape = Blank(two_theta=blank.two_theta.values, intensity=blank.intensity.values)
    made = PatternModel(
        [embedded_structure("Si")],
        ANGLES,
        SPEC,
        wavelengths=(1.5405929,),
        weights=(1.0,),
        integrated=False,
        blank=shape,
    )
    begin = made.plan(width=0.1, scales=[1.0], background=[10.0, 1.0, 0.6])
    assert begin.values["background_blank"] == 0.6
    slope = made.slopes(begin.values, ["background_blank"])[0]
    np.testing.assert_allclose(slope, shape.at(ANGLES))
    np.testing.assert_allclose(
        made.background(begin.values),
        made.background({**begin.values, "background_blank": 0.0}) + 0.6 * shape.at(ANGLES),
    )


def test_what_is_no_blank_is_refused():
    profile, blank = patterns(8)
    two = xr.concat([blank, blank], "frame", combine_attrs="override").assign_coords(frame=[0, 1])
    with pytest.raises(CurveError, match="2 frames"):
        xk.refine_phases(profile, ["Si"], SPEC, blank=two)
    other = blank.assign(intensity=blank.intensity.assign_attrs(units="1/cm"))
    other["sigma"].attrs["units"] = "1/cm"
    with pytest.raises(CurveError, match="unit of the blank is '1/cm'"):
        xk.refine_phases(profile, ["Si"], SPEC, blank=other)
    far = blank.assign_coords(two_theta=blank.two_theta.assign_attrs() + 100.0)
    far["two_theta"].attrs = blank.two_theta.attrs
    with pytest.raises(CurveError, match="the blank covers 110"):
        xk.refine_phases(profile, ["Si"], SPEC, blank=far)
    q = xk.profile(np.linspace(1, 30, 400), np.ones(400), np.ones(400), unit="1/nm")
    with pytest.raises(CurveError, match="lies on q"):
        xk.refine_phases(profile, ["Si"], SPEC, blank=q)
    with pytest.raises(SchemaError):
        xk.refine_phases(profile, ["Si"], SPEC, blank=xr.Dataset())
