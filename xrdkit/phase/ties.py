"""Linear ties between parameters: how they are written, and what they make of the free ones.

A tie is an equation between sums of parameters times numbers, ``"Al2O3.strain = 2 * ZnO.strain"``
or ``"NMC.Li1.occupancy + NMC.Ni1.occupancy = 1"``. Of each equation the first free parameter is
given by the others; the fit sees these alone, and slopes, bounds and covariance follow by the chain
rule: y = M x + m, ∂/∂x = Mᵀ ∂/∂y, cov(y) = M cov(x) Mᵀ.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xrdkit.errors import SpecError

Array = NDArray[np.float64]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|'(?P<quoted>[^']+)'|(?P<name>[^\W\d][\w.]*)|(?P<sign>[-+*/()=]))"
)
#: Below this share of the largest a coefficient is rounding.
_ZERO = 1e-10
_DEEPEST = 50


@dataclass(frozen=True, kw_only=True)
class Equation:
    """Σ coefficient · parameter = constant."""

    text: str
    """As it was written."""
    coefficients: Mapping[str, float]
    """Of each parameter, in the order in which they were written."""
    constant: float
    """Right-hand side."""


@dataclass(frozen=True, kw_only=True)
class Dependence:
    """Which parameters the fit sees, and what gives the others: y = M x + m."""

    free: tuple[str, ...]
    """Those that the fit sees, x."""
    tied: tuple[str, ...]
    """Those that follow from them, y."""
    matrix: Array
    """M (tied, free)."""
    offset: Array
    """m (tied,)."""
    constant: Mapping[str, float]
    """Those that ties leave but one value."""

    def complete(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return `values` with the tied ones as they follow from the free ones."""
        if not (self.tied or self.constant):
            return dict(values)
        now = self.matrix @ np.array([values[n] for n in self.free]) + self.offset
        return {**values, **self.constant, **dict(zip(self.tied, now.tolist(), strict=True))}


def parse_tie(text: str) -> Equation:
    """Return the equation that `text` stands for, names as written.

    Sums and differences of names and numbers, products and quotients with numbers, brackets; one
    ``=``. A name of other characters than letters, digits, ``_`` and ``.`` stands in single quotes.
    Raises SpecError for anything else.
    """
    return _Reader(text).equation()


class _Reader:
    """Recursive descent; a value is ({name: coefficient}, constant)."""

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise SpecError(f"a tie is a text such as 'A.strain = 2 * B.strain', not {text!r}")
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._wrong(f"{text[at:].strip()[:20]!r} cannot be read")
            kind = found.lastgroup or ""
            self._tokens.append(("name" if kind == "quoted" else kind, found[kind]))
            at = found.end()
        self._at, self._depth = 0, 0

    def _wrong(self, why: str) -> SpecError:
        return SpecError(
            f"tie {self._text!r}: {why}",
            hint='a tie is linear: "A.strain = 2 * B.strain", "A.x.occupancy + A.y.occupancy = '
            '1"; names of unusual characters in single quotes',
        )

    def _next(self, *signs: str) -> str | None:
        """Take the next token where it is one of `signs`."""
        if self._at < len(self._tokens) and self._tokens[self._at] in [("sign", s) for s in signs]:
            self._at += 1
            return self._tokens[self._at - 1][1]
        return None

    def equation(self) -> Equation:
        left = self._sum()
        if self._next("=") is None:
            raise self._wrong("there is no '=' where one should be")
        right = self._sum()
        if self._at < len(self._tokens):
            raise self._wrong(f"{self._tokens[self._at][1]!r} is out of place")
        both = _added(left, right, -1.0)
        terms = {name: c for name, c in both[0].items() if c != 0.0}
        if not terms:
            raise self._wrong("it ties no parameter")
        if not np.all(np.isfinite([*terms.values(), both[1]])):
            raise self._wrong("a number is not finite")
        return Equation(text=self._text, coefficients=terms, constant=-both[1])

    def _sum(self) -> tuple[dict[str, float], float]:
        total = self._product()
        while (sign := self._next("+", "-")) is not None:
            total = _added(total, self._product(), 1.0 if sign == "+" else -1.0)
        return total

    def _product(self) -> tuple[dict[str, float], float]:
        value = self._factor()
        while (sign := self._next("*", "/")) is not None:
            other = self._factor()
            if sign == "/":
                if other[0] or other[1] == 0.0:
                    raise self._wrong("only a number other than 0 can be divided by")
                other = ({}, 1.0 / other[1])
            if value[0] and other[0]:
                raise self._wrong("a product of two parameters is not linear")
            terms, number = (value, other[1]) if value[0] else (other, value[1])
            value = ({name: c * number for name, c in terms[0].items()}, terms[1] * number)
        return value

    def _factor(self) -> tuple[dict[str, float], float]:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong("it is nested too deeply")
        try:
            sign = self._next("+", "-")
            if sign is not None:
                return _added(({}, 0.0), self._factor(), 1.0 if sign == "+" else -1.0)
            if self._next("(") is not None:
                value = self._sum()
                if self._next(")") is None:
                    raise self._wrong("a bracket is not closed")
                return value
            kind, token = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
            if kind not in ("name", "number"):
                raise self._wrong(f"{token!r} is out of place" if token else "it ends too soon")
            self._at += 1
            return ({token: 1.0}, 0.0) if kind == "name" else ({}, float(token))
        finally:
            self._depth -= 1


