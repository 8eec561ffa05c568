"""How the results came about: recorded steps, geometry and recipe, folded away."""

import json
from collections.abc import Mapping

import xarray as xr

from xrdkit import provenance
from xrdkit.geometry import Calibration
from xrdkit.report.markup import Markup, element, join
from xrdkit.report.measured import plain_number
from xrdkit.report.table import fact_table


def origins(results: Mapping[str, xr.Dataset], recipe_text: str | None) -> Markup:
    """Return the recorded steps of every result and the recipe, each in a fold of its own."""
    folds = [_fold(key, _steps(data)) for key, data in results.items()]
    if recipe_text is not None:
        folds.append(_fold("Recipe", element("pre", recipe_text)))
    return join(folds)


def geometry_table(calibration: Calibration, shape: tuple[int, int] | None) -> Markup:
    """Return the geometry of one detector as a table; `shape` (y, x) is that of its frames."""
    detector = calibration.detector
    parts = [detector.name] if detector.name != "Detector" else []
    if detector.shape is not None:
        parts.append(f"{detector.shape[1]} × {detector.shape[0]} pixels")
    sizes = f"{1e6 * detector.pixel_size_x:g} × {1e6 * detector.pixel_size_y:g} µm"
    parts.append(f"pixel {sizes}")
    facts: list[tuple[str, object]] = [
        ("detector", ", ".join(parts)),
        ("sample to detector along the beam", f"{1e3 * calibration.direct_distance:.3f} mm"),
    ]
    known = detector.shape if shape is None else shape
    if known is not None:
        x, y = calibration.center_on_frame(known)
        facts.append(("beam on the detector", f"x {x:.2f}, y {y:.2f} pixel"))
    facts.append(("tilt", f"{calibration.tilt:.3f}°"))
    facts.append(("wavelength", f"{plain_number(calibration.wavelength, 7)} Å"))
    return fact_table(facts)


def _steps(data: xr.Dataset) -> Markup:
    lines = []
    for step in provenance.steps(data):
        software = ", ".join(f"{name} {number}" for name, number in sorted(step.software.items()))
        facts: list[tuple[str, object]] = [("xrdkit", step.version)]
        if software:
            facts.append(("libraries", software))
        if step.inputs:
            facts.append(("inputs (SHA-256)", join(_digests(step.inputs))))
        settings = json.dumps(dict(step.settings), indent=2, sort_keys=True, ensure_ascii=False)
        facts.append(("settings", element("pre", _shortened(settings))))
        lines.append(element("li", element("h4", step.step), fact_table(facts)))
    if not lines:
        return element("p", "No steps are recorded in this result.", class_="note")
    return element("ol", *lines, class_="steps")


def _digests(inputs: tuple[str, ...]) -> list[Markup]:
    shown = [element("code", digest) for digest in inputs[:4]]
    if len(inputs) > 4:
        shown.append(element("span", f" and {len(inputs) - 4:,} more"))
    return [join([item, " "]) for item in shown]


def _shortened(text: str, most: int = 6000) -> str:
    return text if len(text) <= most else text[:most] + "\n… (the result file has all of it)"


def _fold(title: str, body: Markup) -> Markup:
    return element("details", element("summary", title), body)
