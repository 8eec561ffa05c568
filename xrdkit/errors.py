"""Every error that xrdkit raises on purpose.

XrdkitError                       .code .source .frame .hint
├─ InputError                     something that was handed in cannot be used
│   ├─ FrameError (OSError)           a detector frame file
│   │   ├─ FrameNotFound              no such file, or not a regular file
│   │   ├─ FrameTruncated             fewer bytes, or fewer frames, than the file declares
│   │   ├─ FrameCorrupt               bytes that contradict each other
│   │   ├─ FrameFormatUnknown         no reader knows this file
│   │   └─ FrameShapeMismatch         frames, masks, darks or detectors of unequal shape
│   ├─ CalibrationError (ValueError)  the geometry of the instrument
│   │   ├─ CalibrationSyntax          a geometry file that cannot be read
│   │   ├─ CalibrationImplausible     a value outside what any instrument has
│   │   └─ CalibrationRejected        a refinement that must not be used
│   ├─ CurveError (ValueError)        a 1D curve file or array
│   ├─ StructureError (ValueError)    a crystal structure or CIF
│   ├─ SpecError (ValueError)         a setting of a verb outside its range
│   ├─ RecipeError (ValueError)       a recipe that cannot be run
│   └─ SchemaError (ValueError)       a Dataset that is not what its schema says
├─ RefusedError                   understood, and not done
│   ├─ LimitExceeded                  more bytes, pixels or frames than allowed
│   └─ LinkRefused                    a link, or storage outside a file or its folder
├─ ComputeError                   the numbers do not allow an answer
│   ├─ EmptyResult                    no valid pixel or point is left
│   ├─ IntegrationFailed
│   ├─ CorrectionFailed
│   └─ FitFailed
└─ StoreError (OSError)           a result file
    ├─ StoreFull                      no space left
    ├─ StoreLocked                    another run is writing here
    ├─ ResultCorrupt                  digest or schema does not match the content
    └─ ResultExists                   would overwrite a result
"""

from typing import Any


class XrdkitError(Exception):
    """Base of all errors of this package.

    `code` is a stable identifier such as ``"XRK-F002"``; `source` names the file, `frame` the
    frame number within it, and `hint` what the user can do. All of them are part of the message.
    """

    code = "XRK-0000"

    def __init__(
        self,
        message: str,
        *,
        source: object | None = None,
        frame: int | None = None,
        hint: str | None = None,
    ) -> None:
        self.message = message
        self.source = None if source is None else str(source)
        self.frame = frame
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        where = [] if self.source is None else [self.source]
        if self.frame is not None:
            where.append(f"frame {self.frame}")
        text = f"{', '.join(where)}: {self.message}" if where else self.message
        return text if self.hint is None else f"{text} ({self.hint})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions cross process borders in the batch runner; keyword-only fields need help.
        return _rebuild, (type(self), self.message, self.source, self.frame, self.hint)


def _rebuild(
    kind: type[XrdkitError],
    message: str,
    source: str | None,
    frame: int | None,
    hint: str | None,
) -> XrdkitError:
    return kind(message, source=source, frame=frame, hint=hint)


class InputError(XrdkitError):
    """Something that was handed in cannot be used."""

    code = "XRK-I000"


class FrameError(InputError, OSError):
    """A detector frame file cannot be used."""

    code = "XRK-F000"


class FrameNotFound(FrameError):
    """No such file, or not a regular file."""

    code = "XRK-F001"


class FrameTruncated(FrameError):
    """Fewer bytes, or fewer frames, than the file declares."""

    code = "XRK-F002"


class FrameCorrupt(FrameError):
    """The bytes of a frame contradict each other."""

    code = "XRK-F003"


class FrameFormatUnknown(FrameError):
    """No reader knows this file."""

    code = "XRK-F004"


class FrameShapeMismatch(FrameError):
    """Frames, masks, darks or detectors of unequal shape."""

    code = "XRK-F005"


class CalibrationError(InputError, ValueError):
    """The geometry of the instrument cannot be used."""

    code = "XRK-C000"


class CalibrationSyntax(CalibrationError):
    """A geometry file that cannot be read."""

    code = "XRK-C001"


class CalibrationImplausible(CalibrationError):
    """A geometry value outside what any instrument has."""

    code = "XRK-C002"


class CalibrationRejected(CalibrationError):
    """A geometry refinement that must not be used.

    `result` is what was found nevertheless, to be looked at, never to be used; None where nothing
    was, and once the error has crossed to another process.
    """

    code = "XRK-C003"
    result: Any = None


class CurveError(InputError, ValueError):
    """A 1D curve file or array cannot be used."""

    code = "XRK-D001"


class StructureError(InputError, ValueError):
    """A crystal structure cannot be used."""

    code = "XRK-P001"


class SpecError(InputError, ValueError):
    """A setting of a verb is outside its range."""

    code = "XRK-V001"


class RecipeError(InputError, ValueError):
    """A recipe cannot be run."""

    code = "XRK-R001"


class SchemaError(InputError, ValueError):
    """A Dataset is not what its schema says."""

    code = "XRK-S001"


class RefusedError(XrdkitError):
    """Understood, and not done."""

    code = "XRK-N000"


class LimitExceeded(RefusedError):
    """More bytes, pixels or frames than allowed."""

    code = "XRK-N001"


class LinkRefused(RefusedError):
    """A link, or storage outside a file or its folder."""

    code = "XRK-N003"


class ComputeError(XrdkitError):
    """The numbers do not allow an answer."""

    code = "XRK-K000"


class EmptyResult(ComputeError):
    """No valid pixel or point is left."""

    code = "XRK-K001"


class IntegrationFailed(ComputeError):
    """Azimuthal integration cannot give a result."""

    code = "XRK-K002"


class CorrectionFailed(ComputeError):
    """A correction cannot be applied."""

    code = "XRK-K003"


class FitFailed(ComputeError):
    """A fit cannot be set up or ended in numbers that mean nothing."""

    code = "XRK-K004"


class StoreError(XrdkitError, OSError):
    """A result file cannot be written or read."""

    code = "XRK-W000"


class StoreFull(StoreError):
    """No space is left for a result."""

    code = "XRK-W001"


class StoreLocked(StoreError):
    """Another run is writing here."""

    code = "XRK-W002"


class ResultCorrupt(StoreError):
    """Digest or schema does not match the content of a result file."""

    code = "XRK-W003"


class ResultExists(StoreError):
    """A result would be overwritten."""

    code = "XRK-W004"
