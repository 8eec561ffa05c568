"""What would fail with every frame is refused before the first; what fails with one is not."""

from pathlib import Path

import numpy as np
import pytest
from fabio.edfimage import EdfImage

from xrdkit.errors import XrdkitError
from xrdkit.workflow import Failed, load_recipe, make_plan, run

SAXS, WAXS = "detectors.saxs.", "detectors.waxs."


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """An image of another shape than the frames."""
    EdfImage(data=np.eye(5, 6, dtype=np.int32)).write(str(tmp_path / "small.edf"))
    return tmp_path / "small.edf"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ([SAXS + "integrate.range=[100, 200]"], "XRK-K001"),
        ([SAXS + "integrate.range=[0, 7]", SAXS + "integrate.spacing=log"], "XRK-V001"),
        ([SAXS + "integrate.bins=3"], "XRK-K001"),
        ([SAXS + "integrate.unit=two_theta", SAXS + "integrate.range=[0.5, 7]"], "XRK-S001"),
        ([SAXS + "fit_sizes.range=[100, 150]"], "XRK-K001"),
        ([SAXS + "mask=SMALL"], "XRK-F005"),
        ([SAXS + "flat=SMALL"], "XRK-F005"),
        ([SAXS + "dark=SMALL"], "XRK-F005"),
        ([SAXS + "background=SMALL"], "XRK-F005"),
        ([SAXS + "calibration=SOURCE/waxs/geometry.poni"], "XRK-F005"),
        ([WAXS + "integrate.normalization.monitor=frame"], "XRK-K003"),
        ([WAXS + "integrate.solid_angle=false"], "XRK-D001"),
        ([WAXS + "integrate.unit=radius", WAXS + "integrate.range=[5, 50]"], "XRK-D001"),
        ([WAXS + 'refine_phases.phases=["Pt", "Pt"]'], "XRK-V001"),
        ([WAXS + "refine_phases.range=[120, 150]"], "XRK-V001"),
    ],
    ids=lambda value: value[0].partition(".")[2] if isinstance(value, list) else value,
)
def test_what_cannot_work_is_refused_with_the_label(
    changes: list[str], code: str, source: Path, small: Path
) -> None:
    texts = [c.replace("SMALL", str(small)).replace("SOURCE", str(source)) for c in changes]
    recipe = load_recipe(source / "both.toml", texts)
    with pytest.raises(XrdkitError) as caught:
        make_plan(recipe)
    assert caught.value.code == code
    label = texts[0].split(".")[1]
    assert caught.value.message.startswith(f"detector {label!r}: ")


def test_a_first_frame_of_another_shape_stops_no_other(
    source: Path, small: Path, tmp_path: Path
) -> None:
    text = (source / "saxs.toml").read_text().replace('coordinates = "conditions.csv"', "")
    recipe = tmp_path / "r.toml"
    recipe.write_text(text.replace('"saxs/', f'"{source}/saxs/'))
    chosen = load_recipe(
        recipe, [f'detectors.saxs.frames=["{small}", "{source}/saxs/frame_*.edf"]']
    )
    outcomes = list(run(chosen, into=tmp_path / "out", engine="local"))
    failures = [o for o in outcomes if isinstance(o, Failed)]
    assert [(f.frame, f.code) for f in failures] == [(0, "XRK-F005")]
    assert (tmp_path / "out" / "report.html").exists()
