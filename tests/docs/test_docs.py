"""The Python examples of the documentation run as they stand."""

import os
import re
from pathlib import Path

import pytest

from xrdkit.simulate import PotentialHold, simulate_series

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def measurement(tmp_path_factory):
    """Folder that holds the simulated measurement of the pages."""
    folder = tmp_path_factory.mktemp("docs")
    simulate_series(folder / "hold", hold=PotentialHold(frames=4, resting_frames=1))
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_examples_of_a_page_run(page, measurement, monkeypatch):
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.S | re.M)
    if not blocks:
        assert page == ROOT / "docs" / "README.md", "a page without an example"
        return
    folder = measurement
    if page.name == "simulation.md":
        folder = measurement / "fresh"
        folder.mkdir()
    monkeypatch.chdir(folder)
    code = compile("\n".join(blocks), str(page), "exec")
    exec(code, {"__name__": "__main__"})


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not link.startswith("http"):
            assert os.path.exists(page.parent / link), link
