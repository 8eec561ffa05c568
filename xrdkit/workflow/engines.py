"""Ways to get blocks done: in this process, or in worker processes."""

import os
import selectors
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from xrdkit.errors import ComputeError, RecipeError
from xrdkit.workflow.bench import Bench, lost
from xrdkit.workflow.blocks import Block
from xrdkit.workflow.messages import order, read_answer, task
from xrdkit.workflow.outcome import Outcome
from xrdkit.workflow.refusal import nearest

Engine = Callable[[Bench, Sequence[Block], int], Iterator[tuple[Block, list[Outcome]]]]

LOG_NAME = "workers.log"
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def engine(name: str) -> Engine:
    """Return the engine called `name`; raise RecipeError where there is none."""
    if name not in ENGINES:
        raise RecipeError(f"no engine is called {name!r}", hint=nearest(name, ENGINES))
    return ENGINES[name]


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def local(
    bench: Bench, blocks: Sequence[Block], workers: int
) -> Iterator[tuple[Block, list[Outcome]]]:
    """Do the blocks here, one after another."""
    for block in blocks:
        yield block, bench.do(block)


def processes(
    bench: Bench, blocks: Sequence[Block], workers: int
) -> Iterator[tuple[Block, list[Outcome]]]:
    """Do the blocks in `workers` fresh processes that live for the whole run.

    Blocks are yielded as they are done. A worker that dies fails its block and is replaced.
    """
    waiting = deque(blocks)
    count = max(1, min(workers, len(waiting)))
    staff: dict[int, _Worker] = {}
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or staff:
                while waiting and len(staff) < count:
                    new = _Worker(bench, max(1, cores() // count))
                    staff[new.output] = new
                    selector.register(new.output, selectors.EVENT_READ)
                    new.give(waiting.popleft())
                for key, _ in selector.select():
                    worker = staff[key.fd]
                    block, outcomes = worker.hear()
                    if outcomes is not None:
                        if waiting and not worker.gone:
                            worker.give(waiting.popleft())
                        else:
                            worker.dismiss()
                    if worker.gone:
                        selector.unregister(key.fd)
                        staff.pop(key.fd).close()
                    if outcomes is not None:
                        yield block, outcomes
        finally:
            for worker in staff.values():
                worker.close()


class _Worker:
    """One worker process and the block it is at."""

    def __init__(self, bench: Bench, threads: int) -> None:
        environment = {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(threads))}
        with (bench.into / LOG_NAME).open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "xrdkit.workflow.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                process_group=0,
            )
        if self._process.stdin is None or self._process.stdout is None:
            raise ComputeError("a worker process has no pipes")
        self._input, self._answers = self._process.stdin, self._process.stdout
        self.output = self._answers.fileno()
        self.gone = False
        self._heard = b""
        self._block: Block | None = None
        self._log = bench.into / LOG_NAME
        self._say(order(bench.recipe, bench.into, bench.frames))

    def give(self, block: Block) -> None:
        """Give the worker its next block."""
        self._block = block
        self._say(task(block))

    def dismiss(self) -> None:
        """Tell the worker that there is nothing left to do."""
        self._block = None
        self.gone = True

    def hear(self) -> tuple[Block, list[Outcome] | None]:
        """Return the block and its outcomes, or None in their place while they are not all here."""
        piece = os.read(self.output, 2**20)
        self._heard += piece
        block = self._block
        if block is None:
            raise ComputeError("a worker spoke without being asked", source=self._log)
        if not piece:
            self.gone = True
            return block, lost(block, self._death())
        if not self._heard.endswith(b"\n"):
            return block, None
        line, self._heard = self._heard, b""
        return block, read_answer(line)

    def close(self) -> None:
        """End the process; what it writes it writes whole or not at all."""
        for pipe in (self._input, self._answers):
            _close(pipe.close)
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _say(self, line: bytes) -> None:
        try:
            self._input.write(line)
            self._input.flush()
        except BrokenPipeError:
            # The worker is dead; its closed output tells the same where the block is known.
            return

    def _death(self) -> ChildProcessError:
        status = self._process.wait()
        return ChildProcessError(f"the worker process ended with status {status}, see {self._log}")


def _close(call: Callable[[], None]) -> None:
    try:
        call()
    except OSError:
        # A pipe to a dead process cannot be flushed, and need not be.
        return


ENGINES: dict[str, Engine] = {"local": local, "processes": processes}
