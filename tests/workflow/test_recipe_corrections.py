"""Corrections of frames in recipes: read, refused, applied in order, and recorded."""

from pathlib import Path

import numpy as np
import pytest
from tiny_run import SAXS, WAXS, recipe_text

from xrdkit import correct, integrate, open_frames
from xrdkit.corrections import AirAbsorption, DetectorEfficiency, Dose, PlateAbsorption, SolidAngle
from xrdkit.errors import RecipeError
from xrdkit.provenance import steps
from xrdkit.store import load
from xrdkit.workflow import Done, Failed, Recipe, load_recipe, run
from xrdkit.workflow.inputs import open_inputs

PROFILE_ONLY = WAXS[: WAXS.index("[detectors.waxs.refine_phases]")]
TABLES = """
[detectors.waxs.corrections.efficiency]
material = "Si"
thickness = 450e-6

[detectors.waxs.corrections.air_absorption]
parts = [["helium", 0.1], ["kapton", 50e-6]]
pressure = 98000

[detectors.waxs.corrections.dose]
name = "thickness"
values = [0.05]
sigma = [0.001]
"""
ORDER = ("efficiency", "air_absorption", "dose")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "r.toml"
    file.write_text(recipe_text(PROFILE_ONLY, TABLES))
    return file


def test_tables_become_corrections_in_the_order_written(path: Path) -> None:
    (detector,) = load_recipe(path).detectors
    assert detector.corrections.order == ORDER
    assert detector.corrections.efficiency.thickness == 450e-6
    back = "\n".join(f"[{part}" for part in reversed(TABLES.split("\n[")[1:]))
    path.write_text(recipe_text(PROFILE_ONLY, back))
    (other,) = load_recipe(path).detectors
    assert other.corrections.order == ORDER[::-1]
    assert (
        load_recipe(path).digest()
        != Recipe(name="tiny", title="A tiny run", detectors=(detector,)).digest()
    )


def test_a_recipe_with_corrections_survives_its_own_json(path: Path) -> None:
    recipe = load_recipe(path)
    again = Recipe.model_validate_json(recipe.model_dump_json(by_alias=True))
    assert again == recipe
    assert again.digest() == recipe.digest()
    assert again.detectors[0].corrections.order == ORDER
    hash(recipe)


