"""Standards of absolute intensity: curves of known dΣ/dΩ, with the error of their certificate.

NIST SRM 3600, glassy carbon: "SRM 3600, Absolute Intensity Calibration Standard for Small-Angle
X-ray Scattering", certificate of 2016; A. J. Allen, F. Zhang, R. J. Kline, W. F. Guthrie & J.
Ilavsky, J. Appl. Cryst. 50 (2017) 462. The numbers are those of NIST's data file; they hold between
the first and the last of them and are never extrapolated.

The data file gives 1.14 % with every value. Table 1 of the certificate, which was at hand in the
constants of other software only, states a combined standard uncertainty of 2.58 % for every value
(expanded: 6.25 %, coverage factor 2.423). The larger of the two is taken. It is one error common
to the whole curve: it does not shrink with the number of points.
"""

from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from xrdkit import schema
from xrdkit.corrections.water import WATER_Q_MAX, WATER_RELATIVE_SIGMA, water_cross_section
from xrdkit.errors import SpecError
from xrdkit.uncertainty import ErrorModel, error_model

Array = NDArray[np.float64]

#: Thickness of SRM 3600 on its certificate, cm.
SRM3600_THICKNESS = 0.1055
#: Combined standard uncertainty on the certificate of SRM 3600, relative.
SRM3600_RELATIVE_SIGMA = 0.02579
#: Standard uncertainty in NIST's data file of SRM 3600, relative.
SRM3600_FILE_RELATIVE_SIGMA = 0.0114


