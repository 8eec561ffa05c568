"""Models: names, ties, settings and what is refused."""

import pytest

from xrdkit.errors import SpecError
from xrdkit.provenance import append
from xrdkit.saxs.models import (
    Choice,
    Flat,
    MeasuredCurve,
    Model,
    Parameter,
    Particles,
    Peak,
    PowerLaw,
    UnifiedLevel,
    emulsion,
    fixed,
    free,
    lamellar_gel,
    model_of,
    model_settings,
    porous_carbon,
    supported_catalyst,
    tied,
    unified,
)
from xrdkit.saxs.shapes import CoreShell
from xrdkit.saxs.structure_factors import HardSphere, StickyHardSphere

MODELS = {
    "unified": unified(2, power_law=True, packing=False),
    "auto": unified("auto"),
    "carbon": porous_carbon(levels=2),
    "catalyst": supported_catalyst(contrast=110.0, contrast_sigma=1.0, metals=2),
    "emulsion": emulsion(),
    "gel": lamellar_gel(orders=3, shape="pseudo_voigt", spacing=12.0),
    "core-shell": Model(
        components=(
            Particles(
                shape=CoreShell(core_contrast=30.0, shell_contrast=5.0),
                structure=StickyHardSphere(stickiness=free(0.3, low=0.1)),
            ),
            MeasuredCurve(q=(0.1, 1.0), intensity=(2.0, 1.0), sigma=(0.1, 0.1), name="solvent"),
        )
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_settings_bring_a_model_back(name):
    assert model_of(model_settings(MODELS[name])) == MODELS[name]


@pytest.mark.parametrize("name", MODELS)
def test_settings_are_plain_values(name, sets):
    import xrdkit as xk

    curve = xk.profile(sets.Q, sets.truth("A"), None, unit="1/nm")
    assert "components" in append(curve, "x", model_settings(MODELS[name])).attrs["provenance"]


def test_components_of_one_kind_are_numbered():
    model = Model(components=(UnifiedLevel(), Flat()))
    assert model.names == ("level_1", "flat")
    model = model + Peak() + Peak() + PowerLaw(name="grains")
    assert model.names == ("level_1", "flat", "peak_1", "peak_2", "grains")


def test_levels_end_where_the_next_smaller_one_begins():
    model = Model(components=(UnifiedLevel(), UnifiedLevel(), UnifiedLevel(cutoff=fixed(0.0))))
    stated = {entry.name: entry.stated for entry in model.entries}
    assert stated["level_1.cutoff"] == Parameter()
    assert stated["level_2.cutoff"].tie == "level_1.radius_of_gyration"
    assert stated["level_3.cutoff"] == fixed(0.0)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Model(components=()), "tuple of components"),
        (lambda: Model(components=[Flat()]), "tuple of components"),
        (lambda: Model(components=(HardSphere(),)), "no component"),
        (lambda: Model(components=(Flat(name="a b"),)), "no name"),
        (lambda: Model(components=(Flat(name="x"), Peak(name="x"))), "called 'x'"),
        (lambda: Model(components=(Flat(level=fixed(1.0)),)), "no parameter of the model is free"),
        (lambda: Model(components=(Flat(), PowerLaw(power=tied("peak.x")))), "no parameter"),
        (
            lambda: Model(
                components=(
                    Flat(),
                    PowerLaw(power=tied("power_law.cutoff"), cutoff=tied("power_law.power")),
                )
            ),
            "circle",
        ),
        (lambda: Model(components=(Flat(), PowerLaw(power=tied("2 +")))), "ends too early"),
        (lambda: Choice(models=(Flat(),)), "no model"),
        (lambda: unified(5), "1 to 4"),
        (lambda: unified(True), "1 to 4"),
        (lambda: Parameter(value=1.0, low=2.0), "outside its own bounds"),
        (lambda: Parameter(low=3.0, high=2.0), "no room"),
        (lambda: Parameter(value=1.0, tie="x"), "tied parameter"),
        (lambda: supported_catalyst("wood"), "support"),
        (lambda: lamellar_gel(orders=0), "orders"),
        (lambda: model_of({"components": [{"kind": "pickle"}]}), "unknown component"),
        (lambda: model_of({"components": [{"kind": "flat", "height": 1.0}]}), "has no 'height'"),
        (lambda: model_of({"components": [{"kind": "hard_sphere"}]}), "no component"),
        (lambda: model_of({"components": [{"kind": "flat", "level": {"min": 1}}]}), "no 'min'"),
        (lambda: model_of("flat"), "table"),
        (lambda: model_of({"parts": []}), "components"),
    ],
    ids=range(23),
)
def test_what_makes_no_sense_is_refused(make, match):
    with pytest.raises(SpecError, match=match):
        make()
