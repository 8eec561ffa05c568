"""A value with its standard error in print: two significant digits of the error."""

import math

from xrdkit.report.label import superscript

_MISSING = "–"


def value_with_error(value: float, sigma: float) -> str:
    """Return ``"0.39231 ± 0.00012"``, rounded at the second significant digit of `sigma`.

    Numbers from 1e6 up or below 1e-3 are written with a common power of ten. A missing value is
    a dash; a missing error is said in words; an error of zero belongs to a fixed parameter.
    """
    if not math.isfinite(value):
        return _MISSING
    if sigma == 0:
        return f"{plain_number(value)} (fixed)"
    if not (math.isfinite(sigma) and sigma > 0):
        return f"{plain_number(value)} (no error)"
    largest = max(abs(value), sigma)
    exponent = math.floor(math.log10(largest))
    if -3 <= exponent < 6:
        return _rounded(value, sigma)
    scale = 10.0**exponent
    return f"({_rounded(value / scale, sigma / scale)}) × 10{superscript(exponent)}"


def plain_number(value: float, digits: int = 5) -> str:
    """Return a number with `digits` significant digits, a dash where it is not finite."""
    if not math.isfinite(value):
        return _MISSING
    text = f"{value:.{digits}g}"
    if "e" not in text:
        return text.replace("-", "−")
    mantissa, exponent = text.split("e")
    return f"{mantissa} × 10{superscript(int(exponent))}".replace("-", "−")


def quality_number(value: float) -> str:
    """Return a measure of fit quality with two decimals, fewer where it is large."""
    if not math.isfinite(value):
        return _MISSING
    return f"{value:.2f}" if value < 100 else plain_number(value, 3)


def _rounded(value: float, sigma: float) -> str:
    place = int(f"{sigma:.1e}".split("e")[1]) - 1
    decimals = max(-place, 0)
    text = f"{round(value, -place):.{decimals}f} ± {round(sigma, -place):.{decimals}f}"
    return text.replace("-", "−")
