"""The command line: exit codes, clear messages, light help."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_run import FRAMES

import xrdkit as xk
from xrdkit.cli.main import main
from xrdkit.phase import powder_intensity
from xrdkit.store import load


class Said:
    """What a command said and returned."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def xrdkit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Call the command line in this process."""

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["xrdkit", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        captured = capsys.readouterr()
        code = caught.value.code
        said = Said(0 if code is None else code, captured.out, captured.err)
        assert "Traceback" not in said.err + said.out
        return said

    return call


@pytest.fixture(autouse=True)
def quick_report(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Draw no report, but where a test asks for it."""
    if "drawn" not in request.node.name:
        import xrdkit.workflow.products as products

        monkeypatch.setattr(products, "write_report", lambda r, path, **k: path.write_text("x"))


HEAVY = ("numpy", "xarray", "pyFAI", "fabio", "lmfit", "matplotlib", "h5py", "numba")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_is_light(arguments: list[str]) -> None:
    program = (
        "import sys; from xrdkit.cli.main import main\n"
        "sys.argv = ['xrdkit', *sys.argv[1:]]\n"
        "try:\n    main()\n"
        "except SystemExit as exc:\n"
        "    print(exc.code, sorted(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stderr.startswith(("0 ", "None "))
    assert not [name for name in HEAVY if f"'{name}'" in done.stderr]


def test_help_lists_the_commands(xrdkit) -> None:
    said = xrdkit("--help")
    assert said.code == 0
    for name in ("run", "check", "show", "export", "calibrate", "demo"):
        assert f"\n  {name} " in said.out


def test_a_run_and_a_drawn_report(xrdkit, source: Path, tmp_path: Path) -> None:
    into = tmp_path / "into"
    said = xrdkit("run", source / "both.toml", "--into", into, "--engine", "local")
    assert said.code == 0
    for name in ("saxs.profile.nc", "saxs.sizes.nc", "waxs.profile.nc", "waxs.phases.nc"):
        assert str(into / name) in said.out
    page = (into / "report.html").read_text()
    assert "A tiny run" in page
    assert "<svg" in page or "data:image" in page
    again = xrdkit("run", source / "both.toml", "--into", into, "--engine", "local")
    assert again.code == 0
    assert again.out.count("was there already") == 5


def test_json_lines(xrdkit, source: Path, tmp_path: Path) -> None:
    said = xrdkit("run", source / "saxs.toml", "--into", tmp_path, "--engine", "local", "--json")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [line["outcome"] for line in lines] == ["done"] * 9 + ["end"]
    assert lines[-1] == {"outcome": "end", "exit_code": 0, "into": str(tmp_path)}
    assert sum(x["frames"] for x in lines if x.get("block") is not None) == 2 * FRAMES


def test_some_failed_is_3_and_none_done_is_4(xrdkit, source: Path, tmp_path: Path) -> None:
    short = tmp_path / "frame_9.edf"
    short.write_bytes((source / "saxs" / "frame_0001.edf").read_bytes()[:-10])
    files = f'["{source}/saxs/frame_*.edf", "{short}"]'
    text = (source / "saxs.toml").read_text().replace('coordinates = "conditions.csv"', "")
    recipe = tmp_path / "r.toml"
    recipe.write_text(text.replace('"saxs/', f'"{source}/saxs/'))
    options = ("--into", tmp_path / "a", "--engine", "local")
    said = xrdkit("run", recipe, "--set", f"detectors.saxs.frames={files}", *options)
    assert said.code == 3
    assert "XRK-F002" in said.err
    assert f"frame {FRAMES}: " in said.err
    assert load(tmp_path / "a" / "saxs.sizes.nc").sizes["frame"] == FRAMES
    dark = tmp_path / "dark.csv"
    dark.write_text("monitor (count)\n" + "0\n" * FRAMES)
    said = xrdkit("run", recipe, "--set", f"detectors.saxs.coordinates={dark}", *options)
    assert said.code == 4
    assert "XRK-K003" in said.err
    assert not (tmp_path / "a" / "saxs.profile.nc").exists()


def _wrong(name: str, source: Path, tmp_path: Path) -> tuple[list[object], list[str]]:
    """Return arguments with one fault, and words that the message must have."""
    recipe: list[object] = ["run", source / "saxs.toml", "--into", tmp_path / "into"]
    match name:
        case "missing recipe":
            return ["run", tmp_path / "none.toml"], ["XRK-R001", "none.toml", "No such file"]
        case "unknown recipe":
            return ["run", "fuel_cel_ptc"], ["XRK-R001", "did you mean 'fuel_cell_ptc'"]
        case "missing frames":
            return [*recipe, "--set", "detectors.saxs.frames=no_*.edf"], ["XRK-F001", "no_*.edf"]
        case "text named edf":
            (tmp_path / "notes.edf").write_text("these are notes\n")
            change = f"detectors.saxs.frames={tmp_path}/notes.edf"
            return [*recipe, "--set", change], ["XRK-F004", "notes.edf"]
        case "misspelt key":
            (tmp_path / "r.toml").write_text(
                (source / "saxs.toml").read_text().replace("bins", "binz")
            )
            return ["run", tmp_path / "r.toml"], ["detectors.saxs.integrate.binz", "'bins'"]
        case "misspelt set":
            change = "detectors.saxs.calibratoin=x.poni"
            return [*recipe, "--set", change], ["calibratoin", "did you mean 'calibration'"]
        case "poni in millimetres":
            poni = tmp_path / "mm.poni"
            text = (source / "saxs" / "geometry.poni").read_text()
            poni.write_text(text.replace("Distance: 1.49", "Distance: 1490"))
            change = f"detectors.saxs.calibration={poni}"
            return [*recipe, "--set", change], ["XRK-C002", "mm.poni", "1490", "metre"]
        case "missing poni":
            return [*recipe, "--set", "detectors.saxs.calibration=no.poni"], ["no.poni"]
        case "unknown engine":
            return [*recipe, "--engine", "proceses"], ["did you mean 'processes'"]
        case "unknown option":
            return ["run", "--inot", "x"], ["--inot"]
        case "unknown command":
            return ["rnu"], ["rnu"]
        case "unknown phase":
            change = 'detectors.waxs.refine_phases.phases=["Platinium"]'
            return ["check", source / "both.toml", "--set", change], ["XRK-P001", "Platinium"]
        case "no result":
            (tmp_path / "x.nc").write_text("nothing")
            return ["show", tmp_path / "x.nc"], ["XRK-W000", "x.nc", "netCDF4"]
        case "unwritable folder":
            (tmp_path / "file").touch()
            into = tmp_path / "file" / "into"
            return ["run", source / "saxs.toml", "--into", into], ["XRK-W000", "file"]
    raise KeyError(name)


@pytest.mark.parametrize(
    "name",
    [
        "missing recipe",
        "unknown recipe",
        "missing frames",
        "text named edf",
        "misspelt key",
        "misspelt set",
        "poni in millimetres",
        "missing poni",
        "unknown engine",
        "unknown option",
        "unknown command",
        "unknown phase",
        "no result",
        "unwritable folder",
    ],
)
def test_wrong_input_is_one_message_and_2(xrdkit, source: Path, tmp_path: Path, name: str) -> None:
    arguments, words = _wrong(name, source, tmp_path)
    said = xrdkit(*arguments)
    assert said.code == 2
    for word in words:
        assert word in said.err
    assert not (tmp_path / "into").exists()
    if "unknown option" not in name and "unknown command" not in name:
        assert said.err.count("error XRK-") == 1
        assert len(said.err.strip().splitlines()) <= 2


def test_check_looks_and_does_nothing(xrdkit, source: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = xrdkit("check", source / "both.toml")
    assert said.code == 0
    assert "6 of 130 x 122 pixels" in said.out
    assert "time, cell_potential, monitor" in said.out
    assert not list(tmp_path.iterdir())


def test_show_and_export(xrdkit, source: Path, tmp_path: Path) -> None:
    xrdkit("run", source / "saxs.toml", "--into", tmp_path, "--engine", "local")
    said = xrdkit("show", tmp_path / "saxs.sizes.nc")
    assert said.code == 0
    assert "open_frames > integrate > fit_sizes" in said.out
    assert "mean_radius_volume nm" in said.out
    assert "…" not in said.out  # no number is cut off
    reasons = set(load(tmp_path / "saxs.sizes.nc")["verdict_reason"].values) - {""}
    assert all(reason in said.out for reason in reasons)
    assert xrdkit("show", tmp_path / "saxs.profile.nc").code == 0
    said = xrdkit("export", tmp_path / "saxs.sizes.nc", "--format", "csv")
    assert said.out.strip() == str(tmp_path / "saxs.sizes.csv")
    said = xrdkit("export", tmp_path / "saxs.profile.nc", "--format", "xye")
    assert "and 3 more" in said.out
    assert len(list(tmp_path.glob("*.xye"))) == FRAMES
    said = xrdkit("export", tmp_path / "saxs.sizes.nc", "--format", "csv")
    assert said.code == 2
    assert "XRK-W004" in said.err
    assert xrdkit("export", tmp_path / "saxs.sizes.nc", "--format", "xls").code == 2


def test_export_of_phases_for_papers_and_other_programs(xrdkit, tmp_path: Path) -> None:
    angles = np.arange(25.0, 80.0, 0.03)
    model = xk.pattern(angles, np.full(angles.size, 50.0), wavelength="CuKa1")
    lines = powder_intensity("CaF2", angles, wavelength=1.5405929, fwhm=0.1)
    counts = np.random.default_rng(0).poisson(50 + 4e3 * lines / lines.max()).astype(float)
    pattern = model.assign(intensity=("two_theta", counts, model.intensity.attrs))
    xk.save(xk.refine_phases(pattern, ["CaF2"]), tmp_path / "fit.nc")
    for kind, suffix, word in (
        ("pdcif", ".cif", "_cell_length_a"),
        ("gsas", ".fxye", "FXYE"),
        ("table-md", ".md", "CaF2"),
        ("table-tex", ".tex", "CaF2"),
        ("table-csv", ".table.csv", "CaF2"),
    ):
        said = xrdkit("export", tmp_path / "fit.nc", "--format", kind)
        assert said.code == 0, said.err
        assert word in (tmp_path / "fit.nc").with_suffix(suffix).read_text()


def test_fits_that_are_not_ok_are_named(xrdkit, source: Path, tmp_path: Path) -> None:
    for k in range(2):
        content = (source / "saxs" / f"frame_000{k}.edf").read_bytes()
        head = content.index(b"}\n") + 2
        blank = b"\0" * (len(content) - head)
        (tmp_path / f"frame_{k}.edf").write_bytes(content[:head] + (blank if k else content[head:]))
    text = (source / "saxs.toml").read_text().replace('coordinates = "conditions.csv"', "")
    (tmp_path / "r.toml").write_text(text.replace('"saxs/', f'"{source}/saxs/'))
    frames = f"detectors.saxs.frames={tmp_path}/frame_*.edf"
    said = xrdkit(
        "run", tmp_path / "r.toml", "--set", frames, "--into", tmp_path / "a", "--engine", "local"
    )
    assert said.code == 0
    assert load(tmp_path / "a" / "saxs.sizes.nc")["verdict"].values.tolist()[1] != "ok"
    assert ": saxs sizes, frame 1: the intensity is 0 everywhere" in said.err


def test_check_refuses_what_would_fail_with_every_frame(xrdkit, source: Path) -> None:
    change = "detectors.saxs.integrate.range=[900.0, 901.0]"
    said = xrdkit("check", source / "both.toml", "--set", change)
    assert said.code == 2
    assert said.err.startswith("error XRK-K001: detector 'saxs': ")
    assert "\n  hint: " in said.err
