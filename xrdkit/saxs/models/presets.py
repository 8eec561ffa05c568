"""Models for kinds of samples: supported catalysts, porous carbon, emulsions, lamellar gels."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, Literal

import xarray as xr

from xrdkit.errors import SpecError
from xrdkit.saxs.checks import is_number
from xrdkit.saxs.models.component import Component
from xrdkit.saxs.models.debye_anderson import DebyeAnderson
from xrdkit.saxs.models.flat import Flat
from xrdkit.saxs.models.measured_curve import MeasuredCurve
from xrdkit.saxs.models.model import Choice, Model
from xrdkit.saxs.models.particles import Particles
from xrdkit.saxs.models.peak import Peak, PeakShape
from xrdkit.saxs.models.power_law import PowerLaw
from xrdkit.saxs.models.teubner_strey import TeubnerStrey
from xrdkit.saxs.models.unified import unified
from xrdkit.saxs.models.unified_level import UnifiedLevel
from xrdkit.saxs.quantity import Parameter, fixed, tied
from xrdkit.saxs.structure_factors import HardSphere

Support = Literal["debye_anderson", "teubner_strey", "unified"]
_SUPPORTS: dict[str, type[Component]] = {
    "debye_anderson": DebyeAnderson,
    "teubner_strey": TeubnerStrey,
    "unified": UnifiedLevel,
}
_MOST_ORDERS = 6


def supported_catalyst(
    support: xr.Dataset | Support = "debye_anderson",
    *,
    contrast: float | None = None,
    contrast_sigma: float = 0.0,
    metals: int = 1,
    grains: bool = True,
    flat: bool = True,
) -> Model:
    """Return lognormal spheres of metal on a porous support, such as platinum on carbon.

    `support` is the profile of the bare support (PROFILE, measured like the catalyst), which is
    scaled, or how its pores are modelled: ``"debye_anderson"`` (random), ``"teubner_strey"``
    (regular) or ``"unified"``. `contrast` of the metal to the support, 1e10 1/cm², gives the volume
    fraction. `metals` is the number of size distributions. `grains` adds q⁻⁴ of the grains of a
    modelled support, `flat` a flat background. The components are ``metal``, ``support``,
    ``grains`` and ``flat``. Raises SpecError for other supports.
    """
    if not 1 <= metals <= 4:
        raise SpecError(f"metals is {metals!r}, not 1 to 4")
    parts: list[Component] = [
        Particles(
            name="metal" if metals == 1 else f"metal_{number}",
            contrast=contrast,
            contrast_sigma=contrast_sigma,
        )
        for number in range(1, metals + 1)
    ]
    if isinstance(support, xr.Dataset):
        parts.append(MeasuredCurve.of(support, name="support"))
    elif support in _SUPPORTS:
        parts.append(_SUPPORTS[support](name="support"))
        if grains:
            parts.append(PowerLaw(name="grains", power=fixed(4.0)))
    else:
        raise SpecError(
            f"support is {support!r:.60}", hint=f"a profile, or one of: {', '.join(_SUPPORTS)}"
        )
    if flat:
        parts.append(Flat(name="flat"))
    return Model(components=tuple(parts))


def porous_carbon(*, levels: int = 1, flat: bool = True) -> Model:
    """Return pores as `levels` of the unified equation, 1 to 3, within grains of free power.

    The power of ``surface`` tells a smooth surface of the grains (4) from a fractal one (3 to 4).
    """
    if not 1 <= levels <= 3:
        raise SpecError(f"levels is {levels!r}, not 1 to 3")
    parts: list[Component] = [
        UnifiedLevel(name=f"pores_{number}" if levels > 1 else "pores")
        for number in range(1, levels + 1)
    ]
    last = parts[-1].name
    parts.append(PowerLaw(name="surface", cutoff=tied(f"{last}.radius_of_gyration")))
    if flat:
        parts.append(Flat(name="flat"))
    return Model(components=tuple(parts))


def emulsion(
    *,
    contrast: float | None = None,
    contrast_sigma: float = 0.0,
    interacting: bool = True,
    flat: bool = True,
) -> Model:
    """Return spherical droplets of a Schulz distribution, as hard spheres where `interacting`.

    `contrast` of droplet to medium, 1e10 1/cm², gives the volume fraction, which the effective one
    of the structure factor may differ from (surfactant counts there).
    """
    droplets = Particles(
        name="droplets",
        distribution="schulz",
        structure=HardSphere() if interacting else None,
        contrast=contrast,
        contrast_sigma=contrast_sigma,
    )
    return Model(components=(droplets, *((Flat(name="flat"),) if flat else ())))


def lamellar_gel(
    *, orders: int = 2, shape: PeakShape = "gaussian", spacing: float | None = None
) -> Model:
    """Return the peaks of a lamellar gel at n·q₀, over a power law and a flat background.

    `orders` of reflections, 1 to 6; `spacing`, nm, is where the search starts (None: anywhere).
    Positions are tied, widths and heights are free; the spacing is that of ``order_1``.
    """
    if not 1 <= orders <= _MOST_ORDERS:
        raise SpecError(f"orders is {orders!r}, not 1 to {_MOST_ORDERS}")
    if spacing is not None and not (is_number(spacing) and spacing > 0):
        raise SpecError(f"spacing {spacing!r} nm is not positive")
    start = None if spacing is None else Parameter(value=6.283185307179586 / spacing)
    parts: list[Component] = [Peak(name="order_1", shape=shape, position=start)]
    parts.extend(
        Peak(name=f"order_{n}", shape=shape, position=tied(f"order_1.position * {n}"))
        for n in range(2, orders + 1)
    )
    parts.extend((PowerLaw(name="slope"), Flat(name="flat")))
    return Model(components=tuple(parts))


_PRESETS: dict[str, Callable[..., Model | Choice]] = {
    f.__name__: f for f in (unified, supported_catalyst, porous_carbon, emulsion, lamellar_gel)
}


def preset(name: str, options: Mapping[str, Any]) -> Model | Choice:
    """Return the model of a preset by its name; raise SpecError for unknown names or options."""
    if name not in _PRESETS:
        raise SpecError(f"unknown preset {name!r}", hint=f"known: {', '.join(_PRESETS)}")
    if not isinstance(options, Mapping):
        raise SpecError(f"options of {name} are a table, not {options!r:.60}")
    known = signature(_PRESETS[name]).parameters
    for key in options:
        if key not in known:
            raise SpecError(f"{name} has no option {key!r}", hint=f"it has: {', '.join(known)}")
    try:
        return _PRESETS[name](**options)
    except TypeError as exc:
        raise SpecError(f"{name} cannot be made: {exc}") from exc
