"""What the installed libraries do, and whether xrdkit is right on this machine."""

import math
import os
import platform
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xrdkit.provenance import package_version
from xrdkit.workflow.upstream import CHECKS, Check, pyfai_version

_LIBRARIES = (
    "numpy", "scipy", "xarray", "numba", "h5py", "hdf5plugin", "h5netcdf", "netCDF4", "fabio",
    "pyFAI", "lmfit", "gemmi", "xraydb", "pydantic", "matplotlib",
)  # fmt: skip
#: HDF5 filters that detector files are seen to use.
_CODECS = {
    "deflate": 1, "shuffle": 2, "lz4": 32004, "bitshuffle": 32008, "zstd": 32015, "blosc": 32001,
    "blosc2": 32026, "bzip2": 307, "zfp": 32013,
}  # fmt: skip
_THREAD_SETTINGS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The checks and the facts about the installation."""

    checks: tuple[Check, ...]
    """Known faults of pyFAI with what pyFAI and xrdkit give."""
    failed: dict[str, str]
    """Checks that could not be made, and why."""
    environment: dict[str, Any]
    """Versions, codecs, threads, cache; no name of a host, user or folder."""

    @property
    def right(self) -> bool:
        """Whether xrdkit gives the truth in every check."""
        return not self.failed and all(check.xrdkit_is_right for check in self.checks)

    def to_plain(self) -> dict[str, Any]:
        """Return everything as plain values for JSON."""
        return {
            "xrdkit": package_version(),
            "right": self.right,
            "pyfai": pyfai_version(),
            "checks": [
                {
                    **asdict(c),
                    "pyfai": None if math.isnan(c.pyfai) else c.pyfai,
                    "pyfai_is_right": c.pyfai_is_right,
                    "xrdkit_is_right": c.xrdkit_is_right,
                }
                for c in self.checks
            ],
            "failed": self.failed,
            "environment": self.environment,
        }


def diagnose() -> Diagnosis:
    """Run every check of `xrdkit.workflow.upstream` and look at the installation; a few seconds.

    A check that raises is reported, and counts as wrong.
    """
    checks: list[Check] = []
    failed: dict[str, str] = {}
    for check in CHECKS:
        try:
            checks.append(check())
        except Exception as exc:
            failed[check.__name__] = f"{type(exc).__name__}: {exc}"
    return Diagnosis(checks=tuple(checks), failed=failed, environment=environment())


def environment() -> dict[str, Any]:
    """Return what matters about Python, libraries and machine, without any name of a person."""
    import h5py
    import hdf5plugin  # noqa: F401 - registers its filters
    import numba

    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "libraries": {name: package_version(name) for name in _LIBRARIES},
        "hdf5": h5py.version.hdf5_version,
        "codecs": {name: bool(h5py.h5z.filter_avail(n)) for name, n in _CODECS.items()},
        "cores": os.cpu_count() or 1,
        "cores_usable": len(affinity(0)) if affinity else os.cpu_count() or 1,
        "threads_numba": int(numba.config.NUMBA_NUM_THREADS),
        "thread_settings": {k: os.environ[k] for k in _THREAD_SETTINGS if k in os.environ},
        "compiled_code_is_kept": _cache_is_kept(),
        "temporary_folder_is_writable": _can_write(Path(tempfile.gettempdir())),
    }


def _cache_is_kept() -> bool:
    """Return whether numba found a place for compiled kernels."""
    from xrdkit.integration import kernel

    stats = [getattr(item, "stats", None) for item in vars(kernel).values()]
    return any(getattr(item, "cache_path", None) for item in stats if item is not None)


def _can_write(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
