"""The Python examples and the commands of the documentation run as they stand."""

import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from xrdkit.cli.main import main
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


def _commands():
    for page in PAGES:
        for block in re.findall(r"^```bash\n(.*?)^```", page.read_text(), re.S | re.M):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words[:1] == ["xrdkit"]:
                    yield pytest.param(words, id=f"{page.name}-{words[1]}")


@pytest.mark.parametrize("words", list(_commands()))
def test_the_commands_of_a_page_work(words, measurement, monkeypatch, capsys):
    if words[1] == "run":  # what it needs is looked at; runs have their own tests
        at = words.index("--into")
        words = ["xrdkit", "check", *words[2:at], *words[at + 2 :]]
    monkeypatch.chdir(measurement)
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code in (None, 0), capsys.readouterr().err


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not link.startswith("http"):
            assert os.path.exists(page.parent / link), link
