"""Compilation of kernels, kept on disk where the machine allows it."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(*, fastmath: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that compiles a function with numba; the lock of Python is released.

    Machine code is cached beside the package or in the user's cache folder. Where neither can be
    written, as in a read-only installation run by a user without a home, it is compiled anew in
    each process. `fastmath` lets sums be reordered: not for sums whose bits must not change.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        try:
            return numba.njit(function, cache=True, nogil=True, fastmath=fastmath)
        except RuntimeError:
            # numba: "cannot cache function: no locator available"
            return numba.njit(function, nogil=True, fastmath=fastmath)

    return decorate
