"""A detector frame as recorded, and with the pixels that were left out."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, to_rgba
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator
from numpy.typing import NDArray

from xrdkit.geometry import Calibration
from xrdkit.masks import MaskReason, declared_sentinels, no_data_reasons
from xrdkit.report.binning import block_mean, block_sum
from xrdkit.report.canvas import WIDTH, ReportFigure, drawing, empty, inside
from xrdkit.report.label import few_ticks, power_of_ten
from xrdkit.report.palette import INTENSITY, MUTED, REASONS
from xrdkit.schema import FRAME

Array = NDArray[np.float64]
_LONG_SIDE = 420
_LEVELS = 48
#: Reasons for which the recorded value itself is no number of photons.
_NO_NUMBER = np.uint16(MaskReason.SENTINEL | MaskReason.NOT_FINITE)
_WORDS = {
    MaskReason.NOT_FINITE: "not a number",
    MaskReason.SENTINEL: "no data",
    MaskReason.GAP: "module gap",
    MaskReason.USER: "user's mask",
}


def plot_frame(
    frames: xr.Dataset,
    *,
    frame: int = 0,
    mask: xr.DataArray | None = None,
    calibration: Calibration | None = None,
) -> ReportFigure:
    """Return a picture of one frame: as recorded, and as used with masked pixels tinted by reason.

    `frames` is a FRAMES Dataset of which one frame is read; `frame` its index; `mask` (y, x) holds
    `MaskReason` bits (a boolean mask counts as the user's); with a `calibration` circles of equal q
    are drawn. Raises FrameError where the frame cannot be read.
    """
    values, reasons = used_pixels(frames, frame, mask)
    unit = str(frames["counts"].attrs.get("units", "count"))
    return frame_figure(values, reasons, calibration=calibration, unit=unit)


def used_pixels(
    frames: xr.Dataset, index: int, mask: xr.DataArray | None = None
) -> tuple[NDArray[np.generic], NDArray[np.uint16]]:
    """Return raw values (y, x) of one frame and the reasons (y, x) for which pixels are left out.

    The reasons are those of the file's own mask, of `mask`, and of the frame's no-data values.
    """
    raw = np.asarray(frames["counts"].isel({FRAME: index}).values)
    reasons = no_data_reasons(raw, declared_sentinels(frames["counts"].attrs))
    for extra in (frames.get("mask"), mask):
        if extra is not None:
            bits = np.asarray(extra.values)
            user = bits.astype(bool) * np.uint16(MaskReason.USER)
            reasons |= user if bits.dtype == bool else bits.astype(np.uint16)
    return raw, reasons


def frame_figure(
    values: NDArray[np.generic],
    reasons: NDArray[np.uint16],
    *,
    calibration: Calibration | None = None,
    unit: str = "count",
) -> ReportFigure:
    """Return one frame (y, x) beside itself with the masked pixels tinted, on one log scale."""
    step = _step(values.shape)
    recorded = block_mean(values, (reasons & _NO_NUMBER) == 0, step)
    scale = _scale(recorded)
    with drawing():
        shape = values.shape
        side = (WIDTH - 1.95) / 2
        tall = min(max(side * shape[0] / shape[1], 1.3), 4.6)
        present = _present(reasons)
        rows = (len(present) + 2) // 3
        low = 0.62 + 0.22 * rows
        figure = empty(tall + low + 0.34)
        left = figure.add_axes(inside(figure, 0.62, low, side, tall))
        right = figure.add_axes(inside(figure, 0.62 + side + 0.22, low, side, tall))
        drawn = _draw(left, recorded, shape, scale)
        _draw(right, np.where(_tinted(reasons, step) > 0, np.nan, recorded), shape, scale)
        _tint(right, reasons, step)
        left.set_title("As recorded")
        share = float(np.mean(reasons == 0))
        right.set_title(f"As used: {_percent(share)} pixels")
        left.set_ylabel("y (pixel)")
        right.tick_params(labelleft=False)
        if calibration is not None:
            _circles(right, calibration, (shape[0], shape[1]), step)
        bar = figure.add_axes(inside(figure, WIDTH - 0.98, low, 0.14, tall))
        _colour_bar(figure, drawn, bar, unit)
        if present:
            _legend(figure, present, low)
        return figure


def strip_figure(
    pictures: Sequence[tuple[str, NDArray[np.generic], NDArray[np.uint16]]], *, unit: str = "count"
) -> ReportFigure:
    """Return up to three frames (title, values, reasons) side by side on one log scale."""
    shape = pictures[0][1].shape
    step = _step(shape, 300)
    means = [block_mean(values, reasons == 0, step) for _, values, reasons in pictures]
    scale = _scale(np.stack(means))
    with drawing():
        side = (WIDTH - 2.0) / 3
        tall = min(max(side * shape[0] / shape[1], 0.9), 3.4)
        figure = empty(tall + 0.85)
        for i, ((title, _, reasons), mean) in enumerate(zip(pictures, means, strict=True)):
            axes = figure.add_axes(inside(figure, 0.62 + i * (side + 0.2), 0.5, side, tall))
            drawn = _draw(axes, mean, shape, scale)
            _tint(axes, reasons, step)
            axes.set_title(title)
            axes.tick_params(labelleft=i == 0)
            if i == 0:
                axes.set_ylabel("y (pixel)")
        bar = figure.add_axes(inside(figure, WIDTH - 0.82, 0.5, 0.12, tall))
        _colour_bar(figure, drawn, bar, unit)
        return figure


def _percent(share: float) -> str:
    """Return how many of the pixels: ``"all"`` only where none is missing."""
    if share == 1:
        return "all"
    shown = 100 * share
    return f"{min(shown, 99.99):.2f} % of the" if shown > 99.9 else f"{shown:.1f} % of the"


def _step(shape: tuple[int, ...], long_side: int = _LONG_SIDE) -> int:
    return max(1, -(-max(shape) // long_side))


def _scale(mean: Array) -> LogNorm:
    good = mean[np.isfinite(mean) & (mean > 0)]
    if good.size == 0:
        return LogNorm(1.0, 10.0, clip=True)
    low, high = (float(v) for v in np.percentile(good, (0.5, 99.95)))
    # More than four decades leave no contrast in any of them.
    low = max(low, high * 1e-4)
    return LogNorm(low, max(high, 1.5 * low), clip=True)


def _draw(axes: Axes, mean: Array, shape: tuple[int, ...], scale: LogNorm) -> AxesImage:
    drawn = axes.imshow(
        np.ma.masked_invalid(_few_levels(scale, mean)),
        cmap=INTENSITY,
        norm=scale,
        extent=(0, shape[1], 0, shape[0]),
        origin="lower",
        interpolation="none",
        aspect="equal",
    )
    axes.grid(visible=False)
    axes.set_xlabel("x (pixel)")
    few_ticks(axes, "x", 4, integer=True)
    few_ticks(axes, "y", 5, integer=True)
    return drawn


def _few_levels(scale: LogNorm, mean: Array) -> Array:
    """Return values on few steps of the colour scale: noise below a step only swells the file.

    Zero counts are a measurement and take the darkest colour; only NaN stays open.
    """
    low, high = float(scale.vmin or 1.0), float(scale.vmax or 10.0)
    level = np.log(np.clip(mean, low, high) / low) / np.log(high / low)
    return low * (high / low) ** (np.round(level * (_LEVELS - 1)) / (_LEVELS - 1))


def _leading(reasons: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Return the one reason by which a pixel is counted and tinted, 0 for a good one."""
    first = np.zeros(reasons.shape, dtype=np.uint16)
    for reason in REASONS:
        first[(first == 0) & ((reasons & reason) != 0)] = reason
    return first


def _tinted(reasons: NDArray[np.uint16], step: int) -> NDArray[np.uint16]:
    """Return the leading reason of every block of which more than half is masked, 0 elsewhere."""
    first = _leading(reasons)
    area = block_sum(np.ones(reasons.shape), step)
    masked = block_sum((reasons != 0).astype(np.float64), step) > 0.5 * area
    leading = np.zeros(masked.shape, dtype=np.uint16)
    most = np.zeros(masked.shape)
    for reason in REASONS:
        share = block_sum((first == reason).astype(np.float64), step)
        leading[share > most] = reason
        most = np.maximum(most, share)
    return np.where(masked, leading, 0).astype(np.uint16)


def _tint(axes: Axes, reasons: NDArray[np.uint16], step: int) -> None:
    leading = _tinted(reasons, step)
    colours = np.zeros((*leading.shape, 4))
    for reason, colour in REASONS.items():
        colours[leading == reason] = to_rgba(colour)
    axes.imshow(
        colours,
        extent=(0, reasons.shape[1], 0, reasons.shape[0]),
        origin="lower",
        interpolation="none",
        aspect="equal",
    )


def _present(reasons: NDArray[np.uint16]) -> list[tuple[MaskReason, int]]:
    first = _leading(reasons)
    counts = [(r, int(np.count_nonzero(first == r))) for r in REASONS]
    return [(reason, count) for reason, count in counts if count]


def _legend(figure: ReportFigure, present: list[tuple[MaskReason, int]], low: float) -> None:
    handles = [Patch(facecolor=REASONS[r], edgecolor=MUTED, linewidth=0.4) for r, _ in present]
    words = [_WORDS.get(r, str(r.name).lower().replace("_", " ")) for r, _ in present]
    labels = [f"{w}: {count:,} px" for w, (_, count) in zip(words, present, strict=True)]
    height = figure.get_size_inches()[1]
    figure.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(0.5 / WIDTH, (low - 0.44) / height),
        ncols=3,
        columnspacing=2.2,
        handlelength=1.0,
        borderaxespad=0.0,
    )


