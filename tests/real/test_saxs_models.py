"""Models fitted to measured curves, some with a published answer."""

import h5py
import numpy as np
import pytest

import xrdkit as xk
from xrdkit.saxs.models import (
    Flat,
    Model,
    ModelSpec,
    PowerLaw,
    UnifiedLevel,
    fit_model,
    fixed,
    lamellar_gel,
    unified,
)

#: As stored with three digits; B per 1/nm^P: 10^P times that per 1/angstrom^P.
STORED = {
    "level_1.guinier": 27.5,
    "level_1.radius_of_gyration": 6.81,
    "level_1.prefactor": 0.00533 * 10**2.15,
    "level_1.power": 2.15,
    "power_law.prefactor": 1.02e-10 * 10**4.25,
    "power_law.power": 4.25,
    "flat.level": 0.173,
}


@pytest.fixture(scope="module")
def unified_test(data_dir):
    """Observed curve and stored model of a unified fit."""
    with h5py.File(data_dir / "saxs/pyirena/TestUnifiedFit.h5") as file:
        group = file["entry/unified_fit_results"]
        names = ("Q", "intensity_data", "intensity_error", "intensity_model")
        q, observed, sigma, stored = (group[name][:] for name in names)
    return (
        xk.profile(q, observed, sigma, unit="1/angstrom"),
        xk.profile(q, stored, sigma, unit="1/angstrom"),
    )


def test_a_stored_curve_comes_back_from_its_rounded_parameters(unified_test):
    _, stored = unified_test
    q = stored["q"].values
    level = {k.split(".")[1]: v for k, v in STORED.items() if k.startswith("level_1")}
    slope = {k.split(".")[1]: v for k, v in STORED.items() if k.startswith("power_law")}
    ours = UnifiedLevel().curve(q, level | {"cutoff": 0.0}).value
    ours = ours + PowerLaw().curve(q, slope | {"cutoff": 6.58}).value + STORED["flat.level"]
    assert np.abs(ours / stored["intensity"].values - 1).max() < 0.027


def test_a_stored_curve_gives_its_parameters_back(unified_test):
    _, stored = unified_test
    model = Model(components=(UnifiedLevel(), PowerLaw(cutoff=fixed(6.58)), Flat()))
    result = fit_model(stored, model)
    found = result["parameter_value"]
    for name, value in STORED.items():
        if "prefactor" not in name:
            assert float(found.sel(parameter=name)) == pytest.approx(value, rel=3e-3), name
    # A prefactor belongs to its power: where each law rules, both give the same.
    for part, q in (("level_1", 0.7), ("power_law", 0.004)):
        ours, theirs = (
            float(table(f"{part}.prefactor")) * q ** -float(table(f"{part}.power"))
            for table in (lambda name: found.sel(parameter=name), STORED.get)
        )
        assert ours == pytest.approx(theirs, rel=0.03), part


def test_a_measured_curve_gives_the_stored_parameters_without_a_start(unified_test):
    observed, _ = unified_test
    result = fit_model(observed, unified(1, power_law=True, packing=False))
    found, sigma = result["parameter_value"], result["parameter_sigma"]
    for name, value in STORED.items():
        error = float(sigma.sel(parameter=name))
        assert abs(float(found.sel(parameter=name)) - value) < 3 * error, name
    # Its errors do not cover waves at small angles, which desmearing leaves.
    assert result["verdict"].item() == "misfit"
    assert float(result["gof"]) ** 2 == pytest.approx(2.45, abs=0.05)


def test_a_level_stays_what_it_is_whatever_is_found_beside_it(unified_test):
    observed, _ = unified_test
    result = fit_model(observed, unified("auto"))
    for name in ("guinier", "radius_of_gyration", "power"):
        found = float(result["parameter_value"].sel(parameter=f"level_1.{name}"))
        assert found == pytest.approx(STORED[f"level_1.{name}"], rel=0.05), name
    assert result["verdict"].item() == "misfit"


def test_hydroxyapatite_powder_is_one_level(data_dir):
    path = data_dir / "saxs/didsr/data-hydroxyapatite.txt"
    profile = xk.read_profile(path, unit="1/angstrom", range=(0.06, 0.6))
    result = fit_model(profile, unified("auto"))
    assert result["verdict"].item() == "ok"
    value, sigma = (
        float(result[f"parameter_{what}"].sel(parameter="level_1.power"))
        for what in ("value", "sigma")
    )
    assert abs(value - 4.0) < 2 * sigma
    assert np.isnan(result["gof"])


def test_what_lies_behind_the_beamstop_is_not_taken_for_a_level(data_dir):
    """Below q = 0.5 1/nm the curve falls to nothing: no model of these describes that."""
    path = data_dir / "saxs/didsr/data-hydroxyapatite.txt"
    profile = xk.read_profile(path, unit="1/angstrom", range=(0.005, 0.6))
    result = fit_model(profile, unified(2, packing=False))
    assert result["verdict"].item() != "ok"
    assert result["verdict_reason"].item()


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("sasdata/33837rear_1D_1.75_16.5_NXcanSAS.h5", unified(1, packing=False, power_law=False)),
        ("sasdata/33837rear_1D_1.75_16.5_NXcanSAS.h5", lamellar_gel(orders=1)),
        ("esrf_colloid/Colloid_dilute.dat", lamellar_gel(orders=2)),
        ("raw_gi/glucose_isomerase.dat", lamellar_gel(orders=3)),
    ],
    ids=["oriented-unified", "oriented-gel", "colloid-gel", "protein-gel"],
)
def test_wrong_models_are_said_to_be_wrong(name, model, data_dir):
    unit = {} if name.endswith("dilute.dat") else {"unit": "1/angstrom"}
    result = fit_model(xk.read_profile(data_dir / "saxs" / name, **unit), model, ModelSpec())
    assert result["verdict"].item() != "ok"
    assert result["verdict_reason"].item()
