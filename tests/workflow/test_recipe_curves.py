"""Parameters on curves over a series, in recipes: the whole series is refined at once."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny_run import WAXS, recipe_text

import xrdkit as xk
from xrdkit.errors import RecipeError, SpecError
from xrdkit.phase import ParametricTie
from xrdkit.store import load
from xrdkit.workflow import Done, Failed, Outcome, Skipped, load_recipe, make_plan, run
from xrdkit.workflow.replay import replay

CURVES = """
[[detectors.waxs.refine_phases.parametric]]
parameter = "Pt.a"
along = "time"
degree = 1

[[detectors.waxs.refine_phases.parametric]]
parameter = "zero"
along = "time"
degree = 0
"""
ZERO = "refine_phases.refine_zero=true"


@pytest.fixture(autouse=True, scope="module")
def quick_report() -> Iterator[None]:
    """Write a report of one line: drawing takes seconds, and its own tests draw."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "xrdkit.workflow.products.write_report", lambda r, path, **k: path.write_text("x")
        )
        yield


@pytest.fixture(scope="module")
def recipe(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    waxs = WAXS.replace('mask = "waxs', 'coordinates = "conditions.csv"\nmask = "waxs')
    path = source / "curves.toml"
    path.write_text(recipe_text(waxs + CURVES))
    return path


def go(recipe: Path, into: Path, *changes: str, engine: str = "local") -> list[Outcome]:
    loaded = load_recipe(recipe, [f"detectors.waxs.{c}" for c in (ZERO, *changes)])
    return list(run(loaded, into=into, engine=engine))


def phases_of(outcomes: list[Outcome]) -> list[Outcome]:
    return [o for o in outcomes if getattr(o, "product", "") == "phases"]


def test_a_series_is_refined_as_one_whatever_the_blocks(recipe: Path, tmp_path: Path) -> None:
    (made,) = phases_of(go(recipe, tmp_path / "a"))
    assert isinstance(made, Done)
    assert made.frames == 6
    assert made.path is not None
    result = load(made.path)
    assert list(result.parametric.values) == ["Pt.a c0", "Pt.a c1", "zero c0"]
    assert np.ptp(result.zero_shift.values) < 1e-12
    profile = load(tmp_path / "a/waxs.profile.nc")
    spec = xk.RefinementSpec(
        strain=False,
        refine_zero=True,
        parametric=(
            ParametricTie(parameter="Pt.a", along="time", degree=1),
            ParametricTie(parameter="zero", along="time", degree=0),
        ),
    )
    by_hand = xk.refine_phases(profile, ["Pt"], spec)
    for name in ("lattice", "lattice_sigma", "parametric_coefficient", "zero_shift"):
        np.testing.assert_array_equal(by_hand[name], result[name])


def test_what_is_there_is_not_made_again_and_a_change_makes_it_new(
    recipe: Path, tmp_path: Path
) -> None:
    (first,) = phases_of(go(recipe, tmp_path))
    (again,) = phases_of(go(recipe, tmp_path))
    assert isinstance(again, Skipped)
    assert again.digest == first.digest
    (other,) = phases_of(go(recipe, tmp_path, "refine_phases.background=8"))
    assert isinstance(other, Done)
    assert other.digest != first.digest
    # Without curves the blocks are refined one by one again.
    single = phases_of(go(recipe, tmp_path, "refine_phases.parametric=[]"))
    assert len(single) == 4
    assert all(isinstance(o, Done) for o in single)
    assert "parametric" not in load(tmp_path / "waxs.phases.nc").dims


def test_a_result_with_curves_is_replayed(recipe: Path, tmp_path: Path) -> None:
    go(recipe, tmp_path)
    again = replay(tmp_path / "waxs.phases.nc", inputs=recipe.parent)
    assert (again.verdict, again.identical) == ("same", True)


def test_a_curve_over_nothing_is_refused_before_any_work(recipe: Path) -> None:
    loaded = load_recipe(
        recipe, ['detectors.waxs.refine_phases.parametric=[{parameter="Pt.a", along="pressure"}]']
    )
    with pytest.raises(SpecError, match="no coordinate 'pressure' on the frames") as caught:
        make_plan(loaded)
    assert "time" in str(caught.value.hint)


def test_a_wrong_curve_is_a_wrong_recipe(recipe: Path) -> None:
    with pytest.raises(RecipeError, match="degree"):
        load_recipe(
            recipe, ['detectors.waxs.refine_phases.parametric=[{parameter="Pt.a", degree=40}]']
        )


def test_curves_that_cannot_be_fitted_are_a_failure_of_that_result_alone(
    recipe: Path, tmp_path: Path
) -> None:
    go(recipe, tmp_path)
    change = 'refine_phases.parametric=[{parameter="Pt.b", along="time"}]'
    outcomes = go(recipe, tmp_path, change)
    (failure,) = phases_of(outcomes)
    assert isinstance(failure, Failed)
    assert "Pt.a" in failure.message + str(failure.hint)
    assert not (tmp_path / "waxs.phases.nc").exists()
    assert (tmp_path / "waxs.profile.nc").exists()
