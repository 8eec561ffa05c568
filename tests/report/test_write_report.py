"""The page as a whole: self-contained, the same bytes again, safe, and whole or not at all."""

import errno
import os
import re
from dataclasses import dataclass
from html.parser import HTMLParser

import numpy as np
import pytest

from xrdkit.errors import LinkRefused, SchemaError, StoreError, StoreFull
from xrdkit.report import write_report
from xrdkit.report.verdict import reason_lines

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """Collects what a browser would fetch or run, and whether the elements are closed in order."""

    def __init__(self):
        super().__init__()
        self.fetched, self.scripts, self.open, self.ids, self.text = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        if tag in ("script", "iframe", "object", "embed", "link", "img", "base", "form"):
            self.scripts.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href", "data", "action", "srcset"):
                self.fetched.append(value)
            if name.startswith("on"):
                self.scripts.append(name)
            if name == "id":
                self.ids.append(value)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parse(path):
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    assert page.open == []
    return page


@dataclass
class Fault:
    code: str = "XRK-F002"
    message: str = "the file holds 6 of 20 frames"
    hint: str | None = "copy it again"
    label: str = "waxs"
    product: str = "phases"
    frame: int | None = 7


@pytest.fixture(scope="module")
def page(whole, frames, calibration, tmp_path_factory):
    return write_report(
        whole,
        tmp_path_factory.mktemp("page") / "report.html",
        title="Pt/C, potential hold",
        frames={"waxs": frames()},
        calibrations={"waxs": calibration()},
        recipe_text='[sample]\nname = "Pt/C"\n',
        failed=[Fault()],
    )


def test_nothing_is_fetched_and_nothing_runs(page):
    parsed = parse(page)
    assert parsed.scripts == []
    assert parsed.fetched
    assert all(f.startswith(("#", "data:image/png;base64,")) for f in parsed.fetched)
    text = page.read_text()
    assert "@import" not in text
    assert all(target.startswith("#") for target in re.findall(r"url\(\s*['\"]?([^)]*)", text))


def test_identifiers_are_unique_and_references_hit_them(page):
    parsed = parse(page)
    assert len(parsed.ids) == len(set(parsed.ids))
    text = page.read_text()
    wanted = {f[1:] for f in parsed.fetched if f.startswith("#")}
    wanted |= set(re.findall(r"url\(#([^)]*)\)", text))
    assert wanted <= set(parsed.ids)


def test_the_page_shows_frames_profile_fits_table_and_origin(page):
    text = " ".join(parse(page).text)
    for wanted in (
        "Pt/C, potential hold",
        "20 phase fits",
        "As recorded",
        "beamstop: 437 px",
        "q (nm⁻¹)",
        "calculated",
        "residual (σ)",
        "weight fraction",
        "volume-weighted",
        "number-weighted",
        "crystallite size",
        "misfit",
        "XRK-F002",
        "copy it again",
        "sample to detector",
        'name = "Pt/C"',
        "simulate",
    ):
        assert wanted in text, wanted


@pytest.fixture(scope="module")
def short(profile, phases, sizes):
    return {"waxs.profile": profile(2), "waxs.phases": phases(2), "saxs.sizes": sizes(2)}


def test_same_arguments_give_the_same_bytes(short, frames, tmp_path):
    pages = [
        write_report(short, tmp_path / f"{k}.html", title="t", frames={"waxs": frames(2)})
        for k in range(2)
    ]
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_own_settings_of_matplotlib_change_nothing(sizes, tmp_path):
    import matplotlib as mpl

    plain = write_report({"saxs.sizes": sizes(1)}, tmp_path / "a.html", title="t").read_bytes()
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "svg.fonttype": "path"}):
        other = write_report({"saxs.sizes": sizes(1)}, tmp_path / "b.html", title="t").read_bytes()
    assert other == plain


def test_the_results_are_not_changed(short, frames, tmp_path):
    before = {key: data.copy(deep=True) for key, data in short.items()}
    pictures = frames(1)
    kept = pictures.copy(deep=True)
    write_report(short, tmp_path / "r.html", title="t", frames={"waxs": pictures})
    assert all(data.identical(before[key]) for key, data in short.items())
    assert pictures.identical(kept)


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "$\\frac{1}{",
    "_hidden",
    "</style><b>",
    "&lt;",
    "a\x00b\x1bc",
    "白金 ☃",
    "x" * 300,
    "",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_text_from_data_is_only_text(phases, tmp_path, name):
    data = phases(3, points=80, names=(name, "C"))
    data.attrs["provenance"] = data.attrs["provenance"].replace("simulate", "<i>step</i>")
    path = write_report(
        {f"{name[:9]}.phases": data},
        tmp_path / "r.html",
        title=name,
        recipe_text=name,
        failed=[Fault(message=name, label=name)],
    )
    parsed = parse(path)
    assert parsed.scripts == []
    text = path.read_text()
    assert "<i>step" not in text
    assert "<b>\n" not in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)


