import math

import pytest

from xrdkit.report.label import plain_text, power_of_ten, unit_text, with_unit
from xrdkit.report.measured import plain_number, quality_number, value_with_error


@pytest.mark.parametrize(
    ("value", "sigma", "text"),
    [
        (0.392312, 0.000123, "0.39231 ± 0.00012"),
        (3.14159, 0.0995, "3.14 ± 0.10"),
        (3.0, 0.999, "3.0 ± 1.0"),
        (12345.0, 230.0, "12340 ± 230"),
        (99.96, 0.12, "99.96 ± 0.12"),
        (-1.5, 0.25, "−1.50 ± 0.25"),
        (0.0, 0.0123, "0.000 ± 0.012"),
        (4.11e-4, 2.6e-6, "(4.110 ± 0.026) × 10⁻⁴"),
        (2.5e7, 3.1e5, "(2.500 ± 0.031) × 10⁷"),
        (1e-9, 5e-4, "(0.0 ± 5.0) × 10⁻⁴"),
        (5.0, 100.0, "0 ± 100"),
        (1.0, 0.0, "1 (fixed)"),
        (1.25, math.nan, "1.25 (no error)"),
        (1.25, math.inf, "1.25 (no error)"),
        (math.nan, 0.1, "–"),
        (math.inf, 0.1, "–"),
    ],
)
def test_two_digits_of_the_error(value, sigma, text):
    assert value_with_error(value, sigma) == text


def test_numbers_without_error():
    assert plain_number(1.54056) == "1.5406"
    assert plain_number(-3e-7) == "−3 × 10⁻⁷"
    assert plain_number(math.nan) == "–"
    assert quality_number(1.0) == "1.00"
    assert quality_number(1234.5) == "1.23 × 10³"
    assert quality_number(math.nan) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.01, "0.01"), (5000, "5000"), (1e4, "10⁴"), (5e4, "5·10⁴"), (1e-3, "10⁻³"), (0, "")],
)
def test_labels_of_log_axes(value, text):
    assert power_of_ten(value) == text


def test_units_in_print():
    assert unit_text("1/nm") == "nm⁻¹"
    assert unit_text("1") == ""
    assert unit_text("furlong") == "furlong"
    assert with_unit("q", "1/nm") == "q (nm⁻¹)"
    assert with_unit("GoF", "1") == "GoF"


def test_text_from_data_is_one_short_printable_line():
    assert plain_text("a\nb\x00c\u202e") == "a b c"
    assert len(plain_text("x" * 500)) == 48
