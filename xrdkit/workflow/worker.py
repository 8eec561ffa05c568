"""A worker process: ``python -P -m xrdkit.workflow.worker``, fed and read through its pipes.

A fresh interpreter, never a fork: a process forked after one integration can deadlock. It ends when
its input ends, so that no worker outlives its runner, however that was killed.
"""

import os
import queue
import signal
import sys
import threading

from xrdkit.workflow.bench import Bench
from xrdkit.workflow.messages import answer, read_order, read_task


def main() -> None:
    """Do the blocks that come on standard input and write their outcomes to standard output."""
    # The runner decides when to stop; a Ctrl-C goes to the whole group of processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Libraries that print must not break the conversation: their output goes to the log.
    answers = os.dup(1)
    os.dup2(2, 1)
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    bench = Bench(*read_order(lines.get()))
    while True:
        _send(answers, answer(bench.do(read_task(lines.get()))))


def _listen(lines: "queue.SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        lines.put(line)
    # The runner is gone or done. Files are written whole or not at all, so this is safe anywhere.
    os._exit(0)


def _send(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]


if __name__ == "__main__":
    main()
