"""Where a recipe takes geometry and resolution from: a store, files of other programs, a table."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from calibration_store import judged, measured
from tiny_run import SAXS, WAXS, recipe_text
from typer.testing import CliRunner

import xrdkit as xk
from xrdkit.calibration import Resolution
from xrdkit.cli.main import app
from xrdkit.errors import RecipeError, XrdkitError
from xrdkit.fitting import Verdict
from xrdkit.provenance import steps
from xrdkit.store import load
from xrdkit.workflow import load_recipe, make_plan, products, run
from xrdkit.workflow import write_calibration as writing
from xrdkit.workflow.replay import replay

WIDTHS = {"u": 0.01, "v": 0.0, "w": 0.02, "x": 0.0, "y": 0.03}
FROM_STORE = 'calibration = {store = "store", instrument = "waxs"}'


@pytest.fixture(scope="module")
def place(source, tmp_path_factory):
    """The experiment of 2025-01-01, with a store of four days: two accepted, two not."""
    place = tmp_path_factory.mktemp("chosen")
    shutil.copytree(source, place, dirs_exist_ok=True)
    frames = xk.open_frames(place / "waxs" / "series_master.h5").isel(frame=[0])
    found = measured(tmp_path_factory.mktemp("standard"))[2]
    at = xk.load_calibration(place / "waxs" / "geometry.poni")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "_pictures", lambda *_: None)
        for day, verdict, offset in (
            ("2024-06-01", "accepted", 2e-4),
            ("2024-12-01", "accepted", 0.0),
            ("2024-12-24", "doubtful", 1e-4),
            ("2024-12-30", "rejected", 1e-4),
        ):
            result = replace(found, calibration=replace(at, distance=at.distance + offset))
            if verdict != "accepted":
                result = judged(result, verdict)
            writing.write_calibration(
                result, place / "store", instrument="waxs", date=day, frames=frames, force=True,
                resolution=None if day == "2024-06-01" else resolution(),
            )  # fmt: skip
    return place


def resolution(wavelength=0.7, **more):
    return Resolution(
        calibrant="LaB6", wavelength=wavelength, two_theta_range=(10.0, 70.0), **WIDTHS,
        covariance=tuple((0.0,) * 5 for _ in range(5)), asymmetry=0.0, asymmetry_sigma=0.0,
        gof=1.0, verdict=Verdict.OK, **more,
    )  # fmt: skip


def recipe(place, *changes, calibration=FROM_STORE, text=WAXS):
    file = place / "stored.toml"
    file.write_text(recipe_text(text.replace('calibration = "waxs/geometry.poni"', calibration)))
    return load_recipe(file, [f"detectors.waxs.{change}" for change in changes])


@pytest.fixture(scope="module")
def done(place):
    """A run with the stored calibration and the resolution beside it; its folder."""
    wanted = recipe(place, "refine_phases.instrument=stored")
    into = place / "results"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "write_report", lambda _, path, **__: path.write_text("x"))
        for _ in run(wanted, into=into, engine="local"):
            pass
    return into


def test_the_newest_accepted_calibration_before_the_first_frame_is_taken(place, caplog):
    plan = make_plan(recipe(place))
    assert plan.recipe.detectors[0].calibration.date == "2024-12-01"
    same = xk.load_calibration(place / "waxs" / "geometry.poni")
    assert plan.inputs["waxs"].calibration.distance == same.distance
    assert "none is before" not in caplog.text
    make_plan(recipe(place, "calibration.when=2024-01-01"))
    assert "none is before 2024-01-01" in caplog.text
    earlier = make_plan(recipe(place, "calibration.when=2024-07-01"))
    assert earlier.inputs["waxs"].calibration.distance == pytest.approx(same.distance + 2e-4)


def test_the_check_of_a_recipe_names_what_was_chosen(place):
    recipe(place)
    words = ["check", str(place / "stored.toml")]
    words += ["--set", "detectors.waxs.refine_phases.instrument=stored"]
    outcome = CliRunner().invoke(app, words)
    assert outcome.exit_code == 0, outcome.output
    assert (
        "from store   instrument waxs, 2024-12-01, accepted, for a measurement of 2025-01-01"
        in outcome.output
    )
    assert "resolution   waxs, by LaB6, held fixed" in outcome.output


def test_the_choice_and_the_resolution_are_in_the_provenance(done):
    phases = load(done / "waxs.phases.nc")
    history = {step.step: step for step in steps(phases)}
    assert [s.step for s in steps(phases)][:2] == ["open_frames", "choose_calibration"]
    chosen = history["choose_calibration"]
    assert chosen.settings["instrument"] == "waxs"
    assert chosen.settings["measured"] == "2024-12-01"
    assert chosen.settings["chosen_for"] == "2025-01-01"
    assert chosen.settings["verdict"] == "accepted"
    assert len(chosen.inputs[0]) == 64
    assert history["load_instrument"].settings["calibrant"] == "LaB6"
    held = history["refine_phases"].settings["spec"]["instrument"]
    assert {name: held[name] for name in WIDTHS} == WIDTHS


def test_such_a_result_can_be_replayed(done, place):
    for name in ("waxs.profile.nc", "waxs.phases.nc"):
        assert replay(done / name, inputs=place).identical, name


def test_an_instrument_file_gives_the_same_widths_as_a_table(place):
    path = place / "store" / "waxs" / "2024-12-01" / "instrument.toml"
    by_file = make_plan(recipe(place, f"refine_phases.instrument={path}")).inputs["waxs"]
    table = ", ".join(f"{name} = {value}" for name, value in WIDTHS.items())
    text = WAXS + f"instrument = {{{table}}}\n"
    by_table = make_plan(recipe(place, text=text)).inputs["waxs"]
    assert by_file.refinement == by_table.refinement
    assert by_table.resolution is None
    plain = make_plan(recipe(place)).inputs["waxs"]
    assert plain.refinement.instrument is None


def test_a_geometry_without_wavelength_gets_it_from_the_table(place):
    at = xk.load_calibration(place / "waxs" / "geometry.poni")
    xk.save_calibration(at, place / "fit2d.txt", format="fit2d")
    lines = (place / "fit2d.txt").read_text().splitlines()
    kept = [line for line in lines if not line.startswith("#") and "avelength" not in line]
    (place / "fit2d.txt").write_text("\n".join(kept))
    table = 'calibration = {file = "fit2d.txt", format = "fit2d", pixel_size = 6e-4'
    found = make_plan(recipe(place, calibration=f"{table}, wavelength = 0.7}}"))
    same = found.inputs["waxs"].calibration
    shape = (133, 128)
    np.testing.assert_allclose(same.two_theta(shape), at.two_theta(shape), atol=1e-7)
    with pytest.raises(XrdkitError, match="wavelength"):
        make_plan(recipe(place, calibration=f"{table}}}"))


@pytest.mark.parametrize(
    ("calibration", "says", "hint"),
    [
        ('{stor = "store", instrument = "waxs"}', "calibration.stor'", "'store'"),
        ('{store = "store", instrumnt = "waxs"}', "calibration.instrumnt'", "'instrument'"),
        ('{file = "g.poni", wavelenght = 1.0}', "calibration.wavelenght'", "'wavelength'"),
        ('{store = "store"}', "store needs instrument", ""),
        ('{instrument = "waxs"}', "needs file", ""),
        ('{file = "g.poni", store = "s"}', "one of them", ""),
        ('{file = "g.poni", when = 2025-01-01}', "when does not go with file", ""),
        ('{store = "s", instrument = "i", format = "poni"}', "format does not go", ""),
        ('{file = "g.txt", format = "fit3d"}', "calibration.format", ""),
        ('{file = "g.txt", wavelength = "0.7"}', "calibration.wavelength", ""),
        ("7", "calibration", ""),
    ],
)
def test_wrong_keys_are_named_with_the_near_one(place, calibration, says, hint):
    with pytest.raises(RecipeError) as caught:
        recipe(place, calibration=f"calibration = {calibration}")
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("calibration.instrument=saxs", "no accepted calibration of 'saxs'"),
        ("calibration.store=nowhere", "no such folder"),
        ("calibration.when=yesterday", "not a day"),
        ("calibration.wavelength=0.8", "0.7 Å"),
        ("calibration.date=2024-12-30", "is rejected: made up"),
        ("calibration.date=2023-01-01", "calibration.toml"),
        ("orientation=2", "orientation is 2"),
        ("refine_phases.instrument=nowhere.toml", "nowhere.toml"),
    ],
)
def test_what_cannot_be_taken_is_refused_before_the_run(place, change, says):
    with pytest.raises(XrdkitError) as caught:
        make_plan(recipe(place, change))
    assert says in str(caught.value)


def test_frames_without_a_time_need_when(place, monkeypatch):
    opened = xk.open_frames

    def silent(*arguments, **words):
        return opened(*arguments, **words).drop_vars("start_time")

    monkeypatch.setattr("xrdkit.workflow.calibration_source.open_frames", silent)
    with pytest.raises(RecipeError, match="do not say when") as caught:
        make_plan(recipe(place))
    assert "detectors.waxs.calibration.when" in caught.value.hint


def test_a_resolution_that_is_absent_or_of_another_wavelength_is_refused(place):
    with pytest.raises(RecipeError, match="holds no resolution"):
        make_plan(recipe(place, "refine_phases.instrument=stored", "calibration.date=2024-06-01"))
    with pytest.raises(RecipeError, match="no stored calibration"):
        make_plan(
            recipe(
                place,
                "refine_phases.instrument=stored",
                calibration='calibration = "waxs/geometry.poni"',
            )
        )
    folder = place / "store" / "waxs" / "2024-12-01"
    known = xk.calibration.load_instrument(folder / "instrument.toml")
    other = replace(known, resolution_function=resolution(wavelength=0.71))
    xk.calibration.save_instrument(other, place / "other.toml")
    with pytest.raises(RecipeError, match=r"measured at 0\.71 Å"):
        make_plan(recipe(place, f"refine_phases.instrument={place / 'other.toml'}"))


def test_the_mask_beside_the_stored_calibration_is_taken(place):
    for words in ({"text": WAXS}, {"text": WAXS.replace("waxs/mask.edf", "stored")}):
        inputs = make_plan(recipe(place, "mask=stored", **words)).inputs["waxs"]
        own = xk.load_mask(place / "store" / "waxs" / "2024-12-01" / "mask.edf")
        np.testing.assert_array_equal(inputs.spec.mask, own)
    other = make_plan(recipe(place)).inputs["waxs"].identity["mask"]
    assert inputs.identity["mask"] != other  # a block made with another mask is made again


def test_a_stored_mask_that_is_not_there_is_refused(place, tmp_path):
    geometry = 'calibration = "waxs/geometry.poni"'
    with pytest.raises(RecipeError, match=r"waxs\.mask: there is no stored calibration"):
        make_plan(recipe(place, "mask=stored", calibration=geometry))
    with pytest.raises(RecipeError, match=r"waxs\.mask_flip: a stored mask"):
        make_plan(recipe(place, "mask=stored", "mask_flip=true"))
    folder = tmp_path / "store" / "waxs" / "2024-12-01"
    shutil.copytree(place / "store" / "waxs" / "2024-12-01", folder)
    lines = (folder / "calibration.toml").read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith('"mask.edf"')]
    (folder / "calibration.toml").write_text("".join(kept))
    with pytest.raises(RecipeError, match=r"waxs\.mask: no mask lies beside") as caught:
        make_plan(recipe(place, "mask=stored", f"calibration.store={tmp_path / 'store'}"))
    assert caught.value.source == str(folder)


def test_a_doubtful_calibration_that_is_asked_for_by_its_day_warns(place, caplog):
    make_plan(recipe(place, "calibration.date=2024-12-24"))
    assert "is doubtful: made up" in caplog.text


def test_the_kinds_of_geometry_do_not_change_a_recipe_with_a_path(place):
    file = place / "saxs_only.toml"
    file.write_text(recipe_text(SAXS))
    assert load_recipe(file).detectors[0].calibration == str(place / "saxs/geometry.poni")
