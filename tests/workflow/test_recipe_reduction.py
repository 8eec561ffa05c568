"""The settings of the reduction in recipes: every field works from TOML, every typo is named."""

import re
from pathlib import Path

import pytest
from tiny_run import SAXS, WAXS, recipe_text

from xrdkit.errors import RecipeError
from xrdkit.integration import IntegrationSpec, Normalization
from xrdkit.integration.outlier_spec import OutlierSpec
from xrdkit.workflow import Recipe, load_recipe, make_plan

TABLES = """
[detectors.waxs.stated]
exposure_time = 0.5
monitor = 2000000
sensor_material = "Si"

[detectors.waxs.quality]
alpha = 0.05
reference = "median"
"""
FULL = """
[detectors.saxs]
frames = "saxs/frame_*.edf"
calibration = "saxs/geometry.poni"
background = "saxs/frame_0001.edf"
coordinates = "conditions.csv"

[detectors.saxs.integrate]
range = [0.2, 7.0]
bins = 50
splitting = "full"
azimuth_slice = [90, 20]
gain = 2.0
readout_noise = 3
without = ["solid_angle"]
background_scale = 0.9
background_scale_sigma = 0.02

[detectors.saxs.integrate.outliers]
kinds = "spots"
alpha = 1e-4

[detectors.saxs.integrate.normalization]
monitor = "frame"
monitor_sigma = 1e3
time = 0.5
time_sigma = 0.001
transmission = 0.8
transmission_sigma = 0.01
thickness = 0.1
thickness_sigma = 0.002
absolute_scale = 3e-4
absolute_scale_sigma = 1e-5

[detectors.saxs.integrate.background_normalization]
monitor = 2e6
monitor_sigma = 2e3
time = "frame"
transmission = 0.9
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "r.toml"
    file.write_text(recipe_text(SAXS, WAXS, TABLES))
    return file


def test_every_field_of_the_reduction_comes_from_toml(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text(recipe_text(FULL))
    recipe = load_recipe(file)
    assert recipe.detectors[0].integrate.spec() == IntegrationSpec(
        range=(0.2, 7.0),
        bins=50,
        splitting="full",
        azimuth_slice=(90.0, 20.0),
        gain=2.0,
        readout_noise=3.0,
        without=("solid_angle",),
        background_scale=0.9,
        background_scale_sigma=0.02,
        outliers=OutlierSpec(kinds="spots", alpha=1e-4),
        normalization=Normalization(
            monitor="frame",
            monitor_sigma=1e3,
            time=0.5,
            time_sigma=0.001,
            transmission=0.8,
            transmission_sigma=0.01,
            thickness=0.1,
            thickness_sigma=0.002,
            absolute_scale=3e-4,
            absolute_scale_sigma=1e-5,
        ),
        background_normalization=Normalization(
            monitor=2e6, monitor_sigma=2e3, time="frame", transmission=0.9
        ),
    )
    assert Recipe.model_validate_json(recipe.model_dump_json(by_alias=True)) == recipe


#: one fault -> words of the message
FAULTS = {
    "integrate.spliting=full": ("integrate.spliting'", "'splitting'"),
    "integrate.splitting=bbox": ("integrate.splitting", "'full'"),
    "integrate.azimuth_slice=[90]": ("integrate.azimuth_slice",),
    "integrate.azimuth_slice=[90, 0]": ("azimuth_slice", "no width"),
    "integrate.gain=0": ("gain must be positive",),
    "integrate.gian=2.0": ("integrate.gian'", "'gain'"),
    "integrate.readout_noise=-1": ("readout_noise",),
    "integrate.readout_nois=1": ("readout_nois'", "'readout_noise'"),
    "integrate.background_scale_sigma=-0.1": ("background_scale_sigma",),
    'integrate.without="flat"': ("integrate.without", "list"),
    "integrate.outliers.kind=spots": ("integrate.outliers.kind'", "'kinds'"),
    "integrate.outliers.kinds=spot": ("integrate.outliers.kinds", "'spots'"),
    "integrate.outliers.alpha=0.5": ("outliers.alpha",),
    "integrate.outliers=true": ("integrate.outliers", "table"),
    "integrate.normalization.monitor_sgima=1.0": ("monitor_sgima'", "'monitor_sigma'"),
    "integrate.normalization.monitor_sigma=1.0": ("needs normalization.monitor",),
    "integrate.normalization.absolute_scale_sigma=1.0": ("needs absolute_scale",),
    "integrate.normalization.time=[1.0, 2.0]": ("integrate.normalization.time", "coordinates"),
    "integrate.background_normalization.monitr=1.0": ("monitr'", "'monitor'"),
    "integrate.background_normalization.monitor=[1.0]": (
        "integrate.background_normalization.monitor",
        "coordinates",
    ),
    "stated.exposure_tme=1.0": ("waxs.stated.exposure_tme'", "'exposure_time'"),
    "stated.wavelength=1.0": ("waxs.stated.wavelength'", "'wavelength_header'"),
    "stated.exposure_time=-1.0": ("waxs.stated", "exposure_time -1.0", "given in s"),
    "stated.distance_header=1500.0": ("distance_header 1500.0", "at most 200 m"),
    "stated.transmission=1.5": ("waxs.stated", "transmission 1.5"),
    "stated.exposure_time=true": ("stated.exposure_time", "number"),
    "stated.exposure_time=[1.0, 2.0]": ("stated.exposure_time", "number"),
    "stated.sensor_material=14": ("stated.sensor_material", "string"),
    "stated=3": ("waxs.stated", "table"),
    "quality.alfa=0.1": ("waxs.quality.alfa'", "'alpha'"),
    "quality.alpha=0.6": ("waxs.quality", "alpha 0.6"),
    "quality.family=run": ("quality.family", "'series'"),
    "quality.reference=last": ("quality.reference",),
    "quality.reference=-1": ("waxs.quality", "-1"),
    "quality.profile=1": ("quality.profile'", "unknown key"),
    "qualty.alpha=0.1": ("waxs.qualty'", "'quality'"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_named(path: Path, fault: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, [f"detectors.waxs.{fault}"])
    for word in FAULTS[fault]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_list_of_errors_belongs_into_the_coordinates(path: Path) -> None:
    prefix = "detectors.waxs.integrate.normalization."
    changes = [prefix + "monitor=frame", prefix + "monitor_sigma=[1.0, 2.0]"]
    with pytest.raises(RecipeError, match=r"normalization\.monitor_sigma is a list"):
        load_recipe(path, changes)


def test_what_is_stated_and_asked_is_kept(path: Path) -> None:
    recipe = load_recipe(path, ["detectors.waxs.quality.reference=3"])
    saxs, waxs = recipe.detectors
    assert waxs.stated_values == {
        "exposure_time": 0.5,
        "monitor": 2e6,
        "sensor_material": "Si",
    }
    assert (saxs.stated_values, saxs.quality) == ({}, None)
    assert waxs.quality.values == {
        "alpha": 0.05,
        "reference": 3,
        "family": "frame",
        "tolerance": 0.0,
        "dropped_below": 0.5,
    }
    again = Recipe.model_validate_json(recipe.model_dump_json(by_alias=True))
    assert again == recipe
    assert again.digest() == recipe.digest() != load_recipe(path).digest()
    hash(recipe)


def test_an_empty_table_of_quality_asks_for_it(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text(recipe_text(SAXS, "\n[detectors.saxs.quality]\n"))
    assert load_recipe(file).detectors[0].quality.values["alpha"] == 0.01


def test_a_name_that_no_correction_has_is_refused_before_the_work(source: Path) -> None:
    change = 'detectors.saxs.integrate.without=["polarisation"]'
    with pytest.raises(ValueError, match="polarisation"):
        make_plan(load_recipe(source / "saxs.toml", [change]))


def test_a_frame_of_reference_that_is_not_there_is_refused_before_the_work(source: Path) -> None:
    recipe = load_recipe(source / "saxs.toml", ["detectors.saxs.quality.reference=6"])
    with pytest.raises(ValueError, match=r"quality\.reference 6: there are frames 0 to 5"):
        make_plan(recipe)


def test_the_median_of_few_frames_is_refused_before_the_work(source: Path, tmp_path: Path) -> None:
    text = (source / "saxs.toml").read_text().replace('coordinates = "conditions.csv"', "")
    text = text.replace('"saxs/frame_*', f'"{source}/saxs/frame_000[0-2]*').replace(
        '"saxs/', f'"{source}/saxs/'
    )
    file = tmp_path / "r.toml"
    file.write_text(text.replace('monitor = "frame"', ""))
    with pytest.raises(ValueError, match=r"quality\.reference: the median of 3 frames"):
        make_plan(load_recipe(file, ["detectors.saxs.quality.reference=median"]))


def test_the_examples_of_the_documentation_are_recipes(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "workflows.md"
    examples = re.findall(r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    files = '[detectors.saxs]\nframes = "f.edf"\ncalibration = "g.poni"\n\n'
    detectors = []
    for example in examples:
        # The page shows the tables of fits alone; a recipe integrates first.
        first = "" if "integrate" in example else "[detectors.saxs.integrate]\nrange = [0.3, 5.0]\n"
        file = tmp_path / "r.toml"
        file.write_text(recipe_text(files, first + example))
        detectors += load_recipe(file).detectors
    counted, sizes, model = detectors
    assert counted.stated_values == {"exposure_time": 0.5, "count_cutoff": 1e6}
    assert counted.integrate.spec().normalization.monitor_sigma == "frame"
    assert counted.quality.values["tolerance"] == 0.005
    assert sizes.fit_sizes is not None
    assert model.fit_model is not None
