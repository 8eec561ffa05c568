"""Fits of single frames to one labelled Dataset (SIZES)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.fitting import Verdict
from xrdkit.saxs.background import EXPONENT, FLAT, POROD, POWER, SLOPE
from xrdkit.saxs.quantities import (
    BY_SOURCE,
    CONTRAST,
    FITS,
    FRACTIONS,
    LENGTHS,
    PER_POPULATION,
    PERCENTILES,
    SMOOTHING,
    SOMETIMES,
    SOMETIMES_PER_POPULATION,
)
from xrdkit.saxs.shapes.shape import Shape
from xrdkit.saxs.variables import Variables
from xrdkit.saxs.verdict import trust_range
from xrdkit.schema import FRAME, SIZES
from xrdkit.uncertainty import (
    BETWEEN_BINS,
    BETWEEN_FRAMES,
    COMMON,
    COVARIANCE,
    ERRORS,
    SOURCE,
)

Array = NDArray[np.float64]

_GRID_STEP = 0.01
_WITH_ERROR = (("", ""), ("_sigma", "standard error: "))
#: What begins so is known of a curve in which no particles were found.
_WITHOUT_PARTICLES = (
    "scattering_volume",
    "volume_fraction",
    "amplitude",
    "background",
    "gof",
    "sigma_scale",
)


@dataclass(kw_only=True)
class FrameSizes:
    """Numbers of one frame; what is missing is NaN."""

    values: dict[str, float] = field(default_factory=dict)
    """Numbers by name, standard errors under their name with ``_sigma``."""
    parts: list[dict[str, float]] = field(default_factory=list)
    """The same for each population, ordered by radius."""
    percentiles: dict[str, list[float]] = field(default_factory=dict)
    """Values and standard errors of the percentile radii."""
    curves: dict[str, Array] = field(default_factory=dict)
    """Model and background over q, distribution over the radius."""
    parameters: dict[str, float] = field(default_factory=dict)
    """Parameters of the fit by name."""
    covariance: Array | None = None
    """Covariance of `parameters`, with rows of 0 for fixed ones."""
    errors: dict[str, dict[str, float]] = field(default_factory=dict)
    """Errors by number and source, signed for sources common to all points."""
    neighbour_correlation: float = math.nan
    """Mean correlation of neighbouring points."""
    effective_points: float = math.nan
    """Number of independent points that tell as much."""
    points: int = 0
    """Points that were fitted."""
    verdict: Verdict = Verdict.NOT_CONVERGED
    """What the fit is worth."""
    reason: str = ""
    """Why."""

    def withhold_sizes(self) -> None:
        """Take back all that is said of sizes: of particles that are not there.

        Amounts stay, with the errors that tell how much might have been overlooked; so do
        backgrounds.
        """
        for numbers in (self.values, *self.parts):
            for name in numbers:
                if not name.startswith(_WITHOUT_PARTICLES):
                    numbers[name] = math.nan
        self.percentiles = {}
        self.errors = {n: e for n, e in self.errors.items() if n.startswith(_WITHOUT_PARTICLES)}
        self.curves = {n: c for n, c in self.curves.items() if "distribution" not in n}
        for place, name in enumerate(self.parameters):
            if not name.startswith(_WITHOUT_PARTICLES):
                self.parameters[name] = math.nan
                if self.covariance is not None and place < len(self.covariance):
                    self.covariance[place] = self.covariance[:, place] = math.nan


def radius_grid(q: Array) -> tuple[Array, Array]:
    """Return nodes and edges, nm, of the radius axis: a fifth below to five times the trust range.

    It depends on q alone, so that results of the same q can be compared and joined.
    """
    low, high = trust_range(q)
    count = int(np.ceil(np.log(25.0 * high / low) / _GRID_STEP))
    edges: Array = low / 5.0 * np.exp(np.arange(count + 1) * _GRID_STEP)
    nodes: Array = np.sqrt(edges[1:] * edges[:-1])
    return nodes, edges


def collect(
    frames: Sequence[FrameSizes],
    *,
    profile: xr.Dataset,
    populations: int,
    parameters: Sequence[str],
    contrast_error: bool = False,
    shapes: Sequence[Shape] = (),
) -> xr.Dataset:
    """Return the fits of all frames of `profile` as one Dataset (SIZES), without provenance.

    With `contrast_error` the contrast is one of the named sources of error, where there are any.
    `shapes` are those of the populations: what they have besides R is told by name, too.
    """
    own = {p.name: (p.units, p.what) for shape in shapes for p in shape.parameters}
    q = np.asarray(profile["q"].values, dtype=np.float64)
    series = FRAME in profile.dims
    unit = str(profile["intensity"].attrs["units"])
    builder = _Builder(frames, series)
    for name, what in LENGTHS.items():
        builder.number(name, "nm", what)
    for name, what in FRACTIONS.items():
        builder.number(name, _fraction_unit(name, unit), what)
    builder.number(FLAT, unit, "flat background")
    if any(SLOPE in f.values for f in frames):
        builder.number(SLOPE, _times_nm(unit), "coefficient of the background proportional to q")
    builder.number(POROD, f"{unit}/nm^4", "coefficient of the q⁻⁴ background")
    if any(POWER in f.values for f in frames):
        builder.number(POWER, unit, "intensity at q = 1 1/nm of the power-law background")
    if any(EXPONENT in f.values for f in frames):
        builder.number(EXPONENT, "1", "exponent of the power-law background")
    for name, (units, what) in (SOMETIMES | own).items():
        if any(name in f.values for f in frames):
            if name.startswith("scattering_volume"):
                units = _fraction_unit("scattering_volume", unit)
            known = any(f"{name}_sigma" in f.values for f in frames)
            builder.number(name, units, what, error=known)
    for name, what in FITS.items():
        builder.add(name, [f.values.get(name, np.nan) for f in frames], (), "1", what)
    builder.add("points", [f.points for f in frames], (), "1", "number of points fitted")
    for name in PER_POPULATION:
        length = name in LENGTHS
        units = "nm" if length else _fraction_unit(name, unit)
        what = (LENGTHS if length else FRACTIONS)[name] + " of the population"
        builder.per_population(name, populations, units, what)
    for name, (units, what) in (SOMETIMES_PER_POPULATION | own).items():
        if any(name in part for f in frames for part in f.parts):
            known = any(f"{name}_sigma" in part for f in frames for part in f.parts)
            builder.per_population(name, populations, units, what, error=known)
    _percentiles(builder, frames)
    _curves(builder, frames, profile, unit)
    _parameters(builder, frames, parameters)
    named = _sources(builder, frames, profile, unit, own, contrast_error=contrast_error)
    builder.add("verdict", [str(f.verdict) for f in frames], (), None, "verdict on the fit")
    builder.add("verdict_reason", [f.reason for f in frames], (), None, "reason of the verdict")
    nodes, edges = radius_grid(q)
    low, high = trust_range(q)
    builder.scalar("trust_radius_low", low, "smallest radius that these q can tell, π/q_max")
    builder.scalar("trust_radius_high", high, "largest radius that these q can tell, π/q_min")
    coords: dict[str, Any] = {
        "q": profile["q"].variable,
        "radius": ("radius", nodes, {"units": "nm", "long_name": f"particle {_radius_is(shapes)}"}),
        "radius_edges": (
            "radius_edge",
            edges,
            {"units": "nm", "long_name": "edges of the radius bins"},
        ),
        "percentile": (
            "percentile",
            np.array(PERCENTILES),
            {"units": "percent", "long_name": "share of the particle volume below"},
        ),
        "population": ("population", np.arange(populations), {"long_name": "population"}),
        "parameter": list(parameters),
        "parameter_2": list(parameters),
        **named,
    }
    for key, coordinate in profile.coords.items():
        if coordinate.dims == (FRAME,):
            coords[str(key)] = coordinate.variable
    return xr.Dataset(builder.variables, coords, {"schema": SIZES.name})


class _Builder(Variables):
    def __init__(self, frames: Sequence[FrameSizes], series: bool) -> None:
        super().__init__(series)
        self.frames = frames

    def number(self, name: str, units: str, what: str, *, error: bool = True) -> None:
        for suffix, prefix in _WITH_ERROR if error else _WITH_ERROR[:1]:
            rows = [f.values.get(name + suffix, np.nan) for f in self.frames]
            self.add(name + suffix, rows, (), units, prefix + what)

    def per_population(
        self, name: str, populations: int, units: str, what: str, *, error: bool = True
    ) -> None:
        for suffix, prefix in _WITH_ERROR if error else _WITH_ERROR[:1]:
            rows = [[np.nan] * populations for _ in self.frames]
            for i, frame in enumerate(self.frames):
                rows[i][: len(frame.parts)] = [p.get(name + suffix, np.nan) for p in frame.parts]
            self.add(f"population_{name}{suffix}", rows, ("population",), units, prefix + what)

    def scalar(self, name: str, value: float, what: str) -> None:
        self.variables[name] = ((), value, {"units": "nm", "long_name": what})


def _times_nm(unit: str) -> str:
    return "nm" + unit[1:] if unit.startswith("1") else f"{unit}*nm"


def _radius_is(shapes: Sequence[Shape]) -> str:
    return ", ".join(dict.fromkeys(shape.radius_is for shape in shapes)) or "radius"


def _fraction_unit(name: str, unit: str) -> str:
    return "1e20/cm^4" if name == "scattering_volume" and unit == "1/cm" else "1"


def _percentiles(builder: _Builder, frames: Sequence[FrameSizes]) -> None:
    what = "radius below which this share of the particle volume lies"
    missing = [np.nan] * len(PERCENTILES)
    for suffix, prefix in (("", ""), ("_sigma", "standard error: ")):
        name = "radius_percentile_volume" + suffix
        rows = [f.percentiles.get(name, missing) for f in frames]
        builder.add(name, rows, ("percentile",), "nm", prefix + what)


def _curves(
    builder: _Builder, frames: Sequence[FrameSizes], profile: xr.Dataset, unit: str
) -> None:
    for name, what in (
        ("intensity_calculated", "intensity of the fitted model"),
        ("background", "flat and q⁻⁴ background of the fitted model"),
    ):
        missing = np.full(profile.sizes["q"], np.nan)
        builder.add(name, [f.curves.get(name, missing) for f in frames], ("q",), unit, what)
    builder.measured(profile)
    if any("population_intensity" in f.curves for f in frames):
        shape = max(f.curves.get("population_intensity", np.zeros((0, 0))).shape for f in frames)
        builder.add(
            "population_intensity",
            [f.curves.get("population_intensity", np.full(shape, np.nan)) for f in frames],
            ("population", "q"),
            unit,
            "intensity of each population of the fitted model",
        )
    nodes, _ = radius_grid(np.asarray(profile["q"].values, dtype=np.float64))
    empty = np.full(nodes.size, np.nan)
    builder.add(
        "distribution_volume",
        [f.curves.get("distribution_volume", empty) for f in frames],
        ("radius",),
        "1/nm",
        "share of the particle volume per radius, volume-weighted, with integral 1",
    )
    if any("distribution_volume_sigma" in f.curves for f in frames):
        builder.add(
            "distribution_volume_sigma",
            [f.curves.get("distribution_volume_sigma", empty) for f in frames],
            ("radius",),
            "1/nm",
            "scatter of distribution_volume with the noise, of the smoothed distribution: what"
            " smoothing hides is not in it, and moments have errors of their own",
        )


def _parameters(builder: _Builder, frames: Sequence[FrameSizes], parameters: Sequence[str]) -> None:
    size = len(parameters)
    values = [[f.parameters.get(n, np.nan) for n in parameters] for f in frames]
    builder.add("parameter_value", values, ("parameter",), "", "parameter of the fit")
    empty = np.full((size, size), np.nan)
    builder.add(
        "parameter_covariance",
        [empty if f.covariance is None else f.covariance for f in frames],
        ("parameter", "parameter_2"),
        "",
        "covariance of the parameters, multiplied by the square of sigma_scale but for the share"
        " of error sources common to all points",
    )


def _sources(
    builder: _Builder,
    frames: Sequence[FrameSizes],
    profile: xr.Dataset,
    unit: str,
    own: Mapping[str, tuple[str, str]],
    *,
    contrast_error: bool,
) -> dict[str, Any]:
    """Add errors by source where the profile names sources; return the coordinates of these."""
    if ERRORS not in profile:
        return {}
    labels = {
        key: [str(v) for v in profile[key].values]
        for key in (SOURCE, BETWEEN_BINS, BETWEEN_FRAMES)
        if key in profile.coords
    }
    if contrast_error:
        for key, values in labels.items():
            values.append(CONTRAST if key == SOURCE else COMMON)
    if any(SMOOTHING in errors for f in frames for errors in f.errors.values()):
        for key, values in labels.items():
            values.append(SMOOTHING if key == SOURCE else COMMON)
    whats = LENGTHS | FRACTIONS | {name: what for name, (_, what) in own.items()}
    for name in (*BY_SOURCE, *(n for n in own if any(n in f.errors for f in frames))):
        units = "nm" if name in LENGTHS else _fraction_unit(name, unit)
        units = own[name][0] if name in own else units
        known = [f.errors.get(name) for f in frames]
        # The contrast moves nothing but the volume fraction.
        rows = [
            [np.nan if e is None else e.get(source, 0.0) for source in labels[SOURCE]]
            for e in known
        ]
        what = whats[name]
        text = f"error of the {what} from each source, signed where common to all points"
        builder.add(f"{name}_errors", rows, (SOURCE,), units, text)
    if COVARIANCE in profile:
        what = "mean correlation of the independent errors of neighbouring points"
        found = [f.neighbour_correlation for f in frames]
        builder.add("neighbour_correlation", found, (), "1", what)
        what = "number of independent points that tell as much as the points fitted"
        builder.add("points_effective", [f.effective_points for f in frames], (), "1", what)
    return {key: (SOURCE, values, dict(profile[key].attrs)) for key, values in labels.items()}
