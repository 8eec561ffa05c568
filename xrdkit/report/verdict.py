"""What the verdict of a fit means, in words and in the colour of its badge."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import xarray as xr

from xrdkit.fitting import Verdict
from xrdkit.report.label import plain_text


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a verdict is shown."""

    word: str
    """One or two words."""
    grade: str
    """``good``, ``doubtful`` or ``bad``: decides the colour."""
    meaning: str
    """One sentence."""


_READINGS = {
    Verdict.OK: Reading(
        word="OK",
        grade="good",
        meaning="the fit converged, away from every bound, and nothing was found against it",
    ),
    Verdict.MISFIT: Reading(
        word="misfit",
        grade="doubtful",
        meaning="the model does not describe the data within their errors; numbers may be biased",
    ),
    Verdict.AT_BOUND: Reading(
        word="at bound",
        grade="doubtful",
        meaning="a parameter stopped at the limit it was given; its value is that limit",
    ),
    Verdict.UNIDENTIFIABLE: Reading(
        word="unidentifiable",
        grade="bad",
        meaning="the data cannot tell some parameters apart; there are no valid error bars",
    ),
    Verdict.NOT_CONVERGED: Reading(
        word="not converged",
        grade="bad",
        meaning="the fit gave up before it reached a minimum; do not use the numbers",
    ),
}


def read(verdict: str) -> Reading:
    """Return how `verdict` is shown; a text that is no `Verdict` is a failure in its own words."""
    for known, reading in _READINGS.items():
        if known.value == verdict:
            return reading
    return Reading(word=plain_text(verdict) or "no result", grade="bad", meaning="no fit was made")


def verdicts(result: xr.Dataset) -> list[str]:
    """Return the verdict of every frame of a fit, one for a Dataset without frames."""
    if "verdict" not in result:
        return []
    return [str(v) for v in np.atleast_1d(result["verdict"].values).ravel()]


def reason_lines(result: xr.Dataset, *, most: int = 6, doubted: bool = False) -> list[str]:
    """Return what the verdicts say, each reason once with the frames that have it.

    At most `most` reasons are told and the others counted. `doubted` leaves out those of fits that
    are OK.
    """
    if "verdict_reason" not in result:
        return []
    reasons = [_printable(text) for text in np.atleast_1d(result["verdict_reason"].values).ravel()]
    keep = ~is_good(result) if doubted else np.full(len(reasons), True)
    names = result["frame"].values.tolist() if "frame" in result.dims else [None] * len(reasons)
    frames: dict[str, list[object]] = {}
    for name, reason, wanted in zip(names, reasons, keep, strict=True):
        if reason and wanted:
            frames.setdefault(reason, []).append(name)
    lines = []
    for reason, found in list(frames.items())[:most]:
        first = ", ".join(map(str, found[:5]))
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        lines.append(reason if found == [None] else f"frame {first}{more}: {reason}")
    if len(frames) > most:
        lines.append(f"and {len(frames) - most} other reasons")
    return lines


def _printable(text: object) -> str:
    return "".join(c if c.isprintable() else " " for c in str(text))


def is_good(result: xr.Dataset) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return whether each frame has the verdict OK, shape (frame,)."""
    return np.array([read(v).grade == "good" for v in verdicts(result)], dtype=bool)


def tally(texts: list[str]) -> list[tuple[Reading, int]]:
    """Return the verdicts that occur and how often, best first."""
    order = {"good": 0, "doubtful": 1, "bad": 2}
    counts = Counter(texts)
    pairs = [(read(text), count) for text, count in counts.items()]
    return sorted(pairs, key=lambda pair: (order[pair[0].grade], pair[0].word))