def _added(
    one: tuple[dict[str, float], float], other: tuple[dict[str, float], float], factor: float
) -> tuple[dict[str, float], float]:
    terms = dict(one[0])
    for name, value in other[0].items():
        terms[name] = terms.get(name, 0.0) + factor * value
    return terms, one[1] + factor * other[1]


def dependence(
    equations: Sequence[Equation],
    values: Mapping[str, float],
    free: Sequence[str],
    units: Mapping[str, float],
    *,
    last: Collection[str] = (),
    strict: bool = False,
) -> Dependence:
    """Solve the equations: each gives its first free parameter from the others.

    Parameters not `free` are as in `values`; those in `last` are given by others only where nothing
    else is left. `units` are natural sizes, for what counts as 0. With `strict`, raises SpecError
    for equations that contradict one another or what is held; else those are left out.
    """
    if not equations:
        return Dependence(
            free=tuple(free),
            tied=(),
            matrix=np.zeros((0, len(free))),
            offset=np.zeros(0),
            constant={},
        )
    place = {name: k for k, name in enumerate(free)}
    size = np.array([units[name] for name in free])
    done: dict[int, Array] = {}
    for equation in equations:
        row = np.zeros(len(free) + 1)
        row[-1], scale = equation.constant, abs(equation.constant)
        for name, c in equation.coefficients.items():
            if name in place:
                row[place[name]] += c * size[place[name]]
            else:
                row[-1] -= c * values[name]
            scale = max(scale, abs(c) * max(units[name], abs(values.get(name, 0.0))))
        first = [place[n] for n in equation.coefficients if n in place and n not in last]
        for pivot, known in done.items():
            row = row - row[pivot] * known
        order = [*first, *(k for k in range(len(free)) if free[k] not in last), *range(len(free))]
        solved = next((k for k in order if abs(row[k]) > _ZERO * scale), None)
        if solved is None:
            if strict and abs(row[-1]) > 1e-6 * scale:
                raise SpecError(
                    f"tie {equation.text!r} contradicts other ties or values that are held"
                )
            continue
        row = row / row[solved]
        row[:-1][np.abs(row[:-1]) < _ZERO] = 0.0
        done = {k: r - r[solved] * row for k, r in done.items()}
        done[solved] = row
    kept = [k for k in range(len(free)) if k not in done]
    constant = {free[k]: float(row[-1] * size[k]) for k, row in done.items() if not row[kept].any()}
    tied = [k for k in done if free[k] not in constant]
    return Dependence(
        free=tuple(free[k] for k in kept),
        tied=tuple(free[k] for k in tied),
        matrix=np.array([-done[k][kept] * size[k] / size[kept] for k in tied]).reshape(
            len(tied), len(kept)
        ),
        offset=np.array([done[k][-1] * size[k] for k in tied]),
        constant=constant,
    )
