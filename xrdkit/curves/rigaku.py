"""What the two formats of Rigaku's SmartLab have in common: keys, rows and their meaning.

A scan is rows of axis, intensity and attenuator factor under a header of keys. The unit of the
intensity is named by MEAS_SCAN_UNIT_Y ("counts" or "cps"); the speed of a continuous scan gives the
counting time, step / speed; whether intensities are already multiplied by the factor is stated
nowhere, so that scans behind an attenuator are refused.

Source: files of the instruments; the maker publishes no description.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from xrdkit.curves.beam import passes_alpha1_only, tube_lines
from xrdkit.curves.columns import Columns
from xrdkit.curves.counting import Counted, counted
from xrdkit.curves.facts import as_number, facts, iso_time
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.source import Source
from xrdkit.errors import CurveError

#: Axes whose position is the scattering angle.
_TWO_THETA = {
    *("twotheta", "twothetatheta", "twothetaomega", "thetatwotheta", "omegatwotheta"),
    *("2theta", "2thetatheta", "2thetaomega", "theta2theta", "omega2theta"),
}
_PER_SECOND = {"deg/min": 60.0, "deg/sec": 1.0, "deg/s": 1.0}
_COUNTS = {"count", "counts"}
_RATES = {"cps", "counts/s", "counts/sec"}


def scan(
    keys: Mapping[str, str],
    rows: Sequence[tuple[int, str]],
    source: Source,
    *,
    lines: bool,
) -> RawCurve:
    """Return one scan: `keys` without their star, `rows` numbered from 1 in the file.

    `lines` says whether the numbers of the rows are lines of the file itself. Raises CurveError for
    rows that are not two or three numbers, or not as many as MEAS_DATA_COUNT says.
    """
    table = _table(rows, source)
    count = as_number(keys.get("MEAS_DATA_COUNT"))
    if count is not None and count != len(table):
        raise CurveError(
            f"a scan has {len(table)} points, its header declares {count:g}",
            source=source.file,
            hint="the file is truncated; fetch it again",
        )
    axis = keys.get("MEAS_SCAN_AXIS_X") or keys.get("MEAS_SCAN_AXIS_X_INTERNAL", "")
    refused = None
    if re.sub(r"[^0-9a-z]", "", axis.lower()) not in _TWO_THETA:
        refused = f"the scan moves {axis or 'an axis that is not named'} and not 2θ"
    elif keys.get("MEAS_SCAN_UNIT_X", "deg") not in ("deg", "degree"):
        refused = f"its angles are in {keys['MEAS_SCAN_UNIT_X']!r}"
    elif np.any(table[:, 2] != 1):
        first = int(np.argmax(table[:, 2] != 1))
        refused = (
            f"an attenuator of factor {table[first, 2]:g} stands before the detector from"
            f" {table[first, 0]:g} on, and the format does not say whether the intensities are"
            " already multiplied by it"
        )
    unit = keys.get("MEAS_SCAN_UNIT_Y", "").strip().lower()
    time = _time(keys)
    if unit in _RATES or unit in _COUNTS:
        result = counted(table[:, 1], rate=unit in _RATES, time=time)
    else:
        note = f"the file calls the unit of its intensity {unit!r}"
        result = Counted(
            intensity=table[:, 1], sigma=None, unit=None, attrs={"intensity_note": note}
        )
    return RawCurve(
        columns=Columns(
            abscissa=table[:, 0],
            intensity=result.intensity,
            sigma=result.sigma,
            lines=np.array([n for n, _ in rows], dtype=np.int64) if lines else None,
            source=str(source.file),
        ),
        unit="degree",
        intensity_unit=result.unit,
        default_unit="1",
        beam=tube_lines(
            keys.get("HW_XG_TARGET_NAME"),
            keys.get("HW_XG_WAVE_LENGTH_ALPHA1"),
            keys.get("HW_XG_WAVE_LENGTH_ALPHA2"),
            alpha1_only=keys.get("MEAS_COND_XG_WAVE_TYPE") == "Ka1"
            or passes_alpha1_only(keys.get("HW_I_MONOCHRO_NAME", "")),
        ),
        facts=facts(
            sample_name=keys.get("FILE_SAMPLE"),
            start_time=iso_time(keys.get("MEAS_SCAN_START_TIME")),
            anode=keys.get("HW_XG_TARGET_NAME"),
            wavelength_stated=keys.get("HW_XG_WAVE_LENGTH_ALPHA1"),
            tube_voltage=keys.get("MEAS_COND_XG_VOLTAGE"),
            tube_current=keys.get("MEAS_COND_XG_CURRENT"),
            monochromator=_unless_none(keys.get("HW_I_MONOCHRO_NAME")),
            scan_axis=axis,
            exposure_time=time,
            goniometer_radius=keys.get("XG_TO_STAGE"),
        ),
        attrs=result.attrs,
        refused=refused,
    )


def _table(rows: Sequence[tuple[int, str]], source: Source) -> np.ndarray:
    table = []
    for number, line in rows:
        try:
            row = [float(token) for token in line.split()]
        except ValueError:
            row = []
        if len(row) not in (2, 3):
            raise CurveError(
                f"line {number}: {line.strip()[:40]!r} is not angle, intensity and attenuator",
                source=source.file,
            )
        table.append([*row, 1.0][:3])
    return np.array(table, dtype=np.float64).reshape(-1, 3)


def _time(keys: Mapping[str, str]) -> float | None:
    """Return the counting time of a point, s; None where the header does not tell it."""
    speed = as_number(keys.get("MEAS_SCAN_SPEED"))
    unit = keys.get("MEAS_SCAN_SPEED_UNIT", "deg/min").strip().lower()
    if speed is None or speed <= 0:
        return None
    if unit in ("sec", "s", "sec/step"):
        return speed
    step = as_number(keys.get("MEAS_SCAN_STEP"))
    if unit not in _PER_SECOND or step is None or step <= 0:
        return None
    return step / speed * _PER_SECOND[unit]


def _unless_none(text: str | None) -> str | None:
    empty = text is None or text.lower() in ("", "none", "no_unit") or "adaptor" in text.lower()
    return None if empty else text
