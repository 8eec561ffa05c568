"""A model fitted to a small-angle curve: components, residual and numbers."""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from xrdkit.report.canvas import ReportFigure, drawing, empty, inside
from xrdkit.report.choose import wanted_frame
from xrdkit.report.label import plain_text, radial_label, unit_text
from xrdkit.report.measured import value_with_error
from xrdkit.report.palette import INK, MUTED
from xrdkit.report.profile_figure import scale_radial
from xrdkit.report.residual import draw_residual, fitted_part
from xrdkit.report.scattering_curve import Part, draw_doubt, draw_scattering
from xrdkit.schema import SCATTERING_MODEL, radial_dim

_MOST_LINES = 22


def plot_model(result: xr.Dataset, *, frame: int = 0) -> ReportFigure:
    """Return a picture of one fit of `xrdkit.fit_model` (SCATTERING_MODEL).

    Left the data with errors, the fit, each component, and the residual in standard errors; right
    the parameters and what follows from them, with standard errors.

    Raises SchemaError for a result of another kind, SpecError for a frame that it does not have.
    """
    one = wanted_frame(result, SCATTERING_MODEL, frame)
    radial = radial_dim(one)
    x = np.asarray(one[radial].values, dtype=np.float64)
    with drawing():
        figure = empty(4.1)
        below = figure.add_axes(inside(figure, 0.82, 0.5, 4.7, 0.8))
        main = figure.add_axes(inside(figure, 0.82, 1.42, 4.7, 2.55), sharex=below)
        draw_scattering(main, x, one, components(one))
        draw_doubt(main, one)
        draw_residual(below, x, one, relative=True)
        scale_radial(below, one, fitted_part(x, one))
        below.set_xlabel(radial_label(one, radial))
        main.tick_params(labelbottom=False)
        _write(figure.add_axes(inside(figure, 5.75, 0.5, 3.1, 3.47)), one)
        return figure


def components(one: xr.Dataset) -> list[Part]:
    """Return the curve of each component of one frame; of a single one nothing."""
    if "component_intensity" not in one or one.sizes.get("component", 1) < 2:
        return []
    names = [plain_text(n) for n in one["component"].values]
    curves = np.asarray(one["component_intensity"].values, dtype=np.float64)
    # A component that the choice of a model left out has no curve.
    return [(n, c) for n, c in zip(names, curves, strict=True) if np.isfinite(c).any()]


def _write(axes: Axes, one: xr.Dataset) -> None:
    axes.set_axis_off()
    lines = list(_lines(one))
    shown = lines[:_MOST_LINES]
    if len(lines) > len(shown):
        shown.append(("", f"and {len(lines) - len(shown)} more in the result"))
    step = min(1 / max(len(shown), 1), 0.055)
    for k, (name, value) in enumerate(shown):
        height = 1 - (k + 0.5) * step
        bold = not value
        weight = "bold" if bold else "normal"
        colour = INK if bold else MUTED
        axes.text(0.0, height, name, fontsize=7, color=colour, va="center", weight=weight)
        axes.text(1.0, height, value, fontsize=7, color=INK, va="center", ha="right")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)


def _lines(one: xr.Dataset) -> Iterator[tuple[str, str]]:
    for kind, head in (("parameter", "Parameters"), ("derived", "What follows")):
        if f"{kind}_value" not in one:
            continue
        values = np.asarray(one[f"{kind}_value"].values, dtype=np.float64)
        if not np.isfinite(values).any():
            continue
        yield head, ""
        errors = np.asarray(one[f"{kind}_sigma"].values, dtype=np.float64)
        units = one.coords.get(f"{kind}_unit")
        for k, name in enumerate(one[kind].values):
            if not np.isfinite(values[k]):
                continue
            unit = "" if units is None else unit_text(str(units.values[k]))
            number = value_with_error(float(values[k]), float(errors[k]))
            yield (
                plain_text(name).replace("_", " ").replace(".", ": "),
                f"{number} {unit}".strip(),
            )