def test_a_recipe_without_the_table_has_no_corrections(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text(recipe_text(SAXS))
    (detector,) = load_recipe(file).detectors
    assert detector.corrections is None


def test_overrides_change_and_add_corrections(path: Path) -> None:
    prefix = "detectors.waxs.corrections."
    (detector,) = load_recipe(
        path, [prefix + "efficiency.thickness=320e-6", prefix + "dead_time.dead_time=2e-7"]
    ).detectors
    assert detector.corrections.efficiency.thickness == 320e-6
    assert detector.corrections.order == (*ORDER, "dead_time")
    assert detector.corrections.dead_time.model == "non_paralyzable"


#: one fault -> words of the message
FAULTS = {
    "corrections.eficiency.thickness=1e-4": ("corrections.eficiency'", "'efficiency'"),
    "corrections.efficiency.thicknes=1e-4": ("efficiency.thicknes'", "'thickness'"),
    "corrections.efficiency.thickness=450": ("corrections.efficiency", "in metre"),
    "corrections.efficiency.thickness=true": ("corrections.efficiency.thickness", "number"),
    "corrections.efficiency.material=Sj": ("corrections.efficiency", "'Sj'"),
    "corrections.efficiency.calibration=x": ("efficiency.calibration'", "unknown key"),
    "corrections.efficiency=3": ("corrections.efficiency", "table"),
    "corrections.parallax.material=Si": ("corrections.parallax.thickness' is missing",),
    'corrections.air_absorption.parts=[["heliun", 1.0]]': ("air_absorption", "'heliun'"),
    'corrections.air_absorption.parts=["helium", 1.0]': ("air_absorption.parts", "list"),
    "corrections.plate_absorption.mu_t=0.5,": ("plate_absorption.mu_t",),
    "corrections.plate_absorption.mu_t=-0.5": ("plate_absorption", "mu_t -0.5"),
    "corrections.dead_time.model=extending": ("dead_time.model", "'paralyzable'"),
    "corrections.dose.values=[1.0, 2.0]": ("corrections.dose", "standard errors"),
    "corrections.polarization.factor=0.99": ("corrections.polarization", "twice"),
    "corrections.background.scale=1.0": ("corrections.background'", "unknown key"),
    "corrections.flat.sigma=1.0": ("corrections.flat'", "unknown key"),
    'corrections.order=["efficiency"]': ("corrections", "order names efficiency"),
    "correction.efficiency.thickness=1e-4": ("waxs.correction'", "'corrections'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_named(path: Path, fault: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, [f"detectors.waxs.{fault}"])
    for word in FAULTS[fault]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_solid_angle_twice_is_refused_with_the_way_out(path: Path) -> None:
    path.write_text(recipe_text(PROFILE_ONLY, "[detectors.waxs.corrections.solid_angle]\n"))
    with pytest.raises(RecipeError, match="solid_angle = false"):
        load_recipe(path)
    recipe = load_recipe(path, ["detectors.waxs.integrate.solid_angle=false"])
    assert recipe.detectors[0].corrections.order == ("solid_angle",)


def test_a_dose_for_each_frame_belongs_into_the_coordinates(path: Path) -> None:
    changes = ["values=[1.0, 2.0]", "sigma=[0.1, 0.1]"]
    with pytest.raises(RecipeError, match="file of coordinates"):
        load_recipe(path, [f"detectors.waxs.corrections.dose.{change}" for change in changes])


def with_corrections(source: Path, folder: Path, tables: str) -> Path:
    """Write the recipe of the simulated SAXS frames with these tables; return its path."""
    text = SAXS[: SAXS.index("[detectors.saxs.fit_sizes]")]
    text = text.replace('"saxs/', f'"{source}/saxs/').replace(
        'coordinates = "conditions.csv"', f'coordinates = "{source}/conditions.csv"'
    )
    file = folder / "r.toml"
    file.write_text(recipe_text(text, tables.replace("waxs", "saxs")))
    return file


def test_a_run_applies_and_records_them(source: Path, tmp_path: Path) -> None:
    tables = (
        TABLES
        + "[detectors.waxs.corrections.plate_absorption]\nmu_t = 0.7\n"
        + "[detectors.waxs.corrections.solid_angle]\n"
    )
    recipe = load_recipe(
        with_corrections(source, tmp_path, tables), ["detectors.saxs.integrate.solid_angle=false"]
    )
    outcomes = list(run(recipe, into=tmp_path / "into", engine="local"))
    assert not [o for o in outcomes if isinstance(o, Failed)]
    profile = load(tmp_path / "into" / "saxs.profile.nc")
    names = [s.step for s in steps(profile)]
    classes = (DetectorEfficiency, AirAbsorption, Dose, PlateAbsorption, SolidAngle)
    assert names == [
        "open_frames",
        *(f"correct:{kind.__name__}" for kind in classes),
        "integrate",
    ]
    assert steps(profile)[1].settings["thickness"] == 450e-6
    (detector,) = recipe.detectors
    inputs = open_inputs(detector, 6)
    frames = open_frames(sorted((source / "saxs").glob("frame_*.edf"))[:1])
    frames = frames.assign_coords(monitor=("frame", inputs.coordinates["monitor"].values[:1]))
    own = [
        DetectorEfficiency(calibration=inputs.calibration, material="Si", thickness=450e-6),
        AirAbsorption(
            calibration=inputs.calibration,
            parts=(("helium", 0.1), ("kapton", 50e-6)),
            pressure=98_000.0,
        ),
        Dose(name="thickness", values=(0.05,), sigma=(0.001,)),
        PlateAbsorption(calibration=inputs.calibration, mu_t=0.7),
        SolidAngle(calibration=inputs.calibration),
    ]
    expected = integrate(correct(frames, own), inputs.calibration, inputs.spec)
    np.testing.assert_array_equal(profile["intensity"][0], expected["intensity"][0])


def test_a_changed_correction_makes_the_blocks_new(source: Path, tmp_path: Path) -> None:
    file = with_corrections(source, tmp_path, TABLES)
    first = list(run(load_recipe(file), into=tmp_path / "into", engine="local"))
    again = list(run(load_recipe(file), into=tmp_path / "into", engine="local"))
    change = ["detectors.saxs.corrections.efficiency.thickness=320e-6"]
    other = list(run(load_recipe(file, change), into=tmp_path / "into", engine="local"))
    done = [sum(isinstance(o, Done) for o in outcomes) for outcomes in (first, again, other)]
    assert done[0] == done[2] > 0
    assert done[1] == 0
