"""Recipes: what is accepted, and how the rest is refused."""

from pathlib import Path

import pytest
from tiny_run import SAXS, WAXS, recipe_text

from xrdkit.errors import RecipeError
from xrdkit.integration import IntegrationSpec
from xrdkit.phase import RefinementSpec
from xrdkit.saxs import SizeSpec
from xrdkit.workflow import Recipe, load_recipe, packaged


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "r.toml"
    file.write_text(recipe_text(SAXS, WAXS))
    return file


def test_a_recipe_holds_the_specs(path: Path) -> None:
    recipe = load_recipe(path)
    saxs, waxs = recipe.detectors
    assert [d.label for d in recipe.detectors] == ["saxs", "waxs"]
    spec = saxs.integrate.spec()
    assert isinstance(spec, IntegrationSpec)
    assert (spec.range, spec.bins, spec.normalization.monitor) == ((0.2, 7.0), 50, "frame")
    assert saxs.fit_sizes.spec() == SizeSpec(method="lognormal")
    assert waxs.refine_phases.spec() == RefinementSpec(strain=False)
    assert waxs.refine_phases.phases == ("Pt",)
    assert saxs.products == ("profile", "sizes")
    assert waxs.products == ("profile", "phases")
    assert saxs.frames == (str(path.parent / "saxs/frame_*.edf"),)
    assert waxs.calibration == str(path.parent / "waxs/geometry.poni")


def test_a_recipe_is_frozen_to_the_bottom(path: Path) -> None:
    recipe = load_recipe(path)
    with pytest.raises(ValueError, match="frozen"):
        recipe.name = "other"
    with pytest.raises(ValueError, match="frozen"):
        recipe.detectors[0].integrate.bins = 3
    hash(recipe)


def test_the_digest_says_what_decides_the_run(path: Path) -> None:
    first = load_recipe(path)
    assert load_recipe(path).digest() == first.digest()
    path.write_text("# a comment\n" + path.read_text())
    assert load_recipe(path).digest() == first.digest()
    assert load_recipe(path, ["detectors.saxs.integrate.spacing=linear"]).digest() == first.digest()
    assert load_recipe(path, ["detectors.saxs.integrate.bins=51"]).digest() != first.digest()


def test_a_recipe_survives_its_own_json(path: Path) -> None:
    recipe = load_recipe(path)
    again = Recipe.model_validate_json(recipe.model_dump_json(by_alias=True))
    assert again == recipe
    assert again.digest() == recipe.digest()


def test_overrides_replace_values(path: Path, tmp_path: Path) -> None:
    recipe = load_recipe(
        path,
        [
            "detectors.saxs.frames=other/*.edf",
            'detectors.waxs.refine_phases.phases=["Pt", "my.cif"]',
            "detectors.saxs.integrate.edges=[1, 2.5, 3]",
            "detectors.saxs.integrate.polarization=0",
            "name = later",
            "title=2025-01-01",
        ],
        root=tmp_path / "here",
    )
    saxs, waxs = recipe.detectors
    assert saxs.frames == (str(tmp_path / "here/other/*.edf"),)
    assert waxs.refine_phases.phases == ("Pt", str(tmp_path / "here/my.cif"))
    assert saxs.integrate.spec().edges == (1.0, 2.5, 3.0)
    assert saxs.integrate.spec().polarization == 0.0
    assert (recipe.name, recipe.title) == ("later", "2025-01-01")


