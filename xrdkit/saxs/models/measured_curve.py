"""A measured curve times a factor: the support of a catalyst, the solvent of an emulsion.

I(q) = a M(q), M interpolated between its points (linear in q). It was measured as the fitted curve
was, so bins and smearing of the instrument are in it already; its own errors, times a, are part of
those of the fit. Golden number: M = 2 at q = 1 and 4 at q = 2, a = 0.5: 1.5 at q = 1.5.
"""

from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from xrdkit.errors import SpecError
from xrdkit.saxs.models.component import Array, Component, Curve, Values
from xrdkit.saxs.quantity import Given, Quantity
from xrdkit.schema import PROFILE, validate


@dataclass(frozen=True, kw_only=True)
class MeasuredCurve(Component):
    """A curve of its own measurement, see `MeasuredCurve.of`."""

    kind = "measured_curve"
    measured = True

    q: tuple[float, ...] = field()
    """Its q, 1/nm, growing."""
    intensity: tuple[float, ...] = field()
    """Its intensity, in the unit of the fitted curve."""
    sigma: tuple[float, ...] | None = None
    """Standard error of `intensity`."""
    scale: Given = None
    """Factor a, no unit; at least 0."""

    def __post_init__(self) -> None:
        q, other = np.asarray(self.q), [self.intensity, *([self.sigma] if self.sigma else [])]
        if q.ndim != 1 or q.size < 2 or not np.all(np.diff(q) > 0) or not q[0] > 0:
            raise SpecError("q of a measured curve must be positive and growing, 2 points or more")
        for column in other:
            if np.shape(column) != q.shape or not np.all(np.isfinite(np.asarray(column))):
                raise SpecError("a measured curve needs a finite intensity (and sigma) at every q")
        super().__post_init__()

    @classmethod
    def of(
        cls, profile: xr.Dataset, *, name: str | None = None, scale: Given = None
    ) -> "MeasuredCurve":
        """Return a profile over q (PROFILE, one frame) as a component.

        Points without intensity are left out. Raises SchemaError for what is no profile, SpecError
        for several frames.
        """
        validate(profile, PROFILE)
        if profile["intensity"].dims != ("q",):
            raise SpecError(
                f"a measured curve is one over q, not over {profile['intensity'].dims}",
                hint="take one frame, or the average of several",
            )
        data = profile.sortby("q")
        good = np.isfinite(data["intensity"].values) & (data["q"].values > 0)
        if "sigma" in data:
            good &= np.isfinite(data["sigma"].values)
        columns = {
            key: tuple(float(v) for v in data[key].values[good])
            for key in ("q", "intensity", "sigma")
            if key in data
        }
        return cls(
            name=name,
            q=columns["q"],
            intensity=columns["intensity"],
            sigma=columns.get("sigma"),
            scale=scale,
        )

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """a."""
        return (SCALE,)

    def check(self, q: Array) -> None:
        """Raise SpecError where the curve does not reach all `q`."""
        if q.min() < self.q[0] * (1 - 1e-9) or q.max() > self.q[-1] * (1 + 1e-9):
            raise SpecError(
                f"the measured curve goes from q = {self.q[0]:.4g} to {self.q[-1]:.4g} 1/nm, the"
                f" fitted one from {q.min():.4g} to {q.max():.4g}",
                hint="fit the range that both have",
            )

    def curve(self, q: Array, values: Values) -> Curve:
        """Return the curve times a."""
        shape = np.interp(q, self.q, self.intensity)
        return Curve(values["scale"] * shape, {"scale": shape})

    def noise(self, q: Array, values: Values) -> Array | None:
        """Return the error of the curve times a."""
        if self.sigma is None:
            return None
        result: Array = values["scale"] * np.interp(q, self.q, self.sigma)
        return result


SCALE = Quantity(
    name="scale", unit="1", what="factor of the measured curve", low=0.0, amplitude=True
)
