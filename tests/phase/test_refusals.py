"""Wrong inputs give one clear error."""

import numpy as np
import pytest
from powder_patterns import counted

import xrdkit as xk
from xrdkit.errors import CurveError, EmptyResult, SchemaError, SpecError, StructureError
from xrdkit.phase import InstrumentWidths, load_structure
from xrdkit.phase.refine import resolve

X = np.linspace(10, 40, 600)


def profile():
    return counted(X, {"Si": 1.0}, wavelength=0.7)


def test_ranges_outside_the_data_are_refused():
    with pytest.raises(SpecError, match="covers 10 to 40 degree"):
        xk.refine_phases(profile(), ["Si"], xk.RefinementSpec(range=(50, 60)))
    with pytest.raises(EmptyResult, match="needs 20"):
        xk.refine_phases(profile(), ["Si"], xk.RefinementSpec(range=(10, 10.5)))


@pytest.mark.parametrize("phase", ["Unobtainium", "no/such/file.cif", 3, None])
def test_unknown_phases_are_refused(phase):
    with pytest.raises(StructureError):
        xk.refine_phases(profile(), [phase])


def test_lists_of_phases_are_checked():
    for phases in ([], ["Si", "Si"], "Si"):
        with pytest.raises(SpecError):
            xk.refine_phases(profile(), phases)


def test_a_profile_without_wavelength_is_refused():
    bare = profile().drop_vars(["wavelength", "emission_weight"])
    with pytest.raises(CurveError, match="no wavelength"):
        xk.refine_phases(bare, ["Si"])


def test_uncorrected_integrated_profiles_are_refused():
    good = profile()
    good["n_pixels"] = good.intensity.copy(data=np.ones(X.size))
    good["n_pixels"].attrs = {"units": "1", "long_name": "pixels"}
    for attribute in ("solid_angle_corrected", "polarization_factor"):
        bad = good.copy()
        del bad.attrs[attribute]
        with pytest.raises(CurveError, match="not corrected for"):
            xk.refine_phases(bad, ["Si"])
    with pytest.raises(CurveError, match="the solid angle"):
        xk.refine_phases(good.assign_attrs(solid_angle_corrected=0), ["Si"])


def test_profiles_of_other_kinds_are_refused():
    q = xk.profile(X, np.ones(X.size), unit="1/nm")
    with pytest.raises(CurveError, match="no wavelength"):
        xk.refine_phases(q, ["Si"])
    laboratory = xk.pattern(X, np.ones(X.size), wavelength="CuKa")
    doublet = q.assign_coords(
        wavelength=laboratory.wavelength, emission_weight=laboratory.emission_weight
    )
    with pytest.raises(CurveError, match="several emission lines"):
        xk.refine_phases(doublet, ["Si"])
    with pytest.raises(CurveError, match="no sigma"):
        xk.refine_phases(q.assign_coords(wavelength=profile().wavelength), ["Si"])
    with pytest.raises(SchemaError):
        xk.refine_phases(profile().drop_vars("intensity"), ["Si"])


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "loopstra"},
        {"geometry": "guinier"},
        {"size_profile": "box"},
        {"size_profile": "voigt"},
        {"range": (30, 20)},
        {"range": (np.nan, 20)},
        {"background": 0},
        {"background": True},
        {"profile_reach": 0.5},
        {"zero": np.inf},
        {"refine_displacement": True},
        {"displacement": 0.1, "geometry": "debye_scherrer", "goniometer_radius": 200.0},
        {"goniometer_radius": -1.0},
        {"refine_instrument": True},
        {"monochromator_two_theta": 26.6, "polarization_ratio": 1.0},
        {"polarization_ratio": -1.0},
        {"cell_search": 1.0},
    ],
)
def test_settings_outside_their_range_are_refused(fields):
    with pytest.raises(SpecError):
        xk.RefinementSpec(**fields)


def test_instrument_widths_are_checked():
    for fields in ({}, {"w": 0.01, "x": -1.0}, {"w": np.nan}, {"w": 1e9}):
        with pytest.raises(SpecError):
            InstrumentWidths(**fields)


@pytest.mark.parametrize("phases", [None, 3, {"CaF2"}])
def test_what_is_no_list_of_phases_is_refused(phases):
    with pytest.raises(SpecError, match="phases is a list"):
        resolve(phases)


def test_one_structure_under_two_names_is_refused():
    with pytest.raises(SpecError, match="corundum and Al2O3 are one structure"):
        resolve(["Al2O3", "corundum", "ZnO"])


def test_a_cif_is_given_by_its_path():
    with pytest.raises(StructureError, match="by its path"):
        load_structure(3)
