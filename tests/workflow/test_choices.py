"""Recipe values that may be one of several kinds: told by a key, faults of that kind alone."""

import pytest

from xrdkit.canonical import plain
from xrdkit.errors import RecipeError
from xrdkit.saxs import SizeSpec
from xrdkit.saxs.models import fixed
from xrdkit.saxs.population import Population
from xrdkit.saxs.shapes import CoreShell, Cylinder
from xrdkit.saxs.smearing import SmearingSpec
from xrdkit.saxs.structure_factors import FractalAggregate, HardSphere, StickyHardSphere
from xrdkit.workflow.curves import curve_settings
from xrdkit.workflow.rebuilt import rebuilt
from xrdkit.workflow.toml import parse_overrides


def spec_of(*changes):
    overrides = parse_overrides([f"fit_sizes.{change}" for change in changes])
    return curve_settings(None, overrides).fit_sizes.spec()


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        (["shape=cylinder"], SizeSpec(shape="cylinder")),
        (["shape.name=cylinder", "shape.length=40"], SizeSpec(shape=Cylinder(length=40.0))),
        (
            ["shape.name=core_shell", "shape.core_contrast=30", "shape.shell_contrast=5.0"],
            SizeSpec(shape=CoreShell(core_contrast=30.0, shell_contrast=5.0)),
        ),
        (["interaction.kind=hard_sphere"], SizeSpec(interaction=HardSphere())),
        (
            ["interaction.kind=sticky_hard_sphere", "interaction.stickiness=0.2"],
            SizeSpec(interaction=StickyHardSphere(stickiness=0.2)),
        ),
        (
            [
                "interaction.kind=hard_sphere",
                "interaction.effective_volume_fraction.value=0.2",
                "interaction.effective_volume_fraction.vary=false",
            ],
            SizeSpec(interaction=HardSphere(effective_volume_fraction=fixed(0.2))),
        ),
        (["populations=2"], SizeSpec(populations=2)),
        (["smearing=none"], SizeSpec(smearing="none")),
        (["smearing.slit_length=1.0"], SizeSpec(smearing=SmearingSpec(slit_length=1.0))),
    ],
    ids=[
        "name",
        "cylinder",
        "core_shell",
        "hard",
        "sticky",
        "fixed",
        "number",
        "smearing",
        "slit",
    ],
)
def test_a_key_tells_the_kind(changes, wanted):
    assert spec_of(*changes) == wanted


def test_populations_of_different_shapes_are_a_list_of_tables(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(
        '[[fit_sizes.populations]]\nfamily = "schulz"\n'
        '[[fit_sizes.populations]]\nshape = {name = "cylinder", length = 3}\n'
    )
    assert curve_settings(path).fit_sizes.spec() == SizeSpec(
        populations=(Population(family="schulz"), Population(shape=Cylinder(length=3.0)))
    )
    path.write_text('[[fit_sizes.populations]]\nshape = {name = "cylinder", lenth = 3}\n')
    with pytest.raises(RecipeError) as raised:
        curve_settings(path)
    assert raised.value.hint == "did you mean 'length'?"


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        (
            ["shape.name=cylinder", "shape.lenght=40.0"],
            "unknown key 'fit_sizes.shape.lenght'",
            "did you mean 'length'?",
        ),
        (
            ["shape.name=zylinder", "shape.length=40.0"],
            "fit_sizes.shape: should be a table with name = 'sphere', 'core_shell', 'spheroid',"
            " 'cylinder', 'disc', 'lamella', 'sasmodels' or text, not {'name': 'zylinder',"
            " 'length': 40.0}",
            None,
        ),
        (
            ["shape.name=core_shell", "shape.core_contrast=30.0"],
            "'fit_sizes.shape.shell_contrast' is missing",
            "write it into the recipe, or --set fit_sizes.shape.shell_contrast=...",
        ),
        (
            ["interaction=hard_sphere"],
            "fit_sizes.interaction: should be a table with kind = 'hard_sphere',"
            " 'sticky_hard_sphere', 'fractal_aggregate', not 'hard_sphere'",
            None,
        ),
        (
            ["interaction.kind=hard_sphere", "interaction.stickiness=0.2"],
            "unknown key 'fit_sizes.interaction.stickiness'",
            "known: approximation, effective_volume_fraction, kind, radius_ratio",
        ),
        (
            ["interaction.effective_volume_fraction=0.2"],
            "fit_sizes.interaction: should be a table with kind = 'hard_sphere',"
            " 'sticky_hard_sphere', 'fractal_aggregate', not {'effective_volume_fraction': 0.2}",
            None,
        ),
        (
            ["populations.family=schulz"],
            "fit_sizes.populations: should be a list in brackets or a whole number, not"
            " {'family': 'schulz'}",
            None,
        ),
        (
            ["smearing=non"],
            "fit_sizes.smearing: Input should be 'auto' or 'none', not 'non'",
            None,
        ),
    ],
    ids=["key", "name", "missing", "text", "other", "no_kind", "no_list", "literal"],
)
def test_faults_are_told_of_the_kind_that_is_meant(changes, message, hint):
    with pytest.raises(RecipeError) as raised:
        spec_of(*changes)
    assert str(raised.value).startswith(f"settings: {message}")
    assert raised.value.hint == hint


@pytest.mark.parametrize(
    "structure", [HardSphere(), StickyHardSphere(), FractalAggregate()], ids=lambda s: s.kind
)
def test_what_provenance_holds_of_a_kind_makes_it_again(structure):
    spec = SizeSpec(interaction=structure)
    assert rebuilt(SizeSpec, plain(spec), version="0") == spec
