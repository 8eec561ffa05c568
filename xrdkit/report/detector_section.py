"""The part of the page about one detector: its frames, profiles and fits in the order of work."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import xarray as xr

from xrdkit.errors import XrdkitError
from xrdkit.geometry import Calibration
from xrdkit.report.budget_table import budget
from xrdkit.report.choose import at, evenly, frame_count, frame_name, telling
from xrdkit.report.frame_figure import frame_figure, strip_figure, used_pixels
from xrdkit.report.label import detector_name, plain_text
from xrdkit.report.markup import Markup, element
from xrdkit.report.measured import quality_number
from xrdkit.report.origin import geometry_table
from xrdkit.report.phase_section import peaks_part, series_map
from xrdkit.report.phases_figure import plot_phases, reflections
from xrdkit.report.pictures import Pictures as Pictures
from xrdkit.report.profile_figure import plot_profile
from xrdkit.report.quality_table import quality_table
from xrdkit.report.saxs_section import has_numbers, saxs_part, size_series
from xrdkit.report.series_figure import MOST_BARS, plot_series
from xrdkit.report.sizes_figure import plot_sizes
from xrdkit.report.table import badge, fit_table
from xrdkit.report.verdict import read, reason_lines, verdicts
from xrdkit.schema import PEAKS, PHASES, PROFILE, QUALITY, SIZES


def detector_section(
    label: str,
    results: Mapping[str, xr.Dataset],
    pictures: Pictures,
    *,
    frames: xr.Dataset | None = None,
    calibration: Calibration | None = None,
    mask: xr.DataArray | None = None,
) -> Markup:
    """Return everything about one detector: geometry, frames, then each product of `results`."""
    parts: list[object] = []
    if frames is not None:
        parts += _frames(frames, calibration, mask, pictures)
    if calibration is not None:
        parts += [element("h3", "Geometry"), geometry_table(calibration, _shape(frames))]
    for product, data in results.items():
        kind = data.attrs.get("schema")
        if kind == PROFILE.name:
            parts += _profile(data, pictures)
        elif kind == QUALITY.name:
            parts += [element("h3", "Frames held against one another"), *quality_table(data)]
        elif kind in (PHASES.name, SIZES.name):
            parts += _fit(data, pictures)
        elif kind == PEAKS.name:
            parts += peaks_part(data, pictures)
        elif has_numbers(data):
            parts += saxs_part(data, pictures)
        else:
            text = f"“{product}” ({kind}) is in the result file and has no picture here."
            parts.append(element("p", text, class_="note"))
    return element("section", element("h2", detector_name(label)), *parts)


def _frames(
    frames: xr.Dataset,
    calibration: Calibration | None,
    mask: xr.DataArray | None,
    pictures: Pictures,
) -> Iterator[Markup]:
    """Yield the pictures of the first, middle and last frame that can be read."""
    yield element("h3", "Frames")
    read_frames, notes = [], []
    for index in evenly_written(frames):
        try:
            read_frames.append((frame_name(frames, index), *used_pixels(frames, index, mask)))
        except XrdkitError as error:
            notes.append(element("p", _failure(frame_name(frames, index), error), class_="note"))
    yield from notes
    if not read_frames:
        return
    unit = str(frames["counts"].attrs.get("units", "count"))
    name, values, reasons = read_frames[0]
    rows, columns = values.shape
    used = float(np.mean(reasons == 0))
    rings = " White circles are lines of equal q; the cross is the beam." if calibration else ""
    yield pictures.show(
        frame_figure(values, reasons, calibration=calibration, unit=unit),
        f"{name.capitalize()} of {frame_count(frames):,}, {columns} × {rows} pixels, on a "
        f"logarithmic scale. Pixels left out are tinted by reason.{rings}",
        alt=f"Detector image, {100 * used:.1f} percent of the pixels used",
    )
    if len(read_frames) > 1:
        names = ", ".join(name for name, _, _ in read_frames)
        yield pictures.show(
            strip_figure(read_frames, unit=unit),
            f"Along the series: {names}, on one colour scale.",
            alt=f"Detector images of {names}",
        )


def _shape(frames: xr.Dataset | None) -> tuple[int, int] | None:
    return None if frames is None else (frames.sizes["y"], frames.sizes["x"])


def evenly_written(frames: xr.Dataset) -> list[int]:
    """Return the indices of the first, middle and last frame that the file holds."""
    count = frame_count(frames)
    written = frames["written"].values if "written" in frames.coords else np.ones(count, dtype=bool)
    held = np.flatnonzero(written)
    return [int(held[i]) for i in evenly(held.size, 3)]


def _failure(name: str, error: XrdkitError) -> str:
    return f"{name.capitalize()} could not be shown: {error.code}, {error.message}."


def _profile(data: xr.Dataset, pictures: Pictures) -> Iterator[Markup]:
    integrated = "n_pixels" in data
    yield element("h3", "Integrated profile" if integrated else "Profile")
    count = frame_count(data)
    finite = np.isfinite(np.asarray(data["intensity"].values, dtype=np.float64))
    if not finite.any():
        yield element("p", "No frame gave a profile.", class_="note")
        return
    if count > 1:
        text = (
            f"{count:,} profiles. Left some of them, first to last; right all, as a map of "
            "intensity."
        )
    else:
        text = "Azimuthal mean of the frame." if integrated else "The curve as it was read."
    empty_bins = 100 * (1 - float(finite.mean()))
    if empty_bins > 0.05:
        text += f" {empty_bins:.1f} % of the bins hold no pixel and are left open."
    yield pictures.show(plot_profile(data), text, alt=f"Integrated intensity of {count} frames")
    yield from budget(data)


def _fit(data: xr.Dataset, pictures: Pictures) -> Iterator[Markup]:
    phases = data.attrs["schema"] == PHASES.name
    yield element("h3", "Phases" if phases else "Sizes")
    if frame_count(data) > 1:
        yield from _course(data, pictures)
    yield fit_table(data)
    chosen = telling(data)
    said = reason_lines(data, doubted=True)
    if said and (frame_count(data) > 1 or not chosen):
        yield element("p", "What speaks against fits that are not OK:", class_="note")
        yield element("ul", *(element("li", line) for line in said), class_="note")
    if not chosen:
        yield element("p", "No frame gave a fit.", class_="note")
        return
    shown = list(dict.fromkeys((chosen[0], chosen[-1])))
    rest = [i for i in chosen if i not in shown]
    yield from (_one_fit(data, i, pictures, phases=phases) for i in shown)
    if rest:
        names = ", ".join(frame_name(data, i).removeprefix("frame ") for i in rest)
        fits = [_one_fit(data, i, pictures, phases=phases) for i in rest]
        title = f"More fits: frames {names}"
        yield element("details", element("summary", title), *fits)


def _course(data: xr.Dataset, pictures: Pictures) -> Iterator[Markup]:
    said = verdicts(data)
    bad = sum(read(v).grade != "good" for v in said)
    text = "Fitted numbers along the series; bars and bands are one standard error."
    if len(said) > MOST_BARS:
        text = (
            "Fitted numbers along the series. Dots are frames; the line joins medians of "
            "neighbours, its band is the median standard error of one frame."
        )
    if bad == len(said):
        text += " None of these fits is OK."
    elif bad:
        text += f" Rings mark the {bad:,} of {len(said):,} fits that are not OK."
    if data.attrs["schema"] == PHASES.name:
        yield from series_map(data, pictures)
    else:
        yield from size_series(data, pictures)
    yield pictures.show(plot_series(data), text, alt="Fitted numbers along the series")


def _one_fit(data: xr.Dataset, index: int, pictures: Pictures, *, phases: bool) -> Markup:
    one = at(data, index)
    name = frame_name(data, index)
    reading = read(verdicts(data)[index])
    numbers = f"goodness of fit {quality_number(float(one['gof'].values))}"
    if phases:
        numbers = f"Rwp {quality_number(100 * float(one['rwp'].values))} %, {numbers}"
    figure = plot_phases(data, frame=index) if phases else plot_sizes(data, frame=index)
    lead = f"{name.capitalize()}: " if name else ""
    caption: list[object] = [f"{lead}{numbers}, ", badge(reading), f"{_reason(one)}. "]
    caption.append(" ".join(_explain(one, phases=phases)))
    return pictures.show(figure, *caption, alt=f"Fit of {name or 'the profile'}: {numbers}")


def _reason(one: xr.Dataset) -> str:
    """Return why a fit is not OK, where the result says it."""
    text = str(one["verdict_reason"].values) if "verdict_reason" in one else ""
    return f": {text.rstrip('.')}" if text else ""


def _explain(one: xr.Dataset, *, phases: bool) -> Iterable[str]:
    if phases and reflections(one):
        yield "Marks are the reflections of each phase."
    if "intensity_phase" in one and one.sizes["phase"] > 1:
        yield "Thin lines are the single phases on the background."
    if "sigma" in one:
        yield "The residual is observed minus calculated in standard errors; the band is ±3."
    if not phases:
        yield (
            "Volume-weighted says where the material is, number-weighted where the particles are; "
            "each distribution is scaled to its maximum."
        )


def labels_of(results: Mapping[str, xr.Dataset]) -> dict[str, dict[str, xr.Dataset]]:
    """Return label -> product -> Dataset for keys such as ``"waxs.phases"``, in their order."""
    parted: dict[str, dict[str, xr.Dataset]] = {}
    for key, data in results.items():
        label, _, product = key.rpartition(".")
        parted.setdefault(label or plain_text(product), {})[product] = data
    return parted
