"""Rigaku .rasx: a zip archive with, per scan, a table and the measurement conditions in XML.

``Data<i>/Profile<j>.txt`` has rows of axis, intensity and attenuator factor divided by tabs,
``Data<i>/MesurementConditions<j>.xml`` (so spelt) what .ras has as keys, see
`xrdkit.curves.rigaku`.
"""

import re

from xrdkit.curves.archive import MAGIC, Archive, open_archive
from xrdkit.curves.markup import Element, parse, text_of
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.rigaku import scan
from xrdkit.curves.source import Source
from xrdkit.errors import CurveError

_PROFILE = re.compile(r"Data(\d+)/Profile(\d+)\.txt$")
_TUBE = "HWConfigurations/XrayGenerator"
_KEYS = {
    "FILE_SAMPLE": "GeneralInformation/SampleName",
    "HW_XG_TARGET_NAME": f"{_TUBE}/TargetName",
    "HW_XG_WAVE_LENGTH_ALPHA1": f"{_TUBE}/WavelengthKalpha1",
    "HW_XG_WAVE_LENGTH_ALPHA2": f"{_TUBE}/WavelengthKalpha2",
    "MEAS_COND_XG_WAVE_TYPE": f"{_TUBE}/WaveType",
    "MEAS_COND_XG_VOLTAGE": f"{_TUBE}/Voltage",
    "MEAS_COND_XG_CURRENT": f"{_TUBE}/Current",
    "MEAS_SCAN_AXIS_X": "ScanInformation/AxisName",
    "MEAS_SCAN_UNIT_X": "ScanInformation/PositionUnit",
    "MEAS_SCAN_UNIT_Y": "ScanInformation/IntensityUnit",
    "MEAS_SCAN_STEP": "ScanInformation/Step",
    "MEAS_SCAN_SPEED": "ScanInformation/Speed",
    "MEAS_SCAN_SPEED_UNIT": "ScanInformation/SpeedUnit",
    "MEAS_SCAN_START_TIME": "ScanInformation/StartTime",
    "MEAS_DATA_COUNT": "ScanInformation/DataCount",
}


def matches(source: Source) -> bool:
    """Return whether the file is a zip archive with a profile of a .rasx in its directory."""
    return source.content.startswith(MAGIC) and bool(_profiles(open_archive(source)))


def read(source: Source) -> list[RawCurve]:
    """Return the scans of a .rasx file, angles in degree.

    Raises CurveError as `xrdkit.curves.rigaku.scan`, and where a table has no conditions.
    """
    archive = open_archive(source)
    return [_scan(archive, name) for name in _profiles(archive)]


def _profiles(archive: Archive) -> list[str]:
    numbered = []
    for name in archive.members:
        match = _PROFILE.match(name)
        if match:
            numbered.append((int(match[1]), int(match[2]), name))
    return [name for _, _, name in sorted(numbered)]


def _scan(archive: Archive, profile: str) -> RawCurve:
    source = archive.source
    folder, _, table = profile.rpartition("/")
    digits = table.removeprefix("Profile").removesuffix(".txt")
    names = [f"{folder}/{word}Conditions{digits}.xml" for word in ("Mesurement", "Measurement")]
    conditions = next((n for n in names if n in archive.members), None)
    if conditions is None:
        raise CurveError(f"{profile} has no measurement conditions", source=source.file)
    root = parse(archive.read(conditions), source.file, source.limits, member=conditions)
    try:
        text = archive.read(profile).decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise CurveError(f"{profile} is no text", source=source.file) from exc
    rows = [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
    return scan(_keys(root), rows, source, lines=False)


def _keys(root: Element) -> dict[str, str]:
    keys: dict[str, str] = {}
    for pair in root.iter("Pair"):
        words = [node.text or "" for node in pair.findall("string")]
        if len(words) == 2:
            keys[words[0].lstrip("*")] = words[1].strip()
    for key, path in _KEYS.items():
        text = text_of(root, path)
        if text is not None:
            keys[key] = text
    for distance in root.iter("Distance"):
        ends = distance.get("From"), distance.get("To"), distance.get("Unit")
        if ends == ("XrayGenerator", "AttachmentStage", "mm"):
            keys["XG_TO_STAGE"] = distance.get("Value", "")
    return keys
