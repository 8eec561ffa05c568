"""Powder CIF: every block that holds a measured or processed pattern.

Abscissa: _pd_proc_2theta_corrected, _pd_meas_2theta_scan, _pd_meas_2theta_corrected,
_pd_proc_recip_len_Q (1/Å), or _pd_meas/_pd_proc_2theta_range_min, _max, _inc. Intensity, first that
is there: _pd_meas_counts_total (counts, s.u. √N), _pd_meas_intensity_total, _pd_proc_intensity_net,
_pd_proc_intensity_total. Standard uncertainties: in parentheses after a number, 123(11); else
_pd_proc_ls_weight w of processed or total intensities, σ = 1/√w; points of weight 0 are left out.
_diffrn_radiation_wavelength (Å) and its _wt, or _diffrn_radiation_type such as 'Cu K\\a', are taken
from the block or, where one of the file states it, from there.

Source: International Tables for Crystallography G (2005), 4.2 and the dictionary cif_pow.dic.
"""

import re

import gemmi
import numpy as np

from xrdkit.curves.cif_values import NUMBER, said, stated_beam, texts
from xrdkit.curves.columns import Array, Columns
from xrdkit.curves.counting import counted
from xrdkit.curves.facts import as_number, facts, iso_time
from xrdkit.curves.raw import RawCurve
from xrdkit.curves.source import Source
from xrdkit.errors import CurveError

_AXES = {
    "_pd_proc_2theta_corrected": "degree",
    "_pd_meas_2theta_corrected": "degree",
    "_pd_meas_2theta_scan": "degree",
    "_pd_proc_recip_len_q": "1/angstrom",
}
_COUNTS = "_pd_meas_counts_total"
_INTENSITIES = (
    _COUNTS,
    "_pd_meas_intensity_total",
    "_pd_proc_intensity_total",
    "_pd_proc_intensity_net",
)
_WEIGHT = "_pd_proc_ls_weight"
_BLOCK = re.compile(rb"^\s*data_\S", re.MULTILINE | re.IGNORECASE)


def matches(source: Source) -> bool:
    """Return whether the file is text that begins a CIF block and names powder data."""
    begins = source.is_text and _BLOCK.search(source.head) is not None
    return begins and b"_pd_" in source.content.lower()


def read(source: Source) -> list[RawCurve]:
    """Return the patterns of a powder CIF, one of each block that has one.

    Raises CurveError for what is no CIF, numbers that are none, columns of unequal length, and
    where no block holds a pattern.
    """
    try:
        document = gemmi.cif.read_string(source.content)
    except (ValueError, RuntimeError, UnicodeDecodeError) as exc:
        text = " ".join(str(exc).split())
        raise CurveError(f"is no CIF: {text[:200]}", source=source.file) from exc
    found = []
    for block in document:
        curve = _pattern(block, list(document), source)
        if curve is not None:
            found.append(curve)
    if not found:
        raise CurveError(
            "holds no powder pattern of a wavelength over 2θ or Q",
            source=source.file,
            hint=f"a block needs one of {', '.join(_INTENSITIES)}",
        )
    return found


def _pattern(
    block: gemmi.cif.Block, blocks: list[gemmi.cif.Block], source: Source
) -> RawCurve | None:
    name = next((n for n in _INTENSITIES if texts(block, n)), None)
    if name is None:
        return None
    values, sigma = _numbers(block, name, source)
    axis = _axis(block, values.size, source)
    if axis is None:
        return None
    unit, angles = axis
    intensity_unit = None
    if name == _COUNTS:
        result = counted(values, rate=False)
        values, intensity_unit = result.intensity, result.unit
        sigma = sigma if sigma is not None else result.sigma
    elif sigma is None and texts(block, _WEIGHT):
        weight, _ = _numbers(block, _WEIGHT, source)
        if weight.size != values.size:
            raise _unequal(_WEIGHT, weight.size, values.size, block, source)
        with np.errstate(divide="ignore", invalid="ignore"):
            sigma = np.where(weight > 0, 1.0 / np.sqrt(weight), np.nan)
    return RawCurve(
        columns=Columns(abscissa=angles, intensity=values, sigma=sigma, source=str(source.file)),
        unit=unit,
        intensity_unit=intensity_unit,
        default_unit="1",
        beam=stated_beam(block, blocks),
        facts=facts(
            sample_name=said(block, "_pd_phase_name") or said(block, "_pd_spec_description"),
            start_time=iso_time(said(block, "_pd_meas_datetime_initiated")),
            temperature=said(block, "_diffrn_ambient_temperature"),
            monochromator=said(block, "_diffrn_radiation_monochromator"),
            exposure_time=said(block, "_pd_meas_step_count_time"),
            goniometer_radius=said(block, "_pd_instr_dist_spec/detc"),
        ),
        name=block.name,
    )


def _numbers(block: gemmi.cif.Block, name: str, source: Source) -> tuple[Array, Array | None]:
    """Return numbers and, where any is stated, their standard uncertainties; NaN for ? and ."""
    stated = texts(block, name)
    values, sigma = np.full(len(stated), np.nan), np.full(len(stated), np.nan)
    for k, text in enumerate(stated):
        if text in ("?", ".", ""):
            continue
        match = NUMBER.match(text.strip())
        if match is None:
            raise CurveError(
                f"block {block.name}: {name} number {k + 1} is {text[:40]!r}", source=source.file
            )
        values[k] = float(match[1])
        if match[5] is not None:
            decimals = len(match[2] or match[3] or "")
            sigma[k] = float(match[5]) * 10.0 ** (int(match[4] or 0) - decimals)
    return values, sigma if np.isfinite(sigma).any() else None


def _axis(block: gemmi.cif.Block, size: int, source: Source) -> tuple[str, Array] | None:
    unequal: CurveError | None = None
    for name, unit in _AXES.items():
        if texts(block, name):
            values, _ = _numbers(block, name, source)
            if values.size == size:
                return unit, values
            unequal = unequal or _unequal(name, values.size, size, block, source)
    for kind in ("_pd_proc_2theta_range", "_pd_meas_2theta_range"):
        low, high, step = (as_number(said(block, f"{kind}_{w}")) for w in ("min", "max", "inc"))
        if low is None or high is None or step is None or step <= 0:
            continue
        if round((high - low) / step) + 1 != size:
            raise CurveError(
                f"block {block.name}: {size} intensities do not go from {low:g} to {high:g} in"
                f" steps of {step:g} degree",
                source=source.file,
            )
        return "degree", np.linspace(low, high, size)
    if unequal is not None:
        raise unequal
    return None


def _unequal(
    name: str, found: int, size: int, block: gemmi.cif.Block, source: Source
) -> CurveError:
    return CurveError(
        f"block {block.name}: {name} has {found} values for {size} intensities", source=source.file
    )
