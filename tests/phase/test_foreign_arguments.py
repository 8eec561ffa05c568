"""Whatever a caller hands over, the error is one of ours."""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import xrdkit as xk
from xrdkit.errors import XrdkitError
from xrdkit.phase import (
    Absorption,
    PhaseSpec,
    RefinementSpec,
    Roughness,
    embedded_spacings,
    embedded_structure,
    is_embedded,
    powder_intensity,
)

X = np.arange(20, 60, 0.1)
COUNTS = 100 + 1000 * np.exp(-(((X - 25) / 0.4) ** 2)) + 500 * np.exp(-(((X - 51.3) / 0.5) ** 2))
PROFILE = xk.pattern(X, np.round(COUNTS), wavelength=1.54)
PEAKS = xk.fit_peaks(PROFILE)
FOREIGN = {
    "number": 3,
    "nothing": None,
    "text": "abc",
    "list": [],
    "dict": {},
    "short": (1,),
    "nan": float("nan"),
    "list of nothing": [None],
    "object": object(),
    "array": np.array([1, 2]),
    "true": True,
    "negative": -1,
    "bytes": b"x",
}


def cell(**given: Any) -> object:
    known = {"group": "P -1", "name": "x", **dict.fromkeys("abc", 0.5)}
    known |= dict.fromkeys(("alpha", "beta", "gamma"), 90.0)
    return xk.unit_cell(**{**known, **given})


CALLS: dict[str, Callable[[Any], object]] = {
    "fit_peaks profile": xk.fit_peaks,
    "fit_peaks spec": lambda b: xk.fit_peaks(PROFILE, b),
    "baseline profile": xk.baseline,
    "baseline width": lambda b: xk.baseline(PROFILE, width=b),
    "baseline method": lambda b: xk.baseline(PROFILE, method=b),
    "size_strain peaks": xk.size_strain,
    "size_strain instrument": lambda b: xk.size_strain(PEAKS, instrument=b),
    "size_strain methods": lambda b: xk.size_strain(PEAKS, methods=b),
    "warren_averbach peaks": lambda b: xk.warren_averbach(b, [0, 1]),
    "warren_averbach orders": lambda b: xk.warren_averbach(PEAKS, b),
    "warren_averbach instrument": lambda b: xk.warren_averbach(PEAKS, [0, 1], instrument=b),
    "warren_averbach standard": lambda b: xk.warren_averbach(PEAKS, [0, 1], standard=b),
    "index_mesophase peaks": xk.index_mesophase,
    "index_mesophase lattices": lambda b: xk.index_mesophase(PEAKS, lattices=b),
    "index_mesophase tolerance": lambda b: xk.index_mesophase(PEAKS, tolerance=b),
    "identify candidates": lambda b: xk.identify_phases(PROFILE, b),
    "identify elements": lambda b: xk.identify_phases(PROFILE, ["Si"], elements=b),
    "identify room": lambda b: xk.identify_phases(PROFILE, ["Si"], cell_room=b),
    "identify spec": lambda b: xk.identify_phases(PROFILE, ["Si"], spec=b),
    "blank": lambda b: xk.refine_phases(PROFILE, ["Si"], blank=b),
    "embedded_structure": embedded_structure,
    "embedded_spacings": embedded_spacings,
    "is_embedded": is_embedded,
    "intensity structure": lambda b: powder_intensity(b, X, wavelength=1.54),
    "intensity angles": lambda b: powder_intensity("Si", b, wavelength=1.54),
    **{f"unit_cell {f}": lambda b, f=f: cell(**{f: b}) for f in ("group", "name", "a", "alpha")},
    **{
        f"PeakSpec {f}": lambda b, f=f: xk.PeakSpec(**{f: b})
        for f in xk.PeakSpec.__dataclass_fields__
    },
    **{
        f"PhaseSpec {f}": lambda b, f=f: PhaseSpec(**{"name": "Si", f: b})
        for f in PhaseSpec.__dataclass_fields__
    },
    **{
        f"Absorption {f}": lambda b, f=f: Absorption(**{"kind": "capillary", "amount": 1.0, f: b})
        for f in Absorption.__dataclass_fields__
    },
    **{
        f"Roughness {f}": lambda b, f=f: Roughness(**{"model": "suortti", "a": 0.5, "b": 0.5, f: b})
        for f in Roughness.__dataclass_fields__
    },
    **{
        f"RefinementSpec {f}": lambda b, f=f: RefinementSpec(**{f: b})
        for f in RefinementSpec.__dataclass_fields__
    },
}


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize("call", CALLS)
def test_arguments_of_another_kind_give_our_errors_or_a_result(call, what):
    with contextlib.suppress(XrdkitError):
        CALLS[call](FOREIGN[what])
