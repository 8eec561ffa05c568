"""A process with everything imported, that forks one ``xrdkit run`` after another.

Starting Python anew for each of many runs would take most of the time of the test. Nothing has been
computed in this process when it forks, so that the forked runs are as good as fresh ones.
"""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import xrdkit.workflow.products as products
from xrdkit.cli.main import main


def _report(results: Iterable[str], path: os.PathLike[str], **options: object) -> None:
    """Write something in place of the report, whose drawing has its own tests."""
    Path(path).write_text(str(sorted(results)))


def serve() -> None:
    """Fork a run for each line of arguments; answer with its process id, then its status."""
    products.write_report = _report
    for line in sys.stdin:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.dup2(2, 1)
            sys.argv = ["xrdkit", *json.loads(line)]
            code = 99
            try:
                main()
            except SystemExit as exc:
                code = exc.code or 0
            finally:
                os._exit(code)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
