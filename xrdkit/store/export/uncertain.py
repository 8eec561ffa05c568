"""Numbers with their standard uncertainty in parentheses, 5.4115(2).

The uncertainty is in units of the last digit given, between 2 and 19 (the "rule of 19"): two digits
where they are at most 19, else one. Above 19 units it is a whole number, 1234(57).

Source: D. Schwarzenbach et al., Acta Cryst. A51 (1995) 565; IUCr Notes for Authors.
"""

import math

_MOST = 19


def with_uncertainty(value: float, sigma: float | None = None, *, missing: str = "") -> str:
    """Return `value` rounded as its standard uncertainty `sigma` tells, with that in parentheses.

    `missing` stands for a value that is not finite. Without a finite, positive `sigma` the value
    has six significant digits and nothing in parentheses.
    """
    if not math.isfinite(value):
        return missing
    if sigma is None or not (math.isfinite(sigma) and sigma > 0):
        return f"{value:.6g}"
    place = math.floor(math.log10(sigma)) - 1
    if round(sigma / 10.0**place) > _MOST:
        place += 1
    if place > 0:
        place = 0
    digits = round(sigma / 10.0**place)
    rounded = f"{value:.{-place}f}"
    if float(rounded) == 0:
        rounded = rounded.lstrip("-")
    return f"{rounded}({digits})"
