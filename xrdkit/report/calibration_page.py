"""A page about one calibration: verdict, numbers with errors, pictures, rings, resolution."""

import math
from importlib.resources import files
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit import provenance
from xrdkit.calibration import CalibrationResult, Resolution
from xrdkit.report.budget_table import table
from xrdkit.report.calibration import residuals_figure, rings_figure
from xrdkit.report.calibration_residuals import residual_q
from xrdkit.report.canvas import ReportFigure, drawing, empty, inside
from xrdkit.report.detector_section import Pictures
from xrdkit.report.label import plain_text
from xrdkit.report.markup import Markup, element
from xrdkit.report.measured import plain_number, value_with_error
from xrdkit.report.palette import BLUE, VERMILION
from xrdkit.report.table import badge, fact_table
from xrdkit.report.verdict import Reading

_READINGS = {
    "accepted": Reading(word="accepted", grade="good", meaning="the geometry may be used"),
    "doubtful": Reading(word="doubtful", grade="doubtful", meaning="look before using it"),
    "rejected": Reading(word="rejected", grade="bad", meaning="the geometry must not be used"),
}
_RINGS = (
    "The frame with the rings of the geometry as dashes: orange where points were found, blue the "
    "other rings of the calibrant. Beside or below it the frame over 2θ and azimuth, its "
    "background divided out: of a right geometry all rings are straight, every bright one has a "
    "dashed line and lies on it. Then each ring unrolled along its azimuth, some pixels to both "
    "sides: it has to run straight along its dashes. Waves mean a wrong tilt or centre, straight "
    "rings beside the dashes a wrong distance, wavelength or calibrant."
)
_OFF = ("mean (px)", "rms (px)", "mean (1/nm)", "rms (1/nm)")
_RING_HEAD = ("2θ (°)", "d (Å)", "points", *_OFF, "width (px)")
_SECTOR_HEAD = ("azimuth (°)", "points", "rings", *_OFF)
_RESIDUALS = (
    "The points on the frame, coloured by their residual in q, crosses were left out; the residual "
    "by azimuth, innermost ring at the bottom (a wave in all rings: centre or tilt); and by ring, "
    "mean and scatter, in pixels and in q."
)


def calibration_facts(result: CalibrationResult) -> list[tuple[str, str]]:
    """Return the numbers of a calibration with their standard errors, as names and texts."""
    at, sigma = result.calibration, result.sigma
    x, y = result.beam_center_px
    tilt = "refined" if result.tilt_refined else "as in the start"
    errors = {k: math.degrees(sigma[k]) for k in ("rot1", "rot2")}
    away = residual_q(result)[result.points["used"].values]
    rms_q = math.sqrt(float(np.mean(away**2))) if away.size else math.nan
    return [
        ("calibrant", result.calibrant),
        ("wavelength", f"{plain_number(at.wavelength, 7)} Å (taken as exact)"),
        (
            "distance along the beam",
            f"{value_with_error(1e3 * at.direct_distance, 1e3 * sigma['direct_distance'])} mm",
        ),
        ("beam centre x", f"{value_with_error(x, sigma['beam_center_x'])} pixel"),
        ("beam centre y", f"{value_with_error(y, sigma['beam_center_y'])} pixel"),
        ("rotation 1", f"{value_with_error(math.degrees(at.rot1), errors['rot1'])} degree"),
        ("rotation 2", f"{value_with_error(math.degrees(at.rot2), errors['rot2'])} degree"),
        ("tilt", f"{at.tilt:.4f} degree ({tilt})"),
        ("residual", f"{result.rms_px:.3f} pixel rms, {plain_number(rms_q, 2)} 1/nm"),
        ("points", f"{int(result.points['used'].sum())} on {len(result.rings)} rings"),
        ("azimuth covered", f"{result.azimuth_coverage:.0f} degree"),
    ]


def resolution_facts(resolution: Resolution) -> list[tuple[str, str]]:
    """Return the widths of an instrument with their standard errors, as names and texts."""
    sigma, units = resolution.sigma(), dict.fromkeys("uvw", "degree²")
    low, high = resolution.two_theta_range
    rows = [
        (name.upper(), f"{value_with_error(value, sigma[name])} {units.get(name, 'degree')}")
        for name, value in resolution.widths().items()
    ]
    asymmetry = value_with_error(resolution.asymmetry, resolution.asymmetry_sigma)
    ends = [f"{plain_number(float(resolution.fwhm(at)[0]), 4)} at {at:.2f}" for at in (low, high)]
    return [
        *rows,
        ("asymmetry", asymmetry),
        ("full width at half maximum", f"{', '.join(ends)} degree"),
        (
            "fit",
            f"{resolution.verdict.value}, goodness {resolution.gof:.2f},"
            f" {len(resolution.rings)} rings",
        ),
    ]


