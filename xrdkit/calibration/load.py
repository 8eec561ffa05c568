"""Reading and writing the geometry of an instrument, whatever program it is from."""

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Literal

from xrdkit.atomic import write_file
from xrdkit.calibration.formats.facts import (
    Given,
    agreed_wavelength,
    complete,
    given_detector,
    stored_for_export,
)
from xrdkit.calibration.formats.fit2d import fit2d_text, is_fit2d, read_fit2d
from xrdkit.calibration.formats.gsas import gsas_text, is_gsas, read_gsas
from xrdkit.calibration.formats.nexus import is_hdf5, load_nexus
from xrdkit.calibration.formats.nika import is_nika, nika_text, read_nika
from xrdkit.calibration.formats.pose import as_stored, from_stored
from xrdkit.calibration.formats.pose import transposed as with_axes_swapped
from xrdkit.calibration.poni import poni_text, read_poni, say_unusual_distance
from xrdkit.calibration.result import CalibrationResult, CalibrationVerdict
from xrdkit.calibration.text import read_text
from xrdkit.errors import CalibrationError, CalibrationRejected, CalibrationSyntax, SpecError
from xrdkit.files import read_at_most
from xrdkit.geometry import Calibration, Detector

GeometryFormat = Literal["poni", "dioptas", "fit2d", "gsas", "nika", "nexus"]
_READ: tuple[str, ...] = ("poni", "dioptas", "fit2d", "gsas", "nika", "nexus")
_WRITTEN: tuple[str, ...] = ("poni", "dioptas", "fit2d", "gsas", "nika")
#: Formats in which a file says what it is worth.
_SAYING = ("poni", "dioptas")
_FOREIGN = {"fit2d": read_fit2d, "gsas": read_gsas, "nika": read_nika}
_NOTE_FOR_DIOPTAS = "# xrdkit: of the frame turned upside down for Dioptas, from orientation "
_FOR_DIOPTAS = re.compile(rf"^{_NOTE_FOR_DIOPTAS}([1-4])\s*$", re.MULTILINE)
_PONI1 = re.compile(r"^\s*poni1\s*:", re.MULTILINE | re.IGNORECASE)
_SAME_PIXEL = 1e-6
_PONI = re.compile(r"^\s*(poni_version|poni1|poni2|rot1)\s*:", re.MULTILINE | re.IGNORECASE)


def load_calibration(
    path: str | Path,
    *,
    wavelength: float | None = None,
    detector: Detector | str | None = None,
    orientation: int | None = None,
    transposed: bool = False,
    format: GeometryFormat | None = None,  # noqa: A002 - the field's word for it
) -> Calibration:
    """Return the geometry in a file of pyFAI, Dioptas, Fit2D, GSAS-II, Nika or NeXus.

    The format is recognised by content, except that of Dioptas, whose PONI files look like those
    of pyFAI. PONI files are read in version 1, 2, 2.1 and 3, orientation included; pyFAI appends
    to a file that exists, so that one file may hold several records: the last complete one counts,
    and a warning in the log "xrdkit" says so. Files of xrdkit carry the covariance of the geometry
    in a comment. What the other formats mean is told in the modules of
    `xrdkit.calibration.formats`.

    Args:
        path: the file.
        wavelength: ångström, where the file does not say it. Both saying another is refused.
        detector: detector or its name in pyFAI's list, where the file has no pixel size or shape.
        orientation: how rows and columns of the stored frame run against the axes of the file's
            program, 1 to 4 as in pyFAI; 2 for programs that turn frames upside down. Default: what
            the file says, else 3 (as they are stored).
        transposed: the program calls rows x and columns y (Nika with HDF5 frames).
        format: "poni", "dioptas", "fit2d", "gsas", "nika" or "nexus"; "dioptas" is a PONI file
            for frames turned upside down, orientation 2; those written here say so themselves.

    Raises CalibrationSyntax where the file cannot be read, says nothing of what is not given, or
    contradicts it; CalibrationImplausible for a value that no instrument has (NaN, zero or negative
    distance, ångström or millimetre for metre); SpecError for an unknown `format` or
    `orientation`. Errors name the file and, in text, the line and the key.
    """
    if format is not None and format not in _READ:
        raise SpecError(f"no geometry format {format!r}", hint=f"one of {', '.join(_READ)}")
    if orientation not in (None, 1, 2, 3, 4):
        raise SpecError(f"orientation {orientation!r} is not 1 to 4")
    if wavelength is not None and not (0.01 <= wavelength <= 10.0 and math.isfinite(wavelength)):
        raise SpecError(f"wavelength {wavelength} Å is outside 0.01 to 10 Å")
    given = Given(
        wavelength=wavelength, detector=detector, orientation=orientation, transposed=transposed
    )
    source = str(path)
    if format in (None, "nexus") and _begins_as_hdf5(path):
        return load_nexus(Path(path), given)
    text = read_text(path)
    if format == "nexus":
        raise CalibrationSyntax("is not an HDF5 file", source=source)
    kind = _kind(text) if format is None else format
    if kind in _FOREIGN:
        found = complete(_FOREIGN[kind](text, source), given, source)
        say_unusual_distance(found, source)
        return found
    noted = _FOR_DIOPTAS.findall(text) if format in (None, "dioptas") else []
    if (kind == "dioptas" or noted) and orientation is None:
        given = replace(given, orientation=2)
    try:
        found = _poni(text, source, given)
        # Written here and not appended to since: the frame as it was before it was turned.
        if len(noted) == 1 == len(_PONI1.findall(text)) and orientation is None and not transposed:
            found = from_stored(as_stored(found), int(noted[0]))
        return found
    except CalibrationError as exc:
        raise type(exc)(exc.message, source=source, hint=exc.hint) from exc


