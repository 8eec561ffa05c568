"""What was done to get a result: a list of steps in one attribute, and digests of content."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.canonical import canonical_json, plain, sha256_array
from xrdkit.errors import FrameNotFound, SchemaError
from xrdkit.files import file_sha256

ATTRIBUTE = "provenance"
_WHOLE_FILE = 64 * 2**20
_SAMPLE = 2**20


@dataclass(frozen=True, kw_only=True)
class Step:
    """One verb with all that decides its outcome: no clock, host or user."""

    step: str
    """Name of the verb."""
    version: str
    """Version of this package."""
    settings: Mapping[str, Any]
    """Settings after defaults were filled in."""
    inputs: tuple[str, ...]
    """SHA-256 of each input, in order."""
    software: Mapping[str, str]
    """Versions of the libraries that computed."""


@cache
def package_version(name: str = "xrdkit") -> str:
    """Return the installed version of a distribution, ``"0+unknown"`` where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "0+unknown"


def append(
    data: xr.Dataset,
    step: str,
    settings: object,
    *,
    inputs: Sequence[str] = (),
    software: Sequence[str] = (),
    history: xr.Dataset | None = None,
) -> xr.Dataset:
    """Return `data` with one more step recorded, after those of `history` (default: its own).

    `settings` is a frozen spec or mapping of plain values; `inputs` are SHA-256 digests; `software`
    are names of distributions whose versions are recorded. `data` is not changed.
    """
    record = Step(
        step=step,
        version=package_version(),
        settings=plain(settings),
        inputs=tuple(inputs),
        software={name: package_version(name) for name in software},
    )
    earlier = [plain(s) for s in steps(data if history is None else history)]
    return data.assign_attrs({ATTRIBUTE: canonical_json([*earlier, plain(record)])})


def steps(data: xr.Dataset) -> list[Step]:
    """Return the recorded steps, oldest first; raise SchemaError if they are unreadable."""
    text = data.attrs.get(ATTRIBUTE, "[]")
    try:
        return [Step(**{**item, "inputs": tuple(item["inputs"])}) for item in json.loads(text)]
    except (TypeError, ValueError, KeyError, RecursionError) as exc:
        raise SchemaError("the provenance attribute cannot be read") from exc


def input_record(value: xr.Dataset | xr.DataArray | NDArray[Any]) -> str | dict[str, Any]:
    """Return what a record says of an array among the settings of a step, such as a dark or mask.

    That is the SHA-256 of its values (of ``counts`` of a FRAMES Dataset); where the files are known
    that it was read from, a mapping of ``sha256``, ``files`` and ``file_sha256``. They are known of
    frames by their step ``open_frames``, of a DataArray by its attributes ``source_file`` and
    ``source_sha256``.
    """
    if isinstance(value, xr.Dataset):
        digest = sha256_array(np.asarray(value["counts"].values))
        opened = [step for step in steps(value) if step.step == "open_frames"]
        if opened:
            names = list(opened[-1].settings["files"])
            return {"sha256": digest, "files": names, "file_sha256": list(opened[-1].inputs)}
        return digest
    digest = sha256_array(np.asarray(value))
    attrs = value.attrs if isinstance(value, xr.DataArray) else {}
    if "source_file" in attrs and "source_sha256" in attrs:
        names, found = [str(attrs["source_file"])], [str(attrs["source_sha256"])]
        return {"sha256": digest, "files": names, "file_sha256": found}
    return digest


def content_sha256(data: xr.Dataset) -> str:
    """Return the SHA-256 over names, dimensions, shape, dtype, units and bytes of every variable.

    Lazy variables are loaded. Attributes other than units do not enter.
    """
    digest = hashlib.sha256()
    for name in sorted(str(n) for n in data.variables):
        variable = data.variables[name]
        values = np.asarray(variable.values)
        if values.dtype.kind in "OSUT":
            values = np.array([str(v) for v in values.ravel()], dtype=object)
            payload = "\0".join(values.tolist()).encode()
            kind = "text"
        else:
            if values.dtype.kind in "mM":
                values = values.astype("datetime64[ns]" if values.dtype.kind == "M" else "m8[ns]")
            little = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False))
            payload, kind = little.tobytes(), little.dtype.str
        head = [name, list(variable.dims), list(variable.shape), kind]
        head.append(str(variable.attrs.get("units", "")))
        digest.update(json.dumps(head).encode())
        digest.update(payload)
    return digest.hexdigest()


def fingerprint(path: str | Path) -> str:
    """Return a digest of a file: its SHA-256 up to 64 MiB, ``"sampled-..."`` above.

    Above, size and 1 MiB at the start, at the end and at 14 places between are hashed, so that
    opening a large stack does not read it. Raises FrameNotFound where the file cannot be read.
    """
    try:
        size = Path(path).stat().st_size
        if size <= _WHOLE_FILE:
            return file_sha256(path)
        with Path(path).open("rb") as stream:
            digest = hashlib.sha256(str(size).encode())
            for k in range(16):
                stream.seek((size - _SAMPLE) * k // 15)
                digest.update(stream.read(_SAMPLE))
    except OSError as exc:
        raise FrameNotFound("cannot be read", source=path) from exc
    return "sampled-" + digest.hexdigest()
