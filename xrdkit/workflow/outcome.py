"""What became of a piece of work."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xrdkit.errors import ComputeError, InputError, RefusedError, XrdkitError


@dataclass(frozen=True)
class Done:
    """A file was made."""

    path: Path
    """The file."""
    digest: str
    """SHA-256 of its content: of the Dataset for results, of the file for the report."""
    label: str = ""
    """Label of the detector; empty for the report."""
    product: str = ""
    """``"profile"``, ``"quality"``, ``"phases"``, ``"sizes"``, ``"model"`` or ``"report"``."""
    frames: int = 0
    """Frames in it."""
    block: int | None = None
    """Number of the block of frames; None for a result of the whole run."""
    flagged: tuple[int, ...] | None = None
    """Of ``"quality"``: the frames that are flagged."""


@dataclass(frozen=True)
class Failed:
    """A frame, or a file of the run, gave no result; the others are not touched by that."""

    code: str
    """Stable identifier of the error, such as ``"XRK-F002"``."""
    message: str
    """What and where."""
    hint: str | None = None
    """What to do."""
    label: str = ""
    """Label of the detector."""
    product: str = ""
    """What was to be made."""
    frame: int | None = None
    """Number of the frame within the series of the detector."""
    block: int | None = None
    """Number of the block of frames."""
    again: bool = False
    """Whether a rerun tries it again: the fault may lie in the machine, not in the data."""


@dataclass(frozen=True)
class Skipped:
    """Nothing was to be done."""

    reason: str
    """Why."""
    path: Path | None = None
    """The file that was there already."""
    digest: str = ""
    """SHA-256 of its content, as for `Done`."""
    label: str = ""
    """Label of the detector."""
    product: str = ""
    """What is in it."""
    frames: int = 0
    """Frames in it."""
    block: int | None = None
    """Number of the block of frames; None for a result of the whole run."""
    flagged: tuple[int, ...] | None = None
    """As for `Done`."""


Outcome = Done | Failed | Skipped
_KINDS: dict[str, type[Outcome]] = {"done": Done, "failed": Failed, "skipped": Skipped}


def failed(
    exc: BaseException,
    *,
    label: str,
    product: str = "",
    frame: int | None = None,
    block: int | None = None,
) -> Failed:
    """Return the outcome for an exception of any kind."""
    if isinstance(exc, XrdkitError):
        where = "" if exc.source is None else f"{exc.source}: "
        return Failed(
            exc.code,
            f"{where}{exc.message}",
            exc.hint,
            label=label,
            product=product,
            frame=frame,
            block=block,
            again=not isinstance(exc, InputError | ComputeError | RefusedError),
        )
    return Failed(
        XrdkitError.code,
        f"unexpected {type(exc).__name__}: {exc}",
        "this is a fault of xrdkit or of a library: please report it",
        label=label,
        product=product,
        frame=frame,
        block=block,
        again=True,
    )


def to_plain(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as plain values for JSON, with its kind under ``outcome``."""
    kind = next(name for name, cls in _KINDS.items() if isinstance(outcome, cls))
    values = {k: v for k, v in asdict(outcome).items() if v is not None}
    if "path" in values:
        values["path"] = str(values["path"])
    return {"outcome": kind, **values}


def from_plain(values: dict[str, Any]) -> Outcome:
    """Return the outcome that `to_plain` wrote."""
    fields = {k: v for k, v in values.items() if k != "outcome"}
    if "path" in fields:
        fields["path"] = Path(fields["path"])
    return _KINDS[values["outcome"]](**fields)
