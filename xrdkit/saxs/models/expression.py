"""Ties between parameters: a small arithmetic with derivatives, and nothing else.

``sum = term (("+" | "-") term)*``, ``term = sign (("*" | "/") sign)*``, ``sign = ("-" | "+") sign |
power``, ``power = atom ("**" sign)?``, ``atom = number | name | function "(" sum ")" | "(" sum
")"``; names are ``component.parameter``, functions sqrt, exp and log. There is no other syntax, so
that a recipe cannot name code. Derivatives are carried along with the values.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from xrdkit.errors import SpecError

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)|(?P<mark>\*\*|[-+*/()]))"
)
_LONGEST = 300
_DEEPEST = 30


@dataclass(frozen=True)
class Dual:
    """A value with its derivatives by the names in it."""

    value: float
    """The value."""
    slopes: dict[str, float]
    """Derivatives by name; absent: 0."""

    def chain(self, value: float, slope: float) -> "Dual":
        """Return f of it, f = `value` and f' = `slope` there."""
        return Dual(value, {name: slope * by for name, by in self.slopes.items()})


Node = Callable[[Mapping[str, float]], Dual]


@dataclass(frozen=True)
class Expression:
    """A parsed tie."""

    text: str
    """What was written."""
    names: tuple[str, ...]
    """Names in it, in order of appearance."""
    node: Node
    """Computes it."""

    def at(self, values: Mapping[str, float]) -> Dual:
        """Return value and derivatives; NaN where the arithmetic has no answer."""
        try:
            return self.node(values)
        except (ZeroDivisionError, OverflowError, ValueError):
            return Dual(math.nan, dict.fromkeys(self.names, math.nan))


def parse(text: str) -> Expression:
    """Return the expression that `text` says; raise SpecError where it is none."""
    if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST:
        raise SpecError(f"a tie is a text of 1 to {_LONGEST} characters, not {text!r:.60}")
    return _Parser(text).run()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        self.names: dict[str, None] = {}
        at = 0
        stripped = text.rstrip()
        while at < len(stripped):
            found = _TOKEN.match(stripped, at)
            if found is None:
                raise SpecError(f"tie {text!r}: {stripped[at:].strip()[:20]!r} is no arithmetic")
            kind = found.lastgroup or ""
            self.tokens.append((kind, found.group(kind)))
            at = found.end()
        self.at = self.depth = 0

    def run(self) -> Expression:
        node = self._sum()
        if self.at < len(self.tokens):
            raise SpecError(f"tie {self.text!r}: {self.tokens[self.at][1]!r} is one too many")
        return Expression(self.text, tuple(self.names), node)

    def _take(self, *marks: str) -> str | None:
        if self.at < len(self.tokens) and self.tokens[self.at] in [("mark", m) for m in marks]:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def _sum(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise SpecError(f"tie {self.text!r} is nested too deep")
        node = self._term()
        while mark := self._take("+", "-"):
            node = _both(node, self._term(), _plus if mark == "+" else _minus)
        self.depth -= 1
        return node

    def _term(self) -> Node:
        node = self._sign()
        while mark := self._take("*", "/"):
            node = _both(node, self._sign(), _times if mark == "*" else _over)
        return node

    def _sign(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise SpecError(f"tie {self.text!r} is nested too deep")
        if mark := self._take("-", "+"):
            inner = self._sign()
            node = inner if mark == "+" else _both(_number(0.0), inner, _minus)
        else:
            node = self._atom()
            if self._take("**"):
                node = _both(node, self._sign(), _power)
        self.depth -= 1
        return node

    def _atom(self) -> Node:
        if self._take("("):
            return self._closed()
        if self.at == len(self.tokens):
            raise SpecError(f"tie {self.text!r} ends too early")
        kind, word = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return _number(float(word))
        if kind == "mark":
            raise SpecError(f"tie {self.text!r}: {word!r} is out of place")
        if self._take("("):
            if word not in _FUNCTIONS:
                raise SpecError(
                    f"tie {self.text!r}: there is no function {word!r}",
                    hint=f"known: {', '.join(_FUNCTIONS)}",
                )
            inner, function = self._closed(), _FUNCTIONS[word]
            return lambda values: function(inner(values))
        self.names[word] = None
        return lambda values: Dual(values[word], {word: 1.0})

    def _closed(self) -> Node:
        node = self._sum()
        if not self._take(")"):
            raise SpecError(f"tie {self.text!r}: a bracket is not closed")
        return node


def _number(value: float) -> Node:
    return lambda values: Dual(value, {})


def _both(first: Node, second: Node, how: Callable[[Dual, Dual], Dual]) -> Node:
    return lambda values: how(first(values), second(values))


def _joined(value: float, a: Dual, by_a: float, b: Dual, by_b: float) -> Dual:
    slopes = {name: by_a * s for name, s in a.slopes.items()}
    for name, s in b.slopes.items():
        slopes[name] = slopes.get(name, 0.0) + by_b * s
    return Dual(value, slopes)


def _plus(a: Dual, b: Dual) -> Dual:
    return _joined(a.value + b.value, a, 1.0, b, 1.0)


def _minus(a: Dual, b: Dual) -> Dual:
    return _joined(a.value - b.value, a, 1.0, b, -1.0)


def _times(a: Dual, b: Dual) -> Dual:
    return _joined(a.value * b.value, a, b.value, b, a.value)


def _over(a: Dual, b: Dual) -> Dual:
    ratio = a.value / b.value
    return _joined(ratio, a, 1.0 / b.value, b, -ratio / b.value)


def _power(a: Dual, b: Dual) -> Dual:
    value = math.pow(a.value, b.value)
    by_a = b.value * math.pow(a.value, b.value - 1.0) if a.slopes else 0.0
    by_b = value * math.log(a.value) if b.slopes else 0.0
    return _joined(value, a, by_a, b, by_b)


def _sqrt(a: Dual) -> Dual:
    root = math.sqrt(a.value)
    return a.chain(root, 0.5 / root)


def _exp(a: Dual) -> Dual:
    value = math.exp(a.value)
    return a.chain(value, value)


def _log(a: Dual) -> Dual:
    return a.chain(math.log(a.value), 1.0 / a.value)


_FUNCTIONS: dict[str, Callable[[Dual], Dual]] = {"sqrt": _sqrt, "exp": _exp, "log": _log}