def _colour_bar(figure: ReportFigure, drawn: AxesImage, axes: Axes, unit: str) -> None:
    bar = figure.colorbar(drawn, cax=axes)
    per = "counts per pixel" if unit == "count" else "intensity per pixel"
    bar.set_label(per, labelpad=4)
    bar.ax.yaxis.set_major_locator(LogLocator(numticks=6))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: power_of_ten(float(v))))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    bar.ax.grid(visible=False)
    bar.ax.tick_params(length=2)
    bar.outline.set_visible(False)


def _circles(axes: Axes, calibration: Calibration, shape: tuple[int, int], step: int) -> None:
    """Draw circles of equal q at round numbers, and a cross where the beam meets the detector."""
    q = calibration.radial(shape, "q")[::step, ::step]
    span = float(q.max() - q.min())
    spacing = next((s for s in _round_numbers() if span / s <= 4.5), span)
    levels = np.arange(np.ceil(q.min() / spacing), np.floor(q.max() / spacing) + 1) * spacing
    levels = levels[levels > 0]
    y = np.arange(0, shape[0], step, dtype=np.float64) + 0.5
    x = np.arange(0, shape[1], step, dtype=np.float64) + 0.5
    if levels.size:
        lines = axes.contour(x, y, q, levels=levels, colors="#ffffff", linewidths=0.6, alpha=0.75)
        texts = {level: f"{level:g} nm⁻¹" for level in levels.tolist()}
        spots = _label_spots(q, x, y, levels)
        for text in axes.clabel(lines, levels[: len(spots)], fmt=texts, fontsize=7.5, manual=spots):
            text.set_color("#ffffff")
    beam_x, beam_y = calibration.center_on_frame(shape)
    if 0 <= beam_x <= shape[1] and 0 <= beam_y <= shape[0]:
        axes.plot(beam_x, beam_y, "+", color="#ffffff", markersize=9, markeredgewidth=1.1)
    axes.set_xlim(0, shape[1])
    axes.set_ylim(0, shape[0])


def _label_spots(q: Array, x: Array, y: Array, levels: Array) -> list[tuple[float, float]]:
    """Return where the circles cross the line from lowest q to the farthest corner.

    Labels there stand in one row, well inside the picture.
    """
    start = np.unravel_index(int(np.argmin(q)), q.shape)
    corner = [0 if 2 * start[k] > q.shape[k] else q.shape[k] - 1 for k in (0, 1)]
    steps = np.linspace(0.0, 0.9, 400)
    row = np.round(start[0] + steps * (corner[0] - start[0])).astype(int)
    column = np.round(start[1] + steps * (corner[1] - start[1])).astype(int)
    along = q[row, column]
    reached = levels[levels <= along.max()]
    index = [int(np.argmax(along >= level)) for level in reached]
    return [(float(x[column[i]]), float(y[row[i]])) for i in index]


def _round_numbers() -> list[float]:
    return [mantissa * 10.0**power for power in range(-4, 4) for mantissa in (1.0, 2.0, 5.0)]
