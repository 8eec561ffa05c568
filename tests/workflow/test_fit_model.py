"""Models in recipes: as a preset or as components, run and replayed."""

import numpy as np
import pytest
from tiny_run import SAXS, recipe_text

import xrdkit as xk
from xrdkit.errors import RecipeError
from xrdkit.provenance import steps
from xrdkit.saxs.models import DebyeAnderson, Flat, Model, ModelSpec, fixed, porous_carbon, unified
from xrdkit.workflow import load_recipe, run
from xrdkit.workflow.replay import replay

PLAIN = SAXS[: SAXS.index("[detectors.saxs.fit_sizes]")]
COMPONENTS = """
[detectors.saxs.fit_model]
range = [0.5, 6.5]
scale_errors = false

[[detectors.saxs.fit_model.components]]
kind = "debye_anderson"
correlation_length = 2.0

[[detectors.saxs.fit_model.components]]
kind = "flat"
level = {value = 0.0, vary = false}
"""
PRESET = """
[detectors.saxs.fit_model]
preset = "unified"

[detectors.saxs.fit_model.options]
levels = 2
power_law = false
packing = false
"""


def loaded(folder, table):
    path = folder / "recipe.toml"
    path.write_text(recipe_text(PLAIN + table))
    return load_recipe(path)


def test_a_recipe_states_components_or_a_preset(tmp_path):
    detector = loaded(tmp_path, COMPONENTS).detectors[0]
    assert detector.products == ("profile", "model")
    assert detector.fit_model.spec() == ModelSpec(range=(0.5, 6.5), scale_errors=False)
    assert detector.fit_model.model() == Model(
        components=(DebyeAnderson(correlation_length=2.0), Flat(level=fixed(0.0)))
    )
    preset = loaded(tmp_path, PRESET).detectors[0].fit_model
    assert preset.model() == unified(2, power_law=False, packing=False)


@pytest.mark.parametrize(
    ("table", "match"),
    [
        (COMPONENTS.replace("debye_anderson", "debye"), "unknown component 'debye'"),
        (COMPONENTS.replace("correlation_length", "length"), "no 'length'"),
        (COMPONENTS.replace("[0.5, 6.5]", "[6.5, 0.5]"), "range"),
        (PRESET.replace("unified", "modular"), "preset"),
        (PRESET.replace("levels = 2", "level = 2"), "no option 'level'"),
        (PRESET.replace("levels = 2", "levels = 9"), "1 to 4"),
        ("[detectors.saxs.fit_model]\n", "tuple of components"),
        (
            '[detectors.saxs.fit_model]\npreset = "unified"\ncomponents = [{kind = "flat"}]\n',
            "eith",
        ),
    ],
    ids=range(8),
)
def test_what_is_no_model_is_refused_with_the_recipe(table, match, tmp_path):
    with pytest.raises(RecipeError, match=match):
        loaded(tmp_path, table)


def test_a_run_fits_the_model_and_can_be_replayed(tmp_path, source, monkeypatch):
    monkeypatch.setattr(
        "xrdkit.workflow.products.write_report", lambda _, path, **__: path.write_text("x")
    )
    (source / "model.toml").write_text(recipe_text(PLAIN + COMPONENTS))
    outcomes = list(run(load_recipe(source / "model.toml"), into=tmp_path / "out", engine="local"))
    assert {o.product for o in outcomes} == {"profile", "model", "report"}
    result = xk.load(tmp_path / "out" / "saxs.model.nc")
    assert [s.step for s in steps(result)] == ["open_frames", "integrate", "fit_model"]
    assert result.sizes["frame"] == 6
    lengths = result["parameter_value"].sel(parameter="debye_anderson.correlation_length")
    assert np.isfinite(lengths).all()
    profile = xk.load(tmp_path / "out" / "saxs.profile.nc")
    alone = xk.fit_model(
        profile.isel(frame=[4]),
        Model(components=(DebyeAnderson(correlation_length=2.0), Flat(level=fixed(0.0)))),
        ModelSpec(range=(0.5, 6.5), scale_errors=False),
    )
    np.testing.assert_array_equal(
        alone["parameter_value"].values[0], result["parameter_value"].values[4]
    )


def test_models_of_curve_files_are_replayed(tmp_path):
    q = np.geomspace(0.05, 4.0, 80)
    intensity = 100.0 / (1 + (2.0 * q) ** 2) ** 2 + 0.1
    np.savetxt(tmp_path / "curve.dat", np.stack([q, intensity, 0.02 * intensity], axis=1))
    curve = xk.read_profile(tmp_path / "curve.dat", unit="1/nm")
    for name, model in (("one", porous_carbon()), ("choice", unified("auto", max_levels=1))):
        xk.save(xk.fit_model(curve, model), tmp_path / f"{name}.nc")
        assert replay(tmp_path / f"{name}.nc").identical
