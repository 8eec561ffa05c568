"""Results of phase analysis other than refinements, and refinements with ties, done again."""

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.phase import InstrumentWidths, ParameterSpec, PhaseSpec, powder_intensity
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
    yield "a refinement after a baseline", xk.refine_phases(baseline(profile), ["CeO2", "Si"])


def test_results_of_phase_analysis_are_replayed(curve, tmp_path):
    profile, folder = curve
    for name, result in results(profile):
        file = tmp_path / f"{name.replace(' ', '_')}.nc"
        xk.save(result, file)
        again = replay(file, inputs=folder)
        assert again.verdict == "same", name
        assert again.identical, name