def test_frames_and_series_all_failed(phases, sizes, tmp_path):
    every = range(5)
    results = {
        "waxs.phases": phases(5, points=80, failed=every),
        "saxs.sizes": sizes(5, failed=every),
    }
    text = " ".join(parse(write_report(results, tmp_path / "r.html", title="t")).text)
    assert text.count("No frame gave a fit.") == 2
    assert "not converged" in text


def test_the_page_says_why_fits_are_doubted(phases, sizes, tmp_path):
    series, single = phases(5, points=80, failed=[3]), sizes(1, failed=[0])
    why = np.array(["", "gentle\x07remark", "", "no line is where Pt has one", ""])
    series = series.assign(verdict_reason=("frame", why))
    single = single.assign(verdict_reason=("frame", ["the background alone describes it"]))
    results = {"waxs.phases": series, "saxs.sizes": single}
    text = " ".join(parse(write_report(results, tmp_path / "r.html", title="t")).text)
    assert "frame 3: no line is where Pt has one" in text
    assert "the background alone describes it" in text
    assert "frame 1: gentle" not in text  # that fit is OK


def test_reasons_are_told_once_with_their_frames(phases):
    data = phases(9, points=80, failed=range(9))
    reasons = ["same"] * 7 + ["other", ""]
    data = data.assign(verdict_reason=("frame", reasons))
    assert reason_lines(data) == ["frame 0, 1, 2, 3, 4 and 2 more: same", "frame 7: other"]
    assert reason_lines(data, most=1)[1] == "and 1 other reasons"
    assert reason_lines(data.isel(frame=0, drop=True)) == ["same"]
    assert reason_lines(data.drop_vars("verdict_reason")) == []


def test_one_failed_frame_without_a_series(phases, tmp_path):
    data = phases(1, points=80, failed=[0]).isel(frame=0, drop=True)
    text = " ".join(parse(write_report({"a.phases": data}, tmp_path / "r.html", title="t")).text)
    assert "not converged" in text
    assert "–" in text


def test_profile_of_nothing_but_nan(profile, tmp_path):
    data = profile(3, points=50)
    data["intensity"].values[:] = np.nan
    text = " ".join(parse(write_report({"a.profile": data}, tmp_path / "r.html", title="t")).text)
    assert "No frame gave a profile." in text


def test_frames_that_cannot_be_read_are_named(frames, tmp_path, monkeypatch):
    from xrdkit.errors import FrameTruncated
    from xrdkit.report import detector_section

    real = detector_section.used_pixels

    def broken(data, index, mask):
        if index == 0:
            raise FrameTruncated("half of it is missing", source="a.edf", frame=0)
        return real(data, index, mask)

    monkeypatch.setattr(detector_section, "used_pixels", broken)
    path = write_report({}, tmp_path / "r.html", title="t", frames={"waxs": frames()})
    text = " ".join(parse(path).text)
    assert "XRK-F002" in text
    assert "frame 2" in text


def test_frames_that_were_never_written_are_not_read(frames):
    from xrdkit.report.detector_section import evenly_written

    written = np.array([False, True, True, True, False])
    data = frames().assign_coords(written=("frame", written))
    assert evenly_written(data) == [1, 2, 3]


def test_a_long_series_stays_small(phases, sizes, profile, tmp_path):
    results = {
        "waxs.profile": profile(2000, points=1500),
        "waxs.phases": phases(2000, points=1500),
        "saxs.sizes": sizes(2000),
    }
    path = write_report(results, tmp_path / "r.html", title="t")
    assert path.stat().st_size < 8e6
    assert "26 of 2,000 frames" in path.read_text()


def test_unknown_schema_is_refused(profile, tmp_path):
    data = profile(1).assign_attrs(schema="other/1")
    with pytest.raises(SchemaError, match="other/1"):
        write_report({"waxs.profile": data}, tmp_path / "r.html", title="t")


def test_a_dataset_that_breaks_its_schema_is_refused(phases, tmp_path):
    with pytest.raises(SchemaError, match="rwp"):
        write_report({"a.phases": phases(2).drop_vars("rwp")}, tmp_path / "r.html", title="t")
    assert list(tmp_path.iterdir()) == []


def test_old_report_stays_when_the_disk_is_full(sizes, tmp_path, monkeypatch):
    path = tmp_path / "r.html"
    path.write_text("old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreFull):
        write_report({"saxs.sizes": sizes(1)}, path, title="t")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


def test_a_folder_in_the_way_is_our_error(sizes, tmp_path):
    (tmp_path / "r.html").mkdir()
    with pytest.raises(StoreError, match="not a regular file"):
        write_report({"saxs.sizes": sizes(1)}, tmp_path / "r.html", title="t")


def test_a_link_at_the_target_is_not_followed(sizes, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("mine")
    path = tmp_path / "r.html"
    path.symlink_to(other)
    with pytest.raises(LinkRefused):
        write_report({"saxs.sizes": sizes(1)}, path, title="t")
    assert other.read_text() == "mine"
    assert path.is_symlink()
