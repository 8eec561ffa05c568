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
        meaning="the fit converged, away from every bound, and describes the data",
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


def is_good(result: xr.Dataset) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return whether each frame has the verdict OK, shape (frame,)."""
    return np.array([read(v).grade == "good" for v in verdicts(result)], dtype=bool)


def tally(texts: list[str]) -> list[tuple[Reading, int]]:
    """Return the verdicts that occur and how often, best first."""
    order = {"good": 0, "doubtful": 1, "bad": 2}
    counts = Counter(texts)
    pairs = [(read(text), count) for text, count in counts.items()]
    return sorted(pairs, key=lambda pair: (order[pair[0].grade], pair[0].word))
