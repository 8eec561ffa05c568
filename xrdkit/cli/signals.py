"""SIGINT and SIGTERM: stop soon, leave everything fit to be continued, say so by the exit code."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(BaseException):
    """A signal asks to stop. No `Exception`, so that no handler of failures takes it for one."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class Stop:
    """Remembers a signal, since an exception raised within a callback of C code can get lost."""

    def __init__(self) -> None:
        self._number: int | None = None

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Note the signal and raise Interrupted; a second signal ends the process at once."""
        self._number = number
        signal.signal(number, signal.SIG_DFL)
        raise Interrupted(number)

    def check(self) -> None:
        """Raise Interrupted where a signal has come."""
        if self._number is not None:
            raise Interrupted(self._number)


@contextmanager
def interruptible() -> Iterator[Stop]:
    """Turn SIGINT and SIGTERM into `Interrupted` within the block."""
    stop = Stop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop.receive) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
