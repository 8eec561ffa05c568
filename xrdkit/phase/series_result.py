"""What the result of a series says of each frame beside its fit."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from xrdkit import schema
from xrdkit.fitting import Verdict
from xrdkit.phase.series import CHECK_EVERY, Entry
from xrdkit.phase.series_steps import STEP, Steps


def with_flags(result: xr.Dataset, entries: Sequence[Entry], steps: Steps) -> xr.Dataset:
    """Return the result with what each frame is flagged for.

    ``frame_flag``: what sets a frame apart, in words, empty for most: no fit, blank, a verdict that
    is not ok, a step, a phase that appears or disappears. ``step_significance`` and ``step_of``:
    the largest jump against the frame before. ``start_check`` and ``start_disagreement``: whether a
    fit from a fresh start agrees.
    """
    known = {
        "frame_flag": ("what sets the frame apart", None, flags(result, entries, steps)),
        "step_significance": (
            "largest change against the frames around, in standard errors",
            "1",
            steps.significance,
        ),
        "step_of": (f"what changes by more than {STEP:g} standard errors", None, list(steps.of)),
        "start_check": (
            f"whether a fit from a fresh start, every {CHECK_EVERY} frames and at steps, agrees",
            None,
            [str(entry.check) for entry in entries],
        ),
        "start_disagreement": (
            "largest difference of parameters between both fits, in standard errors",
            "1",
            np.array([entry.disagreement for entry in entries]),
        ),
    }
    variables = {}
    for name, (text, unit, values) in known.items():
        attrs = {"long_name": text} | ({} if unit is None else {"units": unit})
        variables[name] = (schema.FRAME, np.asarray(values), attrs)
    return result.assign(variables)


def flags(result: xr.Dataset, entries: Sequence[Entry], steps: Steps) -> list[str]:
    """Return what sets each frame apart, empty where nothing does."""
    names = [str(name) for name in result["phase"].values]
    before: tuple[bool, ...] | None = None
    rows = []
    for entry, step, size in zip(entries, steps.of, steps.significance, strict=True):
        words = []
        if entry.fit is None:
            words.append("no fit")
        elif entry.blank:
            words.append("blank")
        elif entry.verdict is not Verdict.OK:
            words.append(str(entry.verdict))
        if step:
            words.append(f"step in {step} ({size:.1f} standard errors)")
        if entry.fit is not None and not entry.blank:
            here = entry.fit.found
            if before is not None:
                words += [
                    f"{n} appears" for n, a, b in zip(names, before, here, strict=True) if b > a
                ]
                words += [
                    f"{n} disappears" for n, a, b in zip(names, before, here, strict=True) if a > b
                ]
            before = here
        rows.append("; ".join(words))
    return rows
