"""The truth beside simulated frames: per frame as netCDF, the settings as TOML."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from xrdkit.canonical import plain
from xrdkit.errors import SpecError
from xrdkit.simulate.samples import Sample

_LATTICE = ("a", "b", "c", "alpha", "beta", "gamma")


def truth_dataset(
    samples: Sequence[Sample], *, time: Sequence[float], cell_potential: Sequence[float]
) -> xr.Dataset:
    """Return what a perfect analysis of the frames would find, along ``frame``.

    Of the first population of spheres `mean_radius_number`, `mean_radius_volume`, `width_number`,
    `width_volume` (nm) and `volume_fraction`; of each crystalline phase `weight_fraction`,
    `crystallite_size` (L_vol, nm, NaN where lines are not broadened) and `lattice` a, b, c (nm).
    Coordinates `time` (s) and `cell_potential` (V). Names and units are those of the results.
    Raises SpecError where a sample has no spheres or no crystals, or the phases differ.
    """
    names = [[c.structure.name for c in s.crystals] for s in samples]
    if any(not s.spheres or not s.crystals for s in samples) or any(n != names[0] for n in names):
        raise SpecError("every sample needs spheres and the same crystalline phases")
    populations = [s.spheres[0] for s in samples]
    variables: dict[str, tuple[tuple[str, ...], object, dict[str, str]]] = {}
    for key, text in (
        ("mean_radius_number", "number-weighted mean radius"),
        ("mean_radius_volume", "volume-weighted mean radius"),
        ("width_number", "standard deviation of the number-weighted radii"),
        ("width_volume", "standard deviation of the volume-weighted radii"),
    ):
        values = [getattr(p.spheres, key) for p in populations]
        variables[key] = (("frame",), values, {"units": "nm", "long_name": text})
    variables["volume_fraction"] = (
        ("frame",),
        [p.volume_fraction for p in populations],
        {"units": "1", "long_name": "volume fraction of the spheres"},
    )
    variables["weight_fraction"] = (
        ("frame", "phase"),
        [[s.weight_fractions()[n] for n in names[0]] for s in samples],
        {"units": "1", "long_name": "weight fraction among the crystalline phases"},
    )
    variables["crystallite_size"] = (
        ("frame", "phase"),
        [[np.nan if c.size is None else c.size for c in s.crystals] for s in samples],
        {"units": "nm", "long_name": "volume-weighted column length"},
    )
    variables["lattice"] = (
        ("frame", "phase", "lattice_parameter"),
        [[c.structure.cell[:3] for c in s.crystals] for s in samples],
        {"units": "nm", "long_name": "cell length"},
    )
    return xr.Dataset(
        variables,
        coords={
            "frame": ("frame", np.arange(len(samples)), {"long_name": "frame number"}),
            "phase": names[0],
            "lattice_parameter": list(_LATTICE[:3]),
            "time": ("frame", list(time), {"units": "s", "long_name": "time"}),
            "cell_potential": (
                "frame",
                list(cell_potential),
                {"units": "V", "long_name": "potential of the cell"},
            ),
        },
    )


def write_truth(path: str | Path, truth: xr.Dataset) -> Path:
    """Write the truth as netCDF4; return the path."""
    target = Path(path)
    truth.to_netcdf(target, engine="h5netcdf")
    return target


def read_truth(path: str | Path) -> xr.Dataset:
    """Return a truth that `write_truth` wrote, loaded. Raises SpecError where there is none."""
    if not Path(path).is_file():
        raise SpecError(f"no truth at {path}", hint="was the folder made by simulate_series?")
    with xr.open_dataset(path, engine="h5netcdf") as data:
        return data.load()


def write_toml(path: str | Path, tables: Mapping[str, object]) -> Path:
    """Write plain values as TOML, one table per key, ``None`` left out; return the path.

    Values are dataclasses or mappings of numbers, texts and lists of them. Raises SpecError for
    anything that TOML or the canonical form cannot carry.
    """
    lines: list[str] = []
    for name, content in tables.items():
        _table(lines, name, plain(content))
    target = Path(path)
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


def _table(lines: list[str], name: str, content: object) -> None:
    if not isinstance(content, dict):
        raise SpecError(f"table {name!r} is not a mapping")
    lines.append(f"[{name}]")
    nested = {}
    for key, value in content.items():
        if isinstance(value, dict):
            nested[key] = value
        elif value is not None:
            lines.append(f"{key} = {_literal(value)}")
    lines.append("")
    for key, value in nested.items():
        _table(lines, f"{name}.{key}", value)


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, list):
        return f"[{', '.join(_literal(v) for v in value)}]"
    raise SpecError(f"a {type(value).__name__} cannot be written as TOML")
