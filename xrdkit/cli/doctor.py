"""``xrdkit doctor``."""

import json as jsonlib
import sys
from typing import TYPE_CHECKING

import typer

from xrdkit.cli.options import JsonOption

if TYPE_CHECKING:
    from xrdkit.workflow.doctor import Diagnosis

_WRONG = 1


def doctor(json: JsonOption = False) -> None:
    """Check xrdkit against known faults of pyFAI, and show the installation.

    Runs small synthetic frames (a few seconds). Exit codes: 0 xrdkit is right in every check,
    1 it is not. Nothing that is printed names a host, a user or a folder.
    """
    from xrdkit.workflow.doctor import diagnose

    found = diagnose()
    if json:
        sys.stdout.write(jsonlib.dumps(found.to_plain()) + "\n")
    else:
        _say(found)
    if not found.right:
        raise typer.Exit(_WRONG)


def _say(found: "Diagnosis") -> None:
    from xrdkit.provenance import package_version

    typer.echo(f"xrdkit {package_version()} beside pyFAI {package_version('pyFAI')}")
    for check in found.checks:
        ours = "right" if check.xrdkit_is_right else "WRONG"
        theirs = "right" if check.pyfai_is_right else "wrong"
        theirs = "could not be asked" if check.pyfai != check.pyfai else theirs
        typer.echo(f"  {check.title}")
        typer.echo(f"    {check.quantity}")
        typer.echo(
            f"    truth {check.truth:.6g}   xrdkit {check.xrdkit:.6g} ({ours})"
            f"   pyFAI {check.pyfai:.6g} ({theirs})"
        )
        typer.echo(f"    xrdkit: {check.way_round}")
    for name, reason in found.failed.items():
        typer.echo(f"  {name} could not be checked: {reason}")
    facts = found.environment
    codecs = [name for name, there in facts["codecs"].items() if there]
    missing = [name for name, there in facts["codecs"].items() if not there]
    typer.echo(f"python     {facts['python']} on {facts['system']}, HDF5 {facts['hdf5']}")
    typer.echo(f"libraries  {', '.join(f'{n} {v}' for n, v in facts['libraries'].items())}")
    absent = f"; missing: {', '.join(missing)}" if missing else ""
    typer.echo(f"codecs     {', '.join(codecs)}{absent}")
    settings = ", ".join(f"{k}={v}" for k, v in facts["thread_settings"].items()) or "none set"
    typer.echo(
        f"threads    {facts['cores_usable']} of {facts['cores']} cores, numba "
        f"{facts['threads_numba']}; {settings}"
    )
    kept = "is kept on disk" if facts["compiled_code_is_kept"] else "is made anew in each process"
    temporary = "is" if facts["temporary_folder_is_writable"] else "is NOT"
    typer.echo(f"cache      compiled code {kept}; the temporary folder {temporary} writable")
    typer.echo("xrdkit is right in every check" if found.right else "xrdkit is WRONG: see above")
