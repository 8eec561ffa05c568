"""The numbers of a fit that are worth a column, a panel and a headline."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.report.label import plain_text
from xrdkit.schema import FRAME, PHASES, SIZES

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One number per frame with its error."""

    name: str
    """What it is, e.g. ``"crystallite size"``."""
    panel: str
    """Quantities of one panel share an axis."""
    of: str
    """Name of the phase, or of the weighting; empty where there is none."""
    unit: str
    """Stored unit, after `value` was scaled; ``"%"`` for shares."""
    value: Array
    """Value per frame, shape (frame,); NaN where there is none."""
    sigma: Array
    """Standard error per frame, shape (frame,); NaN where there is none."""
    headline: bool = False
    """Whether it stands at the top of the report."""

    @property
    def label(self) -> str:
        """Name with what it belongs to: ``"Pt crystallite size"``."""
        return f"{self.of} {self.name}".strip()


def quantities(result: xr.Dataset) -> list[Quantity]:
    """Return the numbers of a PHASES or SIZES Dataset, the most asked for first."""
    kind = result.attrs.get("schema")
    if kind == PHASES.name:
        return _known([*_of_phases(result), *_quality(result)])
    if kind == SIZES.name:
        return _known([*_of_sizes(result), *_quality(result)])
    return []


def _known(found: list[Quantity]) -> list[Quantity]:
    """Return those with a value in some frame; all of them where every fit failed."""
    return [q for q in found if np.isfinite(q.value).any()] or found


def phase_names(result: xr.Dataset) -> list[str]:
    """Return the names of the phases of a PHASES Dataset."""
    if "phase" in result.coords:
        return [plain_text(p) for p in result["phase"].values]
    return [f"phase {i + 1}" for i in range(result.sizes["phase"])]


def _of_phases(result: xr.Dataset) -> Iterator[Quantity]:
    names = phase_names(result)
    parts = [(i, name, result.isel(phase=i)) for i, name in enumerate(names)]
    for _, name, part in parts:
        yield _quantity(part, "crystallite_size", "crystallite size", of=name, headline=True)
    if len(names) > 1:
        for _, name, part in parts:
            yield _quantity(
                part, "weight_fraction", "weight fraction", of=name, percent=True, headline=True
            )
    for _, name, part in parts:
        yield from _lattice(part, name)
    if "strain" in result:
        strains = [_quantity(part, "strain", "strain", of=name) for _, name, part in parts]
        yield from (s for s in strains if np.any(np.nan_to_num(s.value) != 0))


def _lattice(part: xr.Dataset, phase: str) -> Iterator[Quantity]:
    """Yield the axes of the cell that are not copies of an earlier one."""
    shown: list[Array] = []
    for axis in part["lattice_parameter"].values.tolist():
        one = part.sel(lattice_parameter=axis)
        found = _quantity(one, "lattice", f"lattice {plain_text(axis)}", of=phase)
        known = any(np.array_equal(found.value, v, equal_nan=True) for v in shown)
        if known or found.unit != "nm" or (shown and not np.isfinite(found.value).any()):
            continue
        shown.append(found.value)
        yield replace(found, panel=f"{phase} {found.name}", headline=len(shown) == 1)


def _of_sizes(result: xr.Dataset) -> Iterator[Quantity]:
    for weighting in ("volume", "number"):
        yield _quantity(
            result,
            f"mean_radius_{weighting}",
            "mean radius",
            of=f"{weighting}-weighted",
            headline=True,
        )
    for weighting in ("volume", "number"):
        yield _quantity(
            result,
            f"width_{weighting}",
            "width (std. dev.)",
            of=f"{weighting}-weighted",
            headline=weighting == "volume",
        )
    yield _quantity(result, "volume_fraction", "volume fraction", headline=True)
    if result.sizes.get("population", 1) > 1:
        yield from _of_populations(result)


def _of_populations(result: xr.Dataset) -> Iterator[Quantity]:
    """Yield the volume-weighted numbers of each population of particles, smallest first."""
    names = {
        "population_mean_radius_volume": "mean radius (volume-weighted)",
        "population_width_volume": "width (volume-weighted)",
        "population_volume_fraction": "volume fraction",
    }
    for i in range(result.sizes["population"]):
        part = result.isel(population=i)
        for variable, name in names.items():
            if variable in part:
                found = _quantity(part, variable, name, of=f"population {i}")
                yield replace(found, panel=f"{name} of populations")


def _quality(result: xr.Dataset) -> Iterator[Quantity]:
    if "rwp" in result:
        yield _quantity(result, "rwp", "Rwp", percent=True)
    yield _quantity(result, "gof", "goodness of fit")


def _quantity(
    data: xr.Dataset,
    variable: str,
    name: str,
    *,
    of: str = "",
    percent: bool = False,
    headline: bool = False,
) -> Quantity:
    scale = 100.0 if percent else 1.0
    value = _per_frame(data[variable])
    error = data.get(f"{variable}_sigma")
    sigma = np.full(value.shape, np.nan) if error is None else _per_frame(error)
    unit = str(data[variable].attrs.get("units", ""))
    return Quantity(
        name=name,
        panel=name,
        of=of,
        unit="%" if percent else unit,
        value=scale * value,
        sigma=scale * sigma,
        headline=headline,
    )


def _per_frame(variable: xr.DataArray) -> Array:
    values = np.asarray(variable.values, dtype=np.float64)
    return values if FRAME in variable.dims else values.reshape(1)
