"""`load_recipe`: a TOML file, or a packaged recipe by its name, to a `Recipe`."""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xrdkit.errors import RecipeError
from xrdkit.workflow.calibration_table import STORED
from xrdkit.workflow.recipe import Recipe
from xrdkit.workflow.refusal import nearest, refusal
from xrdkit.workflow.toml import merged, parse_overrides, read_toml

_PATHS = ("frames", "calibration", "mask", "dark", "flat", "background", "coordinates")
_INNER_PATHS = (
    ("calibration", "file"),
    ("calibration", "store"),
    ("refine_phases", "instrument"),
)
#: What may be that of the stored calibration in place of a path.
_BESIDE_STORED = (("mask",), ("refine_phases", "instrument"))


def load_recipe(
    path: str | Path, overrides: Iterable[str] = (), *, root: str | Path | None = None
) -> Recipe:
    """Return the recipe in the TOML file `path`, or the packaged one of that name.

    `overrides` are texts such as ``detectors.waxs.integrate.bins=500``. Paths in the file are
    relative to its folder, those in overrides (and in a packaged recipe) to `root`, by default the
    current folder. Raises RecipeError with the dotted key and the nearest valid name.
    """
    base = Path.cwd() if root is None else Path(root).absolute()
    file, is_packaged = _find(Path(path))
    raw = _resolved(read_toml(file), base if is_packaged else file.absolute().parent)
    changes = parse_overrides(overrides)
    _refuse_new_detectors(raw, changes)
    for keys, value in changes.items():
        if len(keys) >= 3 and keys[0] == "detectors":
            changes[keys] = _resolved_value(keys[2:], value, base)
    complete = merged(raw, changes)
    try:
        return Recipe.model_validate(complete)
    except ValidationError as exc:
        raise refusal(exc, Recipe, complete, path) from exc


def packaged() -> dict[str, Path]:
    """Return {name: file} of the recipes that come with the package."""
    installed = Path(str(files("xrdkit"))) / "workflows"
    checkout = Path(str(files("xrdkit"))).parent / "workflows"
    folder = installed if installed.is_dir() else checkout
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def _find(path: Path) -> tuple[Path, bool]:
    if path.suffix or len(path.parts) > 1 or path.exists():
        return path, False
    known = packaged()
    if path.name not in known:
        raise RecipeError(f"no recipe is called {path.name!r}", hint=nearest(path.name, known))
    return known[path.name], True


def _refuse_new_detectors(raw: Mapping[str, Any], changes: Mapping[tuple[str, ...], Any]) -> None:
    tables = raw.get("detectors")
    known = list(tables) if isinstance(tables, dict) else []
    for keys in changes:
        if len(keys) > 1 and keys[0] == "detectors" and keys[1] not in known:
            raise RecipeError(
                f"--set {'.'.join(keys)}: no detector is called {keys[1]!r}",
                hint=nearest(keys[1], known),
            )


def _resolved(raw: dict[str, Any], base: Path) -> dict[str, Any]:
    tables = raw.get("detectors")
    if not isinstance(tables, dict):
        return raw
    return {**raw, "detectors": {label: _detector(t, base) for label, t in tables.items()}}


def _detector(table: Any, base: Path) -> Any:
    if not isinstance(table, dict):
        return table
    out = {key: _resolved_value((key,), value, base) for key, value in table.items()}
    for name in ("refine_phases", "calibration"):
        inner = out.get(name)
        if isinstance(inner, dict):
            out[name] = {k: _resolved_value((name, k), value, base) for k, value in inner.items()}
    return out


def _resolved_value(keys: tuple[str, ...], value: Any, base: Path) -> Any:
    """Return the value at `keys` of a detector's table with its paths made absolute."""
    if isinstance(value, tuple):
        return tuple(_resolved_value(keys, item, base) for item in value)
    if not isinstance(value, str) or not value:
        return value
    beside_stored = keys in _BESIDE_STORED and value == STORED
    is_path = (len(keys) == 1 and keys[0] in _PATHS) or keys in _INNER_PATHS
    is_path &= not beside_stored
    is_cif = keys == ("refine_phases", "phases") and value.lower().endswith(".cif")
    return str(base / value) if is_path or is_cif else value
