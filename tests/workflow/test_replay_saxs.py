"""Results of small-angle scattering, done again from their records."""

import pytest
from saxs import synthetic_sets as sets

import xrdkit as xk
from xrdkit.errors import InputError
from xrdkit.saxs.models import Model, UnifiedLevel
from xrdkit.saxs.shapes import CoreShell, Spheroid
from xrdkit.saxs.structure_factors import StickyHardSphere
from xrdkit.workflow.replay import replay


@pytest.fixture
def curve(tmp_path):
    sigma, curves = sets.noisy("A", 1)
    file = tmp_path / "curve.dat"
    rows = zip(sets.Q, curves[0], sigma, strict=True)
    file.write_text("".join(f"{q:.9g} {i:.9g} {s:.9g}\n" for q, i, s in rows))
    return xk.read_profile(file, unit="1/nm"), tmp_path


def results(profile):
    yield "sizes", xk.fit_sizes(profile, xk.SizeSpec(contrast=10.0, range=(0.05, 4.0)))
    shell = CoreShell(core_contrast=10.0, shell_contrast=2.0, shell_thickness=0.5)
    yield "sizes of core-shell", xk.fit_sizes(profile, xk.SizeSpec(shape=shell))
    yield "sizes of spheroids", xk.fit_sizes(profile, xk.SizeSpec(shape=Spheroid()))
    sticky = StickyHardSphere(effective_volume_fraction=0.01, stickiness=1.0)
    yield "sizes with interaction", xk.fit_sizes(profile, xk.SizeSpec(interaction=sticky))
    yield "monte carlo", xk.fit_sizes(profile, xk.SizeSpec(method="montecarlo", repetitions=2))
    yield "methods", xk.compare_size_methods(profile, methods=("lognormal", "tikhonov"))
    short = xk.PosteriorSpec(walkers=16, steps=20, burn_in=5)
    yield "posterior", xk.sample_sizes(profile, sampling=short)
    yield "model", xk.fit_model(profile, Model(components=(UnifiedLevel(),)))
    yield "guinier", xk.guinier(profile)
    yield "porod", xk.porod(profile)
    yield "invariant", xk.invariant(profile)
    yield "kratky", xk.kratky(profile)
    yield "distances", xk.pair_distances(profile)
    yield "correlation", xk.correlation_function(profile)
    slit = xk.SmearingSpec(slit_length=0.2)
    yield "desmeared", xk.desmear(profile, smearing=slit)
    yield "smeared", xk.fit_sizes(profile, xk.SizeSpec(smearing=slit))


def test_results_are_replayed(curve, tmp_path):
    profile, folder = curve
    for name, result in results(profile):
        file = tmp_path / f"{name.replace(' ', '_')}.nc"
        xk.save(result, file)
        again = replay(file, inputs=folder)
        assert again.verdict == "same", name
        assert again.identical, name


def test_a_resolution_is_replayed(curve, tmp_path):
    profile, folder = curve
    calibration = xk.Calibration(
        distance=3.0,
        poni1=0.05,
        poni2=0.05,
        wavelength=1.0,
        detector=xk.Detector(shape=(600, 600), pixel_size_y=1.72e-4, pixel_size_x=1.72e-4),
    )
    resolved = xk.with_resolution(profile, calibration, beam_fwhm=4e-4)
    xk.save(resolved, tmp_path / "resolved.nc")
    assert replay(tmp_path / "resolved.nc", inputs=folder).identical
    fit = xk.fit_sizes(resolved)
    assert replay(fit, inputs=folder).identical


def test_a_series_of_curve_files_and_its_trend_are_replayed(tmp_path):
    sigma, curves = sets.noisy("A", 8)
    files = [tmp_path / f"{k}.dat" for k in range(8)]
    for file, row in zip(files, curves, strict=True):
        rows = zip(sets.Q, row, sigma, strict=True)
        file.write_text("".join(f"{q:.9g} {i:.9g} {s:.9g}\n" for q, i, s in rows))
    series = xk.read_profiles(files, unit="1/nm")
    trend = xk.smooth_trend(xk.fit_sizes(series), along="frame")
    xk.save(trend, tmp_path / "trend.nc")
    assert replay(tmp_path / "trend.nc", inputs=tmp_path).identical
    files[5].write_text(files[4].read_text())
    with pytest.raises(InputError, match="has changed"):
        replay(tmp_path / "trend.nc", inputs=tmp_path)
