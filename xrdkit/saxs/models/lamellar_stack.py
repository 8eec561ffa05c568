"""Stacks of lamellae that undulate: lamellar gels, vesicles, surfactant phases.

I(q) = a 0.1 · 2πδ/q² [sin(qδ/2)/(qδ/2)]² S(q), a = φΔρ² in (1e10 1/cm²)², δ the thickness of a
lamella. Of N lamellae at the distance d, S_N(q) = 1 + 2 Σ_{n<N} (1 - n/N) cos(nqd)
exp(-q²d²η [ln(πn) + γ]/4π²) with η the Caillé parameter and γ Euler's constant (F. Nallet, R.
Laversanne, D. Roux, J. Phys. II 3 (1993) 487; A. Caillé, C. R. Acad. Sci. B 274 (1972) 891). Stacks
are of all lengths: of lengths N with chances p^N, p = 1 - 1/<N>, the mean per lamella has pⁿ in
place of 1 - n/N, and no fringes between its orders.
Golden number: a = 1, δ = 2, d = 8, <N> = 12, η = 0.1, q = 0.78: 22.6407.
"""

import math
from dataclasses import dataclass

import numpy as np

from xrdkit.saxs.models.component import Array, Component, Curve, Derived, Values
from xrdkit.saxs.quantity import Given, Quantity

_UNIT = 0.1
#: Terms of the sum, in mean lengths: the last is e⁻¹⁴ of the first.
_LENGTHS = 14
_CAILLE = 1.0 / (4.0 * math.pi**2)


@dataclass(frozen=True, kw_only=True)
class LamellarStack(Component):
    """Stacks in all directions."""

    kind = "lamellar_stack"

    amount: Given = None
    """a = φΔρ², (1e10 1/cm²)², φ the volume fraction of the lamellae."""
    thickness: Given = None
    """δ, nm."""
    spacing: Given = None
    """d, nm."""
    layers: Given = None
    """<N>, mean number of lamellae in a stack, 1.2 to 60."""
    caille: Given = None
    """η, no unit, 0 to 1.5: undulations."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """a, δ, d, <N> and η."""
        return (AMOUNT, THICKNESS, SPACING, LAYERS, CAILLE)

    def curve(self, q: Array, values: Values) -> Curve:
        """Return the intensity and its derivatives."""
        thick, number = values["thickness"], values["layers"]
        x = 0.5 * q * thick
        sheet = _UNIT * 2.0 * math.pi * thick / q**2 * np.sinc(x / math.pi) ** 2
        # δ sinc² = 4 sin²(x)/(q²δ).
        by_thick = _UNIT * 2.0 * math.pi / q**2 * np.sinc(x / math.pi)
        by_thick = by_thick * (2.0 * np.cos(x) - np.sinc(x / math.pi))
        n = np.arange(1.0, math.ceil(_LENGTHS * number) + 1.0)
        ratio = 1.0 - 1.0 / number
        share = ratio**n
        logs = _CAILLE * (np.log(math.pi * n) + np.euler_gamma)
        phase = np.outer(q * values["spacing"], n)
        square = (q * values["spacing"])[:, None] ** 2
        damp = np.exp(-values["caille"] * square * logs)
        wave = np.cos(phase) * damp
        s = 1.0 + 2.0 * wave @ share
        by_log_d = -phase * np.sin(phase) * damp - 2.0 * values["caille"] * square * logs * wave
        amount = values["amount"]
        return Curve(
            amount * sheet * s,
            {
                "amount": sheet * s,
                "thickness": amount * by_thick * s,
                "spacing": amount * sheet * 2.0 * (by_log_d @ share) / values["spacing"],
                "layers": amount * sheet * 2.0 * (wave @ (n * ratio ** (n - 1.0))) / number**2,
                "caille": amount * sheet * 2.0 * ((-square * logs * wave) @ share),
            },
        )

    def possible(self, values: Values) -> bool:
        """Return whether the lamellae are thinner than their distance."""
        return values["thickness"] < values["spacing"]

    def candidates(self, q: Array) -> list[dict[str, float]]:
        """Return spacings with a first order within q, thicknesses as parts of them."""
        low, high = 2.0 * math.pi / q.max(), 2.0 * math.pi / q.min()
        count = max(int(50 * math.log10(high / low)), 5)
        return [
            {"spacing": float(d), "thickness": share * float(d), "layers": n, "caille": eta}
            for d in np.geomspace(low, high, count)
            for share in (0.15, 0.3, 0.5)
            for n, eta in ((15.0, 0.08), (4.0, 0.2))
        ]

    def derived(self, values: Values) -> dict[str, Derived]:
        """Return the position of the first order, 2π/d."""
        place = 2.0 * math.pi / values["spacing"]
        slope = {"spacing": -place / values["spacing"]}
        return {"position": Derived(place, slope, "1/nm", "position 2π/d of the first order")}


AMOUNT = Quantity(
    name="amount",
    unit="1e20/cm^4",
    what="volume fraction of lamellae times squared contrast",
    low=0.0,
    amplitude=True,
)
THICKNESS = Quantity(
    name="thickness", unit="nm", what="thickness of a lamella", low=0.0, scale="log"
)
SPACING = Quantity(name="spacing", unit="nm", what="distance of lamellae", low=0.0, scale="log")
LAYERS = Quantity(
    name="layers",
    unit="1",
    what="mean number of lamellae in a stack",
    low=1.2,
    high=60.0,
    scale="log",
)
CAILLE = Quantity(
    name="caille", unit="1", what="Caillé parameter of undulations", low=0.0, high=1.5
)
