"""What a profile says of its smearing."""

from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from xrdkit.errors import CurveError, SchemaError, SpecError
from xrdkit.saxs.smearing.beam_profile import BeamProfile
from xrdkit.saxs.smearing.operator import Smearing, build_smearing
from xrdkit.saxs.smearing.spec import DEFAULT_CUT, SmearingSpec
from xrdkit.schema import FRAME, mean_positions, position_spreads, radial_dim

Array = NDArray[np.float64]

RESOLUTION = "q_resolution"
ACROSS = "q_resolution_across"
CUT = "q_resolution_cut"


def smearing_of(
    profile: xr.Dataset,
    *,
    given: SmearingSpec | Literal["auto", "none"] | None = None,
    frame: int = 0,
) -> Smearing | None:
    """Return the smearing of row `frame` of a profile over q, None where nothing smears it.

    The profile says: ``q_resolution``, the standard deviation of q at each point (1/nm); the
    attribute ``slit_smeared`` with ``slit_length`` (half length), ``slit_flat`` and ``slit_width``
    (half width), all 1/nm; the attribute ``q_resolution_across``, the standard deviation of q at
    right angles to the scan, and ``q_resolution_cut`` (`with_resolution`). What `given` states
    holds in place of that, field by field; ``"none"`` is no smearing whatever the profile says,
    ``"auto"`` and None are what it says. Where anything smears, the spread of pixels within bins
    (`position_spreads`) is part of the matrix; spread alone makes no smearing. Points whose
    resolution is not known have none.

    Raises SchemaError for another axis than q, CurveError for a curve that is smeared by a slit of
    unknown length, SpecError as `build_smearing`.
    """
    if radial_dim(profile) != "q":
        raise SchemaError(f"smearing is over q, the profile is over {radial_dim(profile)}")
    if isinstance(given, str) and given == "none":
        return None
    spec = SmearingSpec() if given is None or isinstance(given, str) else given
    if (isinstance(given, str) and given != "auto") or not isinstance(spec, SmearingSpec):
        raise SpecError(f"smearing is {given!r}, neither a SmearingSpec nor 'auto' or 'none'")
    q = mean_positions(profile)[frame]
    spread = position_spreads(profile)[frame]
    cut = spec.cut or _stated(profile, CUT) or DEFAULT_CUT
    beam = _beam(profile, spec, cut)
    width = _stated(profile, "slit_width") if spec.slit_width is None else spec.slit_width
    width = 0.0 if width is None or (beam is None and spec.slit_width is None) else width
    sigma = _resolution(profile, frame) if spec.relative_width is None else spec.relative_width * q
    if beam is None and not width and not sigma.any():
        return None
    return build_smearing(q, profile=beam, width=width, dq=sigma, spread=spread, cut=cut)


def _beam(profile: xr.Dataset, spec: SmearingSpec, cut: float) -> BeamProfile | None:
    if spec.slit_profile is not None:
        return spec.slit_profile
    length = spec.slit_length
    if length is None:
        if not profile.attrs.get("slit_smeared"):
            return _round_beam(profile, spec, cut)
        length = _stated(profile, "slit_length")
        if length is None:
            raise CurveError(
                "the curve is smeared by a slit whose length is not stated",
                source=profile.attrs.get("source_file"),
                hint=_ask_for_length(profile.attrs.get("slit_length_stated")),
            )
    if length == 0:
        return _round_beam(profile, spec, cut)
    flat = spec.slit_flat
    if flat is None and spec.slit_length is None:
        flat = _stated(profile, "slit_flat")
    return BeamProfile.trapezoid(length if flat is None else flat, length)


def _round_beam(profile: xr.Dataset, spec: SmearingSpec, cut: float) -> BeamProfile | None:
    across = _stated(profile, ACROSS) if spec.across is None else spec.across
    return BeamProfile.gaussian(across, cut) if across else None


def _ask_for_length(stated: object) -> str:
    if stated is None:
        return "give the half length: SmearingSpec(slit_length=...), in 1/nm"
    return (
        f"its file states {stated:.4g} 1/nm for the detector's slit, and nothing of the beam:"
        " give the half length, SmearingSpec(slit_length=..., slit_flat=...), or the measured"
        " beam, slit_profile=read_beam_profile(...).seen_through(...)"
    )


def _stated(profile: xr.Dataset, name: str) -> float | None:
    value = profile.attrs.get(name)
    if value is None:
        return None
    number = float(value)
    if not (np.isfinite(number) and number >= 0):
        raise CurveError(
            f"the attribute {name} is {value!r}, not a length in 1/nm",
            source=profile.attrs.get("source_file"),
        )
    return number


def _resolution(profile: xr.Dataset, frame: int) -> Array:
    size = profile.sizes["q"]
    if RESOLUTION not in profile:
        return np.zeros(size)
    held = profile[RESOLUTION]
    if held.attrs.get("units") != "1/nm":
        raise SchemaError(f"{RESOLUTION} is in {held.attrs.get('units')!r}, not in 1/nm")
    row = held.isel({FRAME: frame}) if FRAME in held.dims else held
    values = np.asarray(row.values, dtype=np.float64)
    return np.where(np.isfinite(values) & (values > 0), values, 0.0)