@dataclass(frozen=True, kw_only=True)
class Standard:
    """A curve of known differential cross section per volume."""

    name: str
    """What it is called in results."""
    citation: str
    """Where its values come from."""
    q: Array = field(repr=False)
    """Scattering vectors, 1/nm, increasing; the curve holds between the first and the last."""
    cross_section: Array = field(repr=False)
    """dΣ/dΩ, 1/cm, positive."""
    relative_sigma: float
    """Relative standard error common to all points."""
    errors: ErrorModel | None = field(default=None, repr=False)
    """All other errors of the points, where they are known."""

    def __post_init__(self) -> None:
        q, level = np.asarray(self.q), np.asarray(self.cross_section)
        if q.ndim != 1 or q.size < 2 or q.shape != level.shape:
            raise SpecError(f"standard {self.name!r} needs at least two points of q and dΣ/dΩ")
        if not (np.all(np.isfinite(q)) and np.all(np.diff(q) > 0) and q[0] >= 0):
            raise SpecError(f"q of standard {self.name!r} is not finite, positive and increasing")
        if not np.all(np.isfinite(level) & (level > 0)):
            raise SpecError(f"dΣ/dΩ of standard {self.name!r} is not finite and positive")
        if not (np.isfinite(self.relative_sigma) and self.relative_sigma >= 0):
            raise SpecError(f"relative_sigma {self.relative_sigma} of {self.name!r} is not usable")

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest q that the standard holds for, 1/nm."""
        return float(self.q[0]), float(self.q[-1])

    def at(self, q: Array) -> Array:
        """Return dΣ/dΩ in 1/cm at `q` in 1/nm by monotone cubic interpolation.

        Raises SpecError where any of `q` lies outside `range`.
        """
        low, high = self.range
        outside = q[(q < low) | (q > high)]
        if outside.size:
            raise SpecError(
                f"q = {outside[0]:.6g} 1/nm lies outside {low:.6g} to {high:.6g} 1/nm, where "
                f"{self.name} is known ({low / 10:.6g} to {high / 10:.6g} 1/angstrom)",
                hint="a standard is never extrapolated: narrow the range",
            )
        return np.exp(PchipInterpolator(self.q, np.log(self.cross_section))(q))

    def weights(self, q: Array) -> Array:
        """Return how much each point of the standard adds to the value at `q`, shape (q, points).

        Of linear interpolation: through it errors of single points go.
        """
        right = np.clip(np.searchsorted(self.q, q), 1, self.q.size - 1)
        part = (q - self.q[right - 1]) / (self.q[right] - self.q[right - 1])
        out = np.zeros((q.size, self.q.size))
        row = np.arange(q.size)
        out[row, right - 1] = 1 - part
        out[row, right] = part
        return out


def srm3600(*, relative_sigma: float = SRM3600_RELATIVE_SIGMA) -> Standard:
    """Return NIST SRM 3600 (glassy carbon), certified from 0.0827568 to 2.47402 1/nm."""
    table = np.array(_SRM3600)
    return Standard(
        name="SRM3600",
        citation="NIST SRM 3600; Allen et al., J. Appl. Cryst. 50 (2017) 462",
        q=table[:, 0] * 10.0,
        cross_section=table[:, 1],
        relative_sigma=relative_sigma,
    )


def water_standard(temperature: float) -> Standard:
    """Return water at `temperature` in K: one level up to 3 1/nm."""
    return Standard(
        name="water",
        citation="ρ_e² r_e² kT κ_T; Orthaber et al., J. Appl. Cryst. 33 (2000) 218; Kell (1975)",
        q=np.array([0.0, WATER_Q_MAX]),
        cross_section=np.full(2, water_cross_section(temperature)),
        relative_sigma=WATER_RELATIVE_SIGMA,
    )


def measured_standard(curve: xr.Dataset, *, name: str = "curve") -> Standard:
    """Return a standard from a PROFILE Dataset over q in 1/cm with its errors.

    Raises SpecError where it is not on an absolute scale or has no ``sigma``.
    """
    schema.validate(curve, schema.PROFILE)
    if schema.radial_dim(curve) != "q":
        raise SpecError("the standard is a curve over q", hint="integrate with unit='q'")
    if curve["intensity"].attrs.get("units") != "1/cm":
        raise SpecError(
            f"the standard is in {curve['intensity'].attrs.get('units')!r}, not in 1/cm",
            hint='state its unit: profile(..., intensity_unit="1/cm")',
        )
    if curve.sizes.get(schema.FRAME, 1) != 1:
        raise SpecError(f"the standard is one curve, not {curve.sizes[schema.FRAME]} frames")
    model = error_model(curve)
    if model is None:
        raise SpecError("the standard has no 'sigma'", hint="its error is part of that of K")
    q = schema.mean_positions(curve)[0]
    level = np.asarray(curve["intensity"].values, dtype=np.float64).ravel()
    good = np.flatnonzero(np.isfinite(level) & np.isfinite(model.sigma) & (level > 0))
    order = good[np.argsort(q[good])]
    if order.size < 2:
        raise SpecError("the standard has fewer than two positive points with an error")
    single = np.zeros((1, order.size))
    single[0] = model.band[0, order]
    # Neighbours that share pixels are a matter of the fine structure of a measured curve.
    kept = model.band[:, order] if np.all(np.diff(order) == 1) else single
    return Standard(
        name=name,
        citation="a curve of the user",
        q=q[order],
        cross_section=level[order],
        relative_sigma=0.0,
        errors=ErrorModel(
            band=kept, common=model.common[:, order], common_sources=model.common_sources
        ),
    )


#: q in 1/angstrom, dΣ/dΩ in 1/cm.
# fmt: off
_SRM3600 = (
    (0.00827568, 34.933380),
    (0.00888450, 34.427156),
    (0.00954735, 34.042170),
    (0.01026900, 33.698553),
    (0.01105780, 33.352529),
    (0.01191830, 33.027533),
    (0.01286110, 32.665045),
    (0.01389340, 32.306665),
    (0.01502510, 31.970485),
    (0.01626850, 31.559099),
    (0.01763650, 31.183763),
    (0.01914320, 30.861805),
    (0.02080510, 30.514300),
    (0.02264220, 30.084982),
    (0.02467500, 29.690414),
    (0.02692890, 29.249965),
    (0.02943170, 28.889970),
    (0.03221560, 28.449341),
    (0.03531810, 28.065980),
    (0.03878270, 27.704965),
    (0.04265880, 27.331304),
    (0.04700390, 26.974065),
    (0.05188580, 26.676952),
    (0.05738140, 26.401158),
    (0.06358290, 26.177427),
    (0.07059620, 25.904683),
    (0.07854840, 25.528734),
    (0.08758630, 24.917743),
    (0.09788540, 23.946472),
    (0.10965500, 22.472101),
    (0.11431200, 21.777228),
    (0.11839500, 21.112938),
    (0.12262400, 20.401110),
    (0.12314200, 20.287060),
    (0.12700400, 19.685107),
    (0.13154000, 18.909809),
    (0.13623900, 18.089242),
    (0.13864300, 17.679572),
    (0.14110500, 17.264117),
    (0.14614500, 16.372848),
    (0.15136500, 15.458350),
    (0.15651300, 14.587700),
    (0.15677100, 14.563071),
    (0.16237100, 13.616671),
    (0.16817000, 12.668549),
    (0.17417700, 11.752287),
    (0.17718100, 11.311460),
    (0.18039800, 10.862157),
    (0.18684100, 9.961979),
    (0.19351500, 9.116906),
    (0.20042700, 8.325578),
    (0.20116500, 8.224897),
    (0.20758600, 7.541931),
    (0.21500000, 6.854391),
    (0.22267900, 6.216070),
    (0.22909500, 5.715911),
    (0.23063300, 5.582366),
    (0.23887100, 4.999113),
    (0.24740200, 4.463604),
)
# fmt: on
