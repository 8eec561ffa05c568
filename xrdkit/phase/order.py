"""Chemical order of binary alloys (L1_0, L1_2) as occupancies that are tied to one number.

An alloy of A and B has two kinds of sites, shares y₁ and y₂ of all. Bragg & Williams' degree of
order is S = r₁ + r₂ - 1 with rᵢ the share of the sites i that hold the atoms they hold in perfect
order (Warren, X-ray Diffraction, 1969, ch. 12). Amplitudes of superlattice lines go with S, those
of fundamental lines do not change: their ratio tells S.
"""

from typing import Literal

import numpy as np
import xarray as xr

from xrdkit import provenance
from xrdkit.errors import SchemaError, SpecError
from xrdkit.phase.phase_spec import is_number
from xrdkit.phase.structure import Site, Structure
from xrdkit.phase.symmetry import find_group, triplets_of

Order = Literal["L1_0", "L1_2"]
Place = tuple[float, float, float]

#: Kind -> space group, positions of both kinds of sites, their shares.
_KINDS: dict[str, tuple[str, Place, Place, float, float]] = {
    "L1_0": ("P 4/m m m", (0.0, 0.0, 0.0), (0.5, 0.5, 0.5), 0.5, 0.5),
    "L1_2": ("P m -3 m", (0.0, 0.0, 0.0), (0.5, 0.5, 0.0), 0.25, 0.75),
}


def ordered_alloy(
    first: str,
    second: str,
    *,
    kind: Order,
    a: float,
    c: float | None = None,
    order: float | None = None,
    fraction: float | None = None,
    b_iso: float = 0.3,
    name: str | None = None,
) -> Structure:
    """Return a partly ordered alloy whose sites hold both elements, a start for a refinement.

    first: element that the sites 1 hold in perfect order: corners of L1_2 (a quarter of all; Co in
    Pt3Co), one of both layers of L1_0. second: the other one. a, c: cell in nm; of L1_0 the
    primitive tetragonal one (a = a_fcc/√2), whose `c` is needed. order: S, from 0 to below what the
    composition allows; None: nine tenths of that. fraction: atomic fraction of `first`; None: that
    of perfect order. b_iso: B of all atoms in Å². Labels of the sites are the element and 1 or 2:
    ``"Co1"``.

    Refine it with ``PhaseSpec(name, atoms=("*.occupancy",))`` and the ties of `order_ties`; then
    `order_parameter` tells S. Raises SpecError for another kind, numbers outside their range and an
    order that the composition does not allow.
    """
    if kind not in _KINDS:
        raise SpecError(f"kind {kind!r} is not one of: {', '.join(_KINDS)}")
    symbol, one, other, y1, y2 = _KINDS[kind]
    x = y1 if fraction is None else fraction
    if not is_number(x) or not 0.0 < x < 1.0:
        raise SpecError(f"fraction = {fraction!r} is not between 0 and 1")
    if (c is None) == (kind == "L1_0"):
        raise SpecError("L1_0 needs a and c, L1_2 a alone")
    most = min((1.0 - x) / y2, x / y1)
    s = 0.9 * most if order is None else order
    if not is_number(s) or not 0.0 <= s < most:
        raise SpecError(
            f"order = {order!r} is not from 0 to below {most:.3f}, which the fraction allows"
        )
    # x = y₁ q₁ + y₂ q₂ of the first element, and S = q₁ - q₂.
    sites = tuple(
        Site(label=f"{element}{k}", element=element, position=place, occupancy=share, b_iso=b_iso)
        for k, place, q in ((1, one, x + y2 * s), (2, other, x - y1 * s))
        for element, share in ((first, q), (second, 1.0 - q))
    )
    return Structure(
        name=name or f"{kind} {first}{second}",
        cell=(a, a, a if c is None else c, 90.0, 90.0, 90.0),
        operators=triplets_of(find_group(symbol, (90.0, 90.0, 90.0))),
        sites=sites,
        space_group=symbol,
    )


