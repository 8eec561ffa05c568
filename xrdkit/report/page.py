"""The report: one HTML file that holds all it shows."""

import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import xarray as xr

from xrdkit import provenance
from xrdkit.atomic import write_file
from xrdkit.errors import SchemaError
from xrdkit.files import make_folder
from xrdkit.geometry import Calibration
from xrdkit.report.choose import frame_count
from xrdkit.report.comparison_figure import comparison, comparison_figure
from xrdkit.report.detector_section import detector_section, labels_of
from xrdkit.report.failure import Failure, failure_table
from xrdkit.report.label import plain_text
from xrdkit.report.markup import Markup, element, join
from xrdkit.report.origin import origins
from xrdkit.report.pictures import Pictures
from xrdkit.report.summary import summary
from xrdkit.report.table import cell, fact_table
from xrdkit.schema import PHASES, SCHEMAS, SIZES, validate


def write_report(
    results: Mapping[str, xr.Dataset],
    path: str | os.PathLike[str],
    *,
    title: str,
    frames: Mapping[str, xr.Dataset] | None = None,
    calibrations: Mapping[str, Calibration] | None = None,
    masks: Mapping[str, xr.DataArray] | None = None,
    recipe_text: str | None = None,
    failed: Sequence[Failure] = (),
) -> Path:
    """Write one HTML file about `results` to `path` and return its path.

    `results` maps ``label.product`` (``"waxs.profile"``, ``"saxs.sizes"``) to Datasets that say
    their schema; `frames`, `calibrations` and `masks` (y, x) go by label. Of the frames at most
    three are read. `failed` lists what gave no result. The page needs nothing outside itself, no
    script, and has the same bytes for the same arguments. A file already there is replaced as a
    whole or not at all.

    Raises SchemaError for a Dataset without a known schema or that breaks it, LinkRefused where
    `path` is a symbolic link, StoreFull and StoreError where the file cannot be written.
    """
    text = page(
        results,
        title=title,
        frames=frames,
        calibrations=calibrations,
        masks=masks,
        recipe_text=recipe_text,
        failed=failed,
    )
    target = Path(path)
    make_folder(target.parent)
    write_file(target, text.encode("utf-8", "replace"), overwrite=True)
    return target


def page(
    results: Mapping[str, xr.Dataset],
    *,
    title: str,
    frames: Mapping[str, xr.Dataset] | None = None,
    calibrations: Mapping[str, Calibration] | None = None,
    masks: Mapping[str, xr.DataArray] | None = None,
    recipe_text: str | None = None,
    failed: Sequence[Failure] = (),
) -> str:
    """Return the HTML text that `write_report` writes."""
    for key, data in results.items():
        _check(key, data)
    frames, calibrations, masks = frames or {}, calibrations or {}, masks or {}
    parted = labels_of(results)
    pictures = Pictures()
    together = _together(results, pictures)
    sections = [
        detector_section(
            label,
            parted.get(label, {}),
            pictures,
            frames=frames.get(label),
            calibration=calibrations.get(label),
            mask=masks.get(label),
        )
        for label in dict.fromkeys((*parted, *frames, *calibrations))
    ]
    style = files("xrdkit.report").joinpath("style.css").read_text(encoding="utf-8")
    version = provenance.package_version()
    body = element(
        "body",
        element(
            "main",
            element("header", element("h1", title)),
            element(
                "section", element("h2", "Summary"), summary(results, len(failed)), class_="summary"
            ),
            *(
                [element("section", element("h2", "Failed"), failure_table(failed))]
                if failed
                else []
            ),
            *([together] if together else []),
            *sections,
            element("section", element("h2", "How it was made"), origins(results, recipe_text)),
            element("footer", f"Made by xrdkit {version}. Errors are one standard deviation."),
        ),
    )
    head = Markup(
        '<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"{element('title', plain_text(title)).html}<style>\n{style}</style></head>"
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en').html}\n"


def _check(key: str, data: xr.Dataset) -> None:
    kind = data.attrs.get("schema")
    if kind not in SCHEMAS:
        raise SchemaError(
            f"result {key!r} has the schema {kind!r}", hint=f"known: {', '.join(SCHEMAS)}"
        )
    validate(data, SCHEMAS[kind])


def _together(results: Mapping[str, xr.Dataset], pictures: Pictures) -> Markup | None:
    """Return sizes from small angles beside those from peak widths, where there are both."""
    sizes = [d for d in results.values() if d.attrs["schema"] == SIZES.name]
    phases = [d for d in results.values() if d.attrs["schema"] == PHASES.name]
    if len(sizes) != 1 or len(phases) != 1:
        return None
    text = (
        "Particle diameter from small-angle scattering, and crystal diameter from the widths of "
        "the diffraction peaks, both volume-weighted and for spheres. Where each particle is one "
        "crystal the two agree; smaller crystals say that particles hold several."
    )
    if frame_count(sizes[0]) > 1 or frame_count(phases[0]) > 1:
        figure = comparison_figure(sizes[0], phases[0])
        body = pictures.show(figure, text, alt="Diameters of particles and crystals in the series")
    else:
        rows = [(q.label, f"{cell(q, 0)} nm") for q in comparison(sizes[0], phases[0])]
        body = join([fact_table(rows), element("p", text, class_="note")])
    return element("section", element("h2", "Particles and crystals"), body)
