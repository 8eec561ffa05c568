"""``xrdkit mask``: bad pixels and shadows of a detector, from its own frames."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xrdkit.cli.options import JsonOption

if TYPE_CHECKING:
    import xarray as xr

USAGE = 2
_PICTURE = ".png"


def mask(
    frames: Annotated[list[str], typer.Argument(help="Frame files of one detector, or a pattern.")],
    *,
    into: Annotated[Path, typer.Option(help="Mask to write; .edf and .tif keep the reasons.")],
    calibration: Annotated[
        Path | None, typer.Option(help="PONI file; with it beamstop and shadows are looked for.")
    ] = None,
    also: Annotated[
        list[Path],
        typer.Option("--mask", help="Mask file to start from, not 0 where left out. Repeatable."),
    ] = [],  # noqa: B006 - typer reads it and never changes it
    alpha: Annotated[
        float, typer.Option(help="Good pixels expected to be called bad by chance, 0 to 1.")
    ] = 1e-3,
    flip: Annotated[
        bool, typer.Option("--flip", help="Write the last row first (Dioptas, Fit2D).")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Find bad pixels, beamstop and shadows, and write one mask with the file's own.

    Exit code: 0 written, 2 for wrong usage or input.
    """
    from xrdkit.cli.messages import say_error
    from xrdkit.errors import XrdkitError

    try:
        fields = _written(frames, calibration, also, alpha, into, flip=flip)
    except XrdkitError as error:
        say_error(error)
        raise typer.Exit(USAGE) from error
    typer.echo(json.dumps(fields, allow_nan=False) if as_json else _as_text(fields))


def _written(
    names: list[str], poni: Path | None, also: list[Path], alpha: float, into: Path, *, flip: bool
) -> dict[str, Any]:
    """Write the mask and its picture; return what is printed."""
    from xrdkit.calibration import (
        find_bad_pixels,
        find_shadow,
        load_calibration,
        load_mask,
        save_mask,
        with_mask,
    )
    from xrdkit.frames import open_frames
    from xrdkit.masks import combine_masks, count_reasons

    frames = open_frames(names[0] if len(names) == 1 else names)
    shape = (frames.sizes["y"], frames.sizes["x"])
    if also:
        frames = with_mask(frames, *(load_mask(path, shape=shape) for path in also))
    bad = find_bad_pixels(frames, alpha=alpha)
    found = [_lasting(frames), bad]
    if poni is not None:
        # Hot pixels stand out of a shadow, dead ones are none.
        found.append(find_shadow(with_mask(frames, bad), load_calibration(poni)))
    together = combine_masks(*found)
    path = save_mask(together, into, flip=flip)
    notes = []
    if bad.attrs["frames"] == 1:
        notes.append("from one frame a hot pixel cannot be told from a zinger or a sharp spot")
    if poni is None:
        notes.append("without a calibration no beamstop or shadow is looked for")
    return {
        "mask": str(path),
        "picture": str(_pictured(frames, together, into)),
        "frames": int(bad.attrs["frames"]),
        "shape": list(shape),
        "pixels": count_reasons(together),
        "notes": notes,
    }


def _lasting(frames: "xr.Dataset") -> "xr.DataArray":
    """Return the reasons that a pixel has in every frame: the file's mask and no-data values."""
    import numpy as np

    from xrdkit.masks import as_mask, declared_sentinels, no_data_reasons

    shape = (frames.sizes["y"], frames.sizes["x"])
    lasting = np.full(shape, 0xFFFF, dtype=np.uint16)
    sentinels = declared_sentinels(frames["counts"].attrs)
    written = frames["written"].values if "written" in frames.coords else None
    for k in range(frames.sizes["frame"]):
        if written is None or written[k]:
            lasting &= no_data_reasons(np.asarray(frames["counts"][k].values), sentinels)
    if "mask" in frames:
        lasting |= np.asarray(frames["mask"].values, dtype=np.uint16)
    return as_mask(lasting)


def _pictured(frames: "xr.Dataset", mask: "xr.DataArray", into: Path) -> Path:
    """Draw the first frame with its mask beside the mask file; return the path."""
    from xrdkit.files import store_error
    from xrdkit.report.frame_figure import plot_frame

    written = frames["written"].values.tolist() if "written" in frames.coords else [True]
    path = into.with_name(into.name + _PICTURE)
    figure = plot_frame(frames, frame=written.index(True), mask=mask)
    try:
        figure.savefig(path, dpi=130)
    except OSError as exc:
        raise store_error(exc, path) from exc
    return path


def _as_text(fields: dict[str, Any]) -> str:
    rows, columns = fields["shape"]
    total = rows * columns
    lines = [f"{fields['frames']} frame(s) of {rows} x {columns} pixels"]
    lines += [
        f"{name.replace('_', ' '):<12}{number:>10}  {100 * number / total:.3g} %"
        for name, number in fields["pixels"].items()
    ]
    lines += [f"note        {note}" for note in fields["notes"]]
    lines += [f"written     {fields['mask']}", f"picture     {fields['picture']}"]
    return "\n".join(lines)
