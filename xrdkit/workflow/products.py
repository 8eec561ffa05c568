"""The results of a whole run: parts joined, and the report."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from xrdkit.atomic import write_file
from xrdkit.canonical import canonical_json
from xrdkit.report import write_report
from xrdkit.store import load, save
from xrdkit.workflow.merge import join
from xrdkit.workflow.outcome import Done, Failed, Outcome, Skipped, failed
from xrdkit.workflow.parts import FOLDER, find_part, read_part
from xrdkit.workflow.plan import Plan
from xrdkit.workflow.quality import flagged_frames, judged, tell_flagged
from xrdkit.workflow.recipe import Recipe
from xrdkit.workflow.remembered import read_record, sha256_of
from xrdkit.workflow.series import open_all
from xrdkit.workflow.whole_series import refined

REPORT_NAME = "report.html"


def merge_products(into: Path, plan: Plan) -> Iterator[Outcome]:
    """Yield one outcome for each product of each detector, made from the parts that are there."""
    for detector in plan.recipe.detectors:
        label = detector.label
        profile: Outcome | None = None
        for product in detector.products:
            make = partial(_merged, into, plan, label, product)
            if product in detector.of_whole_series:
                make = partial(refined, into, detector, plan.inputs[label], profile)
            outcome = _tried(label, product, make)
            profile = outcome if product == "profile" else profile
            if outcome is not None:
                yield outcome
            if product == "profile" and detector.quality is not None:
                judge = partial(_judged, into, label, detector.quality.values, outcome)
                outcome = _tried(label, "quality", judge)
                if outcome is not None:
                    yield outcome


def _tried(label: str, product: str, make: Callable[[], Outcome | None]) -> Outcome | None:
    try:
        return make()
    except Exception as exc:
        return failed(exc, label=label, product=product)


def make_report(
    into: Path, plan: Plan, made: list[Outcome], failures: list[Failed]
) -> Iterator[Outcome]:
    """Yield the outcome of the report on the results in `made`."""
    results = [o for o in made if isinstance(o, Done | Skipped) and o.path is not None]
    path = into / REPORT_NAME
    listed = [(f.label, f.product, f.frame or 0, f) for f in failures]
    worst = [item[-1] for item in sorted(listed, key=lambda item: item[:3])]
    record: dict[str, Any] = {
        "results": [[o.label, o.product, o.digest] for o in results],
        "failures": [[f.label, f.product, f.frame, f.code, f.message] for f in worst],
        "recipe": _recipe_text(plan.recipe),
        "code": [block.keys["profile"] for block in plan.blocks],
    }
    remembered = into / FOLDER / "report.json"
    try:
        if not results:
            return
        digest = sha256_of(path)
        if digest and read_record(remembered) == {**record, "file_sha256": digest}:
            yield Skipped("was there already", path, digest, product="report")
            return
        datasets = {f"{o.label}.{o.product}": load(o.path) for o in results if o.path is not None}
        write_report(
            datasets,
            path,
            title=plan.recipe.title,
            frames={label: open_all(series) for label, series in plan.series.items()},
            calibrations={label: i.calibration for label, i in plan.inputs.items()},
            masks=_masks(plan),
            recipe_text=record["recipe"],
            failed=worst,
        )
        digest = sha256_of(path)
        text = canonical_json({**record, "file_sha256": digest})
        write_file(remembered, text.encode(), overwrite=True)
        yield Done(path, digest, product="report")
    except Exception as exc:
        yield failed(exc, label="", product="report")


def _merged(into: Path, plan: Plan, label: str, product: str) -> Outcome | None:
    """Return the outcome of joining the parts of one product; None where there is no part."""
    path = into / f"{label}.{product}.nc"
    remembered = into / FOLDER / f"merged-{label}-{product}.json"
    parts = [
        part
        for block in plan.blocks
        if block.label == label and (part := find_part(into, block, product)) and part.frames
    ]
    if not parts:
        # What an earlier run left must not be taken for a result of this one.
        path.unlink(missing_ok=True)
        return None
    record = {"parts": [part.file_sha256 for part in parts]}
    known = read_record(remembered)
    frames = sum(part.frames for part in parts)
    if known.get("parts") == record["parts"] and known.get("file_sha256") == sha256_of(path):
        digest = str(known.get("content_sha256"))
        return Skipped(
            "was there already", path, digest, label=label, product=product, frames=frames
        )
    stored = save(join([read_part(part) for part in parts]), path, overwrite=True)
    more = {"file_sha256": stored.file_sha256, "content_sha256": stored.content_sha256}
    write_file(remembered, canonical_json({**record, **more}).encode(), overwrite=True)
    return Done(path, stored.content_sha256, label=label, product=product, frames=frames)


def _judged(
    into: Path, label: str, values: dict[str, Any], profile: Outcome | None
) -> Outcome | None:
    """Return the outcome of testing the frames of a whole series; None where there is none.

    It is a matter of all blocks together, so it is made of the joined profiles.
    """
    path = into / f"{label}.quality.nc"
    if not isinstance(profile, Done | Skipped) or profile.path is None:
        path.unlink(missing_ok=True)
        return None
    remembered = into / FOLDER / f"merged-{label}-quality.json"
    record = {"profile": profile.digest, "quality": values}
    known = read_record(remembered)
    same = {name: known.get(name) for name in record} == record
    if same and known.get("file_sha256") == sha256_of(path):
        digest, flags = str(known.get("content_sha256")), known["flags"]
        reason, flagged = "was there already", _flagged(label, flags, profile.frames)
        return Skipped(reason, path, digest, label, "quality", profile.frames, flagged=flagged)
    path.unlink(missing_ok=True)
    data = judged(load(profile.path), values)
    flags = flagged_frames(data)
    stored = save(data, path, overwrite=True)
    more = {"file_sha256": stored.file_sha256, "content_sha256": stored.content_sha256}
    write_file(
        remembered, canonical_json({**record, **more, "flags": flags}).encode(), overwrite=True
    )
    flagged = _flagged(label, flags, profile.frames)
    return Done(path, stored.content_sha256, label, "quality", profile.frames, flagged=flagged)


def _flagged(label: str, flags: dict[str, list[int]] | None, frames: int) -> tuple[int, ...] | None:
    """Return the flagged frames of a series, after saying which they are."""
    if flags is None:
        return None
    tell_flagged(label, flags, frames)
    return tuple(sorted({frame for those in flags.values() for frame in those}))


def _masks(plan: Plan) -> dict[str, xr.DataArray]:
    out = {}
    for label, inputs in plan.inputs.items():
        mask = inputs.spec.mask
        if mask is not None:
            values = mask["mask"] if isinstance(mask, xr.Dataset) else mask
            out[label] = xr.DataArray(np.asarray(values), dims=("y", "x"))
    return out


def _recipe_text(recipe: Recipe) -> str:
    """Return the recipe for readers: only what was set, files by name."""
    values = recipe.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for detector in values["detectors"]:
        if isinstance(detector["calibration"], dict):
            table = detector["calibration"]
            for name in ("file", "store"):
                if name in table:
                    table[name] = Path(table[name]).name
        else:
            detector["calibration"] = Path(detector["calibration"]).name
        for name in ("mask", "dark", "flat", "background", "coordinates"):
            if name in detector:
                detector[name] = Path(detector[name]).name
        detector["frames"] = [Path(item).name for item in detector["frames"]]
        if "refine_phases" in detector:
            phases = detector["refine_phases"]["phases"]
            detector["refine_phases"]["phases"] = [Path(item).name for item in phases]
            if isinstance(detector["refine_phases"].get("instrument"), str):
                table = detector["refine_phases"]
                table["instrument"] = Path(table["instrument"]).name
    return json.dumps(values, indent=2, ensure_ascii=False)