#: one fault -> words of the message
FAULTS = {
    "detectors.saxs.integrate.bin=100": ("detectors.saxs.integrate.bin'", "'bins'"),
    "detectors.sax.integrate.bins=100": ("'sax'", "'saxs'"),
    "detectors.saxs.integrat.bins=100": ("detectors.saxs.integrat'", "'integrate'"),
    "detectors.saxs.fit_size.method=schulz": ("fit_size'", "'fit_sizes'"),
    "detectors.saxs.integrate.normalization.moniter=1": ("moniter'", "'monitor'"),
    "detectors.waxs.refine_phases.instrument.q=1": ("instrument.q'", "known"),
    'detectors.waxs.refine_phases.of_phase=[{name="Pt", marchaxis=[0, 0, 1]}]': (
        "of_phase[0].marchaxis'",
        "'march_axis'",
    ),
    'detectors.waxs.refine_phases.parameters=[{name="Pt.a", lower=0.3}]': (
        "parameters[0].lower'",
        "'low'",
    ),
    'detectors.waxs.refine_phases.ties=["Pt.a = Pt.a * Pt.b"]': ("refine_phases", "not linear"),
    "detector.saxs.frames=x": ("'detector'", "'detectors'"),
    "nmae=x": ("'nmae'", "'name'"),
    "run.blockframes=3": ("'run.blockframes'", "'block_frames'"),
    'detectors.saxs.integrate.bins="100"': ("detectors.saxs.integrate.bins", "integer"),
    "detectors.saxs.integrate.bins=100.5": ("detectors.saxs.integrate.bins", "integer"),
    "detectors.saxs.integrate.bins=true": ("detectors.saxs.integrate.bins", "integer"),
    "detectors.saxs.integrate.bins=0": ("detectors.saxs.integrate", "at least 1"),
    "detectors.saxs.integrate.range=[nan, 3.0]": ("integrate.range[0]", "finite"),
    "detectors.saxs.integrate.range=[1.0, inf]": ("integrate.range[1]", "finite"),
    "detectors.saxs.integrate.range=[3.0, 1.0]": ("detectors.saxs.integrate", "low < high"),
    "detectors.saxs.integrate.range=[3.0]": ("detectors.saxs.integrate.range",),
    "detectors.saxs.integrate.range=0.2,7": ("integrate.range", "list in brackets"),
    "detectors.saxs.integrate.bins=2000000000": ("bins", "at most 1000000"),
    "detectors.saxs.integrate.unit=1/A": ("integrate.unit", "'q'"),
    "detectors.saxs.integrate.solid_angle=1": ("integrate.solid_angle", "boolean"),
    "detectors.saxs.integrate.polarization=1.5": ("detectors.saxs.integrate", "-1 to 1"),
    "detectors.saxs.integrate.normalization.time=[1, 2]": ("normalization.time", "coordinates"),
    "detectors.saxs.integrate.normalization.time=frames": ("normalization",),
    "detectors.saxs.fit_sizes.method=log-normal": ("fit_sizes.method", "'lognormal'"),
    "detectors.saxs.fit_sizes.contrast=0.0": ("detectors.saxs.fit_sizes", "contrast"),
    "detectors.waxs.refine_phases.phases=[]": ("detectors.waxs", "phases"),
    "detectors.waxs.refine_phases.phases=[1]": ("refine_phases.phases",),
    "detectors.saxs.frames=[]": ("detectors.saxs", "frames"),
    "detectors.saxs.frames=3": ("detectors.saxs.frames",),
    "detectors.saxs.mask=": ("detectors.saxs.mask",),
    "detectors.saxs.label=x": ("label",),
    "detectors.saxs=3": ("detectors.saxs", "table"),
    "detectors=3": ("detectors",),
    "name=../x": ("name", "letters, digits"),
    'title="a\\u0000b"': ("title", "one line"),
    "schema=xrdkit/recipe/2": ("schema",),
    "run.block_frames=0": ("run.block_frames", "1"),
    "name.x=1": ("name", "not a table"),
    "bins": ("key=value",),
    "=3": ("key=value",),
    "a..b=3": ("key=value",),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_named(path: Path, fault: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, [fault])
    for word in FAULTS[fault]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_values_are_listed(path: Path) -> None:
    path.write_text(recipe_text("[detectors.a]\n[detectors.a.integrate]\nrange = [1.0, 2.0]\n"))
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert "'detectors.a.frames' is missing" in str(caught.value)
    assert "'detectors.a.calibration' is missing" in str(caught.value)


def test_a_misspelt_key_comes_before_what_is_missing_for_it() -> None:
    with pytest.raises(RecipeError, match=r"unknown key .*framez.* is missing") as caught:
        load_recipe("waxs_phase", ["detectors.waxs.framez=a.edf"])
    assert caught.value.hint == "did you mean 'frames'?"


def test_bins_must_be_the_same_for_all_frames(path: Path) -> None:
    path.write_text(path.read_text().replace("range = [0.2, 7.0]", ""))
    with pytest.raises(RecipeError, match="range or edges"):
        load_recipe(path)


def test_one_override_given_twice_is_refused(path: Path) -> None:
    with pytest.raises(RecipeError, match="twice"):
        load_recipe(path, ["name=a", "name=b"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name = ", "TOML"),
        (b"a = 1\na = 2", "TOML"),
        (b"\xff\xfe", "UTF-8"),
        (b"a = " + b"[" * 17 + b"]" * 17, "deep"),
        (b"a = " + b"[" * 100_000, "deep"),
        (b"#" * 1_100_000, "1 MB"),
        (b"", "missing"),
    ],
)
def test_what_is_no_recipe_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "r.toml"
    file.write_bytes(content)
    with pytest.raises(RecipeError, match=words):
        load_recipe(file)


def test_a_mark_before_the_first_letter_is_passed_over(path: Path) -> None:
    plain = load_recipe(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_recipe(path) == plain


@pytest.mark.parametrize("name", ["nothing.toml", ".", "no_such_recipe"])
def test_a_recipe_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecipeError):
        load_recipe(tmp_path / name if name != "no_such_recipe" else name)


@pytest.mark.parametrize("name", ["waxs_phase", "saxs_sizes", "fuel_cell_ptc"])
def test_packaged_recipes_need_only_their_inputs(name: str) -> None:
    assert name in packaged()
    with pytest.raises(RecipeError) as caught:
        load_recipe(name)
    text = str(caught.value)
    assert text.count("is missing") == 2 * text.count("calibration' is missing")
    labels = [label for label in ("saxs", "waxs") if f"detectors.{label}.frames" in text]
    changes = [f"detectors.{x}.{key}=f" for x in labels for key in ("frames", "calibration")]
    assert load_recipe(name, changes).name == name