def calibration_page(
    frames: xr.Dataset,
    result: CalibrationResult,
    *,
    title: str,
    frame: int = 0,
    mask: xr.DataArray | NDArray[Any] | None = None,
    resolution: Resolution | None = None,
) -> str:
    """Return one HTML page about a calibration that needs nothing outside itself.

    Arguments as in `calibration_figure`; `resolution` adds the widths of the rings. The page has
    no script and the same text for the same arguments. Raises FrameError where the frame cannot be
    read.
    """
    pictures, reading = Pictures(), _READINGS[result.verdict.value]
    rings = [
        (f"{r.two_theta:.3f}", f"{r.d_spacing:.4f}", str(r.points), f"{r.mean_px:+.3f}",
         f"{r.rms_px:.3f}", f"{r.mean_q:+.5f}", f"{r.rms_q:.5f}", f"{r.width_px:.2f}")
        for r in result.rings
    ]  # fmt: skip
    sectors = [
        (f"{s.azimuth[0]:.0f} to {s.azimuth[1]:.0f}", str(s.points), str(s.rings),
         f"{s.mean_px:+.3f}", f"{s.rms_px:.3f}", f"{s.mean_q:+.5f}", f"{s.rms_q:.5f}")
        for s in result.sectors
    ]  # fmt: skip
    parts: list[object] = [
        element("header", element("h1", title)),
        element("p", badge(reading), f" {reading.meaning}.", class_="verdict"),
        element("ul", *(element("li", reason) for reason in result.reasons)),
        pictures.show(
            rings_figure(frames, result, frame=frame, mask=mask), _RINGS, alt="Rings over the frame"
        ),
    ]
    if result.points["used"].any():
        figure = residuals_figure(result)
        parts.append(pictures.show(figure, _RESIDUALS, alt="Residuals by azimuth and ring"))
    parts += [
        element("h2", "Numbers"),
        fact_table(calibration_facts(result)),
        element("h2", "Rings"),
        table(_RING_HEAD, rings),
    ]
    if sectors:
        parts += [element("h2", "Sectors"), table(_SECTOR_HEAD, sectors)]
    if resolution is not None:
        text = "Width and Lorentzian share of single rings, and what follows from U, V, W, X, Y."
        figure = resolution_figure(resolution)
        parts += [
            element("h2", "Resolution"),
            pictures.show(figure, text, alt="Widths of the rings over the scattering angle"),
            fact_table(resolution_facts(resolution)),
        ]
    version = provenance.package_version()
    parts.append(element("footer", f"Made by xrdkit {version}. Errors are one standard deviation."))
    style = files("xrdkit.report").joinpath("style.css").read_text(encoding="utf-8")
    head = Markup(
        '<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{element('title', plain_text(title)).html}<style>\n{style}</style></head>"
    )
    body = element("body", element("main", *parts))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en').html}\n"


def resolution_figure(resolution: Resolution) -> ReportFigure:
    """Return width and Lorentzian share of the rings over 2θ, with the curve of the instrument."""
    angle = np.linspace(*resolution.two_theta_range, 200)
    rings = resolution.rings
    at = [r.two_theta for r in rings]
    with drawing():
        figure = empty(2.6)
        for k, (curve, values, errors, title) in enumerate(
            (
                (resolution.fwhm(angle), [r.fwhm for r in rings], [r.fwhm_sigma for r in rings],
                 "Full width at half maximum (degree)"),
                (resolution.lorentzian(angle), [r.lorentzian for r in rings],
                 [r.lorentzian_sigma for r in rings], "Lorentzian share"),
            )
        ):  # fmt: skip
            axes = figure.add_axes(inside(figure, 0.62 + 4.4 * k, 0.5, 3.7, 1.7))
            axes.errorbar(at, values, errors, fmt="o", color=BLUE, markersize=3, linewidth=0.9)
            axes.plot(angle, curve, color=VERMILION)
            axes.set(xlabel="2θ (degree)")
            axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
            axes.set_title(title)
        return figure
