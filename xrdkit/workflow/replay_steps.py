"""One function for each verb that a result may have passed: the step, done again from its record.

A step that is not in `HANDLERS`, and that no correction answers for, is refused by its name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.calibration import with_mask
from xrdkit.corrections import correct
from xrdkit.curves import join_profiles, read_profile
from xrdkit.errors import RefusedError
from xrdkit.geometry import Calibration
from xrdkit.integration import IntegrationSpec, cake, integrate
from xrdkit.integration.grazing import grazing_cut, grazing_map
from xrdkit.integration.grazing_spec import GrazingSpec
from xrdkit.phase import RefinementSpec, Structure, refine_phases
from xrdkit.profiles import average, counting_interval, frame_quality, merge, texture
from xrdkit.provenance import Step, append, content_sha256, steps
from xrdkit.schema import FRAME
from xrdkit.workflow.merge import join
from xrdkit.workflow.rebuilt import fields_that_hold, rebuilt
from xrdkit.workflow.replay_corrections import correction
from xrdkit.workflow.replay_frames import reopened
from xrdkit.workflow.replay_inputs import InputFinder
from xrdkit.workflow.replay_phases import PHASE_STEPS, absolute, columns
from xrdkit.workflow.replay_readings import Reading, same_array
from xrdkit.workflow.replay_saxs import SAXS_STEPS

_CORRECT = "correct:"
#: Steps that take nothing from a step before them.
_SOURCES = ("open_frames", "read_profile", "profile", "pattern", "merge")


@dataclass(kw_only=True)
class Bench:
    """What the steps of one replay share."""

    stored: xr.Dataset
    """The result."""
    history: Sequence[Step]
    """Its steps, oldest first."""
    finder: InputFinder
    """Where inputs are looked for."""
    without: tuple[str, ...] = ()
    """Corrections to leave out."""
    taken: tuple[str, ...] = ()
    """Coordinates that were taken from the result itself."""
    cuts: dict[int, list[int]] = field(default_factory=dict)
    """Where the frames were cut into blocks, by number of the step: first frames and the end."""


Handler = Callable[[Bench, int, xr.Dataset], xr.Dataset]


def do_steps(bench: Bench) -> xr.Dataset:
    """Return what the steps of `bench` give; raises RefusedError, InputError and those of verbs."""
    start = max((k for k, step in enumerate(bench.history) if step.step == "merge"), default=0)
    first = bench.history[start].step
    if first not in _SOURCES and (first in HANDLERS or first.startswith(_CORRECT)):
        raise RefusedError(
            f"the data given to {first!r} were made in memory: no step says which file holds them",
            hint="open frames with open_frames, curves with read_profile",
        )
    data = xr.Dataset()
    for number, step in list(enumerate(bench.history))[start:]:
        name = _CORRECT if step.step.startswith(_CORRECT) else step.step
        handler = HANDLERS.get(name)
        if handler is None:
            raise RefusedError(
                f"the step {step.step!r} of the result cannot be replayed",
                hint=f"known are {', '.join(sorted(HANDLERS))}",
            )
        data = handler(bench, number, data)
    return data


def _open(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    added = any(step.step == "average" for step in bench.history)
    step = bench.history[number]
    frames, bench.taken = reopened(step, bench.stored, bench.finder, added=added)
    return frames


def _told(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    """Say again what was chosen: the steps after it hold what came of it."""
    step = bench.history[number]
    return append(data, step.step, step.settings, inputs=step.inputs)


def _integrate(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    step = bench.history[number]
    calibration = rebuilt(Calibration, step.settings["calibration"], version=step.version)
    verb = cake if step.step == "cake" else integrate
    result = verb(data, calibration, _integration_spec(bench, step, step.settings["spec"]))
    return result if FRAME in bench.stored.dims else result.isel({FRAME: 0})


def _grazing(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    step = bench.history[number]
    calibration = rebuilt(Calibration, step.settings["calibration"], version=step.version)
    record = dict(step.settings["spec"])
    given = {"corrections": _integration_spec(bench, step, record.pop("corrections"))}
    spec = rebuilt(GrazingSpec, record, version=step.version, given=given)
    if step.step == "grazing_cut":
        result = grazing_cut(data, calibration, spec, along=step.settings["along"])
    else:
        result = grazing_map(data, calibration, spec)
    return result if FRAME in bench.stored.dims else result.isel({FRAME: 0})


def _integration_spec(bench: Bench, step: Step, recorded: dict[str, Any]) -> IntegrationSpec:
    """Return the spec of a record, its frames and masks found, what to leave out added."""
    record = dict(recorded)
    rows, columns = step.settings["shape"]
    given: dict[str, Any] = {}
    for name in fields_that_hold(IntegrationSpec, xr.Dataset):
        if record.get(name) is not None:
            given[name] = _array(bench.finder, name, record[name], (rows, columns))
    if bench.without:
        record["without"] = [*record.get("without", ()), *bench.without]
    return rebuilt(
        IntegrationSpec,
        {name: value for name, value in record.items() if name not in given},
        version=step.version,
        given=given,
    )


def _array(
    finder: InputFinder, name: str, record: str | dict[str, Any], shape: tuple[int, int]
) -> Reading:
    """Return the array of a setting; `record` is what `provenance.input_record` said of it."""
    found: Any
    if isinstance(record, str):
        found = finder.array(name, record, shape, same_array(record))
    else:
        pairs = zip(record["files"], record["file_sha256"], strict=True)
        files = [finder.file(file, (digest,)) for file, digest in pairs]
        digest = str(record["sha256"])
        found = finder.array(name, digest, shape, same_array(digest), files=files)
    array: Reading = found
    return array


def _refine(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    step = bench.history[number]
    phases = [rebuilt(Structure, s, version=step.version) for s in step.settings["phases"]]
    spec = rebuilt(RefinementSpec, step.settings["spec"], version=step.version)
    if step.settings.get("blank"):
        blank = _stored(bench, step.settings["blank"], "the blank")
        return refine_phases(data, phases, spec, blank=blank)
    if FRAME not in data.dims or len(step.inputs) == 1:
        return refine_phases(data, phases, spec)
    # A frame starts from the last good fit before it in its block, so that the cuts matter.
    cuts = bench.cuts.setdefault(number, _cuts(data, step.inputs))
    pieces = [data.isel({FRAME: slice(low, high)}) for low, high in pairwise(cuts)]
    return join([refine_phases(piece, phases, spec) for piece in pieces])


def _of_phases(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    step = bench.history[number]
    return PHASE_STEPS[step.step](step, data)


def _absolute(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    step = bench.history[number]
    return absolute(
        step, data, _stored(bench, step.inputs[1], "the result of the external standard")
    )


def _columns(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    step = bench.history[number]
    more = step.inputs[1:]
    standard = _stored(bench, more[0], "the peaks of the standard") if more else None
    return columns(step, data, standard)


def _stored(bench: Bench, digest: str, what: str) -> xr.Dataset:
    found = bench.finder.result(digest)
    if found is None:
        raise RefusedError(
            f"{what} is in no result file that was found",
            hint=f"save it into one of {bench.finder.places()}",
        )
    return found


def _of_saxs(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    step = bench.history[number]
    return SAXS_STEPS[step.step](step, data)


def _read(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    stored = bench.stored
    name = stored.attrs.get("source_file")
    if name is None and "source_file" in stored.coords:
        name = np.atleast_1d(stored["source_file"].values)[0]
    return _curve(bench, bench.history[number], None if name is None else str(name))


def _curve(bench: Bench, step: Step, name: str | None) -> xr.Dataset:
    path = bench.finder.file(name or "of the curve", step.inputs)
    wanted: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in step.settings.items()
    }
    curve = read_profile(path, **wanted)
    # The file may have another name now.
    return curve if name is None else curve.assign_attrs(source_file=name)


def _join(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    """Read the other files of a series of curves as the first was read."""
    curves = [data]
    names = np.atleast_1d(bench.stored["source_file"].values)
    for name, history in zip(names[1:], bench.history[number].settings["others"], strict=True):
        first = Step(**history[0]) if history else None
        if first is None or len(history) != 1 or first.step != "read_profile":
            raise RefusedError(
                f"the curve {str(name)!r} of the series was not read from a file as it is",
                hint="join curves as read_profile gives them: read_profiles",
            )
        curves.append(_curve(bench, first, str(name)))
    return join_profiles(curves)


def _given(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    """Take a curve that was made of arrays from a stored result, where the next step names it."""
    step = bench.history[number]
    following = bench.history[number + 1].inputs if number + 1 < len(bench.history) else ()
    for digest in following:
        found = bench.finder.result(digest)
        if found is not None:
            return found
    raise RefusedError(
        f"the curve was given to xrdkit.{step.step} as arrays, which no file holds",
        hint="save the profile beside the result, or read the curve from its file",
    )


def _correct(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    step = bench.history[number]
    again = correction(step, data, bench.history, bench.finder)
    return correct(data, [again])


def _average(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    settings = bench.history[number].settings
    members, groups = settings["frames"], settings["groups"]
    kept = np.zeros(data.sizes[FRAME], dtype=bool)
    kept[[k for member in members for k in member]] = True
    if isinstance(groups, list):
        labels: list[Any] = [None] * kept.size
        for label, member in zip(groups, members, strict=True):
            for k in member:
                labels[k] = label
        first = next(label for label in labels if label is not None)
        groups = [first if label is None else label for label in labels]
    return average(data, groups=groups, keep=kept)


def _cuts(data: xr.Dataset, digests: Sequence[str]) -> list[int]:
    """Return where frames were cut into blocks: the contents of the blocks are known by digest.

    Where the blocks are not found (other software may change the last digits of a profile) they
    are taken to be of equal length, as a run cuts them.
    """
    count = data.sizes[FRAME]
    length = -(-count // len(digests))
    cuts = [0]
    for digest in digests:
        low = cuts[-1]
        guesses = dict.fromkeys([low + length, *range(low + 1, count + 1)])
        fits = (
            high
            for high in guesses
            if high <= count and content_sha256(data.isel({FRAME: slice(low, high)})) == digest
        )
        high = next(fits, None)
        if high is None:
            break
        length = high - low
        cuts.append(high)
    if cuts[-1] == count:
        return cuts
    length = -(-count // len(digests))
    return [*range(0, count, length), count]


def _merge(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    """Find the merged profiles as stored results, do each again, and merge them."""
    step = bench.history[number]
    profiles = []
    for name, digest in zip(step.settings["names"], step.inputs, strict=True):
        stored = _stored(bench, digest, f"the merged profile {name!r}")
        one = replace(bench, stored=stored, history=steps(stored), taken=(), cuts={})
        profiles.append(do_steps(one))
        bench.taken += one.taken
    wanted = {k: v for k, v in step.settings.items() if k != "others"}
    return merge(profiles, **wanted)


def _with_mask(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    shape = (data.sizes["y"], data.sizes["x"])
    records = bench.history[number].settings["masks"]
    masks = [np.asarray(_array(bench.finder, "mask", record, shape)) for record in records]
    return with_mask(data, *masks)


def _interval(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    return counting_interval(data, **bench.history[number].settings)


def _texture(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    return texture(data, **bench.history[number].settings)


def _quality(bench: Bench, number: int, data: xr.Dataset) -> xr.Dataset:
    return frame_quality(data, **bench.history[number].settings)


#: Name of a step -> what does it again.
HANDLERS: dict[str, Handler] = {
    "choose_calibration": _told,
    "load_instrument": _told,
    "open_frames": _open,
    "integrate": _integrate,
    "cake": _integrate,
    "grazing_map": _grazing,
    "grazing_cut": _grazing,
    "refine_phases": _refine,
    **dict.fromkeys(PHASE_STEPS, _of_phases),
    "absolute_fractions": _absolute,
    "warren_averbach": _columns,
    **dict.fromkeys(SAXS_STEPS, _of_saxs),
    "average": _average,
    "with_mask": _with_mask,
    "counting_interval": _interval,
    "texture": _texture,
    "frame_quality": _quality,
    "merge": _merge,
    "read_profile": _read,
    "join_profiles": _join,
    "profile": _given,
    "pattern": _given,
    _CORRECT: _correct,
}
