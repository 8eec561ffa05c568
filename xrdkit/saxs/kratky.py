"""The verb `kratky`: q²I, and its dimensionless form.

A globular body has a maximum of 3/e = 1.10 at qRg = √3, a chain a plateau or a rise. O. Glatter,
O. Kratky, Small Angle X-ray Scattering (1982); D. Durand et al., J. Struct. Biol. 169 (2010) 45
(dimensionless form).
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from xrdkit.errors import SpecError
from xrdkit.fitting import Verdict
from xrdkit.saxs.checks import check_range, is_number
from xrdkit.saxs.guinier import guinier_curve
from xrdkit.saxs.guinier_spec import GuinierSpec
from xrdkit.saxs.model_free import Curve, Frame, Quantity, assemble, each_frame, select_range
from xrdkit.saxs.smearing import SmearingSpec, check_smearing
from xrdkit.schema import KRATKY


@dataclass(frozen=True, kw_only=True)
class KratkySpec:
    """How a Kratky plot is made."""

    radius_of_gyration: float | None = None
    """Rg, nm, that makes it dimensionless; None: that of `guinier`."""
    forward_intensity: float | None = None
    """I(0), unit of the profile; None: that of `guinier`. Both are given or neither."""
    range: tuple[float, float] | None = None
    """Lowest and highest q that are used, 1/nm; None: all."""
    smearing: SmearingSpec | Literal["auto", "none"] = "auto"
    """Resolution that smears the law of `guinier`; ``"auto"``: what the profile says; ``"none"``:
    none. The points of the plots are as measured."""

    def __post_init__(self) -> None:
        given = (self.radius_of_gyration, self.forward_intensity)
        if (given[0] is None) != (given[1] is None):
            raise SpecError("radius_of_gyration and forward_intensity are given both or neither")
        if given[0] is not None and not all(is_number(v) and float(v or 0) > 0 for v in given):
            raise SpecError(f"radius_of_gyration and forward_intensity {given} are not above 0")
        check_range(self.range)
        check_smearing(self.smearing)


_DEFAULT = KratkySpec()


def kratky(profile: xr.Dataset, spec: KratkySpec = _DEFAULT) -> xr.Dataset:
    """Return the Kratky plots of each frame of a profile (KRATKY).

    `profile` (PROFILE) is a curve over q. The result holds over q, each with ``<name>_sigma``:
    ``kratky`` = q²I (unit/nm²) and ``kratky_dimensionless`` = (qRg)²I/I(0), with ``q_rg`` = qRg;
    ``radius_of_gyration`` (nm) and ``forward_intensity`` of `guinier` or as given, ``verdict`` and
    ``verdict_reason`` of the Guinier region. Errors of the dimensionless form hold those of Rg and
    I(0), with their correlation, which all points share.

    Where there is no Guinier region the dimensionless form is NaN. Raises SchemaError for what is
    no profile over q, CurveError for a curve smeared by a slit, SpecError for q = 0, EmptyResult
    where fewer than 10 points lie in `spec.range`.
    """
    if not isinstance(spec, KratkySpec):
        raise SpecError(f"spec is a {type(spec).__name__}, not a KratkySpec")
    data = select_range(profile, spec.range)
    size = data.sizes["q"]
    unit = str(data["intensity"].attrs["units"])
    frames = each_frame(profile, data, lambda curve: _plots(curve, spec, size), spec.smearing)
    quantities = {
        "kratky": Quantity(unit=f"{unit}/nm^2", what="q² times intensity", dims=("q",)),
        "kratky_dimensionless": Quantity(
            unit="1", what="(q Rg)² times intensity over I(0)", dims=("q",)
        ),
        "q_rg": Quantity(unit="1", what="q times Rg", dims=("q",), error=False),
        "radius_of_gyration": Quantity(unit="nm", what="radius of gyration"),
        "forward_intensity": Quantity(unit=unit, what="intensity extrapolated to q = 0"),
    }
    return assemble(
        frames,
        profile,
        data,
        quantities,
        step="kratky",
        spec=spec,
        schema=KRATKY,
        coords={"q": data["q"].variable},
    )


def _plots(curve: Curve, spec: KratkySpec, size: int) -> Frame:
    if spec.radius_of_gyration is None or spec.forward_intensity is None:
        frame = guinier_curve(curve, GuinierSpec(), size)
        names = ("radius_of_gyration", "forward_intensity")
        kept = {n + s: frame.values.get(n + s, math.nan) for n in names for s in ("", "_sigma")}
        correlation = frame.values.get("radius_intensity_correlation", 0.0)
        frame = Frame(values=kept, verdict=frame.verdict, reason=frame.reason)
    else:
        correlation = 0.0
        frame = Frame(
            values={
                "radius_of_gyration": spec.radius_of_gyration,
                "radius_of_gyration_sigma": 0.0,
                "forward_intensity": spec.forward_intensity,
                "forward_intensity_sigma": 0.0,
            },
            verdict=Verdict.OK,
        )
    radius, radius_error = (frame.values["radius_of_gyration" + s] for s in ("", "_sigma"))
    forward, forward_error = (frame.values["forward_intensity" + s] for s in ("", "_sigma"))
    relative = np.array([2.0 * radius_error / radius, -forward_error / forward])
    common = relative @ np.array([[1.0, correlation], [correlation, 1.0]]) @ relative
    plain = curve.q**2 * curve.intensity
    plain_error = curve.q**2 * (curve.errors.sigma if curve.has_sigma else math.nan)
    scale = radius**2 / forward
    rows = {
        "kratky": plain,
        "kratky_sigma": plain_error,
        "kratky_dimensionless": plain * scale,
        "kratky_dimensionless_sigma": np.sqrt(
            (plain_error * scale) ** 2 + (plain * scale) ** 2 * common
        ),
        "q_rg": curve.q * radius,
    }
    for name, row in rows.items():
        whole = np.full(size, np.nan)
        whole[curve.used] = row
        frame.curves[name] = whole
    return frame
