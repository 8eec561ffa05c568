"""Any monodisperse form factor of sasmodels, as a shape.

sasmodels (https://www.sasview.org/sasmodels) computes in ångström and 1e-6/Å² (= 1e10/cm²) and
returns 1/cm per volume fraction of what it calls the volume of the particle: that of the shell of
what is hollow. Its own polydispersity, resolution, background (0.001 by default) and default values
are not used: sizes are summed over our lattice, which is as fine as the ripples of the model need,
and every parameter has to be stated. Derivatives are differences.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np

from xrdkit.errors import SpecError
from xrdkit.saxs.shapes.lattice import Array, Lattice
from xrdkit.saxs.shapes.shape import Shape, ShapeParameter, Values
from xrdkit.saxs.shapes.sphere import sphere_volume

_PER_NM = 10.0
_NUDGE = 1e-5
#: Phase of the ripples cos 2qR from node to node that is resolved.
_PHASE = 1.7
_FINEST = 11
_MOST = 1e6
#: qR at which the radius of gyration is read off.
_SMALL_X = 0.03
_LENGTH, _DENSITY = "Ang", "1e-6/Ang^2"
_CONTRAST = frozenset({"sld", "sld_solvent"})


@dataclass(frozen=True, kw_only=True)
class SasmodelsShape(Shape):
    """A form factor of sasmodels (the extra ``saxs`` of this package).

    Models of one particle and one solvent density (``sld``, ``sld_solvent``) that are not stated
    follow the contrast of the spec, as other shapes do; else all densities are stated.
    """

    lowest_power: ClassVar[int] = -3

    name: Literal["sasmodels"] = "sasmodels"
    """Name of the shape."""
    model: str
    """Name of the model, such as ``"ellipsoid"``."""
    radius: str | None = None
    """Name of the length that is distributed; None: the first length of the model."""
    values: tuple[tuple[str, float], ...] | Mapping[str, float] = ()
    """The other parameters, by name: lengths in nm, scattering length densities in 1e10/cm²."""
    fit: tuple[str, ...] = ()
    """Names of those that are fitted, from these values."""

    def __post_init__(self) -> None:
        pairs = self.values.items() if isinstance(self.values, Mapping) else self.values
        stated = tuple(sorted((str(name), float(value)) for name, value in pairs))
        object.__setattr__(self, "values", stated)
        object.__setattr__(self, "fit", tuple(self.fit))
        known = _parameters(self.model)
        lengths = [n for n, (units, kind) in known.items() if units == _LENGTH and kind == "volume"]
        if not lengths:
            raise SpecError(f"sasmodels {self.model} has no length that could be distributed")
        if self.radius is not None and self.radius not in lengths:
            raise SpecError(f"radius {self.radius!r} is no length of sasmodels {self.model}")
        names = [name for name, _ in stated]
        wrong = sorted((set(names) - set(known)) | ({self._radius} & set(names)))
        if wrong:
            raise SpecError(f"sasmodels {self.model}: {', '.join(wrong)} cannot be stated")
        missing = sorted(set(known) - set(names) - {self._radius})
        if not self.own_contrast:
            missing = [name for name in missing if name not in _CONTRAST]
        if missing:
            raise SpecError(
                f"sasmodels {self.model} needs {', '.join(missing)}",
                hint="values={name: value}, lengths in nm, densities in 1e10/cm²",
            )
        if not set(self.fit) <= set(names):
            raise SpecError(f"fit of sasmodels {self.model} names what has no value")
        if not all(math.isfinite(value) for _, value in stated):
            raise SpecError(f"a value of sasmodels {self.model} is not finite")
        volumes = self.volume(np.array([1.0, 2.0]), dict(stated)) * np.array([1.0, 8.0])
        if not volumes[1] > volumes[0]:
            raise SpecError(f"sasmodels {self.model} has no volume that grows with {self._radius}")

    @property
    def label(self) -> str:
        """Name of the model."""
        return f"sasmodels:{self.model}"

    @property
    def own_contrast(self) -> bool:
        """Whether densities are stated, or there are more than two."""
        densities = {n for n, (units, _) in _parameters(self.model).items() if units == _DENSITY}
        return densities != _CONTRAST or bool(_CONTRAST & {name for name, _ in self._stated})

    @property
    def _stated(self) -> tuple[tuple[str, float], ...]:
        return self.values if isinstance(self.values, tuple) else tuple(self.values.items())

    @property
    def _radius(self) -> str:
        if self.radius is not None:
            return self.radius
        known = _parameters(self.model)
        return next(n for n, (units, kind) in known.items() if (units, kind) == (_LENGTH, "volume"))

    @property
    def parameters(self) -> tuple[ShapeParameter, ...]:
        """All that was stated."""
        known = _parameters(self.model)
        found = []
        for name, value in self._stated:
            length = known[name][0] == _LENGTH
            found.append(
                ShapeParameter(
                    name=name,
                    units="nm" if length else {_DENSITY: "1e10/cm^2"}.get(known[name][0], "1"),
                    what=f"{name} of sasmodels {self.model}",
                    value=value,
                    free=name in self.fit,
                    low=0.0 if length else -_MOST,
                    high=_MOST,
                )
            )
        return tuple(found)

    def least_level(self, q: Array, radius: float) -> int:
        """Return the level of the lattice that resolves the ripples of R = `radius`."""
        need = 2.0 * float(q.max()) * radius / _PHASE
        return min(math.ceil(math.log2(max(need, 1.0))), _FINEST)

    def matrix(self, q: Array, lattice: Lattice, values: Values) -> Array:
        """Return G, shape (q, nodes)."""
        return self._per_volume(q, lattice.radius, values) * self.volume(lattice.radius, values)

    def slopes(
        self, q: Array, lattice: Lattice, weights: Array, values: Values
    ) -> tuple[Array, dict[str, Array]]:
        """Return Σ_j G_ij w_j and the derivatives of its first column, by differences."""
        first = np.ascontiguousarray(weights[:, 0])
        slopes = {}
        for name in self.free:
            step = _NUDGE * max(abs(values[name]), _NUDGE)
            up = self.matrix(q, lattice, {**values, name: values[name] + step})
            down = self.matrix(q, lattice, {**values, name: values[name] - step})
            slopes[name] = (up - down) @ first / (2.0 * step)
        return self.matrix(q, lattice, values) @ weights, slopes

    def reference_volume(self, radius: Array, values: Values) -> Array:
        """Return 4πR³/3, R the distributed length."""
        return sphere_volume(radius)

    def volume(self, radius: Array, values: Values) -> Array:
        """Return the volume that sasmodels divides by, over 4πR³/3."""
        kernel, call = _kernel(self.model, np.array([0.1]).tobytes())[0], _library()[3]
        found = [float(call(kernel, self._arguments(r, values))[3]) for r in radius]
        return np.array(found) / _PER_NM**3 / sphere_volume(radius)

    def square(self, radius: Array, values: Values) -> Array:
        """Return 1 for one contrast; NaN where there are several: the model does not tell it."""
        if self.own_contrast:
            return np.full_like(radius, np.nan)
        return self.volume(radius, values)

    def forward(self, radius: Array, values: Values) -> Array:
        """Return G at q = 0."""
        return self._guinier(radius, values)[0] * self.volume(radius, values)

    def gyration(self, radius: Array, values: Values) -> Array:
        """Return Rg² from how the model falls at small q."""
        return self._guinier(radius, values)[1]

    def surface(self, radius: Array, values: Values) -> Array:
        """Return NaN: the model does not tell it."""
        return np.full_like(radius, np.nan)

    def _guinier(self, radius: Array, values: Values) -> tuple[Array, Array]:
        # A parabola in q² through three small q; the particle may be longer than R is.
        size = np.cbrt(self.volume(radius, values) * radius**3) + radius
        size = size + max([v for n, v in values.items() if self._is_length(n)], default=0.0)
        forward, gyration = np.empty_like(radius), np.empty_like(radius)
        for j, r in enumerate(radius):
            q = _SMALL_X * np.array([1.0, 2.0, 3.0]) / size[j]
            log = np.log(self._per_volume(q, np.array([r]), values)[:, 0])
            bend = np.polynomial.polynomial.polyfit((q / q[0]) ** 2, log, 2)
            forward[j], gyration[j] = math.exp(bend[0]), -3.0 * bend[1] / q[0] ** 2
        return forward, gyration

    def _is_length(self, name: str) -> bool:
        return _parameters(self.model)[name][0] == _LENGTH

    def _per_volume(self, q: Array, radius: Array, values: Values) -> Array:
        kernel, call = _kernel(self.model, q.tobytes())[0], _library()[2]
        columns = [
            call(kernel, {**self._arguments(r, values), "scale": 1.0, "background": 0.0})
            for r in radius
        ]
        return np.stack(columns, axis=1)

    def _arguments(self, radius: float, values: Values) -> dict[str, float]:
        known = _parameters(self.model)
        found = {} if self.own_contrast else {"sld": 1.0, "sld_solvent": 0.0}
        for name, value in values.items():
            found[name] = value * (_PER_NM if known[name][0] == _LENGTH else 1.0)
        found[self._radius] = radius * _PER_NM
        return found


def _library() -> tuple[Any, Any, Any, Any]:
    """Return load_model_info, build_model, call_kernel and call_Fq of sasmodels."""
    try:
        from sasmodels.core import build_model, load_model_info
        from sasmodels.direct_model import call_Fq, call_kernel
    except ImportError as exc:
        raise SpecError(
            "shapes of sasmodels need sasmodels, which is not installed",
            hint="pip install 'xrdkit[saxs]'",
        ) from exc
    return load_model_info, build_model, call_kernel, call_Fq


@lru_cache(maxsize=32)
def _info(model: str) -> Any:
    if not model.isidentifier():
        raise SpecError(f"sasmodels {model!r} is no name of one model")
    load = _library()[0]
    try:
        info = load(model)
    except (ImportError, ValueError, AttributeError, OSError) as exc:
        raise SpecError(f"sasmodels has no model {model!r}") from exc
    if info.structure_factor:
        raise SpecError(f"sasmodels {model} is a structure factor, not a shape")
    if any(p.length > 1 or p.is_control for p in info.parameters.kernel_parameters):
        raise SpecError(f"sasmodels {model} has lists of parameters, which are not supported")
    return info


def _parameters(model: str) -> dict[str, tuple[str, str]]:
    """Return unit and kind of the parameters of a model that matter for turned particles."""
    return {
        p.name: (p.units, p.type)
        for p in _info(model).parameters.kernel_parameters
        if p.type not in ("orientation", "magnetic")
    }


@lru_cache(maxsize=8)
def _built(model: str) -> Any:
    build = _library()[1]
    try:
        return build(_info(model), dtype="double", platform="dll")
    except (RuntimeError, OSError, ValueError) as exc:
        raise SpecError(
            f"sasmodels {model} could not be compiled: {exc}", hint="a C compiler is needed"
        ) from exc


@lru_cache(maxsize=64)
def _kernel(model: str, content: bytes) -> tuple[Any]:
    q = np.frombuffer(content, dtype=np.float64) / _PER_NM
    return (_built(model).make_kernel([np.ascontiguousarray(q)]),)
