"""SIGINT and SIGTERM: stop soon, leave everything fit to be continued, say so by the exit code.

Python runs a handler of signals wherever it happens to be, also within callbacks of C code and
finalizers, which lose an exception or, where a compiler asks for its cached code, bring the process
down. So `Interrupted` is raised in this package's own code alone: at once where that is running,
else when the next of its functions returns.
"""

import inspect
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

_OURS = str(Path(__file__).resolve().parents[1])


class Interrupted(BaseException):
    """A signal asks to stop. No `Exception`, so that no handler of failures takes it for one."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class Stop:
    """Remembers a signal until the code that runs can be interrupted."""

    def __init__(self) -> None:
        self._number: int | None = None

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Note the signal, raise Interrupted where that is safe, else wait for our own code.

        A second signal ends the process at once.
        """
        self._number = number
        signal.signal(number, signal.SIG_DFL)
        if _is_ours(frame):
            raise Interrupted(number)
        sys.setprofile(self._watch)

    def check(self) -> None:
        """Raise Interrupted where a signal has come."""
        if self._number is not None:
            sys.setprofile(None)
            raise Interrupted(self._number)

    def _watch(self, frame: FrameType, event: str, _argument: Any) -> None:
        # What a function does is then done; of a generator it may be half.
        generator = frame.f_code.co_flags & inspect.CO_GENERATOR
        if event == "return" and not generator and _is_ours(frame):
            self.check()


def _is_ours(frame: FrameType | None) -> bool:
    return (
        frame is not None
        and frame.f_code.co_filename.startswith(_OURS)
        and frame.f_code.co_filename != __file__
    )


@contextmanager
def interruptible() -> Iterator[Stop]:
    """Turn SIGINT and SIGTERM into `Interrupted` within the block."""
    stop = Stop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop.receive) for number in numbers}
    profiler = sys.getprofile()
    try:
        yield stop
    finally:
        sys.setprofile(profiler)
        for number, handler in before.items():
            signal.signal(number, handler)
