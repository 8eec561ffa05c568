"""Curves that slits and resolutions smeared: fits by smeared models, and desmearing."""

import h5py
import numpy as np
import pytest

import xrdkit as xk
from xrdkit import errors
from xrdkit.saxs import SmearingSpec, slit_smearing
from xrdkit.saxs.shapes import CoreShell


@pytest.fixture
def spheres(data_dir):
    return xk.read_profile(data_dir / "saxs/sasdata/1umSlitSmearSphere.ABS")


def test_micrometre_spheres_behind_a_slit(spheres):
    """Computed by others, for a radius of 500 nm, 1 % of volume, and 6e-5 nm²/nm³ of surface.

    Their slit sums the model at the points of the data, as steps: its ripples lie up to 2 % of q
    beside those of the integral, which makes 0.3 % of the radius and a width that is not there.
    """
    found = xk.fit_sizes(spheres, xk.SizeSpec(contrast=2.2))
    assert "slit" in found.attrs["smearing"]
    assert str(found.verdict.values) == "ok"
    assert float(found.mean_radius_volume) == pytest.approx(500.0, rel=0.005)
    assert float(found.volume_fraction) == pytest.approx(0.01, rel=0.002)
    assert float(found.surface_per_volume) == pytest.approx(6e-5, rel=0.01)
    assert float(found.width_volume) < 5.0
    blind = xk.fit_sizes(spheres, xk.SizeSpec(contrast=2.2, smearing="none"))
    assert abs(float(blind.volume_fraction) / 0.01 - 1) > 0.5


def test_the_integral_of_the_slit_where_steps_make_no_difference(spheres):
    q = spheres.q.values
    smearing = slit_smearing(q, spheres.attrs["slit_length"])
    x = 500.0 * smearing.q_model
    amplitude = 3 * (np.sin(x) - x * np.cos(x)) / x**3
    model = 0.01 * 0.1 * 2.2**2 * 4 / 3 * np.pi * 500.0**3 * amplitude**2
    ratio = (spheres.intensity / smearing.apply(model)).values
    # Three digits are in the file, and its noise.
    assert ratio[q < 2e-3] == pytest.approx(1.0, abs=2e-3)
    assert ratio[q < 6e-3] == pytest.approx(1.0, abs=6e-3)


@pytest.fixture
def usaxs(data_dir):
    """A curve of a Bonse-Hart camera, and what its beamline desmeared it to, q in 1/nm."""
    with h5py.File(data_dir / "saxs/pyirena/TestUnifiedFit.h5") as tree:
        group = tree["entry/p_SMR/sasdata"]
        q, intensity, sigma = (group[name][()] for name in ("Q", "I", "Idev"))
        length = 10 * float(group["dQl"][()])
        group = tree["entry/p/sasdata"]
        theirs = 10 * group["Q"][()], group["I"][()]
    # One point of the file has an error of 0.
    sigma = np.where(sigma > 0, sigma, np.nan)
    curve = xk.profile(q, intensity, sigma, unit="1/angstrom")
    return curve.assign_attrs(slit_smeared=1, slit_length=length), theirs


def test_a_measured_curve_is_desmeared_as_the_beamline_does(usaxs):
    curve, (q, intensity) = usaxs
    found = xk.desmear(curve)
    assert str(found.verdict.values) == "ok"
    ratio = found.intensity.values / np.exp(
        np.interp(np.log(found.q), np.log(q), np.log(intensity))
    )
    # The smeared curve is up to 300 times below it at small q, and the same at large q.
    assert found.intensity.values[0] > 200 * curve.intensity.values[0]
    low, middle, high = (found.q.values < 5e-3, (found.q.values > 0.1), found.q.values > 1)
    assert np.mean(ratio[low]) == pytest.approx(1.0, abs=0.05)
    assert np.mean(ratio[middle]) == pytest.approx(1.0, abs=0.005)
    assert np.max(np.abs(ratio[middle] - 1)) < 0.06
    assert np.mean(ratio[high]) == pytest.approx(1.0, abs=0.003)
    # Smeared again it is the measured curve, where that of the beamline is off by a tenth.
    again = (found.intensity_smeared / curve.intensity).values
    assert np.max(np.abs(again - 1)) < 0.05
    assert np.std(again - 1) < 0.01


