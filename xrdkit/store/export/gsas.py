"""GSAS and GSAS-II: patterns as .fxye with an instrument file .instprm beside them.

In GSAS-II: Import > Powder Data > from GSAS powder data file takes the .fxye and asks for the
.instprm; in a script ``project.add_powder_histogram("a.fxye", "a.instprm")``. Angles are in
hundredths of a degree, the third column is the standard error (weight 1/σ²).

Widths in an .instprm: U, V, W are of the Gaussian variance in centidegree², X, Y of the Lorentzian
FWHM in centidegree. With ours (FWHM, degree): U' = 10⁴ U/(8 ln 2), X' = 100 X. Polariz. is
P = 1/(1 + K), K the intensity polarised in the plane of scattering over that across it: the factor
is P + (1 - P) cos²2θ; 1 leaves intensities as they are, for patterns corrected at integration.

Source: GSAS-II documentation, "Instrument parameters" and "Peak profiles"; LAUR 86-748 (FXYE).
"""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from xrdkit.atomic import write_file
from xrdkit.errors import EmptyResult, SchemaError
from xrdkit.schema import radial_dim
from xrdkit.store.export._result import frames, number, settings, wavelengths, write_frames

_GAUSS = 1e4 / (8.0 * math.log(2.0))
#: Ours -> (theirs, factor).
_WIDTHS = {
    "U": ("caglioti_u", _GAUSS),
    "V": ("caglioti_v", _GAUSS),
    "W": ("caglioti_w", _GAUSS),
    "X": ("lorentzian_x", 100.0),
    "Y": ("lorentzian_y", 100.0),
}
#: SH/L, the half heights of sample and slit over the radius, where it was not refined.
_AXIAL = 0.002
#: Where a refinement starts that knows nothing of the instrument: GSAS-II's own, laboratory and
#: synchrotron.
_START = {True: (2.0, -2.0, 5.0, 0.0, 0.0), False: (1.163, -0.126, 0.063, 0.0, 0.0)}


