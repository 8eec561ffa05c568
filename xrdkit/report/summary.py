"""The top of the report: what was measured, what came out, and whether to trust it."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.report.choose import frame_count
from xrdkit.report.label import detector_name, unit_text
from xrdkit.report.markup import Markup, element, join
from xrdkit.report.measured import value_with_error
from xrdkit.report.quantity import Quantity, quantities
from xrdkit.report.table import badge
from xrdkit.report.verdict import read, tally, verdicts
from xrdkit.schema import FRAME, PHASES, QUALITY, SIZES

Indices = NDArray[np.intp]
_CARDS = (
    "First and last frame of the fits that are OK, or else doubtful; lines show what is between."
)
_FITTED = {PHASES.name: "phase fit", SIZES.name: "size fit"}


def summary(results: Mapping[str, xr.Dataset], failures: int = 0) -> Markup:
    """Return the summary of all fits: a sentence each about the verdicts, then headline numbers.

    `failures` is the number of frames that gave no result at all.
    """
    lost = [_lost(failures)] if failures else []
    lost += [item for key, data in results.items() if (item := _flagged(key, data)) is not None]
    fits = [(key, data) for key, data in results.items() if data.attrs.get("schema") in _FITTED]
    if not fits:
        text = f"{len(results)} results, none of them a fit."
        return element("ul", element("li", text), *lost, class_="lead")
    sentences = [element("li", *_sentence(key, data)) for key, data in fits] + lost
    cards = [card for key, data in fits for card in _cards(_detector(key), data)]
    return join(
        [
            element("ul", *sentences, class_="lead"),
            element("div", *cards, class_="cards") if cards else "",
            element("p", _CARDS, class_="note")
            if any(d.sizes.get(FRAME, 1) > 1 for _, d in fits)
            else "",
        ]
    )


def _lost(failures: int) -> Markup:
    text = f"{failures:,} failed"
    return element("li", element("span", text, class_="badge bad"), " to give a result; see below.")


def _flagged(key: str, data: xr.Dataset) -> Markup | None:
    """Return how many frames a quality test flags; None for results of another kind."""
    if data.attrs.get("schema") != QUALITY.name:
        return None
    flag = np.asarray(data["flag"].values)
    number = int(np.count_nonzero(flag))
    grade = "doubtful" if number else "good"
    word = element("span", f"{number:,} flagged" if number else "OK", class_=f"badge {grade}")
    text = f" — quality of {flag.size:,} frame{'s' if flag.size > 1 else ''}: "
    return element("li", element("strong", _detector(key)), text, word, ".")


def _detector(key: str) -> str:
    return detector_name(key.rpartition(".")[0] or key)


def _sentence(key: str, data: xr.Dataset) -> list[object]:
    kind = _FITTED[str(data.attrs["schema"])]
    count = frame_count(data)
    fits = f"{count:,} {kind}{'s' if count > 1 else ''}: "
    said: list[object] = [element("strong", _detector(key)), f" — {fits}"]
    for i, (reading, number) in enumerate(tally(verdicts(data))):
        said += [", " if i else "", f"{number:,} " if count > 1 else "", badge(reading)]
        if reading.grade != "good":
            said.append(f" ({reading.meaning})")
    return [*said, "."]


def _cards(detector: str, data: xr.Dataset) -> list[Markup]:
    """Return a card for each headline number, from fits that are OK or else from doubtful ones."""
    grades = [read(v) for v in verdicts(data)]
    best = next((g for g in ("good", "doubtful") if any(r.grade == g for r in grades)), None)
    if best is None:
        return []
    usable = np.array([r.grade == best for r in grades])
    warning = next(badge(r) for r in grades if r.grade == best) if best != "good" else None
    cards = []
    for quantity in quantities(data):
        frames = np.flatnonzero(usable & np.isfinite(quantity.value))
        if quantity.headline and frames.size:
            cards.append(_card(detector, quantity, frames, warning))
    return cards


def _card(detector: str, quantity: Quantity, usable: Indices, warning: Markup | None) -> Markup:
    first, last = int(usable[0]), int(usable[-1])
    texts = [
        value_with_error(float(quantity.value[i]), float(quantity.sigma[i]))
        for i in dict.fromkeys((first, last))
    ]
    unit = unit_text(quantity.unit)
    body: list[object] = []
    for i, text in enumerate(texts):
        body += [element("span", " → ", class_="arrow") if i else "", element("b", text)]
    if unit:
        body.append(element("span", f" {unit}", class_="unit"))
    return element(
        "div",
        element("div", f"{detector} · {quantity.label} ", warning or "", class_="what"),
        element("div", *body, class_="value"),
        _sparkline(quantity, usable) if usable.size > 2 else "",
        class_="card",
    )


def _sparkline(quantity: Quantity, usable: Indices) -> Markup:
    """Return the course of a number as a thin line without axes.

    The line fills its height only where the number moves by more than six standard errors, so that
    noise looks as flat as it is.
    """
    picked = usable[np.unique(np.linspace(0, usable.size - 1, 80).astype(int))]
    value, sigma = quantity.value[picked], quantity.sigma[picked]
    known = sigma[np.isfinite(sigma)]
    noise = 6 * float(np.median(known)) if known.size else 0.0
    span = max(float(np.ptp(value)), noise) or 1.0
    middle = 0.5 * (float(value.max()) + float(value.min()))
    across = np.linspace(1, 99, picked.size)
    up = 10 - 16 * (value - middle) / span
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, up, strict=True))
    return Markup(
        '<svg class="spark" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">'
        f'<polyline points="{points}"/></svg>'
    )
