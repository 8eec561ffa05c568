"""What the results of the demo say against the truth of the simulation."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr
    from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number that is both known and found."""

    text: str
    """What people call it, with its unit."""
    product: str
    """Name of the result file that holds it."""
    variable: str
    """Variable in the result and in the truth; its error is ``<variable>_sigma``."""
    where: dict[str, str] = field(default_factory=dict)
    """Labels along the other dimensions."""
    digits: int
    """Decimals shown."""
    tolerance: float
    """Largest relative deviation that is not gross. Well above what counting statistics and the
    model leave, so that only a fault of the chain exceeds it."""


QUANTITIES = (
    Quantity(
        text="mean radius (nm)",
        product="saxs.sizes.nc",
        variable="mean_radius_volume",
        digits=5,
        tolerance=0.01,
    ),
    Quantity(
        text="width (nm)",
        product="saxs.sizes.nc",
        variable="width_volume",
        digits=5,
        tolerance=0.03,
    ),
    Quantity(
        text="Pt volume fraction",
        product="saxs.sizes.nc",
        variable="volume_fraction",
        digits=6,
        tolerance=0.01,
    ),
    Quantity(
        text="Pt crystal size (nm)",
        product="waxs.phases.nc",
        variable="crystallite_size",
        where={"phase": "Pt"},
        digits=4,
        tolerance=0.03,
    ),
    Quantity(
        text="Pt lattice a (nm)",
        product="waxs.phases.nc",
        variable="lattice",
        where={"phase": "Pt", "lattice_parameter": "a"},
        digits=6,
        tolerance=2e-4,
    ),
    Quantity(
        text="Pt weight fraction",
        product="waxs.phases.nc",
        variable="weight_fraction",
        where={"phase": "Pt"},
        digits=4,
        tolerance=0.05,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One quantity along the frames."""

    quantity: Quantity
    """Which."""
    frames: tuple[int, ...]
    """Frame numbers."""
    true: tuple[float, ...]
    """Truth per frame."""
    found: tuple[float, ...]
    """Result per frame; NaN where the fit gave none."""
    sigma: tuple[float, ...]
    """Standard error of the result per frame."""

    @property
    def pulls(self) -> list[float]:
        """(found - true)/sigma per frame; NaN where there is no error."""
        rows = zip(self.found, self.true, self.sigma, strict=True)
        return [(f - t) / s if s > 0 else math.nan for f, t, s in rows]

    @property
    def offsets(self) -> list[float]:
        """found/true - 1 per frame."""
        return [f / t - 1.0 for f, t in zip(self.found, self.true, strict=True)]

    @property
    def worst(self) -> float:
        """Largest absolute offset; infinite where a frame has no number."""
        sizes = [abs(offset) for offset in self.offsets]
        return max(sizes) if sizes and all(map(math.isfinite, sizes)) else math.inf

    @property
    def is_wrong(self) -> bool:
        """Whether a frame is off by more than the tolerance, or has no number."""
        return self.worst > self.quantity.tolerance


def compare(truth: "xr.Dataset", results: Path) -> list[Comparison]:
    """Return every quantity with its truth and what the files in `results` say, frame by frame.

    Raises StoreError where a result is missing or damaged.
    """
    from xrdkit.store import load

    found = {name: load(results / name) for name in {q.product for q in QUANTITIES}}
    return [comparison(q, truth, found[q.product]) for q in QUANTITIES]


def comparison(quantity: Quantity, truth: "xr.Dataset", found: "xr.Dataset") -> Comparison:
    """Return the truth and the results of one quantity at the frames that have a result."""

    def numbers(data: "xr.Dataset", name: str) -> tuple[float, ...]:
        return tuple(float(v) for v in data[name].sel(quantity.where).values)

    frames = tuple(int(k) for k in found["frame"].values)
    return Comparison(
        quantity=quantity,
        frames=frames,
        true=numbers(truth.sel(frame=list(frames)), quantity.variable),
        found=numbers(found, quantity.variable),
        sigma=numbers(found, f"{quantity.variable}_sigma"),
    )


def table(comparisons: list[Comparison], truth: "xr.Dataset") -> "Table":
    """Return first, middle and last frame of every quantity, and how far all frames are off."""
    from rich import box
    from rich.table import Table

    title = "Pt/C under a potential hold: true against found"
    out = Table(title=title, box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    out.add_column("quantity", no_wrap=True)
    for head in ("hours", "true", "found", "off by", ""):
        out.add_column(head, justify="right", no_wrap=True)
    for each in comparisons:
        count, digits = len(each.frames), each.quantity.digits
        for at in sorted({0, count // 2, count - 1}) if count else ():
            hours = float(truth["time"].sel(frame=each.frames[at])) / 3600.0
            out.add_row(
                each.quantity.text if at == 0 else "",
                f"{hours:.1f}",
                f"{each.true[at]:.{digits}f}",
                _with_error(each.found[at], each.sigma[at], digits),
                f"{each.pulls[at]:+.1f} σ",
                f"{100 * each.offsets[at]:+.3f} %",
            )
        rms = math.sqrt(sum(p * p for p in each.pulls) / count) if count else math.nan
        worst = f"≤ {100 * each.worst:.3f} %"
        out.add_row("", f"all {count}", "", "", f"rms {rms:.1f} σ", worst, style="dim")
        out.add_section()
    return out


def _with_error(value: float, sigma: float, digits: int) -> str:
    """Return a number with its standard error in units of the last decimal: 1.8665(3)."""
    if not (math.isfinite(value) and math.isfinite(sigma)):
        return "no number"
    return f"{value:.{digits}f}({max(1, round(sigma * 10**digits))})"
