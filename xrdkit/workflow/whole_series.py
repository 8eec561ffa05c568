"""Refinements that need a whole series at once: parameters on curves over its frames."""

from pathlib import Path

import xarray as xr

from xrdkit import schema
from xrdkit.atomic import write_file
from xrdkit.canonical import canonical_json, sha256_value
from xrdkit.errors import SpecError
from xrdkit.store import load, save
from xrdkit.workflow.blocks import code_sha256
from xrdkit.workflow.inputs import Inputs
from xrdkit.workflow.outcome import Done, Outcome, Skipped
from xrdkit.workflow.parts import FOLDER
from xrdkit.workflow.recipe import DetectorRecipe
from xrdkit.workflow.remembered import read_record, sha256_of
from xrdkit.workflow.station import verb_of


def refined(
    into: Path, detector: DetectorRecipe, inputs: Inputs, profile: Outcome | None
) -> Outcome | None:
    """Return the outcome of refining the joined profiles of a detector; None without any.

    Blocks cut a series, and a curve goes through all of it. Raises what `refine_phases` raises.
    """
    label, table = detector.label, detector.refine_phases
    path = into / f"{label}.phases.nc"
    if not isinstance(profile, Done | Skipped) or profile.path is None or table is None:
        path.unlink(missing_ok=True)
        return None
    remembered = into / FOLDER / f"merged-{label}-phases.json"
    settings = [
        table.model_dump(exclude={"phases"}),
        inputs.resolution,
        [structure.name for structure in inputs.phases],
        {name: digest for name, digest in inputs.identity.items() if name.startswith("phase ")},
        code_sha256(),
    ]
    record = {"profile": profile.digest, "settings": sha256_value(settings)}
    known = read_record(remembered)
    same = {name: known.get(name) for name in record} == record
    if same and known.get("file_sha256") == sha256_of(path):
        digest = str(known.get("content_sha256"))
        return Skipped("was there already", path, digest, label, "phases", profile.frames)
    path.unlink(missing_ok=True)
    result = verb_of("phases", detector, inputs)(load(profile.path))
    stored = save(result, path, overwrite=True)
    more = {"file_sha256": stored.file_sha256, "content_sha256": stored.content_sha256}
    write_file(remembered, canonical_json({**record, **more}).encode(), overwrite=True)
    return Done(path, stored.content_sha256, label, "phases", profile.frames)


def check_curves(inputs: Inputs, frames: xr.Dataset) -> None:
    """Raise SpecError where a curve goes over a coordinate that `frames` will not have."""
    ties = () if inputs.refinement is None else inputs.refinement.parametric
    own = [str(n) for n, c in frames.coords.items() if c.dims == (schema.FRAME,)]
    known = [*dict.fromkeys([*own, *inputs.coordinates])]
    for tie in ties:
        if tie.along not in known:
            raise SpecError(
                f"{tie.parameter}: no coordinate {tie.along!r} on the frames",
                hint=f"known are {', '.join(known)}; the key coordinates takes a CSV file",
            )