def order_ties(alloy: Structure) -> tuple[str, ...]:
    """Return ties that leave one number free of the occupancies of an `ordered_alloy`.

    Sites are full, and the composition is that of the alloy. Raises SpecError for other structures.
    """
    first, second = _elements(alloy)
    shares, own = _shares(alloy), {s.label: s.occupancy for s in alloy.sites}
    x = sum(y * own[f"{first}{k}"] for k, y in zip((1, 2), shares, strict=True))

    def name(element: str, k: int) -> str:
        return f"'{alloy.name}.{element}{k}.occupancy'"

    return (
        f"{name(second, 1)} = 1 - {name(first, 1)}",
        f"{name(second, 2)} = 1 - {name(first, 2)}",
        f"{name(first, 2)} = {x / shares[1]!r} - {shares[0] / shares[1]!r} * {name(first, 1)}",
    )


def order_parameter(result: xr.Dataset, alloy: Structure) -> xr.Dataset:
    """Return the result of a refinement with the degree of order of an alloy.

    result: of `refine_phases` with the occupancies of `alloy` (an `ordered_alloy`) free under
    `order_ties`. Adds ``order_parameter``, S, with ``_sigma``; NaN in frames without the phase.
    S = q₁ - q₂ of the first element; its error is the sum of both, which move oppositely.

    Raises SchemaError where these occupancies were not refined.
    """
    first, _ = _elements(alloy)
    known = [str(p) for p in result["parameter"].values] if "parameter" in result else []
    labels = [f"{alloy.name} atom_{first}{k}_occupancy" for k in (1, 2)]
    here = np.zeros(())
    if alloy.name in result["phase"].values:
        here = result["phase_found"].sel(phase=alloy.name).values.astype(bool)
    q, errors = np.full((2, 2, *here.shape), np.nan)
    if all(label in known for label in labels):
        at = [known.index(label) for label in labels]
        q = np.moveaxis(result["parameter_value"].values[..., at], -1, 0)
        errors = np.moveaxis(result["parameter_sigma"].values[..., at], -1, 0)
    elif here.any() or alloy.name not in result["phase"].values:
        raise SchemaError(
            f"the result has no occupancies of {first}1 and {first}2 of {alloy.name}",
            hint='free them: PhaseSpec(name=..., atoms=("*.occupancy",)) with order_ties',
        )
    lead = result["parameter_value"].dims[:-1]
    s = np.where(here, q[0] - q[1], np.nan)
    error = np.where(here, errors[0] + errors[1], np.nan)
    made = result.assign(
        order_parameter=(
            lead,
            s,
            {
                "units": "1",
                "long_name": f"degree of order S of {alloy.name}",
                "ancillary_variables": "order_parameter_sigma",
            },
        ),
        order_parameter_sigma=(
            lead,
            error,
            {"units": "1", "long_name": "standard error of order_parameter"},
        ),
    )
    return provenance.append(
        made,
        "order_parameter",
        {"alloy": alloy},
        inputs=[provenance.content_sha256(result)],
        history=result,
    )


def _elements(alloy: Structure) -> tuple[str, str]:
    elements = list(dict.fromkeys(s.element for s in alloy.sites))
    labels = {s.label for s in alloy.sites}
    if len(elements) != 2 or labels != {f"{e}{k}" for e in elements for k in (1, 2)}:
        raise SpecError(f"{alloy.name} is no ordered_alloy: its sites are {', '.join(labels)}")
    return elements[0], elements[1]


def _shares(alloy: Structure) -> tuple[float, float]:
    first, _ = _elements(alloy)
    counts = {s.label: len(o) for s, o in zip(alloy.sites, alloy.orbits(), strict=True)}
    whole = counts[f"{first}1"] + counts[f"{first}2"]
    return counts[f"{first}1"] / whole, counts[f"{first}2"] / whole
