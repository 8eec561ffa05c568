"""From measured frames to the fit: standards, an alloy, a protein, a glass."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import median_filter

import xrdkit as xk
from xrdkit.phase import load_structure

TITANIUM = """data_{name}
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {c}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma {gamma}
_symmetry_space_group_name_H-M '{group}'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_U_iso_or_equiv
Ti Ti {x} {y} {z} 0.012
"""


def placed(distance, x, y, wavelength, pixel):
    """Return a geometry without tilt from a distance (m) and a centre counted from edges."""
    return xk.Calibration(
        distance=distance,
        poni1=y * pixel,
        poni2=x * pixel,
        wavelength=wavelength,
        detector=xk.Detector(pixel_size_y=pixel, pixel_size_x=pixel),
    )


@pytest.fixture(scope="module")
def alloy(data_dir) -> xr.Dataset:
    """Profiles of the six frames of the LightForm series (frame, two_theta)."""
    folder = data_dir / "frames" / "lightform_pixium"
    spec = xk.IntegrationSpec(
        unit="two_theta",
        bins=1200,
        range=(2.2, 9.0),
        mask=xk.load_mask(folder / "DLS_CeO2_1200mm.mask"),
        polarization=0.99,
    )
    frames = xk.open_frames(folder / "pixium_series_master.h5")
    calibration = xk.load_calibration(folder / "DLS_CeO2_1200mm_pyFAI.poni")
    return xk.integrate(frames, calibration, spec)


def titanium(folder: Path):
    """Return α (hexagonal) and β (cubic) titanium."""
    alpha = {"name": "alpha", "a": 2.95, "c": 4.71, "gamma": 120, "group": "P 63/m m c"}
    beta = {"name": "beta", "a": 3.28, "c": 3.28, "gamma": 90, "group": "I m -3 m"}
    sites = ({"x": "0.333333", "y": "0.666667", "z": "0.25"}, {"x": 0, "y": 0, "z": 0})
    structures = []
    for cell, site in zip((alpha, beta), sites, strict=True):
        path = folder / f"{cell['name']}.cif"
        path.write_text(TITANIUM.format(**cell, **site))
        structures.append(load_structure(path))
    return structures


def test_an_alloy_is_two_phases_in_all_its_frames(alloy, tmp_path):
    spec = xk.RefinementSpec(background=12, cell_search=0.02)
    both = xk.refine_phases(alloy, titanium(tmp_path), spec)
    assert set(both.verdict.values) == {"ok"}
    a, c = both.lattice.values[:, 0, 0], both.lattice.values[:, 0, 2]
    cubic = both.lattice.values[:, 1, 0]
    assert np.all(np.abs(c / a - 1.60) < 0.01)
    for cell in (a, c, cubic):
        assert np.ptp(cell) / cell.mean() < 100e-6
    # Coarse grains: the fit is far from counting statistics, and says so.
    assert all("times the counting errors" in r for r in both.verdict_reason.values)
    for one in titanium(tmp_path):
        alone = xk.refine_phases(alloy, [one], spec)
        assert "ok" not in alone.verdict.values


def test_the_alloy_is_no_ceria(alloy):
    """The calibrant of the geometry is not what these frames show."""
    result = xk.refine_phases(alloy.isel(frame=slice(0, 2)), ["CeO2"])
    assert "ok" not in result.verdict.values
    assert all(result.verdict_reason.values)


@pytest.fixture(scope="module")
def tilted(data_dir):
    """Return a function that calibrates and integrates a frame of tilted LaB6."""
    folder = data_dir / "frames/aps_usaxs_matilda/tilt_lab6"

    def profile(name, start):
        frames = xk.open_frames(folder / name)
        result = xk.calibrate(frames, calibrant="LaB6", start=start)
        extent = result.calibration.radial(frames.counts.shape[1:], "two_theta")
        limits = (float(extent.min()) + 0.3, float(extent.max()) - 0.3)
        spec = xk.IntegrationSpec(unit="two_theta", bins=1500, range=limits, polarization=0.99)
        return xk.integrate(frames, result.calibration, spec)

    return profile


def test_lanthanum_hexaboride_on_a_detector_tilted_by_13_degree(tilted):
    lean, way, distance, pixel = np.radians(12.782), np.radians(45.70), 0.42053, 75e-6
    rot2 = float(np.arcsin(np.sin(lean) * np.sin(way)))
    rot1 = -float(np.arcsin(np.sin(lean) * np.cos(way) / np.cos(rot2)))
    normal = distance * np.cos(rot1) * np.cos(rot2)
    start = xk.Calibration(
        distance=normal,
        poni1=232.03 * pixel - normal * np.tan(rot2) / np.cos(rot1),
        poni2=2760.96 * pixel + normal * np.tan(rot1),
        rot1=rot1,
        rot2=rot2,
        wavelength=0.59040066,
        detector=xk.Detector(pixel_size_y=pixel, pixel_size_x=pixel),
    )
    result = xk.refine_phases(tilted("LaB6_tilt5comb_0047.hdf", start), ["LaB6"])
    assert result.verdict.item() == "ok"
    assert result.lattice.values.ravel()[0] == pytest.approx(0.4156826, rel=100e-6)
    assert 0.0 <= result.strain.item() < 1e-4


def test_a_grain_on_a_ring_is_called_one(tilted):
    """One grain puts 2.4e7 counts into a pixel of the ring 211."""
    start = placed(0.41623, 2831.86, 272.80, 0.59040066, 75e-6)
    result = xk.refine_phases(tilted("LaB6_Normal_0042.hdf", start), ["LaB6"])
    assert result.verdict.item() == "misfit"
    assert "line near 18.29 degree is far stronger" in result.verdict_reason.item()
    assert result.lattice.values.ravel()[0] == pytest.approx(0.4156826, rel=150e-6)


def test_glassy_carbon_has_the_shape_of_its_table(data_dir):
    """Dark, empty beam and transmission applied; scales known before are 1182 and 1265, with a
    drift of 7 % between the two ranges whose cause is not known (no flat field is published)."""
    folder = data_dir / "frames/gsas2_saxs_marccd"
    standard, glass, empty, dark = (
        xk.open_frames(folder / f"{name}.tif")
        for name in ("AgBehenate_003", "GC_5s_200", "Empty_5s_014", "Dark_5s_003")
    )
    outside = standard.counts[0].values == 0
    start = placed(0.564415, 482.66, 569.82, 1.0332, 158e-6)
    geometry = xk.calibrate(
        standard, calibrant="AgBh", start=start, mask=outside.astype(np.uint16)
    ).calibration
    image = glass.counts[0].values.astype(float)
    stop = image < 0.9 * median_filter(image, size=41)
    q = geometry.radial(image.shape, "q")
    spec = xk.IntegrationSpec(
        bins=140,
        range=(0.3, 3.3),
        polarization=0.99,
        mask=outside | stop | (q < 0.3),
        dark=dark,
        background=empty,
        normalization=xk.Normalization(transmission=0.818),
        background_normalization=xk.Normalization(transmission=1.0),
    )
    profile = xk.integrate(glass, geometry, spec).isel(frame=0)
    rows = [
        [float(v) for v in line.replace(",", " ").split()[:2]]
        for line in (folder / "GC calibrated data.txt").read_text().splitlines()
        if line[:1].strip() and line.strip()[0].isdigit()
    ]
    table = np.array(rows)
    expected = np.exp(np.interp(np.log(profile.q / 10), np.log(table[:, 0]), np.log(table[:, 1])))
    ratio = (profile.intensity / expected).values
    low = (profile.q.values > 0.5) & (profile.q.values < 2.0)
    high = (profile.q.values > 2.0) & (profile.q.values < 3.3)
    assert np.median(ratio[low]) == pytest.approx(1182, rel=0.04)
    assert np.median(ratio[high]) == pytest.approx(1265, rel=0.04)
    for part in (low, high):
        assert np.std(ratio[part]) / np.median(ratio[part]) < 0.03


def test_albumin_less_its_buffer(data_dir):
    """11 mg/ml in a laboratory camera at 1129.84 mm; the exposure in the header of the buffer is
    that of the read-out, its livetime 1200 s. Dimers are part of every albumin: Rg 2.8 to 3.4 nm.
    """
    folder = data_dir / "frames/jscatter"
    sample, buffer = (xk.open_frames(folder / f"{n}.tiff") for n in ("BSA11mg", "buffer"))
    geometry = placed(1.12984, 197.5, 373.0, 1.3414, 172e-6)
    spec = xk.IntegrationSpec(
        bins=100,
        range=(0.2, 2.4),
        polarization=0.0,
        background=buffer,
        normalization=xk.Normalization(time=1200.0),
        background_normalization=xk.Normalization(time=1200.0),
    )
    profile = xk.integrate(sample, geometry, spec)
    assert not profile.intensity.isnull().any()
    result = xk.fit_sizes(profile)
    assert result.verdict.item() == "ok"
    assert 2.8 < float(result.radius_of_gyration.item()) < 3.4
    assert result.gof.item() < 1.6


def test_a_nearly_dark_large_detector(data_dir):
    """Two frames of 10 million pixels with 0.014 counts each: no bin is lost, errors are real."""
    frames = xk.open_frames(data_dir / "frames/bioxtasraw/vac_007_data_000001.h5")
    geometry = placed(2.0, 1550.0, 1600.0, 1.0, 75e-6)
    spec = xk.IntegrationSpec(bins=300, range=(0.1, 3.5), polarization=0.99)
    profile = xk.integrate(frames, geometry, spec)
    assert not profile.intensity.isnull().any()
    first, second = profile.intensity.values
    scatter = (first - second) / np.sqrt((profile.sigma.values**2).sum(axis=0))
    assert np.std(scatter) == pytest.approx(1.0, abs=0.15)
