"""Anisotropic strain on a measured pattern."""

import numpy as np

import xrdkit as xk


def test_lead_sulphate_is_explained_better_by_strain_that_differs_by_direction(data_dir):
    folder = data_dir / "powder" / "pbso4"
    profile = xk.read_profile(folder / "PBSO4.XRA", wavelength="CuKa")
    structure = xk.load_structure(folder / "PbSO4-Wyckoff.cif")
    common = {"range": (16, 110), "background": 12, "refine_axial": True, "b_iso": True}
    plain = xk.refine_phases(profile, [structure], xk.RefinementSpec(**common))
    own = xk.PhaseSpec(name=structure.name, strain_anisotropy="stephens")
    better = xk.refine_phases(profile, [structure], xk.RefinementSpec(**common, of_phase=(own,)))
    assert better.verdict.item() == "ok"
    assert list(better.strain_term.values) == ["S400", "S040", "S004", "S220", "S202", "S022"]
    # Five parameters more: worth it by the Bayesian information criterion.
    points = np.isfinite(profile.intensity.sel(two_theta=slice(16, 110))).sum().item()
    gain = (plain.rwp.item() / better.rwp.item()) ** 2 - 1
    assert gain * points > 5 * np.log(points)
    assert better.strain.values[0] > 0
