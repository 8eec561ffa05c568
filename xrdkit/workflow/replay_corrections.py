"""Corrections made again from their records."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from xrdkit.averaging import AveragedFrame
from xrdkit.canonical import plain
from xrdkit.corrections import CORRECTIONS
from xrdkit.errors import RefusedError
from xrdkit.geometry import Calibration
from xrdkit.provenance import Step
from xrdkit.workflow.rebuilt import fields_that_hold, rebuilt
from xrdkit.workflow.replay_inputs import InputFinder
from xrdkit.workflow.replay_readings import same_array, same_average

_SHA256 = 64


def correction(step: Step, data: xr.Dataset, history: Sequence[Step], finder: InputFinder) -> Any:
    """Return the correction that `step` records, for `data`.

    What the record holds as SHA-256 only (maps, darks, geometries, profiles) is looked for by
    `finder`, geometries in `history` too. Raises RefusedError for a correction that is not known,
    or whose record comes out otherwise, and InputError for an input that is not found.
    """
    name = step.step.partition(":")[2]
    kind: Any = None
    for _, each in CORRECTIONS.items():
        kind = each if each.__name__ == name else kind
    if not dataclasses.is_dataclass(kind):
        raise RefusedError(f"the correction {name!r} of the result is not known here")
    own = {f.name for f in dataclasses.fields(kind)}
    given = _inputs(kind, step.settings, data, history, finder)
    # A record may tell more than the fields, such as an attenuation that was looked up.
    rest = {k: v for k, v in step.settings.items() if k in own and k not in given}
    maker: type[Any] = kind  # type: ignore[assignment]  # a class of the registry, seen above
    made = rebuilt(maker, rest, version=step.version, given=given)
    found, wanted = plain(made.record()), dict(step.settings)
    for key in sorted({*found, *wanted}):
        if found.get(key) != wanted.get(key):
            raise RefusedError(
                f"{key} of {name} is {found.get(key)} here, {wanted.get(key)} in the result",
                hint=f"the result was made by xrdkit {step.version}",
            )
    return made


def _inputs(
    kind: Any,
    record: Mapping[str, Any],
    data: xr.Dataset,
    history: Sequence[Step],
    finder: InputFinder,
) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for f in dataclasses.fields(kind):
        digest = record.get(f.name)
        if not isinstance(digest, str):
            continue
        if f.name in fields_that_hold(kind, Calibration):
            given[f.name] = _calibration(kind.__name__, digest, history, finder)
        elif f.name in fields_that_hold(kind, AveragedFrame):
            match = same_average(digest)
            given[f.name] = finder.array(f.name, digest, _shape(data), match)
        elif f.name in fields_that_hold(kind, xr.Dataset):
            given[f.name] = finder.result(digest)
            if given[f.name] is None:
                raise RefusedError(
                    f"the {f.name} of {kind.__name__} is in no result file that was found",
                    hint=f"save it into one of {finder.places()}",
                )
        elif len(digest) == _SHA256 and "y" in data.dims:
            given[f.name] = finder.array(f.name, digest, _shape(data), same_array(digest))
    return given


def _shape(data: xr.Dataset) -> tuple[int, int]:
    return data.sizes["y"], data.sizes["x"]


def _calibration(
    name: str, digest: str, history: Sequence[Step], finder: InputFinder
) -> Calibration:
    for step in history:
        if isinstance(step.settings.get("calibration"), dict):
            value = rebuilt(Calibration, step.settings["calibration"], version=step.version)
            if value.digest() == digest:
                return value
    found = finder.calibration(digest)
    if found is None:
        raise RefusedError(
            f"the calibration of {name} is in no PONI file that was found",
            hint=f"it was looked for in {finder.places()}",
        )
    return found
