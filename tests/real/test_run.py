"""Recipes on measured frames."""

from pathlib import Path

import pytest

from xrdkit.store import load
from xrdkit.workflow import Done, Failed, load_recipe, run


def test_one_recipe_gives_one_answer_on_every_engine(data_dir: Path, tmp_path: Path) -> None:
    folder = data_dir / "frames" / "lightform_pixium"
    path = tmp_path / "lightform.toml"
    path.write_text(
        f"""
        name = "lightform"
        title = "Six frames of a series"
        [detectors.waxs]
        frames = "{folder}/pixium_series_master.h5"
        calibration = "{folder}/DLS_CeO2_1200mm_pyFAI.poni"
        mask = "{folder}/DLS_CeO2_1200mm.mask"
        integrate = {{unit = "two_theta", range = [1.2, 9.0], bins = 200, polarization = 0.99}}
        [run]
        block_frames = 2
        """
    )
    recipe = load_recipe(path)
    digests = {}
    for engine, workers in (("local", 1), ("processes", 1), ("processes", 2)):
        into = tmp_path / f"{engine}{workers}"
        outcomes = list(run(recipe, into=into, engine=engine, workers=workers))
        assert not [o for o in outcomes if isinstance(o, Failed)]
        (result,) = [o for o in outcomes if isinstance(o, Done) and o.product == "profile"][3:]
        digests[into.name] = result.digest
        assert load(into / "waxs.profile.nc").sizes["frame"] == 6
    assert len(set(digests.values())) == 1


def test_ceria_through_the_packaged_recipe(data_dir: Path, tmp_path: Path) -> None:
    folder = data_dir / "frames" / "dioptas"
    recipe = load_recipe(
        "waxs_phase",
        [
            f"detectors.waxs.frames={folder}/CeO2_Pilatus1M.tif",
            f"detectors.waxs.calibration={folder}/CeO2_Pilatus1M.poni",
            "detectors.waxs.orientation=2",
            "detectors.waxs.integrate.range=[5.0, 24.0]",
        ],
    )
    outcomes = list(run(recipe, into=tmp_path, engine="local"))
    assert not [o for o in outcomes if isinstance(o, Failed)]
    phases = load(tmp_path / "waxs.phases.nc")
    lattice = float(phases["lattice"].sel(lattice_parameter="a").values.squeeze())
    assert lattice == pytest.approx(0.54113, rel=300e-6)
