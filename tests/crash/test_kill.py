"""Runs that are killed or stopped at random moments, and run again."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xrdkit.store import load, verify

pytestmark = pytest.mark.crash

RESULTS = ("saxs.profile.nc", "saxs.sizes.nc")


class Zygote:
    """Starts runs quickly, one at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, *arguments: object, after: float | None = None, number: int = 9) -> int:
        """Run to the end, or send signal `number` after a time in s; return the exit code."""
        self._process.stdin.write(json.dumps([str(a) for a in arguments]) + "\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        if after is not None:
            time.sleep(after)
            with contextlib.suppress(ProcessLookupError):  # it was done before
                os.kill(child, number)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """One for all tests."""
    one = Zygote()
    yield one
    one.close()


@pytest.fixture(scope="module")
def reference(
    zygote: Zygote, source: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, str], float]:
    """Digests of an undisturbed run, and how long it takes (once the kernels are compiled)."""
    took = 0.0
    for _ in range(2):
        into = tmp_path_factory.mktemp("reference")
        began = time.monotonic()
        assert zygote.run(*_arguments(source, into)) == 0
        took = time.monotonic() - began
    return {name: verify(into / name).file_sha256 for name in RESULTS}, took


def _arguments(source: Path, into: Path) -> tuple[object, ...]:
    return ("run", source / "saxs.toml", "--into", into, "--engine", "local")


def _nothing_is_torn(into: Path) -> None:
    for path in into.rglob("*.nc"):
        load(path)
    for path in [*into.rglob("*.json")]:
        json.loads(path.read_text())


@pytest.mark.timeout(400)
def test_killed_at_random_moments(
    zygote: Zygote, source: Path, tmp_path: Path, reference: tuple[dict[str, str], float]
) -> None:
    digests, took = reference
    moments = random.Random(20)
    killed = 0
    for k in range(60):
        into = tmp_path / str(k)
        after = took * moments.random()
        code = zygote.run(*_arguments(source, into), after=after)
        if code == 0:
            # The machine is quicker than when the reference ran: aim earlier.
            took = after
        killed += code == -signal.SIGKILL
        _nothing_is_torn(into)
        assert zygote.run(*_arguments(source, into)) == 0
        assert {name: verify(into / name).file_sha256 for name in RESULTS} == digests
        assert not list(into.rglob("*.partial"))
        shutil.rmtree(into)
        if killed == 10:
            break
    assert killed == 10


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_by_a_signal(
    zygote: Zygote,
    source: Path,
    tmp_path: Path,
    reference: tuple[dict[str, str], float],
    number: int,
) -> None:
    digests, took = reference
    stopped = 0
    for k in range(20):
        into = tmp_path / str(k)
        after = took * (stopped + 1) / 5
        code = zygote.run(*_arguments(source, into), after=after, number=number)
        _nothing_is_torn(into)
        # Before and after the run itself a signal ends the process the plain way.
        assert code in (128 + number, 0, -number)
        if code != 128 + number:
            took /= 2  # quicker than when the reference ran
            continue
        stopped += 1
        status = into / "status.json"
        if status.exists():
            assert json.loads(status.read_text())["state"] == "interrupted"
        if stopped == 3:
            break
    assert stopped == 3
    assert zygote.run(*_arguments(source, into)) == 0
    assert {n: verify(into / n).file_sha256 for n in RESULTS} == digests


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("waited in vain")


def _workers(of: int) -> list[int]:
    """Return the living worker processes whose parent was or is `of`, by their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            session = os.getsid(int(entry.name))
        except (OSError, ValueError):
            continue
        if b"xrdkit.workflow.worker" in command and session == of:
            found.append(int(entry.name))
    return found


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="lists processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_its_run(source: Path, tmp_path: Path, number: int) -> None:
    arguments = ["run", "saxs.toml", "--into", str(tmp_path), "--workers", "1"]
    with subprocess.Popen(
        [sys.executable, "-m", "xrdkit.cli", *arguments],
        cwd=source,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        _until(lambda: bool(_workers(run.pid)))
        run.send_signal(number)
        _, said = run.communicate(timeout=30)
    assert run.returncode == (-9 if number == signal.SIGKILL else 143)
    assert "Traceback" not in said
    _until(lambda: not _workers(run.pid))
    _nothing_is_torn(tmp_path)
