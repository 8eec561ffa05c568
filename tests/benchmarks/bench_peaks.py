"""CPU time of `fit_peaks` by the number of peaks, and of `identify_phases` on mixtures.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_peaks.py

Simulated laboratory patterns; the first of each kind is not counted (compilation, tables).
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import xarray as xr

import xrdkit as xk
from xrdkit.phase import embedded_structure, powder_intensity

ANGLES = np.arange(10.0, 90.0, 0.02)


def peaks(count: int, sigma: float | None = None) -> xr.Dataset:
    """Return Lorentzian peaks at random places; `sigma`: errors stated, None: right ones."""
    random = np.random.default_rng(count)
    mean = np.full(ANGLES.size, 100.0)
    places, heights = random.uniform(12, 88, count), random.uniform(100, 5000, count)
    for place, height in zip(places, heights, strict=True):
        mean += height / (1 + ((ANGLES - place) / 0.06) ** 2)
    counts = random.poisson(mean).astype(float)
    stated = np.sqrt(mean) if sigma is None else np.full(ANGLES.size, sigma)
    return xk.pattern(ANGLES, counts, stated, wavelength=1.54)


def mixture(*names: str) -> xr.Dataset:
    """Return a mixture of equal volumes."""
    mean = np.full(ANGLES.size, 60.0)
    for name in names:
        one = powder_intensity(
            embedded_structure(name), ANGLES, wavelength=1.5406, fwhm=0.1, size=60.0
        )
        mean += 5e3 * one / one.max()
    counts = np.random.default_rng(1).poisson(mean).astype(float)
    return xk.pattern(ANGLES, counts, wavelength="CuKa1")


def seconds(call: Callable[[], object], times: int = 3) -> float:
    """Return the least CPU time of some calls."""
    found = []
    for _ in range(times):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return min(found)


def main() -> None:
    """Print both tables."""
    out = sys.stdout.write
    xk.fit_peaks(peaks(5))
    out("fit_peaks: peaks made, found, CPU s\n")
    for count, sigma in ((5, None), (20, None), (60, None), (150, None), (300, None), (20, 1e-12)):
        data = peaks(count, sigma)
        found = xk.fit_peaks(data)
        spent = seconds(lambda data=data: xk.fit_peaks(data), 1)
        out(f"{count:5d} {found.sizes['peak']:5d} {spent:7.2f}  errors {sigma or 'right'}\n")
    out("identify_phases among all embedded structures: CPU ms\n")
    for names in (("Al2O3",), ("Al2O3", "ZnO"), ("Al2O3", "ZnO", "CaF2"), ("Si", "rutile", "MgO")):
        data = mixture(*names)
        result = xk.identify_phases(data)
        there = result.candidate.values[result.found.values == 1]
        spent = 1e3 * seconds(lambda data=data: xk.identify_phases(data))
        out(f"{spent:6.1f}  {', '.join(names)}: {', '.join(there)}\n")


if __name__ == "__main__":
    main()
