"""Whether a store of calibrations is whole, and whether an instrument moved between its dates."""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xrdkit.calibration import CalibrationDifference, CalibrationVerdict, load_mask
from xrdkit.calibration.drift import compare_calibrations
from xrdkit.errors import XrdkitError
from xrdkit.workflow.calibrations import StoredCalibration, load_stored, stored_folders

#: Chance of such a difference, without any drift, below which an instrument is said to have moved.
MOVED = 1e-3
_UNITS = {
    "direct_distance": (1e3, "mm"),
    "beam_center_x": (1.0, "pixel"),
    "beam_center_y": (1.0, "pixel"),
    "rot1": (1.0, "degree"),
    "rot2": (1.0, "degree"),
    "wavelength": (1.0, "Å"),
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a check found in a folder of the store."""

    folder: Path
    """The folder."""
    level: Literal["error", "warning"]
    """``"error"``: it must not be used. ``"warning"``: look at it."""
    text: str
    """What was found."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How a calibration differs from the one before it."""

    before: StoredCalibration
    """The earlier one."""
    after: StoredCalibration
    """The later one."""
    difference: CalibrationDifference
    """`after` less `before`, with standard errors and the significance of each number."""

    @property
    def moved(self) -> bool:
        """Whether the two differ by more than their errors: by chance in less than 1 of 1000."""
        return self.difference.probability < MOVED

    def text(self) -> str:
        """Return dates and differences with errors in one line, the most significant first."""
        parts = []
        for name, (scale, unit) in _UNITS.items():
            each = getattr(self.difference, name)
            if each.value != 0.0:
                said = f"{name.replace('_', ' ')} {scale * each.value:+.4g}"
                said += f" ± {scale * each.sigma:.2g} {unit} ({each.significance:.1f} σ)"
                parts.append((each.significance, said))
        dates = f"{self.before.record.measured} to {self.after.record.measured}"
        listed = ", ".join(said for _, said in sorted(parts, key=lambda p: -p[0]))
        return f"{dates}: {listed or 'no difference'}"


def calibration_drift(root: str | Path, instrument: str) -> tuple[Drift, ...]:
    """Return how each accepted calibration of an instrument differs from the one before it.

    Errors are those of the fits: counting and scatter along the rings, not pixel size or
    wavelength. Folders that cannot be read are left out (`check_calibrations` names them). Raises
    SpecError where two are not of one detector, StoreError where `root` is no folder.
    """
    stored = []
    for folder in stored_folders(root, instrument):
        try:
            found = load_stored(folder)
        except XrdkitError:
            continue
        if found.record.verdict is CalibrationVerdict.ACCEPTED:
            stored.append(found)
    return tuple(
        Drift(
            before=a,
            after=b,
            difference=compare_calibrations(a.calibration, b.calibration),
        )
        for a, b in itertools.pairwise(stored)
    )


def check_calibrations(root: str | Path) -> tuple[Finding, ...]:
    """Return what is wrong in a store: nothing where it is whole, accepted and did not move.

    Errors: files missing, changed (SHA-256) or unreadable, a folder that is not of its record, a
    shape of geometry or mask that is not that of the frames. Warnings: a verdict other than
    accepted, a mask that leaves out nothing or more than half, what a stopped writer left,
    neighbours in time that differ by more than their errors. Raises StoreError where `root` is no
    folder.
    """
    findings: list[Finding] = []
    names = []
    for folder in stored_folders(root):
        names.append(folder.parent.name)
        try:
            stored = load_stored(folder)
            findings += _of_one(stored)
        except XrdkitError as exc:
            findings.append(Finding(folder=folder, level="error", text=str(exc)))
    findings += [
        Finding(folder=stray, level="warning", text="left by a writer that was stopped: remove it")
        for stray in sorted(Path(root).glob("*/.*.partial"))
    ]
    for name in dict.fromkeys(names):
        try:
            drifts = calibration_drift(root, name)
        except XrdkitError as exc:
            findings.append(Finding(folder=Path(root) / name, level="error", text=str(exc)))
            continue
        findings += [
            Finding(folder=d.after.folder, level="warning", text=f"moved: {d.text()}")
            for d in drifts
            if d.moved
        ]
    return tuple(findings)


def _of_one(stored: StoredCalibration) -> list[Finding]:
    record, detector = stored.record, stored.calibration.detector
    instrument, folder = stored.instrument, stored.folder
    errors, warnings = [], []
    if (record.instrument, record.measured.isoformat()) != (folder.parent.name, folder.name):
        errors.append(f"the record is of {record.instrument} {record.measured}")
    for what, shape in (("geometry", detector.shape), ("instrument", instrument.shape)):
        if shape != record.frame_shape:
            errors.append(f"{what} of {shape} pixels, frames of {record.frame_shape}")
    if (detector.name, detector.orientation) != (instrument.detector, instrument.orientation):
        errors.append("geometry and instrument name different detectors or orientations")
    if stored.mask_path is not None:
        share = float((load_mask(stored.mask_path, shape=record.frame_shape).values > 0).mean())
        if not 0.0 < share < 0.5:
            warnings.append(f"the mask leaves out {share:.0%} of the pixels")
    if record.verdict is not CalibrationVerdict.ACCEPTED:
        warnings.append(f"{record.verdict.value}: {'; '.join(record.reasons)}")
    if stored.calibration.covariance is None:
        warnings.append("the geometry has no errors, so no drift can be told")
    return [
        *(Finding(folder=folder, level="error", text=text) for text in errors),
        *(Finding(folder=folder, level="warning", text=text) for text in warnings),
    ]
