"""What a run remembers of its results, so that what is there already is not made again."""

import json
from pathlib import Path
from typing import Any

from xrdkit.errors import StoreError
from xrdkit.files import file_sha256


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, empty where there is none; raise StoreError otherwise."""
    try:
        return file_sha256(path)
    except FileNotFoundError:
        return ""
    except OSError as exc:
        raise StoreError(f"cannot be read: {exc.strerror}", source=path) from exc


def read_record(path: Path) -> dict[str, Any]:
    """Return what a run remembered of a result; empty where that cannot be read."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}
