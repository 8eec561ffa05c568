"""Single peaks of measured patterns whose positions are known."""

from pathlib import Path

import gemmi
import numpy as np
import pytest
import xarray as xr

import xrdkit as xk

WAVELENGTH = 1.5405929


def columns(text: str) -> np.ndarray:
    return np.array(
        [[float(v) for v in line.split()] for line in text.splitlines() if line.strip()]
    )


def round_robin(folder: Path, name: str) -> xr.Dataset:
    rows = columns((folder / "powder" / "cpd_round_robin" / f"{name}.prn").read_text())
    return xk.pattern(rows[:, 0], rows[:, 1], wavelength="CuKa")


def angles(inverse_d_squared: np.ndarray) -> np.ndarray:
    """2θ in degree of 1/d² in 1/Å²."""
    return np.degrees(2 * np.arcsin(WAVELENGTH * np.sqrt(inverse_d_squared) / 2))


def test_srm_660c_positions_against_the_certified_cell(data_dir):
    """All 24 lines, found without help; the displacement of the scan is part of its certificate."""
    document = gemmi.cif.read(str(data_dir / "powder" / "srm660c" / "nist_srm660c_100a.cif"))
    block = next(b for b in document if b.name.endswith("_meas"))
    tags = ("2theta_corrected", "intensity_total", "ls_weight")
    table = np.array(
        [[float(v) for v in row] for row in block.find([f"_pd_proc_{t}" for t in tags])]
    )
    _, first = np.unique(table[:, 0], return_index=True)
    angle, rate, weight = table[first].T
    profile = xk.pattern(angle, rate, 1 / np.sqrt(weight), wavelength="CuKa")
    result = xk.fit_peaks(profile, xk.PeakSpec(shape="split_pseudo_voigt"))
    assert result["verdict"].item() == "ok"
    sums = np.array([*range(1, 7), *range(8, 15), *range(16, 23), *range(24, 28)])
    true = angles(sums / 4.156780**2)
    shift = np.degrees(2 * np.cos(np.radians(true) / 2) * 0.07877 / 217.5)
    found = result["position"].values
    nearest = np.array([np.argmin(np.abs(found - t)) for t in true])
    # The rest are bumps in the tails of lines: satellites of the tube, ends of its bands.
    rest = np.setdiff1d(np.arange(found.size), nearest)
    assert rest.size <= 6
    height = result["height"].values
    assert height[rest].max() < 0.05 * height.max()
    left = found[nearest] - true - shift
    ppm = -left * np.pi / 360 / np.tan(np.radians(true) / 2) * 1e6
    # Axial divergence moves tops at low angles; a single peak cannot know.
    assert np.abs(ppm[true > 60]).max() < 120
    assert np.sqrt(np.mean(ppm[true > 60] ** 2)) < 60
    assert np.abs(left).max() < 0.02


@pytest.mark.parametrize(
    ("name", "cell", "lines"),
    [
        ("fluorite", 5.4631, (3, 8, 11, 16, 19, 24, 27, 32, 35, 40, 43, 48, 51, 56)),
    ],
)
def test_lines_of_a_cubic_phase_are_all_found(data_dir, name, cell, lines):
    result = xk.fit_peaks(round_robin(data_dir, name), xk.PeakSpec(range=(20, 140)))
    assert result["verdict"].item() == "ok"
    true = angles(np.array(lines)[np.array(lines) * (WAVELENGTH / 2 / cell) ** 2 < 0.87] / cell**2)
    apart = np.abs(result["position"].values[None, :] - true[:, None]).min(axis=1)
    assert apart.max() < 0.06
    # The rest are lines of the tube (W Lα, Cu Kβ) and of traces, far weaker.
    near = np.abs(result["position"].values[:, None] - true[None, :]).min(axis=1) < 0.1
    assert result["height"].values[~near].max() < 0.03 * result["height"].values.max()


def test_sucrose_has_its_many_lines(data_dir):
    """A crowded pattern: residuals are noise, and every line has its place in a cell."""
    text = (data_dir / "powder" / "peaks_11bm" / "11bmb_8714.fxye").read_text()
    rows = columns(text.split("FXYE", 1)[1])
    profile = xk.pattern(rows[:, 0] / 100, rows[:, 1], rows[:, 2], wavelength=0.413259)
    result = xk.fit_peaks(
        profile, xk.PeakSpec(shape="split_pseudo_voigt", range=(2.0, 7.5), widths=(0.004, 0.15))
    )
    assert result["verdict"].item() == "ok"
    assert 0.8 < result["gof"].item() < 1.1
    # Sucrose is monoclinic (P2_1), some 7.72, 8.67, 10.80 Å, 103 degree; let the lines say it.
    cell = gemmi.UnitCell(7.7164, 8.6701, 10.7955, 90, 103.0, 90)
    hkl = np.array(
        [
            (h, k, m)
            for h in range(-6, 7)
            for k in range(7)
            for m in range(8)
            if (m > 0 or h > 0 or (h == 0 and k > 0 and k % 2 == 0))
        ]
    )
    terms = np.stack(
        [hkl[:, 0] ** 2, hkl[:, 1] ** 2, hkl[:, 2] ** 2, hkl[:, 0] * hkl[:, 2]], axis=1
    )
    inverse = np.array([cell.calculate_1_d2(h.tolist()) for h in hkl])
    measured = (10 * result["position_d"].values) ** -2.0
    strong = result["significance"].values > 30
    for _ in range(8):
        nearest = np.argmin(np.abs(inverse[None, :] / measured[:, None] - 1), axis=1)
        weight = strong / measured
        metric = np.linalg.lstsq(terms[nearest] * weight[:, None], measured * weight, rcond=None)[0]
        inverse = terms @ metric
    off = np.abs(np.sqrt(inverse[nearest] / measured) - 1)
    assert strong.sum() >= 20
    assert np.median(off[strong]) < 5e-5
    assert off[strong].max() < 3e-4
