"""The frames of a stored result, opened again: the same files, the same frames, their values."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import xarray as xr

from xrdkit.errors import InputError, RefusedError, XrdkitError
from xrdkit.frames import open_frames
from xrdkit.provenance import Step, steps
from xrdkit.schema import FRAME
from xrdkit.workflow.replay_inputs import InputFinder

_PART = "::"
#: Coordinates that say which frame it is; all others are values of it.
_NAMES = ("frame", "source_file", "file_frame", "written")


def reopened(
    step: Step, stored: xr.Dataset, finder: InputFinder, *, added: bool = False
) -> tuple[xr.Dataset, tuple[str, ...]]:
    """Return the frames that `stored` was made of, and the coordinates taken from `stored`.

    Files are found by `finder`, frames by the coordinates ``source_file`` and ``file_frame`` of
    `stored`. Coordinates that `stored` carries and the files do not, or not with these values (a
    table of conditions, a monitor given by hand), are taken from it and named. Where frames were
    `added` to one another later, all frames of the files are returned as they are. Raises
    InputError for a file that is missing or has changed, RefusedError where the frames cannot be
    told, or a setting is not known.
    """
    unknown = sorted(set(step.settings) - {"files", "parts", "reader", "sentinels", "stated"})
    if unknown:
        raise RefusedError(
            f"open_frames has no {', '.join(unknown)} here: the result was made by xrdkit "
            f"{step.version}"
        )
    names = [str(name) for name in step.settings["files"]]
    reader = step.settings.get("reader")
    known = _digests(names, step.inputs)
    paths = {name: finder.file(name, known[name]) for name in dict.fromkeys(names)}
    named = dict(part.split(_PART, 1) for part in step.settings.get("parts", ()))
    places = {n: f"{p}{_PART}{named[n]}" if n in named else str(p) for n, p in paths.items()}
    parts = _masters(places, reader)
    data = open_frames(
        [places[name] for name in parts],
        reader=reader,
        sentinels=step.settings.get("sentinels") or None,
        stated=step.settings.get("stated") or None,
    )
    _check_all_known(data, step, finder)
    labels = np.repeat(list(parts), [part.sizes[FRAME] for part in parts.values()])
    data = data.assign_coords(source_file=(FRAME, labels, data["source_file"].attrs))
    if added:
        return data, ()
    data = data.isel({FRAME: _places(data, stored)})
    return _with_values_of(stored, data)


def _digests(names: list[str], inputs: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return which digests a file of each name may have."""
    if len(names) == len(inputs) and len(set(names)) == len(names):
        return {name: (digest,) for name, digest in zip(names, inputs, strict=True)}
    # Joined blocks list equal names and equal files once: any of the digests will do.
    return dict.fromkeys(names, inputs)


def _masters(places: dict[str, str], reader: str | None) -> dict[str, xr.Dataset]:
    """Return the files that were named when they were opened, not linked from another."""
    paths = {name: Path(place.split(_PART, 1)[0]) for name, place in places.items()}
    opened: dict[str, xr.Dataset] = {}
    failed: dict[str, XrdkitError] = {}
    linked: set[str] = set()
    for name, place in places.items():
        try:
            opened[name] = open_frames(place, reader=reader)
        except XrdkitError as exc:
            failed[name] = exc
            continue
        linked.update(steps(opened[name])[-1].settings["files"][1:])
    for name, error in failed.items():
        if paths[name].name not in linked:
            raise error
    return {name: data for name, data in opened.items() if paths[name].name not in linked}


def _check_all_known(data: xr.Dataset, step: Step, finder: InputFinder) -> None:
    now = steps(data)[-1]
    for name, digest in zip(now.settings["files"], now.inputs, strict=True):
        if digest not in step.inputs:
            raise InputError(
                "has changed since the result was made, or was not part of it",
                source=name,
                hint=f"replay needs the file as it was; it was looked for in {finder.places()}",
            )


def _places(data: xr.Dataset, stored: xr.Dataset) -> list[int]:
    """Return the positions in `data` of the frames of `stored`, in their order."""
    count = stored.sizes.get(FRAME, 1)
    if "source_file" not in stored.coords or "file_frame" not in stored.coords:
        if data.sizes[FRAME] == count:
            return list(range(count))
        raise RefusedError(
            f"the result does not say which of {data.sizes[FRAME]} frames it was made of",
            hint="keep the coordinates source_file and file_frame",
        )
    where: dict[tuple[str, int], list[int]] = defaultdict(list)
    for k, key in enumerate(_keys(data)):
        where[key].append(k)
    wanted = _keys(stored)
    seen: dict[tuple[str, int], int] = defaultdict(int)
    places = []
    for key in wanted:
        if key not in where:
            raise RefusedError(f"frame {key[1]} of {key[0]!r} is not in the files of the result")
        found = where[key]
        if len(found) > 1 and wanted.count(key) != len(found):
            raise RefusedError(f"several files are called {key[0]!r}: the frames cannot be told")
        places.append(found[min(seen[key], len(found) - 1)])
        seen[key] += 1
    return places


def _keys(data: xr.Dataset) -> list[tuple[str, int]]:
    names = np.atleast_1d(data["source_file"].values).tolist()
    numbers = np.atleast_1d(data["file_frame"].values).tolist()
    return [(str(name), int(number)) for name, number in zip(names, numbers, strict=True)]


def _with_values_of(stored: xr.Dataset, data: xr.Dataset) -> tuple[xr.Dataset, tuple[str, ...]]:
    framed = FRAME in stored.dims
    taken: list[str] = []
    for key, coordinate in stored.coords.items():
        name = str(key)
        if coordinate.dims not in ((FRAME,), ()):
            continue
        one_each = framed or name in data.coords
        dims = (FRAME,) if one_each and (coordinate.dims == (FRAME,) or not framed) else ()
        values = coordinate.values if dims == coordinate.dims else np.atleast_1d(coordinate.values)
        if name in data.coords and _equal(np.asarray(data[name].values), np.asarray(values)):
            continue
        data = data.assign_coords({name: (dims, values, coordinate.attrs)})
        taken += [name] if name not in _NAMES else []
    if framed:
        extra = [n for n, c in data.coords.items() if c.dims == (FRAME,) and n not in stored.coords]
        data = data.drop_vars(extra)
    return data, tuple(taken)


def _equal(a: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]", b: object) -> bool:
    other = np.asarray(b)
    if a.shape != other.shape:
        return False
    if a.dtype.kind in "OSUT" or other.dtype.kind in "OSUT":
        return bool(a.astype(str).tolist() == other.astype(str).tolist())
    return bool(np.array_equal(a, other, equal_nan=a.dtype.kind == "f"))
