"""A signal stops our own code, never a callback of others that would lose or not survive it."""

import ctypes
import os
import signal
import sys

import pytest

from xrdkit.cli.signals import Interrupted, interruptible
from xrdkit.frames._files import open_regular
from xrdkit.saxs.kernel import sphere_amplitude

NUMBERS = [signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize("number", NUMBERS)
def test_foreign_callbacks_run_to_their_end(number):
    done = []

    @ctypes.CFUNCTYPE(None)
    def callback():
        signal.raise_signal(number)
        done.append("callback")

    class Dying:
        def __del__(self):
            callback()
            done.append("finalizer")

    def work():
        Dying()
        done.append("what called them")
        sphere_amplitude(1.0)
        done.append("never reached")

    with pytest.raises(Interrupted) as caught, interruptible():
        work()
    assert done == ["callback", "finalizer", "what called them"]
    assert caught.value.exit_code == 128 + number
    assert sys.getprofile() is None


@pytest.mark.parametrize("number", NUMBERS)
def test_clean_up_of_generators_runs(number, tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("x")
    opened = []

    def use():
        with open_regular(path) as descriptor:
            opened.append(descriptor)
            signal.raise_signal(number)
        sphere_amplitude(1.0)

    with pytest.raises(Interrupted), interruptible():
        use()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])


def test_a_pending_signal_is_seen_by_check():
    def work(stop):
        signal.raise_signal(signal.SIGTERM)
        stop.check()

    with pytest.raises(Interrupted), interruptible() as stop:
        work(stop)


def test_handlers_are_as_before():
    before = [signal.getsignal(n) for n in NUMBERS]
    with interruptible():
        signal.raise_signal(signal.SIGTERM)
    assert [signal.getsignal(n) for n in NUMBERS] == before
    assert sys.getprofile() is None