def test_smearing_what_the_beamline_desmeared(usaxs):
    curve, (q, intensity) = usaxs
    smearing = slit_smearing(curve.q.values, curve.attrs["slit_length"])
    inside = (smearing.q_model >= q[0]) & (smearing.q_model <= q[-1])
    model = np.full(smearing.q_model.size, np.nan)
    model[inside] = np.exp(
        np.interp(np.log(smearing.q_model[inside]), np.log(q), np.log(intensity))
    )
    model[~inside & (smearing.q_model < 1)] = intensity[0]
    model[~inside & (smearing.q_model > 1)] = intensity[-1]
    ratio = (smearing.apply(model) / curve.intensity).values
    middle = (curve.q.values > 0.04) & (curve.q.values < 2.5)
    assert ratio[middle] == pytest.approx(1.0, abs=0.015)
    assert np.mean(ratio[middle]) == pytest.approx(1.0, abs=0.002)


@pytest.fixture
def kratky(data_dir):
    return xk.read_profile(data_dir / "saxs/sasdata/Anton-Paar.pdh")


def test_a_slit_of_unknown_length_is_asked_for(kratky):
    with pytest.raises(errors.CurveError, match=r"1\.558 1/nm for the detector"):
        xk.fit_sizes(kratky)
    with pytest.raises(errors.CurveError, match="SmearingSpec"):
        xk.desmear(kratky)


@pytest.mark.parametrize("length", [0.779, 1.558, 2.5])
def test_a_kratky_camera_with_a_stated_slit(kratky, length):
    """Nothing is known of this sample; its peak is where it is for any length of the slit."""
    given = SmearingSpec(slit_length=length)
    assert np.nanmin(kratky.q) < 0.07
    # Below 0.1 1/nm is the shadow of the beam stop.
    found = xk.desmear(kratky, smearing=given, range=(0.1, 4.5))
    assert str(found.verdict.values) == "ok"
    assert float(found.gof) == pytest.approx(1.6, abs=0.1)
    assert np.all(found.intensity > 0)
    near = (found.q.values > 0.45) & (found.q.values < 0.9)
    peak = found.q.values[near][np.argmax(found.intensity.values[near])]
    assert peak == pytest.approx(0.60, abs=0.02)
    # Desmearing lifts the peak out of the hollow before it.
    hollow = (found.q.values > 0.35) & (found.q.values < 0.5)
    rise, smeared = (
        curve.values[near].max() / curve.values[hollow].min()
        for curve in (found.intensity, found.intensity_smeared)
    )
    assert smeared < 1.25
    assert rise > 1.7
    fit = xk.fit_sizes(kratky, xk.SizeSpec(smearing=given, range=(0.1, 4.5)))
    assert "slit" in fit.attrs["smearing"]
    assert str(fit.verdict.values) != "ok"


def test_hollow_protein_with_the_resolution_of_neutrons(data_dir):
    """Apoferritin: 6.1 nm outside. What the resolution widens is no width of the particles."""
    curve = xk.read_profile(data_dir / "saxs/sasdata/apoferritin.txt", unit="1/angstrom")
    assert "q_resolution" in curve
    hollow = CoreShell(core_contrast=0.0, shell_contrast=1.0)
    sharp, blind = (
        xk.fit_sizes(curve, xk.SizeSpec(shape=hollow, method="gaussian", smearing=s))
        for s in ("auto", "none")
    )
    assert "resolution" in sharp.attrs["smearing"]
    outside = float(sharp.mean_radius_volume + sharp.shell_thickness)
    assert outside == pytest.approx(6.1, abs=0.2)
    assert float(sharp.width_volume) < float(blind.width_volume) - 0.02
