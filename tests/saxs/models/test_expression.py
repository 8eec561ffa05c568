"""Ties: values, derivatives, and what is refused."""

import math

import pytest

from xrdkit.errors import SpecError
from xrdkit.saxs.models.expression import parse

VALUES = {"a.x": 3.0, "b.y": 0.5, "z": -2.0}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("-2 ** 2", -4.0),
        ("2 ** -1", 0.5),
        ("2 ** 3 ** 2", 512.0),
        ("8 / 4 / 2", 1.0),
        ("7 - 2 - 1", 4.0),
        ("1.5e-1 * 4", 0.6),
        ("--z", -2.0),
        ("a.x * b.y", 1.5),
        ("sqrt(a.x * 3)", 3.0),
        ("exp(log(a.x))", 3.0),
        ("a.x ** b.y", math.sqrt(3.0)),
    ],
)
def test_arithmetic(text, value):
    assert parse(text).at(VALUES).value == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize(
    "text",
    ["a.x * b.y + z", "a.x / b.y - z ** 2", "sqrt(a.x) * exp(b.y)", "a.x ** b.y", "log(a.x / b.y)"],
)
def test_derivatives_are_those_of_differences(text):
    expression = parse(text)
    slopes = expression.at(VALUES).slopes
    for name in expression.names:
        step = 1e-6
        up = expression.at({**VALUES, name: VALUES[name] + step}).value
        down = expression.at({**VALUES, name: VALUES[name] - step}).value
        assert slopes[name] == pytest.approx((up - down) / (2 * step), rel=1e-7)


@pytest.mark.parametrize("text", ["1 / (a.x - 3)", "log(z)", "sqrt(z)", "exp(a.x * 1000)"])
def test_what_has_no_answer_is_nan(text):
    assert math.isnan(parse(text).at(VALUES).value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "(1",
        "1)",
        "a.x b.y",
        "import os",
        "__import__('os')",
        "a.x.y",
        "open('x')",
        "a[0]",
        "lambda: 1",
        "1 if z else 2",
        "sin(a.x)",
        "(" * 40 + "1" + ")" * 40,
        "-" * 200 + "1",
        "1+" * 200 + "1",
        "x;y",
        "2 ^ 3",
    ],
)
def test_anything_but_arithmetic_is_refused(text):
    with pytest.raises(SpecError):
        parse(text)


def test_what_is_no_text_is_refused():
    with pytest.raises(SpecError, match="text"):
        parse(3)
