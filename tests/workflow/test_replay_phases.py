"""Results of phase analysis other than refinements, and refinements with ties, done again."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.errors import RefusedError
from xrdkit.phase import (
    CellCalibration,
    InstrumentWidths,
    ParameterSpec,
    PhaseSpec,
    content_from_cell,
    order_parameter,
    order_ties,
    ordered_alloy,
    powder_intensity,
)
from xrdkit.phase.baseline import baseline
from xrdkit.phase.mesophase import index_mesophase
from xrdkit.phase.peaks_spec import PeakSpec
from xrdkit.phase.size_strain import size_strain
from xrdkit.workflow.replay import replay

ANGLES = np.arange(20.0, 90.0, 0.02)


@pytest.fixture
def curve(tmp_path):
    lines = powder_intensity("CeO2", ANGLES, wavelength=1.5405929, size=20.0, fwhm=0.08)
    lines += 0.4 * powder_intensity("Si", ANGLES, wavelength=1.5405929, size=40.0, fwhm=0.08)
    mean = 2000 * lines / lines.max() + 100
    counts = np.random.default_rng(1).poisson(mean)
    rows = zip(ANGLES, counts, np.sqrt(mean), strict=True)
    file = tmp_path / "scan.xye"
    file.write_text("".join(f"{x:.4f} {y} {s:.6f}\n" for x, y, s in rows))
    return xk.read_profile(file, wavelength="CuKa1"), tmp_path


def results(profile):
    peaks = xk.fit_peaks(profile, PeakSpec(range=(25, 80)))
    spec = xk.RefinementSpec(
        parameters=(ParameterSpec(name="CeO2.strain", value=1e-3, low=0.0, high=0.01),),
        ties=("CeO2.strain = Si.strain",),
        esd_correction="berar_lelann",
        of_phase=(PhaseSpec(name="Si", atoms=("*.b",)),),
        instrument=InstrumentWidths(w=0.08**2),
    )
    yield "fit_peaks", peaks
    yield "size_strain", size_strain(peaks, instrument=InstrumentWidths(w=0.08**2))
    yield "size_strain of some methods", size_strain(peaks, methods=("scherrer",))
    yield "index_mesophase", index_mesophase(peaks)
    yield "baseline", baseline(profile, method="arpls")
    yield "identify_phases", xk.identify_phases(profile, elements=["Ce", "O", "Si"])
    yield "refine_phases", xk.refine_phases(profile, ["CeO2", "Si"], spec)
    ceria = xk.refine_phases(profile, ["CeO2", "Si"])
    calibration = CellCalibration(
        quantity="a", coefficients=(0.0, 1.0), range=(0.1, 1.0), source="a test"
    )
    yield "content_from_cell", content_from_cell(ceria, calibration, phase="CeO2")
    yield "a refinement after a baseline", xk.refine_phases(baseline(profile), ["CeO2", "Si"])


def test_results_of_phase_analysis_are_replayed(curve, tmp_path):
    profile, folder = curve
    for name, result in results(profile):
        file = tmp_path / f"{name.replace(' ', '_')}.nc"
        xk.save(result, file)
        again = replay(file, inputs=folder)
        assert again.verdict == "same", name
        assert again.identical, name


def test_an_external_standard_is_found_by_its_content(curve, tmp_path):
    profile, folder = curve
    mixture = xk.refine_phases(profile, ["CeO2", "Si"])
    xk.save(mixture, folder / "standard.nc")
    result = xk.absolute_fractions(
        mixture, mixture, attenuation=100.0, standard_attenuation=200.0, standard_phase="CeO2"
    )
    xk.save(result, tmp_path / "a.nc")
    assert replay(tmp_path / "a.nc", inputs=folder).identical
    (folder / "standard.nc").unlink()
    with pytest.raises(RefusedError, match="external standard"):
        replay(result, inputs=folder)


def test_the_order_of_an_alloy_is_replayed(curve, tmp_path):
    profile, folder = curve
    alloy = ordered_alloy("Co", "Pt", kind="L1_2", a=0.385, name="alloy")
    spec = xk.RefinementSpec(
        of_phase=(PhaseSpec(name="alloy", atoms=("*.occupancy",)),), ties=order_ties(alloy)
    )
    result = order_parameter(xk.refine_phases(profile, ["CeO2", alloy], spec), alloy)
    assert replay(result, inputs=folder).identical


def test_a_blank_is_found_by_its_content(curve, tmp_path):
    profile, folder = curve
    blank = profile.assign(intensity=profile.intensity * 0 + 40.0, sigma=profile.sigma * 0 + 2.0)
    result = xk.refine_phases(profile, ["CeO2", "Si"], blank=blank)
    with pytest.raises(RefusedError, match="the blank is in no result file"):
        replay(result, inputs=folder)
    xk.save(blank, folder / "blank.nc")
    assert replay(result, inputs=folder).identical


def test_columns_are_replayed(curve):
    profile, folder = curve
    peaks = xk.fit_peaks(profile, PeakSpec(range=(25, 80)))
    first = int(np.argmin(np.abs(peaks.position.values - 28.5)))
    second = int(np.argmin(np.abs(peaks.position.values - 59.1)))
    result = xk.warren_averbach(peaks, [first, second], instrument=InstrumentWidths(w=0.04**2))
    assert replay(result, inputs=folder).identical