def save_calibration(
    calibration: Calibration | CalibrationResult,
    path: str | Path,
    *,
    format: GeometryFormat = "poni",  # noqa: A002 - the field's word for it
    force: bool = False,
) -> Path:
    """Write `calibration` in the format of a program and return its path.

    `format` "poni" is version 2.1 with orientation and covariance. The others hold the geometry of
    the frame as it is stored, whatever the orientation (every pixel keeps its 2θ; with orientation
    2 and 4 azimuths run the other way), without covariance: "dioptas" a PONI file for the frame
    turned upside down, as Dioptas reads it; "gsas" image controls of GSAS-II; "fit2d" and "nika"
    the numbers of these programs as text. A comment in them lets `load_calibration` return what
    was saved.

    Of the result of `calibrate` a PONI file says the verdict and the reasons in a comment, and
    `load_calibration` warns of it. A rejected one is written with `force` alone.

    The file is replaced in one step: a reader sees the old or the new one. Raises
    CalibrationRejected for a rejected result without `force`, and with it in a format that cannot
    say so; SpecError for another format, CalibrationSyntax where a format needs the shape of the
    detector or cannot hold the geometry, StoreFull where no space is left, LinkRefused where `path`
    is a symbolic link, StoreError where it cannot be written.
    """
    target = Path(path)
    if format not in _WRITTEN:
        raise SpecError(f"no format {format!r} to write", hint=f"one of {', '.join(_WRITTEN)}")
    verdict = ""
    if isinstance(calibration, CalibrationResult):
        verdict = _said(calibration, target, format, force=force)
        calibration = calibration.calibration
    if format == "fit2d":
        content = fit2d_text(calibration, str(target))
    elif format == "gsas":
        content = gsas_text(calibration, str(target))
    elif format == "nika":
        content = nika_text(calibration, str(target))
    elif format == "dioptas":
        content = poni_text(_upside_down(calibration, str(target)), verdict=verdict)
        content += f"{_NOTE_FOR_DIOPTAS}{calibration.detector.orientation}\n"
    else:
        content = poni_text(calibration, verdict=verdict)
    write_file(target, content.encode(), overwrite=True)
    return target


def _said(result: CalibrationResult, target: Path, form: str, *, force: bool) -> str:
    """Return what a file says of the worth of a result; refuse one that must not be used."""
    reasons = "; ".join(result.reasons)
    if result.verdict is CalibrationVerdict.REJECTED and not (force and form in _SAYING):
        raise CalibrationRejected(
            f"is rejected and is not written: {reasons}",
            source=target,
            hint=f"force=True writes it nevertheless, as {' or '.join(_SAYING)}",
        )
    return ": ".join(part for part in (result.verdict.value, reasons) if part)


def _begins_as_hdf5(path: str | Path) -> bool:
    try:
        return is_hdf5(read_at_most(path, 8))
    except OSError:
        return False  # what is wrong is said where the text is read


def _kind(text: str) -> str:
    if _PONI.search(text):
        return "poni"
    if is_gsas(text):
        return "gsas"
    if is_nika(text):
        return "nika"
    return "fit2d" if is_fit2d(text) else "poni"


def _poni(text: str, source: str, given: Given) -> Calibration:
    """Return the geometry of a PONI file with what is given besides."""
    found = read_poni(text, source, wavelength=given.wavelength)
    agreed_wavelength(found.wavelength, given)
    own = found.detector
    named = given_detector(given)
    if named is not None:
        for name in ("pixel_size_y", "pixel_size_x"):
            if not math.isclose(getattr(named, name), getattr(own, name), rel_tol=_SAME_PIXEL):
                raise CalibrationSyntax(
                    f"{name} is {getattr(own, name):g} m in the file,"
                    f" {getattr(named, name):g} m in the detector given"
                )
        if None not in (named.shape, own.shape) and named.shape != own.shape:
            raise CalibrationSyntax(f"detector of {own.shape} pixels, {named.shape} are given")
        whole = named if named.shape is not None else replace(named, shape=own.shape)
        keep = given.orientation is None and not isinstance(given.detector, Detector)
        found = replace(
            found, detector=replace(whole, orientation=own.orientation) if keep else whole
        )
    elif given.orientation is not None:
        found = replace(found, detector=replace(own, orientation=given.orientation))
    return with_axes_swapped(found) if given.transposed else found


def _upside_down(calibration: Calibration, target: str) -> Calibration:
    """Return the geometry of the frame with its rows in reverse order, as Dioptas has it."""
    stored = stored_for_export(calibration, target)
    try:
        turned = from_stored(stored, 2)
    except CalibrationError as exc:
        raise type(exc)(exc.message, source=target, hint=exc.hint) from exc
    return replace(turned, detector=replace(turned.detector, orientation=3))
