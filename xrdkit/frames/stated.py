"""What the user states of the frames: it wins over the header, and says that it did."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import SpecError
from xrdkit.frames.headers import Fact, Facts
from xrdkit.frames.vocabulary import COORDINATES, TEXTS

#: A value for all frames, or one for each, in the unit of `vocabulary.COORDINATES`.
StatedValue = float | str | Sequence[float] | Sequence[str] | NDArray[np.float64]
#: Source key of a value that no file told.
STATED = "stated"


def stated_facts(stated: Mapping[str, StatedValue], frames: int) -> dict[str, Fact]:
    """Return the facts that a user states for `frames` frames.

    `stated` is name -> value or one value per frame, in the stored unit. Raises SpecError for a
    name that is not in the vocabulary, a number outside its bounds, or a wrong count of values.
    """
    facts: dict[str, Fact] = {}
    for name, value in stated.items():
        if name not in COORDINATES:
            raise SpecError(f"stated {name!r} is no fact of frames", hint=_known())
        values = _texts(name, value) if name in TEXTS else _numbers(name, value)
        if values.ndim > 1 or values.size not in (1, frames) or values.size == 0:
            raise SpecError(
                f"stated {name} has {values.size} values for {frames} frames",
                hint="state one value, or one for each frame",
            )
        values = values if values.size == frames and values.ndim else values.reshape(())
        facts[name] = Fact(values=values, source_key=STATED)
    return facts


def replaced_attrs(found: Fact | None) -> dict[str, str | float]:
    """Return attributes that keep what the header said of a fact that was stated.

    Only one that is the same in all frames is kept; a header that said nothing leaves nothing.
    """
    if found is None:
        return {}
    values = np.unique(found.values)
    if values.size != 1:
        return {"header_key": found.source_key}
    value = values[0]
    kept = str(value) if values.dtype.kind in "OSUT" else float(value)
    return {"header_key": found.source_key, "header_value": kept}


def overruled(header: Facts, stated: Facts) -> dict[str, Fact]:
    """Return the facts of the header with those that were stated in their place."""
    merged = {**header, **stated}
    return {name: merged[name] for name in COORDINATES if name in merged}


def _numbers(name: str, value: StatedValue) -> NDArray[np.float64]:
    what = COORDINATES[name]
    try:
        values = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as exc:
        raise SpecError(f"stated {name} {value!r} is not a number in {what.unit}") from exc
    bad = ~(np.isfinite(values) & (values > what.low) & (values <= what.high))
    if isinstance(value, str | bool) or bad.any():
        high = "" if math.isinf(what.high) else f" and at most {what.high:g}"
        raise SpecError(
            f"stated {name} {value!r} is not above {what.low:g}{high} {what.unit}",
            hint=f"{name} is given in {what.unit}",
        )
    return values


def _texts(name: str, value: StatedValue) -> NDArray[np.str_]:
    if isinstance(value, str):
        items: list[object] = [value]
    else:
        items = list(value) if isinstance(value, Sequence | np.ndarray) else []
    if not items or not all(isinstance(item, str) for item in items):
        raise SpecError(f"stated {name} {value!r} is not text")
    values = np.array(items, dtype=np.str_)
    return values.reshape(()) if isinstance(value, str) else values


def _known() -> str:
    return "known: " + ", ".join(
        f"{name} ({what.unit or 'text'})" for name, what in COORDINATES.items()
    )