def write_gsas(
    data: xr.Dataset,
    path: str | Path,
    *,
    polarization_ratio: float | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write the pattern(s) of `data` as .fxye, and one .instprm, for GSAS-II; return the files.

    data: a profile or the result of a refinement with ``intensity``, ``sigma`` and ``wavelength``
    over two_theta (degree), or over q (1/nm) of one wavelength. Several frames become
    ``a-000007.fxye``. Points without data are left out, frames of a series without any too. The
    instrument file has the wavelengths, the radius of the goniometer, and zero shift and widths of
    a refinement, else start values, which it says.

    polarization_ratio: K above, 0 to 100; by default that of the refinement, or none where the
    profile was corrected for polarisation. Raises SchemaError where it is not known, or sigma or
    wavelength are missing, EmptyResult where a pattern has no point, ResultExists, StoreError.
    """
    target = Path(path)
    lines, weights = wavelengths(data)
    if not lines:
        raise SchemaError(
            "cannot be written: the data hold no wavelength",
            source=target,
            hint="GSAS-II takes patterns and refined phases, profiles that know their wavelength",
        )
    if "sigma" not in data or "intensity" not in data:
        raise SchemaError("FXYE needs intensity and sigma", source=target)
    known = _polarization(data, polarization_ratio, target)
    files = write_frames(
        data, target, lambda one, file: _fxye(one, lines, file).encode(), overwrite=overwrite
    )
    first = next(one for one, file in frames(data, target) if file == files[0])
    instrument = target.with_suffix(".instprm")
    text = _instprm(first, lines, weights, known)
    write_file(instrument, text.encode(), overwrite=overwrite)
    return [*files, instrument]


def _fxye(data: xr.Dataset, lines: list[float], path: Path) -> str:
    axis = radial_dim(data)
    angles = np.asarray(data[axis].values, dtype=float)
    if axis == "q":
        if len(lines) != 1:
            raise SchemaError("a pattern over q has one wavelength for its angles", source=path)
        sine = angles * lines[0] / (40.0 * math.pi)
        angles = np.where(np.abs(sine) < 1, 2 * np.degrees(np.arcsin(np.clip(sine, -1, 1))), np.nan)
    elif axis != "two_theta":
        raise SchemaError(f"GSAS has no axis {axis!r}, only 2θ", source=path)
    intensity, sigma = (np.asarray(data[n].values, dtype=float) for n in ("intensity", "sigma"))
    good = np.isfinite(angles) & np.isfinite(intensity) & np.isfinite(sigma) & (sigma > 0)
    table = np.stack([100 * angles, intensity, sigma], axis=1)[good]
    if len(table) == 0:
        raise EmptyResult("the pattern has no point", source=path)
    step = float(np.mean(np.diff(table[:, 0]))) if len(table) > 1 else 0.0
    warmth = number(data, "temperature")
    title = path.stem[:60] + (f", Temp {warmth:g} K" if math.isfinite(warmth) else "")
    said = f"# Calibrated wavelength = {lines[0]:.10g}" if len(lines) == 1 else "# Kalpha doublet"
    bank = f"BANK 1 {len(table)} {len(table)} CONS {table[0, 0]:.6f} {step:.6f} 0 0 FXYE"
    rows = [f"{x:14.6f} {i:.10g} {s:.10g}" for x, i, s in table.tolist()]
    return "\n".join([title, said, bank, *rows, ""])


def _polarization(data: xr.Dataset, ratio: float | None, path: Path) -> float:
    """Return P of an .instprm."""
    if ratio is None and "polarization_factor" in data.attrs:
        return 1.0
    known = settings(data)
    if ratio is None and known:
        stated = known.get("polarization_ratio")
        # A refinement of integrated frames records none: they were corrected.
        ratio = 0.0 if stated is None else float(stated)
    if ratio is None or not 0 <= ratio <= 100:
        raise SchemaError(
            f"the polarisation of the beam is not known (polarization_ratio={ratio})",
            source=path,
            hint="polarization_ratio: 1 for a tube, cos²2θ of the crystal with a monochromator",
        )
    return 1.0 / (1.0 + ratio)


def _instprm(
    data: xr.Dataset, lines: list[float], weights: list[float], polarization: float
) -> str:
    widths = {key: number(data, name) * scale for key, (name, scale) in _WIDTHS.items()}
    # Zeros are widths of an instrument that broadens nothing, with which no refinement can start.
    known = all(math.isfinite(widths[key]) for key in "UVW") and any(widths[k] for k in "UVW")
    if not known:
        widths = dict(zip(_WIDTHS, _START[len(lines) > 1], strict=True))
    zero = number(data, "zero_shift")
    rows = ["#GSAS-II instrument parameter file; do not add/delete items!"]
    if not known:
        rows.append("#U V W X Y are start values, not those of this instrument")
    rows += ["Type:PXC", "Bank:1.0"]
    if len(lines) > 1:
        rows += [f"Lam1:{lines[0]:.8g}", f"Lam2:{lines[1]:.8g}", f"I(L2)/I(L1):{weights[1]:.6g}"]
    else:
        rows.append(f"Lam:{lines[0]:.8g}")
    rows += [f"Zero:{zero if math.isfinite(zero) else 0.0:.8g}", f"Polariz.:{polarization:.6g}"]
    rows += ["Azimuth:0.0"]
    rows += [f"{k}:{v if math.isfinite(v) else 0.0:.8g}" for k, v in widths.items()]
    axial = number(data, "axial_divergence")
    rows += ["Z:0.0", f"SH/L:{axial if axial > 0 else _AXIAL:.6g}"]
    radius = _radius(data)
    if math.isfinite(radius):
        rows.append(f"Gonio. radius:{radius:.6g}")
    return "\n".join([*rows, ""])


def _radius(data: xr.Dataset) -> float:
    """Return the radius of the goniometer in mm: that of the refinement, or of the file read."""
    spec = settings(data).get("spec")
    stated = spec.get("goniometer_radius") if isinstance(spec, Mapping) else None
    return float(stated) if stated is not None else number(data, "goniometer_radius")
